//! `apigw-logs event`: raw log lines in, an invoke event out, as AWS would deliver it.

use std::io::Write;
use std::path::PathBuf;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Serialize;

use super::output::Output;
use super::{Failure, file_or_stdin, read};

/// Make an invoke event of raw log lines, as AWS would deliver it
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// File with log lines; standard input if left out
    file: Option<PathBuf>,
    /// Log group that the lines come from
    #[arg(long, value_name = "GROUP")]
    log_group: String,
    /// Log stream that the lines come from
    #[arg(long, value_name = "STREAM")]
    log_stream: String,
    /// Account that the lines come from
    #[arg(long, value_name = "ID", default_value = "123456789012")]
    owner: String,
    /// Time of the first line's log event, in milliseconds since 1970; each further is one later [default: now]
    #[arg(long, value_name = "MS", allow_negative_numbers = true)]
    event_time: Option<i64>,
    /// As a Kinesis stream would deliver it
    #[arg(long, conflicts_with = "sqs")]
    kinesis: bool,
    /// As a queue of failed invocations would deliver it
    #[arg(long)]
    sqs: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LogData<'a> {
    message_type: &'static str,
    owner: &'a str,
    log_group: &'a str,
    log_stream: &'a str,
    subscription_filters: [&'static str; 1],
    log_events: Vec<LogEvent>,
}

#[derive(Serialize)]
struct LogEvent {
    id: String,
    timestamp: i64,
    message: String,
}

pub(super) fn run(arguments: &Arguments, output: &mut Output) -> Result<(), Failure> {
    let bytes = read(file_or_stdin(arguments.file.as_ref()))?;
    let start = arguments.event_time.unwrap_or_else(|| jiff::Timestamp::now().as_millisecond());
    let data = LogData {
        message_type: "DATA_MESSAGE",
        owner: &arguments.owner,
        log_group: &arguments.log_group,
        log_stream: &arguments.log_stream,
        subscription_filters: ["apigw-logs"],
        log_events: log_events(&arguments.log_group, &arguments.log_stream, &bytes, start),
    };
    let payload = payload(&data)?;
    let event = if arguments.kinesis {
        kinesis_event(&payload, start)
    } else if arguments.sqs {
        sqs_event(&payload, start)
    } else {
        direct_event(&payload)
    };
    super::print(output, &event)
}

fn log_events(log_group: &str, log_stream: &str, bytes: &[u8], start: i64) -> Vec<LogEvent> {
    let lines = String::from_utf8_lossy(bytes);
    let event = |(position, line): (i64, &str)| {
        let timestamp = start.saturating_add(position);
        // As long as CloudWatch's ids, in the order of time like them, and another for each event.
        let identity = format!("{log_group}\0{log_stream}\0{position}\0{line}");
        let hash = xxhash_rust::xxh3::xxh3_128(identity.as_bytes());
        LogEvent { id: format!("{:0>17}{hash:0>39}", timestamp.max(0)), timestamp, message: line.to_owned() }
    };
    (0..).zip(lines.lines()).map(event).collect()
}

fn payload(data: &LogData<'_>) -> Result<String, Failure> {
    let json = serde_json::to_vec(data).unwrap_or_default();
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(&json)?;
    Ok(BASE64_STANDARD.encode(encoder.finish()?))
}

fn direct_event(payload: &str) -> String {
    format!(r#"{{"awslogs":{{"data":"{payload}"}}}}"#)
}

/// Source: <https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis.html>.
fn kinesis_event(payload: &str, time: i64) -> String {
    const SEQUENCE_NUMBER: &str = "49590338271490256608559692538361571095921575989136588898";
    let seconds = time.div_euclid(1_000);
    format!(
        r#"{{"Records":[{{"kinesis":{{"kinesisSchemaVersion":"1.0","partitionKey":"1","sequenceNumber":"{SEQUENCE_NUMBER}","data":"{payload}","approximateArrivalTimestamp":{seconds}}},"eventSource":"aws:kinesis","eventVersion":"1.0","eventID":"shardId-000000000000:{SEQUENCE_NUMBER}","eventName":"aws:kinesis:record","invokeIdentityArn":"arn:aws:iam::123456789012:role/apigw-logs","awsRegion":"eu-central-1","eventSourceARN":"arn:aws:kinesis:eu-central-1:123456789012:stream/apigw-logs"}}]}}"#
    )
}

/// A message of a queue of failed invocations holds an OnFailure record:
/// <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html>.
fn sqs_event(payload: &str, time: i64) -> String {
    const FUNCTION: &str = "arn:aws:lambda:eu-central-1:123456789012:function:apigw-logs:$LATEST";
    let timestamp = crate::ecs::Timestamp(time);
    let record = format!(
        r#"{{"version":"1.0","timestamp":"{timestamp}","requestContext":{{"requestId":"c6af9ac6-7b61-11e6-9a41-93e8deadbeef","functionArn":"{FUNCTION}","condition":"RetriesExhausted","approximateInvokeCount":3}},"requestPayload":{},"responseContext":{{"statusCode":200,"executedVersion":"$LATEST","functionError":"Unhandled"}},"responsePayload":{{"errorType":"Delivery.Incomplete","errorMessage":"1 of 1 events are not confirmed"}}}}"#,
        direct_event(payload)
    );
    let body = serde_json::to_string(&record).unwrap_or_default();
    format!(
        r#"{{"Records":[{{"messageId":"059f36b4-87a3-44ab-83d2-661975830a7d","receiptHandle":"AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a","body":{body},"attributes":{{"ApproximateReceiveCount":"1","SentTimestamp":"{time}","SenderId":"AIDAIENQZJOLO23YVJ4VO","ApproximateFirstReceiveTimestamp":"{time}"}},"messageAttributes":{{}},"eventSource":"aws:sqs","eventSourceARN":"arn:aws:sqs:eu-central-1:123456789012:apigw-logs-failed","awsRegion":"eu-central-1"}}]}}"#
    )
}
