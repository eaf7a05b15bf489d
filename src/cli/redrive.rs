//! `apigw-logs redrive`: sends dead letters again.

use std::cell::Cell;
use std::io::{self, IsTerminal};

use serde::Serialize;

use super::invoke::Print;
use super::output::print_report;
use super::progress::{ProgressBar, grouped};
use super::summary::{SummaryWords, summary};
use super::terminal::notice;
use super::time::{Time, time};
use super::{CliFailure, log_to_stderr, number, say, say_json};
use crate::config::{Config, Problem};
use crate::data_stream::DataStreamName;
use crate::elasticsearch::Elasticsearch;
use crate::pipeline::Pipeline;
use crate::redrive::{Arrived, Redrive, RedriveReport};

/// Send dead letters again, once their cause is fixed
///
/// Reads dead letters from DEAD_LETTER_DATA_STREAM, makes their documents again, sends them, and
/// removes the letters of documents that arrived or were already there. The other letters stay.
/// Only documents for DATA_STREAM and for the data streams of --to are sent. A redrive can be
/// interrupted at any time, and repeated. The report goes to standard output, with --dry-run to
/// standard error: a sentence at a terminal, and JSON elsewhere.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Only letters of log events since then: an RFC 3339 time, or an age (2h, 7d)
    #[arg(long, value_name = "TIME", value_parser = time)]
    since: Option<Time>,
    /// At most N letters, the oldest first
    #[arg(long, value_name = "N", value_parser = number::positive, allow_negative_numbers = true)]
    limit: Option<u64>,
    /// Also send to this data stream; may be given several times
    #[arg(long, value_name = "NAME", value_parser = DataStreamName::parse)]
    to: Vec<DataStreamName>,
    /// Print the documents that would be sent; send and remove nothing
    #[arg(long)]
    dry_run: bool,
    /// Print the report as JSON, even at a terminal
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(arguments: Arguments, mut config: Config) -> Result<(), CliFailure> {
    log_to_stderr(&mut config);
    let settings = config
        .elasticsearch
        .take()
        .ok_or_else(|| vec![Problem::missing_url()])?;
    let is_dry_run = arguments.dry_run;
    let is_json = arguments.json;
    let redrive = redrive(arguments, &config)?;
    if is_dry_run {
        let server = Elasticsearch::new(settings).map_err(|error| vec![Problem::from(error)])?;
        let mut pipeline = config.pipeline(Print::default())?;
        pipeline.notice = Some(notice);
        let report = redrive.run(&server, &pipeline, |_, _| ()).await;
        if is_json || !io::stderr().is_terminal() {
            say_json(&json(&report, Some(true)));
        } else {
            let summary = summary(&report.report, PRINTED);
            say(
                "dry run",
                format_args!("{summary}; nothing was sent or removed"),
            );
        }
        judge(report)?;
        pipeline.indexer.transport().error()?;
        return Ok(());
    }
    let mut pipeline = config.elasticsearch_pipeline(settings)?;
    pipeline.notice = Some(notice);
    let report = with_progress(&redrive, &pipeline).await?;
    if is_json || !io::stdout().is_terminal() {
        print_report(&json(&report, None));
    } else {
        let removed = grouped(report.removed);
        let summary = summary(&report.report, SENT);
        print_report(&format!("{summary}; {removed} removed"));
    }
    judge(report)
}

fn redrive(arguments: Arguments, config: &Config) -> Result<Redrive, CliFailure> {
    let usage = |sentence| Err(CliFailure::Usage(vec![sentence]));
    let Some(dead_letters) = config.dead_letters.clone() else {
        return usage(
            "DEAD_LETTER_DATA_STREAM=none: name the data stream that the dead letters are in"
                .to_owned(),
        );
    };
    let mut targets = arguments.to;
    if targets.contains(&dead_letters) {
        return usage(format!(
            "--to {}: the dead letters are there; name the data stream that their documents are for",
            dead_letters.name
        ));
    }
    targets.push(config.data_stream.clone());
    Ok(Redrive {
        dead_letters,
        targets,
        since: arguments.since.and_then(Time::timestamp),
        limit: arguments.limit,
        arrived: if arguments.dry_run {
            Arrived::Kept
        } else {
            Arrived::Removed
        },
    })
}

/// Runs a redrive with a progress bar, until it ends or is interrupted.
async fn with_progress(
    redrive: &Redrive,
    pipeline: &Pipeline<Elasticsearch>,
) -> Result<RedriveReport, CliFailure> {
    let progress = ProgressBar::of("dead letters");
    let counts = Cell::new((0, 0));
    let server = pipeline.indexer.transport();
    let run = redrive.run(server, pipeline, |done, all| {
        counts.set((done, all));
        progress.show(done, all);
    });
    let report = tokio::select! {
        report = run => Some(report),
        Ok(()) = tokio::signal::ctrl_c() => None,
    };
    progress.clear();
    report.ok_or_else(|| {
        let (done, all) = counts.get();
        let done = grouped(done);
        let all = grouped(all);
        say(
            "stopped",
            format_args!("{done} of {all} dead letters sent; run it again to go on"),
        );
        CliFailure::Unfinished
    })
}

/// Decides from the report alone whether the work is finished.
fn judge(report: RedriveReport) -> Result<(), CliFailure> {
    for warning in report.report.warnings() {
        say("warning", warning);
    }
    match report.report.error {
        None => Ok(()),
        Some(error) => {
            say("error", error.message);
            Err(CliFailure::Unfinished)
        }
    }
}

/// The words for letters that are sent.
const SENT: SummaryWords = SummaryWords {
    noun: "dead letter",
    indexed: "indexed",
    dead_lettered: "rejected again",
    skipped: "left out",
};

/// The words for letters whose documents are printed.
const PRINTED: SummaryWords = SummaryWords {
    indexed: SummaryWords::PRINTED.indexed,
    ..SENT
};

fn json(report: &RedriveReport, dry_run: Option<bool>) -> String {
    #[derive(Serialize)]
    struct PrintedRedrive<'a> {
        #[serde(flatten)]
        report: &'a RedriveReport,
        #[serde(skip_serializing_if = "Option::is_none")]
        dry_run: Option<bool>,
    }
    serde_json::to_string(&PrintedRedrive { report, dry_run }).unwrap_or_default()
}
