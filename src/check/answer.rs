//! Replies of a server to questions about itself.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;

use super::Finding;
use crate::printable::printable;
use crate::server::{Reply, ReplyError};

/// Upper bound on the length of a reason in characters.
pub(super) const LONGEST_REASON: usize = 300;

/// The first two numbers of a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Version(pub(super) u32, pub(super) u32);

impl Version {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.split('.').map(str::parse);
        Some(Self(numbers.next()?.ok()?, numbers.next()?.ok()?))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.0, self.1)
    }
}

/// The reply to `_has_privileges`.
#[derive(Deserialize)]
pub(super) struct Privileges {
    pub(super) has_all_requested: bool,
    #[serde(default)]
    index: BTreeMap<String, BTreeMap<String, bool>>,
}

impl Privileges {
    /// Returns each missing privilege with its data stream.
    pub(super) fn missing(&self) -> Vec<String> {
        let mut missing = Vec::new();
        for (name, privileges) in &self.index {
            for (privilege, is_granted) in privileges {
                if !is_granted {
                    missing.push(format!(
                        "`{privilege}` on {}",
                        printable(name, LONGEST_REASON)
                    ));
                }
            }
        }
        missing
    }
}

/// The reply to `_data_stream/NAME`.
#[derive(Deserialize)]
pub(super) struct DataStreams {
    pub(super) data_streams: Vec<DataStreamState>,
}

#[derive(Deserialize)]
pub(super) struct DataStreamState {
    name: String,
    #[serde(default)]
    status: String,
    #[serde(default)]
    template: String,
    index_mode: Option<String>,
    failure_store: Option<FailureStore>,
}

#[derive(Deserialize)]
struct FailureStore {
    #[serde(default)]
    enabled: bool,
}

impl DataStreamState {
    pub(super) fn finding(&self, check: &'static str) -> Finding {
        let mode = self.index_mode.as_deref().unwrap_or("standard");
        let failure_store = match &self.failure_store {
            Some(FailureStore { enabled: true }) => "with a failure store",
            _ => "without a failure store",
        };
        let message = format!(
            "{} is {}, made by {}, in index mode {}, {failure_store}",
            printable(&self.name, LONGEST_REASON),
            printable(&self.status.to_lowercase(), LONGEST_REASON),
            printable(&self.template, LONGEST_REASON),
            printable(mode, LONGEST_REASON),
        );
        if self.status.eq_ignore_ascii_case("red") {
            let remedy = "look at the cluster: some of its shards are lost";
            return Finding::failed(check, message, remedy);
        }
        Finding::passed(check, message)
    }
}

/// Returns an error as a sentence that is safe to show.
pub(super) fn sentence(error: &ReplyError) -> String {
    let sentence = match error {
        ReplyError::Sentence(text) => text.clone(),
        ReplyError::Detailed { r#type, reason, .. } => format!("{type}: {reason}"),
    };
    printable(&sentence, LONGEST_REASON).to_string()
}

#[derive(Deserialize)]
struct Deleted {
    deleted: u64,
}

/// Reads how many documents were deleted.
pub(super) fn deleted(reply: &Reply) -> Option<u64> {
    let answer: Deleted = serde_json::from_slice(&reply.body).ok()?;
    Some(answer.deleted)
}
