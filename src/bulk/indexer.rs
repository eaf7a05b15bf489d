//! The only place that sends, waits and sends again.

use std::cell::Cell;
use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::culprits::Culprits;
use super::session::{Permit, Refresh};
use super::{
    BulkBody, Failure, ItemResult, Outcome, Rejection, Sent, Session, Verdict, is_bound, verdict,
};
use crate::server::{Reply, Target, Transport, TransportError};

/// Sends documents until each has an outcome or there is no time left.
#[derive(Debug)]
pub struct Indexer<T> {
    transport: T,
    limits: RequestLimits,
    /// The bytes that a request may hold at present: halved at each 413, for the rest of the
    /// process.
    max_bytes: Cell<usize>,
}

/// Upper bounds on one bulk request, as configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestLimits {
    /// The number of documents: `BULK_MAX_ACTIONS`.
    pub max_actions: usize,
    /// The size before compression, in bytes: `BULK_MAX_BYTES`.
    pub max_bytes: usize,
}

/// Documents to send in one request.
#[derive(Debug)]
struct RequestGroup {
    items: Vec<usize>,
    is_repeat: bool,
}

/// The work that is left on a body.
struct BodyWork<'b> {
    body: &'b BulkBody,
    queue: VecDeque<RequestGroup>,
    outcomes: Vec<Outcome>,
    /// Documents that were answered 400 in a request of their own.
    suspects: Vec<(usize, Rejection)>,
    /// Documents that fail while others are accepted.
    culprits: Culprits,
    closed_in_a_row: u32,
}

/// How to repeat a request that failed.
enum Repeat {
    Whole(Vec<usize>),
    Halves(Vec<usize>),
}

impl<T> Indexer<T> {
    /// Makes an indexer whose requests hold at most this many documents and bytes. A larger
    /// document gets a request of its own.
    pub fn new(transport: T, max_actions: usize, max_bytes: usize) -> Self {
        Self {
            transport,
            limits: RequestLimits {
                max_actions: max_actions.max(1),
                max_bytes,
            },
            max_bytes: Cell::new(max_bytes),
        }
    }

    /// Returns the transport.
    pub fn transport(&self) -> &T {
        &self.transport
    }

    /// Returns the configured limits of a request. The server may have asked for smaller requests
    /// since.
    pub fn limits(&self) -> RequestLimits {
        self.limits
    }
}

impl<T: Transport> Indexer<T> {
    /// Sends a body's documents. Returns one outcome for each, in their order. A session may have
    /// several bodies in flight.
    pub async fn index(
        &self,
        target: Target<'_>,
        body: &BulkBody,
        session: &Session,
    ) -> Vec<Outcome> {
        let everything = (0..body.len()).collect();
        self.index_some(target, (body, everything), session).await
    }

    /// Sends some of a body's documents. The others are unresolved.
    pub async fn index_some(
        &self,
        target: Target<'_>,
        (body, items): (&BulkBody, Vec<usize>),
        session: &Session,
    ) -> Vec<Outcome> {
        let mut work = BodyWork::new(body, items);
        let _body = session.body();
        while let Some(group) = self.next_group(&mut work) {
            let encoded = self.transport.encode(body.select(&group.items));
            let Some(permit) = session.admit(group.is_repeat).await else {
                break;
            };
            let exchange = self.transport.bulk(target, encoded, permit.timeout).await;
            session.count_request(exchange.bytes_sent, group.is_repeat);
            match exchange.result {
                Ok(reply) => {
                    let sent = Sent {
                        data_stream: target.data_stream,
                        actions: &body.actions(&group.items),
                    };
                    let verdict = verdict(&reply, sent);
                    if !is_bound(&reply, &verdict) {
                        self.transport.forget_connections();
                    }
                    self.settle(&mut work, &permit, group.items, (verdict, &reply))
                        .await;
                }
                Err(error) => failed(&mut work, &permit, group.items, error),
            }
        }
        work.into_outcomes(session)
    }

    /// Takes as many documents from the queue as one request may hold.
    fn next_group(&self, work: &mut BodyWork<'_>) -> Option<RequestGroup> {
        let mut group = work.queue.pop_front()?;
        let max_bytes = self.max_bytes.get();
        let mut bytes = 0;
        let fit = group
            .items
            .iter()
            .take(self.limits.max_actions)
            .take_while(|item| {
                bytes += work.body.item_size(**item);
                bytes <= max_bytes
            });
        let fit = fit.count().max(1);
        if fit < group.items.len() {
            let rest = group.items.split_off(fit);
            work.queue.push_front(RequestGroup {
                items: rest,
                is_repeat: group.is_repeat,
            });
        }
        Some(group)
    }

    /// Acts on a reply.
    async fn settle(
        &self,
        work: &mut BodyWork<'_>,
        permit: &Permit<'_>,
        items: Vec<usize>,
        (verdict, reply): (Verdict, &Reply),
    ) {
        let session = permit.session;
        work.closed_in_a_row = 0;
        match (verdict, items.as_slice()) {
            (Verdict::Items(results), _) => {
                let pending = work.settle_items(session, &items, results);
                if !pending.is_empty() {
                    work.postpone(permit, pending, reply.retry_after);
                }
            }
            (verdict @ (Verdict::Again | Verdict::OtherDocuments), _) => {
                work.culprits.acquit(&items);
                session.failed(match verdict {
                    Verdict::OtherDocuments => Failure::OtherDocuments,
                    _ => Failure::of(reply),
                });
                permit.postpone(reply.retry_after);
                work.repeat(Repeat::Whole(items));
            }
            // The server has not read the document, so it cannot be at fault.
            (Verdict::Malformed, _) | (Verdict::TooLarge, [_]) if reply.is_early => {
                work.culprits.acquit(&items);
                session.failed(Failure::of(reply));
                permit.postpone(reply.retry_after);
                work.repeat(Repeat::Whole(items));
            }
            (Verdict::TooLarge, [item]) => {
                work.settle_item(*item, Outcome::Rejected(Rejection::of_request(reply)));
                session.progress();
            }
            (Verdict::TooLarge, _) => {
                let bytes: usize = items.iter().map(|item| work.body.item_size(*item)).sum();
                self.max_bytes
                    .set(self.max_bytes.get().min(bytes.div_ceil(2)));
                work.repeat(Repeat::Halves(items));
            }
            (Verdict::Malformed, [item]) => {
                work.suspect(session, *item, Rejection::of_request(reply))
            }
            (Verdict::Malformed, _) => work.repeat(Repeat::Halves(items)),
            (Verdict::Unauthorized, _) => {
                session.failed(Failure::of(reply));
                if self.refreshed(permit).await {
                    work.repeat(Repeat::Whole(items));
                }
            }
            (Verdict::Stop, _) => session.stop(Failure::of(reply)),
        }
    }

    /// Fetches the credentials again, once per invocation. Returns whether they differ from those
    /// that were refused.
    async fn refreshed(&self, permit: &Permit<'_>) -> bool {
        let refreshed = match permit.refresh_credentials() {
            Refresh::Done => true,
            Refresh::Within(timeout) => self.transport.refresh_credentials(timeout).await,
            Refresh::No => false,
        };
        if !refreshed {
            permit.session.give_up();
        }
        refreshed
    }
}

/// Acts on the failure of a request without a reply.
fn failed(work: &mut BodyWork<'_>, permit: &Permit<'_>, items: Vec<usize>, error: TransportError) {
    let session = permit.session;
    work.culprits.acquit(&items);
    session.failed(Failure::Transport(error.clone()));
    let repeat = match error {
        // The connection died of old age while nothing was sent, which is nobody's failure.
        TransportError::Closed { reused: true, .. } if permit.may_try_fresh_connection() => {
            return work.repeat(Repeat::Whole(items));
        }
        // A proxy may reject a request that is too large by closing the connection.
        TransportError::Closed { .. } if work.closed_again() && items.len() > 1 => {
            Repeat::Halves(items)
        }
        // A reply about half as many documents is half as long.
        TransportError::TooLarge if items.len() > 1 => Repeat::Halves(items),
        TransportError::NoCredentials(_) => return session.give_up(),
        TransportError::Certificate(_) if !permit.may_retry_certificate() => {
            return session.give_up();
        }
        _ => Repeat::Whole(items),
    };
    permit.postpone(None);
    work.repeat(repeat);
}

impl<'b> BodyWork<'b> {
    fn new(body: &'b BulkBody, items: Vec<usize>) -> Self {
        let queue = if items.is_empty() {
            VecDeque::new()
        } else {
            let is_repeat = false;
            [RequestGroup { items, is_repeat }].into()
        };
        Self {
            body,
            queue,
            outcomes: vec![Outcome::Unresolved; body.len()],
            suspects: Vec::new(),
            culprits: Culprits::default(),
            closed_in_a_row: 0,
        }
    }

    /// Counts a closed connection. Returns true from the second in a row on.
    fn closed_again(&mut self) -> bool {
        self.closed_in_a_row += 1;
        self.closed_in_a_row >= 2
    }

    fn settle_item(&mut self, item: usize, outcome: Outcome) {
        if let Some(slot) = self.outcomes.get_mut(item) {
            *slot = outcome;
        }
    }

    /// Records the results of a request. Returns the documents to send again.
    fn settle_items(
        &mut self,
        session: &Session,
        items: &[usize],
        results: Vec<ItemResult>,
    ) -> Vec<usize> {
        let is_settled =
            |result: &ItemResult| !matches!(result, ItemResult::Again(_) | ItemResult::Blocked(_));
        if results.iter().any(is_settled) {
            session.progress();
            session.settled();
        }
        self.culprits.note(items, &results, Instant::now());
        let mut pending = Vec::new();
        for (item, result) in items.iter().zip(results) {
            match result {
                ItemResult::Indexed(stored) => {
                    session.accepted();
                    session.count_stored(stored);
                    let outcome = if stored.failure_store {
                        Outcome::InFailureStore
                    } else {
                        Outcome::Indexed
                    };
                    self.settle_item(*item, outcome);
                }
                ItemResult::Duplicate => {
                    session.accepted();
                    self.settle_item(*item, Outcome::Duplicate);
                }
                ItemResult::Dropped => {
                    session.accepted();
                    self.settle_item(*item, Outcome::Dropped);
                }
                ItemResult::Rejected(rejection) => {
                    self.settle_item(*item, Outcome::Rejected(rejection))
                }
                ItemResult::Again(rejection) => {
                    session.failed(Failure::of_item(rejection));
                    pending.push(*item);
                }
                ItemResult::Blocked(rejection) => session.failed(Failure::of_item(rejection)),
            }
        }
        pending
    }

    /// Sends documents again later. Documents that are at fault themselves are rejected instead, so
    /// that they do not keep the others of the invocation from being sent.
    fn postpone(
        &mut self,
        permit: &Permit<'_>,
        mut pending: Vec<usize>,
        retry_after: Option<Duration>,
    ) {
        let session = permit.session;
        let has_time = permit.has_time_after(retry_after);
        let found = self.culprits.found(|since| session.is_culprit(since));
        if !found.is_empty() {
            session.found_culprit();
        }
        for (item, rejection) in found {
            pending.retain(|pending| *pending != item);
            self.settle_item(item, Outcome::Rejected(rejection));
        }
        if pending.is_empty() {
            return;
        }
        if !has_time {
            session.give_up();
        }
        self.repeat(Repeat::Whole(pending));
    }

    /// Handles a document whose request, with no other document in it, was answered 400. The
    /// session decides whether it is at fault, or the request, which may name a wrong pipeline, for
    /// instance. After three such documents and no other answer, nothing more is sent.
    fn suspect(&mut self, session: &Session, item: usize, rejection: Rejection) {
        self.suspects.push((item, rejection));
        if session.is_malformed_throughout() {
            session.stop(Failure::EverythingMalformed);
            self.suspects.clear();
        }
    }

    fn repeat(&mut self, repeat: Repeat) {
        let mut push = |items| {
            self.queue.push_front(RequestGroup {
                items,
                is_repeat: true,
            })
        };
        match repeat {
            Repeat::Whole(items) => push(items),
            Repeat::Halves(mut first) => {
                let second = first.split_off(middle(self.body, &first));
                push(second);
                push(first);
            }
        }
    }

    fn into_outcomes(mut self, session: &Session) -> Vec<Outcome> {
        session.suspect(self.culprits.suspects());
        for (item, rejection) in std::mem::take(&mut self.suspects) {
            session.progress();
            self.settle_item(item, Outcome::Rejected(rejection));
        }
        self.outcomes
    }
}

/// Returns where to cut, so that both halves hold documents and have about the same size.
fn middle(body: &BulkBody, items: &[usize]) -> usize {
    let total: usize = items.iter().map(|item| body.item_size(*item)).sum();
    let mut bytes = 0;
    let first = items.iter().take_while(|item| {
        bytes += body.item_size(**item);
        bytes <= total / 2
    });
    first.count().clamp(1, items.len().saturating_sub(1).max(1))
}
