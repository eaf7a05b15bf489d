//! The keys of the last line, and what they mean: most likely those of the next line too, in the same order.
//!
//! A stage writes its lines in one format. So a key that stands where the last line had it is not searched for its end,
//! nor looked up: that saves a sixth of the normalizer's work, and nothing but the time depends on it.

use std::borrow::Cow;
use std::cell::{RefCell, RefMut};
use std::ops::Range;

use bumpalo::Bump;

use super::aliases::{Meaning, meaning};
use crate::json::{Malformed, Scanner, Value};

/// Keys by their place in a line.
#[derive(Debug, Default)]
pub struct KeyOrder(RefCell<Keys>);

#[derive(Debug, Default)]
pub(crate) struct Keys(Vec<KnownKey>);

/// A member of an object: its key, what that means, and its value.
pub(crate) type Member<'a> = (&'a str, Meaning, Value<'a>);

#[derive(Debug)]
struct KnownKey {
    /// All that stands from the end of the value before to the value: bracket or comma, the key, the colon, and the quote of a
    /// plain string.
    json: String,
    /// Where in there the key stands.
    key: Range<usize>,
    meaning: Meaning,
    is_plain: bool,
}

/// More keys than a format has, which may have 3 KB.
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
    /// Reads the next member of an object, its bracket before the first; `None` behind the last, its bracket included.
    ///
    /// Inlined, so that a member is in registers: it would be written in halves and read whole, which the processor waits for.
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
        // Not so with escapes in it.
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

    /// What is read of a line with what is known of the lines before.
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
