//! The dashboard about errors: what fails, whose fault it is, who suffers, and whether the new
//! deployment caused it.

use super::super::model::Shape::{Bars, Search};
use super::super::model::{
    BLUE, Bucket, DARK_BLUE, DARK_RED, Dashboard, GREEN, GREY, LOGS, Metric, ORANGE, RED, Row,
    YELLOW, chart, count, panel, table, terms, tile,
};
use super::{
    API_FIELD, CONTROLS, COUNT_4XX, COUNT_5XX, IS_5XX, IS_FAILURE, IS_THROTTLED, NONE_IS_BETTER,
    NONE_IS_GOOD, P95, REQUESTS, ROUTE, SHARE_4XX, SHARE_5XX, THROTTLED,
};

/// WebSocket APIs log no answer of WAF.
const IS_BLOCKED: &str =
    "aws.api_gateway.waf.response_code : \"WAF_BLOCK\" or error.type : \"WAF_FILTERED\"";
/// An integration that answers with a status of its own has no error text.
const HAS_INTEGRATION_ERROR: &str = "aws.api_gateway.integration.error : * \
    or aws.api_gateway.integration.status >= 500 \
    or error.type : \"INTEGRATION_FAILURE\" or error.type : \"INTEGRATION_TIMEOUT\"";
/// The texts are missing if the format has none of them, or if the authorizer gives none.
const HAS_AUTHORIZER_ERROR: &str = "aws.api_gateway.authorizer.error : * \
    or aws.api_gateway.authorize.error : * or aws.api_gateway.authenticate.error : * \
    or error.type : \"UNAUTHORIZED\" or error.type : \"ACCESS_DENIED\" \
    or error.type : \"EXPIRED_TOKEN\" or error.type : \"INVALID_SIGNATURE\" \
    or error.type : \"AUTHORIZER_FAILURE\" or error.type : \"AUTHORIZER_CONFIGURATION_ERROR\"";

/// The parts of the server errors. Every request is in one of them.
const WAS_TOO_SLOW: &str =
    "http.response.status_code >= 500 and error.type : \"INTEGRATION_TIMEOUT\"";
/// An integration may answer with 200 and still fail, for example with a malformed answer. Then
/// only its error text says so.
const INTEGRATION_FAILED: &str = "http.response.status_code >= 500 \
    and not error.type : \"INTEGRATION_TIMEOUT\" \
    and (aws.api_gateway.integration.status >= 500 or aws.api_gateway.integration.error : * \
    or error.type : \"INTEGRATION_FAILURE\")";
const API_GATEWAY_FAILED: &str = "http.response.status_code >= 500 and error.type : * \
    and not (error.type : \"INTEGRATION_TIMEOUT\" or error.type : \"INTEGRATION_FAILURE\" \
    or aws.api_gateway.integration.status >= 500 or aws.api_gateway.integration.error : *)";
const CAUSE_IS_NOT_LOGGED: &str = "http.response.status_code >= 500 \
    and not (error.type : * or aws.api_gateway.integration.status >= 500 \
    or aws.api_gateway.integration.error : *)";

const ERRORS: Metric = count("Errors");

pub(super) fn dashboard() -> Dashboard {
    Dashboard {
        name: "errors",
        title: "Errors",
        description: "What fails, and whose fault is it? Who suffers, and did the new deployment cause it?",
        datasets: &[LOGS],
        controls: CONTROLS,
        opens_with: None,
        rows: vec![
            numbers(),
            over_time(),
            lines(),
            places(),
            causes(),
            deployments(),
            throttled(),
        ],
    }
}

fn numbers() -> Row {
    let integration = count("Integration errors")
        .only(HAS_INTEGRATION_ERROR)
        .in_steps(NONE_IS_GOOD);
    let authorizer = count("Authorizer errors").only(HAS_AUTHORIZER_ERROR);
    let blocked = count("Blocked by WAF").only(IS_BLOCKED);
    Row(
        5,
        vec![
            tile(8, COUNT_5XX.called("Server errors (5xx)").in_steps(NONE_IS_GOOD)).described("Responses with a status from 500 on. Worry about any: a client did its part and got nothing."),
            tile(8, integration).described(
                "Requests whose integration failed, answered with 500 or more, or was too slow. Worry about any. The log format needs integrationStatus, integrationErrorMessage or error.responseType.",
            ),
            tile(8, THROTTLED.called("Throttled (429)").in_steps(NONE_IS_BETTER)).described("Requests beyond the limits of a stage, an account or a usage plan. Worry when clients of yours are in the tables of throttled clients below."),
            tile(8, COUNT_4XX.called("Client errors (4xx)")).described("Responses with a status from 400 to 499. Clients make them every day: worry about a sudden rise."),
            tile(8, authorizer).described(
                "Requests that an authorizer turned away, or whose authorizer failed. Worry about a sudden rise. The log format needs authorizer.error or error.responseType.",
            ),
            tile(8, blocked).described("Requests that the web application firewall stopped. Worry when they come from clients of yours. The log format needs wafResponseCode or error.responseType."),
        ],
    )
}

fn over_time() -> Row {
    let part = |label, filter| count(label).only(filter);
    Row(
        12,
        vec![
            chart(Bars, 24, "Errors by status").query(IS_FAILURE).of([
                part("other 4xx", "http.response.status_code >= 400 and http.response.status_code < 500 and not http.response.status_code : 429").colored(ORANGE),
                THROTTLED,
                part("504", "http.response.status_code : 504").colored(DARK_RED),
                part("other 5xx", "http.response.status_code >= 500 and not http.response.status_code : 504").colored(RED),
            ])
            .described("Failed requests over time, by status. Worry about red, and about dark red: 504 is an integration that does not answer in time."),
            chart(Bars, 24, "Server errors: the integration or API Gateway")
                .query(IS_5XX)
                .of([
                    part("the integration", INTEGRATION_FAILED).colored(BLUE),
                    part("the integration, too slow", WAS_TOO_SLOW).colored(DARK_BLUE),
                    part("API Gateway", API_GATEWAY_FAILED).colored(ORANGE),
                    part("not logged", CAUSE_IS_NOT_LOGGED).colored(GREY),
                ])
                .described("Whose fault the server errors are. Worry about orange: API Gateway or its settings. Without integrationStatus, integrationErrorMessage and error.responseType in the log format, all are grey."),
        ],
    )
}

fn lines() -> Row {
    Row(
        18,
        vec![panel(
            Search("failed-requests"),
            48,
            "Latest failed requests",
        )
        .described("The requests with a status from 400 on, the newest first. Worry when many of them have the same path and message.")],
    )
}

fn places() -> Row {
    Row(
        14,
        vec![
            table(24, "Routes by server errors", ROUTE)
                .of([COUNT_5XX, SHARE_5XX, SHARE_4XX, REQUESTS])
                .leading_to(&["clients"])
                .described("The routes with the most server errors, with shares of all their requests. Worry about a red cell. The log format needs routeKey, or httpMethod and resourcePath."),
            table(24, "Paths by errors", terms("url.path", "Path"))
                .query(IS_FAILURE)
                .of([ERRORS, COUNT_4XX, COUNT_5XX])
                .leading_to(&["clients"])
                .described("The paths with the most errors. Worry about a path of yours in it; paths that you do not have are scanners. The log format needs path, or a URL in CLF."),
        ],
    )
}

fn causes() -> Row {
    let of = |title, query, bucket| table(16, title, bucket).query(query).of([ERRORS]);
    let answers = chart(Bars, 16, "Answers of WAF").of([
        count("allowed")
            .only("aws.api_gateway.waf.response_code : \"WAF_ALLOW\"")
            .colored(GREEN),
        count("blocked").only(IS_BLOCKED).colored(YELLOW),
    ]);
    Row(
        14,
        vec![
            of(
                "Error response types",
                IS_FAILURE,
                terms("error.type", "Response type"),
            )
            .described("Why API Gateway itself answered with an error. Worry about INTEGRATION_ and CONFIGURATION: those are yours. The log format needs error.responseType."),
            of(
                "Authorizer errors by text",
                HAS_AUTHORIZER_ERROR,
                terms("aws.api_gateway.authorizer.error", "Error"),
            )
            .described("What authorizers said. Worry about a text that is not of an expired or wrong token. The log format needs authorizer.error."),
            answers.described("Requests that the firewall allowed and blocked. Worry when yellow grows and no attack is known. The log format needs wafResponseCode."),
        ],
    )
}

/// The deployments with the most server errors come first: by requests, the newest would be the last.
fn deployments() -> Row {
    let deployment = Bucket::Terms {
        field: "aws.api_gateway.deployment_id",
        label: "Deployment",
        size: 20,
        is_complete: false,
    };
    let api = Bucket::Terms {
        field: API_FIELD,
        label: "API",
        size: 3,
        is_complete: false,
    };
    let canary = Bucket::Filters(
        "Release",
        &[
            ("stable", "aws.api_gateway.is_canary_request : false"),
            ("canary", "aws.api_gateway.is_canary_request : true"),
        ],
    );
    Row(
        15,
        vec![
            table(28, "Deployments", deployment)
                .by([api])
                .of([COUNT_5XX, SHARE_5XX, SHARE_4XX, P95, REQUESTS])
                .described("The deployments with the most server errors. Worry when the newest has a red cell. The log format needs deploymentId, which REST APIs have, and apiId."),
            table(20, "Canary and stable", canary)
                .of([REQUESTS, SHARE_5XX, SHARE_4XX, P95])
                .described("The canary release beside the stable one. Worry when its cells are worse: do not promote it. The log format needs isCanaryRequest, which REST APIs have."),
        ],
    )
}

fn throttled() -> Row {
    let who = |title, field, label| {
        table(24, title, terms(field, label))
            .query(IS_THROTTLED)
            .of([THROTTLED])
            .leading_to(&["clients"])
    };
    Row(
        14,
        vec![
            who(
                "Throttled API keys",
                "aws.api_gateway.api_key_id",
                "API key id",
            )
            .described("The API keys whose requests were throttled most. Worry about a customer's key: raise its usage plan. The log format needs identity.apiKeyId, which REST APIs have."),
            who("Throttled addresses", "source.ip", "Address").described("The addresses whose requests were throttled most. Worry when there are many: the limit is too low, not one client too busy."),
        ],
    )
}
