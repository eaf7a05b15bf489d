//! Decides which members of an object or line are credentials.

use std::ops::Range;

use bumpalo::Bump;

use super::keyed::{
    holds_value, is_code, is_harmless, is_name_key, is_name_of_secret, is_nothing, is_path_key,
    is_path_to_secret, is_value_key,
};
use super::names::{CredentialKind, holds_claims, kind};
use super::{Edit, MASK, edited, json, masked};
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
        let (object, name) = split(key);
        self.0.contains(&object) && (is_value_key(name) || holds_value(value))
    }
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
    for (number, part) in parts.iter().enumerate() {
        edits.extend(masked_at(text, done..part.place.start));
        let mut place = part.place.clone();
        if number + 1 == parts.len() && is_open(value(part)) {
            // The line was cut in a text: what follows belongs to it.
            place.end = text.len();
        }
        let value = text.part(place.clone());
        done = place.end;
        if names.hides(part.key, value) {
            let is_json = text.starts_with('{') || value.starts_with('"');
            let text = if is_json { r#""***""# } else { MASK };
            edits.push(Edit {
                place,
                text: text.into(),
            });
        } else if value.starts_with('{') && json::is_json(value) {
            let masked = edited(value, json::find_under(part.key, value));
            edits.extend(masked.map(|masked| Edit {
                place,
                text: masked.into(),
            }));
        } else {
            edits.extend(masked_at(text, place));
        }
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

fn masked_at(text: &str, place: Range<usize>) -> Option<Edit> {
    let masked = masked(text.get(place.clone())?)?;
    Some(Edit {
        place,
        text: masked.into(),
    })
}
