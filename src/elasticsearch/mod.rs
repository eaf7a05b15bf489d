//! Bulk requests over HTTP: the only place that knows the network.
//!
//! One client lives as long as the process, so that its connections outlive an invocation. It follows no redirect,
//! repeats nothing by itself (the indexer is the one authority on that), and reads no more of an answer than any answer
//! could need.

mod tls;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Response, Url};
use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;

pub use self::tls::Fingerprint;
use crate::bulk::{Exchange, Reply, Target, Transport, TransportError};

/// Where and how to reach Elasticsearch.
#[derive(Debug, Clone)]
pub struct ElasticsearchSettings {
    /// One URL or several of the same cluster.
    pub urls: Vec<Url>,
    /// Who we are.
    pub auth: Auth,
    /// Whom to believe that it is Elasticsearch.
    pub trust: Trust,
    /// The longest wait for a connection.
    pub connect_timeout: Duration,
    /// The gzip level of requests; 0 is off.
    pub compression_level: u32,
}

/// Credentials.
#[derive(Debug, Clone)]
pub enum Auth {
    /// None.
    None,
    /// An API key, encoded.
    ApiKey(SecretString),
    /// A user of a realm.
    Basic {
        /// The user's name.
        username: String,
        /// The user's password.
        password: SecretString,
    },
    /// A secret in Secrets Manager.
    SecretArn(String),
}

/// Whom to believe that it is Elasticsearch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trust {
    /// The public certificate authorities, as Mozilla trusts them.
    PublicAuthorities,
    /// The authorities of a PEM file.
    AuthorityFile(PathBuf),
    /// The authority with this fingerprint.
    AuthorityFingerprint(Fingerprint),
}

/// Why there can be no client: a matter of settings.
#[derive(Debug, Error)]
pub enum ClientError {
    /// The file of authorities is of no use.
    #[error("{reason}")]
    AuthorityFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Secrets Manager is not served yet.
    #[error(
        "this version does not read Secrets Manager: set ELASTICSEARCH_API_KEY, or ELASTICSEARCH_USERNAME and \
         ELASTICSEARCH_PASSWORD"
    )]
    SecretArn,
    /// Credentials that fit in no HTTP header.
    #[error("the credentials hold characters that cannot be sent in an HTTP header: copy them again")]
    Credentials,
    /// Something else.
    #[error("the HTTP client cannot be made: {0}")]
    Client(String),
}

/// Elasticsearch, over HTTP.
#[derive(Debug)]
pub struct Elasticsearch {
    client: Client,
    hosts: Vec<Host>,
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
        let headers = headers(&settings)?;
        let client = Client::builder()
            .user_agent(concat!("apigw-logs/", env!("CARGO_PKG_VERSION")))
            .tls_backend_preconfigured(tls::client_config(&settings.trust)?)
            .http1_only()
            .connect_timeout(settings.connect_timeout)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .retry(reqwest::retry::never())
            .tcp_nodelay(true)
            .build()
            .map_err(|error| ClientError::Client(error.to_string()))?;
        let hosts = settings.urls.into_iter().map(|url| Host { url, has_served: AtomicBool::new(false) }).collect();
        let compression = Compression::new(settings.compression_level);
        Ok(Self { client, hosts, current: AtomicUsize::new(0), headers, compression })
    }

    fn host(&self) -> Option<&Host> {
        self.hosts.get(self.current.load(Ordering::Relaxed) % self.hosts.len().max(1))
    }

    fn next_host(&self) {
        self.current.fetch_add(1, Ordering::Relaxed);
    }

    /// The body as it is sent.
    fn compress(&self, body: &[u8]) -> Vec<u8> {
        if self.compression.level() == 0 {
            return body.to_vec();
        }
        const TYPICAL_RATIO: usize = 8;
        let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / TYPICAL_RATIO), self.compression);
        #[expect(clippy::expect_used, reason = "a Vec takes every write")]
        std::io::Write::write_all(&mut encoder, body).and_then(|()| encoder.finish()).expect("a Vec takes every write")
    }

    async fn exchange(&self, host: &Host, url: Url, body: Vec<u8>, timeout: Duration) -> Result<Reply, TransportError> {
        let request = self.client.post(url).headers(self.headers.clone()).timeout(timeout).body(body);
        let response = request.send().await.map_err(|error| transport_error(host, &error))?;
        let reply = Reply {
            status: response.status().as_u16(),
            retry_after: response.headers().get(RETRY_AFTER).and_then(retry_after),
            body: read(response).await?,
        };
        host.has_served.store(true, Ordering::Relaxed);
        Ok(reply)
    }
}

impl Transport for Elasticsearch {
    async fn bulk(&self, target: Target<'_>, body: &[u8], timeout: Duration) -> Exchange {
        let Some(host) = self.host() else {
            return Exchange { bytes_sent: 0, result: Err(TransportError::Connect) };
        };
        let url = bulk_url(host, target);
        let body = self.compress(body);
        let bytes_sent = body.len() as u64;
        let result = self.exchange(host, url, body, timeout).await;
        match &result {
            Ok(reply) => tracing::debug!(status = reply.status, bytes_sent, "bulk request answered"),
            Err(error) => tracing::debug!(%error, bytes_sent, "bulk request failed"),
        }
        if !matches!(&result, Ok(reply) if !matches!(reply.status, 502..=504)) {
            self.next_host();
        }
        let was_sent = !matches!(result, Err(TransportError::Connect | TransportError::Certificate));
        Exchange { bytes_sent: if was_sent { bytes_sent } else { 0 }, result }
    }

    async fn refresh_credentials(&self, _timeout: Duration) -> bool {
        false
    }
}

fn bulk_url(host: &Host, target: Target<'_>) -> Url {
    let mut url = host.url.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend([target.data_stream, "_bulk"]);
    }
    url.query_pairs_mut()
        .append_pair("filter_path", FILTER_PATH)
        .extend_pairs(target.ingest_pipeline.map(|pipeline| ("pipeline", pipeline)));
    url
}

/// The headers of every request.
fn headers(settings: &ElasticsearchSettings) -> Result<HeaderMap, ClientError> {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
    if settings.compression_level > 0 {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    let authorization = match &settings.auth {
        Auth::None => return Ok(headers),
        Auth::ApiKey(key) => format!("ApiKey {}", key.expose_secret()),
        Auth::Basic { username, password } => {
            format!("Basic {}", BASE64_STANDARD.encode(format!("{username}:{}", password.expose_secret())))
        }
        Auth::SecretArn(_) => return Err(ClientError::SecretArn),
    };
    let mut authorization = HeaderValue::try_from(authorization).map_err(|_| ClientError::Credentials)?;
    authorization.set_sensitive(true);
    headers.insert(AUTHORIZATION, authorization);
    Ok(headers)
}

/// `Retry-After`: seconds, or a date.
///
/// Source: <https://www.rfc-editor.org/rfc/rfc9110#name-retry-after>.
fn retry_after(value: &HeaderValue) -> Option<Duration> {
    let text = value.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit()) {
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let date = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    Some(Duration::try_from(date.duration_since(jiff::Timestamp::now())).unwrap_or_default())
}

async fn read(mut response: Response) -> Result<Vec<u8>, TransportError> {
    let mut body = Vec::new();
    let cut = |error: reqwest::Error| if error.is_timeout() { TransportError::Timeout } else { TransportError::Cut };
    while let Some(chunk) = response.chunk().await.map_err(cut)? {
        if body.len() + chunk.len() > LARGEST_REPLY {
            return Err(TransportError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// What an error of the client means. Its text is not kept: it would name the URL.
fn transport_error(host: &Host, error: &reqwest::Error) -> TransportError {
    if tls::is_certificate_error(error) {
        return TransportError::Certificate;
    }
    if error.is_connect() {
        return TransportError::Connect;
    }
    if error.is_timeout() {
        return TransportError::Timeout;
    }
    TransportError::Closed { reused: host.has_served.swap(false, Ordering::Relaxed) }
}
