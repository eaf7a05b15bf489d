//! The part of a line that may be kept in `event.original`, in `message` and in a dead letter.

use bumpalo::Bump;

use super::forms::broken_json::Object;
use super::forms::key_value;
use super::mask::mask;
use super::trimmed;

/// Masks a line: value by value if a reader understands it, otherwise as a text.
pub fn mask_line<'a>(line: &'a str, arena: &'a Bump) -> &'a str {
    let text = trimmed(line);
    let masked = if text.starts_with('{') {
        mask_objects(text, arena)
    } else {
        mask_pairs(text, arena)
    };
    within(line, text, masked, arena)
}

/// Upper bound on the objects of a line that are read to be masked. The rest is masked as a text,
/// which costs a tenth.
const MOST_OBJECTS: usize = 1_000;

/// Masks a line of objects. There may be very many, so the memory of each is reused for the next.
fn mask_objects<'a>(text: &'a str, arena: &'a Bump) -> &'a str {
    let mut scratch = Bump::new();
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    for _ in 0..MOST_OBJECTS {
        if rest.is_empty() {
            break;
        }
        scratch.reset();
        let object = Object::first(&scratch, rest);
        let (part, next) = rest.split_at(rest.len() - object.rest.len());
        masked.push_str(object.log.masked(part));
        rest = next;
    }
    masked.push_str(mask(rest, &scratch));
    arena.alloc_str(&masked)
}

fn mask_pairs<'a>(text: &'a str, arena: &'a Bump) -> &'a str {
    let masked = mask(text, arena);
    let scratch = Bump::new();
    match key_value::read(&scratch, masked) {
        Some(log) => arena.alloc_str(log.masked(masked)),
        None => masked,
    }
}

/// Returns a line with `masked` in place of the text that was read, which is the line without
/// surrounding blanks.
pub(super) fn within<'a>(line: &'a str, read: &str, masked: &'a str, arena: &'a Bump) -> &'a str {
    match line.split_once(read) {
        _ if masked == read => line,
        Some((before, after)) if before.len() + after.len() > 0 => {
            arena.alloc_str(&[before, masked, after].concat())
        }
        _ => masked,
    }
}
