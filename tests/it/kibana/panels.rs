//! Asks a real Elasticsearch for every panel as Kibana would, and compares the answer with a count
//! of the raw lines.
#![expect(
    clippy::disallowed_types,
    clippy::indexing_slicing,
    reason = "saved objects and answers are trees"
)]

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::answers;
use super::count::{Expected, Number};
use super::expected::{expected, is_known_for_any, pipeline};
use super::feed;
use super::query::{Layer, Table, query, text};
use super::sample::{DAY, Lines, MADE_UP, MORNING, NOTHING, READABLE, server};
use super::saved::{SavedPanel, decoded, objects, panels};

fn range(dashboard: &str) -> [&'static str; 2] {
    if dashboard == "pipeline" {
        DAY
    } else {
        MORNING
    }
}

pub(super) fn search(body: &Value) -> Value {
    let (status, answer) =
        server().admin_request("POST", "/logs-*/_search", Some(&body.to_string()));
    assert_eq!(status, 200, "{body}\n{answer}");
    serde_json::from_str(&answer).expect("an answer is JSON")
}

/// Kibana shows everything but links.
pub(super) fn drawn() -> impl Iterator<Item = SavedPanel> {
    panels().into_iter().filter(|panel| panel.kind != "links")
}

fn name(panel: &SavedPanel) -> String {
    format!("{}: {}", panel.dashboard, panel.title)
}

/// Returns the rows of a panel beside the expected ones, if they differ.
fn problem(panel: &SavedPanel, range: [&str; 2], lines: &Lines) -> Option<String> {
    let (shown, expected) = (
        shown(panel, range),
        expected(&panel.dashboard, &panel.title, lines),
    );
    let is_good = !shown.is_empty() && is_as_expected(&shown, &expected, limit(panel));
    (!is_good).then(|| format!("{}\n  shows  {shown:?}\n  wanted {expected:?}", name(panel)))
}

#[test]
fn every_panel_agrees_with_the_raw_lines() {
    let lines = Lines::of_fixtures();
    let problems: Vec<_> = drawn()
        .filter_map(|panel| problem(&panel, range(&panel.dashboard), &lines))
        .collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    let names: BTreeSet<_> = drawn().map(|panel| name(&panel)).collect();
    assert_eq!(names.len(), drawn().count(), "a panel is there twice");
    // There were 75, of which too many showed the same.
    assert!((50..70).contains(&names.len()), "{} panels", names.len());
}

#[test]
fn every_panel_agrees_with_made_up_lines() {
    let lines = Lines::of_made_up_days();
    let known = || drawn().filter(|panel| is_known_for_any(&panel.dashboard, &panel.title));
    let problems: Vec<_> = known()
        .filter_map(|panel| problem(&panel, READABLE, &lines))
        .collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    assert!(known().count() > 40, "only {}", known().count());
}

/// The Pipeline dashboard is about lines of all forms, so its second data are such lines.
#[test]
fn every_panel_of_the_pipeline_agrees_with_lines_drawn_by_chance() {
    let feed = feed::by_chance();
    let is_here = |panel: &SavedPanel| panel.dashboard == "pipeline";
    let problem = |panel: SavedPanel| {
        let (shown, wanted) = (shown(&panel, feed::CHANCE), pipeline(&panel.title, &feed));
        let is_good = is_as_expected(&shown, &wanted, limit(&panel));
        (!is_good).then(|| format!("{}\n  shows  {shown:?}\n  wanted {wanted:?}", name(&panel)))
    };
    let problems: Vec<_> = drawn().filter(is_here).filter_map(problem).collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// With the traffic of `event --generate`, no panel is empty. The answers are kept for the pictures
/// of `tests/kibana-look`, beside those of a day without documents.
#[test]
fn every_panel_shows_something_of_made_up_traffic() {
    let empty: Vec<_> = drawn()
        .filter(|panel| shown(panel, MADE_UP).is_empty())
        .map(|panel| panel.title)
        .collect();
    assert!(empty.is_empty(), "{empty:?}");
    answers::write(&[("", MADE_UP), ("-empty", NOTHING)]);
}

/// The largest number of rows in a table of aggregations.
fn limit(panel: &SavedPanel) -> Option<usize> {
    let state = &panel.config["attributes"]["state"]["datasourceStates"]["formBased"];
    state.is_object().then(|| Layer::read(state).limit())?
}

/// Returns whether the rows are the expected ones: all of them, or as many as the table may have,
/// with the highest first numbers.
fn is_as_expected(shown: &Table, expected: &Expected, limit: Option<usize>) -> bool {
    let fits = |(shown, expected): (&Option<f64>, &Number)| match (shown, expected) {
        (Some(shown), Some((least, most))) => *shown >= least - 1e-6 && *shown <= most + 1e-6,
        (shown, expected) => shown.is_none() && expected.is_none(),
    };
    let is_right = |(labels, numbers): (&Vec<String>, &Vec<Option<f64>>)| {
        expected.get(labels).is_some_and(|expected| {
            numbers.len() == expected.len() && numbers.iter().zip(expected).all(fits)
        })
    };
    let rank = |numbers: &Vec<Option<f64>>| numbers.first().copied().flatten();
    let least = shown
        .values()
        .filter_map(rank)
        .fold(f64::INFINITY, f64::min);
    let is_small = |(labels, numbers): (&Vec<String>, &Vec<Number>)| {
        let is_shown = shown.contains_key(labels);
        let first = numbers.first().copied().flatten();
        is_shown || first.is_none_or(|(first, _)| first <= least)
    };
    let wanted = limit.map_or(expected.len(), |limit| limit.min(expected.len()));
    shown.len() == wanted && shown.iter().all(is_right) && expected.iter().all(is_small)
}

pub(super) fn shown(panel: &SavedPanel, range: [&str; 2]) -> Table {
    let state = &panel.config["attributes"]["state"];
    match &*panel.kind {
        "lens" if state["query"]["esql"].is_string() => esql(panel, state, range),
        "lens" => lens(panel, state, range),
        "map" => map(panel, range),
        "search" => {
            let source =
                decoded(&panel.config["attributes"]["kibanaSavedObjectMeta"]["searchSourceJSON"]);
            found(&source, &panel.filters, range)
        }
        other => panic!("{other} is no panel that we know"),
    }
}

/// Returns the query of a panel, with its own filters and those of its dashboard.
pub(super) fn whole_query(
    panel: &SavedPanel,
    own: &Value,
    filters: &Value,
    range: [&str; 2],
) -> Value {
    let filters: Vec<_> = filters
        .as_array()
        .expect("filters")
        .iter()
        .chain(&panel.filters)
        .collect();
    query(own, &filters, range)
}

fn lens(panel: &SavedPanel, state: &Value, range: [&str; 2]) -> Table {
    let layer = Layer::read(&state["datasourceStates"]["formBased"]);
    let answer = |shift| {
        let range = range.map(|time| earlier(time, shift));
        let range = range.each_ref().map(String::as_str);
        let query = whole_query(panel, &state["query"], &state["filters"], range);
        let answer = search(
            &json!({ "size": 0, "track_total_hits": true, "query": query, "aggs": layer.aggregations() }),
        );
        let mut group = answer["aggregations"]
            .as_object()
            .cloned()
            .unwrap_or_default();
        group.insert(
            "doc_count".to_owned(),
            answer["hits"]["total"]["value"].clone(),
        );
        (shift, Value::Object(group))
    };
    let answers: Vec<_> = layer.shifts().into_iter().map(answer).collect();
    layer.table(&answers)
}

fn earlier(time: &str, milliseconds: u64) -> String {
    let time: jiff::Timestamp = time.parse().expect("a time");
    let shift = jiff::SignedDuration::from_millis(i64::try_from(milliseconds).expect("small"));
    time.checked_sub(shift)
        .expect("in this century")
        .to_string()
}

/// Kibana sends the filters and the time range of the dashboard beside an ES|QL query.
fn esql(panel: &SavedPanel, state: &Value, range: [&str; 2]) -> Table {
    let filters: Vec<_> = panel.filters.iter().collect();
    let own = json!({ "language": "kuery", "query": "" });
    let body = json!({ "query": state["query"]["esql"], "filter": query(&own, &filters, range) });
    let (status, answer) = server().admin_request("POST", "/_query", Some(&body.to_string()));
    assert_eq!(status, 200, "{body}\n{answer}");
    let answer: Value = serde_json::from_str(&answer).expect("an answer is JSON");
    let names: Vec<_> = answer["columns"]
        .as_array()
        .expect("columns")
        .iter()
        .map(|column| text(&column["name"]))
        .collect();
    let layers = state["datasourceStates"]["textBased"]["layers"]
        .as_object()
        .expect("layers");
    let columns = layers
        .values()
        .flat_map(|layer| layer["columns"].as_array().expect("columns"));
    let (groups, numbers): (Vec<_>, Vec<_>) =
        columns.partition(|column| column["inMetricDimension"] != true);
    let value = |row: &Value, column: &Value| {
        let index = names
            .iter()
            .position(|name| column["fieldName"] == *name)
            .expect("a column of the answer");
        row[index].clone()
    };
    let row = |row: &Value| {
        let labels = groups
            .iter()
            .map(|column| text(&value(row, column)).to_owned())
            .collect();
        (
            labels,
            numbers
                .iter()
                .map(|column| value(row, column).as_f64())
                .collect(),
        )
    };
    answer["values"]
        .as_array()
        .expect("rows")
        .iter()
        .map(row)
        .collect()
}

/// Returns the circles of a map, which are cells of a grid. The sample's places are far from each
/// other, so a cell is identified by its country.
fn map(panel: &SavedPanel, range: [&str; 2]) -> Table {
    let attributes = &panel.config["attributes"];
    let state = decoded(&attributes["mapStateJSON"]);
    let layers = decoded(&attributes["layerListJSON"]);
    let layer = layers
        .as_array()
        .expect("layers")
        .iter()
        .find(|layer| layer["sourceDescriptor"]["type"] == "ES_GEO_GRID");
    let source = &layer.expect("a grid")["sourceDescriptor"];
    assert_eq!(source["metrics"], json!([{ "type": "count" }]));
    let inner = json!({ "country": { "terms": { "field": "source.geo.country_iso_code" } } });
    let grid =
        json!({ "geotile_grid": { "field": source["geoField"], "precision": 6 }, "aggs": inner });
    let query = whole_query(panel, &state["query"], &state["filters"], range);
    let answer = search(&json!({ "size": 0, "query": query, "aggs": { "grid": grid } }));
    let cell = |cell: &Value| {
        let countries = cell["country"]["buckets"].as_array().expect("countries");
        let names: Vec<_> = countries
            .iter()
            .map(|country| text(&country["key"]))
            .collect();
        (vec![names.join(",")], vec![cell["doc_count"].as_f64()])
    };
    answer["aggregations"]["grid"]["buckets"]
        .as_array()
        .expect("cells")
        .iter()
        .map(cell)
        .collect()
}

/// Returns the rows of a search, counted by their time.
fn found(source: &Value, filters: &[Value], range: [&str; 2]) -> Table {
    let own = source["filter"].as_array().expect("filters");
    let filters: Vec<_> = own.iter().chain(filters).collect();
    let body = json!({
        "size": 500,
        "query": query(&source["query"], &filters, range),
        "sort": [{ "@timestamp": { "order": "desc" } }],
    });
    let answer = search(&body);
    let mut table = Table::new();
    for hit in answer["hits"]["hits"].as_array().expect("hits") {
        let count = table
            .entry(vec![hit["sort"][0].to_string()])
            .or_insert_with(|| vec![Some(0.0)]);
        count[0] = count[0].map(|count| count + 1.0);
    }
    table
}

/// The saved searches are those of the panels: Discover finds what the dashboards show.
#[test]
fn a_saved_search_finds_the_documents_of_its_panel() {
    let searches = objects("search");
    assert!(!searches.is_empty());
    for search in searches {
        let attributes = &search.object["attributes"];
        let source = decoded(&attributes["kibanaSavedObjectMeta"]["searchSourceJSON"]);
        let same = |panel: &&SavedPanel| {
            panel.kind == "search" && panel.config["attributes"]["title"] == attributes["title"]
        };
        let panels = panels();
        let panel = panels
            .iter()
            .find(same)
            .unwrap_or_else(|| panic!("no panel shows {}", search.id));
        let range = range(&panel.dashboard);
        assert_eq!(
            found(&source, &[], range),
            shown(panel, range),
            "{}",
            search.id
        );
        for member in ["columns", "sort"] {
            assert_eq!(
                attributes[member], panel.config["attributes"][member],
                "{}",
                search.id
            );
        }
    }
}
