//! What stands at a place of a text.

/// Whether a text that starts with a brace is an object with a key in it.
pub(super) fn is_object(text: &str) -> bool {
    let inside = text.get(1..).unwrap_or_default().trim_start();
    let after_word = inside.trim_start_matches(is_word);
    is_quoted_key(inside)
        || after_word
            .strip_prefix('"')
            .unwrap_or(after_word)
            .trim_start()
            .starts_with(':')
}

/// Whether a text starts with a key in quotes, and its colon; or is the start of one.
pub(super) fn is_quoted_key(text: &str) -> bool {
    const LONGEST_KEY: usize = 64;
    let Some(quote) = text.chars().next().filter(|c| matches!(c, '"' | '\'')) else {
        return false;
    };
    let inside = text.get(1..).unwrap_or_default();
    match inside
        .bytes()
        .take(LONGEST_KEY + 1)
        .position(|byte| char::from(byte) == quote)
    {
        Some(end) => {
            let after = inside.get(end + 1..).unwrap_or_default().trim_start();
            end > 0 && (after.is_empty() || after.starts_with(':'))
        }
        None => inside.len() <= LONGEST_KEY && inside.chars().all(|c| is_word(c) || c == ' '),
    }
}

pub(super) fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '$')
}

/// Where the quote is that ends a string, escaped ones left out of account.
pub(super) fn end_of_string(inside: &str, quote: char) -> Option<usize> {
    let mut is_escaped = false;
    inside.char_indices().find_map(|(index, c)| {
        let ends = c == quote && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
        ends.then_some(index)
    })
}

/// Whether every backslash starts an escape that JSON has.
pub(super) fn has_known_escapes(content: &str) -> bool {
    let mut rest = content;
    while let Some((_, escape)) = rest.split_once('\\') {
        let is_unit = |text: &str| text.bytes().take(4).filter(u8::is_ascii_hexdigit).count() == 4;
        rest = match escape.chars().next() {
            Some('"' | '\\' | '/' | 'b' | 'f' | 'n' | 'r' | 't') => {
                escape.get(1..).unwrap_or_default()
            }
            Some('u') if escape.get(1..).is_some_and(is_unit) => {
                escape.get(5..).unwrap_or_default()
            }
            _ => return false,
        };
    }
    true
}

/// Where the text goes on after the bracket that closes the first one.
pub(super) fn end_of_brackets(text: &str) -> Option<usize> {
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
