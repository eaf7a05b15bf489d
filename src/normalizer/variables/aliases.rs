//! The one table of keys: as people write them in their access-log formats, to the `$context` variable they mean.
//!
//! A key is matched by meaning and not by spelling: in any case, without `.`, `_`, `-` and space, nested objects joined
//! first. So `identity.sourceIp`, `identity_source_ip`, `Identity-SourceIP` and `{"identity":{"sourceIp":…}}` are one
//! name. Keys that mean different things to different people are decided here. Of a variable's names that of Elastic's
//! documented formats stands first: it counts where a line has several.
//!
//! Sources: AWS's lists of variables for
//! [REST](https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-variables-for-access-logging.html),
//! [HTTP](https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-logging-variables.html) and
//! [WebSocket](https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-api-logging.html) APIs; keys
//! beyond AWS's own spelling are those found in public infrastructure code.

use crate::normalizer::mask::{is_secret, is_separator};

macro_rules! variables {
    ($($variable:ident: $($alias:literal)|+,)*) => {
        /// A `$context` variable that may appear in an access log.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Variable {
            $(#[doc = concat!("Known as ", $("`", $alias, "` "),+)] $variable,)*
        }

        /// Every alias with its variable, in the order of the table.
        const ALIASES: &[(&str, Variable)] = &[$($(($alias, Variable::$variable),)+)*];

        impl Variable {
            /// How many variables there are.
            pub(crate) const COUNT: usize = [$(Variable::$variable,)*].len();
        }
    };
}

variables! {
    AccountId: "accountId" | "account" | "awsAccountId",
    ApiId: "apiId" | "restApiId" | "httpApiId",
    ApiKey: "identityApiKey" | "apiKey",
    ApiKeyId: "apiKeyId" | "identityApiKeyId",
    AuthenticateError: "authenticateError",
    AuthenticateLatency: "authenticateLatency",
    AuthenticateStatus: "authenticateStatus",
    AuthorizeError: "authorizeError",
    AuthorizeLatency: "authorizeLatency",
    AuthorizeStatus: "authorizeStatus" | "authorizeResultStatus",
    AuthorizerError: "authorizerError" | "authError",
    AuthorizerIntegrationLatency: "authorizerIntegrationLatency",
    AuthorizerIntegrationStatus: "authorizerIntegrationStatus",
    AuthorizerLatency: "authorizerLatency",
    AuthorizerPrincipalId: "authorizerPrincipalId" | "principalId",
    AuthorizerRequestId: "authorizerRequestId",
    AuthorizerStatus: "authorizerStatus" | "authorizerServiceStatus",
    BasePathMatched: "customDomainBasePathMatched" | "basePathMatched",
    Caller: "identityCaller" | "caller",
    CallerAccountId: "identityAccountId" | "userAccountId" | "callerAccountId",
    CipherSuite: "cipherSuite" | "tlsCipherSuite",
    ClientCertIssuer: "clientissuerDN" | "identityClientCertIssuerDN" | "clientCertIssuerDN" | "issuerDN",
    ClientCertNotAfter: "clientnotAfter" | "identityClientCertValidityNotAfter" | "clientCertValidityNotAfter"
        | "clientCertNotAfter" | "validityNotAfter" | "notAfter",
    ClientCertNotBefore: "clientnotBefore" | "identityClientCertValidityNotBefore" | "clientCertValidityNotBefore"
        | "clientCertNotBefore" | "validityNotBefore" | "notBefore",
    ClientCertPem: "clientCertPem" | "identityClientCertClientCertPem" | "clientCertClientCertPem",
    ClientCertSerialNumber: "clientserialNumber" | "identityClientCertSerialNumber" | "clientCertSerialNumber"
        | "serialNumber",
    ClientCertSubject: "clientsubjectDN" | "identityClientCertSubjectDN" | "clientCertSubjectDN" | "subjectDN"
        | "client",
    CognitoAuthenticationProvider: "identityCognitoAuthenticationProvider" | "cognitoAuthenticationProvider",
    CognitoAuthenticationType: "identityCognitoAuthenticationType" | "cognitoAuthenticationType",
    CognitoIdentityId: "identityCognitoIdentityId" | "cognitoIdentityId" | "cognitoUser",
    CognitoIdentityPoolId: "identityCognitoIdentityPoolId" | "cognitoIdentityPoolId",
    ConnectedAt: "connectedAt",
    ConnectionId: "connectionId",
    DataProcessed: "dataProcessed",
    DeploymentId: "deploymentId",
    DomainName: "domainName",
    DomainPrefix: "domainPrefix",
    EndpointType: "endpointType",
    ErrorMessage: "errorMessage" | "error",
    ErrorMessageString: "errorMessageString" | "messageString" | "message",
    ErrorResponseType: "errorResponseType" | "responseType",
    ErrorValidationError: "errorValidationErrorString" | "validationErrorString" | "validationError",
    EventType: "eventType",
    ExtendedRequestId: "extendedRequestId",
    HttpMethod: "httpMethod" | "method",
    IntegrationError: "integrationError" | "integrationErrorMessage",
    IntegrationLatency: "integrationLatency",
    IntegrationRequestId: "integrationRequestId" | "awsEndpointRequestId",
    IntegrationRequestId2: "awsEndpointRequestId2" | "integrationRequestId2",
    IntegrationResponseTransferMode: "integrationResponseTransferMode" | "responseTransferMode",
    IntegrationServiceStatus: "integrationIntegrationStatus" | "integrationServiceStatus",
    IntegrationStatus: "functionResponseStatus" | "integrationStatus",
    IntegrationTimeToAllHeaders: "integrationTimeToAllHeaders" | "timeToAllHeaders",
    IntegrationTimeToFirstContent: "integrationTimeToFirstContent" | "timeToFirstContent",
    IsCanaryRequest: "isCanaryRequest",
    MessageDirection: "messageDirection",
    MessageId: "messageId",
    Path: "path" | "requestPath",
    PrincipalOrgId: "identityPrincipalOrgId" | "principalOrgId",
    Protocol: "protocol" | "requestProtocol",
    RequestId: "requestId" | "id",
    RequestTime: "requestTime" | "time" | "timestamp",
    RequestTimeEpoch: "requestTimeEpoch",
    ResourceId: "resourceId",
    ResourcePath: "resourcePath" | "resource",
    ResponseLatency: "responseLatency" | "latency" | "responseMs",
    ResponseLength: "responseLength",
    RouteKey: "routeKey",
    RoutingRuleIdMatched: "customDomainRoutingRuleIdMatched" | "routingRuleIdMatched",
    SourceIp: "ip" | "identitySourceIp" | "sourceIp" | "sourceIpAddress" | "identitySourceIpAddress",
    Stage: "stage",
    Status: "status" | "statusCode",
    TlsVersion: "tlsVersion",
    User: "user" | "identityUser",
    UserAgent: "userAgent" | "identityUserAgent",
    UserArn: "userArn" | "identityUserArn" | "callerArn",
    VpcId: "identityVpcId" | "vpcId",
    VpceId: "identityVpceId" | "vpceId" | "vpce" | "sourceVpce" | "vpcEndpointId",
    WafError: "wafError",
    WafLatency: "wafLatency",
    WafResponseCode: "wafResponseCode" | "wafResponse",
    WafStatus: "wafStatus",
    WebAclArn: "webaclArn" | "wafWebaclArn",
    XrayTraceId: "xrayTraceId" | "traceId",
}

/// What a key means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// A variable of the table.
    Variable(Variable),
    /// `$context.authorizer.claims.PROPERTY`: where the property's name starts in the key.
    Claim(usize),
    /// `$context.authorizer.PROPERTY`: where the property's name starts in the key.
    AuthorizerContext(usize),
    /// A value that must never be indexed.
    Secret,
    /// Nobody knows.
    Unknown,
}

/// What a key means; nested keys joined by dots.
pub(crate) fn meaning(key: &str) -> Meaning {
    if let Some((_, variable)) = place(key).and_then(|place| ALIASES.get(place)) {
        return Meaning::Variable(*variable);
    }
    if is_secret(key) {
        return Meaning::Secret;
    }
    let own = own_name(key).unwrap_or(key);
    let behind = key.len() - own.len();
    let property = |prefix| property(own, prefix).map(|start| behind + start);
    property("authorizerclaims")
        .map(Meaning::Claim)
        .or_else(|| property("authorizer").map(Meaning::AuthorizerContext))
        .unwrap_or(Meaning::Unknown)
}

/// A key without the name of the object that all variables are in, if that stands before it: `$context.`, or `context` of
/// a format that nests everything in one object.
fn own_name(key: &str) -> Option<&str> {
    let name = key.strip_prefix('$').unwrap_or(key);
    ["context", "requestContext"].iter().find_map(|object| {
        let (start, rest) = name.split_at_checked(object.len())?;
        start
            .eq_ignore_ascii_case(object)
            .then(|| rest.strip_prefix(is_separator))
            .flatten()
    })
}

/// Where a key stands in the table: of two keys for one variable, the first there counts.
pub(crate) fn rank(key: &str) -> usize {
    place(key).unwrap_or(usize::MAX)
}

/// Names that stand in the logs of all sorts of programs.
pub(crate) const EVERYBODYS: [&str; 8] = [
    "account",
    "client",
    "error",
    "id",
    "message",
    "resource",
    "time",
    "timestamp",
];

/// Whether a key is of that kind, so that it does not make a line an access log's.
pub(crate) fn is_everybodys(key: &str) -> bool {
    place(key)
        .and_then(|place| ALIASES.get(place))
        .is_some_and(|(alias, _)| EVERYBODYS.contains(alias))
}

/// Whether a word is the start of a name in the table, but of one letter, and none itself.
pub(crate) fn starts_name(word: &str) -> bool {
    let starts = |(alias, _): &(&str, Variable)| {
        alias
            .get(..word.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(word))
            && word.len() < alias.len()
    };
    word.len() > 1 && ALIASES.iter().any(starts)
}

const LONGEST_NAME: usize = 48;

/// Where a key stands in the table, in whatever spelling.
fn place(key: &str) -> Option<usize> {
    lookup(key.as_bytes()).or_else(|| {
        let mut buffer = [0; LONGEST_NAME];
        let own = own_name(key);
        own.and_then(|own| lookup(own.as_bytes()))
            .or_else(|| lookup(squeeze(own.unwrap_or(key), &mut buffer)?))
    })
}

/// The key without separators, if there are any, unless it is too long to stand in the table.
fn squeeze<'b>(key: &str, buffer: &'b mut [u8; LONGEST_NAME]) -> Option<&'b [u8]> {
    let mut length = 0;
    for byte in key.bytes().filter(|byte| !is_separator(char::from(*byte))) {
        *buffer.get_mut(length)? = byte;
        length += 1;
    }
    buffer.get(..length).filter(|name| name.len() < key.len())
}

fn lookup(name: &[u8]) -> Option<usize> {
    let start = slot(name);
    (start..start + SLOTS)
        .map_while(|slot| PLACES.get(slot % SLOTS).filter(|place| **place != NONE))
        .map(|place| usize::from(*place))
        .find(|place| {
            ALIASES
                .get(*place)
                .is_some_and(|(alias, _)| is_same(alias.as_bytes(), name))
        })
}

fn is_same(alias: &[u8], name: &[u8]) -> bool {
    // As a whole, eight times as fast: the plain spelling of AWS is the usual one.
    alias == name || alias.eq_ignore_ascii_case(name)
}

const SLOTS: usize = 1_024;
const NONE: u16 = u16::MAX;

/// A hash table of places in [`ALIASES`], made by the compiler: each at its name's slot or, where that is taken, at the
/// next free one.
#[expect(
    clippy::indexing_slicing,
    reason = "the compiler works it out, and would say so"
)]
const PLACES: [u16; SLOTS] = {
    let mut places = [NONE; SLOTS];
    let mut alias = 0;
    while alias < ALIASES.len() {
        let mut slot = slot(ALIASES[alias].0.as_bytes());
        while places[slot] != NONE {
            slot = (slot + 1) % SLOTS;
        }
        places[slot] = alias as u16;
        alias += 1;
    }
    places
};

/// The slot of a name, the same for small letters and capitals. Eight bytes at a time, the last of them twice: every key
/// of every line is looked up.
const fn slot(name: &[u8]) -> usize {
    let (mut hash, mut rest) = (name.len() as u64, name);
    while let Some((word, others)) = rest.split_first_chunk::<8>() {
        hash = mix(hash, u64::from_le_bytes(*word));
        rest = others;
    }
    let last = match name.last_chunk::<8>() {
        Some(word) => u64::from_le_bytes(*word),
        None => short_word(name),
    };
    (mix(hash, last) >> 32) as usize % SLOTS
}

/// Fewer than eight bytes, as a number.
const fn short_word(name: &[u8]) -> u64 {
    let (mut word, mut rest) = (0, name);
    while let Some((byte, others)) = rest.split_first() {
        word = word << 8 | *byte as u64;
        rest = others;
    }
    word
}

const fn mix(hash: u64, word: u64) -> u64 {
    /// What tells a capital from its small letter.
    const CASE: u64 = 0x2020_2020_2020_2020;
    (hash ^ (word | CASE))
        .wrapping_mul(0x9e37_79b9_7f4a_7c15)
        .rotate_left(29)
}

/// Where the rest of a key starts after a squeezed prefix and its separator.
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
    fn an_alias_stands_once_and_fits() {
        let mut names: Vec<_> = ALIASES.iter().map(|(alias, _)| *alias).collect();
        assert!(
            names.iter().all(|name| name.len() <= LONGEST_NAME
                && name.bytes().all(|b| b.is_ascii_alphanumeric()))
        );
        names.sort_unstable_by_key(|name| name.to_ascii_lowercase());
        names
            .windows(2)
            .for_each(|pair| assert!(!pair[0].eq_ignore_ascii_case(pair[1]), "{pair:?}"));
    }

    #[test]
    fn docs_fields_has_every_alias() {
        let words = |text: &'static str| text.split('`').skip(1).step_by(2);
        let page = include_str!("../../../docs/fields.md");
        let mut documented = std::collections::BTreeSet::new();
        for row in page.lines().filter(|line| line.starts_with("| `")) {
            let cells: Vec<_> = row.split(" | ").collect();
            let is_variable =
                |cell| words(cell).all(|name| matches!(meaning(name), Meaning::Variable(_)));
            match cells[..] {
                // A field, and the variables that it comes from.
                [_, _, from, _, _] => documented.extend(words(from).map(str::to_owned)),
                [variable, aliases] if is_variable(variable) => {
                    for alias in words(aliases) {
                        assert_eq!(
                            words(variable).map(meaning).next(),
                            Some(meaning(alias)),
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
