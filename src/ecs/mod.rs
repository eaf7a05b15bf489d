//! The documents we write: the Elastic Common Schema fields that this program emits, as structs.
//!
//! Field names and meanings are those of the [ECS field
//! reference](https://www.elastic.co/docs/reference/ecs); what ECS has no field for stands under
//! `aws.*`. Every text is borrowed from the log line or from the line's arena, so a document is
//! built without copying and lives no longer than its line. An object without any value is not
//! written.

#[cfg(test)]
mod fields;
mod timestamp;
mod values;

use self::values::Field;
use crate::json::WriteJson;

pub use self::timestamp::Timestamp;
pub use self::values::{FlatValue, Flattened, Location, OneOrMore};

/// The ECS version that documents claim. The tests check the fields against it.
pub const ECS_VERSION: &str = "9.4.0";

/// The name of a field in a document: that of the member, unless Rust cannot have it.
macro_rules! name {
    ($field:ident) => {
        stringify!($field)
    };
    ($field:ident $name:literal) => {
        $name
    };
}

/// Declares objects of the schema. A field without a value, and an object without a field, is left
/// out of the document.
macro_rules! objects {
    ($($(#[$doc:meta])* $object:ident $(<$life:lifetime>)? {
        $($field:ident $(as $name:literal)?: $type:ty,)*
    })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Default)]
        #[expect(missing_docs, reason = "named as in ECS, or typed in elasticsearch/")]
        pub struct $object $(<$life>)? {
            $(pub $field: $type,)*
        }

        impl $(<$life>)? Field for $object $(<$life>)? {
            fn is_empty(&self) -> bool {
                $(Field::is_empty(&self.$field))&&*
            }

            fn write(&self, out: &mut Vec<u8>) {
                out.push(b'{');
                $(self.$field.write_member(concat!("\"", name!($field $($name)?), "\":"), out);)*
                // Remove the comma after the last member.
                out.pop();
                out.push(b'}');
            }
        }

        #[cfg(test)]
        impl $(<$life>)? fields::Fields for $object $(<$life>)? {
            fn list(name: &str, fields: &mut fields::FieldList) {
                $(<$type as fields::Fields>::list(&fields::join(name, name!($field $($name)?)), fields);)*
            }
        }
    )*};
}

impl WriteJson for Document<'_> {
    fn write_json(&self, out: &mut Vec<u8>) {
        if self.is_empty() {
            out.extend_from_slice(b"{}")
        } else {
            self.write(out)
        }
    }
}

/// A text from the line or its arena.
pub type Text<'a> = Option<&'a str>;

/// Several texts from the line or its arena.
pub type Texts<'a> = &'a [&'a str];

objects! {
    /// A whole document.
    Document<'a> {
        timestamp as "@timestamp": Option<Timestamp>,
        aws: Aws<'a>,
        cloud: Cloud<'a>,
        data_stream: DataStream<'a>,
        destination: Destination<'a>,
        ecs: Ecs,
        error: Error<'a>,
        event: Event<'a>,
        http: Http<'a>,
        message: Text<'a>,
        organization: Organization<'a>,
        related: Related<'a>,
        source: Source<'a>,
        tags: Texts<'a>,
        tls: Tls<'a>,
        trace: Trace<'a>,
        url: Url<'a>,
        user: User<'a>,
        user_agent: UserAgent<'a>,
    }

    /// `aws.*`: not ECS, but ours.
    Aws<'a> {
        api_gateway: ApiGateway<'a>,
        cloudwatch: CloudWatch<'a>,
    }

    /// `aws.cloudwatch.*`: the origin of the line.
    CloudWatch<'a> {
        log_group: Text<'a>,
        log_stream: Text<'a>,
    }

    /// `aws.api_gateway.*`: values of API Gateway that have no ECS field.
    ApiGateway<'a> {
        api_id: Text<'a>,
        api_key_id: Text<'a>,
        api_name: Text<'a>,
        api_type: Text<'a>,
        authenticate: Phase<'a>,
        authorize: Phase<'a>,
        authorizer: Authorizer<'a>,
        cognito: Cognito<'a>,
        connected_at: Option<Timestamp>,
        connection_id: Text<'a>,
        custom_domain: CustomDomain<'a>,
        data_processed: Option<i64>,
        deployment_id: Text<'a>,
        domain_prefix: Text<'a>,
        endpoint_type: Text<'a>,
        error: ApiGatewayError<'a>,
        event_type: Text<'a>,
        integration: Integration<'a>,
        is_canary_request: Option<bool>,
        log_format: Text<'a>,
        log_type: Text<'a>,
        message_direction: Text<'a>,
        message_id: Text<'a>,
        repairs: Texts<'a>,
        request_id: Text<'a>,
        resource_id: Text<'a>,
        resource_path: Text<'a>,
        response_latency: Option<i64>,
        route: Text<'a>,
        route_key: Text<'a>,
        stage: Text<'a>,
        truncated: Option<bool>,
        unmapped: Option<Flattened<'a>>,
        unmapped_keys: Texts<'a>,
        user: ApiGatewayUser<'a>,
        vpc_id: Text<'a>,
        vpce_id: Text<'a>,
        waf: Waf<'a>,
        xray_trace_id: Text<'a>,
    }

    /// A phase of a request: `$context.authorize.*`, `$context.authenticate.*`. Latency in
    /// milliseconds.
    Phase<'a> {
        error: Text<'a>,
        latency: Option<i64>,
        status: Option<i64>,
    }

    /// `$context.authorizer.*`. Latencies in milliseconds.
    Authorizer<'a> {
        claims: Option<Flattened<'a>>,
        context: Option<Flattened<'a>>,
        error: Text<'a>,
        integration_latency: Option<i64>,
        integration_status: Option<i64>,
        latency: Option<i64>,
        principal_id: Text<'a>,
        request_id: Text<'a>,
        status: Option<i64>,
    }

    /// `$context.identity.cognito*`.
    Cognito<'a> {
        authentication_provider: Text<'a>,
        authentication_type: Text<'a>,
        identity_id: Text<'a>,
        identity_pool_id: Text<'a>,
    }

    /// `$context.customDomain.*`.
    CustomDomain<'a> {
        base_path_matched: Text<'a>,
        routing_rule_id_matched: Text<'a>,
    }

    /// `$context.error.*`, as far as ECS has no field for it.
    ApiGatewayError<'a> {
        validation_error: Text<'a>,
    }

    /// `$context.integration.*`. Latencies and times in milliseconds.
    Integration<'a> {
        error: Text<'a>,
        latency: Option<i64>,
        request_id: Text<'a>,
        request_id_2: Text<'a>,
        response_transfer_mode: Text<'a>,
        service_status: Option<i64>,
        status: Option<i64>,
        time_to_all_headers: Option<i64>,
        time_to_first_content: Option<i64>,
    }

    /// The caller: `$context.identity.*`.
    ApiGatewayUser<'a> {
        account_id: Text<'a>,
        caller: Text<'a>,
        principal_id: Text<'a>,
        role_name: Text<'a>,
        session_name: Text<'a>,
    }

    /// `$context.waf.*`.
    Waf<'a> {
        error: Text<'a>,
        latency: Option<i64>,
        response_code: Text<'a>,
        status: Option<i64>,
        web_acl_arn: Text<'a>,
    }

    /// `cloud.*`
    Cloud<'a> {
        account: CloudAccount<'a>,
        provider: Text<'a>,
        region: Text<'a>,
        service: Named<'a>,
    }

    /// `cloud.account.*`
    CloudAccount<'a> {
        id: Option<OneOrMore<'a>>,
    }

    /// `data_stream.*`
    DataStream<'a> {
        dataset: Text<'a>,
        namespace: Text<'a>,
        r#type as "type": Text<'a>,
    }

    /// `destination.*`
    Destination<'a> {
        domain: Text<'a>,
    }

    /// `ecs.*`
    Ecs {
        version: Text<'static>,
    }

    /// `error.*`
    Error<'a> {
        message: Text<'a>,
        r#type as "type": Text<'a>,
    }

    /// `event.*`. The duration is in nanoseconds.
    Event<'a> {
        category: Texts<'a>,
        dataset: Text<'a>,
        duration: Option<i64>,
        id: Text<'a>,
        kind: Text<'a>,
        module: Text<'a>,
        original: Text<'a>,
        outcome: Text<'a>,
        r#type as "type": Texts<'a>,
    }

    /// `http.*`
    Http<'a> {
        request: HttpRequest<'a>,
        response: HttpResponse,
        version: Text<'a>,
    }

    /// `http.request.*`
    HttpRequest<'a> {
        id: Text<'a>,
        method: Text<'a>,
    }

    /// `http.response.*`
    HttpResponse {
        body: HttpBody,
        status_code: Option<i64>,
    }

    /// `http.response.body.*`
    HttpBody {
        bytes: Option<i64>,
    }

    /// `organization.*`
    Organization<'a> {
        id: Text<'a>,
    }

    /// `related.*`
    Related<'a> {
        hosts: Texts<'a>,
        ip: Texts<'a>,
        user: Texts<'a>,
    }

    /// `source.*`
    Source<'a> {
        address: Text<'a>,
        r#as as "as": AutonomousSystem<'a>,
        geo: Geo<'a>,
        ip: Text<'a>,
    }

    /// `source.as.*`
    AutonomousSystem<'a> {
        number: Option<u32>,
        organization: Named<'a>,
    }

    /// `source.geo.*`
    Geo<'a> {
        city_name: Text<'a>,
        continent_name: Text<'a>,
        country_iso_code: Text<'a>,
        country_name: Text<'a>,
        location: Option<Location>,
        region_iso_code: Text<'a>,
        region_name: Text<'a>,
    }

    /// `tls.*`
    Tls<'a> {
        cipher: Text<'a>,
        client: TlsClient<'a>,
        version: Text<'a>,
        version_protocol: Text<'a>,
    }

    /// `tls.client.*`
    TlsClient<'a> {
        certificate: Text<'a>,
        x509: X509<'a>,
    }

    /// `tls.client.x509.*`
    X509<'a> {
        issuer: DistinguishedName<'a>,
        not_after: Option<Timestamp>,
        not_before: Option<Timestamp>,
        serial_number: Text<'a>,
        subject: DistinguishedName<'a>,
    }

    /// `*.distinguished_name`
    DistinguishedName<'a> {
        distinguished_name: Text<'a>,
    }

    /// `*.name`
    Named<'a> {
        name: Text<'a>,
    }

    /// `trace.*`
    Trace<'a> {
        id: Text<'a>,
    }

    /// `url.*`
    Url<'a> {
        domain: Text<'a>,
        extension: Text<'a>,
        fragment: Text<'a>,
        full: Text<'a>,
        original: Text<'a>,
        password: Text<'a>,
        path: Text<'a>,
        port: Option<i64>,
        query: Text<'a>,
        scheme: Text<'a>,
        user_info: Text<'a>,
        username: Text<'a>,
    }

    /// `user.*`
    User<'a> {
        id: Text<'a>,
        name: Text<'a>,
    }

    /// `user_agent.*`
    UserAgent<'a> {
        device: Named<'a>,
        name: Text<'a>,
        original: Text<'a>,
        os: OperatingSystem<'a>,
        version: Text<'a>,
    }

    /// `user_agent.os.*`
    OperatingSystem<'a> {
        full: Text<'a>,
        name: Text<'a>,
        version: Text<'a>,
    }
}
