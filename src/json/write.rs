//! Writes JSON to the end of a buffer.

use super::bytes::{first_special, has_byte, is_special};

/// A value that can be written as JSON.
pub trait WriteJson {
    /// Appends the value.
    fn write_json(&self, out: &mut Vec<u8>);

    /// Returns the value as a text.
    fn to_json(&self) -> String {
        let mut out = Vec::new();
        self.write_json(&mut out);
        String::from_utf8(out).unwrap_or_default()
    }
}

impl<T: WriteJson + ?Sized> WriteJson for &T {
    fn write_json(&self, out: &mut Vec<u8>) {
        (**self).write_json(out);
    }
}

impl<T: WriteJson + ?Sized> WriteJson for &mut T {
    fn write_json(&self, out: &mut Vec<u8>) {
        (**self).write_json(out);
    }
}

impl WriteJson for str {
    fn write_json(&self, out: &mut Vec<u8>) {
        write_string(out, self);
    }
}

impl<T: WriteJson> WriteJson for [T] {
    fn write_json(&self, out: &mut Vec<u8>) {
        write_list(out, [b'[', b']'], self.iter(), WriteJson::write_json);
    }
}

/// Appends a list: brackets around the items, commas between them.
pub fn write_list<T>(
    out: &mut Vec<u8>,
    [opening, closing]: [u8; 2],
    items: impl Iterator<Item = T>,
    write: impl Fn(T, &mut Vec<u8>),
) {
    out.push(opening);
    for (index, item) in items.enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write(item, out);
    }
    out.push(closing);
}

/// Appends a text as a JSON string.
pub fn write_string(out: &mut Vec<u8>, text: &str) {
    out.reserve(text.len() + 2);
    out.push(b'"');
    if has_byte(text.as_bytes(), is_special) {
        write_escaped(out, text);
    } else {
        out.extend_from_slice(text.as_bytes());
    }
    out.push(b'"');
}

/// A separate cold function, so that the common path saves no registers for it.
#[cold]
#[inline(never)]
fn write_escaped(out: &mut Vec<u8>, text: &str) {
    let mut rest = text.as_bytes();
    while let Some((plain, special, after)) =
        first_special(rest).and_then(|length| cut(rest, length))
    {
        out.extend_from_slice(plain);
        escape(out, special);
        rest = after;
    }
    out.extend_from_slice(rest);
}

fn cut(bytes: &[u8], length: usize) -> Option<(&[u8], u8, &[u8])> {
    let (plain, rest) = bytes.split_at_checked(length)?;
    let (special, after) = rest.split_first()?;
    Some((plain, *special, after))
}

fn escape(out: &mut Vec<u8>, special: u8) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let letter = match special {
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        0x8 => b'b',
        0xc => b'f',
        quote if quote >= b' ' => quote,
        control => {
            let digit = |value: u8| DIGITS.get(usize::from(value)).copied().unwrap_or(b'0');
            return out.extend_from_slice(&[
                b'\\',
                b'u',
                b'0',
                b'0',
                digit(control >> 4),
                digit(control & 15),
            ]);
        }
    };
    out.extend_from_slice(&[b'\\', letter]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(text: &str) -> String {
        let mut out = Vec::new();
        write_string(&mut out, text);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn every_byte_is_written_as_serde_json_writes_it() {
        let all: String = (0..=0x2_00_u32).filter_map(char::from_u32).collect();
        assert_eq!(written(&all), serde_json::to_string(&all).unwrap());
    }

    proptest! {
        #[test]
        fn any_text_is_written_as_serde_json_writes_it(text in any::<String>()) {
            prop_assert_eq!(written(&text), serde_json::to_string(&text).unwrap());
        }
    }
}
