//! Where Elasticsearch is, who we are there, and whom to believe that it is Elasticsearch.

use reqwest::Url;

use super::values::Reader;
use crate::elasticsearch::{Auth, ElasticsearchSettings, Trust};

/// `ELASTICSEARCH_*`; `None` if no URL is set.
pub(super) fn elasticsearch(vars: &mut Reader<'_>) -> Option<ElasticsearchSettings> {
    let settings = ElasticsearchSettings {
        urls: urls(vars),
        auth: auth(vars),
        trust: trust(vars),
        connect_timeout: vars.milliseconds("CONNECT_TIMEOUT_MS", 1),
        compression_level: vars.number("BULK_COMPRESSION_LEVEL", 0, 9),
    };
    (!settings.urls.is_empty()).then_some(settings)
}

fn urls(vars: &mut Reader<'_>) -> Vec<Url> {
    match (vars.text("ELASTICSEARCH_URL"), vars.text("ELASTIC_CLOUD_ID")) {
        (Some(_), Some(_)) => {
            vars.problem("ELASTIC_CLOUD_ID", "it contradicts ELASTICSEARCH_URL: set one of them");
            Vec::new()
        }
        (Some(_), None) => vars.urls("ELASTICSEARCH_URL"),
        (None, Some(_)) => vars.cloud_id("ELASTIC_CLOUD_ID").into_iter().collect(),
        (None, None) => Vec::new(),
    }
}

fn auth(vars: &mut Reader<'_>) -> Auth {
    let api_key = vars.api_key("ELASTICSEARCH_API_KEY");
    let secret_arn = vars.text("ELASTICSEARCH_SECRET_ARN");
    let (username, password) = (vars.text("ELASTICSEARCH_USERNAME"), vars.secret("ELASTICSEARCH_PASSWORD"));
    let ways = [api_key.is_some(), secret_arn.is_some(), username.is_some() || password.is_some()];
    if ways.iter().filter(|way| **way).count() > 1 {
        vars.problem(
            "ELASTICSEARCH_API_KEY",
            "there is more than one way to authenticate: set one of ELASTICSEARCH_API_KEY, ELASTICSEARCH_USERNAME with \
             ELASTICSEARCH_PASSWORD, and ELASTICSEARCH_SECRET_ARN",
        );
    }
    match (api_key, username, password) {
        (Some(api_key), _, _) => Auth::ApiKey(api_key),
        (None, Some(username), Some(password)) => Auth::Basic { username, password },
        (None, Some(_), None) => {
            vars.problem("ELASTICSEARCH_PASSWORD", "it is missing, and ELASTICSEARCH_USERNAME is set: set both");
            Auth::None
        }
        (None, None, Some(_)) => {
            vars.problem("ELASTICSEARCH_USERNAME", "it is missing, and ELASTICSEARCH_PASSWORD is set: set both");
            Auth::None
        }
        (None, None, None) => secret_arn.map_or(Auth::None, Auth::SecretArn),
    }
}

fn trust(vars: &mut Reader<'_>) -> Trust {
    match (vars.path("ELASTICSEARCH_CA_FILE"), vars.fingerprint("ELASTICSEARCH_CA_FINGERPRINT")) {
        (Some(_), Some(_)) => {
            vars.problem("ELASTICSEARCH_CA_FINGERPRINT", "it contradicts ELASTICSEARCH_CA_FILE: set one of them");
            Trust::PublicAuthorities
        }
        (Some(file), None) => Trust::AuthorityFile(file),
        (None, Some(fingerprint)) => Trust::AuthorityFingerprint(fingerprint),
        (None, None) => Trust::PublicAuthorities,
    }
}
