//! `apigw-logs log-format`: prints the access-log format to paste into the settings of a stage.
//!
//! API Gateway puts the text of each variable between the quotes and escapes it. Every value is
//! quoted, so that a variable without a value (`-`) leaves the line valid. A format may have at
//! most 3 KB.

mod explain;

use std::path::Path;

use clap::ValueEnum;

use super::{CliFailure, read};

/// Print the access-log format to paste into a stage's settings
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The kind of API
    #[arg(required_unless_present = "explain")]
    api_type: Option<ApiType>,
    /// The format of Elastic's own documentation, instead of the recommended one
    #[arg(long)]
    minimal: bool,
    /// Explain how a format is read: which key fills which field, whether that needs
    /// ACCESS_LOG_FORMATS_FILE, and what is missing. Takes a format, a file with formats, or -
    #[arg(long, value_name = "FORMAT", conflicts_with_all = ["api_type", "minimal"])]
    explain: Option<String>,
}

/// The kinds of API in API Gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ApiType {
    /// REST API
    Rest,
    /// HTTP API
    Http,
    /// WebSocket API
    Websocket,
}

/// A key of a format, and the `$context` variable behind it.
type FormatMember = (&'static str, &'static str);

/// Returns the lines to print.
pub(super) fn run(arguments: &Arguments) -> Result<Vec<String>, CliFailure> {
    if let Some(subject) = &arguments.explain {
        let text = match subject.contains("$context.") {
            true => subject.clone(),
            false => String::from_utf8_lossy(&read(Path::new(subject))?).into_owned(),
        };
        return explain::explain(&text).map_err(|problem| CliFailure::Usage(vec![problem]));
    }
    let format = |api_type| log_format(api_type, arguments.minimal);
    Ok(arguments.api_type.map(format).into_iter().collect())
}

/// Returns the format of a kind of API: one line of JSON.
#[must_use]
pub fn log_format(api_type: ApiType, minimal: bool) -> String {
    object(api_type, minimal, |variable| format!("$context.{variable}"))
}

/// Returns a line in the recommended format, as API Gateway makes it: `-` stands for a variable
/// without a value.
pub(super) fn line(api_type: ApiType, mut value: impl FnMut(&str) -> Option<String>) -> String {
    object(api_type, false, |variable| {
        value(variable).unwrap_or_else(|| "-".to_owned())
    })
}

fn object(api_type: ApiType, minimal: bool, mut value: impl FnMut(&str) -> String) -> String {
    let (documented, left_out, further): (_, &[&str], &[&[FormatMember]]) = match api_type {
        ApiType::Rest => (REST, &[], REST_FURTHER),
        // Keys that the documented format of HTTP APIs does not have. Otherwise it equals that of
        // REST APIs.
        ApiType::Http => (REST, &["requestId", "apiKeyId"], HTTP_FURTHER),
        ApiType::Websocket => (WEBSOCKET, &[], WEBSOCKET_FURTHER),
    };
    let further = if minimal { &[] } else { further };
    let members = documented
        .iter()
        .filter(|(key, _)| !left_out.contains(key))
        .chain(further.iter().copied().flatten());
    let members = members.map(|(key, variable)| format!(r#""{key}":"{}""#, value(variable)));
    format!("{{{}}}", members.collect::<Vec<_>>().join(","))
}

const REST: &[FormatMember] = &[
    ("accountId", "accountId"),
    ("apiId", "apiId"),
    ("domainName", "domainName"),
    ("extendedRequestId", "extendedRequestId"),
    ("requestId", "requestId"),
    ("httpMethod", "httpMethod"),
    ("ip", "identity.sourceIp"),
    ("clientCertPem", "identity.clientCert.clientCertPem"),
    ("clientsubjectDN", "identity.clientCert.subjectDN"),
    ("clientissuerDN", "identity.clientCert.issuerDN"),
    ("clientserialNumber", "identity.clientCert.serialNumber"),
    ("clientnotBefore", "identity.clientCert.validity.notBefore"),
    ("clientnotAfter", "identity.clientCert.validity.notAfter"),
    ("user", "identity.user"),
    ("userAgent", "identity.userAgent"),
    ("userArn", "identity.userArn"),
    ("apiKeyId", "identity.apiKeyId"),
    ("protocol", "protocol"),
    ("requestTimeEpoch", "requestTimeEpoch"),
    ("path", "path"),
    ("status", "status"),
    ("responseLength", "responseLength"),
    ("stage", "stage"),
];

const WEBSOCKET: &[FormatMember] = &[
    ("apiId", "apiId"),
    ("eventType", "eventType"),
    ("domainName", "domainName"),
    ("extendedRequestId", "extendedRequestId"),
    ("requestId", "requestId"),
    ("ip", "identity.sourceIp"),
    ("user", "identity.user"),
    ("userAgent", "identity.userAgent"),
    ("userArn", "identity.userArn"),
    ("apiKeyId", "identity.apiKeyId"),
    ("requestTimeEpoch", "requestTimeEpoch"),
    ("status", "status"),
    ("stage", "stage"),
];

const REST_FURTHER: &[&[FormatMember]] = &[
    &[
        ("resourcePath", "resourcePath"),
        ("responseLatency", "responseLatency"),
    ],
    OUTCOME,
    &[("validationError", "error.validationErrorString")],
    AUTHORIZER,
    AUTHORIZER_RESULT,
    &[("authorizerRequestId", "authorizer.requestId")],
    AUTHORIZATION,
    &[
        ("wafResponseCode", "wafResponseCode"),
        ("wafError", "waf.error"),
        ("wafStatus", "waf.status"),
        ("webaclArn", "webaclArn"),
        ("xrayTraceId", "xrayTraceId"),
    ],
    CALLER,
    &[
        ("vpcId", "identity.vpcId"),
        ("vpceId", "identity.vpceId"),
        ("basePathMatched", "customDomain.basePathMatched"),
        ("deploymentId", "deploymentId"),
        ("isCanaryRequest", "isCanaryRequest"),
        ("tlsVersion", "tlsVersion"),
        ("cipherSuite", "cipherSuite"),
    ],
];

const HTTP_FURTHER: &[&[FormatMember]] = &[
    &[
        ("requestId", "requestId"),
        ("routeKey", "routeKey"),
        ("responseLatency", "responseLatency"),
        ("dataProcessed", "dataProcessed"),
    ],
    OUTCOME,
    AUTHORIZER,
    CALLER,
    &[("basePathMatched", "customDomain.basePathMatched")],
];

const WEBSOCKET_FURTHER: &[&[FormatMember]] = &[
    &[
        ("routeKey", "routeKey"),
        ("connectionId", "connectionId"),
        ("connectedAt", "connectedAt"),
        ("messageId", "messageId"),
    ],
    OUTCOME,
    &[("validationError", "error.validationErrorString")],
    AUTHORIZER,
    AUTHORIZER_RESULT,
    AUTHORIZATION,
    &[("wafError", "waf.error"), ("wafStatus", "waf.status")],
    CALLER,
];

/// The outcome of the integration and of the request.
const OUTCOME: &[FormatMember] = &[
    ("integrationLatency", "integration.latency"),
    ("integrationStatus", "integration.status"),
    ("integrationServiceStatus", "integration.integrationStatus"),
    ("integrationRequestId", "integration.requestId"),
    ("integrationError", "integration.error"),
    ("errorMessage", "error.message"),
    ("errorResponseType", "error.responseType"),
];

/// The caller by the authorizer.
const AUTHORIZER: &[FormatMember] = &[
    ("principalId", "authorizer.principalId"),
    ("authorizerError", "authorizer.error"),
];

/// The result of the authorizer.
const AUTHORIZER_RESULT: &[FormatMember] = &[
    ("authorizerLatency", "authorizer.latency"),
    ("authorizerStatus", "authorizer.status"),
];

/// Authorization and authentication by API Gateway.
const AUTHORIZATION: &[FormatMember] = &[
    ("authorizeError", "authorize.error"),
    ("authorizeStatus", "authorize.status"),
    ("authenticateError", "authenticate.error"),
    ("authenticateStatus", "authenticate.status"),
];

/// The caller by AWS credentials.
const CALLER: &[FormatMember] = &[
    ("caller", "identity.caller"),
    ("userAccountId", "identity.accountId"),
    ("principalOrgId", "identity.principalOrgId"),
    ("cognitoIdentityId", "identity.cognitoIdentityId"),
];
