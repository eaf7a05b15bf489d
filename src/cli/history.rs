//! The common parts of `backfill` and `audit`: log groups, times, and the connection to CloudWatch.

use super::log_group::name_or_arn;
use super::terminal::notice;
use super::time::{Time, time};
use super::{CliFailure, number, say};
use crate::aws::{Logs, Place};
use crate::config::{self, Config, Problem};
use crate::history::{HistoryError, HistoryQuery, LogGroup, Pace, find_log_groups};

/// The age up to which the function may still be writing log events, in milliseconds.
const STILL_WRITING: i64 = 5 * 60 * 1_000;

#[derive(Debug, clap::Args)]
pub(super) struct Selection {
    /// Log group: a name, an ARN, or a pattern with `*`; may be given several times
    #[arg(long, value_name = "GROUP", required = true, value_parser = log_group)]
    log_group: Vec<String>,
    /// Start: a date, a time (2026-03-01T08:30:00Z), milliseconds since 1970, or how long ago (36h,
    /// 7d)
    #[arg(long, value_name = "TIME", value_parser = time)]
    since: Time,
    /// End, as above [default: five minutes ago]
    #[arg(long, value_name = "TIME", value_parser = time)]
    until: Option<Time>,
    /// At most N requests a second to CloudWatch Logs
    #[arg(long, value_name = "N", value_parser = number::rate, allow_negative_numbers = true)]
    rps: Option<u32>,
}

/// The connection to CloudWatch Logs, and the requested history.
pub(super) struct HistorySource {
    pub(super) logs: Logs,
    pub(super) groups: Vec<LogGroup>,
    pub(super) since: i64,
    pub(super) until: i64,
    pub(super) pace: Pace,
}

impl HistorySource {
    /// Reads the settings and finds the log groups.
    pub(super) async fn new(
        arguments: &Selection,
        may_be_young: bool,
        config: &Config,
        lookup: &impl Fn(&str) -> Option<String>,
    ) -> Result<Self, CliFailure> {
        let (since, until) = times(arguments, may_be_young)?;
        let (settings, place) = config::cloudwatch_logs(lookup)?;
        let logs = Logs::new(settings).map_err(|error| vec![Problem::from(error)])?;
        let pace = Pace {
            retry_policy: config.retry_policy,
            random: config::random,
            requests_per_second: arguments.rps,
            notice: Some(notice),
        };
        let groups = groups(&logs, place.as_ref(), &arguments.log_group, pace).await?;
        Ok(Self {
            logs,
            groups,
            since,
            until,
            pace,
        })
    }

    pub(super) fn query<'c>(&'c self, pattern: Option<&'c str>) -> HistoryQuery<'c> {
        HistoryQuery {
            groups: &self.groups,
            since: self.since,
            until: self.until,
            pattern,
        }
    }
}

/// Parses a name, a pattern for names, or an ARN.
fn log_group(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Err("it should be a name, a pattern or an ARN".to_owned());
    }
    if text.starts_with("arn:") && name_or_arn(text)?.name.contains(['*', '?']) {
        return Err(
            "a pattern should be for names: give it without the ARN, and the region as AWS_REGION"
                .to_owned(),
        );
    }
    Ok(text.to_owned())
}

/// Returns the start and end in milliseconds since 1970.
fn times(arguments: &Selection, may_be_young: bool) -> Result<(i64, i64), CliFailure> {
    let usage = |sentence: &str| CliFailure::Usage(vec![sentence.to_owned()]);
    let at = |time: Time| {
        let time = time.timestamp().map(|time| time.0);
        time.ok_or_else(|| usage("the time is too long ago"))
    };
    let youngest = jiff::Timestamp::now().as_millisecond() - STILL_WRITING;
    let since = at(arguments.since)?;
    let until = arguments.until.map_or(Ok(youngest), at)?;
    if since < 0 || until < since {
        return Err(usage(
            "--until should not be before --since (it is five minutes ago if it is not given)",
        ));
    }
    if until > youngest && !may_be_young {
        return Err(usage(
            "--until should be at least five minutes ago, since the function may still be writing what is younger; if it is \
             not, add --force",
        ));
    }
    Ok((since, until))
}

async fn groups(
    logs: &Logs,
    place: Option<&Place>,
    names: &[String],
    pace: Pace,
) -> Result<Vec<LogGroup>, CliFailure> {
    find_log_groups(logs, place, names, pace)
        .await
        .map_err(|error| match error {
            HistoryError::NoLogGroup(_) | HistoryError::NoRegion => {
                CliFailure::Usage(vec![error.to_string()])
            }
            error => {
                say("error", error);
                CliFailure::Unfinished
            }
        })
}
