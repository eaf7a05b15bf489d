//! The function's one line for each invocation: JSON in the form of Lambda's structured logs, with
//! the metrics in the same line.

use std::fmt::Display;
use std::time::SystemTime;

use jiff::Timestamp;
use serde::Serialize;

use crate::printable::printable;
use crate::report::Report;

/// Upper bound on the length of a sentence in characters: it may quote a file.
const LONGEST_SENTENCE: usize = 4_000;

/// The facts that Lambda gives about an invocation, beside the event.
#[derive(Debug, Clone, Copy)]
pub struct Caller<'a> {
    /// Lambda's id of the request.
    pub request_id: &'a str,
    /// The function's name, which is the dimension of the metrics.
    pub function_name: &'a str,
    /// The [tracing
    /// header](https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader),
    /// `Root=1-…;Parent=…;Sampled=…`.
    pub tracing_header: Option<&'a str>,
}

impl<'a> Caller<'a> {
    /// Returns the id of the trace; `None` if X-Ray has no trace, because the request was not
    /// sampled.
    fn trace_id(&self) -> Option<&'a str> {
        let mut fields = self.tracing_header?.split(';').map(str::trim);
        if fields.clone().any(|field| field == "Sampled=0") {
            return None;
        }
        fields.find_map(|field| field.strip_prefix("Root="))
    }
}

/// The line as it is written. Lambda's [log
/// levels](https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html)
/// read `timestamp` (RFC 3339) and `level`.
#[derive(Serialize)]
struct SummaryLine<'a> {
    timestamp: String,
    level: &'static str,
    message: &'a str,
    #[serde(flatten)]
    invocation: Option<InvocationMembers<'a>>,
}

#[derive(Serialize)]
struct InvocationMembers<'a> {
    #[serde(rename = "requestId")]
    request_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    xray_trace_id: Option<&'a str>,
    #[serde(rename = "FunctionName")]
    function_name: &'a str,
    #[serde(flatten)]
    report: &'a Report,
    #[serde(rename = "_aws", skip_serializing_if = "Option::is_none")]
    metrics: Option<Metrics<'a>>,
}

/// Makes the line of an invocation, with metrics if they have a namespace.
pub(super) fn invocation(
    report: &Report,
    caller: Caller<'_>,
    metrics_namespace: Option<&str>,
) -> String {
    let now = now();
    let invocation = InvocationMembers {
        request_id: caller.request_id,
        xray_trace_id: caller.trace_id(),
        function_name: caller.function_name,
        report,
        metrics: metrics_namespace.map(|namespace| Metrics::new(namespace, now)),
    };
    let level = if report.error.is_some() {
        "ERROR"
    } else {
        "INFO"
    };
    line(now, level, "invocation", Some(invocation))
}

/// Makes the line of a function that cannot start or cannot continue.
pub(super) fn failure(problem: &dyn Display) -> String {
    plain("ERROR", problem)
}

/// Makes a line about something that works but should be otherwise.
pub(super) fn warning(problem: &dyn Display) -> String {
    plain("WARN", problem)
}

fn plain(level: &'static str, sentence: &dyn Display) -> String {
    let sentence = sentence.to_string();
    let sentence = printable(&sentence, LONGEST_SENTENCE).to_string();
    line(now(), level, &sentence, None)
}

/// Returns the time of day; the last moment that can be written if the clock shows a later year.
#[expect(
    clippy::disallowed_methods,
    reason = "a line of the log says when it was written"
)]
fn now() -> Timestamp {
    Timestamp::try_from(SystemTime::now()).unwrap_or(Timestamp::MAX)
}

fn line(
    now: Timestamp,
    level: &'static str,
    message: &str,
    invocation: Option<InvocationMembers<'_>>,
) -> String {
    let line = SummaryLine {
        timestamp: format!("{now:.3}"),
        level,
        message,
        invocation,
    };
    serde_json::to_string(&line).unwrap_or_default()
}

/// Metadata of CloudWatch's [embedded metric
/// format](https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html).
/// It points at members of the line.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Metrics<'a> {
    timestamp: i64,
    cloud_watch_metrics: [Directive<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Directive<'a> {
    namespace: &'a str,
    dimensions: [[&'static str; 1]; 1],
    metrics: [MetricDefinition; 16],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct MetricDefinition {
    /// The name holds the unit where it is not a count. A separate unit would cost log volume.
    name: &'static str,
}

impl<'a> Metrics<'a> {
    fn new(namespace: &'a str, now: Timestamp) -> Self {
        let metric = |name| MetricDefinition { name };
        let metrics = [
            metric("received"),
            metric("indexed"),
            metric("duplicates"),
            metric("dead_lettered"),
            metric("skipped"),
            metric("dropped"),
            metric("unresolved"),
            metric("undecodable_records"),
            metric("parse_failures"),
            metric("unmapped_keys"),
            metric("user_agents_not_parsed"),
            metric("failure_store"),
            metric("requests"),
            metric("retries"),
            metric("bytes_sent"),
            metric("duration_ms"),
        ];
        // The only dimension is the function, as in Lambda's own metrics. CloudWatch charges for
        // each set of dimensions.
        let dimensions = [["FunctionName"]];
        Self {
            timestamp: now.as_millisecond(),
            cloud_watch_metrics: [Directive {
                namespace,
                dimensions,
                metrics,
            }],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_is_named_if_there_is_one() {
        for (header, expected) in [
            (None, None),
            (Some("Root=1-a-b;Parent=c;Sampled=1"), Some("1-a-b")),
            (Some("Sampled=1; Root=1-a-b"), Some("1-a-b")),
            (Some("Root=1-a-b"), Some("1-a-b")),
            (Some("Root=1-a-b;Parent=c;Sampled=0"), None),
            (Some("Sampled=1"), None),
        ] {
            let caller = Caller {
                request_id: "r",
                function_name: "f",
                tracing_header: header,
            };
            assert_eq!(caller.trace_id(), expected, "{header:?}");
        }
    }
}
