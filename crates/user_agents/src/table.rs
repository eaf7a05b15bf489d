//! All patterns of a `regexes.yaml` in one flat table. A build script can write the table as Rust,
//! so that it costs nothing at start. A file that is read at run time is turned into such a table,
//! too.

use std::borrow::Cow;

use regex_lite::RegexBuilder;

use crate::source::{Source, SourcePattern};
use crate::{PatternError, java, literals};

/// The patterns of the three lists, one list after the other, and the literals that point to
/// patterns.
#[derive(Debug)]
pub struct Table {
    /// The text that all spans refer to.
    pub text: Cow<'static, str>,
    /// The patterns, in their order.
    pub patterns: Cow<'static, [Pattern]>,
    /// The end of each of the three lists.
    pub ends: [u32; 3],
    /// The literals, sorted by their text.
    pub literals: Cow<'static, [Literal]>,
    /// Patterns without a literal.
    pub unannounced: Cow<'static, [u32]>,
}

/// A part of the text of a [`Table`].
#[derive(Clone, Copy, Debug)]
pub struct Span {
    /// The first byte.
    pub start: u32,
    /// The byte after the last one.
    pub end: u32,
}

/// A pattern, and the texts that replace groups 1 to 5.
#[derive(Clone, Copy, Debug)]
pub struct Pattern {
    /// The regular expression, in the syntax of `regex-lite`.
    pub regex: Span,
    /// True if the pattern ignores case.
    pub ignore_case: bool,
    /// The text in place of group 1.
    pub name: Option<Span>,
    /// The texts in place of groups 2 to 5.
    pub version: [Option<Span>; 4],
}

/// A literal of a pattern. Every text that matches the pattern holds one of its literals.
#[derive(Clone, Copy, Debug)]
pub struct Literal {
    /// The literal, in lower case.
    pub text: Span,
    /// The pattern's place in the table.
    pub pattern: u32,
}

impl Table {
    /// Reads a `regexes.yaml` and checks the whole file.
    ///
    /// # Errors
    /// [`PatternError`] if it is not YAML, not shaped like uap-core's file, or has a pattern that
    /// cannot be used.
    pub fn from_yaml(text: &str) -> Result<Self, PatternError> {
        Self::new(&Source::read(text)?)
    }

    /// Writes the table as a Rust constant with the given name. The text needs this module's types
    /// and `Cow` in scope.
    #[must_use]
    pub fn to_rust(&self, name: &str) -> String {
        let Self {
            text,
            patterns,
            ends,
            literals,
            unannounced,
        } = self;
        // The derived `Debug` of the table's parts is valid Rust.
        format!(
            "pub(super) const {name}: Table = Table {{
    text: Cow::Borrowed({text:?}),
    patterns: Cow::Borrowed(&{patterns:?}),
    ends: {ends:?},
    literals: Cow::Borrowed(&{literals:?}),
    unannounced: Cow::Borrowed(&{unannounced:?}),
}};
"
        )
    }

    fn new(source: &Source) -> Result<Self, PatternError> {
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
            *end = table.next_id();
        }
        if table.patterns.is_empty() {
            return Err(PatternError::Empty);
        }
        Ok(table.finish(ends))
    }

    pub(crate) fn text(&self, span: Span) -> &str {
        let (before_end, _) = self.text.split_at(span.end as usize);
        let (_, text) = before_end.split_at(span.start as usize);
        text
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
        // The literals together are no longer than the pattern multiplied out, so this leaves room
        // for everything that is made from it.
        const MOST_TEXT: usize = 1 << 30;
        if self.text.len() > MOST_TEXT || source.regex.len() > MOST_TEXT / 64 {
            return Err("there are more patterns than the table can hold".to_owned());
        }
        let regex = java::translate(&source.regex)?;
        RegexBuilder::new(&regex)
            .build()
            .map_err(|error| error.to_string())?;
        let id = self.next_id();
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

    fn next_id(&self) -> u32 {
        offset(self.patterns.len())
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

/// Returns a place in the table. [`Builder::add`] keeps the table far below 4 GiB.
#[expect(clippy::expect_used, reason = "a wrong place would be a wrong answer")]
fn offset(length: usize) -> u32 {
    u32::try_from(length).expect("the table is below 4 GiB")
}
