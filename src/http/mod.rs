//! HTTP clients for Elasticsearch and AWS: whom they trust, and how much of an answer they read.

mod tls;

use std::path::PathBuf;
use std::time::Duration;

use reqwest::{Client, Response};
use thiserror::Error;

pub use self::tls::Fingerprint;
use crate::server::TransportError;

/// More than any answer needs: some hundred bytes an item of a bulk request, some thousand where a reason is given; one
/// mebibyte of lines for a page of CloudWatch Logs.
const LARGEST_REPLY: usize = 16 << 20;

/// Whom to believe that it is Elasticsearch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trust {
    /// The public certificate authorities, as Mozilla trusts them.
    PublicAuthorities,
    /// The authorities of a PEM file.
    AuthorityFile(PathBuf),
    /// The authority with this fingerprint.
    AuthorityFingerprint(Fingerprint),
}

/// Why there can be no client: a matter of settings.
#[derive(Debug, Error)]
pub enum ClientError {
    /// The file of authorities is of no use.
    #[error("{reason}")]
    AuthorityFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// There is nobody to sign as.
    #[error(
        "it needs AWS credentials, and AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set: \
         `eval \"$(aws configure export-credentials --format env)\"` sets them"
    )]
    AwsCredentials {
        /// The setting that needs them.
        variable: &'static str,
    },
    /// There is no region to sign for.
    #[error("the region is not known: set AWS_REGION to that of the domain")]
    Region,
    /// Credentials that fit in no HTTP header.
    #[error(
        "the credentials hold characters that cannot be sent in an HTTP header: copy them again"
    )]
    Credentials,
    /// Something else.
    #[error("the HTTP client cannot be made: {0}")]
    Client(String),
}

/// What a client is made of.
#[derive(Debug)]
pub(crate) struct ClientSettings {
    tls: rustls::ClientConfig,
    connect_timeout: Duration,
}

impl ClientSettings {
    pub(crate) fn new(trust: &Trust, connect_timeout: Duration) -> Result<Self, ClientError> {
        Ok(Self {
            tls: tls::client_config(trust)?,
            connect_timeout,
        })
    }

    /// A client that neither repeats nor follows anything by itself.
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

/// Reads an answer to its end, or as much of it as an answer may have.
pub(crate) async fn read(mut response: Response) -> Result<Vec<u8>, TransportError> {
    let mut body = Vec::new();
    let cut = |error: reqwest::Error| {
        if error.is_timeout() {
            TransportError::Timeout
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
