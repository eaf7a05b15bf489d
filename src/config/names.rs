//! Variables whose names resemble a setting but are none.

use super::SETTINGS;
use crate::printable::printable;

/// Upper bound on the edits between a misspelt name and the intended setting.
const MOST_EDITS: usize = 2;

/// Warns of each variable whose name resembles a setting, and names that setting. Such a variable
/// is ignored like any other unknown variable.
pub fn misspelt(names: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut sentences: Vec<_> = names
        .into_iter()
        .filter_map(|name| {
            let meant = meant(&name)?;
            let name = printable(&name, 80);
            Some(format!(
                "{name} is no setting and is ignored: do you mean {meant}?"
            ))
        })
        .collect();
    sentences.sort();
    sentences
}

fn meant(name: &str) -> Option<&'static str> {
    // Short names resemble too many variables that have nothing to do with this program.
    if name.len() < 8 || SETTINGS.iter().any(|setting| setting.name == name) {
        return None;
    }
    let upper = name.to_ascii_uppercase();
    let distance = |setting: &'static str| strsim::osa_distance(&upper, setting);
    let nearest = SETTINGS
        .iter()
        .map(|setting| (distance(setting.name), setting.name))
        .min()?;
    (nearest.0 <= MOST_EDITS).then_some(nearest.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_nearly_a_setting_s() {
        for (name, expected) in [
            ("ELASTICSEARCH_APIKEY", Some("ELASTICSEARCH_API_KEY")),
            ("ELASTICSEARCH_URLS", Some("ELASTICSEARCH_URL")),
            ("BULK_MAX_BYTE", Some("BULK_MAX_BYTES")),
            ("elasticsearch_url", Some("ELASTICSEARCH_URL")),
            ("ELASTIC_CLOUDID", Some("ELASTIC_CLOUD_ID")),
            ("EXECUTION_LOG", Some("EXECUTION_LOGS")),
            ("ELASTICSEARCH_URL", None),
            ("ELASTICSEARCH_TEST_URL", None),
            ("ELASTICSEARCH_HOSTS", None),
            ("TAG", None),
            ("PATH", None),
            ("AWS_REGION", None),
        ] {
            assert_eq!(meant(name), expected, "{name}");
        }
    }
}
