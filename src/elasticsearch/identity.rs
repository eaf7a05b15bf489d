//! The identity that a request to Elasticsearch carries.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::{Request, Url};
use secrecy::{ExposeSecret, SecretString};

use super::opensearch::endpoint;
use crate::aws::{AwsCredentials, Scope};
use crate::http::ClientError;
use crate::server::TransportError;

const UNSIGNABLE: &str = "the request cannot be signed: AWS_ACCESS_KEY_ID or AWS_SESSION_TOKEN \
     hold characters that a header cannot carry";

/// The identity that a request carries.
#[derive(Debug, Clone)]
pub(super) enum Identity {
    Nobody,
    /// The value of the header `authorization`.
    Header(HeaderValue),
    Role {
        credentials: AwsCredentials,
        region: Option<String>,
    },
}

impl Identity {
    /// Adds the identity to a request. Nothing may change in the request after that.
    pub(super) fn authorize(&self, request: &mut Request) -> Result<(), TransportError> {
        match self {
            Self::Nobody => {}
            Self::Header(value) => drop(request.headers_mut().insert(AUTHORIZATION, value.clone())),
            Self::Role {
                credentials,
                region,
            } => {
                let url = request.url().clone();
                let (service, of_host) = endpoint(&url);
                let region = of_host.or(region.as_deref()).unwrap_or_default();
                credentials
                    .sign(request, Scope { service, region })
                    .ok_or(TransportError::NoCredentials(UNSIGNABLE))?;
            }
        }
        Ok(())
    }
}

/// Makes the identity of an encoded API key. `None` if a header cannot carry it.
pub(super) fn api_key(key: &SecretString) -> Option<Identity> {
    header(format!("ApiKey {}", key.expose_secret()))
}

/// Makes the identity of a user and password. `None` if a header cannot carry them.
pub(super) fn basic(username: &str, password: &SecretString) -> Option<Identity> {
    header(format!(
        "Basic {}",
        BASE64_STANDARD.encode(format!("{username}:{}", password.expose_secret()))
    ))
}

fn header(authorization: String) -> Option<Identity> {
    let mut value = HeaderValue::try_from(authorization).ok()?;
    value.set_sensitive(true);
    Some(Identity::Header(value))
}

/// Makes the identity of a role, whose requests are signed.
pub(super) fn signature<'u>(
    credentials: Option<AwsCredentials>,
    region: Option<String>,
    mut urls: impl Iterator<Item = &'u Url>,
) -> Result<Identity, ClientError> {
    let credentials = credentials.ok_or(ClientError::AwsCredentials {
        variable: "ELASTICSEARCH_AUTH",
    })?;
    if region.is_none() && urls.any(|url| endpoint(url).1.is_none()) {
        return Err(ClientError::Region);
    }
    Ok(Identity::Role {
        credentials,
        region,
    })
}
