//! Endings of a request: the client's answer, and API Gateway's words for the reason.
//!
//! Types and texts are those of
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html>.

/// The ending of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// The integration answers with this status.
    Answered(u16),
    /// The integration does not answer in time.
    TimedOut,
    /// API Gateway itself is misconfigured.
    Misconfigured,
    /// The client sends more requests than the usage plan allows.
    Throttled,
    /// The web application firewall blocks the request.
    Blocked,
    /// The authorizer does not know the client.
    Unauthorized,
    /// The authorizer knows the client and denies the request.
    Denied,
    /// The authorizer itself fails.
    AuthorizerFailed,
    /// A REST API has no such method.
    NoMethod,
    /// An HTTP API has no such route.
    NoRoute,
}

impl Ending {
    /// Returns the status that the client gets.
    pub(super) fn status(self) -> u16 {
        match self {
            Self::Answered(status) => status,
            Self::TimedOut => 504,
            Self::Misconfigured | Self::AuthorizerFailed => 500,
            Self::Throttled => 429,
            Self::Blocked | Self::Denied | Self::NoMethod => 403,
            Self::Unauthorized => 401,
            Self::NoRoute => 404,
        }
    }

    /// Returns `$context.error.responseType` and `$context.error.message` for an answer by API
    /// Gateway itself.
    pub(super) fn error(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Answered(_) => None,
            Self::TimedOut => Some(("INTEGRATION_TIMEOUT", "Endpoint request timed out")),
            Self::Misconfigured => Some(("API_CONFIGURATION_ERROR", "Internal server error")),
            Self::Throttled => Some(("THROTTLED", "Too Many Requests")),
            Self::Blocked => Some(("WAF_FILTERED", "Forbidden")),
            Self::Unauthorized => Some(("UNAUTHORIZED", "Unauthorized")),
            Self::Denied => Some((
                "ACCESS_DENIED",
                "User is not authorized to access this resource",
            )),
            Self::AuthorizerFailed => Some(("AUTHORIZER_FAILURE", "Internal server error")),
            Self::NoMethod => Some((
                "MISSING_AUTHENTICATION_TOKEN",
                "Missing Authentication Token",
            )),
            Self::NoRoute => Some(("RESOURCE_NOT_FOUND", "Not Found")),
        }
    }

    /// Returns the integration's status, if it was called and answered.
    pub(super) fn integration_status(self) -> Option<u16> {
        match self {
            Self::Answered(status) => Some(status),
            _ => None,
        }
    }

    /// Returns whether the integration was called.
    pub(super) fn reaches_the_integration(self) -> bool {
        matches!(self, Self::Answered(_) | Self::TimedOut)
    }

    /// Returns `$context.authorizer.status`, if the authorizer was called.
    pub(super) fn authorizer_status(self) -> Option<u16> {
        match self {
            Self::Answered(_) | Self::TimedOut | Self::Misconfigured => Some(200),
            Self::Unauthorized => Some(401),
            Self::Denied => Some(403),
            Self::AuthorizerFailed => Some(500),
            Self::Throttled | Self::Blocked | Self::NoMethod | Self::NoRoute => None,
        }
    }

    /// `$context.authorizer.error`.
    pub(super) fn authorizer_error(self) -> Option<&'static str> {
        match self {
            Self::Unauthorized => Some("The token has expired"),
            Self::Denied => Some("The policy denies it"),
            Self::AuthorizerFailed => Some("The authorizer timed out"),
            _ => None,
        }
    }

    /// `$context.integration.error`.
    pub(super) fn integration_error(self) -> Option<&'static str> {
        match self {
            Self::Answered(502 | 503) => Some("The integration is unavailable"),
            Self::TimedOut => Some("The integration did not answer in time"),
            _ => None,
        }
    }
}
