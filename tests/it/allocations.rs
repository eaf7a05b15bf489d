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

/// A server that stores everything.
struct Stored;

impl Transport for Stored {
    async fn bulk(&self, _target: Target<'_>, body: Cow<'_, [u8]>, _timeout: Duration) -> Exchange {
        let reply = Reply {
            status: 200,
            retry_after: None,
            is_echoed: true,
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
    let pipeline = config.pipeline(Stored).expect("the defaults name no files");
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
