//! Settings of the connection: addresses, credentials, trust.

use reqwest::Url;

use super::values::VariableReader;
use super::{Problem, files};
use crate::aws::{AwsCredentials, AwsSettings, Endpoints};
use crate::elasticsearch::{Auth, ElasticsearchSettings, SecretArn, SecretSettings, is_clear_text};
use crate::http::Trust;

/// The `ELASTICSEARCH_*` settings.
pub(super) struct ConnectionSettings {
    pub(super) settings: ElasticsearchSettings,
    /// True if the settings name a URL, or a secret that may hold one.
    pub(super) has_address: bool,
    pub(super) warnings: Vec<Problem>,
}

/// Reads `ELASTICSEARCH_*`.
pub(super) fn elasticsearch(vars: &mut VariableReader<'_>) -> ConnectionSettings {
    let settings = ElasticsearchSettings {
        urls: urls(vars),
        auth: auth(vars),
        trust: trust(vars),
        connect_timeout: vars.milliseconds("CONNECT_TIMEOUT_MS", 1),
        compression_level: vars.number("BULK_COMPRESSION_LEVEL", 0, 9),
    };
    // A wrong address counts as well, so that its problem is reported together with the others.
    let has_address = ["ELASTICSEARCH_URL", "ELASTIC_CLOUD_ID"]
        .iter()
        .any(|variable| vars.text(variable).is_some());
    ConnectionSettings {
        has_address: has_address || matches!(settings.auth, Auth::Secret(_)),
        warnings: clear_text(&settings).into_iter().collect(),
        settings,
    }
}

/// Warns of credentials that anybody on the way to another host can read.
fn clear_text(settings: &ElasticsearchSettings) -> Option<Problem> {
    if matches!(settings.auth, Auth::None) || !settings.urls.iter().any(is_clear_text) {
        return None;
    }
    let remedy = "http:// sends the credentials to another host unencrypted, for everybody between to \
                  read: use https://";
    Some(Problem {
        variable: "ELASTICSEARCH_URL",
        value: None,
        remedy: remedy.to_owned(),
    })
}

fn urls(vars: &mut VariableReader<'_>) -> Vec<Url> {
    match (
        vars.text("ELASTICSEARCH_URL"),
        vars.text("ELASTIC_CLOUD_ID"),
    ) {
        (Some(_), Some(_)) => {
            vars.problem(
                "ELASTIC_CLOUD_ID",
                "it contradicts ELASTICSEARCH_URL: set one of them",
            );
            vars.urls("ELASTICSEARCH_URL")
        }
        (Some(_), None) => vars.urls("ELASTICSEARCH_URL"),
        (None, Some(_)) => vars.cloud_id("ELASTIC_CLOUD_ID").into_iter().collect(),
        (None, None) => Vec::new(),
    }
}

fn auth(vars: &mut VariableReader<'_>) -> Auth {
    let api_key = vars.api_key("ELASTICSEARCH_API_KEY");
    let secret = secret(vars);
    let is_signed = is_signed(vars);
    let username = vars.text("ELASTICSEARCH_USERNAME");
    let password = vars.secret("ELASTICSEARCH_PASSWORD");
    let ways = [
        api_key.is_some(),
        secret.is_some(),
        username.is_some() || password.is_some(),
        is_signed,
    ];
    if ways.iter().filter(|way| **way).count() > 1 {
        vars.problem(
            if is_signed { "ELASTICSEARCH_AUTH" } else { "ELASTICSEARCH_API_KEY" },
            "there is more than one way to authenticate: set one of ELASTICSEARCH_API_KEY, ELASTICSEARCH_USERNAME with \
             ELASTICSEARCH_PASSWORD, ELASTICSEARCH_SECRET_ARN, and ELASTICSEARCH_AUTH=sigv4",
        );
    }
    if username
        .as_ref()
        .is_some_and(|username| username.contains(':'))
    {
        // Source: <https://www.rfc-editor.org/rfc/rfc7617#section-2>.
        vars.problem(
            "ELASTICSEARCH_USERNAME",
            "it should have no `:`, which ends a name in basic authentication: put what follows into \
             ELASTICSEARCH_PASSWORD",
        );
    }
    match (api_key, username, password) {
        (Some(api_key), _, _) => Auth::ApiKey(api_key),
        (None, Some(username), Some(password)) => Auth::Basic { username, password },
        (None, Some(_), None) => {
            vars.problem(
                "ELASTICSEARCH_PASSWORD",
                "it is missing, and ELASTICSEARCH_USERNAME is set: set both",
            );
            Auth::None
        }
        (None, None, Some(_)) => {
            vars.problem(
                "ELASTICSEARCH_USERNAME",
                "it is missing, and ELASTICSEARCH_PASSWORD is set: set both",
            );
            Auth::None
        }
        (None, None, None) if is_signed => Auth::Signature {
            credentials: aws_credentials(vars),
            region: region(vars),
        },
        (None, None, None) => secret.map_or(Auth::None, Auth::Secret),
    }
}

/// Reads `ELASTICSEARCH_AUTH`.
fn is_signed(vars: &mut VariableReader<'_>) -> bool {
    match vars.text("ELASTICSEARCH_AUTH").as_deref() {
        None => false,
        Some("sigv4") => true,
        Some(_) => {
            vars.problem("ELASTICSEARCH_AUTH", "it should be `sigv4`, or not be set");
            false
        }
    }
}

/// Reads `ELASTICSEARCH_SECRET_ARN`.
fn secret(vars: &mut VariableReader<'_>) -> Option<SecretSettings> {
    let arn = SecretArn::parse(&vars.text("ELASTICSEARCH_SECRET_ARN")?);
    if arn.is_none() {
        vars.problem(
            "ELASTICSEARCH_SECRET_ARN",
            "it should be the ARN of a secret, such as arn:aws:secretsmanager:eu-central-1:111122223333:secret:name-AbCdEf",
        );
    }
    let aws = aws(vars, "AWS_ENDPOINT_URL_SECRETS_MANAGER");
    Some(SecretSettings { arn: arn?, aws })
}

/// Reads what AWS's own SDKs read, for a service whose endpoint has a variable of its own. `None`
/// without credentials.
///
/// Source: <https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html>.
pub(super) fn aws(vars: &mut VariableReader<'_>, endpoint: &'static str) -> Option<AwsSettings> {
    let variable = if vars.text(endpoint).is_some() {
        endpoint
    } else {
        "AWS_ENDPOINT_URL"
    };
    let endpoint = vars
        .text(variable)
        .and_then(|_| vars.aws_endpoint(variable));
    let is_fips = vars
        .text("AWS_USE_FIPS_ENDPOINT")
        .is_some_and(|text| text.eq_ignore_ascii_case("true"));
    Some(AwsSettings {
        credentials: aws_credentials(vars)?,
        endpoint,
        endpoints: if is_fips {
            Endpoints::Fips
        } else {
            Endpoints::Standard
        },
        connect_timeout: vars.milliseconds("CONNECT_TIMEOUT_MS", 1),
    })
}

/// The credentials of the environment: in Lambda, those of the function's role.
fn aws_credentials(vars: &VariableReader<'_>) -> Option<AwsCredentials> {
    Some(AwsCredentials {
        access_key_id: vars.text("AWS_ACCESS_KEY_ID")?,
        secret_access_key: vars.secret("AWS_SECRET_ACCESS_KEY")?,
        session_token: vars.secret("AWS_SESSION_TOKEN"),
    })
}

pub(super) fn region(vars: &VariableReader<'_>) -> Option<String> {
    vars.text("AWS_REGION")
        .or_else(|| vars.text("AWS_DEFAULT_REGION"))
}

fn trust(vars: &mut VariableReader<'_>) -> Trust {
    match (
        vars.path("ELASTICSEARCH_CA_FILE"),
        vars.fingerprint("ELASTICSEARCH_CA_FINGERPRINT"),
    ) {
        (Some(_), Some(_)) => {
            vars.problem(
                "ELASTICSEARCH_CA_FINGERPRINT",
                "it contradicts ELASTICSEARCH_CA_FILE: set one of them",
            );
            Trust::PublicAuthorities
        }
        (Some(file), None) => {
            if let Err(reason) = files::check(&file, files::LARGEST_CA_FILE) {
                vars.problem("ELASTICSEARCH_CA_FILE", reason);
            }
            Trust::AuthorityFile(file)
        }
        (None, Some(fingerprint)) => Trust::AuthorityFingerprint(fingerprint),
        (None, None) => Trust::PublicAuthorities,
    }
}
