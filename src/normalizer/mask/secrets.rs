//! Credentials that found their way into a line stay out of what is kept of it.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::LazyLock;

use bumpalo::Bump;
use memchr::{memchr2, memchr3};
use regex::Regex;
use serde_json::value::RawValue;

use super::secret_keys::is_secret;
use crate::json::has_byte;

/// What stands in the place of a credential.
const MASK: &str = "***";

/// A key that names a credential, and its separator, in JSON (also JSON inside a JSON string) and in text.
#[expect(clippy::expect_used, reason = "a constant pattern, compiled in a test")]
static KEY: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        r"(?i)(?<key>[\w.-]*(?:authorization|cookie|credential|password|secret|token|api[._ -]?key|auth[._-]?header",
        r"|basic[._-]?auth|bearer|jwt|passphrase|passwd|private[._-]?key|pwd|signature|subscription[._-]?key",
        r"|usage[._-]?identifier[._-]?key)[\w.-]*)",
        // Headers may be a list of names and values; an equals sign in a path may be escaped.
        r#"(?<separator>\\*["']\s*,\s*\\*["']value\\*["']\s*:\s*|\\*["']?\s*(?:[:=>]|%3[ad])\s*)"#,
    ))
    .expect("the pattern is right")
});

/// A credential that shows what it is: a JSON Web Token, or what follows the scheme in an authorization header.
#[expect(clippy::expect_used, reason = "a constant pattern, compiled in a test")]
static TOKEN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\beyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)*|\b(?:[Bb]earer|Basic) +[\w+/=.~-]{16,}")
        .expect("the pattern is right")
});

/// What API Gateway and the console quote of an authorization header, and of an API key.
#[expect(clippy::expect_used, reason = "a constant pattern, compiled in a test")]
static QUOTED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        r"'[^'\n]*'(?<behind> not a valid key=value pair)",
        r"|(?<header>\b[Aa]uthorization header[^:'\n]{0,80}: ?)(?:'[^'\n]*'|(?:[A-Za-z]+ )?\S+)",
        r"|(?<key>\bAPI Key:? )[^\s:]+(?<rest> and API Stage| authorized because)",
        r"|(?<long>\bAPI [Kk]ey:? )[\w*-]{20,}",
    ))
    .expect("the pattern is right")
});

/// The text with `***` in the place of every API key, token, password, authorization header and cookie.
pub fn mask<'a>(text: &'a str, arena: &'a Bump) -> &'a str {
    let mut masked = masked(text);
    if text.contains("\\u00") {
        // A key may be spelled with escapes.
        let unescaped = unescape_words(text);
        let other = self::masked(&unescaped);
        if other.matches(MASK).count() > masked.matches(MASK).count() {
            masked = Cow::Owned(other.into_owned());
        }
    }
    match masked {
        Cow::Borrowed(_) => text,
        Cow::Owned(masked) => arena.alloc_str(&masked),
    }
}

/// Replaces parts of a text by `***`. The parts are in order and do not overlap.
pub(in super::super) fn mask_parts<'a>(
    text: &'a str,
    parts: &[Range<usize>],
    arena: &'a Bump,
) -> &'a str {
    if parts.is_empty() {
        return text;
    }
    let (mut masked, mut done) = (String::with_capacity(text.len()), 0);
    for part in parts {
        masked.push_str(text.get(done..part.start).unwrap_or_default());
        masked.push_str(MASK);
        done = part.end;
    }
    masked.push_str(text.get(done..).unwrap_or_default());
    arena.alloc_str(&masked)
}

/// The text, masked if it shows any sign of a credential. Of the many values of a line hardly one does.
#[inline]
pub(in super::super) fn mask_suspicious<'a>(text: &'a str, arena: &'a Bump) -> &'a str {
    if is_suspicious(text) {
        mask(text, arena)
    } else {
        text
    }
}

/// Whether a text has a key and its separator in it (at its end stands what base64 is padded with), or a token.
fn is_suspicious(text: &str) -> bool {
    const SHORTEST_PAIR: usize = 5;
    const SHORTEST_TOKEN: usize = 20;
    let Some(([_, inside @ ..], _)) = text.as_bytes().split_last_chunk::<1>() else {
        return false;
    };
    let is_sign =
        |byte| (byte == b'=') | (byte == b':') | (byte == b'>') | (byte == b'J') | (byte == b' ');
    if text.len() < SHORTEST_PAIR || !has_byte(inside, is_sign) {
        return false;
    }
    memchr3(b'=', b':', b'>', inside).is_some() || (text.len() >= SHORTEST_TOKEN && has_token(text))
}

fn has_token(text: &str) -> bool {
    // Most texts have neither of the two, which costs less to see.
    memchr2(b'J', b' ', text.as_bytes()).is_some()
        && ["eyJ", "earer ", "Basic "]
            .iter()
            .any(|mark| text.contains(mark))
}

fn masked(text: &str) -> Cow<'_, str> {
    let mut text = mask_keys(text);
    if has_token(&text) {
        text = replace(text, &TOKEN, MASK);
    }
    if ["key=value", "uthorization header", "API Key", "API key"]
        .iter()
        .any(|mark| text.contains(mark))
    {
        text = replace(text, &QUOTED, "$header$key$long***$behind$rest");
    }
    text
}

fn replace<'t>(text: Cow<'t, str>, pattern: &Regex, replacement: &str) -> Cow<'t, str> {
    match pattern.replace_all(&text, replacement) {
        Cow::Borrowed(_) => text,
        Cow::Owned(masked) => Cow::Owned(masked),
    }
}

/// The values of keys that name credentials.
fn mask_keys(text: &str) -> Cow<'_, str> {
    // To look is cheaper than to capture, which asks for memory.
    if !KEY.is_match(text) {
        return Cow::Borrowed(text);
    }
    let (mut masked, mut done, mut position) = (String::new(), 0, 0);
    while let Some(found) = KEY.captures_at(text, position) {
        let part = |name| found.name(name).map_or("", |part| part.as_str());
        let (key, separator) = (part("key"), part("separator"));
        position = found.get(0).map_or(text.len(), |whole| whole.end());
        if !is_secret(key) {
            continue;
        }
        let secret = secret(key, text.get(position..).unwrap_or_default());
        if matches!(secret.trim(), "\"-\"" | "\"\"" | "null" | "") {
            continue;
        }
        masked.push_str(text.get(done..position).unwrap_or_default());
        masked.push_str(mask_of(secret, separator));
        position += secret.len();
        done = position;
    }
    if done == 0 {
        return Cow::Borrowed(text);
    }
    masked.push_str(text.get(done..).unwrap_or_default());
    Cow::Owned(masked)
}

/// The text with the letters, digits and separators themselves in the place of their escapes.
fn unescape_words(text: &str) -> String {
    let mut parts = text.split("\\u00");
    let mut unescaped = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let code = part
            .get(..2)
            .and_then(|digits| u8::from_str_radix(digits, 16).ok())
            .map(char::from);
        match code.filter(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ' ')) {
            Some(c) => {
                unescaped.push(c);
                unescaped.push_str(part.get(2..).unwrap_or_default());
            }
            None => {
                unescaped.push_str("\\u00");
                unescaped.push_str(part);
            }
        }
    }
    unescaped
}

/// `***` in the quotes that the secret had, or its key.
fn mask_of(secret: &str, separator: &str) -> &'static str {
    if secret.starts_with('\\') || separator.starts_with('\\') {
        "\\\"***\\\""
    } else if secret.starts_with(['"', '{', '[']) || separator.starts_with('"') {
        "\"***\""
    } else {
        MASK
    }
}

/// The secret that a text starts with: all of what stands in quotes or brackets, or in a header; else one word, two
/// after a scheme.
fn secret<'t>(key: &str, text: &'t str) -> &'t str {
    let quotes = text.trim_start_matches('\\');
    let end = match quotes.chars().next() {
        Some('"') => end_of_string(text, text.len() - quotes.len()),
        Some('{' | '[') => end_of_brackets(text),
        _ => end_of_words(key, text),
    };
    text.get(..end).unwrap_or(text)
}

/// Behind the quote that ends a string whose quotes have so many backslashes.
fn end_of_string(text: &str, backslashes: usize) -> usize {
    let mut run = 0;
    for (index, byte) in text.bytes().enumerate().skip(backslashes + 1) {
        match byte {
            b'\\' => run += 1,
            // In a string without backslashes an escaped quote has one, and an escaped backslash before a quote two.
            b'"' if run == backslashes || (backslashes == 0 && run % 2 == 0) => return index + 1,
            _ => run = 0,
        }
    }
    text.len()
}

fn end_of_brackets(text: &str) -> usize {
    let mut depth = 0_usize;
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth <= 1 => return index + 1,
            b'}' | b']' => depth -= 1,
            _ => {}
        }
    }
    text.len()
}

fn end_of_words(key: &str, text: &str) -> usize {
    let ends_all = |c: char| matches!(c, ',' | '}' | '\n' | '"' | '<');
    let key = key.to_ascii_lowercase();
    if key.contains("authorization") || key.contains("cookie") {
        return text.find(ends_all).unwrap_or(text.len());
    }
    if key == "api key" && text.starts_with("API Stage: ") {
        // `API Key:  API Stage: …`: an execution log goes on without a comma.
        return 0;
    }
    let scheme = ["Bearer ", "Basic "]
        .into_iter()
        .find(|scheme| text.starts_with(scheme))
        .map_or(0, str::len);
    let ends_word =
        |c: char| ends_all(c) || c.is_whitespace() || matches!(c, ';' | '&' | ')' | ']' | '\\');
    text.get(scheme..)
        .and_then(|word| word.find(ends_word))
        .map_or(text.len(), |end| scheme + end)
}

/// A JSON value without the credentials inside; what is no JSON without them is left out whole.
pub(in super::super) fn mask_json<'a>(json: &'a RawValue, arena: &'a Bump) -> &'a RawValue {
    let text = mask(json.get(), arena);
    if text == json.get() {
        return json;
    }
    serde_json::from_str(text)
        .or_else(|_| serde_json::from_str(r#""***""#))
        .unwrap_or(json)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_credentials_and_nothing_else() {
        let cases = [
            (
                r#"{"apiKey":"s3cr3t","apiKeyId":"qqvqzk33df"}"#,
                r#"{"apiKey":"***","apiKeyId":"qqvqzk33df"}"#,
            ),
            (
                r#"{"api_key" : "s3\"cr3t","ip":"-"}"#,
                r#"{"api_key" : "***","ip":"-"}"#,
            ),
            (
                r#"{"identity":{"apiKey":"s3cr3t"}}"#,
                r#"{"identity":{"apiKey":"***"}}"#,
            ),
            (r#"{"apiKey":"-"}"#, r#"{"apiKey":"-"}"#),
            (r#"{"auth.token":"s3cr3t"}"#, r#"{"auth.token":"***"}"#),
            (r#"{"tokens":["a","b"],"x":1}"#, r#"{"tokens":"***","x":1}"#),
            (
                r#"{"body":"{\"password\":\"s3cr3t\",\"a\":1}"}"#,
                r#"{"body":"{\"password\":\"***\",\"a\":1}"}"#,
            ),
            (r#"{"apiKey":"s3cr3t"#, r#"{"apiKey":"***""#),
            (
                "(id) headers: {Authorization=Bearer a.b.c, Cookie=a=b; c=d, Host=x}",
                "(id) headers: {Authorization=***, Cookie=***, Host=x}",
            ),
            (
                "requestId: a, X-Api-Key: s3cr3t, ip: 192.0.2.1",
                "requestId: a, X-Api-Key: ***, ip: 192.0.2.1",
            ),
            (
                "(id) API Key:  API Stage: a1b2c3/prod",
                "(id) API Key:  API Stage: a1b2c3/prod",
            ),
            (
                "(id) API Key: s3cr3t API Stage: a1b2c3/prod",
                "(id) API Key: *** API Stage: a1b2c3/prod",
            ),
            (
                "token_count=5 path=/x token=s3cr3t status=500",
                "token_count=5 path=/x token=*** status=500",
            ),
            (
                "password: s3cr3t; user: Bob, secretary: Ann",
                "password: ***; user: Bob, secretary: Ann",
            ),
            (
                r#"{"msg":"token: s3cr3t","status":"200"}"#,
                r#"{"msg":"token: ***","status":"200"}"#,
            ),
            (
                r#"{"msg":"token: Bearer a.b.c"}"#,
                r#"{"msg":"token: ***"}"#,
            ),
            (
                "<r><apiKey>s3cr3t</apiKey><ip>-</ip></r>",
                "<r><apiKey>***</apiKey><ip>-</ip></r>",
            ),
            (
                r#"{"passwd":"s3cr3t","jwt":"s3cr3t","private_key":"s3cr3t"}"#,
                r#"{"passwd":"***","jwt":"***","private_key":"***"}"#,
            ),
            (
                r#"{"token":123456,"status":200}"#,
                r#"{"token":"***","status":200}"#,
            ),
            (
                r#"{"\u0061piKey":"s3cr3t","x":"\u0041"}"#,
                r#"{"apiKey":"***","x":"A"}"#,
            ),
            (
                r#"{"x":"\u0061piKey","y":1}"#,
                r#"{"x":"\u0061piKey","y":1}"#,
            ),
            (
                r#"{"auth":"Bearer abcdefgh.ijklmnop","y":1}"#,
                r#"{"auth":"***","y":1}"#,
            ),
            (
                r#"["eyJhbGciOiJI.eyJzdWIiOiIx.c2lnbmF0dXJl"]"#,
                r#"["***"]"#,
            ),
            (
                "Basic knowledge, Bearer of news",
                "Basic knowledge, Bearer of news",
            ),
            (
                "/verify/eyJhbGciOiJI.eyJzdWIiOiIx.c2lnbmF0dXJl?x=1",
                "/verify/***?x=1",
            ),
            ("nothing to hide", "nothing to hide"),
        ];
        let arena = Bump::new();
        for (text, expected) in cases {
            assert_eq!(mask(text, &arena), expected, "{text}");
        }
    }

    #[test]
    fn parts_of_a_text() {
        let arena = Bump::new();
        let text = "a=one b=two c=three";
        assert_eq!(
            mask_parts(text, &[2..5, 14..19], &arena),
            "a=*** b=two c=***"
        );
        assert_eq!(mask_parts(text, &[], &arena), text);
    }

    #[test]
    fn json_stays_json() {
        let arena = Bump::new();
        let cases = [
            (
                r#"[{"authorization":"Bearer s3cr3t"},1]"#,
                r#"[{"authorization":"***"},1]"#,
            ),
            (
                r#""{\"password\":\"s3cr3t\"}""#,
                r#""{\"password\":\"***\"}""#,
            ),
            (r#"{"a":[{"token":123}]}"#, r#"{"a":[{"token":"***"}]}"#),
            (r#"{"token":{"a":{"b":"s3cr3t"}}}"#, r#"{"token":"***"}"#),
            (r#"{"a":"b"}"#, r#"{"a":"b"}"#),
        ];
        for (json, expected) in cases {
            let json: &RawValue = serde_json::from_str(json).unwrap();
            assert_eq!(mask_json(json, &arena).get(), expected, "{json}");
        }
    }
}
