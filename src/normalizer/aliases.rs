//! The one table of keys: as people write them in their access-log formats, to the `$context` variable they mean.
//!
//! A key is matched by meaning and not by spelling: lower-case, without `.`, `_`, `-` and space, nested objects joined
//! first. So `identity.sourceIp`, `identity_source_ip`, `Identity-SourceIP` and `{"identity":{"sourceIp":…}}` are one
//! name. Keys that mean different things to different people are decided here. Of a variable's names that of Elastic's
//! documented formats stands first: it counts where a line has several.
//!
//! Sources: AWS's lists of variables for
//! [REST](https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-variables-for-access-logging.html),
//! [HTTP](https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-logging-variables.html) and
//! [WebSocket](https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-api-logging.html) APIs; keys
//! beyond AWS's own spelling are those found in public infrastructure code.

macro_rules! variables {
    ($($variable:ident: $($alias:literal)|+,)*) => {
        /// A `$context` variable that may appear in an access log.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Variable {
            $(#[doc = concat!("Known as ", $("`", $alias, "` "),+)] $variable,)*
        }

        /// Every alias with its variable, in the order of the table.
        const ALIASES: &[(&str, Variable)] = &[$($(($alias, Variable::$variable),)+)*];

        impl Variable {
            /// How many variables there are.
            pub(super) const COUNT: usize = [$(Variable::$variable,)*].len();
        }
    };
}

variables! {
    AccountId: "accountid" | "account" | "awsaccountid",
    ApiId: "apiid" | "restapiid" | "httpapiid",
    ApiKey: "identityapikey" | "apikey",
    ApiKeyId: "apikeyid" | "identityapikeyid",
    AuthenticateError: "authenticateerror",
    AuthenticateLatency: "authenticatelatency",
    AuthenticateStatus: "authenticatestatus",
    AuthorizeError: "authorizeerror",
    AuthorizeLatency: "authorizelatency",
    AuthorizeStatus: "authorizestatus" | "authorizeresultstatus",
    AuthorizerError: "authorizererror" | "autherror",
    AuthorizerIntegrationLatency: "authorizerintegrationlatency",
    AuthorizerIntegrationStatus: "authorizerintegrationstatus",
    AuthorizerLatency: "authorizerlatency",
    AuthorizerPrincipalId: "authorizerprincipalid" | "principalid",
    AuthorizerRequestId: "authorizerrequestid",
    AuthorizerStatus: "authorizerstatus" | "authorizerservicestatus",
    BasePathMatched: "customdomainbasepathmatched" | "basepathmatched",
    Caller: "identitycaller" | "caller",
    CallerAccountId: "identityaccountid" | "useraccountid" | "calleraccountid",
    CipherSuite: "ciphersuite" | "tlsciphersuite",
    ClientCertIssuer: "clientissuerdn" | "identityclientcertissuerdn" | "clientcertissuerdn" | "issuerdn",
    ClientCertNotAfter: "clientnotafter" | "identityclientcertvaliditynotafter" | "clientcertvaliditynotafter"
        | "clientcertnotafter" | "validitynotafter" | "notafter",
    ClientCertNotBefore: "clientnotbefore" | "identityclientcertvaliditynotbefore" | "clientcertvaliditynotbefore"
        | "clientcertnotbefore" | "validitynotbefore" | "notbefore",
    ClientCertPem: "clientcertpem" | "identityclientcertclientcertpem" | "clientcertclientcertpem",
    ClientCertSerialNumber: "clientserialnumber" | "identityclientcertserialnumber" | "clientcertserialnumber"
        | "serialnumber",
    ClientCertSubject: "clientsubjectdn" | "identityclientcertsubjectdn" | "clientcertsubjectdn" | "subjectdn"
        | "client",
    CognitoAuthenticationProvider: "identitycognitoauthenticationprovider" | "cognitoauthenticationprovider",
    CognitoAuthenticationType: "identitycognitoauthenticationtype" | "cognitoauthenticationtype",
    CognitoIdentityId: "identitycognitoidentityid" | "cognitoidentityid" | "cognitouser",
    CognitoIdentityPoolId: "identitycognitoidentitypoolid" | "cognitoidentitypoolid",
    ConnectedAt: "connectedat",
    ConnectionId: "connectionid",
    DataProcessed: "dataprocessed",
    DeploymentId: "deploymentid",
    DomainName: "domainname",
    DomainPrefix: "domainprefix",
    EndpointType: "endpointtype",
    ErrorMessage: "errormessage" | "error",
    ErrorMessageString: "errormessagestring" | "messagestring" | "message",
    ErrorResponseType: "errorresponsetype",
    ErrorValidationError: "errorvalidationerrorstring" | "validationerrorstring" | "validationerror",
    EventType: "eventtype",
    ExtendedRequestId: "extendedrequestid",
    HttpMethod: "httpmethod" | "method",
    IntegrationError: "integrationerror" | "integrationerrormessage",
    IntegrationLatency: "integrationlatency",
    IntegrationRequestId: "integrationrequestid" | "awsendpointrequestid",
    IntegrationRequestId2: "awsendpointrequestid2" | "integrationrequestid2",
    IntegrationResponseTransferMode: "integrationresponsetransfermode" | "responsetransfermode",
    IntegrationServiceStatus: "integrationintegrationstatus" | "integrationservicestatus",
    IntegrationStatus: "functionresponsestatus" | "integrationstatus",
    IntegrationTimeToAllHeaders: "integrationtimetoallheaders" | "timetoallheaders",
    IntegrationTimeToFirstContent: "integrationtimetofirstcontent" | "timetofirstcontent",
    IsCanaryRequest: "iscanaryrequest",
    MessageDirection: "messagedirection",
    MessageId: "messageid",
    Path: "path" | "requestpath",
    PrincipalOrgId: "identityprincipalorgid" | "principalorgid",
    Protocol: "protocol" | "requestprotocol",
    RequestId: "requestid" | "id",
    RequestTime: "requesttime" | "time" | "timestamp",
    RequestTimeEpoch: "requesttimeepoch",
    ResourceId: "resourceid",
    ResourcePath: "resourcepath" | "resource",
    ResponseLatency: "responselatency" | "latency" | "responsems",
    ResponseLength: "responselength",
    RouteKey: "routekey",
    RoutingRuleIdMatched: "customdomainroutingruleidmatched" | "routingruleidmatched",
    SourceIp: "ip" | "identitysourceip" | "sourceip" | "sourceipaddress" | "identitysourceipaddress",
    Stage: "stage",
    Status: "status" | "statuscode",
    TlsVersion: "tlsversion",
    User: "user" | "identityuser",
    UserAgent: "useragent" | "identityuseragent",
    UserArn: "userarn" | "identityuserarn" | "callerarn",
    VpcId: "identityvpcid" | "vpcid",
    VpceId: "identityvpceid" | "vpceid" | "vpce" | "sourcevpce" | "vpcendpointid",
    WafError: "waferror",
    WafLatency: "waflatency",
    WafResponseCode: "wafresponsecode" | "wafresponse",
    WafStatus: "wafstatus",
    WebAclArn: "webaclarn" | "wafwebaclarn",
    XrayTraceId: "xraytraceid" | "traceid",
}

/// What a key means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
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
pub(super) fn meaning(key: &str) -> Meaning {
    let mut buffer = [0; LONGEST_NAME];
    let Some(name) = squeeze(key, &mut buffer) else {
        return if is_secret(key) { Meaning::Secret } else { Meaning::Unknown };
    };
    if let Some((_, variable)) = lookup(name).and_then(|place| ALIASES.get(place)) {
        return Meaning::Variable(*variable);
    }
    if is_secret(key) {
        return Meaning::Secret;
    }
    property(key, "authorizerclaims")
        .map(Meaning::Claim)
        .or_else(|| property(key, "authorizer").map(Meaning::AuthorizerContext))
        .unwrap_or(Meaning::Unknown)
}

/// Where a key stands in the table: of two keys for one variable, the first there counts.
pub(super) fn rank(key: &str) -> usize {
    let mut buffer = [0; LONGEST_NAME];
    squeeze(key, &mut buffer).and_then(lookup).unwrap_or(usize::MAX)
}

/// Whether a key stands in the logs of all sorts of programs, so that it does not make a line an access log's.
pub(super) fn is_everybodys(key: &str) -> bool {
    const NAMES: [&str; 8] = ["account", "client", "error", "id", "message", "resource", "time", "timestamp"];
    let mut buffer = [0; LONGEST_NAME];
    squeeze(key, &mut buffer).is_some_and(|name| NAMES.iter().any(|everybodys| everybodys.as_bytes() == name))
}

/// Whether a key names something that must never be indexed: credentials under any spelling.
pub(super) fn is_secret(key: &str) -> bool {
    const MARKS: [&str; 14] = [
        "authorization",
        "cookie",
        "credential",
        "password",
        "secret",
        "token",
        "apikey",
        "authheader",
        "basicauth",
        "bearer",
        "passphrase",
        "passwd",
        "privatekey",
        "signature",
    ];
    const HARMLESS: [&str; 5] = ["apikeyid", "secretary", "tokencount", "tokentype", "tokenuse"];
    let name: String = key.chars().filter(|&c| !is_separator(c)).map(|c| c.to_ascii_lowercase()).collect();
    (name.ends_with("jwt") || MARKS.iter().any(|mark| name.contains(mark)))
        && !HARMLESS.iter().any(|harmless| name.ends_with(harmless))
}

const LONGEST_NAME: usize = 48;

fn is_separator(c: char) -> bool {
    matches!(c, '.' | '_' | '-' | ' ')
}

/// The key as the table spells it, unless it is too long to stand in there.
fn squeeze<'b>(key: &str, buffer: &'b mut [u8; LONGEST_NAME]) -> Option<&'b [u8]> {
    let is_separator = |byte: &u8| is_separator(char::from(*byte));
    if key.len() <= LONGEST_NAME && !key.bytes().any(|byte| is_separator(&byte)) {
        let name = buffer.get_mut(..key.len())?;
        name.copy_from_slice(key.as_bytes());
        name.make_ascii_lowercase();
        return Some(name);
    }
    let mut length = 0;
    for byte in key.bytes().filter(|byte| !is_separator(byte)) {
        *buffer.get_mut(length)? = byte.to_ascii_lowercase();
        length += 1;
    }
    buffer.get(..length)
}

/// Places of aliases in their table, by the hash of their names: each at its own place or, where that is taken, at the
/// next free one. Made by the compiler.
#[expect(clippy::indexing_slicing, reason = "the compiler works it out, and would say so")]
const PLACES: [u16; SLOTS] = {
    let mut places = [NONE; SLOTS];
    let mut alias = 0;
    while alias < ALIASES.len() {
        let mut slot = hash(ALIASES[alias].0.as_bytes());
        while places[slot] != NONE {
            slot = (slot + 1) % SLOTS;
        }
        places[slot] = alias as u16;
        alias += 1;
    }
    places
};

const SLOTS: usize = 1_024;
const NONE: u16 = u16::MAX;

/// Eight bytes at a time: names are looked up for every value of every line.
const fn hash(name: &[u8]) -> usize {
    let (mut hash, mut rest) = (name.len() as u64, name);
    while let Some((word, others)) = rest.split_first_chunk::<8>() {
        hash = mix(hash ^ u64::from_le_bytes(*word));
        rest = others;
    }
    let mut last = 0;
    while let Some((byte, others)) = rest.split_first() {
        last = last << 8 | *byte as u64;
        rest = others;
    }
    (mix(hash ^ last) >> 32) as usize % SLOTS
}

const fn mix(word: u64) -> u64 {
    word.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29)
}

fn lookup(name: &[u8]) -> Option<usize> {
    let start = hash(name);
    (start..start + SLOTS)
        .map_while(|slot| PLACES.get(slot % SLOTS).filter(|place| **place != NONE))
        .map(|place| usize::from(*place))
        .find(|place| ALIASES.get(*place).is_some_and(|(alias, _)| alias.as_bytes() == name))
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
        assert!(names.iter().all(|name| name.len() <= LONGEST_NAME && name.bytes().all(|b| b.is_ascii_alphanumeric())));
        names.sort_unstable();
        names.windows(2).for_each(|pair| assert_ne!(pair[0], pair[1]));
    }

    #[test]
    fn docs_fields_has_every_alias() {
        let words = |text: &'static str| text.split('`').skip(1).step_by(2);
        let page = include_str!("../../docs/fields.md");
        let mut documented = std::collections::BTreeSet::new();
        for row in page.lines().filter(|line| line.starts_with("| `")) {
            let cells: Vec<_> = row.split(" | ").collect();
            let is_variable = |cell| words(cell).all(|name| matches!(meaning(name), Meaning::Variable(_)));
            match cells[..] {
                // A field, and the variables that it comes from.
                [_, _, from, _, _] => documented.extend(words(from).map(str::to_owned)),
                [variable, aliases] if is_variable(variable) => {
                    for alias in words(aliases) {
                        assert_eq!(words(variable).map(meaning).next(), Some(meaning(alias)), "{alias}");
                        documented.insert(alias.to_owned());
                    }
                    documented.extend(words(variable).map(str::to_owned));
                }
                _ => {}
            }
        }
        let mut buffer = [0; LONGEST_NAME];
        let documented: Vec<_> =
            documented.iter().filter_map(|key| squeeze(key, &mut buffer).map(<[u8]>::to_owned)).collect();
        let missing: Vec<_> =
            ALIASES.iter().filter(|(alias, _)| !documented.iter().any(|key| key == alias.as_bytes())).collect();
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
            ("integration-integrationStatus", variable(Variable::IntegrationServiceStatus)),
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
