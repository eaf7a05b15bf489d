//! `docs/fields.md` is the source of the schema. Every leaf of every golden document is a field of
//! that page, with a value that suits its type; its fields are those of ECS or our own; the mapping
//! is made from it.
#![expect(clippy::unwrap_used, reason = "the functions around a test are tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::net::IpAddr;

use crate::lines::LINES;
use crate::support::command_line::run;
use crate::support::dead_letter::dead_letter;
use crate::support::fields_page::{Field, PAGE, dead_letter_fields, fields, properties};
use crate::support::golden::{check, is_blessing, names, repository};
use crate::support::json::Json;

const MAPPING: &str = "elasticsearch/component_templates/logs-aws.api_gateway_logs@mappings.json";
const DEAD_LETTERS: &str = "elasticsearch/index_templates/logs-aws.api_gateway_dead_letters.json";
const ECS: &str = include_str!("fixtures/ecs-9.4.0.txt");
const EVENTS: &str = "tests/it/fixtures/events";

/// The source of a field that documents do not have yet when they are sent.
const BY_ELASTICSEARCH: &str = "Elasticsearch";

/// A field that `uri_parts` writes but ECS does not have.
const NOT_OF_ECS: &[&str] = &["url.user_info"];

/// Fields that are wildcards in ECS and have another type here: see docs/decisions.md.
const KEYWORDS: &[&str] = &["url.full", "url.original"];

#[test]
fn every_leaf_is_a_field_with_a_fitting_value() {
    let fields = fields();
    let mut problems = BTreeSet::new();
    for_each_leaf(&fields, |origin, name, value| {
        match fields.iter().find(|field| field.name == name) {
            None => drop(problems.insert(format!("{origin}: {name} is no field"))),
            Some(field) if !fits(field, value) => {
                problems.insert(format!(
                    "{origin}: {name} is of type {}, and has the value {}",
                    field.kind,
                    value.compact()
                ));
            }
            Some(_) => {}
        }
    });
    assert!(problems.is_empty(), "{problems:#?}");
}

#[test]
fn every_field_occurs_in_a_golden_document() {
    let fields = fields();
    let mut shown = BTreeSet::new();
    for_each_leaf(&fields, |_, name, _| {
        shown.insert(name.to_owned());
    });
    let ours = fields
        .iter()
        .filter(|field| field.from != BY_ELASTICSEARCH)
        .map(|field| &field.name);
    let unseen: Vec<_> = ours.filter(|name| !shown.contains(*name)).collect();
    assert!(
        unseen.is_empty() || is_blessing(),
        "no golden document has {unseen:?}"
    );
}

#[test]
fn fields_of_ecs_have_the_types_of_ecs() {
    let ecs: BTreeMap<_, _> = ECS
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split_once(' ').unwrap())
        .collect();
    let is_ours = |name: &str| name.starts_with("aws.") || NOT_OF_ECS.contains(&name);
    for field in fields().iter().filter(|field| !is_ours(&field.name)) {
        let kind = if field.is_list {
            format!("{}[]", field.kind)
        } else {
            field.kind.clone()
        };
        let expected = if KEYWORDS.contains(&&*field.name) {
            "wildcard"
        } else {
            &kind
        };
        assert_eq!(ecs.get(&*field.name), Some(&expected), "{}", field.name);
    }
}

#[test]
fn the_examples_suit_their_types() {
    for field in fields().into_iter().chain(dead_letter_fields()) {
        let is_text = !field.example.starts_with(['[', '{']) || field.name == "event.original";
        let value = match &*field.kind {
            "long" | "boolean" => Json::read(&field.example),
            _ if is_text
                || !field.is_list && !matches!(&*field.kind, "flattened" | "geo_point") =>
            {
                Json::Text(field.example.clone())
            }
            _ => Json::read(&field.example),
        };
        assert!(fits(&field, &value), "{}: {}", field.name, field.example);
    }
}

/// A variable under its own name fills the field that the page names, with the page's example.
#[test]
fn a_variable_fills_its_field() {
    // These fields are made from two variables.
    let elsewhere = ["url.original", "url.full"];
    let text = |text: &str| Json::Text(text.to_owned()).compact();
    let mut count = 0;
    for field in fields()
        .iter()
        .filter(|field| !elsewhere.contains(&&*field.name))
    {
        let Some((variable, _)) = field
            .from
            .strip_prefix('`')
            .and_then(|from| from.split_once('`'))
        else {
            continue;
        };
        if variable.ends_with(".*") || variable.chars().all(|c| c.is_ascii_uppercase() || c == '_')
        {
            continue;
        }
        let value = unconverted(&field.name, variable).unwrap_or(&field.example);
        let line = format!(
            r#"{{"requestId":"r1","apiId":"a1",{}:{}}}"#,
            text(variable),
            text(value)
        );
        let document = Json::read(&run(&["normalize"], &[], line.as_bytes()).stdout);
        let found = document
            .get(&field.name)
            .unwrap_or_else(|| panic!("{line} has no {}", field.name));
        let found = if let Json::Text(text) = found {
            text.clone()
        } else {
            found.compact()
        };
        assert_eq!(found, field.example, "{line}: {}", field.name);
        count += 1;
    }
    assert!(count > 90, "only {count} variables");
}

/// Returns an example of a variable whose value differs from the field's.
fn unconverted(field: &str, variable: &str) -> Option<&'static str> {
    let value = match field {
        "@timestamp" => "1772353800123",
        "aws.api_gateway.connected_at" => "1772353740000",
        "event.duration" => "125",
        "event.outcome" | "event.type" => "200",
        "http.version" => "HTTP/1.1",
        "trace.id" => "1-69a3f6c8-0123456789abcdef01234567",
        "tls.version" | "tls.version_protocol" => "TLSv1.2",
        "cloud.region" => "a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com",
        "user.name" | "related.user" => "arn:aws:iam::111122223333:user/ann",
        "related.ip" => "198.51.100.23",
        "related.hosts" => "api.example.com",
        "url.port" => "api.example.com:8443",
        "url.user_info" | "url.username" | "url.password" => "user:secret@api.example.com",
        "url.path" => "/prod/pets%20x",
        "url.extension" => "/logo.png",
        "url.query" => "/?page=2",
        "url.fragment" => "/#top",
        "user_agent.os.name" | "user_agent.os.full" | "user_agent.os.version" => {
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64)"
        }
        "user_agent.device.name" => {
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15"
        }
        "user_agent.name" | "user_agent.version" => "curl/8.11.1",
        field if field.starts_with("aws.") && variable == "identity.userArn" => {
            "arn:aws:sts::111122223333:assumed-role/deploy/ann"
        }
        _ => return None,
    };
    Some(value)
}

#[test]
fn the_mapping_is_made_from_the_page() {
    let mut mapping = concat!(
        "{\n  \"_meta\": {\n    \"managed_by\": \"apigw-logs\"\n  },\n  \"template\": {\n    \"mappings\": {\n",
        "      \"dynamic\": false,\n      \"date_detection\": false,\n      \"properties\": {\n"
    )
    .to_owned();
    mapping.push_str(&properties(&fields(), 8));
    mapping.push_str("      }\n    }\n  }\n}\n");
    check(MAPPING, &mapping);
}

/// The rest of the template is written by hand.
#[test]
fn the_mapping_of_dead_letters_is_made_from_the_page() {
    let template = fs::read_to_string(repository(DEAD_LETTERS)).unwrap();
    let (head, _) = template.split_once("      \"properties\": {\n").unwrap();
    let properties = properties(&dead_letter_fields(), 8);
    check(
        DEAD_LETTERS,
        &format!("{head}      \"properties\": {{\n{properties}      }}\n    }}\n  }}\n}}\n"),
    );
}

/// Makes a dead letter from a rejection.
#[test]
fn a_dead_letter_has_the_fields_of_the_page() {
    let letter = dead_letter();
    let fields = dead_letter_fields();
    let mut leaves = BTreeSet::new();
    walk(&BTreeSet::new(), "", &letter, &mut |name, value| {
        let field = fields
            .iter()
            .find(|field| field.name == name)
            .unwrap_or_else(|| panic!("{name} is no field"));
        assert!(
            fits(field, value),
            "{name} is of type {}, and has the value {}",
            field.kind,
            value.compact()
        );
        leaves.insert(name.to_owned());
    });
    assert_eq!(
        leaves,
        fields.iter().map(|field| field.name.clone()).collect()
    );
    let shared = fields_by_name();
    for field in &fields {
        let same = shared
            .get(&field.name)
            .is_none_or(|kind| *kind == field.kind);
        assert!(same, "{} has another type in documents", field.name);
    }
}

fn fields_by_name() -> BTreeMap<String, String> {
    fields()
        .into_iter()
        .map(|field| (field.name, field.kind))
        .collect()
}

#[test]
fn the_page_shows_a_document_of_each_kind_of_api() {
    let page = fs::read_to_string(repository(PAGE)).unwrap();
    let (tables, _) = page.split_once("## Sample documents\n").unwrap();
    let mut text = format!(
        "{tables}## Sample documents\n\nThey are what `apigw-logs invoke` makes of the first lines of the sample events.\n"
    );
    for (kind, name) in [
        ("REST", "rest"),
        ("HTTP", "http"),
        ("WebSocket", "websocket"),
    ] {
        let documents = fs::read_to_string(repository(&format!("{EVENTS}/{name}.ndjson"))).unwrap();
        let first = Json::read(documents.lines().next().unwrap());
        write!(
            text,
            "\n### {kind}: `events/{name}.json`\n\n```json\n{}```\n",
            first.pretty()
        )
        .unwrap();
    }
    check(PAGE, &text);
}

/// Calls back with the file and line, the field's name, and the value of each leaf.
fn for_each_leaf(fields: &[Field], mut leaf: impl FnMut(&str, &str, &Json)) {
    let whole = |field: &&Field| matches!(&*field.kind, "flattened" | "geo_point");
    let whole: BTreeSet<_> = fields
        .iter()
        .filter(whole)
        .map(|field| &*field.name)
        .collect();
    for folder in [LINES, EVENTS] {
        for name in names(folder, ".ndjson") {
            let text = fs::read_to_string(repository(&format!("{folder}/{name}.ndjson"))).unwrap();
            for (number, line) in text.lines().enumerate() {
                let origin = format!("{name}.ndjson:{}", number + 1);
                walk(&whole, "", &Json::read(line), &mut |field, value| {
                    leaf(&origin, field, value)
                });
            }
        }
    }
}

fn walk(whole: &BTreeSet<&str>, field: &str, json: &Json, leaf: &mut impl FnMut(&str, &Json)) {
    match json {
        // A line of several documents, or of none.
        Json::List(documents) if field.is_empty() => {
            documents
                .iter()
                .for_each(|document| walk(whole, "", document, leaf));
        }
        Json::Null if field.is_empty() => {}
        Json::Object(members) if !whole.contains(field) => {
            for (key, value) in members {
                let name = if field.is_empty() {
                    key.clone()
                } else {
                    format!("{field}.{key}")
                };
                walk(whole, &name, value, leaf);
            }
        }
        value => leaf(field, value),
    }
}

fn fits(field: &Field, value: &Json) -> bool {
    match (field.is_list, value) {
        (true, Json::List(list)) => {
            !list.is_empty() && list.iter().all(|value| is_one(&field.kind, value))
        }
        (true, _) => false,
        // The caller's account stands beside the owner's, as in the reference pipeline.
        (false, Json::List(list)) => {
            field.name == "cloud.account.id" && list.iter().all(|value| is_one(&field.kind, value))
        }
        (false, value) => is_one(&field.kind, value),
    }
}

fn is_one(kind: &str, value: &Json) -> bool {
    match (kind, value) {
        (
            "keyword" | "alias" | "constant_keyword" | "match_only_text" | "wildcard",
            Json::Text(text),
        ) => !text.is_empty() && text != "-",
        ("date", Json::Text(text)) => is_date(text),
        ("ip", Json::Text(text)) => text.parse::<IpAddr>().is_ok(),
        ("long", Json::Number(number)) => number.is_i64(),
        ("boolean", Json::Bool(_)) => true,
        ("flattened", Json::Object(members)) => !members.is_empty(),
        ("geo_point", Json::Object(_)) => value.get("lat").is_some() && value.get("lon").is_some(),
        _ => false,
    }
}

/// Accepts `2026-03-01T08:30:00.000Z` and no other form.
fn is_date(text: &str) -> bool {
    let shape: String = text
        .chars()
        .map(|c| if c.is_ascii_digit() { '0' } else { c })
        .collect();
    shape == "0000-00-00T00:00:00.000Z"
}
