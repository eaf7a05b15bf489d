//! No credential is kept: under no spelling of its key, in no form of line, and in no part of a
//! document or dead letter.
#![expect(clippy::unwrap_used, reason = "the functions around a test are tests")]

use apigw_logs::config::Config;
use apigw_logs::json::{JsonText, Scanner, WriteJson};
use apigw_logs::normalizer::{LogLine, Normalized, mask_line};
use apigw_logs::pipeline::Pipeline;
use bumpalo::Bump;

use test_support::shapes::{MARK, Pick, line};

/// The text that must never appear. Its quote and comma are characters on which parsers stumble.
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
    "x-function-key",
];

/// Lines that hold a credential. `KEY` and `SECRET` stand for its key and its value.
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
    r#"192.0.2.1 - - [01/Mar/2026:08:30:00 +0000] "GET /pets KEY: "SECRET" HTTP/1.1" 200 1184 req-1"#,
    r#"192.0.2.1 - - [01/Mar/2026:08:30:00 +0000] "GET /pets KEY: "SECRET""#,
    "requestId: req-1; KEY: SECRET; status: 200",
    "requestId: req-1, path: /pets?KEY=SECRET, status: 200",
    "(6b1c2d3e-0000-4000-8000-00000000abcd) HTTP Method: GET, Resource Path: /pets?KEY=SECRET",
    "an application says <entry><key>KEY</key><value>SECRET</value></entry>",
    "<dict><key>KEY</key>\n  <string>SECRET</string></dict>",
    r#"an application says s:4:"KEY";s:9:"SECRET";"#,
    "an application says [(b'host', b'x'), (b'KEY', b'SECRET')]",
    r#"an application says array(1) { ["KEY"]=> string(9) "SECRET" }"#,
    r#"an application says {"loc": ["body", "KEY"], "msg": "bad", "input": "SECRET"}"#,
    r#"{"requestId":"req-1","note":{"loc":["body","KEY"],"msg":"bad","input":"SECRET"},"status":"400"}"#,
    r#"{"requestId":"req-1","note":{"op":"replace","path":"/KEY","value":"SECRET"},"status":"400"}"#,
    r#"{"requestId":"req-1","note":{"ParameterKey":"KEY","ParameterValue":"SECRET"},"status":"400"}"#,
    r#"{"requestId":"req-1","note":{"field":"KEY","rejectedValue":"SECRET"},"status":"400"}"#,
    r#"{"requestId":"req-1","note":"{"name": "KEY", "value": "SECRET"}","status":"400"}"#,
    r#"{"requestId":"req-1","note":"{"value": "SECRET", "name": "KEY"}","status":"400"}"#,
    r#"{"requestId":"req-1","note":"{"path":"$.user.KEY","value":"SECRET"}","status":"400"}"#,
    r#"{"requestId":"req-1","note":"[{"content":"SECRET","field":"KEY"}]"#,
    r#"{"requestId":"req-1","key":"KEY","value":{"stringValue":"SECRET"},"status":"200"}"#,
    r#"{"requestId":"req-1","note":{"data":{"x":"SECRET"},"id":"KEY"},"status":"200"}"#,
    r#"{"requestId":"req-1","errorMessage":"{"KEY":{"a":"x","b":"SECRET"}}","status":"400"}"#,
    r#"{"requestId":"req-1","errorMessage":"{"KEY":{"a":"}]","b":{"c":"SECRET"}}}","status":"400"}"#,
    r#"{"requestId":"req-1","errorMessage":"{"name":"KEY","value":{"a":"x","b":"SECRET"}}","status":"400"}"#,
    r#"{"requestId":"req-1","errorMessage":"{"value":{"a":"x","b":"SECRET"},"name":"KEY"}"}"#,
    r#"{"level":"info","note":"{"KEY":{"a":"x","b":"SECRET"}}","n":1}"#,
    "an application says #KEY: SECRET and goes on",
    "--b\nContent-Disposition: form-data; name=KEY\n\nSECRET\n--b--",
    "env:\n  - name: KEY\n    value: SECRET\n  - name: x\n    value: y",
    r#"{"requestId":"req-1","note":{"path":"$.user.KEY","value":"SECRET"},"status":"400"}"#,
    r#"{"requestId":"req-1","note":"bad: {\"path\":\"KEY\",\"value\":\"SECRET\"}","status":"400"}"#,
    r#"{"requestId":"req-1","note":"a=b&note=%7B+%22KEY%22+%3A+%22SECRET%22+%7D","status":"400"}"#,
    "db:\n  KEY: |\n    one\n    SECRET\nother: 1",
    "KEY:\n  SECRET\nother: 1",
    r#"{:KEY "SECRET", :a 1}"#,
    "The KEY is 'SECRET'",
    "Accept: */*\r\nKEY: a,\r\n SECRET\r\nHost: x",
    r#"an application says {"a":1,"KEY (again)":"SECRET","b"#,
    r#"{"requestId":"req-1","errorMessage":"KEY Header: SECRET","status":"400"}"#,
    r#"{"requestId":"req-1","errorMessage":"the KEY is: SECRET","status":"400"}"#,
    r#"{"requestId":"req-1","errorMessage":"Key (KEY)=(SECRET) already exists.","status":"400"}"#,
    r#"{"requestId":"req-1","error":"\u001b[36mKEY\u001b[0m=SECRET","status":"400"}"#,
    "level=info \u{1b}[36mKEY\u{1b}[0m=SECRET",
    r#""192.0.2.1","{""a"":"""",""KEY"":""SECRET""}","200""#,
    "<m><name>KEY</name><type>x</type><value>SECRET</value></m>",
    "<m><value>SECRET</value><type>x</type><name>KEY</name></m>",
    r#"http.Header{"Accept":[]string{"*/*"}, "KEY":[]string{"a", "SECRET"}}"#,
    "KEY:\n  - a\n  - SECRET\nother: 1",
    "KEY:\n- a\n- SECRET\nother: 1",
    "KEY:\n  a: 1\n  b: SECRET\nother: 1",
    "an application says **KEY**: SECRET",
    "an application says <b>KEY</b>: SECRET",
    "an application says KEY?=SECRET",
    r#"[{<<"a">>,<<"b">>},{<<"KEY">>,<<"SECRET">>}]"#,
    r#"{"requestId":"req-1","errorMessage":"bad KEY \"SECRET\"","status":"400"}"#,
    r#"{"messageType":"DATA_MESSAGE","owner":"1","logGroup":"g","logStream":"s","logEvents":[{"id":"1","timestamp":1,"message":"{\"requestId\":\"req-1\",\"KEY\":\"SECRET\"}"}]}"#,
];

/// Makes choices that are the same in every run.
struct Chance(u64);

impl Pick for Chance {
    fn pick(&mut self, count: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % count as u64).unwrap()
    }
}

/// Combines names, containers, encodings, surroundings and ends in many ways.
#[test]
fn no_credential_of_any_shape_is_kept() {
    const SHAPES: usize = 12_000;
    let [_, preserving] = pipelines();
    let mut chance = Chance(1);
    let lines = std::iter::from_fn(|| Some(line(&mut chance)))
        .flatten()
        .take(SHAPES);
    let (mut count, mut shown) = (0, Vec::new());
    for line in lines {
        count += 1;
        let kept = documents(&preserving, &line)
            .into_iter()
            .chain([dead_letter(&line)])
            .find(|kept| kept.contains(MARK));
        shown.extend(kept.map(|kept| format!("{line}\n  => {kept}")));
    }
    assert_eq!(count, SHAPES);
    let step = 1 + shown.len() / 40;
    let some: Vec<_> = shown.iter().step_by(step).map(String::as_str).collect();
    assert!(
        shown.is_empty(),
        "{} of {count}, for instance\n{}",
        shown.len(),
        some.join("\n")
    );
}

fn pipelines() -> [Pipeline<()>; 2] {
    let preserving = |name: &str| (name == "PRESERVE_ORIGINAL_EVENT").then(|| "true".to_owned());
    [
        Config::from_vars(|_| None)
            .and_then(|config| config.pipeline(()))
            .unwrap(),
        Config::from_vars(preserving)
            .and_then(|config| config.pipeline(()))
            .unwrap(),
    ]
}

#[test]
fn no_credential_is_kept() {
    let pipelines = pipelines();
    let mut shown = Vec::new();
    let mut count = 0;
    for line in LINES {
        for (key, secret) in KEYS
            .iter()
            .flat_map(|key| SECRETS.iter().map(move |secret| (key, secret)))
        {
            // Escapes are JSON's, and an object called jwt holds claims.
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

/// Texts of logs without a credential. They stay unchanged.
const HARMLESS: &[&str] = &[
    "/pets?page=2&sort=name",
    "/pets/7?expand=owner&country_code=DE",
    "https://api.example.com:8443/pets?limit=10#top",
    "http://token-service:8080/health",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/125.0 Safari/537.36",
    "aws-sdk-go-v2/1.30.3 os/linux lang/go#1.22.5 md/GOOS#linux api/secretsmanager#1.32.4",
    "arn:aws:sts::111122223333:assumed-role/reader/session-1",
    "arn:aws:secretsmanager:eu-central-1:111122223333:secret:name-AbCdEf",
    "cognito-idp.eu-central-1.amazonaws.com/eu-central-1_a,cognito-idp.eu-central-1.amazonaws.com/eu-central-1_a:CognitoSignIn:0000",
    "The incoming token has expired",
    "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.",
    "Missing Authentication Token",
    "Execution failed due to configuration error: Malformed Lambda proxy response",
    "status code: 404, error code: NotFound, exit code: 1",
    "Invalid mapping expression specified: Validation Result: warnings : [], errors : [Invalid mapping]",
    r#"{"statusCode":404,"errorCode":"E_404_1","code":"NotFound","message":"no such pet"}"#,
    r#"{"passed":true,"author":"bob","design":"new","auth":true,"apiKeyId":"qqvqzk33df"}"#,
    "Basic knowledge, Bearer of news, the basic auth failed, a bearer token",
    r#"Bearer realm="pets", error="invalid_token""#,
    "passed: 12, bypass: none, compass: north, author: bob",
    "mailto:bob@example.com",
    "bob@example.com",
    "<pet><name>Rex</name><code>DE</code></pet>",
    "{Accept=*/*, Host=example.com, X-Amzn-Trace-Id=Root=1-69a3f6c8-0123456789abcdef01234567}",
    "sessionIssuer=arn:aws:iam::111122223333:role/reader&sessionContext=x",
    "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
    "100 % & more, <b>bold</b>, a=b, c: d, 'quoted'",
    "2026-03-01T08:30:00.123Z [INFO] took 12 ms: 3 of 4",
    "asked for /tokens/list?after=7 twice",
    "Unexpected token: < in JSON at position 0",
    "Unexpected token < in JSON at position 0",
    "Authorization header is missing, the session was closed",
    "no such function: key expected",
    r#"no: {"api":{"id":"a"},"access":"read","key":"b"}"#,
    "invalid token:\n\tat a.B(C.java:1)\n\tat d.E(F.java:2)",
    "/search?q=basic+training&page=2",
    "/img/hf_texture_01.png",
    "Basic WebClient/1.0 (Linux)",
    r#"{"usage":{"prompt_tokens":12,"completion_tokens":5,"total_tokens":17},"max_tokens":100}"#,
    r#"{"secretArn":"arn:aws:secretsmanager:eu-central-1:111122223333:secret:name-AbCdEf"}"#,
];

#[test]
fn harmless_text_stays_unchanged() {
    let [pipeline, _] = pipelines();
    for text in HARMLESS {
        assert_eq!(dead_letter(text), *text);
        let quoted = serde_json::to_string(text).unwrap();
        for key in ["errorMessage", "userAgent", "note"] {
            let line = format!(r#"{{"requestId":"req-1","{key}":{quoted},"status":"200"}}"#);
            assert_eq!(dead_letter(&line), line);
            let documents = documents(&pipeline, &line);
            assert!(
                documents.iter().any(|document| document.contains(&quoted)),
                "{line}\n  => {documents:?}"
            );
        }
    }
}

/// Names of API Gateway's own variables, and of claims and authorizer-context members that are not
/// secret.
#[test]
fn variables_of_api_gateway_stay_unchanged() {
    let [pipeline, _] = pipelines();
    for key in [
        "status",
        "error.code",
        "authorizer.principalId",
        "identity.userArn",
        "apiKeyId",
        "identity.apiKeyId",
        "identity.cognitoIdentityId",
        "identity.cognitoAuthenticationType",
        "error.responseType",
        "authorizer.status",
        "authorizer.claims.sub",
        "authorizer.claims.token_use",
        "authorizer.claims.auth_time",
        "authorizer.tenant",
        "waf.responseCode",
        "statusCode",
        "error_code",
        "country_code",
        "identity.sessionIssuer",
        "identity.caller",
        "stage",
        "integration.status",
        "tokenCount",
        "authorizationLatency",
        "authorizationStatus",
        "secretArn",
        "customDomain.basePathMatched",
    ] {
        let line = format!(r#"{{"requestId":"req-1","{key}":"visible","ip":"192.0.2.1"}}"#);
        let documents = documents(&pipeline, &line);
        assert!(
            documents
                .iter()
                .any(|document| document.contains("visible")),
            "{key}: {documents:?}"
        );
        assert_eq!(dead_letter(&line), line);
    }
}

/// Names that two keys share, and values whose name was cut off.
#[test]
fn no_credential_of_a_group_is_kept() {
    let pipelines = pipelines();
    let lines = [
        r#"{"requestId":"req-1","path":"/a?api__key=s3cr3t"}"#,
        r#"{"requestId":"req-1","note":"{\"api\":{\"id\":1,\"key\":\"s3cr3t\"}}"}"#,
        r#"{"requestId":"req-1","note":"{\"api\":{\"key\":\"s3cr3t\"}}","status":-}"#,
        r#"{"requestId":"req-1","errorMessage":"bad: {\"private\":{\"id\":1,\"key\":\"s3cr3t\"}}"}"#,
        r#"(6b1c2d3e-0000-4000-8000-00000000abcd) Method request body before transformations: {"access":{"key":"s3cr3t"}}"#,
        r#"(6b1c2d3e-0000-4000-8000-00000000abcd) Method request body before transformations: {"signing":{"key":"s3cr3t [TRUNCATED]"#,
        r#""192.0.2.1","{""function"":{""id"":1,""key"":""s3cr3t""}}","200""#,
        "<r><api><key>s3cr3t</key></api></r>",
        "[connection]\nstring=s3cr3t",
        r#"{"errors":[{"type":"field","value":"s3cr3t","m"#,
        r#"{"requestId":"req-1","note":"{\"type\":\"field\",\"value\":\"s3cr3t\",\"msg"#,
        r#"(6b1c2d3e-0000-4000-8000-00000000abcd) Endpoint response body before transformations: {"errors":[{"type":"header","value":"s3cr3t","ms [TRUNCATED]"#,
        r#"(6b1c2d3e-0000-4000-8000-00000000abcd) Endpoint response body before transformations: {"detail":[{"input":"s3cr3t","loc":["bo [TRUNCATED]"#,
    ];
    for line in lines {
        let kept = pipelines
            .iter()
            .flat_map(|pipeline| documents(pipeline, line))
            .chain([dead_letter(line)]);
        for kept in kept {
            assert!(!kept.contains("s3cr3t"), "{line}\n  => {kept}");
        }
    }
}

/// Credentials that are recognised without a key.
#[test]
fn no_recognisable_token_is_kept() {
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

/// Formats, each with a line that holds a credential. The key or the variable tells where it is.
/// `ID` stands for a request's id.
const FORMATS: &[(&str, &str)] = &[
    (
        r#"{"requestId":"$context.requestId","password":"$context.authorizer.x","status":"$context.status"}"#,
        r#"{"requestId":"ID","password":"s3cr3t-value","status":"200"}"#,
    ),
    (
        r#"{"requestId":"$context.requestId","v":"$context.identity.apiKey","note":"a \"quote\""}"#,
        r#"{"requestId":"ID","v":"s3cr3t-value","note":"a \"quote\""}"#,
    ),
    (
        r#"{"requestId":"$context.requestId","x-api-key":"$context.authorizer.claims.x"}"#,
        r#"{"requestId":"ID","x-api-key":"s3cr3t \"value\" s3cr3t"}"#,
    ),
    (
        r#"{"requestId":"$context.requestId","token":"t=$context.authorizer.x;u=$context.authorizer.y"}"#,
        r#"{"requestId":"ID","token":"t=s3cr3t-value;u=s3cr3t-value"}"#,
    ),
    (
        r#"{"requestId":"$context.requestId","auth":{"token":"$context.authorizer.x","status":"$context.status"}}"#,
        r#"{"requestId":"ID","auth":{"token":"s3cr3t-value","status":"200"}}"#,
    ),
    (
        r#"{"requestId":"$context.requestId","code":"$context.authorizer.x"}"#,
        r#"{"requestId":"ID","code":"s3cr3t-value"}"#,
    ),
    (
        r#"{"requestId":"$context.requestId","pin":$context.authorizer.x}"#,
        r#"{"requestId":"ID","pin":s3cr3t-value}"#,
    ),
    (
        "$context.requestId $context.status $context.identity.apiKey",
        "ID 200 s3cr3t-value",
    ),
    (
        "requestId=$context.requestId token=$context.authorizer.x status=$context.status",
        "requestId=ID token=s3cr3t-value status=200",
    ),
    (
        "<r><id>$context.requestId</id><apiKey>$context.authorizer.x</apiKey></r>",
        "<r><id>ID</id><apiKey>s3cr3t-value</apiKey></r>",
    ),
];

#[test]
fn no_credential_is_kept_in_a_line_of_a_known_format() {
    const ID: &str = "6b1c2d3e-0000-4000-8000-00000000abcd";
    for (format, line) in FORMATS {
        let line = line.replace("ID", ID);
        let settings = |name: &str| match name {
            "ACCESS_LOG_FORMATS" => Some((*format).to_owned()),
            "PRESERVE_ORIGINAL_EVENT" => Some("true".to_owned()),
            _ => None,
        };
        let pipeline = Config::from_vars(settings)
            .and_then(|config| config.pipeline(()))
            .unwrap();
        let arena = Bump::new();
        let json = serde_json::to_string(&line).unwrap();
        let escaped = Scanner::new(&json).string().unwrap();
        for message in [JsonText::plain(&line), escaped] {
            let line = LogLine {
                message,
                ..log_line("")
            };
            let Normalized::Documents(documents) = pipeline.documents(&line, &arena) else {
                panic!("{format} is not read")
            };
            let documents = documents.iter().map(WriteJson::to_json);
            let letter = pipeline.normalizer.masked_line(&line, &arena).to_owned();
            for kept in documents.chain([letter]) {
                assert!(!kept.contains("s3cr3t"), "{format}\n  => {kept}");
                assert!(kept.contains(ID), "{format}\n  => {kept}");
            }
        }
    }
}

/// A value that only looks like that of a credential's key stays.
#[test]
fn flags_and_error_codes_stay_in_a_line_of_a_known_format() {
    for (key, value) in [
        ("auth", "true"),
        ("pin", "12"),
        ("code", "NotFound"),
        ("code", "404"),
    ] {
        let format =
            format!(r#"{{"requestId":"$context.requestId","{key}":"$context.authorizer.x"}}"#);
        let settings = |name: &str| (name == "ACCESS_LOG_FORMATS").then(|| format.clone());
        let pipeline = Config::from_vars(settings)
            .and_then(|config| config.pipeline(()))
            .unwrap();
        let line = format!(r#"{{"requestId":"req-1","{key}":"{value}"}}"#);
        let documents = documents(&pipeline, &line);
        assert!(
            documents
                .iter()
                .any(|document| document.contains(&format!(r#""x":"{value}""#))),
            "{line}: {documents:?}"
        );
    }
}

fn log_line(message: &str) -> LogLine<'_> {
    LogLine {
        owner: "1",
        account: "",
        region: "",
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

/// Returns the part of a line that a dead letter keeps.
fn dead_letter(message: &str) -> String {
    mask_line(message, &Bump::new()).to_owned()
}
