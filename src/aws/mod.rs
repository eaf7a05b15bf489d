//! The one client for AWS's services that speak JSON 1.1: Secrets Manager and CloudWatch Logs.
//!
//! It signs a request, sends it and reads the reply. It never repeats a request, because only the
//! caller knows how much time is left.

mod logs;
mod place;
mod sign;

use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use reqwest::{Client, Url};
use serde::{Deserialize, Serialize};

pub use self::logs::{DescribedLogGroup, FilterLogEvents, LogGroupsPage, Logs};
pub use self::place::{Place, is_region};
pub use self::sign::AwsCredentials;
pub(crate) use self::sign::Scope;
use crate::http::{ClientError, ClientSettings, Trust, read};

/// The settings for calls to AWS.
#[derive(Debug, Clone)]
pub struct AwsSettings {
    /// Who calls.
    pub credentials: AwsCredentials,
    /// The address of the service, if it is not AWS's usual one.
    pub endpoint: Option<Url>,
    /// The kind of endpoint to call.
    pub endpoints: Endpoints,
    /// The longest wait for a connection.
    pub connect_timeout: Duration,
}

/// The kinds of AWS endpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endpoints {
    /// The usual endpoints.
    Standard,
    /// The endpoints with FIPS 140 cryptography.
    Fips,
}

/// A service of AWS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Service {
    /// Its name in hosts and signatures.
    pub name: &'static str,
    /// The text before the action in `X-Amz-Target`.
    pub target: &'static str,
}

/// Calls one service of AWS.
#[derive(Debug)]
pub struct AwsClient {
    client: Client,
    service: Service,
    settings: AwsSettings,
}

/// The reason why a call has no result. It quotes nothing of the reply except AWS's name of the
/// error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallError {
    /// The credentials hold characters that a header cannot carry.
    NotSigned,
    /// The region does not make a host name.
    NoHost,
    /// There is no reply.
    Unreachable,
    /// Something other than AWS has replied.
    NotAws,
    /// The service has rejected the call.
    Refused {
        /// The HTTP status.
        status: u16,
        /// AWS's name of the error.
        kind: String,
    },
}

/// The remedy for a call without a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// Call again later.
    Wait,
    /// Get other credentials.
    Credentials,
    /// Allow the action.
    Permission,
    /// Something else.
    Other,
}

/// The error that AWS names in a reply without a result.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Complaint {
    __type: String,
}

impl AwsClient {
    /// Makes the client without connecting.
    ///
    /// # Errors
    /// [`ClientError`] if the settings do not allow one.
    pub fn new(service: Service, settings: AwsSettings) -> Result<Self, ClientError> {
        // The authority of Elasticsearch's certificate does not sign AWS's certificates.
        let trust = Trust::PublicAuthorities;
        let client = ClientSettings::new(&trust, settings.connect_timeout)?.client()?;
        Ok(Self {
            client,
            service,
            settings,
        })
    }

    /// Calls an action. Returns the body of the reply.
    ///
    /// # Errors
    /// [`CallError`] if there is no answer, or the service refuses.
    pub async fn call(
        &self,
        place: &Place,
        action: &str,
        parameters: &impl Serialize,
        timeout: Duration,
    ) -> Result<Vec<u8>, CallError> {
        let endpoint = self.settings.endpoint.clone();
        let url = endpoint
            .or_else(|| place.url(self.service.name, self.settings.endpoints))
            .ok_or(CallError::NoHost)?;
        let body = serde_json::to_vec(parameters).unwrap_or_default();
        let request = self.client.post(url).timeout(timeout).body(body);
        let mut request = request.build().map_err(|_| CallError::Unreachable)?;
        let target = format!("{}.{action}", self.service.target);
        let target = HeaderValue::try_from(target).map_err(|_| CallError::NotSigned)?;
        let headers = request.headers_mut();
        headers.insert(HeaderName::from_static("x-amz-target"), target);
        let content_type = HeaderValue::from_static("application/x-amz-json-1.1");
        headers.insert(CONTENT_TYPE, content_type);
        let scope = Scope {
            service: self.service.name,
            region: place.region(),
        };
        let credentials = &self.settings.credentials;
        credentials
            .sign(&mut request, scope)
            .ok_or(CallError::NotSigned)?;
        let response = self.client.execute(request).await;
        let response = response.map_err(|_| CallError::Unreachable)?;
        let status = response.status().as_u16();
        let body = read(response).await.map_err(|_| CallError::Unreachable)?;
        if status == 200 {
            return Ok(body);
        }
        let complaint: Complaint = serde_json::from_slice(&body).unwrap_or_default();
        let kind = complaint.__type.rsplit('#').next().unwrap_or_default();
        tracing::debug!(status, kind, action, "AWS refused");
        Err(CallError::Refused {
            status,
            kind: kind.to_owned(),
        })
    }
}

impl CallError {
    /// Returns the remedy.
    ///
    /// Source: the errors of the actions, and
    /// <https://docs.aws.amazon.com/secretsmanager/latest/apireference/CommonErrors.html>.
    #[must_use]
    pub fn remedy(&self) -> Remedy {
        let (status, kind) = match self {
            Self::NotSigned => return Remedy::Credentials,
            Self::Unreachable => return Remedy::Wait,
            Self::NoHost | Self::NotAws => return Remedy::Other,
            Self::Refused { status, kind } => (*status, kind.as_str()),
        };
        match kind {
            "AccessDeniedException" | "AccessDenied" => Remedy::Permission,
            "ExpiredToken"
            | "ExpiredTokenException"
            | "IncompleteSignature"
            | "InvalidClientTokenId"
            | "InvalidSignatureException"
            | "MissingAuthenticationToken"
            | "MissingAuthenticationTokenException"
            | "SignatureDoesNotMatch"
            | "UnrecognizedClientException" => Remedy::Credentials,
            "LimitExceededException" | "RequestLimitExceeded" | "TooManyRequestsException" => {
                Remedy::Wait
            }
            _ if status == 429 || status >= 500 || kind.starts_with("Throttl") => Remedy::Wait,
            _ => Remedy::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_error_has_its_remedy() {
        for (status, kind, expected) in [
            (400, "ThrottlingException", Remedy::Wait),
            (400, "Throttling", Remedy::Wait),
            (400, "LimitExceededException", Remedy::Wait),
            (429, "", Remedy::Wait),
            (503, "ServiceUnavailableException", Remedy::Wait),
            (500, "", Remedy::Wait),
            (400, "ExpiredTokenException", Remedy::Credentials),
            (403, "SignatureDoesNotMatch", Remedy::Credentials),
            (400, "AccessDeniedException", Remedy::Permission),
            (400, "ResourceNotFoundException", Remedy::Other),
            (400, "", Remedy::Other),
        ] {
            let kind = kind.to_owned();
            let error = CallError::Refused { status, kind };
            assert_eq!(error.remedy(), expected, "{error:?}");
        }
        assert_eq!(CallError::Unreachable.remedy(), Remedy::Wait);
    }
}
