//! Dead letters, once more through the path: what arrives is removed, what does not stays.
//!
//! A letter is removed only when Elasticsearch has confirmed its document, so that a redrive can be interrupted at any
//! moment and done again: a document that is there already answers 409, and its letter goes. A document that is refused
//! again leaves its letter as it is; nothing is written twice.

mod reader;
mod run;

use serde::Serialize;

use self::run::Run;
use crate::data_stream::DataStreamName;
use crate::ecs::Timestamp;
use crate::pipeline::Pipeline;
use crate::report::Report;
use crate::server::{Search, Transport};

/// Which dead letters are sent, and whether those that arrive are removed.
#[derive(Debug, Clone)]
pub struct Redrive {
    /// Where they are.
    pub dead_letters: DataStreamName,
    /// Only those of log events since then.
    pub since: Option<Timestamp>,
    /// So many at most.
    pub limit: Option<u64>,
    /// What becomes of letters whose documents have arrived.
    pub arrived: Arrived,
}

/// What becomes of letters whose documents have arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrived {
    /// They are removed.
    Removed,
    /// Nothing: their documents were only shown.
    Kept,
}

/// What a redrive has come to.
///
/// `received` are the letters that were taken, `dead_lettered` those that stay because they are refused again, `skipped`
/// those that stay because the settings leave them out, `unresolved` those that stay because nobody has confirmed them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct RedriveReport {
    /// What became of the letters.
    #[serde(flatten)]
    pub report: Report,
    /// Letters that are removed.
    pub removed: u64,
}

impl Redrive {
    /// Takes the letters from a server and sends their documents through the path. `progress` is told after each request
    /// how many are done, and how many there are.
    pub async fn run<S: Search, T: Transport>(
        &self,
        server: &S,
        pipeline: &Pipeline<T>,
        progress: impl FnMut(u64, u64),
    ) -> RedriveReport {
        Run::new(self, server, pipeline, progress).finish().await
    }
}
