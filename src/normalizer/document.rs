//! Turns the variables of an access-log line into an ECS document.
//!
//! For the documented formats every field of Elastic's own pipeline (elastic/integrations pull
//! request 4266, data stream `api_gateway_logs`) is here with the same value, and there are further
//! fields. If one value is not as expected, that pipeline gives up the line; this code goes on with
//! the other values.

use bumpalo::Bump;
use bumpalo::collections::Vec as ArenaVec;

use super::convert::region::region_of;
use super::convert::timestamp;
use super::convert::trace_id::trace_id;
use super::convert::url::uri_parts;
use super::convert::user_arn::{UserArn, user_arn};
use super::variables::access_log::AccessLog;
use super::variables::aliases::Variable as V;
use super::variables::form;
use super::variables::groups::is_in_seconds;
use super::variables::value::{is_uuid, long, present};
use crate::ecs::{
    ApiGateway, ApiGatewayError, ApiGatewayUser, Authorizer, Cloud, CloudAccount, Cognito,
    CustomDomain, Destination, DistinguishedName, Document, Error, Event, Flattened, Http,
    HttpBody, HttpRequest, HttpResponse, Integration, OneOrMore, Organization, Phase, Related,
    Source, Text, Timestamp, Tls, TlsClient, Trace, Url, User, UserAgent, Waf, X509,
};

/// Fills in everything that the line holds. Other fields stay as they are.
pub(super) fn fill<'a>(document: &mut Document<'a>, log: &mut AccessLog<'a>, arena: &'a Bump) {
    log.settle_path();
    log.settle_meanings();
    if let Some(time) = timestamp(log) {
        document.timestamp = Some(Timestamp(time));
    }
    document.url = url(log, arena);
    document.destination = Destination {
        domain: document.url.domain,
    };
    document.http = http(log);
    document.source = source(log);
    document.user = User {
        id: log.text(V::UserArn),
        name: None,
    };
    document.user_agent = UserAgent {
        original: user_agent(log),
        ..UserAgent::default()
    };
    document.tls = tls(log);
    document.trace = Trace {
        id: log.text(V::XrayTraceId).and_then(|id| trace_id(id, arena)),
    };
    document.organization = Organization {
        id: log.text(V::PrincipalOrgId),
    };
    document.message = summary(log);
    document.error = error(log);
    document.cloud = Cloud {
        account: CloudAccount {
            id: owner(document.cloud.account.id, account_id(log, arena), arena),
        },
        region: log
            .text(V::DomainName)
            .and_then(region_of)
            .and_then(present)
            .or(document.cloud.region),
        ..document.cloud.clone()
    };
    document.aws.api_gateway = api_gateway(log, arena);
    caller(document, log, arena);
    outcome(
        &mut document.event,
        document.http.response.status_code,
        document.aws.api_gateway.response_latency,
    );
    document.related = related(document, arena);
    // This comes last, because it receives the values that could not be converted.
    document.aws.api_gateway.unmapped = log.unmapped();
    document.aws.api_gateway.unmapped_keys = keys(document.aws.api_gateway.unmapped, arena);
}

/// Returns the keys of a `flattened` field, whose keys no aggregation can list.
fn keys<'a>(unmapped: Option<Flattened<'a>>, arena: &'a Bump) -> &'a [&'a str] {
    unmapped.map_or(&[], |Flattened(entries)| {
        let keys = entries.iter().filter_map(|(key, _)| present(key));
        ArenaVec::from_iter_in(keys, arena).into_bump_slice()
    })
}

/// Returns the time of the request, in milliseconds since 1970.
fn timestamp(log: &mut AccessLog<'_>) -> Option<i64> {
    let epoch = log.converted(V::RequestTimeEpoch, timestamp::epoch);
    // Read both in any case, so that a value that is not a time is not lost.
    let time = log.converted(V::RequestTime, timestamp::request_time);
    epoch.or(time)
}

/// The header as sent. A `-` is kept, as in the reference pipeline.
fn user_agent<'a>(log: &AccessLog<'a>) -> Text<'a> {
    log.raw_text(V::UserAgent)
        .map(|header| log.masked_value(V::UserAgent, header))
}

/// Fills `url.*` as the `uri_parts` processor does.
fn url<'a>(log: &AccessLog<'a>, arena: &'a Bump) -> Url<'a> {
    let domain = log.text(V::DomainName);
    let path = log.text(V::Path);
    if domain.is_none() && path.is_none() {
        return Url::default();
    }
    if let Some(whole) = path.filter(|path| !path.starts_with('/') && path.contains("://")) {
        return absolute_url(whole, arena);
    }
    let Some(domain) = domain else {
        return relative_url(path.unwrap_or_default(), arena);
    };
    let full = joined(["https://", domain, path.unwrap_or_default()], arena);
    absolute_url(full, arena)
}

fn absolute_url<'a>(full: &'a str, arena: &'a Bump) -> Url<'a> {
    let Some(parts) = uri_parts(full) else {
        return Url {
            full: Some(full),
            ..Url::default()
        };
    };
    let text = |part: Option<std::borrow::Cow<'a, str>>| {
        part.map(|part| keep(part, arena)).and_then(present)
    };
    Url {
        domain: text(parts.domain),
        extension: text(parts.extension),
        fragment: text(parts.fragment),
        full: None,
        original: Some(full),
        password: text(parts.password),
        path: text(parts.path),
        port: parts.port.map(i64::from),
        query: text(parts.query),
        scheme: text(parts.scheme),
        user_info: text(parts.user_info),
        username: text(parts.username),
    }
}

/// Returns `url.*` for a path without a domain: the path as logged, without an authority that
/// nobody named.
fn relative_url<'a>(path: &'a str, arena: &'a Bump) -> Url<'a> {
    if !path.starts_with('/') {
        return absolute_url(path, arena);
    }
    // Any authority makes the processor read the path. The authority is removed again.
    let url = absolute_url(joined(["https://h", path, ""], arena), arena);
    Url {
        domain: None,
        full: None,
        original: Some(path),
        path: url.path.or_else(|| present(path.split(['?', '#']).next()?)),
        ..url
    }
}

fn joined<'a>(texts: [&str; 3], arena: &'a Bump) -> &'a str {
    let mut joined = bumpalo::collections::String::with_capacity_in(
        texts.iter().map(|text| text.len()).sum(),
        arena,
    );
    texts.iter().for_each(|text| joined.push_str(text));
    joined.into_bump_str()
}

fn keep<'a>(text: std::borrow::Cow<'a, str>, arena: &'a Bump) -> &'a str {
    match text {
        std::borrow::Cow::Borrowed(text) => text,
        std::borrow::Cow::Owned(text) => arena.alloc_str(&text),
    }
}

fn http<'a>(log: &mut AccessLog<'a>) -> Http<'a> {
    let protocol = log.text(V::Protocol);
    let version = protocol
        .and_then(|protocol| protocol.split_once('/'))
        .and_then(|(_, version)| present(version));
    if protocol.is_some_and(|protocol| version.is_none() || !protocol.starts_with("HTTP/")) {
        log.keep_as_unmapped(V::Protocol);
    }
    Http {
        request: HttpRequest {
            id: log
                .text(V::ExtendedRequestId)
                .or_else(|| log.text(V::RequestId)),
            method: log.text(V::HttpMethod),
        },
        response: HttpResponse {
            body: HttpBody {
                bytes: log.converted(V::ResponseLength, long),
            },
            status_code: log.converted(V::Status, long),
        },
        version,
    }
}

fn source<'a>(log: &AccessLog<'a>) -> Source<'a> {
    let address = log.text(V::SourceIp);
    Source {
        address,
        ip: address.filter(|address| form::is_ip(address)),
        ..Source::default()
    }
}

fn tls<'a>(log: &mut AccessLog<'a>) -> Tls<'a> {
    let name = |name| DistinguishedName {
        distinguished_name: name,
    };
    let date = |text: &str| {
        timestamp::iso8601(text)
            .or_else(|| timestamp::openssl(text))
            .map(Timestamp)
    };
    let version = log.text(V::TlsVersion);
    let number = version.and_then(|version| version.strip_prefix("TLSv"));
    Tls {
        cipher: log.text(V::CipherSuite),
        client: TlsClient {
            certificate: log.text(V::ClientCertPem),
            x509: X509 {
                issuer: name(log.text(V::ClientCertIssuer)),
                not_after: log.converted(V::ClientCertNotAfter, date),
                not_before: log.converted(V::ClientCertNotBefore, date),
                serial_number: log.text(V::ClientCertSerialNumber),
                subject: name(log.text(V::ClientCertSubject)),
            },
        },
        version: number.or(version),
        version_protocol: number.map(|_| "tls"),
    }
}

/// Takes a text under `message` that is not an error's: a constant, or a summary of the line.
fn summary<'a>(log: &mut AccessLog<'a>) -> Text<'a> {
    let key = log.key(V::ErrorMessageString)?;
    let text = log.text(V::ErrorMessageString)?;
    let is_message = key.rsplit('.').next().is_some_and(|last| {
        last.eq_ignore_ascii_case("message") || last.eq_ignore_ascii_case("msg")
    });
    let has_error_type = log.text(V::ErrorResponseType).is_some();
    let is_error = text.starts_with('"')
        || form::is_gateway_message(text)
        || (has_error_type && log.text(V::ErrorMessage).is_none())
        || log.text(V::ErrorMessage) == Some(text);
    if !is_message || is_error {
        return None;
    }
    log.forget(V::ErrorMessageString);
    Some(text)
}

fn error<'a>(log: &mut AccessLog<'a>) -> Error<'a> {
    // `messageString` has quotes of its own, whatever its key.
    let unquoted = |text: &'a str| {
        text.strip_prefix('"')
            .and_then(|text| text.strip_suffix('"'))
            .unwrap_or(text)
    };
    let quoted = log
        .text(V::ErrorMessageString)
        .map(unquoted)
        .and_then(present);
    let message = log
        .text(V::ErrorMessage)
        .map(unquoted)
        .and_then(present)
        .or(quoted);
    if quoted.is_some() && quoted != message {
        log.keep_as_unmapped(V::ErrorMessageString);
    }
    Error {
        message,
        r#type: log.text(V::ErrorResponseType),
    }
}

/// Returns the account that owns the API. CloudWatch knows the owner of the log for certain; a line
/// may name the caller's account under the same key.
fn owner<'a>(
    of_log: Option<OneOrMore<'a>>,
    of_line: Text<'a>,
    arena: &'a Bump,
) -> Option<OneOrMore<'a>> {
    match (of_log, of_line) {
        (Some(OneOrMore::One(owner)), Some(told)) if owner != told => {
            Some(OneOrMore::More(arena.alloc([owner, told])))
        }
        (of_log, of_line) => of_line.map(OneOrMore::One).or(of_log),
    }
}

/// Returns twelve digits; a format without quotes loses the leading zeros.
fn account_id<'a>(log: &AccessLog<'a>, arena: &'a Bump) -> Text<'a> {
    let id = log.text(V::AccountId)?;
    if log.is_number(V::AccountId)
        && id.len() < 12
        && id.bytes().all(|digit| digit.is_ascii_digit())
    {
        return Some(arena.alloc_str(&format!("{id:0>12}")));
    }
    Some(id)
}

/// Fills in what the caller's ARN says of user and accounts.
fn caller<'a>(document: &mut Document<'a>, log: &mut AccessLog<'a>, arena: &'a Bump) {
    let user = &mut document.aws.api_gateway.user;
    let told = user.account_id;
    match log.text(V::UserArn).map(user_arn) {
        Some(UserArn::Iam {
            account_id,
            user_name,
        }) => {
            document.user.name = present(user_name);
            user.account_id = Some(account_id);
            // The reference pipeline appends the caller's account to that of the API's owner.
            document.cloud.account.id = Some(match document.cloud.account.id {
                Some(OneOrMore::One(owner)) if owner == account_id => OneOrMore::One(owner),
                Some(OneOrMore::One(owner)) => OneOrMore::More(arena.alloc([owner, account_id])),
                _ => OneOrMore::More(arena.alloc([account_id])),
            });
        }
        Some(UserArn::AssumedRole {
            account_id,
            role_name,
            session_name,
        }) => {
            user.account_id = Some(account_id);
            user.role_name = Some(role_name);
            user.session_name = session_name;
        }
        Some(UserArn::Other) | None => {}
    }
    if told.is_some() && told != user.account_id {
        log.keep_as_unmapped(V::CallerAccountId);
    }
}

fn outcome(event: &mut Event<'_>, status: Option<i64>, latency_ms: Option<i64>) {
    const NANOSECONDS_PER_MILLISECOND: i64 = 1_000_000;
    let failed = status.is_some_and(|status| status >= 400);
    event.outcome = status.map(|_| if failed { "failure" } else { "success" });
    event.r#type = if failed {
        &["access", "error"]
    } else {
        &["access"]
    };
    event.duration = latency_ms
        .filter(|latency| *latency >= 0)
        .and_then(|latency| latency.checked_mul(NANOSECONDS_PER_MILLISECOND));
}

fn related<'a>(document: &Document<'a>, arena: &'a Bump) -> Related<'a> {
    let list = |texts: [Text<'a>; 2]| -> &'a [&'a str] {
        match texts {
            [None, None] => &[],
            [Some(one), None] | [None, Some(one)] => arena.alloc([one]),
            [Some(one), Some(other)] if one == other => arena.alloc([one]),
            [Some(one), Some(other)] => arena.alloc([one, other]),
        }
    };
    Related {
        hosts: list([document.destination.domain, None]),
        ip: list([document.source.ip, None]),
        user: list([document.user.name, document.user.id]),
    }
}

/// Fills in the fields, except those that come from the caller's ARN, from values that could not be
/// converted, and from damage to the line.
fn api_gateway<'a>(log: &mut AccessLog<'a>, arena: &'a Bump) -> ApiGateway<'a> {
    ApiGateway {
        api_id: log.text(V::ApiId),
        api_key_id: log.text(V::ApiKeyId),
        api_name: log.text(V::ApiName),
        api_type: api_type(log),
        authenticate: phase(
            log,
            V::AuthenticateError,
            V::AuthenticateLatency,
            V::AuthenticateStatus,
        ),
        authorize: phase(
            log,
            V::AuthorizeError,
            V::AuthorizeLatency,
            V::AuthorizeStatus,
        ),
        authorizer: authorizer(log),
        cognito: cognito(log),
        connected_at: log
            .converted(V::ConnectedAt, timestamp::epoch)
            .map(Timestamp),
        connection_id: log.text(V::ConnectionId),
        custom_domain: CustomDomain {
            base_path_matched: log.text(V::BasePathMatched),
            routing_rule_id_matched: log.text(V::RoutingRuleIdMatched),
        },
        data_processed: log.converted(V::DataProcessed, long),
        deployment_id: log.text(V::DeploymentId),
        domain_prefix: log.text(V::DomainPrefix),
        endpoint_type: log.text(V::EndpointType),
        error: ApiGatewayError {
            validation_error: log.text(V::ErrorValidationError),
        },
        event_type: log.text(V::EventType),
        integration: integration(log),
        is_canary_request: log.converted(V::IsCanaryRequest, |text| {
            text.to_ascii_lowercase().parse().ok()
        }),
        log_format: Some(log.format()),
        log_type: Some("access"),
        message_direction: log.text(V::MessageDirection),
        message_id: log.text(V::MessageId),
        repairs: &[],
        request_id: log.text(V::RequestId),
        resource_id: log.text(V::ResourceId),
        resource_path: log.text(V::ResourcePath),
        response_latency: milliseconds(log, V::ResponseLatency),
        route: route(log, arena),
        route_key: log.text(V::RouteKey),
        stage: log.text(V::Stage),
        truncated: None,
        unmapped: None,
        unmapped_keys: &[],
        user: ApiGatewayUser {
            account_id: log.text(V::CallerAccountId),
            caller: log.text(V::Caller),
            principal_id: log.text(V::User),
            role_name: None,
            session_name: None,
        },
        vpc_id: log.text(V::VpcId),
        vpce_id: log.text(V::VpceId),
        waf: waf(log),
        xray_trace_id: log.text(V::XrayTraceId),
    }
}

/// Returns one name for the routes of all kinds of API: the route key, or the method and resource
/// of a REST API in the form of a route key.
fn route<'a>(log: &AccessLog<'a>, arena: &'a Bump) -> Text<'a> {
    log.text(V::RouteKey).or_else(|| {
        let resource = log.text(V::ResourcePath)?;
        Some(match log.text(V::HttpMethod) {
            Some(method) => joined([method, " ", resource], arena),
            None => resource,
        })
    })
}

/// Returns the kind of API from the variables that only one kind has, otherwise from the request's
/// id, which is a UUID in REST APIs only.
fn api_type(log: &AccessLog<'_>) -> Text<'static> {
    let has = |variables: &[V]| variables.iter().any(|variable| log.has_value(*variable));
    if has(&[
        V::EventType,
        V::ConnectionId,
        V::ConnectedAt,
        V::MessageDirection,
        V::MessageId,
    ]) {
        return Some("websocket");
    }
    if has(&[V::ResourcePath, V::ResourceId]) || log.text(V::RequestId).is_some_and(is_uuid) {
        return Some("rest");
    }
    // The documented format of HTTP APIs has only the extended id, which is the request's id there.
    let is_http = has(&[V::RouteKey])
        || (has(&[V::HttpMethod]) && has(&[V::ExtendedRequestId, V::RequestId]));
    is_http.then_some("http")
}

fn phase<'a>(log: &mut AccessLog<'a>, error: V, latency: V, status: V) -> Phase<'a> {
    Phase {
        error: log.text(error),
        latency: milliseconds(log, latency),
        status: log.converted(status, long),
    }
}

fn authorizer<'a>(log: &mut AccessLog<'a>) -> Authorizer<'a> {
    Authorizer {
        claims: log.claims(),
        context: log.authorizer_context(),
        error: log.text(V::AuthorizerError),
        integration_latency: milliseconds(log, V::AuthorizerIntegrationLatency),
        integration_status: log.converted(V::AuthorizerIntegrationStatus, long),
        latency: milliseconds(log, V::AuthorizerLatency),
        principal_id: log.text(V::AuthorizerPrincipalId),
        request_id: log.text(V::AuthorizerRequestId),
        status: log.converted(V::AuthorizerStatus, long),
    }
}

/// Reads a latency. API Gateway writes whole milliseconds; a fraction under a key in seconds comes
/// from elsewhere.
fn milliseconds(log: &mut AccessLog<'_>, variable: V) -> Option<i64> {
    let key = log.key(variable)?;
    log.converted(variable, |text| {
        let text = text.strip_suffix("ms").map_or(text, str::trim_end);
        let is_fraction = text.contains('.') && is_in_seconds(key);
        long(text).filter(|_| !is_fraction).or_else(|| {
            let seconds: f64 = text.parse().ok().filter(|_| is_fraction)?;
            let milliseconds = seconds * 1_000.0;
            #[expect(clippy::cast_possible_truncation, reason = "in range")]
            (0.0..1e12)
                .contains(&milliseconds)
                .then_some(milliseconds.round() as i64)
        })
    })
}

fn cognito<'a>(log: &AccessLog<'a>) -> Cognito<'a> {
    Cognito {
        authentication_provider: log.text(V::CognitoAuthenticationProvider),
        authentication_type: log.text(V::CognitoAuthenticationType),
        identity_id: log.text(V::CognitoIdentityId),
        identity_pool_id: log.text(V::CognitoIdentityPoolId),
    }
}

fn integration<'a>(log: &mut AccessLog<'a>) -> Integration<'a> {
    Integration {
        error: log.text(V::IntegrationError),
        latency: milliseconds(log, V::IntegrationLatency),
        request_id: log.text(V::IntegrationRequestId),
        request_id_2: log.text(V::IntegrationRequestId2),
        response_transfer_mode: log.text(V::IntegrationResponseTransferMode),
        service_status: log.converted(V::IntegrationServiceStatus, long),
        status: log.converted(V::IntegrationStatus, long),
        time_to_all_headers: log.converted(V::IntegrationTimeToAllHeaders, long),
        time_to_first_content: log.converted(V::IntegrationTimeToFirstContent, long),
    }
}

fn waf<'a>(log: &mut AccessLog<'a>) -> Waf<'a> {
    Waf {
        error: log.text(V::WafError),
        latency: milliseconds(log, V::WafLatency),
        response_code: log.text(V::WafResponseCode),
        status: log.converted(V::WafStatus, long),
        web_acl_arn: log.text(V::WebAclArn),
    }
}
