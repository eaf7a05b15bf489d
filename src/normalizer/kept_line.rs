//! The part of a line that may be kept: in `event.original`, in `message`, and in a dead letter.

use bumpalo::Bump;

use super::forms::broken_json::Object;
use super::forms::key_value;
use super::mask::{mask, mask_parts};
use super::trimmed;

/// Masks a line: [`mask`], and the credentials that only reading the line finds.
pub fn mask_line<'a>(line: &'a str, arena: &'a Bump) -> &'a str {
    let text = trimmed(line);
    let hidden = if text.starts_with('{') {
        hide_in_objects(text)
    } else {
        hide_in_pairs(text)
    };
    let hidden = arena.alloc_str(&hidden);
    within(line, text, mask(hidden, arena), arena)
}

/// Returns a line with `masked` in the place of the text that was read, which is the line without the blanks around it.
pub(super) fn within<'a>(line: &'a str, read: &str, masked: &'a str, arena: &'a Bump) -> &'a str {
    match line.split_once(read) {
        _ if masked == read => line,
        Some((before, after)) if before.len() + after.len() > 0 => {
            arena.alloc_str(&[before, masked, after].concat())
        }
        _ => masked,
    }
}

/// Masks a line of objects. There may be very many, so each is forgotten before the next.
fn hide_in_objects(text: &str) -> String {
    let mut scratch = Bump::new();
    let (mut hidden, mut rest) = (String::with_capacity(text.len()), text);
    while !rest.is_empty() {
        scratch.reset();
        let object = Object::first(&scratch, rest);
        let (part, next) = rest.split_at(rest.len() - object.rest.len());
        hidden.push_str(mask_parts(part, object.log.secrets(), &scratch));
        rest = next;
    }
    hidden
}

fn hide_in_pairs(text: &str) -> String {
    let scratch = Bump::new();
    let log = key_value::read(&scratch, text);
    log.map_or(text, |log| mask_parts(text, log.secrets(), &scratch))
        .to_owned()
}
