//! The keys of the last line, and what they mean: most likely those of the next line too, in the same order.
//!
//! A stage writes its lines in one format. So a key that stands where the last line had it is not searched for its end,
//! nor looked up: that saves a sixth of the normalizer's work, and nothing but the time depends on it.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bumpalo::Bump;

use super::aliases::{Meaning, meaning};
use crate::json::{Malformed, Scanner};

/// Keys by their place in a line.
#[derive(Debug, Default)]
pub struct KeyOrder(Mutex<Keys>);

#[derive(Debug, Default)]
pub(super) struct Keys(Vec<KnownKey>);

#[derive(Debug)]
struct KnownKey {
    /// With its quotes and its colon, as it stands in the line.
    json: String,
    /// Where it stands in there without them.
    inside: Range<usize>,
    meaning: Meaning,
}

/// More keys than a format has, which may have 3 KB.
const MOST: usize = 128;

impl Clone for KeyOrder {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl KeyOrder {
    pub(super) fn lock(&self) -> MutexGuard<'_, Keys> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Keys {
    /// The key that stands next in a line, and its meaning; its colon is read too.
    pub(super) fn next<'a>(
        &mut self,
        place: usize,
        scanner: &mut Scanner<'a>,
        arena: &'a Bump,
    ) -> Result<(&'a str, Meaning), Malformed> {
        if let Some(known) = self.0.get(place)
            && let Some(json) = scanner.take_text(&known.json)
        {
            let key = json.get(known.inside.clone()).ok_or(Malformed)?;
            return Ok((key, known.meaning));
        }
        let start = scanner.position();
        let key = match scanner.key()? {
            Cow::Borrowed(key) => key,
            Cow::Owned(key) => arena.alloc_str(&key),
        };
        let meaning = meaning(key);
        let (json, quote) = (scanner.since(start).trim_start(), scanner.quote_length());
        let inside = quote..quote + key.len();
        if json.get(inside.clone()) == Some(key) {
            self.remember(place, KnownKey { json: json.to_owned(), inside, meaning });
        }
        Ok((key, meaning))
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

    /// The keys of a line, which are read with what is known of the lines before.
    fn keys<'a>(order: &KeyOrder, line: &'a str, arena: &'a Bump) -> Vec<(&'a str, Meaning)> {
        let (mut scanner, mut keys) = (Scanner::new(line), order.lock());
        let mut found = Vec::new();
        scanner.take(b'{').unwrap();
        while scanner.has_next(found.is_empty(), b'}').unwrap() {
            found.push(keys.next(found.len(), &mut scanner, arena).unwrap());
            scanner.value().unwrap();
        }
        found
    }

    #[test]
    fn what_is_known_changes_nothing() {
        let lines = [
            r#"{"requestId":1,"cxId":2,"status":3}"#,
            r#"{"requestId":1,"cxId":2,"status":3}"#,
            r#"{ "requestId" : 1, "cxId" : 2,"status":3}"#,
            r#"{ "requestId" : 1, "cxId" : 2,"status":3}"#,
            r#"{"status":3,"requestId2":1}"#,
            r#"{"request\u0049d":1,"requestId":4}"#,
            r#"{"request\u0049d":1,"requestId":4}"#,
            r#"{"":0}"#,
            r#"{"":0}"#,
        ];
        let (arena, order) = (Bump::new(), KeyOrder::default());
        for line in lines {
            assert_eq!(keys(&order, line, &arena), keys(&KeyOrder::default(), line, &arena), "{line}");
        }
    }

    #[test]
    fn so_many_keys_are_known_and_no_more() {
        let members: Vec<_> = (0..2 * MOST).map(|number| format!(r#""{number}":0"#)).collect();
        let (arena, order) = (Bump::new(), KeyOrder::default());
        assert_eq!(keys(&order, &format!("{{{}}}", members.join(",")), &arena).len(), 2 * MOST);
        assert_eq!(order.lock().0.len(), MOST);
    }
}
