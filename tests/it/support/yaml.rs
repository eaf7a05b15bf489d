//! YAML as packages use it: plain scalars that look like booleans and numbers are booleans and
//! numbers.
#![expect(clippy::unwrap_used, reason = "the functions around a test are tests")]
#![expect(clippy::disallowed_types, reason = "a manifest is JSON of any form")]

use std::fs;

use saphyr_parser::{Event, Parser, ScalarStyle, StrInput};
use serde_json::{Map, Value};

use super::golden::repository;

/// Reads a file of this repository that holds one document.
pub(crate) fn read(path: &str) -> Value {
    let text =
        fs::read_to_string(repository(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    let mut events = Parser::new_from_str(&text);
    loop {
        match next(&mut events) {
            Event::StreamStart | Event::DocumentStart(_) => {}
            event => return value(event, &mut events),
        }
    }
}

fn next<'a>(events: &mut Parser<'a, StrInput<'a>>) -> Event<'a> {
    events.next_event().unwrap().unwrap().0
}

fn value<'a>(event: Event<'a>, events: &mut Parser<'a, StrInput<'a>>) -> Value {
    match event {
        Event::Scalar(text, ScalarStyle::Plain, ..) => plain(&text),
        Event::Scalar(text, ..) => Value::String(text.into_owned()),
        Event::SequenceStart(..) => {
            let mut items = Vec::new();
            loop {
                match next(events) {
                    Event::SequenceEnd => return Value::Array(items),
                    event => items.push(value(event, events)),
                }
            }
        }
        Event::MappingStart(..) => {
            let mut members = Map::new();
            loop {
                match next(events) {
                    Event::MappingEnd => return Value::Object(members),
                    Event::Scalar(key, ..) => {
                        let event = next(events);
                        let is_new = members
                            .insert(key.to_string(), value(event, events))
                            .is_none();
                        assert!(is_new, "{key} is there twice");
                    }
                    _ => panic!("a key is a text"),
                }
            }
        }
        _ => panic!("a package has neither aliases nor files of two documents"),
    }
}

fn plain(text: &str) -> Value {
    match text {
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        "" | "~" | "null" => Value::Null,
        text => text
            .parse::<i64>()
            .map_or_else(|_| Value::from(text), Value::from),
    }
}
