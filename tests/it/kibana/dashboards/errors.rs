//! What fails, and whose fault it is.

use super::super::model::Shape::{Bars, Search};
use super::super::model::{
    Bucket, Dashboard, GREY, LOGS, Metric, ORANGE, Panel, RED, Row, all_terms, chart, count, panel,
    table, terms, tile,
};
use super::{
    API, CONTROLS, COUNT_4XX, COUNT_5XX, IS_FAILURE, REQUESTS, RESOURCE, ROUTE, STATUS, THROTTLED,
    kinds_of_api,
};

/// WebSocket APIs log no answer of WAF.
const IS_BLOCKED: &str =
    "aws.api_gateway.waf.response_code : \"WAF_BLOCK\" or error.type : \"WAF_FILTERED\"";
/// An integration that answers with a status of its own has no text of an error.
const HAS_INTEGRATION_ERROR: &str = "aws.api_gateway.integration.error : * \
    or aws.api_gateway.integration.status >= 500 \
    or error.type : \"INTEGRATION_FAILURE\" or error.type : \"INTEGRATION_TIMEOUT\"";
/// The texts are missing where the format has none of them, or the authorizer says nothing.
const HAS_AUTHORIZER_ERROR: &str = "aws.api_gateway.authorizer.error : * \
    or aws.api_gateway.authorize.error : * or aws.api_gateway.authenticate.error : * \
    or error.type : \"UNAUTHORIZED\" or error.type : \"ACCESS_DENIED\" \
    or error.type : \"EXPIRED_TOKEN\" or error.type : \"INVALID_SIGNATURE\" \
    or error.type : \"AUTHORIZER_FAILURE\" or error.type : \"AUTHORIZER_CONFIGURATION_ERROR\"";

const ERRORS: Metric = count("Errors");
const BY_STATUS: Bucket = all_terms(STATUS, "Status");
const RESPONSE_TYPE: Bucket = all_terms("error.type", "Response type");

pub(super) fn dashboard() -> Dashboard {
    Dashboard {
        name: "errors",
        title: "Errors",
        description: "What fails, and whose fault it is: the client's, the authorizer's, the firewall's or the integration's.",
        datasets: &[LOGS],
        controls: CONTROLS,
        opens_with: None,
        rows: vec![
            numbers(),
            over_time(),
            places(),
            causes(),
            integration_and_waf(),
            lines(),
        ],
    }
}

fn numbers() -> Row {
    Row(
        6,
        vec![
            tile(8, COUNT_4XX),
            tile(8, COUNT_5XX),
            tile(8, THROTTLED),
            tile(
                8,
                count("Integration errors")
                    .only(HAS_INTEGRATION_ERROR)
                    .colored(RED),
            ),
            tile(
                8,
                count("Authorizer errors")
                    .only(HAS_AUTHORIZER_ERROR)
                    .colored(ORANGE),
            ),
            tile(8, count("Blocked by WAF").only(IS_BLOCKED).colored(GREY)),
        ],
    )
}

/// Errors over time, by a field.
fn errors(width: u32, title: &'static str, query: &'static str, bucket: Bucket) -> Panel {
    chart(Bars, width, title)
        .query(query)
        .by([bucket])
        .of([ERRORS])
}

fn over_time() -> Row {
    Row(
        12,
        vec![
            errors(18, "Errors by status", IS_FAILURE, BY_STATUS),
            errors(18, "Errors by response type", IS_FAILURE, RESPONSE_TYPE),
            kinds_of_api(),
        ],
    )
}

fn places() -> Row {
    let by = |title, bucket: Bucket| {
        table(16, title, bucket)
            .query(IS_FAILURE)
            .of([ERRORS, COUNT_4XX, COUNT_5XX])
            .leading_to(&["clients"])
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
    let of = |title, query, bucket| table(12, title, bucket).query(query).of([ERRORS]);
    Row(
        12,
        vec![
            of("Error response types", IS_FAILURE, RESPONSE_TYPE),
            of(
                "Integration status",
                IS_FAILURE,
                all_terms("aws.api_gateway.integration.status", "Status"),
            ),
            of(
                "Authorizer errors by text",
                HAS_AUTHORIZER_ERROR,
                terms("aws.api_gateway.authorizer.error", "Error"),
            ),
            of(
                "Blocked by WAF, by web ACL",
                IS_BLOCKED,
                terms("aws.api_gateway.waf.web_acl_arn", "Web ACL"),
            ),
        ],
    )
}

fn integration_and_waf() -> Row {
    let answers = terms("aws.api_gateway.waf.response_code", "Answer");
    Row(
        12,
        vec![
            errors(
                24,
                "Integration errors by status",
                HAS_INTEGRATION_ERROR,
                BY_STATUS,
            ),
            chart(Bars, 24, "Answers of WAF")
                .query("aws.api_gateway.waf.response_code : *")
                .by([answers])
                .of([REQUESTS]),
        ],
    )
}

fn lines() -> Row {
    Row(
        18,
        vec![panel(Search("failed-requests"), 48, "Last failed requests")],
    )
}
