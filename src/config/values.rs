//! Reads variables as typed values. Problems are collected, so that one run shows all of them.

use std::fmt::Display;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use regex::{Regex, RegexBuilder};
use reqwest::Url;
use secrecy::SecretString;
use tracing_subscriber::filter::{LevelFilter, Targets};

use super::Problem;
use super::settings::{self, Shown};
use crate::data_stream::DataStreamName;
use crate::http::Fingerprint;

/// Reads variables and collects their problems.
pub(super) struct VariableReader<'l> {
    lookup: &'l dyn Fn(&str) -> Option<String>,
    problems: Vec<Problem>,
}

impl<'l> VariableReader<'l> {
    pub(super) fn new(lookup: &'l dyn Fn(&str) -> Option<String>) -> Self {
        Self {
            lookup,
            problems: Vec::new(),
        }
    }

    pub(super) fn into_problems(self) -> Vec<Problem> {
        self.problems
    }

    /// Returns whether no variable has had a problem so far.
    pub(super) fn is_good(&self, variable: &str) -> bool {
        self.problems
            .iter()
            .all(|problem| problem.variable != variable)
    }

    /// Notes a problem with a variable, and the part of its value that may be shown.
    pub(super) fn problem(&mut self, variable: &'static str, remedy: impl Display) {
        let shown = settings::find(variable).map_or(Shown::Nothing, |setting| setting.shown);
        let value = match self.set(variable) {
            Some(value) => shown.part(&value),
            None => self
                .text(variable)
                .map(|default| format!("{default} (default)")),
        };
        self.problems.push(Problem {
            variable,
            value,
            remedy: remedy.to_string(),
        });
    }

    /// Returns the text of a variable, or its default.
    pub(super) fn text(&self, variable: &'static str) -> Option<String> {
        self.set(variable)
            .or_else(|| settings::find(variable)?.default.map(str::to_owned))
    }

    /// Returns the text of a variable that is set. An empty text counts as not set: templates leave
    /// variables unset in this way.
    fn set(&self, variable: &'static str) -> Option<String> {
        (self.lookup)(variable)
            .map(|text| text.trim().to_owned())
            .filter(|text| !text.is_empty())
    }

    pub(super) fn secret(&self, variable: &'static str) -> Option<SecretString> {
        self.text(variable).map(SecretString::from)
    }

    pub(super) fn path(&self, variable: &'static str) -> Option<PathBuf> {
        self.text(variable).map(PathBuf::from)
    }

    pub(super) fn list(&self, variable: &'static str) -> Vec<String> {
        let text = self.text(variable).unwrap_or_default();
        text.split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .map(str::to_owned)
            .collect()
    }

    /// Returns the value, unless the variable says `none`.
    pub(super) fn unless_none<V>(
        &mut self,
        variable: &'static str,
        value: impl FnOnce(&mut Self, &'static str) -> V,
    ) -> Option<V> {
        let is_none = self
            .text(variable)
            .is_some_and(|text| text.eq_ignore_ascii_case("none"));
        (!is_none).then(|| value(self, variable))
    }

    pub(super) fn number<N>(&mut self, variable: &'static str, min: N, max: N) -> N
    where
        N: FromStr + PartialOrd + Display + Copy,
    {
        let expected = format!("a whole number from {min} to {max}");
        self.number_within(variable, (min, max), &expected)
    }

    /// An upper bound that no real number reaches.
    pub(super) fn positive<N>(&mut self, variable: &'static str, (min, max): (N, N)) -> N
    where
        N: FromStr + PartialOrd + Display + Copy,
    {
        let unit = if variable.ends_with("_BYTES") {
            " of bytes"
        } else {
            ""
        };
        let example = settings::find(variable).and_then(|setting| setting.default);
        let example = example.unwrap_or("1");
        let expected = format!("a whole number{unit} from {min} up, such as {example}");
        self.number_within(variable, (min, max), &expected)
    }

    pub(super) fn milliseconds(&mut self, variable: &'static str, min: u64) -> Duration {
        const A_DAY: u64 = 24 * 60 * 60 * 1_000;
        let expected = format!("a whole number of milliseconds from {min} to {A_DAY}");
        Duration::from_millis(self.number_within(variable, (min, A_DAY), &expected))
    }

    fn number_within<N>(&mut self, variable: &'static str, (min, max): (N, N), expected: &str) -> N
    where
        N: FromStr + PartialOrd + Copy,
    {
        let text = self.text(variable).unwrap_or_default();
        match text.parse() {
            Ok(number) if (min..=max).contains(&number) => number,
            _ => {
                self.problem(variable, format_args!("it should be {expected}"));
                min
            }
        }
    }

    pub(super) fn flag(&mut self, variable: &'static str) -> bool {
        self.choice(variable, ("false", false), ("true", true))
    }

    /// Returns one of two words; the first if the value is neither.
    pub(super) fn choice<V>(
        &mut self,
        variable: &'static str,
        one: (&str, V),
        other: (&str, V),
    ) -> V {
        let text = self.text(variable).unwrap_or_default();
        if text.eq_ignore_ascii_case(other.0) {
            return other.1;
        }
        if !text.eq_ignore_ascii_case(one.0) {
            self.problem(
                variable,
                format_args!("it should be `{}` or `{}`", one.0, other.0),
            );
        }
        one.1
    }

    pub(super) fn regex(&mut self, variable: &'static str) -> Option<Regex> {
        let pattern = self.text(variable)?;
        match RegexBuilder::new(&pattern)
            .size_limit(LARGEST_REGEX)
            .build()
        {
            Ok(regex) => Some(regex),
            Err(error) => {
                if let regex::Error::CompiledTooBig(_) = error {
                    let remedy = "it should be a regular expression that is smaller: lower the numbers \
                                  in `{…}`, for it would be slow";
                    self.problem(variable, remedy);
                    return None;
                }
                let error = error.to_string();
                let reason = error
                    .lines()
                    .last()
                    .unwrap_or_default()
                    .trim_start_matches("error: ");
                self.problem(
                    variable,
                    format_args!("it should be a regular expression: {reason}"),
                );
                None
            }
        }
    }

    pub(super) fn log_level(&mut self, variable: &'static str) -> Targets {
        // The runtime repeats every error that our own line reports, and the connection pool has
        // little to report.
        const QUIET: [&str; 2] = ["lambda_runtime", "hyper_util::client::legacy::pool"];
        let text = self.text(variable).unwrap_or_default();
        // The parser takes any word for the name of a module, even a misspelt level.
        let is_level =
            |word: &str| word.contains('=') || word.trim().parse::<LevelFilter>().is_ok();
        match text
            .split(',')
            .all(is_level)
            .then(|| text.parse::<Targets>())
        {
            Some(Ok(targets)) => {
                let unnamed = QUIET.into_iter().filter(|target| !text.contains(target));
                unnamed.fold(without_foreign_details(&targets), |targets, target| {
                    targets.with_target(target, LevelFilter::OFF)
                })
            }
            _ => {
                let levels = "`error`, `warn`, `info`, `debug` or `trace`, or a list such as `info,apigw_logs=debug`";
                self.problem(variable, format_args!("it should be {levels}"));
                Targets::new()
            }
        }
    }

    pub(super) fn data_stream(&mut self, variable: &'static str) -> DataStreamName {
        let name = self.text(variable).unwrap_or_default();
        DataStreamName::parse(&name).unwrap_or_else(|problem| {
            self.problem(variable, problem);
            DataStreamName::default()
        })
    }

    /// CloudWatch silently drops metrics whose namespace it does not accept.
    ///
    /// Source:
    /// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html#Namespace>.
    pub(super) fn metrics_namespace(&mut self, variable: &'static str) -> String {
        let name = self.text(variable).unwrap_or_default();
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || ".-_/#: ".contains(c);
        if name.len() > 255 || !name.chars().all(is_allowed) || name.starts_with(':') {
            let remedy = "it should be a CloudWatch namespace: at most 255 letters, digits, blanks and . - _ / # :";
            self.problem(variable, remedy);
        } else if name.starts_with("AWS/") {
            self.problem(
                variable,
                "namespaces that begin with AWS/ are those of AWS's own services: take another",
            );
        }
        name
    }

    pub(super) fn urls(&mut self, variable: &'static str) -> Vec<Url> {
        let mut urls = Vec::new();
        let texts = self.list(variable);
        if self.text(variable).is_some_and(|text| text.contains('@')) {
            let remedy = "leave user and password out of the URL: there are ELASTICSEARCH_USERNAME and \
                          ELASTICSEARCH_PASSWORD";
            self.problem(variable, remedy);
            return urls;
        }
        if texts.is_empty() {
            self.problem(variable, format_args!("it should hold a URL {EXAMPLE}"));
        }
        for (number, text) in (1..).zip(&texts) {
            match url(text) {
                Ok(url) => urls.push(url),
                Err(remedy) if texts.len() > 1 => self.problem(
                    variable,
                    format_args!("URL {number} of {}: {remedy} {EXAMPLE}", texts.len()),
                ),
                Err(remedy) => self.problem(variable, format_args!("{remedy} {EXAMPLE}")),
            }
        }
        urls
    }

    /// The address of a service of AWS.
    pub(super) fn aws_endpoint(&mut self, variable: &'static str) -> Option<Url> {
        let text = self.text(variable)?;
        if text.contains('@') {
            let remedy = "leave user and password out of the URL: requests are signed with \
                          AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";
            self.problem(variable, remedy);
            return None;
        }
        let remedy = match url(&text) {
            _ if text.contains([',', ';', ' ', '|']) => "it should be one URL",
            Ok(url) => return Some(url),
            Err(remedy) => remedy,
        };
        self.problem(variable, format_args!("{remedy} {AWS_EXAMPLE}"));
        None
    }

    /// `name:base64(domain$elasticsearch$kibana)`. The domain may have a port.
    pub(super) fn cloud_id(&mut self, variable: &'static str) -> Option<Url> {
        let id = self.text(variable)?;
        let encoded = id.rsplit(':').next().unwrap_or_default();
        let decoded = BASE64_STANDARD
            .decode(encoded)
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok());
        let url = decoded.and_then(|decoded| {
            let mut parts = decoded.split('$');
            let (domain, elasticsearch) =
                (parts.next()?, parts.next().filter(|part| !part.is_empty())?);
            format!("https://{elasticsearch}.{domain}").parse().ok()
        });
        if url.is_none() {
            self.problem(
                variable,
                "it should be the id that Elastic Cloud shows for the deployment, `name:…`",
            );
        }
        url
    }

    pub(super) fn api_key(&mut self, variable: &'static str) -> Option<SecretString> {
        let key = self.text(variable)?;
        if ["null", "none", "undefined"].contains(&&*key.to_ascii_lowercase()) {
            self.problem(
                variable,
                "it is no key but the word that a failed command prints: make the key again, and look \
                 at the answer",
            );
        } else if key.starts_with('{') || key.contains(':') {
            self.problem(
                variable,
                "it should be the encoded key (base64 of `id:api_key`), as `encoded` in the answer",
            );
        } else if !key.bytes().all(is_of_a_key) {
            self.problem(
                variable,
                "it holds characters that no API key has: copy it again, without quotes and blanks",
            );
        }
        Some(key.into())
    }

    pub(super) fn fingerprint(&mut self, variable: &'static str) -> Option<Fingerprint> {
        let text = self.text(variable)?;
        let fingerprint = Fingerprint::parse(&text);
        if fingerprint.is_none() {
            self.problem(
                variable,
                "it should be a SHA-256 fingerprint: 64 hexadecimal digits, with or without colons",
            );
        }
        fingerprint
    }
}

/// Returns whether a key may hold this: base64, or the keys of Elastic Cloud.
fn is_of_a_key(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"+/=-_.".contains(&byte)
}

/// Upper bound on the size of a compiled INCLUDE or EXCLUDE, in bytes. A larger expression takes
/// seconds for a long line.
const LARGEST_REGEX: usize = 1 << 19;

const EXAMPLE: &str = "such as https://elasticsearch.example.com:9200";

const AWS_EXAMPLE: &str = "such as https://vpce-1a2b3c4d.logs.eu-central-1.vpce.amazonaws.com";

/// Parses the URL of a server. The error says what is wrong without quoting the URL.
fn url(text: &str) -> Result<Url, &'static str> {
    let Some((scheme, rest)) = text.split_once("://") else {
        return Err("put https:// (or http://) before it,");
    };
    let is_http = ["http", "https"]
        .iter()
        .any(|known| scheme.eq_ignore_ascii_case(known));
    if !is_http {
        return Err("it should begin with https:// or http://,");
    }
    if text.contains([';', ' ', '|']) {
        return Err("separate several URLs with commas; each should be one");
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if !authority.is_ascii() {
        return Err("write the host's name in its ASCII form (xn--…),");
    }
    let port = authority.rsplit_once(':').map(|(_, port)| port);
    let is_port = |port: &str| port.is_empty() || port.parse::<u16>().is_ok();
    if port.is_some_and(|port| !port.ends_with(']') && !is_port(port)) {
        return Err("its port should be a number up to 65535,");
    }
    match text.parse::<Url>() {
        Ok(url) if url.fragment().is_some() => Err("it should have no `#`; it should be one"),
        Ok(url) if url.has_host() => Ok(url),
        _ => Err("it should be a URL"),
    }
}

/// Keeps the details of other crates out of the log, whatever the filter says: they may log the
/// event, or a request with its headers.
fn without_foreign_details(targets: &Targets) -> Targets {
    const OURS: &str = "apigw_logs";
    let least = |level: LevelFilter| level.min(LevelFilter::INFO);
    let default = targets.default_level().unwrap_or(LevelFilter::OFF);
    let mut capped = Targets::new()
        .with_default(least(default))
        .with_target(OURS, default);
    for (target, level) in targets.iter() {
        let level = if target.starts_with(OURS) {
            level
        } else {
            least(level)
        };
        capped = capped.with_target(target, level);
    }
    capped
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::filter::Targets;

    use super::*;

    #[test]
    fn no_other_crate_tells_details() {
        use tracing::Level;
        for text in [
            "trace",
            "info,lambda_runtime=trace",
            "lambda_runtime=trace,apigw_logs=debug",
            "lambda_runtime::layers=debug,hyper=trace",
        ] {
            let targets = without_foreign_details(&text.parse::<Targets>().unwrap());
            for crate_name in [
                "lambda_runtime::layers::api_response",
                "hyper::proto",
                "aws_sigv4",
            ] {
                assert!(!targets.would_enable(crate_name, &Level::DEBUG), "{text}");
            }
        }
        let ours = |text: &str, level| {
            let targets = without_foreign_details(&text.parse::<Targets>().unwrap());
            targets.would_enable("apigw_logs::pipeline", &level)
        };
        assert!(ours("trace", Level::TRACE));
        assert!(ours("info,apigw_logs=debug", Level::DEBUG));
        assert!(ours("apigw_logs::pipeline=debug", Level::DEBUG));
        assert!(!ours("info", Level::DEBUG));
        assert!(!ours("warn,apigw_logs=error", Level::WARN));
    }

    #[test]
    fn urls() {
        for (text, word) in [
            ("localhost:9200", "put https://"),
            ("ftp://localhost", "begin with https://"),
            ("https://a;https://b", "commas"),
            ("https://localhost:99999", "port"),
            ("http://user:S%40host", "port"),
            ("https://münchen.de", "xn--"),
            ("https://a/#b", "`#`"),
            ("https://", "should be a URL"),
        ] {
            let remedy = url(text).expect_err(text);
            assert!(remedy.contains(word), "{text}: {remedy}");
        }
        for good in [
            "http://[::1]:9200",
            "https://es/prefix/",
            "HTTPS://es:443?a=b",
        ] {
            assert!(url(good).is_ok(), "{good}");
        }
    }
}
