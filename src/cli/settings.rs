//! `apigw-logs config`: the settings in force, and what is wrong with them.

use super::Failure;
use super::output::Output;
use crate::config::{Config, SETTINGS, Setting};
use crate::elasticsearch::Elasticsearch;

/// Prints every setting, secrets masked, then fails if there is any problem.
pub(super) fn run(lookup: &impl Fn(&str) -> Option<String>, output: &mut Output) -> Result<(), Failure> {
    for setting in SETTINGS {
        output.line(&line(setting, lookup(setting.name).as_deref().map(str::trim)))?;
    }
    let mut config = Config::from_vars(lookup)?;
    if let Some(settings) = config.elasticsearch.take() {
        Elasticsearch::new(settings).map_err(|error| vec![error.into()])?;
    }
    config.pipeline(())?;
    Ok(())
}

fn line(setting: &Setting, value: Option<&str>) -> String {
    let name = setting.name;
    match (value.filter(|value| !value.is_empty()), setting.default) {
        (Some(_), _) if setting.is_secret => format!("{name}=***"),
        (Some(value), _) => format!("{name}={}", without_credentials(value)),
        (None, Some(default)) => format!("{name}={default}  (default)"),
        (None, None) => format!("{name}=  (not set)"),
    }
}

/// A URL with credentials is a mistake; showing them would be another.
fn without_credentials(value: &str) -> String {
    let mask = |url: &str| match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://***@{host}"),
        _ => url.to_owned(),
    };
    if value.contains("://") { value.split(',').map(mask).collect::<Vec<_>>().join(",") } else { value.to_owned() }
}
