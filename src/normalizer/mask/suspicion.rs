//! A first look at a text: hardly one holds a credential, and most can be told to hold none at
//! little cost.

use std::cell::Cell;
use std::sync::LazyLock;

use regex::bytes::Regex;

use super::clean;
use super::names::{MARKS, WORDS, group_of};
use crate::json::{has_byte, has_neighbours, has_place};
use crate::parts::Parts;

/// Everything that a detector starts from: a name of a credential, with a little between its
/// letters; a token's start; a scheme; a user info; and what is decoded before it is looked at.
#[expect(clippy::expect_used, reason = "a constant pattern, compiled in a test")]
static SIGN: LazyLock<Regex> = LazyLock::new(|| {
    const BETWEEN: &str = "[^a-z0-9]{0,3}";
    let spread = |name: &str| {
        let letters: Vec<String> = name.chars().map(String::from).collect();
        letters.join(BETWEEN)
    };
    let marks = MARKS.map(spread).join("|");
    let words = WORDS.map(spread).join("|");
    let groups: Vec<_> = MARKS.into_iter().filter_map(group_of).collect();
    let groups = groups.join("|");
    let pattern = format!(
        "(?i-u){marks}|(?:{words})[0-9]*(?:[^a-z0-9]|$)|(?:{groups})[^a-z0-9]{{1,24}}(?:key|string)|(?:{groups})\\\\*[\"']{{1,2}}\\s*:\\s*[\\[{{]|basic|digest|negotiate|ntlm|hawk|oauth|aws4-|ssws|splunk\
         |%u?[0-9a-f]{{2}}|&(?:lt|gt|amp|quot|apos|#)|\\\\(?:[uxnrt]|[0-7]{{3}})|[:/][^\\s]*@|/\\\\*/[^/?#\\s:\\[]*:[0-9]*[^0-9/?#\\s]|not a valid key|[\"'\\s](?:[a-z_-]*values?|val|v|input|arg|argument)(?:\\\\*[\"']|=)\
         |(?-i:ey[AJ]|ew[0ko]|gh[pousr]_|github_pat_|glpat-|xox[a-z]-|xapp-|[sr]k_|sk-|npm_|pypi-|hf_|shp.._|dop_v1_|whsec_|xkeysib-\
         |ya29|AGE-SECRET|AIza|AKIA|ASIA|SG\\.)"
    );
    Regex::new(&pattern).expect("the pattern is right")
});

/// Returns whether a text may hold a credential.
///
/// Perf: most values show no sign, and long ones repeat. Each look is slower and sharper than the
/// one before. Together they cost some 1,800 instructions for the values of a REST line, and 2,500
/// without the memory of clean texts.
pub(in super::super) fn is_suspicious(text: &str) -> bool {
    const SHORTEST: usize = "pw=x".len();
    let bytes = text.as_bytes();
    // API Gateway's ids end in `=`. No value follows it.
    let signs = bytes.strip_suffix(b"=").unwrap_or(bytes);
    if bytes.len() < SHORTEST {
        return false;
    }
    let is_long = bytes.len() >= clean::SHORTEST;
    if is_long && (!has_byte(signs, may_show) || clean::is_known(text)) {
        return false;
    }
    // Names are spread over objects.
    let is_object = || starts_object(bytes);
    let is_suspicious = has_sign(signs) && (is_object() || SIGN.is_match(bytes));
    if is_long && !is_suspicious {
        clean::remember(text);
    }
    is_suspicious
}

/// Returns whether a text starts like an object or a list, or like one in a string of JSON.
fn starts_object(text: &[u8]) -> bool {
    let is_around = |byte: &&u8| byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\\');
    let around = text.iter().take_while(is_around).count();
    matches!(text.get(around), Some(b'{' | b'['))
}

/// Returns whether a byte may be a sign. Every text with a credential has at least one sign. Ranges
/// cost less than single bytes, and hardly any value has other bytes of these ranges.
fn may_show(byte: u8) -> bool {
    (byte <= b',')
        | (byte.wrapping_sub(b':') <= b'@' - b':')
        | (byte.wrapping_sub(b'[') <= b'`' - b'[')
        | (byte == b'G')
        | (byte == b'I')
        | (byte == b'g')
        | (byte == b'k')
        | (byte.wrapping_sub(b'x') <= b'y' - b'x')
}

/// Returns whether any byte is a sign where it stands.
fn has_sign(bytes: &[u8]) -> bool {
    let has_blank = Cell::new(false);
    let shows_at = |place| {
        let Some(byte) = bytes.get(place) else {
            return false;
        };
        has_blank.set(has_blank.get() | (*byte == b' '));
        SIGNS.get(usize::from(*byte)) == Some(&true) && shows(bytes, place)
    };
    // An option of a command has a blank behind its name.
    let are_hyphens = |one, other| (one == b'-') & (other == b'-');
    has_place(bytes, may_show, shows_at) || (has_blank.get() && has_neighbours(bytes, are_hyphens))
}

/// The bytes that [`shows`] looks at.
#[expect(clippy::indexing_slicing, reason = "the compiler evaluates it")]
const SIGNS: [bool; 256] = {
    let bytes = b" \"%&'+:=>@\\_GIgkxy";
    let mut signs = [false; 256];
    let mut control = 0;
    while control < b' ' {
        signs[control as usize] = true;
        control += 1;
    }
    let mut index = 0;
    while index < bytes.len() {
        signs[bytes[index] as usize] = true;
        index += 1;
    }
    signs
};

/// Returns whether a byte is a sign where it stands. Names of credentials need one of the signs
/// that separate a name from its value. Schemes and tokens show by the letters around a byte that
/// is rare.
fn shows(bytes: &[u8], place: usize) -> bool {
    let before = bytes.part(..place);
    let from = bytes.part(place..);
    match from {
        [b' ', ..] => ends_scheme(before),
        [b'_', ..] => ends_prefix(before),
        [b'G', rest @ ..] => {
            (before.ends_with(b"S") && rest.starts_with(b"."))
                || (before.ends_with(b"A") && rest.starts_with(b"E-"))
        }
        [b'I', b'z', ..] => before.ends_with(b"A"),
        [b'I', rest @ ..] => {
            (rest.starts_with(b"A") && matches!(before, [.., b'A', b'K' | b'S']))
                || before.ends_with(b"ew0K")
                || before.ends_with(b"ewoJ")
                || matches!(before, [.., b'e', b'w', b'o', b'i', _, _, _, _])
        }
        [b'g', rest @ ..] => rest.starts_with(b"lpat-") || before.ends_with(b"ewo"),
        [b'k', rest @ ..] => {
            (rest.starts_with(b"-") && before.ends_with(b"s")) || before.ends_with(b"ew")
        }
        [b'x', rest @ ..] => {
            matches!(rest, [b'o', b'x', _, b'-', ..])
                || rest.starts_with(b"app-")
                || rest.starts_with(b"keysib-")
        }
        [b'y', rest @ ..] => {
            (rest.starts_with(b"J") && before.ends_with(b"e"))
                || (rest.starts_with(b"A") && before.ends_with(b"e"))
                || rest.starts_with(b"a29")
                || rest.starts_with(b"pi-")
        }
        _ => true,
    }
}

/// Returns whether a text ends like the scheme of an authorization header, or like `API Key`.
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

/// Returns whether a text ends like a token's prefix before its last `_`.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_values_show_no_sign() {
        for text in [
            "JKJaXmPLvHcESHA=",
            "7c9e6679-7425-40de-944b-e07fc1f90ae7",
            "abc123.execute-api.us-east-1.amazonaws.com",
            "198.51.100.77",
            "/prod/pets/17",
            "/pets/{petId}",
            "GET /pets/{petId}",
            "HTTP/1.1",
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36",
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Safari/605.1.15",
            "python-requests/2.31.0",
            "aws-cli/2.15.30 Python/3.11.8 Linux/5.10.205 exe/x86_64.amzn.2 prompt/off command/s3.ls",
            "okhttp/4.12.0",
            "curl/8.5.0",
            "Internal server error",
            "DEFAULT_5XX",
            "INTEGRATION_FAILURE",
            "2001:db8::17",
        ] {
            assert!(
                !has_sign(text.strip_suffix('=').unwrap_or(text).as_bytes()) || text.contains(':'),
                "{text}"
            );
        }
    }
}
