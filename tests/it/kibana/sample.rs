//! Known traffic in a real Elasticsearch: the lines of `fixtures/kibana` through the normal path,
//! three rejected lines, and traffic that the program makes up.
#![expect(
    clippy::disallowed_types,
    clippy::indexing_slicing,
    reason = "documents are looked at as they are"
)]

use std::collections::BTreeMap;
use std::fs;
use std::sync::OnceLock;

use serde_json::{Value, json};

use super::{feed, names, presets};
use crate::support::command_line::run;
use crate::support::golden::repository;
use crate::support::search_server::{Flavour, SearchServer, start};
use crate::support::templates::{Job, key, put_templates};
use crate::support::traffic;

const FOLDER: &str = "tests/it/fixtures/kibana";

/// Access logs of each kind of API, and of a format without API and stage, from 8 to 12 o'clock.
/// The other files of [`DELAYS`] have lines from 13 to 14 o'clock.
const ACCESS: [&str; 4] = ["rest", "http", "websocket", "short"];

/// The time ranges over which the dashboards are checked.
pub(super) const MORNING: [&str; 2] = ["2026-03-01T08:00:00.000Z", "2026-03-01T12:00:00.000Z"];
pub(super) const DAY: [&str; 2] = ["2026-03-01T08:00:00.000Z", "2026-03-01T16:00:00.000Z"];

/// A day of traffic that the program makes up, including broken lines.
pub(super) const MADE_UP: [&str; 2] = ["2026-02-01T00:00:00Z", "2026-02-02T00:00:00Z"];

const A_WEEK_BEFORE_MADE_UP: [&str; 2] = ["2026-01-25T00:00:00Z", "2026-01-26T00:00:00Z"];

/// A day without documents.
pub(super) const NOTHING: [&str; 2] = ["2026-01-20T00:00:00Z", "2026-01-21T00:00:00Z"];

/// Another day and the same day a week before, with lines that can be read without this program.
pub(super) const READABLE: [&str; 2] = ["2026-01-11T00:00:00Z", "2026-01-12T00:00:00Z"];
const A_WEEK_BEFORE_READABLE: [&str; 2] = ["2026-01-04T00:00:00Z", "2026-01-05T00:00:00Z"];

const A_WEEK: u64 = 7 * 24 * 60 * 60 * 1_000;

/// 13:15, the time of lines without a time of their own.
pub(super) const EVENT_TIME: u64 = 1_772_370_900_000;

/// How many seconds after its log event the first document of a log group was ingested; each
/// further document took one second more.
pub(super) const DELAYS: [(&str, u64); 12] = [
    ("rest", 5),
    ("http", 20),
    ("websocket", 2),
    ("short", 3),
    ("clf", 60),
    ("key-value", 61),
    ("request-id", 62),
    ("xml", 66),
    ("execution", 63),
    ("not-known", 64),
    ("broken", 900),
    ("repaired", 65),
];

pub(super) fn raw(file: &str) -> String {
    fs::read_to_string(repository(&format!("{FOLDER}/{file}.log"))).expect("a fixture can be read")
}

/// An Elasticsearch with the sample in it: version 8.19, the only one whose ES|QL is published.
pub(super) fn server() -> &'static SearchServer {
    static SERVER: OnceLock<SearchServer> = OnceLock::new();
    SERVER.get_or_init(|| {
        let server = start(Flavour::Elasticsearch8, &[]);
        put_templates(&server);
        for (file, delay) in DELAYS {
            take(&server, &event(file), delay);
        }
        take(
            &server,
            &event_of_lines("before", &fixtures_a_week_before()),
            7,
        );
        let [now, before] = readable();
        take(&server, &event_of_lines("readable", &now), 1);
        take(&server, &event_of_lines("readable-before", &before), 1);
        take(&server, &made_up(3_000, MADE_UP), 4);
        take(&server, &made_up(2_500, A_WEEK_BEFORE_MADE_UP), 4);
        refuse(&server, &event("refused"), 3);
        refuse(&server, &made_up(3, MADE_UP), 3);
        take_feed(&server);
        take(&server, &event_of_lines("presets", &presets::lines()), 1);
        take_named(&server);
        another_program_s_log(&server);
        server.refresh("logs-*");
        server
    })
}

/// Every second line of the HTTP API, as if it had been written a week before.
fn fixtures_a_week_before() -> String {
    let earlier = |line: &str| {
        let mut line: Value = serde_json::from_str(line).expect("a line is JSON");
        let time: u64 = text(&line, "requestTimeEpoch").parse().expect("a time");
        line["requestTimeEpoch"] = json!((time - A_WEEK).to_string());
        line.to_string()
    };
    let lines: Vec<_> = raw("http").lines().step_by(2).map(earlier).collect();
    lines.join("\n")
}

/// The readable lines of [`READABLE`], and those of the week before.
fn readable() -> [String; 2] {
    let lines = |range| {
        let lines = traffic::log_events(&made_up(1_500, range)).into_iter();
        let is_readable =
            |line: &String| serde_json::from_str::<BTreeMap<String, String>>(line).is_ok();
        let lines: Vec<_> = lines.map(|event| event.line).filter(is_readable).collect();
        assert!(lines.len() > 1_400, "only {} lines", lines.len());
        lines.join("\n")
    };
    [READABLE, A_WEEK_BEFORE_READABLE].map(lines)
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().expect("a text")
}

fn made_up(lines: u32, [from, to]: [&str; 2]) -> String {
    run(
        &[
            "event",
            "--generate",
            &lines.to_string(),
            "--seed",
            "7",
            "--since",
            from,
            "--until",
            to,
        ],
        &[],
        b"",
    )
    .stdout
}

/// Makes documents from an event's lines and indexes them.
fn take(server: &SearchServer, event: &str, delay: u64) {
    let places = [
        (
            "GEOIP_CITY_DATABASE",
            "tests/it/fixtures/geoip/GeoIP2-City-Test.mmdb",
        ),
        (
            "GEOIP_ASN_DATABASE",
            "tests/it/fixtures/geoip/GeoLite2-ASN-Test.mmdb",
        ),
    ];
    let printed = run(&["invoke", "--dry-run", "-"], &places, event.as_bytes());
    assert_eq!(printed.status, 0, "{}", printed.stderr);
    bulk(
        server,
        "logs-aws.api_gateway_logs-default",
        &ingested(&printed.stdout, delay),
    );
}

/// Indexes documents with the names of APIs into a data stream of their own, which has the user's
/// own mappings beside those of `setup`.
fn take_named(server: &SearchServer) {
    let data_stream = "logs-aws.api_gateway_logs-names";
    let put = |path: &str, body: &str| {
        let (status, answer) = server.admin_request("PUT", path, Some(body));
        assert_eq!(status, 200, "{path}: {answer}");
    };
    put("/_component_template/names@custom", &names::mappings());
    let components = ["settings", "mappings"].map(|it| format!("logs-aws.api_gateway_logs@{it}"));
    let [settings, fields] = components;
    let template = json!({
        "index_patterns": [data_stream],
        "priority": 900,
        "data_stream": {},
        "composed_of": [settings, fields, "names@custom"],
    });
    put("/_index_template/names", &template.to_string());
    let settings = [("API_NAMES", names::NAMES), ("DATA_STREAM", data_stream)];
    let event = event_of_lines("names", &names::lines());
    let printed = run(&["invoke", "--dry-run", "-"], &settings, event.as_bytes());
    assert_eq!(printed.status, 0, "{}", printed.stderr);
    bulk(server, data_stream, &ingested(&printed.stdout, 1));
}

/// Indexes the lines drawn by chance, those of each log group on their own.
fn take_feed(server: &SearchServer) {
    let mut groups: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for fed in feed::by_chance() {
        let key = (fed.log_group.clone(), fed.is_rejected);
        groups.entry(key).or_default().push(fed);
    }
    for ((group, is_rejected), feed) in groups {
        let lines: Vec<_> = feed.iter().map(|fed| fed.line.as_str()).collect();
        let event = event_at(
            group.trim_start_matches('/'),
            &lines.join("\n"),
            feed::BEGINS,
        );
        match feed.first() {
            Some(first) if !is_rejected => take(server, &event, first.lag),
            _ => refuse(server, &event, lines.len()),
        }
    }
}

/// Returns the event of a file's lines. Its log group is named after the file.
fn event(file: &str) -> String {
    event_of_lines(file, &raw(file))
}

fn event_of_lines(log_group: &str, lines: &str) -> String {
    event_at(log_group, lines, EVENT_TIME)
}

fn event_at(log_group: &str, lines: &str, time: u64) -> String {
    let (group, time) = (format!("/{log_group}"), time.to_string());
    let arguments = [
        "event",
        "--log-group",
        &group,
        "--log-stream",
        "s",
        "--event-time",
        &time,
    ];
    run(&arguments, &[], lines.as_bytes()).stdout
}

/// Changes documents as Fleet's final pipeline would: the servers of the tests have no ingest
/// processors.
fn ingested(documents: &str, delay: u64) -> Vec<Value> {
    let later = |(number, line): (usize, &str)| {
        let mut document: Value = serde_json::from_str(line).expect("a document is JSON");
        let time: jiff::Timestamp = document["@timestamp"]
            .as_str()
            .and_then(|time| time.parse().ok())
            .expect("a time");
        let seconds = i64::try_from(delay).expect("small") + i64::try_from(number).expect("few");
        let time = time
            .checked_add(jiff::SignedDuration::from_secs(seconds))
            .expect("in this century");
        document["event"]["ingested"] = json!(format!("{time:.3}"));
        document
    };
    documents.lines().enumerate().map(later).collect()
}

fn bulk(server: &SearchServer, data_stream: &str, documents: &[Value]) {
    let mut body = String::new();
    for document in documents {
        let mut source = document.clone();
        let id = source
            .as_object_mut()
            .and_then(|source| source.remove("_id"));
        let create = id.map_or_else(|| json!({}), |id| json!({ "_id": id }));
        body.push_str(&format!("{}\n{source}\n", json!({ "create": create })));
    }
    let (status, answer) =
        server.admin_request("POST", &format!("/{data_stream}/_bulk"), Some(&body));
    assert!(
        status == 200 && answer.contains(r#""errors":false"#),
        "{answer}"
    );
}

/// Indexes lines whose documents a mapping rejects. The program itself makes them dead letters.
/// The event has this many lines.
fn refuse(server: &SearchServer, event: &str, lines: usize) {
    let data_stream = "logs-aws.api_gateway_logs-refused";
    // No panel and no rule uses this field: ES|QL would not read it from two types.
    let version = json!({ "ecs": { "properties": { "version": { "type": "ip" } } } });
    let template = json!({
        "index_patterns": [data_stream],
        "priority": 900,
        "data_stream": {},
        "template": { "mappings": { "properties": version } },
    });
    let (status, answer) = server.admin_request(
        "PUT",
        "/_index_template/refused",
        Some(&template.to_string()),
    );
    assert_eq!(status, 200, "{answer}");
    let key = key(server, Job::Function).expect("this server makes keys");
    let settings = [
        ("ELASTICSEARCH_URL", server.url.as_str()),
        ("ELASTICSEARCH_API_KEY", &key),
        ("DATA_STREAM", data_stream),
    ];
    let report = run(&["invoke", "-"], &settings, event.as_bytes());
    let expected = format!(r#""dead_lettered":{lines},"#);
    assert!(report.stdout.contains(&expected), "{report:?}");
}

/// Adds documents that no panel may count: the same values in a data stream of somebody else.
fn another_program_s_log(server: &SearchServer) {
    let data_stream = "logs-nginx.access-default";
    let template = json!({ "index_patterns": [data_stream], "priority": 900, "data_stream": {} });
    let (status, answer) =
        server.admin_request("PUT", "/_index_template/nginx", Some(&template.to_string()));
    assert_eq!(status, 200, "{answer}");
    let document = json!({
        "@timestamp": "2026-03-01T09:00:00.000Z",
        "data_stream": { "type": "logs", "dataset": "nginx.access", "namespace": "default" },
        "event": { "outcome": "failure", "kind": "pipeline_error" },
        "http": { "response": { "status_code": 500 } },
        "aws": { "api_gateway": { "log_type": "access", "api_id": "a1b2c3d4e5" } },
    });
    bulk(server, data_stream, &[document]);
}

/// A raw line of an access log, with its keys and values as they are written.
pub(super) struct Line(BTreeMap<String, String>);

impl Line {
    fn read(line: &str) -> Self {
        Self(serde_json::from_str(line).expect("texts"))
    }

    /// Returns a value, unless it is the `-` that API Gateway writes for a missing one.
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.0
            .get(key)
            .map(String::as_str)
            .filter(|value| *value != "-")
    }

    pub(super) fn number(&self, key: &str) -> Option<f64> {
        self.get(key).map(|value| value.parse().expect("a number"))
    }

    pub(super) fn is(&self, key: &str, value: &str) -> bool {
        self.get(key) == Some(value)
    }

    /// Returns the status, or NaN, for which every comparison fails.
    pub(super) fn status(&self) -> f64 {
        self.number("status").unwrap_or(f64::NAN)
    }

    /// Returns the same line as Kibana draws it beside those of a week later.
    fn a_week_later(mut self) -> Self {
        if let Some(time) = self.0.get_mut("requestTimeEpoch") {
            *time = (time.parse::<u64>().expect("a time") + A_WEEK).to_string();
        }
        self
    }
}

/// Returns the lines of a time range, and those of a week before at the times at which they are
/// drawn.
pub(super) struct Lines {
    pub(super) now: Vec<Line>,
    pub(super) a_week_before: Vec<Line>,
}

impl Lines {
    fn read(now: &str, a_week_before: &str) -> Self {
        let before = a_week_before.lines().map(Line::read);
        Self {
            now: now.lines().map(Line::read).collect(),
            a_week_before: before.map(Line::a_week_later).collect(),
        }
    }

    /// The hand-made lines of [`MORNING`].
    pub(super) fn of_fixtures() -> Self {
        Self::read(&ACCESS.map(raw).join(""), &fixtures_a_week_before())
    }

    /// The made-up lines of [`READABLE`].
    pub(super) fn of_made_up_days() -> Self {
        let [now, before] = readable();
        Self::read(&now, &before)
    }
}
