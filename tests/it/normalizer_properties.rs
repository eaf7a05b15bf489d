//! Properties that hold for every line.
#![expect(clippy::unwrap_used, reason = "the functions around a test are tests")]

use std::fs;
use std::io::Write;
use std::sync::LazyLock;

use base64::prelude::{BASE64_STANDARD, Engine};
use flate2::{Compression, write::GzEncoder};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::lines::LINES;
use crate::support::golden::{names, repository};
use crate::support::json::Json;
use test_support::properties::{check_event, check_line, check_payload, check_reply, documents};

const EVENTS: &str = "tests/it/fixtures/events";

/// Every line for which there is a golden document.
static REAL_LINES: LazyLock<Vec<String>> = LazyLock::new(|| {
    let read =
        |name: String| fs::read_to_string(repository(&format!("{LINES}/{name}.log"))).unwrap();
    names(LINES, ".log")
        .into_iter()
        .map(read)
        .flat_map(|log| log.lines().map(str::to_owned).collect::<Vec<_>>())
        .collect()
});

fn real_line() -> impl Strategy<Value = String> {
    any::<Index>().prop_map(|index| index.get(&REAL_LINES).clone())
}

/// Damage to lines on their way, and changes that a hostile client may make.
#[derive(Clone, Debug)]
enum Mutation {
    /// The line ends early.
    Cut(Index),
    /// One bit is flipped.
    Flip(Index, u8),
    /// A quote, a brace or a colon is missing.
    Remove(Index, char),
    /// A member occurs twice, in two places.
    Repeat(Index, Index),
    /// A character is inserted that should be escaped, or that is invisible.
    Insert(Index, char),
    /// A stretch of the line is missing.
    Lose(Index, Index),
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let index = any::<Index>;
    let invisible = prop_oneof![
        proptest::char::range('\0', '\u{1f}'),
        prop::sample::select(vec![
            '\u{7f}', '\u{85}', '\u{2028}', '\u{feff}', '\u{fffd}', '"', '\\', '{', '}'
        ]),
    ];
    prop_oneof![
        index().prop_map(Mutation::Cut),
        (index(), 0..8_u8).prop_map(|(at, bit)| Mutation::Flip(at, bit)),
        (
            index(),
            prop::sample::select(vec!['"', '"', '"', '{', '}', ':', ',', '\\'])
        )
            .prop_map(|(nth, mark)| Mutation::Remove(nth, mark)),
        (index(), index()).prop_map(|(which, to)| Mutation::Repeat(which, to)),
        (index(), invisible).prop_map(|(at, character)| Mutation::Insert(at, character)),
        (index(), index()).prop_map(|(from, to)| Mutation::Lose(from, to)),
    ]
}

impl Mutation {
    fn apply(&self, line: &str) -> String {
        let place = |index: &Index| line.floor_char_boundary(index.index(line.len() + 1));
        let split = |index: &Index| line.split_at(place(index));
        match self {
            Self::Cut(at) => split(at).0.to_owned(),
            Self::Flip(at, bit) => {
                let mut bytes = line.as_bytes().to_vec();
                let at = at.index(bytes.len().max(1));
                bytes
                    .iter_mut()
                    .skip(at)
                    .take(1)
                    .for_each(|byte| *byte ^= 1 << bit);
                String::from_utf8_lossy(&bytes).into_owned()
            }
            Self::Remove(nth, mark) => {
                let places: Vec<_> = line.match_indices(*mark).map(|(at, _)| at).collect();
                if places.is_empty() {
                    return line.to_owned();
                }
                let (head, tail) = line.split_at(*nth.get(&places));
                format!("{head}{}", tail.strip_prefix(*mark).unwrap())
            }
            Self::Repeat(which, to) => {
                let members: Vec<_> = line.trim_matches(['{', '}']).split(',').collect();
                let places: Vec<_> = line
                    .match_indices(',')
                    .map(|(at, _)| at)
                    .chain([1.min(line.len())])
                    .collect();
                let place = line.floor_char_boundary(*to.get(&places));
                let (head, tail) = line.split_at(place);
                let comma = if tail.starts_with(',') {
                    (",", "")
                } else {
                    ("", ",")
                };
                format!("{head}{}{}{}{tail}", comma.0, which.get(&members), comma.1)
            }
            Self::Insert(at, character) => {
                let (head, tail) = split(at);
                format!("{head}{character}{tail}")
            }
            Self::Lose(from, to) => {
                let (from, to) = (place(from).min(place(to)), place(from).max(place(to)));
                format!("{}{}", line.split_at(from).0, line.split_at(to).1)
            }
        }
    }
}

/// Base64 of gzip, as CloudWatch Logs makes it.
fn encoded(json: &[u8]) -> String {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::none());
    gzip.write_all(json).unwrap();
    BASE64_STANDARD.encode(gzip.finish().unwrap())
}

/// Characters with a meaning to one parser or another.
const MARKS: &str = r#"["\\{}\[\],:\-' \t0-9a-zA-Z/%$=()€\u{0}\u{feff}]{0,4}"#;

/// Keys of every kind: known keys, several keys for one variable, keys of claims, and unknown keys;
/// none for a secret.
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
        // Words of letters cannot be mistaken for a converted value.
        for (key, word) in members.iter().filter(|(_, value)| value.starts_with(|c: char| c.is_ascii_lowercase())) {
            let found = documents.iter().any(|document| document.contains(word.as_str()));
            prop_assert!(found, "{key}={word} of {line} is not in {documents:?}");
        }
    }

    #[test]
    fn any_text_has_its_outcome(message in any::<String>()) {
        check_line(&message);
    }

    #[test]
    fn text_that_looks_like_json_has_its_outcome(
        message in r#"\{("(status|ip|requestTimeEpoch|userArn|path|domainName|apiKey|a)":("[ -~]{0,8}"|[-0-9.e]{0,5}|null|\{\}|\[\]),?){0,5}\}?"#
    ) {
        check_line(&message);
    }

    #[test]
    fn a_line_that_was_cut_off_has_its_outcome(line in real_line(), position: Index) {
        let end = line.floor_char_boundary(position.index(line.len() + 1));
        check_line(line.split_at(end).0);
    }

    #[test]
    fn a_line_that_was_tampered_with_has_its_outcome(line in real_line(), position: Index, marks in MARKS) {
        let (head, tail) = line.split_at(line.floor_char_boundary(position.index(line.len() + 1)));
        check_line(&format!("{head}{marks}{tail}"));
        let mut rest = tail.chars();
        rest.next();
        check_line(&format!("{head}{marks}{}", rest.as_str()));
    }

    #[test]
    fn a_line_with_much_damage_has_its_outcome(line in real_line(), mutations in prop::collection::vec(mutation(), 1..4)) {
        check_line(&mutations.iter().fold(line, |line, mutation| mutation.apply(&line)));
    }

    #[test]
    fn a_payload_is_read_whole_or_not_at_all(payload in any::<String>(), json in r#"\{("(logEvents|owner|messageType|id)":("[ -~]{0,5}"|\[\{"(id|timestamp|message)":("a?"|[0-9])\}\]|[0-9]),?){0,4}\}"#) {
        check_payload(&payload);
        check_payload(&encoded(json.as_bytes()));
    }

    #[test]
    fn an_event_is_known_or_rejected(event in prop::collection::vec(any::<u8>(), 0..50), name in prop::sample::select(names(EVENTS, ".json")), mutation in mutation()) {
        check_event(&event);
        let event = fs::read_to_string(repository(&format!("{EVENTS}/{name}.json"))).unwrap();
        check_event(mutation.apply(&event).as_bytes());
    }

    #[test]
    fn a_reply_settles_every_document_or_none(status in 100..600_u16, mutation in mutation(), items in prop::collection::vec(200..600_u16, 0..4)) {
        let item = |(id, status)| format!(r#"{{"create":{{"_id":"{id}","status":{status},"error":{{"type":"a","reason":"b"}}}}}}"#);
        let reply = format!(r#"{{"errors":true,"items":[{}]}}"#, ["a", "b", "c"].iter().zip(&items).map(item).collect::<Vec<_>>().join(","));
        check_reply(200, false, reply.as_bytes());
        check_reply(200, true, mutation.apply(&reply).as_bytes());
        check_reply(status, false, reply.as_bytes());
    }

    #[test]
    fn lines_that_were_joined_have_their_outcome(one in real_line(), other in real_line()) {
        check_line(&(one + &other));
    }
}

/// Long lines with text that makes a parser look far ahead again and again. They would take hours
/// if their cost grew with the square of their length.
#[test]
fn long_lines_that_mislead_parsers_take_linear_time() {
    const LENGTH: usize = 100_000;
    for (head, part, tail) in [
        (r#"{"requestId":"r","a":""#, r#"""#, "x"),
        (r#"{"requestId":"r","a":""#, r#"","#, "x"),
        (r#"{"requestId":"r","a":""#, r#""}"#, "x"),
        (r#"{"requestId":"r","a":""#, r#"\""#, "x"),
        (r#"{"requestId":"r","a":x"#, "} ", "x"),
        (r#"{"requestId":"r","a":x"#, r#",""#, ""),
        (r#"{"requestId":"r","a":"#, "[", ""),
        (r#"{"requestId":"r","#, r#""a":{"#, ""),
        (r#"{"requestId":"r","#, r#""a":[1,"#, ""),
        (r#"{"requestId":"r","#, r#""a":[}],"#, ""),
        (r#"{"requestId":"r","#, r#""token":-s,"#, "}"),
        (r#"{"requestId":"r""#, r#","status":1"#, "}"),
        (r#"{"requestId":"r","path":"/"#, "token=a&", r#""}"#),
        ("", r#"{"a":-}"#, ""),
        ("", "authorization:\"", ""),
        ("", "Bearer ", ""),
        ("requestId: 1, ", "token: b, ", ""),
        ("requestId=1 ", "a=b ", ""),
        ("requestId=1 ", " ", "x"),
        ("requestId: 1 ", " ", "ip: x"),
        ("requestId: 1", ", a", ""),
        (
            r#"{"requestId":"r","errorMessage":"'"#,
            "' Authorization header: '",
            r#""}"#,
        ),
        (r#"{"requestId":"r","resourcePath":""#, "token=", r#""}"#),
        (
            "192.0.2.1 - - [01/Mar/2026:08:30:00 +0000] \"GET /",
            "a ",
            "",
        ),
    ] {
        check_line(&format!("{head}{}{tail}", part.repeat(LENGTH / part.len())));
    }
}
