//! Failures while sending, in words for people.

use std::fmt;

use super::Rejection;
use super::response::NO_PIPELINE;
use crate::printable::printable;
use crate::server::{Reply, TransportError};

/// The latest failure. It never quotes a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// No response.
    Transport(TransportError),
    /// A response that reports a failure.
    Status(u16),
    /// A successful response that does not say what became of each document.
    Unreadable,
    /// A successful response that names other documents than the request.
    OtherDocuments,
    /// A document was not accepted now but may be accepted later.
    Item {
        /// The HTTP status of the item.
        status: u16,
        /// Elasticsearch's name for the error.
        kind: String,
    },
    /// The credentials lack a privilege.
    Privilege {
        /// The HTTP status of the item.
        status: u16,
        /// Elasticsearch's explanation: it names users, privileges and data streams.
        reason: String,
    },
    /// The dead letter of a rejected document was rejected, too.
    DeadLetter {
        /// The HTTP status of the item.
        status: u16,
        /// Elasticsearch's name for the error.
        kind: String,
    },
    /// A pipeline has dropped the dead letter of a rejected document.
    DroppedLetter,
    /// Requests of a single document were answered 400, and no document was ever settled by itself.
    EverythingMalformed,
    /// A search returned a document twice, or more documents than it announced.
    SearchContradicts,
    /// A search ended before it had returned everything it found.
    SearchFellShort {
        /// The number of documents that it returned.
        found: u64,
        /// The number of documents that it announced.
        total: u64,
    },
}

impl Failure {
    /// Returns what is wrong with a reply that settles nothing.
    #[must_use]
    pub fn of(reply: &Reply) -> Self {
        if (200..=299).contains(&reply.status) {
            Self::Unreadable
        } else {
            Self::Status(reply.status)
        }
    }

    /// Returns the sentence on a failure while documents were removed.
    #[must_use]
    pub fn while_removing(&self) -> String {
        let sentence = self.to_string();
        match self {
            Self::Status(403) | Self::Privilege { .. } => {
                sentence.replacen(PRIVILEGES, PRIVILEGE_TO_DELETE, 1)
            }
            _ => sentence,
        }
    }

    /// Returns the failure of a document that was not accepted. Only the reasons about privileges
    /// are kept, since they quote no document.
    pub(super) fn of_item(rejection: Rejection) -> Self {
        const LONGEST_REASON: usize = 500;
        let Rejection {
            status,
            kind,
            reason,
        } = rejection;
        if kind == "security_exception" {
            let reason = printable(&reason, LONGEST_REASON).to_string();
            return Self::Privilege { status, reason };
        }
        Self::Item { status, kind }
    }
}

/// The privileges that delivering needs.
const PRIVILEGES: &str =
    "the index privileges `auto_configure` and `create_doc` on the data stream";

/// The privilege that removing needs.
const PRIVILEGE_TO_DELETE: &str = "the index privilege `delete` on the data stream";

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Transport(error) => write!(formatter, "{error}"),
            Self::Status(status) => write_status(*status, formatter),
            Self::Unreadable => {
                write!(
                    formatter,
                    "the answer does not say what became of each document: is this Elasticsearch?"
                )
            }
            Self::OtherDocuments => {
                write!(
                    formatter,
                    "the answer names other documents than the request: if an ingest pipeline sets _id, or the \
                     failure store takes documents, the proxy before Elasticsearch must keep the header \
                     X-Opaque-Id of answers"
                )
            }
            Self::Privilege { status, reason } => {
                write!(
                    formatter,
                    "documents were answered {status}: the credentials need {PRIVILEGES}"
                )?;
                if !reason.is_empty() {
                    write!(formatter, " (Elasticsearch says: {reason})")?;
                }
                Ok(())
            }
            Self::Item { status, kind } => write_item(*status, kind, formatter),
            Self::DeadLetter { status, kind } => {
                write!(
                    formatter,
                    "they were rejected, and so were their dead letters: {status}{}{kind}{}",
                    if kind.is_empty() { "" } else { " " },
                    if *status == 413 {
                        " (a limit of Elasticsearch or of a proxy before it: lower BULK_MAX_BYTES)"
                    } else {
                        ""
                    }
                )
            }
            Self::SearchContradicts => write!(
                formatter,
                "Elasticsearch returned documents twice, or more than its search found: is there a cache before it?"
            ),
            Self::SearchFellShort { found, total } => write!(
                formatter,
                "Elasticsearch returned {found} of the {total} documents that its search found"
            ),
            Self::DroppedLetter => write!(
                formatter,
                "they were rejected, and an ingest pipeline drops their dead letters: remove it from \
                 DEAD_LETTER_DATA_STREAM"
            ),
            Self::EverythingMalformed => write!(
                formatter,
                "Elasticsearch answers 400 whatever is sent: check ELASTICSEARCH_URL, ELASTICSEARCH_PIPELINE \
                 and DATA_STREAM"
            ),
        }
    }
}

/// Writes the sentence on a request that was answered with this status.
fn write_status(status: u16, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
    match status {
        401 => write!(
            formatter,
            "Elasticsearch answered 401: it does not know the credentials"
        ),
        403 => write!(
            formatter,
            "Elasticsearch answered 403: the credentials need {PRIVILEGES}"
        ),
        300..=399 => write!(
            formatter,
            "the server answered {status}, a redirect, which is not followed: set ELASTICSEARCH_URL to where it leads"
        ),
        404 | 405 | 410 | 415 | 501 => {
            write!(
                formatter,
                "the server answered {status}: check that ELASTICSEARCH_URL is the address of Elasticsearch"
            )
        }
        _ => write!(formatter, "Elasticsearch answered {status}"),
    }
}

/// Writes the sentence on documents that were answered with this status and error.
fn write_item(status: u16, kind: &str, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
    match (status, kind) {
        (404, "index_not_found_exception") => write!(
            formatter,
            "documents were answered 404 index_not_found_exception: no index template makes a data stream of that name, which \
             `apigw-logs setup` puts there"
        ),
        (400, NO_PIPELINE) => {
            write!(
                formatter,
                "documents were answered 400: the pipeline of ELASTICSEARCH_PIPELINE does not exist"
            )
        }
        (_, "") => {
            write!(formatter, "documents were answered {status}")
        }
        (_, kind) => {
            write!(formatter, "documents were answered {status} {kind}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Somebody whose key is wrong should not look at privileges, and somebody whose key lacks one
    /// should not make another key.
    #[test]
    fn wrong_credentials_and_missing_privileges_are_told_apart() {
        let unknown = Failure::Status(401).to_string();
        assert!(
            unknown.contains("does not know the credentials"),
            "{unknown}"
        );
        assert!(!unknown.contains("create_doc"), "{unknown}");
        let rejection = |reason: &str| Rejection {
            status: 403,
            kind: "security_exception".to_owned(),
            reason: reason.to_owned(),
        };
        let reason = "action [indices:data/write/bulk[s]] is unauthorized for user [u]\u{1b}[2J";
        let lacking = Failure::of_item(rejection(reason)).to_string();
        for words in [
            "403",
            "`auto_configure` and `create_doc`",
            "(Elasticsearch says: action [indices:data/write/bulk[s]] is unauthorized for user [u]",
        ] {
            assert!(lacking.contains(words), "{words:?} is not in: {lacking}");
        }
        assert!(!lacking.contains('\u{1b}'), "{lacking:?}");
        let forbidden = Failure::Status(403).to_string();
        assert!(forbidden.contains("`create_doc`"), "{forbidden}");
        // Any other reason may quote a document.
        let other = Rejection {
            kind: "document_parsing_exception".to_owned(),
            ..rejection("value [secret]")
        };
        let other = Failure::of_item(other).to_string();
        assert!(!other.contains("secret"), "{other}");
    }

    /// Somebody whose key may not delete should not look at the privileges for delivering.
    #[test]
    fn a_refused_removal_names_its_own_privilege() {
        let lacking = Failure::Privilege {
            status: 403,
            reason: "r".to_owned(),
        };
        for failure in [lacking, Failure::Status(403)] {
            let sentence = failure.while_removing();
            assert!(
                sentence.contains("need the index privilege `delete` on"),
                "{sentence}"
            );
            assert!(!sentence.contains("create_doc"), "{sentence}");
        }
        let other = Failure::Status(401);
        assert_eq!(other.while_removing(), other.to_string());
    }

    /// Elasticsearch and proxies name no error with 413.
    #[test]
    fn a_letter_that_is_too_large_says_what_to_lower() {
        let sentence = Failure::DeadLetter {
            status: 413,
            kind: String::new(),
        }
        .to_string();
        assert!(
            sentence.contains("dead letters: 413 (a limit of Elasticsearch"),
            "{sentence}"
        );
        assert!(sentence.ends_with("lower BULK_MAX_BYTES)"), "{sentence}");
    }
}
