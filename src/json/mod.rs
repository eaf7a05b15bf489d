//! JSON where `serde_json` is too slow or too strict: the strings of a log line, read, mended and written.

mod bytes;
mod scanner;
mod text;
mod write;

use std::borrow::Cow;

pub use self::bytes::has_byte;
pub use self::scanner::{Malformed, Scanner, Value};

pub use self::text::{Escapes, JsonText, mend_surrogates};
pub use self::write::{WriteJson, write_list, write_string};

/// Bytes as text, with U+FFFD in the place of what is not UTF-8. The standard library's conversion, which looks for
/// places to replace, is ten times as slow where there are none.
#[must_use]
pub fn utf8(bytes: &[u8]) -> Cow<'_, str> {
    std::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed)
}
