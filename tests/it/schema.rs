//! Every leaf of every golden document is a field of ECS or one of our own, with a value that its type takes.
#![expect(clippy::unwrap_used, reason = "the functions around a test are tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::IpAddr;

use crate::lines::LINES;
use crate::support::golden::{is_blessing, names, repository};
use crate::support::json::Json;

const ECS: &str = include_str!("fixtures/ecs-9.4.0.txt");
const OWN: &str = include_str!("fixtures/own-fields.txt");
const EVENTS: &str = "tests/it/fixtures/events";

/// ECS wants lists here, and documents have a scalar: the reference pipeline's values, which Elasticsearch reads alike.
const SCALAR_ALL_THE_SAME: &[&str] = &[];

#[test]
fn every_leaf_is_a_field_with_a_fitting_value() {
    let fields = fields();
    let mut problems = BTreeSet::new();
    for_each_leaf(|origin, field, value| {
        let Some(kind) = fields.get(field) else {
            problems.insert(format!("{origin}: {field} is no field"));
            return;
        };
        if !fits(kind, field, value) {
            problems.insert(format!("{origin}: {field} is of type {kind}, and has the value {}", value.compact()));
        }
    });
    assert!(problems.is_empty(), "{problems:#?}");
}

#[test]
fn every_field_of_our_own_is_shown_by_a_golden_document() {
    let mut shown = BTreeSet::new();
    for_each_leaf(|_, field, _| {
        shown.insert(field.to_owned());
    });
    let unseen: Vec<_> = entries(OWN).map(|(field, _)| field).filter(|field| !shown.contains(*field)).collect();
    assert!(unseen.is_empty() || is_blessing(), "no golden document has {unseen:?}");
}

fn entries(list: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
    list.lines().filter(|line| !line.starts_with('#')).map(|line| line.split_once(' ').unwrap())
}

fn fields() -> BTreeMap<&'static str, &'static str> {
    entries(ECS).chain(entries(OWN)).collect()
}

/// Calls back with the file and line, the field's name, and the value of each leaf.
fn for_each_leaf(mut leaf: impl FnMut(&str, &str, &Json)) {
    let types = fields();
    for folder in [LINES, EVENTS] {
        for name in names(folder, ".ndjson") {
            let text = fs::read_to_string(repository(&format!("{folder}/{name}.ndjson"))).unwrap();
            for (number, line) in text.lines().enumerate() {
                let origin = format!("{name}.ndjson:{}", number + 1);
                walk(&types, "", &Json::read(line), &mut |field, value| leaf(&origin, field, value));
            }
        }
    }
}

fn walk(types: &BTreeMap<&str, &str>, field: &str, json: &Json, leaf: &mut impl FnMut(&str, &Json)) {
    let is_leaf = matches!(types.get(field), Some(&"flattened" | &"geo_point"));
    match json {
        // A line of several documents, or of none.
        Json::List(documents) if field.is_empty() => {
            documents.iter().for_each(|document| walk(types, "", document, leaf));
        }
        Json::Null if field.is_empty() => {}
        Json::Object(members) if !is_leaf => {
            for (key, value) in members {
                let name = if field.is_empty() { key.clone() } else { format!("{field}.{key}") };
                walk(types, &name, value, leaf);
            }
        }
        value => leaf(field, value),
    }
}

fn fits(kind: &str, field: &str, value: &Json) -> bool {
    match (kind.strip_suffix("[]"), value) {
        (Some(kind), Json::List(list)) => !list.is_empty() && list.iter().all(|value| is_one(kind, value)),
        (Some(kind), value) => SCALAR_ALL_THE_SAME.contains(&field) && is_one(kind, value),
        // The caller's account stands beside the owner's, as in the reference pipeline.
        (None, Json::List(list)) => field == "cloud.account.id" && list.iter().all(|value| is_one(kind, value)),
        (None, value) => is_one(kind, value),
    }
}

fn is_one(kind: &str, value: &Json) -> bool {
    match (kind, value) {
        ("keyword" | "constant_keyword" | "match_only_text" | "wildcard", Json::Text(text)) => {
            !text.is_empty() && text != "-"
        }
        ("date", Json::Text(text)) => is_date(text),
        ("ip", Json::Text(text)) => text.parse::<IpAddr>().is_ok(),
        ("long" | "integer", Json::Number(number)) => number.is_i64(),
        ("float", Json::Number(_)) | ("boolean", Json::Bool(_)) => true,
        ("flattened", Json::Object(members)) => !members.is_empty(),
        ("geo_point", Json::Object(_)) => value.get("lat").is_some() && value.get("lon").is_some(),
        _ => false,
    }
}

/// `2026-03-01T08:30:00.000Z` and nothing else.
fn is_date(text: &str) -> bool {
    let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    shape == "0000-00-00T00:00:00.000Z"
}
