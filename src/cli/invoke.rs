//! `apigw-logs invoke`: the main job on sample events.

use std::borrow::Cow;
use std::cell::RefCell;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

use super::output::Output;
use super::{Failure, log_to_stderr, read, say, say_json};
use crate::config::Config;
use crate::pipeline::{Invocation, Pipeline};
use crate::report::{Answer, ErrorType, Report};
use crate::server::{Exchange, Reply, Target, Transport};

/// Do the main job on invoke events as Lambda delivers them
///
/// Without ELASTICSEARCH_URL every document goes to standard output, a JSON line each, and the report to standard
/// error. With it, documents are indexed for real, and the report goes to standard output.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Files with an event each; `-` is standard input
    #[arg(required = true, value_name = "EVENT.json")]
    events: Vec<PathBuf>,
    /// Print the documents, even with ELASTICSEARCH_URL
    #[arg(long)]
    dry_run: bool,
}

/// The report, with what the function would have answered to a stream or a queue.
#[derive(Serialize)]
struct InvokeReport<'a> {
    #[serde(flatten)]
    report: &'a Report,
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<&'a Answer>,
}

pub(super) async fn run(arguments: Arguments, mut config: Config) -> Result<(), Failure> {
    log_to_stderr(&mut config);
    match config.elasticsearch.take().filter(|_| !arguments.dry_run) {
        None => {
            let pipeline = config.pipeline(Print::default())?;
            all(&arguments.events, &pipeline, |report| {
                pipeline.indexer.transport().error()?;
                say_json(report);
                Ok(())
            })
            .await
        }
        Some(settings) => {
            let pipeline = config.elasticsearch_pipeline(settings)?;
            all(&arguments.events, &pipeline, |report| {
                Output::stdout().line(report)?.flush()
            })
            .await
        }
    }
}

/// One event after the other; what is wrong with one does not keep the others from their work.
async fn all<T: Transport>(
    events: &[PathBuf],
    pipeline: &Pipeline<T>,
    mut print: impl FnMut(&str) -> io::Result<()>,
) -> Result<(), Failure> {
    let mut result = Ok(());
    for file in events {
        let outcome = match read(file) {
            Ok(bytes) => one(&bytes, pipeline, &mut print).await,
            Err(failure) => Err(failure),
        };
        result = match (result, outcome) {
            (_, Err(Failure::ClosedPipe)) => return Err(Failure::ClosedPipe),
            (Err(Failure::Usage(mut sentences)), Err(Failure::Usage(more))) => {
                sentences.extend(more);
                Err(Failure::Usage(sentences))
            }
            (Err(Failure::Usage(sentences)), _) | (_, Err(Failure::Usage(sentences))) => {
                Err(Failure::Usage(sentences))
            }
            (Err(failure), _) | (Ok(()), Err(failure)) => Err(failure),
            (Ok(()), Ok(())) => Ok(()),
        };
    }
    result
}

async fn one<T: Transport>(
    bytes: &[u8],
    pipeline: &Pipeline<T>,
    print: &mut impl FnMut(&str) -> io::Result<()>,
) -> Result<(), Failure> {
    let Invocation { report, answer } = pipeline.invoke(bytes, None).await;
    print(&json(&report, answer.as_ref()))?;
    match report.dead_lettered {
        0 => {}
        1 => say("warning", "1 document was refused and is now a dead letter"),
        several => say(
            "warning",
            format_args!("{several} documents were refused and are now dead letters"),
        ),
    }
    match report.error {
        None => Ok(()),
        Some(error) if error.kind == ErrorType::EventUnsupported => {
            Err(Failure::Usage(vec![error.message]))
        }
        Some(error) => {
            say("error", error.message);
            Err(Failure::Unfinished)
        }
    }
}

fn json(report: &Report, answer: Option<&Answer>) -> String {
    serde_json::to_string(&InvokeReport { report, answer }).unwrap_or_default()
}

/// Prints the documents of a bulk request, and says that all were created.
#[derive(Default)]
pub(super) struct Print {
    error: RefCell<Option<io::Error>>,
}

impl Print {
    /// Why nothing more can be printed, if that is so.
    pub(super) fn error(&self) -> io::Result<()> {
        self.error.borrow_mut().take().map_or(Ok(()), Err)
    }
}

impl Transport for Print {
    async fn bulk(&self, _target: Target<'_>, body: Cow<'_, [u8]>, _timeout: Duration) -> Exchange {
        // Each document stands in a line of its own, below its action.
        let documents: Vec<&[u8]> = body
            .split_inclusive(|byte| *byte == b'\n')
            .skip(1)
            .step_by(2)
            .collect();
        if let Err(error) = Output::stdout()
            .bytes(&documents.concat())
            .and_then(Output::flush)
        {
            self.error.replace(Some(error));
        }
        let items = vec![r#"{"create":{"status":201}}"#; documents.len()].join(",");
        let reply = Reply {
            status: 200,
            retry_after: None,
            body: format!(r#"{{"items":[{items}]}}"#).into_bytes(),
        };
        Exchange {
            bytes_sent: 0,
            result: Ok(reply),
        }
    }

    async fn refresh_credentials(&self, _timeout: Duration) -> bool {
        false
    }
}
