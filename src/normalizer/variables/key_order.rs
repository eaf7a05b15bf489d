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
    /// The range of the key in that text.
    key: Range<usize>,
    meaning: Meaning,
    is_plain: bool,
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
    #[inline(always)]
    fn read<'a>(&self, scanner: &mut Scanner<'a>) -> Result<Option<Member<'a>>, Malformed> {
        let (json, value) = if self.is_plain {
            let Some((json, text)) = scanner.take_plain(&self.json) else {
                return Ok(None);
            };
            (json, Value::Plain(text))
        } else {
            let Some(json) = scanner.take_text(&self.json) else {
                return Ok(None);
            };
            (json, scanner.value()?)
        };
        Ok(Some((
            json.get(self.key.clone()).ok_or(Malformed)?,
            self.meaning,
            value,
        )))
    }
}

impl Keys {
    /// Reads the next member of an object. The opening bracket belongs to the first member. `None`
    /// after the last member and the closing bracket.
    ///
    /// Perf: inlining keeps a member in registers; returned through memory, it would cause a
    /// store-forwarding stall.
    #[inline(always)]
    pub(crate) fn next<'a>(
        &mut self,
        place: usize,
        scanner: &mut Scanner<'a>,
        arena: &'a Bump,
    ) -> Result<Option<Member<'a>>, Malformed> {
        if let Some(known) = self.0.get(place)
            && let Some(member) = known.read(scanner)?
        {
            return Ok(Some(member));
        }
        self.learn(place, scanner, arena)
    }

    #[cold]
    fn learn<'a>(
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
            self.remember(
                place,
                KnownKey {
                    json: json.to_owned(),
                    key: inside,
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
        let (mut scanner, mut keys) = (Scanner::new(line), order.keys());
        let mut found = Vec::new();
        loop {
            match keys.next(found.len(), &mut scanner, &arena) {
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
