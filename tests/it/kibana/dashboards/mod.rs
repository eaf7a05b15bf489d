//! The dashboards. Everything that they show is described here and nowhere else.

mod clients;
mod errors;
mod overview;
mod pipeline;
mod websocket;

use super::model::Format::Percent;
use super::model::{
    BLUE, Bucket, DEAD_LETTERS, Dashboard, GREEN, LOGS, Metric, ORANGE, Of, RED, Steps, YELLOW,
    count, metric, terms,
};

/// All dashboards, in the order of their links.
pub(super) fn dashboards() -> [Dashboard; 5] {
    [
        overview::dashboard(),
        errors::dashboard(),
        clients::dashboard(),
        websocket::dashboard(),
        pipeline::dashboard(),
    ]
}

const STATUS: &str = "http.response.status_code";
const LATENCY: &str = "aws.api_gateway.response_latency";
const INTEGRATION_LATENCY: &str = "aws.api_gateway.integration.latency";

/// A message of a WebSocket connection may have no status, and so may a line whose format leaves it
/// out.
const HAS_STATUS: &str = "http.response.status_code : *";
const IS_AVAILABLE: &str = "http.response.status_code < 500";
const IS_4XX: &str = "http.response.status_code >= 400 and http.response.status_code < 500";
const IS_5XX: &str = "http.response.status_code >= 500";
const IS_THROTTLED: &str = "http.response.status_code : 429";
const IS_FAILURE: &str = "aws.api_gateway.log_type : \"access\" and event.outcome : \"failure\"";

/// Having no requests at all is the worst case.
const NONE_IS_BAD: Steps = Steps(&[(0.0, RED), (1.0, BLUE)]);
const NONE_IS_GOOD: Steps = Steps(&[(0.0, GREEN), (1.0, RED)]);
const NONE_IS_BETTER: Steps = Steps(&[(0.0, GREEN), (1.0, YELLOW)]);
const AVAILABILITY_IN_STEPS: Steps = Steps(&[(0.0, RED), (0.999, GREEN)]);
const SHARE_OF_5XX: Steps = Steps(&[(0.0, GREEN), (0.01, YELLOW), (0.05, RED)]);
/// An ordinary day of a public API has several in a hundred: requests before login, and scanners.
const SHARE_OF_4XX: Steps = Steps(&[(0.0, GREEN), (0.1, YELLOW), (0.25, ORANGE)]);
/// The last step is the threshold of the alerting rule.
const LATENCY_IN_STEPS: Steps = Steps(&[(0.0, GREEN), (500.0, YELLOW), (3_000.0, RED)]);

const REQUESTS: Metric = count("Requests");
const COUNT_4XX: Metric = count("4xx").only(IS_4XX).colored(ORANGE);
const COUNT_5XX: Metric = count("5xx").only(IS_5XX).colored(RED);
const THROTTLED: Metric = count("429").only(IS_THROTTLED).colored(YELLOW);
const AVAILABILITY: Metric = share("Availability", IS_AVAILABLE)
    .formatted(Percent(3))
    .in_steps(AVAILABILITY_IN_STEPS);
const SHARE_5XX: Metric = share("5xx %", IS_5XX).colored(RED).in_steps(SHARE_OF_5XX);
const SHARE_4XX: Metric = share("4xx %", IS_4XX)
    .colored(ORANGE)
    .in_steps(SHARE_OF_4XX);
const P95: Metric = metric("p95", Of::Percentile(LATENCY, 95))
    .colored(ORANGE)
    .in_steps(LATENCY_IN_STEPS);

/// A share of the documents that have a status.
const fn share(label: &'static str, filter: &'static str) -> Metric {
    metric(label, Of::Share(HAS_STATUS)).only(filter)
}

/// The API in lists and controls: its name if the documents have names, otherwise its id.
const API_FIELD: &str = "aws.api_gateway.api";
const ROUTE_FIELD: &str = "aws.api_gateway.route";

const ROUTE: Bucket = terms(ROUTE_FIELD, "Route");

/// Fields by which the dashboards of requests can be filtered.
const CONTROLS: &[(&str, &str)] = &[BY_KIND, BY_API, BY_STAGE, BY_ROUTE];
const BY_KIND: (&str, &str) = ("aws.api_gateway.api_type", "Kind");
const BY_API: (&str, &str) = (API_FIELD, "API");
const BY_STAGE: (&str, &str) = ("aws.api_gateway.stage", "Stage");
const BY_ROUTE: (&str, &str) = (ROUTE_FIELD, "Route");

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
            LATENCY,
            "source.ip",
            "aws.api_gateway.request_id",
        ],
    },
    SavedSearch {
        name: "lines-not-parsed",
        title: "Unparsed and repaired lines",
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
