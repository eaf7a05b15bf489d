//! Lines of keys and values that are not JSON: `requestId: 6b1c2d3e, ip: 192.0.2.1, …`, the
//! Serverless Framework's default for REST APIs, or `requestId=6b1c2d3e ip=192.0.2.1 …`, also with
//! other separators; and lines that are only a request's id.

use bumpalo::Bump;

use crate::ecs::FlatValue;
use crate::normalizer::line::Stop;
use crate::normalizer::variables::access_log::AccessLog;
use crate::normalizer::variables::aliases::{Variable, starts_name};
use crate::normalizer::variables::evidence::is_access_log;
use crate::normalizer::variables::meaning::{Meaning, is_everybodys, meaning};
use crate::normalizer::variables::value::is_uuid;

/// Reads a line; `None` if it has another form.
pub(crate) fn read<'a>(arena: &'a Bump, line: &'a str) -> Option<AccessLog<'a>> {
    if is_request_id(line) {
        let mut log = AccessLog::new(arena, "request_id");
        log.push("requestId", FlatValue::Text(line));
        return Some(log);
    }
    let marks = Marks::of(line)?;
    let mut log = AccessLog::new(arena, "key_value");
    let mut rest = line;
    let mut count = 0;
    while let Some(length) = marks.key(rest) {
        let key = rest.get(..length)?.trim_end();
        let value = rest.get(length + 1..)?;
        let end = marks.end_of_value(key, value);
        let mut text = value.get(..end)?.trim();
        rest = value
            .get(end..)?
            .trim_start_matches(|c: char| c == ',' || c == marks.between || c.is_whitespace());
        if let Some(whole) = marks.whole_value(text).filter(|_| rest.is_empty()) {
            text = whole;
            log.stop = Some(Stop::Cut);
        }
        let start = line.len() - value.trim_start().len();
        log.place(key, start..start + text.len());
        log.push(key, FlatValue::Text(unquoted(text)));
        count += 1;
    }
    let is_id = |text: &str| !text.contains(char::is_whitespace);
    let is_known = log.knows_several()
        || (count == 1
            && is_access_log(&log)
            && log.raw_text(Variable::RequestId).is_some_and(is_id));
    (rest.is_empty() && is_known).then_some(log)
}

/// Returns whether a text is a UUID, or 15 characters of base64 and `=`: the ids of REST APIs, and
/// of HTTP and WebSocket APIs.
fn is_request_id(text: &str) -> bool {
    let is_base64 = || {
        let digits = text.strip_suffix('=').unwrap_or_default();
        digits.len() == 15
            && digits
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-_+/".contains(&b))
    };
    match text.len() {
        36 => is_uuid(text),
        16 => is_base64(),
        _ => false,
    }
}

/// The separators between keys and values, and between pairs.
struct Marks {
    /// `:` or `=`
    separator: char,
    /// Usually a comma; with `=`, also a blank
    between: char,
}

impl Marks {
    /// Returns the separators of a line. The first separator between two pairs holds for the whole
    /// line.
    fn of(line: &str) -> Option<Self> {
        let length = key(line)?;
        let separator = line.get(length..)?.chars().next()?;
        let value = line.get(length + 1..)?;
        let between = value.char_indices().find_map(|(index, between)| {
            let marks = Self { separator, between };
            let is_between = matches!(between, ',' | ';' | '|' | '\t' | ' ' | '/')
                && marks.starts_pair(value, index);
            // In a sentence, a word with a colon is not a key unless we know it.
            let is_sure = between != ' ' || separator == '=' || marks.starts_known(value, index);
            (is_between && is_sure).then_some(between)
        });
        Some(Self {
            separator,
            between: between.unwrap_or(','),
        })
    }

    /// Returns the length of the key that a text starts with, if there is one.
    fn key(&self, text: &str) -> Option<usize> {
        key(text).filter(|length| {
            text.get(*length..)
                .is_some_and(|after| after.starts_with(self.separator))
        })
    }

    /// Returns whether a pair starts after the character at an index.
    fn starts_pair(&self, text: &str, index: usize) -> bool {
        self.key(behind(text, index)).is_some()
    }

    /// Returns whether such a pair has a key of access logs.
    fn starts_known(&self, text: &str, index: usize) -> bool {
        let pair = behind(text, index);
        self.key(pair)
            .and_then(|length| pair.get(..length))
            .is_some_and(|key| is_known(key.trim_end()))
    }

    /// Returns where a value ends: before the next key. With `=`, pairs may be separated by commas
    /// or blanks. The value of a variable that is one word ends at the first blank before any pair.
    fn end_of_value(&self, key: &str, text: &str) -> usize {
        let is_word = is_one_word(key);
        let mut is_quoted = false;
        text.char_indices()
            .find(|&(index, c)| {
                is_quoted ^= c == '"' && self.separator == '=';
                let may_end = c == self.between
                    || (self.separator == '=' && matches!(c, ',' | ' '))
                    || (is_word && c == ' ');
                let is_sure =
                    c != ' ' || is_word || self.separator == '=' || self.starts_known(text, index);
                !is_quoted && may_end && is_sure && self.starts_pair(text, index)
            })
            .map_or(text.len(), |(index, _)| index)
    }

    /// Returns the last value of a line, if the start of a key follows it: the line was cut off
    /// there.
    fn whole_value<'a>(&self, text: &'a str) -> Option<&'a str> {
        let (value, word) = text
            .rsplit_once(self.between)
            .filter(|_| self.between != ' ')?;
        starts_name(word.trim()).then_some(value.trim())
    }
}

/// Returns the length of the key that a text starts with, if there is one, including the blanks
/// before its separator.
fn key(text: &str) -> Option<usize> {
    const LONGEST_KEY: usize = 64;
    if !text.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return None;
    }
    let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let length = text
        .bytes()
        .take(LONGEST_KEY + 1)
        .position(|byte| !is_word(byte.into()))?;
    let (key, after) = text.split_at_checked(length)?;
    // Blanks may stand before an equals sign, if blanks also stand after it.
    let trimmed = after.trim_start_matches(' ');
    let blanks = if trimmed.starts_with("= ") {
        after.len() - trimmed.len()
    } else {
        0
    };
    let after = if blanks > 0 { trimmed } else { after };
    let has_separator = match after.strip_prefix(':') {
        Some(value) => value.is_empty() || value.starts_with(' ') || is_known(key),
        // Base64 ends with equals signs.
        None => after.starts_with('=') && !after.starts_with("=="),
    };
    has_separator.then_some(length + blanks)
}

/// Returns whether a key is one of access logs, and not of every program's log.
fn is_known(key: &str) -> bool {
    matches!(meaning(key), Meaning::Variable(_)) && !is_everybodys(key)
}

/// Returns whether a key means a variable whose values have no blanks.
fn is_one_word(key: &str) -> bool {
    use Variable as V;
    matches!(
        meaning(key),
        Meaning::Variable(
            V::RequestId
                | V::ExtendedRequestId
                | V::IntegrationRequestId
                | V::ConnectionId
                | V::ApiId
                | V::SourceIp
                | V::Status
                | V::IntegrationStatus
                | V::IntegrationServiceStatus
                | V::ResponseLatency
                | V::IntegrationLatency
                | V::ResponseLength
                | V::HttpMethod
                | V::Protocol
        )
    )
}

/// Returns the text after the character at an index and the blanks after it. If there are several
/// blanks, the caller asks for each in turn.
fn behind(text: &str, index: usize) -> &str {
    let (mark, after) = text
        .get(index..)
        .and_then(|rest| rest.split_at_checked(1))
        .unwrap_or_default();
    if mark == " " {
        after
    } else {
        after.trim_start()
    }
}

fn unquoted(text: &str) -> &str {
    text.strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'))
        .unwrap_or(text)
}
