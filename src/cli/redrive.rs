//! `apigw-logs redrive`: dead letters, once more.

use std::io::{self, IsTerminal, Write};

use super::invoke::Print;
use super::output::Output;
use super::time::{Time, time};
use super::{Failure, log_to_stderr, say, say_json};
use crate::config::{Config, Problem};
use crate::elasticsearch::Elasticsearch;
use crate::pipeline::Pipeline;
use crate::redrive::{Arrived, Redrive, RedriveReport};

/// Send dead letters again, once the cause is mended
///
/// Takes them out of DEAD_LETTER_DATA_STREAM, makes their documents again, sends them to the data streams that refused
/// them, and removes those that have arrived or were there already; the others stay. The report goes to standard output.
/// It can be interrupted at any time, and repeated.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Only those of log events since then: an RFC 3339 time, or so long ago (2h, 7d)
    #[arg(long, value_name = "TIME", value_parser = time)]
    since: Option<Time>,
    /// So many at most, the oldest first
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
    /// Print the documents that would be sent; send and remove nothing
    #[arg(long)]
    dry_run: bool,
}

pub(super) async fn run(arguments: Arguments, mut config: Config) -> Result<(), Failure> {
    log_to_stderr(&mut config);
    let settings = config
        .elasticsearch
        .take()
        .ok_or_else(|| vec![Problem::missing_url()])?;
    let dead_letters = config.dead_letters.clone().ok_or_else(|| {
        Failure::Usage(vec![
            "DEAD_LETTER_DATA_STREAM=none: name the data stream that the dead letters are in"
                .to_owned(),
        ])
    })?;
    let arrived = if arguments.dry_run {
        Arrived::Kept
    } else {
        Arrived::Removed
    };
    let redrive = Redrive {
        dead_letters,
        since: arguments.since.and_then(Time::timestamp),
        limit: arguments.limit,
        arrived,
    };
    let report = if arguments.dry_run {
        let server = Elasticsearch::new(settings).map_err(|error| vec![Problem::from(error)])?;
        let pipeline = config.pipeline(Print::default())?;
        let report = redrive.run(&server, &pipeline, |_, _| ()).await;
        pipeline.indexer.transport().error()?;
        say_json(&json(&report));
        report
    } else {
        let pipeline = config.elasticsearch_pipeline(settings)?;
        let report = with_progress(&redrive, &pipeline).await;
        Output::stdout().line(&json(&report))?.flush()?;
        report
    };
    match report.report.error {
        None => Ok(()),
        Some(error) => {
            say("error", error.message);
            Err(Failure::Unfinished)
        }
    }
}

/// On a terminal a bar says how far it is.
async fn with_progress(redrive: &Redrive, pipeline: &Pipeline<Elasticsearch>) -> RedriveReport {
    // Escape sequence: the line is cleared.
    const CLEAR: &str = "\r\x1b[2K";
    let show = |text: &str| {
        if io::stderr().is_terminal() {
            // A terminal that is gone has nobody to look at it.
            drop(write!(io::stderr(), "{CLEAR}{text}"));
        }
    };
    let report = redrive
        .run(pipeline.indexer.transport(), pipeline, |done, all| {
            show(&bar(done, all))
        })
        .await;
    show("");
    report
}

fn bar(done: u64, all: u64) -> String {
    const WIDTH: usize = 40;
    let share = if all == 0 {
        1.0
    } else {
        done as f64 / all as f64
    };
    let full = "#".repeat((share * WIDTH as f64) as usize);
    format!("[{full:-<WIDTH$}] {done} of {all} dead letters")
}

fn json(report: &RedriveReport) -> String {
    serde_json::to_string(report).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_long_as_what_is_done() {
        assert_eq!(
            bar(0, 4),
            format!("[{}] 0 of 4 dead letters", "-".repeat(40))
        );
        assert_eq!(
            bar(1, 4),
            format!("[{}{}] 1 of 4 dead letters", "#".repeat(10), "-".repeat(30))
        );
        assert_eq!(
            bar(4, 4),
            format!("[{}] 4 of 4 dead letters", "#".repeat(40))
        );
        assert_eq!(
            bar(0, 0),
            format!("[{}] 0 of 0 dead letters", "#".repeat(40))
        );
    }
}
