//! What one invocation has learnt while sending, and how much time it has left.

mod permit;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use tokio::time::Instant;

use self::permit::Once;
pub(super) use self::permit::{Permit, Refresh};
use super::gate::Gate;
use super::{Failure, RetryPolicy};

/// What the requests of an invocation share.
#[derive(Debug)]
pub struct Session {
    policy: RetryPolicy,
    /// When to be done with sending, whatever the budget says.
    deadline: Option<Instant>,
    /// A source of randomness, for the jitter.
    random: fn() -> u64,
    gate: Rc<Gate>,
    /// Whether each of its requests goes alone, before others.
    is_urgent: bool,
    state: RefCell<State>,
}

#[derive(Debug)]
struct State {
    last_progress: Instant,
    /// Nothing is sent again before.
    resumes_at: Instant,
    failures: u32,
    retries: u32,
    /// The first request that began after the last failure.
    after_failure: u64,
    has_accepted_any: bool,
    malformed_alone: u32,
    /// Bodies that are being sent.
    bodies: u32,
    is_closing: bool,
    is_stopped: bool,
    fresh_connection: Once,
    credentials: Once,
    certificate: Once,
    failure: Option<Failure>,
    traffic: Traffic,
}

/// What was sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Bulk requests.
    pub requests: u64,
    /// Those of them that repeat documents.
    pub retries: u64,
    /// Bodies as they were sent, compressed.
    pub bytes_sent: u64,
    /// Documents that Elasticsearch put into its failure store.
    pub failure_store: u64,
}

/// A request that could take no longer than this is not worth starting.
const SHORTEST_REQUEST: Duration = Duration::from_millis(20);

/// What a first request may take at least, however small the budget.
const FIRST_REQUEST: Duration = Duration::from_secs(1);

impl Session {
    /// A session that begins now.
    #[must_use]
    pub fn new(policy: RetryPolicy, deadline: Option<Instant>, random: fn() -> u64) -> Self {
        let now = Instant::now();
        let state = State {
            last_progress: now,
            resumes_at: now,
            failures: 0,
            retries: 0,
            after_failure: 0,
            has_accepted_any: false,
            malformed_alone: 0,
            bodies: 0,
            is_closing: false,
            is_stopped: false,
            fresh_connection: Once::default(),
            credentials: Once::default(),
            certificate: Once::default(),
            failure: None,
            traffic: Traffic::default(),
        };
        Self {
            policy,
            deadline,
            random,
            gate: Rc::default(),
            is_urgent: false,
            state: RefCell::new(state),
        }
    }

    /// A session whose requests go between those of this one, before all that wait.
    #[must_use]
    pub fn urgent(&self, policy: RetryPolicy, deadline: Option<Instant>) -> Self {
        Self {
            gate: Rc::clone(&self.gate),
            is_urgent: true,
            ..Self::new(policy, deadline, self.random)
        }
    }

    /// Whether nothing more is sent.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.state.borrow().is_stopped
    }

    /// What was sent so far.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        self.state.borrow().traffic
    }

    /// The last thing that went wrong, if anything did.
    #[must_use]
    pub fn failure(&self) -> Option<Failure> {
        self.state.borrow().failure.clone()
    }

    /// Takes over what went wrong in another session, if anything did.
    pub fn adopt_failure(&self, other: &Self) {
        if let Some(failure) = other.failure() {
            self.failed(failure);
        }
    }

    /// Waits until a request may start; `None` if nothing more is sent. The permit is held until the answer is dealt with.
    ///
    /// One that repeats documents goes alone, when the time to send again has come. Others go beside each other as long
    /// as all is well.
    pub(super) async fn admit(&self, is_repeat: bool) -> Option<Permit<'_>> {
        let pass = if is_repeat || self.is_urgent {
            let pass = self.gate.alone().await;
            self.resume().await;
            pass
        } else {
            self.gate.beside(|| self.is_flowing()).await
        };
        let timeout = self.request_timeout()?;
        Some(Permit {
            session: self,
            pass,
            timeout,
        })
    }

    /// Whether Elasticsearch takes what it is sent.
    fn is_flowing(&self) -> bool {
        let state = self.state.borrow();
        state.has_accepted_any && state.failures == 0
    }

    /// How long the next request may take; `None` if none may start.
    pub fn request_timeout(&self) -> Option<Duration> {
        let mut state = self.state.borrow_mut();
        let now = Instant::now();
        if state.failures == 0 {
            // Nothing is wrong so far: what went before was the making of documents.
            state.last_progress = now;
        }
        let mut left = self.end(&state).saturating_duration_since(now);
        if state.failures == 0 {
            // A budget that is shorter than a request is one for no retries: the first is to be sent all the same.
            left = left.max(FIRST_REQUEST);
        }
        if let Some(deadline) = self.deadline {
            left = left.min(deadline.saturating_duration_since(now));
        }
        if state.is_stopped || left < SHORTEST_REQUEST {
            state.is_stopped = true;
            return None;
        }
        Some(self.policy.request_timeout.min(left))
    }

    /// When to stop: at the deadline, or when nothing has got through for as long as the budget lasts.
    fn end(&self, state: &State) -> Instant {
        let end = state.last_progress + self.policy.budget;
        self.deadline.map_or(end, |deadline| deadline.min(end))
    }

    pub(super) fn count_request(&self, bytes_sent: u64, is_repeat: bool) {
        let traffic = &mut self.state.borrow_mut().traffic;
        traffic.requests += 1;
        traffic.retries += u64::from(is_repeat);
        traffic.bytes_sent += bytes_sent;
    }

    pub(super) fn accepted(&self, failure_store: bool) {
        let mut state = self.state.borrow_mut();
        state.has_accepted_any = true;
        state.traffic.failure_store += u64::from(failure_store);
    }

    /// Documents have got their outcome: whatever was wrong, it is worth another try from the start.
    pub fn progress(&self) {
        let mut state = self.state.borrow_mut();
        state.last_progress = Instant::now();
        state.failures = 0;
        state.retries = 0;
    }

    /// Counts a document that made its request malformed all alone. True if it is the request that is at fault, since the
    /// first three were such, whatever chunks they came in, and none was ever taken.
    pub(super) fn is_malformed_throughout(&self) -> bool {
        const ENOUGH: u32 = 3;
        let mut state = self.state.borrow_mut();
        state.malformed_alone += 1;
        state.malformed_alone >= ENOUGH && !state.has_accepted_any
    }

    /// Notes that one more body is being sent, or one less.
    pub(super) fn count_body(&self, is_new: bool) {
        let mut state = self.state.borrow_mut();
        state.bodies = if is_new {
            state.bodies + 1
        } else {
            state.bodies.saturating_sub(1)
        };
        self.gate.notify();
    }

    /// No more bodies will come.
    pub fn close(&self) {
        self.state.borrow_mut().is_closing = true;
        self.gate.notify();
    }

    /// Whether documents that were refused are at fault, and not the requests: waits until something was taken, or until
    /// nothing is left to be.
    pub async fn blames_documents(&self) -> bool {
        let is_decided = |state: &State| {
            let is_over = state.is_stopped || (state.is_closing && state.bodies == 0);
            state.malformed_alone == 0 || state.has_accepted_any || is_over
        };
        while !is_decided(&self.state.borrow()) {
            self.gate.changed().await;
        }
        self.failure() != Some(Failure::EverythingMalformed)
    }

    /// Notes what went wrong last.
    pub fn failed(&self, failure: Failure) {
        self.state.borrow_mut().failure = Some(failure);
    }

    /// Sends nothing more, for this reason.
    pub fn stop(&self, failure: Failure) {
        self.failed(failure);
        self.give_up();
    }

    /// Sends nothing more, for the reason noted last.
    pub(super) fn give_up(&self) {
        self.state.borrow_mut().is_stopped = true;
    }

    /// Waits before something is asked again; gives up instead if that would be too late.
    pub async fn wait(&self, retry_after: Option<Duration>) {
        self.pause(self.gate.next(), retry_after);
        self.resume().await;
    }

    /// Puts the time to send again off, after that request has failed; gives up instead if it would be too late. Requests
    /// that were open together fail together: that is one failure.
    fn pause(&self, request: u64, retry_after: Option<Duration>) {
        let mut state = self.state.borrow_mut();
        let is_news = request >= state.after_failure;
        let failures_before = state.failures.saturating_sub(u32::from(!is_news));
        let delay = self
            .policy
            .delay(failures_before, retry_after, (self.random)());
        let is_last = is_news
            && self
                .policy
                .max_retries
                .is_some_and(|max| state.retries >= max);
        if is_news {
            state.failures += 1;
            state.retries += 1;
            state.after_failure = self.gate.next();
        }
        let left = self.end(&state).saturating_duration_since(Instant::now());
        // A server may ask for any number of seconds, so nothing is added to the clock before.
        if is_last || left < delay.saturating_add(SHORTEST_REQUEST) {
            state.is_stopped = true;
            return;
        }
        state.resumes_at = state.resumes_at.max(Instant::now() + delay);
    }

    /// Waits until it is time to send again.
    #[expect(clippy::disallowed_methods, reason = "the one place that waits")]
    async fn resume(&self) {
        let left = self
            .state
            .borrow()
            .resumes_at
            .saturating_duration_since(Instant::now());
        if !self.is_stopped() && !left.is_zero() {
            tokio::time::sleep(left).await;
        }
    }
}
