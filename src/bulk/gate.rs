//! The order in which requests start, and the number that are open at a time.
//!
//! Several requests are open while all is well and the server is slow, so that the next body need
//! not wait for the reply to the last one. As long as no document was accepted, or something is
//! wrong, only one is open: a server in trouble sees one request at a time, and everything that
//! waits learns from the reply.
//!
//! Why not `tokio::sync::RwLock`, with exclusive requests as writers? Its queue is first come,
//! first served, but here an exclusive request overtakes waiting shared requests. And a shared
//! request whose turn comes has to check again whether all is well and the server is slow: both may
//! have changed while it waited. Two counters do the work of the lock; the rest is the rule itself.

use std::cell::Cell;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

/// A server that answers within this time gets one request after the other: a second connection
/// would gain nothing.
const PATIENCE: Duration = Duration::from_millis(5);

/// Upper bound on open requests, however many bodies wait and however small they are.
const MOST_OPEN: usize = 10;

/// The order of the requests of an invocation.
#[derive(Debug, Default)]
pub(super) struct Gate {
    /// The number of open requests.
    open: Cell<usize>,
    /// Tickets for exclusive requests: handed out, and served.
    exclusive_tickets: Cell<u64>,
    exclusive_served: Cell<u64>,
    /// Tickets for shared requests: handed out, and served. Without tickets, requests that wait for
    /// the same moment would start in any order, and the first record of a stream could be the last
    /// to finish.
    shared_tickets: Cell<u64>,
    shared_served: Cell<u64>,
    /// The number of the next request.
    next_request: Cell<u64>,
    /// The start of the current period with at least one open request.
    busy_since: Cell<Option<Instant>>,
    /// True if the server has proved slow.
    is_slow: Cell<bool>,
    changed: Notify,
}

/// A place among the open requests, until it is dropped.
#[derive(Debug)]
pub(super) struct Pass<'g> {
    gate: &'g Gate,
    /// The number of the request. Requests are numbered in the order of their starts.
    pub(super) request: u64,
}

impl Gate {
    /// Returns the number of the next request.
    pub(super) fn next_request(&self) -> u64 {
        self.next_request.get()
    }

    /// Waits until no request is open. Exclusive requests come before all others and keep their
    /// order.
    pub(super) async fn exclusive(&self) -> Pass<'_> {
        let ticket = self.exclusive_tickets.get();
        self.exclusive_tickets.set(ticket + 1);
        while self.open.get() > 0 || self.exclusive_served.get() < ticket {
            self.changed().await;
        }
        self.exclusive_served.set(ticket + 1);
        self.pass()
    }

    /// Waits until no request is open, or until all is well and the server is slow. Shared requests
    /// start in the order of their arrival.
    pub(super) async fn shared(&self, all_is_well: impl Fn() -> bool) -> Pass<'_> {
        let ticket = self.shared_tickets.get();
        self.shared_tickets.set(ticket + 1);
        loop {
            let patience_ends = self.patience_ends().filter(|end| *end > Instant::now());
            let has_room = self.open.get() < MOST_OPEN && patience_ends.is_none();
            let is_free = self.open.get() == 0 || (has_room && all_is_well());
            let is_next = self.exclusive_served == self.exclusive_tickets
                && self.shared_served.get() == ticket;
            if is_free && is_next {
                self.shared_served.set(ticket + 1);
                self.notify();
                return self.pass();
            }
            match patience_ends {
                // Whichever comes first, check again.
                Some(end) => drop(timeout_at(end, self.changed()).await),
                None => self.changed().await,
            }
        }
    }

    /// Returns the moment at which an open request proves that the server is slow; `None` if that
    /// is known.
    fn patience_ends(&self) -> Option<Instant> {
        if self.is_slow.get() {
            None
        } else {
            self.busy_since.get().map(|since| since + PATIENCE)
        }
    }

    /// Wakes everything that waits, so that it checks again.
    pub(super) fn notify(&self) {
        self.changed.notify_waiters();
    }

    /// Waits for a change of the gate or of its session.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    fn pass(&self) -> Pass<'_> {
        let request = self.next_request.get();
        self.next_request.set(request + 1);
        self.open.update(|open| open + 1);
        if self.open.get() == 1 {
            self.busy_since.set(Some(Instant::now()));
        }
        Pass {
            gate: self,
            request,
        }
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        let gate = self.gate;
        gate.open.update(|open| open - 1);
        if gate.open.get() == 0 {
            let busy_since = gate.busy_since.get();
            gate.is_slow
                .set(busy_since.is_some_and(|since| since.elapsed() >= PATIENCE));
        }
        gate.notify();
    }
}
