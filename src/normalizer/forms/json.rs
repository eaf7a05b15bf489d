//! JSON objects, which most lines are.

use bumpalo::Bump;

use crate::ecs::FlatValue;
use crate::json::{Malformed, Scanner, Value};
use crate::normalizer::variables::access_log::AccessLog;
use crate::normalizer::variables::aliases::Meaning;
use crate::normalizer::variables::key_order::KeyOrder;

/// Reads a line that is one JSON object and nothing else.
pub(crate) fn read<'a>(
    arena: &'a Bump,
    mut scanner: Scanner<'a>,
    order: &KeyOrder,
) -> Result<AccessLog<'a>, Malformed> {
    let mut log = AccessLog::new(arena, "json");
    let mut keys = order.keys();
    let mut place = 0;
    while let Some((key, meaning, value)) = keys.next(place, &mut scanner, arena)? {
        match (value, meaning) {
            // Perf: the common case, kept free of unpredictable branches.
            (Value::Plain(text), Meaning::Variable(variable)) if !log.has(variable) => {
                log.push_first(variable, (key, FlatValue::Text(text)));
            }
            (Value::Plain(text), _) => log.push_meant(meaning, key, FlatValue::Text(text)),
            (Value::Json(json), _) => log.push_json(key, json, 0),
        }
        place += 1;
    }
    scanner.end()?;
    Ok(log)
}
