//! Credentials from Secrets Manager: read once, with a valid signature, read again after a 401, and
//! with a clear error on failure.
#![expect(
    clippy::indexing_slicing,
    reason = "the functions around a test are tests"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::cloudwatch::{CloudWatch, Fault as HistoryFault, events};
use crate::support::command_line::{Outcome, run};
use crate::support::fake_elasticsearch::{FakeElasticsearch, Fault};
use crate::support::invocation::{LOGS, lines};
use crate::support::json::Json;
use crate::support::moto;
use crate::support::raw_tcp::{RawTcp, read_head_and_body, send};
use crate::support::runtime_emulator::RuntimeEmulator;
use crate::support::signature::{ROLE, verify};

const EVENT: &str = "events/http.json";
const ARN: &str = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:elasticsearch-AbCdEf";

/// A scripted Secrets Manager: it gives its answers in turn and repeats the last one. It rejects
/// wrong signatures.
struct SecretsManager {
    server: RawTcp,
    reads: Arc<AtomicUsize>,
}

fn secrets_manager<const N: usize>(answers: [(u16, String); N]) -> SecretsManager {
    let reads = Arc::<AtomicUsize>::default();
    let count = Arc::clone(&reads);
    let server = RawTcp::start(move |_, stream| {
        while let Some((head, body)) = read_head_and_body(stream) {
            let number = count.fetch_add(1, Ordering::SeqCst);
            let is_right = verify(&head, &body, "secretsmanager").is_ok()
                && head
                    .to_lowercase()
                    .contains("x-amz-target: secretsmanager.getsecretvalue\r\n")
                && body == format!(r#"{{"SecretId":"{ARN}"}}"#).as_bytes();
            let wrong = (400, r#"{"__type":"TheTestSaysThatThisIsWrong"}"#.to_owned());
            let (status, answer) = if is_right {
                &answers[number.min(N - 1)]
            } else {
                &wrong
            };
            send(
                stream,
                format!(
                    "HTTP/1.1 {status} -\r\ncontent-length: {}\r\n\r\n{answer}",
                    answer.len()
                ),
            );
        }
    });
    SecretsManager { server, reads }
}

fn value(secret: &str) -> (u16, String) {
    (
        200,
        format!(
            r#"{{"ARN":"{ARN}","SecretString":{}}}"#,
            Json::Text(secret.to_owned()).compact()
        ),
    )
}

fn refusal(status: u16, kind: &str) -> (u16, String) {
    (
        status,
        format!(r#"{{"__type":"{kind}","message":"it says more, and perhaps too much"}}"#),
    )
}

fn variables<'v>(
    elasticsearch: Option<&'v str>,
    endpoint: &'v str,
    arn: &'v str,
) -> Vec<(&'v str, &'v str)> {
    let mut variables = ROLE.to_vec();
    variables.extend([
        ("ELASTICSEARCH_SECRET_ARN", arn),
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", endpoint),
    ]);
    variables.extend(elasticsearch.map(|url| ("ELASTICSEARCH_URL", url)));
    variables.push(("RETRY_BUDGET_MS", "300"));
    variables
}

fn authorizations(elasticsearch: &FakeElasticsearch) -> Vec<String> {
    elasticsearch
        .requests()
        .iter()
        .map(|request| request.headers["authorization"].clone())
        .collect()
}

/// Returns the report of a failed run in which nothing was lost and nothing revealed.
fn failed(run: &Outcome) -> Json {
    assert_eq!(run.status, 1, "{}{}", run.stdout, run.stderr);
    let report = Json::read(&run.stdout);
    assert_eq!(
        report.number("received"),
        report.number("unresolved"),
        "{}",
        run.stdout
    );
    assert!(report.number("received") > Some(0));
    for secret in [ROLE[1].1, ROLE[2].1, "too much"] {
        assert!(
            !run.stdout.contains(secret) && !run.stderr.contains(secret),
            "{}{}",
            run.stdout,
            run.stderr
        );
    }
    report
}

#[test]
fn every_form_of_a_secret_is_read_from_moto() {
    let moto = moto::shared();
    let elasticsearch = FakeElasticsearch::start();
    let url = elasticsearch.url.as_str();
    for (number, (text, authorization, elasticsearch_url)) in [
        ("VnVhQ2ZHY0I=".to_owned(), "ApiKey VnVhQ2ZHY0I=", Some(url)),
        (r#"{"api_key":"a2V5"}"#.to_owned(), "ApiKey a2V5", Some(url)),
        (
            r#"{"username":"elastic","password":"changeme"}"#.to_owned(),
            "Basic ZWxhc3RpYzpjaGFuZ2VtZQ==",
            Some(url),
        ),
        (
            format!(r#"{{"api_key":"dXJs","url":"{url}"}}"#),
            "ApiKey dXJs",
            None,
        ),
        (
            r#"{"api_key":"Ym90aA==","url":"http://127.0.0.1:9"}"#.to_owned(),
            "ApiKey Ym90aA==",
            Some(url),
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let arn = moto.create_secret(&format!("forms/{number}"), &text);
        let run = run(
            &["invoke", EVENT],
            &variables(elasticsearch_url, &moto.url, &arn),
            b"",
        );
        assert_eq!(run.status, 0, "{}", run.stderr);
        assert_eq!(
            authorizations(&elasticsearch).last().unwrap(),
            authorization
        );
    }
}

#[test]
fn moto_s_errors_are_understood() {
    let moto = moto::shared();
    let arn = moto.create_secret("deleted", "a2V5");
    moto.delete_secret(&arn);
    let cases = [
        (arn.as_str(), "is marked for deletion"),
        (
            "arn:aws:secretsmanager:eu-central-1:123456789012:secret:missing-AbCdEf",
            "does not exist",
        ),
    ];
    for (arn, sentence) in cases {
        let run = run(
            &["invoke", EVENT],
            &variables(Some("http://127.0.0.1:9"), &moto.url, arn),
            b"",
        );
        failed(&run);
        assert!(run.stderr.contains(sentence), "{}", run.stderr);
    }
}

#[test]
fn the_function_reads_it_once_and_again_after_a_401() {
    let (elasticsearch, moto) = (FakeElasticsearch::start(), moto::shared());
    let arn = moto.create_secret("rotated", "Zmlyc3Q=");
    let function =
        RuntimeEmulator::start_own(&variables(Some(&elasticsearch.url), &moto.url, &arn), 300);
    let event = std::fs::read(EVENT).unwrap();
    let invoke = || Json::read(&function.invoke(&event));
    assert!(invoke().number("indexed") > Some(0));
    moto.put_secret_value(&arn, "c2Vjb25k");
    assert!(invoke().number("duplicates") > Some(0));
    assert_eq!(
        authorizations(&elasticsearch),
        ["ApiKey Zmlyc3Q="; 2],
        "what was read is kept"
    );

    // The key was rotated: the server rejects the old one and accepts the new one, in the same
    // invocation.
    elasticsearch.fail([Fault::status(401)]);
    let report = invoke();
    assert_eq!(
        (report.number("unresolved"), report.number("retries")),
        (Some(0), Some(1)),
        "{}",
        report.compact()
    );
    assert_eq!(
        authorizations(&elasticsearch).split_off(3),
        ["ApiKey c2Vjb25k"]
    );

    // The secret has not changed, so there is no loop.
    elasticsearch.fail([Fault::status(401), Fault::status(401), Fault::status(401)]);
    let answer = invoke();
    assert_eq!(answer.text("errorType"), Some("Delivery.Incomplete"));
    assert!(
        answer.text("errorMessage").unwrap().contains("401"),
        "{}",
        answer.compact()
    );
    assert_eq!(authorizations(&elasticsearch).len(), 5);
}

#[test]
fn the_call_is_signed_and_made_once() {
    let elasticsearch = FakeElasticsearch::start();
    let secrets = secrets_manager([value("a2V5")]);
    let variables = variables(Some(&elasticsearch.url), &secrets.server.url, ARN);
    let several = run(&["invoke", EVENT, "events/rest.json"], &variables, b"");
    assert_eq!(several.status, 0, "{}", several.stderr);
    assert_eq!(secrets.reads.load(Ordering::SeqCst), 1);
}

#[test]
fn an_invocation_that_could_not_read_it_fails_and_the_next_one_tries_again() {
    let elasticsearch = FakeElasticsearch::start();
    let denied = || refusal(400, "AccessDeniedException");
    let secrets = secrets_manager([denied(), denied(), value("a2V5")]);
    let function = RuntimeEmulator::start_own(
        &variables(Some(&elasticsearch.url), &secrets.server.url, ARN),
        30,
    );
    let event = std::fs::read(EVENT).unwrap();
    for reads in [1, 2] {
        let answer = Json::read(&function.invoke(&event));
        assert_eq!(
            answer.text("errorType"),
            Some("Delivery.Incomplete"),
            "{}",
            answer.compact()
        );
        let message = answer.text("errorMessage").unwrap();
        assert!(
            message.contains("ELASTICSEARCH_SECRET_ARN may not be read"),
            "{message}"
        );
        assert_eq!(
            secrets.reads.load(Ordering::SeqCst),
            reads,
            "asking again at once brings nothing"
        );
    }
    assert!(Json::read(&function.invoke(&event)).number("indexed") > Some(0));
    assert_eq!(elasticsearch.requests().len(), 1);
}

/// A temporary failure is tried again within the budget.
#[test]
fn the_function_waits_until_throttling_ends() {
    let elasticsearch = FakeElasticsearch::start();
    let secrets = secrets_manager([
        refusal(400, "ThrottlingException"),
        refusal(500, "InternalServiceError"),
        value("a2V5"),
    ]);
    let mut variables = variables(Some(&elasticsearch.url), &secrets.server.url, ARN);
    variables.extend([("RETRY_BUDGET_MS", "20000"), ("RETRY_INITIAL_MS", "1")]);
    let run = run(&["invoke", EVENT], &variables, b"");
    assert_eq!(run.status, 0, "{}", run.stderr);
}

#[test]
fn each_failure_says_what_to_do() {
    for (answer, sentence) in [
        (
            refusal(400, "AccessDeniedException"),
            "`secretsmanager:GetSecretValue`",
        ),
        (refusal(400, "DecryptionFailure"), "`kms:Decrypt`"),
        (
            refusal(
                400,
                "com.amazonaws.secretsmanager#ResourceNotFoundException",
            ),
            "does not exist",
        ),
        (
            refusal(400, "InvalidRequestException"),
            "marked for deletion",
        ),
        (refusal(403, "ExpiredTokenException"), "have expired"),
        (
            refusal(400, "UnrecognizedClientException"),
            "does not accept the AWS credentials",
        ),
        (refusal(400, "InvalidParameterException"), "check the ARN"),
        (refusal(503, "ServiceUnavailable"), "just now"),
        ((404, "<html>".to_owned()), "AWS_ENDPOINT_URL"),
        ((200, "<html>".to_owned()), "AWS_ENDPOINT_URL"),
        // A reader that looks through the rest for each sign would take hours.
        ((400, "<".repeat(4 << 20)), "AWS_ENDPOINT_URL"),
        ((200, r#"{"SecretBinary":"a2V5"}"#.to_owned()), "binary"),
        (value("{not json"), "is not JSON as it should be"),
        (value(r#"{"apiKey":"a2V5"}"#), "has no credentials"),
        (value("id:key"), "is no API key"),
    ] {
        let secrets = secrets_manager([answer.clone()]);
        let run = run(
            &["invoke", EVENT],
            &variables(Some("http://127.0.0.1:9"), &secrets.server.url, ARN),
            b"",
        );
        failed(&run);
        let (status, text) = &answer;
        let start: String = text.chars().take(200).collect();
        assert!(
            run.stderr.contains(sentence),
            "{status} {start}: {}",
            run.stderr
        );
    }
}

#[test]
fn a_secrets_manager_that_cannot_be_reached_is_reported() {
    let run_with = |endpoint: &str| {
        run(
            &["invoke", EVENT],
            &variables(Some("http://127.0.0.1:9"), endpoint, ARN),
            b"",
        )
    };
    let nobody = run_with("http://127.0.0.1:9");
    failed(&nobody);
    assert!(
        nobody
            .stderr
            .contains("Secrets Manager cannot be reached (no connection could be made to 127.0.0.1:9: nothing listens there): in a VPC, the function needs a NAT gateway or an interface endpoint"),
        "{}",
        nobody.stderr
    );
    // A server that listens and never answers.
    let silent = RawTcp::start(|_, stream| while read_head_and_body(stream).is_some() {});
    let address = silent.url.trim_start_matches("http://").to_owned();
    let silent = run_with(&silent.url);
    failed(&silent);
    let cause = format!("cannot be reached (no answer came in time from {address})");
    assert!(silent.stderr.contains(&cause), "{}", silent.stderr);
}

#[test]
fn a_missing_address_of_elasticsearch_is_reported() {
    let secrets = secrets_manager([value("a2V5")]);
    let run = run(
        &["invoke", EVENT],
        &variables(None, &secrets.server.url, ARN),
        b"",
    );
    failed(&run);
    assert!(
        run.stderr.contains("put `url` into the secret"),
        "{}",
        run.stderr
    );
}

/// `AWS_ENDPOINT_URL` counts if the service's own variable is not set.
#[test]
fn the_general_endpoint_works() {
    let elasticsearch = FakeElasticsearch::start();
    let secrets = secrets_manager([value("a2V5")]);
    let mut variables = variables(Some(&elasticsearch.url), "", ARN);
    variables.push(("AWS_ENDPOINT_URL", &secrets.server.url));
    assert_eq!(run(&["invoke", EVENT], &variables, b"").status, 0);
    variables.extend([
        (
            "AWS_ENDPOINT_URL_SECRETS_MANAGER",
            secrets.server.url.as_str(),
        ),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:9"),
    ]);
    assert_eq!(run(&["invoke", EVENT], &variables, b"").status, 0);
}

#[test]
fn setup_and_redrive_read_it_too() {
    let elasticsearch = FakeElasticsearch::start();
    let secrets = secrets_manager([value("a2V5")]);
    let settings = variables(Some(&elasticsearch.url), &secrets.server.url, ARN);
    let redrive = run(&["redrive"], &settings, b"");
    assert_eq!(
        (redrive.status, secrets.reads.load(Ordering::SeqCst)),
        (0, 1),
        "{}",
        redrive.stderr
    );
    let secrets = secrets_manager([refusal(400, "AccessDeniedException")]);
    for command in ["setup", "redrive"] {
        let failed = run(
            &[command],
            &variables(Some(&elasticsearch.url), &secrets.server.url, ARN),
            b"",
        );
        assert_eq!(failed.status, 1);
        assert!(
            failed.stderr.contains("may not be read"),
            "{}",
            failed.stderr
        );
    }
}

/// The secret is rotated while a backfill runs: its look-up is answered 401, and the second try has
/// the new key.
#[test]
fn a_look_up_reads_a_secret_that_has_changed() {
    let groups = [("api".to_owned(), events("s", 1_772_323_200_000, &lines(10)))];
    let logs = CloudWatch::start(groups.into(), 5, |_| HistoryFault::None);
    let elasticsearch = FakeElasticsearch::start();
    elasticsearch.accept_only("ApiKey bmV3");
    let secrets = secrets_manager([value("b2xk"), value("bmV3")]);
    let mut variables = variables(Some(&elasticsearch.url), &secrets.server.url, ARN);
    variables.push(("AWS_ENDPOINT_URL_CLOUDWATCH_LOGS", logs.url()));
    let times = ["--since", "2026-03-01", "--until", "2026-03-02"];
    for (command, status) in [("backfill", 0), ("audit", 0)] {
        let arguments = [&[command, "--log-group", "api"], &times[..]].concat();
        let run = run(&arguments, &variables, b"");
        assert_eq!(run.status, status, "{command}: {}", run.stderr);
        assert_eq!(elasticsearch.count(LOGS), 10, "{command}");
    }
    // Each command reads the old key before it needs it, and the new one after the first 401.
    assert_eq!(secrets.reads.load(Ordering::SeqCst), 3);
    for authorization in authorizations(&elasticsearch) {
        assert_eq!(
            authorization, "ApiKey bmV3",
            "nothing was sent with the old key"
        );
    }
}
