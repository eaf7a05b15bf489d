//! XML with one element that holds flat elements, as API Gateway's console offers it for the three
//! kinds of API: `<request id="…"> <ip>192.0.2.1</ip> … </request>`.

use bumpalo::Bump;

use crate::ecs::FlatValue;
use crate::normalizer::variables::access_log::AccessLog;
use crate::normalizer::variables::value::join;

/// Reads a line; `None` if it has another form.
pub(crate) fn read<'a>(arena: &'a Bump, line: &'a str) -> Option<AccessLog<'a>> {
    let (root, mut rest) = line.strip_prefix('<')?.split_once('>')?;
    let (name, attributes) = root.split_once(' ').unwrap_or((root, ""));
    if !is_name(name) {
        return None;
    }
    let mut log = AccessLog::new(arena, "xml");
    let mut attributes = attributes.trim();
    while let Some((key, after)) = attributes.split_once("=\"") {
        let (value, others) = after.split_once('"')?;
        log.push(join(arena, name, key.trim()), FlatValue::Text(value));
        attributes = others.trim_start();
    }
    loop {
        rest = rest.trim_start().strip_prefix('<')?;
        if let Some(end) = rest.strip_prefix('/') {
            let is_end = end.strip_prefix(name)?.trim_end() == ">";
            return (is_end && log.knows_several()).then_some(log);
        }
        let (key, after) = rest.split_once('>')?;
        if let Some(empty) = key.strip_suffix('/') {
            log.push(empty.trim(), FlatValue::Text(""));
            rest = after;
            continue;
        }
        if !is_name(key) {
            return None;
        }
        // A value is not escaped, so only its own closing tag ends it.
        let (value, others) = split_at_closing_tag(after, key)?;
        log.place(key, place_of(line, after, value));
        log.push(key, FlatValue::Text(value.trim()));
        rest = others;
    }
}

fn is_name(text: &str) -> bool {
    let is_letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    !text.is_empty() && text.chars().all(is_letter)
}

/// Splits a text at the closing tag of an element.
fn split_at_closing_tag<'a>(text: &'a str, name: &str) -> Option<(&'a str, &'a str)> {
    text.match_indices("</").find_map(|(index, _)| {
        let (value, tag) = text.split_at_checked(index)?;
        let rest = tag.strip_prefix("</")?.strip_prefix(name)?;
        Some((value, rest.strip_prefix('>')?))
    })
}

/// Returns the range of a value in the line. `after` is the rest of the line that begins with the
/// value.
fn place_of(line: &str, after: &str, value: &str) -> std::ops::Range<usize> {
    let start = line.len() - after.len();
    start..start + value.len()
}
