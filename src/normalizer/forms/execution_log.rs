//! Execution logs: how API Gateway handled a request, one line for each step.
//!
//! An example is `(REQUEST-ID) Method completed with status: 200`. The console's test button writes
//! the time in place of the id, and a log stream opens with a greeting. Lines are cut off at 1,024
//! bytes and then end in `[TRUNCATED]`. Source:
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html>.

use bumpalo::Bump;

use crate::ecs::{Document, Timestamp};
use crate::normalizer::convert::timestamp;
use crate::normalizer::convert::trace_id::trace_id;
use crate::normalizer::mask::mask;

/// The parts of a line of an execution log.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ExecutionLog<'a> {
    request_id: Option<&'a str>,
    time: Option<i64>,
    text: &'a str,
}

/// Reads a line; `None` if it is not an execution log's.
pub(crate) fn read(line: &str) -> Option<ExecutionLog<'_>> {
    let log = |request_id, time, text| {
        Some(ExecutionLog {
            request_id,
            time,
            text,
        })
    };
    const GREETING: &str = "Cloudwatch logs enabled for API Gateway";
    if line
        .get(..GREETING.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(GREETING))
    {
        return log(None, None, line);
    }
    if let Some(id) = line.strip_prefix("Execution log for request ") {
        return log(Some(id.trim()), None, line);
    }
    if let Some((id, text)) = line.strip_prefix('(').and_then(|line| line.split_once(')')) {
        let is_step = is_request_id(id) && (text.is_empty() || text.starts_with(' '));
        return is_step.then_some(ExecutionLog {
            request_id: Some(id),
            time: None,
            text: text.trim_start(),
        });
    }
    let (time, text) = line.split_once(" : ")?;
    log(
        after(text, "Starting execution for request: "),
        Some(timestamp::console_time(time)?),
        text,
    )
}

/// Returns whether a text can be an id: a UUID for REST APIs, 16 characters of base64 for WebSocket
/// APIs. A client of a REST API may choose another.
fn is_request_id(text: &str) -> bool {
    (8..=128).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_=+/.:~".contains(&b))
}

/// Fills in the API, its stage and its kind from the name of the log group:
/// `API-Gateway-Execution-Logs_ID/STAGE` for REST APIs, `/aws/apigateway/ID/STAGE` for WebSocket
/// APIs.
pub(crate) fn fill_from_log_group<'a>(document: &mut Document<'a>, log_group: &'a str) {
    let of = |prefix: &str, kind: &'static str| {
        let (id, stage) = log_group.strip_prefix(prefix)?.split_once('/')?;
        let is_id = id.len() >= 8
            && id
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        (is_id && !stage.is_empty() && !stage.contains('/')).then_some((id, stage, kind))
    };
    let named =
        of("API-Gateway-Execution-Logs_", "rest").or_else(|| of("/aws/apigateway/", "websocket"));
    if let Some((id, stage, kind)) = named {
        let gateway = &mut document.aws.api_gateway;
        gateway.api_id = gateway.api_id.or(Some(id));
        gateway.stage = gateway.stage.or(Some(stage));
        gateway.api_type = gateway.api_type.or(Some(kind));
    }
}

/// Fills in the values that the line holds.
pub(crate) fn fill<'a>(document: &mut Document<'a>, log: &ExecutionLog<'a>, arena: &'a Bump) {
    if let Some(time) = log.time {
        document.timestamp = Some(Timestamp(time));
    }
    let text = mask(log.text, arena);
    document.message = (!text.is_empty()).then_some(text);
    let gateway = &mut document.aws.api_gateway;
    gateway.log_type = Some("execution");
    gateway.request_id = log.request_id;
    gateway.truncated = text.ends_with("[TRUNCATED]").then_some(true);
    document.http.request.id = first(text, "Extended Request Id: ").or(log.request_id);
    if let Some(method) = first(text, "HTTP Method: ") {
        document.http.request.method = Some(method);
        gateway.resource_path = after(text, "Resource Path: ");
    }
    if let Some((api_id, stage)) =
        after(text, "API Stage: ").and_then(|stage| stage.split_once('/'))
    {
        (gateway.api_id, gateway.stage) = (Some(api_id), Some(stage));
    }
    if let Some(id) = first(text, "X-ray Tracing ID : ") {
        gateway.xray_trace_id = Some(id);
        document.trace.id = trace_id(id, arena);
    }
    integration(document, text);
    ending(document, text);
}

/// Fills in what the line says of the integration.
fn integration<'a>(document: &mut Document<'a>, text: &'a str) {
    let integration = &mut document.aws.api_gateway.integration;
    integration.request_id = first(text, "AWS Integration Endpoint RequestId : ")
        .or_else(|| first(text, "AWS Integration Endpoint RequestId: "));
    if text.starts_with("Received response. ") {
        integration.status = number_after(text, "Status: ");
        integration.latency = number_after(text, "Integration latency: ");
    }
    if let Some(status) = first(text, "Lambda execution failed with status ") {
        integration.service_status = status.parse().ok();
        integration.request_id = after(text, "Lambda request id: ");
    }
}

/// Fills in what the line says of the request's end.
fn ending<'a>(document: &mut Document<'a>, text: &'a str) {
    let mut status = first(text, "Method completed with status: ");
    if let Some(kind) = first(text, "Gateway response type: ") {
        document.error.r#type = Some(kind);
        status = after(text, " with status code: ");
    }
    if let Some(status) = status.and_then(|status| status.parse().ok()) {
        document.http.response.status_code = Some(status);
        document.event.outcome = Some(if status < 400 { "success" } else { "failure" });
    }
    if text.starts_with("Execution failed") || text.starts_with("Lambda execution failed") {
        document.error.message = document.message;
        document.event.outcome = Some("failure");
    }
}

/// Returns the word after a phrase at the start of the text. A body may hold any phrase, so it
/// counts nowhere else.
fn first<'a>(text: &'a str, phrase: &str) -> Option<&'a str> {
    text.starts_with(phrase)
        .then(|| after(text, phrase))
        .flatten()
}

/// Returns the word after a phrase.
fn after<'a>(text: &'a str, phrase: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(phrase)?;
    rest.split([',', ' '])
        .next()
        .filter(|word| !word.is_empty())
}

fn number_after(text: &str, phrase: &str) -> Option<i64> {
    after(text, phrase)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_execution_logs_from_other_lines() {
        let cases = [
            (
                "(2f7c8a8e-0000-4000-8000-000000000001) Verifying Usage Plan",
                true,
            ),
            ("(Iq9gHHhdoAMFbIw=) Method completed with status: 200", true),
            ("Cloudwatch logs enabled for API Gateway", true),
            ("CloudWatch logs enabled for API Gateway", true),
            ("(2f7c8a8e-0000-4000-8000-000000000001)", true),
            ("(chosen.by:client~1) Verifying Usage Plan", true),
            ("(2f7c8a8e-0000-4000-8000-000000000001)Verifying", false),
            ("Execution log for request 2f7c8a8e", true),
            (
                "Tue May 30 01:22:45 UTC 2023 : Starting execution for request",
                true,
            ),
            ("(not an id) text", false),
            ("(short) text", false),
            ("some time : text", false),
            ("plain text", false),
        ];
        for (line, expected) in cases {
            assert_eq!(read(line).is_some(), expected, "{line}");
        }
    }

    #[test]
    fn picks_out_what_a_line_says() {
        let arena = Bump::new();
        let document = |line| {
            let mut document = Document::default();
            fill(&mut document, &read(line).unwrap(), &arena);
            document
        };
        let completed = document("(Iq9gHHhdoAMFbIw=) Method completed with status: 502");
        assert_eq!(completed.http.response.status_code, Some(502));
        assert_eq!(completed.event.outcome, Some("failure"));
        assert_eq!(
            completed.aws.api_gateway.request_id,
            Some("Iq9gHHhdoAMFbIw=")
        );
        let extended = document("(Iq9gHHhdoAMFbIw=) Extended Request Id: JKJ0iH0IDoEF1Yw=");
        assert_eq!(extended.http.request.id, Some("JKJ0iH0IDoEF1Yw="));
        let method = document("(Iq9gHHhdoAMFbIw=) HTTP Method: GET, Resource Path: /pets/{id}");
        assert_eq!(method.http.request.method, Some("GET"));
        assert_eq!(method.aws.api_gateway.resource_path, Some("/pets/{id}"));
        let response = document(
            "(Iq9gHHhdoAMFbIw=) Received response. Status: 200, Integration latency: 12 ms",
        );
        assert_eq!(response.aws.api_gateway.integration.latency, Some(12));
        let response =
            document("(Iq9gHHhdoAMFbIw=) Gateway response type: DEFAULT_5XX with status code: 500");
        assert_eq!(response.error.r#type, Some("DEFAULT_5XX"));
        assert_eq!(response.http.response.status_code, Some(500));
        let lambda = document(
            "(Iq9gHHhdoAMFbIw=) Lambda execution failed with status 200 due to customer function error: x. Lambda request id: 1-a",
        );
        assert_eq!(lambda.aws.api_gateway.integration.service_status, Some(200));
        assert_eq!(lambda.aws.api_gateway.integration.request_id, Some("1-a"));
        assert_eq!(lambda.event.outcome, Some("failure"));
        let body =
            document("(Iq9gHHhdoAMFbIw=) Method response body: Method completed with status: 500");
        assert_eq!(body.http.response.status_code, None);
        let path =
            document("(Iq9gHHhdoAMFbIw=) HTTP Method: GET, Resource Path: /pets?token=s3cr3t");
        assert_eq!(path.aws.api_gateway.resource_path, Some("/pets?token=***"));
        let key = document(
            "(Iq9gHHhdoAMFbIw=) Usage Plan check succeeded for API Key s3cr3t and API Stage a1/prod",
        );
        assert_eq!(
            key.message,
            Some("Usage Plan check succeeded for API Key *** and API Stage a1/prod")
        );
        let cut = document(
            "(Iq9gHHhdoAMFbIw=) Method request headers: {Authorization=Bearer a.b, Acc [TRUNCATED]",
        );
        assert_eq!(cut.aws.api_gateway.truncated, Some(true));
        assert_eq!(
            cut.message,
            Some("Method request headers: {Authorization=***, Acc [TRUNCATED]")
        );
    }
}
