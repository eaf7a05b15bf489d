//! Panels as Lens saves them: a description to the state of a visualization and of its data.
//!
//! The shapes are those of Kibana's `@kbn/lens-common` (`FormBasedLayer`, `XYState` and so on), as published packages hold them.
#![expect(clippy::disallowed_types, reason = "saved objects are trees")]

use serde_json::{Map, Value, json};

use super::model::{Bucket, Esql, Format, GREEN, Metric, Of, Panel, RED, Shape, YELLOW};

/// The data view that Fleet makes with the first package. Ours would be one more to choose from, and see no more.
pub(super) const DATA_VIEW: &str = "logs-*";

/// The `attributes` of a panel by value.
pub(super) fn attributes(panel: &Panel, layer: &str) -> Value {
    if let Shape::Esql(esql) = panel.shape {
        return esql_attributes(esql, layer);
    }
    let columns = columns(panel);
    let order: Vec<_> = columns.iter().map(|(id, _)| id.clone()).collect();
    let form_based = json!({
        "columnOrder": order,
        "columns": columns.into_iter().collect::<Map<_, _>>(),
        "ignoreGlobalFilters": false,
        "incompleteColumns": {},
        "sampling": 1,
    });
    let (kind, visualization) = visualization(panel, layer);
    json!({
        "title": "",
        "type": "lens",
        "visualizationType": kind,
        "references": [data_view(&format!("indexpattern-datasource-layer-{layer}")), data_view(FILTER_REFERENCE)],
        "state": {
            "adHocDataViews": {},
            "datasourceStates": {
                "formBased": { "layers": { layer: form_based } },
                "indexpattern": { "layers": {} },
                "textBased": { "layers": {} },
            },
            "filters": [dataset_filter(&[panel.dataset], &json!({ "index": FILTER_REFERENCE }))],
            "internalReferences": [],
            "query": { "language": "kuery", "query": panel.query },
            "visualization": visualization,
        },
    })
}

const FILTER_REFERENCE: &str = "filter-index-pattern-0";

pub(super) fn data_view(name: &str) -> Value {
    json!({ "id": DATA_VIEW, "name": name, "type": "index-pattern" })
}

/// The filter that keeps other logs out, with a member that tells its data view.
pub(super) fn dataset_filter(datasets: &[&str], data_view: &Value) -> Value {
    let phrases: Vec<_> =
        datasets.iter().map(|name| json!({ "match_phrase": { "data_stream.dataset": name } })).collect();
    let (kind, params, query) = match (datasets, &*phrases) {
        ([dataset], [phrase]) => ("phrase", json!({ "query": dataset }), phrase.clone()),
        _ => ("phrases", json!(datasets), json!({ "bool": { "minimum_should_match": 1, "should": phrases } })),
    };
    let mut meta = json!({
        "alias": null,
        "disabled": false,
        "field": "data_stream.dataset",
        "key": "data_stream.dataset",
        "negate": false,
        "params": params,
        "type": kind,
    });
    extend(&mut meta, data_view);
    json!({ "$state": { "store": "appState" }, "meta": meta, "query": query })
}

/// Adds members to an object.
pub(super) fn extend(object: &mut Value, more: &Value) {
    if let (Value::Object(object), Value::Object(more)) = (object, more) {
        object.extend(more.clone());
    }
}

/// The columns in Lens's order: groups before the time that they are shown over, numbers last.
fn columns(panel: &Panel) -> Vec<(String, Value)> {
    let is_time = |(_, bucket): &(usize, &Bucket)| matches!(bucket, Bucket::Time);
    let (time, groups): (Vec<_>, Vec<_>) = panel.buckets.iter().enumerate().partition(is_time);
    let buckets = groups.into_iter().chain(time).map(|(index, bucket)| (bucket_id(index), bucket_column(bucket)));
    let metrics =
        panel.metrics.iter().enumerate().flat_map(|(index, metric)| metric_columns(&metric_id(index), metric));
    buckets.chain(metrics).collect()
}

fn bucket_id(index: usize) -> String {
    format!("bucket-{index}")
}

fn metric_id(index: usize) -> String {
    format!("metric-{index}")
}

fn bucket_column(bucket: &Bucket) -> Value {
    match bucket {
        Bucket::Time => json!({
            "dataType": "date",
            "isBucketed": true,
            "label": "@timestamp",
            "operationType": "date_histogram",
            "params": { "dropPartials": false, "includeEmptyRows": true, "interval": "auto" },
            "scale": "interval",
            "sourceField": "@timestamp",
        }),
        Bucket::Terms { field, label, size } => json!({
            "customLabel": true,
            "dataType": data_type(field),
            "isBucketed": true,
            "label": label,
            "operationType": "terms",
            "params": {
                "exclude": [],
                "excludeIsRegex": false,
                "include": [],
                "includeIsRegex": false,
                "missingBucket": false,
                "orderBy": { "columnId": metric_id(0), "type": "column" },
                "orderDirection": "desc",
                "otherBucket": false,
                "parentFormat": { "id": "terms" },
                "size": size,
            },
            "scale": "ordinal",
            "sourceField": field,
        }),
        Bucket::Filters(filters) => {
            let filters = filters
                .iter()
                .map(|(label, kql)| json!({ "input": { "language": "kuery", "query": kql }, "label": label }));
            json!({
                "customLabel": true,
                "dataType": "string",
                "isBucketed": true,
                "label": "Kind",
                "operationType": "filters",
                "params": { "filters": filters.collect::<Vec<_>>() },
                "scale": "ordinal",
            })
        }
    }
}

/// What Lens calls the type of a field that it groups by.
fn data_type(field: &str) -> &'static str {
    match field {
        "source.ip" => "ip",
        _ if field.ends_with("status_code") || field.ends_with(".status") => "number",
        _ => "string",
    }
}

/// A column for a number; for a formula also those that it is computed from, which Lens would write itself.
fn metric_columns(id: &str, metric: &Metric) -> Vec<(String, Value)> {
    let part = |of, filter| Metric { of, filter, ..*metric };
    let (operator, name, left, right) = match metric.of {
        Of::Share => ('/', "divide", part(Of::Count, metric.filter), part(Of::Count, "")),
        Of::Difference(minuend, subtrahend) => {
            ('-', "subtract", part(Of::Average(minuend), metric.filter), part(Of::Average(subtrahend), metric.filter))
        }
        _ => return vec![(id.to_owned(), metric_column(metric))],
    };
    let text = format!("{} {operator} {}", formula(&left), formula(&right));
    let [x0, x1, x2] = [0, 1, 2].map(|index| format!("{id}X{index}"));
    let computed = |operation, references: &[&String], params| {
        json!({
            "customLabel": true,
            "dataType": "number",
            "isBucketed": false,
            "label": metric.label,
            "operationType": operation,
            "params": params,
            "references": references,
            "scale": "ratio",
        })
    };
    let location = json!({ "max": text.len(), "min": 0 });
    let tree = json!({ "args": [x0, x1], "location": location, "name": name, "text": text, "type": "function" });
    let format = format(metric.format);
    let whole = computed("formula", &[&x2], json!({ "format": format, "formula": text, "isFormulaBroken": false }));
    let math = computed("math", &[&x0, &x1], json!({ "tinymathAst": tree }));
    vec![(id.to_owned(), whole), (x0, metric_column(&left)), (x1, metric_column(&right)), (x2, math)]
}

fn formula(metric: &Metric) -> String {
    let arguments: Vec<_> = [
        (metric.field() != RECORDS).then(|| metric.field().to_owned()),
        (!metric.filter.is_empty()).then(|| format!("kql='{}'", metric.filter)),
    ]
    .into_iter()
    .flatten()
    .collect();
    format!("{}({})", metric.operation(), arguments.join(", "))
}

const RECORDS: &str = "___records___";

impl Metric {
    const fn operation(&self) -> &'static str {
        match self.of {
            Of::Count => "count",
            Of::Unique(_) => "unique_count",
            Of::Average(_) => "average",
            Of::Max(_) => "max",
            Of::Percentile(..) => "percentile",
            Of::Share | Of::Difference(..) => "formula",
        }
    }

    const fn field(&self) -> &'static str {
        match self.of {
            Of::Unique(field) | Of::Average(field) | Of::Max(field) | Of::Percentile(field, _) => field,
            Of::Count | Of::Share | Of::Difference(..) => RECORDS,
        }
    }
}

fn metric_column(metric: &Metric) -> Value {
    let params = match metric.of {
        Of::Percentile(_, percentile) => json!({ "format": format(metric.format), "percentile": percentile }),
        Of::Count => json!({ "emptyAsNull": false, "format": format(metric.format) }),
        _ => json!({ "emptyAsNull": true, "format": format(metric.format) }),
    };
    let mut column = json!({
        "customLabel": true,
        "dataType": "number",
        "isBucketed": false,
        "label": metric.label,
        "operationType": metric.operation(),
        "params": params,
        "scale": "ratio",
        "sourceField": metric.field(),
    });
    if !metric.filter.is_empty() {
        extend(&mut column, &json!({ "filter": { "language": "kuery", "query": metric.filter } }));
    }
    if metric.format == Format::PerMinute {
        extend(&mut column, &json!({ "timeScale": "m" }));
    }
    column
}

fn format(format: Format) -> Value {
    match format {
        Format::Number => json!({ "id": "number", "params": { "decimals": 0 } }),
        Format::Percent => json!({ "id": "percent", "params": { "decimals": 2 } }),
        Format::Milliseconds => json!({ "id": "number", "params": { "decimals": 0, "suffix": " ms" } }),
        Format::PerMinute => json!({ "id": "number", "params": { "decimals": 1 } }),
    }
}

/// The visualization's name and state.
fn visualization(panel: &Panel, layer: &str) -> (&'static str, Value) {
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
        [GREEN, YELLOW, RED].into_iter().zip(stops).map(color).collect::<Vec<_>>()
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
        Some(Metric { color: Some(color), .. }) => json!({ "color": color }),
        _ => json!({}),
    }
}

/// A click on a value of a table filters by it, or leads to another dashboard with that filter.
fn table(groups: &[String], metrics: &[String]) -> Value {
    let group = |id| json!({ "columnId": id, "isMetric": false, "isTransposed": false, "oneClickFilter": true });
    let metric = |id| json!({ "columnId": id, "isMetric": true, "isTransposed": false });
    let columns: Vec<_> = groups.iter().map(group).chain(metrics.iter().map(metric)).collect();
    json!({ "columns": columns, "paging": { "enabled": true, "size": 10 } })
}

fn xy(panel: &Panel, mut layer: Value, series: &str) -> Value {
    let accessors: Vec<_> = (0..panel.metrics.len()).map(metric_id).collect();
    let color =
        |(id, metric): (&String, &Metric)| metric.color.map(|color| json!({ "color": color, "forAccessor": id }));
    let colors: Vec<_> = accessors.iter().zip(&panel.metrics).filter_map(color).collect();
    let more = json!({ "accessors": accessors, "seriesType": series, "showGridlines": false, "yConfig": colors });
    extend(&mut layer, &more);
    for (index, bucket) in panel.buckets.iter().enumerate() {
        let axis = if matches!(bucket, Bucket::Time) { "xAccessor" } else { "splitAccessor" };
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

fn esql_attributes(esql: &Esql, layer: &str) -> Value {
    let index = esql.query.lines().next().and_then(|line| line.strip_prefix("FROM ")).unwrap_or_default();
    let view = format!("esql-{index}");
    let query = json!({ "esql": esql.query });
    let names: Vec<_> = esql.of.iter().map(|(id, _)| (*id).to_owned()).collect();
    let mut visualization = json!({ "layerId": layer, "layerType": "data" });
    extend(&mut visualization, &table(&[esql.by.0.to_owned()], &names));
    let layers = json!({ layer: {
        "columns": esql_columns(esql),
        "index": view,
        "query": query,
        "timeField": "@timestamp",
    }});
    let reference = format!("textBasedLanguages-datasource-layer-{layer}");
    json!({
        "title": "",
        "type": "lens",
        "visualizationType": "lnsDatatable",
        "references": [],
        "state": {
            "adHocDataViews": { &*view: esql_data_view(&view, index) },
            "datasourceStates": { "textBased": { "layers": layers } },
            "filters": [],
            "internalReferences": [{ "id": view, "name": reference, "type": "index-pattern" }],
            "query": query,
            "visualization": visualization,
        },
    })
}

fn esql_columns(esql: &Esql) -> Vec<Value> {
    let column = |(id, label): &(&str, &str), kind, is_metric| {
        json!({
            "columnId": id,
            "customLabel": true,
            "fieldName": id,
            "inMetricDimension": is_metric,
            "label": label,
            "meta": { "type": kind },
        })
    };
    let numbers = esql.of.iter().map(|of| column(of, "number", true));
    [column(&esql.by, "string", false)].into_iter().chain(numbers).collect()
}

/// The data view that Kibana makes up for a query.
fn esql_data_view(id: &str, index: &str) -> Value {
    json!({
        "allowHidden": false,
        "allowNoIndex": false,
        "fieldFormats": {},
        "id": id,
        "name": index,
        "runtimeFieldMap": {},
        "sourceFilters": [],
        "timeFieldName": "@timestamp",
        "title": index,
        "type": "esql",
    })
}
