//! Names that name credentials.

use crate::parts::Parts;
use std::borrow::Cow;

/// The kind of credential that a name promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CredentialKind {
    /// A header whose value may have commas, semicolons and quotes in it: an authorization, or a
    /// list of cookies.
    Header,
    /// `jwt`: a JSON Web Token, or an object that holds the claims of one.
    Jwt,
    /// Any other credential.
    Other,
    /// A short word that also names harmless things. Flags and small numbers under it are no
    /// credentials.
    Short,
    /// `code`: an authorization code in a query, and mostly an error's code elsewhere.
    Code,
}

/// A name that has one of these in it names a credential. Letters and digits only.
pub(super) const MARKS: [&str; 46] = [
    "accesskey",
    "accountkey",
    "apikey",
    "authcode",
    "authheader",
    "authorization",
    "basicauth",
    "bearer",
    "clientassertion",
    "connectionstring",
    "cookie",
    "credential",
    "creds",
    "csrf",
    "dbpass",
    "encryptionkey",
    "functionkey",
    "functionskey",
    "hmac",
    "jwt",
    "masterkey",
    "mfacode",
    "onetimecode",
    "otpcode",
    "passcode",
    "passphrase",
    "passwd",
    "password",
    "privatekey",
    "pwd",
    "samlart",
    "samlrequest",
    "samlresponse",
    "secret",
    "sessid",
    "sessionid",
    "sessionkey",
    "signature",
    "signingkey",
    "subscriptionkey",
    "token",
    "usageidentifierkey",
    "userotp",
    "userpass",
    "userpin",
    "xsrf",
];

/// A name that ends in one of these words names a credential; `bypass` and `errorCode` are other
/// words.
pub(super) const WORDS: [&str; 12] = [
    "assertion",
    "auth",
    "code",
    "cred",
    "otp",
    "pass",
    "pin",
    "pw",
    "session",
    "sid",
    "sig",
    "totp",
];

/// Ends of names that have a mark in them and name no credential: counters of a language model's
/// tokens, and API Gateway's own variables, are among them.
const HARMLESS: [&str; 23] = [
    "apikeyid",
    "authorizationerror",
    "authorizationlatency",
    "authorizationstatus",
    "authorizationtype",
    "cachedtokens",
    "completiontokens",
    "inputtokens",
    "maxnewtokens",
    "maxtokens",
    "outputtokens",
    "prompttokens",
    "reasoningtokens",
    "secretarn",
    "secretary",
    "secretsmanager",
    "tokencount",
    "tokenexpiry",
    "tokenlimit",
    "tokentype",
    "tokenuse",
    "tokenusage",
    "totaltokens",
];

/// The beginnings of what stands behind `jwt` in the names of a checked token's parts: `jwtSub` and
/// `jwt_claims` are none of the token itself.
const PARTS_OF_JWT: [&str; 14] = [
    "alg", "aud", "claim", "error", "exp", "iat", "iss", "jti", "kid", "latency", "nbf", "scope",
    "status", "sub",
];

/// Ends of the names that say who a caller is, or what came of the check.
const OF_CALLER: [&str; 22] = [
    "account",
    "accountid",
    "arn",
    "caller",
    "error",
    "issuer",
    "latency",
    "message",
    "method",
    "org",
    "orgid",
    "principal",
    "principalid",
    "provider",
    "requestid",
    "scope",
    "scopes",
    "status",
    "type",
    "user",
    "userid",
    "username",
];

/// Returns whether a character separates the words of a key, and does not count.
pub(in super::super) fn is_separator(c: char) -> bool {
    matches!(c, '.' | '_' | '-' | ' ')
}

/// Returns whether a key names something that must never be indexed: a credential, under any
/// spelling.
pub(in super::super) fn is_secret(key: &str) -> bool {
    kind(key).is_some_and(|kind| kind != CredentialKind::Code)
}

/// Returns whether all members of an object with this key are credentials. An object of claims is
/// none; in one with a short name each member says for itself what it is.
pub(in super::super) fn hides_object(key: &str, object: &str) -> bool {
    kind(key).is_some_and(|kind| match kind {
        CredentialKind::Header | CredentialKind::Other => true,
        CredentialKind::Jwt => !holds_claims(object),
        CredentialKind::Short | CredentialKind::Code => false,
    })
}

/// Returns whether an object holds the claims of a token and not the token: event objects of API
/// Gateway have `{"claims":{…},"scopes":null}` under `jwt`.
pub(super) fn holds_claims(object: &str) -> bool {
    let first = object.strip_prefix('{').unwrap_or_default();
    let first = first.trim_start_matches(|c: char| c.is_whitespace() || "\"'\\".contains(c));
    first.starts_with("claims") || first.starts_with("scopes")
}

/// The first word of a name whose last word may be a member's: `api` of `apikey`, because
/// `{"api":{"key":…}}` is common.
pub(super) fn group_of(name: &str) -> Option<&str> {
    name.strip_suffix("key")
        .or_else(|| name.strip_suffix("string"))
}

/// The kind of credential that a key names; `None` if it names none.
pub(super) fn kind(key: &str) -> Option<CredentialKind> {
    let key = decoded(key);
    let name = squeezed(&key);
    let rest = HARMLESS
        .iter()
        .find_map(|end| name.strip_suffix(end))
        .unwrap_or(&name);
    let is_mark =
        |mark: &&str| rest.contains(*mark) && (*mark != "jwt" || is_named_jwt(&key, rest));
    let mark = possible_marks(rest).find(is_mark);
    let is_header = |name: &str| name.contains("authorization") || name.contains("cookie");
    match mark {
        Some(_) if is_header(rest) => Some(CredentialKind::Header),
        Some("jwt") if is_called_jwt(&key) => Some(CredentialKind::Jwt),
        Some(_) => Some(CredentialKind::Other),
        None if rest.len() < name.len() => None,
        None if name == "code" => Some(CredentialKind::Code),
        None => (ends_in_word(&key) || is_in_short_group(&key)).then_some(CredentialKind::Short),
    }
}

/// Returns the marks whose letters are all in a name.
///
/// Perf: it saves 1,660 of the 2,850 instructions that a look at the name `token` takes.
fn possible_marks(name: &str) -> impl Iterator<Item = &'static str> {
    const OF_MARKS: [u32; MARKS.len()] = {
        let mut of_marks = [0; MARKS.len()];
        let mut index = 0;
        while index < MARKS.len() {
            #[expect(clippy::indexing_slicing, reason = "the compiler evaluates it")]
            {
                of_marks[index] = letters(MARKS[index].as_bytes());
            }
            index += 1;
        }
        of_marks
    };
    let of_name = letters(name.as_bytes());
    let marks = MARKS.iter().zip(OF_MARKS);
    marks
        .filter(move |(_, of_mark)| of_mark & !of_name == 0)
        .map(|(mark, _)| *mark)
}

/// Returns the set of the small letters in a name, a bit for each.
const fn letters(mut name: &[u8]) -> u32 {
    let mut letters = 0;
    while let [byte, rest @ ..] = name {
        if byte.is_ascii_lowercase() {
            letters |= 1 << (*byte - b'a');
        }
        name = rest;
    }
    letters
}

/// Returns whether a name with `jwt` in it names a token: `jwt` ends the name, or its last part has
/// more than a part of a checked token behind it. `jwt.claims.sub` and `jwtSub` name none.
fn is_named_jwt(key: &str, name: &str) -> bool {
    let ends_name = name
        .trim_end_matches(|c: char| c.is_ascii_digit())
        .ends_with("jwt");
    ends_name || {
        let last = squeezed(key.rsplit('.').next().unwrap_or(key));
        let behind = last.rsplit_once("jwt").map(|(_, behind)| behind);
        behind.is_some_and(|behind| !PARTS_OF_JWT.iter().any(|part| behind.starts_with(part)))
    }
}

/// Returns whether the last part of a key is `jwt`. Event objects of API Gateway keep the claims of
/// a checked token under it; `userJwt` and `id_jwt` are an owner's names for the token.
fn is_called_jwt(key: &str) -> bool {
    key.rsplit('.')
        .next()
        .is_some_and(|last| last.eq_ignore_ascii_case("jwt"))
}

/// Returns whether a key is a member's of an object with a short name, and may name a credential:
/// `auth.value` does, `auth.userArn` does not.
fn is_in_short_group(key: &str) -> bool {
    key.rsplit_once('.')
        .is_some_and(|(groups, member)| !is_of_caller(member) && names_short_group(groups))
}

/// Returns whether the key of an object, or of one around it, is a short name of a credential.
pub(super) fn names_short_group(key: &str) -> bool {
    key.split('.')
        .any(|name| kind(name) == Some(CredentialKind::Short))
}

/// Returns whether a member of an object with a short name says who the caller is, or what came of
/// the check, and not what the caller proved it with.
pub(super) fn is_of_caller(member: &str) -> bool {
    let name = squeezed(member);
    OF_CALLER.iter().any(|end| name.ends_with(end))
}

/// Letters and digits, in small letters.
pub(super) fn squeezed(key: &str) -> String {
    key.bytes()
        .filter(u8::is_ascii_alphanumeric)
        .map(|byte| char::from(byte.to_ascii_lowercase()))
        .collect()
}

/// Returns whether the last word of a key, or one with only brackets behind it, is a short name of
/// a credential.
fn ends_in_word(key: &str) -> bool {
    let is_word = |word: &str| {
        WORDS
            .iter()
            .any(|short| *short != "code" && word.eq_ignore_ascii_case(short))
    };
    let mut words = key
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty() && !word.bytes().all(|byte| byte.is_ascii_digit()));
    let Some(last) = words.next_back() else {
        return false;
    };
    is_word(last.trim_end_matches(|c: char| c.is_ascii_digit()))
        || is_word(last_of_camels(last))
        || {
            // `p-i-n`: a name that is spelled with separators.
            let whole = squeezed(key);
            whole.len() < 2 * last.len().max(3) && is_word(&whole)
        }
}

/// The last word of a key: `name` of `header_name` and of `headerName`.
pub(super) fn last_word(key: &str) -> &str {
    let word = key.rsplit(['_', '-', '.', ' ']).next().unwrap_or(key);
    last_of_camels(word)
}

/// The last word of `camelCase`.
fn last_of_camels(word: &str) -> &str {
    let start = word.as_bytes().windows(2).rposition(
        |pair| matches!(pair, [a, b] if a.is_ascii_lowercase() && b.is_ascii_uppercase()),
    );
    start
        .and_then(|start| word.get(start + 1..))
        .unwrap_or(word)
}

/// The key after percent-decoding, once and twice.
fn decoded(key: &str) -> Cow<'_, str> {
    if !key.contains('%') {
        return Cow::Borrowed(key);
    }
    let mut text = key.to_owned();
    for _ in 0..2 {
        let mut parts = text.split('%');
        let mut once = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let code = part
                .get(..2)
                .and_then(|digits| u8::from_str_radix(digits, 16).ok())
                .filter(u8::is_ascii);
            match code {
                Some(code) => {
                    once.push(char::from(code));
                    once.push_str(part.part(2..));
                }
                None => {
                    once.push('%');
                    once.push_str(part);
                }
            }
        }
        text = once;
    }
    Cow::Owned(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_credentials() {
        for name in [
            "apiKey",
            "X-API-KEY",
            "api key",
            "api:key",
            "api/key",
            "api+key",
            "user[password]",
            "token[]",
            "pass word",
            "tok en",
            "'token'",
            "password[0]",
            "%74oken",
            "tok%2565n",
            "api%2Dkey",
            "pass",
            "dbPass",
            "DB_PASS",
            "x-auth",
            "auth",
            "sig",
            "x_sig",
            "session",
            "sid",
            "connect.sid",
            "JSESSIONID",
            "PHPSESSID",
            "SAMLResponse",
            "otp",
            "pin",
            "pw",
            "userJwt",
            "authorizer.jwt_raw",
            "jwtString",
            "jwtValue",
            "jwts",
            "X-JWT-Payload",
            "password_tokentype",
            "new_tokens",
            "password.total_tokens",
            "password.secretary",
            "authorizer.token",
            "x-functions-key",
            "function_key",
            "AzureFunctionKey",
            "access_key",
            "client_assertion",
            "creds",
            "sig[0]",
            "sid2",
        ] {
            assert!(is_secret(name), "{name}");
        }
        assert_eq!(kind("code"), Some(CredentialKind::Code));
        assert_eq!(kind("Set-Cookie"), Some(CredentialKind::Header));
        assert_eq!(kind("proxy-authorization"), Some(CredentialKind::Header));
        assert_eq!(kind("access_token"), Some(CredentialKind::Other));
    }

    #[test]
    fn a_mark_in_a_name_is_possible() {
        for mark in MARKS {
            let name = format!("x9{mark}z");
            assert!(possible_marks(&name).any(|other| other == mark), "{mark}");
        }
    }

    #[test]
    fn names_of_other_things() {
        for name in [
            "",
            "apiKeyId",
            "api_key_id",
            "secretary",
            "tokenCount",
            "token_type",
            "claims.token_use",
            "statusCode",
            "status_code",
            "errorCode",
            "error.code",
            "country_code",
            "postal-code",
            "authorizer.principalId",
            "authorizer.status",
            "authorizer.claims.auth_time",
            "sessionIssuer",
            "sessionContext",
            "passed",
            "bypass",
            "compass",
            "design",
            "inside",
            "spin",
            "encode",
            "unicode",
            "author",
            "authenticate.error",
            "cognitoAuthenticationType",
            "identity.userArn",
            "jwt.claims.sub",
            "authorizer.jwt.claims.sub",
            "authorizer.jwt.scopes",
            "jwtSub",
            "jwt_claims_sub",
            "prompt_tokens",
            "completionTokens",
            "usage.input_tokens",
            "output_tokens",
            "total_tokens",
            "max_tokens",
            "secretArn",
            "authorizationLatency",
            "authorizationStatus",
            "authorizeStatus",
            "authorize.latency",
            "secretsmanager",
            "requestId",
            "keyboard",
            "assertions",
            "resident",
        ] {
            assert_eq!(kind(name), None, "{name}");
        }
    }
}
