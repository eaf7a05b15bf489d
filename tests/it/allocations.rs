//! How often the whole path asks for memory: not for each field, and not for each event more than a little.

use std::borrow::Cow;
use std::time::Duration;

use apigw_logs::config::Config;
use apigw_logs::pipeline::Pipeline;
use apigw_logs::server::{Exchange, Reply, Target, Transport};
use test_support::inputs::{self, Format};
use tokio::time::Instant;

/// The most allocations that an event may cost, all steps together: what grows now and then.
const AN_EVENT: f64 = 0.2;

/// Says that everything is stored.
struct Stored;

impl Transport for Stored {
    async fn bulk(&self, _target: Target<'_>, body: Cow<'_, [u8]>, _timeout: Duration) -> Exchange {
        let documents = body.iter().filter(|byte| **byte == b'\n').count() / 2;
        let reply = Reply {
            status: 200,
            retry_after: None,
            is_echoed: true,
            body: inputs::reply(documents).into_bytes(),
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

/// How often an invocation with so many events asks for memory.
fn allocations(pipeline: &Pipeline<Stored>, format: Format, events: usize) -> u64 {
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
    for format in [Format::Rest, Format::Http, Format::Websocket] {
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
