//! JSON strings, from between their quotes to text.

use std::borrow::Cow;

use super::{is_special, plain_length};

/// Appends the text that stands between the quotes of a JSON string.
///
/// It takes what a strict parser has accepted and what none would: half a surrogate pair becomes U+FFFD, an escape that
/// JSON does not know stays as it is written. So a text can always be had, and is the right one if the JSON is right.
pub fn unescape_into(text: &mut String, escaped: &str) {
    let mut rest = escaped;
    while let Some((plain, escape)) = rest.split_once('\\') {
        text.push_str(plain);
        rest = unescape_one(text, escape);
    }
    text.push_str(rest);
}

/// Writes the text of a JSON string, from behind its first quote, to the front of `text`. Answers how long the text is, and
/// the string with the quote that ends it; `None` if it is not JSON, or if there is too little room: 8 bytes more than the
/// string has are enough. Halves of surrogate pairs become U+FFFD.
///
/// Of a message every tenth byte is a backslash or behind one, so pieces are short: copying eight bytes, and writing the next
/// over those that are too many, is three times as fast as copying the pieces.
pub(super) fn unescape_strictly(text: &mut [u8], escaped: &str) -> Option<(usize, usize)> {
    let bytes = escaped.as_bytes();
    let (mut read, mut written) = (0, 0);
    loop {
        if let Some(chunk) = bytes.get(read..)?.first_chunk::<8>() {
            let length = plain_length(*chunk);
            *text.get_mut(written..)?.first_chunk_mut::<8>()? = *chunk;
            (read, written) = (read + length, written + length);
            if length == 8 {
                continue;
            }
        }
        let byte = *bytes.get(read)?;
        let (unescaped, length) = match byte {
            b'"' => return Some((written, read + 1)),
            b'\\' => match *bytes.get(read + 1)? {
                same @ (b'"' | b'\\' | b'/') => (same, 2),
                b'u' => {
                    let (length, width) = unescape_unit_strictly(text.get_mut(written..)?, escaped.get(read + 2..)?)?;
                    (read, written) = (read + 2 + length, written + width);
                    continue;
                }
                letter => (control(letter)?, 2),
            },
            _ if is_special(byte) => return None,
            _ => (byte, 1),
        };
        *text.get_mut(written)? = unescaped;
        (read, written) = (read + length, written + 1);
    }
}

/// What a letter stands for behind a backslash.
fn control(letter: u8) -> Option<u8> {
    Some(match letter {
        b'n' => b'\n',
        b't' => b'\t',
        b'r' => b'\r',
        b'b' => 0x8,
        b'f' => 0xc,
        _ => return None,
    })
}

/// Writes what `\uXXXX` means (a pair of them, of a surrogate pair). Answers the length of what was read, from the digits
/// on, and of what was written.
fn unescape_unit_strictly(text: &mut [u8], digits: &str) -> Option<(usize, usize)> {
    unit(digits)?;
    let mut unescaped = String::new();
    let after = unescape_unit(&mut unescaped, digits);
    text.get_mut(..unescaped.len())?.copy_from_slice(unescaped.as_bytes());
    Some((digits.len() - after.len(), unescaped.len()))
}

/// Appends what the escape after a backslash stands for, and answers what follows it.
fn unescape_one<'a>(text: &mut String, escape: &'a str) -> &'a str {
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

/// JSON with U+FFFD in the place of every half of a surrogate pair, which strict parsers refuse.
#[must_use]
pub fn mend_surrogates(json: &str) -> Cow<'_, str> {
    let is_suspect = |escape: &str| escape.get(..1).is_some_and(|digit| digit.eq_ignore_ascii_case("d"));
    if !json.split("\\u").skip(1).any(is_suspect) {
        return Cow::Borrowed(json);
    }
    let mut mended = String::with_capacity(json.len());
    let mut rest = json;
    while let Some((plain, escape)) = rest.split_once('\\') {
        mended.push_str(plain);
        mended.push('\\');
        rest = mend_escape(&mut mended, escape);
    }
    mended.push_str(rest);
    Cow::Owned(mended)
}

/// Appends an escape, of which the backslash is there already, and answers what follows it.
fn mend_escape<'a>(mended: &mut String, escape: &'a str) -> &'a str {
    let Some((first, rest)) = escape.strip_prefix('u').and_then(unit) else {
        let length = escape.chars().next().map_or(0, char::len_utf8);
        mended.push_str(escape.get(..length).unwrap_or_default());
        return escape.get(length..).unwrap_or_default();
    };
    let second = rest.strip_prefix("\\u").and_then(unit);
    let (units, rest) = match (first, second) {
        (0xd800..=0xdbff, Some((second @ 0xdc00..=0xdfff, rest))) => (format!("u{first:04x}\\u{second:04x}"), rest),
        (0xd800..=0xdfff, _) => ("ufffd".to_owned(), rest),
        _ => (format!("u{first:04x}"), rest),
    };
    mended.push_str(&units);
    rest
}

/// `\uXXXX`, and the second half of the surrogate pair if this is the first.
fn unescape_unit<'a>(text: &mut String, digits: &'a str) -> &'a str {
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
    use super::*;
    use proptest::prelude::*;

    fn unescape(escaped: &str) -> String {
        let mut text = String::new();
        unescape_into(&mut text, escaped);
        text
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
            assert_eq!(mend_surrogates(json), expected, "{json}");
        }
    }

    proptest! {
        #[test]
        fn gives_back_what_was_escaped(text in any::<String>()) {
            let escaped = serde_json::to_string(&text).unwrap();
            let inner = escaped.strip_prefix('"').and_then(|escaped| escaped.strip_suffix('"')).unwrap();
            prop_assert_eq!(unescape(inner), text);
        }

        #[test]
        fn is_as_strict_as_serde_json(inside in r#"(\\\\|\\\\u[dD8][0-9a-f]{3}|u|n|x|[0-9a-fD]|"|€|\n| ){0,20}"#) {
            let mut text = vec![0; inside.len() + 9];
            let lengths = unescape_strictly(&mut text, &format!("{inside}\""));
            let (written, read) = lengths.unwrap_or((0, inside.len() + 1));
            let json = format!("\"{}", format!("{inside}\"").get(..read).unwrap());
            text.truncate(written);
            match serde_json::from_str::<String>(&mend_surrogates(&json)) {
                Ok(expected) => prop_assert_eq!(String::from_utf8(text), Ok(expected)),
                Err(_) => prop_assert_eq!(lengths, None),
            }
        }

        #[test]
        fn takes_anything(escaped in r#"(\\|u|[0-9a-fD]|"|€){0,20}"#) {
            unescape(&escaped);
        }
    }
}
