//! The one table of keys: it maps the names in people's access-log formats to the `$context`
//! variables that they mean.
//!
//! A key matches in any spelling: case, `.`, `_`, `-` and blanks do not count, and nested objects
//! are joined first. So `identity.sourceIp`, `identity_source_ip`, `Identity-SourceIP` and
//! `{"identity":{"sourceIp":…}}` are one name. [`super::groups`] finds a name behind the name of a
//! group and before a unit. If several keys name one variable, the first of them in the table that
//! has a value wins. The name of Elastic's documented formats therefore stands first.
//!
//! Sources: AWS's lists of variables for
//! [REST](https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-variables-for-access-logging.html),
//! [HTTP](https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-logging-variables.html)
//! and
//! [WebSocket](https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-api-logging.html)
//! APIs; keys beyond AWS's own spelling are those found in public infrastructure code.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::groups;
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
            /// The number of variables.
            pub(crate) const COUNT: usize = Self::ALL.len();

            const ALL: &[Self] = &[$(Variable::$variable,)*];

            /// Returns the variable with a number.
            pub(crate) fn at(number: usize) -> Option<Self> {
                Self::ALL.get(number).copied()
            }
        }
    };
}

variables! {
    AccountId: "accountId" | "account" | "awsAccountId" | "awsAccount" | "ownerAccountId"
        | "ownerAccount" | "apiAccountId" | "apiOwnerAccountId" | "apiOwner",
    ApiId: "apiId" | "restApiId" | "httpApiId" | "websocketApiId" | "gatewayId" | "apiGatewayId"
        | "apigwId" | "gwId" | "apiIdentifier",
    ApiKey: "identityApiKey" | "apiKey",
    ApiKeyId: "apiKeyId" | "identityApiKeyId",
    AuthenticateError: "authenticateError",
    AuthenticateLatency: "authenticateLatency",
    AuthenticateStatus: "authenticateStatus",
    AuthorizeError: "authorizeError",
    AuthorizeLatency: "authorizeLatency",
    AuthorizeStatus: "authorizeStatus" | "authorizeResultStatus",
    AuthorizerError: "authorizerError" | "authError" | "authorizerErrorMessage",
    AuthorizerIntegrationLatency: "authorizerIntegrationLatency",
    AuthorizerIntegrationStatus: "authorizerIntegrationStatus",
    AuthorizerLatency: "authorizerLatency" | "latencyAuthorizer" | "authorizerDuration",
    AuthorizerPrincipalId: "authorizerPrincipalId" | "principalId" | "authorizerPrincipal"
        | "principal" | "authorizerPrincipleId" | "principleId",
    AuthorizerRequestId: "authorizerRequestId",
    AuthorizerStatus: "authorizerStatus" | "authorizerServiceStatus" | "authorizerStatusCode",
    BasePathMatched: "customDomainBasePathMatched" | "basePathMatched" | "basePath"
        | "customDomainBasePath" | "customDomianBasePathMatched",
    Caller: "identityCaller" | "caller" | "callerPrincipal" | "callerId" | "identityPrincipal"
        | "awsPrincipal" | "callerPrincipalId" | "identityCallerId",
    CallerAccountId: "identityAccountId" | "userAccountId" | "callerAccountId" | "identityAccount"
        | "callerAccount" | "requestAccountId" | "requesterAccountId" | "clientAccountId"
        | "callerAwsAccountId" | "userAccount",
    CipherSuite: "cipherSuite" | "tlsCipherSuite" | "tlsCipher" | "sslCipher" | "cipher",
    ClientCertIssuer: "clientissuerDN" | "identityClientCertIssuerDN" | "clientCertIssuerDN"
        | "issuerDN" | "clientCertIssuer" | "identityClientCertIssuer" | "certIssuer"
        | "certIssuerDN" | "certificateIssuer" | "mtlsIssuer",
    ClientCertNotAfter: "clientnotAfter" | "identityClientCertValidityNotAfter"
        | "clientCertValidityNotAfter" | "clientCertNotAfter" | "validityNotAfter" | "notAfter"
        | "certNotAfter" | "certValidityNotAfter" | "certificateNotAfter" | "identityClientCertNotAfter",
    ClientCertNotBefore: "clientnotBefore" | "identityClientCertValidityNotBefore"
        | "clientCertValidityNotBefore" | "clientCertNotBefore" | "validityNotBefore" | "notBefore"
        | "certNotBefore" | "certValidityNotBefore" | "certificateNotBefore"
        | "identityClientCertNotBefore",
    ClientCertPem: "clientCertPem" | "identityClientCertClientCertPem" | "clientCertClientCertPem"
        | "certPem" | "identityClientCertPem" | "certificatePem",
    ClientCertSerialNumber: "clientserialNumber" | "identityClientCertSerialNumber"
        | "clientCertSerialNumber" | "serialNumber" | "clientCertSerial"
        | "identityClientCertSerial" | "certSerial" | "certSerialNumber" | "certificateSerial"
        | "certificateSerialNumber" | "mtlsSerial",
    ClientCertSubject: "clientsubjectDN" | "identityClientCertSubjectDN" | "clientCertSubjectDN"
        | "subjectDN" | "client" | "clientCertSubject" | "identityClientCertSubject"
        | "certSubject" | "certSubjectDN" | "certificateSubject" | "mtlsSubject",
    CognitoAuthenticationProvider: "identityCognitoAuthenticationProvider"
        | "cognitoAuthenticationProvider" | "cognitoAuthProvider" | "cognitoProvider",
    CognitoAuthenticationType: "identityCognitoAuthenticationType" | "cognitoAuthenticationType"
        | "cognitoAuthType",
    CognitoIdentityId: "identityCognitoIdentityId" | "cognitoIdentityId" | "cognitoUser"
        | "cognitoId" | "cognitoIdentity",
    CognitoIdentityPoolId: "identityCognitoIdentityPoolId" | "cognitoIdentityPoolId"
        | "cognitoPoolId" | "cognitoIdentityPool" | "cognitoPool",
    ConnectedAt: "connectedAt" | "connectionTime" | "connectedTime",
    ConnectionId: "connectionId" | "connId",
    DataProcessed: "dataProcessed" | "bytesProcessed" | "processedBytes",
    DeploymentId: "deploymentId",
    DomainName: "domainName" | "domain" | "host" | "hostname" | "customDomainName"
        | "customDomain",
    DomainPrefix: "domainPrefix" | "subdomain",
    EndpointType: "endpointType",
    ErrorMessage: "errorMessage" | "error" | "errorText" | "errorDescription" | "errorDetail"
        | "errorDetails" | "errorReason" | "messageError",
    ErrorMessageString: "errorMessageString" | "messageString" | "message" | "errorString"
        | "errorMessageQuoted",
    ErrorResponseType: "errorResponseType" | "responseType" | "errorType"
        | "gatewayResponseType" | "responseErrorType" | "typeError",
    ErrorValidationError: "errorValidationErrorString" | "validationErrorString" | "validationError"
        | "validationErrorMessage" | "validationMessage" | "errorValidation" | "validation"
        | "errorValidationMessage" | "errorValidationError" | "errorValidationString",
    EventType: "eventType",
    ExtendedRequestId: "extendedRequestId" | "extendedId" | "requestIdExtended"
        | "requestExtendedId" | "extRequestId" | "extendedRequest" | "requestExtended"
        | "xAmzApigwId",
    HttpMethod: "httpMethod" | "method" | "verb" | "httpVerb" | "requestMethod"
        | "requestHttpMethod",
    IntegrationError: "integrationError" | "integrationErrorMessage" | "integration"
        | "integrationMessage" | "integrationErrorText" | "integrationErrorString"
        | "errorIntegration" | "functionError",
    IntegrationLatency: "integrationLatency" | "integrationMs" | "integrationTime"
        | "integrationDuration" | "integrationResponseTime" | "integrationResponseLatency"
        | "latencyIntegration" | "durationIntegration",
    IntegrationRequestId: "integrationRequestId" | "awsEndpointRequestId" | "awsRequestId"
        | "endpointRequestId" | "integrationAwsRequestId",
    IntegrationRequestId2: "awsEndpointRequestId2" | "integrationRequestId2",
    IntegrationResponseTransferMode: "integrationResponseTransferMode" | "responseTransferMode",
    IntegrationServiceStatus: "integrationIntegrationStatus" | "integrationServiceStatus"
        | "integrationInvokeStatus" | "integrationInvocationStatus",
    IntegrationStatus: "functionResponseStatus" | "integrationStatus" | "integrationStatusCode"
        | "integrationResponseStatus" | "integrationResponseStatusCode" | "statusIntegration"
        | "integrationResponseCode" | "integrationHttpStatus" | "integrationCode",
    IntegrationTimeToAllHeaders: "integrationTimeToAllHeaders" | "timeToAllHeaders",
    IntegrationTimeToFirstContent: "integrationTimeToFirstContent" | "timeToFirstContent",
    IsCanaryRequest: "isCanaryRequest" | "isCanary" | "canaryRequest",
    MessageDirection: "messageDirection",
    MessageId: "messageId",
    Path: "path" | "requestPath" | "fullPath" | "urlPath" | "uriPath" | "requestUri" | "uri"
        | "requestUrl" | "url" | "requestFullPath",
    PrincipalOrgId: "identityPrincipalOrgId" | "principalOrgId" | "principalOrg"
        | "awsPrincipalOrg" | "awsPrincipalOrgId" | "identityPrincipalOrg" | "callerOrgId"
        | "identityOrgId" | "awsOrgId",
    Protocol: "protocol" | "requestProtocol" | "httpVersion" | "protocolVersion" | "httpProtocol",
    RequestId: "requestId" | "id" | "requestIdentifier" | "apiRequestId" | "requestUuid",
    RequestTime: "requestTime" | "time" | "timestamp" | "date" | "dateTime" | "requestDate"
        | "requestDateTime" | "requestTimestamp" | "requestedAt" | "receivedAt" | "startTime"
        | "requestStartTime" | "eventTime" | "logTime" | "accessTime",
    RequestTimeEpoch: "requestTimeEpoch" | "timeEpoch" | "epoch" | "epochTime" | "requestEpoch"
        | "timestampEpoch" | "epochTimestamp" | "unixTime" | "unixTimestamp" | "requestTimeUnix"
        | "requestTimestampEpoch" | "requestEpochTime" | "timeUnix",
    ResourceId: "resourceId",
    ResourcePath: "resourcePath" | "resource" | "pathTemplate" | "resourceTemplate" | "routePath"
        | "pathPattern" | "resourcePathTemplate" | "requestResourcePath",
    ResponseLatency: "responseLatency" | "latency" | "responseMs" | "responseTime" | "duration"
        | "totalLatency" | "latencyTotal" | "latencyResponse" | "totalTime" | "totalDuration"
        | "responseDuration" | "requestDuration" | "requestLatency" | "elapsed" | "elapsedTime"
        | "processingTime" | "overallLatency" | "timeTaken" | "took" | "durationTotal"
        | "requestProcessingTime" | "latencyOverall" | "latencyGateway" | "e2eLatency",
    ResponseLength: "responseLength" | "length" | "responseSize" | "responseBytes" | "bytes"
        | "bytesSent" | "contentLength" | "responseContentLength" | "size" | "bodyBytesSent"
        | "responseBodySize" | "responseBodyLength" | "responseBodyBytes" | "bytesOut"
        | "responseLengthBytes",
    RouteKey: "routeKey" | "route",
    RoutingRuleIdMatched: "customDomainRoutingRuleIdMatched" | "routingRuleIdMatched"
        | "routingRuleId",
    SourceIp: "ip" | "identitySourceIp" | "sourceIp" | "sourceIpAddress"
        | "identitySourceIpAddress" | "clientIp" | "identityIp" | "ipAddress" | "remoteIp"
        | "remoteAddress" | "clientIpAddress" | "sourceAddress" | "identityAddress"
        | "identityIpAddress" | "requestIp" | "requesterIp" | "callerIp" | "userIp" | "srcIp"
        | "source" | "remoteHost" | "remote" | "address" | "clientAddress" | "userIpAddress"
        | "requestSourceIp",
    Stage: "stage" | "stageName" | "apiStage" | "deploymentStage",
    Status: "status" | "statusCode" | "httpStatus" | "httpStatusCode" | "responseStatus"
        | "responseStatusCode" | "responseCode" | "httpCode" | "httpResponseCode"
        | "httpResponseStatus" | "returnCode" | "httpResponseStatusCode",
    TlsVersion: "tlsVersion" | "tlsProtocol" | "sslProtocol" | "sslVersion",
    User: "user" | "identityUser",
    UserAgent: "userAgent" | "identityUserAgent" | "httpUserAgent" | "agent" | "identityAgent"
        | "clientAgent" | "requestUserAgent" | "clientUserAgent",
    UserArn: "userArn" | "identityUserArn" | "callerArn" | "identityArn" | "principalArn"
        | "identityCallerArn" | "callerUserArn" | "iamArn",
    VpcId: "identityVpcId" | "vpcId",
    VpceId: "identityVpceId" | "vpceId" | "vpce" | "sourceVpce" | "vpcEndpointId" | "vpcEndpoint",
    WafError: "wafError" | "wafErrorMessage",
    WafLatency: "wafLatency" | "latencyWaf",
    WafResponseCode: "wafResponseCode" | "wafResponse" | "wafAction" | "wafDecision" | "wafCode"
        | "wafResult" | "waf",
    WafStatus: "wafStatus" | "wafStatusCode",
    WebAclArn: "webaclArn" | "wafWebaclArn" | "wafAclId" | "wafAclArn" | "webAclId" | "wafArn"
        | "wafWebAcl" | "webAcl" | "wafAcl" | "wafWebAclId",
    XrayTraceId: "xrayTraceId" | "traceId" | "xray" | "xrayId" | "xrayTrace" | "awsTraceId"
        | "amznTraceId" | "xAmznTraceId" | "trace" | "traceHeader" | "tracingId"
        | "awsXrayTraceId",
}

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

/// Returns a key without the name of the object that holds all variables: `$context.`, or `context`
/// of a format that nests everything in one object.
pub(super) fn own_name(key: &str) -> Option<&str> {
    let name = key.strip_prefix('$').unwrap_or(key);
    ["context", "requestContext"].iter().find_map(|object| {
        let (start, rest) = name.split_at_checked(object.len())?;
        start
            .eq_ignore_ascii_case(object)
            .then(|| rest.strip_prefix(is_separator))
            .flatten()
    })
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

/// Names that occur in the logs of all kinds of programs.
pub(crate) const EVERYBODYS: [&str; 33] = [
    "account",
    "address",
    "agent",
    "bytes",
    "client",
    "date",
    "dateTime",
    "domain",
    "duration",
    "elapsed",
    "epoch",
    "error",
    "errorType",
    "eventTime",
    "host",
    "hostname",
    "id",
    "integration",
    "length",
    "message",
    "principal",
    "resource",
    "size",
    "source",
    "startTime",
    "time",
    "timestamp",
    "took",
    "trace",
    "unixTime",
    "uri",
    "url",
    "validation",
];

/// Names that mean their variable only if the value has its form. Otherwise they are the owner's
/// own words.
const AMBIGUOUS: [&str; 34] = [
    "address",
    "agent",
    "apiOwner",
    "basePath",
    "bytes",
    "cipher",
    "customDomain",
    "date",
    "dateTime",
    "domain",
    "duration",
    "elapsed",
    "elapsedTime",
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

/// For each variable, by its number: true if none of its names is in `EVERYBODYS`.
pub(super) static HAS_OWN_NAMES: LazyLock<[bool; Variable::COUNT]> = LazyLock::new(|| {
    let mut own = [true; Variable::COUNT];
    for (alias, variable) in ALIASES {
        if EVERYBODYS.contains(alias)
            && let Some(own) = own.get_mut(*variable as usize)
        {
            *own = false;
        }
    }
    own
});

/// Returns whether `word` (two letters or more) is a proper prefix of an alias.
pub(crate) fn starts_name(word: &str) -> bool {
    let starts = |(alias, _): &(&str, Variable)| {
        alias
            .get(..word.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(word))
            && word.len() < alias.len()
    };
    word.len() > 1 && ALIASES.iter().any(starts)
}

/// Upper bound on the length of an alias.
pub(super) const LONGEST_NAME: usize = 48;

/// Returns the place of a key in the table, in any spelling.
fn place(key: &str) -> Option<usize> {
    // A format made for Elasticsearch may have the time under `@timestamp`.
    lookup([key.strip_prefix('@').unwrap_or(key)]).or_else(|| lookup([own_name(key)?]))
}

/// Returns the alias and the variable at a place in the table.
pub(super) fn entry(place: usize) -> Option<(&'static str, Variable)> {
    ALIASES.get(place).copied()
}

/// Returns the first alias of a variable, which begins with the name of the variable's group.
pub(super) fn first_alias(variable: Variable) -> &'static str {
    ALIASES
        .iter()
        .find(|(_, other)| *other == variable)
        .map_or("", |(alias, _)| *alias)
}

/// Looks up the name that some words make when they are joined.
pub(super) fn lookup<'w>(words: impl IntoIterator<Item = &'w str>) -> Option<usize> {
    let mut buffer = [0; LONGEST_NAME];
    let mut length = 0;
    for byte in words.into_iter().flat_map(str::bytes) {
        if !is_separator(char::from(byte)) {
            *buffer.get_mut(length)? = byte.to_ascii_lowercase();
            length += 1;
        }
    }
    PLACES.get(buffer.get(..length)?).copied()
}

/// The places in [`ALIASES`] by name, in lower case.
static PLACES: LazyLock<HashMap<Box<[u8]>, usize>> = LazyLock::new(|| {
    let name = |alias: &str| alias.to_ascii_lowercase().into_bytes().into_boxed_slice();
    ALIASES
        .iter()
        .enumerate()
        .map(|(place, (alias, _))| (name(alias), place))
        .collect()
});

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
