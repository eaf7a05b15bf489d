//! One HTTP request, answered before the call returns. Tests use it to ask a server directly,
//! without the code under test.

use std::thread;
use std::time::Duration;

use reqwest::{Client, Method};

/// Sends a JSON request and waits. Returns the reply's status and body.
pub fn request(
    method: &str,
    url: &str,
    authorization: Option<&str>,
    body: Option<Vec<u8>>,
) -> Result<(u16, String), reqwest::Error> {
    let content_type = body.as_ref().map(|_| ("content-type", "application/json"));
    let authorization = authorization.map(|authorization| ("authorization", authorization));
    let headers: Vec<_> = authorization.into_iter().chain(content_type).collect();
    request_with(method, url, &headers, body)
}

/// Sends a request with these headers and waits. Returns the reply's status and body.
///
/// It runs on a thread and a runtime of its own, so it may also be called inside `#[tokio::test]`,
/// even with a paused clock. Certificates are not checked: the servers here are on the loopback or
/// named by the developer.
pub fn request_with(
    method: &str,
    url: &str,
    headers: &[(&str, &str)],
    body: Option<Vec<u8>>,
) -> Result<(u16, String), reqwest::Error> {
    let method = Method::from_bytes(method.as_bytes()).expect("tests name real methods");
    let exchange = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime can be made")
            .block_on(exchange(method, url, headers, body))
    };
    thread::scope(|scope| {
        scope
            .spawn(exchange)
            .join()
            .expect("an exchange does not panic")
    })
}

async fn exchange(
    method: Method,
    url: &str,
    headers: &[(&str, &str)],
    body: Option<Vec<u8>>,
) -> Result<(u16, String), reqwest::Error> {
    // Err only says that it is already installed.
    drop(rustls::crypto::ring::default_provider().install_default());
    let client = Client::builder()
        .tls_danger_accept_invalid_certs(true)
        .no_proxy()
        .timeout(Duration::from_secs(600))
        .build()?;
    let mut request = client.request(method, url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    if let Some(body) = body {
        request = request.body(body);
    }
    let response = request.send().await?;
    Ok((response.status().as_u16(), response.text().await?))
}
