//! `apigw-logs event`: turns log lines into an invoke event, as AWS would deliver it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::SignedDuration;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use super::generate::{Traffic, log_lines};
use super::log_group::{LogGroup, account, name, name_or_arn};
use super::output::Output;
use super::terminal::say;
use super::time::{Time, event_time, time};
use super::{CliFailure, file_or_stdin, found, kind, number, read};
use crate::ecs::Timestamp;
use crate::event_id::EventId;

const A_DAY: i64 = 24 * 60 * 60 * 1_000;

/// The time that a made-up log event takes to reach CloudWatch Logs.
const INGESTED_AFTER_MS: u64 = 1_000;

/// The number of log events in a record of a Kinesis stream. A record may have 1 MB; this many
/// lines have a fifth of that when compressed.
const EVENTS_OF_A_RECORD: usize = 1_000;

/// The size of the messages in a Kinesis record or an SQS message before compression, in bytes.
const BYTES_OF_A_RECORD: usize = 700_000;

/// The size of the messages in a direct event before compression, in bytes. An event may have 6 MB.
///
/// Source: <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>.
const BYTES_OF_A_DIRECT_EVENT: usize = 64 << 20;
const LARGEST_DIRECT_EVENT: usize = 6 << 20;

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
    log_group: Option<LogGroup>,
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

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LogData<'a> {
    message_type: &'static str,
    owner: &'a str,
    log_group: &'a str,
    log_stream: &'a str,
    subscription_filters: [&'static str; 1],
    log_events: &'a [LogEvent<'a>],
}

/// A log event in a payload. The message is JSON text and stays as it was written.
#[derive(Serialize)]
pub(super) struct LogEvent<'a> {
    pub(super) id: String,
    pub(super) timestamp: i64,
    pub(super) message: Cow<'a, RawValue>,
}

/// Log events of one log stream.
pub(super) struct Stream<'a> {
    pub(super) name: String,
    pub(super) events: Vec<LogEvent<'a>>,
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
    let is_found = found::is_answer(&bytes);
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

fn usage(sentence: &str) -> CliFailure {
    CliFailure::Usage(vec![sentence.to_owned()])
}

const INVENTED_ACCOUNT: &str = "123456789012";

fn owner<'a>(arguments: &'a Arguments, log_group: &'a LogGroup) -> Result<&'a str, CliFailure> {
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
    log_group: &LogGroup,
    bytes: &'a [u8],
) -> Result<Vec<Stream<'a>>, CliFailure> {
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
) -> Result<Stream<'static>, CliFailure> {
    let Some(name) = arguments.log_stream.clone() else {
        return Err(usage(
            "--log-stream is missing: name the log stream of the lines",
        ));
    };
    let events = log_events(log_group, &name, bytes, start);
    Ok(Stream { name, events })
}

/// Makes a direct event if one can hold all log events.
fn whole(
    owner: &str,
    log_group: &str,
    streams: &[Stream<'_>],
) -> Result<Option<String>, CliFailure> {
    let (stream, events) = match streams {
        [] => ("", &[][..]),
        [stream] => (&*stream.name, &*stream.events),
        _ => return Ok(None),
    };
    if size(events) > BYTES_OF_A_DIRECT_EVENT {
        return Ok(None);
    }
    let event = direct_event(&payload(owner, log_group, stream, events)?);
    Ok((event.len() <= LARGEST_DIRECT_EVENT).then_some(event))
}

/// Makes the payloads of a log group's events. Each fits into a record of a Kinesis stream.
pub(super) fn payloads(
    owner: &str,
    log_group: &str,
    streams: &[Stream<'_>],
) -> Result<Vec<String>, CliFailure> {
    let mut payloads = Vec::new();
    for stream in streams {
        for events in records(&stream.events) {
            payloads.push(payload(owner, log_group, &stream.name, events)?);
        }
    }
    Ok(payloads)
}

fn size(events: &[LogEvent<'_>]) -> usize {
    events.iter().map(|event| event.message.get().len()).sum()
}

/// Cuts log events into records. An empty log makes one record as well.
fn records<'e, 'a>(events: &'e [LogEvent<'a>]) -> Vec<&'e [LogEvent<'a>]> {
    let mut records = Vec::new();
    let mut rest = events;
    while !rest.is_empty() {
        let mut bytes = 0;
        let fitting = rest.iter().take(EVENTS_OF_A_RECORD).take_while(|event| {
            bytes += event.message.get().len();
            bytes <= BYTES_OF_A_RECORD
        });
        let (record, others) = rest.split_at(fitting.count().max(1));
        records.push(record);
        rest = others;
    }
    if records.is_empty() {
        records.push(events);
    }
    records
}

fn log_events(
    log_group: &str,
    log_stream: &str,
    bytes: &[u8],
    start: i64,
) -> Vec<LogEvent<'static>> {
    let lines = String::from_utf8_lossy(bytes);
    let timestamp = |position| start.saturating_add(position);
    let event = |(position, line): (i64, &str)| {
        LogEvent::new(
            log_group,
            log_stream,
            position,
            timestamp(position),
            line.to_owned(),
        )
    };
    (0..).zip(lines.lines()).map(event).collect()
}

impl LogEvent<'static> {
    /// Makes an id in CloudWatch's layout, as if each line came in a request of its own.
    fn new(
        log_group: &str,
        log_stream: &str,
        position: i64,
        timestamp: i64,
        message: String,
    ) -> Self {
        let identity = format!("{log_group}\0{log_stream}\0{position}\0{message}");
        let event_time = u64::try_from(timestamp).unwrap_or(0);
        let id = EventId {
            event_time,
            ingestion_time: event_time + INGESTED_AFTER_MS,
            request: xxhash_rust::xxh3::xxh3_64(identity.as_bytes()),
            place: 0,
        };
        Self {
            id: id.to_string(),
            timestamp,
            message: Cow::Owned(to_raw_value(&message).unwrap_or_default()),
        }
    }
}

/// Makes a record for each log group, or several where one would be too large.
fn generated(arguments: &Arguments, lines: u64) -> Result<String, CliFailure> {
    let (since, until) = span(arguments)?;
    let account = arguments.owner.as_deref().unwrap_or(INVENTED_ACCOUNT);
    let mut groups: BTreeMap<_, Vec<LogEvent<'_>>> = BTreeMap::new();
    for (position, line) in (0..).zip(log_lines(&Traffic {
        lines,
        seed: arguments.seed,
        since,
        until,
        account,
    })) {
        let event = LogEvent::new(
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

fn payload(
    owner: &str,
    log_group: &str,
    log_stream: &str,
    log_events: &[LogEvent<'_>],
) -> Result<String, CliFailure> {
    let subscription_filters = ["apigw-logs"];
    let data = LogData {
        message_type: "DATA_MESSAGE",
        owner,
        log_group,
        log_stream,
        subscription_filters,
        log_events,
    };
    let json = serde_json::to_vec(&data).unwrap_or_default();
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(&json)?;
    Ok(BASE64_STANDARD.encode(encoder.finish()?))
}

fn direct_event(payload: &str) -> String {
    format!(r#"{{"awslogs":{{"data":"{payload}"}}}}"#)
}

/// Source: <https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis.html>.
fn kinesis_event(payloads: &[String], time: i64) -> String {
    let records = (36_588_898..)
        .zip(payloads)
        .map(|(number, payload)| kinesis_record(number, payload, time));
    format!(
        r#"{{"Records":[{}]}}"#,
        records.collect::<Vec<_>>().join(",")
    )
}

fn kinesis_record(number: u32, payload: &str, time: i64) -> String {
    let sequence_number = format!("495903382714902566085596925383615710959215759891{number:08}");
    let seconds = time.div_euclid(1_000);
    format!(
        r#"{{"kinesis":{{"kinesisSchemaVersion":"1.0","partitionKey":"1","sequenceNumber":"{sequence_number}","data":"{payload}","approximateArrivalTimestamp":{seconds}}},"eventSource":"aws:kinesis","eventVersion":"1.0","eventID":"shardId-000000000000:{sequence_number}","eventName":"aws:kinesis:record","invokeIdentityArn":"arn:aws:iam::123456789012:role/apigw-logs","awsRegion":"eu-central-1","eventSourceARN":"arn:aws:kinesis:eu-central-1:123456789012:stream/apigw-logs"}}"#
    )
}

/// Makes a message for each payload. A message of a queue of failed invocations holds an OnFailure
/// record: <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html>.
fn sqs_event(payloads: &[String], time: i64) -> String {
    let messages = (0..)
        .zip(payloads)
        .map(|(number, payload)| sqs_message(number, payload, time));
    format!(
        r#"{{"Records":[{}]}}"#,
        messages.collect::<Vec<_>>().join(",")
    )
}

fn sqs_message(number: u32, payload: &str, time: i64) -> String {
    const FUNCTION: &str = "arn:aws:lambda:eu-central-1:123456789012:function:apigw-logs:$LATEST";
    let timestamp = Timestamp(time);
    let last = 0x6619_7583_0a7d + u64::from(number);
    let record = format!(
        r#"{{"version":"1.0","timestamp":"{timestamp}","requestContext":{{"requestId":"c6af9ac6-7b61-11e6-9a41-93e8deadbeef","functionArn":"{FUNCTION}","condition":"RetriesExhausted","approximateInvokeCount":3}},"requestPayload":{},"responseContext":{{"statusCode":200,"executedVersion":"$LATEST","functionError":"Unhandled"}},"responsePayload":{{"errorType":"Delivery.Incomplete","errorMessage":"1 of 1 events are not confirmed"}}}}"#,
        direct_event(payload)
    );
    let body = serde_json::to_string(&record).unwrap_or_default();
    format!(
        r#"{{"messageId":"059f36b4-87a3-44ab-83d2-{last:012x}","receiptHandle":"AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a","body":{body},"attributes":{{"ApproximateReceiveCount":"1","SentTimestamp":"{time}","SenderId":"AIDAIENQZJOLO23YVJ4VO","ApproximateFirstReceiveTimestamp":"{time}"}},"messageAttributes":{{}},"eventSource":"aws:sqs","eventSourceARN":"arn:aws:sqs:eu-central-1:123456789012:apigw-logs-failed","awsRegion":"eu-central-1"}}"#
    )
}
