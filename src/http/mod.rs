//! HTTP clients for Elasticsearch and AWS: which certificates they trust, and how much of a reply
//! they read.

mod causes;
mod tls;

use std::path::PathBuf;
use std::time::Duration;

use reqwest::{Client, Response};
use thiserror::Error;

pub(crate) use self::causes::{expects_tls, host_and_port, transport_error};
pub use self::tls::Fingerprint;
use crate::server::TransportError;

/// More than any reply needs: some hundred bytes for each item of a bulk request, some thousand
/// where a reason is given, and a mebibyte of lines for a page of CloudWatch Logs.
const LARGEST_REPLY: usize = 16 << 20;

/// The authorities that may vouch for the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trust {
    /// The public certificate authorities that Mozilla trusts.
    PublicAuthorities,
    /// The authorities in a PEM file.
    AuthorityFile(PathBuf),
    /// The authority with this fingerprint.
    AuthorityFingerprint(Fingerprint),
}

/// A reason in the settings why no client can be made.
#[derive(Debug, Error)]
pub enum ClientError {
    /// The file of authorities cannot be used.
    #[error("{reason}")]
    AuthorityFile {
        /// The file.
        path: PathBuf,
        /// The problem with it.
        reason: String,
    },
    /// The environment has no AWS credentials.
    #[error(
        "it needs AWS credentials, and AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set: \
         `eval \"$(aws configure export-credentials --format env)\"` sets them"
    )]
    AwsCredentials {
        /// The setting that needs them.
        variable: &'static str,
    },
    /// No region is known for the signature.
    #[error("the region is not known: set AWS_REGION to that of the domain")]
    Region,
    /// Credentials that an HTTP header cannot carry.
    #[error(
        "the credentials hold characters that cannot be sent in an HTTP header: copy them again"
    )]
    Credentials,
    /// Any other reason.
    #[error("the HTTP client cannot be made: {0}")]
    Client(String),
}

/// The settings from which a client is made.
#[derive(Debug)]
pub(crate) struct ClientSettings {
    trust: Trust,
    tls: rustls::ClientConfig,
    connect_timeout: Duration,
}

impl ClientSettings {
    pub(crate) fn new(trust: &Trust, connect_timeout: Duration) -> Result<Self, ClientError> {
        Ok(Self {
            trust: trust.clone(),
            tls: tls::client_config(trust)?,
            connect_timeout,
        })
    }

    /// The authorities that may vouch for the server.
    pub(crate) fn trust(&self) -> &Trust {
        &self.trust
    }

    /// Makes a client that never repeats a request and follows no redirects.
    pub(crate) fn client(&self) -> Result<Client, ClientError> {
        Client::builder()
            .user_agent(concat!("apigw-logs/", env!("CARGO_PKG_VERSION")))
            .tls_backend_preconfigured(self.tls.clone())
            .http1_only()
            .connect_timeout(self.connect_timeout)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .retry(reqwest::retry::never())
            .tcp_nodelay(true)
            .build()
            .map_err(|error| ClientError::Client(error.to_string()))
    }
}

/// Reads a reply to its end, up to the largest size that a reply may have.
pub(crate) async fn read(mut response: Response) -> Result<Vec<u8>, TransportError> {
    let mut body = Vec::new();
    let server = host_and_port(response.url());
    let cut = |error: reqwest::Error| {
        if error.is_timeout() {
            TransportError::Timeout(server.clone())
        } else {
            TransportError::Cut
        }
    };
    while let Some(chunk) = response.chunk().await.map_err(cut)? {
        if body.len() + chunk.len() > LARGEST_REPLY {
            return Err(TransportError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
