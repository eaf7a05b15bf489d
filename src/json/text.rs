//! Texts of JSON strings: located whole, and unescaped only when their meaning is needed.
//!
//! A payload is JSON, and so is nearly every line in it: each quote of such a line has a backslash,
//! and nothing else is escaped. [`Scanner::escaped`](super::Scanner::escaped) reads such a line
//! without unescaping it. Perf: reading lines without unescaping them saves a tenth of the time of
//! an event.

use std::borrow::Cow;

use bumpalo::Bump;
use bumpalo::collections::String as ArenaString;

use super::bytes::first_special;

/// A text, or the inside of a JSON string that stands for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JsonText<'a> {
    /// The characters as they are written.
    pub raw: &'a str,
    /// The escapes in it.
    pub escapes: Escapes,
}

/// The escapes in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Escapes {
    /// None: it is the text itself.
    None,
    /// Every quote has a backslash, and there is no other backslash.
    Quotes,
    /// Any escapes.
    Any,
}

impl<'a> JsonText<'a> {
    /// Wraps a text without escapes.
    #[must_use]
    pub const fn plain(text: &'a str) -> Self {
        Self {
            raw: text,
            escapes: Escapes::None,
        }
    }

    /// Wraps the inside of a JSON string, whether or not a strict parser would accept it.
    #[must_use]
    pub fn escaped(raw: &'a str) -> Self {
        Self {
            raw,
            escapes: if raw.contains('\\') {
                Escapes::Any
            } else {
                Escapes::None
            },
        }
    }

    /// Returns the text itself.
    #[must_use]
    pub fn text(self, arena: &'a Bump) -> &'a str {
        if self.escapes == Escapes::None {
            return self.raw;
        }
        let mut text = ArenaString::with_capacity_in(self.raw.len(), arena);
        unescape_into(&mut text, self.raw);
        text.into_bump_str()
    }
}

/// Finds the end of the string that the JSON starts with. Returns the number of bytes between its
/// quotes and the kind of escapes there; `None` if a strict parser would reject it (unpaired
/// surrogates are accepted).
pub(super) fn string(json: &[u8]) -> Option<(usize, Escapes)> {
    const QUOTE: usize = 1;
    let mut end = after_escaped_quotes(json);
    let mut escapes = if json.get(QUOTE..end)?.contains(&b'\\') {
        Escapes::Quotes
    } else {
        Escapes::None
    };
    loop {
        end += first_special(json.get(end..)?)?;
        match json.get(end..)? {
            [b'"', ..] => return Some((end - QUOTE, escapes)),
            [b'\\', b'"', ..] if escapes != Escapes::Any => {
                (end, escapes) = (end + 2, Escapes::Quotes)
            }
            [b'\\', letter, rest @ ..] => {
                let is_unit =
                    *letter == b'u' && rest.first_chunk::<4>()?.iter().all(u8::is_ascii_hexdigit);
                if !is_unit && !br#""\/bfnrt"#.contains(letter) {
                    return None;
                }
                (end, escapes) = (end + 2, Escapes::Any);
            }
            _ => return None,
        }
    }
}

/// Returns a position in the string that the JSON starts with. Up to there, only quotes are
/// escaped.
// Perf: comparing whole blocks with themselves shifted by one byte vectorises, which saves 7/8 of
// the time of going from quote to quote.
fn after_escaped_quotes(json: &[u8]) -> usize {
    const BLOCK: usize = 32;
    let block = |position: usize| json.get(position..)?.first_chunk::<BLOCK>();
    let mut end = 1;
    while let (Some(before), Some(bytes)) = (block(end - 1), block(end)) {
        let mut stops = [false; BLOCK];
        for (stop, (before, byte)) in stops.iter_mut().zip(before.iter().zip(bytes)) {
            *stop = (*byte < b' ') | ((*byte == b'"') != (*before == b'\\'));
        }
        if stops != [false; BLOCK] {
            break;
        }
        end += BLOCK;
    }
    // An escape may have begun.
    if json.get(end - 1) == Some(&b'\\') {
        end - 1
    } else {
        end
    }
}

/// Appends the text that the inside of a JSON string stands for.
///
/// This never fails: half a surrogate pair becomes U+FFFD, and an escape that JSON does not know
/// stays as it is written. If the JSON is valid, so is the text.
fn unescape_into(text: &mut ArenaString<'_>, escaped: &str) {
    let mut rest = escaped;
    while let Some((plain, escape)) = rest.split_once('\\') {
        text.push_str(plain);
        rest = unescape_one(text, escape);
    }
    text.push_str(rest);
}

/// Appends the character for the escape after a backslash. Returns what follows the escape.
fn unescape_one<'a>(text: &mut ArenaString<'_>, escape: &'a str) -> &'a str {
    let mut characters = escape.chars();
    let unescaped = match characters.next() {
        Some(same @ ('"' | '\\' | '/')) => same,
        Some('b') => '\u{8}',
        Some('f') => '\u{c}',
        Some('n') => '\n',
        Some('r') => '\r',
        Some('t') => '\t',
        Some('u') => return unescape_unit(text, characters.as_str()),
        _ => {
            text.push('\\');
            return escape;
        }
    };
    text.push(unescaped);
    characters.as_str()
}

/// Replaces every half of a surrogate pair, which strict parsers reject, by U+FFFD.
#[must_use]
pub fn repair_surrogates(json: &str) -> Cow<'_, str> {
    let is_suspect = |escape: &str| {
        escape
            .get(..1)
            .is_some_and(|digit| digit.eq_ignore_ascii_case("d"))
    };
    if !json.split("\\u").skip(1).any(is_suspect) {
        return Cow::Borrowed(json);
    }
    let mut repaired = String::with_capacity(json.len());
    let mut rest = json;
    while let Some((plain, escape)) = rest.split_once('\\') {
        repaired.push_str(plain);
        repaired.push('\\');
        rest = repair_escape(&mut repaired, escape);
    }
    repaired.push_str(rest);
    Cow::Owned(repaired)
}

/// Appends an escape whose backslash is already there. Returns what follows the escape.
fn repair_escape<'a>(repaired: &mut String, escape: &'a str) -> &'a str {
    let Some((first, rest)) = escape.strip_prefix('u').and_then(unit) else {
        let length = escape.chars().next().map_or(0, char::len_utf8);
        let (letter, rest) = escape.split_at(length);
        repaired.push_str(letter);
        return rest;
    };
    let second = rest.strip_prefix("\\u").and_then(unit);
    let (units, rest) = match (first, second) {
        (0xd800..=0xdbff, Some((second @ 0xdc00..=0xdfff, rest))) => {
            (format!("u{first:04x}\\u{second:04x}"), rest)
        }
        (0xd800..=0xdfff, _) => ("ufffd".to_owned(), rest),
        _ => (format!("u{first:04x}"), rest),
    };
    repaired.push_str(&units);
    rest
}

/// Appends the character of `\uXXXX`, with the second half of the surrogate pair if this is the
/// first half.
fn unescape_unit<'a>(text: &mut ArenaString<'_>, digits: &'a str) -> &'a str {
    let Some((unit, rest)) = unit(digits) else {
        text.push_str("\\u");
        return digits;
    };
    let second = rest.strip_prefix("\\u").and_then(self::unit);
    if let Some((second, after)) = second
        && let Some(Ok(pair)) = char::decode_utf16([unit, second]).next()
        && pair.len_utf16() == 2
    {
        text.push(pair);
        return after;
    }
    text.push(char::from_u32(unit.into()).unwrap_or(char::REPLACEMENT_CHARACTER));
    rest
}

fn unit(digits: &str) -> Option<(u16, &str)> {
    let (digits, rest) = digits.split_at_checked(4)?;
    if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    Some((u16::from_str_radix(digits, 16).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_escaped() {
        let long = "0123456789".repeat(7);
        for (inside, escapes) in [
            ("", Escapes::None),
            (&*long, Escapes::None),
            (r#"\""#, Escapes::Quotes),
            (&format!(r#"{{\"a\":\"{long}\"}}"#), Escapes::Quotes),
            (&format!(r#"{{\"a\":\"{long}\\\"}}"#), Escapes::Any),
            (&format!(r"{long}\n{long}"), Escapes::Any),
            (r"\u00e9", Escapes::Any),
        ] {
            for rest in ["", "}]}", &long] {
                assert_eq!(
                    string(format!("\"{inside}\"{rest}").as_bytes()),
                    Some((inside.len(), escapes)),
                    "{inside}"
                );
            }
        }
    }

    fn unescape(escaped: &str) -> String {
        let arena = Bump::new();
        let mut text = ArenaString::new_in(&arena);
        unescape_into(&mut text, escaped);
        text.to_string()
    }

    #[test]
    fn escapes() {
        let cases = [
            ("", ""),
            ("plain €", "plain €"),
            (r#"\"\\\/\b\f\n\r\t"#, "\"\\/\u{8}\u{c}\n\r\t"),
            (r"a\u00e9b", "aéb"),
            (r"\ud83d\ude00!", "😀!"),
            (r"\ud83d", "\u{fffd}"),
            (r"\ud83d\u0041", "\u{fffd}A"),
            (r"\ude00x", "\u{fffd}x"),
            (r"\x", r"\x"),
            (r"\u12", r"\u12"),
            (r"\u+123", r"\u+123"),
            ("\\", "\\"),
        ];
        for (escaped, text) in cases {
            assert_eq!(unescape(escaped), text, "{escaped}");
        }
    }

    #[test]
    fn halves_of_surrogate_pairs() {
        let cases = [
            (r#"["a\u00e9\n"]"#, r#"["a\u00e9\n"]"#),
            (r#"["\ud83d\ude00"]"#, r#"["\ud83d\ude00"]"#),
            (r#"["\udc00",{"\ud800x":1}]"#, r#"["\ufffd",{"\ufffdx":1}]"#),
            (r#""\\udc00""#, r#""\\udc00""#),
            (r#""\ud800\ud83d\ude00""#, r#""\ufffd\ud83d\ude00""#),
        ];
        for (json, expected) in cases {
            assert_eq!(repair_surrogates(json), expected, "{json}");
        }
    }

    proptest! {
        #[test]
        fn is_as_strict_as_serde_json(
            inside in r#"(\\\\|\\\\u[dD8][0-9a-f]{3}|\\"|\\"|u|n|x|[0-9a-fD]{1,9}|"|€|\n| ){0,40}"#,
            gap in 0_usize..70,
        ) {
            let json = format!("\"{}{inside}\"", "-".repeat(gap));
            let found = string(json.as_bytes());
            // The string ends at its first unescaped quote, whatever follows.
            let whole = found.map_or(&*json, |(length, _)| json.get(..length + 2).unwrap());
            match (serde_json::from_str::<String>(&repair_surrogates(whole)), found) {
                (Ok(expected), Some((length, escapes))) => {
                    let arena = Bump::new();
                    let raw = json.get(1..=length).unwrap();
                    prop_assert_eq!(JsonText { raw, escapes }.text(&arena), expected);
                    prop_assert_eq!(escapes == Escapes::None, !raw.contains('\\'));
                    prop_assert_eq!(escapes == Escapes::Any, raw.replace("\\\"", "").contains('\\'));
                }
                (Err(_), None) => {}
                (expected, found) => prop_assert!(false, "{whole}: {expected:?}, {found:?}"),
            }
        }

        #[test]
        fn gives_back_what_was_escaped(text in any::<String>()) {
            let escaped = serde_json::to_string(&text).unwrap();
            let inner = escaped.strip_prefix('"').and_then(|escaped| escaped.strip_suffix('"')).unwrap();
            prop_assert_eq!(unescape(inner), text);
        }

        #[test]
        fn takes_anything(escaped in r#"(\\|u|[0-9a-fD]|"|€){0,20}"#) {
            unescape(&escaped);
        }
    }
}
