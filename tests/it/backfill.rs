//! History of CloudWatch Logs through the path: everything is there once afterwards, whatever was
//! there before.

use crate::support::command_line::Outcome;
use crate::support::history::{LogEvent, Streams, log_events, log_group, now, put};
use crate::support::invocation::{Report, lines};
use crate::support::templates::Job;

const A_DAY: i64 = 24 * 60 * 60 * 1_000;

fn backfill(streams: &Streams, arguments: &[&str]) -> (Report, Outcome) {
    let arguments = [&["backfill", "--force", "--since", "3d"], arguments].concat();
    let run = streams.run(Job::Backfill, &arguments, &[], "");
    let report = serde_json::from_str(&run.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}{}", run.stdout, run.stderr));
    (report, run)
}

/// Log events in two log streams, which CloudWatch returns in the order of time.
fn two_streams(name: &str, count: usize) -> (String, Vec<LogEvent>) {
    let group = log_group(name, &["a", "b"]);
    let start = now() - 2 * A_DAY;
    for (stream, start) in [("a", start), ("b", start + 1)] {
        put(&group, stream, start, &lines(count / 2));
    }
    let events = log_events(&group);
    assert_eq!(events.len(), count);
    (group, events)
}

/// The log events of one log stream.
fn of_stream(events: &[LogEvent], stream: &str) -> Vec<LogEvent> {
    let is_in = |event: &&LogEvent| event.stream == stream;
    events.iter().filter(is_in).cloned().collect()
}

#[test]
fn what_was_delivered_is_recognised_after_rollovers_too() {
    const COUNT: usize = 2_000;
    let (group, events) = two_streams("recognised", COUNT);
    let streams = Streams::new("recognised");
    for stream in ["a", "b"] {
        let report = streams.deliver(&group, &of_stream(&events, stream), &[]);
        assert_eq!(report.counts(), [COUNT as u64 / 2, 0, 0, 0, 0]);
    }
    for rollovers in 0..3 {
        let (report, run) = backfill(&streams, &["--log-group", &group]);
        assert_eq!(run.status, 0, "{}", run.stderr);
        assert_eq!(
            report.counts(),
            [0, COUNT as u64, 0, 0, 0],
            "{rollovers} rollovers"
        );
        assert_eq!(report.requests, 0, "nothing is sent");
        streams.roll_over();
    }
    let removed = streams.remove(r#"{"term":{"aws.cloudwatch.log_stream":"a"}}"#);
    assert_eq!(removed, COUNT / 2);
    let (report, _) = backfill(&streams, &["--log-group", &group]);
    let half = COUNT as u64 / 2;
    assert_eq!(report.counts(), [half, half, 0, 0, 0]);
    assert_eq!(streams.stored(), (COUNT, COUNT));
}
