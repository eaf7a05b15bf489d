//! What API Gateway says of a request and ECS has no field for: `aws.api_gateway.*`.

use super::access_log::AccessLog;
use super::aliases::Variable as V;
use super::timestamp;
use super::value::{is_uuid, long};
use crate::ecs::{
    ApiGateway, ApiGatewayError, ApiGatewayUser, Authorizer, Cognito, CustomDomain, Integration,
    Phase, Text, Timestamp, Waf,
};

/// The fields, but for those that come from the caller's ARN, from values that could not be converted, and from what was
/// wrong with the line.
pub(super) fn api_gateway<'a>(log: &mut AccessLog<'a>) -> ApiGateway<'a> {
    ApiGateway {
        api_id: log.text(V::ApiId),
        api_key_id: log.text(V::ApiKeyId),
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
        response_latency: log.converted(V::ResponseLatency, long),
        route_key: log.text(V::RouteKey),
        stage: log.text(V::Stage),
        truncated: None,
        unmapped: None,
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

/// The kind of API, by the variables that only one kind has; else by the request's id, which is a UUID in REST APIs only.
fn api_type(log: &AccessLog<'_>) -> Text<'static> {
    let has = |variables: &[V]| {
        variables
            .iter()
            .any(|variable| log.text(*variable).is_some())
    };
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
    // The documented format of HTTP APIs has the extended id only, which is the request's id there.
    let is_http = has(&[V::RouteKey])
        || (has(&[V::HttpMethod]) && has(&[V::ExtendedRequestId, V::RequestId]));
    is_http.then_some("http")
}

fn phase<'a>(log: &mut AccessLog<'a>, error: V, latency: V, status: V) -> Phase<'a> {
    Phase {
        error: log.text(error),
        latency: log.converted(latency, long),
        status: log.converted(status, long),
    }
}

fn authorizer<'a>(log: &mut AccessLog<'a>) -> Authorizer<'a> {
    Authorizer {
        claims: log.claims(),
        context: log.authorizer_context(),
        error: log.text(V::AuthorizerError),
        integration_latency: log.converted(V::AuthorizerIntegrationLatency, long),
        integration_status: log.converted(V::AuthorizerIntegrationStatus, long),
        latency: log.converted(V::AuthorizerLatency, long),
        principal_id: log.text(V::AuthorizerPrincipalId),
        request_id: log.text(V::AuthorizerRequestId),
        status: log.converted(V::AuthorizerStatus, long),
    }
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
        latency: log.converted(V::IntegrationLatency, long),
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
        latency: log.converted(V::WafLatency, long),
        response_code: log.text(V::WafResponseCode),
        status: log.converted(V::WafStatus, long),
        web_acl_arn: log.text(V::WebAclArn),
    }
}
