//! Made-up traffic from `event --generate`, and its lines.

use std::io::Read;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::command_line::run;
use super::json::Json;

/// A log event as CloudWatch stores it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LogEvent {
    pub(crate) log_group: String,
    pub(crate) log_stream: String,
    pub(crate) id: String,
    pub(crate) timestamp: i64,
    pub(crate) line: String,
}

/// Returns an invoke event of this many lines from one day.
pub(crate) fn event(lines: u64, seed: u64, since: &str) -> String {
    let (lines, seed) = (lines.to_string(), seed.to_string());
    let run = run(
        &[
            "event",
            "--generate",
            &lines,
            "--seed",
            &seed,
            "--since",
            since,
        ],
        &[],
        b"",
    );
    assert_eq!((run.status, &*run.stderr), (0, ""));
    run.stdout
}

/// Returns the log events of an invoke event that a Kinesis stream delivers.
#[expect(
    clippy::disallowed_types,
    reason = "it inflates what this repository's program has made"
)]
pub(crate) fn log_events(event: &str) -> Vec<LogEvent> {
    let event = Json::read(event);
    let mut all = Vec::new();
    for record in event.list("Records").expect("records") {
        let payload = BASE64_STANDARD
            .decode(record.text("kinesis.data").expect("data"))
            .expect("base64");
        let mut data = String::new();
        flate2::read::GzDecoder::new(&*payload)
            .read_to_string(&mut data)
            .expect("gzip");
        let data = Json::read(&data);
        let text = |json: &Json, key: &str| json.text(key).expect("a text").to_owned();
        all.extend(
            data.list("logEvents")
                .expect("events")
                .iter()
                .map(|event| LogEvent {
                    log_group: text(&data, "logGroup"),
                    log_stream: text(&data, "logStream"),
                    id: text(event, "id"),
                    timestamp: event.number("timestamp").expect("a time"),
                    line: text(event, "message"),
                }),
        );
    }
    all
}

/// The account of made-up traffic.
const OWNER: &str = "123456789012";

/// Returns the ARN of a log group of made-up traffic.
pub(crate) fn arn(log_group: &str) -> String {
    format!("arn:aws:logs:eu-central-1:{OWNER}:log-group:{log_group}")
}

/// Returns the output of `aws logs filter-log-events --output json` for these log events.
pub(crate) fn found(events: &[LogEvent]) -> String {
    let text = |text: &str| Json::Text(text.to_owned()).compact();
    let entry = |event: &LogEvent| {
        format!(
            r#"        {{
            "logStreamName": {},
            "timestamp": {},
            "message": {},
            "ingestionTime": {},
            "eventId": {}
        }}"#,
            text(&event.log_stream),
            event.timestamp,
            text(&event.line),
            event.timestamp + 1_000,
            text(&event.id),
        )
    };
    let entries: Vec<_> = events.iter().map(entry).collect();
    format!(
        "{{\n    \"events\": [\n{}\n    ],\n    \"searchedLogStreams\": []\n}}\n",
        entries.join(",\n")
    )
}
