//! Replies without the credentials of their requests.
//!
//! A server may copy the credentials of a request into its errors, and errors are shown. So they are
//! removed here, where replies come in.

use std::cmp::Reverse;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use memchr::memmem;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName};

/// The text in place of a credential.
const MASK: &[u8] = b"***";

/// A text that is shorter is part of too many others.
const SHORTEST: usize = 8;

/// The token of temporary AWS credentials, which is sent as it is.
const SESSION_TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");

/// Words on which the meaning of a reply depends. A password that is part of one stays.
const WORDS: &str = "failure_store caused_by _index timed_out successful unrecognized parameter require_data_stream \
                     not_applicable_or_unknown version_conflict_engine_exception cluster_block_exception \
                     validation_exception illegal_argument_exception security_exception index_not_found_exception \
                     search_phase_execution_exception pipeline with id no document was found not_found";

/// The credentials of a request, in all forms in which a reply may repeat them.
#[derive(Default)]
pub(super) struct Credentials(Vec<Vec<u8>>);

impl Credentials {
    /// Reads the credentials from the headers of a request.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let mut texts: Vec<String> = text(SESSION_TOKEN).map(str::to_owned).into_iter().collect();
        if let Some((_, encoded)) = text(AUTHORIZATION).and_then(|value| value.split_once(' ')) {
            texts.push(encoded.to_owned());
            texts.push(encoded.trim_end_matches('=').to_owned());
            texts.extend(decoded(encoded));
        }
        let mut texts: Vec<_> = texts
            .into_iter()
            .filter(|text| text.len() >= SHORTEST && !WORDS.contains(&**text))
            .filter_map(|text| as_in_json(&text))
            .collect();
        texts.sort_by_key(|text| Reverse(text.len()));
        Self(texts)
    }

    /// Returns the body of a reply without the credentials.
    pub(super) fn masked(&self, mut body: Vec<u8>) -> Vec<u8> {
        for text in &self.0 {
            let parts: Vec<_> = split(&body, text).collect();
            if parts.len() > 1 {
                body = parts.join(MASK);
            }
        }
        body
    }
}

/// Returns the parts of a body between the copies of a text.
fn split<'b>(body: &'b [u8], text: &'b [u8]) -> impl Iterator<Item = &'b [u8]> {
    let mut start = 0;
    let ends = memmem::find_iter(body, text).chain([body.len()]);
    ends.filter_map(move |end| {
        let part = body.get(start..end);
        start = end + text.len();
        part
    })
}

/// Returns the plain forms of encoded credentials: `id:key` and `key`, or user and password.
fn decoded(encoded: &str) -> Vec<String> {
    let plain = BASE64_STANDARD.decode(encoded).ok();
    let Some(plain) = plain.and_then(|plain| String::from_utf8(plain).ok()) else {
        return Vec::new();
    };
    let secret = plain.split_once(':').map(|(_, secret)| secret.to_owned());
    [Some(plain), secret].into_iter().flatten().collect()
}

/// Returns a text as a reply in JSON holds it.
fn as_in_json(text: &str) -> Option<Vec<u8>> {
    let quoted = serde_json::to_string(text).ok()?;
    let text = quoted.strip_prefix('"')?.strip_suffix('"')?;
    Some(text.as_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(authorization: &str, body: &str) -> String {
        let headers = [(AUTHORIZATION, authorization.parse().unwrap())];
        let credentials = Credentials::of(&HeaderMap::from_iter(headers));
        String::from_utf8(credentials.masked(body.into())).unwrap()
    }

    #[test]
    fn no_form_of_a_credential_stays() {
        // `id:hush-key`
        let key = "ApiKey aWQ6aHVzaC1rZXk=";
        // `user:pass"word1`
        let password = "Basic dXNlcjpwYXNzIndvcmQx";
        for (authorization, body, expected) in [
            (
                key,
                "bad ApiKey aWQ6aHVzaC1rZXk= twice aWQ6aHVzaC1rZXk=",
                "bad ApiKey *** twice ***",
            ),
            (key, "aWQ6aHVzaC1rZXk", "***"),
            (key, "key [id:hush-key]", "key [***]"),
            (key, "key [hush-key] of [id]", "key [***] of [id]"),
            (
                password,
                r#"{"reason":"dXNlcjpwYXNzIndvcmQx"}"#,
                r#"{"reason":"***"}"#,
            ),
            (
                password,
                r#"{"reason":"[pass\"word1]"}"#,
                r#"{"reason":"[***]"}"#,
            ),
            (key, "nothing of it", "nothing of it"),
            (key, "", ""),
        ] {
            assert_eq!(masked(authorization, body), expected, "{body}");
        }
    }

    /// A reply stays readable, whatever the password is.
    #[test]
    fn words_of_replies_stay() {
        for password in [
            "status",
            "failure_store",
            "version_conflict",
            "_conflict_engine",
        ] {
            let encoded = BASE64_STANDARD.encode(format!(":{password}"));
            let body = r#"{"status":409,"failure_store":"used","type":"version_conflict_engine_exception"}"#;
            assert_eq!(
                masked(&format!("Basic {encoded}"), body),
                body,
                "{password}"
            );
        }
    }

    #[test]
    fn a_session_token_is_masked() {
        let headers = [(SESSION_TOKEN, "a-session-token".parse().unwrap())];
        let credentials = Credentials::of(&HeaderMap::from_iter(headers));
        assert_eq!(credentials.masked(b"no a-session-token".into()), b"no ***");
    }
}
