//! The index templates of `elasticsearch/`, put into a server.
#![expect(clippy::disallowed_types, reason = "templates are changed for OpenSearch as they are")]

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::search_server::{Flavour, SearchServer};

/// Puts the component templates and the index templates, in the form that the server understands.
pub(crate) fn put_templates(server: &SearchServer) {
    for (folder, path) in [("component_templates", "_component_template"), ("index_templates", "_index_template")] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("elasticsearch").join(folder);
        for file in fs::read_dir(folder).expect("the templates are there") {
            let file = file.expect("a folder can be read").path();
            let name = file.file_stem().and_then(|name| name.to_str()).expect("names are text");
            let text = fs::read_to_string(&file).expect("a template can be read");
            let mut template: Value = serde_json::from_str(&text).expect("a template is JSON");
            if server.flavour == Flavour::OpenSearch {
                for_opensearch(&mut template);
            }
            let (status, answer) = server.admin_request("PUT", &format!("/{path}/{name}"), Some(&template.to_string()));
            assert_eq!(status, 200, "{name}: {answer}");
        }
    }
}

/// OpenSearch has other names for two field types, and no optional component templates.
fn for_opensearch(template: &mut Value) {
    if let Some(object) = template.as_object_mut()
        && object.remove("ignore_missing_component_templates").is_some()
    {
        let components = object["composed_of"].as_array_mut().expect("a list");
        components.retain(|component| !component.as_str().is_some_and(|name| name.ends_with("@custom")));
    }
    fields(template);
}

fn fields(value: &mut Value) {
    let Some(object) = value.as_object_mut() else { return };
    match object.get("type").and_then(Value::as_str) {
        Some("flattened") => *value = serde_json::json!({ "type": "flat_object" }),
        Some("constant_keyword") => *value = serde_json::json!({ "type": "keyword" }),
        _ => object.values_mut().for_each(fields),
    }
}
