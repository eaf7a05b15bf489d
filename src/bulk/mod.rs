//! Documents into Elasticsearch: bulk request bodies out, one outcome an item back.
//!
//! The [bulk API](https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-bulk) answers 200 for a request
//! of which every document was refused, so what counts here is the status of each item, matched by its position.
//! Every document is sent with the action `create` under an id that depends on nothing but the log event, so sending
//! one again never makes a second copy: the answer 409 says that it is there already, and that is success.

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
pub use self::session::{Session, Traffic};

/// The final result of one document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is stored.
    Indexed,
    /// It was stored before.
    Duplicate,
    /// An ingest pipeline has dropped it, as its author wants.
    Dropped,
    /// Elasticsearch will never take it as it is.
    Rejected(Rejection),
    /// It may be there or not: nobody has confirmed it. [`Session::failure`] says why.
    Unresolved,
}

/// The error with which Elasticsearch rejected a document.
///
/// The reason may quote the document: it belongs into a dead letter, never into a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// The HTTP status of the item.
    pub status: u16,
    /// Elasticsearch's name for it, such as `document_parsing_exception`.
    pub kind: String,
    /// Elasticsearch's explanation.
    pub reason: String,
}
