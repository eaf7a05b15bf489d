//! The map: circles on a grid, whose size shows the number of documents.
#![expect(clippy::disallowed_types, reason = "saved objects are trees")]

use serde_json::{Value, json};

use super::lens::{DATA_VIEW, dataset_filter};
use super::model::{BLUE, Panel};

/// The name of the layer's data view among the references.
pub(super) const REFERENCE: &str = "layer_1_source_index_pattern";

/// Returns the `embeddableConfig` of a map by value.
pub(super) fn config(panel: &Panel, field: &str) -> Value {
    let layers = json!([base_layer(), grid_layer(panel, field)]);
    let state = json!({
        "adHocDataViews": [],
        "center": { "lat": 20, "lon": 0 },
        "filters": [dataset_filter(&[panel.dataset], &json!({ "index": DATA_VIEW }))],
        "query": { "language": "kuery", "query": panel.query },
        "settings": { "autoFitToDataBounds": true, "initialLocation": "AUTO_FIT_TO_BOUNDS" },
        "zoom": 1.5,
    });
    json!({
        "attributes": {
            "title": "",
            "description": "",
            "layerListJSON": layers.to_string(),
            "mapStateJSON": state.to_string(),
            "uiStateJSON": json!({ "isLayerTOCOpen": false, "openTOCDetails": [] }).to_string(),
        },
        "hiddenLayers": [],
        "isLayerTOCOpen": false,
        "mapCenter": { "lat": 20, "lon": 0, "zoom": 1.5 },
        "openTOCDetails": [],
    })
}

/// Elastic's own map of the world, in the colours of the theme.
fn base_layer() -> Value {
    json!({
        "id": "world",
        "type": "EMS_VECTOR_TILE",
        "sourceDescriptor": { "type": "EMS_TMS", "isAutoSelect": true, "lightModeDefault": "road_map_desaturated" },
        "style": { "type": "EMS_VECTOR_TILE", "color": "" },
        "alpha": 1,
        "includeInFitToBounds": true,
        "label": null,
        "maxZoom": 24,
        "minZoom": 0,
        "visible": true,
    })
}

fn grid_layer(panel: &Panel, field: &str) -> Value {
    let count = json!({ "name": "doc_count", "origin": "source" });
    json!({
        "id": "requests",
        "type": "GEOJSON_VECTOR",
        "sourceDescriptor": {
            "type": "ES_GEO_GRID",
            "id": "grid",
            "applyForceRefresh": true,
            "applyGlobalQuery": true,
            "applyGlobalTime": true,
            "geoField": field,
            "indexPatternRefName": REFERENCE,
            "metrics": [{ "type": "count" }],
            "requestType": "point",
            "resolution": "COARSE",
        },
        "style": {
            "type": "VECTOR",
            "isTimeAware": true,
            "properties": {
                "fillColor": { "type": "STATIC", "options": { "color": BLUE } },
                "lineColor": { "type": "STATIC", "options": { "color": "#FFFFFF" } },
                "lineWidth": { "type": "STATIC", "options": { "size": 1 } },
                "iconSize": {
                    "type": "DYNAMIC",
                    "options": {
                        "field": count,
                        "fieldMetaOptions": { "isEnabled": true, "sigma": 3 },
                        "maxSize": 32,
                        "minSize": 7,
                    },
                },
                "labelText": { "type": "DYNAMIC", "options": { "field": count } },
            },
        },
        "joins": [],
        "alpha": 0.75,
        "includeInFitToBounds": true,
        "label": panel.title,
        "maxZoom": 24,
        "minZoom": 0,
        "visible": true,
    })
}
