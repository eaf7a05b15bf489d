//! Requests over HTTP: the only room that knows the network.
//!
//! A client and its connections outlive the invocation, until a connection turns out to be dead.
//! The client follows no redirects, never repeats a request by itself (the indexer is the one
//! authority on that), and reads no more of a reply than any reply could need.

mod access;
mod identity;
mod mask;
mod opensearch;
mod request_body;
mod search;
mod secret;
mod secret_arn;
mod settings;

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use reqwest::header::{
    ACCEPT, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER,
};
use reqwest::{Client, RequestBuilder, Url};
use ring::rand::{SecureRandom, SystemRandom};
use tokio::time::Instant;

pub(crate) use self::access::is_clear_text;
use self::access::{Access, CredentialSource};
use self::identity::Identity;
use self::mask::Credentials;
pub use self::secret_arn::SecretArn;
pub use self::settings::{Auth, ElasticsearchSettings, SecretSettings};
use crate::http::{self, ClientError, ClientSettings, read};
use crate::server::{Exchange, Reply, Target, Transport, TransportError};

/// Elasticsearch, over HTTP.
#[derive(Debug)]
pub struct Elasticsearch {
    client: RefCell<Client>,
    client_settings: ClientSettings,
    source: CredentialSource,
    /// The number of the current host. When it fails, the next host takes over.
    current: Cell<usize>,
    headers: HeaderMap,
    compression: Compression,
    /// True if the server knows the parameter `require_data_stream`, as we assume until the server
    /// says otherwise.
    knows_require_data_stream: Cell<bool>,
    /// The time for which the first request to a host is not finished, and the time after the host
    /// has answered an unfinished one.
    holds: [Duration; 2],
}

#[derive(Debug)]
struct Host {
    url: Url,
    /// True if the client may hold a connection that has served a request before.
    has_served: Cell<bool>,
    /// The number of replies so far.
    replies: Cell<u64>,
    manners: Cell<Manners>,
}

/// The way in which a host answers, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manners {
    /// It has not answered yet.
    Unknown,
    /// It has answered a request before the request was finished.
    Hasty,
    /// It has waited for the end of a request.
    Patient,
}

/// The time for which the last piece of the first request to a host is kept back. A host that
/// answers in this time has not waited for the request. The kernel takes a small request at once,
/// whether anybody reads it or not.
const HOLD: Duration = Duration::from_millis(20);

/// The same for a host that has answered an unfinished request.
const HOLD_OF_HASTY: Duration = Duration::from_secs(1);

/// The members of a reply that are read: the result of each item, and the id that proves which
/// request it belongs to.
const FILTER_PATH: &str = "error,items.*._id,items.*.status,items.*.failure_store,items.*.error.type,\
                           items.*.error.reason,items.*.error.caused_by.reason";

/// Members that are also read if the request names a pipeline, which may change or drop documents.
/// Without one they would cost more than they tell: the index alone doubles the length of a reply.
const PIPELINE_FILTER_PATH: &str = ",items.*._index,items.*.result";

/// The message for settings that name no address of Elasticsearch.
const NO_HOST: &str = "Elasticsearch has no address: set ELASTICSEARCH_URL";

/// The message for a server that requires credentials while the settings hold none.
const NONE_SET: &str = "the server answered 401, and no credentials are set: set ELASTICSEARCH_API_KEY, or \
                        ELASTICSEARCH_USERNAME and ELASTICSEARCH_PASSWORD";

/// The header that a server copies from the request to its reply.
const OPAQUE_ID: HeaderName = HeaderName::from_static("x-opaque-id");

impl Elasticsearch {
    /// Makes the client without connecting.
    ///
    /// # Errors
    /// [`ClientError`] if the settings do not allow one.
    pub fn new(settings: ElasticsearchSettings) -> Result<Self, ClientError> {
        let client_settings = ClientSettings::new(&settings.trust, settings.connect_timeout)?;
        let client = RefCell::new(client_settings.client()?);
        let headers = headers(settings.compression_level);
        let compression = Compression::new(settings.compression_level);
        // Amazon's OpenSearch is the only server whose requests are signed.
        let is_signed = matches!(settings.auth, Auth::Signature { .. });
        let source = CredentialSource::new(settings)?;
        Ok(Self {
            client,
            client_settings,
            source,
            current: Cell::new(0),
            headers,
            compression,
            knows_require_data_stream: Cell::new(!is_signed),
            holds: [HOLD, HOLD_OF_HASTY],
        })
    }

    fn client(&self) -> Client {
        self.client.borrow().clone()
    }

    /// Returns the current host.
    fn host(&self, access: &Access) -> Option<Rc<Host>> {
        let number = self.current.get() % access.hosts.len().max(1);
        access.hosts.get(number).cloned()
    }

    fn next_host(&self) {
        self.current.set(self.current.get().wrapping_add(1));
    }

    async fn exchange(
        &self,
        access: &Access,
        host: &Host,
        request: RequestBuilder,
        body: Bytes,
    ) -> Result<Reply, TransportError> {
        // A request that is open at the same time may find its connection dead and forget all
        // connections. Or it gets a reply, and this request takes its connection over.
        let (had_served, replies) = (host.has_served.get(), host.replies.get());
        let reused = || had_served || host.replies.get() != replies;
        // A signature needs the whole body.
        let request = request.body(body.clone());
        let mut request = request
            .build()
            .map_err(|error| self.transport_error(host, &error, reused()))?;
        let opaque_id = opaque_id();
        request.headers_mut().insert(OPAQUE_ID, opaque_id.clone());
        access.identity.authorize(&mut request)?;
        let credentials = Credentials::of(request.headers());
        let is_bulk = request.url().path().ends_with("/_bulk");
        let progress = request_body::track(&mut request, body, self.hold(host));
        let response = self
            .client()
            .execute(request)
            .await
            .map_err(|error| self.transport_error(host, &error, reused()))?;
        let is_early = !progress.is_sent();
        if !is_early {
            host.manners.set(Manners::Patient);
        } else if response.status().is_success() {
            host.manners.set(Manners::Hasty);
            self.forget_connections();
            return Err(TransportError::Premature);
        }
        let mut echoes = response.headers().get_all(OPAQUE_ID).iter();
        if !echoes.all(|echo| *echo == opaque_id) {
            self.forget_connections();
            return Err(TransportError::Foreign);
        }
        // The results of searches are data, and are not shown.
        let is_data = response.status().is_success() && !is_bulk;
        let mut reply = Reply {
            status: response.status().as_u16(),
            retry_after: response.headers().get(RETRY_AFTER).and_then(retry_after),
            is_echoed: response.headers().contains_key(OPAQUE_ID),
            is_early,
            body: read(response).await?,
        };
        if !is_data {
            reply.body = credentials.masked(reply.body);
        }
        if speaks_of_tls(&reply) && host.url.scheme() == "http" {
            return Err(http::expects_tls(&host.url));
        }
        if reply.status == 401 && matches!(access.identity, Identity::Nobody) {
            return Err(TransportError::NoCredentials(NONE_SET));
        }
        host.has_served.set(true);
        host.replies.set(host.replies.get() + 1);
        Ok(reply)
    }

    /// Returns the time for which to keep back the last piece of a request to a host.
    fn hold(&self, host: &Host) -> Duration {
        let [of_unknown, of_hasty] = self.holds;
        match host.manners.get() {
            Manners::Unknown => of_unknown,
            Manners::Hasty => of_hasty,
            Manners::Patient => Duration::ZERO,
        }
    }

    /// Sends a bulk request; again without `require_data_stream` if the server does not know the
    /// parameter.
    async fn send_bulk(&self, access: &Access, host: &Host, bulk: BulkRequest<'_>) -> Exchange {
        let mut bytes_sent = bulk.body.len() as u64;
        loop {
            let knows_parameter = self.knows_require_data_stream.get();
            let request = self
                .client()
                .post(bulk_url(host, bulk.target, knows_parameter))
                .headers(self.headers.clone())
                .timeout(bulk.time_left());
            let body = bulk.body.clone();
            let result = self.exchange(access, host, request, body).await;
            let is_parameter_refused =
                matches!(&result, Ok(reply) if refuses_require_data_stream(reply));
            if !(knows_parameter && is_parameter_refused) {
                return Exchange { bytes_sent, result };
            }
            // OpenSearch has not looked at the documents. This happens once per process.
            self.knows_require_data_stream.set(false);
            bytes_sent += bulk.body.len() as u64;
        }
    }

    /// Translates an error of the client. Its text is not kept: it would name the URL.
    fn transport_error(&self, host: &Host, error: &reqwest::Error, reused: bool) -> TransportError {
        let error = http::transport_error(error, self.client_settings.trust(), reused);
        if matches!(error, TransportError::Closed { reused: true, .. }) {
            host.has_served.set(false);
            self.forget_connections();
        }
        error
    }
}

/// A bulk request that is to be answered within `timeout` from `start`.
struct BulkRequest<'r> {
    target: Target<'r>,
    body: Bytes,
    start: Instant,
    timeout: Duration,
}

impl BulkRequest<'_> {
    /// Returns the time that is left. Reading a secret has taken time, and so has the request
    /// before.
    fn time_left(&self) -> Duration {
        self.timeout.saturating_sub(self.start.elapsed())
    }
}

fn log_bulk(data_stream: &str, exchange: &Exchange, took: Duration) {
    let bytes_sent = exchange.bytes_sent;
    let took_s = took.as_secs_f64();
    match &exchange.result {
        Ok(reply) => {
            tracing::debug!(
                data_stream,
                status = reply.status,
                bytes_sent,
                took_s,
                "bulk request answered"
            )
        }
        Err(error) => {
            tracing::debug!(data_stream, %error, bytes_sent, took_s, "bulk request failed")
        }
    }
}

impl Transport for Elasticsearch {
    fn encode<'b>(&self, body: Cow<'b, [u8]>) -> Cow<'b, [u8]> {
        if self.compression.level() == 0 {
            return body;
        }
        const TYPICAL_RATIO: usize = 8;
        let mut encoder = GzEncoder::new(
            Vec::with_capacity(body.len() / TYPICAL_RATIO),
            self.compression,
        );
        #[expect(clippy::expect_used, reason = "writing to a Vec cannot fail")]
        let encoded = std::io::Write::write_all(&mut encoder, &body)
            .and_then(|()| encoder.finish())
            .expect("writing to a Vec cannot fail");
        Cow::Owned(encoded)
    }

    async fn bulk(&self, target: Target<'_>, body: Cow<'_, [u8]>, timeout: Duration) -> Exchange {
        let start = Instant::now();
        let nothing_sent = |error| Exchange {
            bytes_sent: 0,
            result: Err(error),
        };
        let access = match self.source.access(timeout).await {
            Ok(access) => access,
            Err(error) => return nothing_sent(error),
        };
        let Some(host) = self.host(&access) else {
            return nothing_sent(TransportError::NoCredentials(NO_HOST));
        };
        let request = BulkRequest {
            target,
            body: Bytes::from(body.into_owned()),
            start,
            timeout,
        };
        let exchange = match self.send_bulk(&access, &host, request).await {
            Exchange {
                result:
                    Err(
                        error @ (TransportError::Connect(_)
                        | TransportError::Certificate(_)
                        | TransportError::NoCredentials(_)),
                    ),
                ..
            } => nothing_sent(error),
            exchange => exchange,
        };
        log_bulk(target.data_stream, &exchange, start.elapsed());
        if !matches!(&exchange.result, Ok(reply) if !matches!(reply.status, 502..=504)) {
            self.next_host();
        }
        exchange
    }

    async fn refresh_credentials(&self, timeout: Duration) -> bool {
        self.source.refresh(timeout).await
    }

    fn forget_connections(&self) {
        if let Ok(client) = self.client_settings.client() {
            *self.client.borrow_mut() = client;
        }
    }
}

/// Returns the URL of a bulk request. Our parameters come first and win over the query of
/// ELASTICSEARCH_URL.
fn bulk_url(host: &Host, target: Target<'_>, require_data_stream: bool) -> Url {
    let mut url = host.url.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend([target.data_stream, "_bulk"]);
    }
    let of_url: Vec<(String, String)> = host.url.query_pairs().into_owned().collect();
    let names_pipeline =
        target.ingest_pipeline.is_some() || of_url.iter().any(|(name, _)| name == "pipeline");
    let mut filter_path = FILTER_PATH.to_owned();
    if names_pipeline {
        filter_path += PIPELINE_FILTER_PATH;
    }
    let is_ours = |name: &str| match name {
        "filter_path" | "require_data_stream" => true,
        "pipeline" => target.ingest_pipeline.is_some(),
        _ => false,
    };
    url.query_pairs_mut()
        .clear()
        .append_pair("filter_path", &filter_path)
        .extend_pairs(require_data_stream.then_some(("require_data_stream", "true")))
        .extend_pairs(of_url.iter().filter(|(name, _)| !is_ours(name)))
        .extend_pairs(
            target
                .ingest_pipeline
                .map(|pipeline| ("pipeline", pipeline)),
        );
    url
}

/// Returns whether a server does not know the parameter `require_data_stream`: OpenSearch, and
/// Elasticsearch before 8.13.
fn refuses_require_data_stream(reply: &Reply) -> bool {
    reply.status == 400
        && ["unrecognized parameter", "require_data_stream"]
            .iter()
            .all(|text| memchr::memmem::find(&reply.body, text.as_bytes()).is_some())
}

/// Returns whether a server says that it expects TLS: nginx, and programs in Go. Elasticsearch
/// closes the connection instead.
fn speaks_of_tls(reply: &Reply) -> bool {
    const SENTENCES: [&[u8]; 2] = [
        b"The plain HTTP request was sent to HTTPS port",
        b"Client sent an HTTP request to an HTTPS server",
    ];
    let says = |sentence: &&[u8]| memchr::memmem::find(&reply.body, sentence).is_some();
    reply.status == 400 && SENTENCES.iter().any(says)
}

/// Returns a random id for a request, which its reply must echo.
fn opaque_id() -> HeaderValue {
    let mut random = [0; 16];
    // Without randomness, the ids of the documents still prove which request a reply belongs to.
    if SystemRandom::new().fill(&mut random).is_err() {
        return HeaderValue::from_static("apigw-logs");
    }
    let text = format!("{:032x}", u128::from_ne_bytes(random));
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("apigw-logs"))
}

/// The headers of every request, without the identity.
fn headers(compression_level: u32) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/x-ndjson"),
    );
    if compression_level > 0 {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    headers
}

/// `Retry-After`: seconds, or a date.
///
/// Source: <https://www.rfc-editor.org/rfc/rfc9110#name-retry-after>.
fn retry_after(value: &HeaderValue) -> Option<Duration> {
    let text = value.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit()) {
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    // A date counts even if its weekday is wrong.
    let parser = jiff::fmt::rfc2822::DateTimeParser::new().relaxed_weekday(true);
    let date = parser.parse_timestamp(text).ok()?;
    Some(Duration::try_from(date.duration_since(jiff::Timestamp::now())).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::sync::mpsc;
    use std::{iter, thread};

    use tokio::net::TcpSocket;
    use tokio::sync::oneshot;

    use super::*;
    use crate::http::Trust;

    const TARGET: Target<'_> = Target {
        data_stream: "logs-aws.apigateway-default",
        ingest_pipeline: None,
    };

    /// Starts a host that answers with an empty success as soon as it has read so much of a request.
    fn host(read: &'static [u8]) -> Url {
        host_that_answers(read, "200 OK")
    }

    fn host_that_answers(read: &'static [u8], status: &'static str) -> Url {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                read_to(&mut stream, read);
                let reply = format!(
                    "HTTP/1.1 {status}\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{{}}"
                );
                stream.write_all(reply.as_bytes()).unwrap();
                // A reset would take the reply back.
                std::mem::forget(stream);
            }
        });
        Url::parse(&format!("http://{address}")).unwrap()
    }

    const BODY: &[u8] = b"a small body";

    fn read_to(stream: &mut TcpStream, end: &[u8]) {
        let mut request = Vec::new();
        let mut byte = [0];
        while !request.ends_with(end) {
            stream.read_exact(&mut byte).unwrap();
            request.extend_from_slice(&byte);
        }
    }

    fn client(url: Url, holds: [u64; 2]) -> Elasticsearch {
        let settings = ElasticsearchSettings {
            urls: vec![url],
            auth: Auth::None,
            trust: Trust::PublicAuthorities,
            connect_timeout: Duration::from_secs(60),
            compression_level: 0,
        };
        Elasticsearch {
            holds: holds.map(Duration::from_millis),
            ..Elasticsearch::new(settings).unwrap()
        }
    }

    async fn send(client: &Elasticsearch) -> Result<u16, TransportError> {
        let body = Cow::Borrowed(BODY);
        let exchange = client.bulk(TARGET, body, Duration::from_secs(60)).await;
        exchange.result.map(|reply| reply.status)
    }

    /// The first hold is so long that no slow machine finishes the request before the reply.
    #[tokio::test]
    async fn a_host_that_does_not_wait_for_a_small_request_is_not_believed() {
        let client = client(host(b"\r\n\r\n"), [3_600_000; 2]);
        for _ in 0..2 {
            assert!(matches!(
                send(&client).await,
                Err(TransportError::Premature)
            ));
        }
    }

    /// Its errors are known as such.
    #[tokio::test]
    async fn an_early_error_is_known() {
        for (read, expected) in [(&b"\r\n\r\n"[..], true), (BODY, false)] {
            let hold = if expected { 3_600_000 } else { 1 };
            let client = client(host_that_answers(read, "400 Bad Request"), [hold; 2]);
            let body = Cow::Borrowed(BODY);
            let exchange = client.bulk(TARGET, body, Duration::from_secs(60)).await;
            let reply = exchange.result.unwrap();
            assert_eq!((reply.status, reply.is_early), (400, expected));
        }
    }

    #[tokio::test]
    async fn a_hasty_host_is_tested_for_longer() {
        let mut client = client(host(b"\r\n\r\n"), [3_600_000; 2]);
        assert!(send(&client).await.is_err());
        client.holds = [Duration::ZERO, Duration::from_secs(3_600)];
        assert!(matches!(
            send(&client).await,
            Err(TransportError::Premature)
        ));
    }

    /// The second request cannot connect, so it takes over the connection of the first. Then the
    /// host closes that connection.
    #[tokio::test]
    async fn a_connection_that_is_taken_over_while_connecting_is_a_reused_one() {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
        let address = socket.local_addr().unwrap();
        let listener = socket.listen(0).unwrap().into_std().unwrap();
        listener.set_nonblocking(false).unwrap();
        let (full, is_full) = oneshot::channel();
        let (begin, has_begun) = mpsc::channel();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            read_to(&mut stream, BODY);
            let connect = || TcpStream::connect_timeout(&address, Duration::from_millis(50));
            let _waiting: Vec<_> = iter::repeat_with(connect)
                .take_while(Result::is_ok)
                .collect();
            full.send(()).unwrap();
            has_begun.recv().unwrap();
            let reply = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
            stream.write_all(reply).unwrap();
            read_to(&mut stream, BODY);
        });
        let client = client(Url::parse(&format!("http://{address}")).unwrap(), [0, 0]);
        let second = async {
            is_full.await.unwrap();
            tokio::join!(send(&client), async { begin.send(()).unwrap() }).0
        };
        let (first, second) = tokio::join!(send(&client), second);
        assert_eq!(first, Ok(200));
        assert!(
            matches!(second, Err(TransportError::Closed { reused: true, .. })),
            "{second:?}"
        );
    }

    #[tokio::test]
    async fn a_host_that_has_waited_once_is_not_tested_again() {
        let mut client = client(host(BODY), [1, 1]);
        assert!(matches!(send(&client).await, Ok(200)));
        client.holds = [Duration::from_secs(3_600); 2];
        assert!(matches!(send(&client).await, Ok(200)));
    }
}
