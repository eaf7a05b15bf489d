//! Byte searches in blocks of sixteen. The loops have no early exit, so that the compiler can
//! vectorise them.
//!
//! Perf, in instructions counted by callgrind with the release profile, against an iterator with
//! an early exit: [`has_byte`] takes 81 instead of 631 for 40 bytes and 30 instead of 211 for 12;
//! [`first_special`] takes 171 instead of 1,345 for 120 bytes. With `opt-level = 3` the compiler
//! does not vectorise these loops.

type Block = [u8; 16];

/// Returns whether any byte satisfies `is`. Optimised for short inputs and for an `is` without
/// branches.
#[inline]
pub fn has_byte(bytes: &[u8], is: impl Fn(u8) -> bool + Copy) -> bool {
    let in_block = |block: &Block| marks(block, is) != 0;
    if let Some(last) = bytes.last_chunk() {
        let (blocks, _) = bytes.as_chunks();
        return blocks.iter().any(in_block) || in_block(last);
    }
    if let Some(both) = both_ends(bytes) {
        return in_block(&both);
    }
    bytes.iter().any(|byte| is(*byte))
}

/// Returns whether any two neighbours satisfy `are`. Optimised for an `are` without branches.
#[inline]
pub fn has_neighbours(bytes: &[u8], are: impl Fn(u8, u8) -> bool + Copy) -> bool {
    let (Some((_, behind)), Some((_, before))) = (bytes.split_first(), bytes.split_last()) else {
        return false;
    };
    let in_blocks = |(before, behind): (&Block, &Block)| {
        let mut found = false;
        for (one, other) in before.iter().zip(behind) {
            found |= are(*one, *other);
        }
        found
    };
    match (before.last_chunk(), behind.last_chunk()) {
        (Some(last_before), Some(last_behind)) => {
            let mut blocks = before.as_chunks().0.iter().zip(behind.as_chunks().0);
            blocks.any(in_blocks) || in_blocks((last_before, last_behind))
        }
        _ => before
            .iter()
            .zip(behind)
            .any(|(one, other)| are(*one, *other)),
    }
}

/// Returns whether `confirms` is true for the place of any byte that satisfies `is`. Optimised for
/// an `is` without branches that few bytes satisfy.
#[inline]
pub fn has_place(
    bytes: &[u8],
    is: impl Fn(u8) -> bool + Copy,
    confirms: impl Fn(usize) -> bool,
) -> bool {
    let in_block =
        |start: usize, block: &Block| any_mark(marks(block, is), |mark| confirms(start + mark));
    let length = bytes.len();
    if let Some(last) = bytes.last_chunk() {
        let (blocks, _) = bytes.as_chunks();
        let starts = (0..length).step_by(size_of::<Block>());
        let mut blocks = starts.zip(blocks);
        return blocks.any(|(start, block)| in_block(start, block))
            || in_block(length - size_of::<Block>(), last);
    }
    if let Some(both) = both_ends(bytes) {
        // The second half of the block holds the last bytes.
        let half = size_of::<Block>() / 2;
        let place = |place| {
            if place < half {
                place
            } else {
                place + length - 2 * half
            }
        };
        return any_mark(marks(&both, is), |mark| confirms(place(mark)));
    }
    let mut places = bytes.iter().enumerate();
    places.any(|(place, byte)| is(*byte) && confirms(place))
}

/// Returns whether `confirms` is true for the place of any mark.
#[inline]
fn any_mark(mut marks: u128, confirms: impl Fn(usize) -> bool) -> bool {
    while marks != 0 {
        if confirms((marks.trailing_zeros() / 8) as usize) {
            return true;
        }
        marks &= marks - 1;
    }
    false
}

/// Returns the first eight bytes and the last eight; `None` if there are fewer.
#[inline]
fn both_ends(bytes: &[u8]) -> Option<Block> {
    let first = bytes.first_chunk()?;
    let last = bytes.last_chunk()?;
    let both = u128::from(u64::from_le_bytes(*first)) | u128::from(u64::from_le_bytes(*last)) << 64;
    Some(both.to_le_bytes())
}

/// Compares two strings; inline for 16 to 32 bytes, the usual length of a key.
///
/// Perf: the inline comparison saves 10 instructions and a call of `memcmp`.
#[inline]
pub(super) fn same(one: &str, other: &str) -> bool {
    let one = one.as_bytes();
    let other = other.as_bytes();
    let ends = |bytes: &[u8]| match (bytes.first_chunk(), bytes.last_chunk(), bytes.len()) {
        (Some(first), Some(last), 16..=32) => {
            Some([u128::from_le_bytes(*first), u128::from_le_bytes(*last)])
        }
        _ => None,
    };
    one.len() == other.len()
        && match (ends(one), ends(other)) {
            (Some([a, b]), Some([c, d])) => (a ^ c) | (b ^ d) == 0,
            _ => one == other,
        }
}

/// Returns the position of the first byte that a JSON string must escape: a quote, a backslash, or
/// a control character.
///
/// Perf: inlining it, and looking at the first half of a block first, saves 680 instructions for a
/// REST line. Most values have fewer than eight bytes.
#[inline]
pub(super) fn first_special(bytes: &[u8]) -> Option<usize> {
    let mut rest = bytes;
    while let Some((block, behind)) = rest.split_first_chunk() {
        if let Some(place) = first_mark(marks(block, is_special)) {
            return Some(bytes.len() - rest.len() + place);
        }
        rest = behind;
    }
    first_special_at_end(bytes)
}

/// Does the same for the bytes behind the last whole block.
#[cold]
fn first_special_at_end(bytes: &[u8]) -> Option<usize> {
    let (_, rest) = bytes.as_chunks::<{ size_of::<Block>() }>();
    let place = rest.iter().position(|byte| is_special(*byte))?;
    Some(bytes.len() - rest.len() + place)
}

/// Returns the position of the first mark.
#[inline]
fn first_mark(marks: u128) -> Option<usize> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the halves are taken apart"
    )]
    let (first, second) = (marks as u64, (marks >> u64::BITS) as u64);
    if first != 0 {
        Some((first.trailing_zeros() / 8) as usize)
    } else if second != 0 {
        Some(size_of::<u64>() + (second.trailing_zeros() / 8) as usize)
    } else {
        None
    }
}

pub(super) fn is_special(byte: u8) -> bool {
    (byte < b' ') | (byte == b'"') | (byte == b'\\')
}

/// Returns a mask with 1 in each byte position where `is` holds.
#[inline]
fn marks(block: &Block, is: impl Fn(u8) -> bool) -> u128 {
    // Perf: writing over a copy saves 9 instructions a block, a check whether two blocks overlap.
    let mut marks = *block;
    for mark in &mut marks {
        *mark = u8::from(is(*mark));
    }
    u128::from_le_bytes(marks)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_first_special_byte(bytes in prop::collection::vec(prop_oneof![any::<u8>(), Just(b'"'), b'!'..=b'\x7f'], 0..70)) {
            prop_assert_eq!(first_special(&bytes), bytes.iter().position(|byte| is_special(*byte)));
        }

        #[test]
        fn texts_that_differ_in_one_byte_are_not_the_same(text in "[a-z]{0,40}", place in 0_usize..40) {
            prop_assert!(same(&text, &text.clone()));
            prop_assert!(!same(&text, &(text.clone() + "x")));
            if place < text.len() {
                let mut other = text.clone();
                other.replace_range(place..=place, "-");
                prop_assert!(!same(&text, &other));
            }
        }

        #[test]
        fn neighbours_anywhere(text in "[ab]{0,1}[a-z]{0,40}[ab]{0,2}") {
            let are = |one, other| (one == b'a') & (other == b'b');
            prop_assert_eq!(has_neighbours(text.as_bytes(), are), text.contains("ab"));
        }

        #[test]
        fn any_place_that_is_confirmed(text in "[a-e]{0,40}", place in 0_usize..40) {
            let bytes = text.as_bytes();
            let found = has_place(bytes, |byte| byte == b'a', |found| {
                assert_eq!(bytes.get(found), Some(&b'a'));
                found == place
            });
            prop_assert_eq!(found, bytes.get(place) == Some(&b'a'));
        }

        #[test]
        fn any_byte_at_any_place(text in "[a-z€]{0,40}", byte in b'a'..=b'z') {
            prop_assert_eq!(has_byte(text.as_bytes(), |other| other == byte), text.as_bytes().contains(&byte));
        }
    }
}
