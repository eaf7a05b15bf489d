//! Payloads of made-up or old log events, and the invoke events that deliver them.

use std::borrow::Cow;
use std::io::Write;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use super::CliFailure;
use crate::ecs::Timestamp;
use crate::event_id::EventId;

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

/// The JSON of a payload.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NewPayload<'a> {
    message_type: &'static str,
    owner: &'a str,
    log_group: &'a str,
    log_stream: &'a str,
    subscription_filters: [&'static str; 1],
    log_events: &'a [NewLogEvent<'a>],
}

/// A log event in a payload. The message is JSON text and stays as it was written.
#[derive(Serialize)]
pub(super) struct NewLogEvent<'a> {
    pub(super) id: String,
    pub(super) timestamp: i64,
    pub(super) message: Cow<'a, RawValue>,
}

/// Log events of one log stream.
pub(super) struct NewLogStream<'a> {
    pub(super) name: String,
    pub(super) events: Vec<NewLogEvent<'a>>,
}

impl NewLogEvent<'static> {
    /// Makes an id in CloudWatch's layout, as if each line came in a request of its own.
    pub(super) fn new(
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

impl NewLogEvent<'_> {
    /// Returns the length of the message as JSON, without its quotes, in bytes.
    pub(super) fn size(&self) -> usize {
        self.message.get().len().saturating_sub("\"\"".len())
    }
}

/// Makes a direct event if one can hold all log events.
pub(super) fn whole(
    owner: &str,
    log_group: &str,
    streams: &[NewLogStream<'_>],
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
    streams: &[NewLogStream<'_>],
) -> Result<Vec<String>, CliFailure> {
    let mut payloads = Vec::new();
    for stream in streams {
        for events in records(&stream.events) {
            payloads.push(payload(owner, log_group, &stream.name, events)?);
        }
    }
    Ok(payloads)
}

fn size(events: &[NewLogEvent<'_>]) -> usize {
    events.iter().map(|event| event.message.get().len()).sum()
}

/// Cuts log events into records. An empty log makes one record as well.
pub(super) fn records<'e, 'a>(events: &'e [NewLogEvent<'a>]) -> Vec<&'e [NewLogEvent<'a>]> {
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

pub(super) fn payload(
    owner: &str,
    log_group: &str,
    log_stream: &str,
    log_events: &[NewLogEvent<'_>],
) -> Result<String, CliFailure> {
    let subscription_filters = ["apigw-logs"];
    let data = NewPayload {
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
pub(super) fn kinesis_event(payloads: &[String], time: i64) -> String {
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
pub(super) fn sqs_event(payloads: &[String], time: i64) -> String {
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
