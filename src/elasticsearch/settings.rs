//! The settings of the client.

use std::time::Duration;

use reqwest::Url;
use secrecy::SecretString;

use super::secret_arn::SecretArn;
use crate::aws::{AwsCredentials, AwsSettings};
use crate::http::Trust;

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

/// The access to a secret.
#[derive(Debug, Clone)]
pub struct SecretSettings {
    /// The secret.
    pub arn: SecretArn,
    /// The access to Secrets Manager; `None` if the environment has no AWS credentials.
    pub aws: Option<AwsSettings>,
}
