//! Dead letters, once more through the path: letters of documents that arrive are removed, the others stay.
//!
//! A letter is removed only when Elasticsearch has confirmed its document. So a redrive can be interrupted at any moment
//! and repeated: a document that is there already answers 409, and its letter is removed. A document that is refused
//! again leaves its letter as it is; no letter is written twice.
//!
//! Letters are data, which anybody may have written who may write dead letters. So a letter does not decide where the
//! redrive writes: it is sent only if it names one of [`Redrive::targets`].

mod reason;
mod run;

use serde::Serialize;

use self::run::RedriveRun;
use crate::data_stream::DataStreamName;
use crate::ecs::Timestamp;
use crate::pipeline::Pipeline;
use crate::report::Report;
use crate::server::{Search, Transport};

/// The dead letters to send, and what becomes of those that arrive.
#[derive(Debug, Clone)]
pub struct Redrive {
    /// The data stream that the letters are in.
    pub dead_letters: DataStreamName,
    /// The data streams that documents are sent to. Letters for others stay.
    pub targets: Vec<DataStreamName>,
    /// The earliest time of a log event; everything if `None`.
    pub since: Option<Timestamp>,
    /// Upper bound on the letters to send.
    pub limit: Option<u64>,
    /// What becomes of letters whose documents have arrived.
    pub arrived: Arrived,
}

/// What becomes of letters whose documents have arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrived {
    /// They are removed.
    Removed,
    /// They stay: their documents were only shown.
    Kept,
}

/// The result of a redrive.
///
/// `received` counts the letters that were read. `dead_lettered` stay because they were refused again, `skipped` because
/// the settings leave them out or they are for other data streams, `unresolved` because nobody has confirmed them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct RedriveReport {
    /// The outcomes of the letters.
    #[serde(flatten)]
    pub report: Report,
    /// Letters that were removed.
    pub removed: u64,
    /// Letters, among the skipped, for data streams that are not among the targets.
    pub other_targets: u64,
}

impl Redrive {
    /// Reads the letters of a server and sends their documents through the path. After each page, `progress` is told how
    /// many letters are done, and how many there are.
    pub async fn run<S: Search, T: Transport>(
        &self,
        server: &S,
        pipeline: &Pipeline<T>,
        progress: impl FnMut(u64, u64),
    ) -> RedriveReport {
        RedriveRun::new(self, server, pipeline, progress)
            .finish()
            .await
    }

    /// Returns whether letters for a data stream are sent. A document never goes among the dead letters.
    fn sends_to(&self, target: &DataStreamName) -> bool {
        *target != self.dead_letters && self.targets.contains(target)
    }
}
