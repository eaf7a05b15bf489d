//! From the text of a variable to its value, noting what is wrong on the way.

use std::fmt::Display;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use regex::Regex;
use reqwest::Url;
use secrecy::SecretString;
use tracing_subscriber::filter::{LevelFilter, Targets};

use super::Problem;
use super::settings;
use crate::data_stream::DataStreamName;
use crate::elasticsearch::Fingerprint;

/// Reads variables and collects the problems.
pub(super) struct Reader<'l> {
    lookup: &'l dyn Fn(&str) -> Option<String>,
    problems: Vec<Problem>,
}

impl<'l> Reader<'l> {
    pub(super) fn new(lookup: &'l dyn Fn(&str) -> Option<String>) -> Self {
        Self {
            lookup,
            problems: Vec::new(),
        }
    }

    pub(super) fn into_problems(self) -> Vec<Problem> {
        self.problems
    }

    /// Whether nothing is wrong with a variable so far.
    pub(super) fn is_good(&self, variable: &str) -> bool {
        self.problems
            .iter()
            .all(|problem| problem.variable != variable)
    }

    /// Notes what is wrong with a variable. Its value is shown unless it is a secret.
    pub(super) fn problem(&mut self, variable: &'static str, remedy: impl Display) {
        let is_secret = settings::find(variable).is_none_or(|setting| setting.is_secret);
        let value = self.text(variable).filter(|_| !is_secret);
        self.problems.push(Problem {
            variable,
            value,
            remedy: remedy.to_string(),
        });
    }

    /// The text of a variable, or its default. Templates set variables to nothing to leave them unset.
    pub(super) fn text(&self, variable: &'static str) -> Option<String> {
        let set = (self.lookup)(variable)
            .map(|text| text.trim().to_owned())
            .filter(|text| !text.is_empty());
        set.or_else(|| settings::find(variable)?.default.map(str::to_owned))
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

    /// The value, unless the variable says `none`.
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
        let text = self.text(variable).unwrap_or_default();
        match text.parse() {
            Ok(number) if (min..=max).contains(&number) => number,
            _ => {
                self.problem(
                    variable,
                    format_args!("it should be a whole number from {min} to {max}"),
                );
                min
            }
        }
    }

    pub(super) fn milliseconds(&mut self, variable: &'static str, min: u64) -> Duration {
        const A_DAY: u64 = 24 * 60 * 60 * 1_000;
        Duration::from_millis(self.number(variable, min, A_DAY))
    }

    pub(super) fn flag(&mut self, variable: &'static str) -> bool {
        self.choice(variable, ("false", false), ("true", true))
    }

    /// One of two words; the first if it is neither.
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
        match Regex::new(&self.text(variable)?) {
            Ok(regex) => Some(regex),
            Err(error) => {
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
        // The runtime repeats every error that our own line tells already; the pool of connections has little to tell.
        const QUIET: [&str; 2] = ["lambda_runtime", "hyper_util::client::legacy::pool"];
        let text = self.text(variable).unwrap_or_default();
        // To the parser any word is the name of a module, and a level that is misspelt would be one.
        let is_level =
            |word: &str| word.contains('=') || word.trim().parse::<LevelFilter>().is_ok();
        match text
            .split(',')
            .all(is_level)
            .then(|| text.parse::<Targets>())
        {
            Some(Ok(targets)) => {
                let unnamed = QUIET.into_iter().filter(|target| !text.contains(target));
                unnamed.fold(targets, |targets, target| {
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

    /// CloudWatch drops metrics without a word whose namespace it does not take.
    ///
    /// Source: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html#Namespace>.
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
            // Not `problem`, which would show them.
            self.problems.push(Problem {
                variable,
                value: None,
                remedy: remedy.to_owned(),
            });
            return urls;
        }
        if texts.is_empty() {
            self.problem(
                variable,
                "it should hold a URL such as https://elasticsearch.example.com:9200",
            );
        }
        for text in texts {
            match text.parse::<Url>() {
                Ok(url) if url.fragment().is_some() => {
                    self.problem(variable, "it should have no `#`")
                }
                Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => {
                    urls.push(url)
                }
                _ => self.problem(
                    variable,
                    "it should be a URL such as https://elasticsearch.example.com:9200",
                ),
            }
        }
        urls
    }

    /// `name:base64(domain$elasticsearch$kibana)`, where the domain may carry a port.
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
        if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            self.problem(
                variable,
                "it holds characters that no API key has: copy it again, without quotes and blanks",
            );
        } else if key.contains(':') {
            self.problem(
                variable,
                "it should be the encoded key (base64 of `id:api_key`), as `encoded` in the answer",
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
