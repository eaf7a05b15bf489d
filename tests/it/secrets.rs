//! No credential is kept: under no spelling of its key, in no form of line, in no part of a document or dead letter.

use apigw_logs::config::Config;
use apigw_logs::json::{JsonText, WriteJson};
use apigw_logs::normalizer::{LogLine, Normalized, mask_line};
use apigw_logs::pipeline::Pipeline;
use bumpalo::Bump;

/// What must not be seen; a quote and a comma in it are what parsers stumble over.
const SECRETS: &[&str] = &[
    "s3cr3t-value",
    "s3cr3t/value+1==",
    "Bearer s3cr3t-value",
    "Basic s3cr3t-value==",
];

const KEYS: &[&str] = &[
    "apiKey",
    "api_key",
    "API-KEY",
    "identity.apiKey",
    "identity_api_key",
    "x-api-key",
    "X-Api-Key",
    "\\u0061piKey",
    "authorization",
    "Authorization",
    "proxy-authorization",
    "requestOverride.header.Authorization",
    "headers_authorization",
    "authHeader",
    "token",
    "auth.token",
    "access_token",
    "accessToken",
    "idToken",
    "refresh-token",
    "authorizer.token",
    "authorizer.claims.access_token",
    "X-Amz-Security-Token",
    "sessionToken",
    "jwt",
    "userJwt",
    "bearer",
    "Cookie",
    "set-cookie",
    "cookies",
    "password",
    "passwd",
    "passphrase",
    "client_secret",
    "secretKey",
    "private_key",
    "credentials",
    "X-Amz-Signature",
    "usageIdentifierKey",
    "Ocp-Apim-Subscription-Key",
    "pwd",
];

/// Lines that hold a credential: `KEY` and `SECRET` stand for its key and itself.
const LINES: &[&str] = &[
    r#"{"requestId":"req-1","KEY":"SECRET","status":"200"}"#,
    r#"{"requestId":"req-1","KEY" : "SECRET"}"#,
    r#"{"requestId":"req-1","KEY":["SECRET","SECRET"],"status":"200"}"#,
    r#"{"requestId":"req-1","KEY":{"value":"SECRET","more":{"value":["SECRET"]}},"status":"200"}"#,
    r#"{"requestId":"req-1","tenant":{"KEY":"SECRET"},"status":"200"}"#,
    r#"{"requestId":"req-1","tenant":[{"KEY":"SECRET"}],"status":"200"}"#,
    r#"{"requestId":"req-1","tenant":"{\"KEY\":\"SECRET\"}","status":"200"}"#,
    r#"{"requestId":"req-1","errorMessage":"{\"KEY\":\"SECRET\"}","status":"400"}"#,
    r#"{"requestId":"req-1","resourcePath":"/pets?KEY=SECRET","status":"200"}"#,
    r#"{"requestId":"req-1","routeKey":"GET /pets?page=2&KEY=SECRET","status":"200"}"#,
    r#"{"requestId":"req-1","path":"/pets?KEY%3DSECRET","domainName":"api.example.com"}"#,
    r#"{"requestId":"req-1","userAgent":"app (KEY: SECRET)","status":"200"}"#,
    r#"{"requestId":"req-1","integrationErrorMessage":"refused: {\"KEY\":\"SECRET\"}","status":"502"}"#,
    r#"{"requestId":"req-1","authorizer":{"error":"KEY: SECRET"},"waf":{"error":"KEY=SECRET"},"status":"403"}"#,
    r#"{"requestId":"req-1","validationError":"KEY=SECRET","principalId":"KEY=SECRET","status":"400"}"#,
    r#"{"requestId":"req-1","headers":[{"name":"KEY","value":"SECRET"}],"status":"200"}"#,
    r#"{"requestId":"req-1","KEY":"SECRET","responseLatency":-}"#,
    r#"{"requestId":"req-1","KEY":SECRET,"status":"200"}"#,
    r#"{"requestId":"req-1","KEY":""SECRET"","status":"200"}"#,
    r#"{"requestId":"req-1","KEY":"a"SECRET","status":"200"}"#,
    r#"{"requestId":"req-1","KEY":"a\"SECRET\"b","status":"200"}"#,
    r#"{"requestId":"req-1","KEY":"a\qSECRET\"b","status":"200"}"#,
    r#"{"requestId":"req-1",KEY":"SECRET","status":"200"}"#,
    r#"{'requestId':'req-1','KEY':'SECRET','status':'200'}"#,
    r#"{"requestId":"req-1","KEY":"SECRET"#,
    r#"{"requestId":"req-1","KEY":"a"SECRET"#,
    r#"{"requestId":"req-1","KEY":["SECRET"#,
    r#"{"requestId":"req-1","KEY":{"value":"SECRET"#,
    r#"{"requestId":"req-1","status":"200"}{"requestId":"req-2","KEY":"SECRET"}"#,
    r#"{"requestId":"req-1","status":"200"}{"requestId":"req-2","KEY":"a"SECRET"}"#,
    r#"{"requestId":"req-1","status":"200"} KEY: SECRET"#,
    r#"{"KEY":"SECRET"}"#,
    r#"["KEY","x",{"KEY":"SECRET"}]"#,
    "requestId: req-1, KEY: SECRET, status: 200",
    "requestId=req-1 KEY=SECRET status=200",
    r#"requestId=req-1 KEY="SECRET" status=200"#,
    "(6b1c2d3e-0000-4000-8000-00000000abcd) Method request headers: {KEY=SECRET, Accept=*/*}",
    "(6b1c2d3e-0000-4000-8000-00000000abcd) Method request headers: {KEY=SECRET [TRUNCATED]",
    r#"(6b1c2d3e-0000-4000-8000-00000000abcd) Method request body before transformations: {"KEY":"SECRET"}"#,
    "<request><KEY>SECRET</KEY></request>",
    "an application says KEY=SECRET and goes on",
    r#"192.0.2.1 - - [01/Mar/2026:08:30:00 +0000] "GET /pets HTTP/1.1" 200 1184 req-1 - KEY=SECRET"#,
    r#"192.0.2.1 - - [01/Mar/2026:08:30:00 +0000] "GET /pets HTTP/1.1" 200 1184 req-1 KEY: SECRET"#,
    r#"192.0.2.1 KEY=SECRET - [01/Mar/2026:08:30:00 +0000] "GET /pets?KEY=SECRET HTTP/1.1" 200 1184 req-1"#,
    "requestId: req-1; KEY: SECRET; status: 200",
    "requestId: req-1, path: /pets?KEY=SECRET, status: 200",
    "(6b1c2d3e-0000-4000-8000-00000000abcd) HTTP Method: GET, Resource Path: /pets?KEY=SECRET",
    r#"{"messageType":"DATA_MESSAGE","owner":"1","logGroup":"g","logStream":"s","logEvents":[{"id":"1","timestamp":1,"message":"{\"requestId\":\"req-1\",\"KEY\":\"SECRET\"}"}]}"#,
];

#[test]
fn no_credential_is_kept() {
    let preserving = |name: &str| (name == "PRESERVE_ORIGINAL_EVENT").then(|| "true".to_owned());
    let pipelines = [
        Config::from_vars(|_| None)
            .and_then(|config| config.pipeline(()))
            .unwrap(),
        Config::from_vars(preserving)
            .and_then(|config| config.pipeline(()))
            .unwrap(),
    ];
    let mut shown = Vec::new();
    let mut count = 0;
    for line in LINES {
        for (key, secret) in KEYS
            .iter()
            .flat_map(|key| SECRETS.iter().map(move |secret| (key, secret)))
        {
            // Escapes are JSON's; and an object called jwt holds claims.
            let is_json = line.contains(r#"{"KEY"#) || line.contains(r#","KEY"#);
            if (key.contains('\\') && !is_json)
                || (key.to_lowercase().ends_with("jwt") && line.contains(r#""KEY":{"#))
            {
                continue;
            }
            let line = line.replace("KEY", key).replace("SECRET", secret);
            let kept = pipelines
                .iter()
                .flat_map(|pipeline| documents(pipeline, &line))
                .chain([dead_letter(&line)]);
            shown.extend(
                kept.filter(|kept| kept.contains("s3cr3t"))
                    .map(|kept| format!("{line}\n  => {kept}")),
            );
            count += 1;
        }
    }
    assert!(count > 4_000);
    assert!(
        shown.is_empty(),
        "{} of {count}, for instance {:#?}",
        shown.len(),
        shown
            .iter()
            .step_by(1 + shown.len() / 12)
            .collect::<Vec<_>>()
    );
}

/// A credential that no key gives away.
#[test]
fn no_token_is_kept_that_shows_what_it_is() {
    let pipeline = Config::from_vars(|_| None)
        .and_then(|config| config.pipeline(()))
        .unwrap();
    let token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJzM2NyM3QifQ.c2lnbmF0dXJlLXMzY3IzdA";
    for line in [
        r#"{"requestId":"req-1","x":"TOKEN"}"#,
        r#"{"requestId":"req-1","path":"/verify/TOKEN"}"#,
        r#"{"requestId":"req-1","path":"/verify?code=TOKEN"}"#,
        r#"{"requestId":"req-1","errorMessage":"bad TOKEN"}"#,
        r#"{"requestId":"req-1","x":"TOKEN","y":-}"#,
        "some text with TOKEN in it",
    ] {
        let line = line.replace("TOKEN", token);
        for kept in documents(&pipeline, &line)
            .into_iter()
            .chain([dead_letter(&line)])
        {
            assert!(!kept.contains("eyJzdWIi"), "{line}\n  => {kept}");
        }
    }
}

fn log_line(message: &str) -> LogLine<'_> {
    LogLine {
        owner: "1",
        log_group: "g",
        log_stream: "s",
        event_id: "1",
        event_time: 0,
        message: JsonText::plain(message),
    }
}

fn documents(pipeline: &Pipeline<()>, message: &str) -> Vec<String> {
    let arena = Bump::new();
    match pipeline.documents(&log_line(message), &arena) {
        Normalized::Skipped => Vec::new(),
        Normalized::Documents(documents) => documents.iter().map(WriteJson::to_json).collect(),
    }
}

/// What a dead letter keeps of a line.
fn dead_letter(message: &str) -> String {
    mask_line(message, &Bump::new()).to_owned()
}
