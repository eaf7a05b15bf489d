//! Reads the log events of several log groups, page by page, in the order of time.

use std::collections::HashSet;
use std::time::Duration;

use tokio::sync::mpsc::{Receiver, channel};
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::page::{self, SeenEvent, Unusable, WirePage};
use super::tokens::{Endless, Fullness, Tokens};
use super::{HistoryError, HistoryQuery, LogGroup, Pace};
use crate::aws::{CallError, FilterLogEvents, Logs, Place, Remedy};
use crate::bulk::Session;
use crate::decode::LogData;

const ACTION: &str = "FilterLogEvents";

/// Some log events of one log group.
#[derive(Debug)]
pub(super) struct HistoryPage {
    /// The number of the log group.
    pub(super) group: usize,
    /// One payload for each log stream.
    pub(super) payloads: Vec<LogData>,
    /// The number of log events.
    pub(super) events: u64,
    /// The time from which to continue once this page and all before it are done.
    pub(super) resume: i64,
}

/// Reads log events, always from the log group that is furthest behind.
///
/// So there is a single time up to which everything is read, whatever the number of log groups.
#[derive(Debug)]
pub(super) struct HistoryReader<'r> {
    logs: &'r Logs,
    query: HistoryQuery<'r>,
    asker: Asker,
    positions: Vec<Position>,
}

/// The progress on a log group.
#[derive(Debug)]
struct Position {
    tokens: Tokens,
    /// The log events of the last page, which the next page may repeat.
    last_seen: HashSet<SeenEvent>,
    /// The time of the latest log event.
    newest: i64,
    /// True if each page began where the page before it ended, so that no earlier log event can
    /// follow.
    is_ordered: bool,
    is_done: bool,
}

/// Upper bound on pages that are read ahead. Each has a mebibyte of lines.
const MOST_PAGES_AHEAD: usize = 3;

/// Starts to read. Returns the future that reads, and its pages; an error is the last of them.
pub(super) fn read_ahead<'r>(
    logs: &'r Logs,
    query: HistoryQuery<'r>,
    pace: Pace,
) -> (
    impl Future<Output = ()> + use<'r>,
    Receiver<Result<HistoryPage, HistoryError>>,
) {
    let (pages, received) = channel(MOST_PAGES_AHEAD);
    let mut reader = HistoryReader::new(logs, query, pace);
    let read = async move {
        loop {
            let (page, is_last) = match reader.next().await {
                Ok(Some(page)) => (Ok(page), false),
                Ok(None) => return,
                Err(error) => (Err(error), true),
            };
            if pages.send(page).await.is_err() || is_last {
                return;
            }
        }
    };
    (read, received)
}

impl<'r> HistoryReader<'r> {
    /// Makes a reader that has asked for nothing yet.
    pub(super) fn new(logs: &'r Logs, query: HistoryQuery<'r>, pace: Pace) -> Self {
        let position = |_: &LogGroup| Position {
            tokens: Tokens::default(),
            last_seen: HashSet::new(),
            newest: query.since,
            is_ordered: true,
            is_done: false,
        };
        Self {
            logs,
            query,
            asker: Asker::new(pace),
            positions: query.groups.iter().map(position).collect(),
        }
    }

    /// Reads the next page; `None` if everything is read.
    pub(super) async fn next(&mut self) -> Result<Option<HistoryPage>, HistoryError> {
        let Some(number) = self.furthest_behind() else {
            return Ok(None);
        };
        let page = self.read(number).await?;
        let page = match self.positions.get_mut(number) {
            Some(position) => position.advance(page),
            None => Ok(page),
        };
        let page = page.map_err(|cause| HistoryError::Endless {
            list: format!("log events of {}", self.name(number)),
            cause,
        })?;
        Ok(Some(HistoryPage {
            group: number,
            payloads: page.payloads,
            events: page.events,
            resume: self.resume(),
        }))
    }

    fn name(&self, number: usize) -> &str {
        self.query
            .groups
            .get(number)
            .map_or("", |group| &group.name)
    }

    fn furthest_behind(&self) -> Option<usize> {
        let open = |(_, position): &(usize, &Position)| !position.is_done;
        let positions = self.positions.iter().enumerate().filter(open);
        positions
            .min_by_key(|(_, position)| position.newest)
            .map(|(number, _)| number)
    }

    /// Returns the time from which to continue.
    fn resume(&self) -> i64 {
        let open = self.positions.iter().filter(|position| !position.is_done);
        let from = |position: &Position| {
            if position.is_ordered {
                position.newest
            } else {
                self.query.since
            }
        };
        open.map(from).min().unwrap_or(self.query.until)
    }

    async fn read(&mut self, number: usize) -> Result<WirePage, HistoryError> {
        let Self { query, logs, .. } = *self;
        let (group, position) = query
            .groups
            .get(number)
            .zip(self.positions.get(number))
            .ok_or(HistoryError::NoRegion)?;
        let parameters = FilterLogEvents {
            log_group_name: group.foreign_arn.is_none().then_some(&group.name),
            log_group_identifier: group.foreign_arn.as_deref(),
            start_time: query.since,
            end_time: query.until,
            filter_pattern: query.pattern,
            next_token: position.tokens.next(),
            interleaved: true,
        };
        let problem = |error| HistoryError::Call {
            action: ACTION,
            log_group: group.name.clone(),
            error,
        };
        let place = group.place.as_ref().ok_or(HistoryError::NoRegion)?;
        let known = &position.last_seen;
        let ask = async |timeout| page(logs, (place, group), known, &parameters, timeout).await;
        match self.asker.ask(ask).await {
            Ok(Ok(page)) => Ok(page),
            Ok(Err(Useless::NoIds)) => Err(HistoryError::NoIds(group.name.clone())),
            Ok(Err(Useless::Stray(time))) => Err(HistoryError::Stray {
                log_group: group.name.clone(),
                time,
            }),
            Err(error) if position.tokens.next().is_some() && is_forgotten(&error) => {
                Err(HistoryError::Forgotten(group.name.clone()))
            }
            Err(error) => Err(problem(error)),
        }
    }
}

/// Returns whether CloudWatch Logs rejects a parameter. It has accepted all but the token before,
/// which expires after 24 hours.
///
/// Source: `nextToken` in
/// <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html>.
fn is_forgotten(error: &CallError) -> bool {
    matches!(error, CallError::Refused { kind, .. } if kind == "InvalidParameterException")
}

/// The reason why nothing can be done with an answer that came whole.
enum Useless {
    /// A log event has no id.
    NoIds,
    /// A log event of this time is not of the requested time.
    Stray(i64),
}

async fn page(
    logs: &Logs,
    (place, group): (&Place, &LogGroup),
    known: &HashSet<SeenEvent>,
    parameters: &FilterLogEvents<'_>,
    timeout: Duration,
) -> Result<Result<WirePage, Useless>, CallError> {
    let body = logs.log_events(place, parameters, timeout).await?;
    let body = String::from_utf8(body).map_err(|_| CallError::NotAws)?;
    let times = parameters.start_time..=parameters.end_time;
    match page::read(&body, group, known, &times) {
        Ok(page) => Ok(Ok(page)),
        Err(Unusable::NoId) => Ok(Err(Useless::NoIds)),
        Err(Unusable::Stray(time)) => Ok(Err(Useless::Stray(time))),
        Err(Unusable::Foreign) => Err(CallError::NotAws),
        // It may have been cut off on its way.
        Err(Unusable::Malformed) => Err(CallError::Unreachable(
            "the answer is no JSON of filter-log-events".to_owned(),
        )),
    }
}

impl Position {
    fn advance(&mut self, mut page: WirePage) -> Result<WirePage, Endless> {
        let fullness = if page.events > 0 {
            Fullness::Filled
        } else {
            Fullness::Empty
        };
        self.tokens.advance(page.next_token.take(), fullness)?;
        if let Some((first, last)) = page.times {
            self.is_ordered &= first >= self.newest;
            self.newest = self.newest.max(last);
        }
        self.is_done = self.tokens.next().is_none();
        // A page without log events need not be the end of those that repeat themselves.
        if !page.seen.is_empty() {
            self.last_seen = std::mem::take(&mut page.seen);
        }
        Ok(page)
    }
}

/// Returns the sentence for somebody who waits.
fn waiting(error: &CallError, budget: Duration) -> String {
    let seconds = budget.as_secs_f64().ceil();
    let cause = match error {
        CallError::Unreachable(cause) => format!("cannot be reached ({cause})"),
        CallError::Refused { status, kind } => format!("answered {status} {kind}"),
        _ => "gave no answer".to_owned(),
    };
    format!("CloudWatch Logs {cause}; trying again for up to {seconds} s")
}

/// Calls AWS, no more often than allowed.
#[derive(Debug)]
pub(super) struct Asker {
    session: Session,
    ticks: Option<Interval>,
    /// Is told of the first failure that is waited out, and empty from then on.
    notice: Option<fn(&str)>,
    budget: Duration,
}

impl Asker {
    pub(super) fn new(pace: Pace) -> Self {
        let ticks = |rate: u32| {
            let mut ticks = interval(Duration::from_secs(1) / rate.max(1));
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            ticks
        };
        Self {
            session: Session::new(pace.retry_policy, None, pace.random),
            ticks: pace.requests_per_second.map(ticks),
            notice: pace.notice,
            budget: pace.retry_policy.budget,
        }
    }

    /// Calls until there is a reply, or until another call makes no sense.
    pub(super) async fn ask<R>(
        &mut self,
        mut ask: impl AsyncFnMut(Duration) -> Result<R, CallError>,
    ) -> Result<R, CallError> {
        let mut last = CallError::Unreachable("no time is left for a call".to_owned());
        while let Some(timeout) = self.session.request_timeout() {
            if let Some(ticks) = &mut self.ticks {
                ticks.tick().await;
            }
            match ask(timeout).await {
                Ok(answer) => {
                    self.session.progress();
                    return Ok(answer);
                }
                Err(error) if error.remedy() == Remedy::Wait => {
                    last = error;
                    self.session.wait(None).await;
                    if !self.session.is_stopped()
                        && let Some(notice) = self.notice.take()
                    {
                        notice(&waiting(&last, self.budget));
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Err(last)
    }
}
