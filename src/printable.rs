//! Foreign text on its way to a terminal or a log: control characters are escaped, and the length
//! is bounded.
//!
//! Text from a server, a file or a setting may hold escape sequences, forged lines or megabytes.

use std::fmt::{self, Display, Write};

/// Text that is safe to show. [`printable`] makes it.
#[derive(Debug, Clone, Copy)]
pub struct Printable<'a> {
    text: &'a str,
    longest: usize,
}

/// Shows at most `longest` characters of a text, and an ellipsis if there are more.
#[must_use]
pub fn printable(text: &str, longest: usize) -> Printable<'_> {
    Printable { text, longest }
}

impl Display for Printable<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut characters = self.text.chars();
        for character in characters.by_ref().take(self.longest) {
            if misleads(character) {
                write!(formatter, "{}", character.escape_default())?;
            } else {
                formatter.write_char(character)?;
            }
        }
        if characters.next().is_some() {
            formatter.write_char('…')?;
        }
        Ok(())
    }
}

/// Writes the characters on which a terminal acts as JSON's escapes, which mean the same in its
/// strings. Line ends and tabs stay, because they stand between values.
#[must_use]
pub fn printable_json(json: &str) -> String {
    let mut safe = String::with_capacity(json.len());
    for character in json.chars() {
        if misleads(character) && !matches!(character, '\n' | '\t') {
            // Each of them has four digits at most.
            safe.push_str(&format!("\\u{:04x}", u32::from(character)));
        } else {
            safe.push(character);
        }
    }
    safe
}

/// Returns whether a terminal acts on a character or shows nothing for it: controls, line
/// separators, and characters that change the direction of writing.
fn misleads(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, longest: usize, expected: &str) {
        assert_eq!(printable(text, longest).to_string(), expected, "{text:?}");
    }

    #[test]
    fn control_characters_are_escaped() {
        check("a name, ünïcode 日本 🦀", 99, "a name, ünïcode 日本 🦀");
        check("\x1b]0;title\x07", 99, r"\u{1b}]0;title\u{7}");
        check("a\nERROR forged", 99, r"a\nERROR forged");
        check("a\r\tb\u{9b}1m\u{7f}", 99, r"a\r\tb\u{9b}1m\u{7f}");
        check(
            "a\u{202e}b\u{2028}c\u{200b}",
            99,
            r"a\u{202e}b\u{2028}c\u{200b}",
        );
    }

    #[test]
    fn json_means_the_same_with_escapes() {
        let text = "a\x1b\u{7f}\u{9b}é\u{202e}🦀\"";
        let json = serde_json::to_string(text).unwrap();
        let safe = printable_json(&json);
        assert_eq!(safe, r#""a\u001b\u007f\u009bé\u202e🦀\"""#);
        assert_eq!(serde_json::from_str::<String>(&safe).unwrap(), text);
        assert_eq!(printable_json("{\n\t}\n"), "{\n\t}\n");
    }

    #[test]
    fn length_is_bounded() {
        check("", 0, "");
        check("abc", 3, "abc");
        check("abcd", 3, "abc…");
        check(&"é".repeat(10_000_000), 2, "éé…");
    }
}
