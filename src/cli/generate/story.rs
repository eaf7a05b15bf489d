//! The story: the rhythm of a day, an incident at night, a deployment that is rolled back, and a
//! bot. All times are in UTC.

use std::ops::Range;

use super::random::Random;

const A_MINUTE: i64 = 60_000;
const AN_HOUR: i64 = 60 * A_MINUTE;
const A_DAY: i64 = 24 * AN_HOUR;

/// The weight of each hour of a day.
const RHYTHM: [u64; 24] = [
    12, 9, 7, 6, 6, 8, 14, 25, 40, 55, 62, 66, 70, 68, 64, 60, 58, 60, 66, 72, 68, 50, 32, 20,
];

/// The times of the story's events, in milliseconds since 1970. A range is empty if the span is too
/// short for it.
#[derive(Debug)]
pub(super) struct Story {
    pub(super) whole: Range<i64>,
    /// From 03:10: a nightly export overloads the backend, for all clients.
    pub(super) incident: Option<Range<i64>>,
    /// From 14:00: a deployment with a bug in `POST /orders`, which is rolled back afterwards.
    pub(super) deployment: Option<Range<i64>>,
    /// From 22:40: a bot tries paths.
    pub(super) scan: Option<Range<i64>>,
}

impl Story {
    pub(super) fn new(whole: Range<i64>) -> Self {
        Self {
            incident: last(&whole, 3 * 60 + 10, 25),
            deployment: last(&whole, 14 * 60, 45),
            scan: last(&whole, 22 * 60 + 40, 15),
            whole,
        }
    }

    /// Draws a time from the whole span, more often by day than by night.
    pub(super) fn ordinary_time(&self, random: &mut Random) -> i64 {
        loop {
            let time = time_in(&self.whole, random);
            if random.below(1_000) < weight(time) {
                return time;
            }
        }
    }

    pub(super) fn is_incident(&self, time: i64) -> bool {
        self.incident
            .as_ref()
            .is_some_and(|incident| incident.contains(&time))
    }

    /// Returns the deployment that answers at a given time.
    pub(super) fn deployment_at(&self, time: i64) -> &'static str {
        match &self.deployment {
            Some(bad) if bad.contains(&time) => BAD_DEPLOYMENT,
            _ => "d3pl0y",
        }
    }
}

/// The deployment with the bug.
pub(super) const BAD_DEPLOYMENT: &str = "d4pl0y";

pub(super) fn time_in(range: &Range<i64>, random: &mut Random) -> i64 {
    let length = range.end.saturating_sub(range.start).unsigned_abs();
    range.start.saturating_add_unsigned(random.below(length))
}

/// Returns the last occurrence of a time of day whose event fits into the range.
fn last(whole: &Range<i64>, minute_of_day: i64, minutes: i64) -> Option<Range<i64>> {
    let offset = minute_of_day * A_MINUTE;
    let length = minutes * A_MINUTE;
    let midnight = (whole.end - offset - length).div_euclid(A_DAY) * A_DAY;
    let start = midnight + offset;
    (start >= whole.start).then_some(start..start + length)
}

/// Returns the weight of a time, at most 1,000, interpolated between the hours of [`RHYTHM`].
fn weight(time: i64) -> u64 {
    let of_day = time.rem_euclid(A_DAY).unsigned_abs();
    let hour = AN_HOUR.unsigned_abs();
    let at = |hour: u64| {
        RHYTHM
            .iter()
            .cycle()
            .nth(usize::try_from(hour).unwrap_or_default())
            .copied()
            .unwrap_or(1)
    };
    let now = at(of_day / hour);
    let next = at(of_day / hour + 1);
    (now * (hour - of_day % hour) + next * (of_day % hour)) * 1_000 / (hour * 72)
}
