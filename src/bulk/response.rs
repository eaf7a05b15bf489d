//! What a reply to a bulk request means: the outcome table, in one place.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::Rejection;
use crate::json::{mend_surrogates, utf8};
use crate::server::Reply;

/// What to do after a reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// One result for each document, in the order they were sent.
    Items(Vec<ItemResult>),
    /// Send the same again later. The documents may be there or not.
    Again,
    /// The request was too large: send it in halves.
    TooLarge,
    /// Something in the request is bad: find out what, in halves.
    Malformed,
    /// The credentials were refused.
    Unauthorized,
    /// The request cannot succeed until an operator mends something. The documents are not at fault.
    Stop,
}

/// What became of one document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ItemResult {
    /// Stored.
    Indexed {
        /// Not in the data stream itself but in its failure store, out of sight of ordinary searches.
        failure_store: bool,
    },
    /// There already.
    Duplicate,
    /// Not now: send it again, alone with its like.
    Again {
        /// The HTTP status of the item.
        status: u16,
    },
    /// Never, as it is.
    Rejected(Rejection),
    /// Not until an operator mends something: a privilege, a missing index, a write block.
    Blocked {
        /// The HTTP status of the item.
        status: u16,
        /// Elasticsearch's name for it.
        kind: String,
    },
}

/// Reads a reply to a request of so many documents.
#[must_use]
pub fn verdict(reply: &Reply, sent: usize) -> Verdict {
    match reply.status {
        200..=299 => item_results(&reply.body, sent).map_or(Verdict::Again, Verdict::Items),
        400 => Verdict::Malformed,
        401 | 403 => Verdict::Unauthorized,
        413 => Verdict::TooLarge,
        408 | 429 => Verdict::Again,
        // Redirects are not followed: they would carry logs and credentials to somebody else.
        300..=499 | 501 => Verdict::Stop,
        _ => Verdict::Again,
    }
}

/// The results of the items; `None` if the reply does not say, of every document, what became of it.
fn item_results(body: &[u8], sent: usize) -> Option<Vec<ItemResult>> {
    // A reason may quote half a character.
    let body = utf8(body);
    let reply: WireReply<'_> = serde_json::from_str(&body).ok()?;
    if reply.items.len() != sent {
        return None;
    }
    reply
        .items
        .into_iter()
        .map(|item| item.create.into_result())
        .collect()
}

impl Rejection {
    /// Why a request of a single document was refused as a whole.
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

#[derive(Deserialize)]
struct WireFailure<'a> {
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct WireReply<'a> {
    #[serde(borrow)]
    items: Vec<WireItem<'a>>,
}

#[derive(Deserialize)]
struct WireItem<'a> {
    // Pipelines and proxies may answer with another name for the action; it is the status that counts.
    #[serde(borrow, alias = "index", alias = "update", alias = "delete")]
    create: WireResult<'a>,
}

#[derive(Deserialize)]
struct WireResult<'a> {
    status: u16,
    /// Read only as far as it is understood: it quotes the document, and must not spoil what the others say.
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    failure_store: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum WireError {
    Object {
        #[serde(default, rename = "type")]
        kind: Option<String>,
        #[serde(default)]
        reason: Option<String>,
        #[serde(default)]
        caused_by: Option<WireCause>,
    },
    Text(String),
}

#[derive(Deserialize)]
struct WireCause {
    #[serde(default)]
    reason: Option<String>,
}

impl WireResult<'_> {
    /// `None` for a contradiction: a success with an error.
    fn into_result(self) -> Option<ItemResult> {
        let status = self.status;
        let failed = self.error.is_some();
        let (kind, reason) = self.error.map(kind_and_reason).unwrap_or_default();
        Some(match status {
            200..=299 if failed => return None,
            200..=299 => ItemResult::Indexed {
                failure_store: self.failure_store.as_deref() == Some("used"),
            },
            409 => ItemResult::Duplicate,
            408 | 429 | 500..=599 => ItemResult::Again { status },
            401 | 403 | 404 => ItemResult::Blocked { status, kind },
            // Not the document's fault: the cluster has all the shards it may have.
            400 if kind == "validation_exception" => ItemResult::Blocked { status, kind },
            // Nor this: ELASTICSEARCH_PIPELINE is misspelt.
            400 if kind == "illegal_argument_exception"
                && reason.starts_with("pipeline with id [") =>
            {
                ItemResult::Blocked {
                    status,
                    kind: "pipeline does not exist".to_owned(),
                }
            }
            400..=499 => ItemResult::Rejected(Rejection {
                status,
                kind,
                reason,
            }),
            _ => return None,
        })
    }
}

/// Elasticsearch's name and explanation of an error; of one in an unknown form, all of it.
fn kind_and_reason(error: &RawValue) -> (String, String) {
    let wire = serde_json::from_str(&mend_surrogates(error.get()));
    wire.map_or_else(
        |_| (String::new(), error.get().to_owned()),
        WireError::into_kind_and_reason,
    )
}

impl WireError {
    fn into_kind_and_reason(self) -> (String, String) {
        match self {
            Self::Object {
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

    fn reply(status: u16, body: &str) -> Reply {
        Reply {
            status,
            retry_after: None,
            body: body.into(),
        }
    }

    #[test]
    fn a_request_as_a_whole() {
        let cases: &[(&[u16], Verdict)] = &[
            (
                &[408, 429, 500, 502, 503, 504, 507, 520, 100, 0],
                Verdict::Again,
            ),
            (&[413], Verdict::TooLarge),
            (&[400], Verdict::Malformed),
            (&[401, 403], Verdict::Unauthorized),
            (
                &[
                    300, 301, 302, 304, 307, 308, 402, 404, 405, 406, 410, 411, 414, 415, 422, 501,
                ],
                Verdict::Stop,
            ),
        ];
        for (statuses, expected) in cases {
            for status in *statuses {
                assert_eq!(
                    &verdict(&reply(*status, r#"{"items":[]}"#), 0),
                    expected,
                    "{status}"
                );
            }
        }
    }

    #[test]
    fn one_item() {
        let rejected = |status, kind: &str, reason: &str| {
            ItemResult::Rejected(Rejection {
                status,
                kind: kind.into(),
                reason: reason.into(),
            })
        };
        let again = |status| ItemResult::Again { status };
        let blocked = |status, kind: &str| ItemResult::Blocked {
            status,
            kind: kind.into(),
        };
        let cases = [
            (
                r#""status":201"#,
                ItemResult::Indexed {
                    failure_store: false,
                },
            ),
            (
                r#""status":200,"failure_store":"not_applicable_or_unknown""#,
                ItemResult::Indexed {
                    failure_store: false,
                },
            ),
            (
                r#""status":201,"failure_store":"used""#,
                ItemResult::Indexed {
                    failure_store: true,
                },
            ),
            (
                r#""status":409,"error":{"type":"version_conflict_engine_exception"}"#,
                ItemResult::Duplicate,
            ),
            (r#""status":408"#, again(408)),
            (
                r#""status":429,"error":{"type":"cluster_block_exception"}"#,
                again(429),
            ),
            (r#""status":500"#, again(500)),
            (
                r#""status":503,"error":{"type":"unavailable_shards_exception"}"#,
                again(503),
            ),
            (r#""status":401"#, blocked(401, "")),
            (
                r#""status":403,"error":{"type":"security_exception","reason":"r"}"#,
                blocked(403, "security_exception"),
            ),
            (
                r#""status":404,"error":{"type":"index_not_found_exception"}"#,
                blocked(404, "index_not_found_exception"),
            ),
            (
                r#""status":400,"error":{"type":"validation_exception"}"#,
                blocked(400, "validation_exception"),
            ),
            (
                r#""status":400,"error":{"type":"illegal_argument_exception","reason":"pipeline with id [p] does not exist"}"#,
                blocked(400, "pipeline does not exist"),
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
            (r#""status":413"#, rejected(413, "", "")),
            (r#""status":422"#, rejected(422, "", "")),
        ];
        for (item, expected) in cases {
            let body = format!(
                r#"{{"took":1,"errors":false,"items":[{{"create":{{"_index":"i",{item}}}}}]}}"#
            );
            assert_eq!(
                verdict(&reply(200, &body), 1),
                Verdict::Items(vec![expected]),
                "{item}"
            );
        }
    }

    #[test]
    fn a_reason_need_not_be_text() {
        let body = b"{\"items\":[{\"create\":{\"status\":400,\"error\":{\"type\":\"t\",\"reason\":\"\xf0\x9f\"}}}]}";
        let reply = Reply {
            status: 200,
            retry_after: None,
            body: body.to_vec(),
        };
        let rejection = Rejection {
            status: 400,
            kind: "t".into(),
            reason: "\u{fffd}".into(),
        };
        assert_eq!(
            verdict(&reply, 1),
            Verdict::Items(vec![ItemResult::Rejected(rejection)])
        );
    }

    #[test]
    fn a_reply_that_does_not_say_what_became_of_each_document_settles_none() {
        let ok = r#"{"create":{"status":201}}"#;
        let cases = [
            String::new(),
            "<html>".into(),
            "{}".into(),
            "[]".into(),
            r#"{"errors":false}"#.into(),
            r#"{"errors" : true , "items": []}"#.into(),
            format!(r#"{{"items":[{ok}]}}"#),
            format!(r#"{{"items":[{ok},{ok},{ok}]}}"#),
            format!(r#"{{"items":[{ok},{{}}]}}"#),
            format!(r#"{{"items":[{ok},{{"create":{{}}}}]}}"#),
            format!(r#"{{"items":[{ok},{{"create":{{"status":"201"}}}}]}}"#),
            format!(r#"{{"items":[{ok},{{"create":{{"status":201,"error":{{"type":"x"}}}}}}]}}"#),
            format!(r#"{{"items":[{ok},{{"create":{{"status":302}}}}]}}"#),
            format!(r#"{{"items":[{ok},{ok}]"#),
            format!(r#"{{"items":[{ok},{ok}]}} trailing"#),
        ];
        for body in cases {
            assert_eq!(verdict(&reply(200, &body), 2), Verdict::Again, "{body}");
        }
        let two = format!(r#"{{"errors":true,"items":[{ok},{{"index":{{"status":201}}}}]}}"#);
        assert_eq!(
            verdict(&reply(200, &two), 2),
            Verdict::Items(vec![
                ItemResult::Indexed {
                    failure_store: false
                };
                2
            ])
        );
    }

    #[test]
    fn a_reply_cut_anywhere_settles_nothing() {
        let whole = r#"{"took":3,"errors":true,"items":[{"create":{"_id":"1","status":201}},{"create":{"status":409}}]}"#;
        for cut in 0..whole.len() {
            let (cut_off, _) = whole.split_at(cut);
            assert_eq!(
                verdict(&reply(200, cut_off), 2),
                Verdict::Again,
                "cut after {cut} bytes"
            );
        }
    }
}
