//! Finds where values end. Each kind of container has its own end, and escaped characters never end
//! a value.

use std::cell::Cell;

use super::view::View;
use crate::parts::Parts;

/// Names of headers that carry no credentials. In a list of headers, a credential ends before one
/// of these.
const HEADERS: &[&str] = &[
    "accept",
    "accept-charset",
    "accept-encoding",
    "accept-language",
    "accept-ranges",
    "access-control-allow-credentials",
    "access-control-allow-headers",
    "access-control-allow-methods",
    "access-control-allow-origin",
    "access-control-request-headers",
    "access-control-request-method",
    "age",
    "cache-control",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "date",
    "dnt",
    "etag",
    "forwarded",
    "host",
    "if-modified-since",
    "if-none-match",
    "origin",
    "pragma",
    "priority",
    "referer",
    "server",
    "te",
    "transfer-encoding",
    "upgrade",
    "upgrade-insecure-requests",
    "user-agent",
    "vary",
    "via",
    // Names whose values are masked as well.
    "authorization",
    "cookie",
    "proxy-authorization",
    "set-cookie",
    "x-amz-security-token",
    "x-api-key",
    "x-auth-token",
    "x-real-ip",
    "x-request-id",
    "x-requested-with",
    "postman-token-id",
];

/// The beginnings of such names.
const HEADER_STARTS: &[&str] = &[
    "cloudfront-",
    "sec-ch-",
    "sec-fetch-",
    "x-amz-cf-",
    "x-amz-date",
    "x-amz-request",
    "x-amzn-",
    "x-forwarded-",
];

/// Names that follow a credential in logs of keys and values.
const FIELDS: &[&str] = &[
    "accountid",
    "apiid",
    "apikeyid",
    "cognitoidentityid",
    "connectionid",
    "eventtype",
    "identitysourceip",
    "principalid",
    "requesttimeepoch",
    "resourceid",
    "userarn",
    "xraytraceid",
    "apistage",
    "caller",
    "domainname",
    "duration",
    "error",
    "errormessage",
    "extendedrequestid",
    "httpmethod",
    "integrationlatency",
    "integrationstatus",
    "ip",
    "latency",
    "level",
    "message",
    "method",
    "msg",
    "path",
    "protocol",
    "requestid",
    "requesttime",
    "resourcepath",
    "responselatency",
    "responselength",
    "routekey",
    "sourceip",
    "stage",
    "status",
    "statuscode",
    "time",
    "timestamp",
    "user",
    "useragent",
];

/// The text that API Gateway writes after a key.
const PHRASES: &[&str] = &[" API Stage", " and API Stage", " authorized because"];

/// The fields among them whose values may be several words.
const FIELDS_OF_WORDS: &[&str] = &[
    "error",
    "errormessage",
    "message",
    "msg",
    "requesttime",
    "time",
    "timestamp",
    "useragent",
];

const LONGEST_NAME: usize = 40;

/// The kind of list around a credential, which decides what ends the credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ListKind {
    /// Headers: commas, semicolons and quotes belong to the value.
    Headers,
    /// Keys and values.
    Fields,
    /// Keys and values of the form `key: value, key: value`, in which any key ends the value before
    /// it.
    Pairs,
}

/// A view, with questions about its values.
pub(super) struct Ends<'v> {
    view: &'v View<'v>,
    pub(super) text: &'v str,
    bytes: &'v [u8],
    starts_with_url: bool,
    /// The last part of a line that was looked through for its end, and that end.
    ///
    /// Perf: many values in one line would otherwise cost the square of its length. A line of
    /// 300 kB took 196 seconds and takes 0.05.
    seen_line: Cell<Option<SeenLine>>,
}

/// A part of a text, in which no position before the last one ends a line of this kind.
#[derive(Clone, Copy)]
struct SeenLine {
    list: ListKind,
    start: usize,
    end: usize,
}

impl<'v> Ends<'v> {
    pub(super) fn of(view: &'v View<'v>) -> Self {
        let first = view
            .text
            .trim_start()
            .split([' ', '?'])
            .next()
            .unwrap_or_default();
        Self {
            view,
            text: &view.text,
            bytes: view.text.as_bytes(),
            starts_with_url: first.starts_with('/') || first.contains("://"),
            seen_line: Cell::new(None),
        }
    }

    pub(super) fn byte(&self, position: usize) -> Option<u8> {
        self.bytes.get(position).copied()
    }

    pub(super) fn from(&self, position: usize) -> &'v str {
        self.text.part(position..)
    }

    /// Returns the byte at a position, if it may end a value.
    fn end_byte(&self, position: usize) -> Option<u8> {
        self.byte(position)
            .filter(|_| self.view.is_literal(position))
    }

    pub(super) fn after_blanks(&self, position: usize) -> usize {
        let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
        position
            + self
                .bytes
                .iter()
                .skip(position)
                .take_while(|byte| is_blank(byte))
                .count()
    }

    pub(super) fn after_space(&self, position: usize) -> usize {
        position
            + self
                .bytes
                .iter()
                .skip(position)
                .take_while(|byte| byte.is_ascii_whitespace())
                .count()
    }

    /// Does the same, also after blanks that are not ASCII.
    pub(super) fn after_any_space(&self, position: usize) -> usize {
        const NO_BREAK: char = '\u{a0}';
        let mut position = self.after_space(position);
        while self.from(position).starts_with(NO_BREAK) {
            position = self.after_space(position + NO_BREAK.len_utf8());
        }
        position
    }

    /// Returns the quote at a position, with the number of backslashes before it.
    pub(super) fn quote(&self, position: usize) -> Option<(u8, usize)> {
        let backslashes = self
            .bytes
            .iter()
            .skip(position)
            .take_while(|byte| **byte == b'\\')
            .count();
        let quote = self.byte(position + backslashes)?;
        matches!(quote, b'"' | b'\'' | b'`').then_some((quote, backslashes))
    }

    /// Returns the end of a JSON value: a string, brackets, or anything up to the next member.
    pub(super) fn json_value(&self, start: usize) -> usize {
        if let Some(quote) = self.quote(start) {
            return self.string(start, quote);
        }
        match self.byte(start) {
            Some(b'{') => self.brackets(start),
            Some(b'[') => self.brackets(self.behind_type(start).unwrap_or(start)),
            _ => match self.typed_quote(start).or_else(|| self.binary(start)) {
                Some((position, quote)) => self.string(position, quote),
                None => self.bare(start),
            },
        }
    }

    /// Returns the position of the quote in a binary of Erlang: `<<"…">>`.
    pub(super) fn binary(&self, start: usize) -> Option<(usize, (u8, usize))> {
        let position = start + 2;
        let is_binary = self.from(start).starts_with("<<");
        is_binary.then(|| Some((position, self.quote(position)?)))?
    }

    /// Returns the position of the bracket behind the type of a list, as Go prints it:
    /// `[]string{"…"}`, `[]interface {}{"…"}`.
    fn behind_type(&self, start: usize) -> Option<usize> {
        const LONGEST: usize = 64;
        let bytes = self.bytes.get(start + 1..)?;
        let size = bytes.iter().take(LONGEST);
        let size = size
            .take_while(|byte| byte.is_ascii_digit() || **byte == b'.')
            .count();
        let name = bytes.get(size..)?.strip_prefix(b"]")?;
        let is_name = |byte: &&u8| byte.is_ascii_alphanumeric() || b"_.*[] ".contains(byte);
        let length = name.iter().take(LONGEST).take_while(is_name).count();
        let position = start + size + 2 + length;
        let position = position
            + if self.from(position).starts_with("{}{") {
                2
            } else {
                0
            };
        (length > 0 && self.byte(position) == Some(b'{')).then_some(position)
    }

    /// Returns the position of the quote after the type of a string, as programs print it: `b'…'`,
    /// `Some("…")`, `string(5) "…"`.
    pub(super) fn typed_quote(&self, start: usize) -> Option<(usize, (u8, usize))> {
        const LONGEST: usize = 32;
        let is_type = |byte: &&u8| byte.is_ascii_alphanumeric() || b"_:(".contains(byte);
        let bytes = self.bytes.get(start..)?;
        let length = bytes.iter().take(LONGEST).take_while(is_type).count();
        let closing = usize::from(bytes.get(length) == Some(&b')'));
        let position = self.after_blanks(start + length + closing);
        let quote = self.quote(position).filter(|_| length > 0)?;
        Some((position, quote))
    }

    /// Returns the end of a value that stands on the lines below its key: a block or a list of YAML,
    /// or a header that continues. `None` if the value stands on the key's line.
    pub(super) fn block(&self, start: usize) -> Option<usize> {
        let mark = self.from(start).strip_prefix(['|', '>']);
        let mark = mark.map(|rest| rest.trim_start_matches(['+', '-', '1', '2', '4', '8']));
        let rest = mark
            .unwrap_or(self.from(start))
            .trim_start_matches([' ', '\t', '\r']);
        let first = self.text.len() - rest.len();
        if self.byte(first) != Some(b'\n') {
            return None;
        }
        let indent = self.indent(start);
        let mut position = first;
        while self.byte(position) == Some(b'\n')
            && self.is_below(
                position + 1,
                if position == first { 0 } else { indent },
                indent,
            )
        {
            let next = memchr::memchr(b'\n', self.bytes.part(position + 1..));
            position = next.map_or(self.bytes.len(), |length| position + 1 + length);
        }
        (position > first).then_some(position)
    }

    /// Returns the number of blanks and hyphens before the first word of a position's line.
    fn indent(&self, position: usize) -> usize {
        const LONGEST: usize = 1_024;
        let before = self.bytes.part(position.saturating_sub(LONGEST)..position);
        let line = memchr::memrchr(b'\n', before).map_or(0, |end| end + 1);
        let line = before.part(line..);
        line.iter()
            .take_while(|byte| b" \t-".contains(byte))
            .count()
    }

    /// Returns whether a line belongs to a key above it: it has more blanks before it, or is an
    /// element of a list. A place in a program's stack belongs to no key.
    fn is_below(&self, line: usize, least: usize, of_list: usize) -> bool {
        let inside = self.after_blanks(line);
        let rest = self.from(inside);
        let indent = inside - line;
        (indent > least && !rest.starts_with("at "))
            || (indent == of_list && rest.starts_with("- "))
    }

    /// Returns the name and the start of the content of the next element, if the content of an
    /// element ends here: `…</key><value>`.
    pub(super) fn next_element(&self, position: usize) -> Option<(&'v str, usize)> {
        const LONGEST_TAG: usize = 256;
        let rest = self.from(position).strip_prefix("</")?;
        let rest = rest.part(..rest.floor_char_boundary(2 * LONGEST_TAG));
        let (_, next) = rest.split_once('>')?;
        let (tag, content) = next.trim_start().strip_prefix('<')?.split_once('>')?;
        let is_opening = tag.starts_with(|c: char| c.is_ascii_alphabetic()) && !tag.ends_with('/');
        let name = tag.split([' ', '\t', '\n']).next().unwrap_or(tag);
        let end = position + 2 + rest.len();
        is_opening.then_some((name, end - content.len()))
    }

    /// Returns the end of an element's content, if it is short and has no elements.
    pub(super) fn short_content(&self, start: usize) -> Option<usize> {
        const LONGEST: usize = 256;
        let bytes = self.bytes.part(start..).iter().take(LONGEST);
        let end = start + bytes.take_while(|byte| **byte != b'<').count();
        self.from(end).starts_with("</").then_some(end)
    }

    /// Returns the end of an element's content, whatever its name.
    pub(super) fn content(&self, start: usize) -> usize {
        let end = self.from(start).find("</");
        end.map_or(self.text.len(), |length| start + length)
    }

    /// Returns the end of a string: the first quote with as many backslashes as the opening one, if
    /// a list or an object continues after it; or a quote with fewer backslashes, which ends the
    /// surrounding text.
    fn string(&self, start: usize, (quote, backslashes): (u8, usize)) -> usize {
        let mut run = 0;
        for position in start + backslashes + 1..self.bytes.len() {
            match self.byte(position) {
                Some(b'\\') => run += 1,
                Some(byte) if byte == quote && self.view.is_literal(position) => {
                    let is_same = run == backslashes || (backslashes == 0 && run % 2 == 0);
                    if is_same && self.goes_on(position + 1) {
                        return position + 1;
                    }
                    if run < backslashes && self.goes_on(position + 1) {
                        return position - run;
                    }
                    run = 0;
                }
                _ => run = 0,
            }
        }
        self.bytes.len()
    }

    /// Returns whether the text after a value continues as expected: with another value, the end of
    /// brackets, or the end of the text.
    fn goes_on(&self, position: usize) -> bool {
        let start = self.after_space(position);
        let mut rest = self.from(start);
        if let Some(next) = rest.strip_prefix(',') {
            return self.starts_member(next.trim_start());
        }
        let after = rest.trim_start_matches(|c: char| {
            matches!(c, '}' | ']' | ')' | '>' | '/') || c.is_whitespace()
        });
        let has_closed = after.len() < rest.len();
        rest = after;
        match rest.bytes().next() {
            None => true,
            Some(b'\\') => true,
            Some(b'"' | b'\'') => has_closed || self.goes_on_behind_quote(rest),
            Some(b',' | b'&' | b';' | b'|' | b'{' | b'<' | b'[') => true,
            Some(_) => {
                has_closed
                    && self
                        .text
                        .len()
                        .checked_sub(rest.len() + 1)
                        .and_then(|before| self.byte(before))
                        .is_some_and(|byte| byte.is_ascii_whitespace())
            }
        }
    }

    fn goes_on_behind_quote(&self, rest: &str) -> bool {
        let after = rest.part(1..).trim_start();
        after.is_empty()
            || after.starts_with(['}', ']', ')'])
            || after
                .strip_prefix(',')
                .is_some_and(|next| self.starts_member(next.trim_start()))
    }

    /// Returns whether a text starts with an element of a list, or a member of an object.
    fn starts_member(&self, text: &str) -> bool {
        let after =
            text.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || "_-.$".contains(c));
        match text.bytes().next() {
            None | Some(b'"' | b'\'' | b'\\' | b'{' | b'[' | b'}' | b']' | b',') => true,
            Some(b':') => text.len() > 1,
            Some(_) if after.len() == text.len() => false,
            Some(_) => {
                let after = after.trim_start_matches(['"', '\'']).trim_start();
                after.starts_with([':', '='])
                    || (after.starts_with([',', ']', '}'])
                        && text.starts_with(|c: char| c.is_ascii_digit()))
                    || ["true", "false", "null"]
                        .iter()
                        .any(|word| text.starts_with(word))
            }
        }
    }

    /// Returns the end of brackets, ignoring those in strings.
    pub(super) fn brackets(&self, start: usize) -> usize {
        self.closing(start, 0)
    }

    /// Returns the end of an object, from a position inside it: before its last bracket.
    pub(super) fn rest_of_object(&self, start: usize) -> usize {
        let end = self.closing(start, 1);
        end - usize::from(
            self.byte(end.wrapping_sub(1))
                .is_some_and(|byte| matches!(byte, b'}' | b']')),
        )
    }

    /// Returns the end of brackets of which `depth` are open.
    fn closing(&self, start: usize, mut depth: usize) -> usize {
        let mut run = 0;
        let mut level = None;
        let mut is_string = false;
        for position in start..self.bytes.len() {
            match self.byte(position) {
                Some(b'\\') => {
                    run += 1;
                    continue;
                }
                Some(b'"') => {
                    let level = *level.get_or_insert(run);
                    if run == level || (level == 0 && run % 2 == 0) {
                        is_string = !is_string;
                    } else if run < level {
                        // The text around the brackets ends here.
                        return position - run;
                    }
                }
                Some(b'{' | b'[') if !is_string => depth += 1,
                Some(b'}' | b']') if !is_string => {
                    depth -= 1;
                    if depth == 0 && self.view.is_literal(position) {
                        return position + 1;
                    }
                    depth = depth.max(1);
                }
                _ => {}
            }
            run = 0;
        }
        self.bytes.len()
    }

    /// Returns the end of a value without quotes in an object or a list.
    fn bare(&self, start: usize) -> usize {
        let mut position = start;
        while position < self.bytes.len() {
            let is_end = match self.end_byte(position) {
                Some(b',') => self.starts_member(self.from(position + 1).trim_start()),
                Some(b'}' | b']') => self.goes_on(position),
                Some(b'\n') => true,
                _ => false,
            };
            if is_end {
                return position;
            }
            let is_bracket = |position| matches!(self.byte(position), Some(b'}' | b']'));
            // Only the first of several adjacent brackets is examined.
            let is_row = is_bracket(position);
            position += 1;
            while is_row && is_bracket(position) {
                position += 1;
            }
        }
        self.bytes.len()
    }

    /// Returns the end of an element's content: its closing tag.
    pub(super) fn element(&self, start: usize, name: &str) -> usize {
        let mut depth = 0_usize;
        let mut position = start;
        while let Some(found) = memchr::memchr(b'<', self.bytes.part(position..)) {
            let at = position + found;
            let rest = self.from(at);
            position = at + 1;
            if !self.view.is_literal(at) {
                continue;
            }
            if let Some(data) = rest.strip_prefix("<![CDATA[") {
                let length = data.find("]]>").map_or(rest.len(), |end| end + 12);
                position = at + length;
            } else if is_tag(rest, "</", name) {
                if depth == 0 {
                    return at;
                }
                depth -= 1;
            } else if is_tag(rest, "<", name) {
                depth += 1;
            }
        }
        self.bytes.len()
    }

    /// Returns the end of an attribute's quoted value, inside a tag.
    pub(super) fn attribute(&self, start: usize, (quote, backslashes): (u8, usize)) -> usize {
        let mut position = start + backslashes + 1;
        while let Some(found) = memchr::memchr(quote, self.bytes.part(position..)) {
            position += found + 1;
            let after = self.from(position);
            let is_end =
                after.is_empty() || after.starts_with([' ', '\n', '\t', '\r', '/', '>', '?']);
            if is_end && self.view.is_literal(position - 1) {
                return position;
            }
        }
        self.bytes.len()
    }

    /// Returns the end of a query parameter: the next `&` or `#`, or the end of the URL. If the
    /// text starts with the URL, the URL ends with the text; otherwise it ends before ` HTTP/`, or
    /// at a blank.
    pub(super) fn parameter(&self, start: usize) -> usize {
        let stop = memchr::memchr3(b'&', b'#', b'\n', self.bytes.part(start..));
        let mut stop = stop.map_or(self.bytes.len(), |length| start + length);
        while stop < self.bytes.len() && !self.view.is_literal(stop) {
            let next = memchr::memchr3(b'&', b'#', b'\n', self.bytes.part(stop + 1..));
            stop = next.map_or(self.bytes.len(), |length| stop + 1 + length);
        }
        let value = self.text.part(start..stop);
        if let Some(end) = value.find(" HTTP/").map(|end| start + end)
            && self.view.is_literal(end)
        {
            return end;
        }
        if self.starts_with_url {
            return stop;
        }
        let blank = |from: usize| {
            (from..stop)
                .find(|at| self.end_byte(*at) == Some(b' '))
                .unwrap_or(stop)
        };
        let end = blank(start);
        let is_scheme = self.text.get(start..end).is_some_and(is_scheme);
        if is_scheme { blank(end + 1) } else { end }
    }

    /// Returns the end of the form field that a text starts with.
    pub(super) fn form(&self, start: usize) -> usize {
        let line = self.line(start, ListKind::Fields);
        let value = self.text.part(start..line);
        let is_end = |at: &usize| {
            let next = value.part(at + 1..);
            let name = next
                .trim_start_matches(|c: char| c.is_ascii_alphanumeric() || "_-.[]%+".contains(c));
            self.view.is_literal(start + at) && name.len() < next.len() && name.starts_with('=')
        };
        memchr::memchr_iter(b'&', value.as_bytes())
            .find(is_end)
            .map_or(line, |at| start + at)
    }

    /// Returns the end of a value in an unknown container: the end of the line, or the next field
    /// whose name is known to be harmless.
    pub(super) fn line(&self, start: usize, list: ListKind) -> usize {
        // Text in quotes belongs to the value.
        let behind_quotes = match self.quote(start).filter(|_| list != ListKind::Headers) {
            Some((quote, backslashes)) => {
                let inside = start + backslashes + 1;
                let end = memchr::memchr(quote, self.bytes.part(inside..));
                end.map_or(start, |length| inside + length + 1)
            }
            None => start,
        };
        let end = self.end_of_line(behind_quotes, list);
        self.without_closing(start, end)
    }

    /// Returns the first position, from a start on, that ends a line of this kind.
    fn end_of_line(&self, start: usize, list: ListKind) -> usize {
        if let Some(seen) = self.seen_line.get()
            && seen.list == list
            && (seen.start..=seen.end).contains(&start)
        {
            return seen.end;
        }
        let mut end = start;
        while let Some(byte) = self.byte(end) {
            if self.view.is_literal(end) && self.ends_line(end, byte, list) {
                break;
            }
            end += 1;
        }
        self.seen_line.set(Some(SeenLine { list, start, end }));
        end
    }

    fn ends_line(&self, position: usize, byte: u8, list: ListKind) -> bool {
        match byte {
            b'\n' | b'\r' => !self.goes_on_below(position, list),
            b',' => {
                self.starts_known(position + 1, list)
                    || (list == ListKind::Pairs && self.starts_pair(position + 1))
            }
            b';' | b'|' | b'\t' => {
                list != ListKind::Headers && self.starts_known(position + 1, list)
            }
            b' ' => {
                list != ListKind::Headers
                    && self.byte(position + 1) != Some(b' ')
                    && (self.starts_known(position + 1, list)
                        || PHRASES
                            .iter()
                            .any(|phrase| self.from(position).starts_with(phrase)))
            }
            _ => false,
        }
    }

    /// Returns whether a header goes on in the next line: that line is indented and has no name of
    /// its own. Other values continue only after a comma or a semicolon.
    fn goes_on_below(&self, position: usize, list: ListKind) -> bool {
        let before = self.text.part(..position);
        let is_open = || before.trim_end_matches('\r').ends_with([',', ';']);
        if list != ListKind::Headers && !is_open() {
            return false;
        }
        let rest = self.from(position).trim_start_matches('\r');
        let next = rest.strip_prefix('\n').unwrap_or_default();
        let inside = next.trim_start_matches([' ', '\t']);
        let is_name = |c: char| c.is_ascii_alphanumeric() || "-_\"'".contains(c);
        inside.len() < next.len()
            && !inside.trim_start_matches(is_name).starts_with(':')
            && !inside.starts_with(['\r', '\n'])
    }

    /// Returns whether a blank, any name, a colon and a blank stand at a position.
    fn starts_pair(&self, position: usize) -> bool {
        let Some(rest) = self.from(position).strip_prefix(' ') else {
            return false;
        };
        let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
        let length = rest.bytes().take(LONGEST_NAME).take_while(is_name).count();
        length > 0
            && rest
                .get(length..)
                .is_some_and(|after| after.starts_with(": "))
    }

    /// Returns whether a known name and its separator stand after the blanks at a position, or the
    /// beginning of one where the text was cut off.
    fn starts_known(&self, position: usize, list: ListKind) -> bool {
        let start = self.after_blanks(position);
        let is_name =
            |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(**byte, b'-' | b'_' | b'.');
        let length = self
            .bytes
            .iter()
            .skip(start)
            .take(LONGEST_NAME + 1)
            .take_while(is_name)
            .count();
        let Some((name, after)) = self.from(start).split_at_checked(length) else {
            return false;
        };
        let name = name.to_ascii_lowercase();
        let is_cut = after.is_empty() || after.trim_start() == "[TRUNCATED]";
        if is_cut && list == ListKind::Headers {
            return name.len() > 2
                && HEADERS
                    .iter()
                    .chain(HEADER_STARTS)
                    .any(|header| header.starts_with(&*name));
        }
        let Some(value) = after.trim_start_matches('"').strip_prefix(['=', ':']) else {
            return false;
        };
        // A comma or a semicolon ends a value more certainly than a blank does.
        let is_behind_sign = position
            .checked_sub(1)
            .is_some_and(|before| self.byte(before) != Some(b' '));
        let is_header =
            HEADERS.contains(&&*name) || HEADER_STARTS.iter().any(|start| name.starts_with(start));
        let is_field = || {
            let name = super::names::squeezed(&name);
            FIELDS.contains(&&*name)
                && (is_behind_sign || FIELDS_OF_WORDS.contains(&&*name) || is_one_word(value))
        };
        is_header || (list != ListKind::Headers && is_field())
    }

    /// Returns the end without the brackets that close the container of the value, and without the
    /// mark of a cut-off line.
    fn without_closing(&self, start: usize, end: usize) -> usize {
        const MOST: usize = 3;
        let value = self.text.part(start..end).trim_end();
        let value = value
            .strip_suffix("[TRUNCATED]")
            .unwrap_or(value)
            .trim_end();
        let is_quoted = value.starts_with(['"', '\'', '\\']);
        // The sentence ends after the quotes.
        let value = value
            .strip_suffix('.')
            .filter(|value| is_quoted && value.ends_with(['"', '\'']))
            .unwrap_or(value);
        let is_closing = |byte: &&u8| {
            matches!(**byte, b')' | b'}' | b']' | b'>')
                || (!is_quoted && matches!(**byte, b'"' | b'\''))
        };
        let closing = value.bytes().rev().take(MOST).collect::<Vec<_>>();
        let count = closing.iter().take_while(is_closing).count();
        start + value.len() - count
    }
}

/// Returns whether a value is one word or one text in quotes, so that another field or nothing
/// comes after it. In `password=a status=200 b`, the password continues behind `status=200`.
fn is_one_word(value: &str) -> bool {
    let value = value.trim_start_matches([' ', '\t']);
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''));
    let inside = value.part(usize::from(quote.is_some())..);
    let end = match quote {
        Some(quote) => inside.find(quote).map(|end| end + 1),
        None => inside.find(|c: char| c.is_whitespace() || ",;|&)}]>\"'".contains(c)),
    };
    let after = inside.part(end.unwrap_or(inside.len())..);
    let next = after.trim_start_matches([' ', '\t']);
    if next.len() == after.len() {
        return true;
    }
    let is_name = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let name = next.trim_start_matches(['"', '\'']);
    let behind_name = name.trim_start_matches(is_name);
    let is_field = behind_name.len() < name.len()
        && behind_name
            .trim_start_matches(['"', '\''])
            .starts_with(['=', ':']);
    let is_closing = next.starts_with(|c: char| ",;|&)}]>".contains(c) || c.is_whitespace());
    is_field || is_closing || next.is_empty() || next.starts_with("[TRUNCATED]")
}

/// Returns whether a word names the scheme of an authorization.
pub(super) fn is_scheme(word: &str) -> bool {
    [
        "bearer",
        "basic",
        "token",
        "apikey",
        "digest",
        "negotiate",
        "ntlm",
        "hawk",
        "oauth",
        "jwt",
        "key",
    ]
    .iter()
    .any(|scheme| word.eq_ignore_ascii_case(scheme))
}

/// Returns whether a text starts with a tag of an element, under any prefix.
fn is_tag(text: &str, mark: &str, name: &str) -> bool {
    let Some(tag) = text.strip_prefix(mark) else {
        return false;
    };
    let end = tag
        .bytes()
        .take(128)
        .position(|byte| matches!(byte, b'>' | b'/' | b' ' | b'\n' | b'\t' | b'<'))
        .unwrap_or_else(|| tag.len().min(128));
    let tag = tag.part(..end);
    tag.rsplit(':')
        .next()
        .is_some_and(|tag| tag.eq_ignore_ascii_case(name))
}
