//! The seams between this program and a server: requests as traits, and their replies.
//!
//! The rooms above use these and no HTTP. [`Transport`] takes bulk requests, [`Search`] finds
//! documents, [`Templates`] holds index templates, and [`Inspect`] answers questions about the
//! server. `elasticsearch` implements them over HTTP; the command line and the tests have
//! implementations of their own.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use serde::Deserialize;

/// A receiver of bulk requests: Elasticsearch, a terminal, or a test's script.
pub trait Transport {
    /// Encodes a body for sending, for instance by compressing it. Other requests may be open
    /// meanwhile.
    fn encode<'b>(&self, body: Cow<'b, [u8]>) -> Cow<'b, [u8]> {
        body
    }

    /// Sends one encoded body and waits for the whole reply, for `timeout` at most.
    fn bulk(
        &self,
        target: Target<'_>,
        body: Cow<'_, [u8]>,
        timeout: Duration,
    ) -> impl Future<Output = Exchange>;

    /// Fetches the credentials again after the server refused them. Returns whether they have
    /// changed.
    fn refresh_credentials(&self, timeout: Duration) -> impl Future<Output = bool>;

    /// Closes all idle connections, after a reply that may have belonged to another request.
    fn forget_connections(&self) {}
}

/// A source of documents: Elasticsearch, or a test's script.
///
/// It scrolls. Scrolling is the only way to read a whole data stream that Elasticsearch 8,
/// Elasticsearch 9 and OpenSearch share:
/// <https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-scroll>.
pub trait Search {
    /// Makes the newest documents visible to searches, if the credentials allow it.
    fn refresh(&self, data_stream: &str, timeout: Duration) -> impl Future<Output = ()>;

    /// Begins a search. The reply holds the first page.
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

    /// Asks a question whose answer is one page.
    fn find(
        &self,
        data_stream: &str,
        query: &[u8],
        timeout: Duration,
    ) -> impl Future<Output = Result<Reply, TransportError>>;

    /// Ends a search.
    fn end_scroll(&self, scroll_id: &str, timeout: Duration) -> impl Future<Output = ()>;
}

/// A store of index templates and lifecycle policies.
pub trait Templates {
    /// Gets the resource at a path.
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

/// A server that answers questions about itself and about the credentials.
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
    /// The ingest pipeline for the documents, if any.
    pub ingest_pipeline: Option<&'a str>,
}

/// A request that puts a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Put {
    /// The segments of the path.
    pub path: Vec<String>,
    /// The query parameters.
    pub query: Vec<(&'static str, String)>,
    /// The body, as JSON.
    pub body: String,
}

/// One bulk request and its result.
#[derive(Debug)]
pub struct Exchange {
    /// The size of the body as it was sent, that is compressed; 0 if it was not sent.
    pub bytes_sent: u64,
    /// The reply, or the reason why there is none.
    pub result: Result<Reply, TransportError>,
}

/// An HTTP response, read to its end.
#[derive(Debug, Clone, Default)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// How long the server asks us to wait.
    pub retry_after: Option<Duration>,
    /// True if the server has echoed the random id of the request, which proves that this is its
    /// reply.
    pub is_echoed: bool,
    /// True if the reply began before the whole request was sent, so that the server cannot have
    /// read it. Only errors come so early: a success does not count.
    pub is_early: bool,
    /// The body.
    pub body: Vec<u8>,
}

/// The reply to `GET /`, as far as it names the server.
#[derive(Debug, Deserialize)]
pub struct ServerInfo {
    /// The version.
    pub version: ServerVersion,
}

/// The version of a server.
#[derive(Debug, Deserialize)]
pub struct ServerVersion {
    /// The number; empty if the server does not reveal it.
    #[serde(default)]
    pub number: String,
    /// `opensearch`; empty for Elasticsearch.
    #[serde(default)]
    pub distribution: String,
    /// `serverless` for Elasticsearch Serverless, whose number stays as it is.
    #[serde(default)]
    pub build_flavor: String,
}

/// The error in a reply.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum ReplyError {
    /// An error with its name and reason.
    Detailed {
        /// The server's name for the error.
        #[serde(default)]
        r#type: String,
        /// The server's explanation.
        #[serde(default)]
        reason: String,
        /// The error that caused this one.
        caused_by: Option<Box<Self>>,
    },
    /// An error that is only a sentence.
    Sentence(String),
}

impl Reply {
    /// Returns the error in the reply, if there is one.
    #[must_use]
    pub fn error(&self) -> Option<ReplyError> {
        #[derive(Deserialize)]
        struct WireErrorReply {
            error: ReplyError,
        }
        let wire: WireErrorReply = serde_json::from_slice(&self.body).ok()?;
        Some(wire.error)
    }
}

/// The host and port of a server, for messages. Nothing else of its URL is kept: a URL may hold
/// credentials.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HostPort(Option<Box<str>>);

impl HostPort {
    /// Makes it from a text such as `elasticsearch.example.com:9200`.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Some(text.into()))
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0.as_deref().unwrap_or("the server"))
    }
}

/// The cause of a failed connection, and its remedy.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConnectionProblem {
    /// The server.
    pub server: HostPort,
    /// The cause, as the end of a sentence.
    pub cause: Cow<'static, str>,
    /// The remedy, as an imperative.
    pub remedy: &'static str,
}

/// The reason why there is no response.
///
/// The server may have indexed the documents all the same, unless nothing was sent: without a
/// connection, a trusted certificate or credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TransportError {
    /// No connection: an unknown name, no route, no listener, or no TLS.
    Connect(ConnectionProblem),
    /// The server's certificate is not trusted.
    Certificate(ConnectionProblem),
    /// There are no credentials, and another try will not bring any. The sentence says what to do.
    NoCredentials(&'static str),
    /// There are no credentials at the moment.
    CredentialsUnavailable(Cow<'static, str>),
    /// The response did not come in time.
    Timeout(HostPort),
    /// The connection ended before the response did, or brought something else.
    Closed {
        /// True if the connection had served a request before. Such a connection may have died
        /// while idle.
        reused: bool,
        /// The way in which it ended.
        problem: ConnectionProblem,
    },
    /// The response ended before it was complete.
    Cut,
    /// The response is larger than any real answer.
    TooLarge,
    /// The response echoes the id of another request.
    Foreign,
    /// The response claims success, but it began before the whole request was sent.
    Premature,
}

impl TransportError {
    /// Returns what went wrong, without a remedy.
    #[must_use]
    pub fn cause(&self) -> String {
        match self {
            Self::Connect(ConnectionProblem { server, cause, .. }) => {
                format!("no connection could be made to {server}: {cause}")
            }
            Self::Certificate(ConnectionProblem { server, cause, .. }) => {
                format!("the TLS certificate of {server} {cause}")
            }
            Self::Closed {
                problem: ConnectionProblem { server, cause, .. },
                ..
            } => format!("{server} {cause}"),
            Self::Timeout(server) => format!("no answer came in time from {server}"),
            Self::NoCredentials(sentence) => (*sentence).to_owned(),
            Self::CredentialsUnavailable(sentence) => sentence.to_string(),
            Self::Cut => "the answer was cut off".to_owned(),
            Self::TooLarge => "the answer is larger than any answer should be".to_owned(),
            Self::Foreign => "the answer belongs to another request".to_owned(),
            Self::Premature => "the answer came before the request was sent".to_owned(),
        }
    }

    /// Returns what to do about it; empty if that is said already.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Connect(problem) | Self::Certificate(problem) | Self::Closed { problem, .. } => {
                problem.remedy
            }
            Self::NoCredentials(_) | Self::CredentialsUnavailable(_) => "",
            Self::Timeout(_) => "look at the load of the server, or raise REQUEST_TIMEOUT_MS",
            Self::Cut | Self::TooLarge | Self::Foreign => {
                "look at the server, and at the proxy before it if there is one"
            }
            Self::Premature => "check that ELASTICSEARCH_URL is the address of Elasticsearch",
        }
    }
}

impl std::error::Error for TransportError {}

impl fmt::Display for TransportError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cause = self.cause();
        let remedy = self.remedy();
        let colon = if remedy.is_empty() { "" } else { ": " };
        write!(formatter, "{cause}{colon}{remedy}")
    }
}
