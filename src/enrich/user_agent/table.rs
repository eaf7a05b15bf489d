//! All patterns of a `regexes.yaml` in one flat table: `build.rs` writes the built-in one, so that it costs nothing at
//! start; one for `USER_AGENT_REGEXES` is made when the file is read.

use super::source::{Source, SourcePattern};
use super::{PatternError, java, literals};
use regex_lite::RegexBuilder;
use std::borrow::Cow;

/// The patterns of the three lists, one list after the other, and which literals announce which pattern.
pub(super) struct Table {
    /// All text that the spans mean.
    pub(super) text: Cow<'static, str>,
    pub(super) patterns: Cow<'static, [Pattern]>,
    /// Where each of the three lists ends.
    pub(super) ends: [u32; 3],
    /// Sorted by their text.
    pub(super) literals: Cow<'static, [Literal]>,
    /// Patterns that no literal announces.
    pub(super) unannounced: Cow<'static, [u32]>,
}

/// A part of [`Table::text`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) start: u32,
    pub(super) end: u32,
}

/// One pattern and what it puts in the place of groups 1 to 5.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pattern {
    pub(super) regex: Span,
    pub(super) ignore_case: bool,
    pub(super) name: Option<Span>,
    pub(super) version: [Option<Span>; 4],
}

/// A text that matches `pattern` holds this literal or another one of the same pattern.
#[derive(Clone, Copy, Debug)]
pub(super) struct Literal {
    pub(super) text: Span,
    pub(super) pattern: u32,
}

impl Table {
    pub(super) fn new(source: &Source) -> Result<Self, PatternError> {
        let mut table = Builder::default();
        let mut ends = [0; 3];
        for ((list, patterns), end) in source.lists().into_iter().zip(&mut ends) {
            for (index, pattern) in patterns.iter().enumerate() {
                table
                    .add(pattern)
                    .map_err(|problem| PatternError::Pattern {
                        list,
                        number: index + 1,
                        problem,
                    })?;
            }
            *end = offset(table.patterns.len());
        }
        if table.patterns.is_empty() {
            return Err(PatternError::Empty);
        }
        Ok(table.finish(ends))
    }
}

#[derive(Default)]
struct Builder {
    text: String,
    patterns: Vec<Pattern>,
    literals: Vec<(String, u32)>,
    unannounced: Vec<u32>,
}

impl Builder {
    fn add(&mut self, source: &SourcePattern) -> Result<(), String> {
        let regex = java::translate(&source.regex)?;
        RegexBuilder::new(&regex)
            .build()
            .map_err(|error| error.to_string())?;
        let id = offset(self.patterns.len());
        let literals = literals::required(&source.regex, source.ignore_case);
        if literals.is_empty() {
            self.unannounced.push(id);
        }
        self.literals
            .extend(literals.into_iter().map(|literal| (literal, id)));
        let pattern = Pattern {
            regex: self.span(&regex),
            ignore_case: source.ignore_case,
            name: source.name.as_deref().map(|name| self.span(name)),
            version: source
                .version
                .each_ref()
                .map(|part| part.as_deref().map(|part| self.span(part))),
        };
        self.patterns.push(pattern);
        Ok(())
    }

    fn finish(mut self, ends: [u32; 3]) -> Table {
        let mut literals = std::mem::take(&mut self.literals);
        literals.sort();
        let literals: Vec<_> = literals
            .iter()
            .map(|(text, pattern)| Literal {
                text: self.span(text),
                pattern: *pattern,
            })
            .collect();
        Table {
            text: self.text.into(),
            patterns: self.patterns.into(),
            ends,
            literals: literals.into(),
            unannounced: self.unannounced.into(),
        }
    }

    fn span(&mut self, text: &str) -> Span {
        let start = offset(self.text.len());
        self.text.push_str(text);
        Span {
            start,
            end: offset(self.text.len()),
        }
    }
}

/// A `regexes.yaml` is far below 4 GiB: [`Source::read`] sees to it.
fn offset(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
