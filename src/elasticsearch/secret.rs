//! The only call to AWS Secrets Manager: `GetSecretValue`.
//!
//! <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html>

use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use reqwest::Url;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::identity::{Identity, api_key, basic};
use super::secret_arn::SecretArn;
use super::settings::SecretSettings;
use crate::aws::{AwsClient, CallError, JSON_1_1, Remedy, Service};
use crate::http::ClientError;
use crate::server::TransportError;

const SECRETS_MANAGER: Service = Service {
    name: "secretsmanager",
    target: "secretsmanager",
    json: JSON_1_1,
};

/// The content of a secret.
pub(super) struct Secret {
    pub(super) identity: Identity,
    pub(super) urls: Vec<Url>,
}

/// Reads a secret whenever it is asked to.
#[derive(Debug)]
pub(super) struct SecretReader {
    client: AwsClient,
    arn: SecretArn,
}

/// The longest wait for Secrets Manager, which usually answers within some ten milliseconds.
const LONGEST: Duration = Duration::from_secs(5);

#[derive(Serialize)]
struct GetSecretValue<'a> {
    #[serde(rename = "SecretId")]
    secret_id: &'a str,
}

#[derive(Deserialize)]
struct SecretValue {
    #[serde(rename = "SecretString")]
    secret_string: Option<String>,
}

/// A secret in JSON form. Other members, which rotation keeps there, are ignored.
#[derive(Deserialize)]
struct SecretMembers {
    /// The id of the API key, if it is a text. Other secrets may have an `id` of any type.
    id: Option<Box<RawValue>>,
    api_key: Option<String>,
    /// `encoded` in Elasticsearch's reply to whoever makes a key: base64 of `id:api_key`.
    encoded: Option<String>,
    username: Option<String>,
    password: Option<String>,
    url: Option<String>,
}

impl SecretReader {
    pub(super) fn new(settings: SecretSettings) -> Result<Self, ClientError> {
        let variable = "ELASTICSEARCH_SECRET_ARN";
        let aws = settings
            .aws
            .ok_or(ClientError::AwsCredentials { variable })?;
        Ok(Self {
            client: AwsClient::new(SECRETS_MANAGER, aws)?,
            arn: settings.arn,
        })
    }

    /// Requests the secret and parses it.
    pub(super) async fn read(&self, timeout: Duration) -> Result<Secret, TransportError> {
        let parameters = GetSecretValue {
            secret_id: self.arn.text(),
        };
        let timeout = timeout.min(LONGEST);
        let body = self
            .client
            .call(self.arn.place(), "GetSecretValue", &parameters, timeout)
            .await
            .map_err(|error| refusal(&error))?;
        let value: SecretValue = serde_json::from_slice(&body).map_err(|_| NOT_SECRETS_MANAGER)?;
        secret(&value.secret_string.ok_or(TransportError::NoCredentials(
            "the secret of ELASTICSEARCH_SECRET_ARN is binary: store it as text",
        ))?)
        .map_err(TransportError::NoCredentials)
    }
}

const NOT_ACCEPTED: TransportError = TransportError::NoCredentials(
    "Secrets Manager does not accept the AWS credentials: they are wrong or have expired, so get new ones",
);

const NOT_SECRETS_MANAGER: TransportError = TransportError::NoCredentials(
    "the answer is not from Secrets Manager: check AWS_ENDPOINT_URL_SECRETS_MANAGER, AWS_ENDPOINT_URL and what is in between",
);

/// Translates an error of Secrets Manager.
///
/// Source: the errors of the action, and
/// <https://docs.aws.amazon.com/secretsmanager/latest/apireference/CommonErrors.html>.
fn refusal(error: &CallError) -> TransportError {
    use TransportError::{CredentialsUnavailable, NoCredentials};
    let kind = match error {
        CallError::Unreachable(cause) => {
            return CredentialsUnavailable(
                format!(
                    "Secrets Manager cannot be reached ({cause}): in a VPC, the function needs a NAT gateway or an \
                     interface endpoint for it"
                )
                .into(),
            );
        }
        CallError::Refused { kind, .. } => kind.as_str(),
        _ => "",
    };
    match (error.remedy(), kind) {
        (Remedy::Permission, _) => NoCredentials(
            "the secret of ELASTICSEARCH_SECRET_ARN may not be read: allow the role `secretsmanager:GetSecretValue` on it, \
             and `kms:Decrypt` on its key if that is one of your own",
        ),
        (Remedy::Credentials, _) => NOT_ACCEPTED,
        (Remedy::Wait, _) => CredentialsUnavailable(
            "Secrets Manager could not give the secret of ELASTICSEARCH_SECRET_ARN just now (throttled, or failing)".into(),
        ),
        (Remedy::Other, "DecryptionFailure") => NoCredentials(
            "the secret of ELASTICSEARCH_SECRET_ARN cannot be decrypted: allow the role `kms:Decrypt` on its key, and see \
             that the key is enabled",
        ),
        (Remedy::Other, "ResourceNotFoundException") => NoCredentials(
            "the secret of ELASTICSEARCH_SECRET_ARN does not exist, or has no value yet: check the ARN",
        ),
        (Remedy::Other, "InvalidRequestException") => NoCredentials(
            "the secret of ELASTICSEARCH_SECRET_ARN is marked for deletion: restore it, or name another",
        ),
        (Remedy::Other, "") => NOT_SECRETS_MANAGER,
        (Remedy::Other, _) => NoCredentials(
            "Secrets Manager refused to give the secret of ELASTICSEARCH_SECRET_ARN: check the ARN",
        ),
    }
}

/// Parses a secret: an API key, or JSON. The error says what is wrong with it.
fn secret(text: &str) -> Result<Secret, &'static str> {
    const NO_KEY: &str = "the secret of ELASTICSEARCH_SECRET_ARN has no credentials: it should be the API key, or JSON with \
                          `api_key`, or with `username` and `password`";
    let text = text.trim();
    if !text.starts_with(['{', '[', '"']) {
        return Ok(Secret {
            identity: checked_api_key(text)?,
            urls: Vec::new(),
        });
    }
    let members: SecretMembers = serde_json::from_str(text).map_err(|_| {
        "the secret of ELASTICSEARCH_SECRET_ARN is not JSON as it should be: an object with `api_key`, or with `username` and \
         `password`, whose values are texts"
    })?;
    if members
        .username
        .as_deref()
        .is_some_and(|username| username.contains(':'))
    {
        return Err(
            "`username` in the secret of ELASTICSEARCH_SECRET_ARN should have no `:`, which ends a name in basic \
             authentication",
        );
    }
    let id = members
        .id
        .and_then(|id| serde_json::from_str(id.get()).ok());
    let api_key = encoded_key(id, members.api_key, members.encoded);
    let identity = match (api_key, members.username, members.password) {
        (Some(key), None, None) => checked_api_key(key.trim())?,
        (None, Some(username), Some(password)) => {
            basic(&username, &password.into()).ok_or(NO_KEY)?
        }
        (None, _, _) => return Err(NO_KEY),
        (Some(_), _, _) => {
            return Err(
                "the secret of ELASTICSEARCH_SECRET_ARN has both `api_key` and `username` or `password`: keep one way",
            );
        }
    };
    Ok(Secret {
        identity,
        urls: urls(members.url.as_deref().unwrap_or_default())?,
    })
}

/// Returns the API key in its encoded form. Elasticsearch's reply to whoever makes a key has all
/// three members, and its `api_key` is not encoded.
fn encoded_key(
    id: Option<String>,
    api_key: Option<String>,
    encoded: Option<String>,
) -> Option<String> {
    let is_encoded = |key: &str| {
        BASE64_STANDARD
            .decode(key)
            .is_ok_and(|bytes| bytes.contains(&b':'))
    };
    match (encoded, id, api_key) {
        (Some(encoded), _, _) => Some(encoded),
        (None, Some(id), Some(key)) if !is_encoded(key.trim()) => {
            Some(BASE64_STANDARD.encode(format!("{id}:{}", key.trim())))
        }
        (None, _, api_key) => api_key,
    }
}

fn checked_api_key(key: &str) -> Result<Identity, &'static str> {
    if key.is_empty() {
        return Err(
            "the secret of ELASTICSEARCH_SECRET_ARN is empty: put the encoded API key into it",
        );
    }
    if ["null", "none", "undefined"].contains(&&*key.to_ascii_lowercase()) {
        return Err(
            "the secret of ELASTICSEARCH_SECRET_ARN is no key but the word that a failed command prints: make the key \
             again, and look at the answer",
        );
    }
    let is_encoded = key
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"+/=-_.".contains(&byte));
    let identity = if is_encoded {
        api_key(&SecretString::from(key))
    } else {
        None
    };
    identity.ok_or(
        "the secret of ELASTICSEARCH_SECRET_ARN is no API key: it should be the encoded one (base64 of `id:api_key`), as \
         `encoded` in Elasticsearch's answer",
    )
}

fn urls(text: &str) -> Result<Vec<Url>, &'static str> {
    let texts = text
        .split(',')
        .map(str::trim)
        .filter(|text| !text.is_empty());
    let good = |url: &Url| {
        matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && !url.as_str().contains(['@', '#'])
    };
    let urls = texts.map(|text| text.parse().ok().filter(good));
    urls.collect::<Option<Vec<_>>>().ok_or(
        "`url` in the secret of ELASTICSEARCH_SECRET_ARN should be a URL such as https://elasticsearch.example.com:9200, \
         without user and password",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets() {
        for (text, authorization, urls) in [
            ("VnVhQ2Z=\n", "ApiKey VnVhQ2Z=", &[][..]),
            (r#"{"api_key":"a2V5"}"#, "ApiKey a2V5", &[]),
            // Elasticsearch's whole reply, with and without `encoded`.
            (
                r#"{"id":"i","name":"n","api_key":"k","encoded":"aTpr"}"#,
                "ApiKey aTpr",
                &[],
            ),
            (r#"{"id":"i","api_key":"k"}"#, "ApiKey aTpr", &[]),
            (r#"{"encoded":"aTpr"}"#, "ApiKey aTpr", &[]),
            // An `id` that does not belong to the key.
            (r#"{"id":"prod","api_key":"aTpr"}"#, "ApiKey aTpr", &[]),
            (r#"{"id":7,"api_key":"aTpr"}"#, "ApiKey aTpr", &[]),
            (
                r#"{"username":"u","password":"p","engine":"x","port":1}"#,
                "Basic dTpw",
                &[],
            ),
            (
                r#"{"api_key":"a2V5","url":"https://a:1, https://b"}"#,
                "ApiKey a2V5",
                &["https://a:1/", "https://b/"],
            ),
        ] {
            let secret = secret(text).unwrap();
            let Identity::Header(value) = secret.identity else {
                panic!("{text}")
            };
            assert!(value.is_sensitive() && value == authorization, "{text}");
            assert_eq!(
                secret.urls.iter().map(Url::as_str).collect::<Vec<_>>(),
                urls,
                "{text}"
            );
        }
        for (text, sentence) in [
            ("", "is empty"),
            ("id:key", "is no API key"),
            ("two words", "is no API key"),
            ("null", "a failed command prints"),
            (r#"{"api_key":"null"}"#, "a failed command prints"),
            (r#"{"username":"u:v","password":"p"}"#, "should have no `:`"),
            ("\"a2V5\"", "is not JSON as it should be"),
            ("{api_key: a2V5}", "is not JSON as it should be"),
            (r#"{"api_key":1}"#, "is not JSON as it should be"),
            ("{}", "has no credentials"),
            (r#"{"username":"u"}"#, "has no credentials"),
            (
                r#"{"api_key":"a2V5","username":"u","password":"p"}"#,
                "has both",
            ),
            (r#"{"api_key":"a2V5","url":"elsewhere"}"#, "should be a URL"),
            (
                r#"{"api_key":"a2V5","url":"https://u:p@elsewhere"}"#,
                "should be a URL",
            ),
        ] {
            let error = secret(text).map(|_| ()).unwrap_err();
            assert!(error.contains(sentence), "{text}: {error}");
        }
    }
}
