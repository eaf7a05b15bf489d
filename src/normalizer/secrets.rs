//! Credentials that found their way into a line stay out of what is kept of it.

use std::sync::LazyLock;

use bumpalo::Bump;
use regex::{Captures, Regex};

use super::aliases::is_secret;

/// A key that names a credential, its separator, and the value, in JSON (also JSON inside a JSON string) and in text.
#[expect(clippy::expect_used, reason = "a constant pattern, compiled in a test")]
static SECRET: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        r"(?i)(?<key>[\w.-]*(?:authorization|cookie|credential|password|secret|token|api[._ -]?key)[\w.-]*)",
        r#"(?<separator>\\*["']?\s*[:=]\s*)"#,
        r#"(?<value>\\+".*?\\+"|"(?:\\.|[^"\\])*"?|\{[^{}]*\}?|\[[^\[\]]*\]?|[^,}\n]+)"#,
    ))
    .expect("the pattern is right")
});

/// The text with `***` in the place of every API key, token, password, authorization header and cookie.
pub fn mask<'a>(text: &'a str, arena: &'a Bump) -> &'a str {
    let masked = SECRET.replace_all(text, |found: &Captures<'_>| {
        let part = |name| found.name(name).map_or("", |part| part.as_str());
        let (key, value) = (part("key"), part("value"));
        // `API Key: …  API Stage: …`: an execution log goes on without a comma.
        let stage = value.find("API Stage: ").filter(|_| key == "API Key");
        let (value, rest) = stage.and_then(|end| value.split_at_checked(end)).unwrap_or((value, ""));
        if !is_secret(key) || matches!(value, "\"-\"" | "\"\"" | "null") {
            return [key, part("separator"), value, rest].concat();
        }
        let mask = match value.strip_suffix('"') {
            Some(_) if value.starts_with('\\') => "\\\"***\\\"",
            _ if value.starts_with(['"', '{', '[']) => "\"***\"",
            _ if value.trim().is_empty() => value,
            _ if !rest.is_empty() => "*** ",
            _ => "***",
        };
        [key, part("separator"), mask, rest].concat()
    });
    match masked {
        std::borrow::Cow::Borrowed(_) => text,
        std::borrow::Cow::Owned(masked) => arena.alloc_str(&masked),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_credentials_and_nothing_else() {
        let cases = [
            (r#"{"apiKey":"s3cr3t","apiKeyId":"qqvqzk33df"}"#, r#"{"apiKey":"***","apiKeyId":"qqvqzk33df"}"#),
            (r#"{"api_key" : "s3\"cr3t","ip":"-"}"#, r#"{"api_key" : "***","ip":"-"}"#),
            (r#"{"identity":{"apiKey":"s3cr3t"}}"#, r#"{"identity":{"apiKey":"***"}}"#),
            (r#"{"apiKey":"-"}"#, r#"{"apiKey":"-"}"#),
            (r#"{"auth.token":"s3cr3t"}"#, r#"{"auth.token":"***"}"#),
            (r#"{"tokens":["a","b"],"x":1}"#, r#"{"tokens":"***","x":1}"#),
            (r#"{"body":"{\"password\":\"s3cr3t\",\"a\":1}"}"#, r#"{"body":"{\"password\":\"***\",\"a\":1}"}"#),
            (r#"{"apiKey":"s3cr3t"#, r#"{"apiKey":"***""#),
            (
                "(id) headers: {Authorization=Bearer a.b.c, Cookie=a=b; c=d, Host=x}",
                "(id) headers: {Authorization=***, Cookie=***, Host=x}",
            ),
            ("requestId: a, X-Api-Key: s3cr3t, ip: 192.0.2.1", "requestId: a, X-Api-Key: ***, ip: 192.0.2.1"),
            ("(id) API Key:  API Stage: a1b2c3/prod", "(id) API Key:  API Stage: a1b2c3/prod"),
            ("(id) API Key: s3cr3t API Stage: a1b2c3/prod", "(id) API Key: *** API Stage: a1b2c3/prod"),
            ("nothing to hide", "nothing to hide"),
        ];
        let arena = Bump::new();
        for (text, expected) in cases {
            assert_eq!(mask(text, &arena), expected, "{text}");
        }
    }
}
