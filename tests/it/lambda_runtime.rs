//! The built binary as a Lambda function: under AWS's Runtime Interface Emulator, and under a Runtime API of our own.

use std::io::Write;
use std::net::TcpListener;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::support::runtime_emulator::RuntimeEmulator;

/// Where nobody listens: for invocations that have nothing to send.
const NOWHERE: (&str, &str) = ("ELASTICSEARCH_URL", "http://127.0.0.1:9");

/// CloudWatch's question whether the destination is well; an event without documents.
const CONTROL_MESSAGE: &str = r#"{"messageType":"CONTROL_MESSAGE","owner":"CloudwatchLogs","logGroup":"","logStream":"",
    "subscriptionFilters":[],"logEvents":[{"id":"","timestamp":1700000000000,
    "message":"CWL CONTROL MESSAGE: Checking health of destination Lambda."}]}"#;

const DATA_MESSAGE: &str = r#"{"messageType":"DATA_MESSAGE","owner":"111122223333","logGroup":"api","logStream":"s",
    "subscriptionFilters":["f"],"logEvents":[{"id":"1","timestamp":1700000000000,
    "message":"{\"requestId\":\"r\",\"status\":\"200\"}"}]}"#;

/// A direct subscription's invoke event.
fn event(log_data: &str) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(log_data.as_bytes()).expect("a Vec takes every write");
    let data = BASE64_STANDARD.encode(gzip.finish().expect("a Vec takes every write"));
    format!(r#"{{"awslogs":{{"data":"{data}"}}}}"#).into_bytes()
}

/// The same function on AWS's emulator (where that can be had) and on ours.
fn on_both(variables: &[(&str, &str)], timeout_seconds: u32, check: fn(&RuntimeEmulator)) {
    check(&RuntimeEmulator::start(variables, timeout_seconds));
    check(&RuntimeEmulator::start_own(variables, timeout_seconds));
}

#[test]
fn a_control_message_succeeds() {
    on_both(&[NOWHERE], 10, |function| {
        let answer = function.invoke(&event(CONTROL_MESSAGE));
        assert!(!answer.contains("errorType"), "{answer}");
    });
}

#[test]
fn an_event_of_no_known_trigger_is_an_error_with_a_fixed_name() {
    on_both(&[NOWHERE], 10, |function| {
        let answer = function.invoke(b"{}");
        assert!(answer.contains(r#""errorType":"Event.Unsupported""#), "{answer}");
    });
}

/// The function must answer for itself before the platform ends it.
#[test]
fn a_server_that_never_answers_is_an_error_before_the_deadline() {
    let silent = TcpListener::bind("127.0.0.1:0").expect("the loopback has free ports");
    let url = format!("http://{}", silent.local_addr().expect("a bound socket has an address"));
    on_both(&[("ELASTICSEARCH_URL", &url)], 4, |function| {
        let answer = function.invoke(&event(DATA_MESSAGE));
        assert!(answer.contains(r#""errorType":"Delivery.Incomplete""#), "{answer}");
    });
}

#[test]
fn two_invocations_come_over_one_connection() {
    let function = RuntimeEmulator::start_own(&[NOWHERE], 10);
    function.invoke(&event(CONTROL_MESSAGE));
    function.invoke(b"{}");

    let requests = function.requests();
    assert!(requests.iter().all(|request| request.connection == requests[0].connection), "{requests:#?}");
    let posts: Vec<_> = requests.iter().filter(|request| request.method == "POST").collect();
    assert_eq!(posts.len(), 2, "{requests:#?}");
    assert!(posts[0].path.ends_with("/response"), "{}", posts[0].path);
    assert!(posts[1].path.ends_with("/error"), "{}", posts[1].path);
    assert!(posts[1].headers.iter().any(|(name, _)| name == "lambda-runtime-function-error-type"));
    assert!(posts[1].body.contains("Event.Unsupported"), "{}", posts[1].body);
}

#[test]
fn a_start_without_settings_says_what_is_missing() {
    on_both(&[], 10, |function| {
        function.invoke(&event(CONTROL_MESSAGE));
        function.output_with("ELASTICSEARCH_URL");
    });
}
