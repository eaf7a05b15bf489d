//! Keys of several words: a variable's name behind the name of a group (`client.sourceIp`,
//! `responseStatusCode`, `lambdaLatency`), with synonyms, or before a unit (`latencyMs`).
//!
//! A group may decide what a name means: `integration.latency` is not the latency, and
//! `authorizer.error` is not the error. So each group word has a role.

use super::aliases::{Variable, entry, first_alias, lookup, own_name};

/// Upper bound on the words of a key that are examined.
const MOST_WORDS: usize = 12;

/// The words of a key, in order, with the number of the group of each.
struct Words<'k> {
    words: [(&'k str, usize); MOST_WORDS],
    length: usize,
}

/// The effect of a word before a name on the meaning of the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// None: everything that is logged belongs to the API, to HTTP and to the context.
    Neutral,
    /// The name belongs to the request.
    Request,
    /// The name belongs to the response.
    Response,
    /// The name belongs to the client.
    Identity,
    /// The name belongs to this part, and means something else without it.
    Own(&'static str),
    /// The word is unknown.
    Unknown,
}

/// Words and their synonyms.
const SYNONYMS: &[(&str, &str)] = &[
    ("addr", "address"),
    ("auth", "authorizer"),
    ("authn", "authenticate"),
    ("authoriser", "authorizer"),
    ("authz", "authorizer"),
    ("backend", "integration"),
    ("caller", "identity"),
    ("certificate", "cert"),
    ("client", "identity"),
    ("consumer", "identity"),
    ("dur", "duration"),
    ("err", "error"),
    ("ext", "extended"),
    ("failure", "error"),
    ("fn", "integration"),
    ("function", "integration"),
    ("iam", "identity"),
    ("integ", "integration"),
    ("lambda", "integration"),
    ("latencies", "latency"),
    ("len", "length"),
    ("msg", "message"),
    ("org", "org"),
    ("proto", "protocol"),
    ("remote", "identity"),
    ("req", "request"),
    ("res", "response"),
    ("resp", "response"),
    ("svc", "service"),
    ("target", "integration"),
    ("ts", "timestamp"),
    ("ua", "useragent"),
    ("upstream", "integration"),
    ("val", "validation"),
];

const NEUTRAL: &[&str] = &[
    "access",
    "agw",
    "amz",
    "api",
    "apigateway",
    "apigw",
    "aws",
    "common",
    "context",
    "ctx",
    "data",
    "details",
    "entry",
    "event",
    "fields",
    "general",
    "gateway",
    "gw",
    "http",
    "https",
    "info",
    "log",
    "meta",
    "metadata",
    "metrics",
    "network",
    "payload",
    "perf",
    "performance",
    "record",
    "rest",
    "timing",
    "timings",
    "url",
    "websocket",
    "ws",
];

const OWN: &[&str] = &[
    "authenticate",
    "authorize",
    "authorizer",
    "cert",
    "claims",
    "cognito",
    "error",
    "integration",
    "jwt",
    "waf",
];

/// Units that may follow the name of a number.
const UNITS: &[&str] = &[
    "bytes",
    "in",
    "millis",
    "milliseconds",
    "ms",
    "msec",
    "s",
    "sec",
    "seconds",
    "secs",
];

impl<'k> Words<'k> {
    /// Cuts a key at separators and before capitals that begin a word.
    fn of(key: &'k str) -> Option<Self> {
        let mut words = Self {
            words: [("", 0); MOST_WORDS],
            length: 0,
        };
        for (group, part) in key.split('.').enumerate() {
            for run in part.split(['_', '-', ' ']) {
                let mut rest = run;
                while let Some(end) = end_of_word(rest) {
                    let (word, others) = rest.split_at_checked(end)?;
                    words.push(word, group)?;
                    rest = others;
                }
            }
        }
        Some(words)
    }

    fn push(&mut self, word: &'k str, group: usize) -> Option<()> {
        *self.words.get_mut(self.length)? = (word, group);
        self.length += 1;
        Some(())
    }

    fn list(&self) -> &[(&'k str, usize)] {
        self.words.get(..self.length).unwrap_or(&self.words)
    }
}

/// Returns where the first word of a text ends: before a capital that follows a small letter or a
/// digit, or before the last of several capitals if a small letter follows it.
fn end_of_word(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    if bytes.is_empty() {
        return None;
    }
    let begins_word = |index: &usize| {
        let is_upper = |index: usize| bytes.get(index).is_some_and(u8::is_ascii_uppercase);
        let before = index - 1;
        is_upper(*index)
            && (!is_upper(before) || bytes.get(index + 1).is_some_and(u8::is_ascii_lowercase))
    };
    Some((1..bytes.len()).find(begins_word).unwrap_or(bytes.len()))
}

/// Returns the table's synonym of a word.
fn canonical(word: &str) -> &str {
    SYNONYMS
        .iter()
        .find(|(other, _)| word.eq_ignore_ascii_case(other))
        .map_or(word, |(_, canonical)| canonical)
}

fn role(word: &str) -> Role {
    let is = |other: &&&'static str| word.eq_ignore_ascii_case(other);
    if NEUTRAL.iter().any(|other| is(&other)) {
        return Role::Neutral;
    }
    if let Some(own) = OWN.iter().find(is) {
        return Role::Own(own);
    }
    if word.eq_ignore_ascii_case("request") {
        Role::Request
    } else if word.eq_ignore_ascii_case("response") {
        Role::Response
    } else if word.eq_ignore_ascii_case("identity") {
        Role::Identity
    } else {
        Role::Unknown
    }
}

fn is_unit(word: &str) -> bool {
    UNITS.iter().any(|unit| word.eq_ignore_ascii_case(unit))
}

/// Returns whether a key says that its number is in seconds.
pub(crate) fn is_in_seconds(key: &str) -> bool {
    let last = Words::of(key).and_then(|words| words.list().last().map(|(word, _)| *word));
    last.is_some_and(|word| {
        ["s", "sec", "secs", "seconds"]
            .iter()
            .any(|unit| word.eq_ignore_ascii_case(unit))
    })
}

/// Returns a key's words as the table has them, without its unit and without words that have no
/// effect.
fn table_words<'k>(words: &Words<'k>) -> Option<Words<'k>> {
    let mut list = words.list();
    while let [others @ .., (last, _)] = list
        && !others.is_empty()
        && is_unit(last)
    {
        list = others;
    }
    let mut told = Words {
        words: [("", 0); MOST_WORDS],
        length: 0,
    };
    let is_identity = |word: &str| canonical(word).eq_ignore_ascii_case("identity");
    for (index, (word, group)) in list.iter().enumerate() {
        let next = list.get(index + 1).map_or("", |(word, _)| *word);
        let is_before_identity = word.eq_ignore_ascii_case("auth") && is_identity(next);
        let is_short_identity = index == 0 && word.eq_ignore_ascii_case("id") && !next.is_empty();
        if is_before_identity {
            continue;
        }
        // The last word is a name and not a group's name.
        let is_name = next.is_empty() && canonical(word) == "identity";
        let told_word = if is_short_identity {
            "identity"
        } else if is_name {
            word
        } else {
            canonical(word)
        };
        told.push(told_word, *group)?;
    }
    Some(told)
}

/// Returns the place in the table of a key that equals an alias except for synonyms or a unit.
pub(super) fn spelled_otherwise(key: &str) -> Option<usize> {
    let words = Words::of(key)?;
    let without_unit = strip_unit(words.list());
    if without_unit.len() < words.list().len()
        && let Some(place) = lookup(without_unit.iter().map(|(word, _)| *word))
    {
        return Some(place);
    }
    let told = table_words(&words)?;
    let have_no_effect =
        |dropped: &[(&str, usize)]| dropped.iter().all(|(word, _)| role(word) == Role::Neutral);
    // A unit may also be part of a name: `http.response.body.bytes`.
    find(told.list(), have_no_effect).or_else(|| find(words.list(), have_no_effect))
}

/// Returns whether a key is in a group with an unknown name.
pub(super) fn is_unknown_group(key: &str) -> bool {
    let Some((group, _)) = own_name(key).unwrap_or(key).rsplit_once('.') else {
        return false;
    };
    let words = Words::of(group);
    words.is_none_or(|words| {
        let is_unknown = |(word, _): &(&str, usize)| role(canonical(word)) == Role::Unknown;
        words.list().iter().any(is_unknown)
    })
}

fn strip_unit<'w, 'k>(mut list: &'w [(&'k str, usize)]) -> &'w [(&'k str, usize)] {
    while let [others @ .., (last, _)] = list
        && !others.is_empty()
        && is_unit(last)
    {
        list = others;
    }
    list
}

/// Returns the place in the table of a key that has a variable's name after the name of a group.
pub(super) fn in_a_group(key: &str) -> Option<usize> {
    let words = Words::of(key)?;
    let told = table_words(&words)?;
    find(told.list(), |_| true)
        .or_else(|| find(strip_unit(words.list()), |_| true))
        .or_else(|| find(without_middle(&told)?.list(), |_| true))
}

/// Returns words without those between a group and a name that have no effect:
/// `wafDetails.action`, and `integrationError.latency`, where the group is about the integration.
fn without_middle<'k>(words: &Words<'k>) -> Option<Words<'k>> {
    let [(first, group), middle @ .., last] = words.list() else {
        return None;
    };
    let is_own = matches!(role(first), Role::Own(own) if own != "error");
    let mut kept = Words {
        words: [("", 0); MOST_WORDS],
        length: 0,
    };
    kept.push(first, *group)?;
    for (word, group) in middle {
        let is_error = is_own && word.eq_ignore_ascii_case("error");
        if !is_error && role(word) != Role::Neutral {
            kept.push(word, *group)?;
        }
    }
    kept.push(last.0, last.1)?;
    (kept.length < words.length).then_some(kept)
}

/// Returns the place of the longest end of the words that is an alias, if the words before it allow
/// that.
fn find(words: &[(&str, usize)], may_drop: impl Fn(&[(&str, usize)]) -> bool) -> Option<usize> {
    (0..words.len()).find_map(|start| {
        let (dropped, rest) = words.split_at_checked(start)?;
        let telling = rest
            .iter()
            .filter(|(word, _)| !word.eq_ignore_ascii_case("aws"));
        let place = lookup(rest.iter().map(|(word, _)| *word))
            .or_else(|| lookup(telling.map(|(word, _)| *word)))?;
        let (alias, variable) = entry(place)?;
        let name = Name { alias, variable };
        let own_group = rest.first().map_or(0, |(_, group)| *group);
        let allows =
            |(word, group): &(&str, usize)| name.is_allowed_behind(role(word), *group < own_group);
        let has_request = dropped.iter().any(|(word, _)| role(word) == Role::Request);
        let is_alone = dropped.is_empty() && rest.len() == 1;
        let is_named = alias != "id" || has_request || is_alone;
        (may_drop(dropped) && is_named && dropped.iter().all(allows)).then_some(place)
    })
}

/// A name that was found after other words.
struct Name {
    alias: &'static str,
    variable: Variable,
}

impl Name {
    fn is_allowed_behind(&self, role: Role, is_whole_group: bool) -> bool {
        use Variable as V;
        // A name of several words has the same meaning everywhere.
        let is_specific = self.alias.contains(|c: char| c.is_ascii_uppercase());
        match role {
            Role::Neutral => true,
            Role::Request => is_specific || self.variable != V::ResponseLength,
            Role::Response => {
                let is_of_response = matches!(
                    self.variable,
                    V::Status
                        | V::ResponseLength
                        | V::ResponseLatency
                        | V::ErrorMessage
                        | V::Protocol
                        | V::DataProcessed
                );
                is_specific || is_of_response
            }
            Role::Identity => {
                let is_of_client = matches!(
                    self.variable,
                    V::SourceIp | V::UserAgent | V::User | V::Caller | V::UserArn | V::XrayTraceId
                );
                is_specific || is_of_client
            }
            Role::Own(group) => {
                let first = first_alias(self.variable);
                let is_of_group = [self.alias, first].iter().any(|name| {
                    name.get(..group.len())
                        .is_some_and(|start| start.eq_ignore_ascii_case(group))
                });
                is_specific && is_of_group
            }
            Role::Unknown => is_specific && is_whole_group,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::meaning::{Meaning, meaning};
    use super::*;

    #[test]
    fn words_of_keys() {
        for (key, expected) in [
            ("requestTimeEpoch", "request time epoch"),
            ("HTTPMethod", "HTTP method"),
            ("sourceIP", "source IP"),
            ("REQUEST_ID", "REQUEST ID"),
            ("identity.source-ip", "identity source ip"),
            ("xRayTraceId", "x ray trace id"),
            ("", ""),
        ] {
            let words = Words::of(key).unwrap();
            let joined: Vec<_> = words.list().iter().map(|(word, _)| *word).collect();
            assert!(
                joined.join(" ").eq_ignore_ascii_case(expected),
                "{key}: {joined:?}"
            );
        }
    }

    /// A key, and the first alias of the variable that it means; `-` for none.
    #[test]
    fn names_behind_groups() {
        let mut wrong = Vec::new();
        for (key, expected) in [
            ("client.sourceIp", "ip"),
            ("client.ip", "ip"),
            ("clientIp", "ip"),
            ("remote_addr", "ip"),
            ("remoteAddress", "ip"),
            ("httpRequest.clientIp", "ip"),
            ("identity.ip", "ip"),
            ("meta.x.requestId", "requestId"),
            ("request.id", "requestId"),
            ("req_id", "requestId"),
            ("api.id", "apiId"),
            ("apigw.api_id", "apiId"),
            ("request.requestTime", "requestTime"),
            ("request.time_epoch", "requestTimeEpoch"),
            ("response.status", "status"),
            ("res.statusCode", "status"),
            ("http_status", "status"),
            ("response.length", "responseLength"),
            ("response.bytes", "responseLength"),
            ("request.length", "-"),
            ("request.size", "-"),
            ("response.id", "-"),
            ("api.name", "apiName"),
            ("gateway.id", "apiId"),
            ("log.id", "-"),
            ("latencyMs", "responseLatency"),
            ("responseLatencyMs", "responseLatency"),
            ("response_time_ms", "responseLatency"),
            ("durationInMillis", "responseLatency"),
            ("integrationLatencyMs", "integrationLatency"),
            ("lambdaLatency", "integrationLatency"),
            ("lambda_duration_ms", "integrationLatency"),
            ("backend.status", "functionResponseStatus"),
            ("integration.responseStatus", "functionResponseStatus"),
            ("integration.integrationLatency", "integrationLatency"),
            ("integration.path", "-"),
            ("integration.time", "integrationLatency"),
            ("integrationErr", "integrationError"),
            ("authStatus", "authorizerStatus"),
            ("authorizer.latencyMs", "authorizerLatency"),
            ("errMsg", "errorMessage"),
            ("error.type", "errorResponseType"),
            ("error.id", "-"),
            ("apiGatewayErrorMessage", "errorMessage"),
            ("wafAclId", "webaclArn"),
            ("waf.response", "wafResponseCode"),
            ("overrideStatus", "-"),
            ("responseOverrideStatus", "-"),
            ("overrideResourcePath", "-"),
            ("order.status", "-"),
            ("order.total", "-"),
            ("jwt.user", "-"),
            ("claims.client_id", "-"),
            ("clientId", "-"),
            ("userId", "-"),
            ("auth.iam.userArn", "userArn"),
            ("iam.arn", "userArn"),
            ("caller.arn", "userArn"),
            ("time_epoch", "requestTimeEpoch"),
            ("timestampMs", "requestTime"),
            ("http.response.body.bytes", "responseLength"),
            ("http.url_details.path", "path"),
            ("event.status", "status"),
            ("record.httpMethod", "httpMethod"),
            ("integrationError.latency", "integrationLatency"),
            ("integrationError.status", "functionResponseStatus"),
            ("integrationError.message", "integrationError"),
            ("wafDetails.action", "wafResponseCode"),
            ("client.network.ip", "ip"),
            ("order.data.status", "-"),
            ("errorValString", "errorValidationErrorString"),
            ("x-amzn-RequestId", "requestId"),
            ("user_agent.original", "userAgent"),
            ("epochSeconds", "requestTimeEpoch"),
            ("contextual.status", "-"),
            // The table of names that people write.
            ("reqId", "requestId"),
            ("request-id", "requestId"),
            ("REQUEST_ID", "requestId"),
            ("Request ID", "requestId"),
            ("apigwRequestId", "requestId"),
            ("gateway_request_id", "requestId"),
            ("aws_request_id", "integrationRequestId"),
            ("lambdaRequestId", "integrationRequestId"),
            ("lambda.requestId", "integrationRequestId"),
            ("integration_request_id", "integrationRequestId"),
            ("extended_request_id", "extendedRequestId"),
            ("requestExtendedId", "extendedRequestId"),
            ("source_ip", "ip"),
            ("srcIp", "ip"),
            ("client_ip", "ip"),
            ("client-ip", "ip"),
            ("callerIp", "ip"),
            ("remoteIp", "ip"),
            ("caller.ip", "ip"),
            ("user.ip", "ip"),
            ("request.ip", "ip"),
            ("network.client.ip", "ip"),
            ("http.client_ip", "ip"),
            ("http.method", "httpMethod"),
            ("http.request.method", "httpMethod"),
            ("req.method", "httpMethod"),
            ("request_method", "httpMethod"),
            ("verb", "httpMethod"),
            ("http.path", "path"),
            ("request.path", "path"),
            ("request.resourcePath", "resourcePath"),
            ("resource_path", "resourcePath"),
            ("api.resourcePath", "resourcePath"),
            ("request.resource", "resourcePath"),
            ("route_key", "routeKey"),
            ("http.route", "routeKey"),
            ("request.routeKey", "routeKey"),
            ("status_code", "status"),
            ("http_status_code", "status"),
            ("responseStatus", "status"),
            ("response_code", "status"),
            ("res.status", "status"),
            ("response.statusCode", "status"),
            ("http.status", "status"),
            ("http.response.status_code", "status"),
            ("httpProtocol", "protocol"),
            ("http.protocol", "protocol"),
            ("request.protocol", "protocol"),
            ("response_length", "responseLength"),
            ("responseSize", "responseLength"),
            ("response.size", "responseLength"),
            ("response.bodyLength", "responseLength"),
            ("bytes_sent", "responseLength"),
            ("contentLength", "responseLength"),
            ("responseLengthBytes", "responseLength"),
            ("resp_len", "responseLength"),
            ("request_time", "requestTime"),
            ("timestamp", "requestTime"),
            ("request.timestamp", "requestTime"),
            ("requestTimestamp", "requestTime"),
            ("datetime", "requestTime"),
            ("requestTimeEpochMs", "requestTimeEpoch"),
            ("requestTimeEpochSeconds", "requestTimeEpoch"),
            ("epoch_ms", "requestTimeEpoch"),
            ("request.timeEpoch", "requestTimeEpoch"),
            ("response_latency", "responseLatency"),
            ("responseLatencySeconds", "responseLatency"),
            ("latency_ms", "responseLatency"),
            ("total_latency_ms", "responseLatency"),
            ("response.latency", "responseLatency"),
            ("response.latencyMs", "responseLatency"),
            ("latency.response", "responseLatency"),
            ("latency.total", "responseLatency"),
            ("latency.integration", "integrationLatency"),
            ("latencies.integration", "integrationLatency"),
            ("timings.integrationLatency", "integrationLatency"),
            ("performance.responseLatency", "responseLatency"),
            ("requestDurationMs", "responseLatency"),
            ("elapsed_ms", "responseLatency"),
            ("integration_latency", "integrationLatency"),
            ("backendLatency", "integrationLatency"),
            ("lambdaDuration", "integrationLatency"),
            ("integrationTimeMs", "integrationLatency"),
            ("integration.responseTime", "integrationLatency"),
            ("integration_status", "functionResponseStatus"),
            ("backendStatus", "functionResponseStatus"),
            ("lambda.statusCode", "functionResponseStatus"),
            ("integration.statusCode", "functionResponseStatus"),
            ("integration_error", "integrationError"),
            ("integrationErrorMsg", "integrationError"),
            ("lambdaError", "integrationError"),
            ("integration.error.message", "integrationError"),
            ("integration.errorMessage", "integrationError"),
            ("backend.error", "integrationError"),
            ("err", "errorMessage"),
            ("errorMsg", "errorMessage"),
            ("error_message", "errorMessage"),
            ("error.msg", "errorMessage"),
            ("gatewayError", "errorMessage"),
            ("gateway.error.message", "errorMessage"),
            ("error_type", "errorResponseType"),
            ("error.response_type", "errorResponseType"),
            ("gatewayResponseType", "errorResponseType"),
            ("error.validation", "errorValidationErrorString"),
            ("validation_error", "errorValidationErrorString"),
            ("authorizer.principal", "authorizerPrincipalId"),
            ("authorizer_principal_id", "authorizerPrincipalId"),
            ("auth.principalId", "authorizerPrincipalId"),
            ("authorizer.err", "authorizerError"),
            ("auth_error", "authorizerError"),
            ("authorizerStatusCode", "authorizerStatus"),
            ("auth.latency", "authorizerLatency"),
            (
                "authorizer_integration_latency",
                "authorizerIntegrationLatency",
            ),
            ("authorizer.requestId", "authorizerRequestId"),
            ("authLatencyMs", "authorizerLatency"),
            ("user_agent", "userAgent"),
            ("client.userAgent", "userAgent"),
            ("http.user_agent", "userAgent"),
            ("request.userAgent", "userAgent"),
            ("ua", "userAgent"),
            ("user_arn", "userArn"),
            ("identity.arn", "userArn"),
            ("caller_arn", "userArn"),
            ("account_id", "accountId"),
            ("owner_account_id", "accountId"),
            ("aws.accountId", "accountId"),
            ("api.accountId", "accountId"),
            ("client.accountId", "identityAccountId"),
            ("caller_account_id", "identityAccountId"),
            ("identity.account", "identityAccountId"),
            ("api_id", "apiId"),
            ("rest_api_id", "apiId"),
            ("gateway_id", "apiId"),
            ("apigateway.id", "apiId"),
            ("api.stage", "stage"),
            ("stage_name", "stage"),
            ("api.domainName", "domainName"),
            ("domain_name", "domainName"),
            ("api.domain", "domainName"),
            ("domain_prefix", "domainPrefix"),
            ("xray_trace_id", "xrayTraceId"),
            ("xRayTraceId", "xrayTraceId"),
            ("xray.traceId", "xrayTraceId"),
            ("trace_id", "xrayTraceId"),
            ("trace.id", "xrayTraceId"),
            ("waf_response_code", "wafResponseCode"),
            ("waf.responseCode", "wafResponseCode"),
            ("waf.webaclArn", "webaclArn"),
            ("webAclArn", "webaclArn"),
            ("waf_latency_ms", "wafLatency"),
            ("cognito.identityId", "identityCognitoIdentityId"),
            (
                "identity.cognitoIdentityPoolId",
                "identityCognitoIdentityPoolId",
            ),
            (
                "cognito.authProvider",
                "identityCognitoAuthenticationProvider",
            ),
            ("client_cert_subject_dn", "clientsubjectDN"),
            ("mtls.subjectDN", "clientsubjectDN"),
            ("cert.subject", "clientsubjectDN"),
            ("clientCert.issuer", "clientissuerDN"),
            ("tls.version", "tlsVersion"),
            ("tls.cipherSuite", "cipherSuite"),
            ("vpc_endpoint_id", "identityVpceId"),
            ("connection_id", "connectionId"),
            ("ws.connectionId", "connectionId"),
            ("websocket.eventType", "eventType"),
            ("connected_at", "connectedAt"),
            ("message_id", "messageId"),
            ("data_processed", "dataProcessed"),
            ("base_path_matched", "customDomainBasePathMatched"),
            ("customDomain.basePath", "customDomainBasePathMatched"),
            ("deployment_id", "deploymentId"),
            ("api_key_id", "apiKeyId"),
            ("key_id", "-"),
            ("sub", "-"),
            ("tenantId", "-"),
            ("correlation_id", "-"),
            ("service", "-"),
            ("env", "-"),
            ("region", "-"),
            ("user.name", "-"),
            ("user.id", "-"),
            ("email", "-"),
            ("scope", "-"),
        ] {
            let found = match meaning(key) {
                Meaning::Variable(variable) | Meaning::Likely(variable) => first_alias(variable),
                _ => "-",
            };
            if found != expected {
                wrong.push(format!("{key}: {found}, not {expected}"));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}
