//! Checks that the search server of the tests is what the other tests assume.

use std::process::Stdio;

use crate::support::search_server::{self, Flavour, SearchServer};

/// The least that a data stream needs: the servers started here lack Elasticsearch's built-in
/// `logs-*-*` template.
const TEMPLATE: &str = r#"{"index_patterns":["logs-aws.api_gateway_logs-searchserver*"],"priority":500,"data_stream":{},
    "template":{"mappings":{"properties":{"@timestamp":{"type":"date"}}},"settings":{"number_of_replicas":0}}}"#;

/// Two documents with ids.
const TWO_DOCUMENTS: &str = concat!(
    r#"{"create":{"_id":"first"}}"#,
    "\n",
    r#"{"@timestamp":"2026-01-02T03:04:05Z","message":"one"}"#,
    "\n",
    r#"{"create":{"_id":"second"}}"#,
    "\n",
    r#"{"@timestamp":"2026-01-02T03:04:06Z","message":"two"}"#,
    "\n",
);

fn put_template(server: &SearchServer) {
    let (status, body) =
        server.admin_request("PUT", "/_index_template/searchserver", Some(TEMPLATE));
    assert_eq!(status, 200, "{body}");
}

/// Creates the two documents with the function's key, or as the administrator if there are no keys.
fn bulk(server: &SearchServer, key: Option<&str>, data_stream: &str) -> (u16, String) {
    let path = format!("/{data_stream}/_bulk");
    match key {
        Some(key) => server.request_with_key(key, "POST", &path, Some(TWO_DOCUMENTS)),
        None => server.admin_request("POST", &path, Some(TWO_DOCUMENTS)),
    }
}

/// Returns a data stream for one test of one run: a developer's own server may hold those of
/// earlier runs.
fn data_stream(test: &str) -> String {
    format!(
        "logs-aws.api_gateway_logs-searchserver_{test}_{}",
        std::process::id()
    )
}

#[test]
fn the_function_key_creates_a_data_stream_and_its_documents() {
    let server = search_server::shared();
    put_template(server);
    let data_stream = data_stream("creates");
    assert_eq!(server.count(&data_stream), 0);

    let (status, body) = bulk(server, server.function_api_key().as_deref(), &data_stream);
    assert_eq!(status, 200, "{body}");
    assert!(body.contains(r#""errors":false"#), "{body}");

    server.refresh(&data_stream);
    assert_eq!(server.count(&data_stream), 2);
    let found = server.search(&data_stream, r#"{"query":{"match":{"message":"two"}}}"#);
    assert_eq!(found.len(), 1);
    assert_eq!(
        (&found[0]["_id"], &found[0]["message"]),
        (&"second".into(), &"two".into())
    );
    server.admin_request("DELETE", &format!("/_data_stream/{data_stream}"), None);
}

#[test]
fn the_function_key_can_do_no_more_than_that() {
    let server = search_server::shared();
    if !server.can_create_api_keys() {
        return;
    }
    put_template(server);
    let data_stream = data_stream("no_more");
    let key = server.function_api_key().expect("keys can be made");
    assert_eq!(bulk(server, Some(&key), &data_stream).0, 200);

    let (status, _) =
        server.request_with_key(&key, "POST", &format!("/{data_stream}/_search"), None);
    assert_eq!(status, 403, "a search");
    let (status, body) = bulk(server, Some(&key), "logs-elsewhere-default");
    assert_eq!(status, 200, "{body}");
    assert!(body.contains("security_exception"), "{body}");
    let (status, _) = server.request_with_key("bm8ta2V5Om5vLXNlY3JldA==", "GET", "/_nodes", None);
    assert_eq!(status, 401, "an unknown key");
    server.admin_request("DELETE", &format!("/_data_stream/{data_stream}"), None);
}

#[test]
fn the_version_is_known() {
    let server = search_server::shared();
    let first = server
        .version
        .split('.')
        .next()
        .expect("split gives one part at least");
    match server.flavour {
        Flavour::Elasticsearch8 => assert_eq!(first, "8"),
        _ => assert!(
            first.parse::<u32>().is_ok_and(|major| major >= 3),
            "{}",
            server.version
        ),
    }
}

/// Requests inside `#[tokio::test]`, where a second runtime may not block, must also work.
#[tokio::test(start_paused = true)]
async fn it_can_be_asked_from_within_a_runtime() {
    let server = search_server::shared();
    assert_eq!(server.admin_request("GET", "/_cluster/health", None).0, 200);
}

#[test]
fn a_private_server_has_its_settings_and_keeps_its_data_over_a_restart() {
    let data = tempfile::tempdir().expect("a folder");
    let path_data = format!("path.data={}", data.path().display());
    let server = search_server::start(
        Flavour::Elasticsearch,
        &[&path_data, "http.max_content_length=1mb"],
    );
    let too_large = format!(r#"{{"query":"{}"}}"#, "x".repeat(1_100_000));
    assert_eq!(
        server.admin_request("POST", "/_search", Some(&too_large)).0,
        413
    );
    put_template(&server);
    let data_stream = data_stream("restart");
    assert_eq!(
        bulk(&server, server.function_api_key().as_deref(), &data_stream).0,
        200
    );
    let port = format!(
        "http.port={}",
        server.url.rsplit(':').next().expect("a port")
    );
    let url = server.url.clone();
    drop(server);

    let server = search_server::start(Flavour::Elasticsearch, &[&path_data, &port]);
    assert_eq!(server.url, url);
    server.refresh(&data_stream);
    assert_eq!(server.count(&data_stream), 2);
}

#[test]
fn a_server_leaves_nothing_behind() {
    let temp = tempfile::tempdir().expect("a folder");
    let mut process = search_server::serve_command()
        .arg("elasticsearch")
        .env("TMPDIR", temp.path())
        .spawn()
        .expect("serve starts");
    let ready = search_server::first_line(&mut process);
    assert!(ready.starts_with("READY http://127.0.0.1:"), "{ready}");
    assert!(
        temp.path()
            .read_dir()
            .expect("the folder is there")
            .next()
            .is_some()
    );

    drop(process.stdin.take());
    assert!(process.wait().expect("serve ends").success());
    assert!(
        temp.path()
            .read_dir()
            .expect("the folder is there")
            .next()
            .is_none()
    );
}

#[test]
fn a_setting_that_the_server_rejects_is_reported() {
    let process = search_server::serve_command()
        .args(["elasticsearch", "no.such.setting=1"])
        .stderr(Stdio::piped())
        .spawn()
        .expect("serve starts");
    let output = process.wait_with_output().expect("serve ends");
    assert!(!output.status.success());
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(
        complaint.contains("unknown setting [no.such.setting]"),
        "{complaint}"
    );
}
