//! A dead letter as the program makes it.
#![expect(clippy::unwrap_used, reason = "the functions around a test are tests")]

use apigw_logs::bulk::Rejection;
use apigw_logs::data_stream::DataStreamName;
use apigw_logs::dead_letter::{DeadLetter, RejectedDocument};
use apigw_logs::json::JsonText;
use apigw_logs::normalizer::LogLine;
use apigw_logs::pipeline::identity;
use bumpalo::Bump;

use super::json::Json;

const LINE: LogLine<'_> = LogLine {
    owner: "111122223333",
    account: "444455556666",
    region: "eu-central-1",
    log_group: "API-Gateway-Access-Logs_a1b2c3d4e5/prod",
    log_stream: "65e8800b5c6800aad896f888b2a62afc",
    event_id: "39524810500130660835102843261509471794692125505455587328",
    event_time: 1_772_353_800_123,
    message: JsonText::plain(
        r#"{"requestId":"6b1c2d3e-0000-4000-8000-00000000abcd","status":"200","tenant":"blue"}"#,
    ),
};

/// Elasticsearch's reason for a field whose type somebody has changed.
const REASON: &str = "[1:312] failed to parse field [aws.api_gateway.stage] of type [long] in document with id '019ca88a5aa0-x'. Preview of field's value: 'prod'";

/// Makes the dead letter of a rejected document.
pub(crate) fn dead_letter() -> Json {
    let arena = Bump::new();
    let id = identity(&LINE, 3, 0, &arena).document_id();
    let target = DataStreamName::parse("logs-aws.api_gateway_logs-default").unwrap();
    let letters = DataStreamName::parse("logs-aws.api_gateway_dead_letters-default").unwrap();
    let rejected = RejectedDocument {
        line: LINE,
        masked: LINE.message.raw,
        position: 3,
        part: 0,
        id,
        target: &target,
    };
    let rejection = Rejection {
        status: 400,
        kind: "document_parsing_exception".into(),
        reason: REASON.into(),
    };
    Json::read(
        &serde_json::to_string(&DeadLetter::new(&rejected, &rejection, &letters, &arena)).unwrap(),
    )
}
