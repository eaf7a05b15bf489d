//! Searches that prove that they saw everything.
//!
//! Code that decides about data by reading it back must not take a part for the whole; a redrive,
//! for instance, removes letters. But a server may end a scroll early without an error:
//! Elasticsearch 9.5 does so for `match_all` in ascending order of `@timestamp` when the index is
//! sorted in descending order, and sometimes answers 400. With a range on `@timestamp` it does so
//! only if the index is sorted by another field first, as logsdb sorts by `host.name`. So this room
//! keeps three rules. A search in order of time has a range on `@timestamp`. Each search compares the
//! count of what it finds with `hits.total`. And a search that fell short, or was answered 400, is
//! asked again in the order in which the documents are stored, or fails in the end. The same goes
//! for a search that returns a document twice, or more documents than it announced: a proxy may
//! answer with an old page, and nothing tells how many such pages would follow.

mod look_up;
mod permitted;
mod sample;

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

pub use self::look_up::{LookUpPlace, look_up};
pub use self::permitted::PermittedLookUp;
pub use self::sample::{Sample, sample};
use crate::bulk::{Failure, Session, StoredDocument};
use crate::ecs::Timestamp;
use crate::server::{HostPort, Reply, Search, TransportError};

/// A search for documents, oldest first.
#[derive(Debug, Clone, Copy)]
pub struct SearchQuery<'q> {
    /// The data stream, or anything else that a search may name.
    pub data_stream: &'q str,
    /// The earliest `@timestamp`; `None` for all documents.
    pub since: Option<Timestamp>,
    /// The fields to return for each document.
    pub source: &'q [&'q str],
    /// Upper bound on the number of documents in a page.
    pub page_size: usize,
}

/// A document that a search found.
#[derive(Debug, Clone)]
pub struct FoundDocument {
    /// Its place in the index.
    pub stored: StoredDocument,
    /// The requested fields, as JSON.
    pub source: Option<Box<RawValue>>,
}

/// Upper bound on the wait for requests whose result is not needed.
const COURTESY: Duration = Duration::from_secs(5);

/// Reads every document that a search finds, page by page, and returns none twice.
#[derive(Debug)]
pub struct SearchReader<'r, S> {
    server: &'r S,
    query: SearchQuery<'r>,
    session: Session,
    scroll_id: Option<String>,
    order: SearchOrder,
    /// The number of the current search.
    search: u32,
    /// The number of distinct documents in the current search.
    seen: u64,
    /// The number of documents that the current search announced.
    total: u64,
    /// The hash of each returned document, and the last search that found it.
    returned: HashMap<u64, u32>,
}

/// The order in which a search returns documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SearchOrder {
    /// The order of `@timestamp`, ascending.
    OldestFirst,
    /// The order of `@timestamp`, descending.
    NewestFirst,
    /// The order in which the documents are stored, which no server has trouble with.
    AsStored,
}

/// The meaning of a reply.
enum SearchReply<P> {
    Page(P),
    /// The data stream does not exist.
    NoStream,
    TooLarge,
    /// Another try may get another reply.
    Again(Failure, Option<Duration>),
    Stop(Failure),
}

#[derive(Debug)]
struct SearchPage {
    scroll_id: String,
    total: u64,
    found: Vec<FoundDocument>,
}

impl<'r, S: Search> SearchReader<'r, S> {
    /// Makes a reader that asks nothing yet. The session decides how often and how long it asks
    /// again.
    pub fn new(server: &'r S, query: SearchQuery<'r>, session: Session) -> Self {
        Self {
            server,
            query,
            session,
            scroll_id: None,
            order: SearchOrder::OldestFirst,
            search: 0,
            seen: 0,
            total: 0,
            returned: HashMap::new(),
        }
    }

    /// Returns the number of documents that the search announced, once a page was read.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Returns documents that were not returned before; `None` once it is proved that none is left.
    ///
    /// # Errors
    /// The failure that keeps the rest from being read.
    pub async fn next(&mut self) -> Result<Option<Vec<FoundDocument>>, Failure> {
        while let Some(timeout) = self.session.request_timeout() {
            match self.ask(timeout).await {
                SearchReply::Page(page) if self.contradicts(&page) => {
                    self.scroll_id = Some(page.scroll_id);
                    self.begin_anew(Failure::SearchContradicts, None).await;
                }
                SearchReply::Page(page) => {
                    let is_last = page.found.is_empty();
                    let news = self.take(page);
                    if !news.is_empty() {
                        self.session.progress();
                        return Ok(Some(news));
                    }
                    if is_last && self.seen == self.total {
                        return Ok(None);
                    }
                    if is_last {
                        self.begin_anew(self.shortfall(), None).await;
                    }
                }
                SearchReply::Stop(failure)
                    if self.order != SearchOrder::AsStored && may_be_the_orders(&failure) =>
                {
                    self.begin_anew(failure, None).await;
                }
                SearchReply::NoStream => return Ok(None),
                SearchReply::TooLarge if self.query.page_size > 1 => {
                    self.query.page_size = self.query.page_size.div_ceil(2);
                    self.session.progress();
                }
                SearchReply::TooLarge => self
                    .session
                    .stop(Failure::Transport(TransportError::TooLarge)),
                SearchReply::Again(failure, retry_after) => {
                    self.begin_anew(failure, retry_after).await
                }
                SearchReply::Stop(failure) => self.session.stop(failure),
            }
        }
        Err(self.session.failure().unwrap_or(self.shortfall()))
    }

    fn shortfall(&self) -> Failure {
        Failure::SearchFellShort {
            found: self.seen,
            total: self.total,
        }
    }

    /// Ends the search, waits, and leaves it to the next request to begin another search, in another
    /// order if that may help.
    async fn begin_anew(&mut self, failure: Failure, retry_after: Option<Duration>) {
        self.end_scroll().await;
        if may_be_the_orders(&failure) {
            self.order = SearchOrder::AsStored;
        }
        self.session.failed(failure);
        self.session.wait(retry_after).await;
    }

    /// Returns whether a page has a document that the current search has returned before, or more
    /// documents than it announced. So each page brings the search nearer to its end.
    fn contradicts(&self, page: &SearchPage) -> bool {
        let mut in_page = HashSet::new();
        let is_repeated = |found: &FoundDocument| {
            let hash = hash(&found.stored);
            self.returned.get(&hash) == Some(&self.search) || !in_page.insert(hash)
        };
        self.seen + page.found.len() as u64 > self.total || page.found.iter().any(is_repeated)
    }

    /// Counts the documents of a page. Returns those that were not returned before.
    fn take(&mut self, page: SearchPage) -> Vec<FoundDocument> {
        self.scroll_id = Some(page.scroll_id);
        let mut news = Vec::new();
        for found in page.found {
            let before = self.returned.insert(hash(&found.stored), self.search);
            self.seen += 1;
            if before.is_none() {
                news.push(found);
            }
        }
        news
    }

    /// Asks for the next page. After a failure that is the first page of a new search, because a
    /// scroll that was answered is not answered again.
    async fn ask(&mut self, timeout: Duration) -> SearchReply<SearchPage> {
        let Some(scroll_id) = &self.scroll_id else {
            return self.begin(timeout).await;
        };
        let reply = self.server.scroll(scroll_id, timeout).await;
        match read(reply, self.query.data_stream, read_page) {
            page @ SearchReply::Page(_) => page,
            // The search is gone. That does not mean that the data stream is gone.
            SearchReply::Stop(failure @ Failure::Status(404)) => SearchReply::Again(failure, None),
            answer => {
                self.end_scroll().await;
                answer
            }
        }
    }

    /// Begins a search. Its first page says how many documents there are.
    async fn begin(&mut self, timeout: Duration) -> SearchReply<SearchPage> {
        let SearchQuery { data_stream, .. } = self.query;
        self.search += 1;
        (self.seen, self.total) = (0, 0);
        self.server
            .refresh(data_stream, timeout.min(COURTESY))
            .await;
        let body = self.query.body(self.order);
        let reply = self.server.search(data_stream, &body, timeout).await;
        let answer = read(reply, data_stream, read_page);
        if let SearchReply::Page(page) = &answer {
            self.total = page.total;
        }
        answer
    }

    /// Ends the search.
    pub async fn end(mut self) {
        self.end_scroll().await;
    }

    async fn end_scroll(&mut self) {
        if let Some(scroll_id) = self.scroll_id.take() {
            self.server.end_scroll(&scroll_id, COURTESY).await;
        }
    }
}

/// Returns whether a search in another order may succeed.
fn may_be_the_orders(failure: &Failure) -> bool {
    matches!(
        failure,
        Failure::Status(400)
            | Failure::Unreadable
            | Failure::SearchContradicts
            | Failure::SearchFellShort { .. }
    )
}

fn hash(stored: &StoredDocument) -> u64 {
    let mut hasher = DefaultHasher::new();
    stored.hash(&mut hasher);
    hasher.finish()
}

/// The content of a reply to a search of one page.
enum PageContent<P> {
    Whole(P),
    /// The reply does not have room for all documents.
    TooLarge,
    /// The reply holds fewer documents than it announces.
    FellShort {
        found: u64,
        total: u64,
    },
}

/// The answer to a search of one page.
enum PageAnswer<P> {
    Page(P),
    /// The data stream does not exist.
    NoStream,
    TooLarge,
}

/// Searches until there is an answer, as long as the session allows. The bodies ask the same in
/// several orders: the next one is sent if the server may have trouble with the order of the last.
/// `read_content` returns `None` if a body is not whole.
async fn find<S: Search, P>(
    server: &S,
    data_stream: &str,
    mut bodies: &[Vec<u8>],
    session: &Session,
    read_content: impl Fn(&[u8]) -> Option<PageContent<P>>,
) -> Result<PageAnswer<P>, Failure> {
    let done = |answer| {
        session.progress();
        Ok(answer)
    };
    while let Some(timeout) = session.request_timeout()
        && let Some((body, others)) = bodies.split_first()
    {
        let reply = server.find(data_stream, body, timeout).await;
        let (failure, retry_after) = match read(reply, data_stream, &read_content) {
            SearchReply::Page(PageContent::Whole(page)) => return done(PageAnswer::Page(page)),
            SearchReply::Page(PageContent::TooLarge) | SearchReply::TooLarge => {
                return done(PageAnswer::TooLarge);
            }
            SearchReply::NoStream => return done(PageAnswer::NoStream),
            SearchReply::Page(PageContent::FellShort { found, total }) => {
                (Failure::SearchFellShort { found, total }, None)
            }
            SearchReply::Again(failure, retry_after) => (failure, retry_after),
            SearchReply::Stop(failure) if others.is_empty() || !may_be_the_orders(&failure) => {
                session.stop(failure);
                continue;
            }
            SearchReply::Stop(failure) => (failure, None),
        };
        if may_be_the_orders(&failure) && !others.is_empty() {
            bodies = others;
        }
        session.failed(failure);
        session.wait(retry_after).await;
    }
    let unknown = Failure::Transport(TransportError::Timeout(HostPort::default()));
    Err(session.failure().unwrap_or(unknown))
}

/// Ends a session in which no smaller question is left to ask.
fn too_large(session: &Session) -> Failure {
    let failure = Failure::Transport(TransportError::TooLarge);
    session.stop(failure.clone());
    failure
}

/// Reads a reply about a data stream. `page` reads the body and returns `None` if it is not whole.
fn read<P>(
    reply: Result<Reply, TransportError>,
    data_stream: &str,
    page: impl FnOnce(&[u8]) -> Option<P>,
) -> SearchReply<P> {
    let reply = match reply {
        Ok(reply) => reply,
        Err(TransportError::TooLarge) => return SearchReply::TooLarge,
        Err(error @ TransportError::NoCredentials(_)) => {
            return SearchReply::Stop(Failure::Transport(error));
        }
        Err(error) => return SearchReply::Again(Failure::Transport(error), None),
    };
    let failure = Failure::of(&reply);
    match reply.status {
        200..=299 => page(&reply.body).map_or(
            SearchReply::Again(failure, reply.retry_after),
            SearchReply::Page,
        ),
        404 => match missing(&reply.body, data_stream) {
            NotFound::DataStream => SearchReply::NoStream,
            NotFound::BackingIndex => SearchReply::Again(failure, reply.retry_after),
            NotFound::Path => SearchReply::Stop(failure),
        },
        408 | 429 | 500 | 502..=599 => SearchReply::Again(failure, reply.retry_after),
        _ => SearchReply::Stop(failure),
    }
}

/// The thing that a reply with status 404 reports as missing.
#[derive(Debug, PartialEq, Eq)]
enum NotFound {
    /// The data stream, so there are no documents.
    DataStream,
    /// An index that was deleted during the search, so the other indices were not searched.
    BackingIndex,
    /// The path: a proxy that does not know it answers 404, too.
    Path,
}

fn missing(body: &[u8], data_stream: &str) -> NotFound {
    #[derive(Deserialize)]
    struct WireNotFound {
        error: WireMissingIndex,
    }
    #[derive(Deserialize)]
    struct WireMissingIndex {
        r#type: String,
        index: Option<String>,
    }
    let Ok(WireNotFound { error }) = serde_json::from_slice(body) else {
        return NotFound::Path;
    };
    let names_stream = error.index.is_none_or(|index| index == data_stream);
    match &*error.r#type {
        "index_not_found_exception" if names_stream => NotFound::DataStream,
        "index_not_found_exception" | "search_phase_execution_exception" => NotFound::BackingIndex,
        _ => NotFound::Path,
    }
}

#[derive(Serialize)]
struct WireQuery<'q> {
    size: usize,
    query: WireRange<WireSince>,
    sort: [WireSort; 1],
    #[serde(rename = "_source")]
    source: &'q [&'q str],
    seq_no_primary_term: bool,
    track_total_hits: bool,
}

/// A query for a range of times.
#[derive(Serialize)]
struct WireRange<T> {
    range: WireTimestamp<T>,
}

#[derive(Serialize)]
struct WireTimestamp<T> {
    #[serde(rename = "@timestamp")]
    timestamp: T,
}

#[derive(Serialize)]
struct WireSince {
    gte: Timestamp,
}

#[derive(Serialize)]
enum WireSort {
    #[serde(rename = "@timestamp")]
    Timestamp(&'static str),
    #[serde(rename = "_doc")]
    AsStored(&'static str),
}

impl SearchOrder {
    fn sort(self) -> [WireSort; 1] {
        [match self {
            Self::OldestFirst => WireSort::Timestamp("asc"),
            Self::NewestFirst => WireSort::Timestamp("desc"),
            Self::AsStored => WireSort::AsStored("asc"),
        }]
    }
}

impl SearchQuery<'_> {
    #[expect(
        clippy::expect_used,
        reason = "writing to a Vec cannot fail, and the keys are text"
    )]
    fn body(&self, order: SearchOrder) -> Vec<u8> {
        let gte = self.since.unwrap_or(Timestamp::FIRST);
        let query = WireQuery {
            size: self.page_size,
            query: WireRange {
                range: WireTimestamp {
                    timestamp: WireSince { gte },
                },
            },
            sort: order.sort(),
            source: self.source,
            seq_no_primary_term: true,
            track_total_hits: true,
        };
        serde_json::to_vec(&query).expect("a search can be written as JSON")
    }
}

#[derive(Deserialize)]
struct WireSearchReply<'a> {
    #[serde(rename = "_scroll_id")]
    scroll_id: Option<String>,
    #[serde(default)]
    timed_out: bool,
    #[serde(default)]
    terminated_early: bool,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    #[serde(rename = "_shards")]
    shards: WireSearchShards,
    #[serde(borrow)]
    hits: WireHits<'a>,
}

#[derive(Deserialize)]
struct WireSearchShards {
    total: u64,
    successful: u64,
    #[serde(default)]
    failed: u64,
}

#[derive(Deserialize)]
struct WireHits<'a> {
    total: WireTotal,
    #[serde(borrow)]
    hits: Vec<WireHit<'a>>,
}

#[derive(Deserialize)]
struct WireTotal {
    value: u64,
    relation: Relation,
}

#[derive(Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Relation {
    Eq,
    Gte,
}

#[derive(Deserialize)]
struct WireHit<'a> {
    #[serde(rename = "_index")]
    index: String,
    #[serde(rename = "_id")]
    id: String,
    #[serde(rename = "_seq_no")]
    seq_no: u64,
    #[serde(rename = "_primary_term")]
    primary_term: u64,
    #[serde(borrow, rename = "_source")]
    source: Option<&'a RawValue>,
}

/// Reads a reply to a search. `None` if it is not such a reply, covers only some of the shards, or
/// does not say how many documents there are.
fn read_reply(body: &[u8]) -> Option<WireSearchReply<'_>> {
    let reply: WireSearchReply<'_> = serde_json::from_slice(body).ok()?;
    let is_partial = reply.timed_out
        || reply.terminated_early
        || reply.error.is_some()
        || reply.shards.successful != reply.shards.total
        || reply.shards.failed > 0
        || reply.hits.total.relation != Relation::Eq;
    (!is_partial).then_some(reply)
}

/// Reads a page of a scroll. `None` as for [`read_reply`], and if the next page has no id.
fn read_page(body: &[u8]) -> Option<SearchPage> {
    let reply = read_reply(body)?;
    let found = reply.hits.hits.into_iter().map(WireHit::into_found);
    Some(SearchPage {
        scroll_id: reply.scroll_id?,
        total: reply.hits.total.value,
        found: found.collect(),
    })
}

impl WireHit<'_> {
    fn into_found(self) -> FoundDocument {
        FoundDocument {
            stored: StoredDocument {
                index: self.index,
                id: self.id,
                seq_no: self.seq_no,
                primary_term: self.primary_term,
            },
            source: self.source.map(ToOwned::to_owned),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(hits: &str) -> String {
        format!(
            r#"{{"_scroll_id":"s","took":1,"timed_out":false,"_shards":{{"total":1,"successful":1,"skipped":0,"failed":0}},
            "hits":{{"total":{{"value":7,"relation":"eq"}},"hits":[{hits}]}}}}"#
        )
    }

    const HIT: &str = r#"{"_index":".ds-i","_id":"x","_seq_no":5,"_primary_term":1,"_source":{"a":1},"sort":[1]}"#;

    #[test]
    fn a_page_is_read() {
        let page = read_page(page(HIT).as_bytes()).unwrap();
        assert_eq!((&*page.scroll_id, page.total), ("s", 7));
        let [FoundDocument { stored, source }] = &page.found[..] else {
            panic!("{page:?}")
        };
        assert_eq!(source.as_ref().unwrap().get(), r#"{"a":1}"#);
        let expected = StoredDocument {
            index: ".ds-i".into(),
            id: "x".into(),
            seq_no: 5,
            primary_term: 1,
        };
        assert_eq!(*stored, expected);
    }

    #[test]
    fn a_reply_that_is_not_whole_is_none() {
        let whole = page(HIT);
        let cases = [
            String::new(),
            "{}".to_owned(),
            whole.replace(r#""_scroll_id":"s","#, ""),
            whole.replace(r#""timed_out":false"#, r#""timed_out":true"#),
            whole.replace(r#""took":1"#, r#""terminated_early":true"#),
            whole.replace(r#""took":1"#, r#""error":{"type":"x"}"#),
            whole.replace(r#""successful":1"#, r#""successful":0"#),
            whole.replace(r#""failed":0"#, r#""failed":1"#),
            whole.replace(r#""relation":"eq""#, r#""relation":"gte""#),
            whole.replace(r#""total":{"value":7,"relation":"eq"},"#, ""),
            whole.replace(r#""_seq_no":5,"#, ""),
            whole.split_at(whole.len() - 1).0.to_owned(),
        ];
        for case in cases {
            assert_ne!(case, whole);
            assert!(read_page(case.as_bytes()).is_none(), "{case}");
        }
    }

    #[test]
    fn what_is_missing_is_told_apart() {
        let problem = |kind: &str, index: &str| {
            format!(
                r#"{{"error":{{"root_cause":[],"type":"{kind}","index":"{index}"}},"status":404}}"#
            )
        };
        let absent = "index_not_found_exception";
        let failed = "search_phase_execution_exception";
        for (body, expected) in [
            (problem(absent, "d"), NotFound::DataStream),
            (problem(absent, ".ds-d-000001"), NotFound::BackingIndex),
            (problem(failed, "d"), NotFound::BackingIndex),
            (problem("resource_not_found_exception", "d"), NotFound::Path),
            ("index_not_found_exception".to_owned(), NotFound::Path),
        ] {
            assert_eq!(missing(body.as_bytes(), "d"), expected, "{body}");
        }
    }

    /// Without a range, Elasticsearch 9.5 may end the search early.
    #[test]
    fn a_search_always_has_a_range() {
        let text = |since, order| {
            let query = SearchQuery {
                data_stream: "d",
                since,
                source: &["event.id"],
                page_size: 9,
            };
            String::from_utf8(query.body(order)).unwrap()
        };
        let range = |gte: &str, sort: &str| {
            format!(
                r#"{{"size":9,"query":{{"range":{{"@timestamp":{{"gte":"{gte}"}}}}}},"sort":[{{"{sort}":"asc"}}],"_source":["event.id"],"seq_no_primary_term":true,"track_total_hits":true}}"#
            )
        };
        assert_eq!(
            text(None, SearchOrder::OldestFirst),
            range("0001-01-01T00:00:00.000Z", "@timestamp")
        );
        assert_eq!(
            text(Some(Timestamp(0)), SearchOrder::AsStored),
            range("1970-01-01T00:00:00.000Z", "_doc")
        );
    }
}
