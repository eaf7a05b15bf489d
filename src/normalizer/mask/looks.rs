//! Finds recognisable credentials, whatever their name.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::ends::{Ends, ListKind};
use super::view::View;
use crate::parts::Parts;

/// A JSON Web Token, signed or encrypted: parts may be empty. The JSON of its header may begin with
/// blanks behind the brace. Such a beginning says less, so more must follow it.
#[expect(clippy::expect_used, reason = "a constant pattern, compiled in a test")]
static JWT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        r"eyJ[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_=-]*)+",
        r"|(?:eyA[giJKN]|ewog|ewk[giJKN]|ew0KI|ewoJI|ewoi[A-Za-z0-9_-]{4}I)[A-Za-z0-9_-]{8,}",
        r"\.(?:e[yw]|[A-Za-z0-9_=-]*\.)[A-Za-z0-9_=.-]*",
    ))
    .expect("the pattern is right")
});

/// The scheme of an authorization header, and the separator before the credential.
#[expect(clippy::expect_used, reason = "a constant pattern, compiled in a test")]
static SCHEME: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        r"(?i)(?:^|[^a-z0-9_])(?<scheme>(?<short>bearer|basic)|(?<list>digest|hawk|oauth|aws4-hmac-sha256|signature)",
        r"|token|apikey|jwt|negotiate|ntlm|ssws|splunk)(?:[ \t+]|\\t)+",
    ))
    .expect("the pattern is right")
});

/// Beginnings that makers gave their tokens to make them recognisable. Those that may also begin a
/// file's name (`hf_texture_01.png`) need as much behind them as the maker's tokens have.
#[expect(clippy::expect_used, reason = "a constant pattern, compiled in a test")]
static PREFIX: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        r"(?:gh[pousr]_|github_pat_|glpat-|xox[abeoprs]-|xapp-|[sr]k_(?:live|test)_|sk-(?:ant|proj)-",
        r"|shp(?:at|ca|pa|ss)_|dop_v1_|whsec_|xkeysib-|ya29\.|AGE-SECRET-KEY-)[A-Za-z0-9_.-]{6,}",
        r"|(?:npm|hf)_[A-Za-z0-9]{20,}|pypi-Ag[A-Za-z0-9_-]{20,}",
        r"|AIza[A-Za-z0-9_-]{16,}|(?:AKIA|ASIA)[A-Z0-9]{16}|SG\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*",
    ))
    .expect("the pattern is right")
});

/// The texts with which API Gateway and the console quote an authorization header or an API key.
#[expect(clippy::expect_used, reason = "a constant pattern, compiled in a test")]
static QUOTED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        r"\b[Aa]uthorization header[^:'\n]{0,80}: ?(?<header>'[^'\n]*'|(?:[A-Za-z]+ )?\S+)",
        r"|\bAPI Key:? (?<key>[^\s:]+)(?: and API Stage| authorized because)",
        r"|\bAPI [Kk]ey:? (?<long>[\w*-]{20,})",
    ))
    .expect("the pattern is right")
});

/// Finds recognisable credentials.
pub(super) fn find(view: &View<'_>, found: &mut Vec<Range<usize>>) {
    let text = &*view.text;
    found.extend(JWT.find_iter(text).map(|token| token.range()));
    found.extend(PREFIX.find_iter(text).map(|token| token.range()));
    schemes(view, found);
    private_keys(text, found);
    if text.contains('@') || text.contains("//") {
        user_infos(text, found);
    }
    quoted(text, found);
}

/// The shortest credential after a scheme whose name is also a common word.
const SHORTEST_TOKEN: usize = 6;

/// Returns the credentials after the scheme of an authorization header, with their scheme.
fn schemes(view: &View<'_>, found: &mut Vec<Range<usize>>) {
    let text = &*view.text;
    let ends = Ends::of(view);
    let mut position = 0;
    while let Some(scheme) = SCHEME.captures_at(text, position) {
        let (Some(whole), Some(name)) = (scheme.get(0), scheme.name("scheme")) else {
            return;
        };
        let start = whole.end();
        position = start;
        let value = ends.from(start);
        if scheme.name("list").is_some() && starts_parameters(value) {
            position = ends.line(start, ListKind::Headers).max(start);
            found.push(name.start()..position);
            continue;
        }
        let word = match word(value) {
            word if is_in_query(text.part(..name.start())) => in_parameter(word),
            word => word,
        };
        let is_whole =
            text.trim_matches(['"', '\'', ' ']).len() == start + word.len() - name.start();
        let is_credential = match scheme.name("short") {
            _ if is_product(word) => false,
            Some(_) => (is_random(word) && !is_challenge(word)) || (is_whole && !is_plain(word)),
            None => word.len() >= SHORTEST_TOKEN && is_random(word) && !is_digest(word),
        };
        if is_credential {
            position = start + word.len();
            found.push(name.start()..position);
        }
    }
}

/// Returns the word, or the text in quotes, that a text starts with.
fn word(text: &str) -> &str {
    if let Some(quote) = text.chars().next().filter(|c| matches!(c, '"' | '\'')) {
        let inside = text.part(1..);
        let end = inside.find([quote, '\n']).map_or(text.len(), |end| end + 2);
        return text.part(..end);
    }
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    let word = text.part(..end);
    word.trim_end_matches([',', ';', '.', '"', '\'', ')', ']', '}', '>', '\\'])
}

/// Returns whether a text ends in a query parameter whose value has begun.
fn is_in_query(text: &str) -> bool {
    const LONGEST: usize = 96;
    let text = text.part(text.ceil_char_boundary(text.len().saturating_sub(LONGEST))..);
    let parameter = text.rfind(|c: char| "?&\"'<>{}(),;\n\t\\|".contains(c));
    let parameter = text.part(parameter.unwrap_or_default()..);
    parameter.starts_with(['?', '&']) && parameter.contains('=')
}

/// Returns the part of a word that belongs to the parameter. No token has other characters.
fn in_parameter(word: &str) -> &str {
    word.part(..word.find(['&', '#']).unwrap_or(word.len()))
}

/// Returns whether a word is a program with its version, as in a user agent: `WebClient/1.0`. Base64
/// has no full stop.
fn is_product(word: &str) -> bool {
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    word.split_once('/').is_some_and(|(name, version)| {
        name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte))
            && version.contains('.')
            && version.split('.').all(is_number)
    })
}

/// Returns whether a word does not belong to a language: it is long, or has digits, marks, or
/// capitals inside.
fn is_random(word: &str) -> bool {
    const LONGEST_WORD: usize = 15;
    let word = word.trim_matches(['"', '\'']);
    let has_capital_inside = || {
        word.as_bytes()
            .windows(2)
            .any(|pair| matches!(pair, [a, b] if a.is_ascii_lowercase() && b.is_ascii_uppercase()))
    };
    word.len() > LONGEST_WORD
        || word
            .bytes()
            .any(|byte| byte.is_ascii_digit() || b"=+/_~|:!%@#$^&*{}<>\\.".contains(&byte))
        || has_capital_inside()
}

/// Returns whether a word is a parameter of a challenge: `Bearer realm="…"`.
fn is_challenge(word: &str) -> bool {
    [
        "realm=",
        "error=",
        "error_description=",
        "scope=",
        "charset=",
    ]
    .iter()
    .any(|name| {
        word.get(..name.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(name))
    })
}

/// Returns whether a word stands after the name of a scheme in a sentence.
fn is_plain(word: &str) -> bool {
    [
        "",
        "auth",
        "authentication",
        "authorization",
        "token",
        "tokens",
        "realm",
        "scheme",
        "plan",
    ]
    .iter()
    .any(|plain| word.eq_ignore_ascii_case(plain))
        || is_challenge(word)
}

/// Returns whether a word is a digest of a body.
fn is_digest(word: &str) -> bool {
    ["sha", "md5", "id-"].iter().any(|name| {
        word.get(..3)
            .is_some_and(|start| start.eq_ignore_ascii_case(name))
    })
}

/// Returns whether a text starts with `name=`.
fn starts_parameters(text: &str) -> bool {
    let after = text.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || "_-".contains(c));
    after.len() < text.len() && after.starts_with('=')
}

/// Finds private keys in PEM, up to their last line or the end of the text.
fn private_keys(text: &str, found: &mut Vec<Range<usize>>) {
    const LONGEST_HEAD: usize = 64;
    let mut position = 0;
    while let Some(begin) = text
        .get(position..)
        .and_then(|rest| rest.find("-----BEGIN"))
    {
        let start = position + begin;
        position = start + 10;
        let head = text.part(position..);
        let head = head.part(..head.floor_char_boundary(LONGEST_HEAD));
        let label = head.split_once("-----").map_or(head, |(label, _)| label);
        if label.contains("PRIVATE") {
            let rest = text.part(position..);
            let end = rest.find("-----END").map_or(rest.len(), |end| {
                let last = rest.part(end + 8..);
                end + 8 + last.find("-----").map_or(last.len(), |dashes| dashes + 5)
            });
            position += end;
            found.push(start..position);
        }
    }
}

/// Finds the passwords in the user info of URLs. A user info without a colon counts as a password
/// if it is long.
fn user_infos(text: &str, found: &mut Vec<Range<usize>>) {
    let ends_run = |c: char| c.is_whitespace() || matches!(c, '"' | '<' | '>' | '`');
    let mut start = 0;
    for run in text.split_inclusive(ends_run) {
        if run.contains('@') || run.contains("//") {
            let is_alone = run.len() == text.len();
            user_infos_of_run(run.trim_end_matches(ends_run), start, is_alone, found);
        }
        start += run.len();
    }
}

fn user_infos_of_run(run: &str, start: usize, is_alone: bool, found: &mut Vec<Range<usize>>) {
    let last_at = run.rfind('@');
    let mut position = 0;
    while let Some(slashes) = run.get(position..).and_then(|rest| rest.find("//")) {
        position += slashes + 2;
        let (url, last_at) = match quoted_end(run, position) {
            Some(end) => {
                let at = run.part(position..end).rfind('@');
                (run.part(..end), at.map(|at| position + at))
            }
            None => (run, last_at),
        };
        if let Some(secret) = user_info(url, position, last_at) {
            position = secret.end;
            found.push(start + secret.start..start + secret.end);
        }
    }
    found.extend(data_source(run).map(|secret| start + secret.start..start + secret.end));
    if is_alone && position == 0 {
        // Finds `user:password@host`, the form that a domain name may have.
        const NAMES: [&str; 9] = [
            "mailto", "sip", "sips", "xmpp", "acct", "email", "arn", "urn", "cognito",
        ];
        if let Some((user, rest)) = run.split_once(':')
            && !user.is_empty()
            && rest.contains('@')
            && rest != "@"
            && !user.contains(['/', '@', '?', '='])
            && !NAMES
                .iter()
                .any(|name| user.trim_start_matches('\'').eq_ignore_ascii_case(name))
            && let Some(secret) = user_info(run, 0, last_at)
        {
            found.push(start + secret.start..start + secret.end);
        }
    }
}

/// Returns the position of the apostrophe that ends a URL, if one stands before its scheme, too. An
/// apostrophe may also be part of a password.
fn quoted_end(run: &str, position: usize) -> Option<usize> {
    const LONGEST_SCHEME: usize = 32;
    const LONGEST_URL: usize = 256;
    let before =
        run.part(run.ceil_char_boundary(position.saturating_sub(LONGEST_SCHEME))..position);
    let before = before.trim_end_matches(['/', ':', '\\']);
    let is_scheme = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
    if !before.trim_end_matches(is_scheme).ends_with('\'') {
        return None;
    }
    let rest = run.part(position..);
    let rest = rest.part(..rest.floor_char_boundary(LONGEST_URL));
    let mut apostrophes = rest.match_indices('\'').map(|(at, _)| at);
    let ends = |at: &usize| {
        let next = rest.part(at + 1..).chars().next();
        next.is_none_or(|next| " ,;:)]}&|\\'".contains(next))
    };
    apostrophes.find(ends).map(|end| position + end)
}

/// Returns the place of the credential in the user info of a URL: the password, or a user that is a
/// token. The user may be a mail address.
fn user_info(run: &str, start: usize, last_at: Option<usize>) -> Option<Range<usize>> {
    const SHORTEST_USER: usize = 12;
    let rest = run.part(start..);
    let user = rest.part(..rest.find([':', '/', '?', '#']).unwrap_or(rest.len()));
    let behind = rest.part(user.len()..);
    if behind.starts_with(':') && !user.contains('[') {
        let password_start = start + user.len() + 1;
        if behind.starts_with(":@") || behind.starts_with(":x-oauth-basic@") {
            return (!user.is_empty()).then_some(start..password_start - 1);
        }
        if let Some(length) = password(run, password_start, last_at) {
            return Some(password_start..password_start + length);
        }
    }
    let user = user.find('@').filter(|user| *user >= SHORTEST_USER)?;
    Some(start..start + user)
}

/// Returns the place of the password in the name of a data source: `bob:S@tcp(db:3306)/app`.
fn data_source(run: &str) -> Option<Range<usize>> {
    let at = ["@tcp(", "@unix("]
        .iter()
        .filter_map(|mark| run.rfind(mark))
        .max()?;
    let colon = run.part(..at).find(':')?;
    (colon + 1 < at).then_some(colon + 1..at)
}

/// Returns the length of the password that starts at a position of a run: up to its last `@`
/// before the host, or to the end of the host if the text was cut off before the `@`; `None` if it
/// is a port.
fn password(run: &str, start: usize, last_at: Option<usize>) -> Option<usize> {
    let text = run.part(start..);
    let authority = text.find(['/', '?', '#']).unwrap_or(text.len());
    let host = text.get(..authority)?;
    let is_port = host.bytes().all(|byte| byte.is_ascii_digit());
    let length = match host.rfind('@') {
        None if is_port => return None,
        None => last_at
            .and_then(|at| at.checked_sub(start))
            .unwrap_or(authority),
        Some(at) => at,
    };
    (length > 0).then_some(length)
}

fn quoted(text: &str, found: &mut Vec<Range<usize>>) {
    const BEHIND: &str = " not a valid key=value pair";
    let mut done = 0;
    for (at, _) in text.match_indices(BEHIND) {
        let before = text.part(done..at);
        if let Some(quote) = before.find('\'').filter(|_| before.ends_with('\'')) {
            found.push(done + quote..at);
        }
        done = at + BEHIND.len();
    }
    if ["uthorization header", "API Key", "API key"]
        .iter()
        .any(|mark| text.contains(mark))
    {
        let parts = QUOTED.captures_iter(text);
        found.extend(parts.filter_map(|part| {
            let names = ["header", "key", "long"];
            names
                .iter()
                .find_map(|name| part.name(name))
                .map(|part| part.range())
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::assert_masked;

    #[test]
    fn recognisable_credentials_and_nothing_else() {
        let cases = [
            (
                "/verify/eyAidHlwIjogIkpXVCIsICJhbGciOiAiSFMyNTYiIH0.eyAic3ViIjogImEiIH0.s3cr3t",
                "/verify/***",
            ),
            (
                "x ewogICJhbGciOiAiSFMyNTYiCn0.ewogICJzdWIiOiAiYSIKfQ.s3cr3t y",
                "x *** y",
            ),
            ("a/ewoiYWxnIjoiSFMyNTYifQ..iv.s3cr3t", "a/***"),
            ("a/ew0KICAiYWxnIjogIkhTMjU2Ig0KfQ.ew0K.s3cr3t", "a/***"),
            ("a/ewkiYWxnIjoiSFMyNTYifQ.e30.s3cr3t", "a/***"),
            (
                "/img/newogre-and-friends.png",
                "/img/newogre-and-friends.png",
            ),
            (
                r#"E {"url":"https:\/\/bob:s3cr3t@h.example"}"#,
                r#"E {"url":"https:\/\/bob:***@h.example"}"#,
            ),
            (r"https:\/\/bob:s3cr3t", r"https:\/\/bob:***"),
            (
                "see https://bob:a's3cr3t@h.example/ now",
                "see https://bob:***@h.example/ now",
            ),
            (
                "{'url':'https://h.example:8080','mail':'bob@h.example'}",
                "{'url':'https://h.example:8080','mail':'bob@h.example'}",
            ),
            ("['https://bob:s3cr3t@h','x']", "['https://bob:***@h','x']"),
            (
                "smtp://bob@corp.example:s3cr3t@mail.example",
                "smtp://bob@corp.example:***@mail.example",
            ),
            (
                "smtp://bob@corp.example:587/x@y",
                "smtp://bob@corp.example:587/x@y",
            ),
            ("at http://bob@[::1]:80/ now", "at http://bob@[::1]:80/ now"),
            (
                "dial bob:s3cr3t@tcp(db:3306)/app now",
                "dial bob:***@tcp(db:3306)/app now",
            ),
            ("dial tcp(db:3306) as bob@x", "dial tcp(db:3306) as bob@x"),
            (
                "at https://s3cr3t:@api.stripe.com now",
                "at https://***:@api.stripe.com now",
            ),
            (
                "https://s3cr3t:x-oauth-basic@github.com",
                "https://***:x-oauth-basic@github.com",
            ),
            ("s3cr3t:@api.stripe.com", "***:@api.stripe.com"),
            ("bob:s3cr3t@api.stripe.com", "bob:***@api.stripe.com"),
            (
                "/search?q=basic+training&page=2",
                "/search?q=basic+training&page=2",
            ),
            (
                "/search?q=token+economics2024&page=2",
                "/search?q=***&page=2",
            ),
            ("/x?a=Bearer+s3cr3t123#top", "/x?a=***#top"),
            ("Bearer s3cr3t&more1", "***"),
            ("/img/hf_texture_01.png", "/img/hf_texture_01.png"),
            ("/img/npm_badge-new.svg", "/img/npm_badge-new.svg"),
            ("/conf/ASIA2024CONF", "/conf/ASIA2024CONF"),
            ("/k/AKIAIOSFODNN7EXAMPLE/x", "/k/***/x"),
            ("at hf_abcdefghijklmnopqrstuvwxyzabcdefgh", "at ***"),
            ("at npm_aB3aB3aB3aB3aB3aB3aB3aB3aB3aB3aB3aB3", "at ***"),
            ("at pypi-AgEIcHlwaS5vcmcCJGEyYjNjNGQ1", "at ***"),
            ("Basic WebClient/1.0 (Linux)", "Basic WebClient/1.0 (Linux)"),
            ("Basic WebClient/1.0", "Basic WebClient/1.0"),
            ("Basic czNjcjN0/czNjcjN0", "***"),
        ];
        assert_masked(&cases);
    }
}
