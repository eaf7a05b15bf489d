//! Checks that the README shows what the program does.
#![expect(clippy::disallowed_types, reason = "JSON is compared as it is shown")]

use std::fs;
use std::process::Command;

use apigw_logs::config::SETTINGS;
use serde_json::Value;

use crate::support::command_line::run;
use crate::support::golden::repository;

const README: &str = include_str!("../../README.md");

/// Returns the JSON blocks of the README, in their order.
fn json_blocks() -> Vec<Value> {
    let blocks = README
        .split("```json\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next());
    blocks
        .map(|block| serde_json::from_str(block).expect("a block of JSON"))
        .collect()
}

#[test]
fn the_readme_lists_the_program_s_settings() {
    let rows: Vec<_> = README
        .lines()
        .filter(|line| line.starts_with("| `"))
        .collect();
    let expected: Vec<_> = SETTINGS
        .iter()
        .map(|setting| {
            let default = setting
                .default
                .map_or("–".to_owned(), |default| format!("`{default}`"));
            format!("| `{}` | {default} | {} |", setting.name, setting.meaning)
        })
        .collect();
    assert_eq!(rows, expected);
}

#[test]
fn the_first_command_of_the_readme_prints_what_it_shows() {
    let run = run(&["invoke", "events/rest.json"], &[], b"");
    let without_duration = |mut report: Value| {
        report
            .as_object_mut()
            .expect("a report is an object")
            .remove("duration_ms");
        report
    };
    let [document, report] = &json_blocks()[..] else {
        panic!("the README shows a document and a report")
    };
    let printed = run.stdout.lines().next().expect("a document");
    assert_eq!(
        serde_json::from_str::<Value>(printed).expect("JSON"),
        *document
    );
    let printed = serde_json::from_str(&run.stderr).expect("a report");
    assert_eq!(without_duration(printed), without_duration(report.clone()));
}

/// The package is distributed, so it includes the licences of its contents.
#[test]
fn the_package_includes_the_licence_of_every_crate() {
    let folder = tempfile::tempdir().expect("a folder");
    let zip = folder.path().join("bootstrap.zip");
    let notices = |arguments: &[&str]| {
        let output = Command::new("python3")
            .arg(repository(".ci/third-party-notices"))
            .args(arguments)
            .output()
            .expect("python3 is here, as for moto");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).expect("text")
    };
    let text = notices(&[]);
    for named in [
        "\n  ring 0.17",
        "\n  rustls 0.23",
        "\n  regex-lite ",
        "\n  lambda_runtime ",
        "uap-core",
    ] {
        assert!(text.contains(named), "{named:?}");
    }
    for licence in [
        "ISC License",
        "Apache License",
        "Permission is hereby granted, free of charge",
    ] {
        assert!(text.contains(licence), "{licence}");
    }
    for only_for_tests in ["\n  proptest ", "\n  criterion "] {
        assert!(!text.contains(only_for_tests), "{only_for_tests:?}");
    }
    notices(&["--zip", zip.to_str().expect("a plain path")]);
    let packed = fs::read(&zip).expect("it was made");
    for name in ["THIRD_PARTY_NOTICES.txt", "LICENSE"] {
        assert!(
            memchr::memmem::find(&packed, name.as_bytes()).is_some(),
            "{name}"
        );
    }
}
