//! `apigw-logs audit`: compares CloudWatch Logs with Elasticsearch.

use std::cell::Cell;
use std::io::{self, IsTerminal};

use serde::Serialize;

use super::backfill::{check_agreement, go_on, next};
use super::history::{HistorySource, Selection};
use super::output::Output;
use super::progress::{ProgressBar, grouped};
use super::terminal::notice;
use super::time::{duration, timestamp_text};
use super::{CliFailure, log_to_stderr, print, say};
use crate::config::{Config, Problem};
use crate::ecs::Timestamp;
use crate::elasticsearch::Elasticsearch;
use crate::history::{
    Audit, AuditCounts, AuditFinding, AuditReport, Doubles, Ids, Ledger, Missing, Row, Sight,
};
use crate::pipeline::{LookUpEverywhere, Pipeline};

/// Compare CloudWatch's history with the documents in Elasticsearch
///
/// Looks for each log event in all backing indices of DATA_STREAM and among the dead letters, and
/// counts for each log group and interval: in CloudWatch, indexed, dead letters, left out by
/// settings, missing, doubled. The exit status is 0 if nothing is missing or doubled in the end.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    history: Selection,
    /// Length of an interval, such as 15m, 1h or 1d
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "1h")]
    interval: i64,
    /// Send missing documents
    #[arg(long)]
    repair: bool,
    /// Remove later copies of documents that exist several times; the oldest stays
    #[arg(long)]
    remove_doubles: bool,
    /// Print JSON lines, even at a terminal
    #[arg(long)]
    json: bool,
    /// Name each log event that is missing or doubled, on standard error
    #[arg(long)]
    verbose: bool,
    /// Send or remove although the ids may not be those of live delivery, or the function may still
    /// write
    #[arg(long)]
    force: bool,
}

pub(super) async fn run(
    arguments: Arguments,
    mut config: Config,
    lookup: &impl Fn(&str) -> Option<String>,
    output: &mut Output,
) -> Result<(), CliFailure> {
    log_to_stderr(&mut config);
    let settings = config
        .elasticsearch
        .take()
        .ok_or_else(|| vec![Problem::missing_url()])?;
    let connection =
        HistorySource::new(&arguments.history, arguments.force, &config, lookup).await?;
    let ledger = Ledger::new(connection.query(None), arguments.interval);
    check_rows(&ledger)?;
    let mut pipeline = config.elasticsearch_pipeline(settings)?;
    pipeline.notice = Some(notice);
    let writes = arguments.repair || arguments.remove_doubles;
    if writes && !arguments.force {
        check_agreement(pipeline.indexer.transport(), &pipeline, &connection).await?;
    }
    let mut report = compare(&arguments, &connection, &pipeline, &ledger).await;
    report.resume = report.resume.map(|time| ledger.start_of(time));
    let until = report.resume.unwrap_or(i64::MAX);
    let total = Total::new(ledger.total(until), &report, &connection);
    let is_for_scripts = arguments.json || !io::stdout().is_terminal();
    let printed = if is_for_scripts {
        let rows = ledger.rows(until).map(|row| json(&row));
        let mut lines = rows.chain([json(&total)]);
        lines.try_for_each(|line| print(output, &line))
    } else if report.problem.is_none() || total.counts.cloudwatch > 0 {
        table(ledger.rows(until), &total, output)
    } else {
        Ok(())
    };
    // The sentences come after the numbers.
    let printed = printed.and_then(|()| output.flush().map_err(CliFailure::from));
    judge(&arguments, &total, &report).and(printed)
}

/// Upper bound on the lines of a report.
const MOST_ROWS: u64 = 10_000_000;

/// Stops if nobody could read the report.
fn check_rows(ledger: &Ledger<'_>) -> Result<(), CliFailure> {
    let count = ledger.row_count();
    if count <= MOST_ROWS {
        return Ok(());
    }
    let (count, most) = (grouped(count), grouped(MOST_ROWS));
    Err(CliFailure::Usage(vec![format!(
        "--interval should be longer, or --since later: the report would have {count} lines, and may have {most}"
    )]))
}

impl Arguments {
    fn ids(&self) -> Ids {
        if self.force {
            Ids::Any
        } else {
            Ids::OfCloudWatch
        }
    }

    fn missing(&self) -> Missing {
        if self.repair {
            Missing::Sent
        } else {
            Missing::Counted
        }
    }

    fn doubles(&self) -> Doubles {
        if self.remove_doubles {
            Doubles::Removed
        } else {
            Doubles::Counted
        }
    }
}

/// Compares with a progress bar, until everything is compared or the user interrupts.
async fn compare(
    arguments: &Arguments,
    connection: &HistorySource,
    pipeline: &Pipeline<Elasticsearch>,
    ledger: &Ledger<'_>,
) -> AuditReport {
    let everywhere = LookUpEverywhere {
        server: pipeline.indexer.transport(),
        data_stream: pipeline.data_stream(),
        dead_letters: pipeline.dead_letters.as_ref(),
    };
    everywhere
        .refresh(pipeline.retry_policy.request_timeout)
        .await;
    let audit = Audit {
        logs: &connection.logs,
        query: connection.query(None),
        pace: connection.pace,
        pipeline,
        look_up: &everywhere,
        ids: arguments.ids(),
        missing: arguments.missing(),
        doubles: arguments.doubles(),
    };
    let progress = ProgressBar::of("log events");
    let last = Cell::new(connection.since);
    let show = |sight: Sight| {
        last.set(sight.reached);
        progress.show_time(
            sight.events,
            (connection.since, sight.reached, connection.until),
        );
    };
    let tell = |finding: AuditFinding<'_>| {
        if arguments.verbose {
            progress.clear();
            name(&finding);
        }
    };
    let report = tokio::select! {
        report = audit.run(ledger, show, tell) => Some(report),
        Ok(()) = tokio::signal::ctrl_c() => None,
    };
    progress.clear();
    report.unwrap_or_else(|| {
        say("stopped", go_on(ledger.start_of(last.get())));
        AuditReport {
            resume: Some(last.get()),
            ..AuditReport::default()
        }
    })
}

fn name(finding: &AuditFinding<'_>) {
    let AuditFinding {
        log_group,
        log_stream,
        event_id,
        time,
        document,
        ..
    } = finding;
    say(
        finding.state,
        format_args!("{event_id} of {time} in {log_group}, {log_stream} (document {document})"),
    );
}

/// Returns the last line.
#[derive(Debug, Serialize)]
struct Total {
    total: bool,
    from: Timestamp,
    to: Timestamp,
    #[serde(flatten)]
    counts: AuditCounts,
    repaired: u64,
    removed: u64,
}

impl Total {
    fn new(counts: AuditCounts, report: &AuditReport, connection: &HistorySource) -> Self {
        Self {
            total: true,
            from: Timestamp(connection.since),
            to: Timestamp(report.resume.unwrap_or(connection.until)),
            counts,
            repaired: report.repaired,
            removed: report.removed,
        }
    }
}

fn json(line: &impl Serialize) -> String {
    serde_json::to_string(line).unwrap_or_default()
}

/// Prints intervals with log events, and the sum.
fn table(
    rows: impl Iterator<Item = Row>,
    total: &Total,
    output: &mut Output,
) -> Result<(), CliFailure> {
    const HEADS: [&str; 6] = [
        "cloudwatch",
        "indexed",
        "dead letters",
        "skipped",
        "missing",
        "doubled",
    ];
    let cells = |counts: &AuditCounts| {
        [
            counts.cloudwatch,
            counts.indexed,
            counts.dead_lettered,
            counts.skipped,
            counts.missing,
            counts.doubled,
        ]
        .map(grouped)
    };
    let line = |from: &str, cells: [String; 6], group: &str| {
        let cells = cells.iter().zip(HEADS);
        let cells: Vec<_> = cells
            .map(|(cell, head)| format!("{cell:>width$}", width = head.len().max(11)))
            .collect();
        format!("{from:<20}  {}  {group}", cells.join("  "))
            .trim_end()
            .to_owned()
    };
    output.line(&line("from", HEADS.map(str::to_owned), "log group"))?;
    for row in rows.filter(|row| row.counts.cloudwatch > 0) {
        let from = timestamp_text(row.from);
        output.line(&line(&from, cells(&row.counts), &row.log_group))?;
    }
    output.line(&line("total", cells(&total.counts), ""))?;
    Ok(())
}

/// Decides whether all is in order in the end.
fn judge(arguments: &Arguments, total: &Total, report: &AuditReport) -> Result<(), CliFailure> {
    let missing = total.counts.missing.saturating_sub(report.repaired);
    let doubled = total.counts.doubled.saturating_sub(report.removed);
    if report.repaired + report.removed > 0 {
        let repaired = grouped(report.repaired);
        let removed = grouped(report.removed);
        say(
            "done",
            format_args!(
                "{repaired} missing documents sent; later copies of {removed} documents removed"
            ),
        );
    }
    if let Some(problem) = &report.problem {
        let next = next(report.problem.as_ref(), report.resume);
        say("error", format_args!("{problem}{next}"));
        return Err(CliFailure::Unfinished);
    }
    if missing > 0 {
        let remedy = if arguments.repair {
            "they were sent and are not there: an ingest pipeline may drop, move or rename them, or the failure store has \
             them"
        } else {
            "add --repair to send them"
        };
        say(
            "error",
            format_args!("{} documents are missing: {remedy}", grouped(missing)),
        );
    }
    if doubled > 0 {
        let remedy = if arguments.remove_doubles {
            "nobody can tell which of their copies is the oldest, so all stay"
        } else {
            "add --remove-doubles to keep the oldest copy of each"
        };
        say(
            "error",
            format_args!(
                "{} documents are there several times: {remedy}",
                grouped(doubled)
            ),
        );
    }
    if missing + doubled > 0 || report.resume.is_some() {
        return Err(CliFailure::Unfinished);
    }
    Ok(())
}
