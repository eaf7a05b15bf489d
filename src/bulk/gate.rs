//! How many requests are open at a time.
//!
//! Several, where a server takes its time and all is well: then the next body is not held up by the answer to the last.
//! One, as long as nothing was taken or something is wrong: a server in trouble is asked one thing at a time, and what is
//! learnt from its answer holds for all that waits.

use std::cell::Cell;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

/// A server that answers sooner gets one request after the other: another connection would gain nothing.
const PATIENCE: Duration = Duration::from_millis(5);

/// However many bodies wait, and however small they are, no server is asked for more at a time.
const MOST_OPEN: usize = 10;

#[derive(Debug, Default)]
pub(super) struct Gate {
    open: Cell<usize>,
    /// How many came to go alone, and how many of them have gone. They come before all others, in the order they came in.
    came: Cell<u64>,
    gone: Cell<u64>,
    next: Cell<u64>,
    /// Since when there was never a moment without an open request.
    busy_since: Cell<Option<Instant>>,
    /// The server has shown that it takes its time.
    is_slow: Cell<bool>,
    changed: Notify,
}

/// A place among the open requests, until it is dropped.
#[derive(Debug)]
pub(super) struct Pass<'g> {
    gate: &'g Gate,
    /// Requests are numbered in the order of their starts.
    pub(super) request: u64,
}

impl Gate {
    /// The number of the next request.
    pub(super) fn next(&self) -> u64 {
        self.next.get()
    }

    /// Waits until no request is open.
    pub(super) async fn alone(&self) -> Pass<'_> {
        let turn = self.came.get();
        self.came.set(turn + 1);
        while self.open.get() > 0 || self.gone.get() < turn {
            self.changed().await;
        }
        self.gone.set(turn + 1);
        self.pass()
    }

    /// Waits until no request is open, or all is well and the server takes its time.
    pub(super) async fn beside(&self, all_is_well: impl Fn() -> bool) -> Pass<'_> {
        loop {
            let patience_ends = self.patience_ends().filter(|end| *end > Instant::now());
            let has_room = self.open.get() < MOST_OPEN && patience_ends.is_none();
            let is_free = self.open.get() == 0 || (has_room && all_is_well());
            if is_free && self.gone == self.came {
                return self.pass();
            }
            match patience_ends {
                // Whichever comes first, it is time to look again.
                Some(end) => drop(timeout_at(end, self.changed()).await),
                None => self.changed().await,
            }
        }
    }

    fn patience_ends(&self) -> Option<Instant> {
        if self.is_slow.get() {
            None
        } else {
            self.busy_since.get().map(|since| since + PATIENCE)
        }
    }

    /// Tells all that wait to look again.
    pub(super) fn notify(&self) {
        self.changed.notify_waiters();
    }

    /// Waits until there is something to look at.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    fn pass(&self) -> Pass<'_> {
        let request = self.next.get();
        self.next.set(request + 1);
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
        self.gate.open.update(|open| open - 1);
        if self.gate.open.get() == 0 {
            self.gate.is_slow.set(
                self.gate
                    .busy_since
                    .get()
                    .is_some_and(|since| since.elapsed() >= PATIENCE),
            );
        }
        self.gate.notify();
    }
}
