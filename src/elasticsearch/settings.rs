//! The settings of the client.

use std::path::PathBuf;
use std::time::Duration;

use reqwest::Url;
use secrecy::SecretString;
use thiserror::Error;

use super::aws::AwsCredentials;
use super::secret::SecretArn;
use super::tls::Fingerprint;

/// The addresses of Elasticsearch, and how to reach it.
#[derive(Debug, Clone)]
pub struct ElasticsearchSettings {
    /// One URL, or several of the same cluster.
    pub urls: Vec<Url>,
    /// The identity of the client.
    pub auth: Auth,
    /// The authorities that may vouch for the server.
    pub trust: Trust,
    /// The longest wait for a connection.
    pub connect_timeout: Duration,
    /// The gzip level of requests; 0 turns compression off.
    pub compression_level: u32,
}

/// Credentials.
#[derive(Debug, Clone)]
pub enum Auth {
    /// None.
    None,
    /// An encoded API key.
    ApiKey(SecretString),
    /// A user with a password.
    Basic {
        /// The user's name.
        username: String,
        /// The user's password.
        password: SecretString,
    },
    /// A secret in Secrets Manager, which may also hold the URL.
    Secret(SecretSettings),
    /// Signed requests, for Amazon OpenSearch Service.
    Signature {
        /// The credentials that sign; `None` if the environment has no AWS credentials.
        credentials: Option<AwsCredentials>,
        /// The region, for hosts whose names do not hold it.
        region: Option<String>,
    },
}

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

/// The access to a secret.
#[derive(Debug, Clone)]
pub struct SecretSettings {
    /// The secret.
    pub arn: SecretArn,
    /// The address of Secrets Manager, if it is not the one that follows from the ARN.
    pub endpoint: Option<Url>,
    /// The kind of endpoint to call.
    pub endpoints: Endpoints,
    /// The credentials that sign; `None` if the environment has no AWS credentials.
    pub credentials: Option<AwsCredentials>,
}

/// The kind of AWS endpoints to call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endpoints {
    /// The usual endpoints.
    Standard,
    /// The endpoints with FIPS 140 cryptography.
    Fips,
}
