//! Reads the dead letters that a search finds, page by page, and begins anew where that fails.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use super::Redrive;
use crate::bulk::{Failure, Session, StoredDocument};
use crate::dead_letter::{KeptLetter, Page, query, read_page};
use crate::server::{Reply, Search, TransportError};

/// Most letters of a page.
const PAGE: usize = 500;

/// What a search may take that nobody waits for the answer of.
const COURTESY: Duration = Duration::from_secs(5);

/// The letters of a data stream. None is given twice.
pub(super) struct Reader<'r, S> {
    redrive: &'r Redrive,
    server: &'r S,
    pub(super) session: Session,
    size: usize,
    scroll_id: Option<String>,
    /// Those that were given, by their hashes.
    given: HashSet<u64>,
}

/// What an answer is.
enum Answer {
    Page(Page),
    /// There is no such data stream.
    NoStream,
    TooLarge,
    /// It may be another one later.
    Again(Failure, Option<Duration>),
    Stop(Failure),
}

impl<'r, S: Search> Reader<'r, S> {
    pub(super) fn new(redrive: &'r Redrive, server: &'r S, session: Session) -> Self {
        let size = redrive.limit.map_or(PAGE, |limit| {
            usize::try_from(limit).unwrap_or(PAGE).clamp(1, PAGE)
        });
        Self {
            redrive,
            server,
            session,
            size,
            scroll_id: None,
            given: HashSet::new(),
        }
    }

    /// Letters that were not given before, and how many there are in all; `None` if there are no more, or none that can be
    /// read ([`Session::failure`] says why).
    pub(super) async fn next(
        &mut self,
    ) -> Option<(Vec<(StoredDocument, Option<KeptLetter>)>, u64)> {
        loop {
            let timeout = self.session.request_timeout()?;
            match self.ask(timeout).await {
                Answer::Page(page) => {
                    self.scroll_id = page.scroll_id;
                    if page.letters.is_empty() {
                        return None;
                    }
                    let (mut letters, given) = (page.letters, &mut self.given);
                    letters.retain(|(stored, _)| given.insert(hash(stored)));
                    if !letters.is_empty() {
                        self.session.progress();
                        return Some((letters, page.total));
                    }
                    // Without a place to go on from, the same page would come again.
                    self.scroll_id.as_ref()?;
                }
                Answer::NoStream => return None,
                Answer::TooLarge if self.size > 1 => {
                    self.size = self.size.div_ceil(2);
                    self.session.progress();
                }
                Answer::TooLarge => self
                    .session
                    .stop(Failure::Transport(TransportError::TooLarge)),
                Answer::Again(failure, retry_after) => {
                    self.session.failed(failure);
                    self.session.wait(retry_after).await;
                }
                Answer::Stop(failure) => self.session.stop(failure),
            }
        }
    }

    /// The next page. After a failure that is the first of a new search: a scroll that was answered is not answered again.
    async fn ask(&mut self, timeout: Duration) -> Answer {
        let data_stream = &self.redrive.dead_letters.name;
        match self.scroll_id.take() {
            Some(scroll_id) => {
                let answer = read(self.server.scroll(&scroll_id, timeout).await);
                if !matches!(answer, Answer::Page(_)) {
                    self.server
                        .end_scroll(&scroll_id, timeout.min(COURTESY))
                        .await;
                }
                match answer {
                    Answer::Stop(failure @ Failure::Status(404)) => Answer::Again(failure, None),
                    answer => answer,
                }
            }
            None => {
                self.server
                    .refresh(data_stream, timeout.min(COURTESY))
                    .await;
                read(
                    self.server
                        .search(data_stream, &query(self.redrive.since, self.size), timeout)
                        .await,
                )
            }
        }
    }

    pub(super) async fn end(self) {
        if let Some(scroll_id) = self.scroll_id {
            self.server.end_scroll(&scroll_id, COURTESY).await;
        }
    }
}

fn read(reply: Result<Reply, TransportError>) -> Answer {
    let reply = match reply {
        Ok(reply) => reply,
        Err(TransportError::TooLarge) => return Answer::TooLarge,
        Err(error @ TransportError::NoCredentials(_)) => {
            return Answer::Stop(Failure::Transport(error));
        }
        Err(error) => return Answer::Again(Failure::Transport(error), None),
    };
    let failure = Failure::of(&reply);
    match reply.status {
        200..=299 => {
            read_page(&reply.body).map_or(Answer::Again(failure, reply.retry_after), Answer::Page)
        }
        404 if is_missing_stream(&reply.body) => Answer::NoStream,
        408 | 429 | 500 | 502..=599 => Answer::Again(failure, reply.retry_after),
        _ => Answer::Stop(failure),
    }
}

/// A proxy that knows no such path answers 404 too.
fn is_missing_stream(body: &[u8]) -> bool {
    std::str::from_utf8(body).is_ok_and(|body| body.contains("index_not_found_exception"))
}

fn hash(stored: &StoredDocument) -> u64 {
    let mut hasher = DefaultHasher::new();
    stored.hash(&mut hasher);
    hasher.finish()
}
