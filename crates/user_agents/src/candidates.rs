//! Selects the patterns that may match a text by the literals in it, before any of them is
//! compiled.
//!
//! At each position of the text it searches the sorted literals by bisection, so it needs no index.

use crate::table::Table;

impl Table {
    /// Returns the patterns that may match, in their order. No other pattern can match.
    pub(crate) fn candidates(&self, text: &str) -> Vec<u32> {
        let text = text.to_ascii_lowercase();
        let mut candidates = self.unannounced.to_vec();
        let mut rest = text.as_bytes();
        while let [_, next @ ..] = rest {
            self.announced_at_the_start_of(rest, &mut candidates);
            rest = next;
        }
        candidates.sort_unstable();
        candidates.dedup();
        candidates
    }

    fn announced_at_the_start_of(&self, text: &[u8], candidates: &mut Vec<u32>) {
        // A literal has two bytes or more, and literals with the same beginning stand next to each
        // other.
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
}
