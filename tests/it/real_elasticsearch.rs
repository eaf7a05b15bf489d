//! The main job against a real Elasticsearch, with a key that may do just what the function needs.
#![expect(clippy::disallowed_types, reason = "documents are compared as they come back from a search")]

use std::sync::OnceLock;

use serde_json::Value;

use crate::lines::LINES;
use crate::support::command_line::{Outcome as Run, run};
use crate::support::golden::names;
use crate::support::runtime_emulator::RuntimeEmulator;
use crate::support::search_server::{Flavour, SearchServer, shared};
use crate::support::templates::put_templates;

/// A data stream of a test's own on the shared server, and how the program is told of it.
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
        // A server that runs on between test runs must not have seen this one's documents.
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
            ("RETRY_BUDGET_MS", "20000"),
        ];
        variables.extend(self.key.as_deref().map(|key| ("ELASTICSEARCH_API_KEY", key)));
        variables
    }

    fn invoke(&self, events: &[&str]) -> Run {
        run(&[&["invoke"], events].concat(), &self.variables(), b"")
    }

    fn documents(&self) -> Vec<Value> {
        self.server.refresh(&self.data_stream);
        let mut documents = self.server.search(&self.data_stream, "{}");
        documents.iter_mut().for_each(|document| drop(document.as_object_mut().expect("an object").remove("_id")));
        sorted(documents)
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        for data_stream in [&self.data_stream, &self.dead_letters] {
            self.server.admin_request("DELETE", &format!("/_data_stream/{data_stream}"), None);
        }
    }
}

fn sorted(mut documents: Vec<Value>) -> Vec<Value> {
    documents.sort_by_key(Value::to_string);
    documents
}

fn reports(run: &Run) -> Vec<Value> {
    run.stdout.lines().map(|line| serde_json::from_str(line).expect("a report is JSON")).collect()
}

/// A member of the reports, summed up.
fn sum(reports: &[Value], member: &str) -> u64 {
    reports.iter().map(|report| report.get(member).and_then(Value::as_u64).expect("a count")).sum()
}

fn every_event() -> Vec<String> {
    let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/events")).expect("there are events");
    let names = files.map(|file| file.expect("a folder can be read").path());
    let mut names: Vec<_> = names
        .filter(|name| name.extension().is_some_and(|extension| extension == "json"))
        .map(|name| name.to_str().expect("names are text").to_owned())
        .collect();
    names.sort();
    names
}

/// What `invoke` prints without a server is, document by document, what a search finds; sent again, nothing is doubled.
#[test]
fn every_sample_event_is_found_again_once() {
    let target = Target::new("samples");
    let events = every_event();
    let events: Vec<_> = events.iter().map(String::as_str).collect();
    let printed = run(&[&["invoke", "--dry-run"], &*events].concat(), &target.variables(), b"");
    assert_eq!(printed.status, 0, "{}", printed.stderr);
    let expected: Vec<Value> =
        printed.stdout.lines().map(|line| serde_json::from_str(line).expect("a document is JSON")).collect();

    let first = target.invoke(&events);
    assert_eq!(first.status, 0, "{}", first.stderr);
    let found = target.documents();
    let (first, second) = (reports(&first), reports(&target.invoke(&events)));
    assert_eq!(sum(&first, "indexed") as usize, found.len(), "{first:?}");
    // The samples hold some log events twice, as a queue of failed invocations may: they are there once.
    let mut expected = sorted(expected);
    expected.dedup();
    assert_eq!(found, expected);

    assert_eq!(sum(&second, "indexed"), 0, "{second:?}");
    assert_eq!(sum(&second, "duplicates"), sum(&first, "indexed") + sum(&first, "duplicates"));
    assert_eq!(target.documents(), found);
}

const EVENT: &str = "events/rest.json";

/// A mapping that refuses some of our documents: a field of ours with another type.
fn refuse_status_codes(target: &Target) {
    let template = format!(
        r#"{{"index_patterns":["{}"],"priority":900,"data_stream":{{}},"template":{{"mappings":{{"properties":
            {{"http":{{"properties":{{"response":{{"properties":{{"status_code":{{"type":"ip"}}}}}}}}}}}}}}}}}}"#,
        target.data_stream
    );
    let (status, answer) = target.server.admin_request("PUT", "/_index_template/refusing", Some(&template));
    assert_eq!(status, 200, "{answer}");
}

#[test]
fn what_a_mapping_refuses_becomes_dead_letters() {
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
        let text = |pointer| letter.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        assert!(
            ["document_parsing_exception", "mapper_parsing_exception"].contains(&&*text("/error/type")),
            "{letter}"
        );
        assert!(text("/error/message").contains("status_code"), "{letter}");
        assert!(text("/event/original").starts_with('{'), "{letter}");
        assert_eq!(text("/aws/api_gateway/dead_letter/data_stream"), target.data_stream);
        assert_eq!(text("/aws/api_gateway/dead_letter/document_id"), text("/_id"));
    }
    target.server.admin_request("DELETE", "/_index_template/refusing", None);
}

#[test]
fn a_write_block_is_for_the_operator_and_nothing_is_lost() {
    let target = Target::new("blocked");
    assert_eq!(target.invoke(&["events/http.json"]).status, 0);
    let settings = format!("/{}/_settings", target.data_stream);
    let block = |blocked| {
        let body = format!(r#"{{"index.blocks.write":{blocked}}}"#);
        assert_eq!(target.server.admin_request("PUT", &settings, Some(&body)).0, 200);
    };
    block(true);
    let blocked = target.invoke(&[EVENT]);
    assert_eq!(blocked.status, 1, "{}", blocked.stdout);
    let report = reports(&blocked);
    assert_eq!((sum(&report, "dead_lettered"), sum(&report, "indexed")), (0, 0), "{report:?}");
    assert!(blocked.stdout.contains("Delivery.Incomplete"), "{}", blocked.stdout);
    block(false);
    let report = reports(&target.invoke(&[EVENT]));
    assert_eq!(sum(&report, "indexed"), sum(&report, "received"), "{report:?}");
}

#[test]
fn a_pipeline_that_does_not_exist_is_for_the_operator() {
    let target = Target::new("pipeline");
    let mut variables = target.variables();
    variables.extend([("ELASTICSEARCH_PIPELINE", "misspelt"), ("RETRY_BUDGET_MS", "1000")]);
    let run = run(&["invoke", EVENT], &variables, b"");
    assert_eq!(run.status, 1, "{}", run.stdout);
    // OpenSearch answers the request as a whole, with 500.
    let sentence = if target.server.flavour == Flavour::OpenSearch { "500" } else { "pipeline does not exist" };
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
    assert!(elsewhere.stderr.contains("403 security_exception"), "{}", elsewhere.stderr);
    assert_eq!(sum(&reports(&elsewhere), "dead_lettered"), 0, "an operator can mend it: {}", elsewhere.stdout);

    variables.push(("ELASTICSEARCH_API_KEY", "d3Jvbmc6a2V5"));
    let wrong = run(&["invoke", EVENT], &variables, b"");
    assert_eq!(wrong.status, 1, "{}", wrong.stdout);
    assert!(wrong.stderr.contains("401"), "{}", wrong.stderr);
    assert_eq!(sum(&reports(&wrong), "requests"), 1, "refused credentials are not tried again");
}

#[test]
fn basic_authentication_and_several_hosts() {
    let target = Target::new("hosts");
    if target.server.flavour == Flavour::OpenSearch || !target.server.can_create_api_keys() {
        return;
    }
    let urls = format!("http://127.0.0.1:9,{}", target.server.url);
    let mut variables = vec![("ELASTICSEARCH_USERNAME", "admin"), ("ELASTICSEARCH_PASSWORD", "changeme")];
    variables.extend(target.variables().into_iter().filter(|(name, _)| *name != "ELASTICSEARCH_API_KEY"));
    variables.push(("ELASTICSEARCH_URL", &urls));
    let run = run(&["invoke", EVENT], &variables, b"");
    assert_eq!(run.status, 0, "{}", run.stderr);
    let report = reports(&run);
    assert_eq!((sum(&report, "requests"), sum(&report, "retries")), (2, 1), "the first host is down: {report:?}");
}

/// The function itself, under the Lambda runtime, into the real server.
#[test]
fn the_function_indexes_what_it_is_invoked_with() {
    let target = Target::new("lambda");
    let function = RuntimeEmulator::start(&target.variables(), 30);
    let event = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/events/rest.json")).expect("an event");
    let first: Value = serde_json::from_str(&function.invoke(&event)).expect("an answer is JSON");
    let again: Value = serde_json::from_str(&function.invoke(&event)).expect("an answer is JSON");
    let count = |answer: &Value, member| answer.get(member).and_then(Value::as_u64).unwrap_or_default();
    assert!(count(&first, "indexed") > 0, "{first}");
    assert_eq!(count(&again, "duplicates"), count(&first, "indexed"), "{again}");
    assert_eq!(target.documents().len() as u64, count(&first, "indexed"));
}

/// Whatever a line holds (odd keys, numbers without end, text that is no time), its document has a place.
#[test]
fn the_document_of_every_golden_line_is_taken() {
    let target = Target::new("lines");
    for name in names(LINES, ".log") {
        let file = format!("{LINES}/{name}.log");
        let event = run(&["event", &file, "--log-group", &name, "--log-stream", "s"], &[], b"");
        let run = run(&["invoke", "-"], &target.variables(), event.stdout.as_bytes());
        assert_eq!(run.status, 0, "{name}: {}", run.stderr);
        let report = reports(&run).remove(0);
        assert_eq!(report["dead_lettered"], 0, "{name}: {report}");
    }
}
