//! JSON strings, from between their quotes to text.

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
