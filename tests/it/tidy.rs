//! The rules of ARCHITECTURE.md that no linter checks: which room may name which, and what pure
//! rooms must not use.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Each room, and the rooms that it may name. Arrows point from I/O to pure rooms, never back.
const MAY_NAME: &[(&str, &[&str])] = &[
    ("data_stream", &[]),
    ("server", &[]),
    ("parts", &[]),
    ("json", &[]),
    ("printable", &[]),
    ("ecs", &["json"]),
    ("event", &[]),
    ("event_id", &[]),
    ("decode", &["json", "parts"]),
    ("normalizer", &["data_stream", "ecs", "json", "parts"]),
    ("enrich", &["ecs"]),
    ("bulk", &["json", "parts", "printable", "server"]),
    (
        "dead_letter",
        &["bulk", "data_stream", "ecs", "json", "normalizer"],
    ),
    ("report", &["bulk", "event"]),
    ("search", &["bulk", "ecs", "server"]),
    (
        "pipeline",
        &[
            "bulk",
            "data_stream",
            "dead_letter",
            "decode",
            "enrich",
            "event",
            "json",
            "normalizer",
            "report",
            "search",
            "server",
        ],
    ),
    (
        "redrive",
        &[
            "bulk",
            "data_stream",
            "dead_letter",
            "ecs",
            "normalizer",
            "pipeline",
            "report",
            "search",
            "server",
        ],
    ),
    ("setup", &["data_stream", "server"]),
    ("http", &["printable", "server"]),
    ("aws", &["http"]),
    (
        "check",
        &["aws", "bulk", "data_stream", "printable", "server", "setup"],
    ),
    (
        "history",
        &[
            "aws",
            "bulk",
            "data_stream",
            "decode",
            "ecs",
            "event_id",
            "json",
            "pipeline",
            "report",
            "search",
            "server",
        ],
    ),
    ("elasticsearch", &["aws", "http", "server"]),
    (
        "config",
        &[
            "aws",
            "bulk",
            "data_stream",
            "elasticsearch",
            "enrich",
            "http",
            "normalizer",
            "pipeline",
            "printable",
        ],
    ),
    (
        "handler",
        &[
            "config",
            "elasticsearch",
            "pipeline",
            "printable",
            "report",
            "server",
        ],
    ),
    (
        "cli",
        &[
            "aws",
            "check",
            "config",
            "data_stream",
            "decode",
            "ecs",
            "elasticsearch",
            "event",
            "event_id",
            "history",
            "json",
            "normalizer",
            "parts",
            "pipeline",
            "printable",
            "redrive",
            "report",
            "server",
            "setup",
        ],
    ),
];

/// Rooms without I/O, and words that would reveal I/O.
const PURE: &[&str] = &[
    "data_stream",
    "server",
    "parts",
    "json",
    "printable",
    "ecs",
    "event",
    "event_id",
    "decode",
    "normalizer",
    "bulk",
    "dead_letter",
    "report",
    "search",
    "setup",
];
const IO: &[&str] = &[
    "SystemTime",
    "Timestamp::now",
    "std::fs",
    "std::net::Tcp",
    "std::net::Udp",
    "std::env",
    "tokio::net",
    "tokio::fs",
    "reqwest",
    "tracing::",
    "println!",
];

/// A file of the program.
pub(super) struct Source {
    /// The path below `src`.
    pub(super) path: PathBuf,
    room: String,
    /// The text without its tests.
    pub(super) production: String,
}

pub(super) fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut sources = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("src can be read") {
            let path = entry.expect("src can be read").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let relative = path.strip_prefix(&root).expect("it lies in src").to_owned();
            let first = relative
                .components()
                .next()
                .expect("a name")
                .as_os_str()
                .to_string_lossy()
                .into_owned();
            let text = fs::read_to_string(&path).expect("sources are text");
            let production = production(&text).to_owned();
            sources.push(Source {
                path: relative,
                room: first.trim_end_matches(".rs").to_owned(),
                production,
            });
        }
    }
    assert!(sources.len() > 30, "these are the sources");
    sources
}

/// Returns the source without its tests, which stand in `mod tests` at its end.
pub(super) fn production(text: &str) -> &str {
    text.split_once("#[cfg(test)]\nmod tests")
        .map_or(text, |(production, _)| production)
}

/// Returns every room that a text names as `crate::room` or in `crate::{room, …}`.
fn named(text: &str) -> BTreeSet<String> {
    let mut rooms = BTreeSet::new();
    for (_, rest) in text
        .match_indices("crate::")
        .filter_map(|(at, _)| text.split_at_checked(at + "crate::".len()))
    {
        let group = rest
            .strip_prefix('{')
            .and_then(|rest| rest.split_once('}'))
            .map(|(group, _)| group);
        for part in group.map_or_else(|| vec![rest], |group| group.split(',').collect()) {
            let name: String = part
                .trim()
                .chars()
                .take_while(|c| c.is_ascii_lowercase() || *c == '_')
                .collect();
            rooms.extend(Some(name).filter(|name| !name.is_empty()));
        }
    }
    rooms
}

#[test]
fn rooms_name_only_allowed_rooms() {
    let rooms: BTreeSet<_> = MAY_NAME.iter().map(|(room, _)| *room).collect();
    let mut wrong = Vec::new();
    for source in sources()
        .iter()
        .filter(|source| !["lib", "main"].contains(&&*source.room))
    {
        let (_, may_name) = MAY_NAME
            .iter()
            .find(|(room, _)| *room == source.room)
            .unwrap_or_else(|| {
                panic!(
                    "{} belongs to a room that is not in the table",
                    source.path.display()
                )
            });
        for name in named(&source.production) {
            if name != source.room && rooms.contains(&*name) && !may_name.contains(&&*name) {
                wrong.push(format!("src/{} -> {name}", source.path.display()));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "ARCHITECTURE.md does not allow:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn the_table_has_no_cycle_and_no_unused_arrow() {
    let sources = sources();
    for (index, (room, may_name)) in MAY_NAME.iter().enumerate() {
        for name in *may_name {
            let target = MAY_NAME
                .iter()
                .position(|(room, _)| room == name)
                .expect("a room of the table");
            assert!(
                target < index,
                "{room} -> {name}: a room stands below those it names"
            );
            let used = sources
                .iter()
                .any(|source| source.room == *room && named(&source.production).contains(*name));
            assert!(used, "{room} -> {name} is allowed and not used");
        }
    }
}

/// Names that several types may have. Each command of the command line has its `Arguments`.
const SHARED_NAMES: [&str; 1] = ["Arguments"];

#[test]
fn one_name_is_one_type() {
    let mut seen = BTreeSet::new();
    for source in sources() {
        for name in source.production.lines().filter_map(type_name) {
            assert!(
                SHARED_NAMES.contains(&name) || seen.insert(name.to_owned()),
                "src/{}: another type is called {name}",
                source.path.display()
            );
        }
    }
    assert!(seen.contains("LogEvent"), "these are the types");
}

/// Returns the name of the type that a line declares outside of functions.
fn type_name(line: &str) -> Option<&str> {
    let behind_pub = line.strip_prefix("pub").map(|rest| {
        let visibility = rest
            .strip_prefix('(')
            .and_then(|rest| rest.split_once(") "));
        visibility.map_or(rest.trim_start(), |(_, rest)| rest)
    });
    let (keyword, rest) = behind_pub.unwrap_or(line).split_once(' ')?;
    let is_type = ["struct", "enum", "trait", "type"].contains(&keyword);
    let end = rest.find(|c: char| !c.is_alphanumeric());
    is_type.then(|| rest.split_at(end.unwrap_or(rest.len())).0)
}

#[test]
fn pure_rooms_do_no_input_or_output() {
    for source in sources()
        .iter()
        .filter(|source| PURE.contains(&&*source.room))
    {
        let code: Vec<_> = source
            .production
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
            .collect();
        for forbidden in IO {
            let line = code.iter().find(|line| line.contains(forbidden));
            assert!(
                line.is_none(),
                "src/{}: {forbidden} in {line:?}",
                source.path.display()
            );
        }
    }
}

#[test]
fn names_are_found_in_every_form() {
    let text =
        "use crate::ecs::{A, B};\nuse crate::{bulk::Outcome, report};\ncrate::event::read();";
    assert_eq!(
        named(text),
        ["bulk", "ecs", "event", "report"].map(str::to_owned).into()
    );
}
