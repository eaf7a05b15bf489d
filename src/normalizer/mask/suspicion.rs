//! A first look at a text: hardly one holds a credential, and most can be told to hold none at little cost.

use std::sync::LazyLock;

use regex::bytes::Regex;

use super::names::{MARKS, WORDS};
use crate::json::any_byte;

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
         |%[0-9a-f]{{2}}|&(?:lt|gt|amp|quot|apos|#)|\\\\[uxnrt]|[:/][^\\s]*@|//[^/?#\\s:\\[]*:[0-9]*[^0-9/?#\\s]|not a valid key\
         |(?-i:eyJ|gh[pousr]_|github_pat_|glpat-|xox[a-z]-|xapp-|[sr]k_|sk-|npm_|pypi-|hf_|shp.._|dop_v1_|whsec_|xkeysib-\
         |ya29|AGE-SECRET|AIza|AKIA|ASIA|SG\\.)"
    );
    Regex::new(&pattern).expect("the pattern is right")
});

/// Returns whether a text may hold a credential.
pub(super) fn is_suspicious(text: &str) -> bool {
    const SHORTEST: usize = 5;
    let bytes = text.as_bytes();
    // Perf: most values show no sign, and the search for one costs a third of what the pattern does.
    if bytes.len() < SHORTEST || !any_byte(bytes, may_show, b'-', |place| shows(bytes, place)) {
        return false;
    }
    // Names are spread over objects.
    matches!(bytes.first(), Some(b'{' | b'[')) || SIGN.is_match(bytes)
}

/// Whether a byte may be a sign: one of those stands in every text with a credential. Perf: ranges
/// cost less than single bytes, and hardly a value has a byte of them besides the signs.
fn may_show(byte: u8) -> bool {
    (byte <= b',')
        | (byte.wrapping_sub(b':') <= b'@' - b':')
        | (byte.wrapping_sub(b'[') <= b'`' - b'[')
        | (byte == b'G')
        | (byte == b'I')
        | (byte == b'g')
        | (byte == b'k')
        | (byte == b'x')
        | (byte == b'y')
}

/// Whether a byte is a sign where it stands. Names of credentials need one of the signs that separate
/// a name from its value. Schemes and tokens show by the letters around a byte that is rare.
fn shows(bytes: &[u8], place: usize) -> bool {
    let (before, from) = bytes.split_at_checked(place).unwrap_or_default();
    match from {
        [
            b'!' | b'#' | b'$' | b'(' | b')' | b'*' | b',' | b';' | b'<' | b'?',
            ..,
        ]
        | [b'[' | b']' | b'^' | b'`', ..] => false,
        [b' ', ..] => ends_scheme(before),
        [b'_', ..] => ends_prefix(before),
        [b'G', rest @ ..] => {
            (before.ends_with(b"S") && rest.starts_with(b"."))
                || (before.ends_with(b"A") && rest.starts_with(b"E-"))
        }
        [b'I', ..] => matches!(before, [.., b'A'] | [.., b'A', b'K' | b'S']),
        [b'g', rest @ ..] => rest.starts_with(b"lpat-"),
        [b'k', rest @ ..] => rest.starts_with(b"-") && before.ends_with(b"s"),
        [b'x', rest @ ..] => {
            matches!(rest, [b'o', b'x', _, b'-', ..])
                || rest.starts_with(b"app-")
                || rest.starts_with(b"keysib-")
        }
        [b'y', rest @ ..] => {
            (rest.starts_with(b"J") && before.ends_with(b"e"))
                || rest.starts_with(b"a29")
                || rest.starts_with(b"pi-")
        }
        _ => true,
    }
}

/// Whether a text ends like the scheme of an authorization header, or like `API Key`.
fn ends_scheme(text: &[u8]) -> bool {
    let Some(end) = text.last_chunk::<3>() else {
        return false;
    };
    matches!(
        &end.map(|byte| byte.to_ascii_lowercase()),
        b"rer"
            | b"sic"
            | b"est"
            | b"awk"
            | b"uth"
            | b"256"
            | b"ure"
            | b"ken"
            | b"key"
            | b"jwt"
            | b"ate"
            | b"tlm"
            | b"sws"
            | b"unk"
    )
}

/// Whether a text ends like a token's prefix before its last `_`.
fn ends_prefix(text: &[u8]) -> bool {
    matches!(
        text,
        [.., b'g', b'h', b'p' | b'o' | b'u' | b's' | b'r']
            | [.., b's', b'h', b'p', _, _]
            | [.., b'a', b't']
            | [.., b'p', b'm']
            | [.., b's' | b'r', b'k']
            | [.., b'h', b'f']
            | [.., b'v', b'1']
            | [.., b'e', b'c']
    )
}
