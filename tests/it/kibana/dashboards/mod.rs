//! The dashboards: everything that they show is described here, and nowhere else.

mod clients;
mod errors;
mod overview;
mod pipeline;
mod websocket;

use super::model::Shape::Donut;
use super::model::{
    Bucket, DEAD_LETTERS, Dashboard, LOGS, Metric, ORANGE, Of, Panel, RED, YELLOW, count, metric,
    panel, terms,
};

/// All of them, in the order in which the links stand.
pub(super) fn dashboards() -> [Dashboard; 5] {
    [
        overview::dashboard(),
        clients::dashboard(),
        errors::dashboard(),
        websocket::dashboard(),
        pipeline::dashboard(),
    ]
}

const STATUS: &str = "http.response.status_code";
const LATENCY: &str = "aws.api_gateway.response_latency";

/// A message of a WebSocket connection may have no status, and neither has a line whose format leaves it out.
const HAS_STATUS: &str = "http.response.status_code : *";
const IS_4XX: &str = "http.response.status_code >= 400 and http.response.status_code < 500";
const IS_5XX: &str = "http.response.status_code >= 500";
const IS_THROTTLED: &str = "http.response.status_code : 429";
const IS_FAILURE: &str = "aws.api_gateway.log_type : \"access\" and event.outcome : \"failure\"";

const REQUESTS: Metric = count("Requests");
const COUNT_4XX: Metric = count("4xx").only(IS_4XX).colored(ORANGE);
const COUNT_5XX: Metric = count("5xx").only(IS_5XX).colored(RED);
const THROTTLED: Metric = count("Throttled (429)").only(IS_THROTTLED).colored(YELLOW);
const SERVER_ERRORS: Metric = share("Server errors (5xx)", IS_5XX).colored(RED);

/// A share of what has a status.
const fn share(label: &'static str, filter: &'static str) -> Metric {
    metric(label, Of::Share(HAS_STATUS)).only(filter)
}

const API: Bucket = terms("aws.api_gateway.api_id", "API");
const RESOURCE: Bucket = terms("aws.api_gateway.resource_path", "Resource");
const ROUTE: Bucket = terms("aws.api_gateway.route_key", "Route");

/// What the dashboards of requests can be narrowed to.
const CONTROLS: &[(&str, &str)] = &[BY_KIND, BY_API, BY_STAGE, BY_RESOURCE, BY_ROUTE];
const BY_KIND: (&str, &str) = ("aws.api_gateway.api_type", "Kind of API");
const BY_API: (&str, &str) = ("aws.api_gateway.api_id", "API");
const BY_STAGE: (&str, &str) = ("aws.api_gateway.stage", "Stage");
const BY_RESOURCE: (&str, &str) = ("aws.api_gateway.resource_path", "Resource (REST)");
const BY_ROUTE: (&str, &str) = ("aws.api_gateway.route_key", "Route (HTTP, WebSocket)");

fn kinds_of_api() -> Panel {
    panel(Donut, 12, "Kinds of API")
        .by([terms("aws.api_gateway.api_type", "Kind of API")])
        .of([REQUESTS])
}

/// A saved search, which panels show as well.
pub(super) struct SavedSearch {
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    pub(super) dataset: &'static str,
    /// KQL.
    pub(super) query: &'static str,
    pub(super) columns: &'static [&'static str],
}

pub(super) const SEARCHES: [SavedSearch; 3] = [
    SavedSearch {
        name: "failed-requests",
        title: "Failed requests",
        dataset: LOGS,
        query: IS_FAILURE,
        columns: &[
            STATUS,
            "http.request.method",
            "url.path",
            "error.type",
            "error.message",
            "aws.api_gateway.integration.error",
            "aws.api_gateway.authorizer.error",
            LATENCY,
            "source.ip",
            "aws.api_gateway.request_id",
        ],
    },
    SavedSearch {
        name: "lines-not-parsed",
        title: "Lines not parsed or repaired",
        dataset: LOGS,
        query: "event.kind : \"pipeline_error\" or aws.api_gateway.repairs : *",
        columns: &[
            "error.message",
            "aws.api_gateway.repairs",
            "aws.cloudwatch.log_group",
            "event.original",
        ],
    },
    SavedSearch {
        name: "dead-letters",
        title: "Dead letters",
        dataset: DEAD_LETTERS,
        query: "",
        columns: &[
            "error.type",
            "error.message",
            "aws.api_gateway.dead_letter.data_stream",
            "aws.cloudwatch.log_group",
            "event.original",
        ],
    },
];
