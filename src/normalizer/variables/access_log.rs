//! The variables that an access-log line holds, in any form and spelling.

use std::cell::Cell;
use std::collections::HashSet;
use std::ops::Range;

use bumpalo::Bump;
use bumpalo::collections::Vec as ArenaVec;
use memchr::memchr;
use serde_json::value::RawValue;

use super::aliases::{HAS_OWN_NAMES, Variable};
use super::duplicates::without_duplicate_keys;
use super::form::{self, RequestLine};
use super::meaning::{Meaning, is_everybodys, is_of_context, meaning, rank};
use super::value::{
    Entry, MAX_DEPTH, counts_more, flattened, is_absent, is_indexable, join, present, quoted_again,
    repaired, text_of,
};
use crate::ecs::{FlatValue, Flattened};
use crate::json::{Escapes, JsonText, Malformed, Scanner, Value, repair_surrogates};
use crate::normalizer::convert::timestamp;
use crate::normalizer::line::Stop;
use crate::normalizer::mask::{
    Names, PlacedValue, hides_object, is_suspicious, keys_in_open_objects, mask, mask_parts,
    mask_places,
};
use crate::parts::Parts;

/// The variables of one line. Values are borrowed from the line and unescaped only on demand.
pub(crate) struct AccessLog<'a> {
    arena: &'a Bump,
    /// The known keys, in the order of the line.
    entries: ArenaVec<'a, Entry<'a>>,
    /// For each variable, one more than its place in `entries`; 0 if the line does not have it.
    places: [u16; Variable::COUNT],
    /// For each variable, whether its value was found to hold no credential.
    ///
    /// Perf: looking once at a value that fills several fields saves 336 instructions for a REST
    /// line.
    is_clean: [Cell<bool>; Variable::COUNT],
    claims: ArenaVec<'a, Entry<'a>>,
    context: ArenaVec<'a, Entry<'a>>,
    unmapped: ArenaVec<'a, Entry<'a>>,
    /// Unknown keys without a value. They only serve as evidence of who wrote the line.
    empty: ArenaVec<'a, &'a str>,
    format: &'static str,
    repairs: ArenaVec<'a, &'static str>,
    /// True if the line has a known format, so that it certainly belongs to an access log.
    pub(crate) is_certain: bool,
    /// True if no key of the line is in double quotes, as in objects that Python and Node print.
    is_inspected: bool,
    /// True if a value had a repeated key inside.
    repeats_inside: bool,
    /// The values of the text that was read, if the text is not JSON.
    parts: ArenaVec<'a, PlacedValue<'a>>,
    /// The places of credentials that only the format tells.
    hidden: ArenaVec<'a, Range<usize>>,
    /// The reason why the line was not read to its end.
    pub(crate) stop: Option<Stop>,
}

/// `U+FFFD` replaces bytes that are not UTF-8, or half of a surrogate pair.
const REPLACED_CHARACTERS: &str = "replaced_characters";

/// A value is longer than any index accepts.
const LONG_VALUES: &str = "long_values";

/// A key occurs twice in the line.
const DUPLICATE_KEYS: &str = "duplicate_keys";

fn is_named_integration_status(key: &str) -> bool {
    rank(key) == rank("integrationStatus")
}

/// Returns whether a path has a parameter in braces: `/orders/{id}`.
fn has_parameter(path: &str) -> bool {
    // Perf: hardly a path has a brace. Looking for one first saves 265 of 351 instructions.
    if memchr(b'{', path.as_bytes()).is_none() {
        return false;
    }
    let after_brace = path.split_once("/{").map(|(_, rest)| rest);
    after_brace
        .and_then(|rest| rest.split_once('}'))
        .is_some_and(|(name, rest)| {
            let is_name =
                |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '+' | '$');
            !name.is_empty()
                && name.chars().all(is_name)
                && (rest.is_empty() || rest.starts_with('/'))
        })
}

impl<'a> AccessLog<'a> {
    /// An empty log for a line in one of the formats `json`, `clf`, `key_value` and `request_id`.
    pub(crate) fn new(arena: &'a Bump, format: &'static str) -> Self {
        let list = || ArenaVec::new_in(arena);
        Self {
            arena,
            entries: ArenaVec::with_capacity_in(32, arena),
            places: [0; Variable::COUNT],
            is_clean: [const { Cell::new(false) }; Variable::COUNT],
            claims: list(),
            context: list(),
            unmapped: list(),
            empty: ArenaVec::new_in(arena),
            is_inspected: false,
            is_certain: false,
            format,
            repairs: ArenaVec::new_in(arena),
            repeats_inside: false,
            parts: ArenaVec::new_in(arena),
            hidden: ArenaVec::new_in(arena),
            stop: None,
        }
    }

    /// Hides the values of a repaired or cut line that stand beside the name of a credential. A quote
    /// that nobody escaped may leave the name in the value of one key, and the credential in
    /// another's. The name may also be half a value, which only the line has, or that of an object
    /// which such a quote cuts into members.
    pub(crate) fn hide_named_values(&mut self, line: JsonText<'a>) {
        if !self.is_repaired() && self.stop.is_none() {
            return;
        }
        let line = line.text(self.arena);
        let text = |value: &FlatValue<'a>| match *value {
            FlatValue::Text(text) => text,
            FlatValue::Json(json) => json.get(),
        };
        let values = self.entries.iter().chain(&self.unmapped);
        let values = values.map(|(key, value)| (*key, text(value)));
        let placed = self.parts.iter();
        let placed = placed.map(|part| (part.key, line.part(part.place.clone())));
        let names = Names::of(values.chain(placed));
        let inside = keys_in_open_objects(line, &self.parts);
        let is_inside = |key: &str| {
            let mut objects = inside.iter().filter_map(|object| key.strip_prefix(object));
            objects.any(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        for (key, value) in self.entries.iter_mut().chain(&mut self.unmapped) {
            if names.names(key, text(value)) || is_inside(key) {
                *value = FlatValue::Text("***");
            }
        }
    }

    /// Walks a nested object and joins the keys of its members to its own.
    fn read_object(&mut self, prefix: &str, json: &'a str, depth: u8) -> Result<(), Malformed> {
        let mut scanner = Scanner::new(json);
        scanner.take(b'{')?;
        let mut is_first = true;
        while scanner.has_next(is_first, b'}')? {
            is_first = false;
            let key = join(self.arena, prefix, &scanner.key()?);
            match scanner.value()? {
                Value::Plain(text) => self.push(key, FlatValue::Text(text)),
                Value::Json(json) => self.push_json(key, json, depth),
            }
        }
        scanner.end()
    }

    /// Adds a key and its JSON value. Of an object it adds the members, unless it is nested too
    /// deep.
    pub(crate) fn push_json(&mut self, key: &'a str, value: &'a RawValue, depth: u8) {
        let value = repaired(self.arena, value);
        let json = value.get();
        // The quotes of `messageString` are API Gateway's own, and prove that the text is an
        // error's.
        let is_message = || meaning(key) == Meaning::Variable(Variable::ErrorMessageString);
        if let Some(text) = quoted_again(self.arena, json)
            && !is_message()
        {
            // A variable without a value has none, even with extra quotes.
            if let Some(text) = present(text) {
                self.push(key, FlatValue::Text(text));
            }
            return;
        }
        let is_walked = depth < MAX_DEPTH && json.starts_with('{') && json != "{}";
        if is_walked && meaning(key) == Meaning::Secret && hides_object(key, json) {
            return;
        }
        if !is_walked || self.read_object(key, json, depth + 1).is_err() {
            let unique = json
                .starts_with(['{', '['])
                .then(|| without_duplicate_keys(self.arena, value))
                .flatten();
            self.repeats_inside |= unique.is_some();
            self.push(key, FlatValue::Json(unique.unwrap_or(value)));
        }
    }

    /// Adds a key and its value. The last value of a repeated key counts. If several keys name one
    /// variable, the first of them in the table that has a value wins. The other values are kept as
    /// unmapped.
    pub(crate) fn push(&mut self, key: &'a str, value: FlatValue<'a>) {
        self.push_meant(meaning(key), key, value);
    }

    pub(crate) fn push_meant(&mut self, meaning: Meaning, key: &'a str, value: FlatValue<'a>) {
        match meaning {
            Meaning::Variable(variable) if self.has(variable) => {
                self.push_again(variable, (key, value))
            }
            Meaning::Variable(variable) => self.push_first(variable, (key, value)),
            Meaning::Likely(variable) => self.push_likely(variable, key, value),
            Meaning::Unknown if is_absent(value) => self.empty.push(key),
            _ if is_absent(value) => {}
            Meaning::Claim(start) => self.claims.push((self.flat_key(key, start), value)),
            Meaning::AuthorizerContext(start) => {
                self.context.push((self.flat_key(key, start), value))
            }
            Meaning::Unknown => self.unmapped.push((self.flat_key(key, 0), value)),
            Meaning::Secret => {}
        }
    }

    /// Adds a value of a key that means the variable only if the value has its form.
    fn push_likely(&mut self, variable: Variable, key: &'a str, value: FlatValue<'a>) {
        let text = text_of(self.arena, value).and_then(present);
        let meaning = match text {
            None => Meaning::Variable(variable),
            Some(text) => form::settled(variable, text).map_or(Meaning::Unknown, Meaning::Variable),
        };
        self.push_meant(meaning, key, value);
    }

    /// Returns the rest of a key in a form that a `flattened` field accepts: a key with a NUL would
    /// be rejected.
    fn flat_key(&self, key: &'a str, start: usize) -> &'a str {
        let key = key.part(start..);
        if key.contains('\0') {
            self.arena.alloc_str(&key.replace('\0', "\u{fffd}"))
        } else {
            key
        }
    }

    #[inline]
    pub(crate) fn push_first(&mut self, variable: Variable, entry: Entry<'a>) {
        self.entries.push(entry);
        if let Some(place) = self.places.get_mut(variable as usize) {
            *place = u16::try_from(self.entries.len()).unwrap_or(0);
        }
    }

    /// Adds another value of a variable that the line already has.
    fn push_again(&mut self, variable: Variable, entry: Entry<'a>) {
        self.forget_look(variable);
        let place = self
            .places
            .get(variable as usize)
            .map_or(0, |place| usize::from(*place));
        let Some(earlier) = place
            .checked_sub(1)
            .and_then(|index| self.entries.get_mut(index))
        else {
            return;
        };
        let repeats = earlier.0 == entry.0;
        let loser = if counts_more(entry, *earlier) {
            std::mem::replace(earlier, entry)
        } else {
            entry
        };
        let winner = earlier.0;
        let is_told =
            is_absent(loser.1) || text_of(self.arena, loser.1) == text_of(self.arena, earlier.1);
        // Beside the context's error message, another one is the integration's.
        let is_integrations = variable == Variable::ErrorMessage
            && is_of_context(winner)
            && !is_of_context(loser.0)
            && !self.has(Variable::IntegrationError);
        // Beside the function's status, `$context.integrationStatus` is the service's, as in AWS's
        // lists.
        let is_services = variable == Variable::IntegrationStatus
            && is_named_integration_status(loser.0)
            && !self.has(Variable::IntegrationServiceStatus);
        if is_told || variable == Variable::ApiKey {
            // Nothing is lost.
        } else if is_integrations {
            self.push_first(Variable::IntegrationError, loser);
        } else if is_services {
            self.push_first(Variable::IntegrationServiceStatus, loser);
        } else {
            self.unmapped.push(loser);
        }
        if repeats {
            self.note(DUPLICATE_KEYS);
        }
    }

    /// Notes a problem with the line, once.
    pub(crate) fn note(&mut self, repair: &'static str) {
        if !self.repairs.contains(&repair) {
            self.repairs.push(repair);
        }
    }

    /// Notes characters of the line that were or will be replaced when it is read.
    pub(crate) fn note_replaced(&mut self, JsonText { raw: text, escapes }: JsonText<'_>) {
        let is_replaced = memchr(0xef, text.as_bytes()).is_some() && text.contains('\u{fffd}');
        let has_escapes = || escapes != Escapes::Quotes && memchr(b'\\', text.as_bytes()).is_some();
        if is_replaced || (has_escapes() && !repair_surrogates(text).eq_ignore_ascii_case(text)) {
            self.note(REPLACED_CHARACTERS);
        }
    }

    /// Remembers the place of a value, so that it is masked by itself in the kept line.
    pub(crate) fn place(&mut self, key: &'a str, place: Range<usize>) {
        self.parts.push(PlacedValue { key, place });
    }

    /// Remembers the place of a credential.
    pub(crate) fn hide(&mut self, place: Range<usize>) {
        self.hidden.push(place);
    }

    /// Returns the text that was read, without credentials.
    pub(crate) fn masked(&self, text: &'a str) -> &'a str {
        let text = mask_places(text, &self.hidden, self.arena);
        mask_parts(text, &self.parts, self.arena)
    }

    /// Returns the problems of the line that did not prevent reading it.
    pub(crate) fn repairs(&self) -> &'a [&'static str] {
        self.arena.alloc_slice_copy(&self.repairs)
    }

    /// Returns whether the line should be JSON but is not.
    pub(crate) fn is_repaired(&self) -> bool {
        self.repairs.iter().any(|repair| *repair != DUPLICATE_KEYS)
    }

    /// Returns whether the line has more than one key that only access logs have.
    pub(crate) fn knows_several(&self) -> bool {
        self.entries
            .iter()
            .filter(|(key, _)| !is_everybodys(key))
            .count()
            > 1
    }

    /// Returns the form of the line.
    pub(crate) fn format(&self) -> &'static str {
        self.format
    }

    /// Returns the variable's value as text, as it is written, even a `-`; `None` if the line does
    /// not have it or has null.
    #[inline]
    pub(crate) fn raw_text(&self, variable: Variable) -> Option<&'a str> {
        match self.entry(variable)?.1 {
            // Perf: the common case, inline, saves 112 instructions for a REST line.
            FlatValue::Text(text) => Some(text),
            value => text_of(self.arena, value),
        }
    }

    /// Returns whether the variable's value is a number without quotes.
    pub(crate) fn is_number(&self, variable: Variable) -> bool {
        let json = self.entry(variable).and_then(|(_, value)| match value {
            FlatValue::Json(json) => Some(json.get()),
            FlatValue::Text(_) => None,
        });
        json.is_some_and(|json| json.starts_with(|c: char| c.is_ascii_digit()))
    }

    /// Returns the variable's value as text, without credentials; `None` if there is none.
    #[inline]
    pub(crate) fn text(&self, variable: Variable) -> Option<&'a str> {
        // Perf: most lines have few of all variables. Detecting a missing one without a call saves
        // 948 instructions for a REST line.
        if !self.has(variable) {
            return None;
        }
        self.present_text(variable)
    }

    fn present_text(&self, variable: Variable) -> Option<&'a str> {
        // Perf: not copying the entry saves 280 instructions for a REST line.
        let place = usize::from(*self.places.get(variable as usize)?);
        let (_, value) = self.entries.get(place.checked_sub(1)?)?;
        let text = match value {
            FlatValue::Text(text) => text,
            value => text_of(self.arena, *value)?,
        };
        Some(self.masked_value(variable, present(text)?))
    }

    /// Returns a variable's value without credentials.
    pub(crate) fn masked_value(&self, variable: Variable, text: &'a str) -> &'a str {
        let is_clean = self.is_clean.get(variable as usize);
        if is_clean.is_some_and(Cell::get) {
            return text;
        }
        if is_suspicious(text) {
            return mask(text, self.arena);
        }
        if let Some(is_clean) = is_clean {
            is_clean.set(true);
        }
        text
    }

    #[inline]
    pub(crate) fn has(&self, variable: Variable) -> bool {
        self.places
            .get(variable as usize)
            .is_some_and(|place| *place > 0)
    }

    /// Returns the variable's value, converted by `convert`. A text that cannot be converted is
    /// kept as unmapped.
    #[inline]
    pub(crate) fn converted<T>(
        &mut self,
        variable: Variable,
        convert: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        if !self.has(variable) {
            return None;
        }
        let text = self.raw_text(variable).and_then(present)?;
        let converted = convert(text);
        if converted.is_none() {
            self.keep_as_unmapped(variable);
        }
        converted
    }

    /// Keeps a variable's value that has no place in the document.
    pub(crate) fn keep_as_unmapped(&mut self, variable: Variable) {
        self.unmapped
            .extend(self.entry(variable).filter(|(_, value)| !is_absent(*value)));
    }

    /// Leaves out values of `claims`, `context` and `unmapped` that are longer than any index
    /// accepts, and notes that. Then the whole line is kept.
    pub(crate) fn drop_long_values(&mut self) {
        let mut is_dropped = false;
        for entries in [&mut self.claims, &mut self.context, &mut self.unmapped] {
            let before = entries.len();
            entries.retain(is_indexable);
            is_dropped |= entries.len() < before;
        }
        if is_dropped {
            self.note(LONG_VALUES);
        }
    }

    /// Returns whether an unknown key occurs twice, so that one of its values is in none of the
    /// fields, and notes that.
    pub(crate) fn loses_values(&mut self) -> bool {
        let repeats = |entries: &[Entry<'_>]| {
            let mut seen = HashSet::new();
            entries.len() > 1 && !entries.iter().all(|(key, _)| seen.insert(*key))
        };
        let loses = self.repeats_inside
            || [&self.claims, &self.context, &self.unmapped]
                .into_iter()
                .any(|entries| repeats(entries));
        if loses {
            self.note(DUPLICATE_KEYS);
        }
        loses
    }

    fn entry(&self, variable: Variable) -> Option<Entry<'a>> {
        let place = *self.places.get(variable as usize)?;
        self.entries
            .get(usize::from(place).checked_sub(1)?)
            .copied()
    }

    /// `$context.authorizer.claims.*`
    pub(crate) fn claims(&self) -> Option<Flattened<'a>> {
        flattened(self.arena, &self.claims)
    }

    /// `$context.authorizer.*`, the members that the authorizer itself has set.
    pub(crate) fn authorizer_context(&self) -> Option<Flattened<'a>> {
        flattened(self.arena, &self.context)
    }

    /// Every other key of the line.
    pub(crate) fn unmapped(&self) -> Option<Flattened<'a>> {
        flattened(self.arena, &self.unmapped)
    }

    /// Moves a path with braces to the resource's path: no client sends plain braces, and a
    /// template is not the requested URL.
    pub(crate) fn settle_path(&mut self) {
        let path = self.raw_text(Variable::Path);
        if !path.is_some_and(|path| path.starts_with('/') && has_parameter(path)) {
            return;
        }
        let Some(entry) = self.take(Variable::Path) else {
            return;
        };
        if !self.has_value(Variable::ResourcePath) {
            self.put(Variable::ResourcePath, entry);
        } else if self.raw_text(Variable::ResourcePath) != text_of(self.arena, entry.1) {
            self.unmapped.push(entry);
        }
    }

    /// Settles values whose key has another meaning than it says. The only id of a line is the
    /// request's, because API Gateway accepts no format without that. An error that API Gateway
    /// writes only for integrations is the integration's.
    pub(crate) fn settle_meanings(&mut self) {
        use Variable as V;
        let has_only_aws_id = !self.has(V::RequestId)
            && !self.has(V::ExtendedRequestId)
            && self
                .key(V::IntegrationRequestId)
                .is_some_and(|key| rank(key) == rank("awsRequestId"));
        if has_only_aws_id && let Some(entry) = self.take(V::IntegrationRequestId) {
            self.put(V::RequestId, entry);
        }
        let is_integrations = self.has(V::ErrorMessage)
            && !self.has_value(V::IntegrationError)
            && self
                .raw_text(V::ErrorMessage)
                .is_some_and(form::is_integration_message);
        if is_integrations && let Some(entry) = self.take(V::ErrorMessage) {
            self.put(V::IntegrationError, entry);
        }
    }

    /// Removes a variable.
    fn take(&mut self, variable: Variable) -> Option<Entry<'a>> {
        let entry = self.entry(variable);
        self.forget_look(variable);
        if let Some(place) = self.places.get_mut(variable as usize) {
            *place = 0;
        }
        entry
    }

    /// Returns all keys and values of the line, as texts.
    pub(crate) fn all_texts(&self) -> impl Iterator<Item = (&'a str, &'a str)> + '_ {
        [&self.entries, &self.claims, &self.context, &self.unmapped]
            .into_iter()
            .flatten()
            .filter_map(|(key, value)| Some((*key, text_of(self.arena, *value)?)))
    }

    /// Removes a variable whose value has found its place.
    pub(crate) fn forget(&mut self, variable: Variable) {
        self.take(variable);
    }

    /// Returns the key of the variable's value.
    pub(crate) fn key(&self, variable: Variable) -> Option<&'a str> {
        self.entry(variable).map(|(key, _)| key)
    }

    /// Returns whether the variable's value is a JSON list or object.
    pub(super) fn is_json_value(&self, variable: Variable) -> bool {
        let value = self.entry(variable).map(|(_, value)| value);
        matches!(value, Some(FlatValue::Json(json)) if json.get().starts_with(['[', '{']))
    }

    /// Returns the variables of the line with their keys.
    pub(super) fn variables(&self) -> impl Iterator<Item = (Variable, &'a str)> + '_ {
        let variables = (0..Variable::COUNT).filter_map(Variable::at);
        variables.filter_map(|variable| Some((variable, self.entry(variable)?.0)))
    }

    /// Returns the keys of the line that mean no variable.
    pub(super) fn unknown_keys(&self) -> impl Iterator<Item = &'a str> + '_ {
        let unmapped = self.unmapped.iter().map(|(key, _)| *key);
        unmapped.chain(self.empty.iter().copied())
    }

    /// Returns the keys of the line that mean no variable, with their values as texts.
    pub(super) fn unknown_texts(&self) -> impl Iterator<Item = (&'a str, &'a str)> + '_ {
        let unmapped = self.unmapped.iter();
        unmapped.filter_map(|(key, value)| Some((*key, text_of(self.arena, *value)?)))
    }

    /// Returns whether no key of the line is in double quotes.
    pub(super) fn is_inspected(&self) -> bool {
        self.is_inspected
    }

    /// Notes that no key of the line is in double quotes.
    pub(crate) fn note_inspected(&mut self) {
        self.is_inspected = true;
    }

    /// Returns whether every key of the line is known, and none is the mark of another program.
    pub(super) fn is_plain(&self) -> bool {
        self.unmapped.is_empty() && self.empty.is_empty() && !self.is_inspected
    }

    /// Returns the number of known keys.
    pub(super) fn known_keys(&self) -> usize {
        self.entries.len()
    }

    /// Returns whether any key is one that only access logs have.
    pub(crate) fn has_own_name(&self) -> bool {
        // Perf: nearly every access log has a variable that only access logs have. Looking for it
        // first saves 1,692 instructions for a REST line.
        let mut variables = self.places.iter().zip(HAS_OWN_NAMES.iter());
        variables.any(|(place, is_own)| *place > 0 && *is_own)
            || self.entries.iter().any(|(key, _)| !is_everybodys(key))
    }

    /// Gives missing variables the values of unknown keys that are recognisable by their form.
    pub(crate) fn adopt_shown_values(&mut self) {
        let mut index = 0;
        while let Some((key, value)) = self.unmapped.get(index).copied() {
            let text = text_of(self.arena, value).and_then(present);
            if text
                .and_then(RequestLine::of)
                .is_some_and(|line| self.adopt_request_line(key, &line))
            {
                self.unmapped.remove(index);
                continue;
            }
            let shown = text.and_then(form::shown);
            // A time that API Gateway wrote counts more than a number under the key of a time.
            let displaces = |variable| {
                variable == Variable::RequestTime
                    && self
                        .raw_text(variable)
                        .is_some_and(|time| timestamp::request_time(time).is_none())
            };
            let displaced = shown
                .filter(|variable| displaces(*variable))
                .and_then(|variable| self.take(variable));
            self.unmapped.extend(displaced);
            match shown.filter(|variable| !self.has_value(*variable)) {
                Some(variable) => {
                    self.unmapped.remove(index);
                    self.put(variable, (key, value));
                }
                None => index += 1,
            }
        }
    }

    /// Splits a request line into its parts, unless the line has them already.
    fn adopt_request_line(&mut self, key: &'a str, line: &RequestLine<'a>) -> bool {
        use Variable as V;
        let is_template = line.target.contains('{');
        let parts = match line.protocol {
            None if is_template => return false,
            None => [
                (V::HttpMethod, Some(line.method)),
                (V::Path, Some(line.target)),
                (V::Protocol, None),
            ],
            Some(_) => {
                let target = if is_template {
                    V::ResourcePath
                } else {
                    V::Path
                };
                [
                    (V::HttpMethod, Some(line.method)),
                    (target, Some(line.target)),
                    (V::Protocol, line.protocol),
                ]
            }
        };
        let told = parts
            .into_iter()
            .filter_map(|(variable, text)| Some((variable, text?)));
        let is_free = told.clone().all(|(variable, text)| {
            !self.has_value(variable) || self.raw_text(variable) == Some(text)
        });
        if is_free {
            told.for_each(|(variable, text)| self.put(variable, (key, FlatValue::Text(text))));
        }
        is_free
    }

    /// Forgets that a variable's value was looked at, because it changes.
    fn forget_look(&self, variable: Variable) {
        if let Some(is_clean) = self.is_clean.get(variable as usize) {
            is_clean.set(false);
        }
    }

    /// Returns whether the line has a value for the variable.
    pub(crate) fn has_value(&self, variable: Variable) -> bool {
        self.entry(variable)
            .is_some_and(|(_, value)| !is_absent(value))
    }

    /// Sets the value of a variable.
    fn put(&mut self, variable: Variable, entry: Entry<'a>) {
        self.forget_look(variable);
        let place = self
            .places
            .get(variable as usize)
            .map_or(0, |place| usize::from(*place));
        match place
            .checked_sub(1)
            .and_then(|index| self.entries.get_mut(index))
        {
            Some(earlier) => *earlier = entry,
            None => self.push_first(variable, entry),
        }
    }
}
