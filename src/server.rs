//! The seams between this program and a server: requests as traits, and what comes back.
//!
//! Everything above names these and nothing of HTTP. [`Transport`] takes bulk requests, [`Search`] finds documents,
//! and [`Templates`] holds index templates. `elasticsearch` implements all three over HTTP; the command line and the
//! tests have their own.

use std::borrow::Cow;
use std::time::Duration;

use thiserror::Error;

/// Something that takes bulk requests: Elasticsearch, a terminal, a test's script.
pub trait Transport {
    /// Encodes a body as it is sent, compressed for instance. Other requests may be open meanwhile.
    fn encode<'b>(&self, body: Cow<'b, [u8]>) -> Cow<'b, [u8]> {
        body
    }

    /// Sends one encoded body and waits for the whole reply, at most for `timeout`.
    fn bulk(
        &self,
        target: Target<'_>,
        body: Cow<'_, [u8]>,
        timeout: Duration,
    ) -> impl Future<Output = Exchange>;

    /// Fetches the credentials again after they were refused. Returns whether they differ now.
    fn refresh_credentials(&self, timeout: Duration) -> impl Future<Output = bool>;

    /// Closes all idle connections: the last reply may have been the answer to another request.
    fn forget_connections(&self) {}
}

/// Something that finds documents: Elasticsearch, a test's script.
///
/// It scrolls, because scrolling is the one way to read a whole data stream that Elasticsearch 8
/// and 9 and OpenSearch have in common:
/// <https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-scroll>.
pub trait Search {
    /// Makes the newest documents visible to searches, if the credentials allow it.
    fn refresh(&self, data_stream: &str, timeout: Duration) -> impl Future<Output = ()>;

    /// Begins a search. The reply holds its first page.
    fn search(
        &self,
        data_stream: &str,
        query: &[u8],
        timeout: Duration,
    ) -> impl Future<Output = Result<Reply, TransportError>>;

    /// Fetches the next page of a search.
    fn scroll(
        &self,
        scroll_id: &str,
        timeout: Duration,
    ) -> impl Future<Output = Result<Reply, TransportError>>;

    /// Ends a search.
    fn end_scroll(&self, scroll_id: &str, timeout: Duration) -> impl Future<Output = ()>;
}

/// Something that holds index templates and lifecycle policies.
pub trait Templates {
    /// Asks for what is at a path.
    fn get(
        &self,
        path: &[&str],
        timeout: Duration,
    ) -> impl Future<Output = Result<Reply, TransportError>>;

    /// Puts JSON at a path.
    fn put(
        &self,
        request: &Put,
        timeout: Duration,
    ) -> impl Future<Output = Result<Reply, TransportError>>;
}

/// Something that answers questions about itself and about the credentials.
pub trait Inspect: Templates {
    /// Posts JSON to a path.
    fn post(
        &self,
        path: &[&str],
        body: Vec<u8>,
        timeout: Duration,
    ) -> impl Future<Output = Result<Reply, TransportError>>;
}

/// The destination of documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target<'a> {
    /// The name of the data stream.
    pub data_stream: &'a str,
    /// The ingest pipeline that Elasticsearch runs them through, if any.
    pub ingest_pipeline: Option<&'a str>,
}

/// A request that puts something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Put {
    /// The segments of its path.
    pub path: Vec<String>,
    /// The parameters behind the `?`.
    pub query: Vec<(&'static str, String)>,
    /// The body, as JSON.
    pub body: String,
}

/// One bulk request and its result.
#[derive(Debug)]
pub struct Exchange {
    /// The size of the body as it was sent, compressed; 0 if it was not sent.
    pub bytes_sent: u64,
    /// The reply, or why there is none.
    pub result: Result<Reply, TransportError>,
}

/// An HTTP response, read to its end.
#[derive(Debug, Clone, Default)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// How long the server asks to wait, from now.
    pub retry_after: Option<Duration>,
    /// The server has echoed the random id of the request, so this is the answer to it.
    pub is_echoed: bool,
    /// The body.
    pub body: Vec<u8>,
}

/// The reason why there is no response.
///
/// The documents may have been indexed all the same, except where nothing was sent: without a connection, a trusted
/// certificate, or credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TransportError {
    /// No name, no route, nobody listening, no TLS. The sentence says which, and what to do.
    #[error("no connection could be made: {0}")]
    Connect(&'static str),
    /// The server's certificate is not trusted. The sentence says why, and what to do.
    #[error("the server's TLS certificate {0}")]
    Certificate(&'static str),
    /// There are no credentials, and asking again will not bring any.
    #[error("{0}")]
    NoCredentials(&'static str),
    /// There are no credentials now.
    #[error("{0}")]
    CredentialsUnavailable(&'static str),
    /// The response did not come in time.
    #[error("no answer came in time")]
    Timeout,
    /// The connection ended before the response did.
    #[error("the connection was closed before the answer")]
    Closed {
        /// The connection had served a request before, so it may have died while idle.
        reused: bool,
    },
    /// The response ended before it was complete.
    #[error("the answer was cut off")]
    Cut,
    /// The response is larger than any answer to the request could be.
    #[error("the answer is larger than any answer should be")]
    TooLarge,
    /// The response echoes the id of another request.
    #[error("the answer belongs to another request: look at the proxy before Elasticsearch")]
    Foreign,
    /// The response began before the request was sent to its end, and claims success.
    #[error("the answer came before the request was sent: is it Elasticsearch's?")]
    Premature,
}
