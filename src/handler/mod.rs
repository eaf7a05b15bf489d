//! The Lambda function: it answers each invocation and writes one line to its own log for each.

mod raw_event;
mod summary;

use std::io::{Write, stdout};
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use lambda_runtime::{Diagnostic, LambdaEvent, Runtime, service_fn};
use serde::Serialize;
use serde::de::IgnoredAny;
use tokio::time::Instant;
use tracing::Instrument;
use tracing_subscriber::prelude::*;

use self::raw_event::{RawEvent, RawEventLayer};
pub use self::summary::Caller;
use crate::config::{self, Config, Problem};
use crate::elasticsearch::Elasticsearch;
use crate::pipeline::{Invocation, LookUp, LookUpRepeated, Pipeline};
use crate::report::{Answer, ErrorType, Report};
use crate::server::{Search, Transport};

/// The function's answer, if all is well or if the trigger wants the failures by name.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Response {
    /// The answer to a direct subscription.
    Report(Report),
    /// The answer to a stream or queue.
    Answer(Answer),
}

/// The function with its settings.
#[derive(Debug)]
pub struct Function<T> {
    /// The path of an event.
    pub pipeline: Pipeline<T>,
    /// The namespace of the metrics; `None` to write no metrics.
    pub metrics_namespace: Option<String>,
    /// True if the function looks documents of repeated events up before it creates them again.
    pub look_up_repeated: bool,
}

/// The time that is kept free before Lambda's deadline for the answer: at most this, and at most a
/// quarter of the time left.
const ANSWER_RESERVE: Duration = Duration::from_millis(500);

/// Runs the function: reads the settings, then serves invocations. With wrong settings it ends
/// before the first invocation and reports each problem. `names` are the names of the environment
/// variables.
pub async fn main(
    lookup: impl Fn(&str) -> Option<String>,
    names: impl IntoIterator<Item = String>,
) -> ExitCode {
    std::panic::set_hook(Box::new(|panic| {
        write_log_line(&summary::failure(&format_args!(
            "the function ends because of a mistake in it or in what it is made of; Lambda starts it \
             anew and delivers the event again: {panic}"
        )));
    }));
    let function = match Config::from_vars(|name| variable(&lookup, name)).and_then(function) {
        Ok(function) => function,
        Err(mut problems) => {
            for problem in &mut problems {
                problem.variable = source(&lookup, problem.variable);
                write_log_line(&summary::failure(problem));
            }
            return ExitCode::from(2);
        }
    };
    config::misspelt(names)
        .iter()
        .for_each(|sentence| write_log_line(&summary::warning(sentence)));
    match run(function).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            write_log_line(&summary::failure(&error));
            ExitCode::FAILURE
        }
    }
}

fn function(mut config: Config) -> Result<Function<Elasticsearch>, Vec<Problem>> {
    let targets = std::mem::take(&mut config.log_level);
    let layer = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_span_list(false)
        .log_internal_errors(false);
    tracing_subscriber::registry()
        .with(layer.with_filter(targets))
        .init();
    std::mem::take(&mut config.warnings)
        .iter()
        .for_each(|warning| write_log_line(&summary::warning(warning)));
    let metrics_namespace = config.metrics_namespace.take();
    let look_up_repeated = config.look_up_repeated;
    let settings = config
        .elasticsearch
        .take()
        .ok_or_else(|| vec![Problem::missing_url()])?;
    let mut pipeline = config.elasticsearch_pipeline(settings)?;
    pipeline.notice = Some(|sentence| write_log_line(&summary::warning(&sentence)));
    Ok(Function {
        pipeline,
        metrics_namespace,
        look_up_repeated,
    })
}

/// Returns the variable that a setting comes from.
fn source(lookup: &impl Fn(&str) -> Option<String>, name: &'static str) -> &'static str {
    if name == "LOG_LEVEL" && lookup(name).is_none() {
        "AWS_LAMBDA_LOG_LEVEL"
    } else {
        name
    }
}

/// Looks up a setting. If `LOG_LEVEL` is not set, Lambda's own log level counts. Lambda has one
/// level more.
///
/// Source: <https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html>.
fn variable(lookup: &impl Fn(&str) -> Option<String>, name: &str) -> Option<String> {
    let level_of_lambda = || {
        lookup("AWS_LAMBDA_LOG_LEVEL").map(|level| {
            if level == "FATAL" {
                "ERROR".to_owned()
            } else {
                level
            }
        })
    };
    lookup(name).or_else(|| {
        if name == "LOG_LEVEL" {
            level_of_lambda()
        } else {
            None
        }
    })
}

/// Serves invocations until Lambda ends the execution environment.
///
/// # Errors
/// If the Runtime API cannot be reached.
pub async fn run<T: Transport + Search>(
    function: Function<T>,
) -> Result<(), lambda_runtime::Error> {
    let function = Rc::new(function);
    let event = RawEvent::default();
    let handler = service_fn({
        let event = event.clone();
        move |LambdaEvent { context, .. }: LambdaEvent<IgnoredAny>| {
            let function = Rc::clone(&function);
            let event = event.take();
            async move {
                let caller = Caller {
                    request_id: &context.request_id,
                    function_name: &context.env_config.function_name,
                    tracing_header: context.xray_trace_id.as_deref(),
                };
                let span = tracing::info_span!("invocation", requestId = caller.request_id);
                let deadline = deadline(context.deadline);
                let (response, log_line) = function
                    .invoke(&event, caller, deadline)
                    .instrument(span)
                    .await;
                write_log_line(&log_line);
                response
            }
        }
    });
    Runtime::new(handler)
        .layer(RawEventLayer(event))
        .run()
        .await
}

/// Returns the moment by which to finish, on the clock that tests can stop. `cargo lambda watch`
/// gives a deadline in 1970, which means none.
#[expect(
    clippy::disallowed_methods,
    reason = "Lambda gives its deadline in wall time"
)]
fn deadline(epoch_ms: u64) -> Option<Instant> {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    let left = time_left(Duration::from_millis(epoch_ms), now)?;
    Some(Instant::now() + left.saturating_sub(ANSWER_RESERVE.min(left / 4)))
}

/// Returns the time left at the start of an invocation, from two times since 1970; `None` if it is
/// unknown.
///
/// Lambda hands out an event with its whole `Timeout` left, which is 900 s at most. Any longer
/// time, or none, proves that this clock and Lambda's differ. Then half of the template's default
/// `Timeout` is assumed: trusting a deadline that has passed would fail every invocation unread.
fn time_left(deadline: Duration, now: Duration) -> Option<Duration> {
    const A_DAY: Duration = Duration::from_secs(24 * 60 * 60);
    const LONGEST: Duration = Duration::from_secs(900);
    const ASSUMED: Duration = Duration::from_secs(60);
    if deadline + A_DAY < now {
        return None;
    }
    match deadline.checked_sub(now) {
        Some(left) if !left.is_zero() && left <= LONGEST + ANSWER_RESERVE => Some(left),
        _ => Some(ASSUMED),
    }
}

impl<T: Transport + Search> Function<T> {
    /// Handles one invocation. Returns the answer and the line for the log.
    pub async fn invoke(
        &self,
        event: &[u8],
        caller: Caller<'_>,
        deadline: Option<Instant>,
    ) -> (Result<Response, Diagnostic>, String) {
        let pipeline = &self.pipeline;
        let look_up = LookUpRepeated::new(
            pipeline.indexer.transport(),
            pipeline.data_stream(),
            pipeline.dead_letters.as_ref(),
        );
        let look_up: Option<&dyn LookUp> = self.look_up_repeated.then_some(&look_up);
        let Invocation { report, answer } =
            pipeline.invoke_looking_up(event, deadline, look_up).await;
        for warning in report.warnings() {
            write_log_line(&summary::warning(&warning));
        }
        let log_line = summary::invocation(&report, caller, self.metrics_namespace.as_deref());
        let response = match answer {
            Some(answer) => Ok(Response::Answer(answer)),
            None if report.error.is_some() => Err(diagnostic(&report)),
            None => Ok(Response::Report(report)),
        };
        (response, log_line)
    }
}

fn diagnostic(report: &Report) -> Diagnostic {
    let (kind, message) = report
        .error
        .as_ref()
        .map_or((ErrorType::DeliveryIncomplete, ""), |error| {
            (error.kind, error.message.as_str())
        });
    Diagnostic {
        error_type: kind.name().to_owned(),
        error_message: message.to_owned(),
    }
}

/// Writes a line of the function's log to standard output. A line that cannot be written is
/// dropped: the answer to Lambda matters more.
fn write_log_line(line: &str) {
    let mut stdout = stdout().lock();
    drop(stdout.write_all(format!("{line}\n").as_bytes()));
    drop(stdout.flush());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_differs_from_lambdas_fails_no_invocation() {
        let now = Duration::from_secs(1_772_353_800);
        let seconds = Duration::from_secs;
        for (deadline, left) in [
            (now + seconds(120), Some(seconds(120))),
            (now + seconds(900), Some(seconds(900))),
            (now + seconds(1), Some(seconds(1))),
            (now, Some(seconds(60))),
            (now - seconds(3_480), Some(seconds(60))),
            (now + seconds(3_720), Some(seconds(60))),
            // `cargo lambda watch`
            (seconds(60), None),
        ] {
            assert_eq!(time_left(deadline, now), left, "{deadline:?}");
        }
    }
}
