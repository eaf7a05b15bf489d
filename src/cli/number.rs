//! Numbers as people write them.

use std::ops::RangeInclusive;

/// Parses a number of at least 1.
pub(super) fn positive(text: &str) -> Result<u64, String> {
    within(text, 1..=u64::MAX, "it should be a whole number from 1 up")
}

/// Parses a number of made-up lines.
pub(super) fn lines(text: &str) -> Result<u64, String> {
    let remedy = "it should be a whole number from 1 to 1000000";
    within(text, 1..=1_000_000, remedy)
}

/// Parses a number of requests a second.
pub(super) fn rate(text: &str) -> Result<u32, String> {
    let remedy = "it should be a whole number from 1 to 1000";
    let rate = within(text, 1..=1_000, remedy)?;
    u32::try_from(rate).map_err(|_| remedy.to_owned())
}

fn within(text: &str, range: RangeInclusive<u64>, remedy: &str) -> Result<u64, String> {
    let number = text.parse().ok();
    number
        .filter(|number| range.contains(number))
        .ok_or_else(|| remedy.to_owned())
}
