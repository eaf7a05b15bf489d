//! A log line, its result, and the problems that it may have.

use bumpalo::Bump;
use bumpalo::collections::Vec as ArenaVec;

use crate::ecs::Document;
use crate::json::JsonText;

/// A log line, with what CloudWatch says of it.
#[derive(Debug, Clone, Copy)]
pub struct LogLine<'a> {
    /// The account that owns the log.
    pub owner: &'a str,
    /// The account that logged the line into a central log group; empty if CloudWatch does not say.
    pub account: &'a str,
    /// The region in which the line was logged; empty if CloudWatch does not say.
    pub region: &'a str,
    /// The log group.
    pub log_group: &'a str,
    /// The log stream.
    pub log_stream: &'a str,
    /// CloudWatch's id of the event.
    pub event_id: &'a str,
    /// CloudWatch's time of the event, in milliseconds since 1970, for lines without a time of
    /// their own.
    pub event_time: i64,
    /// The line.
    pub message: JsonText<'a>,
}

impl<'a> LogLine<'a> {
    /// Makes a line of which CloudWatch says nothing but its time.
    #[must_use]
    pub fn alone(message: &'a str, event_time: i64) -> Self {
        let message = JsonText::plain(message);
        Self {
            owner: "",
            account: "",
            region: "",
            log_group: "",
            log_stream: "",
            event_id: "",
            event_time,
            message,
        }
    }

    /// Returns the line with its text unescaped.
    #[must_use]
    pub fn unescaped(self, arena: &'a Bump) -> Self {
        Self {
            message: JsonText::plain(self.message.text(arena)),
            ..self
        }
    }
}

/// The result of normalizing a line.
#[derive(Debug)]
pub enum Normalized<'a> {
    /// One document; several if the line holds several objects.
    Documents(ArenaVec<'a, &'a mut Document<'a>>),
    /// Nothing to keep: a blank line, a control message, or an unwanted execution log.
    Skipped,
}

impl<'a> Normalized<'a> {
    pub(super) fn one(document: &'a mut Document<'a>, arena: &'a Bump) -> Self {
        Self::Documents(bumpalo::vec![in arena; document])
    }

    pub(super) fn several(documents: ArenaVec<'a, &'a mut Document<'a>>) -> Self {
        if documents.is_empty() {
            Self::Skipped
        } else {
            Self::Documents(documents)
        }
    }
}

/// Sentences of `error.message` for lines that were not understood at all.
pub(super) const NO_KNOWN_FORM: &str = "the line has none of the forms of API Gateway's logs that are read (JSON, CLF, key: value): it is kept as it is";
pub(super) const NO_KNOWN_KEY: &str =
    "the line is JSON, but has no key of an access log: it is kept as it is";
pub(super) const ANOTHER_PROGRAMS: &str = "the line has keys of an access log, but what it says is another program's: it is kept as it is";
pub(super) const NO_WHOLE_JSON: &str =
    "the line is not whole JSON, and shows no key of an access log: it is kept as it is";
pub(super) const TOO_MANY_OBJECTS: &str =
    "the line holds more than 1,000 objects: the rest of it is kept as it is";

/// The reason why a line was not read to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// It ends before the object does.
    Cut,
    /// Something other than a key follows.
    Lost,
    /// Other text follows the object.
    Followed,
}

impl Stop {
    /// Returns the sentence for `error.message`.
    pub(super) fn problem(self) -> &'static str {
        match self {
            Self::Cut => "the line is cut off: the pairs that stand whole in it were read",
            Self::Lost => "the line is not JSON from some pair on: the pairs before it were read",
            Self::Followed => {
                "other text follows the JSON object: it stands in event.original only"
            }
        }
    }
}
