//! Properties that hold for every input. The tests check them on generated inputs, and the fuzz
//! targets on arbitrary bytes.
#![expect(clippy::unwrap_used, reason = "the functions around a test are tests")]

use apigw_logs::bulk::{Action, ActionKind, ItemResult, Sent, Verdict, is_bound, verdict};
use apigw_logs::config::Config;
use apigw_logs::decode::decode;
use apigw_logs::event;
use apigw_logs::json::{JsonText, Scanner, WriteJson};
use apigw_logs::normalizer::{LogLine, Normalized, mask_line};
use apigw_logs::pipeline::Pipeline;
use apigw_logs::server::Reply;
use bumpalo::Bump;

use crate::json::Json;

thread_local! {
    static PIPELINE: Pipeline<()> = Config::from_vars(|_| None).and_then(|config| config.pipeline(())).unwrap();
}

/// Returns the documents of a line as they would be sent; none if the line is skipped.
pub fn documents(message: &str) -> Vec<String> {
    documents_of(JsonText::plain(message))
}

fn documents_of(message: JsonText<'_>) -> Vec<String> {
    let arena = Bump::new();
    let line = LogLine {
        message,
        ..LogLine::alone("", 0)
    };
    PIPELINE.with(|pipeline| match pipeline.documents(&line, &arena) {
        Normalized::Skipped => Vec::new(),
        Normalized::Documents(documents) => documents.iter().map(WriteJson::to_json).collect(),
    })
}

/// Checks that a line becomes documents that Elasticsearch can read, that they are always the same,
/// and that nothing of the line is lost.
pub fn check_line(message: &str) {
    let documents = documents(message);
    assert_eq!(
        documents,
        self::documents(message),
        "the same line, other bytes"
    );
    let escaped = message.to_json();
    let raw = Scanner::new(&escaped)
        .string()
        .expect("it was written as a string");
    assert_eq!(
        documents,
        documents_of(raw),
        "the same line as it stands in a payload"
    );
    let arena = Bump::new();
    let masked = mask_line(message, &arena);
    assert!(
        !documents.is_empty() || may_be_skipped(message),
        "{message:?} is gone"
    );
    for document in &documents {
        assert!(
            !document.contains(['\n', '\r']),
            "a bulk request is read line by line: {document}"
        );
        let json: Json = match serde_json::from_str(document) {
            Ok(json) => json,
            // An unmapped number stays as it is. Elasticsearch accepts `1e310`, but this reader
            // does not.
            Err(error) if error.to_string().starts_with("number out of range") => continue,
            Err(error) => panic!("{error}: {document}"),
        };
        check_document(&json);
        let is_repaired = matches!(json.get("aws.api_gateway.repairs"), Some(Json::List(repairs))
            if repairs.iter().any(|repair| *repair != Json::Text("duplicate_keys".to_owned())));
        if is_repaired || json.text("event.kind") == Some("pipeline_error") {
            let original = json
                .text("event.original")
                .unwrap_or_else(|| panic!("nothing of the line is kept: {document}"));
            // Each of several objects is masked by itself, and the lines of an envelope are
            // escaped.
            let is_kept = match documents.len() {
                1 => original == masked,
                _ => {
                    message.contains(original)
                        || [masked, original].iter().any(|kept| kept.contains("***"))
                }
            };
            assert!(
                is_kept || is_envelope(message),
                "{message:?} is masked as {masked:?}, and kept in {document}"
            );
        }
    }
}

fn check_document(document: &Json) {
    let time = document.text("@timestamp").unwrap_or_default();
    assert!(time.len() == 24 && time.ends_with('Z'), "{document:?}");
    assert!(document.text("ecs.version").is_some(), "{document:?}");
    match document.text("event.kind") {
        Some("event") => {}
        Some("pipeline_error") => assert!(document.text("error.message").is_some(), "{document:?}"),
        kind => panic!("{kind:?}: {document:?}"),
    }
}

/// Returns whether a line is skipped: blank lines, CloudWatch's probes, and subscription messages
/// without a line.
fn may_be_skipped(message: &str) -> bool {
    let is_blank = |c: char| c.is_whitespace() || matches!(c, '\u{feff}' | '\0');
    message.chars().all(is_blank) || is_envelope(message)
}

/// Returns whether the line may be a subscription message, which holds its lines escaped.
fn is_envelope(message: &str) -> bool {
    message.contains("_MESSAGE")
}

/// Checks that a payload is read whole or not at all, and within the cap.
pub fn check_payload(payload: &str) {
    const CAP: u64 = 1 << 20;
    let Ok(data) = decode(payload, CAP) else {
        return;
    };
    let texts = data
        .events()
        .map(|event| event.id.len() + event.message.raw.len())
        .sum::<usize>();
    // An id with escapes is kept a second time, unescaped.
    assert!(texts as u64 <= 2 * CAP, "{texts} bytes of text");
    for (position, event) in data.events().enumerate() {
        assert_eq!(data.event(position), Some(event));
        check_line(event.message.text(&Bump::new()));
    }
    assert_eq!(data.event(data.len()), None);
}

/// Checks that an event is read or rejected, and that an event that is read has records.
pub fn check_event(event: &[u8]) {
    let Ok(batch) = event::read(event) else {
        return;
    };
    for payload in batch
        .records
        .iter()
        .flat_map(|record| &record.payloads)
        .flatten()
    {
        check_payload(payload);
    }
}

/// Checks that a reply settles all documents or none, and that its texts can be shown to people.
pub fn check_reply(status: u16, is_echoed: bool, body: &[u8]) {
    let reply = Reply {
        status,
        is_echoed,
        body: body.to_vec(),
        ..Reply::default()
    };
    for kind in [ActionKind::Create, ActionKind::Delete] {
        let actions = ["a", "b", "c"].map(|id| Action { kind, id });
        for count in 0..=actions.len() {
            let sent = Sent {
                data_stream: "logs-a-b",
                actions: actions.get(..count).unwrap_or_default(),
            };
            let verdict = verdict(&reply, sent);
            if let Verdict::Items(results) = &verdict {
                assert_eq!((results.len(), status), (count, 200));
                assert!(is_bound(&reply, &verdict), "it names its documents");
                results.iter().for_each(check_item);
            }
        }
    }
}

fn check_item(result: &ItemResult) {
    if let ItemResult::Again(error) | ItemResult::Rejected(error) | ItemResult::Blocked(error) =
        result
    {
        assert!(error.status >= 400, "{error:?}");
        assert!(error.kind.len() <= 1_100, "{error:?}");
        assert!(!error.kind.contains(char::is_control), "{error:?}");
    }
}

/// Checks that no document and no dead letter of a line shows the credential in it. The bytes
/// choose the line.
pub fn check_mask(choices: &[u8]) {
    struct Choices<'a>(&'a [u8]);
    impl crate::shapes::Pick for Choices<'_> {
        fn pick(&mut self, count: usize) -> usize {
            let Some((choice, rest)) = self.0.split_first() else {
                return 0;
            };
            self.0 = rest;
            usize::from(*choice) % count
        }
    }
    let Some(line) = crate::shapes::line(&mut Choices(choices)) else {
        return;
    };
    let arena = Bump::new();
    let kept = documents(&line).into_iter();
    for kept in kept.chain([mask_line(&line, &arena).to_owned()]) {
        assert!(!kept.contains(crate::shapes::MARK), "{line}\n  => {kept}");
    }
}
