//! Panels as Lens saves them: turns a description into the state of a visualization and of its
//! data.
//!
//! The shapes are those of Kibana's `@kbn/lens-common` (`FormBasedLayer`, `XYState` and so on), as
//! published packages hold them.
#![expect(clippy::disallowed_types, reason = "saved objects are trees")]

use serde_json::{Map, Value, json};

use super::columns::columns;
use super::model::{Esql, Panel, Shape};
use super::visualization::{Number, table, visualization};

/// The data view that Fleet makes with the first package. A data view of ours would be one more to
/// choose from, and show nothing more.
pub(super) const DATA_VIEW: &str = "logs-*";

/// Returns the `attributes` of a panel by value.
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

/// Returns the filter that keeps other logs out, with a member that names its data view.
pub(super) fn dataset_filter(datasets: &[&str], data_view: &Value) -> Value {
    let phrases: Vec<_> = datasets
        .iter()
        .map(|name| json!({ "match_phrase": { "data_stream.dataset": name } }))
        .collect();
    let (kind, params, query) = match (datasets, &*phrases) {
        ([dataset], [phrase]) => ("phrase", json!({ "query": dataset }), phrase.clone()),
        _ => (
            "phrases",
            json!(datasets),
            json!({ "bool": { "minimum_should_match": 1, "should": phrases } }),
        ),
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

fn esql_attributes(esql: &Esql, layer: &str) -> Value {
    let index = esql
        .query
        .lines()
        .next()
        .and_then(|line| line.strip_prefix("FROM "))
        .unwrap_or_default();
    let view = format!("esql-{index}");
    let query = json!({ "esql": esql.query });
    let number = |(id, label): &(&str, &'static str)| Number {
        id: (*id).to_owned(),
        label,
        steps: None,
    };
    let mut visualization = json!({ "layerId": layer, "layerType": "data" });
    extend(
        &mut visualization,
        &table(&[esql.by.0.to_owned()], esql.of.iter().map(number)),
    );
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
    [column(&esql.by, "string", false)]
        .into_iter()
        .chain(numbers)
        .collect()
}

/// Returns the data view that Kibana makes for a query.
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
