//! The main job against a real Elasticsearch, with a key that has exactly the privileges that the
//! function needs.
#![expect(
    clippy::disallowed_types,
    reason = "documents are compared as they come back from a search"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use serde_json::{Value, json};

use crate::lines::{LINES, settings};
use crate::support::command_line::{Outcome as Run, run};
use crate::support::golden::{names, repository};
use crate::support::runtime_emulator::RuntimeEmulator;
use crate::support::search_server::{Flavour, IndexMode, SearchServer, shared};
use crate::support::templates::{Job, key_body, put_templates};
use crate::support::traffic::{self, LogEvent};

/// A data stream of one test on the shared server, and the settings that lead to it.
struct Target {
    server: &'static SearchServer,
    data_stream: String,
    dead_letters: String,
    key: Option<String>,
}

impl Target {
    fn new(namespace: &str) -> Self {
        static KEY: OnceLock<Option<String>> = OnceLock::new();
        let server = shared();
        let key = KEY.get_or_init(|| {
            put_templates(server);
            server.function_api_key()
        });
        // A server that survives test runs must not have seen this run's documents.
        let unique = std::process::id();
        Self {
            server,
            data_stream: format!("logs-aws.api_gateway_logs-{namespace}{unique}"),
            dead_letters: format!("logs-aws.api_gateway_dead_letters-{namespace}{unique}"),
            key: key.clone(),
        }
    }

    fn variables(&self) -> Vec<(&str, &str)> {
        let mut variables = vec![
            ("ELASTICSEARCH_URL", self.server.url.as_str()),
            ("DATA_STREAM", &self.data_stream),
            ("DEAD_LETTER_DATA_STREAM", &self.dead_letters),
            // A busy server never ends a test.
            ("RETRY_BUDGET_MS", "600000"),
        ];
        variables.extend(
            self.key
                .as_deref()
                .map(|key| ("ELASTICSEARCH_API_KEY", key)),
        );
        variables
    }

    fn invoke(&self, events: &[&str]) -> Run {
        run(&[&["invoke"], events].concat(), &self.variables(), b"")
    }

    fn path(&self, api: &str) -> String {
        format!("/{}/{api}", self.data_stream)
    }

    /// Returns the fields in the data stream's index.
    fn mapped_fields(&self) -> BTreeSet<String> {
        let (_, answer) = self
            .server
            .admin_request("GET", &self.path("_mapping"), None);
        let answer: Value = serde_json::from_str(&answer).expect("an answer is JSON");
        leaves(
            &answer
                .as_object()
                .and_then(|indices| indices.values().next())
                .expect("an index")["mappings"],
        )
    }

    fn documents(&self) -> Vec<Value> {
        self.server.refresh(&self.data_stream);
        let mut documents = self.server.search(&self.data_stream, "{}");
        documents
            .iter_mut()
            .for_each(|document| drop(document.as_object_mut().expect("an object").remove("_id")));
        sorted(documents)
    }
}

/// Returns the mode of a data stream's first index; empty for the standard mode.
fn index_mode(server: &SearchServer, data_stream: &str) -> String {
    let path = format!("/{data_stream}/_settings");
    let (_, answer) = server.admin_request("GET", &path, None);
    let answer: Value = serde_json::from_str(&answer).expect("an answer is JSON");
    let index = answer
        .as_object()
        .and_then(|indices| indices.values().next())
        .expect("an index");
    let mode = index.pointer("/settings/index/mode");
    mode.and_then(Value::as_str).unwrap_or_default().to_owned()
}

impl Drop for Target {
    fn drop(&mut self) {
        for data_stream in [&self.data_stream, &self.dead_letters] {
            self.server
                .admin_request("DELETE", &format!("/_data_stream/{data_stream}"), None);
        }
        // Most indices have no mode.
        for data_stream in [&self.data_stream, &self.dead_letters] {
            self.server
                .admin_request("DELETE", &format!("/_index_template/{data_stream}"), None);
        }
    }
}

fn sorted(mut documents: Vec<Value>) -> Vec<Value> {
    documents.sort_by_key(Value::to_string);
    documents
}

fn reports(run: &Run) -> Vec<Value> {
    run.stdout
        .lines()
        .map(|line| serde_json::from_str(line).expect("a report is JSON"))
        .collect()
}

/// Sums up a member of the reports.
fn sum(reports: &[Value], member: &str) -> u64 {
    reports
        .iter()
        .map(|report| report.get(member).and_then(Value::as_u64).expect("a count"))
        .sum()
}

fn every_event() -> Vec<String> {
    let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/events"))
        .expect("there are events");
    let names = files.map(|file| file.expect("a folder can be read").path());
    let mut names: Vec<_> = names
        .filter(|name| {
            name.extension()
                .is_some_and(|extension| extension == "json")
        })
        .map(|name| name.to_str().expect("names are text").to_owned())
        .collect();
    names.sort();
    names
}

/// A search finds exactly the documents that `invoke` prints without a server. Sending them again
/// doubles nothing.
#[test]
fn every_sample_event_is_found_again_once() {
    let target = Target::new("samples");
    let events = every_event();
    let events: Vec<_> = events.iter().map(String::as_str).collect();
    let printed = run(
        &[&["invoke", "--dry-run"], &*events].concat(),
        &target.variables(),
        b"",
    );
    assert_eq!(printed.status, 0, "{}", printed.stderr);
    let expected: Vec<Value> = printed
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).expect("a document is JSON"))
        .collect();

    let first = target.invoke(&events);
    assert_eq!(first.status, 0, "{}", first.stderr);
    let found = target.documents();
    let (first, second) = (reports(&first), reports(&target.invoke(&events)));
    assert_eq!(sum(&first, "indexed") as usize, found.len(), "{first:?}");
    // The samples hold some log events twice, as a queue of failed invocations may. Each is stored
    // once.
    let mut expected = sorted(expected);
    expected.dedup();
    assert_eq!(found, expected);

    assert_eq!(sum(&second, "indexed"), 0, "{second:?}");
    assert_eq!(
        sum(&second, "duplicates"),
        sum(&first, "indexed") + sum(&first, "duplicates")
    );
    assert_eq!(target.documents(), found);
}

/// `FilterLogEvents` and the subscription lead to the same document ids.
#[test]
fn log_events_that_filter_log_events_found_are_duplicates() {
    let target = Target::new("found");
    let folder = tempfile::tempdir().expect("there is room");
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("there is room");
        path.to_str().expect("paths here are text").to_owned()
    };
    let event = traffic::event(300, 1, "2026-03-01");
    let live = target.invoke(&[&write("event.json", &event)]);
    assert_eq!(sum(&reports(&live), "indexed"), 300, "{live:?}");
    let mut groups: BTreeMap<String, Vec<LogEvent>> = BTreeMap::new();
    for event in traffic::log_events(&event) {
        groups
            .entry(event.log_group.clone())
            .or_default()
            .push(event);
    }
    let mut duplicates = 0;
    for (group, events) in &groups {
        let file = write("found.json", &traffic::found(events));
        let again = target.invoke(&[&file, "--log-group", &traffic::arn(group)]);
        assert_eq!(again.status, 0, "{again:?}");
        let reports = reports(&again);
        assert_eq!(sum(&reports, "indexed"), 0, "{reports:?}");
        duplicates += sum(&reports, "duplicates");
    }
    assert_eq!(duplicates, 300);
}

/// The rules of docs/fields.md about synthetic `_source`: logsdb returns some values in another
/// form than they were sent in.
#[test]
fn only_documented_values_come_back_in_another_form() {
    let target = Target::new("synthetic");
    let line = r#"{"apiId":"a","requestId":"odd","identity.sourceIp":"2001:DB8:0:0:0:0:0:1",
        "authorizer.claims":{"number":5,"flag":true,"objects":[{"k":1,"l":2},{"k":0}],"empty":{},"list":["b","a","b"],"text":"x"},
        "unknown":7}"#
        .replace('\n', "");
    let event = run(
        &["event", "--log-group", "g", "--log-stream", "s"],
        &[],
        line.as_bytes(),
    )
    .stdout;
    let directory = tempfile::tempdir().expect("there is room");
    let file = directory.path().join("odd.json");
    std::fs::write(&file, event).expect("there is room");
    let file = file.to_str().expect("paths here are text");
    let printed = run(&["invoke", "--dry-run", file], &target.variables(), b"");
    let mut expected: Value = serde_json::from_str(&printed.stdout).expect("a document is JSON");
    if target.server.index_mode == IndexMode::Logsdb {
        expected["source"]["ip"] = json!("2001:db8::1");
        expected["related"]["ip"] = json!(["2001:db8::1"]);
        let gateway = &mut expected["aws"]["api_gateway"];
        gateway["unmapped"] = json!({"unknown": "7"});
        gateway["authorizer"]["claims"] = json!({
            "number": "5",
            "flag": "true",
            "objects": {"k": ["1", "0"], "l": "2"},
            "list": ["b", "a", "b"],
            "text": "x",
        });
    }
    assert_eq!(target.invoke(&[file]).status, 0);
    let found = target.documents();
    assert_eq!(
        found,
        [expected],
        "{}",
        index_mode(target.server, &target.data_stream)
    );
    let is_logsdb = index_mode(target.server, &target.data_stream) == "logsdb";
    assert_eq!(is_logsdb, target.server.index_mode == IndexMode::Logsdb);
}

const EVENT: &str = "events/rest.json";

impl Target {
    /// Runs `redrive` with a key that has exactly its privileges.
    fn redrive(&self, arguments: &[&str], key_body: &str) -> (Run, Value) {
        let mut variables = self.variables();
        let key = if self.server.can_create_api_keys() {
            self.server.create_api_key(key_body)
        } else {
            None
        };
        variables.extend(key.as_deref().map(|key| ("ELASTICSEARCH_API_KEY", key)));
        let run = run(&[&["redrive"], arguments].concat(), &variables, b"");
        let report = reports(&run).pop().unwrap_or_default();
        (run, report)
    }

    /// Puts a template for the data stream, which its next backing index uses.
    fn put_template(&self, properties: &str) {
        let mappings = format!(r#""mappings":{{"properties":{properties}}}"#);
        self.put_template_of(&self.data_stream, &mappings);
    }

    fn put_template_of(&self, data_stream: &str, members: &str) {
        let template = format!(
            r#"{{"index_patterns":["{data_stream}"],"priority":900,"data_stream":{{}},"template":{{{members}}}}}"#
        );
        let path = format!("/_index_template/{data_stream}");
        let (status, answer) = self.server.admin_request("PUT", &path, Some(&template));
        assert_eq!(status, 200, "{answer}");
    }

    fn dead_letters(&self) -> u64 {
        self.server.refresh(&self.dead_letters);
        self.server.count(&self.dead_letters)
    }
}

/// Puts a mapping that rejects some of our documents: a field of ours with another type.
fn refuse_status_codes(target: &Target) {
    target.put_template(
        r#"{"http":{"properties":{"response":{"properties":{"status_code":{"type":"ip"}}}}}}"#,
    );
}

#[test]
fn documents_that_a_mapping_rejects_become_dead_letters() {
    let target = Target::new("refused");
    refuse_status_codes(&target);
    let run = target.invoke(&[EVENT]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    let reports = reports(&run);
    let dead = sum(&reports, "dead_lettered");
    assert!(dead > 0 && dead == sum(&reports, "received"), "{reports:?}");
    assert!(run.stderr.starts_with("warning: "), "{}", run.stderr);

    target.server.refresh(&target.dead_letters);
    let letters = target.server.search(&target.dead_letters, "{}");
    assert_eq!(letters.len() as u64, dead);
    for letter in letters {
        let text = |pointer| {
            letter
                .pointer(pointer)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        assert!(
            ["document_parsing_exception", "mapper_parsing_exception"]
                .contains(&&*text("/error/type")),
            "{letter}"
        );
        assert!(text("/error/message").contains("status_code"), "{letter}");
        assert!(text("/event/original").starts_with('{'), "{letter}");
        assert_eq!(
            text("/aws/api_gateway/dead_letter/data_stream"),
            target.data_stream
        );
        assert_eq!(
            text("/aws/api_gateway/dead_letter/document_id"),
            text("/_id")
        );
    }
}

/// Once the mapping is fixed, dead letters arrive under their first ids, and are removed.
#[test]
fn dead_letters_are_sent_again() {
    let (target, redrive_key) = (Target::new("redrive"), &*key_body(Job::Redrive));
    assert_eq!(
        target.redrive(&[], redrive_key).0.status,
        0,
        "there is no data stream yet"
    );
    refuse_status_codes(&target);
    // One of the lines is nearly as long as CloudWatch Logs allows.
    let long = format!(
        r#"{{"requestId":"r","status":"200","note":"{}"}}"#,
        "x".repeat(1_000_000)
    );
    let long = run(
        &["event", "--log-group", "g", "--log-stream", "s"],
        &[],
        long.as_bytes(),
    )
    .stdout;
    let directory = tempfile::tempdir().expect("there is room");
    let file = directory.path().join("long.json");
    std::fs::write(&file, long).expect("there is room");
    let events = [
        EVENT,
        "events/http.json",
        file.to_str().expect("paths here are text"),
    ];
    let run = target.invoke(&events);
    let dead = sum(&reports(&run), "dead_lettered");
    assert!(dead > 9 && run.status == 0, "{run:?}");

    // Nothing is fixed yet: all letters stay as they are.
    let (run, report) = target.redrive(&["--limit", "3"], redrive_key);
    let report = [report];
    assert_eq!(
        (
            run.status,
            sum(&report, "dead_lettered"),
            sum(&report, "removed")
        ),
        (1, 3, 0),
        "{run:?}"
    );
    assert_eq!(target.dead_letters(), dead);

    target.put_template("{}");
    let rollover = format!("/{}/_rollover", target.data_stream);
    assert_eq!(target.server.admin_request("POST", &rollover, None).0, 200);
    if target.server.can_create_api_keys() {
        let (run, report) = target.redrive(&[], &key_body(Job::Function));
        assert!(run.status == 1 && run.stderr.contains("`read`"), "{run:?}");
        assert_eq!(sum(&[report], "received"), 0);
        let (run, report) =
            target.redrive(&["--limit", "2"], &redrive_key.replace(r#""delete","#, ""));
        assert!(
            run.status == 1 && run.stderr.contains("delivered and not removed"),
            "{run:?}"
        );
        assert_eq!(
            (sum(&[report], "indexed"), target.dead_letters()),
            (2, dead)
        );
    }
    // A dry run prints the documents that are not there yet.
    let (run, report) = target.redrive(&["--dry-run"], redrive_key);
    let stored = target.documents().len() as u64;
    assert_eq!(
        (
            run.status,
            run.stdout.lines().count() as u64,
            report.is_null()
        ),
        (0, dead - stored, false),
        "{run:?}"
    );
    let (run, report) = target.redrive(&[], redrive_key);
    assert_eq!(
        (run.status, sum(&[report], "removed"), target.dead_letters()),
        (0, dead, 0),
        "{run:?}"
    );
    assert_eq!(target.documents().len() as u64, dead);
    let again = reports(&target.invoke(&events));
    assert_eq!(
        sum(&again, "duplicates"),
        dead,
        "under the same ids: {again:?}"
    );
    assert_eq!(
        target.redrive(&[], redrive_key).0.status,
        0,
        "nothing is left to do"
    );
}

/// Elasticsearch 9.5 ends a search for all documents early, without an error, if it asks for the
/// oldest first while the newest are stored first, as in logsdb. The fault needs several segments
/// and more than one page.
#[test]
fn all_dead_letters_are_read_from_an_index_sorted_in_reverse() {
    let target = Target::new("sorted");
    target.put_template_of(
        &target.dead_letters,
        r#""settings":{"index.sort.field":"@timestamp","index.sort.order":"desc"},
            "mappings":{"dynamic":false,"properties":{"@timestamp":{"type":"date"}}}"#,
    );
    assert_every_letter_is_sent_again(&target, 3000);
}

/// In logsdb, an index is sorted by `host.name` first. There, Elasticsearch 9.5 ends most searches
/// in order of time early, or answers 400, even if they have a range.
#[test]
fn all_dead_letters_are_read_from_an_index_sorted_by_host() {
    let target = Target::new("byhost");
    target.put_template_of(
        &target.dead_letters,
        r#""settings":{"index.sort.field":["host.name","@timestamp"],"index.sort.order":["asc","desc"]},
            "mappings":{"dynamic":false,"properties":{"@timestamp":{"type":"date"},
                "host":{"properties":{"name":{"type":"keyword"}}}}}"#,
    );
    assert_every_letter_is_sent_again(&target, 3000);
}

/// In logsdb, the letters are in logsdb, too. That is where very many of them are needed to see the
/// fault.
#[test]
fn all_of_very_many_dead_letters_are_sent_again() {
    let target = Target::new("many");
    let is_logsdb = target.server.index_mode == IndexMode::Logsdb;
    assert_every_letter_is_sent_again(&target, if is_logsdb { 12_000 } else { 300 });
    let mode = index_mode(target.server, &target.dead_letters);
    assert_eq!(mode == "logsdb", is_logsdb, "{mode}");
}

/// Buries letters in segments that overlap, and sends them again.
fn assert_every_letter_is_sent_again(target: &Target, letters: i64) {
    refuse_status_codes(target);
    // The documents are out of order, in segments that overlap: each bulk request makes at least
    // one segment.
    let lines: Vec<String> = (0..letters)
        .map(|number| {
            format!(
                r#"{{"requestId":"r-{number}","status":"200","requestTimeEpoch":"{}"}}"#,
                1_700_000_000_000_i64 + number * 7919 % letters * 1000
            )
        })
        .collect();
    let directory = tempfile::tempdir().expect("there is room");
    let events: Vec<String> = lines
        .chunks(100)
        .enumerate()
        .map(|(index, lines)| {
            let file = directory.path().join(format!("{index}.json"));
            let logs: Vec<String> = lines.to_vec();
            let time = (1_700_000_000_000_i64 + index as i64 * 7919 % 30 * 1000).to_string();
            let event = run(
                &[
                    "event",
                    "--log-group",
                    "g",
                    "--log-stream",
                    "s",
                    "--event-time",
                    &time,
                ],
                &[],
                logs.join("\n").as_bytes(),
            );
            std::fs::write(&file, event.stdout).expect("there is room");
            file.to_str().expect("paths here are text").to_owned()
        })
        .collect();
    let buried = target.invoke(&events.iter().map(String::as_str).collect::<Vec<_>>());
    let expected = u64::try_from(letters).expect("it is not negative");
    assert_eq!(
        sum(&reports(&buried), "dead_lettered"),
        expected,
        "{}",
        buried.stderr
    );

    target.put_template("{}");
    let rollover = format!("/{}/_rollover", target.data_stream);
    assert_eq!(target.server.admin_request("POST", &rollover, None).0, 200);
    let (run, report) = target.redrive(&[], &key_body(Job::Redrive));
    assert_eq!(
        (run.status, sum(&[report], "removed"), target.dead_letters()),
        (0, expected, 0),
        "{run:?}"
    );
    target.server.refresh(&target.data_stream);
    assert_eq!(target.server.count(&target.data_stream), expected);
}

/// In logsdb, Elasticsearch stores such a document by default, but does not index the value.
#[test]
fn a_value_that_does_not_fit_is_rejected_in_every_index_mode() {
    let target = Target::new("malformed");
    let create = |id: &str, status: &str| {
        let document = format!(
            r#"{{"@timestamp":"2026-03-01T00:00:00.000Z","http":{{"response":{{"status_code":{status}}}}}}}"#
        );
        let path = target.path(&format!("_create/{id}"));
        target.server.admin_request("PUT", &path, Some(&document)).0
    };
    assert_eq!(
        (create("fits", "200"), create("no-number", r#""n/a""#)),
        (201, 400)
    );
}

#[test]
fn a_write_block_needs_the_operator_and_loses_nothing() {
    let target = Target::new("blocked");
    assert_eq!(target.invoke(&["events/http.json"]).status, 0);
    let settings = format!("/{}/_settings", target.data_stream);
    let block = |blocked| {
        let body = format!(r#"{{"index.blocks.write":{blocked}}}"#);
        assert_eq!(
            target.server.admin_request("PUT", &settings, Some(&body)).0,
            200
        );
    };
    block(true);
    let mut variables = target.variables();
    variables.push(("RETRY_BUDGET_MS", "1000"));
    let blocked = run(&["invoke", EVENT], &variables, b"");
    assert_eq!(blocked.status, 1, "{}", blocked.stdout);
    let report = reports(&blocked);
    assert_eq!(
        (sum(&report, "dead_lettered"), sum(&report, "indexed")),
        (0, 0),
        "{report:?}"
    );
    assert!(
        blocked.stdout.contains("Delivery.Incomplete"),
        "{}",
        blocked.stdout
    );
    block(false);
    let report = reports(&target.invoke(&[EVENT]));
    assert_eq!(
        sum(&report, "indexed"),
        sum(&report, "received"),
        "{report:?}"
    );
}

#[test]
fn a_missing_pipeline_needs_the_operator() {
    let target = Target::new("pipeline");
    let mut variables = target.variables();
    variables.extend([
        ("ELASTICSEARCH_PIPELINE", "misspelt"),
        ("RETRY_BUDGET_MS", "1000"),
    ]);
    let run = run(&["invoke", EVENT], &variables, b"");
    assert_eq!(run.status, 1, "{}", run.stdout);
    // OpenSearch answers the whole request with 500.
    let sentence = if target.server.flavour == Flavour::OpenSearch {
        "500"
    } else {
        "the pipeline of ELASTICSEARCH_PIPELINE does not exist"
    };
    assert!(run.stderr.contains(sentence), "{}", run.stderr);
    assert_eq!(sum(&reports(&run), "dead_lettered"), 0, "{}", run.stdout);
}

#[test]
fn the_key_may_write_here_and_nowhere_else() {
    let target = Target::new("privileges");
    if !target.server.can_create_api_keys() {
        return;
    }
    let mut variables = target.variables();
    variables.push(("DATA_STREAM", "logs-elsewhere-default"));
    let elsewhere = run(&["invoke", EVENT], &variables, b"");
    assert_eq!(elsewhere.status, 1, "{}", elsewhere.stdout);
    assert!(
        elsewhere
            .stderr
            .contains("403: the credentials need the index privileges"),
        "{}",
        elsewhere.stderr
    );
    assert_eq!(
        sum(&reports(&elsewhere), "dead_lettered"),
        0,
        "an operator can repair it: {}",
        elsewhere.stdout
    );

    variables.push(("ELASTICSEARCH_API_KEY", "d3Jvbmc6a2V5"));
    let wrong = run(&["invoke", EVENT], &variables, b"");
    assert_eq!(wrong.status, 1, "{}", wrong.stdout);
    assert!(wrong.stderr.contains("401"), "{}", wrong.stderr);
    assert_eq!(
        sum(&reports(&wrong), "requests"),
        1,
        "refused credentials are not tried again"
    );
}

#[test]
fn basic_authentication_and_several_hosts() {
    let target = Target::new("hosts");
    if target.server.flavour == Flavour::OpenSearch || !target.server.can_create_api_keys() {
        return;
    }
    let urls = format!("http://127.0.0.1:9,{}", target.server.url);
    let mut variables = vec![
        ("ELASTICSEARCH_USERNAME", "admin"),
        ("ELASTICSEARCH_PASSWORD", "changeme"),
    ];
    variables.extend(
        target
            .variables()
            .into_iter()
            .filter(|(name, _)| *name != "ELASTICSEARCH_API_KEY"),
    );
    variables.push(("ELASTICSEARCH_URL", &urls));
    let run = run(&["invoke", EVENT], &variables, b"");
    assert_eq!(run.status, 0, "{}", run.stderr);
    let report = reports(&run);
    assert_eq!(
        (sum(&report, "requests"), sum(&report, "retries")),
        (2, 1),
        "the first host is down: {report:?}"
    );
}

/// The function itself, under the Lambda runtime, sends to the real server.
#[test]
fn the_function_indexes_the_events_of_its_invocations() {
    let target = Target::new("lambda");
    let function = RuntimeEmulator::start(&target.variables(), 300);
    let event =
        std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/events/rest.json")).expect("an event");
    let first: Value = serde_json::from_str(&function.invoke(&event)).expect("an answer is JSON");
    let again: Value = serde_json::from_str(&function.invoke(&event)).expect("an answer is JSON");
    let count = |answer: &Value, member| {
        answer
            .get(member)
            .and_then(Value::as_u64)
            .unwrap_or_default()
    };
    assert!(count(&first, "indexed") > 0, "{first}");
    assert_eq!(
        count(&again, "duplicates"),
        count(&first, "indexed"),
        "{again}"
    );
    assert_eq!(target.documents().len() as u64, count(&first, "indexed"));
}

/// Whatever a line holds (odd keys, endless numbers, text in place of a time), its document is
/// accepted: no field outside of the template is mapped, and the usual searches find it.
#[test]
fn the_document_of_every_golden_line_is_accepted_and_found() {
    let target = Target::new("lines");
    for name in names(LINES, ".log") {
        let file = format!("{LINES}/{name}.log");
        let event = run(
            &["event", &file, "--log-group", &name, "--log-stream", "s"],
            &[],
            b"",
        );
        let variables = [settings(&name), &target.variables()].concat();
        let run = run(&["invoke", "-"], &variables, event.stdout.as_bytes());
        assert_eq!(run.status, 0, "{name}: {}", run.stderr);
        let report = reports(&run).remove(0);
        assert_eq!(report["dead_lettered"], 0, "{name}: {report}");
    }
    target.server.refresh(&target.data_stream);
    assert_eq!(target.mapped_fields(), template_fields());

    for query in [
        r#"{"term":{"source.ip":"89.160.0.0/16"}}"#,
        r#"{"term":{"source.ip":"2a02:cf40::/29"}}"#,
        r#"{"wildcard":{"url.path":"/prod/*"}}"#,
        r#"{"term":{"aws.api_gateway.unmapped.tenant":"a, b"}}"#,
        r#"{"term":{"aws.api_gateway.repairs":"missing_value"}}"#,
        r#"{"match":{"error.message":"forbidden"}}"#,
        r#"{"range":{"@timestamp":{"gte":"2026-03-01T08:00:00Z","lt":"2026-03-01T09:00:00Z"}}}"#,
        r#"{"range":{"http.response.status_code":{"gte":500}}}"#,
        r#"{"geo_bounding_box":{"source.geo.location":{"top_left":{"lat":59,"lon":15},"bottom_right":{"lat":58,"lon":16}}}}"#,
    ] {
        let hits = target
            .server
            .search(&target.data_stream, &format!(r#"{{"query":{query}}}"#));
        assert!(!hits.is_empty(), "nothing is found by {query}");
    }
    let percentiles = r#"{"size":0,"aggs":{"latency":{"percentiles":{"field":"event.duration","percents":[50,95]}}}}"#;
    let (_, answer) =
        target
            .server
            .admin_request("POST", &target.path("_search"), Some(percentiles));
    let answer: Value = serde_json::from_str(&answer).expect("an answer is JSON");
    assert!(
        answer["aggregations"]["latency"]["values"]["50.0"].as_f64() > Some(0.0),
        "{answer}"
    );
}

fn template_fields() -> BTreeSet<String> {
    let template =
        repository("elasticsearch/component_templates/logs-aws.api_gateway_logs@mappings.json");
    let template = std::fs::read_to_string(template).expect("the template can be read");
    let template: Value = serde_json::from_str(&template).expect("a template is JSON");
    leaves(template.pointer("/template/mappings").expect("a mapping"))
}

/// Returns the fields of a mapping.
fn leaves(mapping: &Value) -> BTreeSet<String> {
    let Some(properties) = mapping["properties"].as_object() else {
        return BTreeSet::new();
    };
    let names = |(name, field): (&String, &Value)| match leaves(field) {
        inner if inner.is_empty() => vec![name.clone()],
        inner => inner
            .iter()
            .map(|field| format!("{name}.{field}"))
            .collect(),
    };
    properties.iter().flat_map(names).collect()
}
