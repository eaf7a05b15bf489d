//! Lines that are almost JSON: cut off, with values that nobody quoted or escaped, or of a format
//! with a typing error.
//!
//! API Gateway puts the values of variables into the format as text. So a number without quotes is
//! missing if the variable has no value, `messageString` brings its own quotes, and a stage that
//! does not escape writes whatever a client sent. The reader goes through such a line value by
//! value. It reads a value strictly if the value is JSON and a next key or the end of the object
//! follows; otherwise it reads up to the place where these follow. [`AccessLog::repairs`] names the
//! repairs. Half a value is never read.

use bumpalo::Bump;
use serde_json::value::RawValue;

use super::json::{self, QUOTES};
use crate::ecs::FlatValue;
use crate::json::{JsonText, Scanner};
use crate::normalizer::line::Stop;
use crate::normalizer::variables::access_log::AccessLog;
use crate::normalizer::variables::key_order::KeyOrder;
use crate::normalizer::variables::meaning::{Meaning, meaning};
use crate::normalizer::variables::value::{MAX_DEPTH, join};
use crate::parts::Parts;

/// A value is missing, or is a `-` without quotes.
const MISSING_VALUE: &str = "missing_value";
/// A string holds control characters.
const CONTROL_CHARACTERS: &str = "control_characters";
/// A comma is missing, or there is one too many.
const COMMAS: &str = "commas";
/// A colon is missing between a key and its value.
const COLONS: &str = "colons";
/// There are too many brackets.
const BRACKETS: &str = "brackets";

/// An object of a line that is not exactly one JSON object.
pub(crate) struct Object<'a> {
    pub(crate) log: AccessLog<'a>,
    /// The object's text, with the text after it that is not an object.
    pub(crate) text: &'a str,
    /// The text from the next object on.
    pub(crate) rest: &'a str,
}

impl<'a> Object<'a> {
    /// Reads the object that a text starts with.
    pub(crate) fn first(arena: &'a Bump, text: &'a str) -> Self {
        let (mut log, length) =
            strict_object(arena, text).unwrap_or_else(|| broken_object(arena, text));
        let after = text.part(length..);
        let rest =
            after.trim_start_matches(|c: char| matches!(c, ',' | '}' | ']') || c.is_whitespace());
        if log.stop.is_none() && !(rest.is_empty() || rest.starts_with('{')) {
            log.stop = Some(Stop::Followed);
        }
        if log.stop.is_some() {
            return Self {
                log,
                text,
                rest: "",
            };
        }
        let between = after.strip_suffix(rest).unwrap_or_default();
        if between.contains(['}', ']']) {
            log.note(BRACKETS);
        }
        if between.contains(',') && rest.is_empty() {
            log.note(COMMAS);
        }
        let end = if log.is_repaired() {
            text.len() - rest.len()
        } else {
            length
        };
        Self {
            log,
            text: text.part(..end).trim_end(),
            rest,
        }
    }
}

fn strict_object<'a>(arena: &'a Bump, text: &'a str) -> Option<(AccessLog<'a>, usize)> {
    let object: &RawValue = serde_json::Deserializer::from_str(text)
        .into_iter()
        .next()?
        .ok()?;
    let mut log = json::read(arena, Scanner::new(object.get()), &KeyOrder::default()).ok()?;
    let length = object.get().len();
    log.place("", 0..length);
    Some((log, length))
}

/// Reads an object's pairs, as far as they are complete.
fn broken_object<'a>(arena: &'a Bump, text: &'a str) -> (AccessLog<'a>, usize) {
    let log = AccessLog::new(arena, "json");
    // A released default of a framework has its braces twice.
    let doubled = text.strip_prefix('{').map(str::trim_start);
    let is_doubled = doubled.is_some_and(|inside| inside.starts_with('{') && is_object(inside));
    let mut reader = RepairingReader {
        arena,
        text,
        position: if is_doubled {
            text.len() - doubled.unwrap_or(text).len()
        } else {
            0
        },
        has_bare_keys: false,
        has_quoted_keys: false,
        looked_ahead: 0,
        log,
    };
    if is_doubled {
        reader.log.note(BRACKETS);
    }
    reader.log.stop = reader.object("", 0).err();
    if !reader.has_quoted_keys {
        reader.log.note_inspected();
    }
    (reader.log, reader.position)
}

struct RepairingReader<'a> {
    arena: &'a Bump,
    text: &'a str,
    position: usize,
    /// True if the line has keys without quotes.
    has_bare_keys: bool,
    /// True if the line has keys in double quotes.
    has_quoted_keys: bool,
    /// The number of bytes that were searched for the end of brackets.
    looked_ahead: usize,
    log: AccessLog<'a>,
}

/// How often the text may be searched for the end of brackets.
const MOST_LOOKED_AHEAD: usize = 8;

impl<'a> RepairingReader<'a> {
    fn rest(&self) -> &'a str {
        self.text.part(self.position..)
    }

    fn skip_space(&mut self) -> &'a str {
        self.position = self.text.len() - self.rest().trim_start().len();
        self.rest()
    }

    /// Reads an object from its brace on.
    fn object(&mut self, prefix: &'a str, depth: u8) -> Result<(), Stop> {
        self.position += 1;
        let mut commas = 1_usize;
        loop {
            let mut rest = self.skip_space();
            while rest.starts_with(',') {
                commas += 1;
                self.position += 1;
                rest = self.skip_space();
            }
            let is_end = rest.starts_with('}');
            if commas != usize::from(!is_end) && !rest.is_empty() {
                self.log.note(COMMAS);
            }
            if is_end {
                self.position += 1;
                return Ok(());
            }
            commas = 0;
            if self.pair_in_a_string(prefix) {
                continue;
            }
            let key = self.key()?;
            let key = if prefix.is_empty() {
                key
            } else {
                join(self.arena, prefix, key)
            };
            self.value(key, depth)?;
        }
    }

    /// Reads a string that holds a key and its value: `"stage:prod"`.
    fn pair_in_a_string(&mut self, prefix: &'a str) -> bool {
        let Some((key, value, length)) = pair_in_a_string(self.rest()) else {
            return false;
        };
        let key = if prefix.is_empty() {
            key
        } else {
            join(self.arena, prefix, key)
        };
        let start = self.position + length - 1 - value.len();
        self.position += length;
        self.log.note(QUOTES);
        self.log.place(key, start..start + value.len());
        self.log.push(key, FlatValue::Text(value.trim()));
        true
    }

    /// Reads a key and its colon.
    fn key(&mut self) -> Result<&'a str, Stop> {
        let rest = self.rest();
        let quote = rest.chars().next().ok_or(Stop::Cut)?;
        let (key, length) = if matches!(quote, '"' | '\'') {
            let inside = rest.part(1..);
            let end = end_of_string(inside, quote).ok_or(Stop::Cut)?;
            (
                JsonText::escaped(inside.part(..end)).text(self.arena),
                end + 2,
            )
        } else {
            let end = rest.find(|c| !is_word(c)).ok_or(Stop::Cut)?;
            let after = rest.part(end..);
            let closed = usize::from(after.starts_with(['"', '\'']));
            self.has_bare_keys |= closed == 0;
            (rest.part(..end), end + closed)
        };
        if quote == '"' {
            self.has_quoted_keys = true;
        } else {
            self.log.note(QUOTES);
        }
        let after = rest.part(length..).trim_start();
        if after.starts_with('{') && quote == '"' {
            self.log.note(COLONS);
            self.position = self.text.len() - after.len();
            return Ok(key);
        }
        if !after.starts_with(':') {
            return Err(if after.is_empty() {
                Stop::Cut
            } else {
                Stop::Lost
            });
        }
        self.position = self.text.len() - after.len() + 1;
        Ok(key)
    }

    fn value(&mut self, key: &'a str, depth: u8) -> Result<(), Stop> {
        let rest = self.skip_space();
        if let Some(value) = self.strict_value() {
            let end = self.position + value.get().len();
            self.log.place(key, self.position..end);
            self.position = end;
            self.log.push_json(key, value, depth);
            return Ok(());
        }
        let place = self.position;
        let start = rest.chars().next().ok_or(Stop::Cut)?;
        let text = match start {
            '{' if depth < MAX_DEPTH && is_object(rest) => return self.object(key, depth + 1),
            '{' | '[' => self.brackets(),
            '"' | '\'' => self.string(start),
            _ => self.bare(),
        };
        // Half a value does not count as a value, but it may be half a credential.
        let end = text.map_or(self.text.len(), |_| self.position);
        self.log.place(key, place..end);
        self.log.push(key, FlatValue::Text(text?));
        Ok(())
    }

    /// Returns the JSON value at this place, if the text after it proves that it is the whole
    /// value.
    fn strict_value(&self) -> Option<&'a RawValue> {
        let value: &RawValue = serde_json::Deserializer::from_str(self.rest())
            .into_iter()
            .next()?
            .ok()?;
        let after = self.rest().get(value.get().len()..)?;
        // A number at the end of the text may be half of one.
        let is_whole = !after.trim_start().is_empty() || value.get().ends_with(['"', '}', ']']);
        (is_whole && self.goes_on(after)).then_some(value)
    }

    /// Reads a string that is not JSON: it ends at the quote after which the object continues, or
    /// before the next pair.
    fn string(&mut self, quote: char) -> Result<&'a str, Stop> {
        let inside = self.rest().part(1..);
        let ends = |(index, c): &(usize, char)| {
            let after = inside.part(index + c.len_utf8()..);
            // At the end of the text, an escaped quote does not end the string.
            let is_end = *c == quote
                && (!after.trim().is_empty() || end_of_string(inside, quote) == Some(*index));
            (is_end && self.goes_on(after)) || (*c == ',' && is_quoted_key(after.trim_start()))
        };
        let (end, last) = inside.char_indices().find(ends).ok_or(Stop::Cut)?;
        let content = inside.part(..end);
        self.position += 1 + end + usize::from(last == quote);
        let is_escaped = last == quote && quote == '"' && end_of_string(inside, quote) == Some(end);
        if is_escaped && content.contains("\\'") {
            // JSON has no escape for an apostrophe, but others write one.
            let plain = self.arena.alloc_str(&content.replace("\\'", "'"));
            if has_known_escapes(plain) {
                self.log.note(QUOTES);
                return Ok(JsonText::escaped(plain).text(self.arena));
            }
        }
        if is_escaped && has_known_escapes(content) {
            self.log.note(CONTROL_CHARACTERS);
            return Ok(JsonText::escaped(content).text(self.arena));
        }
        // A format that does not escape quotes escapes nothing.
        self.log.note(QUOTES);
        if holds_another_pair(content) {
            return Err(Stop::Lost);
        }
        Ok(content)
    }

    /// Reads a list or an object that is not JSON, as text up to its last bracket.
    fn brackets(&mut self) -> Result<&'a str, Stop> {
        let rest = self.rest();
        let end = end_of_brackets(rest).ok_or(Stop::Cut)?;
        // Nested brackets that lead nowhere must not cost the square of their length.
        self.looked_ahead += end;
        if self.looked_ahead > MOST_LOOKED_AHEAD * self.text.len() {
            return Err(Stop::Lost);
        }
        if !self.goes_on(rest.part(end..)) {
            return self.bare();
        }
        self.position += end;
        self.log.note(QUOTES);
        Ok(rest.part(..end))
    }

    /// Reads a value without quotes: it ends where the object continues.
    fn bare(&mut self) -> Result<&'a str, Stop> {
        let rest = self.rest();
        let mut from = 0;
        let end = loop {
            let index = from + rest.part(from..).find([',', '}']).ok_or(Stop::Cut)?;
            let here = rest.part(index..);
            if self.goes_on(here) {
                break index;
            }
            from = rest.len()
                - here
                    .trim_start_matches(|c: char| matches!(c, ',' | '}') || c.is_whitespace())
                    .len();
        };
        self.position += end;
        let text = rest.part(..end).trim();
        self.log.note(if matches!(text, "" | "-") {
            MISSING_VALUE
        } else {
            QUOTES
        });
        // The opening quote of the value is missing.
        Ok(text
            .strip_suffix('"')
            .filter(|text| !text.contains('"'))
            .unwrap_or(text))
    }

    /// Returns whether the text after a value continues as expected: with another pair, or with the
    /// end of the object or of the text.
    fn goes_on(&self, after: &str) -> bool {
        let is_apart = after.starts_with(char::is_whitespace);
        let after = after.trim_start();
        if let Some(next) = after.strip_prefix(',') {
            let next = next.trim_start();
            return next.is_empty()
                || next.starts_with(['}', ','])
                || is_quoted_key(next)
                || pair_in_a_string(next).is_some()
                || self.is_bare_key(next, true);
        }
        if after.starts_with('}') {
            let behind = after.trim_start_matches(|c: char| c == '}' || c.is_whitespace());
            return behind.is_empty() || behind.starts_with(['{', ',']);
        }
        after.is_empty() || is_quoted_key(after) || (is_apart && self.is_bare_key(after, false))
    }

    /// Returns whether a text starts with a key and its colon, without quotes or without the first
    /// one. A client's text may well hold a word and a colon. So the word counts as a key only if
    /// we know it, if a comma is before it and one quote is there, or if other keys of the line
    /// have no quotes either.
    fn is_bare_key(&self, text: &str, follows_comma: bool) -> bool {
        let after = text.trim_start_matches(is_word);
        let word = text.strip_suffix(after).unwrap_or_default();
        let quoted = after.strip_prefix('"');
        let is_likely = follows_comma && (quoted.is_some() || self.has_bare_keys);
        !word.is_empty()
            && quoted.unwrap_or(after).trim_start().starts_with(':')
            && (is_likely || matches!(meaning(word), Meaning::Variable(_)))
    }
}

/// Returns whether a text that starts with a brace is an object with a key in it.
fn is_object(text: &str) -> bool {
    let inside = text.part(1..).trim_start();
    let after_word = inside.trim_start_matches(is_word);
    is_quoted_key(inside)
        || after_word
            .strip_prefix('"')
            .unwrap_or(after_word)
            .trim_start()
            .starts_with(':')
}

/// Returns whether a text starts with a key in quotes and its colon, or with the beginning of one.
fn is_quoted_key(text: &str) -> bool {
    const LONGEST_KEY: usize = 64;
    let Some(quote) = text.chars().next().filter(|c| matches!(c, '"' | '\'')) else {
        return false;
    };
    let inside = text.part(1..);
    match inside
        .bytes()
        .take(LONGEST_KEY + 1)
        .position(|byte| char::from(byte) == quote)
    {
        Some(end) => {
            let after = inside.part(end + 1..).trim_start();
            end > 0 && (after.is_empty() || after.starts_with([':', '{']))
        }
        None => inside.len() <= LONGEST_KEY && inside.chars().all(|c| is_word(c) || c == ' '),
    }
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '$')
}

/// Returns the position of the quote that ends a string, ignoring escaped quotes.
fn end_of_string(inside: &str, quote: char) -> Option<usize> {
    let mut is_escaped = false;
    inside.char_indices().find_map(|(index, c)| {
        let ends = c == quote && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
        ends.then_some(index)
    })
}

/// Returns whether every backslash starts an escape of JSON.
fn has_known_escapes(content: &str) -> bool {
    let mut rest = content;
    while let Some((_, escape)) = rest.split_once('\\') {
        let is_unit = |text: &str| text.bytes().take(4).filter(u8::is_ascii_hexdigit).count() == 4;
        rest = match escape.chars().next() {
            Some('"' | '\\' | '/' | 'b' | 'f' | 'n' | 'r' | 't') => escape.part(1..),
            Some('u') if escape.get(1..).is_some_and(is_unit) => escape.part(5..),
            _ => return false,
        };
    }
    true
}

/// Returns the position after the bracket that closes the first one.
fn end_of_brackets(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let last = text.bytes().position(|byte| {
        match byte {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0
    });
    Some(last? + 1)
}

/// Returns the key, the value and the length of a string that holds both, with a name that access
/// logs have: `"stage:prod"`. Another pair or the end of the object must follow.
fn pair_in_a_string(text: &str) -> Option<(&str, &str, usize)> {
    let (content, after) = text.strip_prefix('"')?.split_once('"')?;
    let (key, value) = content.split_once(':')?;
    let is_name = !key.is_empty() && key.chars().all(is_word);
    let is_known = is_name && matches!(meaning(key), Meaning::Variable(_));
    let goes_on = after.trim_start().starts_with([',', '}']);
    (is_known && goes_on).then_some((key, value, content.len() + 2))
}

/// Returns whether a repaired value holds a separator of pairs: then it is not one value.
fn holds_another_pair(content: &str) -> bool {
    content.match_indices('"').any(|(index, _)| {
        let after = content.part(index + 1..).trim_start();
        let next = after.strip_prefix(',').map(str::trim_start);
        after.starts_with('{') || next.is_some_and(|next| next.starts_with('"'))
    })
}
