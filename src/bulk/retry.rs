//! The rule that says whether to send again, and when. It uses no clock and no randomness of its
//! own.

use std::time::Duration;

/// Exponential backoff with full jitter.
///
/// Full jitter spreads the senders best:
/// <https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// How long to continue while no document gets through: `RETRY_BUDGET_MS`.
    pub budget: Duration,
    /// Upper bound on the first wait: `RETRY_INITIAL_MS`.
    pub initial: Duration,
    /// Upper bound on any wait: `RETRY_MAX_MS`.
    pub max: Duration,
    /// Upper bound on the time of one request: `REQUEST_TIMEOUT_MS`.
    pub request_timeout: Duration,
    /// Upper bound on retries while no document gets through; `None` to continue for as long as the
    /// budget lasts.
    pub max_retries: Option<u32>,
}

impl RetryPolicy {
    /// Returns how long to wait before the next try, after this many failures in a row (0 after the
    /// first).
    ///
    /// The wait is never shorter than what the server asks for; `random` picks a point in the range
    /// of the jitter.
    #[must_use]
    pub fn delay(&self, failures: u32, retry_after: Option<Duration>, random: u64) -> Duration {
        let ceiling = self
            .initial
            .saturating_mul(2_u32.saturating_pow(failures))
            .min(self.max);
        let fraction = u128::from(random) * ceiling.as_nanos() / u128::from(u64::MAX);
        let jittered = Duration::from_nanos(u64::try_from(fraction).unwrap_or(u64::MAX));
        jittered.max(retry_after.unwrap_or_default())
    }
}

#[cfg(test)]
impl RetryPolicy {
    /// The schedule of the settings' defaults.
    pub(super) const OF_TESTS: Self = Self {
        budget: Duration::from_secs(60),
        initial: Duration::from_millis(250),
        max: Duration::from_secs(15),
        request_timeout: Duration::from_secs(20),
        max_retries: None,
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: RetryPolicy = RetryPolicy::OF_TESTS;

    #[test]
    fn doubles_up_to_its_ceiling() {
        let ceilings: Vec<_> = (0..8)
            .map(|failures| POLICY.delay(failures, None, u64::MAX).as_millis())
            .collect();
        assert_eq!(
            ceilings,
            [250, 500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000]
        );
        assert_eq!(POLICY.delay(u32::MAX, None, u64::MAX), POLICY.max);
    }

    #[test]
    fn jitter_covers_the_whole_range() {
        assert_eq!(POLICY.delay(3, None, 0), Duration::ZERO);
        assert_eq!(POLICY.delay(3, None, u64::MAX / 2).as_millis(), 999);
    }

    #[test]
    fn what_the_server_asks_for_is_a_floor() {
        let asked = Some(Duration::from_secs(1));
        assert_eq!(POLICY.delay(0, asked, u64::MAX), Duration::from_secs(1));
        assert_eq!(POLICY.delay(5, asked, u64::MAX), Duration::from_secs(8));
        assert_eq!(
            POLICY.delay(0, Some(Duration::from_secs(3_600)), 0),
            Duration::from_secs(3_600)
        );
    }
}
