//! `apigw-logs config`: the settings in force, and what is wrong with them.

use super::Failure;
use super::output::Output;
use crate::config::{Config, SETTINGS, Setting};

/// Prints every setting, secrets masked, then fails if there is any problem.
pub(super) fn run(
    lookup: &impl Fn(&str) -> Option<String>,
    output: &mut Output,
) -> Result<(), Failure> {
    for setting in SETTINGS {
        output.line(&line(
            setting,
            lookup(setting.name).as_deref().map(str::trim),
        ))?;
    }
    let mut config = Config::from_vars(lookup)?;
    match config.elasticsearch.take() {
        Some(settings) => drop(config.elasticsearch_pipeline(settings)?),
        None => drop(config.pipeline(())?),
    }
    Ok(())
}

fn line(setting: &Setting, value: Option<&str>) -> String {
    let name = setting.name;
    match (value.filter(|value| !value.is_empty()), setting.default) {
        (Some(_), _) if setting.is_secret => format!("{name}=***"),
        (Some(value), _) => format!("{name}={}", without_credentials(setting, value)),
        (None, Some(default)) => format!("{name}={default}  (default)"),
        (None, None) => format!("{name}=  (not set)"),
    }
}

/// A URL with credentials is a mistake; showing them would be another. A proxy's may stand in the query.
fn without_credentials(setting: &Setting, value: &str) -> String {
    if setting.name != "ELASTICSEARCH_URL" {
        return value.to_owned();
    }
    let value = value
        .rsplit_once('@')
        .map_or_else(|| value.to_owned(), |(_, host)| format!("***@{host}"));
    let urls = value.split(',').map(|url| {
        url.split_once('?')
            .map_or_else(|| url.to_owned(), |(url, _)| format!("{url}?***"))
    });
    urls.collect::<Vec<_>>().join(",")
}
