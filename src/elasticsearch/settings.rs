//! What the client is to be made with.

use std::path::PathBuf;
use std::time::Duration;

use reqwest::Url;
use secrecy::SecretString;
use thiserror::Error;

use super::aws::AwsCredentials;
use super::secret::SecretArn;
use super::tls::Fingerprint;

/// Where and how to reach Elasticsearch.
#[derive(Debug, Clone)]
pub struct ElasticsearchSettings {
    /// One URL or several of the same cluster.
    pub urls: Vec<Url>,
    /// Who we are.
    pub auth: Auth,
    /// Whom to believe that it is Elasticsearch.
    pub trust: Trust,
    /// The longest wait for a connection.
    pub connect_timeout: Duration,
    /// The gzip level of requests; 0 is off.
    pub compression_level: u32,
}

/// Credentials.
#[derive(Debug, Clone)]
pub enum Auth {
    /// None.
    None,
    /// An API key, encoded.
    ApiKey(SecretString),
    /// A user of a realm.
    Basic {
        /// The user's name.
        username: String,
        /// The user's password.
        password: SecretString,
    },
    /// A secret in Secrets Manager, which may also say where Elasticsearch is.
    Secret(SecretSettings),
    /// Requests are signed, as Amazon OpenSearch Service wants it.
    Signature {
        /// Whose signature; `None` if the environment has no AWS credentials.
        credentials: Option<AwsCredentials>,
        /// The region, where the host's name does not tell it.
        region: Option<String>,
    },
}

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

/// How to read a secret.
#[derive(Debug, Clone)]
pub struct SecretSettings {
    /// The secret.
    pub arn: SecretArn,
    /// Where Secrets Manager is, if not where the ARN says.
    pub endpoint: Option<Url>,
    /// Which of its endpoints is called.
    pub endpoints: Endpoints,
    /// Who asks; `None` if the environment has no AWS credentials.
    pub credentials: Option<AwsCredentials>,
}

/// Which of AWS's endpoints are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endpoints {
    /// The usual ones.
    Standard,
    /// Those with FIPS 140 cryptography.
    Fips,
}
