//! The one place that sends, waits and sends again.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
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
    /// The bytes that a request may hold now: halved at each 413, for the rest of the process.
    max_bytes: AtomicUsize,
}

/// Upper bounds on one bulk request, as they are set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestLimits {
    /// The number of documents: `BULK_MAX_ACTIONS`.
    pub max_actions: usize,
    /// The size before compression, in bytes: `BULK_MAX_BYTES`.
    pub max_bytes: usize,
}

/// Documents to send in one request.
#[derive(Debug)]
struct Group {
    items: Vec<usize>,
    is_repeat: bool,
}

/// What is left to do of a body.
struct Work<'b> {
    body: &'b BulkBody,
    queue: VecDeque<Group>,
    outcomes: Vec<Outcome>,
    /// Documents that were refused alone with a 400 for the whole request.
    suspects: Vec<(usize, Rejection)>,
    /// Documents that fail while others are taken.
    culprits: Culprits,
    closed_in_a_row: u32,
}

/// How a request that failed is repeated.
enum Repeat {
    Whole(Vec<usize>),
    Halves(Vec<usize>),
}

impl<T> Indexer<T> {
    /// An indexer whose requests hold at most so many documents and bytes; a larger document goes alone.
    pub fn new(transport: T, max_actions: usize, max_bytes: usize) -> Self {
        Self {
            transport,
            limits: RequestLimits {
                max_actions: max_actions.max(1),
                max_bytes,
            },
            max_bytes: AtomicUsize::new(max_bytes),
        }
    }

    /// Returns the transport.
    pub fn transport(&self) -> &T {
        &self.transport
    }

    /// Returns the limits of a request, as they are set. A server may have asked for smaller requests since.
    pub fn limits(&self) -> RequestLimits {
        self.limits
    }
}

impl<T: Transport> Indexer<T> {
    /// Sends a body's documents. One outcome for each, in their order. Several bodies of a session may be on their way at
    /// a time.
    pub async fn index(
        &self,
        target: Target<'_>,
        body: &BulkBody,
        session: &Session,
    ) -> Vec<Outcome> {
        let mut work = Work::new(body);
        session.body_started();
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
        session.body_finished();
        work.into_outcomes(session)
    }

    /// As many documents of the queue as one request may hold.
    fn next_group(&self, work: &mut Work<'_>) -> Option<Group> {
        let mut group = work.queue.pop_front()?;
        let max_bytes = self.max_bytes.load(Ordering::Relaxed);
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
            work.queue.push_front(Group {
                items: rest,
                is_repeat: group.is_repeat,
            });
        }
        Some(group)
    }

    /// Does what a reply asks for.
    async fn settle(
        &self,
        work: &mut Work<'_>,
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
            (Verdict::Again, _) => {
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
                    .fetch_min(bytes.div_ceil(2), Ordering::Relaxed);
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

    /// Whether there are other credentials than those that were refused. Asked once an invocation: no loop.
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

/// There was no reply.
fn failed(work: &mut Work<'_>, permit: &Permit<'_>, items: Vec<usize>, error: TransportError) {
    let session = permit.session;
    work.culprits.acquit(&items);
    session.failed(Failure::Transport(error));
    let repeat = match error {
        // It died of old age while nothing was sent: that is nobody's failure.
        TransportError::Closed { reused: true } if permit.may_try_fresh_connection() => {
            return work.repeat(Repeat::Whole(items));
        }
        // A proxy that finds a request too large may say so by hanging up.
        TransportError::Closed { .. } if work.closed_again() && items.len() > 1 => {
            Repeat::Halves(items)
        }
        // What is said of half as many documents is half as long.
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

impl<'b> Work<'b> {
    fn new(body: &'b BulkBody) -> Self {
        let everything = Group {
            items: (0..body.len()).collect(),
            is_repeat: false,
        };
        Self {
            body,
            queue: if body.is_empty() {
                VecDeque::new()
            } else {
                [everything].into()
            },
            outcomes: vec![Outcome::Unresolved; body.len()],
            suspects: Vec::new(),
            culprits: Culprits::default(),
            closed_in_a_row: 0,
        }
    }

    /// Counts a connection that was closed; true from the second in a row on.
    fn closed_again(&mut self) -> bool {
        self.closed_in_a_row += 1;
        self.closed_in_a_row >= 2
    }

    fn settle_item(&mut self, item: usize, outcome: Outcome) {
        if let Some(slot) = self.outcomes.get_mut(item) {
            *slot = outcome;
        }
    }

    /// Takes the results of a request; answers the documents that are to be sent again.
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
        }
        self.culprits.note(items, &results, Instant::now());
        let mut pending = Vec::new();
        for (item, result) in items.iter().zip(results) {
            match result {
                ItemResult::Indexed(stored) => {
                    session.accepted();
                    session.count_stored(stored);
                    self.settle_item(*item, Outcome::Indexed);
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

    /// Sends documents again later. Those that are at fault themselves are rejected instead, and do
    /// not keep the others of the invocation from being sent.
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

    /// A document that made the whole request a bad one, alone. If that goes for the first three and nothing was ever
    /// taken, then it is not the documents but the request: a wrong pipeline, say.
    fn suspect(&mut self, session: &Session, item: usize, rejection: Rejection) {
        self.suspects.push((item, rejection));
        if session.is_malformed_throughout() {
            session.stop(Failure::EverythingMalformed);
            self.suspects.clear();
        }
    }

    fn repeat(&mut self, repeat: Repeat) {
        let mut push = |items| {
            self.queue.push_front(Group {
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
        for (item, rejection) in std::mem::take(&mut self.suspects) {
            session.progress();
            self.settle_item(item, Outcome::Rejected(rejection));
        }
        self.outcomes
    }
}

/// Where to cut so that both halves have some documents and about the same size.
fn middle(body: &BulkBody, items: &[usize]) -> usize {
    let total: usize = items.iter().map(|item| body.item_size(*item)).sum();
    let mut bytes = 0;
    let first = items.iter().take_while(|item| {
        bytes += body.item_size(**item);
        bytes <= total / 2
    });
    first.count().clamp(1, items.len().saturating_sub(1).max(1))
}
