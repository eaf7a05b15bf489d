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
}

impl<'t> View<'t> {
    /// Returns a view of the text as it is.
    pub(super) fn plain(text: &'t str) -> Self {
        Self {
            text: Cow::Borrowed(text),
            places: None,
            pluses: Vec::new(),
        }
    }

    /// Returns the text with percent-encoding, the escapes of JSON and the entities of XML decoded
    /// once; `None` if it has none of these. Only ASCII is decoded: names of credentials,
    /// separators and tokens have no other characters.
    pub(super) fn decoded(&self) -> Option<View<'static>> {
        let bytes = self.text.as_bytes();
        memchr::memchr3(b'%', b'\\', b'&', bytes)?;
        let mut decoded = Vec::with_capacity(bytes.len());
        let mut places = Vec::with_capacity(bytes.len() + 1);
        let mut position = 0;
        let mut has_decoded = false;
        let (mut signs, mut pluses, mut is_form) = (Vec::new(), Vec::new(), false);
        while let Some(rest) = bytes.get(position..).filter(|rest| !rest.is_empty()) {
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
            || (self.place(position + 1) - self.place(position) == 1
                && self.pluses.binary_search(&position).is_err())
    }
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
        [b'%', ..] => (hexadecimal(text.get(1..3))?, 3),
        [b'\\', b'x', ..] => (hexadecimal(text.get(2..4))?, 4),
        [b'\\', ..] => {
            // JSON in a string of JSON has more backslashes.
            const LONGEST_RUN: usize = 16;
            let run = text.iter().take(LONGEST_RUN);
            let backslashes = run.take_while(|byte| **byte == b'\\').count();
            match text.get(backslashes..)? {
                [b'n', ..] => (b'\n', backslashes + 1),
                [b'r', ..] => (b'\r', backslashes + 1),
                [b't', ..] => (b'\t', backslashes + 1),
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
    let end = text.iter().take(LONGEST).position(|byte| *byte == b';')?;
    let name = std::str::from_utf8(text.get(1..end)?).ok()?;
    let byte = match name {
        "lt" => b'<',
        "gt" => b'>',
        "amp" => b'&',
        "quot" => b'"',
        "apos" => b'\'',
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
