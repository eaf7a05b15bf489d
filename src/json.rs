//! JSON where `serde_json` is too slow or too strict: the strings of a log line, read, mended and written.

mod scan;
mod string;
mod text;
mod write;

use std::borrow::Cow;

pub use self::scan::{Malformed, Scanner, Value};
pub use self::string::{Escapes, JsonText};
pub use self::text::mend_surrogates;
pub use self::write::{WriteJson, write_list, write_string};

/// Bytes as text, with U+FFFD in the place of what is not UTF-8. The standard library's conversion, which looks for
/// places to replace, is ten times as slow where there are none.
#[must_use]
pub fn utf8(bytes: &[u8]) -> Cow<'_, str> {
    std::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed)
}

/// Where the first byte stands that a JSON string cannot have as it is: a quote, a backslash, or a control character.
///
/// Eight bytes at a time, as a number, and the last eight of them once more: three times as fast as one by one.
fn first_special(bytes: &[u8]) -> Option<usize> {
    let (words, rest) = bytes.as_chunks::<8>();
    for (number, word) in words.iter().enumerate() {
        let length = plain_length(*word);
        if length < 8 {
            return Some(number * 8 + length);
        }
    }
    match bytes.last_chunk::<8>() {
        Some(word) => Some(plain_length(*word)).filter(|length| *length < 8).map(|length| bytes.len() - 8 + length),
        None => rest.iter().position(|byte| is_special(*byte)),
    }
}

fn is_special(byte: u8) -> bool {
    byte < b' ' || matches!(byte, b'"' | b'\\')
}

/// How many bytes stand before the first special one.
///
/// Source of the arithmetic: Sean Eron Anderson, "Bit Twiddling Hacks", "Determine if a word has a byte less than n".
fn plain_length(bytes: [u8; 8]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let word = u64::from_le_bytes(bytes);
    // A byte below n, where no borrow came from the byte before: so the lowest mark is always right.
    let below = |word: u64, n: u8| word.wrapping_sub(ONES * u64::from(n)) & !word & HIGH;
    let is = |byte: u8| below(word ^ (ONES * u64::from(byte)), 1);
    let marks = below(word, b' ') | is(b'"') | is(b'\\');
    (marks.trailing_zeros() / 8) as usize
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_first_special_byte(bytes in prop::collection::vec(prop_oneof![any::<u8>(), Just(b'"'), b'!'..=b'\x7f'], 0..40)) {
            prop_assert_eq!(first_special(&bytes), bytes.iter().position(|byte| is_special(*byte)));
        }
    }
}
