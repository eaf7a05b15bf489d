//! What one invocation has learnt while sending, and how much time it has left.

use std::fmt;
use std::time::Duration;

use tokio::time::Instant;

use super::{Reply, RetryPolicy, TransportError};

/// The state of an invocation that its requests share.
#[derive(Debug)]
pub struct Session {
    policy: RetryPolicy,
    /// When to be done with sending, whatever the budget says.
    deadline: Option<Instant>,
    /// A source of randomness, for the jitter.
    random: fn() -> u64,
    last_progress: Instant,
    failures: u32,
    retries: u32,
    closed_in_a_row: u32,
    has_accepted_any: bool,
    malformed_alone: u32,
    fresh_connection_tried: bool,
    credentials_refreshed: bool,
    certificate_retried: bool,
    is_stopped: bool,
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

/// The last thing that went wrong. It never quotes a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// No response.
    Transport(TransportError),
    /// A response that means failure.
    Status(u16),
    /// A response of success that does not say what became of each document.
    Unreadable,
    /// A document was refused that may be taken later.
    Item {
        /// The HTTP status of the item.
        status: u16,
        /// Elasticsearch's name for it.
        kind: String,
    },
    /// The dead letter of a refused document was refused in its turn.
    DeadLetter {
        /// The HTTP status of the item.
        status: u16,
        /// Elasticsearch's name for it.
        kind: String,
    },
    /// Single documents were refused one after the other with 400 and none was ever taken.
    EverythingMalformed,
}

/// A request that could take no longer than this is not worth starting.
const SHORTEST_REQUEST: Duration = Duration::from_millis(20);

/// What a first request may take at least, however small the budget.
const FIRST_REQUEST: Duration = Duration::from_secs(1);

impl Session {
    /// A session that begins now.
    #[must_use]
    pub fn new(policy: RetryPolicy, deadline: Option<Instant>, random: fn() -> u64) -> Self {
        Self {
            policy,
            deadline,
            random,
            last_progress: Instant::now(),
            failures: 0,
            retries: 0,
            closed_in_a_row: 0,
            has_accepted_any: false,
            malformed_alone: 0,
            fresh_connection_tried: false,
            credentials_refreshed: false,
            certificate_retried: false,
            is_stopped: false,
            failure: None,
            traffic: Traffic::default(),
        }
    }

    /// Whether nothing more is sent.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.is_stopped
    }

    /// What was sent so far.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        self.traffic
    }

    /// The last thing that went wrong, if anything did.
    #[must_use]
    pub fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref()
    }

    /// Takes over what went wrong in another session, if anything did.
    pub fn adopt_failure(&mut self, other: &Self) {
        self.failure = other.failure.clone().or(self.failure.take());
    }

    /// How long the next request may take; `None` if none may start.
    pub fn request_timeout(&mut self) -> Option<Duration> {
        if self.failures == 0 {
            // Nothing is wrong so far: what went before was the making of documents.
            self.last_progress = Instant::now();
        }
        let mut left = self.end().saturating_duration_since(Instant::now());
        if self.failures == 0 {
            // A budget that is shorter than a request is one for no retries: the first is to be sent all the same.
            left = left.max(FIRST_REQUEST);
        }
        if let Some(deadline) = self.deadline {
            left = left.min(deadline.saturating_duration_since(Instant::now()));
        }
        if self.is_stopped || left < SHORTEST_REQUEST {
            self.is_stopped = true;
            return None;
        }
        Some(self.policy.request_timeout.min(left))
    }

    /// When to stop: at the deadline, or when nothing has got through for as long as the budget lasts.
    fn end(&self) -> Instant {
        let end = self.last_progress + self.policy.budget;
        self.deadline.map_or(end, |deadline| deadline.min(end))
    }

    pub(super) fn count_request(&mut self, bytes_sent: u64, is_repeat: bool) {
        self.traffic.requests += 1;
        self.traffic.retries += u64::from(is_repeat);
        self.traffic.bytes_sent += bytes_sent;
    }

    /// A response came, whatever it says.
    pub(super) fn answered(&mut self) {
        self.closed_in_a_row = 0;
    }

    pub(super) fn accepted(&mut self, failure_store: bool) {
        self.has_accepted_any = true;
        self.traffic.failure_store += u64::from(failure_store);
        self.progress();
    }

    /// A document has got its outcome: whatever was wrong, it is worth another try from the start.
    pub fn progress(&mut self) {
        self.last_progress = Instant::now();
        self.failures = 0;
        self.retries = 0;
    }

    /// Counts a document that made its request malformed all alone. True if it is the request that is at fault, since the
    /// first three were such, whatever chunks they came in, and none was ever taken.
    pub(super) fn is_malformed_throughout(&mut self) -> bool {
        const ENOUGH: u32 = 3;
        self.malformed_alone += 1;
        self.malformed_alone >= ENOUGH && !self.has_accepted_any
    }

    /// Notes what went wrong last.
    pub fn failed(&mut self, failure: Failure) {
        self.failure = Some(failure);
    }

    /// Sends nothing more, for this reason.
    pub fn stop(&mut self, failure: Failure) {
        self.failed(failure);
        self.give_up();
    }

    /// Sends nothing more, for the reason noted last.
    pub(super) fn give_up(&mut self) {
        self.is_stopped = true;
    }

    /// Waits before documents are sent again; gives up instead if that would be too late.
    #[expect(clippy::disallowed_methods, reason = "the one place that waits")]
    pub async fn wait(&mut self, retry_after: Option<Duration>) {
        let delay = self.policy.delay(self.failures, retry_after, (self.random)());
        let is_last = self.policy.max_retries.is_some_and(|max| self.retries >= max);
        self.failures += 1;
        self.retries += 1;
        let left = self.end().saturating_duration_since(Instant::now());
        // A server may ask for any number of seconds, so nothing is added to the clock.
        if is_last || left < delay.saturating_add(SHORTEST_REQUEST) {
            return self.give_up();
        }
        tokio::time::sleep(delay).await;
    }

    /// Once an invocation: time to fetch other credentials.
    pub(super) fn may_refresh_credentials(&mut self) -> Option<Duration> {
        if std::mem::replace(&mut self.credentials_refreshed, true) { None } else { self.request_timeout() }
    }

    /// Once an invocation.
    pub(super) fn may_try_fresh_connection(&mut self) -> bool {
        !std::mem::replace(&mut self.fresh_connection_tried, true)
    }

    /// Once an invocation.
    pub(super) fn may_retry_certificate(&mut self) -> bool {
        !std::mem::replace(&mut self.certificate_retried, true)
    }

    /// Counts a connection that was closed; true from the second in a row on.
    pub(super) fn closed_again(&mut self) -> bool {
        self.closed_in_a_row += 1;
        self.closed_in_a_row >= 2
    }
}

impl Failure {
    /// What is wrong with a reply that settles nothing.
    #[must_use]
    pub fn of(reply: &Reply) -> Self {
        if (200..=299).contains(&reply.status) { Self::Unreadable } else { Self::Status(reply.status) }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Transport(error) => write!(formatter, "{error}"),
            Self::Status(status @ (401 | 403)) => write!(
                formatter,
                "Elasticsearch answered {status}: check the credentials and that they have `auto_configure` and \
                 `create_doc` on the data stream"
            ),
            Self::Status(status @ 300..=399) => write!(
                formatter,
                "the server answered {status}, a redirect, which is not followed: set ELASTICSEARCH_URL to where it leads"
            ),
            Self::Status(status @ (404 | 405 | 410 | 415 | 501)) => {
                write!(formatter, "the server answered {status}: check that ELASTICSEARCH_URL is that of Elasticsearch")
            }
            Self::Status(status) => write!(formatter, "Elasticsearch answered {status}"),
            Self::Unreadable => {
                write!(formatter, "the answer does not say what became of each document: is it Elasticsearch's?")
            }
            Self::Item { status, kind } if kind.is_empty() => write!(formatter, "documents were answered {status}"),
            Self::Item { status, kind } => write!(formatter, "documents were answered {status} {kind}"),
            Self::DeadLetter { status, kind } => {
                write!(formatter, "they were refused, and so were their dead letters: {status} {kind}")
            }
            Self::EverythingMalformed => write!(
                formatter,
                "Elasticsearch answers 400 whatever is sent: check ELASTICSEARCH_PIPELINE and DATA_STREAM"
            ),
        }
    }
}
