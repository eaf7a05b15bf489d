//! Requests for Amazon OpenSearch Service are signed. The tests verify the signatures independently
//! of the code that makes them.
#![expect(clippy::unwrap_used, reason = "the functions around a test are tests")]

use std::sync::{Arc, Mutex};

use crate::support::command_line::run;
use crate::support::json::Json;
use crate::support::raw_tcp::{RawTcp, answer, read_head_and_body, send};
use crate::support::signature::{Expected, ROLE, verify, verify_with};

/// Tests the verification itself: it accepts an example that AWS has published, and no changed one.
///
/// Source: `get-vanilla-query-order-key-case` of AWS's Signature Version 4 test suite.
#[test]
fn the_verification_knows_aws_s_own_example() {
    let head = "GET /?Param2=value2&Param1=value1 HTTP/1.1\r\n\
                Host: example.amazonaws.com\r\n\
                X-Amz-Date: 20150830T123600Z\r\n\
                Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
                SignedHeaders=host;x-amz-date, \
                Signature=b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500\r\n\r\n";
    let secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
    let expected = Expected {
        secret,
        access_key: "AKIDEXAMPLE",
        region: "us-east-1",
        service: "service",
    };
    verify_with(head, b"", &expected).unwrap();
    assert!(verify_with(head, b"x", &expected).is_err(), "another body");
    assert!(
        verify_with(&head.replace("value1", "value3"), b"", &expected).is_err(),
        "another query"
    );
    assert!(
        verify_with(
            head,
            b"",
            &Expected {
                service: "es",
                ..expected
            }
        )
        .is_err(),
        "another service"
    );
}

/// A domain that accepts requests signed by the role for it. It notes the first line of each
/// request, and what was wrong with it.
struct Domain {
    server: RawTcp,
    seen: Arc<Mutex<Vec<Seen>>>,
}

type Seen = (String, Result<(), String>);

/// Answers each bulk request as if its documents were stored.
fn domain() -> Domain {
    let seen = Arc::<Mutex<Vec<Seen>>>::default();
    let noted = Arc::clone(&seen);
    let server = RawTcp::start(move |_, stream| {
        while let Some(request) = read_head_and_body(stream) {
            let (head, body) = &request;
            let first = head.lines().next().unwrap().to_owned();
            let mut result = verify(head, body, "es");
            if result.is_ok() && !head.to_lowercase().contains("x-amz-content-sha256: ") {
                result = Err("Serverless wants the hash of the body".to_owned());
            }
            let reply = match (&result, first.contains("/_bulk")) {
                (Err(_), _) => "HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n".to_owned(),
                (Ok(()), true) => answer(&request),
                (Ok(()), false) => {
                    let missing =
                        r#"{"error":{"type":"resource_not_found_exception"},"status":404}"#;
                    format!(
                        "HTTP/1.1 404 -\r\ncontent-length: {}\r\n\r\n{missing}",
                        missing.len()
                    )
                }
            };
            noted.lock().unwrap().push((first, result));
            send(stream, reply);
        }
    });
    Domain { server, seen }
}

impl Domain {
    fn variables(&self) -> Vec<(&str, &str)> {
        let mut variables = ROLE.to_vec();
        variables.extend([
            ("ELASTICSEARCH_URL", self.server.url.as_str()),
            ("ELASTICSEARCH_AUTH", "sigv4"),
        ]);
        variables
    }

    /// Returns the first lines of the requests, all of which were signed correctly.
    fn signed(&self) -> Vec<String> {
        let seen = self.seen.lock().unwrap();
        let wrong: Vec<_> = seen.iter().filter(|(_, result)| result.is_err()).collect();
        assert!(wrong.is_empty() && !seen.is_empty(), "{wrong:?}");
        seen.iter().map(|(first, _)| first.clone()).collect()
    }
}

/// Requests with and without compression, and with a pipeline's name in the query.
#[test]
fn bulk_requests_are_signed_as_they_are_sent() {
    for (level, pipeline) in [("1", ""), ("0", "mine (and more): é/~*+"), ("9", "a&b=c")] {
        let domain = domain();
        let mut variables = domain.variables();
        variables.extend([
            ("BULK_COMPRESSION_LEVEL", level),
            ("ELASTICSEARCH_PIPELINE", pipeline),
        ]);
        let run = run(&["invoke", "events/http.json"], &variables, b"");
        domain.signed();
        assert_eq!(run.status, 0, "{}", run.stderr);
        assert!(Json::read(&run.stdout).number("indexed") > Some(0));
    }
}

/// A path prefix, and names with characters that are encoded for the signature only (`@`).
#[test]
fn other_requests_and_paths_are_signed() {
    let domain = domain();
    let url = format!("{}/a%20b/c", domain.server.url);
    let mut variables = domain.variables();
    variables.push(("ELASTICSEARCH_URL", &url));
    // This server accepts no templates.
    let run = run(&["setup"], &variables, b"");
    assert_eq!(run.status, 1, "{}", run.stdout);
    let signed = domain.signed();
    let path = "GET /a%20b/c/_component_template/logs-aws.api_gateway_logs@mappings HTTP/1.1";
    assert!(signed.iter().any(|first| first == path), "{signed:?}");
    assert!(
        signed
            .iter()
            .any(|first| first.starts_with("PUT /a%20b/c/")),
        "{signed:?}"
    );
}

#[test]
fn other_keys_are_rejected_and_never_printed() {
    let domain = domain();
    let mut variables = domain.variables();
    variables.push(("AWS_SECRET_ACCESS_KEY", "another/secret"));
    let run = run(&["invoke", "events/http.json"], &variables, b"");
    assert_eq!(run.status, 1);
    assert!(
        run.stderr.contains("403") && domain.seen.lock().unwrap()[0].1.is_err(),
        "{}",
        run.stderr
    );
    for secret in ["another/secret", ROLE[2].1] {
        assert!(
            !run.stdout.contains(secret) && !run.stderr.contains(secret),
            "{}{}",
            run.stdout,
            run.stderr
        );
    }
}

#[test]
fn config_shows_how_requests_are_authorized() {
    let domain = domain();
    let shown = run(&["config"], &domain.variables(), b"").stdout;
    assert!(shown.contains("ELASTICSEARCH_AUTH=sigv4\n"), "{shown}");
    assert!(
        ROLE[..3].iter().all(|(_, secret)| !shown.contains(secret)),
        "{shown}"
    );
}
