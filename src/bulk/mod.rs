//! Documents into Elasticsearch: bulk request bodies out, one outcome an item back.
//!
//! The [bulk API](https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-bulk)
//! answers 200 for a request even if every document in it was rejected, so this room reads the
//! status of each item and matches it by position. Every document is sent with the action `create`
//! under an id that depends on nothing but the log event, so sending it again never makes a second
//! copy. The answer 409 says that the document is there already, which is success.
//!
//! The way of a document that is answered 429, as an example: `response` reads
//! [`ItemResult::Again`], and `indexer` keeps the document for the next request of its body.
//! `budget` says when that request may start: after the delay that `retry` calculates, and not
//! before the time that the server asks for. `session` waits until then and lets the request go
//! alone. When there is no time left, the outcome is [`Outcome::Unresolved`], and the record is
//! delivered again.

mod body;
mod budget;
mod culprits;
mod failure;
mod gate;
mod id;
mod indexer;
mod remedies;
mod response;
mod retry;
mod session;

pub use self::body::{Action, ActionKind, BulkBody, StoredDocument};
pub use self::failure::Failure;
pub use self::id::{DocumentId, LogEventIdentity};
pub use self::indexer::{Indexer, RequestLimits};
pub use self::response::{ItemResult, Sent, Stored, Verdict, is_bound, verdict};
pub use self::retry::RetryPolicy;
pub use self::session::{BodyOnItsWay, Session, Traffic};

/// The final result of one document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is stored; or for a deletion, it is deleted.
    Indexed,
    /// It is stored, but in the failure store of the data stream: searches of the data stream do
    /// not find it.
    InFailureStore,
    /// It was stored before; or for a deletion, it was gone before.
    Duplicate,
    /// An ingest pipeline has dropped it, as the pipeline's author wants.
    Dropped,
    /// Elasticsearch will never accept it as it is.
    Rejected(Rejection),
    /// Nobody has confirmed whether it is stored. [`Session::failure`] says why.
    Unresolved,
}

/// The error with which Elasticsearch rejected a document.
///
/// The reason may quote the document: it belongs in a dead letter and never in a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// The HTTP status of the item.
    pub status: u16,
    /// Elasticsearch's name for it, such as `document_parsing_exception`.
    pub kind: String,
    /// Elasticsearch's explanation.
    pub reason: String,
}
