//! The one client for AWS's services: Secrets Manager and CloudWatch Logs, and for `check --stack`
//! those that know a deployment.
//!
//! It signs a request, sends it and reads the reply. It never repeats a request, because only the
//! caller knows how much time is left.

mod account;
mod logs;
mod place;
mod sign;
mod wildcard;
mod xml;

use std::time::Duration;

use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, Method, RequestBuilder, Url};
use serde::{Deserialize, Serialize};

pub use self::account::{
    Account, AccountSettings, Alarm, Environment, EnvironmentError, FunctionConfiguration,
    FunctionMetric, LogsPermission, Stack, StackResource, Subscription,
};
pub use self::logs::{DescribedLogGroup, FilterLogEvents, LogGroupsPage, Logs};
pub use self::place::{Place, is_region};
pub use self::sign::AwsCredentials;
pub(crate) use self::sign::Scope;
pub use self::wildcard::matches;
use crate::http::{self, ClientError, ClientSettings, Trust, host_and_port, read};

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
    /// The text before the action in `X-Amz-Target`, if it speaks JSON.
    pub target: &'static str,
    /// The type of its JSON.
    pub json: &'static str,
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
    /// There is no whole reply. The text names host and port, and says why.
    Unreachable(String),
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

/// The type of most services' JSON.
pub const JSON_1_1: &str = "application/x-amz-json-1.1";

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
        let body = serde_json::to_vec(parameters).unwrap_or_default();
        let target = format!("{}.{action}", self.service.target);
        let request = self.request(Method::POST, place, &[])?.body(body);
        let request = request
            .header("x-amz-target", target)
            .header(CONTENT_TYPE, self.service.json);
        self.send(place, request, timeout).await
    }

    /// Calls an action of a service that takes forms and answers with XML. Returns the body of the
    /// reply.
    ///
    /// # Errors
    /// [`CallError`] if there is no answer, or the service refuses.
    pub async fn query(
        &self,
        place: &Place,
        form: String,
        timeout: Duration,
    ) -> Result<Vec<u8>, CallError> {
        let request = self.request(Method::POST, place, &[])?.body(form);
        let request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.send(place, request, timeout).await
    }

    /// Reads a resource of a service that is REST. Returns the body of the reply.
    ///
    /// # Errors
    /// [`CallError`] if there is no answer, or the service refuses.
    pub async fn get(
        &self,
        place: &Place,
        path: &[&str],
        timeout: Duration,
    ) -> Result<Vec<u8>, CallError> {
        let request = self.request(Method::GET, place, path)?;
        self.send(place, request, timeout).await
    }

    fn request(
        &self,
        method: Method,
        place: &Place,
        path: &[&str],
    ) -> Result<RequestBuilder, CallError> {
        let endpoint = self.settings.endpoint.clone();
        let mut url = endpoint
            .or_else(|| place.url(self.service.name, self.settings.endpoints))
            .ok_or(CallError::NoHost)?;
        if !path.is_empty() {
            let mut segments = url.path_segments_mut().map_err(|()| CallError::NoHost)?;
            segments.pop_if_empty().extend(path);
        }
        Ok(self.client.request(method, url))
    }

    async fn send(
        &self,
        place: &Place,
        request: RequestBuilder,
        timeout: Duration,
    ) -> Result<Vec<u8>, CallError> {
        let request = request.timeout(timeout).build();
        let mut request = request.map_err(|_| CallError::NotSigned)?;
        let scope = Scope {
            service: self.service.name,
            region: place.region(),
        };
        let credentials = &self.settings.credentials;
        credentials
            .sign(&mut request, scope)
            .ok_or(CallError::NotSigned)?;
        let response = self.client.execute(request).await;
        let response = response.map_err(|error| unreachable(&error))?;
        let server = host_and_port(response.url());
        let status = response.status().as_u16();
        let named = response.headers().get("x-amzn-errortype");
        let named = named.and_then(|kind| kind.to_str().ok()).map(str::to_owned);
        let body = read(response).await;
        let body =
            body.map_err(|error| CallError::Unreachable(format!("{}: {}", server, error.cause())))?;
        if status == 200 {
            return Ok(body);
        }
        let kind = named.unwrap_or_else(|| kind(&body));
        let kind = kind.rsplit('#').next().unwrap_or_default();
        let kind = kind.split(':').next().unwrap_or_default();
        tracing::debug!(status, kind, service = self.service.name, "AWS refused");
        Err(CallError::Refused {
            status,
            kind: kind.to_owned(),
        })
    }
}

/// Says why there is no reply. The remedies of Elasticsearch's connections do not fit here.
fn unreachable(error: &reqwest::Error) -> CallError {
    let error = http::transport_error(error, &Trust::PublicAuthorities, false);
    CallError::Unreachable(error.cause())
}

/// Returns AWS's name of the error in the body of a reply, which is JSON or XML.
fn kind(body: &[u8]) -> String {
    match serde_json::from_slice::<Complaint>(body) {
        Ok(complaint) => complaint.__type,
        Err(_) => xml::text(&String::from_utf8_lossy(body), "Code"),
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
            Self::Unreachable(_) => return Remedy::Wait,
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
        let unreachable = CallError::Unreachable(String::new());
        assert_eq!(unreachable.remedy(), Remedy::Wait);
    }
}
