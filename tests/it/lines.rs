//! Golden lines: `name.log` holds a raw message a line, and line n of `name.ndjson` is what `normalize` makes of line n.

use crate::support::command_line::run;
use crate::support::golden::{assert_holds_only, check, names};

pub(crate) const LINES: &str = "tests/it/fixtures/lines";

/// Settings that a file's lines are read with, where they are not the defaults.
const SETTINGS: &[(&str, &[(&str, &str)])] = &[
    (
        "preserved-originals",
        &[("PRESERVE_ORIGINAL_EVENT", "true"), ("TAGS", "a, b")],
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

/// The time of lines that tell none.
const EVENT_TIME: &str = "1772323200123";

/// The settings that a file's lines are read with.
pub(crate) fn settings(name: &str) -> &'static [(&'static str, &'static str)] {
    SETTINGS
        .iter()
        .find(|(file, _)| *file == name)
        .map_or(&[][..], |(_, settings)| settings)
}

#[test]
fn every_line_becomes_what_it_should() {
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
