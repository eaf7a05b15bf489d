//! Looks up documents by their ids.
//!
//! Elasticsearch enforces unique ids only within a backing index. After a rollover, `create` stores
//! a second copy of a document that an older backing index holds. A search for ids finds all
//! copies. Nobody writes to older backing indices, so a look-up followed by `create` is exact,
//! except for documents written in the last refresh interval before a rollover: call
//! [`Search::refresh`] first if the credentials allow it.

use std::collections::{HashMap, HashSet};

use serde::Serialize;

use super::{
    FoundDocument, PageAnswer, PageContent, SearchOrder, WireHit, WireSort, find, read_reply,
    too_large,
};
use crate::bulk::{DocumentId, Failure, Session, StoredDocument};
use crate::server::Search;

/// Upper bound on the ids in a question. Each document may be in several backing indices.
const MOST_IDS: usize = 1_000;

/// Upper bound on the hits of a reply: the default of `index.max_result_window`.
const MOST_HITS: usize = 10_000;

/// The data stream in which documents are looked up.
#[derive(Debug, Clone, Copy)]
pub struct LookUpPlace<'p> {
    /// Its name.
    pub data_stream: &'p str,
    /// Another data stream that holds documents with the same ids. A reply that names one of its
    /// backing indices answers another question.
    pub other: Option<&'p str>,
}

#[derive(Serialize)]
struct WireQuestion<'q> {
    size: usize,
    query: WireIds<'q>,
    sort: [WireSort; 1],
    #[serde(rename = "_source")]
    source: bool,
    seq_no_primary_term: bool,
    track_total_hits: bool,
}

#[derive(Serialize)]
struct WireIds<'q> {
    ids: WireValues<'q>,
}

#[derive(Serialize)]
struct WireValues<'q> {
    values: &'q [DocumentId],
}

/// Finds every copy of these documents, in all backing indices of a data stream.
///
/// An id that is missing from the result is proven to be absent: a reply counts only if all shards
/// took part, it holds as many documents as it announces, and they are documents that were asked
/// for. After any other reply, such as the 503 of a data stream that was just rolled over, the question is repeated as long as the session
/// allows. A data stream that does not exist has no documents.
///
/// The credentials need `read` on the data stream. A reply that will not change, such as 403, stops
/// the session.
///
/// # Errors
/// The failure that prevents an answer. It says nothing about any id.
pub async fn look_up<S: Search>(
    server: &S,
    place: LookUpPlace<'_>,
    ids: &[DocumentId],
    session: &Session,
) -> Result<HashMap<DocumentId, Vec<StoredDocument>>, Failure> {
    let mut copies = HashMap::<_, Vec<_>>::new();
    let mut batches: Vec<&[DocumentId]> = ids.chunks(MOST_IDS).rev().collect();
    while let Some(batch) = batches.pop() {
        let read_hits = |body: &[u8]| read_hits(body, place, batch);
        match find(
            server,
            place.data_stream,
            &[question(batch)],
            session,
            read_hits,
        )
        .await?
        {
            PageAnswer::Page(found) => {
                for FoundDocument { stored, .. } in found {
                    if let Some(id) = DocumentId::parse(&stored.id) {
                        copies.entry(id).or_default().push(stored);
                    }
                }
            }
            PageAnswer::NoStream => {}
            PageAnswer::TooLarge if batch.len() > 1 => {
                let (first, second) = batch.split_at(batch.len() / 2);
                batches.extend([second, first]);
            }
            PageAnswer::TooLarge => return Err(too_large(session)),
        }
    }
    Ok(copies)
}

#[expect(
    clippy::expect_used,
    reason = "a Vec takes every write, and the keys are text"
)]
fn question(ids: &[DocumentId]) -> Vec<u8> {
    let question = WireQuestion {
        size: MOST_HITS,
        query: WireIds {
            ids: WireValues { values: ids },
        },
        sort: SearchOrder::AsStored.sort(),
        source: false,
        seq_no_primary_term: true,
        track_total_hits: true,
    };
    serde_json::to_vec(&question).expect("a question can be written as JSON")
}

fn read_hits(
    body: &[u8],
    place: LookUpPlace<'_>,
    asked: &[DocumentId],
) -> Option<PageContent<Vec<FoundDocument>>> {
    let reply = read_reply(body)?;
    let found = reply.hits.hits.len() as u64;
    let total = reply.hits.total.value;
    if total > MOST_HITS as u64 {
        return Some(PageContent::TooLarge);
    }
    if found != total {
        return Some(PageContent::FellShort { found, total });
    }
    let asked: HashSet<_> = asked.iter().copied().collect();
    let is_asked = |hit: &WireHit<'_>| {
        !place.is_elsewhere(&hit.index)
            && DocumentId::parse(&hit.id).is_some_and(|id| asked.contains(&id))
    };
    if !reply.hits.hits.iter().all(is_asked) {
        return None;
    }
    let found = reply.hits.hits.into_iter().map(WireHit::into_found);
    Some(PageContent::Whole(found.collect()))
}

impl LookUpPlace<'_> {
    /// Returns whether an index surely belongs to the other data stream. Any other index may be
    /// that of an alias, or one that was added to the data stream.
    fn is_elsewhere(&self, index: &str) -> bool {
        self.other.is_some_and(|other| is_backing(index, other))
            && !is_backing(index, self.data_stream)
    }
}

/// Returns whether an index has the name of a backing index of a data stream, or of a copy of one:
/// `.ds-NAME-2026.03.01-000001`, `.ds-NAME-000001` in OpenSearch, and both behind words such as
/// `partial-` and `shrink-x1y2-`.
fn is_backing(index: &str, data_stream: &str) -> bool {
    [".ds-", ".fs-"].iter().any(|prefix| {
        let name = index.rsplit_once(prefix).map(|(_, name)| name);
        let generation = name
            .and_then(|name| name.strip_prefix(data_stream))
            .and_then(|rest| rest.strip_prefix('-'));
        generation.is_some_and(|generation| {
            let is_of_generation = |byte: u8| byte.is_ascii_digit() || b".-".contains(&byte);
            !generation.is_empty() && generation.bytes().all(is_of_generation)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_is_elsewhere_only_if_it_surely_is() {
        let place = LookUpPlace {
            data_stream: "logs-a-b",
            other: Some("logs-dead-b"),
        };
        for (index, expected) in [
            (".ds-logs-dead-b-2026.03.01-000001", true),
            (".ds-logs-dead-b-000001", true),
            (".fs-logs-dead-b-2026.03.01-000001", true),
            ("partial-.ds-logs-dead-b-2026.03.01-000001", true),
            ("shrink-x1y2-.ds-logs-dead-b-2026.03.01-000001", true),
            (".ds-logs-a-b-2026.03.01-000001", false),
            ("restored-.ds-logs-a-b-000001", false),
            (".ds-logs-dead-b", false),
            (".ds-logs-dead-b-", false),
            (".ds-logs-dead-b-more-2026.03.01-000001", false),
            (".ds-logs-else-b-2026.03.01-000001", false),
            ("logs-dead-b", false),
            ("an-index-of-somebody", false),
        ] {
            assert_eq!(place.is_elsewhere(index), expected, "{index}");
        }
        let alone = LookUpPlace {
            other: None,
            ..place
        };
        assert!(!alone.is_elsewhere(".ds-logs-dead-b-000001"));
    }
}
