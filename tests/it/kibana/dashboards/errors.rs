//! What fails, and whose fault it is.

use super::super::model::Shape::{Bars, Search};
use super::super::model::{
    Bucket, Dashboard, GREY, LOGS, Metric, ORANGE, Panel, RED, Row, chart, count, panel, table, terms, tile,
};
use super::{
    API, CONTROLS, COUNT_4XX, COUNT_5XX, IS_FAILURE, REQUESTS, RESOURCE, ROUTE, STATUS, THROTTLED, kinds_of_api,
};

const IS_BLOCKED: &str = "aws.api_gateway.waf.response_code : \"WAF_BLOCK\"";
const HAS_INTEGRATION_ERROR: &str = "aws.api_gateway.integration.error : *";
const HAS_AUTHORIZER_ERROR: &str = "aws.api_gateway.authorizer.error : * \
    or aws.api_gateway.authorize.error : * or aws.api_gateway.authenticate.error : *";

const ERRORS: Metric = count("Errors");

pub(super) fn dashboard() -> Dashboard {
    Dashboard {
        name: "errors",
        title: "Errors",
        description: "What fails, and whose fault it is: the client's, the authorizer's, the firewall's or the integration's.",
        datasets: &[LOGS],
        controls: CONTROLS,
        opens_with: None,
        rows: vec![numbers(), over_time(), places(), causes(), integration_and_waf(), lines()],
    }
}

fn numbers() -> Row {
    Row(
        6,
        vec![
            tile(8, COUNT_4XX),
            tile(8, COUNT_5XX),
            tile(8, THROTTLED),
            tile(8, count("Integration errors").only(HAS_INTEGRATION_ERROR).colored(RED)),
            tile(8, count("Authorizer errors").only(HAS_AUTHORIZER_ERROR).colored(ORANGE)),
            tile(8, count("Blocked by WAF").only(IS_BLOCKED).colored(GREY)),
        ],
    )
}

/// Errors over time, by a field.
fn errors(width: u32, title: &'static str, query: &'static str, field: &'static str, label: &'static str) -> Panel {
    chart(Bars, width, title).query(query).by([terms(field, label)]).of([ERRORS])
}

fn over_time() -> Row {
    Row(
        12,
        vec![
            errors(18, "Errors by status", IS_FAILURE, STATUS, "Status"),
            errors(18, "Errors by response type", IS_FAILURE, "error.type", "Response type"),
            kinds_of_api(),
        ],
    )
}

fn places() -> Row {
    let by = |title, bucket: Bucket| {
        table(16, title, bucket).query(IS_FAILURE).of([ERRORS, COUNT_4XX, COUNT_5XX]).leading_to(&["clients"])
    };
    Row(
        14,
        vec![
            by("Errors by API", API),
            by("Errors by resource (REST)", RESOURCE),
            by("Errors by route (HTTP, WebSocket)", ROUTE),
        ],
    )
}

fn causes() -> Row {
    let of = |title, query, field, label| table(12, title, terms(field, label)).query(query).of([ERRORS]);
    Row(
        12,
        vec![
            of("Error response types", IS_FAILURE, "error.type", "Response type"),
            of("Integration status", IS_FAILURE, "aws.api_gateway.integration.status", "Status"),
            of("Authorizer errors by text", HAS_AUTHORIZER_ERROR, "aws.api_gateway.authorizer.error", "Error"),
            of("Blocked by WAF, by web ACL", IS_BLOCKED, "aws.api_gateway.waf.web_acl_arn", "Web ACL"),
        ],
    )
}

fn integration_and_waf() -> Row {
    let answers = terms("aws.api_gateway.waf.response_code", "Answer");
    Row(
        12,
        vec![
            errors(24, "Integration errors by status", HAS_INTEGRATION_ERROR, STATUS, "Status"),
            chart(Bars, 24, "Answers of WAF")
                .query("aws.api_gateway.waf.response_code : *")
                .by([answers])
                .of([REQUESTS]),
        ],
    )
}

fn lines() -> Row {
    Row(18, vec![panel(Search("failed-requests"), 48, "Last failed requests")])
}
