//! The package in a real Elasticsearch: its templates as Fleet would put them, beside those of
//! `setup`.
#![expect(
    clippy::disallowed_types,
    clippy::indexing_slicing,
    reason = "documents and mappings are JSON of any form"
)]
#![expect(clippy::unwrap_used, reason = "the functions around a test are tests")]

use std::fs;

use serde_json::{Value, json};

use super::fleet::{Templates, without_limits_of_unindexed};
use super::{STREAMS, documents};
use crate::lines::LINES;
use crate::support::dead_letter::dead_letter;
use crate::support::golden::{names, repository};
use crate::support::search_server::{Flavour, IndexMode, LOGSDB, SearchServer, shared};
use crate::support::templates::setup;

/// The templates that Elasticsearch and Kibana bring for every data stream of logs, limited to what
/// concerns the package (`logs@settings`, `logs@mappings`, `.fleet_globals-1` and
/// `.fleet_agent_id_verification-1` of 9.4, the last without its pipeline). The servers of the
/// tests have none of them.
const STACK: [(&str, &str); 4] = [
    (
        "stack-settings",
        r#"{"settings":{"index":{"codec":"best_compression","mapping":{"ignore_malformed":true}}}}"#,
    ),
    (
        "stack-mappings",
        r#"{"mappings":{"date_detection":false,"properties":{"data_stream.type":{"type":"constant_keyword"},
        "data_stream.dataset":{"type":"constant_keyword"},"data_stream.namespace":{"type":"constant_keyword"}}}}"#,
    ),
    (
        "globals",
        r#"{"mappings":{"date_detection":false,"dynamic_templates":[{"strings_as_keyword":{"match_mapping_type":"string",
        "mapping":{"type":"keyword","ignore_above":1024}}}]}}"#,
    ),
    (
        "agents",
        r#"{"mappings":{"properties":{"event":{"properties":{"agent_id_status":{"type":"keyword","ignore_above":1024},
        "ingested":{"type":"date","format":"strict_date_time_no_millis||strict_date_optional_time||epoch_millis","ignore_malformed":false}}}}}}"#,
    ),
];

/// Data streams of this test and run, in pairs: one for documents and one for dead letters.
struct Pair {
    server: &'static SearchServer,
    documents: String,
    dead_letters: String,
}

impl Pair {
    fn new(server: &'static SearchServer, whose: &str) -> Self {
        let documents = format!("logs-package.{whose}{}", std::process::id());
        let dead_letters = format!("{documents}_dead");
        Self {
            server,
            documents,
            dead_letters,
        }
    }

    /// Returns their names, the documents' first.
    fn names(&self) -> [&String; 2] {
        [&self.documents, &self.dead_letters]
    }

    /// Puts templates as Fleet would, with components of this run in place of the stack's and the
    /// user's.
    fn put_as_fleet(&self, custom: Option<&str>) {
        let component = |name: &str| format!("{}-{name}", self.documents);
        for (name, template) in STACK {
            let body = format!(r#"{{"template":{template}}}"#);
            put(
                self.server,
                &format!("/_component_template/{}", component(name)),
                &body,
            );
        }
        if let Some(custom) = custom {
            put(
                self.server,
                &format!("/_component_template/{}", component("custom")),
                custom,
            );
        }
        for (name, stream) in self.names().into_iter().zip(STREAMS) {
            let mut templates = Templates::named(name.clone(), stream.folder);
            let package = format!("{name}@package");
            // The policy is one of Elasticsearch's, which the servers of the tests do not have.
            templates.package["template"]["settings"]["index"]
                .as_object_mut()
                .unwrap()
                .remove("lifecycle");
            put(
                self.server,
                &format!("/_component_template/{package}"),
                &templates.package.to_string(),
            );
            let composed = ["stack-mappings", "stack-settings"]
                .map(component)
                .into_iter()
                .chain([package]);
            let composed = composed
                .chain(custom.map(|_| component("custom")))
                .chain(["globals", "agents"].map(component));
            templates.index["composed_of"] = composed.collect();
            templates
                .index
                .as_object_mut()
                .unwrap()
                .remove("ignore_missing_component_templates");
            put(
                self.server,
                &format!("/_index_template/{name}"),
                &templates.index.to_string(),
            );
        }
    }

    /// Runs `setup` for the data streams. Returns its output.
    fn setup(&self) -> String {
        let (documents, dead_letters) = (
            format!("{}-default", self.documents),
            format!("{}-default", self.dead_letters),
        );
        let settings = [
            ("DATA_STREAM", &*documents),
            ("DEAD_LETTER_DATA_STREAM", &dead_letters),
        ];
        let run = setup(self.server, &[], &settings);
        assert_eq!((run.status, &*run.stderr), (0, ""));
        run.stdout
    }

    /// Returns the mapping of a data stream, without its name.
    fn mapping(&self, name: &str) -> Value {
        let (status, answer) =
            self.server
                .admin_request("GET", &format!("/{name}-default/_mapping"), None);
        assert_eq!(status, 200, "{answer}");
        let answer: Value = serde_json::from_str(&answer).unwrap();
        let mut mapping = answer.as_object().unwrap().values().next().unwrap()["mappings"].clone();
        for part in ["type", "dataset", "namespace"] {
            mapping["properties"]["data_stream"]["properties"][part]
                .as_object_mut()
                .unwrap()
                .remove("value");
        }
        mapping
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        let delete = |path: String| drop(self.server.admin_request("DELETE", &path, None));
        for name in self.names() {
            delete(format!("/_data_stream/{name}-*"));
            delete(format!("/_index_template/{name}"));
            delete(format!("/_component_template/{name}@package"));
        }
        let components = STACK.iter().map(|(name, _)| *name).chain(["custom"]);
        components
            .for_each(|name| delete(format!("/_component_template/{}-{name}", self.documents)));
    }
}

fn put(server: &SearchServer, path: &str, body: &str) {
    let (status, answer) = server.admin_request("PUT", path, Some(body));
    assert_eq!(status, 200, "{path}: {answer}");
}

/// Indexes documents into the data stream of a dataset. Returns those with a field that was
/// ignored.
fn index(server: &SearchServer, name: &str, documents: &[Value]) -> Vec<Value> {
    let (_, dataset) = name.split_once('-').unwrap();
    let mut body = String::new();
    for (number, document) in documents.iter().enumerate() {
        let mut document = document.clone();
        document["data_stream"] =
            json!({"type": "logs", "dataset": dataset, "namespace": "default"});
        body += &format!("{{\"create\":{{\"_id\":\"{number}\"}}}}\n{document}\n");
    }
    let (status, answer) =
        server.admin_request("POST", &format!("/{name}-default/_bulk"), Some(&body));
    assert_eq!(status, 200, "{answer}");
    let answer: Value = serde_json::from_str(&answer).unwrap();
    let items = answer["items"].as_array().unwrap();
    assert_eq!(items.len(), documents.len());
    let refused: Vec<_> = items
        .iter()
        .filter(|item| item["create"]["status"] != 201)
        .collect();
    assert!(refused.is_empty(), "{refused:?}");
    // A failure store accepts rejected documents and reports success.
    assert!(
        !items
            .iter()
            .any(|item| item["create"]["failure_store"] == "used"),
        "{items:?}"
    );
    server.refresh(&format!("{name}-default"));
    let query =
        r#"{"query":{"exists":{"field":"_ignored"}},"sort":["_doc"],"fields":["_ignored"]}"#;
    let mut ignored = server.search(&format!("{name}-default"), query);
    ignored.iter_mut().for_each(|hit| *hit = hit["_id"].take());
    ignored.sort_by_key(Value::to_string);
    ignored
}

fn value(json: &crate::support::json::Json) -> Value {
    serde_json::from_str(&json.compact()).unwrap()
}

/// Fleet adds the fields that its final pipeline sets (`event.ingested`, with formats, in place of
/// the package's), and templates that have no effect where `dynamic` is false. The mapping shows
/// that the time cannot be ignored only where the index ignores other malformed values, as it does
/// with the package.
fn without_fleets(mut mapping: Value, ours: &Value) -> Value {
    let event = mapping["properties"]["event"]["properties"]
        .as_object_mut()
        .unwrap();
    assert!(event.remove("agent_id_status").is_some());
    assert_eq!(event.remove("ingested").unwrap()["type"], "date");
    if let Some(ingested) = ours.pointer("/properties/event/properties/ingested") {
        assert_eq!(ingested["type"], "date");
        event.insert("ingested".to_owned(), ingested.clone());
    }
    let time = mapping["properties"]["@timestamp"].as_object_mut().unwrap();
    assert_eq!(time.remove("ignore_malformed"), Some(json!(false)));
    let members = mapping.as_object_mut().unwrap();
    assert!(members.remove("_meta").is_some() && members.remove("dynamic_templates").is_some());
    mapping
}

#[test]
fn the_package_and_setup_map_the_same_documents_to_the_same_fields() {
    let server = shared();
    if server.flavour == Flavour::OpenSearch {
        // Kibana does not run with this server.
        return;
    }
    let (fleet, ours) = (Pair::new(server, "fleet"), Pair::new(server, "setup"));
    fleet.put_as_fleet(match server.index_mode {
        IndexMode::Standard => None,
        IndexMode::Logsdb => Some(LOGSDB),
    });
    assert_eq!(ours.setup().matches("created index template").count(), 2);
    let golden: Vec<_> = names(LINES, ".ndjson")
        .iter()
        .flat_map(|name| documents(name))
        .map(|it| value(&it))
        .collect();
    assert!(golden.len() > 400, "only {}", golden.len());
    for (sent, (fleets, ours_name)) in [golden, vec![value(&dead_letter())]]
        .iter()
        .zip(fleet.names().into_iter().zip(ours.names()))
    {
        let ignored = index(server, fleets, sent);
        assert_eq!(
            ignored,
            index(server, ours_name, sent),
            "{fleets}: what is too long to be indexed"
        );
        let mapping = ours.mapping(ours_name);
        assert_eq!(
            without_fleets(fleet.mapping(fleets), &mapping),
            without_limits_of_unindexed(mapping),
            "{fleets}"
        );
    }
}

#[test]
fn setup_leaves_the_package_s_templates_alone() {
    let server = shared();
    if server.flavour == Flavour::OpenSearch {
        return;
    }
    let fleet = Pair::new(server, "left");
    fleet.put_as_fleet(None);
    let said = fleet.setup();
    let expected = fleet.names().map(|name| {
        format!("left index template {name}, and what belongs to it: Fleet manages it")
    });
    assert_eq!(said.lines().collect::<Vec<_>>(), expected);
    let (_, template) = server.admin_request(
        "GET",
        &format!("/_index_template/{}", fleet.documents),
        None,
    );
    assert!(template.contains(r#""priority":200"#), "{template}");
}

/// `flattened` fields have no `ignore_above` in older versions:
/// <https://github.com/elastic/kibana/issues/223245>.
#[test]
fn a_long_value_is_rejected_only_where_fleet_forgets_the_limit() {
    let server = shared();
    if server.flavour == Flavour::OpenSearch {
        return;
    }
    let fleet = Pair::new(server, "long");
    fleet.put_as_fleet(None);
    let [name, _] = fleet.names();
    let create = |namespace: &str| {
        let (_, dataset) = name.split_once('-').unwrap();
        let document = json!({"@timestamp": "2026-03-01T08:30:00.000Z",
            "data_stream": {"type": "logs", "dataset": dataset, "namespace": namespace},
            "aws": {"api_gateway": {"unmapped": {"tenant": "x".repeat(32_766)}}}});
        server.admin_request(
            "POST",
            &format!("/{name}-{namespace}/_doc"),
            Some(&document.to_string()),
        )
    };
    let (status, answer) = create("newer");
    assert_eq!(status, 201, "{answer}");

    let mut package = Templates::named(name.clone(), STREAMS[0].folder).package;
    package["template"]["settings"]["index"]
        .as_object_mut()
        .unwrap()
        .remove("lifecycle");
    let unmapped = "/template/mappings/properties/aws/properties/api_gateway/properties/unmapped";
    let limit = package
        .pointer_mut(unmapped)
        .unwrap()
        .as_object_mut()
        .unwrap()
        .remove("ignore_above");
    assert_eq!(limit, Some(json!(8191)));
    put(
        server,
        &format!("/_component_template/{name}@package"),
        &package.to_string(),
    );
    let (status, answer) = create("older");
    assert_eq!(status, 400, "{answer}");
}

/// This test cannot show that the retention wins over Fleet's policy, because the servers of the
/// tests have no policies.
#[test]
fn the_documented_retention_takes_effect() {
    let server = shared();
    if server.flavour == Flavour::OpenSearch {
        return;
    }
    let page = fs::read_to_string(repository("docs/kibana.md")).unwrap();
    let (_, command) = page.split_once("logs@custom\" ").unwrap();
    let (_, body) = command.split_once("--data '").unwrap();
    let (body, _) = body.split_once('\'').unwrap();
    let fleet = Pair::new(server, "retention");
    fleet.put_as_fleet(Some(body));
    let path = format!(
        "/_index_template/_simulate_index/{}-default",
        fleet.documents
    );
    let (status, answer) = server.admin_request("POST", &path, None);
    assert_eq!(status, 200, "{answer}");
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(
        answer["template"]["lifecycle"]["data_retention"], "90d",
        "{answer}"
    );
    assert_eq!(
        answer["template"]["settings"]["index"]["lifecycle"]["prefer_ilm"], "false",
        "{answer}"
    );
}
