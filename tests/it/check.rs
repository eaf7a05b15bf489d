//! `apigw-logs check`: its findings about good and broken installations.

use crate::support::command_line::{Outcome, run};
use crate::support::fake_elasticsearch::FakeElasticsearch;
use crate::support::json::Json;
use crate::support::raw_tcp::{RawTcp, bound_socket, read_head_and_body, send};
use crate::support::search_server::shared;
use crate::support::templates::{Job, key, put_templates};
use crate::support::tls::Authority;

/// A server, further settings, and the start of the expected line.
type Case = (
    Answers,
    &'static [(&'static str, &'static str)],
    &'static str,
);

/// Replies of a server: the start of a request, the status and the body. The first matching one
/// counts. `$ID` is the id of the document in the request.
pub(crate) type Answers = &'static [(&'static str, u16, &'static str)];

pub(crate) const ROOT: (&str, u16, &str) = ("GET / ", 200, r#"{"version":{"number":"9.5.3"}}"#);
pub(crate) const MAY_ALL: (&str, u16, &str) = (
    "POST /_security/user/_has_privileges",
    200,
    r#"{"has_all_requested":true}"#,
);
pub(crate) const MAY_NOT_READ: (&str, u16, &str) = (
    "GET /",
    403,
    r#"{"error":{"type":"security_exception","reason":"action is unauthorized"}}"#,
);

pub(crate) fn server(answers: &[(&'static str, u16, &'static str)]) -> RawTcp {
    let answers = answers.to_vec();
    RawTcp::start(move |_, stream| {
        while let Some((head, sent)) = read_head_and_body(stream) {
            let found = answers.iter().find(|(start, _, _)| head.starts_with(start));
            let (_, status, body) = found.unwrap_or(&("", 404, "{}"));
            let sent = String::from_utf8_lossy(&sent);
            let id = sent
                .split("\"_id\":\"")
                .nth(1)
                .and_then(|rest| rest.split('"').next());
            let body = body.replace("$ID", id.unwrap_or_default());
            let length = body.len();
            send(
                stream,
                format!("HTTP/1.1 {status} Status\r\ncontent-length: {length}\r\n\r\n{body}"),
            );
        }
    })
}

fn check(url: &str, arguments: &[&str], settings: &[(&str, &str)]) -> Outcome {
    let server = [("ELASTICSEARCH_URL", url), ("BULK_COMPRESSION_LEVEL", "0")];
    let settings = [&server, settings].concat();
    run(&[&["check"], arguments].concat(), &settings, b"")
}

/// Returns the lines that report a problem.
fn failures(outcome: &Outcome) -> Vec<&str> {
    outcome
        .stdout
        .lines()
        .filter(|line| line.starts_with('✗'))
        .collect()
}

#[test]
fn a_key_that_may_only_write_is_in_order() {
    let server = server(&[ROOT, MAY_ALL, MAY_NOT_READ]);
    let outcome = check(&server.url, &[], &[("ELASTICSEARCH_PIPELINE", "mine")]);
    assert_eq!(
        (outcome.status, &*outcome.stderr),
        (0, ""),
        "{}",
        outcome.stdout
    );
    for line in [
        "✓ settings: all are valid",
        "✓ port: 127.0.0.1:",
        "✓ connection: the server answers, without TLS",
        "✓ version: Elasticsearch 9.5.3",
        "✓ privileges: the credentials may write to logs-aws.api_gateway_logs-default and logs-aws",
        "? templates: the credentials may not read templates",
        "? data stream: the credentials may not look at logs-aws.api_gateway_logs-default",
        "? ingest pipeline: mine: the credentials may not look at it (403)",
    ] {
        assert!(
            outcome.stdout.lines().any(|shown| shown.starts_with(line)),
            "{line}: {}",
            outcome.stdout
        );
    }
    assert!(!outcome.stdout.contains('\u{1b}'));
}

#[test]
fn each_broken_installation_has_its_sentence() {
    let cases: &[Case] = &[
        (
            &[("GET / ", 401, "{}")],
            &[],
            "✗ credentials: the server answers 401: it requires credentials, and none are set: set",
        ),
        (
            &[("GET / ", 401, "{}")],
            &[("ELASTICSEARCH_API_KEY", "aWQ6a2V5LWtleQ==")],
            "✗ credentials: the server answers 401: it does not accept the credentials: set",
        ),
        (
            &[("GET / ", 200, "<html>")],
            &[],
            "✗ version: something answers, but not as Elasticsearch does",
        ),
        (
            &[("GET / ", 302, "")],
            &[],
            "✗ version: the server answers 302, a redirect, which is not followed: set ELASTICSEARCH_URL",
        ),
        (
            &[("GET / ", 418, "")],
            &[],
            "✗ version: something answers 418, but not as Elasticsearch does",
        ),
        (
            &[
                ("GET / ", 200, r#"{"version":{"number":"7.17.1"}}"#),
                MAY_ALL,
                MAY_NOT_READ,
            ],
            &[],
            "✗ version: Elasticsearch 7.17.1 is older than Elasticsearch 8.14: upgrade",
        ),
        (
            &[
                (
                    "GET / ",
                    200,
                    r#"{"version":{"number":"8.11.0","build_flavor":"default"}}"#,
                ),
                MAY_ALL,
                MAY_NOT_READ,
            ],
            &[],
            "✗ version: Elasticsearch 8.11.0 is older than Elasticsearch 8.14: upgrade",
        ),
        (
            &[
                (
                    "GET / ",
                    200,
                    r#"{"version":{"number":"1.3.0","distribution":"opensearch"}}"#,
                ),
                MAY_NOT_READ,
            ],
            &[],
            "✗ version: OpenSearch 1.3.0 is older than OpenSearch 2.0",
        ),
        (
            &[
                ROOT,
                (
                    "POST /_security/user/_has_privileges",
                    200,
                    r#"{"has_all_requested":false,"index":{"logs-a":{"auto_configure":true,"create_doc":false}}}"#,
                ),
                MAY_NOT_READ,
            ],
            &[],
            "✗ privileges: the credentials lack `create_doc` on logs-a: make a key",
        ),
        (
            &[
                ROOT,
                MAY_ALL,
                ("GET /_ingest/pipeline/gone", 404, "{}"),
                MAY_NOT_READ,
            ],
            &[("ELASTICSEARCH_PIPELINE", "gone")],
            "✗ ingest pipeline: there is no ingest pipeline gone: create it",
        ),
        (
            &[
                ROOT,
                MAY_ALL,
                ("GET /_data_stream/", 404, "{}"),
                ("GET /logs-", 200, "{}"),
                MAY_NOT_READ,
            ],
            &[],
            "✗ data stream: logs-aws.api_gateway_logs-default is an ordinary index",
        ),
        (
            &[
                ROOT,
                MAY_ALL,
                (
                    "GET /_index_template/",
                    404,
                    r#"{"error":{"type":"resource_not_found_exception","reason":"none"}}"#,
                ),
                (
                    "GET /_component_template/",
                    404,
                    r#"{"error":{"type":"resource_not_found_exception","reason":"none"}}"#,
                ),
            ],
            &[],
            "✗ templates: index template logs-aws.api_gateway_logs is missing: run `apigw-logs setup`",
        ),
        (
            &[ROOT],
            &[("DATA_STREAM", "logs")],
            "✗ settings: DATA_STREAM=logs: ",
        ),
    ];
    for (answers, settings, sentence) in cases {
        let server = server(answers);
        let outcome = check(&server.url, &[], settings);
        assert_eq!(outcome.status, 1, "{sentence}: {}", outcome.stdout);
        assert!(
            failures(&outcome)
                .iter()
                .any(|line| line.starts_with(sentence)),
            "{sentence}: {}",
            outcome.stdout
        );
    }
}

/// A busy server says nothing about what is asked, so each question says that it is busy, and none
/// has another remedy.
#[test]
fn a_busy_server_is_called_busy() {
    const BUSY: &str = r#"{"error":{"type":"cluster_block_exception","reason":"no master"}}"#;
    let cases: &[(Answers, &[&str])] = &[
        (&[("", 503, BUSY)], &["version"]),
        (&[("", 429, "")], &["version"]),
        (
            &[ROOT, ("", 503, BUSY)],
            &[
                "privileges",
                "templates",
                "data stream",
                "data stream",
                "ingest pipeline",
                "write",
                "write",
            ],
        ),
        (
            &[
                ROOT,
                MAY_ALL,
                ("GET /_data_stream/", 404, "{}"),
                ("GET /logs-", 503, BUSY),
                ("GET /_ingest", 200, "{}"),
                (
                    "POST /",
                    200,
                    r#"{"items":[{"create":{"_id":"$ID","status":429,"error":{"type":"a","reason":"b"}}}]}"#,
                ),
                MAY_NOT_READ,
            ],
            &["data stream", "data stream", "write", "write"],
        ),
    ];
    for (answers, checks) in cases {
        let server = server(answers);
        let settings = [("ELASTICSEARCH_PIPELINE", "mine")];
        let outcome = check(&server.url, &["--write"], &settings);
        assert_eq!(outcome.status, 1, "{checks:?}: {}", outcome.stdout);
        let failures = failures(&outcome);
        assert_eq!(failures.len(), checks.len(), "{}", outcome.stdout);
        for (line, check) in failures.iter().zip(*checks) {
            let start = format!("✗ {check}: ");
            assert!(line.starts_with(&start), "{check}: {}", outcome.stdout);
            let end = ": it is busy or not available now, so check again later";
            assert!(line.ends_with(end), "{check}: {}", outcome.stdout);
        }
        for word in ["`apigw-logs setup`", "address", "privileges: this server"] {
            assert!(!outcome.stdout.contains(word), "{}", outcome.stdout);
        }
    }
}

/// The check believes the same replies as the function.
#[test]
fn a_written_document_is_where_the_server_proves_it() {
    const NOT_PROVED: &str = "✗ write: logs-aws.api_gateway_logs-default: the reply does not say that the document is stored";
    let cases: [(&'static str, &str); 12] = [
        (
            r#"{"items":[{"create":{"_id":"$ID","status":201,"result":"created"}}]}"#,
            "✓ write: logs-aws.api_gateway_logs-default took a document",
        ),
        (r#"{"items":[{"create":{"status":201}}]}"#, NOT_PROVED),
        (
            r#"{"items":[{"create":{"_id":"a","status":201}}]}"#,
            NOT_PROVED,
        ),
        (
            r#"{"items":[{"create":{"_id":"$ID","status":201}},{"create":{"_id":"$ID","status":201}}]}"#,
            NOT_PROVED,
        ),
        (
            r#"{"error":"late","items":[{"create":{"_id":"$ID","status":201}}]}"#,
            NOT_PROVED,
        ),
        (
            r#"{"timed_out":true,"items":[{"create":{"_id":"$ID","status":201}}]}"#,
            NOT_PROVED,
        ),
        (r#"{"items":[]}"#, NOT_PROVED),
        (
            r#"{"items":[{"create":{"_id":"$ID","status":201,"failure_store":"used"}}]}"#,
            "✗ write: logs-aws.api_gateway_logs-default puts a document into its failure store",
        ),
        (
            r#"{"items":[{"create":{"_id":"$ID","status":200,"result":"noop"}}]}"#,
            "? write: an ingest pipeline of logs-aws.api_gateway_logs-default drops the document",
        ),
        (
            r#"{"items":[{"create":{"_id":"$ID","_index":"mine","status":201}}]}"#,
            "? write: an ingest pipeline of logs-aws.api_gateway_logs-default gives a document another",
        ),
        (
            r#"{"items":[{"create":{"_id":"$ID","status":403,"error":{"type":"security_exception","reason":"no"}}}]}"#,
            "✗ write: logs-aws.api_gateway_logs-default rejects a document (403): security_exception: no: make a key",
        ),
        (
            r#"{"items":[{"create":{"_id":"$ID","status":400,"error":{"type":"a","reason":"b"}}}]}"#,
            "✗ write: logs-aws.api_gateway_logs-default rejects a document (400): a: b: run `apigw-logs setup`",
        ),
    ];
    for (reply, line) in cases {
        let bulk = ("POST /logs-aws.api_gateway_logs-default/_bulk", 200, reply);
        let server = server(&[ROOT, MAY_ALL, bulk, MAY_NOT_READ]);
        let outcome = check(&server.url, &["--write"], &[]);
        assert!(
            outcome.stdout.lines().any(|shown| shown.starts_with(line)),
            "{reply}: {}",
            outcome.stdout
        );
    }
}

#[test]
fn each_unreachable_server_has_its_sentence() {
    let (_socket, closed) = bound_socket();
    let closed = format!("http://{closed}");
    for (url, sentence) in [
        (closed.as_str(), "accepts no connections"),
        (
            "http://nowhere.invalid:9200",
            "the name nowhere.invalid is not known here",
        ),
        ("", "ELASTICSEARCH_URL: it is not set"),
    ] {
        let outcome = check(url, &[], &[]);
        assert_eq!(outcome.status, 1, "{url}: {}", outcome.stdout);
        assert!(
            failures(&outcome)
                .iter()
                .any(|line| line.contains(sentence)),
            "{sentence}: {}",
            outcome.stdout
        );
    }
}

#[test]
fn a_connection_over_tls_is_told() {
    let authority = Authority::new("ours");
    let server = FakeElasticsearch::start_tls(authority.server("127.0.0.1", 4_000));
    let fingerprint = authority.fingerprint();
    let settings = [("ELASTICSEARCH_CA_FINGERPRINT", &*fingerprint)];
    let outcome = check(&server.url, &[], &settings);
    let line = "✓ connection: the server answers over TLS, and its certificate is trusted\n";
    assert!(outcome.stdout.contains(line), "{}", outcome.stdout);
}

/// The server's text cannot act on a terminal, and scripts read one JSON object a line.
#[test]
fn json_for_scripts_and_no_escapes_for_people() {
    let server = server(&[
        (
            "GET / ",
            200,
            "{\"version\":{\"number\":\"9.5.3\\u001b]0;x\\u0007\"}}",
        ),
        MAY_ALL,
        MAY_NOT_READ,
    ]);
    let people = check(&server.url, &[], &[]);
    assert!(!people.stdout.contains('\u{1b}'), "{}", people.stdout);
    let outcome = check(&server.url, &["--json"], &[("ELASTICSEARCH_APIKEY", "x")]);
    let lines: Vec<_> = outcome.stdout.lines().map(Json::read).collect();
    assert_eq!(lines[0].text("result"), Some("warning"));
    let version = lines
        .iter()
        .find(|line| line.text("check") == Some("version"))
        .unwrap();
    assert_eq!(version.text("result"), Some("passed"));
}

/// Uses the keys from the documentation: the function's key, and the administrator's for what the
/// function may not see.
#[test]
fn a_real_server_after_setup_is_in_order() {
    let server = shared();
    put_templates(server);
    let unique = std::process::id();
    let data_stream = format!("logs-aws.api_gateway_logs-check{unique}");
    let dead_letters = format!("logs-aws.api_gateway_dead_letters-check{unique}");
    let names = [
        ("DATA_STREAM", data_stream.as_str()),
        ("DEAD_LETTER_DATA_STREAM", dead_letters.as_str()),
    ];
    let function = key(server, Job::Function);
    let key = function
        .as_deref()
        .map(|key| ("ELASTICSEARCH_API_KEY", key));
    let settings: Vec<_> = names.into_iter().chain(key).collect();
    let outcome = check(&server.url, &["--write"], &settings);
    assert_eq!(
        (outcome.status, &*outcome.stderr),
        (0, ""),
        "{}",
        outcome.stdout
    );
    let written = format!("✓ write: {data_stream} took a document");
    assert!(outcome.stdout.contains(&written), "{}", outcome.stdout);
    if function.is_some() {
        assert!(
            outcome.stdout.contains("✓ privileges: "),
            "{}",
            outcome.stdout
        );
    }

    let wrong = [("ELASTICSEARCH_API_KEY", "bm9ib2R5OmtuZXctdGhpcw==")];
    if function.is_some() {
        let outcome = check(&server.url, &[], &wrong);
        assert_eq!(outcome.status, 1, "{}", outcome.stdout);
        assert!(
            failures(&outcome)[0].starts_with("✗ credentials: "),
            "{}",
            outcome.stdout
        );
    }
}
