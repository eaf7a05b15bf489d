//! `apigw-logs log-format --explain`: how the function reads a given format, and what the format
//! lacks.
//!
//! The command finds the answer by experiment: it makes a line of the format with a value of one
//! variable and a line without, and compares the two documents. Whatever differs comes from that
//! variable. So the answer always agrees with what the function does.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal};

use bumpalo::Bump;
use serde::Serialize;

use crate::data_stream::DataStreamName;
use crate::json::WriteJson;
use crate::normalizer::{
    ExecutionLogs, FormatError, Formats, KeyOrder, LogLine, Normalized, Normalizer, OriginalEvent,
    fill_format, format_keys, unquoted_variables,
};

/// The reading of a format.
#[derive(Debug, Serialize)]
struct Explanation {
    format: String,
    keys: Vec<FormatKey>,
    missing: Vec<MissingVariable>,
    warnings: Vec<String>,
}

/// A variable of a format.
#[derive(Debug, Serialize)]
struct FormatKey {
    /// The key of the value; empty in a list without names.
    key: String,
    variable: String,
    /// The field that the variable fills.
    field: String,
    /// The field that it fills without `ACCESS_LOG_FORMATS_FILE`.
    without_format: String,
    is_certain: bool,
}

/// A variable that a format lacks.
#[derive(Debug, Serialize)]
struct MissingVariable {
    variable: &'static str,
    then: &'static str,
}

/// Groups of variables of which a format needs one, and the consequence if it has none.
const NEEDED: &[(&[&str], &str)] = &[
    (
        &["requestTimeEpoch", "requestTime"],
        "documents have the time at which CloudWatch got the line",
    ),
    (
        &["status"],
        "there is no outcome: the Errors dashboard and the alerts on errors stay empty",
    ),
    (
        &["responseLatency"],
        "the panels of durations and the alert on latency stay empty",
    ),
    (
        &["identity.sourceIp"],
        "the Clients dashboard has no addresses, places or networks",
    ),
    (
        &["requestId", "extendedRequestId"],
        "a request cannot be found by its id",
    ),
    (
        &["apiId", "domainName"],
        "APIs of one log group cannot be told apart",
    ),
    (
        &["resourcePath", "routeKey", "path"],
        "the panels of routes stay empty",
    ),
    (
        &[
            "error.responseType",
            "integration.error",
            "integration.status",
            "integrationErrorMessage",
            "integrationStatus",
        ],
        "nothing says why a request failed: the panels of causes stay empty",
    ),
    (
        &["identity.userAgent"],
        "the panels of user agents stay empty",
    ),
];

/// Variables whose text the client chooses.
const OF_CLIENT: &[&str] = &[
    "httpMethod",
    "identity.userAgent",
    "path",
    "protocol",
    "requestId",
];

/// Explains each format of a text, one format for each line.
pub(super) fn explain(text: &str) -> Result<Vec<String>, String> {
    let is_terminal = io::stdout().is_terminal();
    let mut lines = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let template = line.rsplit('\t').next().unwrap_or(line).trim();
        let explanation = Explanation::of(template).map_err(|error| {
            format!(
                "line {}: this is not an access-log format: {error}",
                index + 1
            )
        })?;
        if is_terminal {
            lines.extend(explanation.table());
        } else {
            lines.push(serde_json::to_string(&explanation).unwrap_or_default());
        }
    }
    Ok(lines)
}

impl Explanation {
    fn of(template: &str) -> Result<Self, FormatError> {
        let formats = Formats::parse(template).map_err(|(_, error)| error)?;
        let by_format = normalizer(formats);
        let by_itself = normalizer(Formats::default());
        let named = format_keys(template);
        let keys = named
            .into_iter()
            .map(|(key, variable)| {
                let field = primary(&fields_of(&by_format, template, &variable));
                let fields = fields_of(&by_itself, template, &variable);
                let without_format = match fields.contains(&field) {
                    true => field.clone(),
                    false => primary(&fields),
                };
                FormatKey {
                    is_certain: without_format == field,
                    key,
                    variable,
                    field,
                    without_format,
                }
            })
            .collect::<Vec<_>>();
        let has = |variable: &&str| keys.iter().any(|key| key.variable == **variable);
        let missing = NEEDED
            .iter()
            .filter(|(variables, _)| !variables.iter().any(&has))
            .filter_map(|(variables, then)| {
                Some(MissingVariable {
                    variable: variables.first()?,
                    then,
                })
            })
            .collect();
        Ok(Self {
            warnings: warnings(template, &keys),
            format: template.to_owned(),
            keys,
            missing,
        })
    }

    /// Lays out the explanation for a terminal.
    fn table(&self) -> Vec<String> {
        const NAMES: [&str; 4] = ["KEY", "VARIABLE", "FIELD", "WITHOUT THE FORMAT"];
        let mut rows = vec![NAMES.map(str::to_owned)];
        rows.extend(self.keys.iter().map(|key| {
            let without_format = match key.is_certain {
                true => "the same".to_owned(),
                false if key.without_format.is_empty() => "nothing".to_owned(),
                false => key.without_format.clone(),
            };
            let key = [&key.key, &key.variable, &key.field].map(String::clone);
            let [name, variable, field] = key;
            [name, variable, field, without_format]
        }));
        let width = |column: usize| {
            let lengths = rows
                .iter()
                .filter_map(|row| row.get(column).map(String::len));
            lengths.max().unwrap_or(0)
        };
        let widths = [width(0), width(1), width(2)];
        let mut lines: Vec<String> = rows
            .iter()
            .map(|[key, variable, field, without_format]| {
                let [first, second, third] = widths;
                format!("{key:first$}  {variable:second$}  {field:third$}  {without_format}")
            })
            .collect();
        lines.push(String::new());
        let missing = self.missing.iter();
        lines.extend(
            missing.map(|MissingVariable { variable, then }| {
                format!("no $context.{variable}: {then}")
            }),
        );
        lines.extend(
            self.warnings
                .iter()
                .map(|warning| format!("warning: {warning}")),
        );
        lines
    }
}

/// Returns warnings about values that a client can use to forge others.
fn warnings(template: &str, keys: &[FormatKey]) -> Vec<String> {
    let is_json = template.starts_with('{');
    let mut warnings = Vec::new();
    for key in keys {
        let variable = &key.variable;
        if is_json && unquoted_variables(template).contains(&&**variable) {
            warnings.push(format!(
                "$context.{variable} is not in quotes: without a value the line is not JSON"
            ));
        }
        let is_of_client =
            OF_CLIENT.contains(&&**variable) || variable.starts_with("authorizer.claims");
        if !is_json && is_of_client {
            warnings.push(format!(
                "a client chooses $context.{variable}, and nothing escapes what separates values here: it can forge those that follow"
            ));
        }
    }
    if is_json && template.contains("\"$context.error.messageString\"") {
        warnings.push(
            "$context.error.messageString brings quotes that are not escaped: use $context.error.message".to_owned(),
        );
    }
    warnings
}

fn normalizer(formats: Formats) -> Normalizer {
    Normalizer {
        data_stream: DataStreamName::default(),
        tags: Vec::new(),
        original_event: OriginalEvent::WhenNeeded,
        execution_logs: ExecutionLogs::Keep,
        formats,
        key_order: KeyOrder::default(),
    }
}

/// Returns the fields of a line's document that come from a variable.
fn fields_of(normalizer: &Normalizer, template: &str, variable: &str) -> Vec<String> {
    let document = |has_value: bool| {
        let line = fill_format(template, |name| match name {
            _ if name == variable && !has_value => "-".to_owned(),
            _ => sample(name),
        });
        flat_document(normalizer, &line)
    };
    let without = document(false);
    let with = document(true);
    let is_new = |(field, value): &(&String, &String)| without.get(*field) != Some(value);
    with.iter()
        .filter(is_new)
        .map(|(field, _)| field.clone())
        .collect()
}

/// Returns the field that shows a variable best. The others are derived from it.
fn primary(fields: &[String]) -> String {
    const DERIVED: &[&str] = &[
        "aws.api_gateway.api_type",
        "aws.api_gateway.log_type",
        "aws.api_gateway.repairs",
        "aws.api_gateway.unmapped_keys",
        "cloud.region",
        "destination.domain",
        "event.duration",
        "event.kind",
        "event.original",
        "event.outcome",
        "event.type",
        "related.hosts",
        "related.ip",
        "related.user",
        "source.address",
        "trace.id",
        "url.original",
        "user.name",
    ];
    let own = |field: &&String| !DERIVED.contains(&field.as_str());
    let field = fields.iter().find(own).or_else(|| fields.first());
    field.cloned().unwrap_or_default()
}

/// Returns the leaves of a line's document.
fn flat_document(normalizer: &Normalizer, line: &str) -> BTreeMap<String, String> {
    let arena = Bump::new();
    let mut leaves = BTreeMap::new();
    if let Normalized::Documents(documents) = normalizer.normalize(&LogLine::alone(line, 0), &arena)
        && let [document] = documents.as_slice()
    {
        flatten(&document.to_json(), &mut leaves);
    }
    leaves
}

#[expect(clippy::disallowed_types, reason = "run once, by hand")]
fn flatten(json: &str, leaves: &mut BTreeMap<String, String>) {
    fn walk(name: String, value: &serde_json::Value, leaves: &mut BTreeMap<String, String>) {
        match value {
            serde_json::Value::Object(members) => {
                for (key, value) in members {
                    let dot = if name.is_empty() { "" } else { "." };
                    walk(format!("{name}{dot}{key}"), value, leaves);
                }
            }
            leaf => drop(leaves.insert(name, leaf.to_string())),
        }
    }
    if let Ok(value) = serde_json::from_str(json) {
        walk(String::new(), &value, leaves);
    }
}

/// Returns a value as API Gateway writes it for a variable.
fn sample(variable: &str) -> String {
    let text = match variable {
        "requestTime" => "01/Mar/2026:08:30:00 +0000",
        "requestTimeEpoch" => "1772353800123",
        "connectedAt" => "1772353740123",
        "identity.sourceIp" => "198.51.100.23",
        "protocol" => "HTTP/1.1",
        "httpMethod" => "GET",
        "path" => "/prod/pets/17",
        "resourcePath" => "/pets/{id}",
        "routeKey" => "GET /pets/{id}",
        "eventType" => "MESSAGE",
        "requestId" => "6b1c2d3e-0000-4000-8000-00000000abcd",
        "extendedRequestId" => "JKJ0iH0IDoEF1Yw=",
        "connectionId" => "Iq8gj1UmIAMCKpA=",
        "domainName" => "api.example.com",
        "accountId" => "111122223333",
        "identity.accountId" => "444455556666",
        "identity.userArn" => "arn:aws:iam::444455556666:user/ann",
        "identity.userAgent" => "curl/8.11.1",
        "identity.clientCert.validity.notBefore" => "Jan  1 00:00:00 2026 GMT",
        "identity.clientCert.validity.notAfter" => "Jan  1 00:00:00 2027 GMT",
        "isCanaryRequest" => "true",
        "status" => "502",
        "error.responseType" => "API_CONFIGURATION_ERROR",
        "error.message" => "Internal server error",
        "error.messageString" => "Endpoint request timed out",
        "integration.error" | "integrationErrorMessage" => "Malformed Lambda proxy response",
        "wafResponseCode" => "WAF_ALLOW",
        "webaclArn" => "arn:aws:wafv2:eu-west-1:111122223333:regional/webacl/shop/x",
        "xrayTraceId" => "1-69a3f6c8-0123456789abcdef01234567",
        name => {
            let name = name.to_ascii_lowercase();
            let is_number = [
                "status",
                "latency",
                "length",
                "processed",
                "content",
                "allheaders",
            ];
            // The numbers differ, so that no number is taken for the value of another
            // variable.
            let number = 200 + name.len();
            return match is_number.iter().any(|end| name.ends_with(end)) {
                true => number.to_string(),
                false => format!("the {name}"),
            };
        }
    };
    text.to_owned()
}
