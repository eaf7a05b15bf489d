//! The function's one line an invocation: JSON as Lambda's structured logs want it, and at once the metrics.

use jiff::Timestamp;
use serde::Serialize;

use crate::report::Report;

/// What Lambda says of an invocation, beside the event.
#[derive(Debug, Clone, Copy)]
pub struct Caller<'a> {
    /// Lambda's id of the request.
    pub request_id: &'a str,
    /// The function's name, which is the metrics' dimension.
    pub function_name: &'a str,
    /// The [tracing header](https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader),
    /// `Root=1-…;Parent=…;Sampled=…`.
    pub tracing_header: Option<&'a str>,
}

impl<'a> Caller<'a> {
    fn trace_id(&self) -> Option<&'a str> {
        self.tracing_header?
            .split(';')
            .find_map(|field| field.trim().strip_prefix("Root="))
    }
}

/// The line. Lambda reads `timestamp` (RFC 3339) and `level`, as its
/// [log levels](https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html) need them.
#[derive(Serialize)]
struct LogLine<'a> {
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

/// The line of an invocation; with metrics, if there is a namespace for them.
pub(super) fn invocation(
    report: &Report,
    caller: Caller<'_>,
    metrics_namespace: Option<&str>,
) -> String {
    let now = Timestamp::now();
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

/// The line of a start that failed.
pub(super) fn start_failure(problem: &dyn std::fmt::Display) -> String {
    line(Timestamp::now(), "ERROR", &problem.to_string(), None)
}

fn line(
    now: Timestamp,
    level: &'static str,
    message: &str,
    invocation: Option<InvocationMembers<'_>>,
) -> String {
    let line = LogLine {
        timestamp: format!("{now:.3}"),
        level,
        message,
        invocation,
    };
    serde_json::to_string(&line).unwrap_or_default()
}

/// CloudWatch's [embedded metric format](https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html):
/// it points at members of the line.
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
    metrics: [Metric; 13],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Metric {
    name: &'static str,
    unit: &'static str,
}

impl<'a> Metrics<'a> {
    fn new(namespace: &'a str, now: Timestamp) -> Self {
        let count = |name| Metric {
            name,
            unit: "Count",
        };
        let metrics = [
            count("received"),
            count("indexed"),
            count("duplicates"),
            count("dead_lettered"),
            count("skipped"),
            count("unresolved"),
            count("undecodable_records"),
            count("parse_failures"),
            count("failure_store"),
            count("requests"),
            count("retries"),
            Metric {
                name: "bytes_sent",
                unit: "Bytes",
            },
            Metric {
                name: "duration_ms",
                unit: "Milliseconds",
            },
        ];
        // One function beside another, as for Lambda's own metrics; and one set, since each is paid for.
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
