//! Variables that look like settings but are none.

use super::SETTINGS;
use crate::printable::printable;

/// Upper bound on the edits between a misspelt name and the intended setting.
const MOST_EDITS: usize = 2;

/// The starts of names that only settings have.
const STARTS: [&str; 3] = ["ELASTICSEARCH_", "BULK_", "RETRY_"];

/// The starts of variables that Kubernetes sets for a service named `elasticsearch`.
const STARTS_OF_KUBERNETES: [&str; 2] = ["ELASTICSEARCH_SERVICE_", "ELASTICSEARCH_PORT"];

/// The guess about a variable that is no setting.
#[derive(Debug, PartialEq, Eq)]
enum Guess {
    /// Its name resembles that of a setting.
    Misspelt(&'static str),
    /// Its name begins like those of settings.
    Invented,
}

/// Warns of each variable that looks like a setting but is none. Such a variable is ignored like
/// any other unknown variable.
pub fn misspelt(names: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut sentences: Vec<_> = names
        .into_iter()
        .filter_map(|name| {
            let guess = guess(&name)?;
            let name = printable(&name, 80);
            Some(match guess {
                Guess::Misspelt(meant) => {
                    format!("{name} is no setting and is ignored: do you mean {meant}?")
                }
                Guess::Invented => format!(
                    "{name} is no setting and is ignored: `apigw-logs config` shows all settings"
                ),
            })
        })
        .collect();
    sentences.sort();
    sentences
}

fn guess(name: &str) -> Option<Guess> {
    // Short names resemble too many variables that have nothing to do with this program.
    if name.len() < 8 || SETTINGS.iter().any(|setting| setting.name == name) {
        return None;
    }
    let upper = name.to_ascii_uppercase();
    let begins = |starts: &[&str]| starts.iter().any(|start| upper.starts_with(start));
    let distance = |setting: &'static str| strsim::osa_distance(&upper, setting);
    let nearest = SETTINGS
        .iter()
        .map(|setting| (distance(setting.name), setting.name))
        .min()?;
    if nearest.0 <= MOST_EDITS {
        return Some(Guess::Misspelt(nearest.1));
    }
    (begins(&STARTS) && !begins(&STARTS_OF_KUBERNETES)).then_some(Guess::Invented)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_nearly_a_setting_s() {
        let invented = |name: &str| guess(name) == Some(Guess::Invented);
        for name in [
            "ELASTICSEARCH_HOSTS",
            "ELASTICSEARCH_USER",
            "elasticsearch_host",
            "ELASTICSEARCH_TEST_URL",
            "BULK_SIZE",
            "RETRY_COUNT",
        ] {
            assert!(invented(name), "{name}: {:?}", guess(name));
        }
        for (name, expected) in [
            ("ELASTICSEARCH_APIKEY", Some("ELASTICSEARCH_API_KEY")),
            ("ELASTICSEARCH_URLS", Some("ELASTICSEARCH_URL")),
            ("BULK_MAX_BYTE", Some("BULK_MAX_BYTES")),
            ("elasticsearch_url", Some("ELASTICSEARCH_URL")),
            ("ELASTIC_CLOUDID", Some("ELASTIC_CLOUD_ID")),
            ("EXECUTION_LOG", Some("EXECUTION_LOGS")),
            ("ELASTICSEARCH_URL", None),
            ("ELASTICSEARCH_SERVICE_HOST", None),
            ("ELASTICSEARCH_PORT_9200_TCP", None),
            ("TAG", None),
            ("PATH", None),
            ("AWS_REGION", None),
        ] {
            assert_eq!(guess(name), expected.map(Guess::Misspelt), "{name}");
        }
    }
}
