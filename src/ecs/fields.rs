//! Checks that the structs have exactly the fields of `docs/fields.md`.

use std::collections::BTreeMap;

use super::{Document, Flattened, Location, OneOrMore, Timestamp};

/// The fields, each with a word for its type of value.
pub(super) type FieldList = BTreeMap<String, &'static str>;

pub(super) trait Fields {
    /// Adds the fields of the member with this name.
    fn list(name: &str, fields: &mut FieldList);
}

macro_rules! leaves {
    ($($kind:literal: $($type:ty),+;)*) => {$($(
        impl Fields for $type {
            fn list(name: &str, fields: &mut FieldList) {
                fields.insert(name.to_owned(), $kind);
            }
        }
    )+)*};
}

leaves! {
    "text": Option<&str>, Option<OneOrMore<'_>>;
    "texts": &[&str];
    "number": Option<i64>, Option<u32>;
    "boolean": Option<bool>;
    "date": Option<Timestamp>;
    "flattened": Option<Flattened<'_>>;
    "geo_point": Option<Location>;
}

pub(super) fn join(name: &str, field: &str) -> String {
    if name.is_empty() {
        field.to_owned()
    } else {
        format!("{name}.{field}")
    }
}

/// Describes the values of a type.
fn kind(field_type: &str) -> &'static str {
    let access = [", not indexed", ", not searchable"];
    let field_type = access
        .iter()
        .find_map(|access| field_type.strip_suffix(access))
        .unwrap_or(field_type);
    match field_type {
        "keyword" | "constant_keyword" | "match_only_text" | "wildcard" | "ip" => "text",
        "keyword, list" | "ip, list" => "texts",
        "long" => "number",
        "boolean" => "boolean",
        "date" => "date",
        "flattened" => "flattened",
        "geo_point" => "geo_point",
        other => panic!("docs/fields.md has a type {other}"),
    }
}

#[test]
fn the_structs_have_the_fields_of_the_page() {
    let mut fields = FieldList::new();
    Document::list("", &mut fields);
    let row = |line: &'static str| match line.split(" | ").collect::<Vec<_>>()[..] {
        // Fields that Elasticsearch adds are not ours to write.
        [name, field_type, from, _, _] if name.starts_with("| `") && from != "Elasticsearch" => {
            Some((
                name.trim_matches(['|', ' ', '`']).to_owned(),
                kind(field_type),
            ))
        }
        _ => None,
    };
    let page: FieldList = include_str!("../../docs/fields.md")
        .lines()
        .filter_map(row)
        .collect();
    assert_eq!(fields, page);
}
