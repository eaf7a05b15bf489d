//! How Lens draws columns: tiles, charts, donuts and tables.
#![expect(clippy::disallowed_types, reason = "saved objects are trees")]

use serde_json::{Value, json};

use super::columns::{bucket_id, metric_id};
use super::lens::extend;
use super::model::{Bucket, Format, GREEN, Metric, Panel, RED, Shape, YELLOW};

/// The visualization's name and state.
pub(super) fn visualization(panel: &Panel, layer: &str) -> (&'static str, Value) {
    let groups: Vec<_> = (0..panel.buckets.len()).map(bucket_id).collect();
    let metrics: Vec<_> = (0..panel.metrics.len()).map(metric_id).collect();
    let mut state = json!({ "layerId": layer, "layerType": "data" });
    match panel.shape {
        Shape::Tile => {
            extend(&mut state, &json!({ "metricAccessor": metrics.first() }));
            extend(&mut state, &tile_color(panel.metrics.first()));
            ("lnsMetric", state)
        }
        Shape::Donut => {
            let how = json!({
                "categoryDisplay": "default",
                "legendDisplay": "default",
                "metrics": metrics,
                "nestedLegend": false,
                "numberDisplay": "percent",
                "primaryGroups": groups,
            });
            extend(&mut state, &how);
            ("lnsPie", json!({ "layers": [state], "shape": "donut" }))
        }
        Shape::Lines => ("lnsXY", xy(panel, state, "line")),
        Shape::Areas => ("lnsXY", xy(panel, state, "area_stacked")),
        Shape::Bars => ("lnsXY", xy(panel, state, "bar_stacked")),
        Shape::Table | Shape::Map(_) | Shape::Search(_) | Shape::Esql(_) => {
            extend(&mut state, &table(&groups, &metrics));
            ("lnsDatatable", state)
        }
    }
}

/// A share is green below a hundredth and red from a twentieth on; everything else has its colour.
fn tile_color(metric: Option<&Metric>) -> Value {
    let stops = |stops: [f64; 3]| {
        let color = |(color, stop)| json!({ "color": color, "stop": stop });
        [GREEN, YELLOW, RED]
            .into_iter()
            .zip(stops)
            .map(color)
            .collect::<Vec<_>>()
    };
    match metric {
        Some(metric) if metric.format == Format::Percent => json!({ "palette": {
            "name": "custom",
            "params": {
                "colorStops": stops([0.0, 0.01, 0.05]),
                "continuity": "above",
                "maxSteps": 5,
                "name": "custom",
                "progression": "fixed",
                "rangeMax": null,
                "rangeMin": 0,
                "rangeType": "number",
                "reverse": false,
                "steps": 3,
                "stops": stops([0.01, 0.05, 1.0]),
            },
            "type": "palette",
        }}),
        Some(Metric {
            color: Some(color), ..
        }) => json!({ "color": color }),
        _ => json!({}),
    }
}

/// A click on a value of a table filters by it, or leads to another dashboard with that filter.
pub(super) fn table(groups: &[String], metrics: &[String]) -> Value {
    let group = |id| json!({ "columnId": id, "isMetric": false, "isTransposed": false, "oneClickFilter": true });
    let metric = |id| json!({ "columnId": id, "isMetric": true, "isTransposed": false });
    let columns: Vec<_> = groups
        .iter()
        .map(group)
        .chain(metrics.iter().map(metric))
        .collect();
    json!({ "columns": columns, "paging": { "enabled": true, "size": 10 } })
}

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
    let more = json!({ "accessors": accessors, "seriesType": series, "showGridlines": false, "yConfig": colors });
    extend(&mut layer, &more);
    for (index, bucket) in panel.buckets.iter().enumerate() {
        let axis = if matches!(bucket, Bucket::Time) {
            "xAccessor"
        } else {
            "splitAccessor"
        };
        extend(&mut layer, &json!({ axis: bucket_id(index) }));
    }
    json!({
        "axisTitlesVisibilitySettings": { "x": false, "yLeft": false, "yRight": false },
        "fittingFunction": "None",
        "layers": [layer],
        "legend": { "isVisible": true, "legendSize": "auto", "position": "bottom", "shouldTruncate": true },
        "preferredSeriesType": series,
        "valueLabels": "hide",
    })
}
