//! A server that exists only in the test: it answers bulk requests as the test says, on tokio's
//! clock.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::time::Duration;

use apigw_logs::bulk::RetryPolicy;
use apigw_logs::server::{Exchange, HostPort, Reply, Search, Target, Transport, TransportError};
use tokio::time::Instant;

/// The schedule of the settings' defaults.
pub(crate) const POLICY: RetryPolicy = RetryPolicy {
    budget: Duration::from_secs(60),
    initial: Duration::from_millis(250),
    max: Duration::from_secs(15),
    request_timeout: Duration::from_secs(20),
    max_retries: None,
};

/// A bulk request as it was sent.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// Its time, since the script was made.
    pub(crate) at: Duration,
    /// Its timeout.
    pub(crate) timeout: Duration,
    pub(crate) data_stream: String,
    /// The documents' ids.
    pub(crate) ids: Vec<String>,
    /// For deletions, the sequence number of each document.
    pub(crate) deletes: Vec<u64>,
    pub(crate) body: Vec<u8>,
}

/// A search as it was sent.
#[derive(Clone, Debug)]
pub(crate) enum Question {
    /// A new search.
    Search,
    /// The next page of a search.
    Scroll { id: String },
    /// One whose answer is one page.
    Find { query: String },
}

/// A reply, or the failure in its place.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    takes: Duration,
    result: Result<Reply, TransportError>,
}

/// The script's reaction to a request.
type Server = Box<dyn FnMut(&Request) -> Step>;

/// The script's reaction to a search.
type Finder = Box<dyn FnMut(&Question, Duration) -> Step>;

/// The transport.
pub(crate) struct Script {
    start: Instant,
    server: RefCell<Server>,
    finder: RefCell<Finder>,
    /// The result of each renewal of the credentials; after the last one, nothing changes.
    refreshes: RefCell<VecDeque<bool>>,
    refreshed: Cell<usize>,
    requests: RefCell<Vec<Request>>,
}

impl Step {
    /// Returns a reply about the whole request.
    pub(crate) fn status(status: u16) -> Self {
        Self::reply(status, "")
    }

    pub(crate) fn reply(status: u16, body: &str) -> Self {
        let reply = Reply {
            status,
            retry_after: None,
            is_echoed: false,
            is_early: false,
            body: body.as_bytes().to_vec(),
        };
        Self {
            takes: Duration::ZERO,
            result: Ok(reply),
        }
    }

    /// Returns a reply about each document.
    pub(crate) fn items(statuses: &[u16]) -> Self {
        let items: Vec<String> = statuses.iter().map(|status| item(*status)).collect();
        Self::reply(
            200,
            &format!(r#"{{"errors":true,"items":[{}]}}"#, items.join(",")),
        )
    }

    /// Gives no reply. A timeout takes as long as the request may.
    pub(crate) fn error(error: TransportError) -> Self {
        let takes = if matches!(error, TransportError::Timeout(_)) {
            Duration::MAX
        } else {
            Duration::ZERO
        };
        Self {
            takes,
            result: Err(error),
        }
    }

    /// Adds `Retry-After`.
    pub(crate) fn retry_after(mut self, seconds: u64) -> Self {
        if let Ok(reply) = &mut self.result {
            reply.retry_after = Some(Duration::from_secs(seconds));
        }
        self
    }

    /// Lets the reply begin before the request was sent.
    pub(crate) fn early(mut self) -> Self {
        if let Ok(reply) = &mut self.result {
            reply.is_early = true;
        }
        self
    }

    /// Delays the reply by this much.
    pub(crate) fn taking(self, milliseconds: u64) -> Self {
        Self {
            takes: Duration::from_millis(milliseconds),
            ..self
        }
    }
}

/// The result of a document.
fn item(status: u16) -> String {
    match status {
        200..=299 => format!(r#"{{"create":{{"status":{status}}}}}"#),
        // The reason is that of a deletion. Other kinds of conflict settle nothing.
        409 => r#"{"create":{"status":409,"error":{"type":"version_conflict_engine_exception","reason":"but no document was found"}}}"#.to_owned(),
        _ => format!(r#"{{"create":{{"status":{status},"error":{{"type":"t","reason":"r"}}}}}}"#),
    }
}

impl Script {
    /// A server whose replies depend on the request.
    pub(crate) fn server(server: impl FnMut(&Request) -> Step + 'static) -> Self {
        Self {
            start: Instant::now(),
            server: RefCell::new(Box::new(server)),
            finder: RefCell::new(Box::new(|_, _| panic!("nobody searches here"))),
            refreshes: RefCell::default(),
            refreshed: Cell::default(),
            requests: RefCell::default(),
        }
    }

    /// A server with these replies. After the last one it accepts every document.
    pub(crate) fn steps(steps: impl IntoIterator<Item = Step>) -> Self {
        let mut steps: VecDeque<Step> = steps.into_iter().collect();
        Self::server(move |request| {
            steps
                .pop_front()
                .unwrap_or_else(|| Step::items(&vec![201; request.ids.len()]))
        })
    }

    /// A server that always gives the same reply.
    pub(crate) fn always(step: Step) -> Self {
        Self::server(move |_| step.clone())
    }

    /// Sets the results of searches.
    pub(crate) fn finding(self, finder: impl FnMut(&Question, Duration) -> Step + 'static) -> Self {
        drop(self.finder.replace(Box::new(finder)));
        self
    }

    /// Sets the results of credential renewals.
    pub(crate) fn refreshing(self, refreshes: &[bool]) -> Self {
        self.refreshes.borrow_mut().extend(refreshes);
        self
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.borrow().clone()
    }

    /// Returns how often the credentials were to be renewed.
    pub(crate) fn refreshed(&self) -> usize {
        self.refreshed.get()
    }
}

impl Transport for Script {
    #[expect(clippy::disallowed_methods, reason = "a slow server waits too")]
    async fn bulk(&self, target: Target<'_>, body: Cow<'_, [u8]>, timeout: Duration) -> Exchange {
        let (ids, deletes) = ids(&body);
        let (at, data_stream) = (self.start.elapsed(), target.data_stream.to_owned());
        let request = Request {
            at,
            timeout,
            data_stream,
            ids,
            deletes,
            body: body.to_vec(),
        };
        self.requests.borrow_mut().push(request.clone());
        let mut step = (self.server.borrow_mut())(&request);
        if let Ok(reply) = &mut step.result {
            let text = String::from_utf8_lossy(&reply.body);
            reply.body = named(&text, &request.ids).into_bytes();
        }
        let bytes_sent = body.len() as u64;
        if step.takes >= timeout {
            tokio::time::sleep(timeout).await;
            return Exchange {
                bytes_sent,
                result: Err(TransportError::Timeout(HostPort::default())),
            };
        }
        tokio::time::sleep(step.takes).await;
        Exchange {
            bytes_sent,
            result: step.result,
        }
    }

    async fn refresh_credentials(&self, _timeout: Duration) -> bool {
        self.refreshed.set(self.refreshed.get() + 1);
        self.refreshes.borrow_mut().pop_front().unwrap_or(false)
    }
}

impl Search for Script {
    async fn refresh(&self, _data_stream: &str, _timeout: Duration) {}

    async fn search(&self, _: &str, _: &[u8], timeout: Duration) -> Result<Reply, TransportError> {
        self.answer(Question::Search, timeout).await
    }

    async fn find(
        &self,
        _: &str,
        query: &[u8],
        timeout: Duration,
    ) -> Result<Reply, TransportError> {
        let query = String::from_utf8(query.to_vec()).expect("a query is UTF-8");
        self.answer(Question::Find { query }, timeout).await
    }

    async fn scroll(&self, scroll_id: &str, timeout: Duration) -> Result<Reply, TransportError> {
        self.answer(
            Question::Scroll {
                id: scroll_id.to_owned(),
            },
            timeout,
        )
        .await
    }

    async fn end_scroll(&self, _scroll_id: &str, _timeout: Duration) {}
}

impl Script {
    #[expect(clippy::disallowed_methods, reason = "a slow server waits too")]
    async fn answer(&self, question: Question, timeout: Duration) -> Result<Reply, TransportError> {
        let step = (self.finder.borrow_mut())(&question, timeout);
        tokio::time::sleep(step.takes.min(timeout)).await;
        if step.takes >= timeout {
            Err(TransportError::Timeout(HostPort::default()))
        } else {
            step.result
        }
    }
}

/// Returns a reply whose items name their documents, as those of Elasticsearch do. Items that name
/// something already, be it nothing, stay as they are.
pub(crate) fn named(reply: &str, ids: &[String]) -> String {
    let mut parts = reply.split(r#"{"create":{"status""#);
    let mut named = parts.next().unwrap_or_default().to_owned();
    for (number, part) in parts.enumerate() {
        let id = ids.get(number).map_or("another", String::as_str);
        named += &format!(r#"{{"create":{{"_id":"{id}","status"{part}"#);
    }
    named
}

/// Returns the ids in a bulk request's body, which must consist of pairs of lines; or of deletions,
/// with their sequence numbers.
fn ids(body: &[u8]) -> (Vec<String>, Vec<u64>) {
    let body = std::str::from_utf8(body).expect("a body is UTF-8");
    assert!(
        body.ends_with('\n'),
        "a body ends with a line break, and is not empty"
    );
    if body.starts_with(r#"{"delete":"#) {
        return body.lines().map(deletion).unzip();
    }
    let lines: Vec<&str> = body.lines().collect();
    assert_eq!(lines.len() % 2, 0, "each action has its document");
    let id = |action: &&str| {
        let id = action
            .strip_prefix(r#"{"create":{"_id":""#)
            .and_then(|action| action.strip_suffix(r#""}}"#));
        id.expect("the action is create, with an id").to_owned()
    };
    (lines.iter().step_by(2).map(id).collect(), Vec::new())
}

fn deletion(line: &str) -> (String, u64) {
    let after = |name: &str| {
        line.split(name)
            .nth(1)
            .and_then(|rest| rest.split(['"', ',']).next())
    };
    let id = after(r#""_id":""#)
        .expect("a deletion names its document")
        .to_owned();
    (
        id,
        after(r#""if_seq_no":"#)
            .and_then(|number| number.parse().ok())
            .expect("a deletion has a sequence number"),
    )
}
