//! Credentials in JSON, found by its structure: names, values, and texts inside of strings.

use std::borrow::Cow;
use std::ops::Range;

use memchr::memchr2;
use serde_json::value::RawValue;

use super::Edit;
use super::keyed::{
    is_code, is_harmless, is_name_key, is_name_of_secret, is_nothing, is_path_key,
    is_path_to_secret, is_value_key,
};
use super::names::{CredentialKind, holds_claims, is_of_caller, kind, names_short_group, squeezed};
use crate::parts::Parts;

/// The text that replaces a value.
const MASKED_VALUE: &str = r#""***""#;

/// Longest end of an object's name that counts as a part of its members' names.
const LONGEST_PATH: usize = 32;

/// Returns whether a text is nothing but values of JSON.
pub(super) fn is_json(text: &str) -> bool {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<&RawValue>();
    text.trim_start().starts_with(['{', '[', '"']) && values.all(|value| value.is_ok())
}

/// Finds the credentials in a text that is JSON.
pub(super) fn find(json: &str) -> Vec<Edit> {
    walk(json, Vec::new(), false)
}

/// Finds the credentials in an object that is the value of a key.
pub(super) fn find_under(key: &str, json: &str) -> Vec<Edit> {
    let mut level = Level::new(true, String::new());
    level.is_key_next = false;
    key.clone_into(&mut level.key);
    walk(json, vec![level], false)
}

/// Finds the credentials in the objects of JSON inside a text, by their names alone: other
/// detectors look at the text of their strings. The last object may be cut off.
///
/// A bracket that begins no JSON is passed over. All such looks together read no more than a few
/// times the text.
pub(super) fn find_embedded(text: &str, found: &mut Vec<Range<usize>>) {
    const MOST_READ: usize = 4;
    let whole = text.trim_end();
    let text = whole.strip_suffix("[TRUNCATED]").unwrap_or(whole);
    let mut position = 0;
    let mut read = 0;
    while let Some(bracket) = memchr::memchr(b'{', text.as_bytes().part(position..)) {
        let start = position + bracket;
        let rest = text.part(start..);
        position = match extent(rest) {
            Extent::Json(length) => {
                let hidden = walk(rest.part(..length), Vec::new(), true);
                let places = hidden.into_iter().map(|edit| edit.place);
                found.extend(places.map(|place| start + place.start..start + place.end));
                start + length
            }
            Extent::Broken(length) => {
                read += length;
                start + 1
            }
        };
        if read > MOST_READ * text.len() {
            return;
        }
    }
}

/// How much of a text is JSON.
enum Extent {
    /// An object, or all of the text if it is cut off inside the object
    Json(usize),
    /// No object; this much was read.
    Broken(usize),
}

fn extent(text: &str) -> Extent {
    let is_object = text.part(1..).trim_start().starts_with(['"', '}']);
    if !is_object {
        return Extent::Broken(1);
    }
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<&RawValue>();
    match values.next() {
        Some(Ok(_)) => Extent::Json(values.byte_offset()),
        Some(Err(error)) if !error.is_eof() => {
            let lines = memchr::memchr_iter(b'\n', text.as_bytes());
            let line = lines.take(error.line().saturating_sub(1)).last();
            Extent::Broken(line.unwrap_or_default() + error.column())
        }
        _ => Extent::Json(text.len()),
    }
}

fn walk(json: &str, levels: Vec<Level>, is_embedded: bool) -> Vec<Edit> {
    let mut walk = Walk {
        json,
        position: 0,
        levels,
        edits: Vec::new(),
        is_embedded,
    };
    while walk.step().is_some() {}
    walk.edits
}

/// An object or a list that is open.
struct Level {
    is_object: bool,
    /// True if it stands under a short name of a credential, so that its members are looked at one
    /// by one.
    is_in_short_group: bool,
    /// The last letters of its name, and of those around it.
    path: String,
    /// True if the next string is a key.
    is_key_next: bool,
    key: String,
    /// True if the next value is a credential, because its name came before it in a list.
    is_secret_next: bool,
    /// True if a member has given the name of a credential.
    names_secret: bool,
    /// True if it is an operation of a JSON Patch, whose path names a value.
    is_patch: bool,
    /// Where values start that belong to a name that has not come yet.
    values: Vec<usize>,
}

impl Level {
    fn new(is_object: bool, path: String) -> Self {
        Self {
            is_object,
            is_in_short_group: false,
            path,
            is_key_next: is_object,
            key: String::new(),
            is_secret_next: false,
            names_secret: false,
            is_patch: false,
            values: Vec::new(),
        }
    }
}

struct Walk<'j> {
    json: &'j str,
    position: usize,
    levels: Vec<Level>,
    edits: Vec<Edit>,
    /// True if only names count, because the JSON is a part of a text.
    is_embedded: bool,
}

impl<'j> Walk<'j> {
    /// Goes on by one token; `None` at the end.
    fn step(&mut self) -> Option<()> {
        let byte = *self.json.as_bytes().get(self.position)?;
        match byte {
            b',' => {
                if let Some(level) = self.levels.last_mut() {
                    level.is_key_next = level.is_object;
                }
                self.position += 1;
            }
            b'}' | b']' => {
                if let Some(closed) = self.levels.pop() {
                    self.note_path(&closed);
                }
                self.position += 1;
            }
            b'"' if self.levels.last().is_some_and(|level| level.is_key_next) => self.key(),
            b':' => self.position += 1,
            _ if byte.is_ascii_whitespace() => self.position += 1,
            _ => self.value(byte),
        }
        Some(())
    }

    fn key(&mut self) {
        let place = self.position..self.end_of_value(self.position);
        self.position = place.end;
        let key = self.text(&place);
        self.mask_text(place, &key);
        if let Some(level) = self.levels.last_mut() {
            level.is_key_next = false;
            level.is_patch |= key == "op";
            level.key = key.into_owned();
        }
    }

    fn value(&mut self, first: u8) {
        let start = self.position;
        if self.is_secret(first) {
            self.position = self.end_of_value(start);
            self.hide(start..self.position);
            return;
        }
        if let Some(level) = self
            .levels
            .last_mut()
            .filter(|level| is_value_key(&level.key))
        {
            level.values.push(start);
        }
        if matches!(first, b'{' | b'[') {
            let is_in_short_group = self
                .levels
                .last()
                .is_some_and(|level| level.is_in_short_group || names_short_group(&level.key));
            self.levels.push(Level {
                is_in_short_group,
                ..Level::new(first == b'{', self.path())
            });
            self.position += 1;
            return;
        }
        self.position = self.end_of_value(start);
        if first == b'"' {
            let place = start..self.position;
            let text = self.text(&place);
            self.note_name(&text);
            self.mask_text(place, &text);
        }
    }

    /// Returns whether the value that starts here is a credential by its name.
    fn is_secret(&mut self, first: u8) -> bool {
        let Some(level) = self.levels.last_mut() else {
            return false;
        };
        if !level.is_object {
            return std::mem::take(&mut level.is_secret_next);
        }
        if level.names_secret && is_value_key(&level.key) {
            return true;
        }
        let in_path = || {
            let joined = kind(&format!("{}.{}", level.path, level.key));
            joined.filter(|kind| matches!(kind, CredentialKind::Header | CredentialKind::Other))
        };
        let in_short_group = || {
            let is_secret = level.is_in_short_group && !is_of_caller(&level.key);
            is_secret.then_some(CredentialKind::Short)
        };
        let kind = kind(&level.key).or_else(in_path).or_else(in_short_group);
        let Some(kind) = kind else {
            return false;
        };
        if matches!(first, b'{' | b'[') {
            let object = self.json.part(self.position..);
            return match kind {
                CredentialKind::Code => false,
                CredentialKind::Short => first == b'[',
                CredentialKind::Jwt => !holds_claims(object),
                CredentialKind::Header | CredentialKind::Other => true,
            };
        }
        let value = self
            .json
            .get(self.position..self.end_of_value(self.position));
        match kind {
            CredentialKind::Code => first == b'"' && value.is_some_and(is_code),
            CredentialKind::Short => !value.is_some_and(is_harmless),
            CredentialKind::Jwt | CredentialKind::Header | CredentialKind::Other => true,
        }
    }

    /// Notes a text that is the name of a credential, which stands beside it.
    fn note_name(&mut self, text: &str) {
        let names_secret = is_name_of_secret(text);
        let Some(level) = self.levels.last_mut().filter(|_| names_secret) else {
            return;
        };
        if !level.is_object {
            level.is_secret_next = true;
        } else if is_name_key(&level.key)
            || is_path_to_secret(&level.key, text)
            || (level.is_patch && level.key == "path")
        {
            self.hide_neighbours();
        }
    }

    /// Notes a list that leads to a value and ends in the name of a credential:
    /// `"loc":["body","password"]`.
    fn note_path(&mut self, closed: &Level) {
        let is_path = |level: &Level| level.is_object && is_path_key(&level.key);
        if closed.is_secret_next && self.levels.last().is_some_and(is_path) {
            self.hide_neighbours();
        }
    }

    /// Hides the values that belong to a name in the same object, those before it and those behind.
    fn hide_neighbours(&mut self) {
        let Some(level) = self.levels.last_mut() else {
            return;
        };
        level.names_secret = true;
        for value in std::mem::take(&mut level.values) {
            let end = self.end_of_value(value);
            self.hide(value..end);
        }
    }

    fn hide(&mut self, place: Range<usize>) {
        if !is_nothing(self.json.part(place.clone())) {
            self.edits.push(Edit {
                place,
                text: Cow::Borrowed(MASKED_VALUE),
            });
        }
    }

    /// Masks what is inside of a string.
    fn mask_text(&mut self, place: Range<usize>, text: &str) {
        if !self.is_embedded
            && let Some(masked) = super::masked(text)
        {
            self.edits.push(Edit {
                place,
                text: Cow::Owned(quoted(&masked)),
            });
        }
    }

    fn path(&self) -> String {
        let Some(level) = self.levels.last() else {
            return String::new();
        };
        if !level.is_object {
            // A list has the name of its elements.
            return level.path.clone();
        }
        let path = format!("{}{}", level.path, squeezed(&level.key));
        let start = path.floor_char_boundary(path.len().saturating_sub(LONGEST_PATH));
        path.part(start..).to_owned()
    }

    /// The text of a string that stands from quote to quote, or to the end of what was cut off.
    fn text(&self, place: &Range<usize>) -> Cow<'j, str> {
        let json = self.json.part(place.clone());
        let json = json.strip_prefix('"').unwrap_or(json);
        let inside = json.strip_suffix('"').unwrap_or(json);
        if !inside.contains('\\') {
            return Cow::Borrowed(inside);
        }
        let arena = bumpalo::Bump::new();
        Cow::Owned(
            crate::json::JsonText::escaped(inside)
                .text(&arena)
                .to_owned(),
        )
    }

    /// The end of a value that starts somewhere.
    fn end_of_value(&self, start: usize) -> usize {
        let bytes = self.json.as_bytes();
        match bytes.get(start) {
            Some(b'"') => end_of_string(bytes, start),
            Some(b'{' | b'[') => end_of_brackets(bytes, start),
            _ => {
                let rest = self.json.part(start..);
                let length = rest.find([',', '}', ']', ' ', '\n', '\r', '\t']);
                start + length.unwrap_or(rest.len()).max(1)
            }
        }
    }
}

/// Behind the quote that ends a string.
pub(super) fn end_of_string(bytes: &[u8], start: usize) -> usize {
    let mut position = start + 1;
    // A text that was cut off may end in a backslash.
    while let Some(found) = memchr2(b'"', b'\\', bytes.get(position..).unwrap_or_default()) {
        position += found;
        if bytes.get(position) == Some(&b'"') {
            return position + 1;
        }
        position += 2;
    }
    bytes.len()
}

/// Behind the bracket that closes the first one.
pub(super) fn end_of_brackets(bytes: &[u8], start: usize) -> usize {
    let mut depth = 0_usize;
    let mut position = start;
    while let Some(byte) = bytes.get(position) {
        match byte {
            b'"' => {
                position = end_of_string(bytes, position);
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth <= 1 => return position + 1,
            b'}' | b']' => depth -= 1,
            _ => {}
        }
        position += 1;
    }
    bytes.len()
}

/// A string of JSON.
pub(super) fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_else(|_| MASKED_VALUE.to_owned())
}
