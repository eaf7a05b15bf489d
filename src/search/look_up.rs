//! Looks up documents by their ids.
//!
//! Elasticsearch enforces unique ids only within a backing index. After a rollover, `create` stores
//! a second copy of a document that an older backing index holds. A search for ids finds all
//! copies. Nobody writes to older backing indices, so a look-up followed by `create` is exact,
//! except for documents written in the last refresh interval before a rollover: call
//! [`Search::refresh`] first if the credentials allow it.

use std::collections::HashMap;

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
/// took part and it holds as many documents as it announces. After any other reply, such as the 503
/// of a data stream that was just rolled over, the question is repeated as long as the session
/// allows. A data stream that does not exist has no documents.
///
/// The credentials need `read` on the data stream. A reply that will not change, such as 403, stops
/// the session.
///
/// # Errors
/// The failure that prevents an answer. It says nothing about any id.
pub async fn look_up<S: Search>(
    server: &S,
    data_stream: &str,
    ids: &[DocumentId],
    session: &Session,
) -> Result<HashMap<DocumentId, Vec<StoredDocument>>, Failure> {
    let mut copies = HashMap::<_, Vec<_>>::new();
    let mut batches: Vec<&[DocumentId]> = ids.chunks(MOST_IDS).rev().collect();
    while let Some(batch) = batches.pop() {
        match find(server, data_stream, &[question(batch)], session, read_hits).await? {
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

fn read_hits(body: &[u8]) -> Option<PageContent<Vec<FoundDocument>>> {
    let reply = read_reply(body)?;
    let found = reply.hits.hits.len() as u64;
    let total = reply.hits.total.value;
    if total > MOST_HITS as u64 {
        return Some(PageContent::TooLarge);
    }
    if found != total {
        return Some(PageContent::FellShort { found, total });
    }
    let found = reply.hits.hits.into_iter().map(WireHit::into_found);
    Some(PageContent::Whole(found.collect()))
}
