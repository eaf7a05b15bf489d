//! Every sample event in `events/` matches its readable twin.
//!
//! A twin is the event with its payloads decoded in place: `data` is the subscription message
//! instead of base64 of gzip, the `body` of an SQS message is the JSON in it, and the `message` of
//! a log event is the object that the line holds, where it holds one. Events are made from twins,
//! never the other way round.
#![expect(clippy::unwrap_used, reason = "the functions around a test are tests")]

use std::fs;
use std::io::{Read, Write};

use apigw_logs::event_id::EventId;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::support::command_line::run;
use crate::support::golden::{self, assert_holds_only, is_blessing, names, repository};
use crate::support::json::Json;

const EVENTS: &str = "events";
const TWINS: &str = "tests/it/fixtures/events";

/// `data` whose gzip stream has two members, as a producer that joins compressed files makes it.
const TWO_MEMBERS: &str = "data (two gzip members)";

#[test]
fn every_event_is_its_twin_and_becomes_its_documents() {
    let twins = names(TWINS, ".json");
    for name in &twins {
        check_event(name);
        check_documents(name);
    }
    assert_holds_only(
        EVENTS,
        twins
            .iter()
            .map(|name| format!("{name}.json"))
            .chain(["README.md".to_owned()]),
    );
    assert_holds_only(
        TWINS,
        twins
            .iter()
            .flat_map(|name| [format!("{name}.json"), format!("{name}.ndjson")]),
    );
}

#[test]
fn the_ids_in_the_events_have_cloudwatch_s_layout() {
    let mut ids = Vec::new();
    for name in names(TWINS, ".json") {
        let twin = fs::read_to_string(repository(&format!("{TWINS}/{name}.json"))).unwrap();
        collect_ids(&Json::read(&twin), &mut ids);
    }
    for (text, time) in &ids {
        let id = EventId::parse(text).unwrap_or_else(|| panic!("{text} is no number"));
        assert_eq!(id.event_time, *time, "{text}");
        assert!(
            (*time..*time + 600_000).contains(&id.ingestion_time),
            "{text}: ingested at {}",
            id.ingestion_time
        );
    }
    assert!(ids.len() > 40, "the ids of all log events");
}

/// Collects the id and the time of each log event. Control messages have empty ids.
fn collect_ids(json: &Json, ids: &mut Vec<(String, u64)>) {
    match json {
        Json::Object(members) => {
            if let Some(id) = json.text("id").filter(|id| !id.is_empty())
                && let Some(time) = json.number("timestamp")
            {
                ids.push((id.to_owned(), u64::try_from(time).unwrap()));
            }
            members
                .iter()
                .for_each(|(_, value)| collect_ids(value, ids));
        }
        Json::List(list) => list.iter().for_each(|value| collect_ids(value, ids)),
        _ => {}
    }
}

/// An event may be compressed differently from ours, so it is decoded before it is compared.
fn check_event(name: &str) {
    let path = repository(&format!("{EVENTS}/{name}.json"));
    let twin =
        Json::read(&fs::read_to_string(repository(&format!("{TWINS}/{name}.json"))).unwrap());
    let expected = with_lines_as_text(twin);
    let event = fs::read_to_string(&path)
        .ok()
        .map(|event| decoded(Json::read(&event)));
    if event.as_ref() == Some(&expected) {
        return;
    }
    assert!(
        is_blessing(),
        "{name}: the event is not its twin encoded; UPDATE_GOLDEN=1 cargo test writes it"
    );
    fs::write(&path, encoded(expected).pretty()).unwrap();
}

fn check_documents(name: &str) {
    let outcome = run(&["invoke", &format!("{EVENTS}/{name}.json")], &[], b"");
    assert_eq!(outcome.status, 0, "{name}: {}", outcome.stderr);
    golden::check(&format!("{TWINS}/{name}.ndjson"), &outcome.stdout);
    let report = Json::read(outcome.stderr.lines().next().unwrap());
    let documents = i64::try_from(outcome.stdout.lines().count()).unwrap();
    assert_eq!(
        report.number("indexed"),
        Some(documents),
        "{name}: {}",
        outcome.stderr
    );
}

#[test]
fn the_readme_describes_every_event() {
    let readme = fs::read_to_string(repository("events/README.md")).unwrap();
    let told: Vec<_> = readme
        .lines()
        .filter_map(|line| line.strip_prefix("| [")?.split(".json]").next())
        .collect();
    assert_eq!(
        told,
        names(EVENTS, ".json"),
        "events/README.md lists the events in the order of their names"
    );
}

fn map_members(json: Json, map: impl Fn(String, Json) -> (String, Json) + Copy) -> Json {
    match json {
        Json::Object(members) => Json::Object(
            members
                .into_iter()
                .map(|(key, value)| map(key, value))
                .map(|(k, v)| (k, map_members(v, map)))
                .collect(),
        ),
        Json::List(list) => Json::List(
            list.into_iter()
                .map(|value| map_members(value, map))
                .collect(),
        ),
        scalar => scalar,
    }
}

fn with_lines_as_text(twin: Json) -> Json {
    map_members(twin, |key, value| match (&*key, value) {
        ("message", line @ Json::Object(_)) => (key, Json::Text(line.compact())),
        (_, value) => (key, value),
    })
}

fn encoded(event: Json) -> Json {
    map_members(event, |key, value| match (&*key, value) {
        ("data", message @ Json::Object(_)) => (key, payload(&[message.compact().as_bytes()])),
        (TWO_MEMBERS, message @ Json::Object(_)) => {
            let text = message.compact();
            let (head, tail) = text.as_bytes().split_at(text.len() / 2);
            ("data".to_owned(), payload(&[head, tail]))
        }
        ("body", body @ Json::Object(_)) => (key, Json::Text(encoded(body).compact())),
        (_, value) => (key, value),
    })
}

fn payload(members: &[&[u8]]) -> Json {
    let member = |bytes: &&[u8]| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    Json::Text(BASE64_STANDARD.encode(members.iter().flat_map(member).collect::<Vec<_>>()))
}

fn decoded(event: Json) -> Json {
    map_members(event, |key, value| match (&*key, value) {
        ("data", Json::Text(payload)) => message(&payload),
        ("body", Json::Text(body)) => (key, Json::read(&body)),
        (_, value) => (key, value),
    })
}

/// Returns the subscription message of a payload, under the key that says how it is compressed.
fn message(payload: &str) -> (String, Json) {
    let compressed = BASE64_STANDARD.decode(payload).unwrap();
    let mut rest = compressed.as_slice();
    let (mut text, mut members) = (String::new(), 0);
    while !rest.is_empty() {
        let mut member = flate2::bufread::GzDecoder::new(rest);
        member.read_to_string(&mut text).unwrap();
        rest = member.into_inner();
        members += 1;
    }
    (
        if members == 1 { "data" } else { TWO_MEMBERS }.to_owned(),
        Json::read(&text),
    )
}
