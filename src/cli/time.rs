//! Times in the forms that people write.

use jiff::SignedDuration;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::ecs::Timestamp;

/// A time, or the distance from now to a time in the past.
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

const REMEDY: &str = "it should be a time such as 2026-01-31 or 2026-01-31T12:00:00Z, milliseconds or \
                      seconds since 1970, or a duration such as 90m, 36h or 7d, counted back from now";

/// Smaller numbers are seconds since 1970 (until the year 5138), larger ones milliseconds.
const FIRST_MILLISECONDS: i64 = 100_000_000_000;

/// Parses a date (its start in UTC), an RFC 3339 time, seconds or milliseconds since 1970, or a
/// duration back from now.
pub(super) fn time(text: &str) -> Result<Time, String> {
    point(text)
        .map(|milliseconds| Time::At(Timestamp(milliseconds)))
        .or_else(|| ago(text))
        .ok_or_else(|| REMEDY.to_owned())
}

/// Parses a time as [`time`] does. Returns milliseconds since 1970.
pub(super) fn event_time(text: &str) -> Result<i64, String> {
    let timestamp = time(text)?.timestamp().ok_or(REMEDY)?;
    Ok(timestamp.0)
}

/// Parses a length of time, such as 15m, 1h or 1d. Returns milliseconds, at least one second.
pub(super) fn duration(text: &str) -> Result<i64, String> {
    const REMEDY: &str = "it should be a length of time such as 15m, 1h or 1d";
    let length = length(text).filter(|length| length.as_secs() > 0);
    let milliseconds = length.map(|length| length.as_millis());
    milliseconds
        .and_then(|milliseconds| i64::try_from(milliseconds).ok())
        .ok_or_else(|| REMEDY.to_owned())
}

/// Returns a time without its fractions of a second, if it has none.
pub(super) fn timestamp_text(time: Timestamp) -> String {
    time.to_string().replace(".000Z", "Z")
}

fn point(text: &str) -> Option<i64> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        let number: i64 = text.parse().ok()?;
        let milliseconds = if number < FIRST_MILLISECONDS {
            number.checked_mul(1_000)?
        } else {
            number
        };
        return jiff::Timestamp::from_millisecond(milliseconds)
            .ok()
            .map(|_| milliseconds);
    }
    if let Ok(time) = text.parse::<jiff::Timestamp>() {
        return Some(time.as_millisecond());
    }
    let is_date = text.len() == "2026-01-31".len();
    let date: Date = is_date.then(|| text.parse().ok())??;
    let midnight = date.to_zoned(TimeZone::UTC).ok()?;
    Some(midnight.timestamp().as_millisecond())
}

fn ago(text: &str) -> Option<Time> {
    let ago = length(text)?;
    let time = Time::Ago(ago);
    (ago.is_positive() && time.timestamp().is_some()).then_some(time)
}

fn length(text: &str) -> Option<SignedDuration> {
    let days = text
        .strip_suffix('d')
        .and_then(|days| days.parse::<u32>().ok());
    match days {
        Some(days) => Some(SignedDuration::from_hours(i64::from(days) * 24)),
        None => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_in_time() {
        for (text, milliseconds) in [
            ("0", 0),
            ("1772353800", 1_772_353_800_000),
            ("1772353800123", 1_772_353_800_123),
            ("2026-03-01", 1_772_323_200_000),
            ("2026-03-01T08:30:00Z", 1_772_353_800_000),
            ("2026-03-01T09:30:00.5+01:00", 1_772_353_800_500),
        ] {
            assert_eq!(event_time(text), Ok(milliseconds), "{text}");
        }
    }

    #[test]
    fn durations_count_back_from_now() {
        for (text, hours) in [("45m", 0), ("36h", 36), ("7d", 168)] {
            let Ok(Time::Ago(ago)) = time(text) else {
                panic!("{text}")
            };
            assert_eq!(ago.as_hours(), hours, "{text}");
        }
    }

    #[test]
    fn lengths_of_time() {
        for (text, milliseconds) in [
            ("1s", 1_000),
            ("15m", 900_000),
            ("1h", 3_600_000),
            ("7d", 604_800_000),
        ] {
            assert_eq!(duration(text), Ok(milliseconds), "{text}");
        }
        for wrong in ["", "0s", "-1h", "999ms", "1", "day"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn other_words_are_rejected() {
        for text in [
            "",
            "noon",
            "-5",
            "-1h",
            "0s",
            "2026-13-01",
            "20260301T",
            "1e3",
            "9".repeat(30).as_str(),
        ] {
            assert!(time(text).is_err(), "{text}");
        }
    }
}
