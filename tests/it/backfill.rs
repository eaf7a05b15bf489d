//! History of CloudWatch Logs through the path: everything is there once afterwards, whatever was
//! there before.

use crate::support::command_line::Outcome;
use crate::support::history::{LogEvent, Streams, history_events, log_events, log_group, now, put};
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
    let count = (history_events() / 2).min(10_000);
    let (group, events) = two_streams("recognised", count);
    let streams = Streams::new("recognised");
    for stream in ["a", "b"] {
        let report = streams.deliver(&group, &of_stream(&events, stream), &[]);
        assert_eq!(report.counts(), [count as u64 / 2, 0, 0, 0, 0]);
    }
    for rollovers in 0..3 {
        let (report, run) = backfill(&streams, &["--log-group", &group]);
        assert_eq!(run.status, 0, "{}", run.stderr);
        assert_eq!(
            report.counts(),
            [0, count as u64, 0, 0, 0],
            "{rollovers} rollovers"
        );
        assert_eq!(report.requests, 0, "nothing is sent");
        streams.roll_over();
    }
    let removed = streams.remove(r#"{"term":{"aws.cloudwatch.log_stream":"a"}}"#);
    assert_eq!(removed, count / 2);
    let (report, _) = backfill(&streams, &["--log-group", &group]);
    let half = count as u64 / 2;
    assert_eq!(report.counts(), [half, half, 0, 0, 0]);
    assert_eq!(streams.stored(), (count, count));
}

/// The counts that `audit` prints in its last line.
#[derive(Debug, serde::Deserialize)]
struct Counts {
    cloudwatch: u64,
    indexed: u64,
    dead_lettered: u64,
    skipped: u64,
    missing: u64,
    doubled: u64,
}

impl Counts {
    /// Missing, doubled, dead letters, skipped.
    fn four(&self) -> [u64; 4] {
        let sum = self.indexed + self.dead_lettered + self.skipped + self.missing;
        assert_eq!(self.cloudwatch, sum, "{self:?}");
        [self.missing, self.doubled, self.dead_lettered, self.skipped]
    }
}

/// Audits. Returns the counts of each interval and their sum.
fn audit(streams: &Streams, job: Job, arguments: &[&str]) -> (Vec<Counts>, Counts, Outcome) {
    let arguments = [&["audit", "--since", "3d"], arguments].concat();
    let run = streams.run(job, &arguments, &[("EXCLUDE", "leave-me-out")], "");
    let lines: Vec<&str> = run.stdout.lines().collect();
    let (last, rows) = lines
        .split_last()
        .unwrap_or_else(|| panic!("{}", run.stderr));
    assert!(last.contains(r#""total":true"#), "{last}");
    let read = |line: &&str| serde_json::from_str(line).expect("a line has counts");
    (rows.iter().map(read).collect(), read(last), run)
}

#[test]
fn an_audit_says_exactly_what_is_missing_doubled_dead_and_left_out() {
    let streams = Streams::new("audited");
    // User agents are refused.
    let template = format!(
        r#"{{"index_patterns":["{}"],"priority":1000,"data_stream":{{}},"template":{{"settings":{{"number_of_replicas":0}},"mappings":{{
            "properties":{{"@timestamp":{{"type":"date"}},"user_agent":{{"properties":{{"original":{{"type":"ip"}}}}}},
            "aws":{{"properties":{{"cloudwatch":{{"properties":{{"log_group":{{"type":"keyword"}},"log_stream":{{"type":"keyword"}}}}}}}}}}}}}}}}}}"#,
        streams.data_stream
    );
    let path = format!("/_index_template/{}", streams.data_stream);
    let (status, answer) = streams.server.admin_request("PUT", &path, Some(&template));
    assert_eq!(status, 200, "{answer}");

    let group = log_group("audited", &["a", "b", "c", "d"]);
    let start = now() - 2 * A_DAY;
    let with = |member: &str, count: usize| -> Vec<String> {
        let lines = lines(count).into_iter();
        lines
            .map(|line| line.replace('{', &format!("{{{member},")))
            .collect()
    };
    put(&group, "a", start, &lines(40));
    put(&group, "b", start + A_DAY, &lines(3));
    let mut others = with(r#""userAgent":"curl""#, 2);
    others.extend(with(r#""x":"leave-me-out""#, 5));
    put(&group, "c", start + A_DAY, &others);
    put(&group, "d", start + A_DAY, &lines(7));
    let events = log_events(&group);
    let settings = [("EXCLUDE", "leave-me-out")];
    for stream in ["a", "b", "c", "d"] {
        streams.deliver(&group, &of_stream(&events, stream), &settings);
    }
    streams.roll_over();
    let again = streams.deliver(&group, &of_stream(&events, "b"), &settings);
    assert_eq!(again.counts(), [3, 0, 0, 0, 0], "stored a second time");
    let removed = streams.remove(r#"{"term":{"aws.cloudwatch.log_stream":"d"}}"#);
    assert_eq!(removed, 7);

    let of_group = ["--log-group", &*group];
    let (rows, total, run) = audit(
        &streams,
        Job::Audit,
        &[&of_group[..], &["--verbose"]].concat(),
    );
    assert_eq!(
        (total.four(), run.status),
        ([7, 3, 2, 5], 1),
        "{}",
        run.stderr
    );
    let sum: [u64; 4] = rows.iter().map(Counts::four).fold([0; 4], |sum, row| {
        std::array::from_fn(|place| sum[place] + row[place])
    });
    assert_eq!(sum, total.four());
    assert!(rows.len() > 60, "an hour each, three days");
    let told = |state: &str| {
        run.stderr
            .lines()
            .filter(|line| line.starts_with(state))
            .count()
    };
    assert_eq!(
        (told("missing: "), told("doubled: ")),
        (7, 3),
        "{}",
        run.stderr
    );

    let cure = [&of_group[..], &["--repair", "--remove-doubles", "--force"]].concat();
    let (_, total, run) = audit(&streams, Job::AuditRepair, &cure);
    assert_eq!(
        (total.four(), run.status),
        ([7, 3, 2, 5], 0),
        "{}",
        run.stderr
    );
    let (_, total, run) = audit(&streams, Job::Audit, &of_group);
    assert_eq!(
        (total.four(), run.status),
        ([0, 0, 2, 5], 0),
        "{}",
        run.stderr
    );
    assert_eq!(streams.stored(), (50, 50));
    streams.server.admin_request(
        "DELETE",
        &format!("/_data_stream/{}", streams.data_stream),
        None,
    );
    streams.server.admin_request("DELETE", &path, None);
}
