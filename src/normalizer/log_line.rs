//! What is normalized.

use bumpalo::Bump;

use crate::json::JsonText;

/// A log line, and what CloudWatch says of it.
#[derive(Debug, Clone, Copy)]
pub struct LogLine<'a> {
    /// The account whose log it is.
    pub owner: &'a str,
    /// The log group.
    pub log_group: &'a str,
    /// The log stream.
    pub log_stream: &'a str,
    /// CloudWatch's id of the event.
    pub event_id: &'a str,
    /// CloudWatch's time of the event, in milliseconds since 1970: for lines that tell no time of their own.
    pub event_time: i64,
    /// The line.
    pub message: JsonText<'a>,
}

impl<'a> LogLine<'a> {
    /// A line of which CloudWatch says nothing but its time.
    #[must_use]
    pub fn alone(message: &'a str, event_time: i64) -> Self {
        let message = JsonText::plain(message);
        Self {
            owner: "",
            log_group: "",
            log_stream: "",
            event_id: "",
            event_time,
            message,
        }
    }

    /// With the line itself, whatever stood for it.
    #[must_use]
    pub fn unescaped(self, arena: &'a Bump) -> Self {
        Self {
            message: JsonText::plain(self.message.text(arena)),
            ..self
        }
    }
}
