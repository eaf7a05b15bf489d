//! Execution logs: what API Gateway writes of a request's way through it, one step a line.
//!
//! `(REQUEST-ID) Method completed with status: 200`; the console's test button puts the time in the place of the id,
//! and a log stream opens with a greeting. Lines are cut at 1,024 bytes and then end in `[TRUNCATED]`.
//! Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html>.

use bumpalo::Bump;

use super::document::trace_id;
use super::secrets::mask;
use super::timestamp;
use crate::ecs::{Document, Timestamp};

/// A line of an execution log in its parts.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ExecutionLog<'a> {
    request_id: Option<&'a str>,
    time: Option<i64>,
    text: &'a str,
}

/// Reads a line; `None` if it is no execution log's.
pub(super) fn read(line: &str) -> Option<ExecutionLog<'_>> {
    let log = |request_id, time, text| Some(ExecutionLog { request_id, time, text });
    if line.starts_with("Cloudwatch logs enabled for API Gateway") {
        return log(None, None, line);
    }
    if let Some(id) = line.strip_prefix("Execution log for request ") {
        return log(Some(id.trim()), None, line);
    }
    if let Some((id, text)) = line.strip_prefix('(').and_then(|line| line.split_once(") ")) {
        return is_request_id(id).then_some(ExecutionLog { request_id: Some(id), time: None, text });
    }
    let (time, text) = line.split_once(" : ")?;
    log(after(text, "Starting execution for request: "), Some(timestamp::console_time(time)?), text)
}

/// A UUID for REST APIs, 16 characters of base64 for WebSocket APIs.
fn is_request_id(text: &str) -> bool {
    (8..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_=+/".contains(&b))
}

/// Fills in what the line says.
pub(super) fn fill<'a>(document: &mut Document<'a>, log: &ExecutionLog<'a>, arena: &'a Bump) {
    if let Some(time) = log.time {
        document.timestamp = Some(Timestamp(time));
    }
    document.message = Some(mask(log.text, arena));
    let gateway = &mut document.aws.api_gateway;
    gateway.log_type = Some("execution");
    gateway.request_id = log.request_id;
    gateway.truncated = log.text.ends_with("[TRUNCATED]").then_some(true);
    document.http.request.id = after(log.text, "Extended Request Id: ").or(log.request_id);
    if let Some(method) = after(log.text, "HTTP Method: ") {
        document.http.request.method = Some(method);
        gateway.resource_path = after(log.text, "Resource Path: ");
    }
    if let Some(status) = number_after(log.text, "Method completed with status: ") {
        document.http.response.status_code = Some(status);
        document.event.outcome = Some(if status < 400 { "success" } else { "failure" });
    }
    if log.text.starts_with("Received response. ") {
        gateway.integration.status = number_after(log.text, "Status: ");
        gateway.integration.latency = number_after(log.text, "Integration latency: ");
    }
    if let Some((api_id, stage)) = after(log.text, "API Stage: ").and_then(|stage| stage.split_once('/')) {
        (gateway.api_id, gateway.stage) = (Some(api_id), Some(stage));
    }
    if let Some(id) = after(log.text, "X-ray Tracing ID : ") {
        gateway.xray_trace_id = Some(id);
        document.trace.id = trace_id(id, arena);
    }
    if log.text.starts_with("Execution failed") {
        document.error.message = document.message;
        document.event.outcome = Some("failure");
    }
    gateway.integration.request_id = after(log.text, "AWS Integration Endpoint RequestId : ")
        .or_else(|| after(log.text, "AWS Integration Endpoint RequestId: "));
}

/// The word that follows a phrase.
fn after<'a>(text: &'a str, phrase: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(phrase)?;
    rest.split([',', ' ']).next().filter(|word| !word.is_empty())
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
            ("(2f7c8a8e-0000-4000-8000-000000000001) Verifying Usage Plan", true),
            ("(Iq9gHHhdoAMFbIw=) Method completed with status: 200", true),
            ("Cloudwatch logs enabled for API Gateway", true),
            ("Execution log for request 2f7c8a8e", true),
            ("Tue May 30 01:22:45 UTC 2023 : Starting execution for request", true),
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
        assert_eq!(completed.aws.api_gateway.request_id, Some("Iq9gHHhdoAMFbIw="));
        let extended = document("(Iq9gHHhdoAMFbIw=) Extended Request Id: JKJ0iH0IDoEF1Yw=");
        assert_eq!(extended.http.request.id, Some("JKJ0iH0IDoEF1Yw="));
        let method = document("(Iq9gHHhdoAMFbIw=) HTTP Method: GET, Resource Path: /pets/{id}");
        assert_eq!(method.http.request.method, Some("GET"));
        assert_eq!(method.aws.api_gateway.resource_path, Some("/pets/{id}"));
        let response = document("(Iq9gHHhdoAMFbIw=) Received response. Status: 200, Integration latency: 12 ms");
        assert_eq!(response.aws.api_gateway.integration.latency, Some(12));
        let cut = document("(Iq9gHHhdoAMFbIw=) Method request headers: {Authorization=Bearer a.b, Acc [TRUNCATED]");
        assert_eq!(cut.aws.api_gateway.truncated, Some(true));
        assert_eq!(cut.message, Some("Method request headers: {Authorization=***, Acc [TRUNCATED]"));
    }
}
