//! Times as people give them: a time, or how long ago it was.

use jiff::SignedDuration;

use crate::ecs::Timestamp;

#[derive(Clone, Copy, Debug)]
pub(super) enum Time {
    At(Timestamp),
    Ago(SignedDuration),
}

impl Time {
    /// In milliseconds since 1970; `None` before the year -9999.
    pub(super) fn timestamp(self) -> Option<Timestamp> {
        match self {
            Self::At(timestamp) => Some(timestamp),
            Self::Ago(ago) => jiff::Timestamp::now()
                .checked_sub(ago)
                .ok()
                .map(|time| Timestamp(time.as_millisecond())),
        }
    }
}

/// Reads an RFC 3339 time, or a duration (`90m`, `7d`).
pub(super) fn time(text: &str) -> Result<Time, String> {
    let remedy =
        "it should be a time such as 2026-01-31T12:00:00Z, or a duration such as 90m, 2h or 7d";
    if let Ok(time) = text.parse::<jiff::Timestamp>() {
        return Ok(Time::At(Timestamp(time.as_millisecond())));
    }
    let days = text
        .strip_suffix('d')
        .and_then(|days| days.parse::<u32>().ok());
    let ago = match days {
        Some(days) => SignedDuration::from_hours(i64::from(days) * 24),
        None => text.parse().map_err(|_| remedy)?,
    };
    let time = Some(Time::Ago(ago)).filter(|time| ago.is_positive() && time.timestamp().is_some());
    time.ok_or_else(|| remedy.to_owned())
}
