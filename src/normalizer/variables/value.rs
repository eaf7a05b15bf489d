//! The values of a line, as JSON or text, and their conversion.

use std::borrow::Cow;
use std::collections::HashMap;

use bumpalo::Bump;
use bumpalo::collections::{String as ArenaString, Vec as ArenaVec};
use serde_json::value::RawValue;

use super::meaning::rank;
use crate::ecs::{FlatValue, Flattened};
use crate::json::{JsonText, repair_surrogates};
use crate::normalizer::mask::{Names, mask, mask_json, mask_suspicious};

/// Objects nested deeper than this stay whole, as values.
pub(crate) const MAX_DEPTH: u8 = 8;

/// A value nested deeper than this is kept as its own text: Elasticsearch rejects a `flattened`
/// field that is nested deeper than 20 objects, and any document nested deeper than 1,000 brackets.
const MAX_NESTING: usize = 16;

/// Upper bound on the bytes of a key with its value, or with one text in its value. Beyond it the
/// document is rejected: a term of Lucene has at most 32,766 bytes, and OpenSearch's `flat_object`
/// makes one term from field, path and value.
///
/// Source:
/// <https://lucene.apache.org/core/10_0_0/core/org/apache/lucene/index/IndexWriter.html#MAX_TERM_LENGTH>.
pub(crate) const LONGEST_TERM: usize = 32_000;

/// Returns whether an index accepts an entry of a `flattened` field.
pub(crate) fn is_indexable((key, value): &Entry<'_>) -> bool {
    let value = match value {
        FlatValue::Json(json)
            if json.get().starts_with(['{', '[']) && nesting(json.get()) <= MAX_NESTING =>
        {
            longest_term(json.get())
        }
        FlatValue::Json(json) => json.get().len(),
        FlatValue::Text(text) => text.len(),
    };
    key.len() + value <= LONGEST_TERM
}

/// Returns the length of the longest scalar in JSON together with the keys that lead to it,
/// including escapes.
fn longest_term(json: &str) -> usize {
    let mut longest = 0;
    // The length of the keys that lead to each open bracket, and to the next value.
    let mut open = Vec::new();
    let mut path = 0;
    let mut rest = json.as_bytes();
    while let [first, ..] = rest {
        let length = match first {
            b'"' => string_length(rest),
            b'{' | b'[' | b'}' | b']' | b',' | b':' => 1,
            byte if byte.is_ascii_whitespace() => 1,
            _ => rest
                .iter()
                .take_while(|byte| !b",]}".contains(byte))
                .count(),
        };
        rest = rest.get(length..).unwrap_or_default();
        let is_key = *first == b'"' && rest.trim_ascii_start().starts_with(b":");
        match first {
            b'{' | b'[' => open.push(path),
            b'}' | b']' => path = open.pop().unwrap_or_default(),
            b',' => path = open.last().copied().unwrap_or_default(),
            _ if is_key => path = open.last().copied().unwrap_or_default() + length,
            _ => longest = longest.max(path + length),
        }
    }
    longest
}

/// Returns the length of the string that JSON begins with, including its quotes.
fn string_length(json: &[u8]) -> usize {
    let mut is_escaped = false;
    let is_end = |byte: &u8| {
        let is_end = *byte == b'"' && !is_escaped;
        is_escaped = *byte == b'\\' && !is_escaped;
        is_end
    };
    let inside = json.get(1..).unwrap_or_default();
    inside
        .iter()
        .position(is_end)
        .map_or(json.len(), |end| end + 2)
}

/// A key and its value.
pub(crate) type Entry<'a> = (&'a str, FlatValue<'a>);

/// Returns whether an entry takes precedence over an earlier one of the same variable.
pub(crate) fn counts_more(entry: Entry<'_>, earlier: Entry<'_>) -> bool {
    // The documented formats spell keys without separators: `userArn`, not `user_arn`. Only
    // `integrationStatus` is ambiguous; there the dotted spelling wins.
    let is_plain = |key: &str| {
        key.starts_with(|c: char| c.is_ascii_lowercase()) && !key.contains(['.', '_', '-', ' '])
    };
    let order = |key: &str| {
        let place = rank(key);
        (place, is_plain(key) == (place == rank("integrationStatus")))
    };
    !is_absent(entry.1) && (is_absent(earlier.1) || order(entry.0) <= order(earlier.0))
}

/// API Gateway writes `-` for a variable without a value.
pub(crate) fn present(text: &str) -> Option<&str> {
    (!matches!(text, "" | "-")).then_some(text)
}

pub(crate) fn is_absent(value: FlatValue<'_>) -> bool {
    match value {
        FlatValue::Text(text) => present(text).is_none(),
        FlatValue::Json(json) => matches!(json.get(), "null" | r#""""# | r#""-""#),
    }
}

/// Reads a `long` as the `convert` processor does, and also whole numbers with a fraction of zero.
pub(crate) fn long(text: &str) -> Option<i64> {
    // The common case.
    if let Ok(number) = text.parse() {
        return Some(number);
    }
    let (negative, digits) = text
        .strip_prefix('-')
        .map_or((false, text), |digits| (true, digits));
    if let Some(hexadecimal) = digits.strip_prefix("0x") {
        let is_hexadecimal = hexadecimal.bytes().all(|digit| digit.is_ascii_hexdigit());
        let value = i128::from(
            u64::from_str_radix(hexadecimal, 16)
                .ok()
                .filter(|_| is_hexadecimal)?,
        );
        return i64::try_from(if negative { -value } else { value }).ok();
    }
    let (whole, fraction) = text.split_once('.')?;
    fraction
        .bytes()
        .all(|digit| digit == b'0')
        .then(|| whole.parse().ok())
        .flatten()
}

/// Returns whether a text is a UUID, as the request ids of REST APIs are. It examines every byte
/// without early exit, so that the compiler can vectorise it.
pub(crate) fn is_uuid(text: &str) -> bool {
    let Ok(bytes) = <[u8; 36]>::try_from(text.as_bytes()) else {
        return false;
    };
    let hyphens: u8 = bytes.iter().map(|byte| u8::from(*byte == b'-')).sum();
    let fit = bytes.iter().fold(true, |fit, byte| {
        fit & (byte.is_ascii_hexdigit() | (*byte == b'-'))
    });
    fit && hyphens == 4
        && [8, 13, 18, 23]
            .into_iter()
            .all(|place| bytes.get(place) == Some(&b'-'))
}

/// Returns a value as text; `None` for null.
pub(crate) fn text_of<'a>(arena: &'a Bump, value: FlatValue<'a>) -> Option<&'a str> {
    let json = match value {
        FlatValue::Text(text) => return Some(text),
        FlatValue::Json(json) => json.get(),
    };
    let Some(escaped) = json
        .strip_prefix('"')
        .and_then(|json| json.strip_suffix('"'))
    else {
        return (json != "null").then_some(json);
    };
    Some(JsonText::escaped(escaped).text(arena))
}

/// Returns the text of a JSON string with extra quotes around it and no quotes inside, such as
/// `"\"GET\""`, without the extra quotes.
pub(crate) fn quoted_again<'a>(arena: &'a Bump, json: &'a str) -> Option<&'a str> {
    let inside = json
        .strip_prefix(r#""\""#)
        .and_then(|json| json.strip_suffix(r#"\"""#))?;
    // A backslash before the last one would escape it.
    (!inside.contains('"') && !inside.ends_with('\\'))
        .then(|| JsonText::escaped(inside).text(arena))
}

/// Returns the value in a form that every server accepts: without line breaks between its parts,
/// because a bulk request is read line by line, and without halves of surrogate pairs.
pub(crate) fn repaired<'a>(arena: &'a Bump, value: &'a RawValue) -> &'a RawValue {
    let mut json = repair_surrogates(value.get());
    if json.contains(['\n', '\r']) {
        // Strings in valid JSON contain no line breaks.
        json = json.replace(['\n', '\r'], " ").into();
    }
    match json {
        Cow::Borrowed(_) => value,
        Cow::Owned(json) => serde_json::from_str(arena.alloc_str(&json)).unwrap_or(value),
    }
}

/// Returns the entries as an object, without credentials inside. An object has each key once, so
/// the last value of a repeated key counts.
pub(crate) fn flattened<'a>(arena: &'a Bump, entries: &[Entry<'a>]) -> Option<Flattened<'a>> {
    if entries.is_empty() {
        return None;
    }
    let last: HashMap<&str, usize> = entries
        .iter()
        .enumerate()
        .map(|(index, (key, _))| (*key, index))
        .collect();
    let is_last = |index: usize, key: &str| last.get(key) == Some(&index);
    let text = |value: &FlatValue<'a>| match value {
        FlatValue::Text(text) => *text,
        FlatValue::Json(json) => json.get(),
    };
    let names = Names::of(entries.iter().map(|(key, value)| (*key, text(value))));
    let masked = |(key, value): &Entry<'a>| {
        let hidden = names
            .hides(key, text(value))
            .then_some(FlatValue::Text("***"));
        let value = hidden.unwrap_or_else(|| match value {
            FlatValue::Json(json) if nesting(json.get()) > MAX_NESTING => {
                FlatValue::Text(mask(json.get(), arena))
            }
            FlatValue::Json(json) => FlatValue::Json(mask_json(key, json, arena)),
            FlatValue::Text(text) => FlatValue::Text(mask(text, arena)),
        });
        (mask_suspicious(key, arena), value)
    };
    let unique = entries
        .iter()
        .enumerate()
        .filter(|(index, (key, _))| is_last(*index, key))
        .map(|(_, entry)| masked(entry));
    Some(Flattened(
        ArenaVec::from_iter_in(unique, arena).into_bump_slice(),
    ))
}

/// Returns the depth of nested brackets in a JSON value.
fn nesting(json: &str) -> usize {
    let mut depth = 0_usize;
    let mut deepest = 0;
    let mut is_string = false;
    let mut is_escaped = false;
    for byte in json.bytes() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => is_string = !is_string,
            b'{' | b'[' if !is_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !is_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// The key of a member of an object.
pub(crate) fn join<'a>(arena: &'a Bump, prefix: &str, key: &str) -> &'a str {
    let mut joined = ArenaString::with_capacity_in(prefix.len() + 1 + key.len(), arena);
    joined.push_str(prefix);
    joined.push('.');
    joined.push_str(key);
    joined.into_bump_str()
}
