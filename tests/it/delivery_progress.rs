//! An event that takes longer than one delivery: each delivery goes on where the last one ended.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

use apigw_logs::config::Config;
use apigw_logs::event;
use apigw_logs::pipeline::Pipeline;
use apigw_logs::report::Report;
use apigw_logs::server::{HostPort, TransportError};
use tokio::time::Instant;

use crate::support::invocation::{direct, kinesis, line, lines, payload, sqs};
use crate::support::script::{Request, Script, Step};

/// A server that takes half a second for each request, and stores nothing of a request that its
/// client has given up.
#[derive(Clone, Default)]
struct Server {
    stored: Rc<RefCell<BTreeSet<String>>>,
    /// How often each document was sent.
    sent: Rc<RefCell<BTreeMap<String, usize>>>,
}

impl Server {
    fn answer(&self, request: &Request) -> Step {
        const LATENCY: Duration = Duration::from_millis(500);
        if request.timeout <= LATENCY {
            return Step::error(TransportError::Timeout(HostPort::default()));
        }
        let store = |id: &String| {
            *self.sent.borrow_mut().entry(id.clone()).or_default() += 1;
            if self.stored.borrow_mut().insert(id.clone()) {
                201
            } else {
                409
            }
        };
        let statuses: Vec<u16> = request.ids.iter().map(store).collect();
        Step::items(&statuses).taking(500)
    }

    fn count(&self) -> usize {
        self.stored.borrow().len()
    }

    /// A process of the function, with ten documents in each request.
    fn process(&self) -> Pipeline<Script> {
        let lookup = |name: &str| (name == "BULK_MAX_ACTIONS").then(|| "10".to_owned());
        let server = self.clone();
        let script = Script::server(move |request| server.answer(request));
        let mut pipeline = Config::from_vars(lookup)
            .and_then(|config| config.pipeline(script))
            .expect("it is right");
        pipeline.random = random;
        pipeline
    }
}

/// Pseudorandom numbers, evenly spread and the same in every run.
fn random() -> u64 {
    thread_local! { static LAST: Cell<u64> = const { Cell::new(7) }; }
    LAST.with(|last| {
        last.set(
            last.get()
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407),
        );
        last.get() >> 20
    })
}

async fn deliver(pipeline: &Pipeline<Script>, event: &str, seconds: u64) -> Report {
    let deadline = Instant::now() + Duration::from_secs(seconds);
    let batch = event::read(event.as_bytes()).expect("the event is right");
    let (report, _) = pipeline.process(batch, Some(deadline)).await;
    let settled = report.indexed + report.duplicates + report.dead_lettered + report.skipped;
    assert_eq!(report.received, settled + report.unresolved, "{report:?}");
    report
}

fn on_a_stopped_clock(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime can be made")
        .block_on(test);
}

/// Each delivery has time for a few of its 40 requests. If it sent duplicates again, it would never
/// finish.
#[test]
fn a_process_continues_where_the_last_delivery_ended() {
    on_a_stopped_clock(async {
        let lines = [lines(398), vec![String::new(), "\n".to_owned()]].concat();
        let payload = payload("e", "api", &lines);
        for event in [
            direct(&payload),
            kinesis(&[("1", &payload)]),
            sqs(&[("m", &direct(&payload))]),
        ] {
            let server = Server::default();
            let process = server.process();
            let mut stored = 0;
            for delivery in 1.. {
                let report = deliver(&process, &event, 2).await;
                assert_eq!(report.received, 400, "{report:?}");
                assert!(
                    server.count() > stored,
                    "delivery {delivery} stores more than the last: {report:?}"
                );
                stored = server.count();
                if report.error.is_none() {
                    assert!(delivery > 1, "one delivery is not enough");
                    assert_eq!((report.skipped, report.unresolved), (2, 0));
                    assert_eq!(report.indexed + report.duplicates, 398);
                    break;
                }
            }
            assert_eq!(server.count(), 398);
            assert!(
                server.sent.borrow().values().all(|times| *times == 1),
                "nothing that is confirmed is sent again"
            );
        }
    });
}

/// A process with ten documents in each request, and a server that answers like this.
fn process(answer: impl FnMut(&Request) -> Step + 'static) -> Pipeline<Script> {
    let lookup = |name: &str| (name == "BULK_MAX_ACTIONS").then(|| "10".to_owned());
    Config::from_vars(lookup)
        .and_then(|config| config.pipeline(Script::server(answer)))
        .expect("it is right")
}

/// A document that an ingest pipeline dropped is stored nowhere, so the next delivery does not count
/// it as a duplicate.
#[test]
fn dropped_documents_are_dropped_in_each_report() {
    on_a_stopped_clock(async {
        let process = process(|request| Step::items(&vec![200; request.ids.len()]).taking(500));
        let event = direct(&payload("e", "api", &lines(20)));
        let report = deliver(&process, &event, 1).await;
        assert_eq!((report.dropped, report.unresolved), (10, 10), "{report:?}");
        let report = deliver(&process, &event, 60).await;
        assert_eq!(
            (report.received, report.skipped, report.dropped),
            (20, 20, 20),
            "{report:?}"
        );
    });
}

/// A document fails whatever happens, and the first delivery is too short to know that the document
/// is at fault. The next one sends its neighbours again, because alone it would never be known.
#[test]
fn a_document_that_is_at_fault_is_delivered_beside_others_again() {
    on_a_stopped_clock(async {
        let (server, mut poison) = (Server::default(), None);
        let process = process(move |request| {
            if request.data_stream.contains("dead_letters") {
                return Step::items(&vec![201; request.ids.len()]);
            }
            let poison = poison.get_or_insert_with(|| request.ids[0].clone());
            let status = |id: &String| match server.stored.borrow_mut().insert(id.clone()) {
                _ if id == poison => 500,
                true => 201,
                false => 409,
            };
            Step::items(&request.ids.iter().map(status).collect::<Vec<_>>())
        });
        let event = direct(&payload("e", "api", &lines(5)));
        let report = deliver(&process, &event, 5).await;
        assert_eq!((report.indexed, report.unresolved), (4, 1), "{report:?}");
        let report = deliver(&process, &event, 120).await;
        assert_eq!(
            (report.duplicates, report.dead_lettered, report.unresolved),
            (4, 1, 0),
            "{report:?}"
        );
    });
}

/// Each delivery gets a process of its own, which knows nothing of the others.
#[test]
fn new_processes_finish_as_well() {
    on_a_stopped_clock(async {
        let event = direct(&payload("e", "api", &lines(400)));
        let server = Server::default();
        let mut deliveries = 0;
        while server.count() < 400 {
            deliver(&server.process(), &event, 2).await;
            deliveries += 1;
            assert!(deliveries <= 100, "{} are stored", server.count());
        }
        assert!(deliveries > 1, "one delivery is not enough");
    });
}

/// The user agents that cost the patterns most, each with a different number at its end.
#[test]
fn user_agents_have_a_share_of_an_invocation() {
    on_a_stopped_clock(async {
        let filler = "Lightning; x700/1.0cell".repeat(100);
        let line = |number: usize| {
            format!(r#"{{"requestId":"r","status":"200","userAgent":"{number} {filler}"}}"#)
        };
        let lines: Vec<String> = (0..2_000).map(line).collect();
        let server = Server::default();
        let lookup =
            |name: &str| (name == "ELASTICSEARCH_URL").then(|| "http://localhost".to_owned());
        let answering = server.clone();
        let pipeline = Config::from_vars(lookup)
            .and_then(|config| {
                config.pipeline(Script::server(move |request| answering.answer(request)))
            })
            .expect("it is right");
        let report = deliver(&pipeline, &direct(&payload("e", "api", &lines)), 120).await;
        assert_eq!((report.indexed, report.error), (2_000, None));
        let parsed = 2_000 - report.user_agents_not_parsed;
        assert!((1_000..1_900).contains(&parsed), "{parsed}");
        let requests = pipeline.indexer.transport().requests();
        let documents: Vec<String> = requests
            .iter()
            .flat_map(|request| {
                let body = String::from_utf8_lossy(&request.body).into_owned();
                body.lines()
                    .skip(1)
                    .step_by(2)
                    .map(str::to_owned)
                    .collect::<Vec<_>>()
            })
            .collect();
        let with = |text: &str| {
            documents
                .iter()
                .filter(|document| document.contains(text))
                .count()
        };
        assert_eq!(
            with(r#""original":""#),
            2_000,
            "every document keeps its user agent"
        );
        assert_eq!(with(r#""device":{"name""#) as u64, parsed);
        // The next invocation has work for the others.
        let report = deliver(
            &pipeline,
            &direct(&payload("f", "api", &lines[1_990..])),
            120,
        )
        .await;
        assert_eq!(report.user_agents_not_parsed, 0);
    });
}

/// A message of a queue that takes all the time does not keep the others from their turn.
#[test]
fn every_message_of_a_queue_gets_its_turn() {
    on_a_stopped_clock(async {
        let large = direct(&payload("large", "api", &lines(4_000)));
        let small: Vec<String> = (0..4)
            .map(|number| direct(&payload(&format!("small{number}-"), "api", &[line(number)])))
            .collect();
        let mut messages = vec![("large", &*large)];
        messages.extend(small.iter().map(|body| ("small", &**body)));
        let event = sqs(&messages);
        let server = Server::default();
        for _ in 0..20 {
            deliver(&server.process(), &event, 3).await;
        }
        let is_small = |id: &&String| server.sent.borrow().contains_key(*id);
        assert!(server.stored.borrow().iter().any(|id| is_small(&id)));
        let requests_with_small = server
            .process()
            .process(
                event::read(sqs(&messages[1..]).as_bytes()).expect("the event is right"),
                None,
            )
            .await
            .0;
        assert_eq!(requests_with_small.duplicates, 4, "all four are stored");
    });
}

/// The same records keep their order in a stream, which goes on from the first unfinished record.
#[test]
fn records_of_a_stream_keep_their_order() {
    on_a_stopped_clock(async {
        let payloads: Vec<String> = (0..20)
            .map(|number| payload(&format!("e{number}-"), "api", &lines(30)))
            .collect();
        let numbers: Vec<String> = (0..20).map(|number| number.to_string()).collect();
        let mut records: Vec<(&str, &str)> = numbers
            .iter()
            .zip(&payloads)
            .map(|(number, payload)| (&**number, &**payload))
            .collect();
        let server = Server::default();
        let mut deliveries = 0;
        while !records.is_empty() {
            let event = kinesis(&records);
            let batch = event::read(event.as_bytes()).expect("the event is right");
            let deadline = Instant::now() + Duration::from_secs(2);
            let (_, failed) = server.process().process(batch, Some(deadline)).await;
            let finished = failed.first().copied().unwrap_or(records.len());
            records.drain(..finished);
            deliveries += 1;
            assert!(deliveries <= 20, "{} are left", records.len());
        }
        assert_eq!(server.count(), 600);
    });
}
