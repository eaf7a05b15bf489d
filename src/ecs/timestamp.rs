//! The form of every date in a document.

use std::fmt;

use jiff::SignedDuration;
use jiff::civil::DateTime;
use serde::{Serialize, Serializer};

const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);
const A_DAY: i64 = 24 * 3_600_000;

/// Milliseconds since 1970, written as `2023-07-26T12:20:46.000Z`. Times outside the years 1 to
/// 9999 are written as the first or last moment of that span.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// 0001-01-01, the first day that can be written.
    pub const FIRST: Self = Self(-62_135_596_800_000);
    /// The last moment of 9999-12-31. (jiff's own maximum is a day earlier, but certificates use
    /// this one.)
    pub const LAST: Self = Self(253_402_300_799_999);

    pub(super) fn text(self) -> [u8; 24] {
        let milliseconds = self.0.clamp(Self::FIRST.0, Self::LAST.0);
        let (days, of_day) = (
            milliseconds.div_euclid(A_DAY),
            milliseconds.rem_euclid(A_DAY),
        );
        let date = EPOCH
            .date()
            .saturating_add(SignedDuration::from_hours(days * 24));
        let [y1, y2] = two_digits(i64::from(date.year()) / 100);
        let [y3, y4] = two_digits(i64::from(date.year()) % 100);
        let [m1, m2] = two_digits(date.month().into());
        let [d1, d2] = two_digits(date.day().into());
        let [h1, h2] = two_digits(of_day / 3_600_000);
        let [n1, n2] = two_digits(of_day / 60_000 % 60);
        let [s1, s2] = two_digits(of_day / 1000 % 60);
        let [f1, f2] = two_digits(of_day % 1000 / 10);
        let [_, f3] = two_digits(of_day % 10);
        [
            y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2, b'T', h1, h2, b':', n1, n2, b':', s1, s2,
            b'.', f1, f2, f3, b'Z',
        ]
    }
}

fn two_digits(value: i64) -> [u8; 2] {
    let value = u8::try_from(value).unwrap_or_default();
    [b'0' + value / 10 % 10, b'0' + value % 10]
}

impl fmt::Display for Timestamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(str::from_utf8(&self.text()).unwrap_or_default())
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(str::from_utf8(&self.text()).unwrap_or_default())
    }
}
