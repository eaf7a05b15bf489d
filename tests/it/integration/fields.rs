//! The package's fields, as Fleet reads them and as its README shows them.
#![expect(clippy::unwrap_used, reason = "the functions around a test are tests")]

use std::fmt::Write as _;
use std::sync::LazyLock;

use regex::Regex;

use crate::support::fields_page::{Access, Field};

const HEAD: &str = "# Made from the tables of docs/fields.md: `just bless` writes it anew.\n";

/// The fields that Fleet demands of every data stream.
const BASE: &[&str] = &[
    "@timestamp",
    "data_stream.type",
    "data_stream.dataset",
    "data_stream.namespace",
];

/// Returns the files of a data stream's fields: their names and texts.
pub(super) fn files(fields: &[Field]) -> Vec<(String, String)> {
    let file = |name: &str, is_in: &dyn Fn(&str) -> bool| {
        let fields = fields.iter().filter(|field| is_in(&field.name));
        (
            name.to_owned(),
            HEAD.to_owned() + &fields.map(yaml).collect::<String>(),
        )
    };
    let is_base = |name: &str| BASE.contains(&name);
    // `uri_parts` writes this field, but ECS does not have it.
    let is_own = |name: &str| name.starts_with("aws.") || name == "url.user_info";
    vec![
        file("base-fields.yml", &is_base),
        file("ecs.yml", &|name| !is_base(name) && !is_own(name)),
        file("fields.yml", &is_own),
    ]
}

/// Returns a field with all that Kibana needs. Kibana does not look up fields in ECS.
fn yaml(field: &Field) -> String {
    let mut text = format!("- name: {}\n  type: {}\n", quoted(&field.name), field.kind);
    if let Some(path) = &field.path {
        writeln!(text, "  path: {path}").unwrap();
    }
    let description = description(field);
    if !description.is_empty() {
        writeln!(text, "  description: {}", quoted(&description)).unwrap();
    }
    if field.is_list {
        text.push_str("  normalize:\n    - array\n");
    }
    match field.access {
        Access::Indexed => {}
        Access::DocValues => text.push_str("  index: false\n"),
        Access::Shown => text.push_str("  index: false\n  doc_values: false\n"),
    }
    if let Some(limit) = field.ignore_above() {
        writeln!(text, "  ignore_above: {limit}").unwrap();
    }
    text
}

/// Quotes a scalar that could be taken for something else.
fn quoted(text: &str) -> String {
    let is_plain = text
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || ['_', '.'].contains(&c));
    if is_plain {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "''"))
    }
}

/// Returns the table of a data stream's fields for the README, sorted by name.
pub(super) fn table(fields: &[Field]) -> String {
    let mut rows: Vec<_> = fields
        .iter()
        .map(|field| {
            format!(
                "| {} | {} | {} |\n",
                field.name,
                description(field).replace('|', "\\|"),
                field.kind
            )
        })
        .collect();
    rows.sort_unstable();
    format!(
        "**Exported fields**\n\n| Field | Description | Type |\n| --- | --- | --- |\n{}",
        rows.concat()
    )
}

/// Returns what the page says of a field: its meaning and its source.
fn description(field: &Field) -> String {
    let from = match &*field.from {
        "" => String::new(),
        "always" => "The same in every document".to_owned(),
        from => format!("From {from}"),
    };
    let parts = [sentence(&without_links(&field.meaning)), sentence(&from)];
    parts
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        None => String::new(),
        Some(first) => format!(
            "{}{}.",
            first.to_uppercase(),
            letters.as_str().trim_end_matches('.')
        ),
    }
}

fn without_links(text: &str) -> String {
    static LINK: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\[([^\]]+)\]\([^)]+\)").unwrap());
    LINK.replace_all(text, "$1").into_owned()
}
