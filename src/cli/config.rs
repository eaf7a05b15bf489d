//! `apigw-logs config`: the settings in force, and the problems in them.

use std::path::Path;

use reqwest::Url;

use super::output::Output;
use super::{CliFailure, print};
use crate::config::{Config, SETTINGS, Setting, Shown};
use crate::printable::printable;

/// Prints every setting, those that are set first, then fails if there is any problem.
pub(super) fn run(
    lookup: &impl Fn(&str) -> Option<String>,
    output: &mut Output,
) -> Result<(), CliFailure> {
    let value = |setting: &Setting| lookup(setting.name).map(|value| value.trim().to_owned());
    let (set, unset): (Vec<_>, Vec<_>) = SETTINGS
        .iter()
        .partition(|setting| value(setting).is_some_and(|value| !value.is_empty()));
    let printed = set.into_iter().chain(unset).try_for_each(|setting| {
        let line = line(setting, value(setting).as_deref());
        print(output, &line)
    });
    check(lookup).and(printed)
}

/// Fails if the settings have problems.
fn check(lookup: &impl Fn(&str) -> Option<String>) -> Result<(), CliFailure> {
    let mut config = Config::from_vars(lookup)?;
    config
        .check_unaddressed()
        .map_err(|problem| vec![problem])?;
    match config.elasticsearch.take() {
        Some(settings) => drop(config.elasticsearch_pipeline(settings)?),
        None => drop(config.pipeline(())?),
    }
    Ok(())
}

/// The column in which remarks begin, unless the text before them is longer.
const REMARKS: usize = 56;

/// Returns a line in a shell's syntax: the value, and a comment that says whether it is the
/// default.
fn line(setting: &Setting, value: Option<&str>) -> String {
    let name = setting.name;
    match (value.filter(|value| !value.is_empty()), setting.default) {
        (Some(value), _) => format!("{name}={}", quoted(&shown(setting, value))),
        (None, Some(default)) => remark(&format!("{name}={}", quoted(default)), "default"),
        (None, None) => remark(&format!("{name}="), "not set"),
    }
}

fn remark(assignment: &str, remark: &str) -> String {
    format!("{assignment:<REMARKS$}  # {remark}")
}

/// Returns the part of a value that may be shown. Of an address, more than the start is shown only
/// if it is valid, since only then are its parts known.
pub(super) fn shown(setting: &Setting, value: &str) -> String {
    match setting.name {
        "ELASTICSEARCH_URL" => value.split(',').map(url).collect::<Vec<_>>().join(","),
        "ELASTICSEARCH_AUTH" if value == "sigv4" => value.to_owned(),
        "ELASTICSEARCH_CA_FILE" if Path::new(value).exists() => {
            Shown::Whole.part(value).unwrap_or_default()
        }
        _ => setting
            .shown
            .part(value)
            .unwrap_or_else(|| "***".to_owned()),
    }
}

/// Returns the scheme, host and port of a URL, and the start of its path. A query may hold a
/// proxy's key, and user and password may stand in a URL by mistake.
fn url(text: &str) -> String {
    const LONGEST_PATH: usize = 8;
    let hidden = || Shown::Start.part(text.trim()).unwrap_or_default();
    let Ok(url) = text.trim().parse::<Url>() else {
        return hidden();
    };
    let (true, Some(host)) = (matches!(url.scheme(), "http" | "https"), url.host_str()) else {
        return hidden();
    };
    if text.contains('@') || url.fragment().is_some() {
        return hidden();
    }
    let port = url
        .port()
        .map(|port| format!(":{port}"))
        .unwrap_or_default();
    let path = printable(url.path().trim_end_matches('/'), LONGEST_PATH);
    let query = url.query().map_or("", |_| "?***");
    format!("{}://{host}{port}{path}{query}", url.scheme())
}

/// Quotes a value for a shell.
fn quoted(value: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "_./:,@%+=*?…-".contains(c);
    if value.chars().all(is_plain) {
        return value.to_owned();
    }
    format!("'{}'", value.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_without_what_may_be_a_credential() {
        for (text, expected) in [
            ("https://es:9200/prefix/", "https://es:9200/prefix"),
            ("https://es/a-capability", "https://es/a-capab…"),
            ("https://es/?apikey=S", "https://es?***"),
            ("https://es/?apikey=S#a", "https…"),
            ("https://user:S@es", "https…"),
            ("http://user:S%40host", "http…"),
            ("VnVhQ2ZHY0JDZGJrUW0", "VnVhQ2ZH…"),
        ] {
            assert_eq!(url(text), expected);
        }
    }

    #[test]
    fn values_that_a_shell_reads() {
        for (value, expected) in [
            ("a,b", "a,b"),
            ("a b", "'a b'"),
            ("it's", r"'it'\''s'"),
            ("$HOME", "'$HOME'"),
        ] {
            assert_eq!(quoted(value), expected);
        }
    }
}
