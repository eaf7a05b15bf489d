//! What a line becomes.

use bumpalo::Bump;
use bumpalo::collections::Vec as ArenaVec;

use crate::ecs::Document;

/// What became of a line.
#[derive(Debug)]
pub enum Normalized<'a> {
    /// One document; several if the line holds several objects.
    Documents(ArenaVec<'a, &'a mut Document<'a>>),
    /// Nothing to keep: a blank line, a control message, an execution log that is not wanted.
    Skipped,
}

impl<'a> Normalized<'a> {
    pub(super) fn one(document: &'a mut Document<'a>, arena: &'a Bump) -> Self {
        Self::Documents(bumpalo::vec![in arena; document])
    }

    pub(super) fn several(documents: ArenaVec<'a, &'a mut Document<'a>>) -> Self {
        if documents.is_empty() {
            Self::Skipped
        } else {
            Self::Documents(documents)
        }
    }
}
