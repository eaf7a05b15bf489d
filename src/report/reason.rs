//! The part of a rejection that may be shown: names, and nothing of the document.

use std::fmt;

use crate::bulk::Rejection;

/// The reason for which a document was rejected, in words that quote nothing of it.
///
/// Elasticsearch's own reason may quote a value, so it is never shown. Only the names of a field
/// and of its type are taken from it. They stand in a fixed place before any value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    status: u16,
    kind: String,
    field: Option<(String, String)>,
}

impl Reason {
    /// Takes the names out of a rejection.
    #[must_use]
    pub fn of(rejection: &Rejection) -> Self {
        Self {
            status: rejection.status,
            kind: name(&rejection.kind).unwrap_or_default().to_owned(),
            field: field(&rejection.reason),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.status)?;
        if !self.kind.is_empty() {
            write!(formatter, " {}", self.kind)?;
        }
        match &self.field {
            Some((field, kind)) => write!(formatter, ", field {field} of type {kind}"),
            None => Ok(()),
        }
    }
}

/// Returns the field and type of `[1:42] failed to parse field [http.version] of type [ip] in
/// document with id …`. Older versions leave out the first brackets.
fn field(reason: &str) -> Option<(String, String)> {
    let (_, rest) = match reason.strip_prefix('[') {
        Some(place) => place.split_once("] ")?,
        None => ("", reason),
    };
    let rest = rest.strip_prefix("failed to parse field [")?;
    let (field, rest) = rest.split_once("] of type [")?;
    let (kind, _) = rest.split_once(']')?;
    Some((name(field)?.to_owned(), name(kind)?.to_owned()))
}

/// Returns the text if it is a name of Elasticsearch's: short, and without anything that a terminal
/// would act upon.
fn name(text: &str) -> Option<&str> {
    const LONGEST: usize = 100;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '@' | '-');
    (text.len() <= LONGEST && text.chars().all(is_plain)).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(kind: &str, reason: &str) -> String {
        let rejection = Rejection {
            status: 400,
            kind: kind.to_owned(),
            reason: reason.to_owned(),
        };
        Reason::of(&rejection).to_string()
    }

    #[test]
    fn a_reason_names_the_field_and_quotes_nothing() {
        let kind = "document_parsing_exception";
        let with_field =
            "400 document_parsing_exception, field http.response.status_code of type ip";
        for (server, expected) in [
            (
                "[1:42] failed to parse field [http.response.status_code] of type [ip] in document with id 'x'. Preview: 'hush'",
                with_field,
            ),
            (
                "failed to parse field [http.response.status_code] of type [ip]",
                with_field,
            ),
            ("hush", "400 document_parsing_exception"),
            (
                "[1:2] hush: failed to parse field [a] of type [b]",
                "400 document_parsing_exception",
            ),
            (
                "failed to parse field [hush\u{1b}[2J] of type [ip]",
                "400 document_parsing_exception",
            ),
        ] {
            assert_eq!(reason(kind, server), expected, "{server}");
        }
        assert_eq!(reason("\u{1b}]0;hush\u{7}", ""), "400");
        assert_eq!(reason(&"x".repeat(101), ""), "400");
    }
}
