//! Decides what a key means: a variable, a member of the authorizer's, a secret, or nothing known.

use super::aliases::{ALIASES, EVERYBODYS, Variable, own_name, place};
use super::groups;
use crate::normalizer::mask::{is_secret, is_separator};

/// The meaning of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// A variable of the table.
    Variable(Variable),
    /// A variable of the table, if the value has its form: the key alone could mean something else.
    Likely(Variable),
    /// `$context.authorizer.claims.PROPERTY`, with the index at which the property's name starts.
    Claim(usize),
    /// `$context.authorizer.PROPERTY`, with the index at which the property's name starts.
    AuthorizerContext(usize),
    /// A value that must never be indexed.
    Secret,
    /// A key that nobody knows.
    Unknown,
}

/// Returns the meaning of a key, whose nested parts are joined by dots.
pub(crate) fn meaning(key: &str) -> Meaning {
    if let Some(alias) = place(key).and_then(|place| ALIASES.get(place)) {
        return meaning_of(alias);
    }
    if is_secret(key) {
        return Meaning::Secret;
    }
    let own = own_name(key).unwrap_or(key);
    if let Some(alias) = groups::spelled_otherwise(own).and_then(|place| ALIASES.get(place)) {
        return meaning_of(alias);
    }
    let behind = key.len() - own.len();
    let property = |prefix| property(own, prefix).map(|start| behind + start);
    property("authorizerclaims")
        .map(Meaning::Claim)
        .or_else(|| property("authorizer").map(Meaning::AuthorizerContext))
        .or_else(|| {
            let alias = ALIASES.get(groups::in_a_group(own)?)?;
            Some(meaning_of(alias))
        })
        .unwrap_or(Meaning::Unknown)
}

fn meaning_of((alias, variable): &(&str, Variable)) -> Meaning {
    if AMBIGUOUS.contains(alias) {
        Meaning::Likely(*variable)
    } else {
        Meaning::Variable(*variable)
    }
}

/// Returns the place of a key in the table. Of two keys for one variable, the one with the lower
/// place counts. A key in the table itself counts before one with another spelling.
pub(crate) fn rank(key: &str) -> usize {
    let otherwise = || groups::spelled_otherwise(own_name(key).unwrap_or(key));
    place(key)
        .or_else(|| Some(ALIASES.len() + otherwise()?))
        .unwrap_or(if is_of_context(key) {
            usize::MAX - 1
        } else {
            usize::MAX
        })
}

/// Returns whether a key says that its value is a variable of the context, at any position:
/// `extended.contextErrorMessage`.
pub(crate) fn is_of_context(key: &str) -> bool {
    let last = key.rsplit('.').next().unwrap_or(key);
    last.get(..7)
        .is_some_and(|start| start.eq_ignore_ascii_case("context"))
}

/// Names that mean their variable only if the value has its form. Otherwise they are the owner's
/// own words.
const AMBIGUOUS: [&str; 37] = [
    "address",
    "agent",
    "apiOwner",
    "basePath",
    "bytes",
    "cipher",
    "client",
    "customDomain",
    "date",
    "dateTime",
    "domain",
    "duration",
    "elapsed",
    "elapsedTime",
    "errorType",
    "eventTime",
    "host",
    "hostname",
    "integration",
    "length",
    "principal",
    "remote",
    "remoteHost",
    "route",
    "size",
    "source",
    "startTime",
    "took",
    "trace",
    "typeError",
    "uri",
    "url",
    "requestUrl",
    "requestUri",
    "validation",
    "waf",
    "xray",
];

/// Returns whether a key is so common that it does not make a line an access log's.
pub(crate) fn is_everybodys(key: &str) -> bool {
    place(key)
        .or_else(|| groups::spelled_otherwise(key))
        .and_then(|place| ALIASES.get(place))
        .is_some_and(|(alias, _)| EVERYBODYS.contains(alias))
}

/// Returns the index at which the rest of a key starts after a squeezed prefix and its separator.
fn property(key: &str, prefix: &str) -> Option<usize> {
    let mut expected = prefix.bytes();
    let mut wanted = expected.next();
    for (index, c) in key.char_indices() {
        match wanted {
            _ if is_separator(c) => {}
            Some(byte) if char::from(byte) == c.to_ascii_lowercase() => wanted = expected.next(),
            Some(_) => return None,
            None => return Some(index),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn docs_fields_has_every_alias() {
        let words = |text: &'static str| text.split('`').skip(1).step_by(2);
        let page = include_str!("../../../docs/fields.md");
        let mut documented = std::collections::BTreeSet::new();
        for row in page.lines().filter(|line| line.starts_with("| `")) {
            let cells: Vec<_> = row.split(" | ").collect();
            let variable_of = |name: &str| match meaning(name) {
                Meaning::Variable(variable) | Meaning::Likely(variable) => Some(variable),
                _ => None,
            };
            let is_variable = |cell| words(cell).all(|name| variable_of(name).is_some());
            match cells[..] {
                // A field, and the variables that it comes from.
                [_, _, from, _, _] => documented.extend(words(from).map(str::to_owned)),
                [variable, aliases] if is_variable(variable) => {
                    for alias in words(aliases) {
                        assert_eq!(
                            words(variable).map(variable_of).next(),
                            Some(variable_of(alias)),
                            "{alias}"
                        );
                        documented.insert(alias.to_owned());
                    }
                    documented.extend(words(variable).map(str::to_owned));
                }
                _ => {}
            }
        }
        let documented: Vec<_> = documented.iter().filter_map(|key| place(key)).collect();
        let missing: Vec<_> = (0..ALIASES.len())
            .filter(|place| !documented.contains(place))
            .map(|place| ALIASES[place])
            .collect();
        assert!(missing.is_empty(), "docs/fields.md lacks {missing:?}");
    }

    #[test]
    fn keys_in_every_spelling() {
        use Meaning::{AuthorizerContext, Claim, Secret, Unknown};
        let variable = Meaning::Variable;
        let cases = [
            ("requestId", variable(Variable::RequestId)),
            ("request_id", variable(Variable::RequestId)),
            ("Request-Id", variable(Variable::RequestId)),
            ("identity.sourceIp", variable(Variable::SourceIp)),
            ("identity_sourceIp", variable(Variable::SourceIp)),
            ("source-ip", variable(Variable::SourceIp)),
            ("integration.status", variable(Variable::IntegrationStatus)),
            (
                "integration-integrationStatus",
                variable(Variable::IntegrationServiceStatus),
            ),
            ("apiKeyId", variable(Variable::ApiKeyId)),
            ("api_key", variable(Variable::ApiKey)),
            ("authorizer.claims.sub", Claim(18)),
            ("authorizer.claims.token_use", Claim(18)),
            ("authorizer.tenant", AuthorizerContext(11)),
            ("authorizer_tenant", AuthorizerContext(11)),
            ("authorizerTenant", AuthorizerContext(10)),
            ("auth.token", Secret),
            ("authorizer.token", Secret),
            ("X-API-Key", Secret),
            ("headers.Authorization", Secret),
            ("Set-Cookie", Secret),
            ("$context.requestId", variable(Variable::RequestId)),
            ("context.identity.sourceIP", variable(Variable::SourceIp)),
            ("requestContext.stage", variable(Variable::Stage)),
            ("context.authorizer.claims.sub", Claim(26)),
            ("$context.authorizer.tenant", AuthorizerContext(20)),
            ("context.tenant", Unknown),
            ("context", Unknown),
            ("contextual.status", Unknown),
            ("authorizer", Unknown),
            ("cxId", Unknown),
            ("", Unknown),
            ("schlüssel", Unknown),
            (&"k".repeat(100), Unknown),
            (&format!("{}password", "k".repeat(100)), Secret),
        ];
        for (key, expected) in cases {
            assert_eq!(meaning(key), expected, "{key}");
        }
    }
}
