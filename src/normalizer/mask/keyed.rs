//! Finds values under names of credentials, in text of any kind.

use std::cell::RefCell;
use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::ends::{Ends, ListKind};
use super::names::{CredentialKind, MARKS, WORDS, group_of, holds_claims, kind, last_word};
use super::view::View;
use crate::parts::Parts;

/// Finds names in a text without its separators: marks that may stand anywhere in a key, and words
/// that end a key.
#[expect(clippy::expect_used, reason = "constant patterns, compiled in a test")]
static NAMES: LazyLock<[Regex; 2]> = LazyLock::new(|| {
    [&MARKS[..], &WORDS[..]]
        .map(|names| Regex::new(&names.join("|")).expect("the pattern is right"))
});

/// Finds a member before a name, which may hold the name's value: `"value":`, `value=`.
#[expect(clippy::expect_used, reason = "a constant pattern, compiled in a test")]
static VALUE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(?i)(?:^|[\s"'{,<])(?:[a-z_-]*values?|val|v|input|content|data|text|arg|argument)\\*["']?\s*(?:=>|[:=])"#)
        .expect("the pattern is right")
});

/// Finds a member whose value may belong to a name that was cut off: a member of an object, or an
/// attribute. Words that say less, such as `data`, do not count.
#[expect(clippy::expect_used, reason = "a constant pattern, compiled in a test")]
static CUT_VALUE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(?i)["'](?:[a-z_-]*values?|val|v|input|arg|argument)\\*["']\s*:\s*|<[^<>]*?\s(?:[a-z_-]*value|val|v)="#)
        .expect("the pattern is right")
});

/// Finds the opening tag of an element that may hold a name's value.
#[expect(clippy::expect_used, reason = "a constant pattern, compiled in a test")]
static VALUE_TAG: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)<(?:[a-z_-]*values?|val|v|input|content|data|text|arg|argument)(?:\s[^<>]*)?>")
        .expect("the pattern is right")
});

/// Keys whose value is the name of something.
const NAME_KEYS: [&str; 12] = [
    "name",
    "key",
    "k",
    "n",
    "field",
    "header",
    "param",
    "parameter",
    "property",
    "attribute",
    "headername",
    "id",
];

/// Keys whose value belongs to such a name.
const VALUE_KEYS: [&str; 12] = [
    "value",
    "values",
    "val",
    "v",
    "input",
    "content",
    "data",
    "text",
    "stringvalue",
    "headervalue",
    "arg",
    "argument",
];

/// Longest part of a key that is examined.
const LONGEST_KEY: usize = 96;

/// Upper bound on the keys of credentials whose values are looked for in one text. The time for a
/// value may grow with the text, so a text with more of them would cost the square of its length.
const MOST_KEYS: usize = 64;

/// Returns whether a key says that its value is the name of something.
pub(in super::super) fn is_name_key(key: &str) -> bool {
    const SHORTEST_WORD: usize = 3;
    let word = last_word(key);
    let is_name = |key: &str| NAME_KEYS.iter().any(|name| key.eq_ignore_ascii_case(name));
    is_name(key) || (word.len() >= SHORTEST_WORD && is_name(word))
}

/// Returns whether a key says that its value is a list that leads to a value:
/// `"loc":["body","pin"]`.
pub(super) fn is_path_key(key: &str) -> bool {
    ["loc", "path", "keys"].contains(&key)
}

/// Returns whether a member is a text that leads to a credential: `"path":"$.user.pin"`,
/// `"instancePath":"/pin"`.
pub(super) fn is_path_to_secret(key: &str, text: &str) -> bool {
    leads_to_value(key, text) && is_name_of_secret(text)
}

/// Returns whether a text under a key leads to a value. A `path` with a slash is most often that of
/// a request.
fn leads_to_value(key: &str, text: &str) -> bool {
    match key {
        "loc" | "path" | "keyPath" => !text.contains('/'),
        "instancePath" | "dataPath" | "jsonPath" | "pointer" => true,
        _ => false,
    }
}

/// Returns whether a key says that its value belongs to a name beside it.
pub(in super::super) fn is_value_key(key: &str) -> bool {
    VALUE_KEYS.iter().any(|name| key.eq_ignore_ascii_case(name))
        || last_word(key).eq_ignore_ascii_case("value")
}

/// Returns whether a text has a member in it whose value may belong to a name beside it.
pub(super) fn holds_value(text: &str) -> bool {
    VALUE.is_match(text)
}

/// Returns whether a text is the name of a credential and nothing else. Its letters may be escaped.
pub(in super::super) fn is_name_of_secret(text: &str) -> bool {
    const LONGEST_ESCAPED: usize = 6 * LONGEST_KEY;
    if text.contains('\\') && text.len() <= LONGEST_ESCAPED {
        let text = serde_json::from_str::<String>(&format!("\"{text}\""));
        return text.is_ok_and(|text| is_plain_name(&text));
    }
    is_plain_name(text)
}

fn is_plain_name(text: &str) -> bool {
    looks_like_name(text) && kind(text).is_some()
}

fn looks_like_name(text: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "_-. :/+[]%$@#".contains(c);
    text.len() <= LONGEST_KEY && text.split(' ').count() <= 3 && text.chars().all(is_part)
}

/// Returns whether a value under a short name is a flag or a small number, and no credential.
pub(in super::super) fn is_harmless(value: &str) -> bool {
    const LONGEST_NUMBER: usize = 3;
    let value = value.trim_matches(|c: char| matches!(c, '"' | '\'' | '\\') || c.is_whitespace());
    ["true", "false", "none", "null", "nil", "yes", "no", "ok"]
        .iter()
        .any(|word| value.eq_ignore_ascii_case(word))
        || (value.len() <= LONGEST_NUMBER && value.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Returns whether a value called `code` looks like an authorization's, and not like an error's.
pub(in super::super) fn is_code(value: &str) -> bool {
    const SHORTEST: usize = 8;
    let value = value.trim_matches(|c: char| matches!(c, '"' | '\'' | '\\') || c.is_whitespace());
    value.len() >= SHORTEST
        && value.bytes().any(|byte| byte.is_ascii_digit())
        && !value.contains(char::is_whitespace)
}

/// Returns whether there is no value.
pub(in super::super) fn is_nothing(value: &str) -> bool {
    let value = value.trim_matches(|c: char| matches!(c, '"' | '\'' | '\\') || c.is_whitespace());
    matches!(value, "" | "-" | "null")
}

/// Finds the values of keys that name credentials.
pub(super) fn find(view: &View<'_>, found: &mut Vec<Range<usize>>) {
    let letters = Letters::of(&view.text);
    let keyed = Keyed {
        ends: Ends::of(view),
        without_code: RefCell::default(),
    };
    let [marks, words] = &*NAMES;
    if marks.is_match(&letters.squeezed) {
        keyed.find(letters.names(marks), found);
    }
    if words.is_match(&letters.squeezed) {
        let words = letters.names(words);
        keyed.find(words.filter(|word| letters.ends_word(word.end)), found);
    }
    found.extend(keyed.value_without_name());
}

/// The letters and digits of a text, with their positions.
struct Letters<'t> {
    text: &'t str,
    squeezed: String,
    places: Vec<usize>,
}

impl<'t> Letters<'t> {
    fn of(text: &'t str) -> Self {
        let letters = || {
            text.bytes()
                .enumerate()
                .filter(|(_, byte)| byte.is_ascii_alphanumeric())
        };
        Self {
            text,
            squeezed: letters()
                .map(|(_, byte)| char::from(byte.to_ascii_lowercase()))
                .collect(),
            places: letters().map(|(place, _)| place).collect(),
        }
    }

    /// Returns the positions of names. Every position where a name starts counts, because names may
    /// overlap.
    fn names(&self, names: &'static Regex) -> impl Iterator<Item = Range<usize>> {
        let mut position = 0;
        let starts = std::iter::from_fn(move || {
            let name = names.find_at(&self.squeezed, position)?;
            position = name.start() + 1;
            Some((name.range(), group_of(name.as_str()).map(str::len)))
        });
        starts
            .filter_map(|(name, group)| Some((self.places.get(name)?, group)))
            .filter(|(places, group)| self.is_name(places, *group))
            .filter_map(|(places, _)| Some(*places.first()?..places.last()? + 1))
    }

    /// Returns whether no letter follows a position, except behind a number: `pin2=`.
    fn ends_word(&self, end: usize) -> bool {
        let rest = self.text.part(end..);
        !rest
            .trim_start_matches(|c: char| c.is_ascii_digit())
            .starts_with(|c: char| c.is_ascii_alphabetic())
    }

    /// Returns whether letters at these positions make a name. Little may stand between them. If
    /// that is more than the separators of a key's words, the name must stand apart from other
    /// words.
    fn is_name(&self, places: &[usize], group: Option<usize>) -> bool {
        let between = |pair: &[usize]| match *pair {
            [one, other] => self.text.get(one + 1..other).unwrap_or("\n"),
            _ => "",
        };
        let gaps = || places.windows(2).map(between);
        let is_nested = group
            .and_then(|length| gaps().nth(length.checked_sub(1)?))
            .is_some_and(leads_to_member);
        let gaps = || {
            let of_group = group.filter(|_| is_nested);
            let gaps = gaps().enumerate();
            gaps.filter(move |(number, _)| of_group != Some(number + 1))
                .map(|(_, gap)| gap)
        };
        if !gaps().all(is_gap) {
            return false;
        }
        let is_loose = gaps().any(|gap| gap.bytes().any(|byte| !b"_-.".contains(&byte)));
        let (Some(first), Some(last)) = (places.first(), places.last()) else {
            return false;
        };
        let byte = |place: usize| self.text.as_bytes().get(place);
        let is_word = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
        let before = first.checked_sub(1).and_then(byte);
        let plural =
            usize::from(byte(last + 1).is_some_and(|byte| byte.eq_ignore_ascii_case(&b's')));
        let goes_on = is_word(byte(last + 1 + plural));
        !(is_loose && is_word(before)) && !((is_loose || is_nested) && goes_on)
    }
}

/// Returns whether a text may stand between two letters of a name.
fn is_gap(gap: &str) -> bool {
    // The letters themselves may be escaped: `\\u0061\\u005f\\u0062`.
    let gap = if gap.len() > 2 {
        gap.trim_matches('\\')
    } else {
        gap
    };
    let is_of = |allowed: &[u8]| gap.bytes().all(|byte| allowed.contains(&byte));
    match gap.len() {
        0 | 1 => is_of(b"_-. +/:[]'\"\\$@"),
        2 => is_of(b"[]'\"") || is_of(b"_- "),
        3 => is_of(b"_- "),
        _ => false,
    }
}

/// Returns whether a text stands between the name of a group and that of its first member:
/// `api":{"key`, `api:\n  key`, `<api><key`, `[api]\nkey`.
fn leads_to_member(gap: &str) -> bool {
    const LONGEST: usize = 24;
    let is_part = |byte: u8| b"\"'\\:=>{[<] \r\n\t".contains(&byte);
    let gap = gap.trim_start_matches(['"', '\'', '\\']);
    let is_indented = || gap.ends_with([' ', '\t']);
    let is_group = match gap.bytes().next() {
        Some(b':' | b'=') => gap.contains('{') || (gap.contains('\n') && is_indented()),
        Some(b'>') => gap.ends_with('<'),
        Some(b']') => gap.contains('\n'),
        _ => false,
    };
    is_group && gap.len() <= LONGEST && gap.bytes().all(is_part)
}

/// The text after a key.
struct Separator {
    /// The start of the value.
    value: usize,
    /// True if the key is in quotes, as in JSON.
    is_quoted: bool,
    sign: Sign,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sign {
    Equals,
    Colon,
    /// The end of a tag
    Tag,
    /// Tags: the name is an element's content, and the value that of the next element
    Tags,
    /// Only a blank, after an option of a command
    Blank,
}

struct Keyed<'v> {
    ends: Ends<'v>,
    /// The last value without a word that looks like an authorization code.
    without_code: RefCell<Range<usize>>,
}

impl Keyed<'_> {
    /// Finds the values of the keys that the names are part of. A text with very many keys of
    /// credentials is masked from there on.
    fn find(&self, names: impl Iterator<Item = Range<usize>>, found: &mut Vec<Range<usize>>) {
        let mut done = 0;
        let mut seen = 0..0;
        let mut keys = 0;
        for name in names {
            if name.start < done {
                continue;
            }
            let key = self.key(&name);
            if key == seen || self.is_of_parser(&key) {
                continue;
            }
            let start = done.max(seen.end);
            seen = key.clone();
            let Some(kind) = self.ends.text.get(key.clone()).and_then(kind) else {
                continue;
            };
            let key = self.innermost(key);
            keys += 1;
            if keys > MOST_KEYS {
                found.push(key.start..self.ends.text.len());
                return;
            }
            for secret in self.secrets(&key, kind, start) {
                done = done.max(secret.end);
                found.push(secret);
            }
        }
    }

    /// Returns the key around a name.
    fn key(&self, name: &Range<usize>) -> Range<usize> {
        let bytes = self.ends.text.as_bytes();
        let is_part =
            |byte: &&u8| byte.is_ascii_alphanumeric() || b"_-.$".contains(byte) || !byte.is_ascii();
        let before = bytes
            .iter()
            .take(name.start)
            .rev()
            .take(LONGEST_KEY)
            .take_while(is_part)
            .count();
        let after = bytes
            .iter()
            .skip(name.end)
            .take(LONGEST_KEY)
            .take_while(is_part)
            .count();
        let text = self.ends.text;
        text.ceil_char_boundary(name.start - before)..text.floor_char_boundary(name.end + after)
    }

    /// Returns the last of the names in a key: `key` of `api":{"key`.
    fn innermost(&self, key: Range<usize>) -> Range<usize> {
        let text = self.ends.text.part(key.clone());
        let Some(bracket) = text.rfind(['{', '<', '\n']) else {
            return key;
        };
        let is_before = |c: char| !c.is_ascii_alphanumeric() && c != '_';
        key.end - text.part(bracket..).trim_start_matches(is_before).len()..key.end
    }

    /// Returns whether a parser speaks of its tokens: `Unexpected token: < in JSON`.
    fn is_of_parser(&self, key: &Range<usize>) -> bool {
        const BEFORE: &str = "unexpected ";
        let word = self.ends.text.part(key.clone());
        let start = key.start.checked_sub(BEFORE.len());
        let before = start.and_then(|start| self.ends.text.get(start..key.start));
        word.eq_ignore_ascii_case("token")
            && before.is_some_and(|before| before.eq_ignore_ascii_case(BEFORE))
    }

    /// Finds the credentials that a key reveals.
    fn secrets(&self, key: &Range<usize>, kind: CredentialKind, done: usize) -> Vec<Range<usize>> {
        let mut secrets = self.secrets_behind(key, kind, done);
        secrets.extend(self.element_before(key, done));
        secrets
    }

    fn secrets_behind(
        &self,
        key: &Range<usize>,
        kind: CredentialKind,
        done: usize,
    ) -> Vec<Range<usize>> {
        let Some(separator) = self.separator(key) else {
            return self.named(key, done);
        };
        let start = separator.value;
        let before_key = self.ends.text.part(..key.start);
        let is_parameter = self.is_parameter(key.start);
        let end = self.end(key, kind, &separator, is_parameter);
        let value = self.ends.text.part(start..end);
        let is_credential = match kind {
            CredentialKind::Code if separator.sign == Sign::Equals => {
                // Only parameters of forms have brackets: `user[code]=`.
                let is_in_brackets = before_key.ends_with('[');
                is_parameter || is_in_brackets || self.holds_code(start..end)
            }
            CredentialKind::Code => is_parameter || is_code(value),
            CredentialKind::Short => !is_harmless(value),
            CredentialKind::Jwt => !(separator.is_quoted && holds_claims(value)),
            CredentialKind::Header | CredentialKind::Other => true,
        };
        if !is_credential || is_nothing(value) || self.ends.from(start).starts_with("API Stage:") {
            return Vec::new();
        }
        std::iter::once(start..end).collect()
    }

    /// Returns whether a word of a value looks like an authorization code.
    ///
    /// Perf: the part of a value that was looked through is not looked through again. In one line,
    /// a value may end where the next one ends.
    fn holds_code(&self, value: Range<usize>) -> bool {
        let mut seen = self.without_code.borrow_mut();
        if seen.start <= value.start && value.end <= seen.end {
            return false;
        }
        let text = self.ends.text.part(value.clone());
        let holds_code = text.split_whitespace().any(is_code);
        if !holds_code {
            *seen = value;
        }
        holds_code
    }

    fn end(
        &self,
        key: &Range<usize>,
        kind: CredentialKind,
        separator: &Separator,
        is_parameter: bool,
    ) -> usize {
        let ends = &self.ends;
        let start = separator.value;
        if separator.sign == Sign::Tag {
            let name = ends.text.part(key.clone());
            return ends.element(start, name);
        }
        if separator.sign == Sign::Tags {
            return ends.content(start);
        }
        if separator.is_quoted {
            return ends.json_value(start);
        }
        if let Some(quote) = ends.quote(start).filter(|_| self.is_in_tag(key.start)) {
            return ends.attribute(start, quote);
        }
        if is_parameter {
            return ends.parameter(start);
        }
        if let Some(end) = ends.block(start) {
            return end;
        }
        if matches!(ends.byte(start), Some(b'{' | b'[')) && kind != CredentialKind::Header {
            let end = ends.brackets(start);
            return ends.line(end, ListKind::Fields).max(end);
        }
        if self.starts_form(key.start) && separator.sign == Sign::Equals {
            return ends.form(start);
        }
        let list = match (kind, separator.sign) {
            (CredentialKind::Header, _) => ListKind::Headers,
            (_, Sign::Colon) => ListKind::Pairs,
            _ => ListKind::Fields,
        };
        ends.line(start, list)
    }

    /// Returns where a key ends, behind its quotes and brackets, and whether it is quoted.
    fn end_of_key(&self, key: &Range<usize>) -> (usize, bool) {
        let position = self.after_brackets(key.end);
        let position = self.quote_behind_words(position).unwrap_or(position);
        let Some((_, backslashes)) = self.ends.quote(position) else {
            return (position, false);
        };
        let mut position = self.after_brackets(position + backslashes + 1);
        position += usize::from(self.closes_key(key, position));
        // A binary of Erlang: `<<"token">>`.
        if self.ends.from(position).starts_with(">>") {
            position += 2;
        }
        (position, true)
    }

    /// Returns the separator after a key, if there is one.
    fn separator(&self, key: &Range<usize>) -> Option<Separator> {
        let ends = &self.ends;
        let (position, is_quoted) = self.end_of_key(key);
        let found = |value, sign| {
            Some(Separator {
                value,
                is_quoted,
                sign,
            })
        };
        if !is_quoted && let Some(separator) = self.tags(key, position) {
            return Some(separator);
        }
        if is_quoted && let Some(value) = self.serialized(position) {
            return found(value, Sign::Colon);
        }
        let sign = if is_quoted {
            ends.after_any_space(position)
        } else {
            ends.after_blanks(self.after_marks(key, position))
        };
        if is_quoted && ends.from(sign).starts_with(',') {
            return found(self.listed_value(key, sign)?, Sign::Colon);
        }
        if ends
            .from(sign)
            .strip_prefix(':')
            .is_some_and(|next| is_in_address(ends.text.part(..key.start), next))
        {
            return None;
        }
        let (after, sign) = self
            .sign(sign)
            .or_else(|| self.sign_behind_word(sign))
            .or_else(|| self.option(key, position))
            .or_else(|| self.keyword(key, position))
            .or_else(|| self.symbol(key, position))
            .or_else(|| self.tuple(position))
            .or_else(|| self.text(key, position).filter(|_| !is_quoted))?;
        let value = if is_quoted {
            ends.after_space(after)
        } else {
            ends.after_blanks(after)
        };
        found(value, sign)
    }

    /// Returns the separator of a key that is the name of a tag, or the text of an element before
    /// that of the value.
    fn tags(&self, key: &Range<usize>, position: usize) -> Option<Separator> {
        let found = |value, sign| Separator {
            value,
            is_quoted: false,
            sign,
        };
        if let Some(content) = self.content(key) {
            return Some(found(content, Sign::Tag));
        }
        if !self.before_path(key.start).ends_with('>') {
            return None;
        }
        Some(found(self.next_value(position)?, Sign::Tags))
    }

    /// Returns the start of the value of a name that is the content of an element: the content of
    /// an element called a value, or else of the next one.
    fn next_value(&self, position: usize) -> Option<usize> {
        const MOST_ELEMENTS: usize = 4;
        let next = |position| self.ends.next_element(position);
        let first = next(position)?;
        let behind = |(_, content): &(&str, usize)| next(self.ends.short_content(*content)?);
        let mut elements = std::iter::successors(Some(first), behind).take(MOST_ELEMENTS);
        let value = elements.find(|(tag, _)| is_value_key(tag));
        Some(value.unwrap_or(first).1)
    }

    /// Returns the content of an element before the one that has the name as its content:
    /// `<value>S</value><name>password</name>`.
    fn element_before(&self, key: &Range<usize>, done: usize) -> Option<Range<usize>> {
        let head = self.before_path(key.start).strip_suffix('>')?;
        let (before, tag) = tail(head).rsplit_once('<')?;
        if !is_name_key(tag) {
            return None;
        }
        let value = VALUE_TAG.find_iter(before).last()?;
        if !holds_whole_elements(before.part(value.start()..)) {
            return None;
        }
        let content = before.part(value.end()..);
        let start = head.len() - tag.len() - 1 - content.len();
        let end = start + content.find("</")?;
        (start >= done && start < end).then_some(start..end)
    }

    /// Returns the position of the quote that ends a key of several words: `"new password (again)":`
    fn quote_behind_words(&self, position: usize) -> Option<usize> {
        let ends = &self.ends;
        let rest = ends.text.as_bytes().part(position..);
        let ends_key = |byte: &u8| b"\"'\\:={},<>\n".contains(byte);
        let length = rest.iter().take(LONGEST_KEY).position(ends_key)?;
        let (_, backslashes) = ends.quote(position + length)?;
        let sign = ends.after_space(position + length + backslashes + 1);
        let has_sign = [":", "=>"]
            .iter()
            .any(|one| ends.from(sign).starts_with(one));
        (length > 0 && has_sign).then_some(position + length)
    }

    /// Returns whether a bracket around a key in quotes closes before a sign: `$ENV{'TOKEN'} = `,
    /// `AnyHashable("token"): `.
    fn closes_key(&self, key: &Range<usize>, position: usize) -> bool {
        let before = self.ends.text.part(..key.start);
        let before = before.trim_end_matches(['"', '\'', '\\']);
        let behind = self.ends.byte(self.ends.after_blanks(position + 1));
        match self.ends.byte(position) {
            Some(b'}') => before.ends_with('{') && behind == Some(b'='),
            Some(b')') => before.ends_with('(') && behind == Some(b':'),
            _ => false,
        }
    }

    /// Returns the position behind the marks between a name and its sign: `**name**:`,
    /// `<b>name</b>:`, `name*:`, `name#1=`, `name (hex)=`, `${name}=`.
    fn after_marks(&self, key: &Range<usize>, position: usize) -> usize {
        let rest = self.ends.from(position);
        let rest = rest.part(..rest.floor_char_boundary(LONGEST_KEY));
        let behind = behind_marks(self.ends.text.part(..key.start), rest);
        let after = position + rest.len() - behind.len();
        let is_sign = match self.ends.byte(self.ends.after_blanks(after)) {
            // A template of a path ends in a bracket, too: `/users/{token}: not found`.
            Some(b':') => !rest.starts_with('}'),
            Some(b'=') => true,
            _ => false,
        };
        if is_sign { after } else { position }
    }

    /// `Key (token, tenant)=(S, 1) already exists`, as PostgreSQL says it.
    fn tuple(&self, position: usize) -> Option<(usize, Sign)> {
        const SIGN: &str = ")=(";
        let rest = self.ends.from(position);
        let rest = rest.part(..rest.floor_char_boundary(LONGEST_KEY));
        let (columns, _) = rest.split_once(SIGN)?;
        let is_column = |byte: u8| byte.is_ascii_alphanumeric() || b"_,. :\"()".contains(&byte);
        let value = position + columns.len() + SIGN.len();
        columns
            .bytes()
            .all(is_column)
            .then_some((value, Sign::Equals))
    }

    /// `setPassword("S")`, `Invalid password "S"`
    fn text(&self, key: &Range<usize>, position: usize) -> Option<(usize, Sign)> {
        let ends = &self.ends;
        let before = ends.text.part(..key.start);
        let is_word = before.is_empty() || before.ends_with([' ', '\t', '(', '\n']);
        if ends.text.part(key.clone()).eq_ignore_ascii_case("code") {
            return None;
        }
        let value = match ends.byte(position)? {
            b'(' => position + 1,
            b' ' if is_word => ends.after_blanks(position),
            _ => return None,
        };
        ends.quote(value).map(|_| (value, Sign::Blank))
    }

    /// Returns the start of the value in a list of names and values: `"name", "value"`.
    fn listed_value(&self, key: &Range<usize>, comma: usize) -> Option<usize> {
        if self.is_named(key) {
            return None;
        }
        let ends = &self.ends;
        let value = ends.after_space(comma + 1);
        let is_value = ends.quote(value).is_some()
            || ends.binary(value).is_some()
            || ends.typed_quote(value).is_some()
            || ends.from(comma + 1).trim_start().starts_with(['{', '[']);
        is_value.then_some(value)
    }

    /// Returns the text before a name and before the path that leads to it: `user[` of
    /// `user[password]`.
    fn before_path(&self, start: usize) -> &str {
        let is_path = |c: char| c.is_ascii_alphanumeric() || "_-.$@#:[]".contains(c);
        let before = self.ends.text.part(..start);
        let path = before
            .bytes()
            .rev()
            .take(LONGEST_KEY)
            .take_while(|byte| is_path(char::from(*byte)))
            .count();
        before.part(..start - path)
    }

    fn sign(&self, position: usize) -> Option<(usize, Sign)> {
        let rest = self.ends.from(position);
        if rest.starts_with("://") {
            return None;
        }
        let is_sign = |c: char| matches!(c, ':' | '=');
        let after = rest.trim_start_matches(is_sign);
        let length = rest.len() - after.len();
        if length == 0 {
            return rest
                .starts_with("->")
                .then_some((position + 2, Sign::Equals));
        }
        let arrow = usize::from(
            rest.get(..length).is_some_and(|sign| sign.ends_with('=')) && after.starts_with('>'),
        );
        let sign = if rest.starts_with(':') {
            Sign::Colon
        } else {
            Sign::Equals
        };
        // In `token==`, base64 ends, and no value follows.
        Some((position + length.min(2) + arrow, sign))
    }

    /// `Authorization Header: …`, `the password is …`, `Cookie header value was: …`
    fn sign_behind_word(&self, position: usize) -> Option<(usize, Sign)> {
        const MOST_WORDS: usize = 3;
        const WORDS: [&str; 6] = ["header", "headers", "value", "field", "parameter", "string"];
        const VERBS: [&str; 6] = ["is", "was", "are", "were", "eq", "like"];
        let is_one =
            |words: &[&str], word: &str| words.iter().any(|one| word.eq_ignore_ascii_case(one));
        let mut position = position;
        for _ in 0..MOST_WORDS {
            let rest = self.ends.from(position);
            let length = rest
                .bytes()
                .take(LONGEST_KEY)
                .take_while(u8::is_ascii_alphabetic)
                .count();
            let word = rest.get(..length)?;
            let next = self.ends.after_blanks(position + length);
            let is_verb = is_one(&VERBS, word);
            if !is_verb && !is_one(&WORDS, word) {
                return None;
            }
            if let Some(sign) = self.sign(next) {
                return Some(sign);
            }
            if is_verb {
                let is_apart = next > position + length;
                return (is_apart && self.is_value(next)).then_some((next, Sign::Blank));
            }
            position = next;
        }
        None
    }

    /// Returns whether a text in quotes stands here, or a word that looks like a code.
    fn is_value(&self, position: usize) -> bool {
        let word = self.ends.from(position).split_whitespace().next();
        self.ends.quote(position).is_some() || word.is_some_and(is_code)
    }

    /// `--password S`, `[curl, --password, S]`
    fn option(&self, key: &Range<usize>, position: usize) -> Option<(usize, Sign)> {
        let name = self.ends.text.get(key.clone())?;
        let is_in_list = || {
            let before = tail(self.ends.text.part(..key.start));
            before
                .rfind(['[', ']'])
                .is_some_and(|at| before.part(at..).starts_with('['))
        };
        let is_listed =
            name.starts_with("--") && self.ends.byte(position) == Some(b',') && is_in_list();
        let position = position + usize::from(is_listed);
        let value = self.ends.after_blanks(position);
        if is_listed && self.ends.byte(value) == Some(b'-') {
            return None;
        }
        (name.starts_with("--") && value > position).then_some((value, Sign::Blank))
    }

    /// `{password,"S"}` of Erlang, `(password . "S")` of Lisp
    fn symbol(&self, key: &Range<usize>, position: usize) -> Option<(usize, Sign)> {
        let before = self.ends.text.get(..key.start)?;
        let after = self.ends.from(position).trim_start();
        if !before.ends_with(['(', '{']) || !after.starts_with([',', '.']) {
            return None;
        }
        let sign = self.ends.text.len() - after.len();
        let value = self.ends.after_space(sign + 1);
        self.ends.quote(value).map(|_| (value, Sign::Colon))
    }

    /// `:password "S"`, also where a reader has taken the colon for a separator.
    fn keyword(&self, key: &Range<usize>, position: usize) -> Option<(usize, Sign)> {
        let before = self.ends.text.get(..key.start)?;
        let value = self.ends.after_blanks(position);
        let is_keyword = before.is_empty()
            || before
                .strip_suffix(':')
                .is_some_and(|before| !before.ends_with(|c: char| c.is_alphanumeric()));
        let is_keyword = is_keyword && value > position && self.ends.quote(value).is_some();
        is_keyword.then_some((value, Sign::Blank))
    }

    /// `s:8:"password";s:1:"S";`, as PHP serializes a list of names and values.
    fn serialized(&self, position: usize) -> Option<usize> {
        let length = self.ends.from(position).strip_prefix(";s:")?;
        let digits = length.bytes().take_while(u8::is_ascii_digit).count();
        let value = position + 3 + digits + 1;
        (length.get(digits..)?.starts_with(':') && self.ends.quote(value).is_some())
            .then_some(value)
    }

    /// Returns the position after the brackets that belong to a key: `token[]`, `user[password]`,
    /// `password[0]`.
    fn after_brackets(&self, start: usize) -> usize {
        let mut position = start;
        while self.ends.byte(position) == Some(b']') {
            position += 1;
        }
        while self.ends.byte(position) == Some(b'[') {
            let inside = self.ends.from(position).bytes().take(LONGEST_KEY);
            let Some(end) = inside
                .enumerate()
                .find_map(|(at, byte)| (byte == b']').then_some(at))
            else {
                break;
            };
            position += end + 1;
        }
        position
    }

    /// Returns the start of an element's content, if the element's name is the key.
    fn content(&self, key: &Range<usize>) -> Option<usize> {
        const LONGEST_TAG: usize = 1_024;
        let before = self
            .ends
            .text
            .get(key.start.saturating_sub(LONGEST_KEY)..key.start)
            .or_else(|| self.ends.text.get(..key.start))?;
        let before = before.strip_suffix(':').map_or(before, |prefix| {
            prefix.trim_end_matches(|c: char| c.is_ascii_alphanumeric() || "_-.".contains(c))
        });
        if !before.ends_with('<') {
            return None;
        }
        let attributes = self.ends.from(key.end);
        let end = attributes
            .bytes()
            .take(LONGEST_TAG)
            .position(|byte| matches!(byte, b'>' | b'<'))?;
        let is_tag = attributes.starts_with(['>', ' ', '\t', '\n', '\r'])
            && attributes.get(end..)?.starts_with('>')
            && !attributes.get(..end)?.ends_with('/');
        is_tag.then_some(key.end + end + 1)
    }

    /// Returns whether a position is inside a tag.
    fn is_in_tag(&self, position: usize) -> bool {
        const LONGEST_TAG: usize = 512;
        let bytes = self.ends.text.as_bytes();
        let before = bytes.part(position.saturating_sub(LONGEST_TAG)..position);
        let bracket = before.iter().rposition(|byte| matches!(byte, b'<' | b'>'));
        bracket.is_some_and(|at| {
            before.get(at) == Some(&b'<')
                && before
                    .get(at + 1)
                    .is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'?')
        })
    }

    /// Returns the position of the byte before a name in a query, skipping its path through
    /// brackets: `?user[password]=`.
    fn before_parameter(&self, start: usize) -> Option<usize> {
        let ends_name = |byte: &u8| b" ?&#\"'<>{}(),;=\n\t\\|".contains(byte);
        let floor = start.saturating_sub(LONGEST_KEY);
        let name = self.ends.text.as_bytes().part(floor..start);
        Some(floor + name.iter().rposition(ends_name)?)
    }

    /// Returns whether a name stands in a query, or in a URL's fragment. A `#` at the start of a
    /// word begins no fragment.
    fn is_parameter(&self, start: usize) -> bool {
        let Some(sign) = self.before_parameter(start) else {
            return false;
        };
        let before = || self.ends.text.part(..sign).chars().next_back();
        match self.ends.byte(sign) {
            Some(b'?' | b'&') => true,
            Some(b'#') => before().is_some_and(|c| c.is_alphanumeric() || "/_-.~%=&?".contains(c)),
            _ => false,
        }
    }

    fn starts_form(&self, start: usize) -> bool {
        start < LONGEST_KEY && self.before_parameter(start).is_none()
    }

    /// Finds the credentials beside a key that is itself a value:
    /// `"name":"Authorization","value":"S"`, in either order, and `name="password"` in a tag or a
    /// part of a form.
    fn named(&self, key: &Range<usize>, done: usize) -> Vec<Range<usize>> {
        let ends = &self.ends;
        let after = self.after_brackets(key.end);
        let Some((quote, backslashes)) = ends.quote(after).or_else(|| self.cut_quote(key)) else {
            return self.named_part(key);
        };
        let Some((opening, name_key)) = self.name_place(key.start, quote) else {
            return Vec::new();
        };
        let start = (after + backslashes + 1).min(ends.text.len());
        // A path that ends in the name ends here.
        let start = start + usize::from(ends.from(start).starts_with(']'));
        // The part that is done may reach into the quotes of this name.
        let before = ends.text.part(done.min(opening)..opening);
        let value = VALUE.find_iter(tail(before)).last();
        let mut secrets = Vec::new();
        if let Some(value) = value {
            let value_start = opening - tail(before).len() + value.end();
            // The match may be the name's own key.
            let between = ends.text.part(value_start.min(name_key)..name_key);
            let is_other = ["/>", "</", "},"].iter().any(|end| between.contains(end));
            if value_start < name_key && !is_other {
                let end = name_key
                    - (between.len() - between.trim_end_matches([',', ' ', '"', '\\', '\'']).len());
                secrets.push(value_start..end.max(value_start));
            }
        }
        let end = self.named_end(start, opening);
        let value = ends.text.part(start..end);
        if !value
            .trim_matches(|c: char| c.is_whitespace() || ",}]/>".contains(c))
            .is_empty()
        {
            secrets.push(start..end);
        }
        secrets
    }

    /// Returns the closing quote of a name at the end of a text, as if the text had not been cut.
    fn cut_quote(&self, key: &Range<usize>) -> Option<(u8, usize)> {
        let rest = self.ends.from(key.end);
        let quote = self.ends.byte(key.start.checked_sub(1)?)?;
        let is_cut = rest.bytes().all(|byte| byte == b'\\') && matches!(quote, b'"' | b'\'');
        is_cut.then_some((quote, rest.len()))
    }

    /// Finds the value of an object or a tag that was cut off before its name:
    /// `{"value":"S","na`, `<add value="S" k`.
    fn value_without_name(&self) -> Option<Range<usize>> {
        let text = self.ends.text;
        let last = CUT_VALUE.find_iter(tail(text)).last()?;
        let start = text.len() - tail(text).len() + last.end();
        let place = if last.as_str().starts_with('<') {
            let tag = text.get(start - last.len()..)?;
            if tag.contains('>') || has_name_attribute(tag) {
                return None;
            }
            start..self.ends.attribute(start, self.ends.quote(start)?)
        } else {
            let object = text.get(..start)?.rfind('{')?;
            let end = self.ends.brackets(object);
            if self.ends.byte(end - 1) == Some(b'}') || has_name(text.get(object..end)?) {
                return None;
            }
            start..self.ends.json_value(start)
        };
        (!is_nothing(text.get(place.clone())?)).then_some(place)
    }

    /// Returns the content of a part of a form whose name has no quotes.
    fn named_part(&self, key: &Range<usize>) -> Vec<Range<usize>> {
        let head = tail(self.before_path(key.start));
        let after = self.after_brackets(key.end);
        let is_part = head.ends_with("name=")
            && head
                .rsplit(['\n', '\r'])
                .next()
                .is_some_and(|line| line.contains("form-data"))
            && self.ends.from(after).starts_with(['\n', '\r', ';']);
        let place = if is_part {
            Some(after..self.named_end(after, key.start))
        } else {
            self.entry(head, after)
        };
        place.into_iter().collect()
    }

    /// Returns the value of an entry without quotes: `- name: password` with `value: S` on the
    /// next line, or behind it.
    fn entry(&self, head: &str, after: usize) -> Option<Range<usize>> {
        let head = head.trim_end_matches([' ', '\t']);
        let head = head.strip_suffix([':', '='])?.trim_end();
        let word = head
            .rsplit(|c: char| !c.is_ascii_alphanumeric() && !"_-".contains(c))
            .next()?;
        let rest = self.ends.from(after);
        let next = rest.trim_start_matches(|c: char| c.is_whitespace() || ",;".contains(c));
        let sign = next
            .bytes()
            .take(LONGEST_KEY)
            .position(|byte| matches!(byte, b':' | b'='))?;
        let is_entry = next.len() < rest.len()
            && is_name_key(word)
            && is_value_key(next.get(..sign)?.trim_end());
        let sign = self.ends.text.len() - next.len() + sign;
        let start = self.ends.after_blanks(sign + 1);
        let end = match self.ends.quote(start) {
            Some(_) => self.ends.json_value(start),
            None => self
                .ends
                .block(start)
                .unwrap_or_else(|| self.ends.line(start, ListKind::Pairs)),
        };
        is_entry.then_some(start..end)
    }

    /// Returns whether a key is the value of a member that calls it a name.
    fn is_named(&self, key: &Range<usize>) -> bool {
        let quote = self.ends.quote(self.after_brackets(key.end));
        quote.is_some_and(|(quote, _)| self.name_place(key.start, quote).is_some())
    }

    fn name_place(&self, start: usize, quote: u8) -> Option<(usize, usize)> {
        self.name_key(start, quote)
            .or_else(|| self.path_key(start, quote))
    }

    /// Returns the position of the quote before a name, and the start of the key that calls it a
    /// name.
    fn name_key(&self, start: usize, quote: u8) -> Option<(usize, usize)> {
        let text = self.ends.text;
        let floor = text.ceil_char_boundary(start.saturating_sub(LONGEST_KEY));
        let before = text.get(floor..start)?;
        let opening = floor + before.rfind(char::from(quote))?;
        let head = text.get(floor..opening)?.trim_end_matches('\\').trim_end();
        let head = head
            .strip_suffix([':', '='])
            .or_else(|| head.strip_suffix("=>"))?
            .trim_end();
        let head = head.trim_end_matches(['"', '\'', '\\']);
        let word = head
            .rsplit(|c: char| !c.is_ascii_alphanumeric() && !"_-".contains(c))
            .next()?;
        (is_name_key(word) || is_name_key(&super::names::squeezed(word)))
            .then_some((opening, floor + head.len() - word.len()))
    }

    /// Does the same for a name at the end of a path: `"loc":["body","password"]`,
    /// `"op":"replace","path":"/password"`.
    fn path_key(&self, start: usize, quote: u8) -> Option<(usize, usize)> {
        let text = self.ends.text;
        let floor = text.ceil_char_boundary(start.saturating_sub(LONGEST_KEY));
        let before = text.get(floor..start)?;
        let key = before.rfind(['[', '{', ';']).map_or(0, |at| at + 1);
        let list = before
            .get(..key)?
            .trim_end_matches(['[', ' ', ':', '"', '\'', '\\']);
        let is_list = ["loc", "path", "keys"]
            .iter()
            .any(|name| list.ends_with(name));
        let is_patch = before.ends_with('/')
            && before
                .get(key..)
                .is_some_and(|member| ["op\"", "op'", "op\\"].iter().any(|op| member.contains(op)));
        let opening = floor + before.rfind(char::from(quote))?;
        let path = text.get(opening + 1..start)?;
        let head = text.get(floor..opening)?.trim_end_matches('\\').trim_end();
        let head = head
            .strip_suffix(':')
            .map(|head| head.trim_end_matches([' ', '"', '\'', '\\']));
        let word = head.and_then(|head| head.rsplit(|c: char| !c.is_ascii_alphanumeric()).next());
        let is_path = word.is_some_and(|word| leads_to_value(word, path)) && looks_like_name(path);
        (is_list || is_patch || is_path).then_some((opening, opening))
    }

    /// Returns the end of the text that belongs to a name: a part of a form, an element, or an
    /// object.
    fn named_end(&self, start: usize, opening: usize) -> usize {
        let ends = &self.ends;
        let rest = ends.from(start);
        if self.is_in_tag(opening) {
            let tag = rest.find('>').unwrap_or(rest.len());
            if rest.get(..tag).is_some_and(|tag| tag.ends_with('/')) {
                return start + tag - 1;
            }
            let content = rest.part(tag..);
            return start + tag + content.find("</").unwrap_or(content.len());
        }
        if rest.starts_with(['\n', '\r', ';']) || rest.starts_with("\\r") || rest.starts_with("\\n")
        {
            // One search, so that many parts of a form cost no more than their bytes.
            let mut hyphens = memchr::memmem::find_iter(rest.as_bytes(), b"--");
            let boundary = hyphens.find_map(|at| {
                let before = rest.get(..at)?;
                before
                    .strip_suffix('\n')
                    .or_else(|| before.strip_suffix("\\n"))
                    .map(str::len)
            });
            return start + boundary.unwrap_or(rest.len());
        }
        // The first bracket of the object stands before this place.
        ends.rest_of_object(start)
    }
}

/// Returns whether a member of an object calls its value a name, or a path to the value, and the
/// name is whole. A text is a key if a colon stands behind it.
fn has_name(members: &str) -> bool {
    /// More than the names in a path have quotes.
    const MOST_PARTS: usize = 64;
    let mut texts = members.split(['"', '\'']);
    while let Some(key) = texts.next() {
        let key = key.trim_end_matches('\\');
        let mut next = texts.clone();
        let Some(sign) = next.next().and_then(|sign| sign.trim().strip_prefix(':')) else {
            continue;
        };
        let value = next.clone().next().unwrap_or_default();
        let is_name = match sign.trim_matches([' ', '\\']) {
            // Something must come behind the value's last quote.
            "" => (is_name_key(key) || leads_to_value(key, value)) && next.nth(1).is_some(),
            "[" => {
                let mut elements = next.take(MOST_PARTS);
                is_path_key(key) && elements.any(|text| text.trim_start().starts_with(']'))
            }
            _ => false,
        };
        if is_name {
            return true;
        }
    }
    false
}

/// Returns whether a tag that was cut off has a whole attribute that calls its value a name.
fn has_name_attribute(tag: &str) -> bool {
    let mut parts = tag.split(['"', '\'']);
    while let (Some(key), Some(_), true) =
        (parts.next(), parts.next(), parts.clone().next().is_some())
    {
        let key = key.trim_end().trim_end_matches('=').trim_end();
        if key
            .rsplit(char::is_whitespace)
            .next()
            .is_some_and(is_name_key)
        {
            return true;
        }
    }
    false
}

/// Returns whether each element that begins in a text of XML ends in it, and no other ends.
fn holds_whole_elements(xml: &str) -> bool {
    let mut depth = 0_usize;
    for tag in xml.split('<').skip(1) {
        let is_empty = tag.split('>').next().is_some_and(|tag| tag.ends_with('/'));
        if !tag.starts_with('/') {
            depth += usize::from(!is_empty);
        } else if depth > 0 {
            depth -= 1;
        } else {
            return false;
        }
    }
    depth == 0
}

/// Returns the text behind the marks that it starts with, which belong to a name before it.
fn behind_marks<'t>(before: &str, text: &'t str) -> &'t str {
    let marks = text.trim_start_matches(['*', '?', '!', '~', '^', '+']);
    let is_around = |mark: char| before.ends_with(mark);
    let inside = || marks.part(1..);
    match marks.bytes().next() {
        Some(b'#') => inside().trim_start_matches(|c: char| c.is_ascii_digit()),
        Some(b'(') => behind_word(inside(), ")"),
        Some(b' ') if marks.starts_with(" (") => behind_word(marks.part(2..), ")"),
        Some(b'[') => behind_colour(marks),
        Some(b'<') if marks.starts_with("</") => behind_word(marks.part(2..), ">"),
        Some(b')') if is_around('(') => inside(),
        Some(b'}') if is_around('{') => inside(),
        Some(b'%') if is_around('%') => inside(),
        _ => marks,
    }
}

/// Returns the text behind the colour of a terminal that has lost its first character: `[0m`.
fn behind_colour(text: &str) -> &str {
    let codes = text.part(1..);
    let behind = codes.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';');
    behind.strip_prefix('m').unwrap_or(text)
}

/// Returns the text behind a word and a closing mark; the text itself if they do not stand there.
fn behind_word<'t>(text: &'t str, mark: &str) -> &'t str {
    let behind = text.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || "_-".contains(c));
    behind.strip_prefix(mark).unwrap_or(text)
}

/// Returns the last bytes of a text, in which a member beside a name is looked for.
fn tail(text: &str) -> &str {
    const LONGEST: usize = 4_096;
    text.part(text.ceil_char_boundary(text.len().saturating_sub(LONGEST))..)
}

/// Returns whether a colon between these texts belongs to an address: before the port of a host, or
/// in an ARN.
fn is_in_address(before: &str, next: &str) -> bool {
    let is_host = before.ends_with("//") || before.ends_with('@');
    let is_port = is_host && next.starts_with(|c: char| c.is_ascii_digit());
    let start = before.ceil_char_boundary(before.len().saturating_sub(LONGEST_KEY));
    let word = before
        .part(start..)
        .rsplit([' ', '"', '\'', '=', ',', '(', '/'])
        .next();
    is_port || word.is_some_and(|word| word.starts_with("arn:"))
}
