//! Random histories of an event: random payloads, random faults and random time left, with the
//! platform's retries and redrives of dead letters; at last a server without faults, and then one
//! that rejects nothing. Whatever happens, nothing is lost, nothing is doubled, and every report is
//! true.
//!
//! `PROPTEST_CASES=10000` runs more histories.

#![expect(
    clippy::indexing_slicing,
    reason = "a server of the test's own counts its documents"
)]

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Write as _;
use std::rc::Rc;
use std::time::Duration;

use apigw_logs::config::Config;
use apigw_logs::data_stream::DataStreamName;
use apigw_logs::event;
use apigw_logs::pipeline::Pipeline;
use apigw_logs::redrive::{Arrived, Redrive};
use apigw_logs::report::Report;
use apigw_logs::server::{ConnectionProblem, HostPort, TransportError};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use tokio::time::Instant;

use crate::support::invocation::{DEAD_LETTERS, LOGS, direct, kinesis, payload, sqs};
use crate::support::script::{Question, Request, Script, Step};

/// A line of the log.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Line {
    Good,
    /// Two objects in one line.
    Double,
    /// Not JSON.
    Foreign,
    /// Skipped.
    Blank,
    /// Rejected by itself.
    Refused,
    /// Makes every request malformed that holds it.
    Malformed,
    /// Too large for the server in some histories.
    Large,
}

/// A record of an event.
#[derive(Clone, Debug)]
enum Record {
    Lines(Vec<Line>),
    /// The first record once more, as a second subscription would deliver it.
    Copy,
    Broken,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Trigger {
    Subscription,
    Kinesis,
    Sqs,
}

/// The fault of one request.
#[derive(Clone, Debug)]
struct Fault {
    kind: Kind,
    /// The documents that are stored all the same: a bit for each.
    applied: u64,
    takes: u64,
    retry_after: Option<u64>,
}

#[derive(Clone, Debug)]
enum Kind {
    /// No fault but slowness.
    Slow,
    /// The documents that are not stored get this answer.
    Items(u16),
    Status(u16),
    Error(TransportError),
    Unreadable,
    /// This many results are missing, or too many.
    WrongCount(bool),
}

/// A history.
#[derive(Clone, Debug)]
struct History {
    trigger: Trigger,
    records: Vec<Record>,
    faults: Vec<Fault>,
    /// The time left in each invocation, in milliseconds.
    deadlines: Vec<u64>,
    /// The invocations after which dead letters are sent again, and how many.
    redrives: Vec<Option<u64>>,
    max_actions: usize,
    /// The largest request that the server accepts.
    limit: Option<usize>,
    /// The server's time for a request without a fault, in milliseconds. If it takes some time,
    /// several requests are open at once.
    latency: u64,
}

fn line() -> impl Strategy<Value = Line> {
    prop_oneof![
        8 => Just(Line::Good),
        1 => Just(Line::Double),
        1 => Just(Line::Foreign),
        1 => Just(Line::Blank),
        2 => Just(Line::Refused),
        1 => Just(Line::Large),
        1 => Just(Line::Malformed),
    ]
}

fn record() -> impl Strategy<Value = Record> {
    prop_oneof![
        8 => vec(line(), 0..12).prop_map(Record::Lines),
        1 => Just(Record::Copy),
        1 => Just(Record::Broken),
    ]
}

fn fault() -> impl Strategy<Value = Fault> {
    use TransportError::{Certificate, Closed, Connect, Cut, Timeout, TooLarge};
    let problem = ConnectionProblem::default;
    let closed = |reused| Closed {
        reused,
        problem: problem(),
    };
    let errors = [
        Certificate(problem()),
        closed(false),
        closed(true),
        Connect(problem()),
        Cut,
        Timeout(HostPort::default()),
        TooLarge,
    ]
    .to_vec();
    let kind = prop_oneof![
        1 => Just(Kind::Slow),
        3 => select(vec![408, 429, 500, 503]).prop_map(Kind::Items),
        1 => select(vec![401, 403, 404]).prop_map(Kind::Items),
        4 => select(vec![408, 429, 500, 502, 503, 504]).prop_map(Kind::Status),
        1 => select(vec![302, 401, 403, 404, 501]).prop_map(Kind::Status),
        4 => select(errors).prop_map(Kind::Error),
        1 => Just(Kind::Unreadable),
        1 => any::<bool>().prop_map(Kind::WrongCount),
    ];
    let takes = prop_oneof![3 => 0..500_u64, 1 => 0..30_000_u64];
    let retry_after = option::weighted(0.1, select(vec![0, 1, 7, 3_600]));
    (kind, any::<u64>(), takes, retry_after).prop_map(|(kind, applied, takes, retry_after)| Fault {
        kind,
        applied,
        takes,
        retry_after,
    })
}

fn history() -> impl Strategy<Value = History> {
    let trigger = select(vec![Trigger::Subscription, Trigger::Kinesis, Trigger::Sqs]);
    let deadline = prop_oneof![0..3_000_u64, 0..120_000_u64];
    let limit = option::weighted(0.3, 2_000..6_000_usize);
    let redrive = option::weighted(0.3, prop_oneof![1..4_u64, Just(u64::MAX)]);
    let server = (vec(fault(), 0..16), limit, select(vec![0, 30]));
    (
        trigger,
        vec(record(), 1..5),
        server,
        vec(deadline, 3),
        vec(redrive, 3),
        select(vec![1, 2, 5, 1_000]),
    )
        .prop_map(
            |(trigger, mut records, (faults, limit, latency), deadlines, redrives, max_actions)| {
                if trigger == Trigger::Subscription {
                    records.truncate(1);
                }
                few_malformed(&mut records);
                History {
                    trigger,
                    records,
                    faults,
                    deadlines,
                    redrives,
                    max_actions,
                    limit,
                    latency,
                }
            },
        )
}

/// Malformed lines and nothing else would be a configuration error, which no retry repairs. So there
/// is one at most, and its record has another document.
fn few_malformed(records: &mut [Record]) {
    let has_document = |lines: &[Line]| {
        let mut others = lines.iter();
        others.any(|line| !matches!(line, Line::Malformed | Line::Blank | Line::Large))
    };
    for record in &mut *records {
        if let Record::Lines(lines) = record
            && !has_document(lines)
        {
            lines
                .iter_mut()
                .filter(|line| **line == Line::Malformed)
                .for_each(|line| *line = Line::Good);
        }
    }
    let allowed = usize::from(!records.iter().any(|record| matches!(record, Record::Copy)));
    let lines = records.iter_mut().flat_map(|record| match record {
        Record::Lines(lines) => &mut lines[..],
        Record::Copy | Record::Broken => &mut [],
    });
    // The first record may come several times.
    lines
        .filter(|line| **line == Line::Malformed)
        .skip(allowed)
        .for_each(|line| *line = Line::Good);
}

/// Returns the text of a line, and its numbers of documents and skips. Each document has its own
/// key.
fn text(record: usize, number: usize, line: Line) -> (String, Vec<String>, usize) {
    let key = |part: usize| format!("key-{record}-{number}-{part}-");
    let object = |part: usize, path: &str| {
        format!(
            r#"{{"requestId":"{}","httpMethod":"GET","status":"200","path":"/{path}"}}"#,
            key(part)
        )
    };
    let one = |text: String| (text, vec![key(0)], 0);
    match line {
        Line::Good => one(object(0, "good")),
        Line::Double => (
            object(0, "one") + &object(1, "two"),
            vec![key(0), key(1)],
            0,
        ),
        Line::Foreign => one(format!("what is {}?", key(0))),
        Line::Blank => (" ".into(), vec![], 1),
        Line::Refused => one(object(0, "refused")),
        Line::Malformed => one(object(0, "malformed")),
        Line::Large => one(object(0, &"x".repeat(3_000))),
    }
}

/// A record as it is delivered, and its content.
#[derive(Clone, Debug)]
struct Delivered {
    id: String,
    payload: String,
    keys: Vec<String>,
    skipped: usize,
    is_broken: bool,
}

fn delivered(records: &[Record]) -> Vec<Delivered> {
    let make = |number: usize, record: &Record| {
        let (number_of_lines, lines) = match (record, records.first()) {
            (Record::Lines(lines), _) => (number, &lines[..]),
            (Record::Copy, Some(Record::Lines(lines))) => (0, &lines[..]),
            _ => (number, &[][..]),
        };
        let is_broken = matches!(record, Record::Broken);
        let texts: Vec<_> = lines
            .iter()
            .enumerate()
            .map(|(n, line)| text(number_of_lines, n, *line))
            .collect();
        let messages: Vec<String> = texts.iter().map(|(text, ..)| text.clone()).collect();
        let payload = payload(&format!("e{number_of_lines}-"), "api", &messages);
        Delivered {
            id: format!("id{number}"),
            payload: if is_broken { "AAAA".into() } else { payload },
            keys: texts.iter().flat_map(|(_, keys, _)| keys.clone()).collect(),
            skipped: texts.iter().map(|(.., skipped)| skipped).sum(),
            is_broken,
        }
    };
    records
        .iter()
        .enumerate()
        .map(|(number, record)| make(number, record))
        .collect()
}

fn event(trigger: Trigger, records: &[Delivered]) -> String {
    let bodies: Vec<String> = records
        .iter()
        .map(|record| direct(&record.payload))
        .collect();
    match trigger {
        Trigger::Subscription => bodies.into_iter().next().expect("there is a record"),
        Trigger::Kinesis => kinesis(
            &records
                .iter()
                .map(|record| (&*record.id, &*record.payload))
                .collect::<Vec<_>>(),
        ),
        Trigger::Sqs => sqs(&records
            .iter()
            .zip(&bodies)
            .map(|(record, body)| (&*record.id, &**body))
            .collect::<Vec<_>>()),
    }
}

/// The content of a server, and its answers so far.
#[derive(Debug, Default)]
struct Server {
    faults: VecDeque<Fault>,
    limit: Option<usize>,
    latency: u64,
    /// Stops rejecting documents.
    is_mended: bool,
    /// The documents by data stream and id, with their sequence numbers.
    store: BTreeMap<(String, String), u64>,
    last_seq_no: u64,
    /// The number of hits of each search, and the hits that are left.
    scrolls: Vec<(usize, VecDeque<String>)>,
    /// The document of each id as it was first sent.
    sent: BTreeMap<(String, String), String>,
    said: Said,
}

/// The results that reached the client.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
struct Said {
    created: u64,
    duplicates: u64,
    dead_letters: u64,
    removed: u64,
    requests: u64,
}

impl Server {
    fn answer(&mut self, request: &Request) -> Step {
        self.said.requests += 1;
        let documents = self.receive(request);
        let fault = self.faults.pop_front();
        let (kind, applied, takes, retry_after) = fault
            .map_or((Kind::Slow, 0, self.latency, None), |fault| {
                (fault.kind, fault.applied, fault.takes, fault.retry_after)
            });
        let is_logs = request.data_stream == LOGS && !self.is_mended;
        let refusal = match () {
            () if is_logs && self.limit.is_some_and(|limit| request.body.len() > limit) => {
                Some(413)
            }
            () if is_logs
                && documents
                    .iter()
                    .any(|document| document.contains("/malformed")) =>
            {
                Some(400)
            }
            () => None,
        };
        let is_applied =
            |document: usize| refusal.is_none() && applied & (1 << (document % 64)) != 0;
        let step = match (kind, refusal) {
            (Kind::Error(error), _) => {
                if !matches!(
                    error,
                    TransportError::Connect(_) | TransportError::Certificate(_)
                ) {
                    self.apply(request, is_applied);
                }
                return Step::error(error);
            }
            (Kind::Slow, None) => self.items(request, takes, |_| true, 0),
            (Kind::Items(status), None) => self.items(request, takes, is_applied, status),
            (Kind::Slow | Kind::Items(_), Some(status)) => Step::status(status),
            (Kind::Status(status), _) => {
                // A server with this answer has not looked at the documents.
                if !matches!(status, 302 | 401 | 403 | 404 | 429 | 501) {
                    self.apply(request, is_applied);
                }
                Step::status(status)
            }
            (Kind::Unreadable, _) => {
                self.apply(request, is_applied);
                Step::reply(200, "<html>")
            }
            (Kind::WrongCount(too_many), _) => {
                self.apply(request, is_applied);
                Step::items(&vec![
                    201;
                    if too_many {
                        request.ids.len() + 1
                    } else {
                        request.ids.len() - 1
                    }
                ])
            }
        };
        let step = step.taking(takes);
        retry_after.map_or(step.clone(), |seconds| step.retry_after(seconds))
    }

    /// Notes what was sent. A document that is sent twice must be the same both times.
    fn receive(&mut self, request: &Request) -> Vec<String> {
        let documents = documents(request);
        for (id, document) in request.ids.iter().zip(&documents) {
            let key = (request.data_stream.clone(), id.clone());
            let first = self.sent.entry(key).or_insert_with(|| document.clone());
            assert!(
                request.data_stream == DEAD_LETTERS || first == document,
                "one id, two documents"
            );
        }
        documents
    }

    fn apply(&mut self, request: &Request, is_applied: impl Fn(usize) -> bool) {
        for number in 0..request.ids.len() {
            if is_applied(number) {
                self.act(request, number);
            }
        }
    }

    /// Performs one action of a request. Returns the status.
    fn act(&mut self, request: &Request, number: usize) -> u16 {
        let key = (request.data_stream.clone(), request.ids[number].clone());
        if let Some(seq_no) = request.deletes.get(number) {
            let is_same = self.store.get(&key) == Some(seq_no);
            return if is_same && self.store.remove(&key).is_some() {
                200
            } else {
                409
            };
        }
        if request.data_stream == LOGS
            && !self.is_mended
            && documents(request)[number].contains("/refused")
        {
            return 400;
        }
        if self.store.contains_key(&key) {
            return 409;
        }
        self.last_seq_no += 1;
        self.store.insert(key, self.last_seq_no);
        201
    }

    /// Answers for each document. The answer arrives unless it takes too long.
    fn items(
        &mut self,
        request: &Request,
        takes: u64,
        is_applied: impl Fn(usize) -> bool,
        otherwise: u16,
    ) -> Step {
        let arrives = Duration::from_millis(takes) < request.timeout;
        let mut statuses = Vec::new();
        for number in 0..request.ids.len() {
            let status = if is_applied(number) {
                self.act(request, number)
            } else {
                otherwise
            };
            // The document may be stored in spite of such an answer.
            if status >= 500 && number % 2 == 0 {
                self.act(request, number);
            }
            match status {
                200 | 409 if arrives && !request.deletes.is_empty() => self.said.removed += 1,
                201 | 409 if arrives && request.data_stream == DEAD_LETTERS => {
                    self.said.dead_letters += 1
                }
                201 if arrives => self.said.created += 1,
                409 if arrives => self.said.duplicates += 1,
                _ => {}
            }
            statuses.push(status);
        }
        Step::items(&statuses)
    }

    /// Returns a page of the dead letters, three at a time.
    fn find(&mut self, question: &Question, timeout: Duration) -> Step {
        let fault = self.faults.pop_front();
        let takes = fault.as_ref().map_or(0, |fault| fault.takes);
        match fault.map_or(Kind::Slow, |fault| fault.kind) {
            Kind::Status(status) => return Step::status(status).taking(takes),
            Kind::Error(error) => return Step::error(error),
            Kind::Unreadable => return Step::reply(200, "<html>"),
            Kind::Slow | Kind::Items(_) | Kind::WrongCount(_) => {}
        }
        let scroll = match question {
            Question::Search => {
                let hits = self
                    .store
                    .iter()
                    .filter(|((stream, _), _)| stream == DEAD_LETTERS);
                let hit = |(key, seq_no): (&(String, String), &u64)| {
                    let source = self.sent.get(key).expect("it was sent");
                    format!(
                        r#"{{"_index":".ds","_id":"{}","_seq_no":{seq_no},"_primary_term":1,"_source":{source}}}"#,
                        key.1
                    )
                };
                let hits: VecDeque<String> = hits.map(hit).collect();
                self.scrolls.push((hits.len(), hits));
                self.scrolls.len() - 1
            }
            Question::Scroll { id } => id.parse().expect("a scroll's own id"),
            Question::Find { query } => return self.look_up(query, takes, timeout),
        };
        let (total, hits) = &mut self.scrolls[scroll];
        let page: Vec<String> = hits.drain(..hits.len().min(3)).collect();
        let reply = format!(
            r#"{{"_scroll_id":"{scroll}","timed_out":false,"_shards":{{"total":1,"successful":1}},"hits":{{"total":{{"value":{total},"relation":"eq"}},"hits":[{}]}}}}"#,
            page.join(",")
        );
        let is_heard = Duration::from_millis(takes) < timeout;
        Step::reply(200, if is_heard { &reply } else { "" }).taking(takes)
    }

    /// Returns the documents among those that a redrive is about to send.
    fn look_up(&mut self, query: &str, takes: u64, timeout: Duration) -> Step {
        let is_asked = |id: &str| query.contains(&format!("\"{id}\""));
        let hits: Vec<_> = self
            .store
            .iter()
            .filter(|((stream, id), _)| stream == LOGS && is_asked(id))
            .map(|((_, id), seq_no)| {
                format!(r#"{{"_index":".ds","_id":"{id}","_seq_no":{seq_no},"_primary_term":1}}"#)
            })
            .collect();
        let total = hits.len() as u64;
        let reply = format!(
            r#"{{"timed_out":false,"_shards":{{"total":1,"successful":1}},"hits":{{"total":{{"value":{total},"relation":"eq"}},"hits":[{}]}}}}"#,
            hits.join(",")
        );
        let is_heard = Duration::from_millis(takes) < timeout;
        if is_heard {
            self.said.duplicates += total;
        }
        Step::reply(200, if is_heard { &reply } else { "" }).taking(takes)
    }

    /// Returns the keys of the documents that are safe: in the data stream, or as dead letters.
    fn safe(&self) -> [BTreeSet<String>; 2] {
        [LOGS, DEAD_LETTERS].map(|data_stream| {
            let here = self
                .store
                .keys()
                .filter(|(stream, _)| stream == data_stream);
            let document = |id: &String| {
                self.sent
                    .get(&(LOGS.to_owned(), id.clone()))
                    .expect("it was sent as a log first")
            };
            here.map(|(_, id)| key(document(id))).collect()
        })
    }
}

/// Returns the documents of a request.
fn documents(request: &Request) -> Vec<String> {
    if !request.deletes.is_empty() {
        return Vec::new();
    }
    let body = std::str::from_utf8(&request.body).expect("a body is UTF-8");
    body.lines().skip(1).step_by(2).map(str::to_owned).collect()
}

/// Returns the first key in a document.
fn key(document: &str) -> String {
    let start = document.find("key-").expect("every document has its key");
    let mut key = String::new();
    document
        .split_at(start)
        .1
        .split('-')
        .take(4)
        .for_each(|part| write!(key, "{part}-").expect("a String grows"));
    key
}

fn pipeline(history: &History, server: &Rc<RefCell<Server>>) -> Pipeline<Script> {
    let lookup = |name: &str| match name {
        "USER_AGENT_REGEXES" => Some("none".to_owned()),
        "BULK_MAX_ACTIONS" => Some(history.max_actions.to_string()),
        _ => None,
    };
    let (answering, finding) = (Rc::clone(server), Rc::clone(server));
    let script = Script::server(move |request| answering.borrow_mut().answer(request))
        .finding(move |question, timeout| finding.borrow_mut().find(question, timeout));
    let mut pipeline = Config::from_vars(lookup)
        .and_then(|config| config.pipeline(script))
        .expect("it is right");
    pipeline.random = || u64::MAX / 3;
    pipeline
}

/// Runs one invocation, checks its report, and answers the records that come again.
async fn invoke(
    trigger: Trigger,
    pipeline: &Pipeline<Script>,
    server: &RefCell<Server>,
    records: Vec<Delivered>,
    left: u64,
) -> Vec<Delivered> {
    let before = server.borrow().said;
    let first_request = pipeline.indexer.transport().requests().len();
    let (start, left) = (Instant::now(), Duration::from_millis(left));
    let event = event(trigger, &records);
    let batch = event::read(event.as_bytes()).expect("the event is right");
    let (report, failed) = pipeline.process(batch, Some(start + left)).await;

    assert!(start.elapsed() <= left, "{:?} of {left:?}", start.elapsed());
    for request in pipeline
        .indexer
        .transport()
        .requests()
        .iter()
        .skip(first_request)
    {
        assert!(
            request.timeout <= Duration::from_secs(20) && request.timeout <= left,
            "{request:?}"
        );
    }
    let (server, after) = (server.borrow(), server.borrow().said);
    let said = [
        after.created - before.created,
        after.duplicates - before.duplicates,
    ];
    // Documents that an earlier delivery has settled are not sent again, but they count all the
    // same.
    let [created, duplicates] = said;
    assert_eq!(report.indexed, created, "what was said is what is counted");
    assert!(report.duplicates >= duplicates, "{report:?}");
    assert!(
        report.dead_lettered >= after.dead_letters - before.dead_letters,
        "{report:?}"
    );
    assert_eq!(report.requests, after.requests - before.requests);
    check_sums(&report, &records, &failed);
    let [stored, buried] = server.safe();
    for (number, record) in records.iter().enumerate() {
        let is_safe = record
            .keys
            .iter()
            .all(|key| stored.contains(key) || buried.contains(key));
        assert!(
            failed.contains(&number) || is_safe && !record.is_broken,
            "record {number} is not finished: {report:?}"
        );
    }
    match (trigger, failed.first()) {
        (Trigger::Kinesis, Some(first)) => records.into_iter().skip(*first).collect(),
        _ => records
            .into_iter()
            .enumerate()
            .filter(|(n, _)| failed.contains(n))
            .map(|(_, record)| record)
            .collect(),
    }
}

fn check_sums(report: &Report, records: &[Delivered], failed: &BTreeSet<usize>) {
    let keys: usize = records.iter().map(|record| record.keys.len()).sum();
    let skipped: usize = records.iter().map(|record| record.skipped).sum();
    let expected = (keys + skipped) as u64;
    if report.unresolved == 0 {
        assert_eq!(
            (report.received, report.skipped),
            (expected, skipped as u64)
        );
    } else {
        // A payload that is left unread for lack of time counts once, whatever it holds, even if
        // it holds nothing.
        let most = |record: &Delivered| (record.keys.len() + record.skipped).max(1) as u64;
        let most: u64 = records.iter().map(most).sum();
        assert!(report.received <= most, "{report:?}");
        assert!(report.skipped <= skipped as u64, "{report:?}");
    }
    let settled = report.indexed + report.duplicates + report.dead_lettered + report.skipped;
    assert_eq!(report.received, settled + report.unresolved, "{report:?}");
    let broken = records.iter().filter(|record| record.is_broken).count() as u64;
    // A payload that is left unread for lack of time may be broken.
    let undecodable = report.undecodable_records;
    assert!(
        undecodable == broken || (report.unresolved > 0 && undecodable < broken),
        "{report:?}"
    );
    let is_finished = report.unresolved == 0 && broken == 0;
    assert_eq!(
        (report.error.is_none(), failed.is_empty()),
        (is_finished, is_finished),
        "{report:?}"
    );
    assert!(report.retries <= report.requests);
}

/// Runs one redrive, and checks its report.
async fn redrive(pipeline: &Pipeline<Script>, server: &RefCell<Server>, limit: u64) {
    let before = server.borrow().said;
    let redrive = Redrive {
        dead_letters: DataStreamName::parse(DEAD_LETTERS).expect("a name"),
        targets: vec![DataStreamName::parse(LOGS).expect("a name")],
        since: None,
        limit: Some(limit),
        arrived: Arrived::Removed,
    };
    let told = redrive
        .run(pipeline.indexer.transport(), pipeline, |_, _| ())
        .await;
    let (report, server, after) = (&told.report, server.borrow(), server.borrow().said);
    let said = [
        after.created - before.created,
        after.duplicates - before.duplicates,
        after.removed - before.removed,
    ];
    assert_eq!(
        [report.indexed, report.duplicates, told.removed],
        said,
        "what was said is what is counted: {told:?}"
    );
    let settled = report.indexed + report.duplicates + report.dead_lettered + report.skipped;
    assert_eq!(report.received, settled + report.unresolved, "{told:?}");
    assert!(
        told.removed <= report.indexed + report.duplicates && report.received <= limit,
        "{told:?}"
    );
    assert_eq!(report.requests, after.requests - before.requests);
    if report.error.is_none() {
        assert_eq!(told.removed, report.received, "{told:?}");
        let [_, buried] = server.safe();
        assert!(
            buried.is_empty() || told.removed == limit,
            "all were taken: {told:?}"
        );
    }
}

/// Up to three invocations with faults, and one without; redrives between them, and one when all
/// faults are gone.
async fn check(history: History) {
    let server = Rc::new(RefCell::new(Server {
        faults: history.faults.iter().cloned().collect(),
        limit: history.limit,
        latency: history.latency,
        ..Server::default()
    }));
    let pipeline = pipeline(&history, &server);
    let all = delivered(&history.records);
    let mut records = all.clone();
    for (left, limit) in history.deadlines.iter().zip(&history.redrives) {
        if !records.is_empty() {
            records = invoke(history.trigger, &pipeline, &server, records, *left).await;
        }
        if let Some(limit) = limit {
            redrive(&pipeline, &server, *limit).await;
        }
    }
    server.borrow_mut().faults.clear();
    // A malformed document may be all that is left to the first delivery. Nothing shows then that it
    // is at fault, so the second delivery sends its neighbours, too.
    for _ in 0..2 {
        if !records.is_empty() {
            records = invoke(history.trigger, &pipeline, &server, records, 900_000).await;
        }
    }
    let first_broken = all
        .iter()
        .position(|record| record.is_broken)
        .unwrap_or(all.len());
    let unfinished = match history.trigger {
        Trigger::Kinesis => all.len() - first_broken,
        _ => all.iter().filter(|record| record.is_broken).count(),
    };
    assert_eq!(
        records.len(),
        unfinished,
        "only what cannot be read is unfinished at the end"
    );
    let [stored, buried] = server.borrow().safe();
    let was_redriven = history.redrives.iter().any(Option::is_some);
    assert!(
        was_redriven || stored.is_disjoint(&buried),
        "nothing is in both places"
    );
    let keys: BTreeSet<String> = all.into_iter().flat_map(|record| record.keys).collect();
    assert_eq!(
        stored.len() + buried.len(),
        server.borrow().store.len(),
        "nothing is there twice"
    );
    assert_eq!(
        stored.union(&buried).cloned().collect::<BTreeSet<_>>(),
        keys,
        "nothing is lost"
    );
    assert!(buried.iter().all(|key| keys.contains(key)));
    server.borrow_mut().is_mended = true;
    redrive(&pipeline, &server, u64::MAX).await;
    let [stored, buried] = server.borrow().safe();
    assert_eq!(
        (&stored, server.borrow().store.len()),
        (&keys, keys.len()),
        "everything has arrived, once"
    );
    assert!(buried.is_empty(), "no dead letter is left");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost_and_nothing_doubled(history in history()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.expect("a runtime can be made").block_on(check(history));
    }
}
