//! The number of allocations on the whole path: none for each field, and only a few for each event.

use std::borrow::Cow;
use std::time::Duration;

use apigw_logs::config::Config;
use apigw_logs::pipeline::Pipeline;
use apigw_logs::server::{Exchange, Reply, Target, Transport};
use test_support::inputs::{self, InputFormat};
use tokio::time::Instant;

/// Upper bound on the allocations for an event, all steps together. Buffers that grow now and then
/// are included.
const AN_EVENT: f64 = 0.2;

/// A server that stores everything, after some time.
struct Stored(Duration);

impl Transport for Stored {
    #[expect(clippy::disallowed_methods, reason = "a slow server waits too")]
    async fn bulk(&self, _target: Target<'_>, body: Cow<'_, [u8]>, _timeout: Duration) -> Exchange {
        if !self.0.is_zero() {
            tokio::time::sleep(self.0).await;
        }
        let reply = Reply {
            status: 200,
            retry_after: None,
            is_echoed: true,
            is_early: false,
            body: inputs::reply(&body).into_bytes(),
        };
        Exchange {
            bytes_sent: 0,
            result: Ok(reply),
        }
    }

    async fn refresh_credentials(&self, _timeout: Duration) -> bool {
        false
    }
}

/// Returns the number of allocations of an invocation with this many events.
fn allocations(pipeline: &Pipeline<Stored>, format: InputFormat, events: usize) -> u64 {
    let event = inputs::direct(&inputs::payload(&inputs::lines(format, events)));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime can be made");
    let mut indexed = 0;
    let counted = allocation_counter::measure(|| {
        let deadline = Instant::now() + Duration::from_secs(900);
        indexed = runtime
            .block_on(pipeline.invoke(event.as_bytes(), Some(deadline)))
            .report
            .indexed;
    });
    assert_eq!(indexed, events as u64);
    counted.count_total
}

#[test]
fn an_event_costs_few_allocations_in_every_documented_format() {
    let config = Config::from_vars(|_| None).expect("the defaults are good");
    let server = Stored(Duration::ZERO);
    let pipeline = config.pipeline(server).expect("the defaults name no files");
    for format in [InputFormat::Rest, InputFormat::Http, InputFormat::Websocket] {
        // The first invocation learns the user agents.
        allocations(&pipeline, format, 2_000);
        let [few, many] = [1_000, 2_000].map(|events| allocations(&pipeline, format, events));
        let an_event = (many - few) as f64 / 1_000.0;
        println!("{format:?}: {few} for 1,000 events, {an_event:.2} for each more");
        assert!(
            an_event <= AN_EVENT,
            "{format:?}: {an_event} allocations an event"
        );
    }
}

/// Upper bound on the growth of memory for an event with many payloads, beside one with a few.
const GROWTH: f64 = 1.25;

/// Returns the most bytes that the first invocation of a process holds at a time, without the event.
fn peak(payload: &str, records: usize) -> u64 {
    let event = inputs::kinesis(payload, records);
    let settings = |name: &str| (name == "BULK_MAX_BYTES").then(|| "1000000".to_owned());
    let config = Config::from_vars(settings).expect("the settings are good");
    let server = Stored(Duration::from_secs(1));
    let pipeline = config.pipeline(server).expect("they name no files");
    // Time stands still while lines are read, so no answer comes before it is waited for.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime can be made");
    let counted = allocation_counter::measure(|| {
        let deadline = Instant::now() + Duration::from_secs(900);
        let invocation = pipeline.invoke(event.as_bytes(), Some(deadline));
        assert_eq!(runtime.block_on(invocation).report.unresolved, 0);
    });
    counted.bytes_max
}

/// Paths of any length come from clients. Payloads of such lines are settled before others are read,
/// and nothing of them stays.
#[test]
fn memory_does_not_grow_with_the_payloads_of_an_event() {
    let line = |number| {
        let path = "a".repeat(128 << 10);
        format!(r#"{{"requestId":"{number}","status":"200","path":"/{path}"}}"#)
    };
    let lines: Vec<String> = (0..16).map(line).collect();
    let payload = inputs::payload(&lines);
    let [few, many] = [4, 16].map(|records| peak(&payload, records));
    println!("{few} bytes for 4 payloads, {many} for 16");
    assert!(many as f64 <= few as f64 * GROWTH, "{few}, {many}");
}
