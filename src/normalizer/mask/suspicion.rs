//! A first look at a text: hardly one holds a credential, and most can be told to hold none at little cost.

use std::sync::LazyLock;

use regex::bytes::Regex;

use super::names::{MARKS, WORDS};
use crate::json::has_byte;

/// Everything that a detector starts from: a name of a credential, with a little between its letters; a token's start; a
/// scheme; a user info; and what is decoded before it is looked at.
#[expect(clippy::expect_used, reason = "a constant pattern, compiled in a test")]
static SIGN: LazyLock<Regex> = LazyLock::new(|| {
    const BETWEEN: &str = "[^a-z0-9]{0,2}";
    let spread = |name: &str| {
        let letters: Vec<String> = name.chars().map(String::from).collect();
        letters.join(BETWEEN)
    };
    let marks = MARKS.map(spread).join("|");
    let words = WORDS.map(spread).join("|");
    let pattern = format!(
        "(?i-u){marks}|(?:{words})(?:[^a-z0-9]|$)|basic|digest|negotiate|ntlm|hawk|oauth|aws4-|ssws|splunk\
         |%[0-9a-f]{{2}}|&(?:lt|gt|amp|quot|apos|#)|\\\\[uxnrt]|[:/][^\\s]*@|//[^/?#\\s:\\[]+:[0-9]*[^0-9/?#\\s]|not a valid key\
         |(?-i:eyJ|gh[pousr]_|github_pat_|glpat-|xox[a-z]-|xapp-|[sr]k_|sk-|npm_|pypi-|hf_|shp.._|dop_v1_|whsec_|xkeysib-\
         |ya29|AGE-SECRET|AIza|AKIA|ASIA|SG\\.)"
    );
    Regex::new(&pattern).expect("the pattern is right")
});

/// Returns whether a text may hold a credential.
pub(super) fn is_suspicious(text: &str) -> bool {
    const SHORTEST: usize = 5;
    let bytes = text.as_bytes();
    if bytes.len() < SHORTEST || !has_byte(bytes, is_sign) {
        return false;
    }
    // Names are spread over objects.
    matches!(bytes.first(), Some(b'{' | b'[')) || SIGN.is_match(bytes)
}

/// Whether a byte is one of those, one of which stands in every text with a credential.
fn is_sign(byte: u8) -> bool {
    (byte == b'=')
        | (byte == b':')
        | (byte == b'>')
        | (byte == b'@')
        | (byte == b'&')
        | (byte == b'+')
        | (byte == b'%')
        | (byte == b' ')
        | (byte == b'"')
        | (byte == b'\\')
        | (byte == b'J')
        | (byte == b'K')
        | (byte == b'I')
        | (byte == b'_')
        | (byte == b'-')
}
