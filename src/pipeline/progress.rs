//! The work that is left of an event whose delivery ran out of time.
//!
//! Lambda delivers such an event again, whole. If each delivery started at the first line, it would
//! spend its time on lines that the last delivery has sent, and an event that takes longer than one
//! delivery would fail for ever. Two things keep the progress:
//!
//! - A process remembers which lines of a payload are unresolved, and the next delivery of the
//!   payload works on those alone. So the deliveries add up, and the last one reports success.
//! - A process that has not seen the payload before cannot know what is stored: the function's
//!   credentials may create documents and not search for them. So with a deadline each delivery
//!   begins at a random line and goes around. However small the share that one delivery has time
//!   for, every line soon falls into the share of some delivery.
//!
//! A payload of which only documents are left that may be at fault themselves is not remembered: they
//! are known by others that are accepted beside them, and these are sent again (`bulk/culprits.rs`).
//!
//! Kinesis records keep their order, because their stream goes on from the first unfinished record.

use std::collections::VecDeque;
use std::ops::Range;

use ring::digest::{Digest, SHA256, digest};

use crate::report::Settled;

/// Payloads that the last deliveries have not finished, the newest last.
#[derive(Default)]
pub(super) struct Unfinished(VecDeque<([u8; 32], Remainder)>);

/// The unfinished part of a payload.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Remainder {
    /// The positions of log events that are not finished, in ascending order.
    pub(super) positions: Vec<Range<usize>>,
    /// The outcomes of all other log events.
    pub(super) settled: Settled,
}

/// The work on a payload in this invocation.
#[derive(Debug, Default)]
pub(super) struct PayloadProgress {
    /// The unfinished positions, in the order in which they were noted.
    unfinished: Vec<Range<usize>>,
    pub(super) settled: Settled,
}

/// Upper bound on the payloads that are remembered: more than a Kinesis batch has.
const MOST_PAYLOADS: usize = 128;

/// Upper bound on the ranges that are remembered of a payload. A payload with more ranges starts
/// again from its beginning.
const MOST_RANGES: usize = 4_096;

impl Unfinished {
    /// Takes out the unfinished part of a payload that was delivered before.
    pub(super) fn take(&mut self, payload: &str) -> Option<Remainder> {
        if self.0.is_empty() {
            return None;
        }
        let key = key(payload);
        let index = self.0.iter().position(|(known, _)| *known == key)?;
        self.0.remove(index).map(|(_, remainder)| remainder)
    }

    /// Remembers the unfinished part of a payload, unless nothing is settled.
    pub(super) fn put(&mut self, payload: &str, remainder: Remainder) {
        let is_whole = remainder.settled == Settled::default();
        if is_whole || remainder.positions.len() > MOST_RANGES {
            return;
        }
        if self.0.len() >= MOST_PAYLOADS {
            self.0.pop_front();
        }
        self.0.push_back((key(payload), remainder));
    }
}

/// A hash without collisions: a payload that is taken for another would be lost.
fn key(payload: &str) -> [u8; 32] {
    let digest: Digest = digest(&SHA256, payload.as_bytes());
    let mut key = [0; 32];
    for (byte, of_digest) in key.iter_mut().zip(digest.as_ref()) {
        *byte = *of_digest;
    }
    key
}

impl Remainder {
    /// Returns the number of log events that are not finished.
    pub(super) fn len(&self) -> usize {
        self.positions.iter().map(ExactSizeIterator::len).sum()
    }
}

impl PayloadProgress {
    /// Notes log events that are not finished.
    pub(super) fn not_finished(&mut self, positions: Range<usize>) {
        match self.unfinished.last_mut() {
            Some(last) if last.end == positions.start => last.end = positions.end,
            _ => self.unfinished.push(positions),
        }
    }

    /// Returns the unfinished part, if there is any.
    pub(super) fn into_remainder(self) -> Option<Remainder> {
        let mut positions = self.unfinished;
        positions.sort_unstable_by_key(|range| range.start);
        positions.dedup_by(|next, last| {
            let touches = next.start <= last.end;
            if touches {
                last.end = last.end.max(next.end);
            }
            touches
        });
        (!positions.is_empty()).then_some(Remainder {
            positions,
            settled: self.settled,
        })
    }
}

/// Returns the same positions, starting at `start` and wrapping around.
pub(super) fn around(positions: &[Range<usize>], start: usize) -> Vec<Range<usize>> {
    let from_start = positions
        .iter()
        .map(|range| range.start.max(start)..range.end);
    let to_start = positions
        .iter()
        .map(|range| range.start..range.end.min(start));
    from_start
        .chain(to_start)
        .filter(|range| !range.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(stored: u64) -> Settled {
        Settled {
            stored,
            ..Settled::default()
        }
    }

    #[test]
    fn positions_from_a_start_around() {
        let positions = [0..3, 5..9];
        for (start, expected) in [
            (0, vec![0..3, 5..9]),
            (1, vec![1..3, 5..9, 0..1]),
            (4, vec![5..9, 0..3]),
            (6, vec![6..9, 0..3, 5..6]),
            (9, vec![0..3, 5..9]),
        ] {
            assert_eq!(around(&positions, start), expected, "{start}");
        }
    }

    #[test]
    fn ranges_that_touch_are_one() {
        let mut progress = PayloadProgress::default();
        for range in [7..8, 8..9, 2..3, 0..1, 1..2, 5..6] {
            progress.not_finished(range);
        }
        let remainder = progress.into_remainder().unwrap();
        assert_eq!(remainder.positions, [0..3, 5..6, 7..9]);
        assert_eq!(PayloadProgress::default().into_remainder(), None);
    }

    #[test]
    fn a_payload_is_known_by_all_of_its_bytes() {
        let mut unfinished = Unfinished::default();
        let remainder = Remainder {
            positions: vec![2..5, 7..8],
            settled: settled(2),
        };
        unfinished.put("payload", remainder.clone());
        assert_eq!(unfinished.take("payloae"), None);
        assert_eq!(unfinished.take("payload"), Some(remainder));
        assert_eq!(unfinished.take("payload"), None, "it was taken");
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut unfinished = Unfinished::default();
        let remainder = |ranges: usize, stored| Remainder {
            positions: (0..ranges)
                .map(|number| 2 * number..2 * number + 1)
                .collect(),
            settled: settled(stored),
        };
        unfinished.put("too many ranges", remainder(MOST_RANGES + 1, 1));
        unfinished.put("nothing settled", remainder(1, 0));
        assert!(unfinished.0.is_empty());
        for number in 0..=MOST_PAYLOADS {
            unfinished.put(&number.to_string(), remainder(1, 1));
        }
        assert_eq!(unfinished.0.len(), MOST_PAYLOADS);
        assert_eq!(unfinished.take("0"), None, "the oldest is forgotten");
    }
}
