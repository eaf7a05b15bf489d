//! Strings as they stand in JSON: found whole, and unescaped only when somebody asks for what they mean.
//!
//! A payload is JSON, and so is nearly every line in it: each of the line's quotes has a backslash, and nothing else is
//! escaped. Such a line can be read as it stands there ([`Scanner::escaped`](super::Scanner::escaped)), which saves a copy of
//! it, a tenth of the time of an event.

use bumpalo::Bump;
use bumpalo::collections::String as ArenaString;

use super::bytes::first_special;
use super::text::unescape_into;

/// A text, or what stands for it between the quotes of a JSON string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JsonText<'a> {
    /// What stands there.
    pub raw: &'a str,
    /// What is escaped in it.
    pub escapes: Escapes,
}

/// What is escaped in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Escapes {
    /// Nothing: it is the text itself.
    None,
    /// Every quote has a backslash before it, and there is no other.
    Quotes,
    /// Anything.
    Any,
}

impl<'a> JsonText<'a> {
    /// A text as it is.
    #[must_use]
    pub const fn plain(text: &'a str) -> Self {
        Self {
            raw: text,
            escapes: Escapes::None,
        }
    }

    /// What stands between the quotes of a JSON string, whether or not a strict parser would take it.
    #[must_use]
    pub fn escaped(raw: &'a str) -> Self {
        Self {
            raw,
            escapes: if raw.contains('\\') {
                Escapes::Any
            } else {
                Escapes::None
            },
        }
    }

    /// The text itself.
    #[must_use]
    pub fn text(self, arena: &'a Bump) -> &'a str {
        if self.escapes == Escapes::None {
            return self.raw;
        }
        let mut text = ArenaString::with_capacity_in(self.raw.len(), arena);
        unescape_into(&mut text, self.raw);
        text.into_bump_str()
    }
}

/// The string that JSON starts with, from quote to quote: how many bytes stand between them, and what is escaped there. `None`
/// if a strict parser would refuse it (but that halves of surrogate pairs are none of its business).
pub(super) fn string(json: &[u8]) -> Option<(usize, Escapes)> {
    const QUOTE: usize = 1;
    let mut end = after_escaped_quotes(json);
    let mut escapes = if json.get(QUOTE..end)?.contains(&b'\\') {
        Escapes::Quotes
    } else {
        Escapes::None
    };
    loop {
        end += first_special(json.get(end..)?)?;
        match json.get(end..)? {
            [b'"', ..] => return Some((end - QUOTE, escapes)),
            [b'\\', b'"', ..] if escapes != Escapes::Any => {
                (end, escapes) = (end + 2, Escapes::Quotes)
            }
            [b'\\', letter, rest @ ..] => {
                let is_unit =
                    *letter == b'u' && rest.first_chunk::<4>()?.iter().all(u8::is_ascii_hexdigit);
                if !is_unit && !br#""\/bfnrt"#.contains(letter) {
                    return None;
                }
                (end, escapes) = (end + 2, Escapes::Any);
            }
            _ => return None,
        }
    }
}

/// A place in the string that JSON starts with, up to which nothing is escaped but quotes.
///
/// A line has many quotes. To look at all bytes of a block and at those before them, whatever they are, is what processors do
/// with many at a time: eight times as fast as to go from quote to quote.
fn after_escaped_quotes(json: &[u8]) -> usize {
    const BLOCK: usize = 32;
    let block = |position: usize| json.get(position..)?.first_chunk::<BLOCK>();
    let mut end = 1;
    while let (Some(before), Some(bytes)) = (block(end - 1), block(end)) {
        let mut stops = [false; BLOCK];
        for (stop, (before, byte)) in stops.iter_mut().zip(before.iter().zip(bytes)) {
            *stop = (*byte < b' ') | ((*byte == b'"') != (*before == b'\\'));
        }
        if stops != [false; BLOCK] {
            break;
        }
        end += BLOCK;
    }
    // An escape may have begun.
    if json.get(end - 1) == Some(&b'\\') {
        end - 1
    } else {
        end
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::mend_surrogates;
    use super::*;

    #[test]
    fn what_is_escaped() {
        let long = "0123456789".repeat(7);
        for (inside, escapes) in [
            ("", Escapes::None),
            (&*long, Escapes::None),
            (r#"\""#, Escapes::Quotes),
            (&format!(r#"{{\"a\":\"{long}\"}}"#), Escapes::Quotes),
            (&format!(r#"{{\"a\":\"{long}\\\"}}"#), Escapes::Any),
            (&format!(r"{long}\n{long}"), Escapes::Any),
            (r"\u00e9", Escapes::Any),
        ] {
            for rest in ["", "}]}", &long] {
                assert_eq!(
                    string(format!("\"{inside}\"{rest}").as_bytes()),
                    Some((inside.len(), escapes)),
                    "{inside}"
                );
            }
        }
    }

    proptest! {
        #[test]
        fn is_as_strict_as_serde_json(
            inside in r#"(\\\\|\\\\u[dD8][0-9a-f]{3}|\\"|\\"|u|n|x|[0-9a-fD]{1,9}|"|€|\n| ){0,40}"#,
            gap in 0_usize..70,
        ) {
            let json = format!("\"{}{inside}\"", "-".repeat(gap));
            let found = string(json.as_bytes());
            // It ends at the first quote that is none of its own, whatever follows.
            let whole = found.map_or(&*json, |(length, _)| json.get(..length + 2).unwrap());
            match (serde_json::from_str::<String>(&mend_surrogates(whole)), found) {
                (Ok(expected), Some((length, escapes))) => {
                    let arena = Bump::new();
                    let raw = json.get(1..=length).unwrap();
                    prop_assert_eq!(JsonText { raw, escapes }.text(&arena), expected);
                    prop_assert_eq!(escapes == Escapes::None, !raw.contains('\\'));
                    prop_assert_eq!(escapes == Escapes::Any, raw.replace("\\\"", "").contains('\\'));
                }
                (Err(_), None) => {}
                (expected, found) => prop_assert!(false, "{whole}: {expected:?}, {found:?}"),
            }
        }
    }
}
