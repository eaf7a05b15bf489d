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

/// Writes the text of a JSON string over what was read of the bytes that it stands in: from `written` on, which is not
/// behind `read`, the place behind its first quote. Answers both places as they are then, of the first behind the quote that
/// ends it; `None` if it is not JSON. Halves of surrogate pairs become U+FFFD.
///
/// Of a message every tenth byte is a backslash or behind one, so pieces are short: copying eight bytes, and writing the next
/// over those that are too many, is twice as fast as copying the pieces.
pub fn unescape_in_place(bytes: &mut [u8], mut read: usize, mut written: usize) -> Option<(usize, usize)> {
    loop {
        if let Some(chunk) = bytes.get(read..)?.first_chunk::<8>().copied() {
            let length = plain_length(chunk);
            if written + 8 <= read + length {
                *bytes.get_mut(written..)?.first_chunk_mut::<8>()? = chunk;
            } else {
                // What is too many would stand where nothing was read yet.
                bytes.copy_within(read..read + length, written);
            }
            (read, written) = (read + length, written + length);
            if length == 8 {
                continue;
            }
        }
        let byte = *bytes.get(read)?;
        let (unescaped, length) = match byte {
            b'"' => return Some((read + 1, written)),
            b'\\' => match *bytes.get(read + 1)? {
                same @ (b'"' | b'\\' | b'/') => (same, 2),
                b'u' => {
                    (read, written) = unescape_unit_in_place(bytes, read, written)?;
                    continue;
                }
                letter => (control(letter)?, 2),
            },
            _ if is_special(byte) => return None,
            _ => (byte, 1),
        };
        *bytes.get_mut(written)? = unescaped;
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

/// `\uXXXX`, or two of them, of a surrogate pair.
fn unescape_unit_in_place(bytes: &mut [u8], read: usize, written: usize) -> Option<(usize, usize)> {
    const LONGEST: usize = r"\u0123\u4567".len();
    let escapes = bytes.get(read..bytes.len().min(read + LONGEST))?;
    let digits = escapes.utf8_chunks().next()?.valid().strip_prefix("\\u")?;
    unit(digits)?;
    let mut unescaped = String::new();
    let after = unescape_unit(&mut unescaped, digits).len();
    let read = read + 2 + digits.len() - after;
    bytes.get_mut(written..written + unescaped.len())?.copy_from_slice(unescaped.as_bytes());
    Some((read, written + unescaped.len()))
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
            let json = format!("\"{inside}\"");
            for gap in [0, 1, 5, 20] {
                let mut bytes = [&vec![b'-'; gap], json.as_bytes()].concat();
                let places = unescape_in_place(&mut bytes, gap + 1, 1);
                let (read, written) = places.unwrap_or((gap + json.len(), 1));
                let json = json.get(..read - gap).unwrap();
                match serde_json::from_str::<String>(&mend_surrogates(json)) {
                    Ok(expected) => prop_assert_eq!(bytes.get(1..written), Some(expected.as_bytes())),
                    Err(_) => prop_assert_eq!(places, None),
                }
            }
        }

        #[test]
        fn takes_anything(escaped in r#"(\\|u|[0-9a-fD]|"|€){0,20}"#) {
            unescape(&escaped);
        }
    }
}
