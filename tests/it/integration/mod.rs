//! The integration package in `integration/`: it is made from the rest of the repository, and
//! Kibana accepts it.
#![expect(clippy::unwrap_used, reason = "the functions around a test are tests")]

mod fields;
mod fleet;
mod install;
mod zip;

use std::fs;

use regex::Regex;

use crate::lines::LINES;
use crate::support::dead_letter::dead_letter;
use crate::support::fields_page::{Field, dead_letter_fields, fields};
use crate::support::golden::{assert_holds_only, check, names, repository};
use crate::support::json::Json;
use crate::support::yaml;

/// A data stream of the package.
struct Stream {
    /// Its folder.
    folder: &'static str,
    fields: fn() -> Vec<Field>,
    sample: fn() -> Json,
}

const STREAMS: [Stream; 2] = [
    Stream {
        folder: "integration/data_stream/api_gateway_logs",
        fields,
        sample: sample_document,
    },
    Stream {
        folder: "integration/data_stream/api_gateway_dead_letters",
        fields: dead_letter_fields,
        sample: dead_letter,
    },
];

/// The output of `invoke` for the first line of `events/full-rest.json`.
fn sample_document() -> Json {
    let documents =
        fs::read_to_string(repository("tests/it/fixtures/events/full-rest.ndjson")).unwrap();
    Json::read(documents.lines().next().unwrap())
}

#[test]
fn the_field_files_are_made_from_the_page() {
    for stream in STREAMS {
        let files = fields::files(&(stream.fields)());
        for (name, text) in &files {
            check(&format!("{}/fields/{name}", stream.folder), text);
        }
        assert_holds_only(
            &format!("{}/fields", stream.folder),
            files.into_iter().map(|(name, _)| name),
        );
    }
}

#[test]
fn the_sample_events_are_the_program_s_output() {
    for stream in STREAMS {
        check(
            &format!("{}/sample_event.json", stream.folder),
            &(stream.sample)().pretty(),
        );
    }
}

/// `elastic-package` would fill the same placeholders.
#[test]
fn the_readme_is_made_from_its_template() {
    let mut readme =
        fs::read_to_string(repository("integration/_dev/build/docs/README.md")).unwrap();
    for stream in STREAMS {
        let (_, name) = stream.folder.rsplit_once('/').unwrap();
        let sample = (stream.sample)().pretty();
        readme = readme.replace(
            &format!("{{{{event \"{name}\"}}}}"),
            &format!("```json\n{sample}```"),
        );
        readme = readme.replace(
            &format!("{{{{fields \"{name}\"}}}}"),
            fields::table(&(stream.fields)()).trim_end(),
        );
    }
    assert!(!readme.contains("{{"), "nobody fills this: {readme}");
    check("integration/docs/README.md", &readme);
}

/// Kibana shows the README where the repository's files do not exist.
#[test]
fn the_readme_links_to_nothing_but_websites() {
    let readme = fs::read_to_string(repository("integration/docs/README.md")).unwrap();
    let link = Regex::new(r"\]\(([^)\s]+)\)").unwrap();
    let targets: Vec<_> = link
        .captures_iter(&readme)
        .map(|captures| captures.extract::<1>().1[0])
        .collect();
    assert!(
        !targets.is_empty() && targets.iter().all(|target| target.starts_with("https://")),
        "{targets:?}"
    );
}

#[test]
fn the_package_has_the_version_of_the_program() {
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(yaml::read("integration/manifest.yml")["version"], version);
    assert_eq!(
        yaml::read("integration/changelog.yml")[0]["version"],
        version
    );
}

/// Content that newer versions of Kibana reject in an upload:
/// <https://github.com/elastic/kibana/pull/286094>.
#[test]
fn kibana_finds_nothing_wrong_with_the_upload() {
    let is_name = Regex::new("^[a-z][a-z0-9_]{1,149}$").unwrap();
    assert!(
        is_name.is_match(
            yaml::read("integration/manifest.yml")["name"]
                .as_str()
                .unwrap()
        )
    );
    assert!(
        !repository("integration/elasticsearch").exists(),
        "templates and pipelines for others than the data streams"
    );
    let is_dataset = Regex::new(r"^[a-z0-9_.]{1,100}$").unwrap();
    for stream in STREAMS {
        let manifest = yaml::read(&format!("{}/manifest.yml", stream.folder));
        assert_eq!(manifest["type"], "logs");
        assert!(
            is_dataset.is_match(manifest["dataset"].as_str().unwrap()),
            "{manifest}"
        );
    }
}

/// The final pipeline of Fleet's templates removes `event.original` from documents without the tag.
#[test]
fn fleet_keeps_every_line_that_the_program_keeps() {
    let is_tagged = |document: &Json| {
        let tags = document.list("tags").unwrap_or_default();
        tags.contains(&Json::Text("preserve_original_event".to_owned()))
    };
    let mut kept = 0;
    for name in names(LINES, ".ndjson") {
        for document in documents(&name) {
            let is_kept = document.get("event.original").is_some();
            assert_eq!(
                is_tagged(&document),
                is_kept,
                "{name}: {}",
                document.compact()
            );
            kept += usize::from(is_kept);
        }
    }
    assert!(kept > 50, "only {kept}");
    assert!(is_tagged(&dead_letter()));
}

/// Returns the golden documents of a file. Those of one line follow each other.
fn documents(name: &str) -> Vec<Json> {
    let text = fs::read_to_string(repository(&format!("{LINES}/{name}.ndjson"))).unwrap();
    let of_line = |line: &str| match Json::read(line) {
        Json::List(documents) => documents,
        Json::Null => Vec::new(),
        document => vec![document],
    };
    text.lines().flat_map(of_line).collect()
}
