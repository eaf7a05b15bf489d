//! Kibana's rules for the look of a panel, as far as its JSON decides it: colours by value, titles,
//! rows that fit.
//!
//! The rules are those of Kibana's sources: `apply_color_to.ts` and `metric_vis.tsx` (tiles),
//! `palettes/helpers.ts` (colours by value), `terms/helpers.ts` (orders and time shifts). The
//! measures are those of a screen of 1,440 pixels.
#![expect(
    clippy::disallowed_types,
    clippy::indexing_slicing,
    reason = "saved objects are trees"
)]

use std::collections::BTreeSet;

use serde_json::Value;

use super::model::{BLUE, GREEN, GREY, ORANGE, RED, YELLOW};
use super::query::text;
use super::saved::{SavedPanel, controls, objects, panels};

/// The panels that Lens draws in a given way.
fn drawn_as(kind: &str) -> Vec<SavedPanel> {
    let is_drawn = |panel: &SavedPanel| panel.config["attributes"]["visualizationType"] == kind;
    panels().into_iter().filter(is_drawn).collect()
}

fn visualization(panel: &SavedPanel) -> &Value {
    &panel.config["attributes"]["state"]["visualization"]
}

/// Returns the columns of a panel's aggregation layer; none for ES|QL.
fn columns(panel: &SavedPanel) -> Vec<(&String, &Value)> {
    let layers = &panel.config["attributes"]["state"]["datasourceStates"]["formBased"]["layers"];
    let layers = layers.as_object().into_iter().flatten();
    let columns = layers.filter_map(|(_, layer)| layer["columns"].as_object());
    columns.flatten().collect()
}

fn name(panel: &SavedPanel) -> String {
    format!("{}: {}", panel.dashboard, panel.title)
}

/// Returns the colour that Kibana gives a number by a palette of absolute numbers.
///
/// The first upper bound above the number decides. A number that is below none, such as NaN, has
/// the first colour, unless it is at least the last bound. A number below the range has no colour.
fn color_of(palette: &Value, number: f64) -> Option<&str> {
    let params = &palette["params"];
    assert_eq!(params["rangeType"], "number", "{palette}");
    assert_eq!(params["continuity"], "above", "{palette}");
    if number < params["rangeMin"].as_f64().expect("a range") {
        return None;
    }
    let stops = params["stops"].as_array().expect("stops");
    let bound = |stop: &Value| stop["stop"].as_f64().expect("a number");
    let below = stops.iter().find(|stop| number < bound(stop));
    let last = stops.last().filter(|stop| number >= bound(stop));
    let stop = below.or(last).or(stops.first())?;
    stop["color"].as_str()
}

/// Returns the palettes of a panel's tile or cells.
fn palettes(panel: &SavedPanel) -> Vec<&Value> {
    let visualization = visualization(panel);
    let cells = visualization["columns"].as_array().into_iter().flatten();
    [visualization]
        .into_iter()
        .chain(cells)
        .map(|of| &of["palette"])
        .filter(|palette| palette.is_object())
        .collect()
}

/// `color` without `applyColorTo` fills the tile at any value: "Dead letters: 0" would be red for
/// ever.
#[test]
fn a_tile_gets_its_colour_from_its_value_or_has_none() {
    let tiles = drawn_as("lnsMetric");
    assert!(tiles.len() > 15, "only {} tiles", tiles.len());
    for tile in tiles {
        let visualization = visualization(&tile);
        assert!(visualization["color"].is_null(), "{}", name(&tile));
    }
}

#[test]
fn a_missing_number_is_grey_and_every_colour_has_its_bounds() {
    let mut seen = 0;
    for panel in [drawn_as("lnsMetric"), drawn_as("lnsDatatable")].concat() {
        for palette in palettes(&panel) {
            seen += 1;
            assert_eq!(color_of(palette, f64::NAN), Some(GREY), "{}", name(&panel));
            let params = &palette["params"];
            let [lower, upper] = ["colorStops", "stops"].map(|member| {
                let stops = params[member].as_array().expect("stops");
                let colors: Vec<_> = stops.iter().map(|stop| &stop["color"]).collect();
                let bounds: Vec<_> = stops.iter().map(|stop| stop["stop"].as_f64()).collect();
                assert!(bounds.is_sorted(), "{}: {bounds:?}", name(&panel));
                (colors, bounds)
            });
            assert_eq!(lower.0, upper.0, "{}", name(&panel));
            assert_eq!(
                lower.1[1..],
                upper.1[..upper.1.len() - 1],
                "{}",
                name(&panel)
            );
            assert_eq!(params["rangeMin"].as_f64(), lower.1[0], "{}", name(&panel));
        }
    }
    assert!(seen > 20, "only {seen} palettes");
}

#[test]
fn tiles_are_green_when_all_is_well() {
    for (dashboard, title, colors) in [
        (
            "overview",
            "Requests",
            &[(0.0, RED), (1.0, BLUE), (9e9, BLUE)][..],
        ),
        (
            "overview",
            "Availability",
            &[(0.0, RED), (0.9989, RED), (0.999, GREEN), (1.0, GREEN)],
        ),
        (
            "overview",
            "Server errors (5xx)",
            &[(0.0, GREEN), (0.01, YELLOW), (0.05, RED), (1.0, RED)],
        ),
        (
            "overview",
            "Client errors (4xx)",
            &[(0.09, GREEN), (0.1, YELLOW), (0.25, ORANGE), (1.0, ORANGE)],
        ),
        (
            "overview",
            "Throttled (429)",
            &[(0.0, GREEN), (1.0, YELLOW), (1e6, YELLOW)],
        ),
        (
            "overview",
            "Latency, p95",
            &[
                (499.0, GREEN),
                (500.0, YELLOW),
                (3_000.0, RED),
                (29_000.0, RED),
            ],
        ),
        (
            "errors",
            "Server errors (5xx)",
            &[(0.0, GREEN), (1.0, RED), (1e6, RED)],
        ),
        ("errors", "Integration errors", &[(0.0, GREEN), (1.0, RED)]),
        ("websocket", "Errors", &[(0.0, GREEN), (1.0, RED)]),
        ("pipeline", "Documents", &[(0.0, RED), (1.0, BLUE)]),
        ("pipeline", "Unparsed lines", &[(0.0, GREEN), (1.0, RED)]),
        ("pipeline", "Repaired lines", &[(0.0, GREEN), (1.0, YELLOW)]),
        (
            "pipeline",
            "Dead letters",
            &[(0.0, GREEN), (1.0, RED), (1e6, RED)],
        ),
    ] {
        let tiles = drawn_as("lnsMetric");
        let is_it = |tile: &&SavedPanel| tile.dashboard == dashboard && tile.title == title;
        let tile = tiles.iter().find(is_it).expect(title);
        let [palette] = palettes(tile)[..] else {
            panic!("{title} has one palette")
        };
        for (number, color) in colors {
            assert_eq!(
                color_of(palette, *number),
                Some(*color),
                "{title}: {number}"
            );
        }
    }
}

/// A tile shows the name of its number. Its panel's title would repeat the name and take a quarter
/// of the room.
#[test]
fn a_tile_shows_its_name_once() {
    for panel in panels() {
        let is_tile = panel.config["attributes"]["visualizationType"] == "lnsMetric";
        assert_eq!(
            panel.config["hidePanelTitles"] == true,
            is_tile,
            "{}",
            name(&panel)
        );
        if is_tile {
            let first = columns(&panel)
                .into_iter()
                .find(|(id, _)| *id == "metric-0")
                .expect("a number");
            assert_eq!(first.1["label"], *panel.title, "{}", name(&panel));
        }
    }
}

/// Lens draws the values with the most documents. Without a row *Other*, the parts of a chart are
/// fewer than the whole. A table of the first ten needs no such row, but a table that should show
/// everything does.
#[test]
fn only_tables_leave_out_the_smaller_groups() {
    for panel in panels() {
        let terms = columns(&panel)
            .into_iter()
            .filter(|(_, column)| column["operationType"] == "terms");
        let is_table = panel.config["attributes"]["visualizationType"] == "lnsDatatable";
        for (_, column) in terms {
            let params = &column["params"];
            let is_complete = !is_table || panel.title == "Health by API and stage";
            assert_eq!(
                params["otherBucket"] == true,
                is_complete,
                "{}",
                name(&panel)
            );
            // Kibana ignores `missingBucket` where there is no `otherBucket`.
            assert_eq!(
                params["missingBucket"],
                params["otherBucket"],
                "{}",
                name(&panel)
            );
        }
    }
}

/// A table of all APIs and stages has many pages, and the first shows the stage that is worst.
#[test]
fn a_table_of_everything_begins_with_the_worst() {
    let panels = drawn_as("lnsDatatable");
    let health = panels
        .iter()
        .find(|panel| panel.title == "Health by API and stage");
    let health = health.expect("the table is there");
    let sorting = &visualization(health)["sorting"];
    assert_eq!(sorting["direction"], "desc");
    let by = panel_column(health, text(&sorting["columnId"]));
    assert_eq!(by["label"], "5xx %");
}

/// Lens does not order values by a formula, or by a number of another time.
#[test]
fn values_are_ordered_by_a_number_that_lens_orders_by() {
    for panel in panels() {
        let columns = columns(&panel);
        let find = |id: &Value| columns.iter().find(|(name, _)| id == name.as_str());
        for (_, column) in &columns {
            let order = &column["params"]["orderBy"]["columnId"];
            if column["operationType"] == "terms" {
                let (_, by) = find(order).expect("the order's column");
                assert!(
                    by["references"].is_null() && by["timeShift"].is_null(),
                    "{}: {by}",
                    name(&panel)
                );
            }
        }
    }
}

/// Lens does not allow top values beside numbers of another time, because these would have other
/// top values.
#[test]
fn only_panels_without_top_values_are_compared_with_a_week_before() {
    let mut compared = 0;
    for panel in panels() {
        let columns = columns(&panel);
        let is_compared = columns
            .iter()
            .any(|(_, column)| column["timeShift"].is_string());
        let has_terms = columns
            .iter()
            .any(|(_, column)| column["operationType"] == "terms");
        assert!(!(is_compared && has_terms), "{}", name(&panel));
        compared += usize::from(is_compared);
        for (_, column) in columns {
            let formula = column["params"]["formula"].as_str().unwrap_or_default();
            let shift = format!("shift='{}'", column["timeShift"].as_str().unwrap_or("1w"));
            // Lens reads the text of a formula, and draws the columns that it is made of.
            let parts = column["references"].as_array().into_iter().flatten();
            for part in parts.filter(|_| !formula.is_empty()) {
                let is_shifted = !panel_column(&panel, text(part))["timeShift"].is_null();
                assert_eq!(formula.contains(&shift), is_shifted, "{}", name(&panel));
            }
        }
    }
    assert!(compared >= 8, "only {compared} panels");
}

/// Returns a column, or the first part of a formula's `math`.
fn panel_column<'p>(panel: &'p SavedPanel, id: &str) -> &'p Value {
    let column = columns(panel)
        .into_iter()
        .find(|(name, _)| *name == id)
        .expect("a column");
    match column.1["references"][0].as_str() {
        Some(part) => panel_column(panel, part),
        None => column.1,
    }
}

/// A chart that is split by values gives them the default colours by their order, so 504 would be
/// green on some days. So every series is a number of its own with a colour.
#[test]
fn every_series_has_a_colour_of_its_own() {
    let charts = drawn_as("lnsXY");
    assert!(charts.len() > 8, "only {} charts", charts.len());
    for chart in charts {
        for layer in visualization(&chart)["layers"].as_array().expect("layers") {
            assert!(layer["splitAccessor"].is_null(), "{}", name(&chart));
            let accessors = layer["accessors"].as_array().expect("series");
            let colors = layer["yConfig"].as_array().expect("colours");
            let colored: BTreeSet<_> = colors.iter().map(|it| text(&it["forAccessor"])).collect();
            let different: BTreeSet<_> = colors.iter().map(|it| text(&it["color"])).collect();
            assert_eq!(
                colored,
                accessors.iter().map(text).collect(),
                "{}",
                name(&chart)
            );
            assert_eq!(different.len(), accessors.len(), "{}", name(&chart));
        }
    }
}

/// 12,345 milliseconds are shown as "12.3 s", and bytes as "12.1 KB".
#[test]
fn numbers_have_units() {
    for panel in panels() {
        for (_, column) in columns(&panel) {
            let field = column["sourceField"].as_str().unwrap_or_default();
            let format = &column["params"]["format"]["id"];
            let is_counted = column["operationType"] == "unique_count";
            if field.ends_with("latency") && !is_counted && !column["params"]["orderBy"].is_object()
            {
                assert_eq!(format, "duration", "{}", name(&panel));
            }
            if field.ends_with("bytes") {
                assert_eq!(format, "bytes", "{}", name(&panel));
            }
        }
    }
}

/// The width of one of the 48 columns on a screen of 1,440 pixels, and the height of a grid row
/// with the margin below it, in pixels.
const COLUMN: u64 = 30;
const ROW: u64 = 20;
const MARGIN: u64 = 8;

/// The height of a panel's title and the padding around a table.
const TITLE: u64 = 32;
const PADDING: u64 = 8;
/// The height of a line in a table, by its density.
const COMPACT: u64 = 28;
const NORMAL: u64 = 34;
/// The height of the line below a table that has more rows than a page.
const PAGER: u64 = 40;
/// The width of a letter in a header, and of the space around it.
const LETTER: u64 = 7;
const AROUND_HEADER: u64 = 24;

/// Returns the largest number of rows of a table: the product of the sizes of its groups. An ES|QL
/// query may return any number.
fn most_rows(panel: &SavedPanel) -> u64 {
    let groups = columns(panel)
        .into_iter()
        .filter(|(_, column)| column["isBucketed"] == true)
        .map(|(_, column)| {
            let filters = column["params"]["filters"].as_array().map(Vec::len);
            column["params"]["size"]
                .as_u64()
                .or(filters.and_then(|filters| u64::try_from(filters).ok()))
                .expect("a size")
        });
    let sizes: Vec<u64> = groups.collect();
    if sizes.is_empty() {
        u64::MAX
    } else {
        sizes.iter().product()
    }
}

#[test]
fn the_rows_of_a_table_fit_its_panel() {
    for table in drawn_as("lnsDatatable") {
        let visualization = visualization(&table);
        let page = visualization["paging"]["size"].as_u64().expect("a page");
        let rows = most_rows(&table);
        let line = if visualization["density"] == "compact" {
            COMPACT
        } else {
            NORMAL
        };
        let pager = if rows > page { PAGER } else { 0 };
        let needed = TITLE + PADDING + line * (rows.min(page) + 1) + pager;
        let height = table.grid["h"].as_u64().expect("a height");
        let there = height * ROW + (height - 1) * MARGIN;
        assert!(
            needed <= there,
            "{}: {needed} of {there} pixels",
            name(&table)
        );
    }
}

#[test]
fn the_headers_of_a_table_fit_their_columns() {
    for table in drawn_as("lnsDatatable") {
        let visible = visualization(&table)["columns"]
            .as_array()
            .expect("columns");
        let width = table.grid["w"].as_u64().expect("a width") * COLUMN - MARGIN - 2 * PADDING;
        let fixed = || visible.iter().filter_map(|column| column["width"].as_u64());
        let shared = visible.len() - fixed().count();
        let rest = width.checked_sub(fixed().sum()).expect("the columns fit");
        let each = rest / shared as u64;
        // A name needs more room than its header.
        assert!(each >= 170, "{}: names have {each} pixels", name(&table));
        let esql = &table.config["attributes"]["state"]["datasourceStates"]["textBased"]["layers"];
        let esql = esql.as_object().into_iter().flatten();
        let esql = esql.flat_map(|(_, layer)| layer["columns"].as_array().expect("columns"));
        let labels = esql.map(|column| text(&column["label"])).chain(
            columns(&table).into_iter().filter_map(|(id, column)| {
                let is_drawn = visible.iter().any(|drawn| drawn["columnId"] == **id);
                is_drawn.then(|| text(&column["label"]))
            }),
        );
        let labels: Vec<_> = labels.collect();
        assert_eq!(labels.len(), visible.len(), "{}", name(&table));
        for label in labels {
            let needed = label.chars().count() as u64 * LETTER + AROUND_HEADER;
            assert!(
                needed <= each,
                "{}: {label} needs {needed} of {each} pixels",
                name(&table)
            );
        }
    }
}

/// A tile needs room for its name, its number and, if it has one, the number of a week before.
#[test]
fn tiles_are_as_high_as_their_numbers() {
    for tile in drawn_as("lnsMetric") {
        let is_compared = visualization(&tile)["secondaryMetricAccessor"].is_string();
        let wanted = if is_compared { 6 } else { 5 };
        assert_eq!(tile.grid["h"], wanted, "{}", name(&tile));
    }
}

/// The controls share one line with their labels, so a long label takes room from the value.
#[test]
fn controls_have_room_for_their_values() {
    for dashboard in objects("dashboard") {
        let controls = controls(&dashboard);
        assert!((1..=5).contains(&controls.len()), "{}", dashboard.id);
        for control in controls {
            let label = text(&control["explicitInput"]["title"]);
            assert!(label.len() <= 9, "{}: {label}", dashboard.id);
        }
    }
}

/// A panel says what it shows, when to worry, and which variables of the log format it needs, in a
/// text that fits the box behind the *i*.
#[test]
fn panels_say_what_they_show_and_when_to_worry() {
    let mut texts = BTreeSet::new();
    for panel in panels().iter().filter(|panel| panel.kind != "links") {
        let text = panel.config["description"].as_str().unwrap_or_default();
        let has_form = text.starts_with(|c: char| c.is_uppercase() || c.is_ascii_digit());
        let fits = (40..220).contains(&text.chars().count()) && text.ends_with('.');
        let says_when = ["orry ", "Red if "]
            .iter()
            .any(|words| text.contains(words));
        assert!(has_form && fits && says_when, "{}: {text:?}", name(panel));
        assert!(texts.insert(text.to_owned()), "{}: twice", name(panel));
    }
}
