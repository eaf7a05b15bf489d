//! Computes what Fleet makes of a data stream of the package: a component template and an index
//! template.
//!
//! The rules are those of Kibana's
//! `x-pack/platform/plugins/shared/fleet/server/services/epm/elasticsearch/template/`
//! (`template.ts`, `install.ts`, `mappings.ts`, `field_type_registry.ts`) as of Kibana 9.4, limited
//! to what the package uses; any other key or type fails the test. Older versions forget
//! `ignore_above` of `flattened` fields (<https://github.com/elastic/kibana/issues/223245>).
#![expect(
    clippy::disallowed_types,
    clippy::indexing_slicing,
    reason = "templates are JSON of any form"
)]
#![expect(clippy::unwrap_used, reason = "the functions around a test are tests")]

use std::fs;

use serde_json::{Map, Value, json};

use super::STREAMS;
use crate::support::golden::{names, repository};
use crate::support::yaml;

/// The components of a template of Fleet, before and after the package's own. The user's components
/// need not exist.
const STACK: [&str; 2] = ["logs@mappings", "logs@settings"];
const GLOBAL: [&str; 3] = [
    "ecs@mappings",
    ".fleet_globals-1",
    ".fleet_agent_id_verification-1",
];

/// The templates that Fleet puts for a data stream.
pub(super) struct Templates {
    /// The index template's name.
    pub(super) name: String,
    /// The component template `<name>@package`.
    pub(super) package: Value,
    pub(super) index: Value,
}

impl Templates {
    /// Makes the templates for the data stream of a folder, under the name in its manifest.
    pub(super) fn of(folder: &str) -> Self {
        let manifest = manifest(folder);
        let name = format!(
            "{}-{}",
            manifest["type"].as_str().unwrap(),
            manifest["dataset"].as_str().unwrap()
        );
        Self::named(name, folder)
    }

    /// Makes the same templates for another data stream.
    pub(super) fn named(name: String, folder: &str) -> Self {
        let meta =
            json!({"managed_by": "fleet", "managed": true, "package": {"name": "apigw_logs"}});
        let customs = [
            "logs@custom".to_owned(),
            "apigw_logs@custom".to_owned(),
            format!("{name}@custom"),
        ];
        let own = [format!("{name}@package")];
        let components = STACK
            .map(str::to_owned)
            .into_iter()
            .chain(own)
            .chain(customs.clone());
        let index = json!({
            "priority": 200,
            "index_patterns": [format!("{name}-*")],
            "template": {"settings": {"index": {}}, "mappings": {"_meta": meta}},
            "data_stream": {},
            "composed_of": components.chain(GLOBAL.map(str::to_owned)).collect::<Vec<_>>(),
            "ignore_missing_component_templates": customs,
            "_meta": meta,
        });
        let package = json!({"template": {"settings": settings(folder), "mappings": mappings(folder)}, "_meta": meta});
        Self {
            name,
            package,
            index,
        }
    }
}

fn manifest(folder: &str) -> Value {
    yaml::read(&format!("{folder}/manifest.yml"))
}

fn settings(folder: &str) -> Value {
    let mut settings = manifest(folder)["elasticsearch"]["index_template"]["settings"].take();
    settings["index"]["lifecycle"] = json!({"name": "logs"});
    let limit = &mut settings["index"]["mapping"]["total_fields"]["limit"];
    if limit.is_null() {
        *limit = json!(1000);
    }
    settings
}

fn mappings(folder: &str) -> Value {
    let mut properties = Map::new();
    for name in names(&format!("{folder}/fields"), ".yml") {
        let fields = yaml::read(&format!("{folder}/fields/{name}.yml"));
        for field in fields.as_array().unwrap() {
            let (name, mapping) = property(field);
            insert(&mut properties, name, mapping);
        }
    }
    let mut mappings = manifest(folder)["elasticsearch"]["index_template"]["mappings"].take();
    mappings["properties"] = Value::Object(properties);
    mappings
}

/// Returns a field's name and its mapping.
fn property(field: &Value) -> (&str, Value) {
    let (name, kind) = (
        field["name"].as_str().unwrap(),
        field["type"].as_str().unwrap(),
    );
    let mut mapping = json!({"type": kind});
    for (key, value) in field.as_object().unwrap() {
        match &**key {
            "name" | "type" | "description" | "normalize" | "ignore_above" => {}
            "index" | "doc_values" | "path" => mapping[key] = value.clone(),
            other => panic!("{name}: what does Fleet make of {other}?"),
        }
    }
    let limit = || field.get("ignore_above").cloned();
    match kind {
        "keyword" if mapping["index"] == false || mapping["doc_values"] == false => {}
        "keyword" | "wildcard" => mapping["ignore_above"] = limit().unwrap_or(json!(1024)),
        "flattened" => drop(limit().map(|limit| mapping["ignore_above"] = limit)),
        "date" if name == "@timestamp" => mapping["ignore_malformed"] = json!(false),
        "alias" | "constant_keyword" | "match_only_text" | "long" | "boolean" | "date" | "ip"
        | "geo_point" => {}
        other => panic!("{name}: what does Fleet make of the type {other}?"),
    }
    mapping
        .as_object_mut()
        .unwrap()
        .retain(|_, value| !value.is_null());
    (name, mapping)
}

/// Dots in a name become objects.
fn insert(properties: &mut Map<String, Value>, name: &str, mapping: Value) {
    let Some((object, rest)) = name.split_once('.') else {
        assert!(
            properties.insert(name.to_owned(), mapping).is_none(),
            "{name} is there twice"
        );
        return;
    };
    let object = properties
        .entry(object)
        .or_insert_with(|| json!({"properties": {}}));
    insert(object["properties"].as_object_mut().unwrap(), rest, mapping);
}

/// Returns what `setup` puts for the same data stream: settings, mappings, and the index template.
fn setups(name: &str) -> (Value, Value, Value) {
    let read = |path: &str| {
        let text = fs::read_to_string(repository(&format!("elasticsearch/{path}.json"))).unwrap();
        serde_json::from_str::<Value>(&text).unwrap()
    };
    let index = read(&format!("index_templates/{name}"));
    let component = |name: &str| read(&format!("component_templates/{name}"))["template"].clone();
    let template = index["template"].clone();
    if !template["mappings"].is_null() {
        return (
            template["settings"].clone(),
            template["mappings"].clone(),
            index,
        );
    }
    let (settings, mappings) = (
        component(&format!("{name}@settings")),
        component(&format!("{name}@mappings")),
    );
    (
        settings["settings"].clone(),
        mappings["mappings"].clone(),
        index,
    )
}

#[test]
fn fleet_makes_the_mappings_that_setup_puts() {
    for stream in STREAMS {
        let templates = Templates::of(stream.folder);
        let (_, mappings, index) = setups(&templates.name);
        let expected = without_limits_of_unindexed(mappings.clone());
        assert_eq!(
            templates.package["template"]["mappings"], expected,
            "{}",
            templates.name
        );
        assert_eq!(templates.index["index_patterns"], index["index_patterns"]);
        assert_eq!(
            (stream.fields)().len(),
            count(&mappings["properties"]),
            "{}",
            templates.name
        );
    }
}

fn count(properties: &Value) -> usize {
    let fields = properties.as_object().unwrap().values();
    fields
        .map(|field| {
            if field["properties"].is_null() {
                1
            } else {
                count(&field["properties"])
            }
        })
        .sum()
}

/// Returns the mappings as Fleet makes them: it drops `ignore_above` of a keyword that is not
/// indexed, and a package cannot prevent that.
pub(super) fn without_limits_of_unindexed(mut mapping: Value) -> Value {
    let fields = mapping.as_object_mut().unwrap();
    if fields.get("type") == Some(&json!("keyword")) {
        if fields.get("index") == Some(&json!(false)) {
            fields.remove("ignore_above");
        }
        return mapping;
    }
    for field in fields.values_mut().filter(|value| value.is_object()) {
        *field = without_limits_of_unindexed(field.take());
    }
    mapping
}

/// The settings agree, except for what a package cannot say and what Fleet always adds.
#[test]
fn fleet_makes_the_settings_that_setup_puts() {
    for stream in STREAMS {
        let templates = Templates::of(stream.folder);
        let (mut expected, _, index) = setups(&templates.name);
        if let Some(index) = expected["index"].as_object_mut() {
            // The fields that a query without a field searches. Packages cannot set them, and
            // Elasticsearch's default is every field.
            index.remove("query");
        }
        if let Some(mapping) = expected["index"]["mapping"].as_object_mut() {
            // Elastic's validator of packages does not allow this.
            mapping.remove("ignore_malformed");
        }
        // Fleet uses a policy of Elasticsearch's own in place of a data stream lifecycle. Both roll
        // over and remove nothing.
        expected["index"]["lifecycle"] = json!({"name": "logs"});
        if expected["index"]["mapping"]["total_fields"].is_null() {
            // Elasticsearch's default, written out.
            expected["index"]["mapping"]["total_fields"] = json!({"limit": 1000});
        }
        assert_eq!(
            templates.package["template"]["settings"], expected,
            "{}",
            templates.name
        );
        assert!(index["priority"].as_u64() > templates.index["priority"].as_u64());
    }
}
