//! JSON strings, from between their quotes to text.

use std::borrow::Cow;

use bumpalo::collections::String as ArenaString;

/// Appends the text that stands between the quotes of a JSON string.
///
/// It takes what a strict parser has accepted and what none would: half a surrogate pair becomes U+FFFD, an escape that
/// JSON does not know stays as it is written. So a text can always be had, and is the right one if the JSON is right.
pub(super) fn unescape_into(text: &mut ArenaString<'_>, escaped: &str) {
    let mut rest = escaped;
    while let Some((plain, escape)) = rest.split_once('\\') {
        text.push_str(plain);
        rest = unescape_one(text, escape);
    }
    text.push_str(rest);
}

/// Appends what the escape after a backslash stands for, and answers what follows it.
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

/// JSON with U+FFFD in the place of every half of a surrogate pair, which strict parsers refuse.
#[must_use]
pub fn mend_surrogates(json: &str) -> Cow<'_, str> {
    let is_suspect = |escape: &str| {
        escape
            .get(..1)
            .is_some_and(|digit| digit.eq_ignore_ascii_case("d"))
    };
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
        (0xd800..=0xdbff, Some((second @ 0xdc00..=0xdfff, rest))) => {
            (format!("u{first:04x}\\u{second:04x}"), rest)
        }
        (0xd800..=0xdfff, _) => ("ufffd".to_owned(), rest),
        _ => (format!("u{first:04x}"), rest),
    };
    mended.push_str(&units);
    rest
}

/// `\uXXXX`, and the second half of the surrogate pair if this is the first.
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
    use bumpalo::Bump;
    use proptest::prelude::*;

    use super::*;

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
        fn takes_anything(escaped in r#"(\\|u|[0-9a-fD]|"|€){0,20}"#) {
            unescape(&escaped);
        }
    }
}
