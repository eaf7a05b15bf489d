//! The JSON of every panel beside Elasticsearch's answer, for the pictures of `tests/kibana-look`.
#![expect(
    clippy::disallowed_types,
    clippy::indexing_slicing,
    reason = "saved objects and answers are trees"
)]

use std::fs;

use serde_json::{Value, json};

use super::panels::{search, shown, whole_query};
use super::query::{STEP, Table, text};
use super::saved::{SavedPanel, controls, decoded, objects, panels};
use crate::support::search_server::target_folder;

/// The number of documents of a saved search for which a picture has room.
const HITS: u64 = 15;

/// Writes `target/kibana-look/answers.json`: every dashboard over each time range. The name of the
/// time range follows that of the dashboard.
pub(super) fn write(ranges: &[(&str, [&str; 2])]) {
    let folder = target_folder().join("kibana-look");
    fs::create_dir_all(&folder).expect("a folder can be made");
    let all: Vec<_> = ranges
        .iter()
        .flat_map(|(suffix, range)| dashboards(suffix, *range))
        .collect();
    let file = folder.join("answers.json");
    fs::write(file, Value::Array(all).to_string()).expect("a file can be written");
}

fn dashboards(suffix: &str, range: [&str; 2]) -> Vec<Value> {
    let [from, to] = range.map(|time| {
        let time: jiff::Timestamp = time.parse().expect("a time");
        time.as_millisecond()
    });
    let dashboard = |dashboard: super::saved::Saved| {
        let name = dashboard.id.trim_start_matches("apigw_logs-");
        let labels = controls(&dashboard);
        let labels = labels.iter().map(|it| &it["explicitInput"]["title"]);
        let panels = panels().into_iter().filter(|it| it.dashboard == name);
        json!({
            "name": format!("{name}{suffix}"),
            "title": dashboard.object["attributes"]["title"],
            "controls": labels.collect::<Vec<_>>(),
            "from": from,
            "to": to,
            "step": STEP,
            "panels": panels.map(|it| panel(&it, range)).collect::<Vec<_>>(),
        })
    };
    objects("dashboard").into_iter().map(dashboard).collect()
}

fn panel(panel: &SavedPanel, range: [&str; 2]) -> Value {
    let (rows, cells, hits) = match &*panel.kind {
        "lens" => (rows(&shown(panel, range)), vec![], vec![]),
        "map" => (vec![], cells(panel, range), vec![]),
        "search" => (vec![], vec![], hits(panel, range)),
        _ => (vec![], vec![], vec![]),
    };
    json!({
        "kind": panel.kind,
        "grid": panel.grid,
        "config": panel.config,
        "rows": rows,
        "cells": cells,
        "hits": hits,
    })
}

fn rows(table: &Table) -> Vec<Value> {
    table
        .iter()
        .map(|(labels, numbers)| json!({ "labels": labels, "numbers": numbers }))
        .collect()
}

/// Returns the positions of a map's circles.
fn cells(panel: &SavedPanel, range: [&str; 2]) -> Vec<Value> {
    let state = decoded(&panel.config["attributes"]["mapStateJSON"]);
    let field = "source.geo.location";
    let grid = json!({
        "geotile_grid": { "field": field, "precision": 6 },
        "aggs": { "center": { "geo_centroid": { "field": field } } },
    });
    let query = whole_query(panel, &state["query"], &state["filters"], range);
    let answer = search(&json!({ "size": 0, "query": query, "aggs": { "grid": grid } }));
    let cell = |cell: &Value| {
        let center = &cell["center"]["location"];
        json!({ "lat": center["lat"], "lon": center["lon"], "count": cell["doc_count"] })
    };
    let cells = answer["aggregations"]["grid"]["buckets"].as_array();
    cells.expect("cells").iter().map(cell).collect()
}

/// Returns the latest documents of a saved search.
fn hits(panel: &SavedPanel, range: [&str; 2]) -> Vec<Value> {
    let attributes = &panel.config["attributes"];
    let source = decoded(&attributes["kibanaSavedObjectMeta"]["searchSourceJSON"]);
    assert!(text(&source["query"]["language"]) == "kuery", "{source}");
    let query = whole_query(panel, &source["query"], &source["filter"], range);
    let sort = json!([{ "@timestamp": { "order": "desc" } }]);
    let answer = search(&json!({ "size": HITS, "query": query, "sort": sort }));
    let hits = answer["hits"]["hits"].as_array().expect("hits").iter();
    hits.map(|hit| hit["_source"].clone()).collect()
}
