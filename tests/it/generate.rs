//! Made-up traffic: the same each time, in the recommended formats, and with the story that its
//! description promises.

use std::collections::{BTreeMap, BTreeSet};

use apigw_logs::event_id::EventId;

use crate::support::command_line::run;
use crate::support::json::Json;
use crate::support::traffic::{LogEvent, event, log_events};

const DAY: &str = "2026-03-01T00:00:00Z";
/// The same times in milliseconds since 1970.
const DAY_BEGINS: i64 = 1_772_323_200_000;
const A_MINUTE: i64 = 60_000;

fn a_day(lines: u64) -> Vec<LogEvent> {
    log_events(&event(lines, 1, DAY))
}

/// Returns the complete lines, parsed.
fn requests(events: &[LogEvent]) -> Vec<Json> {
    events
        .iter()
        .filter_map(|event| serde_json::from_str(&event.line).ok())
        .collect()
}

fn minute(request: &Json) -> i64 {
    let time: i64 = request
        .text("requestTimeEpoch")
        .expect("a time")
        .parse()
        .expect("a number");
    (time - DAY_BEGINS) / A_MINUTE
}

#[test]
fn the_same_seed_and_times_make_the_same_event() {
    let first = event(500, 7, DAY);
    assert_eq!(first, event(500, 7, DAY));
    assert_ne!(first, event(500, 8, DAY));
    let longer = [
        "event",
        "--generate",
        "500",
        "--seed",
        "7",
        "--since",
        DAY,
        "--until",
        "2026-03-03T00:00:00Z",
    ];
    assert_ne!(first, run(&longer, &[], b"").stdout);
}

/// A change of the generator changes the numbers in the documentation and the documents' ids.
#[test]
fn the_first_line_of_a_seed_never_changes() {
    let [event] = &log_events(&event(1, 1, DAY))[..] else {
        panic!("one line")
    };
    let line = Json::read(&event.line);
    let seen =
        ["apiId", "requestTimeEpoch", "path", "ip"].map(|key| line.text(key).unwrap_or_default());
    assert_eq!(
        seen,
        [
            "sh0prest01",
            "1772357966629",
            "/prod/products",
            "203.0.113.24"
        ]
    );
}

#[test]
fn the_requested_number_of_lines_has_distinct_ids() {
    for lines in [1, 99, 2_500] {
        let events = a_day(lines);
        let ids: BTreeSet<_> = events.iter().map(|event| &event.id).collect();
        assert_eq!((events.len() as u64, ids.len() as u64), (lines, lines));
        assert!(events.iter().all(
            |event| EventId::parse(&event.id).expect("a number").event_time
                == event.timestamp.unsigned_abs()
        ));
    }
}

/// Timestamps are those of a request's end, so they may be up to half a minute late.
#[test]
fn the_lines_fall_into_the_requested_time() {
    let end = DAY_BEGINS + 24 * 60 * A_MINUTE;
    for event in a_day(2_500) {
        assert!(
            (DAY_BEGINS..end + A_MINUTE).contains(&event.timestamp),
            "{event:?}"
        );
    }
    for request in requests(&a_day(2_500)) {
        assert!((0..24 * 60).contains(&minute(&request)), "{request:?}");
    }
}

#[test]
fn without_times_the_last_day_is_made_up() {
    let now = jiff::Timestamp::now().as_millisecond();
    let run = run(&["event", "--generate", "300"], &[], b"");
    let events = log_events(&run.stdout);
    let day = now - 24 * 60 * A_MINUTE - 1..now + 10 * A_MINUTE;
    assert!(events.len() == 300 && events.iter().all(|event| day.contains(&event.timestamp)));
}

/// Lines are in the formats that `log-format` prints: the same keys, each with a text. The beta
/// stage has one more.
#[test]
fn a_line_is_in_the_recommended_format() {
    let keys = |line: &str| {
        let Json::Object(members) = Json::read(line) else {
            panic!("{line}")
        };
        members
            .into_iter()
            .map(|(key, value)| (key, matches!(value, Json::Text(_))))
            .collect::<Vec<_>>()
    };
    let formats = ["rest", "http", "websocket"]
        .map(|kind| keys(&run(&["log-format", kind], &[], b"").stdout));
    let mut seen = BTreeSet::new();
    for request in requests(&a_day(2_500)) {
        let mut keys = keys(&request.compact());
        keys.pop_if(|(key, _)| key == "release");
        seen.insert(
            formats
                .iter()
                .position(|format| *format == keys)
                .expect("a recommended format"),
        );
    }
    assert_eq!(seen, [0, 1, 2].into());
}

/// Every line becomes a document. Documents of lines that were damaged on purpose say so.
#[test]
fn all_lines_take_the_normal_path() {
    let outcome = run(&["invoke", "-"], &[], event(5_000, 1, DAY).as_bytes());
    assert_eq!(outcome.status, 0, "{}", outcome.stderr);
    let report = Json::read(&outcome.stderr);
    assert_eq!(
        (report.number("indexed"), report.number("skipped")),
        (Some(5_000), Some(0))
    );
    let documents: Vec<_> = outcome.stdout.lines().map(Json::read).collect();
    let broken = documents
        .iter()
        .filter(|document| document.text("event.kind") == Some("pipeline_error"))
        .count();
    let repaired = documents
        .iter()
        .filter(|document| document.get("aws.api_gateway.repairs").is_some())
        .count();
    assert!(
        (1..50).contains(&broken) && (1..50).contains(&repaired),
        "{broken} broken, {repaired} repaired"
    );
    let keys: BTreeSet<_> = documents
        .iter()
        .filter(|document| document.text("event.kind") == Some("event"))
        .filter_map(|document| document.list("aws.api_gateway.unmapped_keys"))
        .flatten()
        .map(Json::compact)
        .collect();
    assert_eq!(
        keys,
        [r#""release""#.to_owned()].into(),
        "only the beta stage has a key of its owner"
    );
}

fn counts(requests: &[Json], key: &str) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for request in requests {
        *counts
            .entry(request.text(key).unwrap_or_default().to_owned())
            .or_default() += 1;
    }
    counts
}

#[test]
fn the_lines_tell_the_story() {
    let events = a_day(10_000);
    let groups: BTreeSet<_> = events.iter().map(|event| &*event.log_group).collect();
    assert_eq!(groups.len(), 4);
    let requests = requests(&events);
    let within = |from: i64, until: i64| -> Vec<Json> {
        requests
            .iter()
            .filter(|request| (from..until).contains(&minute(request)))
            .cloned()
            .collect()
    };
    // The export makes most of the requests of the night's incident, and most of its failures.
    let incident = within(190, 215);
    let of_the_export = counts(&incident, "ip")["198.51.100.77"];
    assert!(
        of_the_export * 10 > incident.len() * 8,
        "{of_the_export} of {}",
        incident.len()
    );
    let statuses = counts(&incident, "status");
    assert!(
        statuses["429"] + statuses["502"] + statuses["504"] > incident.len() / 2,
        "{statuses:?}"
    );
    // The bot finds nothing.
    let scan = counts(
        &requests
            .iter()
            .filter(|r| r.text("ip") == Some("192.0.2.66"))
            .cloned()
            .collect::<Vec<_>>(),
        "status",
    );
    assert_eq!(scan.keys().collect::<Vec<_>>(), ["403", "404"]);
    // The deployment has its bug.
    let deployments = |from, until| {
        counts(&within(from, until), "deploymentId")
            .into_keys()
            .collect::<Vec<_>>()
    };
    assert!(
        deployments(840, 885).contains(&"d4pl0y".to_owned())
            && !deployments(885, 1440).contains(&"d4pl0y".to_owned())
    );
    let mistakes: Vec<_> = requests
        .iter()
        .filter(|r| r.text("errorResponseType") == Some("API_CONFIGURATION_ERROR"))
        .collect();
    assert!(
        !mistakes.is_empty()
            && mistakes
                .iter()
                .all(|r| r.text("resourcePath") == Some("/orders"))
    );
    // There is more traffic by day than by night.
    assert!(within(19 * 60, 20 * 60).len() > 3 * within(4 * 60, 5 * 60).len());
    for status in [
        "200", "201", "204", "400", "401", "403", "404", "429", "500", "502", "504",
    ] {
        assert!(
            counts(&requests, "status").contains_key(status),
            "no {status}"
        );
    }
}

/// The messages of a WebSocket connection come between its beginning and its end, and from one
/// address.
#[test]
fn web_socket_connections_begin_send_messages_and_end() {
    let mut connections: BTreeMap<String, Vec<Json>> = BTreeMap::new();
    for request in requests(&a_day(5_000)) {
        if let Some(id) = request.text("connectionId") {
            connections.entry(id.to_owned()).or_default().push(request);
        }
    }
    assert!(connections.len() > 50);
    for (id, mut messages) in connections {
        messages.sort_by_key(|message| message.text("requestTimeEpoch").map(str::to_owned));
        let kinds: Vec<_> = messages
            .iter()
            .filter_map(|message| message.text("eventType"))
            .collect();
        let of_kind = |kind: &str| kinds.iter().filter(|k| **k == kind).count();
        assert!(
            of_kind("CONNECT") <= 1 && of_kind("DISCONNECT") <= 1,
            "{id}: {kinds:?}"
        );
        assert!(
            kinds.iter().skip(1).all(|kind| *kind != "CONNECT"),
            "{id}: {kinds:?}"
        );
        assert!(
            kinds.iter().rev().skip(1).all(|kind| *kind != "DISCONNECT"),
            "{id}: {kinds:?}"
        );
        assert_eq!(counts(&messages, "ip").len(), 1, "{id}");
    }
}
