//! Parts of texts, by place.

use std::slice::SliceIndex;

/// A text or bytes, with parts.
pub(crate) trait Parts {
    /// Returns a part by its place.
    ///
    /// A place beyond the end, or inside a character, is a mistake of the caller. Tests and fuzzing
    /// find it, because a debug build panics. A release build returns nothing instead: a wrong
    /// place in one line must not end the delivery of all others.
    #[track_caller]
    fn part<R: SliceIndex<Self, Output = Self>>(&self, place: R) -> &Self;
}

impl Parts for str {
    #[inline]
    #[track_caller]
    fn part<R: SliceIndex<Self, Output = Self>>(&self, place: R) -> &Self {
        let part = self.get(place);
        debug_assert!(part.is_some(), "a place that the text does not have");
        part.unwrap_or_default()
    }
}

impl Parts for [u8] {
    #[inline]
    #[track_caller]
    fn part<R: SliceIndex<Self, Output = Self>>(&self, place: R) -> &Self {
        let part = self.get(place);
        debug_assert!(part.is_some(), "a place that the bytes do not have");
        part.unwrap_or_default()
    }
}
