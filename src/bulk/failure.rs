//! What goes wrong while sending, in words for people.

use std::fmt;

use crate::server::{Reply, TransportError};

/// The last thing that went wrong. It never quotes a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// No response.
    Transport(TransportError),
    /// A response that means failure.
    Status(u16),
    /// A response of success that does not say what became of each document.
    Unreadable,
    /// A document was refused that may be taken later.
    Item {
        /// The HTTP status of the item.
        status: u16,
        /// Elasticsearch's name for it.
        kind: String,
    },
    /// The dead letter of a refused document was refused in its turn.
    DeadLetter {
        /// The HTTP status of the item.
        status: u16,
        /// Elasticsearch's name for it.
        kind: String,
    },
    /// Single documents were refused one after the other with 400 and none was ever taken.
    EverythingMalformed,
    /// A search ended before it had returned everything that it had found.
    SearchFellShort {
        /// The number of documents that it returned.
        found: u64,
        /// The number of documents that it said there were.
        total: u64,
    },
}

impl Failure {
    /// What is wrong with a reply that settles nothing.
    #[must_use]
    pub fn of(reply: &Reply) -> Self {
        if (200..=299).contains(&reply.status) {
            Self::Unreadable
        } else {
            Self::Status(reply.status)
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Transport(error) => write!(formatter, "{error}"),
            Self::Status(status @ (401 | 403)) => write!(
                formatter,
                "Elasticsearch answered {status}: check the credentials and that they have `auto_configure` and \
                 `create_doc` on the data stream"
            ),
            Self::Status(status @ 300..=399) => write!(
                formatter,
                "the server answered {status}, a redirect, which is not followed: set ELASTICSEARCH_URL to where it leads"
            ),
            Self::Status(status @ (404 | 405 | 410 | 415 | 501)) => {
                write!(
                    formatter,
                    "the server answered {status}: check that ELASTICSEARCH_URL is that of Elasticsearch"
                )
            }
            Self::Status(status) => write!(formatter, "Elasticsearch answered {status}"),
            Self::Unreadable => {
                write!(
                    formatter,
                    "the answer does not say what became of each document: is it Elasticsearch's?"
                )
            }
            Self::Item { status, kind } if kind.is_empty() => {
                write!(formatter, "documents were answered {status}")
            }
            Self::Item { status, kind } => {
                write!(formatter, "documents were answered {status} {kind}")
            }
            Self::DeadLetter { status, kind } => {
                write!(
                    formatter,
                    "they were refused, and so were their dead letters: {status} {kind}"
                )
            }
            Self::SearchFellShort { found, total } => write!(
                formatter,
                "Elasticsearch returned {found} of the {total} documents that its search found"
            ),
            Self::EverythingMalformed => write!(
                formatter,
                "Elasticsearch answers 400 whatever is sent: check ELASTICSEARCH_PIPELINE and DATA_STREAM"
            ),
        }
    }
}
