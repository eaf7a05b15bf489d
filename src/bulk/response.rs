//! The meaning of a reply to a bulk request: the outcome table, in one place.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{Action, ActionKind, DocumentId, Rejection};
use crate::json::{repair_surrogates, utf8};
use crate::printable::printable;
use crate::server::Reply;

/// The action to take after a reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// One result for each document, in the order in which they were sent.
    Items(Vec<ItemResult>),
    /// Send the same request again later. The documents may be stored or not.
    Again,
    /// The same, because the reply names other documents than the request.
    OtherDocuments,
    /// The request was too large: send it in halves.
    TooLarge,
    /// The request is malformed: bisect it to find the document.
    Malformed,
    /// The credentials were refused.
    Unauthorized,
    /// The request cannot succeed until an operator repairs something. The documents are not at
    /// fault.
    Stop,
}

/// The result of one document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ItemResult {
    /// Stored.
    Indexed(Stored),
    /// It was there already; or for a deletion, it was gone already.
    Duplicate,
    /// Dropped by an ingest pipeline: neither stored nor rejected.
    Dropped,
    /// Not stored now: send it again, together with the others that were not accepted.
    Again(Rejection),
    /// It will never be accepted as it is.
    Rejected(Rejection),
    /// Not stored until an operator repairs something: a privilege, or a missing index.
    Blocked(Rejection),
}

/// How a document was stored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stored {
    /// In the failure store of the data stream, where ordinary searches do not see it.
    pub failure_store: bool,
    /// In another index or data stream: a pipeline has set `_index`.
    pub elsewhere: bool,
    /// Under another id: a pipeline has set `_id`.
    pub renamed: bool,
}

/// The sent request, as far as its reply is checked against it.
#[derive(Debug, Clone, Copy)]
pub struct Sent<'r> {
    /// The name of the data stream.
    pub data_stream: &'r str,
    /// The action of each document.
    pub actions: &'r [Action<'r>],
}

/// Elasticsearch's name for a write block.
const BLOCK: &str = "cluster_block_exception";

/// Elasticsearch's and OpenSearch's name for a document that exists already, or that was changed.
const CONFLICT: &str = "version_conflict_engine_exception";

/// The words by which both servers tell a document that is gone from one that was changed, when a
/// deletion names its sequence number.
const GONE: &str = "no document was found";

/// Our name for the error that ELASTICSEARCH_PIPELINE names no pipeline.
pub(super) const NO_PIPELINE: &str = "pipeline does not exist";

/// Upper bound on Elasticsearch's name for an error, in characters.
const LONGEST_KIND: usize = 100;

/// Upper bound on Elasticsearch's explanation of an error, in characters.
const LONGEST_REASON: usize = 10_000;

/// Reads a reply to a bulk request.
#[must_use]
pub fn verdict(reply: &Reply, sent: Sent<'_>) -> Verdict {
    match reply.status {
        200 => item_results(reply, sent).map_or_else(|again| again, Verdict::Items),
        400 => Verdict::Malformed,
        403 if Rejection::of_request(reply).kind == BLOCK => Verdict::Again,
        401 | 403 => Verdict::Unauthorized,
        413 => Verdict::TooLarge,
        408 | 429 => Verdict::Again,
        // Redirects are not followed: they would carry logs and credentials to another host.
        300..=499 | 501 => Verdict::Stop,
        _ => Verdict::Again,
    }
}

/// Returns whether a reply is proved to belong to its request: it echoes the request's id, or it
/// settles the documents, which it does only by their ids.
#[must_use]
pub fn is_bound(reply: &Reply, verdict: &Verdict) -> bool {
    reply.is_echoed || reply.status != 200 || matches!(verdict, Verdict::Items(_))
}

/// Reads the results of the items. Returns the verdict on the whole reply unless it says, of every
/// document that was sent, what became of it.
fn item_results(reply: &Reply, sent: Sent<'_>) -> Result<Vec<ItemResult>, Verdict> {
    // A reason may end in the middle of a character.
    let body = utf8(&reply.body);
    let JsonObject(wire): JsonObject<WireReply<'_>> =
        serde_json::from_str(&body).map_err(|_| Verdict::Again)?;
    if wire.items.len() != sent.actions.len() || wire.error.is_some() || wire.timed_out {
        return Err(Verdict::Again);
    }
    wire.items
        .into_iter()
        .zip(sent.actions)
        .map(|(JsonObject(item), action)| {
            let JsonObject(result) = item.create;
            // A server can copy the echo from the head of the request. It has an id only if it has
            // read the document.
            if !result.names_document() {
                return Err(Verdict::Again);
            }
            // Without an echo, only the ids prove that the reply belongs to our request. With it, a
            // pipeline may have changed ids, but not into those of other log events. If it seems
            // so, the items are in another order, or are those of another request.
            if result.is_of_another(*action) || (!reply.is_echoed && result.is_renamed(*action)) {
                return Err(Verdict::OtherDocuments);
            }
            let result = result.into_result(*action, sent.data_stream);
            result.ok_or(Verdict::Again)
        })
        .collect()
}

impl Rejection {
    /// Reads why a request of a single document was rejected as a whole.
    #[must_use]
    pub fn of_request(reply: &Reply) -> Self {
        let wire: Option<WireFailure<'_>> = serde_json::from_slice(&reply.body).ok();
        let (kind, reason) = wire
            .and_then(|wire| wire.error)
            .map(kind_and_reason)
            .unwrap_or_default();
        Self {
            status: reply.status,
            kind,
            reason,
        }
    }
}

/// A JSON object. A derived struct would also accept a list.
struct JsonObject<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for JsonObject<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
            type Value = T;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map))
            }
        }
        deserializer
            .deserialize_map(ObjectVisitor(std::marker::PhantomData))
            .map(Self)
    }
}

#[derive(serde::Deserialize)]
struct WireFailure<'a> {
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

#[derive(serde::Deserialize)]
struct WireReply<'a> {
    #[serde(borrow)]
    items: Vec<JsonObject<WireItem<'a>>>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    #[serde(default)]
    timed_out: bool,
}

#[derive(serde::Deserialize)]
struct WireItem<'a> {
    // Pipelines and proxies may answer with another name for the action. The action that was sent
    // counts.
    #[serde(borrow, alias = "index", alias = "update", alias = "delete")]
    create: JsonObject<WireResult<'a>>,
}

#[derive(serde::Deserialize)]
struct WireResult<'a> {
    status: u16,
    /// The servers name the document with every outcome, also when a pipeline has dropped it.
    #[serde(borrow, rename = "_id")]
    id: &'a RawValue,
    #[serde(rename = "_index")]
    index: Option<String>,
    result: Option<String>,
    /// The error is read only as far as it is understood: it quotes the document, and must not
    /// spoil the rest.
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    failure_store: Option<String>,
    #[serde(rename = "_shards")]
    shards: Option<JsonObject<WireShards>>,
}

#[derive(serde::Deserialize)]
struct WireShards {
    successful: Option<u64>,
}

#[derive(serde::Deserialize)]
#[serde(untagged)]
enum WireError {
    JsonObject {
        #[serde(default, rename = "type")]
        kind: Option<String>,
        #[serde(default)]
        reason: Option<String>,
        #[serde(default)]
        caused_by: Option<WireCause>,
    },
    Text(String),
}

#[derive(serde::Deserialize)]
struct WireCause {
    #[serde(default)]
    reason: Option<String>,
}

impl WireResult<'_> {
    /// Returns the result of an action; `None` for a contradiction, such as a success with an
    /// error.
    fn into_result(self, action: Action<'_>, data_stream: &str) -> Option<ItemResult> {
        let failed = self.error.is_some();
        match (self.status, action.kind, self.result.as_deref()) {
            (200..=299, ..) if failed => None,
            (200, ActionKind::Delete, None | Some("deleted")) => {
                Some(ItemResult::Indexed(Stored::default()))
            }
            (200 | 201, ActionKind::Create, None | Some("created"))
                if self.is_in_failure_store() =>
            {
                self.stored(action, data_stream)
            }
            // A document that was stored is answered 201.
            (200, ActionKind::Create, None | Some("noop"))
            | (201, ActionKind::Create, Some("noop")) => Some(ItemResult::Dropped),
            (201, ActionKind::Create, None | Some("created")) => self.stored(action, data_stream),
            (400..=599, ..) => Some(self.into_failure(action)),
            _ => None,
        }
    }

    /// Reads the result of a stored document; `None` if no shard has stored it.
    fn stored(&self, action: Action<'_>, data_stream: &str) -> Option<ItemResult> {
        let successful = self
            .shards
            .as_ref()
            .and_then(|JsonObject(shards)| shards.successful);
        if successful == Some(0) {
            return None;
        }
        Some(ItemResult::Indexed(Stored {
            failure_store: self.is_in_failure_store(),
            elsewhere: self
                .index
                .as_deref()
                .is_some_and(|index| !is_index_of(index, data_stream)),
            // In the failure store, every document gets a new id.
            renamed: !self.is_in_failure_store() && self.is_renamed(action),
        }))
    }

    fn is_in_failure_store(&self) -> bool {
        self.failure_store.as_deref() == Some("used")
    }

    /// Returns whether the result has the id of a document.
    fn names_document(&self) -> bool {
        let id = self.id.get();
        id.starts_with('"') && id != "\"\""
    }

    /// Returns whether the result names another document than the action.
    fn is_renamed(&self, action: Action<'_>) -> bool {
        let id = self.id.get();
        let raw = id.strip_prefix('"').and_then(|id| id.strip_suffix('"'));
        let text = |json: &str| serde_json::from_str::<String>(json).ok();
        raw != Some(action.id) && text(id) != text(&format!("\"{}\"", action.id))
    }

    /// Returns whether the result is certainly that of another action.
    fn is_of_another(&self, action: Action<'_>) -> bool {
        let is_of_log_event = || {
            let id = serde_json::from_str::<String>(self.id.get());
            id.is_ok_and(|id| DocumentId::parse(&id).is_some())
        };
        self.is_renamed(action) && (action.kind == ActionKind::Delete || is_of_log_event())
    }

    fn into_failure(self, action: Action<'_>) -> ItemResult {
        let is_renamed = self.is_renamed(action);
        let (kind, reason) = self.error.map(kind_and_reason).unwrap_or_default();
        let rejection = Rejection {
            status: self.status,
            kind,
            reason,
        };
        let Rejection {
            status,
            kind,
            reason,
        } = &rejection;
        match (*status, kind.as_str()) {
            // A block ends: a snapshot, a shrinking index, a full disk.
            (_, BLOCK) => ItemResult::Again(rejection),
            (409, CONFLICT) => conflict(rejection, (action.kind, is_renamed)),
            (408 | 409 | 429 | 500..=599, _) => ItemResult::Again(rejection),
            (401 | 403 | 404, _) => ItemResult::Blocked(rejection),
            // The document is not at fault: the cluster has all the shards that it may have.
            (400, "validation_exception") => ItemResult::Blocked(rejection),
            // Here, too, the document is not at fault: ELASTICSEARCH_PIPELINE is misspelt.
            (400, "illegal_argument_exception") if reason.starts_with("pipeline with id [") => {
                ItemResult::Blocked(Rejection {
                    kind: NO_PIPELINE.to_owned(),
                    ..rejection
                })
            }
            _ => ItemResult::Rejected(rejection),
        }
    }
}

/// Returns the result of an action that another document is in the way of.
fn conflict(rejection: Rejection, (action, is_renamed): (ActionKind, bool)) -> ItemResult {
    match action {
        ActionKind::Create if is_renamed => ItemResult::Rejected(renamed()),
        ActionKind::Delete if !rejection.reason.contains(GONE) => ItemResult::Rejected(rejection),
        ActionKind::Create | ActionKind::Delete => ItemResult::Duplicate,
    }
}

/// Returns the rejection of a document to which a pipeline has given another document's id. That
/// the other document exists does not prove that ours is stored.
fn renamed() -> Rejection {
    Rejection {
        status: 409,
        kind: "document_id_changed".to_owned(),
        reason:
            "an ingest pipeline has set _id, and there is a document with that id: nothing says \
                 that it is this one"
                .to_owned(),
    }
}

/// Returns whether an index belongs to a data stream, as a backing index or in its failure store.
fn is_index_of(index: &str, data_stream: &str) -> bool {
    let rest = index
        .strip_prefix(".ds-")
        .or_else(|| index.strip_prefix(".fs-"));
    let generation = rest.and_then(|rest| rest.strip_prefix(data_stream));
    index == data_stream || generation.is_some_and(|generation| generation.starts_with('-'))
}

/// Returns Elasticsearch's name and explanation of an error; all of it if the form is unknown.
fn kind_and_reason(error: &RawValue) -> (String, String) {
    let wire = serde_json::from_str(&repair_surrogates(error.get()));
    let (kind, mut reason) = wire.map_or_else(
        |_| (String::new(), error.get().to_owned()),
        WireError::into_kind_and_reason,
    );
    if let Some((end, _)) = reason.char_indices().nth(LONGEST_REASON) {
        reason.truncate(end);
    }
    (printable(&kind, LONGEST_KIND).to_string(), reason)
}

impl WireError {
    fn into_kind_and_reason(self) -> (String, String) {
        match self {
            Self::JsonObject {
                kind,
                reason,
                caused_by,
            } => {
                let reasons = [reason, caused_by.and_then(|cause| cause.reason)];
                (
                    kind.unwrap_or_default(),
                    reasons.into_iter().flatten().collect::<Vec<_>>().join(": "),
                )
            }
            Self::Text(reason) => (String::new(), reason),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str = "logs-a-b";

    /// The actions of a request for documents a, b and c.
    const CREATED: [Action<'static>; 3] = [created("a"), created("b"), created("c")];

    const fn created(id: &'static str) -> Action<'static> {
        Action {
            kind: ActionKind::Create,
            id,
        }
    }

    fn sent(documents: usize) -> Sent<'static> {
        Sent {
            data_stream: STREAM,
            actions: &CREATED[..documents],
        }
    }

    fn reply(status: u16, body: &str) -> Reply {
        Reply {
            status,
            body: body.into(),
            ..Reply::default()
        }
    }

    fn echoed(body: &str) -> Reply {
        Reply {
            is_echoed: true,
            ..reply(200, body)
        }
    }

    /// Returns a reply about document a, unless the members name another.
    fn item(members: &str) -> String {
        if members.contains("\"_id\"") {
            return nameless(members);
        }
        nameless(&format!(r#""_id":"a",{members}"#))
    }

    fn nameless(members: &str) -> String {
        format!(r#"{{"took":1,"errors":false,"items":[{{"create":{{{members}}}}}]}}"#)
    }

    /// Returns the result of the only document; `None` if the reply settles nothing.
    fn one(reply: &Reply) -> Option<ItemResult> {
        match verdict(reply, sent(1)) {
            Verdict::Items(results) => results.into_iter().next(),
            Verdict::Again | Verdict::OtherDocuments => None,
            verdict => panic!("{verdict:?}"),
        }
    }

    fn error(status: u16, kind: &str, reason: &str) -> Rejection {
        Rejection {
            status,
            kind: kind.into(),
            reason: reason.into(),
        }
    }

    #[test]
    fn a_request_as_a_whole() {
        let again = [
            408, 429, 500, 502, 503, 504, 507, 520, 100, 0, 201, 202, 204, 205, 206, 226,
        ];
        let stop = [
            300, 301, 302, 304, 307, 308, 402, 404, 405, 406, 410, 411, 414, 415, 422, 501,
        ];
        let cases: &[(&[u16], Verdict)] = &[
            (&again, Verdict::Again),
            (&[413], Verdict::TooLarge),
            (&[400], Verdict::Malformed),
            (&[401, 403], Verdict::Unauthorized),
            (&stop, Verdict::Stop),
        ];
        for (statuses, expected) in cases {
            for status in *statuses {
                let reply = reply(*status, r#"{"items":[]}"#);
                assert_eq!(&verdict(&reply, sent(0)), expected, "{status}");
            }
        }
        let block = r#"{"error":{"type":"cluster_block_exception"},"status":403}"#;
        assert_eq!(verdict(&reply(403, block), sent(1)), Verdict::Again);
    }

    #[test]
    fn one_item() {
        let again = |status, kind| ItemResult::Again(error(status, kind, ""));
        let blocked = |status, kind, reason| ItemResult::Blocked(error(status, kind, reason));
        let rejected = |status, kind, reason| ItemResult::Rejected(error(status, kind, reason));
        let in_failure_store = Stored {
            failure_store: true,
            ..Stored::default()
        };
        let cases = [
            (r#""status":201"#, ItemResult::Indexed(Stored::default())),
            (
                r#""status":201,"failure_store":"used""#,
                ItemResult::Indexed(in_failure_store),
            ),
            (
                r#""status":201,"failure_store":"not_applicable_or_unknown","_shards":{"successful":1}"#,
                ItemResult::Indexed(Stored::default()),
            ),
            (r#""status":200"#, ItemResult::Dropped),
            (
                r#""status":200,"result":"noop","_version":-4,"_shards":{"successful":0}"#,
                ItemResult::Dropped,
            ),
            (r#""status":201,"result":"noop""#, ItemResult::Dropped),
            (
                r#""status":201,"result":"created""#,
                ItemResult::Indexed(Stored::default()),
            ),
            (
                r#""status":409,"error":{"type":"version_conflict_engine_exception"}"#,
                ItemResult::Duplicate,
            ),
            (
                r#""status":409,"result":"created","error":{"type":"version_conflict_engine_exception"}"#,
                ItemResult::Duplicate,
            ),
            // Only the name of the error says that the document is there.
            (r#""status":409"#, again(409, "")),
            (r#""status":409,"result":"created""#, again(409, "")),
            (
                r#""status":409,"error":{"type":"cluster_block_exception"}"#,
                again(409, "cluster_block_exception"),
            ),
            (r#""status":409,"error":{"type":"x"}"#, again(409, "x")),
            (r#""status":408"#, again(408, "")),
            (
                r#""status":429,"error":{"type":"cluster_block_exception"}"#,
                again(429, "cluster_block_exception"),
            ),
            (
                r#""status":403,"error":{"type":"cluster_block_exception"}"#,
                again(403, "cluster_block_exception"),
            ),
            (r#""status":500"#, again(500, "")),
            (
                r#""status":503,"error":{"type":"unavailable_shards_exception"}"#,
                again(503, "unavailable_shards_exception"),
            ),
            (r#""status":401"#, blocked(401, "", "")),
            (
                r#""status":403,"error":{"type":"security_exception","reason":"r"}"#,
                blocked(403, "security_exception", "r"),
            ),
            (
                r#""status":404,"error":{"type":"index_not_found_exception"}"#,
                blocked(404, "index_not_found_exception", ""),
            ),
            (
                r#""status":400,"error":{"type":"validation_exception"}"#,
                blocked(400, "validation_exception", ""),
            ),
            (
                r#""status":400,"error":{"type":"illegal_argument_exception","reason":"pipeline with id [p] does not exist"}"#,
                blocked(400, NO_PIPELINE, "pipeline with id [p] does not exist"),
            ),
            (
                r#""status":400,"error":{"type":"document_parsing_exception","reason":"a","caused_by":{"reason":"b"}}"#,
                rejected(400, "document_parsing_exception", "a: b"),
            ),
            (
                r#""status":400,"error":"as text","failure_store":"failed""#,
                rejected(400, "", "as text"),
            ),
            (r#""status":400,"error":[1]"#, rejected(400, "", "[1]")),
            (
                r#""status":400,"error":{"type":"x","reason":"\ud800"}"#,
                rejected(400, "x", "\u{fffd}"),
            ),
            (
                r#""status":400,"error":{"type":"a\u001b]0;b\n"}"#,
                rejected(400, r"a\u{1b}]0;b\n", ""),
            ),
            (r#""status":413"#, rejected(413, "", "")),
            (r#""status":422"#, rejected(422, "", "")),
        ];
        for (members, expected) in cases {
            assert_eq!(
                one(&reply(200, &item(members))),
                Some(expected),
                "{members}"
            );
        }
    }

    /// A conflict whose name is not understood may be a block, or an index that is being closed.
    #[test]
    fn a_409_is_a_duplicate_only_by_its_name() {
        for told in [
            r#""index blocked by: [FORBIDDEN/12/index read-only]""#,
            r#"["version_conflict_engine_exception"]"#,
            "5",
            "{}",
            r#"{"type":5,"reason":"blocked"}"#,
            r#"{"type":["version_conflict_engine_exception"]}"#,
            r#"{"reason":"version conflict, document already exists"}"#,
            r#"{"type":"not_a_version_conflict_at_all"}"#,
            r#"{"type":"","caused_by":{"type":"version_conflict_engine_exception"}}"#,
        ] {
            let body = item(&format!(r#""status":409,"error":{told}"#));
            let result = one(&reply(200, &body));
            assert!(matches!(result, Some(ItemResult::Again(_))), "{told}");
        }
        let body = item(
            r#""_id":"b","status":409,"error":{"type":"cluster_block_exception","reason":"r"}"#,
        );
        let result = one(&echoed(&body));
        assert!(matches!(result, Some(ItemResult::Again(_))), "{result:?}");
    }

    #[test]
    fn a_success_that_contradicts_itself_settles_nothing() {
        for (status, result) in [
            (200, "created"),
            (200, "updated"),
            (200, "deleted"),
            (200, "not_found"),
            (201, "updated"),
            (201, "deleted"),
            (201, "not_found"),
            (201, "NOOP"),
        ] {
            let body = item(&format!(r#""status":{status},"result":"{result}""#));
            assert_eq!(one(&reply(200, &body)), None, "{status} {result}");
        }
    }

    #[test]
    fn a_reply_names_the_documents_of_its_request() {
        let indexed = Some(ItemResult::Indexed(Stored::default()));
        let ours = [
            r#""_id":"a","status":201"#,
            r#""_id":"\u0061","status":201"#,
        ];
        for members in ours {
            assert_eq!(one(&reply(200, &item(members))), indexed, "{members}");
        }
        for id in ["\"b\"", "\"\"", "1", "[\"a\"]"] {
            for status in [200, 201, 409, 400, 503] {
                let body = item(&format!(r#""_id":{id},"status":{status}"#));
                assert_eq!(one(&reply(200, &body)), None, "{id} {status}");
            }
        }
        let swapped = r#"{"items":[{"create":{"_id":"b","status":201}},{"create":{"_id":"a","status":201}}]}"#;
        assert_eq!(
            verdict(&reply(200, swapped), sent(2)),
            Verdict::OtherDocuments
        );
    }

    /// A server that has not read the request can copy its head and count, but it has no ids.
    #[test]
    fn a_reply_without_ids_settles_nothing() {
        for id in ["", r#""_id":null,"#, r#""_id":"","#, r#""_id":1,"#] {
            for status in [200, 201, 400, 409, 429, 500] {
                let body = nameless(&format!(r#"{id}"status":{status}"#));
                for reply in [reply(200, &body), echoed(&body)] {
                    assert_eq!(verdict(&reply, sent(1)), Verdict::Again, "{body}");
                }
            }
        }
        let half = r#"{"items":[{"create":{"_id":"a","status":201}},{"create":{"status":201}}]}"#;
        assert_eq!(verdict(&echoed(half), sent(2)), Verdict::Again);
    }

    /// The echo proves that the reply is ours, so a pipeline has set the other id.
    #[test]
    fn a_pipeline_may_change_id_and_index() {
        let renamed = Stored {
            renamed: true,
            ..Stored::default()
        };
        let body = item(r#""_id":"b","status":201"#);
        assert_eq!(one(&echoed(&body)), Some(ItemResult::Indexed(renamed)));
        let body = item(r#""_id":"dEmSKZgB","status":201,"failure_store":"used""#);
        let failed = Stored {
            failure_store: true,
            ..Stored::default()
        };
        assert_eq!(one(&echoed(&body)), Some(ItemResult::Indexed(failed)));
        let conflict = r#""status":409,"error":{"type":"version_conflict_engine_exception"}"#;
        let body = item(&format!(r#""_id":"b",{conflict}"#));
        let Some(ItemResult::Rejected(rejection)) = one(&echoed(&body)) else {
            panic!("that another document is there does not prove that ours is")
        };
        assert_eq!(
            (rejection.status, &*rejection.kind),
            (409, "document_id_changed")
        );
        let body = item(&format!(r#""_id":"a",{conflict}"#));
        assert_eq!(one(&echoed(&body)), Some(ItemResult::Duplicate));

        let indices = [
            (STREAM, false),
            (".ds-logs-a-b-2026.03.01-000001", false),
            (".fs-logs-a-b-2026.03.01-000001", false),
            (".ds-logs-a-bc-2026.03.01-000001", true),
            (".ds-logs-a-b", true),
            ("other", true),
        ];
        for (index, elsewhere) in indices {
            let body = item(&format!(r#""_index":"{index}","status":201"#));
            let stored = Stored {
                elsewhere,
                ..Stored::default()
            };
            assert_eq!(
                one(&reply(200, &body)),
                Some(ItemResult::Indexed(stored)),
                "{index}"
            );
        }
    }

    /// Items in another order would give each document the outcome of another one.
    #[test]
    fn no_pipeline_gives_a_document_the_id_of_another_log_event() {
        let other = "019ca884c740-3QSDUsaohWE39HaE3JQGzQ";
        for status in [201, 400, 409, 429] {
            let body = item(&format!(r#""_id":"{other}","status":{status}"#));
            assert_eq!(one(&echoed(&body)), None, "{status}");
        }
    }

    /// Returns a request to delete document a.
    fn deletion() -> Sent<'static> {
        Sent {
            data_stream: STREAM,
            actions: &[Action {
                kind: ActionKind::Delete,
                id: "a",
            }],
        }
    }

    #[test]
    fn a_deletion_of_another_document_does_not_count() {
        let body = r#"{"items":[{"delete":{"_id":"b","status":200}}]}"#;
        assert_eq!(verdict(&echoed(body), deletion()), Verdict::OtherDocuments);
    }

    #[test]
    fn a_deletion_is_answered_200() {
        let answered = |members: &str| {
            let body = format!(r#"{{"items":[{{"delete":{{"_id":"a",{members}}}}}]}}"#);
            verdict(&reply(200, &body), deletion())
        };
        let deleted = Verdict::Items(vec![ItemResult::Indexed(Stored::default())]);
        for members in [
            r#""_index":".ds-x-1","result":"deleted","status":200"#,
            r#""status":200"#,
        ] {
            assert_eq!(answered(members), deleted, "{members}");
        }
        for members in [
            r#""status":200,"result":"not_found""#,
            r#""status":200,"result":"noop""#,
            r#""status":200,"result":"created""#,
            r#""status":201"#,
        ] {
            assert_eq!(answered(members), Verdict::Again, "{members}");
        }
    }

    /// The answer 409 tells two cases apart: the document is gone, or it was changed and stays.
    #[test]
    fn a_deletion_with_a_conflict_has_not_deleted() {
        let answered = |reason: &str| {
            let error = format!(r#"{{"type":"{CONFLICT}","reason":"{reason}"}}"#);
            let body =
                format!(r#"{{"items":[{{"delete":{{"_id":"a","status":409,"error":{error}}}}}]}}"#);
            verdict(&reply(200, &body), deletion())
        };
        let gone = "[a]: version conflict, required seqNo [7], primary term [1]. but no document was found";
        assert_eq!(answered(gone), Verdict::Items(vec![ItemResult::Duplicate]));
        let changed = "[a]: version conflict, required seqNo [7], primary term [1]. current document has seqNo [9] and primary term [1]";
        for reason in [changed, ""] {
            let stays = ItemResult::Rejected(error(409, CONFLICT, reason));
            assert_eq!(answered(reason), Verdict::Items(vec![stays]), "{reason}");
        }
    }

    #[test]
    fn an_error_of_any_length_is_bounded() {
        let long = "x".repeat(1 << 20);
        let body = item(&format!(
            r#""status":400,"error":{{"type":"{long}","reason":"{long}"}}"#
        ));
        let Some(ItemResult::Rejected(rejection)) = one(&reply(200, &body)) else {
            panic!("it is rejected")
        };
        assert_eq!(rejection.kind.chars().count(), LONGEST_KIND + 1);
        assert_eq!(rejection.reason.len(), LONGEST_REASON);
    }

    #[test]
    fn a_reply_is_bound_by_echo_or_ids() {
        let bound = |reply: Reply| is_bound(&reply, &verdict(&reply, sent(1)));
        let bare = nameless(r#""status":201"#);
        let (ours, other) = (item(r#""status":201"#), item(r#""_id":"b","status":201"#));
        assert!(bound(echoed(&bare)) && bound(reply(200, &ours)));
        assert!(!bound(reply(200, &bare)) && !bound(reply(200, &other)));
        assert!(!bound(reply(200, "<html>")));
        assert!(bound(reply(503, "")), "an error settles nothing");
    }

    #[test]
    fn a_reason_need_not_be_text() {
        let body = b"{\"items\":[{\"create\":{\"_id\":\"a\",\"status\":400,\"error\":{\"type\":\"t\",\"reason\":\"\xf0\x9f\"}}}]}";
        let reply = Reply {
            status: 200,
            body: body.to_vec(),
            ..Reply::default()
        };
        let rejection = error(400, "t", "\u{fffd}");
        assert_eq!(one(&reply), Some(ItemResult::Rejected(rejection)));
    }

    #[test]
    fn a_reply_that_does_not_say_what_became_of_each_document_settles_none() {
        let ok = r#"{"create":{"_id":"a","status":201}}"#;
        let second = |item: &str| format!(r#"{{"items":[{ok},{item}]}}"#);
        let other = ok.replace("\"a\"", "\"b\"");
        let both = second(&other);
        let cases = [
            String::new(),
            "<html>".into(),
            "{}".into(),
            "[]".into(),
            r#"{"errors":false}"#.into(),
            r#"{"errors" : true , "items": []}"#.into(),
            format!(r#"{{"items":[{ok}]}}"#),
            second(&format!("{other},{other}")),
            second("{}"),
            second(r#"{"create":{}}"#),
            second(r#"{"create":{"_id":"b"}}"#),
            second(r#"{"create":{"_id":"b","status":"201"}}"#),
            second(r#"{"create":{"_id":"b","status":201,"error":{"type":"x"}}}"#),
            second(r#"{"create":{"_id":"b","status":302}}"#),
            second(r#"{"create":{"_id":"b","status":202}}"#),
            second(r#"{"create":{"_id":"b","status":201,"_shards":{"successful":0}}}"#),
            second(r#"[{"_id":"b","status":201}]"#),
            second(r#"{"create":[201,"b",null,null,null,null,null]}"#),
            both.replace("]}", "]"),
            format!("{both} trailing"),
            both.replace("]}", r#"],"error":{"type":"x"}}"#),
            both.replace("]}", r#"],"timed_out":true}"#),
            format!("[[{ok},{other}],null,false]"),
        ];
        for body in cases {
            assert_eq!(
                verdict(&reply(200, &body), sent(2)),
                Verdict::Again,
                "{body}"
            );
        }
        let index = second(&other.replace("create", "index"));
        for two in [both, index.replace("]", r#"],"errors":true"#)] {
            assert_eq!(
                verdict(&reply(200, &two), sent(2)),
                Verdict::Items(vec![ItemResult::Indexed(Stored::default()); 2])
            );
        }
    }

    #[test]
    fn a_reply_cut_anywhere_settles_nothing() {
        let whole = r#"{"took":3,"errors":true,"items":[{"create":{"_id":"a","status":201}},{"create":{"_id":"b","status":409,"error":{"type":"version_conflict_engine_exception"}}}]}"#;
        assert!(matches!(
            verdict(&reply(200, whole), sent(2)),
            Verdict::Items(_)
        ));
        for cut in 0..whole.len() {
            let (cut_off, _) = whole.split_at(cut);
            assert_eq!(
                verdict(&reply(200, cut_off), sent(2)),
                Verdict::Again,
                "cut after {cut} bytes"
            );
        }
    }
}
