//! The Lambda function: an invocation in, an answer out, and one line in its own log.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::time::Instant;
use tracing_subscriber::prelude::*;

use crate::bulk::Transport;
use crate::config::{Config, Problem};
use crate::elasticsearch::Elasticsearch;
use crate::pipeline::{Invocation, Pipeline};
use crate::report::{Answer, ErrorType, Report};

/// What the function answers when all is well, or when the trigger wants the failures named.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Response {
    /// To a direct subscription.
    Report(Report),
    /// To a stream or a queue.
    Answer(Answer),
}

/// The function with its settings.
#[derive(Debug)]
pub struct Function<T> {
    /// The path.
    pub pipeline: Pipeline<T>,
    /// The namespace of the metrics; `None` for none.
    pub metrics_namespace: Option<String>,
}

/// What is kept free before Lambda's deadline, to say what happened: at most this, and at most a quarter of the time
/// that there is.
const ANSWER_RESERVE: Duration = Duration::from_millis(500);

/// The function's front door: reads the settings, then serves invocations. With settings that are wrong it ends before
/// the first, and says what is wrong with each.
pub async fn main(lookup: impl Fn(&str) -> Option<String>) -> ExitCode {
    let function = match Config::from_vars(lookup).and_then(function) {
        Ok(function) => function,
        Err(problems) => {
            problems.iter().for_each(|problem| write_log_line(&start_failure(problem)));
            return ExitCode::from(2);
        }
    };
    match run(function).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            write_log_line(&start_failure(&error));
            ExitCode::FAILURE
        }
    }
}

fn function(mut config: Config) -> Result<Function<Elasticsearch>, Vec<Problem>> {
    let targets = std::mem::take(&mut config.log_level);
    tracing_subscriber::registry().with(tracing_subscriber::fmt::layer().json().with_filter(targets)).init();
    let metrics_namespace = config.metrics_namespace.take();
    let settings = config.elasticsearch.take().ok_or_else(|| vec![Problem::missing_url()])?;
    Ok(Function { pipeline: config.elasticsearch_pipeline(settings)?, metrics_namespace })
}

fn start_failure(problem: &dyn std::fmt::Display) -> String {
    #[derive(Serialize)]
    struct Line {
        level: &'static str,
        message: String,
    }
    serde_json::to_string(&Line { level: "ERROR", message: problem.to_string() }).unwrap_or_default()
}

/// Serves invocations until Lambda ends the execution environment.
///
/// # Errors
/// If the Runtime API cannot be reached.
pub async fn run<T: Transport>(function: Function<T>) -> Result<(), lambda_runtime::Error> {
    let function = Arc::new(function);
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Box<RawValue>>| {
        let function = Arc::clone(&function);
        async move {
            let deadline = deadline(event.context.deadline);
            let (response, log_line) =
                function.invoke(event.payload.get().as_bytes(), &event.context.request_id, deadline).await;
            write_log_line(&log_line);
            response
        }
    }))
    .await
}

/// When to be done, on the clock that tests can stop. `cargo lambda watch` tells a deadline in 1970, which is none.
#[expect(clippy::disallowed_methods, reason = "Lambda tells its deadline in wall time")]
fn deadline(epoch_ms: u64) -> Option<Instant> {
    const A_DAY: Duration = Duration::from_secs(24 * 60 * 60);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let deadline = Duration::from_millis(epoch_ms);
    if deadline + A_DAY < now {
        return None;
    }
    let left = deadline.saturating_sub(now);
    Some(Instant::now() + left.saturating_sub(ANSWER_RESERVE.min(left / 4)))
}

impl<T: Transport> Function<T> {
    /// Does one invocation: what to answer, and the line for the log.
    pub async fn invoke(
        &self,
        event: &[u8],
        request_id: &str,
        deadline: Option<Instant>,
    ) -> (Result<Response, Diagnostic>, String) {
        let Invocation { report, answer } = self.pipeline.invoke(event, deadline).await;
        let log_line = self.log_line(&report, request_id);
        let response = match answer {
            Some(answer) => Ok(Response::Answer(answer)),
            None if report.error.is_some() => Err(diagnostic(&report)),
            None => Ok(Response::Report(report)),
        };
        (response, log_line)
    }

    /// The line, which is at once the metrics.
    fn log_line(&self, report: &Report, request_id: &str) -> String {
        let line = LogLine {
            level: if report.error.is_some() { "ERROR" } else { "INFO" },
            message: "invocation",
            request_id,
            report,
            metrics: self.metrics_namespace.as_deref().map(Metrics::new),
        };
        serde_json::to_string(&line).unwrap_or_default()
    }
}

fn diagnostic(report: &Report) -> Diagnostic {
    let (kind, message) =
        report.error.as_ref().map_or((ErrorType::DeliveryIncomplete, ""), |error| (error.kind, error.message.as_str()));
    Diagnostic { error_type: kind.name().to_owned(), error_message: message.to_owned() }
}

#[expect(clippy::print_stdout, reason = "a function's log is its standard output")]
fn write_log_line(line: &str) {
    println!("{line}");
}

#[derive(Serialize)]
struct LogLine<'a> {
    level: &'static str,
    message: &'static str,
    #[serde(rename = "requestId")]
    request_id: &'a str,
    #[serde(flatten)]
    report: &'a Report,
    #[serde(rename = "_aws", skip_serializing_if = "Option::is_none")]
    metrics: Option<Metrics<'a>>,
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
    dimensions: [[&'static str; 0]; 1],
    metrics: [Metric; 13],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Metric {
    name: &'static str,
    unit: &'static str,
}

impl<'a> Metrics<'a> {
    fn new(namespace: &'a str) -> Self {
        let count = |name| Metric { name, unit: "Count" };
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
            Metric { name: "bytes_sent", unit: "Bytes" },
            Metric { name: "duration_ms", unit: "Milliseconds" },
        ];
        Self {
            timestamp: jiff::Timestamp::now().as_millisecond(),
            cloud_watch_metrics: [Directive { namespace, dimensions: [[]], metrics }],
        }
    }
}
