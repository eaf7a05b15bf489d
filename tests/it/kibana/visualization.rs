//! How Lens draws columns: tiles, charts, heat maps and tables.
#![expect(clippy::disallowed_types, reason = "saved objects are trees")]

use serde_json::{Value, json};

use super::columns::{bucket_id, metric_id};
use super::lens::extend;
use super::model::{Bucket, GREY, Metric, Panel, Shape, Steps};

/// Rows of a page of a table, and its most: most groups have ten values at most.
const PAGE: u32 = 10;

/// The visualization's name and state.
pub(super) fn visualization(panel: &Panel, layer: &str) -> (&'static str, Value) {
    let mut state = json!({ "layerId": layer, "layerType": "data" });
    match panel.shape {
        Shape::Tile => {
            extend(&mut state, &tile(&panel.metrics));
            ("lnsMetric", state)
        }
        Shape::Lines => ("lnsXY", xy(panel, state, "line")),
        Shape::Areas => ("lnsXY", xy(panel, state, "area_stacked")),
        Shape::Bars => ("lnsXY", xy(panel, state, "bar_stacked")),
        Shape::Heatmap => {
            extend(&mut state, &heatmap(panel));
            ("lnsHeatmap", state)
        }
        Shape::Table | Shape::Map(_) | Shape::Search(_) | Shape::Esql(_) => {
            let groups: Vec<_> = (0..panel.buckets.len()).map(bucket_id).collect();
            let metrics = (0..).map(metric_id).zip(&panel.metrics);
            let metrics: Vec<_> = metrics.map(|(id, metric)| (id, metric.steps)).collect();
            extend(&mut state, &table(&groups, &metrics));
            ("lnsDatatable", state)
        }
    }
}

/// The first number, and below it the second.
///
/// A tile has its colours by value or none: `color` would fill the whole tile at any value.
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

/// A palette of absolute numbers.
///
/// Kibana's `stops` are upper bounds, its `colorStops` lower ones. A number that is missing is NaN, which is below no upper
/// bound and takes the first colour. So the first step is grey and ends at the least value, which no number is below.
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

/// A click on a value of a table filters by it, or leads to another dashboard with that filter.
pub(super) fn table(groups: &[String], metrics: &[(String, Option<Steps>)]) -> Value {
    let group = |id| json!({ "columnId": id, "isMetric": false, "isTransposed": false, "oneClickFilter": true });
    let metric = |(id, steps): &(String, Option<Steps>)| {
        let mut column = json!({ "columnId": id, "isMetric": true, "isTransposed": false });
        if let Some(steps) = steps {
            extend(
                &mut column,
                &json!({ "colorMode": "cell", "palette": palette(*steps) }),
            );
        }
        column
    };
    let columns: Vec<_> = groups
        .iter()
        .map(group)
        .chain(metrics.iter().map(metric))
        .collect();
    json!({
        "columns": columns,
        "density": "compact",
        "paging": { "enabled": true, "size": PAGE },
    })
}

/// Time from left to right, the groups from top to bottom in their order.
fn heatmap(panel: &Panel) -> Value {
    let id = |is_time: bool| {
        let matches = |bucket: &Bucket| matches!(bucket, Bucket::Time) == is_time;
        panel.buckets.iter().position(matches).map(bucket_id)
    };
    let shades = ["#E6EBF2", "#BCCCE3", "#90ADD2", "#6092C0", "#34638F"];
    let stops = |first: f64| {
        let stop =
            |(index, color)| json!({ "color": color, "stop": first + 20.0 * f64::from(index) });
        (0_u8..).zip(shades).map(stop).collect::<Vec<_>>()
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
                "colorStops": stops(0.0),
                "continuity": "above",
                "maxSteps": 5,
                "name": "custom",
                "progression": "fixed",
                "rangeMax": null,
                "rangeMin": 0,
                "rangeType": "percent",
                "reverse": false,
                "steps": shades.len(),
                "stops": stops(20.0),
            },
            "type": "palette",
        },
        "shape": "heatmap",
        "valueAccessor": metric_id(0),
        "xAccessor": id(true),
        "yAccessor": id(false),
    })
}

/// Every series has a colour of its own: Lens would give the default ones by order, with no meaning.
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
    json!({
        "axisTitlesVisibilitySettings": { "x": false, "yLeft": false, "yRight": false },
        "fittingFunction": "None",
        "layers": [layer],
        "legend": { "isVisible": true, "legendSize": "auto", "position": "bottom", "shouldTruncate": true },
        "preferredSeriesType": series,
        "valueLabels": "hide",
    })
}
