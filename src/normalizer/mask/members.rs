//! Decides which members of an object or line are credentials.

use std::ops::Range;

use bumpalo::Bump;
use memchr::memchr2;

use super::keyed::{
    holds_value, is_code, is_harmless, is_name_key, is_name_of_secret, is_nothing, is_path_key,
    is_path_to_secret, is_value_key,
};
use super::names::{CredentialKind, holds_claims, is_of_caller, kind};
use super::{Edit, MASK, edited, json, masked};
use crate::json::JsonText;
use crate::parts::Parts;

/// A value in a text, as a reader has found it.
#[derive(Debug)]
pub(in super::super) struct PlacedValue<'a> {
    /// Its key, with the names of the objects around it.
    pub(in super::super) key: &'a str,
    /// Its range in the text, including quotes.
    pub(in super::super) place: Range<usize>,
}

/// The objects of a line in which a member names a credential, so that the member beside it holds
/// the credential.
#[derive(Debug, Default)]
pub(in super::super) struct Names<'a>(Vec<&'a str>);

impl<'a> Names<'a> {
    /// Looks through keys and values.
    pub(in super::super) fn of<'v>(
        members: impl Iterator<Item = (&'a str, &'v str)> + Clone,
    ) -> Self {
        let is_patch = |object: &str| {
            // In a line with quotes that nobody escaped, the operation may stand in another value.
            let mut members = members.clone();
            members.any(|(key, value)| split(key) == (object, "op") || value.contains("\"op\""))
        };
        let named = members.clone().filter_map(|(key, value)| {
            let (object, name) = split(key);
            let is_name = || is_name_of_secret(unquoted(value));
            let names_secret = (is_name_key(name) && is_name())
                || is_path_to_secret(name, unquoted(value))
                || ends_in_name(value)
                || (is_path_key(name) && ends_in_element(value))
                || (name == "path" && is_name() && is_patch(object));
            names_secret.then_some(object)
        });
        // A broken line continues outside of the object of a value that breaks off.
        let outside = members
            .clone()
            .filter_map(|(_, value)| ends_in_name(value).then_some(""));
        Self(named.chain(outside).collect())
    }

    /// Returns whether the value of a key is a credential.
    pub(in super::super) fn hides(&self, key: &str, value: &str) -> bool {
        let is_secret = match kind(key) {
            Some(CredentialKind::Code) => is_code(value),
            Some(CredentialKind::Short) if value.starts_with("{\"") => false,
            Some(CredentialKind::Short) => !is_harmless(value),
            Some(CredentialKind::Jwt) => !holds_claims(value),
            Some(CredentialKind::Header | CredentialKind::Other) => true,
            None => self.names(key, value),
        };
        is_secret && !is_nothing(value)
    }

    /// Returns whether the value of a key belongs to the name of a credential beside it.
    pub(in super::super) fn names(&self, key: &str, value: &str) -> bool {
        !self.0.is_empty()
            && (self.stands_in_value(key) || (self.0.contains(&split(key).0) && holds_value(value)))
    }

    /// Returns whether a key, or an object around it, is the member that stands beside a name:
    /// `value`, and `value.stringValue`.
    fn stands_in_value(&self, key: &str) -> bool {
        let dots = key.match_indices('.').map(|(dot, _)| dot);
        let mut start = 0;
        dots.chain([key.len()]).any(|end| {
            let object = key.part(..start.max(1) - 1);
            let member = key.part(start..end);
            start = end + 1;
            is_value_key(member) && self.0.contains(&object)
        })
    }
}

/// An object of credentials that a value opens and does not close, because nobody escaped its
/// quotes: `"{"password":{"a":"x","b":"S"}}"`. A reader takes its other members for the line's.
struct OpenObject {
    end: usize,
    kind: CredentialKind,
}

impl OpenObject {
    /// Finds the object of credentials that the value at a place leaves open.
    fn of(text: &str, place: &Range<usize>) -> Option<Self> {
        const LONGEST_VALUE: usize = 256;
        let bytes = text.as_bytes();
        let quote = text
            .part(place.clone())
            .chars()
            .next()
            .filter(|c| matches!(c, '"' | '\''))?;
        let mut position = place.start;
        while let Some(bracket) = memchr2(b'{', b'[', bytes.part(position..place.end)) {
            let bracket = position + bracket;
            position = bracket + 1;
            let Some(key) = key_before(text.part(place.start..bracket), quote) else {
                continue;
            };
            let arena = Bump::new();
            let key = JsonText::escaped(key).text(&arena);
            let kind = kind(key).or_else(|| is_value_key(key).then_some(CredentialKind::Code));
            let Some(kind) = kind else {
                continue;
            };
            let end = match kind {
                // The line may have very many of them.
                CredentialKind::Code => text.floor_char_boundary(bracket + LONGEST_VALUE),
                _ => bytes.len(),
            };
            let end = json::end_of_brackets(bytes.part(..end), bracket);
            position = end;
            if end > place.end && holds_credentials(kind, text.part(bracket..), text.part(end..)) {
                return Some(Self { end, kind });
            }
            if end > place.end {
                return None;
            }
        }
        None
    }

    /// Returns whether a member that starts at a position is a credential of the object.
    fn hides(&self, start: usize, key: &str) -> bool {
        start < self.end && (self.kind != CredentialKind::Short || !is_of_caller(key))
    }
}

/// Returns the key of an object or list that starts behind a text. Its quotes are not escaped.
fn key_before(head: &str, quote: char) -> Option<&str> {
    const LONGEST: usize = 96;
    let head = head.trim_end().strip_suffix(':')?.trim_end();
    let head = head.strip_suffix(quote)?;
    let head = head.part(head.ceil_char_boundary(head.len().saturating_sub(LONGEST))..);
    head.rsplit_once(quote).map(|(_, key)| key)
}

/// Returns whether the members of an object are credentials, by the kind of its name. An object that
/// is a value belongs to the name in the next member.
fn holds_credentials(kind: CredentialKind, object: &str, after: &str) -> bool {
    match kind {
        CredentialKind::Header | CredentialKind::Other | CredentialKind::Short => true,
        CredentialKind::Jwt => !holds_claims(object),
        // A value's key and `code` name no object of credentials.
        CredentialKind::Code => starts_with_name(after),
    }
}

/// Returns whether a text goes on with a member that names a credential: `,"name":"token"`.
fn starts_with_name(text: &str) -> bool {
    const LONGEST: usize = 256;
    let text = text.part(..text.floor_char_boundary(LONGEST));
    let mut parts = text.split('"');
    let mut next = || parts.next().unwrap_or_default();
    let (comma, key, colon, name) = (next(), next(), next(), next());
    comma.trim() == "," && colon.trim() == ":" && is_name_key(key) && is_name_of_secret(name)
}

/// Returns the keys of the parts that belong to an object of credentials in the value of another
/// part. The parts are in order.
pub(in super::super) fn keys_in_open_objects<'a>(
    text: &str,
    parts: &[PlacedValue<'a>],
) -> Vec<&'a str> {
    let mut open: Option<OpenObject> = None;
    let mut keys = Vec::new();
    for PlacedValue { key, place } in parts {
        if open
            .as_ref()
            .is_some_and(|open| open.hides(place.start, key))
        {
            keys.push(*key);
        }
        if open.as_ref().is_none_or(|open| open.end <= place.start) {
            open = OpenObject::of(text, place);
        }
    }
    keys
}

/// Returns the name of the object, and of its member.
fn split(key: &str) -> (&str, &str) {
    key.rsplit_once('.').unwrap_or(("", key))
}

/// Returns whether a value of a broken line ends in a member that names a credential:
/// `{"name": "token`.
fn ends_in_name(value: &str) -> bool {
    let Some((head, name)) = unquoted(value).rsplit_once(['"', '\'']) else {
        return false;
    };
    let key = head.trim_end_matches([' ', ':', '=', '\\']);
    let key = key.trim_end_matches(['"', '\'', '\\']);
    let mut words = key.rsplit(|c: char| !c.is_ascii_alphanumeric() && !"_-".contains(c));
    let names_secret =
        |word| (is_name_key(word) && is_name_of_secret(name)) || is_path_to_secret(word, name);
    key.len() < head.len() && words.next().is_some_and(names_secret)
}

/// Returns whether a value is a list whose last element is the name of a credential.
fn ends_in_element(value: &str) -> bool {
    let list = value
        .strip_prefix('[')
        .and_then(|list| list.strip_suffix(']'));
    let last = list.and_then(|list| list.rsplit(',').next());
    last.and_then(|last| serde_json::from_str::<String>(last.trim()).ok())
        .is_some_and(|last| is_name_of_secret(&last))
}

fn unquoted(value: &str) -> &str {
    value.trim_matches(['"', '\'', '<', '>', '/', ']', '}', ')', ',', ' '])
}

/// Returns a text without the credentials in its parts, and without those between the parts. The
/// parts are in order and do not overlap.
pub(in super::super) fn mask_parts<'a>(
    text: &'a str,
    parts: &[PlacedValue<'_>],
    arena: &'a Bump,
) -> &'a str {
    let value = |part: &PlacedValue<'_>| text.part(part.place.clone());
    let names = Names::of(parts.iter().map(|part| (part.key, value(part))));
    let mut edits = Vec::new();
    let mut done = 0;
    let mut open: Option<OpenObject> = None;
    for (number, part) in parts.iter().enumerate() {
        edits.extend(masked_at(text, done..part.place.start));
        let mut place = part.place.clone();
        if number + 1 == parts.len() && is_open(value(part)) {
            // The line was cut in a text: what follows belongs to it.
            place.end = text.len();
        }
        let value = text.part(place.clone());
        done = place.end;
        let is_inside = |open: &OpenObject| open.hides(place.start, part.key);
        let is_hidden = open.as_ref().is_some_and(is_inside) && !is_nothing(value);
        if open.as_ref().is_none_or(|open| open.end <= place.start) {
            open = OpenObject::of(text, &place);
        }
        if is_hidden || names.hides(part.key, value) {
            let is_json = text.starts_with('{') || value.starts_with('"');
            let text = if is_json { r#""***""# } else { MASK };
            edits.push(Edit {
                place,
                text: text.into(),
            });
        } else if may_be_json(value) && json::is_json(value) {
            let masked = edited(value, json::find_under(part.key, value));
            edits.extend(masked.map(|masked| Edit {
                place,
                text: masked.into(),
            }));
        } else {
            edits.extend(masked_value(text, place));
        }
    }
    if let Some(open) = open.filter(|open| open.end > done) {
        let rest = done..open.end;
        done = open.end;
        let is_text = text.part(rest.clone()).contains(char::is_alphanumeric);
        edits.extend(is_text.then(|| Edit {
            place: rest,
            text: MASK.into(),
        }));
    }
    edits.extend(masked_at(text, done..text.len()));
    edited(text, edits).map_or(text, |edited| arena.alloc_str(&edited))
}

/// Returns whether a value is a text without its last quote.
fn is_open(value: &str) -> bool {
    value
        .strip_prefix('"')
        .is_some_and(|rest| !rest.ends_with('"') || rest.ends_with(r#"\""#))
}

/// Returns whether a value may be JSON that shows only by its structure what it holds. A string
/// without escapes shows it as a text.
fn may_be_json(value: &str) -> bool {
    value.starts_with('{') || (value.starts_with(['[', '"']) && value.contains('\\'))
}

/// Masks a value with its quotes, and then the text inside of them, which is all that the document
/// has.
fn masked_value(text: &str, place: Range<usize>) -> Option<Edit> {
    let value = text.get(place.clone())?;
    let whole = masked(value);
    let inside = masked_inside(whole.as_deref().unwrap_or(value));
    inside.or(whole).map(|masked| Edit {
        place,
        text: masked.into(),
    })
}

/// Masks the text inside of quotes, decoded if it has escapes and no other quote.
fn masked_inside(value: &str) -> Option<String> {
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let inside = value.strip_prefix(quote)?.strip_suffix(quote)?;
    let is_whole = || json::end_of_string(value.as_bytes(), 0) == value.len();
    if quote == '"' && inside.contains('\\') && is_whole() {
        let arena = Bump::new();
        let decoded = JsonText::escaped(inside).text(&arena);
        return masked(decoded).map(|masked| json::quoted(&masked));
    }
    let is_object = inside.trim_start().starts_with(['{', '[']);
    let masked = is_object.then(|| masked(inside)).flatten()?;
    Some(format!("{quote}{masked}{quote}"))
}

fn masked_at(text: &str, place: Range<usize>) -> Option<Edit> {
    let masked = masked(text.get(place.clone())?)?;
    Some(Edit {
        place,
        text: masked.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns a line without the credentials of the parts that a reader finds in it. Brackets
    /// behind a quote that nobody escaped are part of the value.
    fn masked_line(line: &str) -> String {
        let arena = Bump::new();
        crate::normalizer::mask_line(line, &arena).to_owned()
    }

    #[test]
    fn a_value_beside_a_name_may_be_an_object() {
        let members = [("a.key", "authorization"), ("name", "pin")];
        let names = Names::of(members.into_iter());
        for key in ["a.value", "a.value.stringValue", "value.a.b", "data"] {
            assert!(names.names(key, "s3cr3t"), "{key}");
        }
        for key in ["a.x", "x.value.a", "values2", "b.value"] {
            assert!(!names.names(key, "a"), "{key}");
        }
    }

    #[test]
    fn repaired_lines_keep_no_credentials() {
        let cases = [
            (
                r#"{"requestId":"r","errorMessage":"{"password":{"a":"x","b":"s3cr3t","c":{"d":"s3cr3t"}}}","status":"400"}"#,
                r#"{"requestId":"r","errorMessage":"{"password":***,"b":"***","c":{"d":"***","status":"400"}"#,
            ),
            (
                r#"{"requestId":"r","note":"{"secret-key":{"x":"}]","y":"s3cr3t"}}","status":"400"}"#,
                r#"{"requestId":"r","note":"{"secret-key":***,"y":"***","status":"400"}"#,
            ),
            (
                r#"{"requestId":"r","note":"{"auth":{"userArn":"a","status":"5","b":"s3cr3t"}}","stage":"x"}"#,
                r#"{"requestId":"r","note":"{"auth":***,"status":"5","b":"***","stage":"x"}"#,
            ),
            (
                r#"{"requestId":"r","note":"{"value":{"a":"x","b":"s3cr3t"},"key":"token"}"}"#,
                r#"{"requestId":"r","note":"{"value":***,"b":"***"},"key":"token"}"}"#,
            ),
            (
                r#"{"requestId":"r","note":"{"owner":{"a":"x","b":"y"}}","stage":"x"}"#,
                r#"{"requestId":"r","note":"{"owner":{"a":"x","b":"y"}}","stage":"x"}"#,
            ),
            (
                r#"{"requestId":"r","note":"{\"api\":{\"key\":\"s3cr3t\"}}",}"#,
                r#"{"requestId":"r","note":"{\"api\":{\"key\":\"***\"}}",}"#,
            ),
            (
                r#"{"requestId":"r","note":["{\"api\":{\"key\":\"s3cr3t\"}}"],"status":-}"#,
                r#"{"requestId":"r","note":["{\"api\":{\"key\":\"***\"}}"],"status":-}"#,
            ),
            (
                r#"{"requestId":"r","note":" {"api":{"key":"s3cr3t"}}","status":-}"#,
                r#"{"requestId":"r","note":" {"api":{"key":"***"}}","status":-}"#,
            ),
            (
                "{\"requestId\":\"r\",\"note\":\"{\\\"api\\\":{\\\"key\\\":\\\"s3cr3t\\\"}}\t\"}",
                r#"{"requestId":"r","note":"{\"api\":{\"key\":\"***\"}}\t"}"#,
            ),
            (
                r#"{'requestId':'r','note':'{"api":{"key":"s3cr3t"}}'}"#,
                r#"{'requestId':'r','note':'{"api":{"key":"***"}}'}"#,
            ),
        ];
        let wrong: Vec<_> = cases
            .into_iter()
            .map(|(line, expected)| (line, masked_line(line), expected))
            .filter(|(_, masked, expected)| masked != expected)
            .collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
}
