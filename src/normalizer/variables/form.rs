//! The form of a value, as a sign of the variable that it belongs to.
//!
//! API Gateway writes each variable in its own form. The form decides if a key may mean several
//! things, and it is evidence for or against an access log.

use std::net::IpAddr;

use super::aliases::Variable;
use super::value::is_uuid;
use crate::normalizer::convert::timestamp;

/// Types of gateway responses: the values of `$context.error.responseType`.
const RESPONSE_TYPES: [&str; 21] = [
    "ACCESS_DENIED",
    "API_CONFIGURATION_ERROR",
    "AUTHORIZER_CONFIGURATION_ERROR",
    "AUTHORIZER_FAILURE",
    "BAD_REQUEST_BODY",
    "BAD_REQUEST_PARAMETERS",
    "DEFAULT_4XX",
    "DEFAULT_5XX",
    "EXPIRED_TOKEN",
    "INTEGRATION_FAILURE",
    "INTEGRATION_TIMEOUT",
    "INVALID_API_KEY",
    "INVALID_SIGNATURE",
    "MISSING_AUTHENTICATION_TOKEN",
    "QUOTA_EXCEEDED",
    "REQUEST_TOO_LARGE",
    "RESOURCE_NOT_FOUND",
    "THROTTLED",
    "UNAUTHORIZED",
    "UNSUPPORTED_MEDIA_TYPE",
    "WAF_FILTERED",
];

/// The beginnings of the messages that API Gateway writes in `$context.error.message`.
const GATEWAY_MESSAGES: [&str; 34] = [
    "Access Denied",
    "Authorization header requires",
    "Bad Request",
    "Could not parse request body",
    "Credential should be scoped",
    "Endpoint request timed out",
    "Endpoint response",
    "Execution failed",
    "Expired",
    "Forbidden",
    "Gateway Timeout",
    "Internal Server Error",
    "Internal error",
    "Invalid",
    "Limit Exceeded",
    "Malformed",
    "Method Not Allowed",
    "Missing Authentication Token",
    "Missing required",
    "Network error communicating",
    "No method found matching route",
    "Not Found",
    "Request Too Long",
    "Request body",
    "Service Unavailable",
    "Signature",
    "The incoming token",
    "The request signature",
    "The security token",
    "Throttled",
    "Too Many Requests",
    "Unauthorized",
    "Unsupported Media Type",
    "User:",
];

/// The beginnings of the messages that API Gateway writes only in `$context.integration.error`.
const INTEGRATION_MESSAGES: [&str; 4] = [
    "Execution failed",
    "Lambda.",
    "Malformed Lambda",
    "Network error communicating",
];

/// Returns whether a text is an integration's error message. The client gets another one.
pub(crate) fn is_integration_message(text: &str) -> bool {
    INTEGRATION_MESSAGES
        .iter()
        .any(|start| text.starts_with(start))
}

pub(crate) fn is_response_type(text: &str) -> bool {
    RESPONSE_TYPES.contains(&text)
}

pub(crate) fn is_gateway_message(text: &str) -> bool {
    let starts = |start: &&str| {
        text.get(..start.len())
            .is_some_and(|beginning| beginning.eq_ignore_ascii_case(start))
    };
    GATEWAY_MESSAGES.iter().any(starts)
        || (text.starts_with("User is not authorized") || text.starts_with("User is anonymous"))
}

/// Returns whether a text is an address, as [`IpAddr`] reads it.
pub(crate) fn is_ip(text: &str) -> bool {
    is_ipv4(text) || text.parse::<IpAddr>().is_ok()
}

/// Returns whether a text is four numbers of at most 255, without leading zeros, between dots.
///
/// Perf: nearly every line has such an address. The parser of the standard library takes twice as
/// many instructions.
fn is_ipv4(text: &str) -> bool {
    let mut dots = 0;
    let mut digits = 0;
    let mut number = 0_u16;
    for byte in text.bytes() {
        match byte {
            b'0'..=b'9' if digits == 0 || (digits < 3 && number > 0) => {
                number = number * 10 + u16::from(byte - b'0');
                digits += 1;
            }
            b'.' if digits > 0 && number <= 255 => {
                dots += 1;
                (digits, number) = (0, 0);
            }
            _ => return false,
        }
    }
    dots == 3 && digits > 0 && number <= 255
}

pub(crate) fn is_method(text: &str) -> bool {
    const METHODS: [&str; 10] = [
        "ANY", "CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE",
    ];
    METHODS.contains(&text)
}

/// Returns whether a text is three digits.
pub(crate) fn is_status(text: &str) -> bool {
    text.len() == 3 && text.bytes().all(|digit| digit.is_ascii_digit()) && !text.starts_with('0')
}

pub(crate) fn is_protocol(text: &str) -> bool {
    text.strip_prefix("HTTP/")
        .is_some_and(|version| matches!(version, "1.0" | "1.1" | "2" | "2.0" | "3" | "3.0"))
}

/// Returns whether a text is an id of HTTP and WebSocket APIs: 15 characters of base64 and `=`.
pub(crate) fn is_extended_id(text: &str) -> bool {
    let digits = text.strip_suffix('=').unwrap_or_default();
    digits.len() == 15
        && digits
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_+/".contains(&b))
}

/// Returns whether a text is a request's id.
pub(crate) fn is_request_id(text: &str) -> bool {
    is_uuid(text) || is_extended_id(text)
}

pub(crate) fn is_trace(text: &str) -> bool {
    let id = text.strip_prefix("Root=").unwrap_or(text);
    let hexadecimal = |text: &str, length: usize| {
        text.len() >= length
            && text
                .bytes()
                .take(length)
                .all(|digit| digit.is_ascii_hexdigit())
    };
    id.strip_prefix("1-")
        .and_then(|id| id.split_once('-'))
        .is_some_and(|(seconds, unique)| {
            seconds.len() == 8 && hexadecimal(seconds, 8) && hexadecimal(unique, 24)
        })
}

pub(crate) fn is_user_arn(text: &str) -> bool {
    text.starts_with("arn:aws") && (text.contains(":iam::") || text.contains(":sts::"))
}

pub(crate) fn is_web_acl(text: &str) -> bool {
    text.starts_with("arn:aws") && text.contains(":webacl/")
}

pub(crate) fn is_gateway_host(text: &str) -> bool {
    text.contains(".execute-api.") && text.contains(".amazonaws.com")
}

/// Returns a method, its target, and perhaps the protocol: `GET /pets HTTP/1.1`.
pub(crate) struct RequestLine<'a> {
    pub(crate) method: &'a str,
    pub(crate) target: &'a str,
    pub(crate) protocol: Option<&'a str>,
}

impl<'a> RequestLine<'a> {
    pub(crate) fn of(text: &'a str) -> Option<Self> {
        let (method, rest) = text.split_once(' ')?;
        let (target, protocol) = match rest.split_once(' ') {
            Some((target, protocol)) if is_protocol(protocol) => (target, Some(protocol)),
            Some(_) => return None,
            None => (rest, None),
        };
        let fits = is_method(method) && target.starts_with('/');
        fits.then_some(Self {
            method,
            target,
            protocol,
        })
    }
}

/// Returns whether a text is a route key that only API Gateway writes.
pub(crate) fn is_route(text: &str) -> bool {
    matches!(text, "$default" | "$connect" | "$disconnect")
        || text.split_once(' ').is_some_and(|(method, path)| {
            is_method(method) && path.starts_with('/') && !path.contains(' ')
        })
}

pub(crate) fn is_websocket_event(text: &str) -> bool {
    matches!(text, "CONNECT" | "DISCONNECT" | "MESSAGE")
}

pub(crate) fn is_number(text: &str) -> bool {
    !text.is_empty() && text.parse::<f64>().is_ok_and(f64::is_finite)
}

/// Returns whether a text is a hostname with a dot in it.
pub(crate) fn is_hostname(text: &str) -> bool {
    text.contains('.')
        && !is_ip(text)
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.')
}

/// Returns the variable that a value belongs to by its form, for a key that may mean several;
/// `None` if it is the owner's own word.
pub(crate) fn settled(variable: Variable, text: &str) -> Option<Variable> {
    use Variable as V;
    let is_text = text.contains(' ');
    let fits = match variable {
        V::SourceIp => is_ip(text),
        V::DomainName => is_hostname(text),
        V::Path => text.starts_with('/') || text.contains("://"),
        V::ResponseLatency | V::IntegrationLatency | V::ResponseLength => is_number(text),
        V::RequestTime => timestamp::request_time(bracketless(text)).is_some(),
        V::AccountId => text.len() == 12 && text.bytes().all(|digit| digit.is_ascii_digit()),
        V::UserAgent => text.contains('/'),
        V::XrayTraceId => is_trace(text),
        V::WafResponseCode => {
            text.starts_with("WAF_") || matches!(text, "ALLOW" | "BLOCK" | "COUNT")
        }
        V::ErrorValidationError => is_text || text.starts_with('['),
        V::IntegrationError => is_text,
        V::CipherSuite => text.contains("AES") || text.contains("CHACHA"),
        V::ClientCertSubject if is_ip(text) => return Some(V::SourceIp),
        V::ClientCertSubject => text.contains('='),
        // API Gateway's types are single words. A sentence is the message.
        V::ErrorResponseType if is_text || text.starts_with('"') => {
            return Some(V::ErrorMessageString);
        }
        V::RouteKey if text.starts_with('/') => return Some(V::ResourcePath),
        V::AuthorizerPrincipalId if is_user_arn(text) => return Some(V::UserArn),
        _ => true,
    };
    fits.then_some(variable)
}

fn bracketless(text: &str) -> &str {
    text.strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'))
        .unwrap_or(text)
}

/// Returns the variable that a value belongs to, whatever its key: nothing else has such a form.
pub(crate) fn shown(text: &str) -> Option<Variable> {
    use Variable as V;
    Some(match text {
        _ if timestamp::clf(text).is_some() => V::RequestTime,
        _ if is_response_type(text) => V::ErrorResponseType,
        _ if is_web_acl(text) => V::WebAclArn,
        _ if matches!(
            text,
            "WAF_ALLOW" | "WAF_BLOCK" | "WAF_COUNT" | "WAF_CAPTCHA"
        ) =>
        {
            V::WafResponseCode
        }
        _ if is_protocol(text) => V::Protocol,
        _ if is_trace(text) => V::XrayTraceId,
        _ if is_gateway_host(text) && is_hostname(text) => V::DomainName,
        _ if is_ip(text) => V::SourceIp,
        _ if is_route(text) => V::RouteKey,
        _ if is_websocket_event(text) && text != "CONNECT" => V::EventType,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn addresses_are_those_of_the_standard_library(
            text in "[0-9]{0,4}(\\.(0|00|1?[0-9]{1,2}|25[0-9]|2?[0-9a]{1,3})){2,4}\\.?",
            numbers in any::<[u8; 4]>(),
        ) {
            prop_assert_eq!(is_ipv4(&text), text.parse::<Ipv4Addr>().is_ok(), "{}", text);
            prop_assert!(is_ipv4(&Ipv4Addr::from(numbers).to_string()));
        }
    }
}
