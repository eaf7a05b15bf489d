//! A decoded text, with the original position of each byte.

use std::borrow::Cow;

/// A text in which detectors look for credentials: the text itself, or the text with its escapes
/// decoded.
pub(super) struct View<'t> {
    pub(super) text: Cow<'t, str>,
    /// For each byte of a decoded text, and for its end, the position in the text before decoding.
    places: Option<Vec<usize>>,
    /// The positions of blanks that were pluses, in order.
    pluses: Vec<usize>,
    /// True if bytes that were decoded may end a value, too: a doubled quote is a quote.
    has_literals: bool,
}

impl<'t> View<'t> {
    /// Returns a view of the text as it is.
    pub(super) fn plain(text: &'t str) -> Self {
        Self {
            text: Cow::Borrowed(text),
            places: None,
            pluses: Vec::new(),
            has_literals: false,
        }
    }

    /// Returns the text as it is inside a string of JSON, without the backslashes before quotes;
    /// `None` if it has none.
    pub(super) fn of_string(&self) -> Option<View<'static>> {
        memchr::memmem::find(self.text.as_bytes(), b"\\\"")?;
        Some(self.replaced(|text| match text {
            [b'\\', byte @ (b'"' | b'\\' | b'/'), ..] => Some((*byte, 2)),
            [b'\\', b'n' | b'r' | b't', ..] => Some((b' ', 2)),
            _ => None,
        }))
    }

    /// Returns a text with a single quote for each two, if it is a table of comma-separated values
    /// that holds JSON; `None` if it is not.
    pub(super) fn of_table(text: &str) -> Option<View<'static>> {
        let finds = |mark: &[u8]| memchr::memmem::find(text.as_bytes(), mark).is_some();
        let is_table = finds(b"\"\":") || finds(b"\"\" :");
        is_table.then(|| {
            View::plain(text).replaced(|text| text.starts_with(b"\"\"").then_some((b'"', 2)))
        })
    }

    /// Returns the text with a byte in place of each part that is found at the start of a text,
    /// with its length.
    fn replaced(&self, replacement: impl Fn(&[u8]) -> Option<(u8, usize)>) -> View<'static> {
        let bytes = self.text.as_bytes();
        let mut replaced = Vec::with_capacity(bytes.len());
        let mut places = Vec::with_capacity(bytes.len() + 1);
        let mut position = 0;
        while let Some(rest @ [first, ..]) = bytes.get(position..) {
            let (byte, length) = replacement(rest).unwrap_or((*first, 1));
            replaced.push(byte);
            places.push(self.place(position));
            position += length;
        }
        places.push(self.place(bytes.len()));
        View {
            text: Cow::Owned(String::from_utf8(replaced).unwrap_or_default()),
            places: Some(places),
            pluses: Vec::new(),
            has_literals: true,
        }
    }

    /// Returns the text with percent-encoding, the escapes of JSON and the entities of XML decoded
    /// once; `None` if it has none of these. Only ASCII is decoded: names of credentials,
    /// separators and tokens have no other characters.
    pub(super) fn decoded(&self) -> Option<View<'static>> {
        let bytes = self.text.as_bytes();
        memchr::memchr3(b'%', b'\\', b'&', bytes).or_else(|| memchr::memchr(ESCAPE, bytes))?;
        let mut decoded = Vec::with_capacity(bytes.len());
        let mut places = Vec::with_capacity(bytes.len() + 1);
        let mut position = 0;
        let mut has_decoded = false;
        let (mut signs, mut pluses, mut is_form) = (Vec::new(), Vec::new(), false);
        while let Some(rest) = bytes.get(position..).filter(|rest| !rest.is_empty()) {
            if let Some(length) = colour(rest) {
                has_decoded = true;
                position += length;
                continue;
            }
            let (byte, length) = match escape(rest) {
                Some(escape) => {
                    has_decoded = true;
                    is_form |= rest.starts_with(b"%");
                    escape
                }
                None => (rest.first().copied().unwrap_or_default(), 1),
            };
            if rest.starts_with(b"+") {
                signs.push(decoded.len());
            } else if self.pluses.binary_search(&position).is_ok() {
                pluses.push(decoded.len());
            }
            decoded.push(byte);
            places.push(self.place(position));
            position += length;
        }
        places.push(self.place(bytes.len()));
        if is_form {
            // In a form, a plus is a blank.
            for sign in &signs {
                if let Some(byte) = decoded.get_mut(*sign) {
                    *byte = b' ';
                }
            }
            pluses.append(&mut signs);
            pluses.sort_unstable();
        }
        let text = String::from_utf8(decoded).ok().filter(|_| has_decoded)?;
        Some(View {
            text: Cow::Owned(text),
            places: Some(places),
            pluses,
            has_literals: false,
        })
    }

    /// Returns the position of a byte in the text before all decoding.
    pub(super) fn place(&self, position: usize) -> usize {
        self.places.as_ref().map_or(position, |places| {
            places
                .get(position)
                .or_else(|| places.last())
                .copied()
                .unwrap_or_default()
        })
    }

    /// Returns whether a byte was not encoded. Only such a byte ends a value; an escaped byte is
    /// part of the value.
    pub(super) fn is_literal(&self, position: usize) -> bool {
        self.places.is_none()
            || self.has_literals
            || (self.place(position + 1) - self.place(position) == 1
                && self.pluses.binary_search(&position).is_err())
    }
}

/// The character that begins the colours of a terminal.
const ESCAPE: u8 = 0x1b;

/// Returns the length of the colour of a terminal at the start of a text: `ESC[36m`, also with an
/// escaped first character.
fn colour(text: &[u8]) -> Option<usize> {
    const LONGEST: usize = 16;
    const ESCAPED: [&[u8]; 5] = [b"u001b[", b"u001B[", b"x1b[", b"x1B[", b"033["];
    let backslashes = run_of_backslashes(text);
    let start = match text {
        [ESCAPE, b'[', ..] => 2,
        _ => {
            let escaped = text.get(backslashes..).filter(|_| backslashes > 0)?;
            let start = ESCAPED.iter().find(|start| escaped.starts_with(start))?;
            backslashes + start.len()
        }
    };
    let codes = text.get(start..)?.iter().take(LONGEST);
    let is_code = |byte: &&u8| byte.is_ascii_digit() || **byte == b';';
    let end = start + codes.take_while(is_code).count();
    (text.get(end) == Some(&b'm')).then_some(end + 1)
}

/// Returns the number of backslashes at the start of a text. JSON in a string of JSON has more of
/// them.
fn run_of_backslashes(text: &[u8]) -> usize {
    const LONGEST: usize = 16;
    let run = text.iter().take(LONGEST);
    run.take_while(|byte| **byte == b'\\').count()
}

/// Returns the byte that the escape at the start of a text stands for, and the length of the
/// escape.
fn escape(text: &[u8]) -> Option<(u8, usize)> {
    let hexadecimal = |digits: Option<&[u8]>| {
        let digits = std::str::from_utf8(digits?).ok()?;
        let is_hexadecimal = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        u8::from_str_radix(digits, 16)
            .ok()
            .filter(|_| is_hexadecimal)
    };
    let (byte, length) = match text {
        [b'%', b'u', b'0', b'0', ..] => (hexadecimal(text.get(4..6))?, 6),
        [b'%', ..] => (hexadecimal(text.get(1..3))?, 3),
        [b'\\', b'u', b'{', digits @ ..] => {
            let length = digits.iter().take(4).position(|digit| *digit == b'}')?;
            let code = std::str::from_utf8(digits.get(..length)?).ok()?;
            (u8::from_str_radix(code, 16).ok()?, length + 4)
        }
        [b'\\', b'0'..=b'1', b'0'..=b'7', b'0'..=b'7', ..] => {
            let code = std::str::from_utf8(text.get(1..4)?).ok()?;
            (u8::from_str_radix(code, 8).ok()?, 4)
        }
        [b'\\', b'x', ..] => (hexadecimal(text.get(2..4))?, 4),
        [b'\\', ..] => {
            let backslashes = run_of_backslashes(text);
            match text.get(backslashes..)? {
                [b'n', ..] => (b'\n', backslashes + 1),
                [b'r', ..] => (b'\r', backslashes + 1),
                [b't', ..] => (b'\t', backslashes + 1),
                [b'/', ..] => (b'/', backslashes + 1),
                [b'u', b'0', b'0', digits @ ..] => (hexadecimal(digits.get(..2))?, backslashes + 5),
                _ => return None,
            }
        }
        [b'&', ..] => entity(text)?,
        _ => return None,
    };
    (byte.is_ascii_graphic() || matches!(byte, b' ' | b'\n' | b'\r' | b'\t'))
        .then_some((byte, length))
}

fn entity(text: &[u8]) -> Option<(u8, usize)> {
    const LONGEST: usize = 8;
    if let [b'&', b'#', digits @ ..] = text {
        let length = digits
            .iter()
            .take(LONGEST)
            .take_while(|digit| digit.is_ascii_digit());
        let length = length.count();
        if length > 0 && digits.get(length) != Some(&b';') {
            // Browsers do not need the semicolon.
            let code = std::str::from_utf8(digits.get(..length)?).ok()?;
            return Some((code.parse().ok()?, length + 2));
        }
    }
    let end = text.iter().take(LONGEST).position(|byte| *byte == b';')?;
    let name = std::str::from_utf8(text.get(1..end)?).ok()?;
    let byte = match name {
        "lt" => b'<',
        "gt" => b'>',
        "amp" => b'&',
        "quot" => b'"',
        "apos" => b'\'',
        "colon" => b':',
        "equals" => b'=',
        _ => {
            let code = name.strip_prefix('#')?;
            match code.strip_prefix(['x', 'X']) {
                Some(digits) => u8::from_str_radix(digits, 16).ok()?,
                None => code.parse().ok()?,
            }
        }
    };
    Some((byte, end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_in_a_string_inside_a_string_are_decoded() {
        let view = View::plain(r"\\u0061\\\\u0062\\\\c");
        assert_eq!(view.decoded().unwrap().text, r"ab\\\\c");
        let view = View::plain(r"https:\/\/a\\/b");
        assert_eq!(view.decoded().unwrap().text, "https://a/b");
    }

    #[test]
    fn rare_escapes_are_decoded() {
        let text = |text| View::plain(text).decoded().map(|view| view.text);
        for text in [
            text("%u0061%u003d"),
            text(r"\u{61}\u{3D}"),
            text(r"\141\075"),
        ] {
            assert_eq!(text.as_deref(), Some("a="));
        }
        assert_eq!(text("&#97&#61;&equals;&colon;").as_deref(), Some("a==:"));
        assert_eq!(text(r"\u{20ac}\u{}\u{1%u00"), None);
    }

    #[test]
    fn colours_are_left_out() {
        let text = "\x1b[36ma\x1b[0m=\\u001b[1;31mb\\\\x1B[mc\x1b[K";
        let view = View::plain(text).decoded().unwrap();
        assert_eq!(view.text, "a=bc\x1b[K");
        assert_eq!((view.place(0), view.place(1)), (5, 10));
    }

    #[test]
    fn quotes_in_strings_and_tables_become_quotes() {
        let string = View::plain(r#"{"a":"{\"b\":\"\\\"\n\"}"}"#)
            .of_string()
            .unwrap();
        assert_eq!(string.text, r#"{"a":"{"b":"\" "}"}"#);
        assert_eq!(string.of_string().unwrap().text, r#"{"a":"{"b":"" "}"}"#);
        assert!(View::plain(r"a\b").of_string().is_none());
        let table = View::of_table(r#"1,"{""a"":""b""}""#).unwrap();
        assert!(table.text == r#"1,"{"a":"b"}""# && table.is_literal(4));
        assert!(View::of_table(r#"{"a":""}"#).is_none());
    }

    #[test]
    fn escapes_are_decoded_and_their_places_known() {
        let plain = View::plain("a%3Db\\u0063&lt;%zz€%2540");
        let once = plain.decoded().unwrap();
        assert_eq!(once.text, "a=bc<%zz€%40");
        assert_eq!((once.place(1), once.place(2), once.place(12)), (1, 4, 24));
        assert!(once.is_literal(0) && !once.is_literal(1) && once.is_literal(2));
        let twice = once.decoded().unwrap();
        assert_eq!(twice.text, "a=bc<%zz€@");
        assert_eq!(twice.place(twice.text.len()), plain.text.len());
        assert!(twice.decoded().is_none());
        assert!(View::plain("100 % & \\d").decoded().is_none());
    }

    #[test]
    fn a_plus_is_a_blank_beside_percent_encoding() {
        let text = |text| View::plain(text).decoded().map(|view| view.text);
        assert_eq!(text("a+%3D+%2B").as_deref(), Some("a = +"));
        let twice = View::plain("a+%253D").decoded().unwrap().decoded().unwrap();
        assert!(twice.text == "a =" && !twice.is_literal(1) && twice.is_literal(0));
        assert_eq!(text(r"a+\n").as_deref(), Some("a+\n"));
    }
}
