//! `apigw-logs invoke`: processes sample events through the function's path.

use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt::{self, Display};
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::output::{Output, print_report};
use super::summary::summary;
use super::terminal::{say, say_json, watched};
use super::{Failure, log_to_stderr, read};
use crate::config::Config;
use crate::pipeline::{Invocation, Pipeline};
use crate::printable::printable;
use crate::report::{Answer, ErrorType, Report};
use crate::server::{Exchange, Reply, Target, Transport};

/// Process invoke events as Lambda delivers them
///
/// Without ELASTICSEARCH_URL, every document goes to standard output as one JSON line, and the
/// report goes to standard error. With it, documents are really indexed, and the report goes to
/// standard output. The report is a sentence at a terminal, and a JSON object elsewhere.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Files with one event each; `-` is standard input
    #[arg(required = true, value_name = "EVENT.json")]
    events: Vec<PathBuf>,
    /// Print the documents, even with ELASTICSEARCH_URL
    #[arg(long)]
    dry_run: bool,
    /// Print the report as JSON, even at a terminal
    #[arg(long)]
    json: bool,
}

/// The report, with the answer that the function would have given to a stream or queue.
#[derive(Serialize)]
struct InvokeReport<'a> {
    /// The event's file, if there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    #[serde(flatten)]
    report: &'a Report,
    #[serde(skip_serializing_if = "is_false")]
    dry_run: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<&'a Answer>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_false(value: &bool) -> bool {
    !value
}

pub(super) async fn run(arguments: Arguments, mut config: Config) -> Result<(), Failure> {
    log_to_stderr(&mut config);
    let url = config.elasticsearch.take();
    let why_dry = if url.is_none() {
        "ELASTICSEARCH_URL is not set"
    } else {
        "--dry-run"
    };
    match url.filter(|_| !arguments.dry_run) {
        None => {
            let pipeline = config.pipeline(Print::default())?;
            let is_for_people = io::stderr().is_terminal() && !arguments.json;
            each(&arguments.events, &pipeline, |file, invocation| {
                pipeline.indexer.transport().error()?;
                if is_for_people {
                    let summary = summary(&invocation.report, "documents printed");
                    say(
                        "dry run",
                        format_args!("{file}{summary}; nothing was sent: {why_dry}"),
                    );
                } else {
                    say_json(&json(file, invocation, Sent::Nothing));
                }
                Ok(())
            })
            .await
        }
        Some(settings) => {
            let pipeline = config.elasticsearch_pipeline(settings)?;
            let is_for_people = io::stdout().is_terminal() && !arguments.json;
            each(&arguments.events, &pipeline, |file, invocation| {
                if is_for_people {
                    print_report(&format!("{file}{}", summary(&invocation.report, "indexed")));
                } else {
                    print_report(&json(file, invocation, Sent::ToServer));
                }
                Ok(())
            })
            .await
        }
    }
}

/// The destination of the documents.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sent {
    Nothing,
    ToServer,
}

/// Returns the name of an event's file, to begin a sentence with; empty if there is only one file.
struct FileName<'a>(Option<&'a Path>);

impl Display for FileName<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => Ok(()),
            Some(file) => write!(
                formatter,
                "{}: ",
                printable(&file.display().to_string(), 200)
            ),
        }
    }
}

/// Processes the events one after the other, and prints the problem of each at once. An event that
/// fails does not stop the others. Only a closed standard output ends the work.
async fn each<T: Transport>(
    events: &[PathBuf],
    pipeline: &Pipeline<T>,
    mut report: impl FnMut(&FileName<'_>, &Invocation) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut worst = Ok(());
    for file in events {
        let name = FileName((events.len() > 1).then_some(file));
        let done = match read(file) {
            Ok(bytes) => one(file, &name, &bytes, pipeline, &mut report).await,
            Err(failure) => Err(failure),
        };
        match done {
            Ok(()) => {}
            Err(Failure::ClosedPipe) => return Err(Failure::ClosedPipe),
            Err(Failure::Unfinished) => worst = worst.and(Err(Failure::Unfinished)),
            Err(Failure::Usage(sentences)) => {
                sentences.iter().for_each(|sentence| say("error", sentence));
                worst = Err(Failure::Usage(Vec::new()));
            }
        }
    }
    worst
}

async fn one<T: Transport>(
    file: &Path,
    name: &FileName<'_>,
    bytes: &[u8],
    pipeline: &Pipeline<T>,
    report: &mut impl FnMut(&FileName<'_>, &Invocation) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let label = file.display().to_string();
    let invocation = watched(&label, pipeline.invoke(bytes, None)).await;
    report(name, &invocation)?;
    let report = invocation.report;
    for warning in report.warnings() {
        say("warning", format_args!("{name}{warning}"));
    }
    match report.dead_lettered {
        0 => {}
        1 => say(
            "warning",
            format_args!("{name}1 document was rejected and is now a dead letter"),
        ),
        several => say(
            "warning",
            format_args!("{name}{several} documents were rejected and are now dead letters"),
        ),
    }
    let Some(error) = report.error else {
        return Ok(());
    };
    say("error", format_args!("{name}{}", error.message));
    if error.kind != ErrorType::EventUnsupported {
        return Err(Failure::Unfinished);
    }
    if file != Path::new("-")
        && let Some(hint) = hint(file, bytes)
    {
        say("hint", hint);
    }
    Err(Failure::Usage(Vec::new()))
}

/// Guesses the content of a file that holds no event.
fn hint(file: &Path, bytes: &[u8]) -> Option<String> {
    const GZIP: &[u8] = &[0x1f, 0x8b];
    let name = file.display();
    if bytes.trim_ascii().is_empty() {
        return Some(format!("{name} is empty"));
    }
    if bytes.starts_with(GZIP) {
        return Some(format!(
            "{name} is compressed: `gunzip -c {name}` shows what is in it"
        ));
    }
    let mut values = serde_json::Deserializer::from_slice(bytes).into_iter::<Members>();
    let first = values.next();
    let goes_on = values.next().is_some();
    match first {
        Some(Ok(members)) if members.are_an_event() && goes_on => Some(format!(
            "there is more in {name} behind the first event: put each event into a file of its own"
        )),
        Some(Ok(members)) if members.are_an_event() => None,
        // A value over several lines is not a log.
        Some(Ok(_)) if !goes_on && bytes.trim_ascii().contains(&b'\n') => None,
        _ => Some(format!(
            "are these raw log lines? `apigw-logs normalize {name}` shows their documents, and \
             `apigw-logs event {name} --log-group G --log-stream S` makes an event of them"
        )),
    }
}

/// The members by which an event is recognised.
#[derive(Deserialize)]
struct Members {
    awslogs: Option<IgnoredAny>,
    #[serde(rename = "Records")]
    records: Option<IgnoredAny>,
    #[serde(rename = "requestPayload")]
    request_payload: Option<IgnoredAny>,
}

impl Members {
    fn are_an_event(&self) -> bool {
        self.awslogs.is_some() || self.records.is_some() || self.request_payload.is_some()
    }
}

fn json(file: &FileName<'_>, invocation: &Invocation, sent: Sent) -> String {
    serde_json::to_string(&InvokeReport {
        file: file.0.map(|file| file.display().to_string()),
        report: &invocation.report,
        dry_run: sent == Sent::Nothing,
        answer: invocation.answer.as_ref(),
    })
    .unwrap_or_default()
}

/// Prints the documents of a bulk request, and reports all of them as created.
#[derive(Default)]
pub(super) struct Print {
    error: RefCell<Option<io::Error>>,
}

impl Print {
    /// Fails if documents could not be printed.
    pub(super) fn error(&self) -> io::Result<()> {
        self.error.borrow_mut().take().map_or(Ok(()), Err)
    }
}

impl Transport for Print {
    async fn bulk(&self, _target: Target<'_>, body: Cow<'_, [u8]>, _timeout: Duration) -> Exchange {
        // Each document is a line of its own, below its action.
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
            is_echoed: true,
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
