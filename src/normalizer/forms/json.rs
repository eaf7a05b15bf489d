//! JSON objects, the form of most lines.

use bumpalo::Bump;

use crate::ecs::FlatValue;
use crate::json::{JsonText, Malformed, Scanner, Value};
use crate::normalizer::variables::access_log::AccessLog;
use crate::normalizer::variables::key_order::KeyOrder;
use crate::normalizer::variables::meaning::Meaning;

/// Reads a line that is exactly one JSON object.
pub(crate) fn read<'a>(
    arena: &'a Bump,
    mut scanner: Scanner<'a>,
    order: &KeyOrder,
) -> Result<AccessLog<'a>, Malformed> {
    let mut log = AccessLog::new(arena, "json");
    let mut keys = order.keys();
    let mut place = 0;
    loop {
        let is_known = keys.known(place, &mut scanner, |key, meaning, value| {
            add(&mut log, key, meaning, value);
        })?;
        if !is_known {
            let Some((key, meaning, value)) = keys.learn(place, &mut scanner, arena)? else {
                break;
            };
            add(&mut log, key, &meaning, value);
        }
        place += 1;
    }
    scanner.end()?;
    Ok(log)
}

/// Adds a member of the object.
#[inline(always)]
fn add<'a>(log: &mut AccessLog<'a>, key: &'a str, meaning: &Meaning, value: Value<'a>) {
    match (value, meaning) {
        // Perf: the common case apart saves 115 instructions for a REST line.
        (Value::Plain(text), Meaning::Variable(variable)) if !log.has(*variable) => {
            log.push_first(*variable, (key, FlatValue::Text(text)));
        }
        (Value::Plain(text), _) => log.push_meant(*meaning, key, FlatValue::Text(text)),
        (Value::Json(json), _) => log.push_json(key, json, 0),
    }
}

/// A key or a value has no quotes, or has too many.
pub(crate) const QUOTES: &str = "quotes";

/// Returns an object that is in quotes as a whole: either the line is a JSON string, or somebody
/// put quotes around the format.
pub(crate) fn wrapped<'a>(arena: &'a Bump, text: &'a str) -> Option<&'a str> {
    let quote = text
        .chars()
        .next()
        .filter(|c| matches!(c, '"' | '\'' | '`'))?;
    let inside = text.strip_prefix(quote)?.strip_suffix(quote)?;
    let is_object = |text: &str| {
        let text = text.trim();
        text.starts_with('{') && text.ends_with('}')
    };
    if !is_object(inside) {
        return None;
    }
    let is_escaped = quote == '"' && inside.contains("\\\"");
    Some(match is_escaped {
        true => JsonText::escaped(inside).text(arena).trim(),
        false => inside.trim(),
    })
}
