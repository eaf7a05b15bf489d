//! Bulk requests over HTTP: the only place that knows the network.
//!
//! A client outlives the invocation, and its connections with it, until one of them is found dead. It follows no redirect,
//! repeats nothing by itself (the indexer is the one authority on that), and reads no more of an answer than any answer
//! could need.

mod access;
mod aws;
mod search;
mod secret;
mod settings;
mod tls;

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use reqwest::header::{
    ACCEPT, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER,
};
use reqwest::{Client, RequestBuilder, Response, Url};
use tokio::time::Instant;

use self::access::{Access, Source};
pub use self::aws::AwsCredentials;
pub use self::secret::SecretArn;
pub use self::settings::{
    Auth, ClientError, ElasticsearchSettings, Endpoints, SecretSettings, Trust,
};
pub use self::tls::Fingerprint;
use crate::server::{Exchange, Reply, Target, Transport, TransportError};

/// Elasticsearch, over HTTP.
#[derive(Debug)]
pub struct Elasticsearch {
    client: Mutex<Client>,
    client_settings: ClientSettings,
    source: Source,
    /// The host that is asked. Another one's turn comes when it fails.
    current: AtomicUsize,
    headers: HeaderMap,
    compression: Compression,
}

#[derive(Debug)]
struct Host {
    url: Url,
    /// Whether the client may hold a connection that has served before.
    has_served: AtomicBool,
}

/// More than any answer needs: some hundred bytes an item, some thousand where a reason is given.
const LARGEST_REPLY: usize = 16 << 20;

/// What an answer is to say: the outcome of each item, and nothing that we would only throw away.
const FILTER_PATH: &str = "error,items.*.status,items.*.failure_store,items.*.error.type,\
                           items.*.error.reason,items.*.error.caused_by.reason";

impl Elasticsearch {
    /// Makes the client. No connection is made yet.
    ///
    /// # Errors
    /// [`ClientError`] if the settings do not allow one.
    pub fn new(settings: ElasticsearchSettings) -> Result<Self, ClientError> {
        let client_settings = ClientSettings::new(&settings.trust, settings.connect_timeout)?;
        let client = Mutex::new(client_settings.client()?);
        let headers = headers(settings.compression_level);
        let compression = Compression::new(settings.compression_level);
        let source = Source::new(settings)?;
        Ok(Self {
            client,
            client_settings,
            source,
            current: AtomicUsize::new(0),
            headers,
            compression,
        })
    }

    fn client(&self) -> Client {
        self.client
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Forgets every connection that waits to be used: where one has died while the environment was frozen, so have others.
    fn forget_connections(&self) {
        if let Ok(client) = self.client_settings.client() {
            *self.client.lock().unwrap_or_else(PoisonError::into_inner) = client;
        }
    }

    /// The host whose turn it is.
    fn host(&self, access: &Access) -> Option<Arc<Host>> {
        access
            .hosts
            .get(self.current.load(Ordering::Relaxed) % access.hosts.len().max(1))
            .cloned()
    }

    fn next_host(&self) {
        self.current.fetch_add(1, Ordering::Relaxed);
    }

    async fn exchange(
        &self,
        access: &Access,
        host: &Host,
        request: RequestBuilder,
    ) -> Result<Reply, TransportError> {
        let mut request = request
            .build()
            .map_err(|error| self.transport_error(host, &error))?;
        access.identity.authorize(&mut request)?;
        let response = self
            .client()
            .execute(request)
            .await
            .map_err(|error| self.transport_error(host, &error))?;
        let reply = Reply {
            status: response.status().as_u16(),
            retry_after: response.headers().get(RETRY_AFTER).and_then(retry_after),
            body: read(response).await?,
        };
        host.has_served.store(true, Ordering::Relaxed);
        Ok(reply)
    }

    /// What an error of the client means. Its text is not kept: it would name the URL.
    fn transport_error(&self, host: &Host, error: &reqwest::Error) -> TransportError {
        if tls::is_certificate_error(error) {
            return TransportError::Certificate;
        }
        if error.is_connect() {
            return TransportError::Connect;
        }
        if error.is_timeout() {
            return TransportError::Timeout;
        }
        let reused = host.has_served.swap(false, Ordering::Relaxed);
        if reused {
            self.forget_connections();
        }
        TransportError::Closed { reused }
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
        #[expect(clippy::expect_used, reason = "a Vec takes every write")]
        let encoded = std::io::Write::write_all(&mut encoder, &body)
            .and_then(|()| encoder.finish())
            .expect("a Vec takes every write");
        Cow::Owned(encoded)
    }

    async fn bulk(&self, target: Target<'_>, body: Cow<'_, [u8]>, timeout: Duration) -> Exchange {
        let start = Instant::now();
        let access = match self.source.access(timeout).await {
            Ok(access) => access,
            Err(error) => {
                return Exchange {
                    bytes_sent: 0,
                    result: Err(error),
                };
            }
        };
        let Some(host) = self.host(&access) else {
            return Exchange {
                bytes_sent: 0,
                result: Err(TransportError::Connect),
            };
        };
        let url = bulk_url(&host, target);
        let body = body.into_owned();
        let bytes_sent = body.len() as u64;
        // To read a secret takes its time.
        let timeout = timeout.saturating_sub(start.elapsed());
        let request = self
            .client()
            .post(url)
            .headers(self.headers.clone())
            .timeout(timeout)
            .body(body);
        let result = self.exchange(&access, &host, request).await;
        let (took_s, data_stream) = (start.elapsed().as_secs_f64(), target.data_stream);
        match &result {
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
        if !matches!(&result, Ok(reply) if !matches!(reply.status, 502..=504)) {
            self.next_host();
        }
        let was_sent = !matches!(
            result,
            Err(TransportError::Connect
                | TransportError::Certificate
                | TransportError::NoCredentials(_))
        );
        Exchange {
            bytes_sent: if was_sent { bytes_sent } else { 0 },
            result,
        }
    }

    async fn refresh_credentials(&self, timeout: Duration) -> bool {
        self.source.refresh(timeout).await
    }
}

/// What a client is made of.
#[derive(Debug)]
struct ClientSettings {
    tls: rustls::ClientConfig,
    connect_timeout: Duration,
}

impl ClientSettings {
    fn new(trust: &Trust, connect_timeout: Duration) -> Result<Self, ClientError> {
        Ok(Self {
            tls: tls::client_config(trust)?,
            connect_timeout,
        })
    }

    /// A client that neither repeats nor follows anything by itself.
    fn client(&self) -> Result<Client, ClientError> {
        Client::builder()
            .user_agent(concat!("apigw-logs/", env!("CARGO_PKG_VERSION")))
            .tls_backend_preconfigured(self.tls.clone())
            .http1_only()
            .connect_timeout(self.connect_timeout)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .retry(reqwest::retry::never())
            .tcp_nodelay(true)
            .build()
            .map_err(|error| ClientError::Client(error.to_string()))
    }
}

fn bulk_url(host: &Host, target: Target<'_>) -> Url {
    let mut url = host.url.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend([target.data_stream, "_bulk"]);
    }
    url.query_pairs_mut()
        .append_pair("filter_path", FILTER_PATH)
        .extend_pairs(
            target
                .ingest_pipeline
                .map(|pipeline| ("pipeline", pipeline)),
        );
    url
}

/// The headers of every request, apart from who we are.
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
    // A date is a date, also where somebody has miscounted its weekday.
    let parser = jiff::fmt::rfc2822::DateTimeParser::new().relaxed_weekday(true);
    let date = parser.parse_timestamp(text).ok()?;
    Some(Duration::try_from(date.duration_since(jiff::Timestamp::now())).unwrap_or_default())
}

/// Reads an answer to its end, or as much of it as an answer may have.
async fn read(mut response: Response) -> Result<Vec<u8>, TransportError> {
    let mut body = Vec::new();
    let cut = |error: reqwest::Error| {
        if error.is_timeout() {
            TransportError::Timeout
        } else {
            TransportError::Cut
        }
    };
    while let Some(chunk) = response.chunk().await.map_err(cut)? {
        if body.len() + chunk.len() > LARGEST_REPLY {
            return Err(TransportError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
