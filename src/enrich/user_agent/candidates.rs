//! The patterns that may match a text, told by the literals in it, before any of them is compiled.
//!
//! A binary search in the sorted literals at each position of the text: nothing has to be built first.

use super::table::{Span, Table};

impl Table {
    /// The patterns, in their order, that may match; those left out cannot.
    pub(super) fn candidates(&self, text: &str) -> Vec<u32> {
        let text = text.to_ascii_lowercase();
        let mut candidates = self.unannounced.to_vec();
        for start in 0..text.len() {
            let rest = text.as_bytes().get(start..).unwrap_or_default();
            self.announced_at_the_start_of(rest, &mut candidates);
        }
        candidates.sort_unstable();
        candidates.dedup();
        candidates
    }

    fn announced_at_the_start_of(&self, text: &[u8], candidates: &mut Vec<u32>) {
        // A literal has two bytes or more, and those that begin alike stand together.
        let Some(beginning) = text.get(..2) else {
            return;
        };
        let first = self
            .literals
            .partition_point(|literal| self.text(literal.text).as_bytes() < beginning);
        for literal in self.literals.iter().skip(first) {
            let known = self.text(literal.text).as_bytes();
            if text.starts_with(known) {
                candidates.push(literal.pattern);
            } else if !known.starts_with(beginning) {
                return;
            }
        }
    }

    pub(super) fn text(&self, span: Span) -> &str {
        self.text
            .get(span.start as usize..span.end as usize)
            .unwrap_or_default()
    }
}
