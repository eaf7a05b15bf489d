//! The assets: the files of `elasticsearch/`, adapted to the data streams of the settings and to
//! the server.
#![expect(
    clippy::disallowed_types,
    reason = "templates are trees, and setup runs once by hand"
)]

use serde_json::{Value, json};
use xxhash_rust::xxh3::xxh3_64;

use super::{Setup, SetupError};
use crate::data_stream::DataStreamName;

const SETTINGS: &str = "logs-aws.api_gateway_logs@settings";
const MAPPINGS: &str = "logs-aws.api_gateway_logs@mappings";
const LIFECYCLE: &str = "logs-aws.api_gateway_logs@lifecycle";
const CUSTOM: &str = "logs-aws.api_gateway_logs@custom";
const DEAD_LETTERS_CUSTOM: &str = "logs-aws.api_gateway_dead_letters@custom";

/// Reads a file of `elasticsearch/` at compile time.
macro_rules! file {
    ($path:literal) => {
        include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/elasticsearch/",
            $path,
            ".json"
        ))
    };
}

/// The kinds of servers. They understand different templates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flavour {
    /// Elasticsearch 8.14 and newer.
    Elasticsearch,
    /// OpenSearch 2 and 3.
    OpenSearch,
}

/// The kinds of assets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AssetKind {
    ComponentTemplate,
    IndexTemplate,
    /// A policy of OpenSearch's index state management.
    Policy,
}

/// One asset, as it is put into a server.
#[derive(Debug, Clone)]
pub(super) struct Asset {
    pub(super) kind: AssetKind,
    pub(super) name: String,
    pub(super) body: Value,
    /// True if users may change it. Then an existing asset is left alone.
    pub(super) is_users: bool,
}

/// An index template and the assets that must exist before it.
#[derive(Debug, Clone)]
pub(super) struct TemplateGroup {
    pub(super) before: Vec<Asset>,
    pub(super) template: Asset,
}

impl AssetKind {
    pub(super) const fn path(self) -> &'static [&'static str] {
        match self {
            Self::ComponentTemplate => &["_component_template"],
            Self::IndexTemplate => &["_index_template"],
            Self::Policy => &["_plugins", "_ism", "policies"],
        }
    }

    pub(super) const fn noun(self) -> &'static str {
        match self {
            Self::ComponentTemplate => "component template",
            Self::IndexTemplate => "index template",
            Self::Policy => "policy",
        }
    }
}

/// Returns the assets for a server, in the order in which they are put.
pub(super) fn groups(setup: &Setup, flavour: Flavour) -> Result<Vec<TemplateGroup>, SetupError> {
    let mut before = vec![
        Asset::read(
            AssetKind::ComponentTemplate,
            SETTINGS,
            file!("component_templates/logs-aws.api_gateway_logs@settings"),
        )?,
        Asset::read(
            AssetKind::ComponentTemplate,
            MAPPINGS,
            file!("component_templates/logs-aws.api_gateway_logs@mappings"),
        )?,
    ];
    match flavour {
        Flavour::Elasticsearch => before.push(Asset::read(
            AssetKind::ComponentTemplate,
            LIFECYCLE,
            file!("component_templates/logs-aws.api_gateway_logs@lifecycle"),
        )?),
        Flavour::OpenSearch => before.push(Asset::custom()),
    }
    let documents = file!("index_templates/logs-aws.api_gateway_logs");
    let mut groups = vec![TemplateGroup::new(
        before,
        &setup.data_stream,
        documents,
        flavour,
    )?];
    if let Some(dead_letters) = &setup.dead_letters {
        let template = file!("index_templates/logs-aws.api_gateway_dead_letters");
        groups.push(TemplateGroup::new(
            Vec::new(),
            dead_letters,
            template,
            flavour,
        )?);
    }
    Ok(groups)
}

impl TemplateGroup {
    fn new(
        mut before: Vec<Asset>,
        data_stream: &DataStreamName,
        template: &str,
        flavour: Flavour,
    ) -> Result<Self, SetupError> {
        let name = format!("{}-{}", data_stream.r#type, data_stream.dataset);
        let patterns = json!([format!("{name}-*")]);
        let mut template = Asset::read(AssetKind::IndexTemplate, &name, template)?;
        set(&mut template.body, "index_patterns", patterns.clone());
        if flavour == Flavour::OpenSearch {
            before.push(policy(&name, &patterns)?);
            before
                .iter_mut()
                .chain([&mut template])
                .for_each(|asset| for_opensearch(&mut asset.body));
        }
        before
            .iter_mut()
            .chain([&mut template])
            .for_each(Asset::mark);
        Ok(Self { before, template })
    }
}

/// Returns the policy that rolls a data stream over in OpenSearch.
fn policy(name: &str, patterns: &Value) -> Result<Asset, SetupError> {
    let mut policy = Asset::read(AssetKind::Policy, name, file!("policies/opensearch"))?;
    if let Some(Value::Array(templates)) = policy.body.pointer_mut("/policy/ism_template") {
        for template in templates {
            set(template, "index_patterns", patterns.clone());
        }
    }
    Ok(policy)
}

impl Asset {
    fn read(kind: AssetKind, name: &str, text: &str) -> Result<Self, SetupError> {
        let body = serde_json::from_str(text).map_err(|_| SetupError::Damaged)?;
        Ok(Self {
            kind,
            name: name.to_owned(),
            body,
            is_users: false,
        })
    }

    /// Returns an empty component that users can fill. It is needed where a template cannot name a
    /// missing component.
    fn custom() -> Self {
        Self {
            kind: AssetKind::ComponentTemplate,
            name: CUSTOM.to_owned(),
            body: json!({"template": {}}),
            is_users: true,
        }
    }

    /// Adds a fingerprint of the content. It tells this version of the asset from others.
    fn mark(&mut self) {
        let fingerprint = xxh3_64(self.body.to_string().as_bytes());
        if let Some(meta) = self.body.get_mut("_meta") {
            set(meta, "fingerprint", json!(format!("{fingerprint:016x}")));
        }
    }
}

fn set(object: &mut Value, name: &str, value: Value) {
    if let Value::Object(members) = object {
        members.insert(name.to_owned(), value);
    }
}

fn remove(object: &mut Value, name: &str) {
    if let Value::Object(members) = object {
        members.remove(name);
    }
}

/// Removes what OpenSearch does not know: optional components, and data stream lifecycles.
fn for_opensearch(body: &mut Value) {
    remove(body, "ignore_missing_component_templates");
    if let Some(Value::Array(components)) = body.get_mut("composed_of") {
        components.retain(|name| {
            ![LIFECYCLE, DEAD_LETTERS_CUSTOM]
                .map(Value::from)
                .contains(name)
        });
    }
    if let Some(template) = body.get_mut("template") {
        remove(template, "lifecycle");
        template
            .get_mut("mappings")
            .into_iter()
            .for_each(field_for_opensearch);
    }
}

/// OpenSearch has another name for `flattened`, and needs the value of a `constant_keyword`. It can
/// search a field that only has doc values but does not say so, and OpenSearch Dashboards then
/// offers no filter on it. So all fields are indexed.
fn field_for_opensearch(mapping: &mut Value) {
    match mapping.get("type").and_then(Value::as_str) {
        Some("flattened") => *mapping = json!({"type": "flat_object"}),
        Some("constant_keyword") => *mapping = json!({"type": "keyword"}),
        Some(_) if mapping.get("doc_values").is_none() => remove(mapping, "index"),
        _ => {
            if let Some(Value::Object(properties)) = mapping.get_mut("properties") {
                properties.values_mut().for_each(field_for_opensearch);
            }
        }
    }
}
