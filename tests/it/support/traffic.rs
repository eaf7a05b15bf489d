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
                    id: text(event, "id"),
                    timestamp: event.number("timestamp").expect("a time"),
                    line: text(event, "message"),
                }),
        );
    }
    all
}
