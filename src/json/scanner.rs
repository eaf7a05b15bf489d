//! A cursor over JSON: strict, in one pass, and without copying what can be borrowed.
//!
//! This program reads almost nothing but strings, one after the other. The scanner reads strings
//! and whole numbers itself; `serde_json` reads strings with escapes outside of lines, other
//! numbers, and nested values.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::JsonText;
use super::bytes::{first_special, same};
use super::text::string;

/// A JSON text, read up to some position.
#[derive(Debug)]
pub struct Scanner<'a> {
    json: &'a str,
    /// The part of `json` that is not yet read.
    rest: &'a str,
    quote: Quote,
}

/// The delimiter of a string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quote {
    Plain,
    /// With a backslash.
    Escaped,
}

/// A value.
#[derive(Debug, Clone, Copy)]
pub enum Value<'a> {
    /// A string without escapes: the text between its quotes.
    Plain(&'a str),
    /// Any other value, as it is written.
    Json(&'a RawValue),
}

/// The text is not JSON at the scanner's position, or is not the value that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed;

impl<'a> Scanner<'a> {
    /// Starts at the beginning.
    #[must_use]
    pub fn new(json: &'a str) -> Self {
        Self {
            json,
            rest: json,
            quote: Quote::Plain,
        }
    }

    /// Starts at a position that another scanner has reached in the same text.
    #[must_use]
    pub fn at(json: &'a str, position: usize) -> Self {
        let (_, rest) = json.split_at(position);
        Self {
            rest,
            ..Self::new(json)
        }
    }

    /// Reads JSON inside a JSON string in which only the quotes are escaped. It knows only values
    /// that look the same there: plain strings, numbers, and other values without quotes inside.
    #[must_use]
    pub fn escaped(json: &'a str) -> Self {
        Self {
            quote: Quote::Escaped,
            ..Self::new(json)
        }
    }

    /// Returns the length of a quote in bytes.
    #[must_use]
    pub fn quote_length(&self) -> usize {
        match self.quote {
            Quote::Plain => 1,
            Quote::Escaped => 2,
        }
    }

    /// Returns the number of bytes that are read.
    #[must_use]
    pub fn position(&self) -> usize {
        self.json.len() - self.rest.len()
    }

    /// Steps over space. Returns the next byte.
    pub fn peek(&mut self) -> Option<u8> {
        loop {
            let byte = *self.rest.as_bytes().first()?;
            if !matches!(byte, b' ' | b'\n' | b'\t' | b'\r') {
                return Some(byte);
            }
            self.step(1);
        }
    }

    /// Steps over this many bytes, which must end at a character boundary.
    fn step(&mut self, length: usize) {
        (_, self.rest) = self.rest.split_at(length);
    }

    /// Steps over a sign.
    pub fn take(&mut self, sign: u8) -> Result<(), Malformed> {
        if self.peek() != Some(sign) {
            return Err(Malformed);
        }
        self.step(1);
        Ok(())
    }

    /// Inside brackets: steps to the next element if there is one, otherwise out of the brackets.
    /// Returns whether there is an element.
    pub fn has_next(&mut self, is_first: bool, closing: u8) -> Result<bool, Malformed> {
        if self.peek() == Some(closing) {
            self.step(1);
            return Ok(false);
        }
        if !is_first {
            self.take(b',')?;
        }
        Ok(true)
    }

    /// Steps over a text if it comes next, and returns it.
    pub fn take_text(&mut self, text: &str) -> Option<&'a str> {
        let (here, rest) = self.here(text)?;
        self.rest = rest;
        Some(here)
    }

    /// Steps over a text that ends with a quote, and the plain string that begins with this quote,
    /// if they come next. Returns both.
    #[inline]
    pub fn take_plain(&mut self, text: &str) -> Option<(&'a str, &'a str)> {
        let (here, inside) = self.here(text)?;
        let (plain, rest) = self.plain(inside)?;
        self.rest = rest;
        Some((here, plain))
    }

    /// Returns a text and what follows it, if the text comes next.
    #[inline]
    fn here(&self, text: &str) -> Option<(&'a str, &'a str)> {
        self.rest
            .split_at_checked(text.len())
            .filter(|(here, _)| same(here, text))
    }

    /// Returns the text between an earlier position and this one.
    #[must_use]
    pub fn since(&self, position: usize) -> &'a str {
        let (read, _) = self.json.split_at(self.position());
        let (_, since) = read.split_at(position);
        since
    }

    /// Reads a member's key and its colon.
    pub fn key(&mut self) -> Result<Cow<'a, str>, Malformed> {
        let key = match self.value()? {
            Value::Plain(key) => Cow::Borrowed(key),
            Value::Json(json) => serde_json::from_str::<String>(json.get())
                .map_err(|_| Malformed)?
                .into(),
        };
        self.take(b':')?;
        Ok(key)
    }

    /// Reads a value of any kind.
    pub fn value(&mut self) -> Result<Value<'a>, Malformed> {
        self.peek();
        if let Some((plain, rest)) = self
            .after_quote(self.rest)
            .and_then(|inside| self.plain(inside))
        {
            self.rest = rest;
            return Ok(Value::Plain(plain));
        }
        self.raw_value().map(Value::Json)
    }

    /// Returns the text before the quote that ends a plain string, and what follows it.
    #[inline]
    fn plain(&self, inside: &'a str) -> Option<(&'a str, &'a str)> {
        let (plain, rest) = inside.split_at_checked(first_special(inside.as_bytes())?)?;
        Some((plain, self.after_quote(rest)?))
    }

    #[inline]
    fn after_quote(&self, text: &'a str) -> Option<&'a str> {
        match self.quote {
            Quote::Plain => text.strip_prefix('"'),
            Quote::Escaped => text.strip_prefix("\\\""),
        }
    }

    /// Reads a string with any escapes; not for JSON that is [`Self::escaped`].
    pub fn string(&mut self) -> Result<JsonText<'a>, Malformed> {
        self.peek();
        let inside = self.rest.strip_prefix('"').ok_or(Malformed)?;
        let (length, escapes) = string(self.rest.as_bytes()).ok_or(Malformed)?;
        let (raw, rest) = inside.split_at_checked(length).ok_or(Malformed)?;
        self.rest = rest.strip_prefix('"').ok_or(Malformed)?;
        Ok(JsonText { raw, escapes })
    }

    /// Reads a whole number in JSON's spelling.
    pub fn integer(&mut self) -> Result<i64, Malformed> {
        self.peek();
        let is_other = |byte: u8| !byte.is_ascii_digit() && byte != b'-';
        let length = self.rest.bytes().position(is_other).ok_or(Malformed)?;
        let (number, rest) = self.rest.split_at_checked(length).ok_or(Malformed)?;
        let has_leading_zero =
            number.trim_start_matches('-').starts_with('0') && number != "0" && number != "-0";
        self.rest = rest;
        number
            .parse()
            .ok()
            .filter(|_| !has_leading_zero)
            .ok_or(Malformed)
    }

    fn raw_value(&mut self) -> Result<&'a RawValue, Malformed> {
        // The length of the value counts from its first byte, so space before it is skipped here.
        self.peek();
        let value: &RawValue = serde_json::Deserializer::from_str(self.rest)
            .into_iter()
            .next()
            .ok_or(Malformed)?
            .map_err(|_| Malformed)?;
        self.step(value.get().len());
        Ok(value)
    }

    /// Only space may follow.
    pub fn end(&mut self) -> Result<(), Malformed> {
        self.peek().map_or(Ok(()), |_| Err(Malformed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers() {
        for (json, expected) in [
            ("0,", Ok(0)),
            (" -7 ", Ok(-7)),
            ("1690373646000}", Ok(1_690_373_646_000)),
            ("-9223372036854775808,", Ok(i64::MIN)),
            ("9223372036854775808,", Err(Malformed)),
            ("007,", Err(Malformed)),
            ("-07,", Err(Malformed)),
            ("+7,", Err(Malformed)),
            ("-,", Err(Malformed)),
            ("1-,", Err(Malformed)),
            ("\"1\",", Err(Malformed)),
            ("", Err(Malformed)),
        ] {
            assert_eq!(Scanner::new(json).integer(), expected, "{json}");
        }
        let mut scanner = Scanner::new("1.5}");
        assert_eq!(
            (scanner.integer(), scanner.has_next(false, b'}')),
            (Ok(1), Err(Malformed)),
            "no fraction is read over"
        );
    }

    #[test]
    fn space_may_stand_anywhere() {
        let mut scanner = Scanner::new(" { \"a\" :\n17 ,\t\"b\" :  null , \"c\" : \"x\" } ");
        scanner.take(b'{').unwrap();
        assert_eq!(
            (scanner.has_next(true, b'}'), scanner.key().as_deref()),
            (Ok(true), Ok("a"))
        );
        assert!(matches!(scanner.value(), Ok(Value::Json(json)) if json.get() == "17"));
        assert_eq!(
            (scanner.has_next(false, b'}'), scanner.key().as_deref()),
            (Ok(true), Ok("b"))
        );
        assert!(matches!(scanner.value(), Ok(Value::Json(json)) if json.get() == "null"));
        assert_eq!(
            (scanner.has_next(false, b'}'), scanner.key().as_deref()),
            (Ok(true), Ok("c"))
        );
        assert!(matches!(scanner.value(), Ok(Value::Plain("x"))));
        assert_eq!(
            (scanner.has_next(false, b'}'), scanner.end()),
            (Ok(false), Ok(()))
        );
    }
}
