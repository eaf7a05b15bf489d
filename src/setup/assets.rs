//! What is to be there: the files of `elasticsearch/`, for the data streams that are set and the server that there is.

use xxhash_rust::xxh3::xxh3_64;

use super::tree::Tree;
use super::{Setup, SetupError};
use crate::data_stream::DataStreamName;

const SETTINGS: &str = "logs-aws.api_gateway_logs@settings";
const MAPPINGS: &str = "logs-aws.api_gateway_logs@mappings";
const LIFECYCLE: &str = "logs-aws.api_gateway_logs@lifecycle";
const CUSTOM: &str = "logs-aws.api_gateway_logs@custom";

/// The files, which are also what the documentation shows.
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

/// What a server understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flavour {
    /// Elasticsearch 8.14 and newer.
    Elasticsearch,
    /// OpenSearch 2 and 3.
    OpenSearch,
}

/// The kinds of what is put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    ComponentTemplate,
    IndexTemplate,
    /// A policy of OpenSearch's index state management.
    Policy,
}

/// One thing that is put.
#[derive(Debug, Clone)]
pub(super) struct Asset {
    pub(super) kind: Kind,
    pub(super) name: String,
    pub(super) body: Tree,
    /// Whether it is there for users to change: it is not touched once it is there.
    pub(super) is_users: bool,
}

/// What belongs together: an index template, and what is needed before it.
#[derive(Debug, Clone)]
pub(super) struct Group {
    pub(super) before: Vec<Asset>,
    pub(super) template: Asset,
}

impl Kind {
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

/// What is to be there, in the order in which it is put.
pub(super) fn groups(setup: &Setup, flavour: Flavour) -> Result<Vec<Group>, SetupError> {
    let mut before = vec![
        Asset::read(
            Kind::ComponentTemplate,
            SETTINGS,
            file!("component_templates/logs-aws.api_gateway_logs@settings"),
        )?,
        Asset::read(
            Kind::ComponentTemplate,
            MAPPINGS,
            file!("component_templates/logs-aws.api_gateway_logs@mappings"),
        )?,
    ];
    match flavour {
        Flavour::Elasticsearch => before.push(Asset::read(
            Kind::ComponentTemplate,
            LIFECYCLE,
            file!("component_templates/logs-aws.api_gateway_logs@lifecycle"),
        )?),
        Flavour::OpenSearch => before.push(Asset::custom()),
    }
    let documents = file!("index_templates/logs-aws.api_gateway_logs");
    let mut groups = vec![Group::new(before, &setup.data_stream, documents, flavour)?];
    if let Some(dead_letters) = &setup.dead_letters {
        let template = file!("index_templates/logs-aws.api_gateway_dead_letters");
        groups.push(Group::new(Vec::new(), dead_letters, template, flavour)?);
    }
    Ok(groups)
}

impl Group {
    fn new(
        mut before: Vec<Asset>,
        data_stream: &DataStreamName,
        template: &str,
        flavour: Flavour,
    ) -> Result<Self, SetupError> {
        let name = format!("{}-{}", data_stream.r#type, data_stream.dataset);
        let patterns = Tree::List(vec![Tree::text(format!("{name}-*"))]);
        let mut template = Asset::read(Kind::IndexTemplate, &name, template)?;
        template.body.set("index_patterns", patterns.clone());
        if flavour == Flavour::OpenSearch {
            let mut policy = Asset::read(Kind::Policy, &name, file!("policies/opensearch"))?;
            if let Some(Tree::List(templates)) = policy
                .body
                .member_mut("policy")
                .and_then(|it| it.member_mut("ism_template"))
            {
                templates
                    .iter_mut()
                    .for_each(|template| template.set("index_patterns", patterns.clone()));
            }
            before.push(policy);
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

impl Asset {
    fn read(kind: Kind, name: &str, text: &str) -> Result<Self, SetupError> {
        let body = serde_json::from_str(text).map_err(|_| SetupError::Damaged)?;
        Ok(Self {
            kind,
            name: name.to_owned(),
            body,
            is_users: false,
        })
    }

    /// Where a component that is not there cannot be named: an empty one, for users to fill.
    fn custom() -> Self {
        let body = Tree::object([("template", Tree::object([]))]);
        Self {
            kind: Kind::ComponentTemplate,
            name: CUSTOM.to_owned(),
            body,
            is_users: true,
        }
    }

    /// Notes what it is made of, so that it can be told from what another version has put.
    fn mark(&mut self) {
        let text = serde_json::to_vec(&self.body).unwrap_or_default();
        if let Some(meta) = self.body.member_mut("_meta") {
            meta.set(
                "fingerprint",
                Tree::Text(format!("{:016x}", xxh3_64(&text))),
            );
        }
    }
}

/// OpenSearch has another name for `flattened`, needs the value of a `constant_keyword`, and has neither data stream
/// lifecycles nor components that may be missing.
fn for_opensearch(body: &mut Tree) {
    body.remove("ignore_missing_component_templates");
    if let Some(Tree::List(components)) = body.member_mut("composed_of") {
        components.retain(|component| !component.is_text(LIFECYCLE));
    }
    if let Some(template) = body.member_mut("template") {
        template.remove("lifecycle");
        template.member_mut("mappings").into_iter().for_each(fields);
    }
}

fn fields(mapping: &mut Tree) {
    let kind = mapping.get(&["type"]);
    if kind.is_some_and(|kind| kind.is_text("flattened")) {
        *mapping = Tree::object([("type", Tree::text("flat_object"))]);
    } else if kind.is_some_and(|kind| kind.is_text("constant_keyword")) {
        *mapping = Tree::object([("type", Tree::text("keyword"))]);
    } else if let Some(Tree::Object(properties)) = mapping.member_mut("properties") {
        properties.values_mut().for_each(fields);
    }
}
