//! Documents that are delivered again after a rollover: stored once where they are looked up, and
//! twice elsewhere.
#![expect(
    clippy::disallowed_types,
    reason = "dead letters are put back as they were"
)]

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::command_line::run;
use crate::support::fake_elasticsearch::{FakeElasticsearch, Fault};
use crate::support::invocation::{LOGS, direct, invoke, lines, payload, sqs};
use crate::support::json::Json;
use crate::support::runtime_emulator::RuntimeEmulator;
use crate::support::search_server::{SearchServer, shared};
use crate::support::templates::{Job, key_body, put_templates};

/// Generous limits, so that time never ends these tests, however slow the machine is.
const PATIENT: [(&str, &str); 2] = [
    ("RETRY_BUDGET_MS", "600000"),
    ("REQUEST_TIMEOUT_MS", "300000"),
];

/// Data streams of one test, and a key for them.
struct Target {
    server: &'static SearchServer,
    data_stream: String,
    dead_letters: String,
}

impl Target {
    fn new(namespace: &str) -> Self {
        let server = shared();
        put_templates(server);
        // A server that survives test runs must not have seen this run's documents.
        let unique = std::process::id();
        Self {
            server,
            data_stream: format!("logs-aws.api_gateway_logs-{namespace}{unique}"),
            dead_letters: format!("logs-aws.api_gateway_dead_letters-{namespace}{unique}"),
        }
    }

    /// Returns a key with these privileges; `None` if the server has no security.
    fn key(&self, body: &str) -> Option<String> {
        match self.server.given_api_key() {
            Some(key) => Some(key.to_owned()),
            None => self.server.create_api_key(body),
        }
    }

    fn variables<'a>(&'a self, key: Option<&'a String>) -> Vec<(&'a str, &'a str)> {
        let mut variables = vec![
            ("ELASTICSEARCH_URL", self.server.url.as_str()),
            ("DATA_STREAM", &self.data_stream),
            ("DEAD_LETTER_DATA_STREAM", &self.dead_letters),
        ];
        variables.extend(PATIENT);
        variables.extend(key.map(|key| ("ELASTICSEARCH_API_KEY", key.as_str())));
        variables
    }

    /// Puts a template for the data stream, which its next backing index uses.
    fn put_template(&self, properties: &str) {
        let template = format!(
            r#"{{"index_patterns":["{}"],"priority":900,"data_stream":{{}},"template":{{"mappings":{{"properties":{properties}}}}}}}"#,
            self.data_stream
        );
        let path = format!("/_index_template/{}", self.data_stream);
        self.request("PUT", &path, Some(&template));
    }

    fn roll_over(&self) {
        self.request("POST", &format!("/{}/_rollover", self.data_stream), None);
    }

    fn request(&self, method: &str, path: &str, body: Option<&str>) {
        let (status, answer) = self.server.admin_request(method, path, body);
        assert!((200..300).contains(&status), "{method} {path}: {answer}");
    }

    /// Returns how many documents there are, and how many ids.
    fn stored(&self) -> (usize, usize) {
        self.server.refresh(&self.data_stream);
        let documents = self.server.search(&self.data_stream, "{}");
        let ids: BTreeSet<_> = documents
            .iter()
            .map(|document| document["_id"].to_string())
            .collect();
        (documents.len(), ids.len())
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        for data_stream in [&self.data_stream, &self.dead_letters] {
            self.server
                .admin_request("DELETE", &format!("/_data_stream/{data_stream}"), None);
        }
        // Most have no template.
        let path = format!("/_index_template/{}", self.data_stream);
        self.server.admin_request("DELETE", &path, None);
    }
}

/// The event of a queue that holds one failed invocation with five lines.
fn failed_invocation() -> String {
    let event = direct(&payload("e", "api", &lines(5)));
    sqs(&[("m", &format!(r#"{{"requestPayload":{event}}}"#))])
}

#[test]
fn a_drained_queue_doubles_nothing_if_it_looks_up() {
    let event = failed_invocation();
    for (setting, copies) in [("true", 1), ("false", 2)] {
        let target = Target::new(&format!("drained{setting}"));
        let key = target.key(&key_body(Job::FunctionLookingUp));
        let mut variables = target.variables(key.as_ref());
        variables.push(("LOOK_UP_REPEATED", setting));
        let function = RuntimeEmulator::start(&variables, 300);
        let drain = || {
            let answer = function.invoke(event.as_bytes());
            assert_eq!(answer, r#"{"batchItemFailures":[]}"#, "{setting}");
        };
        drain();
        target.roll_over();
        drain();
        assert_eq!(target.stored(), (5 * copies, 5), "{setting}");
    }
}

/// Live delivery searches nothing, whatever the setting is.
#[test]
fn events_of_a_subscription_are_not_looked_up() {
    let server = FakeElasticsearch::start();
    let settings = [
        ("ELASTICSEARCH_URL", server.url.as_str()),
        ("LOOK_UP_REPEATED", "true"),
        PATIENT[0],
        PATIENT[1],
    ];
    let event = direct(&payload("e", "api", &lines(5)));
    for counts in [[5, 0, 0, 0, 0], [0, 5, 0, 0, 0]] {
        assert_eq!(invoke(&event, &settings).report.counts(), counts);
    }
    assert!(server.asked().is_empty());
    assert_eq!(server.requests().len(), 2);
    // The same as the record of a failed invocation.
    let record = format!(r#"{{"requestPayload":{event}}}"#);
    assert_eq!(invoke(&record, &settings).report.counts(), [0, 5, 0, 0, 0]);
    assert_eq!(
        server.asked(),
        [
            format!("POST /{LOGS}/_refresh"),
            format!("POST /{LOGS}/_search")
        ]
    );
    assert_eq!(server.requests().len(), 2, "nothing is sent");
}

#[test]
fn documents_that_cannot_be_looked_up_are_sent_with_a_warning() {
    let server = FakeElasticsearch::start();
    let settings = [
        ("ELASTICSEARCH_URL", server.url.as_str()),
        ("LOOK_UP_REPEATED", "true"),
        PATIENT[0],
        PATIENT[1],
    ];
    let forbidden = r#"{"error":{"type":"security_exception"},"status":403}"#;
    server.fail([Fault::answer(403, forbidden)]);
    let run = invoke(&failed_invocation(), &settings);
    assert_eq!(
        (run.status, run.report.counts()),
        (0, [5, 0, 0, 0, 0]),
        "{run:?}"
    );
    assert!(run.stdout.contains(r#""not_looked_up":5"#), "{run:?}");
    let warnings: Vec<_> = run
        .stderr
        .lines()
        .filter(|line| line.starts_with("warning: "))
        .collect();
    let [warning] = warnings[..] else {
        panic!("{warnings:?}")
    };
    assert!(
        warning.contains("5 documents") && warning.contains("`read`"),
        "{warning}"
    );
}

/// An answer that says nothing is not taken for an absence.
#[test]
fn a_look_up_that_fails_is_repeated_and_sends_nothing_in_the_end() {
    let server = FakeElasticsearch::start();
    let mut settings = vec![
        ("ELASTICSEARCH_URL", server.url.as_str()),
        ("LOOK_UP_REPEATED", "true"),
    ];
    settings.extend(PATIENT);
    server.put(LOGS, "another", serde_json::json!({"@timestamp": "x"}));
    server.fail([Fault::status(503), Fault::close(), Fault::status(429)]);
    let run = invoke(&failed_invocation(), &settings);
    assert_eq!(
        (run.status, run.report.counts()),
        (0, [5, 0, 0, 0, 0]),
        "{run:?}"
    );
    server.fail((0..10_000).map(|_| Fault::status(503)));
    settings.push(("RETRY_BUDGET_MS", "50"));
    let run = invoke(&failed_invocation(), &settings);
    assert_eq!(
        (run.status, run.report.counts(), run.report.named()),
        (1, [0, 0, 0, 0, 5], vec!["m"]),
        "{run:?}"
    );
    assert!(run.stderr.contains("503"), "{run:?}");
    assert_eq!(server.requests().len(), 1, "nothing was sent a second time");
}

#[test]
fn a_redrive_doubles_nothing_across_a_rollover() {
    let target = Target::new("redriven");
    let function_key = target.key(&key_body(Job::Function));
    let redrive_key = target.key(&key_body(Job::Redrive));
    // A field with another type rejects every document.
    target.put_template(
        r#"{"http":{"properties":{"response":{"properties":{"status_code":{"type":"ip"}}}}}}"#,
    );
    let event = direct(&payload("e", "api", &lines(5)));
    let buried = invoke(&event, &target.variables(function_key.as_ref()));
    assert_eq!(buried.report.counts(), [0, 0, 5, 0, 0], "{buried:?}");
    target.server.refresh(&target.dead_letters);
    let letters = target.server.search(&target.dead_letters, "{}");
    target.put_template("{}");
    target.roll_over();

    let redrive = |key: Option<&String>, counts: [i64; 3]| {
        let redriven = run(&["redrive"], &target.variables(key), b"");
        assert_eq!(redriven.status, 0, "{}", redriven.stderr);
        let report = Json::read(&redriven.stdout);
        let found = ["indexed", "duplicates", "removed"].map(|count| report.number(count));
        assert_eq!(found, counts.map(Some), "{}", redriven.stdout);
        redriven.stderr
    };
    // As if the redrive before had been interrupted between storing and removing.
    let put_back = || {
        for letter in &letters {
            let mut letter = letter.clone();
            let id = letter["_id"].take();
            letter.as_object_mut().expect("an object").remove("_id");
            let id = id.as_str().expect("an id");
            let path = format!("/{}/_create/{id}?refresh=true", target.dead_letters);
            target.request("PUT", &path, Some(&letter.to_string()));
        }
    };
    redrive(redrive_key.as_ref(), [5, 0, 5]);
    target.roll_over();
    put_back();
    redrive(redrive_key.as_ref(), [0, 5, 5]);
    assert_eq!(target.stored(), (5, 5));

    // A key of an older version may not read documents.
    if !target.server.can_create_api_keys() {
        return;
    }
    let mut body: Value = serde_json::from_str(&key_body(Job::Redrive)).expect("JSON");
    body["role_descriptors"]["apigw-logs-redrive"]["indices"][0]["privileges"] =
        serde_json::json!(["auto_configure", "create_doc"]);
    put_back();
    let said = redrive(target.key(&body.to_string()).as_ref(), [5, 0, 5]);
    assert!(
        said.starts_with("warning: 5 documents") && said.contains("`read`"),
        "{said}"
    );
    assert_eq!(target.stored(), (10, 5));
}

/// The function's own key may not search. It promises no more than before.
#[test]
fn a_key_without_read_is_told_so() {
    let target = Target::new("unread");
    if !target.server.can_create_api_keys() {
        return;
    }
    let key = target.key(&key_body(Job::Function));
    let mut settings = target.variables(key.as_ref());
    settings.push(("LOOK_UP_REPEATED", "true"));
    let run = invoke(&failed_invocation(), &settings);
    assert_eq!(run.report.counts(), [5, 0, 0, 0, 0], "{run:?}");
    assert!(run.stderr.contains("lack `read`"), "{run:?}");
    assert!(run.stdout.contains(r#""not_looked_up":5"#), "{run:?}");
}
