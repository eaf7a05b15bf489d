//! Lines of a known format: a template from a stage's settings, with its `$context` variables.
//!
//! A line is read by the text between the variables, so keys, language and form do not matter: JSON
//! of any nesting, XML, CSV, plain lists. A value ends where the next text of the template begins.
//! If that text may also stand in a value (a comma in a user agent), the forms of the values
//! decide.

use std::cell::Cell;
use std::fmt;
use std::ops::Range;
use std::sync::LazyLock;

use bumpalo::Bump;
use bumpalo::collections::Vec as ArenaVec;
use memchr::memmem;

use super::broken_json::Object;
use super::{key_value, xml};
use crate::ecs::FlatValue;
use crate::json::{Escapes, JsonText};
use crate::normalizer::convert::timestamp;
use crate::normalizer::mask::{is_code, is_harmless, is_nothing, is_secret, mask};
use crate::normalizer::variables::access_log::AccessLog;
use crate::normalizer::variables::aliases::Variable;
use crate::normalizer::variables::form;
use crate::normalizer::variables::meaning::{Meaning, meaning};
use crate::parts::Parts;

/// The beginning of a variable.
const CONTEXT: &str = "$context.";

/// Upper bound on the places that are tried as the end of a line's values.
const MOST_STEPS: usize = 4_000;

/// The mark that stands for a variable when a template is read as JSON.
const MARK: &str = "\u{1}";

/// The mark inside a JSON string.
const ESCAPED_MARK: &str = "\\u0001";

/// A compiled template.
#[derive(Debug, Clone)]
pub struct Format {
    parts: Vec<TemplatePart>,
    /// The parts as they stand in a JSON string whose quotes are escaped.
    escaped: Vec<TemplatePart>,
    /// The owner's own keys and values.
    constants: Vec<(String, String)>,
    name: &'static str,
    /// True if the template has two messages of errors with nothing but a blank between them.
    has_adjacent_messages: bool,
}

/// A part of a template.
#[derive(Debug, Clone)]
enum TemplatePart {
    /// A text that every line has.
    Text(Box<memmem::Finder<'static>>),
    /// A variable.
    Variable(Placeholder),
}

#[derive(Debug, Clone)]
struct Placeholder {
    /// The name without `$context.`
    name: String,
    meaning: Meaning,
    /// True if it stands in a JSON string, which an unescaped quote would end.
    is_in_string: bool,
    hiding: Hiding,
}

/// The values of a variable that are credentials. In `"pin":"$context.authorizer.x"`, the key tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hiding {
    Nothing,
    /// Values that look like an authorization code
    Codes,
    /// All values except flags and small numbers
    Words,
    Everything,
}

impl Hiding {
    fn hides(self, value: &str) -> bool {
        let hides = match self {
            Self::Nothing => false,
            Self::Codes => is_code(value),
            Self::Words => !is_harmless(value),
            Self::Everything => true,
        };
        hides && !is_nothing(value)
    }
}

/// The reason why a template cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FormatError {
    /// It has no variable.
    NoVariable,
    /// Two variables follow each other.
    Adjacent,
    /// It is longer than API Gateway allows.
    TooLong,
}

impl fmt::Display for FormatError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::NoVariable => "it has no $context variable",
            Self::Adjacent => "two $context variables follow each other without text between them",
            Self::TooLong => "it is longer than 3 KB, the most that API Gateway allows",
        })
    }
}

impl Format {
    /// Compiles a template.
    ///
    /// # Errors
    /// The reason why it cannot be used.
    pub fn compile(template: &str) -> Result<Self, FormatError> {
        const LONGEST: usize = 3_072;
        let template = template.trim();
        if template.len() > LONGEST {
            return Err(FormatError::TooLong);
        }
        let is_json = template.starts_with('{');
        let mut parts = Vec::new();
        let mut marked = String::new();
        let mut rest = template;
        while let Some((text, after)) = rest.split_once(CONTEXT) {
            let (name, others) = after.split_at(length_of_name(after));
            if !text.is_empty() {
                parts.push(TemplatePart::text(text));
            }
            marked.push_str(text);
            marked.push_str(MARK);
            parts.push(TemplatePart::Variable(Placeholder {
                name: name.to_owned(),
                meaning: meaning_of(name),
                is_in_string: is_json && is_in_string(&marked),
                hiding: Hiding::Nothing,
            }));
            rest = others;
        }
        if parts.is_empty() {
            return Err(FormatError::NoVariable);
        }
        if !rest.is_empty() {
            parts.push(TemplatePart::text(rest));
            marked.push_str(rest);
        }
        let is_variable = |part: &TemplatePart| matches!(part, TemplatePart::Variable(_));
        let are_adjacent = |pair: &[TemplatePart]| pair.iter().all(is_variable) && !splits(pair);
        if parts.windows(2).any(are_adjacent) {
            return Err(FormatError::Adjacent);
        }
        for (index, hiding) in hidings(&parts, is_json) {
            if let Some(TemplatePart::Variable(placeholder)) = parts.get_mut(index) {
                placeholder.hiding = hiding;
            }
        }
        Ok(Self {
            escaped: parts.iter().map(TemplatePart::escaped).collect(),
            constants: if is_json {
                constants(&marked)
            } else {
                Vec::new()
            },
            name: form_name(template),
            has_adjacent_messages: parts.windows(3).any(are_messages),
            parts,
        })
    }

    /// Returns whether the text between the values is enough to tell which value is which.
    fn has_names(&self) -> bool {
        matches!(self.name, "json" | "xml" | "key_value")
    }

    fn text_length(&self) -> usize {
        let length = |part: &TemplatePart| match part {
            TemplatePart::Text(finder) => finder.needle().len(),
            TemplatePart::Variable(_) => 0,
        };
        self.parts.iter().map(length).sum()
    }

    /// Reads a line; `None` if it has another format.
    fn read_with<'a>(
        &'a self,
        arena: &'a Bump,
        line: JsonText<'a>,
        check: FormCheck,
    ) -> Option<AccessLog<'a>> {
        let parts = match line.escapes {
            Escapes::None => &self.parts,
            Escapes::Quotes => &self.escaped,
            Escapes::Any => return None,
        };
        let mut values = ArenaVec::with_capacity_in(parts.len(), arena);
        let mut matcher = Matcher {
            values: &mut values,
            steps: 0,
            check,
        };
        if !matcher.fits(parts, line.raw) {
            return None;
        }
        let mut log = AccessLog::new(arena, self.name);
        log.is_certain = true;
        for (placeholder, value) in values {
            if placeholder.hiding.hides(value) {
                log.hide(place_of(value, line));
                continue;
            }
            let value = match placeholder.is_in_string {
                true if value.contains('\\') => JsonText::escaped(value).text(arena),
                _ => value,
            };
            log.push_meant(
                placeholder.meaning,
                &placeholder.name,
                FlatValue::Text(value),
            );
        }
        for (key, value) in &self.constants {
            log.push_meant(Meaning::Unknown, key, FlatValue::Text(value));
        }
        Some(log)
    }

    /// Returns the names of the variables, without `$context.`.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            TemplatePart::Variable(placeholder) => Some(&*placeholder.name),
            TemplatePart::Text(_) => None,
        })
    }
}

impl TemplatePart {
    fn text(text: &str) -> Self {
        Self::Text(Box::new(memmem::Finder::new(text).into_owned()))
    }

    /// Returns the part with a value in place of the variable.
    fn filled(&self, value: impl FnOnce() -> String, is_json: bool) -> String {
        match self {
            Self::Text(finder) => String::from_utf8_lossy(finder.needle()).into_owned(),
            Self::Variable(placeholder) if is_json && !placeholder.is_in_string => {
                format!("\"{}\"", value())
            }
            Self::Variable(_) => value(),
        }
    }

    /// Returns the part as it stands in a JSON string whose quotes are escaped.
    fn escaped(&self) -> Self {
        match self {
            Self::Text(finder) => {
                let text = String::from_utf8_lossy(finder.needle()).replace('"', "\\\"");
                Self::text(&text)
            }
            Self::Variable(placeholder) => Self::Variable(placeholder.clone()),
        }
    }
}

/// Decides which values of each variable are credentials, if any are: those that the mask would
/// hide in a line of the template. The variables are called by their places among the parts.
fn hidings(parts: &[TemplatePart], is_json: bool) -> Vec<(usize, Hiding)> {
    // A word is the same for no two variables, and no part of another.
    let word = |index: usize| format!("zqv{}vqz", "k".repeat(index + 1));
    let code = |index: usize| format!("z7v{}v7z", "k".repeat(index + 1));
    let masked = |value: &dyn Fn(usize) -> String| {
        let line: String = parts
            .iter()
            .enumerate()
            .map(|(index, part)| part.filled(|| value(index), is_json))
            .collect();
        mask(&line, &Bump::new()).to_owned()
    };
    let (words, codes) = (masked(&word), masked(&code));
    let hiding = |(index, part): (usize, &TemplatePart)| {
        let TemplatePart::Variable(placeholder) = part else {
            return None;
        };
        if is_secret(&placeholder.name) {
            return Some((index, Hiding::Everything));
        }
        if !words.contains(&word(index)) {
            // A flag in the place of this variable.
            let flag = |at| {
                if at == index {
                    "true".to_owned()
                } else {
                    word(at)
                }
            };
            let is_flag_kept =
                masked(&flag).matches("true").count() > words.matches("true").count();
            let hiding = if is_flag_kept {
                Hiding::Words
            } else {
                Hiding::Everything
            };
            return Some((index, hiding));
        }
        (!codes.contains(&code(index))).then_some((index, Hiding::Codes))
    };
    parts.iter().enumerate().filter_map(hiding).collect()
}

/// Returns the place of a value in the text of its line.
fn place_of(value: &str, line: JsonText<'_>) -> Range<usize> {
    let arena = Bump::new();
    let length = |raw| {
        let text = JsonText { raw, ..line };
        text.text(&arena).len()
    };
    let start = value.as_ptr().addr() - line.raw.as_ptr().addr();
    let start = length(line.raw.part(..start));
    start..start + length(value)
}

/// Returns the length of the name that a text begins with.
fn length_of_name(text: &str) -> usize {
    let is_property = text.starts_with("authorizer.");
    let is_name = |c: char| {
        c.is_ascii_alphanumeric()
            || matches!(c, '_' | '.')
            || (is_property && matches!(c, ':' | '-'))
    };
    let name = text.split(|c| !is_name(c)).next().unwrap_or_default();
    name.trim_end_matches(['.', '-', ':']).len()
}

fn meaning_of(name: &str) -> Meaning {
    // In AWS's lists, this is the status of the service and not of the function.
    if name == "integrationStatus" {
        return Meaning::Variable(Variable::IntegrationServiceStatus);
    }
    match meaning(name) {
        Meaning::Likely(variable) => Meaning::Variable(variable),
        other => other,
    }
}

/// Returns whether a position in a JSON text is inside a string.
fn is_in_string(before: &str) -> bool {
    let mut is_inside = false;
    let mut is_escaped = false;
    for byte in before.bytes() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => is_inside = !is_inside,
            _ => {}
        }
    }
    is_inside
}

/// Returns whether the second of two adjacent variables shows where it begins, such as a path after
/// a domain.
fn splits(pair: &[TemplatePart]) -> bool {
    let is = |part: Option<&TemplatePart>, variable| matches!(part, Some(TemplatePart::Variable(placeholder)) if placeholder.meaning == Meaning::Variable(variable));
    is(pair.first(), Variable::DomainName)
        && (is(pair.last(), Variable::Path) || is(pair.last(), Variable::ResourcePath))
}

/// Returns whether parts are two messages of errors with nothing but a blank between them.
fn are_messages(parts: &[TemplatePart]) -> bool {
    let is_message = |part: &TemplatePart| {
        let messages = [Variable::ErrorMessage, Variable::IntegrationError];
        matches!(part, TemplatePart::Variable(Placeholder { meaning: Meaning::Variable(variable), is_in_string: false, .. }) if messages.contains(variable))
    };
    match parts {
        [first, TemplatePart::Text(finder), last] => {
            is_message(first) && finder.needle() == b" " && is_message(last)
        }
        _ => false,
    }
}

/// Returns the keys and values of a JSON template that hold no variable.
fn constants(marked: &str) -> Vec<(String, String)> {
    let arena = Bump::new();
    let text = arena.alloc_str(&marked.replace(MARK, ESCAPED_MARK));
    let object = Object::first(&arena, text);
    let is_own = |(_, value): &(&str, &str)| !value.contains(MARK) && !value.contains(ESCAPED_MARK);
    object
        .log
        .all_texts()
        .filter(is_own)
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

/// Returns a line of a template, with a value for each variable.
pub fn fill_format(template: &str, mut value: impl FnMut(&str) -> String) -> String {
    let mut line = String::new();
    let mut rest = template;
    while let Some((text, after)) = rest.split_once(CONTEXT) {
        let (name, others) = after.split_at(length_of_name(after));
        line.push_str(text);
        line.push_str(&value(name));
        rest = others;
    }
    line + rest
}

/// Returns the variables of a JSON template that are in no string: a value that is not a number
/// breaks the line.
pub fn unquoted_variables(template: &str) -> Vec<&str> {
    let mut unquoted = Vec::new();
    let mut before = String::new();
    let mut rest = template;
    while let Some((text, after)) = rest.split_once(CONTEXT) {
        before.push_str(text);
        let (name, others) = after.split_at(length_of_name(after));
        if !is_in_string(&before) {
            unquoted.push(name);
        }
        rest = others;
    }
    unquoted
}

/// Returns the variables of a template, each with its key; the key is empty in a list without
/// names.
pub fn format_keys(template: &str) -> Vec<(String, String)> {
    let arena = Bump::new();
    let is_json = template.starts_with('{');
    let mark = if is_json { ESCAPED_MARK } else { MARK };
    let mut before = String::new();
    let mut names = Vec::new();
    let mut marked = String::new();
    let mut rest = template;
    while let Some((text, after)) = rest.split_once(CONTEXT) {
        let (name, others) = after.split_at(length_of_name(after));
        before.push_str(text);
        let quote = if is_json && !is_in_string(&before) {
            "\""
        } else {
            ""
        };
        marked.push_str(&[text, quote, mark, name, mark, quote].concat());
        names.push(name.to_owned());
        rest = others;
    }
    marked.push_str(rest);
    let text = arena.alloc_str(&marked);
    let log = if is_json {
        Some(Object::first(&arena, text).log)
    } else {
        xml::read(&arena, text).or_else(|| key_value::read(&arena, text))
    };
    let texts: Vec<_> = log.iter().flat_map(AccessLog::all_texts).collect();
    let key_of = |name: &str| {
        let is_it = |(_, value): &&(&str, &str)| {
            value
                .split(MARK)
                .skip(1)
                .step_by(2)
                .any(|other| other == name)
        };
        texts
            .iter()
            .find(is_it)
            .map_or("", |(key, _)| *key)
            .to_owned()
    };
    let mut keys = Vec::new();
    for name in names {
        let pair = (key_of(&name), name);
        if !keys.contains(&pair) {
            keys.push(pair);
        }
    }
    keys
}

/// Returns the value of `aws.api_gateway.log_format` for the lines of a template.
fn form_name(template: &str) -> &'static str {
    let is_clf = template.contains("[$context.requestTime]");
    match template.chars().next() {
        Some('{') => "json",
        Some('<') => "xml",
        _ if is_clf => "clf",
        _ if template.contains(",$context.") => "csv",
        _ if template.contains("=$context.") || template.contains(": $context.") => "key_value",
        _ => "list",
    }
}

/// Finds the values of a line.
struct Matcher<'v, 'a> {
    values: &'v mut ArenaVec<'a, (&'a Placeholder, &'a str)>,
    steps: usize,
    check: FormCheck,
}

/// The values that a placeholder accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FormCheck {
    /// Values in the form of the variable. Between two messages there may be nothing but a blank,
    /// so an error's message is one that API Gateway is known to write.
    KnownMessages,
    /// Values in the form of the variable.
    Forms,
    /// All values.
    Nothing,
}

impl<'a> Matcher<'_, 'a> {
    /// Returns whether a text has these parts, and notes the values.
    fn fits(&mut self, parts: &'a [TemplatePart], text: &'a str) -> bool {
        let mut parts = parts;
        let mut text = text;
        loop {
            match parts {
                [] => return text.is_empty(),
                [TemplatePart::Text(finder), others @ ..] => {
                    let Some((start, rest)) = text.split_at_checked(finder.needle().len()) else {
                        return false;
                    };
                    if start.as_bytes() != finder.needle() {
                        return false;
                    }
                    (parts, text) = (others, rest);
                }
                [TemplatePart::Variable(placeholder), others @ ..] => {
                    return self.fits_from(placeholder, others, text);
                }
            }
        }
    }

    /// Tries the possible ends of the value at the start of a text.
    fn fits_from(
        &mut self,
        placeholder: &'a Placeholder,
        parts: &'a [TemplatePart],
        text: &'a str,
    ) -> bool {
        let noted = self.values.len();
        let mut from = 0;
        while let Some(end) = end_of_value(parts, text, from) {
            self.steps += 1;
            if self.steps > MOST_STEPS {
                return false;
            }
            let Some((value, rest)) = text.split_at_checked(end) else {
                return false;
            };
            let is_strict = self.check != FormCheck::Nothing;
            if is_strict && placeholder.is_escaped() && ends_string(value) {
                return false;
            }
            if !is_strict || placeholder.accepts(value, self.check) {
                self.values.truncate(noted);
                self.values.push((placeholder, value));
                if self.fits(parts, rest) {
                    return true;
                }
            }
            from = end + 1;
        }
        false
    }
}

/// Returns where the value at the start of a text may end, from an index on.
fn end_of_value(parts: &[TemplatePart], text: &str, from: usize) -> Option<usize> {
    match parts.first() {
        None => (from <= text.len()).then_some(text.len()),
        Some(TemplatePart::Text(finder)) => Some(from + finder.find(text.as_bytes().get(from..)?)?),
        // Only a path follows another variable directly. It begins with a slash, or is missing.
        Some(TemplatePart::Variable(_)) => {
            let rest = text.get(from..)?;
            Some(from + rest.find(['/', '-'])?)
        }
    }
}

/// Returns whether a text has a quote that ends a JSON string.
fn ends_string(text: &str) -> bool {
    let mut is_escaped = false;
    text.bytes().any(|byte| {
        let ends = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        ends
    })
}

/// Returns whether a word can be a request's id.
fn is_id(text: &str) -> bool {
    const SHORTEST: usize = 8;
    let is_id_byte = |b: u8| b.is_ascii_alphanumeric() || b"-_+/=".contains(&b);
    text.len() >= SHORTEST && text.bytes().all(is_id_byte)
}

impl Placeholder {
    /// Returns whether a quote in the value has a backslash before it. A message with extra quotes
    /// has none.
    fn is_escaped(&self) -> bool {
        self.is_in_string && self.meaning != Meaning::Variable(Variable::ErrorMessageString)
    }

    /// Returns whether a value has the form of the variable.
    fn accepts(&self, text: &str, check: FormCheck) -> bool {
        use Variable as V;
        let Meaning::Variable(variable) = self.meaning else {
            return true;
        };
        if matches!(text, "-" | "") {
            return true;
        }
        let is_word = !text.contains([' ', ',', '"', '<']);
        match variable {
            V::SourceIp => form::is_ip(text),
            V::Status | V::IntegrationStatus | V::IntegrationServiceStatus => form::is_number(text),
            V::ResponseLatency | V::IntegrationLatency | V::ResponseLength => form::is_number(text),
            V::RequestTime => timestamp::clf(text).is_some(),
            V::RequestTimeEpoch | V::ConnectedAt => form::is_number(text),
            V::Protocol => text.starts_with("HTTP/"),
            V::HttpMethod => text.bytes().all(|byte| byte.is_ascii_alphabetic()),
            V::RouteKey => !text.starts_with('/'),
            V::Path | V::ResourcePath => text.starts_with('/'),
            V::ErrorMessage if !self.is_in_string && check == FormCheck::KnownMessages => {
                form::is_gateway_message(text)
            }
            V::ErrorResponseType => is_word,
            V::RequestId if !self.is_in_string => is_id(text),
            V::ErrorMessageString if !self.is_in_string => {
                text.starts_with('"') && text.ends_with('"')
            }
            V::RequestId
            | V::ExtendedRequestId
            | V::ConnectionId
            | V::ApiId
            | V::ApiKeyId
            | V::Stage
            | V::DomainName
            | V::AccountId
            | V::Caller
            | V::User => is_word,
            _ => true,
        }
    }
}

/// The formats from the settings, in their order.
#[derive(Debug, Clone, Default)]
pub struct Formats {
    configured: Vec<Configured>,
    /// The number of lines so far that fit none of the formats for their log group.
    misfits: Cell<u64>,
}

#[derive(Debug, Clone)]
struct Configured {
    /// The log groups whose lines have the format, with `*` for any text; `None` for all.
    log_groups: Option<String>,
    format: Format,
}

impl Formats {
    /// Parses formats, one on each line. A pattern of log groups and a tab may come before a
    /// format. Empty lines and lines that begin with `#` are ignored.
    ///
    /// # Errors
    /// The number of the line, and the problem with it.
    pub fn parse(text: &str) -> Result<Self, (usize, FormatError)> {
        let mut formats = Vec::new();
        for (index, line) in text.lines().enumerate() {
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            let (log_groups, template) = match line.split_once('\t') {
                Some((pattern, template)) if !pattern.contains(CONTEXT) => {
                    (Some(pattern.trim().to_owned()), template)
                }
                _ => (None, line),
            };
            let format = Format::compile(template).map_err(|error| (index + 1, error))?;
            formats.push(Configured { log_groups, format });
        }
        Ok(Self {
            configured: sorted(formats),
            misfits: Cell::default(),
        })
    }

    /// Adds other formats after these.
    #[must_use]
    pub fn and(mut self, others: Self) -> Self {
        self.configured.extend(others.configured);
        self.configured = sorted(self.configured);
        self
    }

    /// Notes a line that fits none of the formats, if there are any for its log group.
    pub(crate) fn note_misfit(&self, log_group: &str) {
        let has_formats = self
            .configured
            .iter()
            .any(|format| format.is_for(log_group));
        self.misfits
            .set(self.misfits.get() + u64::from(has_formats));
    }

    /// Returns the number of lines so far that fit none of the formats for their log group.
    pub(crate) fn misfits(&self) -> u64 {
        self.misfits.get()
    }

    /// Reads a line with the first format that it fits.
    pub(crate) fn read<'a>(
        &'a self,
        arena: &'a Bump,
        log_group: &str,
        line: JsonText<'a>,
    ) -> Option<AccessLog<'a>> {
        let formats = || {
            let configured = self.configured.iter();
            configured.filter(|configured| configured.is_for(log_group))
        };
        let adjacent = self.configured.iter().filter(|configured| {
            configured.format.has_adjacent_messages && configured.is_for(log_group)
        });
        let named = formats().filter(|configured| configured.format.has_names());
        let read =
            |configured: &'a Configured, check| configured.format.read_with(arena, line, check);
        adjacent
            .into_iter()
            .find_map(|configured| read(configured, FormCheck::KnownMessages))
            .or_else(|| formats().find_map(|configured| read(configured, FormCheck::Forms)))
            .or_else(|| {
                named
                    .into_iter()
                    .find_map(|configured| read(configured, FormCheck::Nothing))
            })
    }
}

/// Sorts the formats with the longest texts first, because these reveal most about a line.
fn sorted(mut formats: Vec<Configured>) -> Vec<Configured> {
    formats.sort_by_key(|configured| std::cmp::Reverse(configured.format.text_length()));
    formats
}

impl Configured {
    fn is_for(&self, log_group: &str) -> bool {
        let pattern = self.log_groups.as_deref();
        pattern.is_none_or(|pattern| matches_pattern(pattern, log_group))
    }
}

/// Returns whether a text fits a pattern, in which `*` stands for any text.
fn matches_pattern(pattern: &str, text: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(mut text) = text.strip_prefix(start) else {
        return false;
    };
    let mut parts = rest.split('*').peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return text.ends_with(part);
        }
        let Some((_, after)) = text.split_once(part) else {
            return false;
        };
        text = after;
    }
    true
}

/// The formats that consoles and frameworks offer, with their names.
pub(crate) static KNOWN: LazyLock<Vec<(&str, Format)>> = LazyLock::new(|| {
    known_templates()
        .filter_map(|(name, template)| Some((name, Format::compile(template).ok()?)))
        .collect()
});

/// Returns the templates of the formats that consoles and frameworks offer, with their names.
pub(crate) fn known_templates() -> impl Iterator<Item = (&'static str, &'static str)> {
    const FILE: &str = include_str!("../../../data/access-log-formats.txt");
    let lines = FILE.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.split_once('\t'))
}

/// Reads a line of a list without names that consoles or frameworks offer.
pub(crate) fn read_known<'a>(arena: &'a Bump, line: &'a str) -> Option<AccessLog<'a>> {
    let lists = KNOWN.iter().filter(|(_, format)| format.name == "csv");
    lists
        .filter(|(_, format)| format.variables().count() == line.split(',').count())
        .find_map(|(_, format)| format.read_with(arena, JsonText::plain(line), FormCheck::Forms))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns a value as API Gateway writes it for a variable.
    fn sample(name: &str) -> &'static str {
        match name {
            "requestTime" => "01/Mar/2026:08:30:00 +0000",
            "identity.sourceIp" => "198.51.100.23",
            "status" | "integration.status" | "integrationStatus" => "200",
            "responseLength" | "responseLatency" | "integration.latency" => "36",
            "integration.integrationStatus" => "202",
            "protocol" => "HTTP/1.1",
            "httpMethod" => "GET",
            "path" => "/prod/pets",
            "resourcePath" => "/pets/{id}",
            "routeKey" => "GET /pets/{id}",
            "eventType" => "CONNECT",
            "extendedRequestId" => "JKJ0iH0IDoEF1Yw=",
            "requestId" => "6b1c2d3e-0000-4000-8000-00000000abcd",
            "connectionId" => "Iq8gj1UmIAMCKpA=",
            "connectedAt" => "1772353740000",
            "domainName" => "api.example.com",
            _ => "x1",
        }
    }

    fn instance(template: &str) -> String {
        fill_format(template, |name| sample(name).to_owned())
    }

    fn texts<'a>(format: &'a Format, arena: &'a Bump, line: &'a str) -> Option<Vec<String>> {
        let log = format.read_with(arena, JsonText::plain(line), FormCheck::Forms)?;
        Some(
            log.all_texts()
                .map(|(key, value)| format!("{key}={value}"))
                .collect(),
        )
    }

    #[test]
    fn every_known_format_reads_its_lines() {
        assert!(KNOWN.len() > 20, "these are all");
        for (name, template) in known_templates() {
            let arena = Bump::new();
            let format = Format::compile(template).unwrap();
            let line = instance(template);
            let texts = texts(&format, &arena, &line).unwrap_or_else(|| panic!("{name}: {line}"));
            for variable in format.variables() {
                // Two variables may mean the same.
                let is_it = |text: &String| {
                    text.split_once('=').is_some_and(|(key, value)| {
                        meaning_of(key) == meaning_of(variable) && value == sample(variable)
                    })
                };
                assert!(
                    texts.iter().any(is_it),
                    "{name}: no {variable} in {texts:?}"
                );
            }
        }
    }

    #[test]
    fn a_line_is_read_by_its_format() {
        let cases = [
            (
                r#"{"a":"$context.httpMethod $context.path","b":{"c":$context.status},"team":"blue"}"#,
                r#"{"a":"GET /x \" y","b":{"c":200},"team":"blue"}"#,
                Some(r#"httpMethod=GET path=/x " y status=200 team=blue"#),
            ),
            (
                "$context.identity.sourceIp,$context.identity.userAgent,$context.status",
                "198.51.100.23,Mozilla/5.0 (KHTML, like Gecko),200",
                Some(
                    "identity.sourceIp=198.51.100.23 identity.userAgent=Mozilla/5.0 (KHTML, like Gecko) status=200",
                ),
            ),
            (
                "https://$context.domainName$context.path|$context.authorizer.claims.cognito:groups",
                "https://api.example.com/a/b|admins",
                Some("domainName=api.example.com path=/a/b cognito:groups=admins"),
            ),
            (
                "$context.status $context.error.message $context.error.responseType",
                "502 Internal server error API_CONFIGURATION_ERROR",
                Some(
                    "status=502 error.message=Internal server error error.responseType=API_CONFIGURATION_ERROR",
                ),
            ),
            (
                "$context.requestId $context.status",
                "6b1c2d3e4f 200 x",
                None,
            ),
            (
                "$context.requestId $context.status",
                "{\"requestId\":\"a\"} 200",
                None,
            ),
        ];
        for (template, line, expected) in cases {
            let arena = Bump::new();
            let format = Format::compile(template).unwrap();
            let found = texts(&format, &arena, line).map(|texts| texts.join(" "));
            assert_eq!(found.as_deref(), expected, "{template}");
        }
    }

    #[test]
    fn a_bad_format_says_where() {
        let text = "# mine\n\n$context.requestId\nno variable\n";
        assert_eq!(
            Formats::parse(text).unwrap_err(),
            (4, FormatError::NoVariable)
        );
        let adjacent = "$context.status$context.requestId";
        assert_eq!(
            Formats::parse(adjacent).unwrap_err(),
            (1, FormatError::Adjacent)
        );
        let long = format!("$context.status{}", "x".repeat(4_000));
        assert_eq!(
            Formats::parse(&long).unwrap_err(),
            (1, FormatError::TooLong)
        );
    }

    #[test]
    fn a_format_holds_for_its_log_groups() {
        let arena = Bump::new();
        let formats = Formats::parse("/shop/*/prod\t$context.requestId $context.status").unwrap();
        let line = JsonText::plain("6b1c2d3e4f 200");
        assert!(formats.read(&arena, "/shop/a/prod", line).is_some());
        assert!(formats.read(&arena, "/shop/a/test", line).is_none());
        for (pattern, text, expected) in [
            ("*", "", true),
            ("a*b*c", "a1b2c", true),
            ("a*b*c", "a1b2", false),
            ("abc", "abc", true),
            ("a*a", "a", false),
        ] {
            assert_eq!(matches_pattern(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn a_line_that_fits_nowhere_costs_no_more_than_so_many_steps() {
        let arena = Bump::new();
        let template = (0..40)
            .map(|_| "$context.error.message")
            .collect::<Vec<_>>()
            .join(" ");
        let format = Format::compile(&template).unwrap();
        let line = "a ".repeat(5_000) + "]";
        let found = format.read_with(&arena, JsonText::plain(&line), FormCheck::Forms);
        assert!(found.is_some(), "the last value may be anything");
        let template = template + " $context.status";
        let format = Format::compile(&template).unwrap();
        assert!(
            format
                .read_with(&arena, JsonText::plain(&line), FormCheck::Forms)
                .is_none()
        );
    }
}
