//! Saved objects as they are stored in a package: one file each, with the parts encoded that Kibana
//! keeps as text.
#![expect(clippy::disallowed_types, reason = "saved objects are trees")]

use serde_json::{Map, Value, json};

use super::dashboards::{SEARCHES, SavedSearch, dashboards};
use super::lens::{attributes, data_view, dataset_filter, extend};
use super::map;
use super::model::{Dashboard, LOGS, Panel, Row, Shape};

/// The oldest supported Kibana is 8.19. These are the versions that it knows, and newer ones
/// migrate from them.
const CORE_VERSION: &str = "8.8.0";
const DASHBOARD_VERSION: &str = "10.2.0";
const SEARCH_VERSION: &str = "10.5.0";

const COLUMNS: u32 = 48;
const LINKS_HEIGHT: u32 = 3;

/// Returns every file below `kibana/` with its content.
pub(super) fn files() -> Vec<(String, Value)> {
    let all = dashboards();
    let dashboards = all.iter().map(|it| {
        (
            format!("dashboard/{}.json", object_id(it.name)),
            dashboard(it, &all),
        )
    });
    let searches = SEARCHES
        .iter()
        .map(|it| (format!("search/{}.json", object_id(it.name)), search(it)));
    dashboards.chain(searches).collect()
}

fn object_id(name: &str) -> String {
    format!("apigw_logs-{name}")
}

/// Returns JSON as text, as Kibana keeps parts of a saved object.
fn encoded(json: &Value) -> Value {
    Value::String(json.to_string())
}

/// Returns an id from a panel's title: `Latency, p95` becomes `latency-p95`.
fn slug(title: &str) -> String {
    let lowercase = title.to_ascii_lowercase();
    lowercase
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join("-")
}

fn dashboard(dashboard: &Dashboard, all: &[Dashboard]) -> Value {
    let mut references = vec![data_view(FIRST_FILTER)];
    let mut panels = vec![links(dashboard, all, &mut references)];
    let mut y = LINKS_HEIGHT;
    for Row(height, row) in &dashboard.rows {
        let mut x = 0;
        for it in row {
            panels.push(panel(
                it,
                json!({ "h": height, "w": it.width, "x": x, "y": y }),
                &mut references,
            ));
            x += it.width;
        }
        y += height;
    }
    let controls = controls(dashboard, &mut references);
    let filter = dataset_filter(dashboard.datasets, &json!({ "indexRefName": FIRST_FILTER }));
    let source = json!({ "filter": [filter], "query": { "language": "kuery", "query": "" } });
    let mut attributes = json!({
        "title": format!("[Logs API Gateway] {}", dashboard.title),
        "description": dashboard.description,
        "controlGroupInput": controls,
        "kibanaSavedObjectMeta": { "searchSourceJSON": encoded(&source) },
        "optionsJSON": encoded(&options()),
        "panelsJSON": encoded(&Value::Array(panels)),
        "timeRestore": dashboard.opens_with.is_some(),
        "version": 3,
    });
    if let Some(from) = dashboard.opens_with {
        let refresh = json!({ "pause": false, "value": 60_000 });
        extend(
            &mut attributes,
            &json!({ "refreshInterval": refresh, "timeFrom": from, "timeTo": "now" }),
        );
    }
    json!({
        "id": object_id(dashboard.name),
        "type": "dashboard",
        "coreMigrationVersion": CORE_VERSION,
        "typeMigrationVersion": DASHBOARD_VERSION,
        "attributes": attributes,
        "references": references,
    })
}

fn options() -> Value {
    json!({
        "hidePanelTitles": false,
        "syncColors": true,
        "syncCursor": true,
        "syncTooltips": false,
        "useMargins": true,
    })
}

const FIRST_FILTER: &str = "kibanaSavedObjectMeta.searchSourceJSON.filter[0].meta.index";

fn panel(panel: &Panel, mut grid: Value, references: &mut Vec<Value>) -> Value {
    let id = slug(panel.title);
    extend(&mut grid, &json!({ "i": id }));
    let mut config = json!({ "title": panel.title, "enhancements": {} });
    if !panel.description.is_empty() {
        extend(&mut config, &json!({ "description": panel.description }));
    }
    // A tile shows the name of its number. The title stays for lists and screen readers.
    if panel.shape == Shape::Tile {
        extend(&mut config, &json!({ "hidePanelTitles": true }));
    }
    let mut whole = json!({ "gridData": grid, "panelIndex": id, "type": "lens" });
    match panel.shape {
        // Every panel is stored by value, as Elastic's validator demands. The saved search exists
        // besides, for Discover.
        Shape::Search(name) => {
            let (attributes, names) = search_attributes(saved_search(name));
            references.extend(names.iter().map(|name| data_view(&format!("{id}:{name}"))));
            let inner: Vec<_> = names.into_iter().map(data_view).collect();
            extend(&mut config, &json!({ "attributes": attributes }));
            extend(
                config
                    .pointer_mut("/attributes")
                    .unwrap_or(&mut Value::Null),
                &json!({ "references": inner }),
            );
            extend(&mut whole, &json!({ "type": "search" }));
        }
        Shape::Map(field) => {
            references.push(data_view(&format!("{id}:{}", map::REFERENCE)));
            extend(&mut config, &map::config(panel, field));
            extend(&mut whole, &json!({ "type": "map" }));
        }
        _ => {
            let attributes = attributes(panel, &id);
            let inner = attributes
                .pointer("/references")
                .and_then(Value::as_array)
                .into_iter()
                .flatten();
            let names =
                inner.filter_map(|reference| reference.pointer("/name").and_then(Value::as_str));
            references.extend(names.map(|name| data_view(&format!("{id}:{name}"))));
            let enhancements = drilldowns(panel, &id, references);
            extend(
                &mut config,
                &json!({ "attributes": attributes, "enhancements": enhancements }),
            );
        }
    }
    extend(&mut whole, &json!({ "embeddableConfig": config }));
    whole
}

fn drilldowns(panel: &Panel, panel_id: &str, references: &mut Vec<Value>) -> Value {
    let mut events = Vec::new();
    for target in panel.drilldowns {
        let event = format!("to-{target}");
        let factory = "DASHBOARD_TO_DASHBOARD_DRILLDOWN";
        let name = format!("{panel_id}:drilldown:{factory}:{event}:dashboardId");
        references.push(json!({ "id": object_id(target), "name": name, "type": "dashboard" }));
        events.push(json!({
            "eventId": event,
            "triggers": ["FILTER_TRIGGER"],
            "action": {
                "factoryId": factory,
                "name": format!("Show its {target}"),
                "config": { "openInNewTab": false, "useCurrentDateRange": true, "useCurrentFilters": true },
            },
        }));
    }
    if events.is_empty() {
        json!({})
    } else {
        json!({ "dynamicActions": { "events": events } })
    }
}

/// Links to the dashboards side by side, above everything else.
fn links(here: &Dashboard, all: &[Dashboard], references: &mut Vec<Value>) -> Value {
    let mut links = Vec::new();
    for (order, there) in all.iter().enumerate() {
        let name = format!("link_{}_dashboard", there.name);
        references.push(json!({ "id": object_id(there.name), "name": format!("links:{name}"), "type": "dashboard" }));
        links.push(json!({
            "id": there.name,
            "type": "dashboardLink",
            "label": there.title,
            "order": order,
            "destinationRefName": name,
            // Filters include the one by dataset, which must not hide dead letters.
            "options": {
                "openInNewTab": false,
                "useCurrentDateRange": true,
                "useCurrentFilters": here.datasets == [LOGS] && there.datasets == [LOGS],
            },
        }));
    }
    json!({
        "type": "links",
        "panelIndex": "links",
        "gridData": { "h": LINKS_HEIGHT, "i": "links", "w": COLUMNS, "x": 0, "y": 0 },
        "embeddableConfig": { "attributes": { "layout": "horizontal", "links": links }, "enhancements": {} },
    })
}

fn controls(dashboard: &Dashboard, references: &mut Vec<Value>) -> Value {
    let mut panels = Map::new();
    for (order, (field, label)) in dashboard.controls.iter().enumerate() {
        let id = slug(label);
        references.push(data_view(&format!("controlGroup_{id}:optionsListDataView")));
        let control = json!({
            "type": "optionsListControl",
            "order": order,
            "grow": true,
            "width": "medium",
            "explicitInput": {
                "id": id,
                "dataViewId": super::lens::DATA_VIEW,
                "fieldName": field,
                "title": label,
                "searchTechnique": "wildcard",
                "selectedOptions": [],
                "sort": { "by": "_count", "direction": "desc" },
            },
        });
        panels.insert(id, control);
    }
    let ignored = json!({
        "ignoreFilters": false,
        "ignoreQuery": false,
        "ignoreTimerange": false,
        "ignoreValidations": false,
    });
    json!({
        "chainingSystem": "HIERARCHICAL",
        "controlStyle": "oneLine",
        "ignoreParentSettingsJSON": encoded(&ignored),
        "panelsJSON": encoded(&Value::Object(panels)),
        "showApplySelections": false,
    })
}

fn saved_search(name: &str) -> &'static SavedSearch {
    SEARCHES
        .iter()
        .find(|search| search.name == name)
        .unwrap_or_else(|| panic!("there is no search {name}"))
}

fn search(search: &SavedSearch) -> Value {
    let (attributes, references) = search_attributes(search);
    json!({
        "id": object_id(search.name),
        "type": "search",
        "coreMigrationVersion": CORE_VERSION,
        "typeMigrationVersion": SEARCH_VERSION,
        "attributes": attributes,
        "references": references.map(data_view),
    })
}

/// Returns the `attributes` of a search, and the names of its references.
fn search_attributes(search: &SavedSearch) -> (Value, [&'static str; 2]) {
    const INDEX: &str = "kibanaSavedObjectMeta.searchSourceJSON.index";
    let filter = dataset_filter(&[search.dataset], &json!({ "indexRefName": FIRST_FILTER }));
    let source = json!({
        "filter": [filter],
        "indexRefName": INDEX,
        "query": { "language": "kuery", "query": search.query },
    });
    let attributes = json!({
        "title": format!("[Logs API Gateway] {}", search.title),
        "description": "",
        "columns": search.columns,
        "grid": {},
        "hideChart": false,
        "isTextBasedQuery": false,
        "kibanaSavedObjectMeta": { "searchSourceJSON": encoded(&source) },
        "sort": [["@timestamp", "desc"]],
        "timeRestore": false,
    });
    (attributes, [INDEX, FIRST_FILTER])
}
