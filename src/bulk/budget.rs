//! The time that an invocation has for sending: whether a request may start, for how long, and when
//! the next try is due.
//!
//! This file is pure: the caller passes in the clock and the randomness.

use std::time::Duration;

use tokio::time::Instant;

use super::RetryPolicy;

/// The time left, and the effect of the failures so far.
#[derive(Debug)]
pub(super) struct Budget {
    policy: RetryPolicy,
    /// The end of all sending, whatever the policy says.
    deadline: Option<Instant>,
    /// The last time a document got its outcome. The policy's budget begins there.
    last_progress: Instant,
    /// The earliest time for the next request.
    resumes_at: Instant,
    /// The number of failures since the last progress.
    failures: u32,
    /// The number of the first request that started after the last failure.
    after_failure: u64,
    /// The time of the last failure.
    last_failure: Instant,
    /// The time of the next request after the last failure, by backoff alone.
    next_by_backoff: Instant,
}

/// A failed request.
#[derive(Debug, Clone, Copy)]
pub(super) struct FailedRequest {
    /// Its number.
    pub(super) number: u64,
    /// The number of the next request.
    pub(super) next: u64,
    /// How long the server asks us to wait.
    pub(super) retry_after: Option<Duration>,
}

/// A request with less time than this is not worth starting.
const SHORTEST_REQUEST: Duration = Duration::from_millis(20);

/// The least time that a first request gets, however small the budget.
const FIRST_REQUEST: Duration = Duration::from_secs(1);

/// The least time for which a document must fail before it counts as at fault, unless the policy's
/// budget is shorter. Many troubles of a cluster are over by then, such as a new primary shard.
const SHORTEST_TRIAL: Duration = Duration::from_secs(10);

impl Budget {
    pub(super) fn new(policy: RetryPolicy, deadline: Option<Instant>, now: Instant) -> Self {
        Self {
            policy,
            deadline,
            last_progress: now,
            resumes_at: now,
            failures: 0,
            after_failure: 0,
            last_failure: now,
            next_by_backoff: now,
        }
    }

    /// Returns whether no request has failed since the last progress.
    pub(super) fn is_untouched(&self) -> bool {
        self.failures == 0
    }

    /// Returns the earliest time for the next request.
    pub(super) fn resumes_at(&self) -> Instant {
        self.resumes_at
    }

    /// Returns how long a request that starts now may take; `None` if there is no time for one.
    pub(super) fn request_timeout(&mut self, now: Instant) -> Option<Duration> {
        if self.is_untouched() {
            // The time until now went into making documents, not into failures.
            self.last_progress = now;
        }
        let mut left = self.end().saturating_duration_since(now);
        if self.is_untouched() {
            // A budget that is shorter than a request means no retries. It does not mean no
            // request.
            left = left.max(FIRST_REQUEST);
        }
        if let Some(deadline) = self.deadline {
            left = left.min(deadline.saturating_duration_since(now));
        }
        (left >= SHORTEST_REQUEST).then(|| self.policy.request_timeout.min(left))
    }

    /// Begins anew, because documents have got their outcome.
    pub(super) fn progress(&mut self, now: Instant) {
        self.last_progress = now;
        self.failures = 0;
    }

    /// Postpones the next request after a failure. Returns whether there is time for another.
    ///
    /// Requests that were open at the same time fail together, so they count as one failure.
    pub(super) fn failed(&mut self, failed: FailedRequest, random: u64, now: Instant) -> bool {
        let is_new = failed.number >= self.after_failure;
        let failures_before = self.failures.saturating_sub(u32::from(!is_new));
        let delay = self
            .policy
            .delay(failures_before, failed.retry_after, random);
        let backoff = self.policy.delay(failures_before, None, random);
        self.last_failure = now;
        self.next_by_backoff = now.checked_add(backoff).unwrap_or(now);
        let is_last = is_new
            && self
                .policy
                .max_retries
                .is_some_and(|max| self.failures >= max);
        if is_new {
            self.failures += 1;
            self.after_failure = failed.next;
        }
        // A server may ask for any number of seconds, so compare before adding to the clock.
        if is_last || self.left(now) < delay.saturating_add(SHORTEST_REQUEST) {
            return false;
        }
        self.resumes_at = self.resumes_at.max(now + delay);
        true
    }

    /// Returns whether a document that has failed since then has used up its time: its next try
    /// would be too late for its budget, or it still failed at the end of a shorter trial.
    pub(super) fn is_spent_since(&self, since: Instant) -> bool {
        self.next_by_backoff + SHORTEST_REQUEST > since + self.policy.budget
            || self
                .shorter_trial(since)
                .is_some_and(|trial| self.last_failure >= since + trial)
    }

    /// Returns the time for which a document may fail whose first failure was then, if the deadline
    /// makes it shorter than a budget: half of the time left, so that there is time for its dead
    /// letter.
    fn shorter_trial(&self, since: Instant) -> Option<Duration> {
        let left = self.deadline?.saturating_duration_since(since);
        let trial = SHORTEST_TRIAL.max(left / 2);
        (trial < self.policy.budget).then_some(trial)
    }

    /// Returns how long sending may continue if nothing gets through.
    pub(super) fn left(&self, now: Instant) -> Duration {
        self.end().saturating_duration_since(now)
    }

    /// Returns the end of sending: the deadline, or the end of the budget if nothing gets through.
    fn end(&self) -> Instant {
        let end = self.last_progress + self.policy.budget;
        self.deadline.map_or(end, |deadline| deadline.min(end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: RetryPolicy = RetryPolicy::OF_TESTS;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn failed(number: u64) -> FailedRequest {
        FailedRequest {
            number,
            next: number + 1,
            retry_after: None,
        }
    }

    #[test]
    fn a_request_gets_what_is_left() {
        let start = Instant::now();
        let mut budget = Budget::new(POLICY, None, start);
        assert_eq!(
            budget.request_timeout(start + seconds(500)),
            Some(seconds(20))
        );
        assert!(budget.failed(failed(0), u64::MAX, start + seconds(500)));
        let timeout = |budget: &mut Budget, at| budget.request_timeout(start + seconds(at));
        assert_eq!(timeout(&mut budget, 550), Some(seconds(10)));
        assert_eq!(timeout(&mut budget, 560), None);

        let mut near = Budget::new(POLICY, Some(start + seconds(5)), start);
        assert_eq!(timeout(&mut near, 0), Some(seconds(5)));
        assert_eq!(timeout(&mut near, 5), None);

        let none = RetryPolicy {
            budget: Duration::ZERO,
            ..POLICY
        };
        assert_eq!(
            timeout(&mut Budget::new(none, None, start), 9),
            Some(FIRST_REQUEST)
        );
    }

    #[test]
    fn waits_double_until_progress() {
        let start = Instant::now();
        let mut budget = Budget::new(POLICY, None, start);
        let mut waits = Vec::new();
        for number in 0..3 {
            assert!(budget.failed(failed(number), u64::MAX, start));
            waits.push((budget.resumes_at() - start).as_millis());
        }
        budget.progress(start + seconds(1));
        assert!(budget.is_untouched());
        assert!(budget.failed(failed(3), u64::MAX, start + seconds(1)));
        waits.push((budget.resumes_at() - start).as_millis());
        assert_eq!(waits, [250, 500, 1_000, 1_250]);
    }

    #[test]
    fn requests_that_fail_together_are_one_failure() {
        let start = Instant::now();
        let mut budget = Budget::new(POLICY, None, start);
        for number in 0..3 {
            let together = FailedRequest {
                number,
                next: 3,
                retry_after: None,
            };
            assert!(budget.failed(together, u64::MAX, start));
        }
        assert_eq!(budget.failures, 1);
        assert!(budget.failed(failed(3), u64::MAX, start));
        assert_eq!(budget.failures, 2);
    }

    #[test]
    fn a_document_has_a_budget_of_its_own() {
        let start = Instant::now();
        let mut budget = Budget::new(POLICY, None, start);
        for second in [0, 50] {
            // Others get through.
            budget.progress(start + seconds(second));
            assert!(budget.failed(failed(second), 0, start + seconds(second)));
            assert!(!budget.is_spent_since(start));
        }
        budget.progress(start + seconds(60));
        assert!(budget.failed(failed(60), 0, start + seconds(60)));
        assert!(budget.is_spent_since(start) && !budget.is_spent_since(start + seconds(1)));
    }

    /// The time of a document ends with half of the time left, but not before ten seconds.
    #[test]
    fn near_the_deadline_a_document_has_half_of_the_time() {
        let start = Instant::now();
        let trial = |policy, deadline| {
            Budget::new(policy, Some(start + seconds(deadline)), start).shorter_trial(start)
        };
        let trials = [500, 120, 80, 20, 12, 1].map(|deadline| trial(POLICY, deadline));
        let expected = [None, None, Some(40), Some(10), Some(10), Some(10)];
        assert_eq!(trials, expected.map(|trial| trial.map(seconds)));
        let short = RetryPolicy {
            budget: seconds(2),
            ..POLICY
        };
        assert_eq!(trial(short, 80), None);
    }

    #[test]
    fn there_is_no_next_try_beyond_the_end() {
        let start = Instant::now();
        let asked = |wish| FailedRequest {
            retry_after: Some(wish),
            ..failed(0)
        };
        for (wish, expected) in [
            (seconds(59), true),
            (seconds(60), false),
            (Duration::MAX, false),
        ] {
            let mut budget = Budget::new(POLICY, None, start);
            assert_eq!(budget.failed(asked(wish), 0, start), expected, "{wish:?}");
        }
        let once = RetryPolicy {
            max_retries: Some(1),
            ..POLICY
        };
        let mut budget = Budget::new(once, None, start);
        assert!(budget.failed(failed(0), 0, start));
        assert!(!budget.failed(failed(1), 0, start));
    }
}
