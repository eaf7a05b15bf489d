//! Subscription messages of CloudWatch Logs that somebody has stored as lines.
//!
//! Source: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html>.

use std::borrow::Cow;

use bumpalo::Bump;
use serde::Deserialize;

use crate::json::JsonText;
use crate::normalizer::line::LogLine;

/// The message of a subscription.
#[derive(Deserialize)]
#[serde(tag = "messageType")]
pub(crate) enum Envelope<'a> {
    /// A probe of the destination, without content.
    #[serde(rename = "CONTROL_MESSAGE")]
    Control,
    /// A message with log events.
    #[serde(rename = "DATA_MESSAGE", borrow)]
    Data(EnvelopeData<'a>),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EnvelopeData<'a> {
    #[serde(borrow)]
    owner: Cow<'a, str>,
    #[serde(borrow)]
    log_group: Cow<'a, str>,
    #[serde(borrow)]
    log_stream: Cow<'a, str>,
    #[serde(borrow)]
    log_events: Vec<EnvelopeEvent<'a>>,
}

#[derive(Deserialize)]
struct EnvelopeEvent<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    timestamp: i64,
    #[serde(borrow)]
    message: Cow<'a, str>,
}

/// Reads a line; `None` if it is not such a message.
pub(crate) fn read(text: &str) -> Option<Envelope<'_>> {
    serde_json::from_str(text).ok()
}

impl EnvelopeData<'_> {
    /// Returns the lines inside.
    pub(crate) fn lines<'a>(&self, arena: &'a Bump) -> Vec<LogLine<'a>> {
        let [owner, log_group, log_stream] =
            [&self.owner, &self.log_group, &self.log_stream].map(|text| &*arena.alloc_str(text));
        let line = |event: &EnvelopeEvent<'_>| LogLine {
            owner,
            account: "",
            region: "",
            log_group,
            log_stream,
            event_id: arena.alloc_str(&event.id),
            event_time: event.timestamp,
            message: JsonText::plain(arena.alloc_str(&event.message)),
        };
        self.log_events.iter().map(line).collect()
    }
}
