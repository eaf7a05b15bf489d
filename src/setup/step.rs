//! The steps of a setup, and the lines that it prints for them.

use std::fmt;
use std::time::Duration;

use super::SetupError;
use super::answer::{is_confirmation, reason, unanswered};
use crate::server::{Put, Templates};

/// The step for one asset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Puts a missing asset.
    Create(Subject, Put),
    /// Puts an asset in place of another version, or of somebody else's.
    Update(Subject, Put),
    /// Leaves an asset that is up to date.
    Unchanged(Subject),
    /// Leaves an asset that users may have changed.
    Users(Subject),
    /// Leaves an index template that Fleet manages, and its components.
    Fleet(Subject),
    /// Leaves out a policy because the server has no index state management.
    NoPlugin(Subject),
}

/// Returns the name of an asset, as in `index template logs-x`.
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
    /// Returns the request of the step, if it has one.
    #[must_use]
    pub fn put(&self) -> Option<&Put> {
        match self {
            Self::Create(_, put) | Self::Update(_, put) => Some(put),
            Self::Unchanged(_) | Self::Users(_) | Self::Fleet(_) | Self::NoPlugin(_) => None,
        }
    }

    /// Sends the request of the step, if it has one.
    ///
    /// # Errors
    /// [`SetupError`] if the server rejects it, or does not confirm it.
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
            200..=299 if is_confirmation(&reply) => Ok(()),
            status @ 200..=299 => Err(SetupError::Unconfirmed(subject.to_string(), status)),
            300..=399 | 401 | 403 | 408 | 429 | 500 | 502..=504 => Err(unanswered(&reply)),
            status => Err(SetupError::Rejected {
                asset: subject.to_string(),
                status,
                reason: reason(&reply),
            }),
        }
    }
}
