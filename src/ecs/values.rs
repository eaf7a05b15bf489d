//! Values that are more than a text, a number or a time.

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::Texts;

/// `source.geo.location`: a `geo_point`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Location {
    /// Degrees north.
    pub lat: f64,
    /// Degrees east.
    pub lon: f64,
}

/// One value as itself, several as a list; to Elasticsearch the two are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum OneOrMore<'a> {
    /// A scalar.
    One(&'a str),
    /// A list.
    More(Texts<'a>),
}

/// A `flattened` field: keys that nobody foresaw with their values untouched, in a single field of the mapping.
#[derive(Debug, Clone, Copy)]
pub struct Flattened<'a>(pub &'a [(&'a str, FlatValue<'a>)]);

/// A value of a [`Flattened`] field.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(untagged)]
pub enum FlatValue<'a> {
    /// JSON, as it stands in the line.
    Json(&'a RawValue),
    /// Text of a line that is not JSON.
    Text(&'a str),
}

impl Serialize for Flattened<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}
