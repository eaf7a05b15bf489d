//! Golden lines: each line of `name.log` is a raw message, and line n of `name.ndjson` is the
//! output of `normalize` for line n.

use crate::support::command_line::run;
use crate::support::golden::{assert_holds_only, check, names};

pub(crate) const LINES: &str = "tests/it/fixtures/lines";

/// The settings for a file's lines, if they are not the defaults.
const SETTINGS: &[(&str, &[(&str, &str)])] = &[
    (
        "preserved-originals",
        &[("PRESERVE_ORIGINAL_EVENT", "true"), ("TAGS", "a, b")],
    ),
    (
        "names-of-apis",
        &[("API_NAMES", "a1b2c3d4e5=shop,f6g7h8i9j0=billing")],
    ),
    ("execution-log-skipped", &[("EXECUTION_LOGS", "skip")]),
    (
        "places",
        &[
            (
                "GEOIP_CITY_DATABASE",
                "tests/it/fixtures/geoip/GeoIP2-City-Test.mmdb",
            ),
            (
                "GEOIP_ASN_DATABASE",
                "tests/it/fixtures/geoip/GeoLite2-ASN-Test.mmdb",
            ),
        ],
    ),
    (
        "other-data-stream",
        &[
            ("DATA_STREAM", "logs-shop.gateway-prod"),
            ("USER_AGENT_REGEXES", "none"),
        ],
    ),
];

/// The time of lines without a time of their own.
const EVENT_TIME: &str = "1772323200123";

/// Returns the settings for a file's lines.
pub(crate) fn settings(name: &str) -> &'static [(&'static str, &'static str)] {
    SETTINGS
        .iter()
        .find(|(file, _)| *file == name)
        .map_or(&[][..], |(_, settings)| settings)
}

#[test]
fn every_line_gives_its_golden_documents() {
    let names = names(LINES, ".log");
    for name in &names {
        let settings = settings(name);
        let file = format!("{LINES}/{name}.log");
        let outcome = run(
            &["normalize", "--event-time", EVENT_TIME, &file],
            settings,
            b"",
        );
        assert_eq!((outcome.status, &*outcome.stderr), (0, ""), "{name}");
        check(&format!("{LINES}/{name}.ndjson"), &outcome.stdout);
    }
    assert_holds_only(
        LINES,
        names
            .iter()
            .flat_map(|name| [format!("{name}.log"), format!("{name}.ndjson")]),
    );
}
