//! A fake Elasticsearch for bulk requests and searches: it keeps the documents that it accepts,
//! rejects those that the test names, and fails on demand.
#![expect(
    clippy::disallowed_types,
    clippy::indexing_slicing,
    reason = "the server knows none of our types, and inflates without a cap"
)]

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, Read};
use std::net::TcpListener;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

use super::script::named;

/// The fault of one request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fault {
    /// How many of the documents are stored all the same.
    applied: usize,
    /// The answer in place of the true one.
    answer: Option<(u16, String)>,
    headers: Vec<(&'static str, String)>,
    delay: Duration,
    closes: bool,
}

/// A request that it has received.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// The number of the connection. Requests over one connection have the same number.
    pub(crate) connection: usize,
    pub(crate) path: String,
    pub(crate) query: String,
    /// The headers, with names in lower case.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) ids: Vec<String>,
}

/// Documents to reject: those of a data stream that contain a text, with a status and a type of
/// error. The status 200 drops them, and 201 puts them into the failure store.
type Refusal = (&'static str, &'static str, u16, &'static str);

/// A failure of searches in order of time.
#[derive(Clone, Copy, Debug)]
pub(crate) enum OrderFailure {
    /// They silently end after this many documents.
    EndsAfter(usize),
    /// They are answered 400.
    Refused,
}

/// A document with its sequence number.
struct Stored {
    seq_no: u64,
    document: Value,
}

#[derive(Default)]
struct State {
    streams: BTreeMap<String, BTreeMap<String, Stored>>,
    last_seq_no: u64,
    /// The unread pages of each search.
    scrolls: BTreeMap<String, VecDeque<Vec<Value>>>,
    /// The number of documents after which a search silently ends.
    search_ends_after: Option<usize>,
    /// The failure of each search in order of time.
    order_failure: Option<OrderFailure>,
    /// Method and path of requests other than bulk requests.
    asked: Vec<String>,
    faults: VecDeque<Fault>,
    /// The only accepted value of `authorization`; `None` for any.
    authorization: Option<String>,
    refusals: Vec<Refusal>,
    requests: Vec<Request>,
    /// The faults in requests, which are bugs of ours.
    malformed: Vec<String>,
    connections: usize,
}

/// The server. It stops when it is dropped, and fails the test if it has received a malformed
/// request.
pub(crate) struct FakeElasticsearch {
    pub(crate) url: String,
    state: Arc<Mutex<State>>,
    _running: oneshot::Sender<()>,
}

impl Fault {
    /// No fault: for the requests before the one that fails.
    pub(crate) fn none() -> Self {
        Self {
            applied: usize::MAX,
            ..Self::default()
        }
    }

    /// An answer in place of the work.
    pub(crate) fn status(status: u16) -> Self {
        Self::answer(status, "")
    }

    pub(crate) fn answer(status: u16, body: &str) -> Self {
        Self {
            answer: Some((status, body.to_owned())),
            ..Self::default()
        }
    }

    /// A closed connection in place of an answer.
    pub(crate) fn close() -> Self {
        Self {
            closes: true,
            ..Self::default()
        }
    }

    /// A fault after the work, or after a part of it.
    pub(crate) fn after(self, applied: usize) -> Self {
        Self { applied, ..self }
    }

    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    /// Delays the answer by this much.
    pub(crate) fn delayed(self, milliseconds: u64) -> Self {
        Self {
            delay: Duration::from_millis(milliseconds),
            ..self
        }
    }
}

impl FakeElasticsearch {
    pub(crate) fn start() -> Self {
        Self::serve("http", None)
    }

    pub(crate) fn start_tls(config: ServerConfig) -> Self {
        Self::serve("https", Some(TlsAcceptor::from(Arc::new(config))))
    }

    fn serve(scheme: &str, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("the loopback has free ports");
        listener
            .set_nonblocking(true)
            .expect("a socket can be non-blocking");
        let url = format!(
            "{scheme}://{}",
            listener
                .local_addr()
                .expect("a bound socket has an address")
        );
        let state = Arc::<Mutex<State>>::default();
        let (running, dropped) = oneshot::channel::<()>();
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.expect("a runtime can be made").block_on(async {
                tokio::select! {
                    () = accept(listener, tls, shared) => {}
                    _ = dropped => {}
                }
            });
        });
        Self {
            url,
            state,
            _running: running,
        }
    }

    /// Sets the faults of the next requests.
    pub(crate) fn fail(&self, faults: impl IntoIterator<Item = Fault>) {
        lock(&self.state).faults.extend(faults);
    }

    /// Answers 401 to everybody else from now on.
    pub(crate) fn accept_only(&self, authorization: &str) {
        lock(&self.state).authorization = Some(authorization.to_owned());
    }

    /// Lets searches end after this many documents, whatever `hits.total` says, or after the last
    /// document if it is `None`.
    pub(crate) fn end_searches_after(&self, documents: Option<usize>) {
        lock(&self.state).search_ends_after = documents;
    }

    /// Lets searches in order of time fail like this from now on.
    pub(crate) fn fail_in_order_of_time(&self, failure: OrderFailure) {
        lock(&self.state).order_failure = Some(failure);
    }

    /// Removes all faults.
    pub(crate) fn fail_no_more(&self) {
        lock(&self.state).faults.clear();
    }

    /// Rejects documents of a data stream that contain a text, each by itself.
    pub(crate) fn refuse(
        &self,
        data_stream: &'static str,
        text: &'static str,
        status: u16,
        kind: &'static str,
    ) {
        lock(&self.state)
            .refusals
            .push((data_stream, text, status, kind));
    }

    /// Stops rejecting documents.
    pub(crate) fn recover(&self) {
        lock(&self.state).refusals.clear();
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        lock(&self.state).requests.clone()
    }

    /// Returns method and path of the requests that were not bulk requests.
    pub(crate) fn asked(&self) -> Vec<String> {
        lock(&self.state).asked.clone()
    }

    /// Returns how many searches were not ended.
    pub(crate) fn open_scrolls(&self) -> usize {
        lock(&self.state).scrolls.len()
    }

    /// Puts a document of somebody else into a data stream.
    pub(crate) fn put(&self, data_stream: &str, id: &str, document: Value) {
        lock(&self.state).insert(data_stream, id.to_owned(), document);
    }

    /// Returns how many documents a data stream holds.
    pub(crate) fn count(&self, data_stream: &str) -> usize {
        lock(&self.state)
            .streams
            .get(data_stream)
            .map_or(0, BTreeMap::len)
    }

    /// Returns the documents of a data stream, as JSON.
    pub(crate) fn documents(&self, data_stream: &str) -> Vec<String> {
        let state = lock(&self.state);
        state
            .streams
            .get(data_stream)
            .into_iter()
            .flatten()
            .map(|(_, stored)| stored.document.to_string())
            .collect()
    }
}

impl Drop for FakeElasticsearch {
    fn drop(&mut self) {
        if !thread::panicking() {
            assert_eq!(
                lock(&self.state).malformed,
                Vec::<String>::new(),
                "malformed requests"
            );
        }
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().expect("nobody panicked here")
}

async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, state: Arc<Mutex<State>>) {
    let listener = tokio::net::TcpListener::from_std(listener).expect("a non-blocking socket");
    loop {
        let (stream, _) = listener.accept().await.expect("a connection can be taken");
        let (tls, state) = (tls.clone(), Arc::clone(&state));
        tokio::spawn(async move {
            match tls {
                None => connection(stream, state).await,
                // The client reports a handshake that fails.
                Some(tls) => {
                    if let Ok(stream) = tls.accept(stream).await {
                        connection(stream, state).await;
                    }
                }
            }
        });
    }
}

async fn connection<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
    state: Arc<Mutex<State>>,
) {
    let number = {
        let mut state = lock(&state);
        state.connections += 1;
        state.connections
    };
    let service = service_fn(move |request| answer(Arc::clone(&state), number, request));
    // A broken connection is what a test wants, or another check notices it.
    drop(
        http1::Builder::new()
            .serve_connection(TokioIo::new(stream), service)
            .await,
    );
}

#[expect(clippy::disallowed_methods, reason = "a slow server waits")]
async fn answer(
    state: Arc<Mutex<State>>,
    connection: usize,
    request: hyper::Request<Incoming>,
) -> io::Result<Response<Full<Bytes>>> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let (status, body, fault) = {
        let mut state = lock(&state);
        let path = parts.uri.path();
        if !path.ends_with("/_bulk") {
            state.asked.push(format!("{} {path}", parts.method));
        }
        let authorization = parts.headers.get("authorization");
        let is_stranger = state
            .authorization
            .as_ref()
            .is_some_and(|wanted| authorization.is_none_or(|found| found != wanted.as_str()));
        let is_courtesy = path.ends_with("/_refresh") || parts.method == "DELETE";
        let fault = if is_stranger {
            Some(Fault::status(401))
        } else if is_courtesy {
            None
        } else {
            state.faults.pop_front()
        }
        .unwrap_or_else(Fault::none);
        let answer = match path.ends_with("/_bulk") {
            true => state
                .take(connection, &parts, &body, fault.applied)
                .map(|items| {
                    (
                        200,
                        json!({"took": 1, "errors": true, "items": items}).to_string(),
                    )
                }),
            // Work is not begun if nobody will see its result.
            false if fault.answer.is_some() || fault.closes => Ok((500, String::new())),
            false => state.search(&parts.method, path, &body),
        };
        let (status, body) = answer.unwrap_or_else(|problem| {
            state.malformed.push(problem);
            (400, String::new())
        });
        let (status, body) = match (&fault.answer, state.requests.last()) {
            (None, _) => (status, body),
            (Some((status, body)), None) => (*status, body.clone()),
            (Some((status, body)), Some(request)) => (*status, named(body, &request.ids)),
        };
        (status, body, fault)
    };
    tokio::time::sleep(fault.delay).await;
    if fault.closes {
        return Err(io::Error::other("as the test wants it"));
    }
    let mut response =
        Response::builder().status(StatusCode::from_u16(status).map_err(io::Error::other)?);
    // Elasticsearch and OpenSearch do the same.
    if let Some(echo) = parts.headers.get("x-opaque-id") {
        response = response.header("x-opaque-id", echo);
    }
    for (name, value) in fault.headers {
        response = response.header(name, value);
    }
    response.body(Full::from(body)).map_err(io::Error::other)
}

impl State {
    /// Stores the first documents of a request. Returns the result of each.
    fn take(
        &mut self,
        connection: usize,
        parts: &hyper::http::request::Parts,
        body: &[u8],
        applied: usize,
    ) -> Result<Vec<Value>, String> {
        let text = |value: &hyper::header::HeaderValue| {
            String::from_utf8_lossy(value.as_bytes()).into_owned()
        };
        let headers: BTreeMap<String, String> = parts
            .headers
            .iter()
            .map(|(name, value)| (name.to_string(), text(value)))
            .collect();
        let path = parts.uri.path().to_owned();
        let is_gzip = headers
            .get("content-encoding")
            .is_some_and(|encoding| encoding == "gzip");
        let actions = actions(&inflate(body, is_gzip)?)?;
        let data_stream = path
            .strip_suffix("/_bulk")
            .and_then(|path| path.rsplit('/').next())
            .ok_or(format!("POST {path}"))?
            .to_owned();
        let ids = actions
            .iter()
            .map(|action| action.id().to_owned())
            .collect();
        let query = parts.uri.query().unwrap_or_default().to_owned();
        self.requests.push(Request {
            connection,
            path,
            query,
            headers,
            ids,
        });
        Ok(actions
            .into_iter()
            .take(applied)
            .map(|action| self.apply(&data_stream, action))
            .collect())
    }

    fn apply(&mut self, data_stream: &str, action: Action) -> Value {
        match action {
            Action::Create { id, document } => self.create(data_stream, id, document),
            Action::Delete {
                data_stream,
                id,
                seq_no,
            } => self.delete(&data_stream, &id, seq_no),
        }
    }

    fn insert(&mut self, data_stream: &str, id: String, document: Value) {
        self.last_seq_no += 1;
        let stored = Stored {
            seq_no: self.last_seq_no,
            document,
        };
        self.streams
            .entry(data_stream.to_owned())
            .or_default()
            .insert(id, stored);
    }

    fn delete(&mut self, data_stream: &str, id: &str, seq_no: u64) -> Value {
        let refusal = self
            .refusals
            .iter()
            .find(|(stream, needle, ..)| *stream == data_stream && *needle == "delete");
        if let Some((.., status, kind)) = refusal {
            return json!({"delete": {"_id": id, "status": status, "error": {"type": kind, "reason": "no"}}});
        }
        let stream = self.streams.entry(data_stream.to_owned()).or_default();
        let found = stream.get(id).map(|stored| stored.seq_no);
        if found != Some(seq_no) {
            let state = found.map_or(" but no document was found".to_owned(), |seq_no| {
                format!(" current document has seqNo [{seq_no}] and primary term [1]")
            });
            let reason = format!(
                "[{id}]: version conflict, required seqNo [{seq_no}], primary term [1].{state}"
            );
            let error = json!({"type": "version_conflict_engine_exception", "reason": reason});
            return json!({"delete": {"_id": id, "status": 409, "error": error}});
        }
        stream.remove(id);
        json!({"delete": {"_id": id, "status": 200}})
    }

    /// Returns the reply to a search, and what belongs to it.
    fn search(
        &mut self,
        method: &hyper::Method,
        path: &str,
        body: &[u8],
    ) -> Result<(u16, String), String> {
        let body: Value = if body.is_empty() {
            json!({})
        } else {
            serde_json::from_slice(body).map_err(|e| e.to_string())?
        };
        let scroll_id = body["scroll_id"].as_str().unwrap_or_default();
        if path == "/_search/scroll" && method == "DELETE" {
            return Ok((
                if self.scrolls.remove(scroll_id).is_some() {
                    200
                } else {
                    404
                },
                "{}".into(),
            ));
        }
        if path == "/_search/scroll" {
            let Some(pages) = self.scrolls.get_mut(scroll_id) else {
                return Ok((
                    404,
                    r#"{"error":{"type":"search_phase_execution_exception"},"status":404}"#.into(),
                ));
            };
            return Ok((
                200,
                page(scroll_id, 0, &pages.pop_front().unwrap_or_default()),
            ));
        }
        let Some(stream) = path
            .split('/')
            .nth(1)
            .and_then(|name| Some((name, self.streams.get(name)?)))
        else {
            return Ok((
                404,
                r#"{"error":{"type":"index_not_found_exception"},"status":404}"#.into(),
            ));
        };
        if path.ends_with("/_refresh") {
            return Ok((200, "{}".into()));
        }
        let hit = |(id, stored): (&String, &Stored)| {
            json!({"_index": format!(".ds-{}", stream.0), "_id": id, "_seq_no": stored.seq_no, "_primary_term": 1,
                   "_source": stored.document})
        };
        if let Some(ids) = body.pointer("/query/ids/values").and_then(Value::as_array) {
            let is_asked = |(id, _): &(&String, &Stored)| ids.iter().any(|asked| asked == *id);
            let hits: Vec<Value> = stream.1.iter().filter(is_asked).map(hit).collect();
            return Ok((200, page("", hits.len(), &hits)));
        }
        let since = body
            .pointer("/query/range/@timestamp/gte")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let time = |stored: &Stored| {
            stored.document["@timestamp"]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        };
        let ids = body.pointer("/query/ids/values").and_then(Value::as_array);
        let group = body.pointer("/query/bool/filter/0/term/aws.cloudwatch.log_group");
        let is_wanted = |(_, stored): &(&String, &Stored)| {
            let of_group =
                |group| stored.document.pointer("/aws/cloudwatch/log_group") == Some(group);
            group.is_none_or(of_group) && *time(stored) >= *since
        };
        let mut found: Vec<_> = match ids {
            Some(ids) => {
                let ids = ids.iter().filter_map(Value::as_str);
                ids.filter_map(|id| stream.1.get_key_value(id)).collect()
            }
            None => stream.1.iter().filter(is_wanted).collect(),
        };
        found.sort_by_key(|(_, stored)| time(stored));
        let hits: Vec<Value> = found.into_iter().map(hit).collect();
        let size = body["size"].as_u64().ok_or("a search says its size")?;
        let is_in_order_of_time = body.pointer("/sort/0/@timestamp").is_some();
        let failure = self.order_failure.filter(|_| is_in_order_of_time);
        let ends_after = match failure {
            None => self.search_ends_after.unwrap_or(hits.len()),
            Some(OrderFailure::EndsAfter(documents)) => documents,
            Some(OrderFailure::Refused) => {
                let error = json!({"error": {"type": "search_phase_execution_exception"}});
                return Ok((400, error.to_string()));
            }
        };
        let returned = ends_after.min(hits.len());
        let mut pages: VecDeque<_> = hits[..returned]
            .chunks(usize::try_from(size).expect("it fits"))
            .map(<[_]>::to_vec)
            .collect();
        let (id, first) = (
            format!("scroll-{}", self.asked.len()),
            pages.pop_front().unwrap_or_default(),
        );
        self.scrolls.insert(id.clone(), pages);
        Ok((200, page(&id, hits.len(), &first)))
    }

    fn create(&mut self, data_stream: &str, id: String, document: Value) -> Value {
        let text = document.to_string();
        let refusal = self
            .refusals
            .iter()
            .find(|(stream, needle, ..)| *stream == data_stream && text.contains(needle));
        if let Some((.., 200, _)) = refusal {
            return json!({"create": {"_id": id, "status": 200, "result": "noop"}});
        }
        if let Some((.., 201, _)) = refusal {
            return json!({"create": {"_id": "x", "status": 201, "failure_store": "used"}});
        }
        if let Some((.., status, kind)) = refusal {
            let reason = format!("refused, and the reason quotes the document: {text}");
            return json!({"create": {"_id": id, "status": status, "error": {"type": kind, "reason": reason}}});
        }
        let stream = self.streams.entry(data_stream.to_owned()).or_default();
        if stream.contains_key(&id) {
            let error = json!({"type": "version_conflict_engine_exception", "reason": "document already exists"});
            return json!({"create": {"_id": id, "status": 409, "error": error}});
        }
        self.insert(data_stream, id.clone(), document);
        json!({"create": {"_id": id, "status": 201}})
    }
}

fn inflate(body: &[u8], is_gzip: bool) -> Result<String, String> {
    let mut bytes = body.to_vec();
    if is_gzip {
        bytes.clear();
        flate2::read::GzDecoder::new(body)
            .read_to_end(&mut bytes)
            .map_err(|error| format!("gzip: {error}"))?;
    }
    String::from_utf8(bytes).map_err(|error| error.to_string())
}

/// Returns a page of a search.
fn page(scroll_id: &str, total: usize, hits: &[Value]) -> String {
    let hits = json!({"total": {"value": total, "relation": "eq"}, "hits": hits});
    json!({"_scroll_id": scroll_id, "timed_out": false, "_shards": {"total": 1, "successful": 1, "failed": 0}, "hits": hits})
        .to_string()
}

/// An action of a bulk request.
enum Action {
    Create {
        id: String,
        document: Value,
    },
    Delete {
        data_stream: String,
        id: String,
        seq_no: u64,
    },
}

impl Action {
    fn id(&self) -> &str {
        match self {
            Self::Create { id, .. } | Self::Delete { id, .. } => id,
        }
    }
}

/// Parses the actions of a body. Everything that Elasticsearch would reject is an error, and more.
fn actions(body: &str) -> Result<Vec<Action>, String> {
    let mut lines = body
        .strip_suffix('\n')
        .ok_or("the body does not end with a line break")?
        .split('\n');
    let mut actions = Vec::new();
    while let Some(line) = lines.next() {
        let action: Value =
            serde_json::from_str(line).map_err(|error| format!("action: {error}"))?;
        let text = |pointer| {
            action
                .pointer(pointer)
                .and_then(Value::as_str)
                .map(str::to_owned)
        };
        if let Some(index) = text("/delete/_index") {
            let id = text("/delete/_id").ok_or("the action has no id")?;
            let seq_no = action["delete"]["if_seq_no"]
                .as_u64()
                .ok_or("the action has no sequence number")?;
            let data_stream = index
                .strip_prefix(".ds-")
                .ok_or("a deletion names a backing index")?
                .to_owned();
            actions.push(Action::Delete {
                data_stream,
                id,
                seq_no,
            });
            continue;
        }
        let document = lines.next().ok_or("an action without document")?;
        let document: Value =
            serde_json::from_str(document).map_err(|error| format!("document: {error}"))?;
        let id = text("/create/_id").ok_or("the action has no id")?;
        if action != json!({"create": {"_id": id}}) {
            return Err(format!("the action is {action}"));
        }
        if document.get("@timestamp").is_none() {
            return Err("a document of a data stream has a @timestamp".into());
        }
        actions.push(Action::Create { id, document });
    }
    Ok(actions)
}
