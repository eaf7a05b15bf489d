//! `apigw-logs invoke`: processes sample events through the function's path.

use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt::{self, Display};
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::log_group::{NamedLogGroup, arn};
use super::output::{Output, print_report};
use super::payload::payloads;
use super::summary::{SummaryWords, summary};
use super::terminal::{notice, say, say_json, watched};
use super::{CliFailure, found, kind, log_to_stderr, read};
use crate::config::Config;
use crate::event::{Batch, Record, Trigger};
use crate::pipeline::{Invocation, LookUp, LookUpRepeated, Pipeline};
use crate::printable::printable;
use crate::report::{Answer, ErrorType, Report};
use crate::server::{Exchange, Reply, Target, Transport};

/// Process invoke events as Lambda delivers them
///
/// Without ELASTICSEARCH_URL, every document goes to standard output as one JSON line, and the
/// report goes to standard error. With it, documents are really indexed, and the report goes to
/// standard output. The report is a sentence at a terminal, and a JSON object elsewhere.
///
/// A file may also hold the output of `aws logs filter-log-events --output json`. Name the ARN of
/// the log group with --log-group. Log events keep their ids, so those that arrived before count as
/// duplicates.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Files with one event each; `-` is standard input
    #[arg(required = true, value_name = "EVENT.json")]
    events: Vec<PathBuf>,
    /// ARN of the log group, for the output of `aws logs filter-log-events`
    #[arg(long, value_name = "ARN", value_parser = arn)]
    log_group: Option<NamedLogGroup>,
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

pub(super) async fn run(arguments: Arguments, mut config: Config) -> Result<(), CliFailure> {
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
            let job = Job {
                pipeline: &pipeline,
                log_group: arguments.log_group.as_ref(),
                look_up: None,
            };
            job.each(&arguments.events, |file, invocation| {
                pipeline.indexer.transport().error()?;
                if is_for_people {
                    let summary = summary(&invocation.report, SummaryWords::PRINTED);
                    say(
                        "dry run",
                        format_args!("{file}{summary}; nothing was sent: {why_dry}"),
                    );
                } else {
                    say_json(&json(file, invocation, Destination::Nothing));
                }
                Ok(())
            })
            .await
        }
        Some(settings) => {
            let look_up_repeated = config.look_up_repeated;
            let mut pipeline = config.elasticsearch_pipeline(settings)?;
            pipeline.notice = Some(notice);
            let is_for_people = io::stdout().is_terminal() && !arguments.json;
            let look_up = LookUpRepeated::new(
                pipeline.indexer.transport(),
                pipeline.data_stream(),
                pipeline.dead_letters.as_ref(),
            );
            let look_up: &dyn LookUp = &look_up;
            let job = Job {
                pipeline: &pipeline,
                log_group: arguments.log_group.as_ref(),
                look_up: look_up_repeated.then_some(look_up),
            };
            job.each(&arguments.events, |file, invocation| {
                if is_for_people {
                    print_report(&format!(
                        "{file}{}",
                        summary(&invocation.report, SummaryWords::SENT)
                    ));
                } else {
                    print_report(&json(file, invocation, Destination::ToServer));
                }
                Ok(())
            })
            .await
        }
    }
}

/// The destination of the documents.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Destination {
    Nothing,
    ToServer,
}

/// A file with an event. If there are several, a sentence about one of them begins with its name.
#[derive(Clone, Copy)]
struct EventFile<'a> {
    path: &'a Path,
    /// Its number, from 1, and the number of all files.
    place: (usize, usize),
}

impl EventFile<'_> {
    fn is_one_of_several(&self) -> bool {
        self.place.1 > 1
    }

    /// Returns the words for somebody who waits.
    fn label(&self) -> String {
        let path = self.path.display();
        let (number, all) = self.place;
        if self.is_one_of_several() {
            format!("{number} of {all} files, {path}")
        } else {
            path.to_string()
        }
    }
}

impl Display for EventFile<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.is_one_of_several() {
            return Ok(());
        }
        let path = self.path.display().to_string();
        write!(formatter, "{}: ", printable(&path, 200))
    }
}

/// The path of the events.
struct Job<'a, T> {
    pipeline: &'a Pipeline<T>,
    /// The log group of what `FilterLogEvents` found.
    log_group: Option<&'a NamedLogGroup>,
    /// Finds documents of repeated events.
    look_up: Option<&'a dyn LookUp>,
}

impl<T: Transport> Job<'_, T> {
    /// Processes the events one after the other, and prints the problem of each at once. An event
    /// that fails does not stop the others. Only a closed standard output ends the work.
    async fn each(
        &self,
        events: &[PathBuf],
        mut report: impl FnMut(EventFile<'_>, &Invocation) -> Result<(), CliFailure>,
    ) -> Result<(), CliFailure> {
        let mut worst = Ok(());
        for (number, file) in (1..).zip(events) {
            let event = EventFile {
                path: file,
                place: (number, events.len()),
            };
            let done = match read(file) {
                Ok(bytes) => {
                    let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&bytes);
                    self.one(event, bytes, &mut report).await
                }
                Err(failure) => Err(failure),
            };
            match done {
                Ok(()) => {}
                Err(CliFailure::ClosedPipe) => return worst.and(Err(CliFailure::ClosedPipe)),
                Err(CliFailure::Unfinished) => worst = worst.and(Err(CliFailure::Unfinished)),
                Err(CliFailure::Usage(sentences)) => {
                    sentences.iter().for_each(|sentence| say("error", sentence));
                    worst = Err(CliFailure::Usage(Vec::new()));
                }
            }
        }
        worst
    }

    async fn one(
        &self,
        file: EventFile<'_>,
        bytes: &[u8],
        report: &mut impl FnMut(EventFile<'_>, &Invocation) -> Result<(), CliFailure>,
    ) -> Result<(), CliFailure> {
        let invocation = watched(&file.label(), self.deliver(bytes))
            .await
            .map_err(|failure| named(file, failure))?;
        let printed = report(file, &invocation);
        judge(file, bytes, invocation.report).and(printed)
    }

    /// Delivers an event, or the log events that `FilterLogEvents` found.
    async fn deliver(&self, bytes: &[u8]) -> Result<Invocation, CliFailure> {
        if !found::is_reply(bytes) {
            return Ok(self
                .pipeline
                .invoke_looking_up(bytes, None, self.look_up)
                .await);
        }
        let usage = |sentence: String| CliFailure::Usage(vec![sentence]);
        let Some((group, owner)) = self
            .log_group
            .and_then(|group| Some((group, group.account.as_deref()?)))
        else {
            return Err(usage(found::NEEDS_ARN.to_owned()));
        };
        let streams = found::read(bytes).map_err(usage)?;
        let record = |payload: String| Record {
            id: Cow::Borrowed(""),
            payloads: Ok(vec![Cow::Owned(payload)]),
            is_direct: false,
        };
        let payloads = payloads(owner, &group.name, &streams)?;
        let batch = Batch {
            trigger: Trigger::Subscription,
            is_repeated: true,
            records: payloads.into_iter().map(record).collect(),
        };
        let (report, _) = self
            .pipeline
            .process_looking_up(batch, None, self.look_up)
            .await;
        Ok(Invocation {
            report,
            answer: None,
        })
    }
}

/// Decides from the report whether the work is finished, and says what is not in order.
fn judge(file: EventFile<'_>, bytes: &[u8], report: Report) -> Result<(), CliFailure> {
    for warning in report.warnings() {
        say("warning", format_args!("{file}{warning}"));
    }
    let why = report.why_rejected();
    match report.dead_lettered {
        0 => {}
        1 => say(
            "warning",
            format_args!("{file}1 document was rejected{why} and is now a dead letter"),
        ),
        several => say(
            "warning",
            format_args!("{file}{several} documents were rejected{why} and are now dead letters"),
        ),
    }
    let Some(error) = report.error else {
        return Ok(());
    };
    say("error", format_args!("{file}{}", error.message));
    if error.kind != ErrorType::EventUnsupported {
        return Err(CliFailure::Unfinished);
    }
    if file.path != Path::new("-")
        && let Some(hint) = hint(file.path, bytes)
    {
        say("hint", hint);
    }
    Err(CliFailure::Usage(Vec::new()))
}

/// Begins the sentences of a failure with the file's name.
fn named(file: EventFile<'_>, failure: CliFailure) -> CliFailure {
    match failure {
        CliFailure::Usage(sentences) => CliFailure::Usage(
            sentences
                .iter()
                .map(|sentence| format!("{file}{sentence}"))
                .collect(),
        ),
        other => other,
    }
}

/// The bytes that some Windows programs put before JSON.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// Guesses the content of a file that holds no event.
fn hint(file: &Path, bytes: &[u8]) -> Option<String> {
    let name = file.display();
    if bytes.trim_ascii().is_empty() {
        return Some(format!("{name} is empty"));
    }
    if let Some(sentence) = kind::foreign(file, bytes) {
        return Some(sentence);
    }
    let mut values = serde_json::Deserializer::from_slice(bytes).into_iter::<EventMembers>();
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
struct EventMembers {
    awslogs: Option<IgnoredAny>,
    #[serde(rename = "Records")]
    records: Option<IgnoredAny>,
    #[serde(rename = "requestPayload")]
    request_payload: Option<IgnoredAny>,
}

impl EventMembers {
    fn are_an_event(&self) -> bool {
        self.awslogs.is_some() || self.records.is_some() || self.request_payload.is_some()
    }
}

fn json(file: EventFile<'_>, invocation: &Invocation, sent: Destination) -> String {
    serde_json::to_string(&InvokeReport {
        file: file
            .is_one_of_several()
            .then(|| file.path.display().to_string()),
        report: &invocation.report,
        dry_run: sent == Destination::Nothing,
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
        let lines: Vec<&[u8]> = body.split_inclusive(|byte| *byte == b'\n').collect();
        let documents: Vec<&[u8]> = lines.iter().skip(1).step_by(2).copied().collect();
        if let Err(error) = Output::stdout()
            .bytes(&documents.concat())
            .and_then(Output::flush)
        {
            self.error.replace(Some(error));
        }
        let items: Vec<_> = lines
            .iter()
            .step_by(2)
            .map(|action| created(action))
            .collect();
        let reply = Reply {
            status: 200,
            retry_after: None,
            is_echoed: true,
            is_early: false,
            body: [br#"{"items":["#, &*items.join(&b','), b"]}"].concat(),
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

/// Returns the result of a stored document: its action, with the status.
fn created(action: &[u8]) -> Vec<u8> {
    let action = action.strip_suffix(b"}}\n").unwrap_or(action);
    [action, br#","status":201}}"#].concat()
}
