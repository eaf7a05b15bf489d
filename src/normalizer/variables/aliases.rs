//! The one table of keys: it maps the names in people's access-log formats to the `$context`
//! variables that they mean.
//!
//! A key matches in any spelling: case, `.`, `_`, `-` and blanks do not count, and nested objects
//! are joined first. So `identity.sourceIp`, `identity_source_ip`, `Identity-SourceIP` and
//! `{"identity":{"sourceIp":…}}` are one name. [`super::groups`] finds a name behind the name of a
//! group and before a unit, and [`super::meaning`] decides. If several keys name one variable, the first of them in the table that
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

use crate::normalizer::mask::is_separator;

macro_rules! variables {
    ($($variable:ident: $($alias:literal)|+,)*) => {
        /// A `$context` variable that may appear in an access log.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Variable {
            $(#[doc = concat!("Known as ", $("`", $alias, "` "),+)] $variable,)*
        }

        /// Every alias with its variable, in the order of the table.
        pub(super) const ALIASES: &[(&str, Variable)] = &[$($(($alias, Variable::$variable),)+)*];

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
    ApiName: "apiName" | "restApiName" | "httpApiName" | "websocketApiName" | "apiGatewayName"
        | "gatewayName" | "apigwName",
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
    IntegrationStatus: "functionResponseStatus" | "integrationStatusCode"
        | "integrationResponseStatus" | "integrationResponseStatusCode" | "statusIntegration"
        | "integrationResponseCode" | "integrationHttpStatus" | "integrationCode"
        | "functionStatus" | "functionStatusCode" | "lambdaStatus" | "lambdaStatusCode"
        | "integrationStatus",
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
    RequestId: "requestId" | "id" | "requestIdentifier" | "apiRequestId" | "requestUuid"
        | "xAmznRequestId",
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
        | "clientAgent" | "requestUserAgent" | "clientUserAgent" | "userAgentOriginal",
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
pub(super) fn place(key: &str) -> Option<usize> {
    // A format made for Elasticsearch may have the time under `@timestamp`.
    lookup([key.strip_prefix('@').unwrap_or(key)]).or_else(|| lookup([own_name(key)?]))
}

/// Returns the alias and the variable at a place in the table.
pub(super) fn entry(place: usize) -> Option<(&'static str, Variable)> {
    ALIASES.get(place).copied()
}

/// Returns the alias that is spelled like a key.
pub(super) fn alias(key: &str) -> Option<&'static str> {
    let (alias, _) = entry(place(key)?)?;
    (alias == key).then_some(alias)
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
}
