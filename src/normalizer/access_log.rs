//! An access-log line, read: the variables it holds, in whatever form and spelling it holds them.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::fmt;

use bumpalo::Bump;
use bumpalo::collections::{String as ArenaString, Vec as ArenaVec};
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::aliases::{Meaning, Variable, is_everybodys, meaning, rank};
use super::secrets::{mask, mask_json};
use crate::ecs::{FlatValue, Flattened};
use crate::json_text::{mend_surrogates, unescape_into};

/// The variables of one line. Values are borrowed from the line and unescaped only when they are asked for.
pub(super) struct AccessLog<'a> {
    arena: &'a Bump,
    /// The known keys, in the order of the line.
    entries: ArenaVec<'a, (&'a str, FlatValue<'a>)>,
    /// For each variable, one more than its place in `entries`; 0 if the line does not have it.
    places: [u16; Variable::COUNT],
    claims: ArenaVec<'a, (&'a str, FlatValue<'a>)>,
    context: ArenaVec<'a, (&'a str, FlatValue<'a>)>,
    unmapped: ArenaVec<'a, (&'a str, FlatValue<'a>)>,
}

/// Nested objects deeper than this stay whole, as values.
const MAX_DEPTH: u8 = 8;

impl<'a> AccessLog<'a> {
    pub(super) fn new(arena: &'a Bump) -> Self {
        let list = || ArenaVec::new_in(arena);
        Self {
            arena,
            entries: ArenaVec::with_capacity_in(32, arena),
            places: [0; Variable::COUNT],
            claims: list(),
            context: list(),
            unmapped: list(),
        }
    }

    /// Reads a line that is one JSON object and nothing else.
    pub(super) fn read_json(arena: &'a Bump, line: &'a str) -> Result<Self, serde_json::Error> {
        let mut log = Self::new(arena);
        log.read_object("", line, 0)?;
        Ok(log)
    }

    fn read_object(&mut self, prefix: &str, json: &'a str, depth: u8) -> Result<(), serde_json::Error> {
        let mut deserializer = serde_json::Deserializer::from_str(json);
        deserializer.deserialize_map(Object { log: self, prefix, depth })?;
        deserializer.end()
    }

    /// Adds a key and its value. A key that stands twice means its last value; of several keys for one variable that
    /// counts which has a value and stands first in the table. What does not count is kept as unmapped.
    pub(super) fn push(&mut self, key: &'a str, value: FlatValue<'a>) {
        match meaning(key) {
            Meaning::Variable(variable) => self.push_variable(variable, (key, value)),
            _ if is_absent(value) => {}
            Meaning::Claim(start) => self.claims.push((self.flat_key(key, start), value)),
            Meaning::AuthorizerContext(start) => self.context.push((self.flat_key(key, start), value)),
            Meaning::Unknown => self.unmapped.push((self.flat_key(key, 0), value)),
            Meaning::Secret => {}
        }
    }

    /// The rest of a key, as a `flattened` field takes it: one with a NUL would be refused.
    fn flat_key(&self, key: &'a str, start: usize) -> &'a str {
        let key = key.get(start..).unwrap_or(key);
        if key.contains('\0') { self.arena.alloc_str(&key.replace('\0', "\u{fffd}")) } else { key }
    }

    fn push_variable(&mut self, variable: Variable, entry: (&'a str, FlatValue<'a>)) {
        let Some(place) = self.places.get_mut(variable as usize) else { return };
        let Some(earlier) = usize::from(*place).checked_sub(1).and_then(|index| self.entries.get_mut(index)) else {
            self.entries.push(entry);
            *place = u16::try_from(self.entries.len()).unwrap_or(0);
            return;
        };
        let loser = if counts_more(entry, *earlier) { std::mem::replace(earlier, entry) } else { entry };
        let is_told = is_absent(loser.1) || text_of(self.arena, loser.1) == text_of(self.arena, earlier.1);
        if !is_told && variable != Variable::ApiKey {
            self.unmapped.push(loser);
        }
    }

    /// The variable's value as text, as it is written, `-` and all; `None` if the line does not have it or says null.
    pub(super) fn raw_text(&self, variable: Variable) -> Option<&'a str> {
        let (_, value) = self.entry(variable)?;
        text_of(self.arena, value)
    }

    /// Whether the variable's value stands without quotes, as a number.
    pub(super) fn is_number(&self, variable: Variable) -> bool {
        let json = self.entry(variable).and_then(|(_, value)| match value {
            FlatValue::Json(json) => Some(json.get()),
            FlatValue::Text(_) => None,
        });
        json.is_some_and(|json| json.starts_with(|c: char| c.is_ascii_digit()))
    }

    /// The variable's value as text; `None` if it has none.
    pub(super) fn text(&self, variable: Variable) -> Option<&'a str> {
        self.raw_text(variable).and_then(present)
    }

    /// The variable's value as whatever `convert` makes of it. A text that cannot be converted is kept as unmapped.
    pub(super) fn converted<T>(&mut self, variable: Variable, convert: impl Fn(&str) -> Option<T>) -> Option<T> {
        let text = self.text(variable)?;
        let converted = convert(text);
        if converted.is_none() {
            self.keep_as_unmapped(variable);
        }
        converted
    }

    /// Keeps a variable's value that finds no place in the document.
    pub(super) fn keep_as_unmapped(&mut self, variable: Variable) {
        self.unmapped.extend(self.entry(variable));
    }

    /// Whether the line has a key twice that nobody knows, so that one of its values is in none of the fields.
    pub(super) fn repeats_keys(&self) -> bool {
        let repeats = |entries: &[(&str, FlatValue<'_>)]| {
            let mut seen = HashSet::new();
            !entries.iter().all(|(key, _)| seen.insert(*key))
        };
        [&self.claims, &self.context, &self.unmapped].into_iter().any(|entries| repeats(entries))
    }

    fn entry(&self, variable: Variable) -> Option<(&'a str, FlatValue<'a>)> {
        let place = *self.places.get(variable as usize)?;
        self.entries.get(usize::from(place).checked_sub(1)?).copied()
    }

    /// `$context.authorizer.claims.*`
    pub(super) fn claims(&self) -> Option<Flattened<'a>> {
        flattened(self.arena, &self.claims)
    }

    /// `$context.authorizer.*`, what the authorizer itself has put there.
    pub(super) fn authorizer_context(&self) -> Option<Flattened<'a>> {
        flattened(self.arena, &self.context)
    }

    /// Every other key of the line.
    pub(super) fn unmapped(&self) -> Option<Flattened<'a>> {
        flattened(self.arena, &self.unmapped)
    }

    /// Whether any of its keys is one that access logs have and not every program's log.
    pub(super) fn is_recognized(&self) -> bool {
        self.entries.iter().any(|(key, _)| !is_everybodys(key))
    }
}

/// API Gateway writes `-` for a variable that has no value.
pub(super) fn present(text: &str) -> Option<&str> {
    (!matches!(text, "" | "-")).then_some(text)
}

/// A `long` as the `convert` processor reads it, and whole numbers that are written with a fraction of zero.
pub(super) fn long(text: &str) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if let Some(hexadecimal) = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        let is_hexadecimal = hexadecimal.bytes().all(|digit| digit.is_ascii_hexdigit());
        let value = i128::from(u64::from_str_radix(hexadecimal, 16).ok().filter(|_| is_hexadecimal)?);
        return i64::try_from(if negative { -value } else { value }).ok();
    }
    let whole = text.split_once('.').filter(|(_, fraction)| fraction.bytes().all(|digit| digit == b'0'));
    whole.map_or(text, |(whole, _)| whole).parse().ok()
}

/// The value as every server takes it: without the line breaks that stand between its parts (a bulk request is read
/// line by line), and without halves of surrogate pairs.
fn mended<'a>(arena: &'a Bump, value: &'a RawValue) -> &'a RawValue {
    let mut json = mend_surrogates(value.get());
    if json.contains(['\n', '\r']) {
        // Inside its strings valid JSON has none.
        json = json.replace(['\n', '\r'], " ").into();
    }
    match json {
        Cow::Borrowed(_) => value,
        Cow::Owned(json) => serde_json::from_str(arena.alloc_str(&json)).unwrap_or(value),
    }
}

fn is_absent(value: FlatValue<'_>) -> bool {
    match value {
        FlatValue::Text(text) => present(text).is_none(),
        FlatValue::Json(json) => matches!(json.get(), "null" | r#""""# | r#""-""#),
    }
}

/// Whether an entry counts more than an earlier one of the same variable.
fn counts_more(entry: (&str, FlatValue<'_>), earlier: (&str, FlatValue<'_>)) -> bool {
    // The spelling of the documented formats is plain: `userArn`, not `user_arn`.
    let is_plain = |key: &str| key.starts_with(|c: char| c.is_ascii_lowercase()) && !key.contains(['.', '_', '-', ' ']);
    let rank = |key| (rank(key), !is_plain(key));
    !is_absent(entry.1) && (is_absent(earlier.1) || rank(entry.0) <= rank(earlier.0))
}

fn text_of<'a>(arena: &'a Bump, value: FlatValue<'a>) -> Option<&'a str> {
    let json = match value {
        FlatValue::Text(text) => return Some(text),
        FlatValue::Json(json) => json.get(),
    };
    let Some(escaped) = json.strip_prefix('"').and_then(|json| json.strip_suffix('"')) else {
        return (json != "null").then_some(json);
    };
    if !escaped.contains('\\') {
        return Some(escaped);
    }
    let mut text = String::with_capacity(escaped.len());
    unescape_into(&mut text, escaped);
    Some(arena.alloc_str(&text))
}

/// The entries as an object, without credentials inside: of a key that stands twice the last value, since an object has each key once.
fn flattened<'a>(arena: &'a Bump, entries: &[(&'a str, FlatValue<'a>)]) -> Option<Flattened<'a>> {
    if entries.is_empty() {
        return None;
    }
    let last: HashMap<&str, usize> = entries.iter().enumerate().map(|(index, (key, _))| (*key, index)).collect();
    let is_last = |index: usize, key: &str| last.get(key) == Some(&index);
    let masked = |(key, value): &(&'a str, FlatValue<'a>)| match value {
        FlatValue::Json(json) => (*key, FlatValue::Json(mask_json(json, arena))),
        FlatValue::Text(text) => (*key, FlatValue::Text(mask(text, arena))),
    };
    let unique =
        entries.iter().enumerate().filter(|(index, (key, _))| is_last(*index, key)).map(|(_, entry)| masked(entry));
    Some(Flattened(ArenaVec::from_iter_in(unique, arena).into_bump_slice()))
}

/// Walks a JSON object and joins the keys of nested ones.
struct Object<'l, 'p, 'a> {
    log: &'l mut AccessLog<'a>,
    prefix: &'p str,
    depth: u8,
}

impl<'a> Visitor<'a> for Object<'_, '_, 'a> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON object")
    }

    fn visit_map<M: MapAccess<'a>>(self, mut map: M) -> Result<(), M::Error> {
        let arena = self.log.arena;
        while let Some(Key(key)) = map.next_key()? {
            let key = match key {
                Cow::Borrowed(key) if self.prefix.is_empty() => key,
                key if self.prefix.is_empty() => arena.alloc_str(&key),
                key => join(arena, self.prefix, &key),
            };
            let value = mended(arena, map.next_value()?);
            let json = value.get();
            if self.depth < MAX_DEPTH && json.starts_with('{') && json != "{}" {
                self.log.read_object(key, json, self.depth + 1).map_err(serde::de::Error::custom)?;
            } else {
                self.log.push(key, FlatValue::Json(value));
            }
        }
        Ok(())
    }
}

fn join<'a>(arena: &'a Bump, prefix: &str, key: &str) -> &'a str {
    let mut joined = ArenaString::with_capacity_in(prefix.len() + 1 + key.len(), arena);
    joined.push_str(prefix);
    joined.push('.');
    joined.push_str(key);
    joined.into_bump_str()
}

#[derive(Deserialize)]
#[serde(transparent)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);
