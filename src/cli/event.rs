//! `apigw-logs event`: turns log lines into an invoke event, as AWS would deliver it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use jiff::SignedDuration;

use super::generate::{TrafficPlan, log_lines};
use super::log_group::{NamedLogGroup, account, name, name_or_arn};
use super::output::Output;
use super::payload::{
    NewLogEvent, NewLogStream, kinesis_event, payload, payloads, records, sqs_event, whole,
};
use super::terminal::say;
use super::time::{Time, event_time, time};
use super::{CliFailure, file_or_stdin, found, kind, number, read};
use crate::decode::LONGEST_LINE;
use crate::ecs::Timestamp;

const A_DAY: i64 = 24 * 60 * 60 * 1_000;

/// Make an invoke event from log lines, as AWS would deliver it
///
/// The lines are raw, or the output of `aws logs filter-log-events --output json`. From that
/// output, log events keep their ids, times and log streams, and --log-group must be the ARN.
///
/// With --generate the lines are made up: the traffic of a shop with a REST, an HTTP and a
/// WebSocket API. A long enough time has busy days and quiet nights, an incident at 03:10 UTC, a
/// deployment at 14:00 and a bot at 22:40. The lines belong to several log groups, so they come in
/// the records of a Kinesis stream.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// File with log lines; standard input if omitted
    #[arg(conflicts_with = "generate")]
    file: Option<PathBuf>,
    /// Log group of the lines: its name or its ARN
    #[arg(
        long,
        value_name = "GROUP",
        value_parser = name_or_arn,
        required_unless_present = "generate",
        conflicts_with = "generate"
    )]
    log_group: Option<NamedLogGroup>,
    /// Log stream of raw lines
    #[arg(
        long,
        value_name = "STREAM",
        value_parser = name,
        conflicts_with = "generate"
    )]
    log_stream: Option<String>,
    /// Account of the lines [default: the ARN's, or 123456789012]
    #[arg(long, value_name = "ID", value_parser = account)]
    owner: Option<String>,
    /// Time of the first line's log event; each further event is a millisecond later [default: now]
    #[arg(
        long,
        value_name = "TIME",
        value_parser = event_time,
        allow_negative_numbers = true,
        conflicts_with = "generate"
    )]
    event_time: Option<i64>,
    /// As a Kinesis stream would deliver it
    #[arg(long, conflicts_with = "sqs")]
    kinesis: bool,
    /// As a queue of failed invocations would deliver it
    #[arg(long, conflicts_with = "generate")]
    sqs: bool,
    /// Make up this many lines
    #[arg(long, value_name = "N", value_parser = number::lines, allow_negative_numbers = true)]
    generate: Option<u64>,
    /// Seed of the made-up lines: the same seed and times make the same lines
    #[arg(
        long,
        value_name = "S",
        default_value_t = 1,
        conflicts_with = "log_group"
    )]
    seed: u64,
    /// Start of the made-up traffic: a date, an RFC 3339 time, or how long ago (2h, 7d)
    #[arg(long, value_name = "TIME", value_parser = time, default_value = "24h", conflicts_with = "log_group")]
    since: Time,
    /// End of the made-up traffic [default: now if --since is a duration, else a day after it]
    #[arg(long, value_name = "TIME", value_parser = time, conflicts_with = "log_group")]
    until: Option<Time>,
}

pub(super) fn run(arguments: &Arguments, output: &mut Output) -> Result<(), CliFailure> {
    if let Some(lines) = arguments.generate {
        return super::print(output, &generated(arguments, lines)?);
    }
    let Some(log_group) = &arguments.log_group else {
        return Err(usage("--log-group is missing"));
    };
    let file = file_or_stdin(arguments.file.as_ref());
    let bytes = read(file)?;
    let is_found = found::is_reply(&bytes);
    if let Some(sentence) = kind::no_log(file, &bytes)
        && !is_found
    {
        say("warning", sentence);
    }
    let start = arguments
        .event_time
        .unwrap_or_else(|| jiff::Timestamp::now().as_millisecond());
    let owner = owner(arguments, log_group)?;
    let streams = if is_found {
        found_streams(arguments, log_group, &bytes)?
    } else {
        vec![raw_stream(arguments, &log_group.name, &bytes, start)?]
    };
    warn_of_long_lines(&streams);
    if !(arguments.kinesis || arguments.sqs)
        && let Some(event) = whole(owner, &log_group.name, &streams)?
    {
        return super::print(output, &event);
    }
    let payloads = payloads(owner, &log_group.name, &streams)?;
    if arguments.sqs {
        return super::print(output, &sqs_event(&payloads, start));
    }
    if !arguments.kinesis {
        let lines: usize = streams.iter().map(|stream| stream.events.len()).sum();
        let why = match streams.len() {
            0 | 1 => "are too much for one direct event".to_owned(),
            several => format!("of {several} log streams do not fit into one direct event"),
        };
        let records = payloads.len();
        say(
            "note",
            format_args!(
                "{lines} lines {why}, so they are written as {records} records of a Kinesis stream"
            ),
        );
    }
    super::print(output, &kinesis_event(&payloads, start))
}

/// Warns of lines for which the event that is written cannot be read.
fn warn_of_long_lines(streams: &[NewLogStream<'_>]) {
    let is_long = |event: &&NewLogEvent<'_>| event.size() > LONGEST_LINE;
    let long = streams.iter().flat_map(|stream| &stream.events);
    let long = match long.filter(is_long).count() {
        0 => return,
        1 => "1 line is".to_owned(),
        several => format!("{several} lines are"),
    };
    let mebibytes = LONGEST_LINE >> 20;
    say(
        "warning",
        format_args!(
            "{long} longer than {mebibytes} MiB as JSON, and `apigw-logs invoke` does not read such an event: CloudWatch Logs \
             accepts no line above 1 MiB"
        ),
    );
}

fn usage(sentence: &str) -> CliFailure {
    CliFailure::Usage(vec![sentence.to_owned()])
}

const INVENTED_ACCOUNT: &str = "123456789012";

fn owner<'a>(
    arguments: &'a Arguments,
    log_group: &'a NamedLogGroup,
) -> Result<&'a str, CliFailure> {
    match (&arguments.owner, &log_group.account) {
        (Some(owner), Some(account)) if owner != account => Err(usage(
            "--owner is not the account in the ARN of --log-group: leave it out",
        )),
        (Some(owner), _) | (None, Some(owner)) => Ok(owner),
        (None, None) => Ok(INVENTED_ACCOUNT),
    }
}

/// Reads the output of `aws logs filter-log-events`. The account is never invented here: with a
/// wrong account, the log events would become other documents than those of live delivery.
fn found_streams<'a>(
    arguments: &Arguments,
    log_group: &NamedLogGroup,
    bytes: &'a [u8],
) -> Result<Vec<NewLogStream<'a>>, CliFailure> {
    if log_group.account.is_none() {
        return Err(usage(found::NEEDS_ARN));
    }
    if arguments.log_stream.is_some() || arguments.event_time.is_some() {
        return Err(usage(
            "--log-stream and --event-time are for raw lines: the output of `aws logs filter-log-events` \
             has both",
        ));
    }
    found::read(bytes).map_err(|sentence| usage(&sentence))
}

fn raw_stream(
    arguments: &Arguments,
    log_group: &str,
    bytes: &[u8],
    start: i64,
) -> Result<NewLogStream<'static>, CliFailure> {
    let Some(name) = arguments.log_stream.clone() else {
        return Err(usage(
            "--log-stream is missing: name the log stream of the lines",
        ));
    };
    let events = log_events(log_group, &name, bytes, start);
    Ok(NewLogStream { name, events })
}

fn log_events(
    log_group: &str,
    log_stream: &str,
    bytes: &[u8],
    start: i64,
) -> Vec<NewLogEvent<'static>> {
    let lines = String::from_utf8_lossy(bytes);
    let timestamp = |position| start.saturating_add(position);
    let event = |(position, line): (i64, &str)| {
        NewLogEvent::new(
            log_group,
            log_stream,
            position,
            timestamp(position),
            line.to_owned(),
        )
    };
    (0..).zip(lines.lines()).map(event).collect()
}

/// Makes a record for each log group, or several where one would be too large.
fn generated(arguments: &Arguments, lines: u64) -> Result<String, CliFailure> {
    let (since, until) = span(arguments)?;
    let account = arguments.owner.as_deref().unwrap_or(INVENTED_ACCOUNT);
    let mut groups: BTreeMap<_, Vec<NewLogEvent<'_>>> = BTreeMap::new();
    for (position, line) in (0..).zip(log_lines(&TrafficPlan {
        lines,
        seed: arguments.seed,
        since,
        until,
        account,
    })) {
        let event = NewLogEvent::new(
            line.log_group,
            line.log_stream,
            position,
            line.timestamp,
            line.message,
        );
        groups
            .entry((line.log_group, line.log_stream))
            .or_default()
            .push(event);
    }
    let mut payloads = Vec::new();
    for ((log_group, log_stream), events) in &groups {
        for events in records(events) {
            payloads.push(payload(account, log_group, log_stream, events)?);
        }
    }
    Ok(kinesis_event(&payloads, until))
}

/// Returns the span of the made-up traffic in milliseconds since 1970. Reads no clock if both ends
/// are given as times.
fn span(arguments: &Arguments) -> Result<(i64, i64), CliFailure> {
    let until = match (arguments.until, arguments.since) {
        (Some(until), _) => until,
        (None, Time::At(Timestamp(since))) => Time::At(Timestamp(since.saturating_add(A_DAY))),
        (None, Time::Ago(_)) => Time::Ago(SignedDuration::ZERO),
    };
    let span = arguments
        .since
        .timestamp()
        .zip(until.timestamp())
        .map(|(since, until)| (since.0, until.0));
    span.filter(|(since, until)| since < until).ok_or_else(|| {
        CliFailure::Usage(vec![
            "--until: it should be a time after that of --since".to_owned(),
        ])
    })
}
