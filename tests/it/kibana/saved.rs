//! Reads the files of `integration/kibana` as Kibana reads them. The tests know nothing else of the
//! dashboards.
#![expect(
    clippy::disallowed_types,
    clippy::indexing_slicing,
    reason = "saved objects are trees"
)]

use std::fs;

use serde_json::Value;

use super::FOLDER;
use super::query::text;
use crate::support::golden::{names, repository};

/// A dashboard or saved search, with the encoded parts that both have.
pub(super) struct Saved {
    pub(super) id: String,
    pub(super) object: Value,
    /// The filters of the whole object.
    pub(super) filters: Vec<Value>,
}

/// A panel of a dashboard.
#[derive(Clone)]
pub(super) struct SavedPanel {
    pub(super) dashboard: String,
    pub(super) title: String,
    pub(super) kind: String,
    pub(super) config: Value,
    /// Its place on the grid.
    pub(super) grid: Value,
    /// The filters of its dashboard.
    pub(super) filters: Vec<Value>,
}

/// Returns the objects of a kind: `dashboard` or `search`.
pub(super) fn objects(kind: &str) -> Vec<Saved> {
    let folder = format!("{FOLDER}/{kind}");
    let read = |id: String| {
        let file =
            fs::read_to_string(repository(&format!("{folder}/{id}.json"))).expect("it is there");
        let object: Value = serde_json::from_str(&file).expect("it is JSON");
        let source = decoded(&object["attributes"]["kibanaSavedObjectMeta"]["searchSourceJSON"]);
        Saved {
            id,
            filters: source["filter"].as_array().expect("filters").clone(),
            object,
        }
    };
    names(&folder, ".json").into_iter().map(read).collect()
}

/// Returns every panel of every dashboard.
pub(super) fn panels() -> Vec<SavedPanel> {
    let mut found = Vec::new();
    for dashboard in objects("dashboard") {
        for panel in decoded(&dashboard.object["attributes"]["panelsJSON"])
            .as_array()
            .expect("panels")
        {
            found.push(SavedPanel {
                dashboard: dashboard.id.trim_start_matches("apigw_logs-").to_owned(),
                title: panel["embeddableConfig"]["title"]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned(),
                kind: text(&panel["type"]).to_owned(),
                config: panel["embeddableConfig"].clone(),
                grid: panel["gridData"].clone(),
                filters: dashboard.filters.clone(),
            });
        }
    }
    found
}

/// Returns the controls of a dashboard, from left to right.
pub(super) fn controls(dashboard: &Saved) -> Vec<Value> {
    let controls = decoded(&dashboard.object["attributes"]["controlGroupInput"]["panelsJSON"]);
    let controls = controls.as_object().expect("controls").values();
    let mut controls: Vec<_> = controls.cloned().collect();
    controls.sort_by_key(|control| control["order"].as_u64());
    controls
}

/// Returns a part that is kept as text.
pub(super) fn decoded(part: &Value) -> Value {
    serde_json::from_str(text(part)).expect("it is JSON")
}
