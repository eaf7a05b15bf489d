//! Sends history through the ordinary path.

use futures_util::future::join;
use serde::Serialize;
use tokio::sync::mpsc::Receiver;

use super::reader::{HistoryPage, read_ahead};
use super::{HistoryError, HistoryQuery, Pace, check_ids};
use crate::aws::Logs;
use crate::decode::LogData;
use crate::pipeline::{LookUp, Pipeline};
use crate::report::{ErrorType, Report, ReportError};
use crate::server::Transport;

/// The number of log events that are delivered together, if there are enough.
const MOST_EVENTS: u64 = 10_000;

/// A backfill: what to read, and how it is delivered.
pub struct Backfill<'b, T> {
    /// The source of the log events.
    pub logs: &'b Logs,
    /// The log events to read.
    pub query: HistoryQuery<'b>,
    /// How to ask for them.
    pub pace: Pace,
    /// The path of the log events.
    pub pipeline: &'b Pipeline<T>,
    /// The source of existing documents; `None` if there is no server.
    pub look_up: Option<&'b dyn LookUp>,
    /// The ids of log events with which anything is sent.
    pub ids: Ids,
}

/// The ids of log events that are accepted before anything is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ids {
    /// Only ids of CloudWatch Logs.
    OfCloudWatch,
    /// Any.
    Any,
}

/// The state of a backfill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sight {
    /// The number of log events that were read and delivered.
    pub events: u64,
    /// The time up to which everything is delivered, in milliseconds since 1970.
    pub reached: i64,
}

/// The result of a backfill.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct BackfillReport {
    /// The outcomes of all log events. `error` also tells of the `problem`, so that it is `None`
    /// exactly if all is done.
    #[serde(flatten)]
    pub report: Report,
    /// The number of log events that were read and delivered.
    pub events: u64,
    /// The time from which to continue, in milliseconds since 1970; `None` if the backfill is
    /// complete.
    #[serde(skip)]
    pub resume: Option<i64>,
    /// The reason why not everything was read.
    #[serde(skip)]
    pub problem: Option<HistoryError>,
}

impl<T: Transport> Backfill<'_, T> {
    /// Reads and delivers. While some pages are delivered, the next are read.
    pub async fn run(&self, progress: impl FnMut(Sight)) -> BackfillReport {
        let (read, received) = read_ahead(self.logs, self.query, self.pace);
        let mut report = join(read, self.deliver(received, progress)).await.1;
        report.close();
        report
    }

    async fn deliver(
        &self,
        mut pages: Receiver<Result<HistoryPage, HistoryError>>,
        mut progress: impl FnMut(Sight),
    ) -> BackfillReport {
        let mut total = BackfillReport {
            resume: Some(self.query.since),
            ..BackfillReport::default()
        };
        while let Some(first) = pages.recv().await {
            let mut batch = GatheredPages::default();
            let mut next = Some(first);
            while let Some(page) = next {
                match page {
                    Ok(page) => batch.add(page),
                    Err(error) => total.problem = Some(error),
                }
                next = if batch.events < MOST_EVENTS {
                    pages.try_recv().ok()
                } else {
                    None
                };
            }
            let GatheredPages {
                payloads,
                events,
                resume,
            } = batch;
            if self.ids == Ids::OfCloudWatch
                && let Err(error) = check_ids(&payloads)
            {
                total.problem = Some(error);
                return total;
            }
            let (report, _) = self.pipeline.process_log_data(payloads, self.look_up).await;
            total.report.add(report);
            if total.report.error.is_some() {
                return total;
            }
            total.events += events;
            total.resume = resume.or(total.resume);
            let reached = total.resume.unwrap_or(self.query.since);
            progress(Sight {
                events: total.events,
                reached,
            });
        }
        if total.problem.is_none() {
            total.resume = None;
        }
        total
    }
}

impl BackfillReport {
    /// Tells of the problem in the report.
    fn close(&mut self) {
        let Some(problem) = &self.problem else {
            return;
        };
        let mut message = problem.to_string();
        let error = self.report.error.take();
        if let Some(error) = &error {
            message.push_str("; ");
            message.push_str(&error.message);
        }
        self.report.error = Some(ReportError {
            kind: error.map_or(ErrorType::DeliveryIncomplete, |error| error.kind),
            message,
        });
    }
}

/// Pages that are delivered together.
#[derive(Default)]
struct GatheredPages {
    payloads: Vec<LogData>,
    events: u64,
    resume: Option<i64>,
}

impl GatheredPages {
    fn add(&mut self, page: HistoryPage) {
        self.payloads.extend(page.payloads);
        self.events += page.events;
        self.resume = Some(page.resume);
    }
}
