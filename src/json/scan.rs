//! JSON, read from front to back: strictly, in one pass, and without copying what can be borrowed.
//!
//! Nearly all that this program reads is strings, one after the other. They are read here; what else there is (numbers,
//! strings with escapes, values inside values) is left to `serde_json`.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::JsonText;
use super::bytes::{first_special, same};
use super::string::string;

/// A JSON text, read up to some place.
#[derive(Debug)]
pub struct Scanner<'a> {
    json: &'a str,
    position: usize,
    quote: Quote,
}

/// What begins and ends a string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quote {
    Plain,
    /// With a backslash.
    Escaped,
}

/// A value.
#[derive(Debug, Clone, Copy)]
pub enum Value<'a> {
    /// A string without escapes: what stands between its quotes.
    Plain(&'a str),
    /// Any other value, as it stands there.
    Json(&'a RawValue),
}

/// The text is not JSON where the scanner stands, or is another value than the one that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed;

impl<'a> Scanner<'a> {
    /// Starts at the front.
    #[must_use]
    pub fn new(json: &'a str) -> Self {
        Self {
            json,
            position: 0,
            quote: Quote::Plain,
        }
    }

    /// Reads JSON that stands in a JSON string, of which nothing but the quotes is escaped. Of values it knows only those that look
    /// the same there: plain strings, numbers, and what else has no quotes inside.
    #[must_use]
    pub fn escaped(json: &'a str) -> Self {
        Self {
            quote: Quote::Escaped,
            ..Self::new(json)
        }
    }

    /// How many bytes a quote has.
    #[must_use]
    pub fn quote_length(&self) -> usize {
        match self.quote {
            Quote::Plain => 1,
            Quote::Escaped => 2,
        }
    }

    /// How many bytes are read.
    #[must_use]
    pub fn position(&self) -> usize {
        self.position
    }

    /// The next byte that is no space.
    pub fn peek(&mut self) -> Option<u8> {
        loop {
            let byte = *self.json.as_bytes().get(self.position)?;
            if !matches!(byte, b' ' | b'\n' | b'\t' | b'\r') {
                return Some(byte);
            }
            self.position += 1;
        }
    }

    /// Steps over a sign.
    pub fn take(&mut self, sign: u8) -> Result<(), Malformed> {
        if self.peek() != Some(sign) {
            return Err(Malformed);
        }
        self.position += 1;
        Ok(())
    }

    /// Inside brackets: whether there is another element, and steps to it; else steps out.
    pub fn has_next(&mut self, is_first: bool, closing: u8) -> Result<bool, Malformed> {
        if self.peek() == Some(closing) {
            self.position += 1;
            return Ok(false);
        }
        if !is_first {
            self.take(b',')?;
        }
        Ok(true)
    }

    /// Steps over a text that stands here, and answers it.
    pub fn take_text(&mut self, text: &str) -> Option<&'a str> {
        let (here, _) = self.here(text)?;
        self.position += text.len();
        Some(here)
    }

    /// Steps over a text that stands here, which ends with a quote, and the plain string behind that. Answers both.
    #[inline]
    pub fn take_plain(&mut self, text: &str) -> Option<(&'a str, &'a str)> {
        let (here, inside) = self.here(text)?;
        let (plain, rest) = self.plain(inside)?;
        self.position = self.json.len() - rest.len();
        Some((here, plain))
    }

    /// A text, if it stands here, and what follows it.
    #[inline]
    fn here(&self, text: &str) -> Option<(&'a str, &'a str)> {
        self.rest()
            .split_at_checked(text.len())
            .filter(|(here, _)| same(here, text))
    }

    fn rest(&self) -> &'a str {
        self.json.get(self.position..).unwrap_or_default()
    }

    /// The text from an earlier position to this.
    #[must_use]
    pub fn since(&self, position: usize) -> &'a str {
        self.json.get(position..self.position).unwrap_or_default()
    }

    /// A member's key and its colon.
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

    /// A value of any kind.
    pub fn value(&mut self) -> Result<Value<'a>, Malformed> {
        self.peek();
        if let Some((plain, rest)) = self
            .after_quote(self.rest())
            .and_then(|inside| self.plain(inside))
        {
            self.position = self.json.len() - rest.len();
            return Ok(Value::Plain(plain));
        }
        self.raw_value().map(Value::Json)
    }

    /// What stands before the quote that ends a plain string, and what follows it.
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

    /// A string with any escapes; not for JSON that is [`Self::escaped`].
    pub fn string(&mut self) -> Result<JsonText<'a>, Malformed> {
        self.peek();
        let here = self.rest();
        let inside = here.strip_prefix('"').ok_or(Malformed)?;
        let (length, escapes) = string(here.as_bytes()).ok_or(Malformed)?;
        self.position += length + 2;
        Ok(JsonText {
            raw: inside.get(..length).ok_or(Malformed)?,
            escapes,
        })
    }

    /// A whole number, as JSON writes it.
    pub fn integer(&mut self) -> Result<i64, Malformed> {
        self.peek();
        let is_other = |byte: u8| !byte.is_ascii_digit() && byte != b'-';
        let length = self.rest().bytes().position(is_other).ok_or(Malformed)?;
        let (number, _) = self.rest().split_at_checked(length).ok_or(Malformed)?;
        let has_leading_zero =
            number.trim_start_matches('-').starts_with('0') && number != "0" && number != "-0";
        self.position += length;
        number
            .parse()
            .ok()
            .filter(|_| !has_leading_zero)
            .ok_or(Malformed)
    }

    fn raw_value(&mut self) -> Result<&'a RawValue, Malformed> {
        // What is read is counted from the value's first byte, so the space before it is stepped over here.
        self.peek();
        let value: &RawValue = serde_json::Deserializer::from_str(self.rest())
            .into_iter()
            .next()
            .ok_or(Malformed)?
            .map_err(|_| Malformed)?;
        self.position += value.get().len();
        Ok(value)
    }

    /// Nothing but space may follow.
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
