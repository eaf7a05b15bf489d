//! Events that are made to be expensive: the memory and processor time that they cost the built
//! function.

use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use apigw_logs::event_id::EventId;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::endpoint::Endpoint;
use crate::function::Function;
use test_support::inputs;

/// Measure what events made to be expensive cost the built function
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The program; by default the one that cargo has built for the benches
    #[arg(long, default_value = env!("CARGO_BIN_EXE_apigw-logs"))]
    program: PathBuf,
    /// Only events whose names contain this
    #[arg(default_value = "")]
    filter: String,
}

/// An event with its name.
type Extreme = (&'static str, fn() -> String);

const MEBIBYTE: usize = 1 << 20;

/// The size of a payload just below the default of `INFLATED_MAX_BYTES`.
const LARGEST: usize = 255 * MEBIBYTE;

/// The share of a processor that a function with 512 MB gets.
const SHARE_AT_512_MB: f64 = 512.0 / 1_769.0;

const EXTREMES: [Extreme; 23] = [
    ("one line, for comparison", || direct(&[LINE.to_owned()])),
    ("2 Kinesis records of 255 MiB, a line each", || {
        kinesis(2, &padded(LARGEST))
    }),
    ("8 Kinesis records of 255 MiB, a line each", || {
        kinesis(8, &padded(LARGEST))
    }),
    ("5 SQS messages of 255 MiB, a line each", || {
        sqs(5, &padded(LARGEST))
    }),
    (
        "40 records of 20 MiB of which EXCLUDE keeps one line",
        || kinesis(40, &mostly_excluded()),
    ),
    ("100 Kinesis records of 10 MiB, in lines of 1 MiB", || {
        kinesis(100, &lines((0..10).map(|_| "a".repeat(MEBIBYTE))))
    }),
    ("16 million log events without a message", blank_events),
    ("254 MiB with a byte that is not UTF-8", not_utf8),
    ("a line of 40 million control characters", || {
        direct(&["\u{1}".repeat(40_000_000)])
    }),
    ("a line of 200 MiB", || {
        direct(&["a".repeat(200 * MEBIBYTE)])
    }),
    ("a path of 100 MiB", || direct(&[path("a", 100)])),
    ("a log group with a name of 100 MiB", || {
        inputs::direct(&payload(|gzip| {
            write!(gzip, r#"{{"logGroup":""#)?;
            fill(gzip, b'a', 100 * MEBIBYTE)?;
            write!(gzip, r#"","logEvents":[{{"timestamp":1,"message":""}}]}}"#)
        }))
    }),
    ("40 lines of a million control characters", || {
        inputs::direct(&lines((0..40).map(|_| "\u{1}".repeat(MEBIBYTE))))
    }),
    ("40 paths of 6 MiB", || many(40, || path("a", 6))),
    ("40 paths of 6 MiB, percent-encoded three times", || {
        many(40, || path("%252541", 6))
    }),
    ("40 paths of 6 MiB, full of names of credentials", || {
        many(40, || path("?token=a&", 6))
    }),
    ("40 lines of 6 MiB that are no JSON", || {
        many(40, || {
            format!("{{{}", "token=\"a ".repeat(6 * MEBIBYTE / 11))
        })
    }),
    ("40 lines of 6 MiB, with a million short objects", || {
        many(40, || "{\"a\":1}".repeat(6 * MEBIBYTE / 10))
    }),
    ("40 lines of 6 MiB, each a payload of CloudWatch's", || {
        many(40, envelope)
    }),
    ("255 MiB of short lines, 3 million", || {
        many(LARGEST / 120, || r#"{"status":1}"#.to_owned())
    }),
    ("60,000 user agents of 2 KB, M712B; NING", || {
        costly_user_agents("M712B; NING")
    }),
    ("60,000 user agents of 2 KB, iOCEANINGRIDAirpad; ", || {
        costly_user_agents("iOCEANINGRIDAirpad; ")
    }),
    (
        "60,000 user agents of 2 KB, Lightning; x700/1.0cell",
        || costly_user_agents("Lightning; x700/1.0cell"),
    ),
];

const LINE: &str = r#"{"requestId":"r","httpMethod":"GET","status":"200","path":"/p"}"#;

/// One table.
pub(crate) fn run(arguments: &Arguments) {
    println!("| event | MB | documents | peak MiB | CPU s | s at 512 MB |");
    println!("| --- | ---: | ---: | ---: | ---: | ---: |");
    for (name, event) in EXTREMES {
        if name.contains(&arguments.filter) {
            measure(arguments, name, &event());
        }
    }
}

fn measure(arguments: &Arguments, name: &str, event: &str) {
    let endpoint = Endpoint::start(Duration::ZERO);
    let mut variables = vec![("ELASTICSEARCH_URL", &*endpoint.url)];
    if name.contains("EXCLUDE") {
        variables.push(("EXCLUDE", "left out"));
    }
    let function = Function::start(&arguments.program, &[], &variables);
    let before = function.cpu_time();
    let answer = function.answer(event.as_bytes());
    let cpu = function.cpu_time().saturating_sub(before).as_secs_f64();
    let documents = if answer.contains("Record.Undecodable") {
        "refused".to_owned()
    } else {
        endpoint.documents().to_string()
    };
    println!(
        "| {name} | {:.2} | {documents} | {:.0} | {cpu:.1} | {:.0} |",
        event.len() as f64 / 1e6,
        function.peak_mebibytes(),
        cpu / SHARE_AT_512_MB,
    );
}

/// Returns base64 of gzip of JSON.
fn payload(write: impl FnOnce(&mut GzEncoder<Vec<u8>>) -> std::io::Result<()>) -> String {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    write(&mut gzip).expect("writing to a Vec cannot fail");
    BASE64_STANDARD.encode(gzip.finish().expect("writing to a Vec cannot fail"))
}

/// Returns a payload with one line, and a member that fills it to its size.
fn padded(size: usize) -> String {
    let event = serde_json::to_string(LINE).expect("a text can be written as JSON");
    payload(|gzip| {
        write!(
            gzip,
            r#"{{"logEvents":[{{"id":"1","timestamp":1,"message":{event}}}],"pad":""#
        )?;
        fill(gzip, b'a', size)?;
        write!(gzip, r#""}}"#)
    })
}

fn fill(gzip: &mut GzEncoder<Vec<u8>>, byte: u8, size: usize) -> std::io::Result<()> {
    let block = [byte; 4_096];
    (0..size / block.len()).try_for_each(|_| gzip.write_all(&block))
}

/// Returns a payload of 20 MiB in which a filter leaves out all but one line.
fn mostly_excluded() -> String {
    let excluded = (0..20).map(|_| format!("left out {}", "a".repeat(MEBIBYTE)));
    lines(excluded.chain([LINE.to_owned()]))
}

fn lines(lines: impl Iterator<Item = String>) -> String {
    payload(|gzip| {
        write!(
            gzip,
            r#"{{"owner":"1","logGroup":"g","logStream":"s","logEvents":["#
        )?;
        for (number, line) in lines.enumerate() {
            let separator = if number == 0 { "" } else { "," };
            let id = EventId {
                event_time: 1,
                ingestion_time: 1_001,
                request: number as u64,
                place: 0,
            };
            write!(gzip, r#"{separator}{{"id":"{id}","timestamp":1,"message":"#)?;
            serde_json::to_writer(&mut *gzip, &line)?;
            write!(gzip, "}}")?;
        }
        write!(gzip, "]}}")
    })
}

fn blank_events() -> String {
    inputs::direct(&payload(|gzip| {
        write!(gzip, r#"{{"logEvents":[{{"timestamp":1}}"#)?;
        (0..15_700_000).try_for_each(|_| gzip.write_all(br#",{"timestamp":1}"#))?;
        write!(gzip, "]}}")
    }))
}

fn not_utf8() -> String {
    inputs::direct(&payload(|gzip| {
        write!(
            gzip,
            r#"{{"logEvents":[{{"timestamp":1,"message":""}}],"pad":""#
        )?;
        gzip.write_all(b"\xff")?;
        fill(gzip, b'a', 254 * MEBIBYTE)?;
        write!(gzip, r#""}}"#)
    }))
}

/// Returns a line with a path of this size.
fn path(part: &str, mebibytes: usize) -> String {
    // A little less, since the line has more than its path.
    let parts = mebibytes * MEBIBYTE / part.len() - 100;
    LINE.replace("/p", &format!("/{}", part.repeat(parts)))
}

/// Returns a line that is itself a message of CloudWatch Logs, with very many log events.
fn envelope() -> String {
    let event = r#"{"id":"","timestamp":1,"message":"{\"status\":1}"}"#;
    let events = vec![event; 6 * MEBIBYTE / (event.len() + 14) - 100].join(",");
    format!(
        r#"{{"messageType":"DATA_MESSAGE","owner":"","logGroup":"","logStream":"","logEvents":[{events}]}}"#
    )
}

/// Returns an event of this many lines. Only one line is in memory at a time.
fn many(count: usize, line: impl Fn() -> String) -> String {
    inputs::direct(&lines((0..count).map(|_| line())))
}

/// Returns the user agents that cost the patterns most, each with another number at its end.
fn costly_user_agents(part: &str) -> String {
    let filler = part.repeat(2_000 / part.len());
    let line = move |number| {
        LINE.replace(
            r#""/p""#,
            &format!(r#""/p","userAgent":"{number} {filler}{number}""#),
        )
    };
    inputs::direct(&lines((0..60_000).map(line)))
}

fn direct(line: &[String]) -> String {
    inputs::direct(&lines(line.iter().cloned()))
}

fn kinesis(records: usize, payload: &str) -> String {
    inputs::kinesis(payload, records)
}

fn sqs(messages: usize, payload: &str) -> String {
    let body = serde_json::to_string(&inputs::direct(payload)).expect("a text is JSON");
    let message =
        |number| format!(r#"{{"eventSource":"aws:sqs","messageId":"{number}","body":{body}}}"#);
    format!(
        r#"{{"Records":[{}]}}"#,
        (0..messages).map(message).collect::<Vec<_>>().join(",")
    )
}
