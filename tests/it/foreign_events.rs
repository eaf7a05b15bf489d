//! Events that others made: the output of `sam local generate-event`, and samples with other data.

use std::fs;

use crate::support::command_line::run;
use crate::support::golden::{assert_holds_only, repository};
use crate::support::json::Json;

const FOREIGN: &str = "tests/it/fixtures/foreign-events";

/// An event, the exit status, the counts of `received` and `undecodable_records`, and words of the
/// sentence.
type Case = (&'static str, i32, i64, i64, &'static str);

const CASES: &[Case] = &[
    (
        "aws-lambda-events-kinesis.json",
        1,
        0,
        2,
        "the payload is not whole gzip",
    ),
    (
        "aws-lambda-events-kinesis-encrypted.json",
        1,
        0,
        2,
        "the payload is not whole gzip",
    ),
    (
        "aws-lambda-events-sqs.json",
        1,
        0,
        1,
        "the message body is not JSON",
    ),
    (
        "aws-lambda-events-sqs-object.json",
        1,
        0,
        1,
        "the message body is not an event of this function",
    ),
    ("sam-generate-event-cloudwatch-logs.json", 0, 2, 0, ""),
    (
        "sam-generate-event-kinesis.json",
        1,
        0,
        1,
        "the payload is not whole gzip",
    ),
    (
        "sam-generate-event-s3-put.json",
        2,
        0,
        0,
        "connect this function to aws:kinesis or aws:sqs only",
    ),
    (
        "sam-generate-event-sqs.json",
        1,
        0,
        1,
        "the message body is not JSON",
    ),
];

#[test]
fn foreign_events_get_an_answer() {
    for &(name, status, received, undecodable, words) in CASES {
        let outcome = run(&["invoke", &format!("{FOREIGN}/{name}")], &[], b"");
        assert_eq!(outcome.status, status, "{name}: {}", outcome.stderr);
        assert!(outcome.stderr.contains(words), "{name}: {}", outcome.stderr);
        let report = Json::read(outcome.stderr.lines().next().unwrap());
        assert_eq!(
            report.number("received"),
            Some(received),
            "{name}: {}",
            outcome.stderr
        );
        assert_eq!(
            report.number("undecodable_records"),
            Some(undecodable),
            "{name}: {}",
            outcome.stderr
        );
        assert_eq!(
            outcome.stdout.lines().count(),
            usize::try_from(received).unwrap(),
            "{name}"
        );
    }
    assert_holds_only(
        FOREIGN,
        CASES
            .iter()
            .map(|(name, ..)| (*name).to_owned())
            .chain(["README.md".to_owned()]),
    );
}

/// The list of log events that AWS's own documentation encodes: two lines that are not API
/// Gateway's.
#[test]
fn the_sample_of_the_documentation_becomes_two_documents() {
    let event = fs::read(repository(&format!(
        "{FOREIGN}/sam-generate-event-cloudwatch-logs.json"
    )))
    .unwrap();
    let outcome = run(&["invoke", "-"], &[], &event);
    let messages: Vec<_> = outcome
        .stdout
        .lines()
        .map(|line| Json::read(line).text("event.original").unwrap().to_owned())
        .collect();
    assert_eq!(
        messages,
        ["[ERROR] First test message", "[ERROR] Second test message"]
    );
}

/// CloudWatch Logs invokes only functions in the log group's own region. A Kinesis stream may hold
/// logs of other regions.
#[test]
fn a_direct_subscription_tells_the_region() {
    const LINE: &[u8] = br#"{"requestId":"a","routeKey":"GET /pets","status":"200"}"#;
    const IN_LAMBDA: [(&str, &str); 2] = [
        ("AWS_LAMBDA_FUNCTION_NAME", "forwarder"),
        ("AWS_REGION", "eu-central-1"),
    ];
    let region = |form: &[&str], settings: &[(&str, &str)]| {
        let arguments = ["event", "--log-group", "g", "--log-stream", "s"];
        let event = run(&[&arguments, form].concat(), &[], LINE);
        let outcome = run(&["invoke", "-"], settings, event.stdout.as_bytes());
        let document: Json = serde_json::from_str(&outcome.stdout).unwrap();
        document.text("cloud.region").map(str::to_owned)
    };
    let expected = Some("eu-central-1".to_owned());
    assert_eq!(region(&[], &IN_LAMBDA), expected);
    assert_eq!(region(&["--sqs"], &IN_LAMBDA), expected);
    assert_eq!(region(&["--kinesis"], &IN_LAMBDA), None);
    // A person may replay an event from anywhere.
    assert_eq!(region(&[], &IN_LAMBDA[1..]), None);
}

#[test]
fn lines_that_fit_no_configured_format_are_counted() {
    let lines = "7c9e6679-7425-40de-944b-e07fc1f90ae7 200 198.51.100.7\n{\"requestId\":\"b\",\"routeKey\":\"GET /pets\"}\n\nc nothing\n";
    let counted = |log_group: &str| {
        let arguments = ["event", "--log-group", log_group, "--log-stream", "s"];
        let event = run(&arguments, &[], lines.as_bytes());
        let formats = "/live/*\t$context.requestId $context.status $context.identity.sourceIp";
        let settings = [("ACCESS_LOG_FORMATS", formats)];
        let outcome = run(&["invoke", "-"], &settings, event.stdout.as_bytes());
        let report: Json = serde_json::from_str(outcome.stderr.lines().last().unwrap()).unwrap();
        report.number("fits_no_format")
    };
    assert_eq!(counted("/live/orders"), Some(2));
    assert_eq!(counted("/test/orders"), None);
}
