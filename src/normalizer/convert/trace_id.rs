//! The trace id of an X-Ray header in the W3C form.

use bumpalo::Bump;

use crate::ecs::Text;

/// Returns the W3C form of an X-Ray trace id such as `1-5759e988-bd862e3fe1be46a994272793`, which
/// may also stand inside `Root=…;Parent=…`.
pub(crate) fn trace_id<'a>(text: &'a str, arena: &'a Bump) -> Text<'a> {
    let id = text
        .split(';')
        .find_map(|part| part.trim().strip_prefix("Root="))
        .unwrap_or(text);
    let (seconds, unique) = id.strip_prefix("1-")?.split_once('-')?;
    let is_hex = |text: &str, length| {
        text.len() == length && text.bytes().all(|digit| digit.is_ascii_hexdigit())
    };
    (is_hex(seconds, 8) && is_hex(unique, 24))
        .then(|| &*arena.alloc_str(&format!("{seconds}{unique}")))
}
