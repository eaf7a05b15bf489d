//! Finds a few documents of a log group, to learn which ids it has.

use serde::Serialize;

use super::{
    PageAnswer, PageContent, SearchOrder, WireRange, WireSort, WireTimestamp, find, read_reply,
    too_large,
};
use crate::bulk::{Failure, Session};
use crate::ecs::Timestamp;
use crate::server::Search;

/// A search for a few documents of a log group.
#[derive(Debug, Clone, Copy)]
pub struct Sample<'q> {
    /// The data stream.
    pub data_stream: &'q str,
    /// The log group.
    pub log_group: &'q str,
    /// The earliest `@timestamp`, in milliseconds since 1970.
    pub since: i64,
    /// The latest `@timestamp`, in milliseconds since 1970.
    pub until: i64,
    /// The documents that come first.
    pub order: SearchOrder,
    /// Upper bound on the number of documents.
    pub size: usize,
}

#[derive(Serialize)]
struct WireSample<'q> {
    size: usize,
    query: WireBool<'q>,
    sort: [WireSort; 1],
    #[serde(rename = "_source")]
    source: bool,
    seq_no_primary_term: bool,
    track_total_hits: bool,
}

#[derive(Serialize)]
struct WireBool<'q> {
    r#bool: WireFilters<'q>,
}

#[derive(Serialize)]
struct WireFilters<'q> {
    filter: (WireTerm<'q>, WireRange<WireTimes>),
}

#[derive(Serialize)]
struct WireTerm<'q> {
    term: WireLogGroup<'q>,
}

#[derive(Serialize)]
struct WireLogGroup<'q> {
    #[serde(rename = "aws.cloudwatch.log_group")]
    log_group: &'q str,
}

#[derive(Serialize)]
struct WireTimes {
    gte: Timestamp,
    lte: Timestamp,
}

/// Returns the ids of a few documents.
///
/// # Errors
/// The failure that prevents an answer.
pub async fn sample<S: Search>(
    server: &S,
    sample: &Sample<'_>,
    session: &Session,
) -> Result<Vec<String>, Failure> {
    let bodies = [sample.order, SearchOrder::AsStored].map(|order| sample.body(order));
    let ids = |body: &[u8]| ids(body, sample.size);
    match find(server, sample.data_stream, &bodies, session, ids).await? {
        PageAnswer::Page(ids) => Ok(ids),
        PageAnswer::NoStream => Ok(Vec::new()),
        PageAnswer::TooLarge => Err(too_large(session)),
    }
}

fn ids(body: &[u8], size: usize) -> Option<PageContent<Vec<String>>> {
    let reply = read_reply(body)?;
    let found = reply.hits.hits.len() as u64;
    let total = reply.hits.total.value;
    if found != total.min(size as u64) {
        return Some(PageContent::FellShort { found, total });
    }
    let ids = reply.hits.hits.into_iter().map(|hit| hit.id);
    Some(PageContent::Whole(ids.collect()))
}

impl Sample<'_> {
    #[expect(
        clippy::expect_used,
        reason = "a Vec takes every write, and the keys are text"
    )]
    fn body(&self, order: SearchOrder) -> Vec<u8> {
        let term = WireTerm {
            term: WireLogGroup {
                log_group: self.log_group,
            },
        };
        let times = WireTimes {
            gte: Timestamp(self.since),
            lte: Timestamp(self.until),
        };
        let range = WireRange {
            range: WireTimestamp { timestamp: times },
        };
        let sample = WireSample {
            size: self.size,
            query: WireBool {
                r#bool: WireFilters {
                    filter: (term, range),
                },
            },
            sort: order.sort(),
            source: false,
            seq_no_primary_term: true,
            track_total_hits: true,
        };
        serde_json::to_vec(&sample).expect("a search can be written as JSON")
    }
}
