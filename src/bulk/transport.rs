//! The seam between what is decided and what is sent: all that the indexer knows of HTTP.

use std::borrow::Cow;
use std::time::Duration;

use thiserror::Error;

/// Something that takes bulk requests: Elasticsearch, a terminal, a test's script.
pub trait Transport {
    /// A body as it is sent: compressed, say. That is done while other requests are open.
    fn encode<'b>(&self, body: Cow<'b, [u8]>) -> Cow<'b, [u8]> {
        body
    }

    /// Sends one body, encoded, and waits for the whole reply, at most so long.
    fn bulk(
        &self,
        target: Target<'_>,
        body: Cow<'_, [u8]>,
        timeout: Duration,
    ) -> impl Future<Output = Exchange>;

    /// Fetches the credentials again after they were refused. True if there are other ones now.
    fn refresh_credentials(&self, timeout: Duration) -> impl Future<Output = bool>;
}

/// Where documents go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target<'a> {
    /// The data stream.
    pub data_stream: &'a str,
    /// An ingest pipeline to send them through.
    pub ingest_pipeline: Option<&'a str>,
}

/// One request and what came of it.
#[derive(Debug)]
pub struct Exchange {
    /// The size of the body as it was sent, compressed; 0 if it was not.
    pub bytes_sent: u64,
    /// What came back.
    pub result: Result<Reply, TransportError>,
}

/// An HTTP response, read to its end.
#[derive(Debug, Clone, Default)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// How long the server asks to wait, from now.
    pub retry_after: Option<Duration>,
    /// The body.
    pub body: Vec<u8>,
}

/// Why there is no response. Whether the documents were indexed nobody knows, except where nothing was sent: without a
/// connection, a certificate, or credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TransportError {
    /// No name, no route, nobody listening, no TLS.
    #[error("no connection could be made")]
    Connect,
    /// The server's certificate is not to be trusted.
    #[error(
        "the server's TLS certificate is not trusted (set ELASTICSEARCH_CA_FILE or ELASTICSEARCH_CA_FINGERPRINT)"
    )]
    Certificate,
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
        /// Whether the connection had served a request before: then it may have died of old age.
        reused: bool,
    },
    /// The response ended before it was complete.
    #[error("the answer was cut off")]
    Cut,
    /// A response that is larger than any answer to the request could be.
    #[error("the answer is larger than any answer should be")]
    TooLarge,
}
