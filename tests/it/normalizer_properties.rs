//! What holds of every line there can be.
#![expect(clippy::unwrap_used, reason = "the functions around a test are tests")]

use std::fs;
use std::sync::LazyLock;

use apigw_logs::config::Config;
use apigw_logs::normalizer::{LogLine, Normalized, mask};
use apigw_logs::pipeline::Pipeline;
use bumpalo::Bump;
use proptest::prelude::*;

use crate::lines::LINES;
use crate::support::golden::{names, repository};
use crate::support::json::Json;

static PIPELINE: LazyLock<Pipeline<()>> =
    LazyLock::new(|| Config::from_vars(|_| None).and_then(|config| config.pipeline(())).unwrap());

/// Every line that there is a golden document for.
static REAL_LINES: LazyLock<Vec<String>> = LazyLock::new(|| {
    let read = |name: String| fs::read_to_string(repository(&format!("{LINES}/{name}.log"))).unwrap();
    names(LINES, ".log")
        .into_iter()
        .map(read)
        .flat_map(|log| log.lines().map(str::to_owned).collect::<Vec<_>>())
        .collect()
});

/// The documents of a line, as they would be sent; none if it is skipped.
fn documents(message: &str) -> Vec<String> {
    let arena = Bump::new();
    let line = LogLine { owner: "", log_group: "", log_stream: "", event_id: "", event_time: 0, message };
    match PIPELINE.documents(&line, &arena) {
        Normalized::Skipped => Vec::new(),
        Normalized::Documents(documents) => {
            documents.iter().map(|document| serde_json::to_string(document).unwrap()).collect()
        }
    }
}

fn check(message: &str) -> Result<(), TestCaseError> {
    let documents = documents(message);
    prop_assert_eq!(&documents, &self::documents(message), "the same line, other bytes");
    for document in &documents {
        let json: Json = serde_json::from_str(document).map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert!(json.text("@timestamp").is_some(), "{document}");
        prop_assert!(json.get("ecs.version").is_some(), "{document}");
        let kind = json.text("event.kind");
        prop_assert!(matches!(kind, Some("event" | "pipeline_error")), "{document}");
        if kind == Some("pipeline_error") {
            let arena = Bump::new();
            let original = json.text("event.original").unwrap_or_default();
            prop_assert!(json.text("error.message").is_some(), "{document}");
            prop_assert!(mask(message, &arena).contains(original) || documents.len() > 1, "{document}");
            prop_assert!(!original.is_empty(), "{document}");
        }
    }
    Ok(())
}

fn real_line() -> impl Strategy<Value = String> {
    any::<prop::sample::Index>().prop_map(|index| index.get(&REAL_LINES).clone())
}

/// Characters that mean something to one parser or another.
const MARKS: &str = r#"["\\{}\[\],:\-' \t0-9a-zA-Z/%$=()€\u{0}\u{feff}]{0,4}"#;

/// Keys of every kind: known, known under several names, of claims, and unknown; none of a secret.
const KEYS: &[&str] = &[
    "accountId",
    "apiId",
    "domainName",
    "extendedRequestId",
    "requestId",
    "id",
    "request_id",
    "httpMethod",
    "method",
    "ip",
    "sourceIp",
    "identity.sourceIp",
    "clientCertPem",
    "clientsubjectDN",
    "clientnotBefore",
    "user",
    "userAgent",
    "userArn",
    "callerArn",
    "userAccountId",
    "apiKeyId",
    "protocol",
    "requestTimeEpoch",
    "requestTime",
    "time",
    "path",
    "status",
    "statusCode",
    "responseLength",
    "stage",
    "responseLatency",
    "latency",
    "integrationStatus",
    "functionResponseStatus",
    "error",
    "errorMessage",
    "message",
    "messageString",
    "authorizer.claims.sub",
    "authorizer_claims_sub",
    "authorizer.tenant",
    "authorizer.latency",
    "waf.status",
    "xrayTraceId",
    "connectedAt",
    "isCanaryRequest",
    "tlsVersion",
    "cipherSuite",
    "eventType",
    "cxId",
    "level",
    "ünïcode",
    "",
];

fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z]{3}[0-9]{5}",
        "[1-5][0-9]{2}",
        Just("1772353800123".to_owned()),
        Just("01/Mar/2026:08:30:00 +0000".to_owned()),
        Just("arn:aws:iam::444455556666:user/alice".to_owned()),
        Just("HTTP/1.1".to_owned()),
    ]
}

proptest! {
    #[test]
    fn no_value_of_a_line_is_lost(members in prop::collection::vec((prop::sample::select(KEYS), value()), 1..8)) {
        let object = members.iter().map(|(key, value)| format!("{}:{}", Json::Text((*key).to_owned()).compact(), Json::Text(value.clone()).compact()));
        let line = format!("{{{}}}", object.collect::<Vec<_>>().join(","));
        let documents = documents(&line);
        prop_assert_eq!(documents.len(), 1);
        // Words in letters cannot be mistaken for anything that was converted.
        for (key, word) in members.iter().filter(|(_, value)| value.starts_with(|c: char| c.is_ascii_lowercase())) {
            let found = documents.iter().any(|document| document.contains(word.as_str()));
            prop_assert!(found, "{key}={word} of {line} is not in {documents:?}");
        }
    }

    #[test]
    fn any_text_has_its_outcome(message in any::<String>()) {
        check(&message)?;
    }

    #[test]
    fn text_that_looks_like_json_has_its_outcome(
        message in r#"\{("(status|ip|requestTimeEpoch|userArn|path|domainName|apiKey|a)":("[ -~]{0,8}"|[-0-9.e]{0,5}|null|\{\}|\[\]),?){0,5}\}?"#
    ) {
        check(&message)?;
    }

    #[test]
    fn a_line_that_was_cut_has_its_outcome(line in real_line(), position: prop::sample::Index) {
        let end = line.floor_char_boundary(position.index(line.len() + 1));
        check(line.split_at(end).0)?;
    }

    #[test]
    fn a_line_that_was_tampered_with_has_its_outcome(line in real_line(), position: prop::sample::Index, marks in MARKS) {
        let (head, tail) = line.split_at(line.floor_char_boundary(position.index(line.len() + 1)));
        check(&format!("{head}{marks}{tail}"))?;
        let mut rest = tail.chars();
        rest.next();
        check(&format!("{head}{marks}{}", rest.as_str()))?;
    }

    #[test]
    fn lines_that_were_joined_have_their_outcome(one in real_line(), other in real_line()) {
        check(&(one + &other))?;
    }
}
