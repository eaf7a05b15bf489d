//! Lines of keys and values that are no JSON: `requestId: 6b1c2d3e, ip: 192.0.2.1, …`, which is the Serverless Framework's
//! default for REST APIs, or `requestId=6b1c2d3e ip=192.0.2.1 …`; and lines that are a request's id and nothing else.

use bumpalo::Bump;

use super::access_log::AccessLog;
use super::value::is_uuid;
use crate::ecs::FlatValue;

/// Reads a line; `None` if it is of another form.
pub(super) fn read<'a>(arena: &'a Bump, line: &'a str) -> Option<AccessLog<'a>> {
    if is_request_id(line) {
        let mut log = AccessLog::new(arena, "request_id");
        log.push("requestId", FlatValue::Text(line));
        return Some(log);
    }
    let separator = line.get(key(line)?..)?.chars().next()?;
    let mut log = AccessLog::new(arena, "key_value");
    let mut rest = line;
    while let Some(length) = key(rest).filter(|length| rest.get(*length..).is_some_and(|v| v.starts_with(separator))) {
        let (key, value) = (rest.get(..length)?, rest.get(length + 1..)?);
        let end = end_of_value(value, separator);
        let text = unquoted(value.get(..end)?.trim());
        log.hide(key, text);
        log.push(key, FlatValue::Text(text));
        rest = value.get(end..)?.trim_start_matches([',', ' ', '\t']);
    }
    (rest.is_empty() && log.knows_several()).then_some(log)
}

/// A UUID, or 15 characters of base64 and `=`: the ids of REST APIs, and of HTTP and WebSocket APIs.
fn is_request_id(text: &str) -> bool {
    let is_base64 = || {
        let digits = text.strip_suffix('=').unwrap_or_default();
        digits.len() == 15 && digits.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_+/".contains(&b))
    };
    match text.len() {
        36 => is_uuid(text),
        16 => is_base64(),
        _ => false,
    }
}

/// How long the key is that a text starts with, if it does.
fn key(text: &str) -> Option<usize> {
    const LONGEST_KEY: usize = 64;
    let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let length = text.bytes().take(LONGEST_KEY + 1).position(|byte| !is_word(byte.into()))?;
    let is_key = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.get(length..).is_some_and(|after| {
            // Base64 ends in equals signs.
            after.starts_with(": ") || (after.starts_with('=') && !after.starts_with("=="))
        });
    is_key.then_some(length)
}

/// Where a value ends: before the next key. With `:` pairs are separated by commas, with `=` by commas or blanks.
fn end_of_value(text: &str, separator: char) -> usize {
    let starts_pair = |index: usize| {
        let next = text.get(index + 1..).unwrap_or_default().trim_start();
        key(next).is_some_and(|length| next.get(length..).is_some_and(|after| after.starts_with(separator)))
    };
    let mut is_quoted = false;
    text.char_indices()
        .find(|(index, c)| {
            is_quoted ^= *c == '"' && separator == '=';
            !is_quoted && (*c == ',' || (*c == ' ' && separator == '=')) && starts_pair(*index)
        })
        .map_or(text.len(), |(index, _)| index)
}

fn unquoted(text: &str) -> &str {
    text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text)
}
