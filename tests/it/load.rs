//! Many invocations in a row in one process: memory does not grow, and nothing is lost.

use std::fmt::Write as _;

use crate::support::fake_elasticsearch::{FakeElasticsearch, Fault};
use crate::support::invocation::{DEAD_LETTERS, LOGS, direct, kinesis, line, payload};
use crate::support::runtime_emulator::RuntimeEmulator;

/// The numbers of lines of the invocations, in turn.
const SIZES: [usize; 10] = [1, 3, 12, 1, 40, 2, 5, 300, 1, 8];

/// `LOAD_INVOCATIONS`, or a number that suits a run of all tests.
#[expect(
    clippy::disallowed_methods,
    reason = "the length of a test is not a setting of the product"
)]
fn invocations() -> usize {
    std::env::var("LOAD_INVOCATIONS")
        .ok()
        .and_then(|number| number.parse().ok())
        .unwrap_or(120)
}

/// The fault of an invocation; most have none.
fn faults(number: usize) -> Vec<Fault> {
    match number % 12 {
        1 => vec![Fault::status(503), Fault::status(429)],
        3 => vec![Fault::close()],
        5 => vec![Fault::status(502).after(2)],
        7 => vec![Fault::answer(200, "<html>").after(usize::MAX)],
        9 => vec![Fault::close().after(1)],
        _ => Vec::new(),
    }
}

/// An event with this many lines. The last line is rejected now and then.
fn event(number: usize, size: usize) -> String {
    let mut lines: Vec<String> = (0..size).map(line).collect();
    if number.is_multiple_of(10) {
        lines.push(r#"{"requestId":"poison","path":"/hush"}"#.to_owned());
    }
    let payload = |name: &str| payload(&format!("{name}{number}-"), "api", &lines);
    match number % 3 {
        0 => kinesis(&[("1", &payload("a")), ("2", &payload("b"))]),
        _ => direct(&payload("a")),
    }
}

#[test]
fn memory_does_not_grow_and_nothing_is_lost() {
    let server = FakeElasticsearch::start();
    server.refuse(LOGS, "/hush", 400, "document_parsing_exception");
    let settings = [
        ("ELASTICSEARCH_URL", &*server.url),
        ("RETRY_INITIAL_MS", "1"),
        ("RETRY_MAX_MS", "2"),
    ];
    let function = RuntimeEmulator::start_own(&settings, 60);
    let (count, mut expected, mut refused, mut memory) = (invocations(), 0, 0, Vec::new());
    for number in 0..count {
        server.fail(faults(number));
        let size = SIZES
            .into_iter()
            .cycle()
            .nth(number)
            .expect("it has no end");
        let answer = function.invoke(event(number, size).as_bytes());
        assert!(
            !answer.contains("errorType") && !answer.contains("itemIdentifier"),
            "{number}: {answer}"
        );
        let records = if number % 3 == 0 { 2 } else { 1 };
        expected += records * size;
        refused += if number % 10 == 0 { records } else { 0 };
        memory.extend(function.resident_kilobytes());
    }
    assert_eq!(
        (server.count(LOGS), server.count(DEAD_LETTERS)),
        (expected, refused)
    );
    let mut figures = String::new();
    for tenth in memory.chunks(memory.len().div_ceil(10).max(1)) {
        write!(figures, " {}", tenth.iter().max().expect("it is not empty"))
            .expect("a String grows");
    }
    println!(
        "{count} invocations, {expected} documents; kilobytes resident in each tenth:{figures}"
    );
    let (first, second) = memory.split_at(memory.len() / 2);
    let highest = |part: &[u64]| part.iter().max().copied().unwrap_or_default();
    assert!(
        highest(second) <= highest(first) + 4_096,
        "it grows:{figures}"
    );
}
