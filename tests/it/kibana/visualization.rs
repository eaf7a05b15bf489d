//! The way in which Lens draws columns: tiles, charts, heat maps and tables.
#![expect(clippy::disallowed_types, reason = "saved objects are trees")]

use serde_json::{Value, json};

use super::columns::{bucket_id, metric_id};
use super::lens::extend;
use super::model::{Bucket, Format, GREY, Metric, Panel, Shape, Steps};

/// The rows on a page of a table, and its largest number of rows: most groups have ten values at
/// most.
const PAGE: u32 = 10;

/// Returns the visualization's name and state.
pub(super) fn visualization(panel: &Panel, layer: &str) -> (&'static str, Value) {
    let mut state = json!({ "layerId": layer, "layerType": "data" });
    match panel.shape {
        Shape::Tile => {
            extend(&mut state, &tile(&panel.metrics));
            ("lnsMetric", state)
        }
        Shape::Lines => ("lnsXY", xy(panel, state, "line")),
        Shape::Areas => ("lnsXY", xy(panel, state, "area_percentage_stacked")),
        Shape::Bars => ("lnsXY", xy(panel, state, "bar_stacked")),
        Shape::Heatmap => {
            extend(&mut state, &heatmap(panel));
            ("lnsHeatmap", state)
        }
        Shape::Table | Shape::Map(_) | Shape::Search(_) | Shape::Esql(_) => {
            let groups: Vec<_> = (0..panel.buckets.len()).map(bucket_id).collect();
            let number = |(id, metric): (String, &Metric)| Number {
                id,
                label: metric.label,
                steps: metric.steps,
            };
            let metrics = (0..).map(metric_id).zip(&panel.metrics);
            extend(&mut state, &table(&groups, metrics.map(number)));
            let worst = panel
                .metrics
                .iter()
                .position(|metric| panel.worst == Some(metric.label));
            if let Some(index) = worst {
                let sorting = json!({ "columnId": metric_id(index), "direction": "desc" });
                extend(&mut state, &json!({ "sorting": sorting }));
            }
            ("lnsDatatable", state)
        }
    }
}

/// Returns a tile with the first number, and the second below it.
///
/// A tile gets its colours from its value or has none: `color` would fill the whole tile at any
/// value.
fn tile(metrics: &[Metric]) -> Value {
    let mut state = json!({ "metricAccessor": metric_id(0) });
    if let Some(steps) = metrics.first().and_then(|metric| metric.steps) {
        extend(&mut state, &json!({ "palette": palette(steps) }));
    }
    if metrics.len() > 1 {
        extend(
            &mut state,
            &json!({ "secondaryMetricAccessor": metric_id(1) }),
        );
    }
    state
}

/// Returns a palette of absolute numbers.
///
/// Kibana's `stops` are upper bounds, its `colorStops` lower ones. A missing number is NaN, which
/// is below no upper bound and takes the first colour. So the first step is grey and ends at the
/// lowest value, which no number is below.
fn palette(Steps(steps): Steps) -> Value {
    let least = steps.first().map_or(0.0, |(from, _)| *from);
    let last = steps.last().map_or(0.0, |(from, _)| *from);
    let colors = || {
        [GREY]
            .into_iter()
            .chain(steps.iter().map(|(_, color)| *color))
    };
    let bounds = steps.iter().map(|(from, _)| *from);
    let stops = |bounds: Vec<f64>| {
        let stop = |(color, stop)| json!({ "color": color, "stop": stop });
        colors().zip(bounds).map(stop).collect::<Vec<_>>()
    };
    json!({
        "name": "custom",
        "params": {
            "colorStops": stops([least - 1.0].into_iter().chain(bounds.clone()).collect()),
            "continuity": "above",
            "maxSteps": 5,
            "name": "custom",
            "progression": "fixed",
            "rangeMax": null,
            "rangeMin": least - 1.0,
            "rangeType": "number",
            "reverse": false,
            "steps": steps.len() + 1,
            "stops": stops(bounds.chain([last + 1.0]).collect()),
        },
        "type": "palette",
    })
}

/// Returns a column of numbers.
pub(super) struct Number {
    pub(super) id: String,
    pub(super) label: &'static str,
    pub(super) steps: Option<Steps>,
}

impl Number {
    /// The width in pixels: a number and its label need less room than the names in the other
    /// columns, which share the rest.
    fn width(&self) -> usize {
        (self.label.chars().count() * 7 + 28).max(90)
    }

    fn column(&self) -> Value {
        let mut column = json!({
            "columnId": self.id,
            "isMetric": true,
            "isTransposed": false,
            "width": self.width(),
        });
        if let Some(steps) = self.steps {
            extend(
                &mut column,
                &json!({ "colorMode": "cell", "palette": palette(steps) }),
            );
        }
        column
    }
}

/// A click on a value of a table filters by the value, or leads to another dashboard with that
/// filter.
pub(super) fn table(groups: &[String], numbers: impl Iterator<Item = Number>) -> Value {
    let group = |id| json!({ "columnId": id, "isMetric": false, "isTransposed": false, "oneClickFilter": true });
    let columns = groups.iter().map(group);
    let columns: Vec<_> = columns
        .chain(numbers.map(|number| number.column()))
        .collect();
    json!({
        "columns": columns,
        "density": "compact",
        "paging": { "enabled": true, "size": PAGE },
    })
}

/// Time runs from left to right, and the groups from top to bottom in their order.
fn heatmap(panel: &Panel) -> Value {
    let id = |is_time: bool| {
        let matches = |bucket: &Bucket| matches!(bucket, Bucket::Time) == is_time;
        panel.buckets.iter().position(matches).map(bucket_id)
    };
    let shades = ["#E6EBF2", "#BCCCE3", "#90ADD2", "#6092C0", "#34638F"];
    // Percent of the largest cell. Without this, a peak of an incident would make all other cells
    // alike.
    let bounds = [0, 4, 10, 25, 50, 100];
    let stops = |bounds: &[u32]| {
        let stop = |(color, stop)| json!({ "color": color, "stop": stop });
        shades.into_iter().zip(bounds).map(stop).collect::<Vec<_>>()
    };
    json!({
        "gridConfig": {
            "isCellLabelVisible": false,
            "isXAxisLabelVisible": true,
            "isXAxisTitleVisible": false,
            "isYAxisLabelVisible": true,
            "isYAxisTitleVisible": false,
            "type": "heatmap_grid",
        },
        "legend": { "isVisible": true, "position": "right", "type": "heatmap_legend" },
        "palette": {
            "accessor": metric_id(0),
            "name": "custom",
            "params": {
                "colorStops": stops(&bounds),
                "continuity": "above",
                "maxSteps": 5,
                "name": "custom",
                "progression": "fixed",
                "rangeMax": null,
                "rangeMin": 0,
                "rangeType": "percent",
                "reverse": false,
                "steps": shades.len(),
                "stops": stops(bounds.get(1..).unwrap_or_default()),
            },
            "type": "palette",
        },
        "shape": "heatmap",
        "valueAccessor": metric_id(0),
        "xAccessor": id(true),
        "yAccessor": id(false),
    })
}

/// Every series has its own colour. Lens would assign the default colours by order, without
/// meaning.
fn xy(panel: &Panel, mut layer: Value, series: &str) -> Value {
    let accessors: Vec<_> = (0..panel.metrics.len()).map(metric_id).collect();
    let color = |(id, metric): (&String, &Metric)| {
        metric
            .color
            .map(|color| json!({ "color": color, "forAccessor": id }))
    };
    let colors: Vec<_> = accessors
        .iter()
        .zip(&panel.metrics)
        .filter_map(color)
        .collect();
    let time = panel
        .buckets
        .iter()
        .position(|bucket| matches!(bucket, Bucket::Time));
    let more = json!({
        "accessors": accessors,
        "seriesType": series,
        "showGridlines": false,
        "xAccessor": time.map(bucket_id),
        "yConfig": colors,
    });
    extend(&mut layer, &more);
    // Latencies range from milliseconds to half a minute, so one peak would flatten all other days.
    let is_of_latencies = series == "line"
        && panel
            .metrics
            .iter()
            .all(|it| it.format == Format::Milliseconds);
    json!({
        "axisTitlesVisibilitySettings": { "x": false, "yLeft": false, "yRight": false },
        "fittingFunction": "None",
        "layers": [layer],
        "legend": { "isVisible": true, "legendSize": "auto", "position": "bottom", "shouldTruncate": true },
        "preferredSeriesType": series,
        "valueLabels": "hide",
        "yLeftScale": if is_of_latencies { "log" } else { "linear" },
    })
}
