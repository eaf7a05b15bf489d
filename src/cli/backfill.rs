//! `apigw-logs backfill`: sends history through the path.

use std::cell::Cell;
use std::io::{self, IsTerminal};

use super::history::{HistorySource, Selection};
use super::invoke::Print;
use super::output::print_report;
use super::progress::{ProgressBar, grouped};
use super::summary::{SummaryWords, summary};
use super::terminal::notice;
use super::{CliFailure, log_to_stderr, say, say_json};
use crate::config::{Config, Problem};
use crate::ecs::Timestamp;
use crate::elasticsearch::Elasticsearch;
use crate::history::{Backfill, BackfillReport, Guard, HistoryError, Ids, Sight};
use crate::pipeline::{LookUp, LookUpEverywhere, Pipeline};
use crate::server::{Search, Transport};

/// Send a time range of CloudWatch's history, without doubling existing documents
///
/// Reads the log events of log groups and sends them through the path of live delivery, under the
/// same ids. Looks up each document first, in all backing indices of DATA_STREAM and among the dead
/// letters: an existing document is not sent again, and counts as a duplicate or a dead letter. A
/// backfill can be interrupted at any time, and repeated. The report goes to standard output: a
/// sentence at a terminal, and JSON elsewhere.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    history: Selection,
    /// Only lines that match a filter pattern of CloudWatch Logs
    #[arg(long, value_name = "PATTERN")]
    pattern: Option<String>,
    /// Print the documents that would be sent; send nothing
    #[arg(long)]
    dry_run: bool,
    /// Print the report as JSON, even at a terminal
    #[arg(long)]
    json: bool,
    /// Send although the ids may not be those of live delivery, or the function may still write
    #[arg(long)]
    force: bool,
}

pub(super) async fn run(
    arguments: Arguments,
    mut config: Config,
    lookup: &impl Fn(&str) -> Option<String>,
) -> Result<(), CliFailure> {
    log_to_stderr(&mut config);
    let is_forced = arguments.force || arguments.dry_run;
    let connection = HistorySource::new(&arguments.history, is_forced, &config, lookup).await?;
    let settings = config.elasticsearch.take();
    let server = match (settings, arguments.dry_run) {
        (Some(settings), _) => {
            Some(Elasticsearch::new(settings).map_err(|error| vec![Problem::from(error)])?)
        }
        (None, true) => None,
        (None, false) => return Err(vec![Problem::missing_url()].into()),
    };
    if !arguments.dry_run {
        let server = server.ok_or_else(|| vec![Problem::missing_url()])?;
        let mut pipeline = config.pipeline(server)?;
        pipeline.notice = Some(notice);
        let server = pipeline.indexer.transport();
        if !arguments.force {
            check_agreement(server, &pipeline, &connection).await?;
        }
        let report = send(&arguments, &connection, &pipeline, Some(server)).await?;
        if !io::stdout().is_terminal() || arguments.json {
            print_report(&json(&report, None));
        } else if has_begun(&report) {
            print_report(&summary(&report.report, SummaryWords::SENT));
        }
        return judge(&report);
    }
    let mut pipeline = config.pipeline(Print::default())?;
    pipeline.notice = Some(notice);
    if let Some(server) = server.as_ref().filter(|_| !arguments.force) {
        check_agreement(server, &pipeline, &connection).await?;
    }
    let report = send(&arguments, &connection, &pipeline, server.as_ref()).await?;
    match pipeline.indexer.transport().error() {
        // A reader who has seen enough is no failure. After any other, no report says that all is
        // done.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(error.into()),
        _ => {}
    }
    if !io::stderr().is_terminal() || arguments.json {
        say_json(&json(&report, Some(true)));
    } else if has_begun(&report) {
        let summary = summary(&report.report, SummaryWords::PRINTED);
        say("dry run", format_args!("{summary}; nothing was sent"));
    }
    judge(&report)
}

/// Returns whether there is anything to sum up.
fn has_begun(report: &BackfillReport) -> bool {
    report.report.received > 0 || report.problem.is_none()
}

/// Stops if the ids of CloudWatch Logs are not those of live delivery.
pub(super) async fn check_agreement<S: Search, T>(
    server: &S,
    pipeline: &Pipeline<T>,
    connection: &HistorySource,
) -> Result<(), CliFailure> {
    let guard = Guard {
        server,
        data_stream: pipeline.data_stream(),
        logs: &connection.logs,
        pace: connection.pace,
    };
    let checked = guard.check(&connection.query(None)).await;
    checked.map_err(|error| {
        say("error", &error);
        CliFailure::Unfinished
    })
}

/// Sends history with a progress bar, until everything is sent or the user interrupts.
async fn send<T: Transport, S: Search>(
    arguments: &Arguments,
    connection: &HistorySource,
    pipeline: &Pipeline<T>,
    server: Option<&S>,
) -> Result<BackfillReport, CliFailure> {
    let everywhere = server.map(|server| LookUpEverywhere {
        server,
        data_stream: pipeline.data_stream(),
        dead_letters: pipeline.dead_letters.as_ref(),
    });
    if let Some(everywhere) = &everywhere {
        everywhere
            .refresh(pipeline.retry_policy.request_timeout)
            .await;
    }
    let backfill = Backfill {
        logs: &connection.logs,
        query: connection.query(arguments.pattern.as_deref()),
        pace: connection.pace,
        pipeline,
        look_up: everywhere
            .as_ref()
            .map(|everywhere| everywhere as &dyn LookUp),
        ids: if arguments.force {
            Ids::Any
        } else {
            Ids::OfCloudWatch
        },
    };
    let progress = ProgressBar::of("log events");
    let last = Cell::new(None);
    let run = backfill.run(|sight| {
        last.set(Some(sight));
        let Sight { events, reached } = sight;
        progress.show_time(events, (connection.since, reached, connection.until));
    });
    let report = tokio::select! {
        report = run => Some(report),
        Ok(()) = tokio::signal::ctrl_c() => None,
    };
    progress.clear();
    report.ok_or_else(|| {
        let events = last.get().map_or(0, |sight| sight.events);
        let resume = last.get().map_or(connection.since, |sight| sight.reached);
        say(
            "stopped",
            format_args!(
                "{} log events are confirmed; {}",
                grouped(events),
                go_on(resume)
            ),
        );
        CliFailure::Unfinished
    })
}

/// Says how to continue.
pub(super) fn go_on(resume: i64) -> String {
    format!("go on with --since {}", Timestamp(resume))
}

/// Says how to continue after an error, unless the error has a remedy of its own.
pub(super) fn next(problem: Option<&HistoryError>, resume: Option<i64>) -> String {
    match (problem, resume) {
        (Some(HistoryError::StrangeId { .. } | HistoryError::NoIds(_)), _) | (_, None) => {
            String::new()
        }
        (_, Some(resume)) => format!("; {}", go_on(resume)),
    }
}

/// Decides whether the work is finished.
fn judge(report: &BackfillReport) -> Result<(), CliFailure> {
    let warnings = report.report.warnings();
    warnings.iter().for_each(|warning| say("warning", warning));
    if report.report.dead_lettered > 0 {
        let count = grouped(report.report.dead_lettered);
        let why = report.report.why_rejected();
        say(
            "warning",
            format_args!("{count} documents are dead letters{why}"),
        );
    }
    let Some(error) = &report.report.error else {
        return Ok(());
    };
    let next = next(report.problem.as_ref(), report.resume);
    say("error", format_args!("{}{next}", error.message));
    Err(CliFailure::Unfinished)
}

fn json(report: &BackfillReport, dry_run: Option<bool>) -> String {
    #[derive(serde::Serialize)]
    struct PrintedBackfill<'a> {
        #[serde(flatten)]
        report: &'a BackfillReport,
        /// The time from which a later backfill continues.
        #[serde(skip_serializing_if = "Option::is_none")]
        since: Option<Timestamp>,
        #[serde(skip_serializing_if = "Option::is_none")]
        dry_run: Option<bool>,
    }
    let json = PrintedBackfill {
        report,
        since: report.resume.map(Timestamp),
        dry_run,
    };
    serde_json::to_string(&json).unwrap_or_default()
}
