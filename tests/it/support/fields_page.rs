//! The tables of `docs/fields.md`, and the mappings that are made from them.
#![expect(clippy::unwrap_used, reason = "the functions around a test are tests")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

use super::golden::repository;

pub(crate) const PAGE: &str = "docs/fields.md";

/// A row of a table of fields.
pub(crate) struct Field {
    pub(crate) name: String,
    /// The type in Elasticsearch.
    pub(crate) kind: String,
    pub(crate) is_list: bool,
    /// The field for which an alias stands.
    pub(crate) path: Option<String>,
    pub(crate) access: Access,
    /// The variable or other source of the value; empty for a dead letter's field.
    pub(crate) from: String,
    pub(crate) example: String,
    pub(crate) meaning: String,
}

/// The structures in which Elasticsearch keeps a field's values, beside the document.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// All structures of its type.
    Indexed,
    /// Doc values only: a search has to look at every value.
    DocValues,
    /// None: the field is only shown.
    Shown,
}

/// Returns the fields of a document, in the order of the page.
pub(crate) fn fields() -> Vec<Field> {
    rows(|cells| match cells {
        [name, kind, from, example, meaning] => Some(field(name, kind, from, example, meaning)),
        _ => None,
    })
}

/// Returns the fields of a dead letter, in the order of the page.
pub(crate) fn dead_letter_fields() -> Vec<Field> {
    rows(|cells| match cells {
        [name, kind, example, meaning] => Some(field(name, kind, "", example, meaning)),
        _ => None,
    })
}

fn rows(read: impl Fn(&[&str]) -> Option<Field>) -> Vec<Field> {
    let page = fs::read_to_string(repository(PAGE)).unwrap();
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    rows.filter_map(|line| read(&line.split(" | ").collect::<Vec<_>>()))
        .collect()
}

fn field(name: &str, kind: &str, from: &str, example: &str, meaning: &str) -> Field {
    let unquoted = |cell: &str| cell.trim_matches(['|', ' ']).trim_matches('`').to_owned();
    Field {
        name: unquoted(name),
        kind: kind.split(", ").next().unwrap().to_owned(),
        path: kind.strip_prefix("alias, ").map(unquoted),
        is_list: kind.split(", ").any(|word| word == "list"),
        access: match kind.split(", ").last() {
            Some("not searchable") => Access::Shown,
            Some("not indexed") => Access::DocValues,
            _ => Access::Indexed,
        },
        from: from.to_owned(),
        example: unquoted(example),
        meaning: meaning.trim_end_matches('|').trim().to_owned(),
    }
}

impl Field {
    /// Returns the longest text that is indexed, if the type has such a limit.
    pub(crate) fn ignore_above(&self) -> Option<u32> {
        match &*self.kind {
            _ if self.access == Access::Shown => None,
            // A whole URL is longer than other keywords.
            "keyword" if ["url.original", "url.full"].contains(&&*self.name) => Some(8191),
            "keyword" => Some(1024),
            "wildcard" | "flattened" => Some(8191),
            _ => None,
        }
    }

    fn mapping(&self) -> String {
        let mut mapping = format!(r#"{{ "type": "{}""#, self.kind);
        if let Some(path) = &self.path {
            write!(mapping, r#", "path": "{path}""#).unwrap();
        }
        match self.access {
            Access::Indexed => {}
            Access::DocValues => mapping.push_str(r#", "index": false"#),
            Access::Shown => mapping.push_str(r#", "index": false, "doc_values": false"#),
        }
        if let Some(limit) = self.ignore_above() {
            write!(mapping, r#", "ignore_above": {limit}"#).unwrap();
        }
        // The time of a data stream cannot be ignored, whatever the index says of other fields.
        if self.name == "@timestamp" {
            mapping.push_str(r#", "ignore_malformed": false"#);
        }
        mapping + " }"
    }
}

/// Returns the `properties` of a mapping with these fields, as lines of JSON.
pub(crate) fn properties(fields: &[Field], indent: usize) -> String {
    let mut tree = Tree::default();
    fields
        .iter()
        .for_each(|field| tree.insert(&field.name, field.mapping()));
    let mut json = String::new();
    tree.write(&mut json, indent);
    json
}

/// Objects of fields, and the fields of a mapping as JSON.
#[derive(Default)]
struct Tree(BTreeMap<String, Branch>);

enum Branch {
    Object(Tree),
    Field(String),
}

impl Tree {
    fn insert(&mut self, name: &str, json: String) {
        let Some((first, rest)) = name.split_once('.') else {
            self.0.insert(name.to_owned(), Branch::Field(json));
            return;
        };
        match self
            .0
            .entry(first.to_owned())
            .or_insert_with(|| Branch::Object(Self::default()))
        {
            Branch::Object(tree) => tree.insert(rest, json),
            Branch::Field(_) => panic!("{name} is a field and an object"),
        }
    }

    fn write(&self, into: &mut String, indent: usize) {
        let space = " ".repeat(indent);
        for (index, (name, branch)) in self.0.iter().enumerate() {
            let comma = if index + 1 < self.0.len() { "," } else { "" };
            match branch {
                Branch::Field(json) => writeln!(into, "{space}\"{name}\": {json}{comma}").unwrap(),
                Branch::Object(tree) => {
                    write!(into, "{space}\"{name}\": {{\n{space}  \"properties\": {{\n").unwrap();
                    tree.write(into, indent + 4);
                    writeln!(into, "{space}  }}\n{space}}}{comma}").unwrap();
                }
            }
        }
    }
}
