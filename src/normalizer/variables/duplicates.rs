//! Repeated keys in an object inside a value: Elasticsearch rejects a document that has one.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use bumpalo::Bump;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// Objects nested deeper than this stay as they are, because each level is read once more.
const MAX_DEPTH: u8 = 64;

/// Removes repeated keys from every object in the value; the last value wins. `None` if there are
/// none.
pub(crate) fn without_duplicate_keys<'a>(
    arena: &'a Bump,
    value: &'a RawValue,
) -> Option<&'a RawValue> {
    let mut unique = Unique {
        json: String::with_capacity(value.get().len()),
        has_dropped: false,
    };
    unique.value(value, 0).ok()?;
    if !unique.has_dropped {
        return None;
    }
    serde_json::from_str(arena.alloc_str(&unique.json)).ok()
}

/// A JSON value whose repeated keys are being removed.
struct Unique {
    json: String,
    has_dropped: bool,
}

impl Unique {
    fn value(&mut self, value: &RawValue, depth: u8) -> serde_json::Result<()> {
        let json = value.get();
        match json.as_bytes().first() {
            Some(b'{') if depth < MAX_DEPTH => self.object(serde_json::from_str(json)?, depth + 1),
            Some(b'[') if depth < MAX_DEPTH => {
                self.array(&serde_json::from_str::<Vec<_>>(json)?, depth + 1)
            }
            _ => {
                self.json.push_str(json);
                Ok(())
            }
        }
    }

    fn object(
        &mut self,
        RepeatableMembers(members): RepeatableMembers<'_>,
        depth: u8,
    ) -> serde_json::Result<()> {
        let last: HashMap<_, _> = members
            .iter()
            .enumerate()
            .map(|(index, (key, _))| (&**key, index))
            .collect();
        self.has_dropped |= last.len() < members.len();
        let mut separator = '{';
        for (index, (key, value)) in members.iter().enumerate() {
            if last.get(&**key) == Some(&index) {
                self.json.push(separator);
                self.json.push_str(&serde_json::to_string(key)?);
                self.json.push(':');
                self.value(value, depth)?;
                separator = ',';
            }
        }
        self.json
            .push_str(if members.is_empty() { "{}" } else { "}" });
        Ok(())
    }

    fn array(&mut self, values: &[&RawValue], depth: u8) -> serde_json::Result<()> {
        self.json.push('[');
        for (index, value) in values.iter().enumerate() {
            if index > 0 {
                self.json.push(',');
            }
            self.value(value, depth)?;
        }
        self.json.push(']');
        Ok(())
    }
}

/// The members of an object, including repeated ones.
struct RepeatableMembers<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de> Deserialize<'de> for RepeatableMembers<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = RepeatableMembers<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<RepeatableMembers<'de>, M::Error> {
        let mut members = Vec::new();
        while let Some((Key(key), value)) = map.next_entry()? {
            members.push((key, value));
        }
        Ok(RepeatableMembers(members))
    }
}

#[derive(Deserialize)]
#[serde(transparent)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str, expected: Option<&str>) {
        let arena = Bump::new();
        let value: &RawValue = serde_json::from_str(json).unwrap();
        assert_eq!(
            without_duplicate_keys(&arena, value).map(RawValue::get),
            expected,
            "{json}"
        );
    }

    #[test]
    fn the_last_value_of_a_key_counts() {
        check(
            r#"[{"a":1,"b":1.50,"a":{"c":[]}}]"#,
            Some(r#"[{"b":1.50,"a":{"c":[]}}]"#),
        );
        check(
            r#"[1,{"a":{"b":"x","\u0062":"y"}}]"#,
            Some(r#"[1,{"a":{"b":"y"}}]"#),
        );
        check(
            r#"{"a":[{"b":1,"b":2},{}],"c":"\ud83d\ude00"}"#,
            Some(r#"{"a":[{"b":2},{}],"c":"\ud83d\ude00"}"#),
        );
    }

    #[test]
    fn a_value_without_duplicates_stays_as_it_is() {
        for json in [
            r#""text""#,
            "1.50",
            "null",
            "[]",
            r#"[{"a":1},{"a":1}]"#,
            r#"{"a":{"a":{"a":[ 1 ]}}}"#,
        ] {
            check(json, None);
        }
    }

    #[test]
    fn what_is_nested_too_deep_stays_as_it_is() {
        let nested = |depth| {
            format!(
                "{}{}{}",
                "[".repeat(depth),
                r#"{"a":1,"a":2}"#,
                "]".repeat(depth)
            )
        };
        check(&nested(100), None);
        let repaired = nested(20).replace(r#""a":1,"#, "");
        check(&nested(20), Some(&repaired));
    }
}
