//! What is done for each thing, and how that is said.

use std::fmt;
use std::time::Duration;

use super::SetupError;
use super::answer::{denied, reason};
use crate::server::{Put, Templates};

/// What is done for one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// It is put, and was not there.
    Create(Subject, Put),
    /// It is put in the place of another version, or of somebody else's.
    Update(Subject, Put),
    /// It is there.
    Unchanged(Subject),
    /// It is there, for users to change.
    Users(Subject),
    /// Fleet manages it, and what belongs to it.
    Fleet(Subject),
    /// The server has no index state management.
    NoPlugin(Subject),
}

/// What a step is about, as in `index template logs-x`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject(pub(super) String);

impl fmt::Display for Subject {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Display for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Create(subject, _) => write!(formatter, "created {subject}"),
            Self::Update(subject, _) => write!(formatter, "updated {subject}"),
            Self::Unchanged(subject) => write!(formatter, "left {subject}: it is up to date"),
            Self::Users(subject) => write!(formatter, "left {subject}: it is yours to change"),
            Self::Fleet(subject) => write!(
                formatter,
                "left {subject}, and what belongs to it: Fleet manages it"
            ),
            Self::NoPlugin(subject) => write!(
                formatter,
                "left out {subject}: the server has no index state management, so roll the data stream over by other means"
            ),
        }
    }
}

impl Step {
    /// What is to be sent, if anything.
    #[must_use]
    pub fn put(&self) -> Option<&Put> {
        match self {
            Self::Create(_, put) | Self::Update(_, put) => Some(put),
            Self::Unchanged(_) | Self::Users(_) | Self::Fleet(_) | Self::NoPlugin(_) => None,
        }
    }

    /// Sends it.
    ///
    /// # Errors
    /// [`SetupError`] if the server does not take it.
    pub async fn send<S: Templates>(
        &self,
        server: &S,
        timeout: Duration,
    ) -> Result<(), SetupError> {
        let (Self::Create(subject, put) | Self::Update(subject, put)) = self else {
            return Ok(());
        };
        let reply = server.put(put, timeout).await?;
        match reply.status {
            200..=299 => Ok(()),
            401 | 403 => Err(denied(&reply)),
            status => Err(SetupError::Refused {
                asset: subject.to_string(),
                status,
                reason: reason(&reply),
            }),
        }
    }
}
