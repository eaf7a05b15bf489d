//! JSON requests: searches, templates, and questions about the server.

use std::time::Duration;

use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderValue};
use reqwest::{Method, Url};
use serde::Serialize;
use tokio::time::Instant;

use super::{Elasticsearch, Host, NO_HOST};
use crate::server::{Inspect, Put, Reply, Search, Templates, TransportError};

/// How long the server keeps a search between two pages.
const KEEP_ALIVE: &str = "5m";

/// A shard that cannot answer makes the whole search fail.
const WHOLE: (&str, &str) = ("allow_partial_search_results", "false");

const SCROLL: [&str; 2] = ["_search", "scroll"];

#[derive(Serialize)]
struct Scroll<'a> {
    scroll: &'a str,
    scroll_id: &'a str,
}

#[derive(Serialize)]
struct EndScroll<'a> {
    scroll_id: &'a str,
}

struct JsonRequest<'a> {
    method: Method,
    path: &'a [&'a str],
    query: &'a [(&'a str, &'a str)],
    body: Vec<u8>,
}

impl<'a> JsonRequest<'a> {
    /// A POST without parameters.
    fn post(path: &'a [&'a str], body: Vec<u8>) -> Self {
        Self {
            method: Method::POST,
            path,
            query: &[],
            body,
        }
    }
}

impl Elasticsearch {
    /// Sends a JSON request; again with fresh credentials, if they were refused and have changed.
    async fn json(
        &self,
        request: JsonRequest<'_>,
        timeout: Duration,
    ) -> Result<Reply, TransportError> {
        let start = Instant::now();
        let left = || timeout.saturating_sub(start.elapsed());
        let result = self.json_once(&request, timeout).await;
        let is_refused = matches!(&result, Ok(reply) if reply.status == 401);
        if is_refused && self.source.refresh(left()).await {
            return self.json_once(&request, left()).await;
        }
        result
    }

    /// Sends a JSON request. A host that fails is not asked next time.
    async fn json_once(
        &self,
        request: &JsonRequest<'_>,
        timeout: Duration,
    ) -> Result<Reply, TransportError> {
        let access = self.source.access(timeout).await?;
        let host = self
            .host(&access)
            .ok_or(TransportError::NoCredentials(NO_HOST))?;
        let mut headers = self.headers.clone();
        headers.remove(CONTENT_ENCODING);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let url = url(&host, request);
        let builder = self
            .client()
            .request(request.method.clone(), url)
            .headers(headers)
            .timeout(timeout);
        let result = self
            .exchange(&access, &host, builder, request.body.clone().into())
            .await;
        if !matches!(&result, Ok(reply) if !matches!(reply.status, 502..=504)) {
            self.next_host();
        }
        result
    }
}

fn url(host: &Host, request: &JsonRequest<'_>) -> Url {
    let mut url = host.url.clone();
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(request.path.iter());
    }
    if !request.query.is_empty() {
        url.query_pairs_mut().extend_pairs(request.query);
    }
    url
}

impl Search for Elasticsearch {
    async fn refresh(&self, data_stream: &str, timeout: Duration) {
        let path = [data_stream, "_refresh"];
        let request = JsonRequest::post(&path, Vec::new());
        // Without the privilege, searches do not see the newest second yet.
        drop(self.json(request, timeout).await);
    }

    async fn search(
        &self,
        data_stream: &str,
        query: &[u8],
        timeout: Duration,
    ) -> Result<Reply, TransportError> {
        let parameters = [("scroll", KEEP_ALIVE), WHOLE];
        let path = [data_stream, "_search"];
        let request = JsonRequest {
            query: &parameters,
            ..JsonRequest::post(&path, query.to_vec())
        };
        self.json(request, timeout).await
    }

    async fn scroll(&self, scroll_id: &str, timeout: Duration) -> Result<Reply, TransportError> {
        let body = serde_json::to_vec(&Scroll {
            scroll: KEEP_ALIVE,
            scroll_id,
        })
        .unwrap_or_default();
        self.json(JsonRequest::post(&SCROLL, body), timeout).await
    }

    async fn find(
        &self,
        data_stream: &str,
        query: &[u8],
        timeout: Duration,
    ) -> Result<Reply, TransportError> {
        let path = [data_stream, "_search"];
        let request = JsonRequest {
            query: &[WHOLE],
            ..JsonRequest::post(&path, query.to_vec())
        };
        self.json(request, timeout).await
    }

    async fn end_scroll(&self, scroll_id: &str, timeout: Duration) {
        let body = serde_json::to_vec(&EndScroll { scroll_id }).unwrap_or_default();
        // The server ends the search by itself after a while.
        drop(
            self.json(
                JsonRequest {
                    method: Method::DELETE,
                    path: &SCROLL,
                    query: &[],
                    body,
                },
                timeout,
            )
            .await,
        );
    }
}

impl Inspect for Elasticsearch {
    async fn post(
        &self,
        path: &[&str],
        body: Vec<u8>,
        timeout: Duration,
    ) -> Result<Reply, TransportError> {
        self.json(JsonRequest::post(path, body), timeout).await
    }
}

impl Templates for Elasticsearch {
    async fn get(&self, path: &[&str], timeout: Duration) -> Result<Reply, TransportError> {
        self.json(
            JsonRequest {
                method: Method::GET,
                path,
                query: &[],
                body: Vec::new(),
            },
            timeout,
        )
        .await
    }

    async fn put(&self, put: &Put, timeout: Duration) -> Result<Reply, TransportError> {
        let path: Vec<_> = put.path.iter().map(String::as_str).collect();
        let query: Vec<_> = put
            .query
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let body = put.body.clone().into_bytes();
        self.json(
            JsonRequest {
                method: Method::PUT,
                path: &path,
                query: &query,
                body,
            },
            timeout,
        )
        .await
    }
}
