//! Sends dead letters through the path again. Letters whose documents arrive are removed, the
//! others stay.
//!
//! A letter is removed only when Elasticsearch has confirmed its document. So a redrive can be
//! interrupted at any moment and repeated: a document that is already there answers 409, and its
//! letter is removed. A document that is rejected again leaves its letter as it is; no letter is
//! written twice.
//!
//! Anybody who may write dead letters can write any data into them. So a letter does not decide
//! where the redrive writes: it is sent only if it names one of [`Redrive::targets`].

mod run;

use serde::Serialize;

use self::run::RedriveRun;
use crate::data_stream::DataStreamName;
use crate::ecs::Timestamp;
use crate::pipeline::Pipeline;
use crate::report::Report;
use crate::server::{Search, Transport};

/// The dead letters to send, and the treatment of those that arrive.
#[derive(Debug, Clone)]
pub struct Redrive {
    /// The data stream of the letters.
    pub dead_letters: DataStreamName,
    /// The data streams that documents may be sent to. Letters for others stay.
    pub targets: Vec<DataStreamName>,
    /// The earliest time of a log event; `None` for all letters.
    pub since: Option<Timestamp>,
    /// Upper bound on the letters to send.
    pub limit: Option<u64>,
    /// The treatment of letters whose documents have arrived.
    pub arrived: Arrived,
}

/// The treatment of letters whose documents have arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrived {
    /// Remove them.
    Removed,
    /// Keep them: their documents were only shown.
    Kept,
}

/// The result of a redrive.
///
/// `received` counts the letters that were read. `dead_lettered` letters stay because their
/// documents were rejected again. `skipped` letters stay because the settings leave them out or
/// because they are for other data streams. `unresolved` letters stay because nobody has confirmed
/// their documents.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct RedriveReport {
    /// The outcomes of the letters.
    #[serde(flatten)]
    pub report: Report,
    /// Letters that were removed.
    pub removed: u64,
    /// Skipped letters for data streams that are not among the targets.
    pub other_targets: u64,
}

impl Redrive {
    /// Reads the letters of a server and sends their documents through the path. After each page,
    /// `progress` gets the number of finished letters and the number of all letters.
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

    /// Returns whether letters for a data stream are sent. A document is never sent to the data
    /// stream of dead letters.
    fn sends_to(&self, target: &DataStreamName) -> bool {
        *target != self.dead_letters && self.targets.contains(target)
    }
}
