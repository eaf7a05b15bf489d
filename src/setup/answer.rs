//! Replies of a server during setup: the assets it holds, and the reasons for which it rejects one.
#![expect(
    clippy::disallowed_types,
    reason = "templates are trees, a server may answer anything, and setup runs once by hand"
)]

use serde::Deserialize;
use serde_json::Value;

use super::SetupError;
use super::assets::AssetKind;
use crate::server::{Reply, ReplyError};

/// The reply to a request for one asset: a list of one, or a policy.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct ExistingAsset {
    component_templates: Vec<Component>,
    index_templates: Vec<Index>,
    policy: Option<Value>,
    #[serde(rename = "_seq_no")]
    pub(super) seq_no: u64,
    #[serde(rename = "_primary_term")]
    pub(super) primary_term: u64,
}

#[derive(Deserialize)]
struct Component {
    component_template: Value,
}

#[derive(Deserialize)]
struct Index {
    index_template: Value,
}

/// The maker of an existing asset.
pub(super) enum Owner {
    Us,
    Fleet,
    SomebodyElse,
}

impl ExistingAsset {
    /// An asset as the server holds it.
    pub(super) fn content(&self, kind: AssetKind) -> Option<&Value> {
        match kind {
            AssetKind::ComponentTemplate => self
                .component_templates
                .first()
                .map(|found| &found.component_template),
            AssetKind::IndexTemplate => self
                .index_templates
                .first()
                .map(|found| &found.index_template),
            AssetKind::Policy => self.policy.as_ref(),
        }
    }
}

/// Returns who made an asset.
pub(super) fn owner(kind: AssetKind, there: &Value) -> Owner {
    let text = |pointer| there.pointer(pointer).and_then(Value::as_str);
    // Policies have no `_meta`.
    let says_so = |text: &str| text.starts_with("managed by apigw-logs");
    if kind == AssetKind::Policy && text("/description").is_some_and(says_so) {
        return Owner::Us;
    }
    match text("/_meta/managed_by") {
        Some("apigw-logs") => Owner::Us,
        Some("fleet") => Owner::Fleet,
        _ if there.pointer("/_meta/package").is_some() => Owner::Fleet,
        _ => Owner::SomebodyElse,
    }
}

/// Returns whether all of `wanted` is there. A server adds defaults, and returns numbers and
/// booleans of settings as texts.
pub(super) fn holds(there: &Value, wanted: &Value) -> bool {
    match (there, wanted) {
        (Value::Object(there), Value::Object(wanted)) => wanted
            .iter()
            .all(|(name, wanted)| there.get(name).is_some_and(|there| holds(there, wanted))),
        (Value::Array(there), Value::Array(wanted)) => {
            there.len() == wanted.len()
                && there
                    .iter()
                    .zip(wanted)
                    .all(|(there, wanted)| holds(there, wanted))
        }
        _ => there == wanted || text(there).is_some_and(|there| Some(there) == text(wanted)),
    }
}

fn text(scalar: &Value) -> Option<String> {
    match scalar {
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Number(number) => Some(number.to_string()),
        Value::String(text) => Some(text.clone()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Returns the reason of an error, with that of the root cause.
fn sentence(error: &ReplyError) -> String {
    match error {
        ReplyError::Sentence(text) => text.clone(),
        ReplyError::Detailed {
            caused_by: Some(cause),
            reason,
            ..
        } => format!("{reason}: {}", sentence(cause)),
        ReplyError::Detailed { reason, .. } => reason.clone(),
    }
}

/// Returns whether a server that knows the path says that nothing is there.
pub(super) fn is_missing(reply: &Reply) -> bool {
    let kinds = [
        "resource_not_found_exception",
        "status_exception",
        "index_not_found_exception",
    ];
    matches!(reply.error(), Some(ReplyError::Detailed { r#type, .. }) if kinds.contains(&&*r#type))
}

/// Returns whether a reply confirms that an asset was put. A server acknowledges a template, and
/// OpenSearch answers with the version of a policy.
pub(super) fn is_confirmation(reply: &Reply) -> bool {
    #[derive(Deserialize, Default)]
    #[serde(default)]
    struct Confirmation {
        acknowledged: bool,
        #[serde(rename = "_version")]
        version: Option<u64>,
    }
    let confirmation = serde_json::from_slice::<Confirmation>(&reply.body);
    matches!(reply.status, 200 | 201)
        && reply.error().is_none()
        && confirmation.is_ok_and(|reply| reply.acknowledged || reply.version.is_some())
}

/// Returns the error for a reply that does not answer the question.
pub(crate) fn unanswered(reply: &Reply) -> SetupError {
    match reply.status {
        401 => SetupError::Unauthorized,
        403 => SetupError::Forbidden(reason(reply)),
        status @ 300..=399 => SetupError::Redirect(status),
        status @ (408 | 429 | 500 | 502..=504) => SetupError::Unavailable(status, reason(reply)),
        status => SetupError::NotElasticsearch(status),
    }
}

/// Returns the server's reason in a form that is safe for a terminal: on one line, without control
/// characters, and of bounded length.
pub(super) fn reason(reply: &Reply) -> String {
    const LONGEST: usize = 500;
    let Some(error) = reply.error() else {
        return "it gave no reason".to_owned();
    };
    sentence(&error)
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(LONGEST)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(text: &str) -> Value {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn what_a_server_adds_does_not_count() {
        let wanted = tree(r#"{"a":{"limit":2000,"on":true},"b":["x"],"c":{}}"#);
        for same in [
            r#"{"a":{"limit":2000,"on":true},"b":["x"],"c":{}}"#,
            r#"{"a":{"limit":"2000","on":"true","more":1.5},"b":["x"],"c":{"hidden":false},"d":null}"#,
        ] {
            assert!(holds(&tree(same), &wanted), "{same}");
        }
        for other in [
            r#"{"a":{"limit":2001,"on":true},"b":["x"],"c":{}}"#,
            r#"{"a":{"limit":2000,"on":true},"b":["x","y"],"c":{}}"#,
            r#"{"a":{"limit":2000,"on":true},"b":["y"],"c":{}}"#,
            r#"{"a":{"limit":2000,"on":true},"b":["x"],"c":null}"#,
            r#"{"a":{"limit":2000,"on":true},"b":["x"]}"#,
        ] {
            assert!(!holds(&tree(other), &wanted), "{other}");
        }
    }

    #[test]
    fn a_reason_cannot_write_to_the_terminal() {
        let reply = |reason: &str| Reply {
            body: format!(r#"{{"error":{{"reason":"{reason}"}}}}"#).into_bytes(),
            ..Reply::default()
        };
        assert_eq!(
            reason(&reply(r"a\u001b]0;b\u0007\nERROR c")),
            "a ]0;b  ERROR c"
        );
        assert_eq!(reason(&reply(&"ä".repeat(10_000))).chars().count(), 500);
    }
}
