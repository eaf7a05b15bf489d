//! The delivery loop against a scripted server, with a stopped clock: the requests, their times,
//! and the outcome of each document. Each row of the outcome table is a row here.

use std::time::Duration;

use apigw_logs::bulk::{
    BulkBody, DocumentId, Failure, Indexer, LogEventIdentity, Outcome, RetryPolicy, Session,
    Traffic,
};
use apigw_logs::server::{ConnectionProblem, HostPort, Target, TransportError};
use futures_util::future::join_all;
use tokio::time::Instant;

use crate::support::script::{POLICY, Request, Script, Step};

/// The default settings.
const TARGET: Target<'_> = Target {
    data_stream: "logs-a-b",
    ingest_pipeline: None,
};

/// The result of sending a body.
#[derive(Debug, PartialEq)]
struct Story {
    /// Each request: its time in milliseconds, and its documents, called a, b, c and so on.
    schedule: Vec<String>,
    /// A letter for each document: indexed, duplicate, dropped (`x`), rejected, unresolved.
    outcomes: String,
    /// The latest failure.
    failure: String,
}

impl Story {
    fn new(schedule: &[&str], outcomes: &str, failure: &str) -> Self {
        Self {
            schedule: schedule.iter().copied().map(str::to_owned).collect(),
            outcomes: outcomes.to_owned(),
            failure: failure.to_owned(),
        }
    }
}

/// Returns the id of the nth document.
fn id(document: usize) -> DocumentId {
    let event = LogEventIdentity {
        owner: "",
        log_group: "",
        log_stream: "",
        event_id: "",
        event_time: 0,
        message: "",
        position: document,
        part: 0,
    };
    event.document_id()
}

/// Returns a body of this many small documents.
fn body(documents: usize) -> BulkBody {
    body_of(&vec![1; documents])
}

/// Returns a body of documents with texts of these lengths.
fn body_of(lengths: &[usize]) -> BulkBody {
    let mut body = BulkBody::default();
    for (document, length) in lengths.iter().enumerate() {
        body.push(&id(document), &&*"x".repeat(*length));
    }
    body
}

/// Returns the documents of a request, by their letters.
fn letters(request: &Request) -> String {
    let letter = |wanted: &String| {
        ('a'..='z')
            .enumerate()
            .find(|(document, _)| id(*document).to_string() == *wanted)
    };
    request
        .ids
        .iter()
        .map(|id| letter(id).expect("there are few documents").1)
        .collect()
}

fn outcome_letter(outcome: &Outcome) -> char {
    match outcome {
        Outcome::Indexed => 'i',
        Outcome::InFailureStore => 'f',
        Outcome::Duplicate => 'd',
        Outcome::Dropped => 'x',
        Outcome::Rejected(_) => 'r',
        Outcome::Unresolved => 'u',
    }
}

fn session(policy: RetryPolicy) -> Session {
    Session::new(policy, None, || u64::MAX)
}

/// Returns the name of a failure; of a failure without a reply, no more than decides what follows.
fn short(failure: &Failure) -> String {
    let Failure::Transport(error) = failure else {
        return format!("{failure:?}");
    };
    let name = match error {
        TransportError::Closed { reused, .. } => format!("Closed {{ reused: {reused} }}"),
        error => {
            let debug = format!("{error:?}");
            debug
                .split_once('(')
                .map_or(debug.clone(), |(name, _)| name.to_owned())
        }
    };
    format!("Transport({name})")
}

async fn story(indexer: &Indexer<Script>, body: &BulkBody, session: &Session) -> Story {
    let before = indexer.transport().requests().len();
    let outcomes = indexer.index(TARGET, body, session).await;
    let requests = indexer.transport().requests();
    for request in &requests {
        let items: Vec<usize> = letters(request)
            .chars()
            .map(|letter| letter as usize - 'a' as usize)
            .collect();
        assert_eq!(
            request.body,
            *body.select(&items),
            "sent byte for byte as it was made"
        );
        assert_eq!(request.data_stream, "logs-a-b");
    }
    Story {
        schedule: requests
            .iter()
            .skip(before)
            .map(|request| format!("{} {}", request.at.as_millis(), letters(request)))
            .collect(),
        outcomes: outcomes.iter().map(outcome_letter).collect(),
        failure: session
            .failure()
            .map(|failure| short(&failure))
            .unwrap_or_default(),
    }
}

/// Sends this many documents to a server, with the default settings and the longest waits that the
/// jitter allows.
async fn deliver(documents: usize, script: Script) -> Story {
    story(
        &Indexer::new(script, 1_000, 1 << 20),
        &body(documents),
        &session(POLICY),
    )
    .await
}

fn closed() -> Step {
    Step::error(TransportError::Closed {
        reused: false,
        problem: ConnectionProblem::default(),
    })
}

fn died_idle() -> Step {
    Step::error(TransportError::Closed {
        reused: true,
        problem: ConnectionProblem::default(),
    })
}

/// Cases that succeed after one failure: two documents are sent, and sent again.
#[expect(clippy::too_many_lines, reason = "a table has as many rows as it has")]
#[tokio::test(start_paused = true)]
async fn failures_after_which_documents_are_sent_again() {
    let same = ["0 ab", "250 ab"];
    let ok = r#"{"create":{"status":201}}"#;
    let items = |items: &[&str]| {
        Step::reply(
            200,
            &format!(r#"{{"errors":false,"items":[{}]}}"#, items.join(",")),
        )
    };
    let unreadable = "Unreadable";
    let cases: Vec<(&str, Step, &[&str], &str, &str)> = vec![
        (
            "connect",
            Step::error(TransportError::Connect(ConnectionProblem::default())),
            &same,
            "ii",
            "Transport(Connect)",
        ),
        (
            "certificate",
            Step::error(TransportError::Certificate(ConnectionProblem::default())),
            &same,
            "ii",
            "Transport(Certificate)",
        ),
        (
            "idle",
            died_idle(),
            &["0 ab", "0 ab"],
            "ii",
            "Transport(Closed { reused: true })",
        ),
        (
            "closed",
            closed(),
            &same,
            "ii",
            "Transport(Closed { reused: false })",
        ),
        (
            "timeout",
            Step::error(TransportError::Timeout(HostPort::default())),
            &["0 ab", "20250 ab"],
            "ii",
            "Transport(Timeout)",
        ),
        (
            "cut",
            Step::error(TransportError::Cut),
            &same,
            "ii",
            "Transport(Cut)",
        ),
        (
            "larger than any answer",
            Step::error(TransportError::TooLarge),
            &["0 ab", "250 a", "250 b"],
            "ii",
            "Transport(TooLarge)",
        ),
        (
            "slow",
            Step::items(&[201, 201]).taking(19_999),
            &["0 ab"],
            "ii",
            "",
        ),
        (
            "item 200, 201",
            Step::items(&[200, 201]),
            &["0 ab"],
            "xi",
            "",
        ),
        ("item 409", Step::items(&[409, 201]), &["0 ab"], "di", ""),
        (
            "item 429",
            Step::items(&[201, 429]),
            &["0 ab", "250 b"],
            "ii",
            "Item { status: 429, kind: \"t\" }",
        ),
        (
            "item 408",
            Step::items(&[408, 201]),
            &["0 ab", "250 a"],
            "ii",
            "Item { status: 408, kind: \"t\" }",
        ),
        (
            "item 500",
            Step::items(&[500, 201]),
            &["0 ab", "250 a"],
            "ii",
            "Item { status: 500, kind: \"t\" }",
        ),
        (
            "item 503",
            Step::items(&[503, 409]),
            &["0 ab", "250 a"],
            "id",
            "Item { status: 503, kind: \"t\" }",
        ),
        ("item 400", Step::items(&[400, 201]), &["0 ab"], "ri", ""),
        ("item 413", Step::items(&[201, 413]), &["0 ab"], "ir", ""),
        ("item 422", Step::items(&[422, 201]), &["0 ab"], "ri", ""),
        (
            "item 401",
            Step::items(&[401, 201]),
            &["0 ab"],
            "ui",
            "Item { status: 401, kind: \"t\" }",
        ),
        (
            "item 403",
            Step::items(&[201, 403]),
            &["0 ab"],
            "iu",
            "Item { status: 403, kind: \"t\" }",
        ),
        (
            "item 404",
            Step::items(&[404, 201]),
            &["0 ab"],
            "ui",
            "Item { status: 404, kind: \"t\" }",
        ),
        ("400", Step::status(400), &["0 ab", "0 a", "0 b"], "ii", ""),
        ("408", Step::status(408), &same, "ii", "Status(408)"),
        ("413", Step::status(413), &["0 ab", "0 a", "0 b"], "ii", ""),
        ("429", Step::status(429), &same, "ii", "Status(429)"),
        ("500", Step::status(500), &same, "ii", "Status(500)"),
        ("501", Step::status(501), &["0 ab"], "uu", "Status(501)"),
        ("502", Step::status(502), &same, "ii", "Status(502)"),
        ("503", Step::status(503), &same, "ii", "Status(503)"),
        (
            "503, asking for 7 s",
            Step::status(503).retry_after(7),
            &["0 ab", "7000 ab"],
            "ii",
            "Status(503)",
        ),
        ("504", Step::status(504), &same, "ii", "Status(504)"),
        ("HTML", Step::reply(200, "<html>"), &same, "ii", unreadable),
        ("no items", Step::reply(200, "{}"), &same, "ii", unreadable),
        ("empty", Step::reply(200, ""), &same, "ii", unreadable),
        ("one item too few", items(&[ok]), &same, "ii", unreadable),
        (
            "one item too many",
            items(&[ok, ok, ok]),
            &same,
            "ii",
            unreadable,
        ),
        (
            "an item without status",
            items(&[ok, r#"{"create":{}}"#]),
            &same,
            "ii",
            unreadable,
        ),
        (
            "a success with an error",
            items(&[ok, r#"{"create":{"status":201,"error":{"type":"x"}}}"#]),
            &same,
            "ii",
            unreadable,
        ),
        (
            "errors: false beside a failure",
            items(&[ok, r#"{"create":{"status":429}}"#]),
            &["0 ab", "250 b"],
            "ii",
            "Item { status: 429, kind: \"\" }",
        ),
    ];
    for (name, step, schedule, outcomes, failure) in cases {
        assert_eq!(
            deliver(2, Script::steps([step])).await,
            Story::new(schedule, outcomes, failure),
            "{name}"
        );
    }
}

/// Failures that another try cannot repair end the sending.
#[tokio::test(start_paused = true)]
async fn failures_that_stop_at_once() {
    for status in [
        300, 301, 302, 303, 304, 307, 308, 402, 404, 405, 406, 410, 415, 501,
    ] {
        let expected = Story::new(&["0 ab"], "uu", &format!("Status({status})"));
        assert_eq!(
            deliver(2, Script::always(Step::status(status))).await,
            expected
        );
    }
    for status in [429, 503] {
        let expected = Story::new(&["0 ab"], "uu", &format!("Status({status})"));
        let never = [3_600, 60, u64::MAX];
        for seconds in never {
            assert_eq!(
                deliver(2, Script::always(Step::status(status).retry_after(seconds))).await,
                expected
            );
        }
    }
    let story = deliver(
        2,
        Script::always(Step::items(&[201, 429]).retry_after(3_600)),
    )
    .await;
    assert_eq!(
        story,
        Story::new(&["0 ab"], "iu", "Item { status: 429, kind: \"t\" }")
    );
}

/// Nothing gets through until the budget is spent. Each wait is twice as long as the one before, up
/// to the longest.
#[tokio::test(start_paused = true)]
async fn failures_that_are_retried_until_the_budget_ends() {
    let schedule = [
        "0 a", "250 a", "750 a", "1750 a", "3750 a", "7750 a", "15750 a", "30750 a", "45750 a",
    ];
    let cases = [
        (
            "Transport(Connect)",
            Step::error(TransportError::Connect(ConnectionProblem::default())),
        ),
        ("Transport(Closed { reused: false })", closed()),
        ("Transport(Cut)", Step::error(TransportError::Cut)),
        ("Transport(TooLarge)", Step::error(TransportError::TooLarge)),
        ("Item { status: 408, kind: \"t\" }", Step::items(&[408])),
        ("Item { status: 429, kind: \"t\" }", Step::items(&[429])),
        ("Item { status: 503, kind: \"t\" }", Step::items(&[503])),
        ("Status(408)", Step::status(408)),
        ("Status(429)", Step::status(429)),
        ("Status(500)", Step::status(500)),
        ("Status(502)", Step::status(502)),
        ("Status(503)", Step::status(503)),
        ("Status(504)", Step::status(504)),
        ("Unreadable", Step::reply(200, "{}")),
    ];
    for (failure, step) in cases {
        let script = Script::always(step);
        assert_eq!(
            deliver(1, script).await,
            Story::new(&schedule, "u", failure)
        );
    }
    // The last timeout is cut to the time left.
    let story = deliver(
        1,
        Script::always(Step::error(TransportError::Timeout(HostPort::default()))),
    )
    .await;
    assert_eq!(
        story,
        Story::new(&["0 a", "20250 a", "40750 a"], "u", "Transport(Timeout)")
    );
}

/// The wait is at least what the server asks for, and no longer because of it.
#[tokio::test(start_paused = true)]
async fn retry_after_is_a_floor() {
    let steps = [
        Step::status(503).retry_after(1),
        Step::status(429).retry_after(0),
        Step::items(&[429]).retry_after(2),
    ];
    let story = deliver(1, Script::steps(steps)).await;
    assert_eq!(
        story,
        Story::new(
            &["0 a", "1000 a", "1500 a", "3500 a"],
            "i",
            "Item { status: 429, kind: \"t\" }"
        )
    );
}

/// Other jitter makes other waits. None is longer than the ceiling, and all may be shorter.
#[tokio::test(start_paused = true)]
async fn the_jitter_is_full() {
    type Random = fn() -> u64;
    let randoms: [(Random, &[&str]); 2] = [
        (|| 0, &["0 a", "0 a", "0 a", "0 a"]),
        (|| u64::MAX / 2, &["0 a", "125 a", "375 a", "875 a"]),
    ];
    for (random, schedule) in randoms {
        let indexer = Indexer::new(Script::steps(vec![Step::status(500); 3]), 1_000, 1 << 20);
        let story = story(&indexer, &body(1), &Session::new(POLICY, None, random)).await;
        assert_eq!(story, Story::new(schedule, "i", "Status(500)"));
    }
}

/// Only documents that get an outcome reset the waits and renew the budget. A reply alone does not.
#[tokio::test(start_paused = true)]
async fn only_progress_renews_the_budget() {
    let steps = [
        Step::status(503),
        Step::items(&[429, 429, 429]),
        Step::items(&[429, 201, 429]),
        Step::items(&[429, 400]),
        Step::status(503),
        Step::items(&[429]),
        Step::items(&[409]),
    ];
    let story = deliver(3, Script::steps(steps)).await;
    let schedule = [
        "0 abc", "250 abc", "750 abc", "1000 ac", "1250 a", "1750 a", "2750 a",
    ];
    assert_eq!(
        story,
        Story::new(&schedule, "dir", "Item { status: 429, kind: \"t\" }")
    );

    // Every 50 seconds a document gets through: 250 seconds in all, with a budget of 60.
    let trickle = |request: &Request| {
        let mut statuses = vec![429; request.ids.len()];
        statuses[0] = 201;
        Step::items(&statuses).retry_after(50)
    };
    let story = deliver(6, Script::server(trickle)).await;
    let schedule = [
        "0 abcdef",
        "50000 bcdef",
        "100000 cdef",
        "150000 def",
        "200000 ef",
        "250000 f",
    ];
    assert_eq!(
        story,
        Story::new(&schedule, "iiiiii", "Item { status: 429, kind: \"t\" }")
    );
}

/// The next body of an invocation starts where the last one stopped, or is not sent at all.
#[tokio::test(start_paused = true)]
async fn a_session_that_has_stopped_sends_nothing_more() {
    let indexer = Indexer::new(Script::always(Step::status(404)), 1_000, 1 << 20);
    let session = session(POLICY);
    assert_eq!(
        story(&indexer, &body(1), &session).await,
        Story::new(&["0 a"], "u", "Status(404)")
    );
    assert_eq!(
        story(&indexer, &body(2), &session).await,
        Story::new(&[], "uu", "Status(404)")
    );
    assert_eq!(session.traffic().requests, 1);
}

/// No request is open at the deadline, and none starts that cannot end before it.
#[tokio::test(start_paused = true)]
async fn the_deadline_is_kept() {
    let cases: [(&str, u64, Step, &[&str], &str); 7] = [
        ("gone", 0, Step::items(&[201]), &[], "u"),
        ("too near", 19, Step::items(&[201]), &[], "u"),
        ("near", 20, Step::items(&[201]).taking(19), &["0 a"], "i"),
        (
            "near, and the server is slow",
            20,
            Step::items(&[201]).taking(20),
            &["0 a"],
            "u",
        ),
        (
            "the wait would end too late",
            260,
            Step::status(503),
            &["0 a"],
            "u",
        ),
        (
            "the wait ends in time",
            270,
            Step::status(503),
            &["0 a", "250 a"],
            "u",
        ),
        (
            "timeouts cut to fit",
            30_000,
            Step::error(TransportError::Timeout(HostPort::default())),
            &["0 a", "20250 a"],
            "u",
        ),
    ];
    for (name, left, step, schedule, outcomes) in cases {
        let indexer = Indexer::new(Script::always(step), 1_000, 1 << 20);
        let end = Instant::now() + Duration::from_millis(left);
        let start = Instant::now();
        let story = story(
            &indexer,
            &body(1),
            &Session::new(POLICY, Some(end), || u64::MAX),
        )
        .await;
        assert_eq!(
            (story.schedule, &*story.outcomes),
            (Story::new(schedule, "", "").schedule, outcomes),
            "{name}"
        );
        assert!(Instant::now() <= end, "{name}");
        for request in indexer.transport().requests() {
            assert!(
                start + request.at + request.timeout <= end,
                "{name}: {request:?}"
            );
            assert!(
                request.timeout <= POLICY.request_timeout,
                "{name}: {request:?}"
            );
        }
    }
}

/// Documents that were stored without a confirmed reply are not stored twice.
#[tokio::test(start_paused = true)]
async fn a_retry_finds_duplicates() {
    for lost in [
        Step::error(TransportError::Timeout(HostPort::default())).taking(1),
        closed(),
        Step::error(TransportError::Cut),
        Step::status(502),
    ] {
        let story = deliver(2, Script::steps([lost, Step::items(&[409, 409])])).await;
        assert_eq!(story.outcomes, "dd");
    }
}

/// A connection that died while idle costs one immediate retry. After that, it is a failure like
/// any other.
#[tokio::test(start_paused = true)]
async fn a_dead_idle_connection_costs_no_wait_once() {
    let story = deliver(1, Script::steps([died_idle(), died_idle(), closed()])).await;
    assert_eq!(
        story,
        Story::new(
            &["0 a", "0 a", "250 a", "750 a"],
            "i",
            "Transport(Closed { reused: false })"
        )
    );
}

/// A server that closes every connection after a reply, without saying so, costs no waits.
#[tokio::test(start_paused = true)]
async fn a_dead_idle_connection_costs_no_wait_after_each_progress() {
    let steps = [
        died_idle(),
        Step::items(&[201, 429]),
        died_idle(),
        Step::items(&[429]),
        died_idle(),
    ];
    let story = deliver(2, Script::steps(steps)).await;
    assert_eq!(
        story.schedule,
        ["0 ab", "0 ab", "250 b", "250 b", "750 b", "1750 b"],
        "the last one has died although nothing was delivered since"
    );
    assert_eq!(story.outcomes, "ii");

    // Each body of an invocation meets a connection that has died since the last one.
    let indexer = Indexer::new(
        Script::steps([
            Step::items(&[201]),
            died_idle(),
            Step::items(&[201]),
            died_idle(),
        ]),
        1_000,
        1 << 20,
    );
    let session = session(POLICY);
    for _ in 0..3 {
        assert_eq!(story_of_one(&indexer, &session).await, "i");
    }
    let times: Vec<_> = indexer
        .transport()
        .requests()
        .iter()
        .map(|request| request.at)
        .collect();
    assert_eq!(times, [Duration::ZERO; 5]);
}

async fn story_of_one(indexer: &Indexer<Script>, session: &Session) -> String {
    let outcomes = indexer.index(TARGET, &body(1), session).await;
    outcomes.iter().map(outcome_letter).collect()
}

/// A proxy may reject a request that is too large by closing the connection. From the second time
/// in a row, the request is halved.
#[tokio::test(start_paused = true)]
async fn resets_in_a_row_halve() {
    let cases: [(&[Step], &[&str]); 4] = [
        (
            &[closed(), closed()],
            &["0 abcd", "250 abcd", "750 ab", "750 cd"],
        ),
        (
            &[closed(), closed(), closed()],
            &[
                "0 abcd", "250 abcd", "750 ab", "1750 a", "1750 b", "1750 cd",
            ],
        ),
        (
            &[closed(), Step::status(503), closed()],
            &["0 abcd", "250 abcd", "750 abcd", "1750 abcd"],
        ),
        (
            &[died_idle(), closed(), closed()],
            &["0 abcd", "0 abcd", "250 abcd", "750 ab", "750 cd"],
        ),
    ];
    for (steps, schedule) in cases {
        let story = deliver(4, Script::steps(steps.iter().cloned())).await;
        assert_eq!(
            (story.schedule, &*story.outcomes),
            (Story::new(schedule, "", "").schedule, "iiii")
        );
    }
}

/// A server that accepts requests up to a size.
fn limited_to(bytes: usize) -> Script {
    Script::server(move |request| match request.body.len() {
        size if size > bytes => Step::status(413),
        _ => Step::items(&vec![201; request.ids.len()]),
    })
}

/// Halves have the same size, not the same number of documents, and a size that was too large is
/// not tried again.
#[tokio::test(start_paused = true)]
async fn a_413_halves_by_bytes() {
    let body = body_of(&[1_000, 1, 1, 1]);
    let indexer = Indexer::new(limited_to(body.size() - 1), 1_000, 1 << 20);
    let session = session(POLICY);
    assert_eq!(
        story(&indexer, &body, &session).await,
        Story::new(&["0 abcd", "0 a", "0 bcd"], "iiii", "")
    );
    // The next body, of the same size, is not sent whole again.
    assert_eq!(
        story(&indexer, &body, &session).await,
        Story::new(&["0 a", "0 bcd"], "iiii", "")
    );
    assert_eq!(session.traffic().retries, 2);
}

/// A document that is too large even by itself is rejected. All others are stored.
#[tokio::test(start_paused = true)]
async fn a_413_alone_is_a_rejection() {
    let body = body_of(&[1, 1, 1_000, 1, 1]);
    let indexer = Indexer::new(limited_to(700), 1_000, 1 << 20);
    let story = story(&indexer, &body, &session(POLICY)).await;
    assert_eq!(story.outcomes, "iirii");
    assert!(
        story
            .schedule
            .iter()
            .all(|request| request.starts_with("0 ")),
        "halving needs no waiting: {story:?}"
    );
}

/// A server that has not read a document cannot reject it. A request that is too large for it is
/// halved all the same.
#[tokio::test(start_paused = true)]
async fn an_early_error_rejects_no_document() {
    for status in [400, 413] {
        let early = || Step::status(status).early();
        assert_eq!(
            deliver(1, Script::steps([early()])).await,
            Story::new(&["0 a", "250 a"], "i", &format!("Status({status})")),
            "{status}"
        );
        let failed = deliver(1, Script::always(early())).await;
        assert_eq!(
            (&*failed.outcomes, &*failed.failure),
            ("u", &*format!("Status({status})"))
        );
    }
    assert_eq!(
        deliver(2, Script::steps([Step::status(400).early()])).await,
        Story::new(&["0 ab", "250 ab"], "ii", "Status(400)")
    );
    assert_eq!(
        deliver(2, Script::steps([Step::status(413).early()])).await,
        Story::new(&["0 ab", "0 a", "0 b"], "ii", "")
    );
}

/// One request holds at most this many documents and bytes. A larger document gets a request of its
/// own.
#[tokio::test(start_paused = true)]
async fn requests_keep_to_their_size() {
    let one = body(1).size();
    let cases: [(usize, usize, &[&str]); 4] = [
        (2, 1 << 20, &["0 ab", "0 cd", "0 e"]),
        (1_000, 2 * one, &["0 ab", "0 cd", "0 e"]),
        (1_000, 3 * one - 1, &["0 ab", "0 cd", "0 e"]),
        (1_000, 1, &["0 a", "0 b", "0 c", "0 d", "0 e"]),
    ];
    for (actions, bytes, schedule) in cases {
        let indexer = Indexer::new(Script::steps([]), actions, bytes);
        let session = session(POLICY);
        assert_eq!(
            story(&indexer, &body(5), &session).await,
            Story::new(schedule, "iiiii", "")
        );
        assert_eq!(
            session.traffic().retries,
            0,
            "what was never sent is not repeated"
        );
    }
}

/// A server to which some documents make a request malformed.
fn poisoned_by(poison: &'static str) -> Script {
    Script::server(move |request| {
        match letters(request).contains(|letter| poison.contains(letter)) {
            true => Step::reply(
                400,
                r#"{"error":{"type":"illegal_argument_exception","reason":"r"},"status":400}"#,
            ),
            false => Step::items(&vec![201; request.ids.len()]),
        }
    })
}

/// A document that makes a whole request malformed is found by halving.
#[tokio::test(start_paused = true)]
async fn a_400_bisects() {
    let schedule = [
        "0 abcdefgh",
        "0 abcd",
        "0 efgh",
        "0 ef",
        "0 e",
        "0 f",
        "0 gh",
    ];
    assert_eq!(
        deliver(8, poisoned_by("f")).await,
        Story::new(&schedule, "iiiiirii", "")
    );
    assert_eq!(deliver(8, poisoned_by("ah")).await.outcomes, "riiiiiir");
    assert_eq!(
        deliver(8, poisoned_by("defgh")).await.outcomes,
        "iiirrrrr",
        "some were taken, so it is the documents"
    );
    assert_eq!(
        deliver(1, poisoned_by("a")).await,
        Story::new(&["0 a"], "r", "")
    );
    assert_eq!(
        deliver(2, poisoned_by("ab")).await,
        Story::new(&["0 ab", "0 a", "0 b"], "rr", "")
    );
}

/// If the first three documents alone are malformed and none was ever accepted, the documents are
/// not at fault.
#[tokio::test(start_paused = true)]
async fn everything_malformed_is_a_configuration_error() {
    let schedule = ["0 abcdefgh", "0 abcd", "0 ab", "0 a", "0 b", "0 cd", "0 c"];
    let expected = Story::new(&schedule, "uuuuuuuu", "EverythingMalformed");
    assert_eq!(deliver(8, poisoned_by("abcdefgh")).await, expected);
    assert_eq!(deliver(8, poisoned_by("abc")).await, expected);

    // In an invocation in which some document was accepted, even as a duplicate, the documents are
    // at fault.
    for taken in [201, 409] {
        let mut first = true;
        let indexer = Indexer::new(
            Script::server(move |_| {
                if std::mem::take(&mut first) {
                    Step::items(&[taken])
                } else {
                    Step::status(400)
                }
            }),
            1_000,
            1 << 20,
        );
        let session = session(POLICY);
        story(&indexer, &body(1), &session).await;
        assert_eq!(story(&indexer, &body(4), &session).await.outcomes, "rrrr");
    }
}

/// The same holds however small the bodies are that the invocation sends one after the other.
#[tokio::test(start_paused = true)]
async fn everything_malformed_is_a_configuration_error_in_small_bodies_too() {
    let indexer = Indexer::new(Script::always(Step::status(400)), 1_000, 1 << 20);
    let (session, mut outcomes) = (session(POLICY), Vec::new());
    for documents in [1, 1, 2, 1] {
        let settled = indexer.index(TARGET, &body(documents), &session).await;
        outcomes.push(settled.iter().map(outcome_letter).collect::<String>());
    }
    assert_eq!(outcomes, ["r", "r", "uu", "u"]);
    assert_eq!(
        session.traffic().requests,
        4,
        "nothing is sent after the third"
    );
}

/// Refused credentials are fetched again once per invocation, and the request is repeated if they
/// have changed. There is no loop.
#[tokio::test(start_paused = true)]
async fn refused_credentials() {
    /// The replies, the results of the renewals; the schedule, the outcomes, and the number of
    /// renewals.
    type Case<'a> = (&'a [Step], &'a [bool], &'a [&'a str], &'a str, usize);
    for status in [401, 403] {
        let failure = format!("Status({status})");
        let cases: [Case<'_>; 4] = [
            (&[Step::status(status)], &[true], &["0 ab", "0 ab"], "ii", 1),
            (&[Step::status(status)], &[false], &["0 ab"], "uu", 1),
            (
                &vec![Step::status(status); 3],
                &[true, true, true],
                &["0 ab", "0 ab"],
                "uu",
                1,
            ),
            (
                &[
                    Step::status(status),
                    Step::items(&[201, 429]),
                    Step::status(status),
                ],
                &[true, true],
                &["0 ab", "0 ab", "250 b"],
                "iu",
                1,
            ),
        ];
        for (steps, refreshes, schedule, outcomes, refreshed) in cases {
            let indexer = Indexer::new(
                Script::steps(steps.iter().cloned()).refreshing(refreshes),
                1_000,
                1 << 20,
            );
            let story = story(&indexer, &body(2), &session(POLICY)).await;
            assert_eq!(story, Story::new(schedule, outcomes, &failure));
            assert_eq!(indexer.transport().refreshed(), refreshed);
        }
    }
}

/// A certificate that is not trusted is tried twice in an invocation, whatever happens in between.
#[tokio::test(start_paused = true)]
async fn an_untrusted_certificate_is_retried_once() {
    let certificate = || Step::error(TransportError::Certificate(ConnectionProblem::default()));
    let story = deliver(1, Script::always(certificate())).await;
    assert_eq!(
        story,
        Story::new(&["0 a", "250 a"], "u", "Transport(Certificate)")
    );
    let story = deliver(
        1,
        Script::steps([certificate(), Step::status(503), certificate()]),
    )
    .await;
    assert_eq!(
        story,
        Story::new(&["0 a", "250 a", "750 a"], "u", "Transport(Certificate)")
    );
}

/// The policy for dead letters: at most one retry, though the budget would allow more.
#[tokio::test(start_paused = true)]
async fn a_limit_on_retries() {
    let once = RetryPolicy {
        max_retries: Some(1),
        ..POLICY
    };
    let indexer = Indexer::new(Script::always(Step::status(500)), 1_000, 1 << 20);
    let expected = Story::new(&["0 a", "250 a"], "u", "Status(500)");
    assert_eq!(story(&indexer, &body(1), &session(once)).await, expected);
}

/// The rejection goes into the dead letter. Where the item has no reason, the reason of the request
/// is used.
#[tokio::test(start_paused = true)]
async fn rejections_carry_their_reason() {
    let error = r#""error":{"type":"document_parsing_exception","reason":"failed","caused_by":{"reason":"why"}}"#;
    let replies = [
        (
            200,
            format!(r#"{{"items":[{{"create":{{"status":400,{error}}}}}]}}"#),
        ),
        (400, format!(r#"{{{error},"status":400}}"#)),
        (413, format!(r#"{{{error},"status":413}}"#)),
    ];
    for (status, reply) in replies {
        let indexer = Indexer::new(Script::always(Step::reply(status, &reply)), 1_000, 1 << 20);
        let outcomes = indexer.index(TARGET, &body(1), &session(POLICY)).await;
        let [Outcome::Rejected(rejection)] = &*outcomes else {
            panic!("{outcomes:?}")
        };
        assert_eq!(rejection.kind, "document_parsing_exception");
        assert!(rejection.reason.contains("failed"), "{rejection:?}");
        assert_eq!(rejection.status, if status == 200 { 400 } else { status });
    }
}

/// Names of blocks by an operator or by the cluster's state. The documents are not at fault.
#[tokio::test(start_paused = true)]
async fn blocks_are_not_rejections() {
    let cases = [
        (400, "validation_exception", "u"),
        (400, "document_parsing_exception", "r"),
        (403, "security_exception", "u"),
        (404, "index_not_found_exception", "u"),
    ];
    for (status, kind, outcome) in cases {
        let item = format!(
            r#"{{"items":[{{"create":{{"status":{status},"error":{{"type":"{kind}"}}}}}}]}}"#
        );
        let story = deliver(1, Script::always(Step::reply(200, &item))).await;
        assert_eq!(
            (&*story.outcomes, story.schedule.len()),
            (outcome, 1),
            "{status} {kind}"
        );
    }
}

/// A server that accepts every document except those that contain a letter, and answers 500 for
/// these.
fn fails_on(culprits: &'static str, kind: &'static str) -> Script {
    Script::server(move |request| {
        let item = |letter: char| match culprits.contains(letter) {
            true => {
                format!(r#"{{"create":{{"status":500,"error":{{"type":"{kind}","reason":"r"}}}}}}"#)
            }
            false => r#"{"create":{"status":201}}"#.to_owned(),
        };
        let items: Vec<_> = letters(request).chars().map(item).collect();
        Step::reply(200, &format!(r#"{{"items":[{}]}}"#, items.join(",")))
    })
}

/// A document that fails through a whole budget while others are accepted is at fault: it is
/// rejected with this reason. A document is not at fault if no others are accepted, or if the
/// cluster is the cause.
#[tokio::test(start_paused = true)]
async fn a_document_that_fails_for_ever_is_rejected() {
    let schedule = [
        "0 abc", "250 b", "750 b", "1750 b", "3750 b", "7750 b", "15750 b", "30750 b", "45750 b",
    ];
    let failure = "Item { status: 500, kind: \"fail_processor_exception\" }";
    let story = deliver(3, fails_on("b", "fail_processor_exception")).await;
    assert_eq!(story, Story::new(&schedule, "iri", failure));
    let story = deliver(3, fails_on("abc", "fail_processor_exception")).await;
    assert_eq!(story.outcomes, "uuu");
    let story = deliver(3, fails_on("b", "unavailable_shards_exception")).await;
    assert_eq!(story.outcomes, "iui");

    let indexer = Indexer::new(fails_on("b", "k"), 1_000, 1 << 20);
    let outcomes = indexer.index(TARGET, &body(2), &session(POLICY)).await;
    let Some(Outcome::Rejected(rejection)) = outcomes.get(1) else {
        panic!("{outcomes:?}")
    };
    assert_eq!((rejection.status, &*rejection.kind), (500, "k"));
    assert_eq!(
        rejection.reason,
        "answered 500 9 times while other documents were accepted: r"
    );
}

/// The document has its own budget: others that get through do not renew it. Once such a document
/// is found, each further one costs one retry, and the rest of the invocation goes on.
#[tokio::test(start_paused = true)]
async fn documents_that_fail_for_ever_cost_one_budget_an_invocation() {
    let indexer = Indexer::new(fails_on("bf", "k"), 3, 1 << 20);
    let session = session(POLICY);
    let mut story = story(&indexer, &body(9), &session).await;
    assert_eq!(story.outcomes, "iriiiriii");
    assert_eq!(
        story.schedule.split_off(8),
        ["45750 b", "45750 def", "46000 f", "46000 ghi"]
    );
    assert!(!session.is_stopped());
}

/// Near the deadline, half of the time is enough, and the other half is for its dead letter. In a
/// few seconds, a document at fault looks like a cluster in trouble.
#[tokio::test(start_paused = true)]
async fn a_document_that_fails_until_half_of_the_time_is_gone_is_rejected() {
    let last_try = |schedule: &[String]| schedule.last().cloned().unwrap_or_default();
    for (seconds, culprits, outcomes, last) in [
        (40, "b", "iri", "30750 b"),
        (19, "b", "iri", "15750 b"),
        (8, "b", "iui", "7750 b"),
        (40, "abc", "uuu", "30750 abc"),
    ] {
        let indexer = Indexer::new(fails_on(culprits, "k"), 1_000, 1 << 20);
        let deadline = Instant::now() + Duration::from_secs(seconds);
        let session = Session::new(POLICY, Some(deadline), || u64::MAX);
        let story = story(&indexer, &body(3), &session).await;
        assert_eq!(
            (&*story.outcomes, &*last_try(&story.schedule)),
            (outcomes, last),
            "{seconds} s"
        );
    }
}

/// A period of server trouble is not the fault of the document.
#[tokio::test(start_paused = true)]
async fn a_server_in_trouble_acquits_its_documents() {
    let mut count = 0;
    let script = Script::server(move |_| {
        count += 1;
        match count {
            1 => Step::items(&[201, 500]),
            _ => Step::status(503),
        }
    });
    assert_eq!(deliver(2, script).await.outcomes, "iu");
}

/// A write block ends with its cause, such as a snapshot, so the indexer waits for its end within
/// the budget.
#[tokio::test(start_paused = true)]
async fn a_write_block_is_waited_for() {
    let block = |status| {
        let item = format!(
            r#"{{"create":{{"status":{status},"error":{{"type":"cluster_block_exception"}}}}}}"#
        );
        Step::reply(200, &format!(r#"{{"items":[{item}]}}"#))
    };
    for status in [403, 409, 429] {
        let failure = format!("Item {{ status: {status}, kind: \"cluster_block_exception\" }}");
        let story = deliver(1, Script::steps([block(status), block(status)])).await;
        assert_eq!(story, Story::new(&["0 a", "250 a", "750 a"], "i", &failure));
        let story = deliver(1, Script::always(block(status))).await;
        assert_eq!((story.schedule.len(), &*story.outcomes), (9, "u"));
    }
    let whole = Step::reply(403, r#"{"error":{"type":"cluster_block_exception"}}"#);
    let story = deliver(1, Script::steps([whole])).await;
    assert_eq!(story, Story::new(&["0 a", "250 a"], "i", "Status(403)"));
}

/// Counts requests, those that repeat documents, and their bytes.
#[tokio::test(start_paused = true)]
async fn traffic_is_counted() {
    let indexer = Indexer::new(
        Script::steps([Step::items(&[201, 429, 429]), Step::status(503)]),
        1_000,
        1 << 20,
    );
    let (body, session) = (body(3), session(POLICY));
    story(&indexer, &body, &session).await;
    let bytes_sent = (body.size() + 2 * body.select(&[1, 2]).len()) as u64;
    assert_eq!(
        session.traffic(),
        Traffic {
            requests: 3,
            retries: 2,
            bytes_sent,
            failure_store: 0,
            elsewhere: 0,
            renamed: 0
        }
    );
    assert_eq!(session.failure(), Some(Failure::Status(503)));
}

/// A body without documents costs no request.
#[tokio::test(start_paused = true)]
async fn an_empty_body_sends_nothing() {
    assert_eq!(
        deliver(0, Script::always(Step::status(400))).await,
        Story::new(&[], "", "")
    );
}

/// Sends bodies of a session at the same time. Each holds one document; the documents are called a,
/// b, c and so on.
async fn deliver_beside(documents: usize, script: Script) -> Story {
    let indexer = Indexer::new(script, 1_000, 1 << 20);
    let session = session(POLICY);
    let bodies: Vec<BulkBody> = (0..documents)
        .map(|document| {
            let mut body = BulkBody::default();
            body.push(&id(document), &"x");
            body
        })
        .collect();
    let outcomes = join_all(
        bodies
            .iter()
            .map(|body| indexer.index(TARGET, body, &session)),
    )
    .await;
    Story {
        schedule: indexer
            .transport()
            .requests()
            .iter()
            .map(|request| format!("{} {}", request.at.as_millis(), letters(request)))
            .collect(),
        outcomes: outcomes.concat().iter().map(outcome_letter).collect(),
        failure: session
            .failure()
            .map(|failure| short(&failure))
            .unwrap_or_default(),
    }
}

/// The requests to a slow server when several bodies wait.
#[tokio::test(start_paused = true)]
async fn requests_overlap_while_all_is_well() {
    let slow = || Step::items(&[201]).taking(100);
    let busy = || Step::status(429).taking(100);
    let cases = [
        // The first request goes alone. It shows that the server is slow.
        (
            4,
            vec![slow(), slow(), slow(), slow()],
            vec!["0 a", "100 b", "100 c", "100 d"],
            "iiii",
            "",
        ),
        // A server that was fast gets 5 ms.
        (
            4,
            vec![Step::items(&[201]), slow(), slow(), slow()],
            vec!["0 a", "0 b", "5 c", "5 d"],
            "iiii",
            "",
        ),
        // A server that answers at once gets one request after the other.
        (3, vec![], vec!["0 a", "0 b", "0 c"], "iii", ""),
        (
            3,
            vec![Step::items(&[201]).taking(4); 3],
            vec!["0 a", "4 b", "8 c"],
            "iii",
            "",
        ),
        // After a rejection, bodies go one by one until something is accepted.
        (
            3,
            vec![busy(), slow(), slow(), slow()],
            vec!["0 a", "350 a", "450 b", "450 c"],
            "iii",
            "Status(429)",
        ),
        // Requests that fail together are one failure with one wait, and the retries go alone.
        (
            4,
            vec![slow(), busy(), busy(), busy()],
            vec!["0 a", "100 b", "100 c", "100 d", "450 b", "450 c", "450 d"],
            "iiii",
            "Status(429)",
        ),
        // No new request starts before the time of the next try, although others get through.
        (
            4,
            vec![
                slow(),
                Step::status(429).retry_after(2).taking(10),
                slow(),
                slow(),
                slow(),
            ],
            vec!["0 a", "100 b", "100 c", "100 d", "2110 b"],
            "iiii",
            "Status(429)",
        ),
        // Once sending has stopped, nothing more is sent. Open requests still get their replies.
        (
            4,
            vec![slow(), Step::status(404).taking(50), slow(), slow()],
            vec!["0 a", "100 b", "100 c", "100 d"],
            "iuii",
            "Status(404)",
        ),
    ];
    for (documents, steps, schedule, outcomes, failure) in cases {
        assert_eq!(
            deliver_beside(documents, Script::steps(steps)).await,
            Story::new(&schedule, outcomes, failure)
        );
    }
}

/// However many bodies wait, at most ten requests are open at a time.
#[tokio::test(start_paused = true)]
async fn at_most_ten_requests_overlap() {
    let story = deliver_beside(26, Script::always(Step::items(&[201]).taking(100))).await;
    let at = |milliseconds: u32, letters: &str| {
        letters
            .chars()
            .map(|letter| format!("{milliseconds} {letter}"))
            .collect()
    };
    let schedule: [Vec<String>; 4] = [
        at(0, "a"),
        at(100, "bcdefghijk"),
        at(200, "lmnopqrstu"),
        at(300, "vwxyz"),
    ];
    assert_eq!(story.schedule, schedule.concat());
}

/// Credentials that expire while several requests are open are fetched again once, and help all of
/// these requests.
#[tokio::test(start_paused = true)]
async fn credentials_are_refreshed_once_for_all_that_are_open() {
    let slow = || Step::items(&[201]).taking(100);
    let refused = || Step::status(401).taking(100);
    let steps = || Script::steps([slow(), refused(), refused(), refused()]);
    let schedule = ["0 a", "100 b", "100 c", "100 d", "200 b", "200 c", "200 d"];
    let story = deliver_beside(4, steps().refreshing(&[true])).await;
    assert_eq!(story, Story::new(&schedule, "iiii", "Status(401)"));
    let story = deliver_beside(4, steps().refreshing(&[false])).await;
    assert_eq!(
        story,
        Story::new(&["0 a", "100 b", "100 c", "100 d"], "iuuu", "Status(401)")
    );
}
