//! Events as Lambda delivers them, and the built program that reads them.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use apigw_logs::event_id::EventId;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Deserialize;
use tokio::time::Instant;

/// The data stream of documents.
pub(crate) const LOGS: &str = "logs-aws.api_gateway_logs-default";

/// The data stream of dead letters.
pub(crate) const DEAD_LETTERS: &str = "logs-aws.api_gateway_dead_letters-default";

/// Returns a message of a log group with these lines: base64 of gzip of JSON. Messages with
/// different names have different ids in them.
pub(crate) fn payload(name: &str, log_group: &str, lines: &[String]) -> String {
    let text = |text: &str| serde_json::to_string(text).expect("a text can be written as JSON");
    let event = |(number, line): (usize, &String)| {
        let id = event_id(name, number);
        let (time, line) = (id.event_time, text(line));
        format!(r#"{{"id":"{id}","timestamp":{time},"message":{line}}}"#)
    };
    let events: Vec<String> = lines.iter().enumerate().map(event).collect();
    compressed(&format!(
        r#"{{"messageType":"DATA_MESSAGE","owner":"111122223333","logGroup":{},"logStream":"stream",
            "subscriptionFilters":["all"],"logEvents":[{}]}}"#,
        text(log_group),
        events.join(",")
    ))
}

/// Returns the id of a log event in such a message, which holds its time.
pub(crate) fn event_id(name: &str, number: usize) -> EventId {
    let time = 1_700_000_000_000 + number as u64;
    EventId {
        event_time: time,
        ingestion_time: time + 1_000,
        request: xxhash_rust::xxh3::xxh3_64(name.as_bytes()),
        place: number as u16,
    }
}

/// CloudWatch's probe that checks whether the destination works.
pub(crate) fn control_message() -> String {
    compressed(
        r#"{"messageType":"CONTROL_MESSAGE","owner":"CloudwatchLogs","logGroup":"","logStream":"",
            "subscriptionFilters":[],"logEvents":[{"id":"","timestamp":1700000000000,
            "message":"CWL CONTROL MESSAGE: Checking health of destination Lambda."}]}"#,
    )
}

pub(crate) fn compressed(log_data: &str) -> String {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(log_data.as_bytes())
        .expect("writing to a Vec cannot fail");
    BASE64_STANDARD.encode(gzip.finish().expect("writing to a Vec cannot fail"))
}

/// Returns this many access-log lines.
pub(crate) fn lines(count: usize) -> Vec<String> {
    (0..count).map(line).collect()
}

/// Returns an access-log line.
pub(crate) fn line(number: usize) -> String {
    format!(
        r#"{{"requestId":"request-{number}","httpMethod":"GET","status":"200","path":"/{number}"}}"#
    )
}

/// Returns the event of a direct subscription.
pub(crate) fn direct(payload: &str) -> String {
    format!(r#"{{"awslogs":{{"data":"{payload}"}}}}"#)
}

/// Returns the event of a Kinesis stream whose records have these sequence numbers and payloads.
pub(crate) fn kinesis(records: &[(&str, &str)]) -> String {
    let record = |(number, payload): &(&str, &str)| {
        format!(
            r#"{{"eventSource":"aws:kinesis","kinesis":{{"sequenceNumber":"{number}","data":"{payload}"}}}}"#
        )
    };
    format!(
        r#"{{"Records":[{}]}}"#,
        records.iter().map(record).collect::<Vec<_>>().join(",")
    )
}

/// Returns the event of a queue whose messages have these ids and bodies.
pub(crate) fn sqs(messages: &[(&str, &str)]) -> String {
    let message = |(id, body): &(&str, &str)| {
        let body = serde_json::to_string(body).expect("a text can be written as JSON");
        format!(r#"{{"eventSource":"aws:sqs","messageId":"{id}","body":{body}}}"#)
    };
    format!(
        r#"{{"Records":[{}]}}"#,
        messages.iter().map(message).collect::<Vec<_>>().join(",")
    )
}

/// The report of `invoke` about an event.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
pub(crate) struct Report {
    pub(crate) received: u64,
    pub(crate) indexed: u64,
    pub(crate) duplicates: u64,
    pub(crate) dead_lettered: u64,
    pub(crate) skipped: u64,
    pub(crate) unresolved: u64,
    pub(crate) undecodable_records: u64,
    pub(crate) requests: u64,
    pub(crate) retries: u64,
    pub(crate) bytes_sent: u64,
    pub(crate) error: Option<ReportError>,
    pub(crate) answer: Option<Answer>,
}

#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
pub(crate) struct ReportError {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) message: String,
}

#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Answer {
    batch_item_failures: Vec<ItemFailure>,
}

#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(rename_all = "camelCase")]
struct ItemFailure {
    item_identifier: String,
}

impl Report {
    /// Returns the counts: indexed, duplicates, dead letters, skipped, unresolved.
    pub(crate) fn counts(&self) -> [u64; 5] {
        let counts = [
            self.indexed,
            self.duplicates,
            self.dead_lettered,
            self.skipped,
            self.unresolved,
        ];
        assert_eq!(
            self.received,
            counts.iter().sum::<u64>(),
            "the counts add up: {self:?}"
        );
        counts
    }

    /// Returns the name of the error; empty if there is none.
    pub(crate) fn error_type(&self) -> &str {
        self.error.as_ref().map_or("", |error| &error.kind)
    }

    /// Returns what the answer to a stream or queue names.
    pub(crate) fn named(&self) -> Vec<&str> {
        let failures = self
            .answer
            .as_ref()
            .map(|answer| &answer.batch_item_failures);
        failures
            .into_iter()
            .flatten()
            .map(|failure| &*failure.item_identifier)
            .collect()
    }
}

/// One run of the built program.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) status: i32,
    pub(crate) report: Report,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) took: Duration,
}

/// Runs `apigw-logs invoke -` with an event and these settings. Retries are fast and soon over.
pub(crate) fn invoke(event: &str, settings: &[(&str, &str)]) -> Run {
    let start = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_apigw-logs"))
        .args(["invoke", "-"])
        .env_clear()
        .envs([
            ("RETRY_INITIAL_MS", "1"),
            ("RETRY_MAX_MS", "20"),
            ("RETRY_BUDGET_MS", "60000"),
        ])
        .envs(settings.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program is built");
    // The exit status reports a program that ends before it has read everything.
    drop(
        child
            .stdin
            .take()
            .expect("it is piped")
            .write_all(event.as_bytes()),
    );
    let output = child.wait_with_output().expect("the program ends");
    let (stdout, stderr) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    Run {
        status: output.status.code().unwrap_or(-1),
        report: serde_json::from_str(&stdout).unwrap_or_default(),
        stdout: stdout.into_owned(),
        stderr: stderr.into_owned(),
        took: start.elapsed(),
    }
}
