//! The keys of the last line and their meanings. The next line most likely has the same keys in the
//! same order.
//!
//! A stage writes its lines in one format. If a key stands where the last line had it, the reader
//! neither searches for its end nor looks it up. Only the time depends on this. Perf: expecting
//! keys saves a sixth of the normalizer's work.

use std::borrow::Cow;
use std::cell::{RefCell, RefMut};
use std::ops::Range;

use bumpalo::Bump;

use super::aliases::alias;
use super::meaning::{Meaning, meaning};
use crate::json::{Malformed, Scanner, Value};

/// Keys by their place in a line.
#[derive(Debug, Default)]
pub struct KeyOrder(RefCell<Keys>);

#[derive(Debug, Default)]
pub(crate) struct Keys(Vec<KnownKey>);

/// A member of an object: its key, the key's meaning, and its value.
pub(crate) type Member<'a> = (&'a str, Meaning, Value<'a>);

#[derive(Debug)]
struct KnownKey {
    /// The text between the previous value and this one: bracket or comma, the key, the colon, and
    /// the quote of a plain string.
    json: String,
    key: KeyText,
    meaning: Meaning,
    is_plain: bool,
}

/// The text of a key.
#[derive(Debug)]
enum KeyText {
    /// The key is spelled like an alias.
    ///
    /// Perf: an alias is not cut out of the line, which saves 2 % of the normalizer's work.
    Alias(&'static str),
    /// Its range in [`KnownKey::json`].
    Inside(Range<usize>),
}

/// Upper bound on remembered keys. A format has at most 3 KB, so it has fewer keys.
const MOST: usize = 128;

impl Clone for KeyOrder {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl KeyOrder {
    pub(crate) fn keys(&self) -> RefMut<'_, Keys> {
        self.0.borrow_mut()
    }
}

impl KnownKey {
    /// Reads the member if it comes next, and passes it to `take`. Returns whether it did.
    #[inline(always)]
    fn read<'a>(
        &self,
        scanner: &mut Scanner<'a>,
        mut take: impl FnMut(&'a str, &Meaning, Value<'a>),
    ) -> Result<bool, Malformed> {
        if self.is_plain {
            let Some((json, text)) = scanner.take_plain(&self.json) else {
                return Ok(false);
            };
            take(self.key(json)?, &self.meaning, Value::Plain(text));
        } else {
            let Some(json) = scanner.take_text(&self.json) else {
                return Ok(false);
            };
            let value = scanner.value()?;
            take(self.key(json)?, &self.meaning, value);
        }
        Ok(true)
    }

    /// Returns the key in a line, given the text before the value.
    #[inline(always)]
    fn key<'a>(&self, json: &'a str) -> Result<&'a str, Malformed> {
        match &self.key {
            KeyText::Alias(alias) => Ok(alias),
            KeyText::Inside(range) => json.get(range.clone()).ok_or(Malformed),
        }
    }
}

impl Keys {
    /// Reads the next member of an object if its key stands where the last line had it, and passes
    /// it to `take`. Returns whether it did. The opening bracket belongs to the first member.
    ///
    /// Perf: a member that is passed on stays in registers. Returned, it goes through memory, which
    /// costs 2 % of the normalizer's work.
    #[inline(always)]
    pub(crate) fn known<'a>(
        &self,
        place: usize,
        scanner: &mut Scanner<'a>,
        take: impl FnMut(&'a str, &Meaning, Value<'a>),
    ) -> Result<bool, Malformed> {
        match self.0.get(place) {
            Some(known) => known.read(scanner, take),
            None => Ok(false),
        }
    }

    /// Reads the next member of an object, and remembers its key. `None` after the last member and
    /// the closing bracket.
    #[cold]
    pub(crate) fn learn<'a>(
        &mut self,
        place: usize,
        scanner: &mut Scanner<'a>,
        arena: &'a Bump,
    ) -> Result<Option<Member<'a>>, Malformed> {
        let start = scanner.position();
        if place == 0 {
            scanner.take(b'{')?;
        }
        if !scanner.has_next(place == 0, b'}')? {
            return Ok(None);
        }
        scanner.peek();
        let before_key = scanner.since(start).len() + scanner.quote_length();
        let key = match scanner.key()? {
            Cow::Borrowed(key) => key,
            Cow::Owned(key) => arena.alloc_str(&key),
        };
        let meaning = meaning(key);
        scanner.peek();
        let before_value = scanner.since(start).len();
        let value = scanner.value()?;
        let is_plain = matches!(value, Value::Plain(_));
        let length = before_value + if is_plain { scanner.quote_length() } else { 0 };
        let json = scanner.since(start).get(..length).ok_or(Malformed)?;
        let inside = before_key..before_key + key.len();
        // A key with escapes differs from its raw text, so it is not remembered.
        if json.get(inside.clone()) == Some(key) {
            let text = alias(key).map_or(KeyText::Inside(inside), KeyText::Alias);
            self.remember(
                place,
                KnownKey {
                    json: json.to_owned(),
                    key: text,
                    meaning,
                    is_plain,
                },
            );
        }
        Ok(Some((key, meaning, value)))
    }

    fn remember(&mut self, place: usize, known: KnownKey) {
        match self.0.get_mut(place) {
            Some(other) => *other = known,
            None if place < MOST => self.0.push(known),
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a line with the knowledge of earlier lines.
    fn members(order: &KeyOrder, line: &str) -> String {
        let arena = Bump::new();
        let mut scanner = Scanner::new(line);
        let mut keys = order.keys();
        let mut found = Vec::new();
        loop {
            let place = found.len();
            match keys.known(place, &mut scanner, |key, meaning, value| {
                found.push((key, *meaning, value));
            }) {
                Ok(true) => continue,
                Ok(false) => {}
                end @ Err(_) => return format!("{found:?} {end:?} {}", scanner.position()),
            }
            match keys.learn(place, &mut scanner, &arena) {
                Ok(Some(member)) => found.push(member),
                end => return format!("{found:?} {end:?} {}", scanner.position()),
            }
        }
    }

    #[test]
    fn what_is_known_changes_nothing() {
        let lines = [
            r#"{"requestId":1,"cxId":2,"status":3}"#,
            r#"{"requestId":1,"cxId":2,"status":3}"#,
            r#"{"requestId":1,"cxId":"2","status":3}"#,
            r#"{"requestId":1,"cxId":"2","status":3}"#,
            r#"{"requestId":1,"cxId":"2\u0000","status":3}"#,
            r#"{"requestId":1,"cxId":"2"}"#,
            r#"{"requestId":1,"cxId":"2"#,
            r#"{"requestId":1,"cxId":"2" "status":3}"#,
            r#"{"requestId":,"cxId":"2","status":3}"#,
            r#"{"requestId":1,"cxId":"","status":,"x":4}"#,
            r#" {"requestId":1 ,"cxId":"2", "status":3 } "#,
            r#" {"requestId":1 ,"cxId":"2", "status":3 } "#,
            r#"{ "requestId" : 1, "cxId" : 2,"status":3}"#,
            r#"{ "requestId" : 1, "cxId" : 2,"status":3}"#,
            r#"{"status":3,"requestId2":1}"#,
            r#"{"request\u0049d":1,"requestId":4}"#,
            r#"{"request\u0049d":1,"requestId":4}"#,
            r#"{"":0}"#,
            r#"{"":0}"#,
        ];
        let order = KeyOrder::default();
        for line in lines {
            assert_eq!(
                members(&order, line),
                members(&KeyOrder::default(), line),
                "{line}"
            );
        }
    }

    #[test]
    fn so_many_keys_are_known_and_no_more() {
        let members: Vec<_> = (0..2 * MOST)
            .map(|number| format!(r#""{number}":0"#))
            .collect();
        let order = KeyOrder::default();
        let read = self::members(&order, &format!("{{{}}}", members.join(",")));
        assert!(
            read.contains(&format!("{:?}", (2 * MOST - 1).to_string())),
            "{read}"
        );
        assert_eq!(order.keys().0.len(), MOST);
    }
}
