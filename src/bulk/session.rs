//! The state that the requests of one invocation share: the gate, the budget, the remedies, and
//! what has gone wrong so far.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use tokio::time::Instant;

use super::budget::{Budget, FailedRequest};
use super::gate::{Gate, Pass};
use super::remedies::Remedies;
use super::{Failure, RetryPolicy, Stored};

/// The state that the requests of one invocation share.
#[derive(Debug)]
pub struct Session {
    /// A source of randomness, for the jitter.
    random: fn() -> u64,
    gate: Rc<Gate>,
    /// True if each request goes alone, ahead of the shared requests that wait.
    is_urgent: bool,
    /// Is told of the first failure after which there is another try.
    notice: Option<fn(&str)>,
    state: RefCell<State>,
}

#[derive(Debug)]
struct State {
    budget: Budget,
    remedies: Remedies,
    has_accepted_any: bool,
    /// True if the server has settled a document by itself, be it by rejecting it. So the requests
    /// are well-formed.
    has_settled_any: bool,
    /// The number of single documents that were answered 400 for the whole request.
    malformed_alone: u32,
    /// The number of bodies in flight.
    bodies: u32,
    is_closing: bool,
    is_stopped: bool,
    /// True if a document fails for ever while the server accepts others.
    has_found_culprit: bool,
    /// The number of unresolved documents that failed while others of their request were accepted.
    suspects: usize,
    has_noticed: bool,
    failure: Option<Failure>,
    traffic: Traffic,
}

/// The traffic of a session.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// The number of bulk requests.
    pub requests: u64,
    /// The number of bulk requests that repeat documents.
    pub retries: u64,
    /// The size of all bodies as they were sent, compressed.
    pub bytes_sent: u64,
    /// The number of documents that Elasticsearch put into its failure store.
    pub failure_store: u64,
    /// The number of documents that a pipeline sent to another index or data stream.
    pub elsewhere: u64,
    /// The number of documents to which a pipeline gave another id.
    pub renamed: u64,
}

/// Permission to send one request.
#[derive(Debug)]
pub(super) struct Permit<'s> {
    pub(super) session: &'s Session,
    pass: Pass<'s>,
    /// How long the request may take.
    pub(super) timeout: Duration,
}

/// A body on its way.
#[derive(Debug)]
pub struct BodyOnItsWay<'s>(&'s Session);

impl Drop for BodyOnItsWay<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state.borrow_mut();
        state.bodies = state.bodies.saturating_sub(1);
        self.0.gate.notify();
    }
}

/// The action to take after the server has refused the credentials.
pub(super) enum Refresh {
    /// Nothing: they were fetched again after the request had started.
    Done,
    /// Fetch them again, within this time.
    Within(Duration),
    /// Nothing: fetching them again was tried and did not help.
    No,
}

impl Session {
    /// Starts a session now.
    #[must_use]
    pub fn new(policy: RetryPolicy, deadline: Option<Instant>, random: fn() -> u64) -> Self {
        let state = State {
            budget: Budget::new(policy, deadline, Instant::now()),
            remedies: Remedies::default(),
            has_accepted_any: false,
            has_settled_any: false,
            malformed_alone: 0,
            bodies: 0,
            is_closing: false,
            is_stopped: false,
            has_found_culprit: false,
            suspects: 0,
            has_noticed: false,
            failure: None,
            traffic: Traffic::default(),
        };
        Self {
            random,
            gate: Rc::default(),
            is_urgent: false,
            notice: None,
            state: RefCell::new(state),
        }
    }

    /// Tells `notice` of the first failure after which there is another try, so that nobody waits
    /// in silence.
    #[must_use]
    pub fn with_notice(self, notice: Option<fn(&str)>) -> Self {
        Self { notice, ..self }
    }

    /// A session that shares this one's gate and has priority over waiting requests.
    #[must_use]
    pub fn urgent(&self, policy: RetryPolicy, deadline: Option<Instant>) -> Self {
        Self {
            gate: Rc::clone(&self.gate),
            is_urgent: true,
            ..Self::new(policy, deadline, self.random)
        }
    }

    /// Returns whether the session has stopped sending.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.state.borrow().is_stopped
    }

    /// Returns the traffic so far.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        self.state.borrow().traffic
    }

    /// Returns the latest failure, if there was any.
    #[must_use]
    pub fn failure(&self) -> Option<Failure> {
        self.state.borrow().failure.clone()
    }

    /// Takes over the latest failure of another session, if there was any.
    pub fn adopt_failure(&self, other: &Self) {
        if let Some(failure) = other.failure() {
            self.failed(failure);
        }
    }

    /// Waits until a request may start; `None` if the session has stopped sending. Hold the permit
    /// until the reply is dealt with.
    ///
    /// A request that repeats documents waits for the time of the next try and then goes alone.
    /// Other requests overlap as long as all is well.
    pub(super) async fn admit(&self, is_repeat: bool) -> Option<Permit<'_>> {
        let pass = if is_repeat || self.is_urgent {
            let pass = self.gate.exclusive().await;
            self.resume().await;
            pass
        } else {
            self.gate.shared(|| self.is_flowing()).await
        };
        let timeout = self.request_timeout()?;
        Some(Permit {
            session: self,
            pass,
            timeout,
        })
    }

    /// Returns whether Elasticsearch accepts documents.
    fn is_flowing(&self) -> bool {
        let state = self.state.borrow();
        state.has_accepted_any && state.budget.is_untouched()
    }

    /// Returns how long the next request may take; `None` if no request may start any more.
    pub fn request_timeout(&self) -> Option<Duration> {
        let mut state = self.state.borrow_mut();
        let timeout = state.budget.request_timeout(Instant::now());
        state.is_stopped |= timeout.is_none();
        timeout.filter(|_| !state.is_stopped)
    }

    pub(super) fn count_request(&self, bytes_sent: u64, is_repeat: bool) {
        let traffic = &mut self.state.borrow_mut().traffic;
        traffic.requests += 1;
        traffic.retries += u64::from(is_repeat);
        traffic.bytes_sent += bytes_sent;
    }

    /// Notes that Elasticsearch accepts documents.
    pub(super) fn accepted(&self) {
        self.state.borrow_mut().has_accepted_any = true;
    }

    /// Notes that Elasticsearch has settled a document by itself.
    pub(super) fn settled(&self) {
        self.state.borrow_mut().has_settled_any = true;
    }

    pub(super) fn count_stored(&self, stored: Stored) {
        let traffic = &mut self.state.borrow_mut().traffic;
        traffic.failure_store += u64::from(stored.failure_store);
        traffic.elsewhere += u64::from(stored.elsewhere);
        traffic.renamed += u64::from(stored.renamed);
    }

    /// Notes that documents have got their outcome: the budget begins anew, and the remedy for a
    /// dead connection is available again.
    pub fn progress(&self) {
        let mut state = self.state.borrow_mut();
        state.budget.progress(Instant::now());
        state.remedies.connection.renew();
    }

    /// Counts a 400 for a single document. Returns true when the first three single documents all
    /// got 400 and no document was ever settled by itself: then it makes no sense to go on.
    pub(super) fn is_malformed_throughout(&self) -> bool {
        const ENOUGH: u32 = 3;
        let mut state = self.state.borrow_mut();
        state.malformed_alone += 1;
        state.malformed_alone >= ENOUGH && !state.has_settled_any
    }

    /// Notes that a body is on its way, until the guard is dropped.
    #[must_use]
    pub fn body(&self) -> BodyOnItsWay<'_> {
        self.state.borrow_mut().bodies += 1;
        self.gate.notify();
        BodyOnItsWay(self)
    }

    /// Returns whether a body is being sent.
    #[must_use]
    pub fn is_sending(&self) -> bool {
        self.state.borrow().bodies > 0
    }

    /// Notes that no more bodies will come.
    pub fn close(&self) {
        self.state.borrow_mut().is_closing = true;
        self.gate.notify();
    }

    /// Waits until it is known whether rejected documents are at fault or the requests are. Returns
    /// true if the documents are at fault: no request of a single document was answered 400, or the
    /// server has settled another document by itself. Without such a proof, the documents are
    /// unresolved once no more can be settled.
    pub async fn documents_are_at_fault(&self) -> bool {
        let is_proved = |state: &State| state.malformed_alone == 0 || state.has_settled_any;
        let is_over = |state: &State| state.is_stopped || (state.is_closing && state.bodies == 0);
        let is_decided = |state: &State| is_proved(state) || is_over(state);
        while !is_decided(&self.state.borrow()) {
            self.gate.changed().await;
        }
        let mut state = self.state.borrow_mut();
        if !is_proved(&state) && !state.is_stopped {
            state.failure = Some(Failure::EverythingMalformed);
        }
        is_proved(&state) && state.failure != Some(Failure::EverythingMalformed)
    }

    /// Notes the latest failure.
    pub fn failed(&self, failure: Failure) {
        self.state.borrow_mut().failure = Some(failure);
    }

    /// Stops sending, for this reason.
    pub fn stop(&self, failure: Failure) {
        self.failed(failure);
        self.give_up();
    }

    /// Stops sending, for the reason noted last.
    pub(super) fn give_up(&self) {
        self.state.borrow_mut().is_stopped = true;
    }

    /// Waits before a question is asked again; stops sending instead if there is no time for it.
    pub async fn wait(&self, retry_after: Option<Duration>) {
        self.postpone(self.gate.next_request(), retry_after);
        self.resume().await;
    }

    /// Postpones the next request after this one has failed; stops sending instead if there is no
    /// time for it.
    fn postpone(&self, request: u64, retry_after: Option<Duration>) {
        if !self.has_time_after(request, retry_after) {
            self.give_up();
        }
    }

    /// Postpones the next request after this one has failed. Returns whether there is time for it.
    fn has_time_after(&self, request: u64, retry_after: Option<Duration>) -> bool {
        let failed = FailedRequest {
            number: request,
            next: self.gate.next_request(),
            retry_after,
        };
        let now = Instant::now();
        let mut state = self.state.borrow_mut();
        let has_time = state.budget.failed(failed, (self.random)(), now);
        if let Some(notice) = self.notice
            && has_time
            && !state.has_noticed
        {
            state.has_noticed = true;
            notice(&waiting(state.failure.as_ref(), state.budget.left(now)));
        }
        has_time
    }

    /// Returns whether a document that fails while others are accepted was tried long enough: for a
    /// whole budget, or only twice once another such document was found.
    pub(super) fn is_culprit(&self, since: Instant) -> bool {
        let state = self.state.borrow();
        state.has_found_culprit || state.budget.is_spent_since(since)
    }

    /// Notes that such a document was found. The others of the invocation continue.
    pub(super) fn found_culprit(&self) {
        self.state.borrow_mut().has_found_culprit = true;
        self.progress();
    }

    /// Notes unresolved documents that failed while others of their request were accepted.
    pub fn suspect(&self, count: usize) {
        self.state.borrow_mut().suspects += count;
    }

    /// Returns the number of unresolved documents that failed while others of their request were
    /// accepted.
    #[must_use]
    pub fn suspects(&self) -> usize {
        self.state.borrow().suspects
    }

    /// Waits until the time of the next try.
    #[expect(clippy::disallowed_methods, reason = "the one place that waits")]
    async fn resume(&self) {
        let resumes_at = self.state.borrow().budget.resumes_at();
        let left = resumes_at.saturating_duration_since(Instant::now());
        if !self.is_stopped() && !left.is_zero() {
            tokio::time::sleep(left).await;
        }
    }
}

/// Returns the sentence for somebody who waits.
fn waiting(failure: Option<&Failure>, left: Duration) -> String {
    let seconds = left.as_secs_f64().ceil();
    let cause = failure.map_or_else(|| "a request failed".to_owned(), Failure::to_string);
    format!("{cause}; trying again for up to {seconds} s")
}

impl Permit<'_> {
    /// Postpones the next request after this one has failed. Returns whether there is time for it.
    pub(super) fn has_time_after(&self, retry_after: Option<Duration>) -> bool {
        self.session.has_time_after(self.pass.request, retry_after)
    }

    /// Postpones the next request after this one has failed; stops sending instead if there is no
    /// time for it.
    pub(super) fn postpone(&self, retry_after: Option<Duration>) {
        self.session.postpone(self.pass.request, retry_after);
    }

    /// Decides what to do about credentials that were refused. They are fetched again once.
    pub(super) fn refresh_credentials(&self) -> Refresh {
        let request = self.pass.request;
        let mut state = self.session.state.borrow_mut();
        let credentials = &mut state.remedies.credentials;
        if credentials.covers(request) {
            return Refresh::Done;
        }
        if credentials.is_tried() {
            return Refresh::No;
        }
        credentials.try_for(request, self.session.gate.next_request());
        drop(state);
        self.session
            .request_timeout()
            .map_or(Refresh::No, Refresh::Within)
    }

    /// Returns whether to try a fresh connection at once.
    pub(super) fn may_try_fresh_connection(&self) -> bool {
        let next = self.session.gate.next_request();
        let remedies = &mut self.session.state.borrow_mut().remedies;
        remedies.connection.try_for(self.pass.request, next)
    }

    /// Returns whether to try again after a certificate that is not trusted.
    pub(super) fn may_retry_certificate(&self) -> bool {
        let next = self.session.gate.next_request();
        let remedies = &mut self.session.state.borrow_mut().remedies;
        remedies.certificate.try_for(self.pass.request, next)
    }
}
