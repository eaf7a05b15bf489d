//! Every setting, in the one list that the program, `config` and the README share.

use crate::printable::printable;

/// One environment variable.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// The variable.
    pub name: &'static str,
    /// The value that applies if the variable is not set.
    pub default: Option<&'static str>,
    /// The part of its value that may be shown.
    pub shown: Shown,
    /// Its meaning, as in the README.
    pub meaning: &'static str,
}

/// How much of a setting's value may be shown, in any output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// The whole value.
    Whole,
    /// The first characters of the value. It says who we are or where the server is, so somebody
    /// may put a credential into it by mistake.
    Start,
    /// Nothing: the value is a credential.
    Nothing,
}

/// Upper bound on the length of a value of which only the start is shown, in characters.
const LONGEST_START: usize = 8;
/// Upper bound on the length of any other value, in characters.
const LONGEST_VALUE: usize = 200;

impl Shown {
    /// Returns the part of a value that may be shown.
    #[must_use]
    pub fn part(self, value: &str) -> Option<String> {
        match self {
            Self::Whole => Some(printable(value, LONGEST_VALUE).to_string()),
            Self::Start => Some(start(value)),
            Self::Nothing => None,
        }
    }
}

/// Returns the first word of a value, but at most eight characters and at most half of it: enough
/// to recognise the value.
fn start(value: &str) -> String {
    let longest = LONGEST_START.min(value.chars().count() / 2);
    let start: String = value
        .chars()
        .take_while(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c))
        .take(longest)
        .collect();
    format!("{start}…")
}

const fn setting(name: &'static str, default: &'static str, meaning: &'static str) -> Setting {
    Setting {
        name,
        default: Some(default),
        shown: Shown::Whole,
        meaning,
    }
}

const fn optional(name: &'static str, meaning: &'static str) -> Setting {
    Setting {
        name,
        default: None,
        shown: Shown::Whole,
        meaning,
    }
}

const fn identity(name: &'static str, meaning: &'static str) -> Setting {
    Setting {
        shown: Shown::Start,
        ..optional(name, meaning)
    }
}

const fn secret(name: &'static str, meaning: &'static str) -> Setting {
    Setting {
        shown: Shown::Nothing,
        ..optional(name, meaning)
    }
}

/// Every setting.
pub const SETTINGS: &[Setting] = &[
    identity(
        "ELASTICSEARCH_URL",
        "One or more URLs, comma-separated; a path prefix is kept. Required in Lambda (or the next)",
    ),
    identity(
        "ELASTIC_CLOUD_ID",
        "Elastic Cloud's id of a deployment, instead of the URL",
    ),
    secret("ELASTICSEARCH_API_KEY", "API key, in the encoded form"),
    identity("ELASTICSEARCH_USERNAME", "Basic authentication"),
    secret("ELASTICSEARCH_PASSWORD", "Basic authentication"),
    identity(
        "ELASTICSEARCH_SECRET_ARN",
        "A Secrets Manager secret: the API key; or JSON with `api_key`, or `username` and `password`; perhaps `url`",
    ),
    identity(
        "ELASTICSEARCH_AUTH",
        "`sigv4` = sign requests with AWS credentials, for Amazon OpenSearch Service",
    ),
    identity(
        "ELASTICSEARCH_CA_FILE",
        "PEM file of a private certificate authority",
    ),
    identity(
        "ELASTICSEARCH_CA_FINGERPRINT",
        "SHA-256 fingerprint of the certificate authority, as Elasticsearch prints it",
    ),
    optional(
        "ELASTICSEARCH_PIPELINE",
        "Ingest pipeline to name in the bulk request",
    ),
    setting(
        "DATA_STREAM",
        "logs-aws.api_gateway_logs-default",
        "Where documents go: `<type>-<dataset>-<namespace>`",
    ),
    setting(
        "DEAD_LETTER_DATA_STREAM",
        "logs-aws.api_gateway_dead_letters-default",
        "Where rejected documents go; `none` = fail the invocation instead",
    ),
    setting(
        "TAGS",
        "forwarded,aws-api-gateway-logs",
        "Tags of every document, comma-separated",
    ),
    setting(
        "PRESERVE_ORIGINAL_EVENT",
        "false",
        "Keep the raw line in `event.original`",
    ),
    setting(
        "EXECUTION_LOGS",
        "keep",
        "`keep` or `skip` lines of API Gateway's execution log",
    ),
    optional(
        "ACCESS_LOG_FORMATS_FILE",
        "File with access-log formats as they stand in the stages' settings, one a line, so that lines are read by their format",
    ),
    optional(
        "ACCESS_LOG_FORMATS",
        "The same for one or two formats, without a file: one a line",
    ),
    optional(
        "INCLUDE",
        "Regular expression: only raw lines that match are forwarded",
    ),
    optional(
        "EXCLUDE",
        "Regular expression: raw lines that match are not forwarded; wins over INCLUDE",
    ),
    optional(
        "GEOIP_CITY_DATABASE",
        "MaxMind DB file of cities, for `source.geo`",
    ),
    optional(
        "GEOIP_ASN_DATABASE",
        "MaxMind DB file of autonomous systems, for `source.as`",
    ),
    optional(
        "API_NAMES",
        "Names of APIs as `id=name,…` or a JSON object, for `aws.api_gateway.api_name`",
    ),
    optional(
        "USER_AGENT_REGEXES",
        "Another uap-core `regexes.yaml` than the built-in one; `none` = `user_agent.original` only",
    ),
    setting(
        "BULK_MAX_BYTES",
        "5242880",
        "Largest bulk request, in bytes before compression",
    ),
    setting(
        "BULK_MAX_ACTIONS",
        "1000",
        "Most documents in a bulk request",
    ),
    setting(
        "BULK_COMPRESSION_LEVEL",
        "1",
        "gzip level of bulk requests, 0 to 9; 0 = off",
    ),
    setting(
        "REQUEST_TIMEOUT_MS",
        "20000",
        "Longest wait for an answer, in milliseconds",
    ),
    setting(
        "CONNECT_TIMEOUT_MS",
        "3000",
        "Longest wait for a connection, in milliseconds",
    ),
    setting(
        "RETRY_BUDGET_MS",
        "60000",
        "How long to retry while nothing gets through, in milliseconds",
    ),
    setting(
        "RETRY_INITIAL_MS",
        "250",
        "Longest first wait between retries, in milliseconds; it doubles",
    ),
    setting(
        "RETRY_MAX_MS",
        "15000",
        "Longest wait between retries, in milliseconds",
    ),
    setting(
        "LOOK_UP_REPEATED",
        "false",
        "Look up what the queue of failed invocations holds before it is created again, so that a rollover doubles nothing",
    ),
    setting(
        "INFLATED_MAX_BYTES",
        "268435456",
        "Largest payload after gunzip, in bytes",
    ),
    setting(
        "METRICS_NAMESPACE",
        "ApiGatewayLogs",
        "CloudWatch namespace of the embedded metrics; `none` = off",
    ),
    setting(
        "LOG_LEVEL",
        "info",
        "`error`, `warn`, `info`, `debug`, `trace`; also in RUST_LOG's syntax",
    ),
];

/// Returns the setting with a name.
pub(super) fn find(name: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_never_tells_the_rest() {
        for (value, expected) in [
            ("https://elasticsearch.example.com:9200", "https…"),
            ("elastic:hunter2", "elastic…"),
            ("a:hunter2", "a…"),
            ("Bearer hunter2", "Bearer…"),
            ("hunter2", "hun…"),
            ("VnVhQ2ZHY0JDZGJrUW0tZTVhT3g6dWk=", "VnVhQ2ZH…"),
            ("\u{1b}]0;title", "…"),
            ("x", "…"),
        ] {
            assert_eq!(Shown::Start.part(value).as_deref(), Some(expected));
        }
        assert_eq!(Shown::Nothing.part("hunter2"), None);
        assert_eq!(Shown::Whole.part("a\nb").as_deref(), Some(r"a\nb"));
    }
}
