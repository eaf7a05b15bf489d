//! What a server says of what it holds, and why it refuses.

use serde::Deserialize;

use super::SetupError;
use super::assets::Kind;
use super::tree::Tree;
use crate::server::Reply;

/// What is at a path: the only one of a list, or a policy.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Found {
    component_templates: Vec<Component>,
    index_templates: Vec<Index>,
    policy: Option<Tree>,
    #[serde(rename = "_seq_no")]
    pub(super) seq_no: u64,
    #[serde(rename = "_primary_term")]
    pub(super) primary_term: u64,
}

#[derive(Deserialize)]
struct Component {
    component_template: Tree,
}

#[derive(Deserialize)]
struct Index {
    index_template: Tree,
}

#[derive(Deserialize)]
pub(super) struct Root {
    pub(super) version: Version,
}

#[derive(Deserialize)]
pub(super) struct Version {
    #[serde(default)]
    pub(super) distribution: String,
}

#[derive(Deserialize)]
struct Complaint {
    error: Cause,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Cause {
    Detailed {
        #[serde(default)]
        r#type: String,
        #[serde(default)]
        reason: String,
        caused_by: Option<Box<Cause>>,
    },
    Short(String),
}

impl Cause {
    /// What it says, with the cause at its root.
    fn sentence(&self) -> String {
        match self {
            Self::Short(text) => text.clone(),
            Self::Detailed {
                caused_by: Some(cause),
                reason,
                ..
            } => format!("{reason}: {}", cause.sentence()),
            Self::Detailed { reason, .. } => reason.clone(),
        }
    }
}

/// Who has made something.
pub(super) enum Owner {
    Us,
    Fleet,
    SomebodyElse,
}

pub(super) fn owner(kind: Kind, there: &Tree) -> Owner {
    let manager = there.get(&["_meta", "managed_by"]);
    // Policies have no `_meta`.
    let says_so =
        |tree: &Tree| matches!(tree, Tree::Text(text) if text.starts_with("managed by apigw-logs"));
    if kind == Kind::Policy && there.get(&["description"]).is_some_and(says_so) {
        return Owner::Us;
    }
    match manager {
        Some(manager) if manager.is_text("apigw-logs") => Owner::Us,
        Some(manager) if manager.is_text("fleet") => Owner::Fleet,
        _ if there.get(&["_meta", "package"]).is_some() => Owner::Fleet,
        _ => Owner::SomebodyElse,
    }
}

impl Found {
    pub(super) fn tree(&self, kind: Kind) -> Option<&Tree> {
        match kind {
            Kind::ComponentTemplate => self
                .component_templates
                .first()
                .map(|found| &found.component_template),
            Kind::IndexTemplate => self
                .index_templates
                .first()
                .map(|found| &found.index_template),
            Kind::Policy => self.policy.as_ref(),
        }
    }
}

fn cause(reply: &Reply) -> Option<Cause> {
    serde_json::from_slice::<Complaint>(&reply.body)
        .ok()
        .map(|complaint| complaint.error)
}

/// Whether a server that knows the path says that nothing is there.
pub(super) fn is_missing(reply: &Reply) -> bool {
    let kinds = [
        "resource_not_found_exception",
        "status_exception",
        "index_not_found_exception",
    ];
    matches!(cause(reply), Some(Cause::Detailed { r#type, .. }) if kinds.contains(&&*r#type))
}

pub(super) fn denied(reply: &Reply) -> SetupError {
    match reply.status {
        401 => SetupError::Unauthorized,
        _ => SetupError::Forbidden(reason(reply)),
    }
}

pub(super) fn reason(reply: &Reply) -> String {
    cause(reply).map_or_else(|| "it gave no reason".to_owned(), |cause| cause.sentence())
}
