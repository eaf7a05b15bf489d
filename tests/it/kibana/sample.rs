//! Known traffic, in a real Elasticsearch: the lines of `fixtures/kibana` through the normal path, and three that are refused.
#![expect(
    clippy::disallowed_types,
    clippy::indexing_slicing,
    reason = "documents are looked at as they are"
)]

use std::collections::BTreeMap;
use std::fs;
use std::sync::OnceLock;

use serde_json::{Value, json};

use crate::support::command_line::run;
use crate::support::golden::repository;
use crate::support::search_server::{Flavour, SearchServer, start};
use crate::support::templates::{Job, key, put_templates};

const FOLDER: &str = "tests/it/fixtures/kibana";

/// Access logs of each kind of API, from 8 to 12 o'clock. What else comes along, between 13 and 14 o'clock, stands in [`DELAYS`].
pub(super) const ACCESS: [&str; 3] = ["rest", "http", "websocket"];

/// The time ranges that the dashboards are looked at over.
pub(super) const MORNING: [&str; 2] = ["2026-03-01T08:00:00.000Z", "2026-03-01T12:00:00.000Z"];
pub(super) const DAY: [&str; 2] = ["2026-03-01T08:00:00.000Z", "2026-03-01T16:00:00.000Z"];

/// A day of traffic that the program makes up.
pub(super) const MADE_UP: [&str; 2] = ["2026-02-01T00:00:00Z", "2026-02-02T00:00:00Z"];

/// 13:15, the time of lines that tell none.
pub(super) const EVENT_TIME: u64 = 1_772_370_900_000;

/// How long a log group's first document took until it was ingested, in seconds; each further took one more.
pub(super) const DELAYS: [(&str, u64); 10] = [
    ("rest", 5),
    ("http", 20),
    ("websocket", 2),
    ("clf", 60),
    ("key-value", 61),
    ("request-id", 62),
    ("execution", 63),
    ("not-known", 64),
    ("broken", 900),
    ("repaired", 65),
];

pub(super) fn raw(file: &str) -> String {
    fs::read_to_string(repository(&format!("{FOLDER}/{file}.log"))).expect("a fixture can be read")
}

/// An Elasticsearch with the sample in it. It is 8.19, the only one whose ES|QL is published.
pub(super) fn server() -> &'static SearchServer {
    static SERVER: OnceLock<SearchServer> = OnceLock::new();
    SERVER.get_or_init(|| {
        let server = start(Flavour::Elasticsearch8, &[]);
        put_templates(&server);
        for (file, delay) in DELAYS {
            take(&server, &event(file), delay);
        }
        take(&server, &made_up(3_000), 4);
        refuse(&server, &[&event("refused"), &made_up(3)]);
        another_program_s_log(&server);
        server.refresh("logs-*");
        server
    })
}

fn made_up(lines: u32) -> String {
    let [from, to] = MADE_UP;
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

/// Makes documents of an event's lines and indexes them.
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

/// The event of a file's lines, whose log group has its name.
fn event(file: &str) -> String {
    let (path, group, time) = (
        format!("{FOLDER}/{file}.log"),
        format!("/{file}"),
        EVENT_TIME.to_string(),
    );
    let arguments = [
        "event",
        &path,
        "--log-group",
        &group,
        "--log-stream",
        "s",
        "--event-time",
        &time,
    ];
    run(&arguments, &[], b"").stdout
}

/// The documents as Fleet's final pipeline leaves them: the servers of the tests have no ingest processors.
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

/// Lines whose documents a mapping refuses: they become dead letters, by the program itself. Each event has three.
fn refuse(server: &SearchServer, events: &[&str]) {
    let data_stream = "logs-aws.api_gateway_logs-refused";
    let status = json!({ "http": { "properties": { "response": { "properties": { "status_code": { "type": "ip" } } } } } });
    let template = json!({
        "index_patterns": [data_stream],
        "priority": 900,
        "data_stream": {},
        "template": { "mappings": { "properties": status } },
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
    for event in events {
        let report = run(&["invoke", "-"], &settings, event.as_bytes());
        assert!(report.stdout.contains(r#""dead_lettered":3"#), "{report:?}");
    }
}

/// What no panel may count: the same values in a data stream of somebody else.
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

/// A raw line of an access log: its keys and values as they stand there.
pub(super) struct Line {
    pub(super) file: &'static str,
    values: BTreeMap<String, String>,
}

impl Line {
    /// A value, unless it is the `-` that API Gateway writes for none.
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.values
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

    /// No comparison holds of the one of a line that has none.
    pub(super) fn status(&self) -> f64 {
        self.number("status").unwrap_or(f64::NAN)
    }
}

/// The access logs' lines.
pub(super) fn lines() -> Vec<Line> {
    let read = |file: &'static str| {
        let text = raw(file);
        let line = |line: &str| Line {
            file,
            values: serde_json::from_str(line).expect("texts"),
        };
        text.lines().map(line).collect::<Vec<_>>()
    };
    ACCESS.into_iter().flat_map(read).collect()
}
