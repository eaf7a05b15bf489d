//! The ids that CloudWatch Logs gives to log events.
//!
//! AWS does not document them. All published ids have this layout: a number of 192 bits, written in
//! decimal.
//!
//! | bits | hold |
//! | --- | --- |
//! | 144 to 191 | the time of the event, in milliseconds since 1970 |
//! | 80 to 143 | the time of its ingestion, in milliseconds since 1970 |
//! | 16 to 79 | a number for the request that wrote the event |
//! | 0 to 15 | the event's place in that request |

use std::fmt;

/// An id in CloudWatch's layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventId {
    /// The time of the event, in milliseconds since 1970. The layout has 48 bits for it.
    pub event_time: u64,
    /// The time at which CloudWatch received the event, in milliseconds since 1970.
    pub ingestion_time: u64,
    /// A number for the request that wrote the event.
    pub request: u64,
    /// The event's place in its request.
    pub place: u16,
}

impl EventId {
    /// Reads a decimal number; `None` if the text is no number or has more than 192 bits.
    ///
    /// Every number has the layout: compare `event_time` with the time of the event to see whether
    /// CloudWatch made the id.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.is_empty() {
            return None;
        }
        let mut limbs = [0; 3];
        for byte in text.bytes() {
            let mut carry = u128::from(char::from(byte).to_digit(10)?);
            for limb in limbs.iter_mut().rev() {
                carry += u128::from(*limb) * 10;
                *limb = low_half(carry);
                carry >>= 64;
            }
            if carry > 0 {
                return None;
            }
        }
        let [high, middle, low] = limbs;
        Some(Self {
            event_time: high >> 16,
            ingestion_time: high << 48 | middle >> 16,
            request: middle << 48 | low >> 16,
            place: low as u16,
        })
    }

    /// The number in three limbs of 64 bits, the most significant first.
    const fn limbs(self) -> [u64; 3] {
        [
            self.event_time << 16 | self.ingestion_time >> 48,
            self.ingestion_time << 16 | self.request >> 48,
            self.request << 16 | self.place as u64,
        ]
    }
}

/// Writes the number with at least 56 digits, which is how many the ids of our time have.
impl fmt::Display for EventId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Divides by ten until nothing is left. 192 bits have at most 58 digits.
        let mut limbs = self.limbs();
        let mut digits = String::with_capacity(58);
        while limbs != [0; 3] {
            let mut remainder = 0;
            for limb in &mut limbs {
                let dividend = remainder << 64 | u128::from(*limb);
                *limb = low_half(dividend / 10);
                remainder = dividend % 10;
            }
            digits.push(char::from(b'0' + remainder as u8));
        }
        let digits: String = digits.chars().rev().collect();
        write!(formatter, "{digits:0>56}")
    }
}

const fn low_half(number: u128) -> u64 {
    number as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ids that AWS publishes. The first is in the documentation of `FilterLogEvents`, beside the
    /// two times; the second in that of subscription filters, beside the time of the event.
    const PUBLISHED: [(&str, EventId); 2] = [
        (
            "31132629274945519779805322857203735586714454643391594505",
            EventId {
                event_time: 1_396_035_378_988,
                ingestion_time: 1_396_035_394_997,
                request: 0x6a73_cd6c_fda7_a6c4,
                place: 9,
            },
        ),
        (
            "31953106606966983378809025079804211143289615424298221568",
            EventId {
                event_time: 1_432_826_855_000,
                ingestion_time: 1_432_827_365_364,
                request: 0x665b_a04f_6ad6_2181,
                place: 0,
            },
        ),
    ];

    #[test]
    fn published_ids_have_the_layout() {
        for (text, id) in PUBLISHED {
            assert_eq!(EventId::parse(text), Some(id));
            assert_eq!(id.to_string(), text);
        }
    }

    #[test]
    fn all_numbers_of_192_bits_are_read() {
        let largest = "6277101735386680763835789423207666416102355444464034512895";
        let id = EventId::parse(largest).expect("192 bits");
        assert_eq!(
            id,
            EventId {
                event_time: (1 << 48) - 1,
                ingestion_time: u64::MAX,
                request: u64::MAX,
                place: u16::MAX,
            }
        );
        assert_eq!(id.to_string(), largest);
        let small = EventId::parse("7").expect("a number");
        assert_eq!((small.event_time, small.place), (0, 7));
        assert_eq!(small.to_string(), format!("{:0>56}", 7));
    }

    #[test]
    fn other_texts_are_rejected() {
        for text in [
            "",
            "-1",
            "+1",
            "1e3",
            " 1",
            "١",
            "6277101735386680763835789423207666416102355444464034512896",
            &"9".repeat(100_000),
        ] {
            assert_eq!(EventId::parse(text), None, "{text:.60}");
        }
    }
}
