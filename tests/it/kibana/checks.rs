//! Checks that the saved objects are consistent: every field exists and has a suitable type, and
//! every reference leads to something.
#![expect(
    clippy::disallowed_types,
    clippy::indexing_slicing,
    reason = "saved objects are trees"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::Value;

use super::kql;
use super::query::text;
use super::sample::server;
use super::saved::{SavedPanel, controls, decoded, objects, panels};
use crate::support::golden::repository;

/// Types by their uses, as Lens and KQL see them.
const GROUPS: &[&str] = &[
    "keyword",
    "constant_keyword",
    "wildcard",
    "ip",
    "long",
    "boolean",
];
const NUMBERS: &[&str] = &["long"];
const ORDERED: &[&str] = &["long", "date", "ip"];

/// Returns the fields of both data streams and their types, from the files that `setup` puts.
fn mapped() -> BTreeMap<String, String> {
    let mut fields = BTreeMap::new();
    for file in [
        "component_templates/logs-aws.api_gateway_logs@mappings",
        "index_templates/logs-aws.api_gateway_dead_letters",
    ] {
        let text = fs::read_to_string(repository(&format!("elasticsearch/{file}.json")))
            .expect("a file can be read");
        let template: Value = serde_json::from_str(&text).expect("a template is JSON");
        // Where both have a field, the documents' type counts.
        let mut found = BTreeMap::new();
        leaves("", &template["template"]["mappings"], &mut found);
        found.extend(fields);
        fields = found;
    }
    fields
}

fn leaves(prefix: &str, mapping: &Value, into: &mut BTreeMap<String, String>) {
    for (name, field) in mapping["properties"].as_object().into_iter().flatten() {
        let path = if prefix.is_empty() {
            name.clone()
        } else {
            format!("{prefix}.{name}")
        };
        match field["type"].as_str() {
            // An alias has the type of the field for which it stands.
            Some("alias") => drop(into.insert(path, "keyword".to_owned())),
            Some(kind) => drop(into.insert(path, kind.to_owned())),
            None => leaves(&path, field, into),
        }
    }
}

/// Collects wrong uses of fields.
struct Fields {
    mapped: BTreeMap<String, String>,
    problems: Vec<String>,
    used: usize,
}

impl Fields {
    fn check(&mut self, origin: &str, field: &str, types: &[&str]) {
        self.used += 1;
        match self.mapped.get(field) {
            None => self
                .problems
                .push(format!("{origin}: there is no field {field}")),
            Some(kind) if !types.is_empty() && !types.contains(&&**kind) => {
                self.problems.push(format!(
                    "{origin}: {field} is of type {kind}, and should be one of {types:?}"
                ));
            }
            Some(_) => {}
        }
    }

    fn kql(&mut self, origin: &str, query: &Value) {
        let text = text(&query["query"]);
        for field in kql::fields(text).unwrap_or_else(|problem| panic!("{origin}: {problem}")) {
            let is_compared = [" >", " <"]
                .iter()
                .any(|operator| text.contains(&format!("{field}{operator}")));
            self.check(origin, &field, if is_compared { ORDERED } else { &[] });
        }
    }

    fn column(&mut self, origin: &str, column: &Value) {
        if column["filter"].is_object() {
            self.kql(origin, &column["filter"]);
        }
        for filter in column["params"]["filters"].as_array().into_iter().flatten() {
            self.kql(origin, &filter["input"]);
        }
        let types = match text(&column["operationType"]) {
            "count" | "formula" | "math" | "filters" => return,
            "date_histogram" => &["date"][..],
            "terms" | "unique_count" => GROUPS,
            "average" | "percentile" | "max" | "sum" => NUMBERS,
            other => panic!("{origin}: {other} is no operation that we know"),
        };
        let field = text(&column["sourceField"]);
        self.check(origin, field, types);
        if column["operationType"] == "terms" {
            let kind = match self.mapped.get(field).map(String::as_str) {
                Some("long") => "number",
                Some("ip") => "ip",
                _ => "string",
            };
            assert_eq!(column["dataType"], kind, "{origin}: {field}");
        }
    }

    fn panel(&mut self, panel: &SavedPanel) {
        let origin = format!("{}: {}", panel.dashboard, panel.title);
        let attributes = &panel.config["attributes"];
        match &*panel.kind {
            "lens" => {
                let layers =
                    attributes["state"]["datasourceStates"]["formBased"]["layers"].as_object();
                for column in layers
                    .into_iter()
                    .flatten()
                    .flat_map(|(_, layer)| layer["columns"].as_object())
                {
                    column
                        .values()
                        .for_each(|column| self.column(&origin, column));
                }
                if attributes["state"]["query"]["query"].is_string() {
                    self.kql(&origin, &attributes["state"]["query"]);
                }
            }
            "map" => {
                self.kql(&origin, &decoded(&attributes["mapStateJSON"])["query"]);
                for layer in decoded(&attributes["layerListJSON"])
                    .as_array()
                    .into_iter()
                    .flatten()
                {
                    if let Some(field) = layer["sourceDescriptor"]["geoField"].as_str() {
                        self.check(&origin, field, &["geo_point"]);
                    }
                }
            }
            "search" => self.search(&origin, attributes),
            other => assert_eq!(other, "links"),
        }
    }

    fn search(&mut self, origin: &str, attributes: &Value) {
        for column in attributes["columns"].as_array().expect("columns") {
            self.check(origin, text(column), &[]);
        }
        self.kql(
            origin,
            &decoded(&attributes["kibanaSavedObjectMeta"]["searchSourceJSON"])["query"],
        );
    }
}

#[test]
fn every_field_exists_with_a_type_that_suits_its_use() {
    let mut fields = Fields {
        mapped: mapped(),
        problems: Vec::new(),
        used: 0,
    };
    panels().iter().for_each(|panel| fields.panel(panel));
    for search in objects("search") {
        fields.search(&search.id, &search.object["attributes"]);
    }
    for dashboard in objects("dashboard") {
        for control in controls(&dashboard) {
            fields.check(
                &dashboard.id,
                text(&control["explicitInput"]["fieldName"]),
                GROUPS,
            );
        }
    }
    assert!(fields.problems.is_empty(), "{:#?}", fields.problems);
    assert!(fields.used > 200, "only {} uses of fields", fields.used);
}

/// The sample has values for each control: Kibana asks for the values of the control's field.
#[test]
fn every_control_has_values_to_choose_from() {
    for dashboard in objects("dashboard") {
        let controls = controls(&dashboard);
        assert!(!controls.is_empty(), "{} has no controls", dashboard.id);
        for control in controls {
            let field = &control["explicitInput"]["fieldName"];
            let values = serde_json::json!({ "terms": { "field": field, "size": 10 } });
            let query =
                serde_json::json!({ "bool": { "filter": [dashboard.filters[0]["query"]] } });
            let body =
                serde_json::json!({ "size": 0, "query": query, "aggs": { "values": values } });
            let (status, answer) =
                server().admin_request("POST", "/logs-*/_search", Some(&body.to_string()));
            let answer: Value = serde_json::from_str(&answer).expect("an answer is JSON");
            let values = answer["aggregations"]["values"]["buckets"]
                .as_array()
                .map(Vec::len);
            assert!(
                status == 200 && values > Some(1),
                "{}: {field}: {answer}",
                dashboard.id
            );
        }
    }
}

/// Every KQL text finds what Elasticsearch's own `kql` query finds.
#[test]
fn elasticsearch_understands_kql_as_we_do() {
    let mut texts = BTreeSet::new();
    for panel in panels() {
        collect_kql(&panel.config, &mut texts);
    }
    assert!(texts.len() > 20, "only {} texts", texts.len());
    let count = |query: Value| {
        let body = serde_json::json!({ "query": query }).to_string();
        let (status, answer) = server().admin_request("POST", "/logs-*/_count", Some(&body));
        assert_eq!(status, 200, "{body}: {answer}");
        serde_json::from_str::<Value>(&answer).expect("an answer is JSON")["count"].clone()
    };
    for text in texts {
        let ours = kql::to_query(&text).unwrap_or_else(|problem| panic!("{text}: {problem}"));
        assert_eq!(
            count(ours),
            count(serde_json::json!({ "kql": { "query": text } })),
            "{text}"
        );
    }
}

fn collect_kql(value: &Value, into: &mut BTreeSet<String>) {
    if let (Some("kuery"), Some(text)) = (value["language"].as_str(), value["query"].as_str()) {
        into.extend((!text.is_empty()).then(|| text.to_owned()));
    }
    match value {
        Value::Object(members) => members.values().for_each(|value| collect_kql(value, into)),
        Value::Array(values) => values.iter().for_each(|value| collect_kql(value, into)),
        Value::String(text) if text.starts_with(['{', '[']) => {
            if let Ok(inner) = serde_json::from_str::<Value>(text) {
                collect_kql(&inner, into);
            }
        }
        _ => {}
    }
}

/// Returns the names under which a panel's configuration looks up its references, as Kibana does.
fn needed(id: &str, panel: &Value) -> BTreeSet<String> {
    let config = &panel["embeddableConfig"];
    let mut names = BTreeSet::new();
    let inner = config["attributes"]["references"]
        .as_array()
        .into_iter()
        .flatten();
    names.extend(inner.map(|reference| format!("{id}:{}", text(&reference["name"]))));
    for event in config["enhancements"]["dynamicActions"]["events"]
        .as_array()
        .into_iter()
        .flatten()
    {
        let (factory, event) = (text(&event["action"]["factoryId"]), text(&event["eventId"]));
        names.insert(format!("{id}:drilldown:{factory}:{event}:dashboardId"));
    }
    for link in config["attributes"]["links"]
        .as_array()
        .into_iter()
        .flatten()
    {
        names.insert(format!("{id}:{}", text(&link["destinationRefName"])));
    }
    if panel["type"] == "map" {
        for layer in decoded(&config["attributes"]["layerListJSON"])
            .as_array()
            .into_iter()
            .flatten()
        {
            let name = layer["sourceDescriptor"]["indexPatternRefName"].as_str();
            names.extend(name.map(|name| format!("{id}:{name}")));
        }
    }
    names
}

#[test]
fn every_reference_is_used_and_leads_to_something() {
    let dashboards = objects("dashboard");
    let ids: BTreeSet<_> = dashboards
        .iter()
        .map(|dashboard| dashboard.id.clone())
        .collect();
    for dashboard in &dashboards {
        let attributes = &dashboard.object["attributes"];
        let mut needed_names: BTreeSet<_> = dashboard
            .filters
            .iter()
            .map(|filter| text(&filter["meta"]["indexRefName"]).to_owned())
            .collect();
        for panel in decoded(&attributes["panelsJSON"])
            .as_array()
            .expect("panels")
        {
            let id = text(&panel["panelIndex"]);
            assert_eq!(panel["gridData"]["i"], id);
            needed_names.extend(needed(id, panel));
        }
        needed_names.extend(controls(dashboard).iter().map(|control| {
            format!(
                "controlGroup_{}:optionsListDataView",
                text(&control["explicitInput"]["id"])
            )
        }));
        let mut names = BTreeSet::new();
        for reference in dashboard.object["references"]
            .as_array()
            .expect("references")
        {
            let is_there = match text(&reference["type"]) {
                "index-pattern" => reference["id"] == "logs-*",
                "dashboard" => ids.contains(text(&reference["id"])),
                other => panic!("{other} is nothing that a dashboard refers to"),
            };
            assert!(is_there, "{}: {reference}", dashboard.id);
            assert!(
                names.insert(text(&reference["name"]).to_owned()),
                "{}: {reference} is there twice",
                dashboard.id
            );
        }
        assert_eq!(names, needed_names, "{}", dashboard.id);
    }
}

/// Whatever its dashboard filters by, a panel has its own filter or names the data stream, because
/// it may be copied elsewhere.
#[test]
fn every_panel_keeps_other_logs_out() {
    for panel in panels().iter().filter(|panel| panel.kind != "links") {
        let attributes = &panel.config["attributes"];
        if let Some(esql) = attributes["state"]["query"]["esql"].as_str() {
            assert!(
                esql.starts_with("FROM logs-aws.api_gateway_logs-*\n"),
                "{esql}"
            );
            continue;
        }
        let filters = match &*panel.kind {
            "map" => decoded(&attributes["mapStateJSON"])["filters"].clone(),
            "search" => {
                decoded(&attributes["kibanaSavedObjectMeta"]["searchSourceJSON"])["filter"].clone()
            }
            _ => attributes["state"]["filters"].clone(),
        };
        let dataset = &filters[0]["query"]["match_phrase"]["data_stream.dataset"];
        let of_dashboard = panel.filters[0].to_string();
        assert!(
            dataset.is_string() && of_dashboard.contains(&dataset.to_string()),
            "{}: {filters}",
            panel.title
        );
    }
}

/// `docs/kibana.md` says what each dashboard answers, and lists no other.
#[test]
fn the_page_names_the_dashboards() {
    let page = fs::read_to_string(repository("docs/kibana.md")).expect("a page can be read");
    let (_, section) = page.split_once("\n## Dashboards\n").expect("a section");
    let table = section
        .lines()
        .skip_while(|line| !line.starts_with("| ---"))
        .skip(1);
    let rows = table
        .take_while(|line| line.starts_with("| "))
        .filter_map(|line| line.split(" | ").next());
    let named: BTreeSet<_> = rows
        .map(|name| format!("[Logs API Gateway] {}", name.trim_start_matches("| ")))
        .collect();
    let titles = objects("dashboard")
        .iter()
        .map(|it| text(&it.object["attributes"]["title"]).to_owned())
        .collect();
    assert_eq!(named, titles);
}

/// Each question at night is answered by panels that are on the dashboard that the page names.
#[test]
fn each_question_at_night_names_panels_of_a_dashboard() {
    let page = fs::read_to_string(repository("docs/kibana.md")).expect("a page can be read");
    let (_, section) = page
        .split_once("\n### Ten questions at night\n")
        .expect("a section");
    let rows = section
        .lines()
        .skip_while(|line| !line.starts_with("| ---"))
        .skip(1);
    let rows: Vec<_> = rows.take_while(|line| line.starts_with("| ")).collect();
    assert_eq!(rows.len(), 10);
    let panels = panels();
    for row in rows {
        let (_, answer) = row.trim_matches('|').split_once(" | ").expect("an answer");
        let named: Vec<_> = answer.split('*').skip(1).step_by(2).collect();
        assert!(!named.is_empty(), "{row}");
        let words: Vec<_> = answer
            .to_lowercase()
            .split([' ', ','])
            .map(str::to_owned)
            .collect();
        for name in named {
            let is_it =
                |panel: &SavedPanel| panel.title == name && words.contains(&panel.dashboard);
            assert!(panels.iter().any(is_it), "{row}: {name}");
        }
    }
}

/// Lens draws columns by their ids, in an order: each column appears once, including those from
/// which a formula is computed.
#[test]
fn every_column_appears_once_and_in_order() {
    for panel in panels().iter().filter(|panel| panel.kind == "lens") {
        let state = &panel.config["attributes"]["state"];
        for layer in state["datasourceStates"]["formBased"]["layers"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(_, layer)| layer)
        {
            let columns: BTreeSet<_> = layer["columns"]
                .as_object()
                .expect("columns")
                .keys()
                .map(String::as_str)
                .collect();
            let order: Vec<_> = layer["columnOrder"]
                .as_array()
                .expect("an order")
                .iter()
                .map(text)
                .collect();
            assert_eq!(
                order.iter().copied().collect::<BTreeSet<_>>(),
                columns,
                "{}",
                panel.title
            );
            assert_eq!(
                order.len(),
                columns.len(),
                "{}: a column is there twice",
                panel.title
            );
            let mut drawn = BTreeSet::new();
            accessors(&state["visualization"], &mut drawn);
            let parts = |id: &str| id.ends_with("X0") || id.ends_with("X1") || id.ends_with("X2");
            assert!(
                columns
                    .iter()
                    .filter(|id| !parts(id))
                    .all(|id| drawn.contains(*id)),
                "{}: {drawn:?}",
                panel.title
            );
            for column in layer["columns"].as_object().expect("columns").values() {
                for reference in column["references"].as_array().into_iter().flatten() {
                    assert!(
                        columns.contains(text(reference)),
                        "{}: {reference}",
                        panel.title
                    );
                }
            }
        }
    }
}

/// Returns every text of a visualization. The ids of the columns that it draws are among them.
fn accessors(value: &Value, into: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => members.values().for_each(|value| accessors(value, into)),
        Value::Array(values) => values.iter().for_each(|value| accessors(value, into)),
        Value::String(text) => drop(into.insert(text.clone())),
        _ => {}
    }
}

/// The grid has 48 columns: no panel overlaps another, none sticks out, and every row is full.
#[test]
fn panels_fill_the_grid() {
    for dashboard in objects("dashboard") {
        let panels = decoded(&dashboard.object["attributes"]["panelsJSON"]);
        let mut cells = BTreeSet::new();
        let mut height = 0;
        for panel in panels.as_array().expect("panels") {
            let [x, y, w, h] = ["x", "y", "w", "h"]
                .map(|side| panel["gridData"][side].as_u64().expect("a number"));
            height = height.max(y + h);
            for cell in (x..x + w).flat_map(|x| (y..y + h).map(move |y| (x, y))) {
                assert!(
                    cell.0 < 48 && cells.insert(cell),
                    "{}: {}",
                    dashboard.id,
                    panel["gridData"]
                );
            }
        }
        assert_eq!(
            cells.len() as u64,
            48 * height,
            "{} has holes",
            dashboard.id
        );
    }
}
