//! The output of `aws logs filter-log-events` as input of `event` and `invoke`.

use crate::support::command_line::{Outcome, run};
use crate::support::json::Json;
use crate::support::traffic::{LogEvent, arn, event, found, log_events};

const GROUP: &str = "my-api";

/// Log events of two log streams, in the order of time.
fn events() -> Vec<LogEvent> {
    let mut events = log_events(&event(6, 1, "2026-03-01"));
    for (event, stream) in events.iter_mut().zip(["b", "a"].into_iter().cycle()) {
        GROUP.clone_into(&mut event.log_group);
        stream.clone_into(&mut event.log_stream);
    }
    events
}

fn invoke(input: &str, options: &[&str]) -> Outcome {
    run(&[&["invoke", "-"], options].concat(), &[], input.as_bytes())
}

/// Group, stream, account and id of each document, by the id.
fn origins(documents: &str) -> Vec<[String; 4]> {
    let fields = [
        "event.id",
        "aws.cloudwatch.log_group",
        "aws.cloudwatch.log_stream",
        "cloud.account.id",
    ];
    let origin = |line: &str| {
        let document = Json::read(line);
        fields.map(|field| document.text(field).unwrap_or_default().to_owned())
    };
    let mut origins: Vec<_> = documents.lines().map(origin).collect();
    origins.sort();
    origins
}

#[test]
fn found_events_keep_their_ids_streams_and_account() {
    let events = events();
    let mut expected: Vec<_> = events
        .iter()
        .map(|event| [&*event.id, GROUP, &*event.log_stream, "123456789012"].map(str::to_owned))
        .collect();
    expected.sort();
    let (found, arn) = (found(&events), arn(GROUP));
    let invoked = invoke(&found, &["--log-group", &arn]);
    assert_eq!(invoked.status, 0, "{}", invoked.stderr);
    assert_eq!(origins(&invoked.stdout), expected);
    let report = Json::read(&invoked.stderr);
    assert_eq!(report.number("indexed"), Some(6));
    assert!(report.get("answer").is_none(), "{}", invoked.stderr);
    for way in [&[][..], &["--kinesis"], &["--sqs"]] {
        let made = run(
            &[&["event", "--log-group", &arn], way].concat(),
            &[],
            found.as_bytes(),
        );
        assert_eq!(made.status, 0, "{way:?}: {}", made.stderr);
        let note = "6 lines of 2 log streams do not fit into one direct event";
        assert_eq!(
            made.stderr.contains(note),
            way.is_empty(),
            "{way:?}: {}",
            made.stderr
        );
        let invoked = invoke(&made.stdout, &[]);
        assert_eq!(
            origins(&invoked.stdout),
            expected,
            "{way:?}: {}",
            invoked.stderr
        );
    }
}

#[test]
fn found_events_of_one_stream_make_a_direct_event() {
    let mut events = events();
    events.retain(|event| event.log_stream == "a");
    let made = run(
        &["event", "--log-group", &format!("{}:*", arn(GROUP))],
        &[],
        found(&events).as_bytes(),
    );
    assert_eq!((made.status, &*made.stderr), (0, ""));
    assert!(made.stdout.starts_with(r#"{"awslogs""#), "{}", made.stdout);
    assert_eq!(
        origins(&invoke(&made.stdout, &[]).stdout).len(),
        events.len()
    );
}

/// Pages that were requested one by one, and an empty answer.
#[test]
fn several_answers_are_read_and_none_is_no_error() {
    let events = events();
    let (first, last) = events.split_at(2);
    for (input, documents) in [
        (found(first) + &found(&[]) + &found(last), 6),
        (found(&[]), 0),
        (r#"{"searchedLogStreams":[],"events":[]}"#.to_owned(), 0),
    ] {
        let invoked = invoke(&input, &["--log-group", &arn(GROUP)]);
        assert_eq!(invoked.status, 0, "{}", invoked.stderr);
        assert_eq!(invoked.stdout.lines().count(), documents, "{input}");
        let made = run(
            &["event", "--log-group", &arn(GROUP)],
            &[],
            input.as_bytes(),
        );
        assert_eq!(made.status, 0, "{}", made.stderr);
        assert_eq!(
            invoke(&made.stdout, &[]).stdout.lines().count(),
            documents,
            "{input}"
        );
    }
}

/// Live delivery indexes such a message in the same way.
#[test]
fn a_message_with_half_of_a_surrogate_pair_is_read() {
    let found = r#"{"events":[{"eventId":"1","timestamp":5,"logStreamName":"s","message":"half of \ud83e"}]}"#;
    let invoked = invoke(found, &["--log-group", &arn(GROUP)]);
    assert_eq!(invoked.status, 0, "{}", invoked.stderr);
    assert!(
        invoked.stdout.contains("half of \u{fffd}"),
        "{}",
        invoked.stdout
    );
}

#[test]
fn errors_name_the_problem() {
    let events = events();
    let whole = found(&events);
    let arn = arn(GROUP);
    let (cut, _) = whole.split_at(whole.len() - 60);
    let cases: &[(&str, &[&str], &str)] = &[
        (&whole, &[], "give the log group's ARN with --log-group"),
        (cut, &[], "give the log group's ARN with --log-group"),
        (cut, &["--log-group", &arn], "not complete"),
        (
            &whole.replacen("eventId", "id", 1),
            &["--log-group", &arn],
            "log event 1 has no valid `eventId`",
        ),
        (
            &whole.replacen("logStreamName", "stream", 1),
            &["--log-group", &arn],
            "log event 1 has no valid `logStreamName`",
        ),
        (
            &whole.replace("\"timestamp\": ", "\"timestamp\": 0.5"),
            &["--log-group", &arn],
            "log event 1 has no valid `timestamp`",
        ),
        (
            r#"{"events":[{"eventId":"1","timestamp":5,"logStreamName":"s","message":null}]}"#,
            &["--log-group", &arn],
            "log event 1 has no valid `message`",
        ),
        (r#"{"events":[7]}"#, &["--log-group", &arn], "not complete"),
    ];
    for (input, options, words) in cases {
        let invoked = invoke(input, options);
        assert_eq!((invoked.status, &*invoked.stdout), (2, ""), "{words}");
        assert!(
            invoked.stderr.contains(words),
            "{words}: {}",
            invoked.stderr
        );
        // `event` takes a name, too, but not for these log events.
        let options = if options.is_empty() {
            &["--log-group", GROUP]
        } else {
            *options
        };
        let made = run(&[&["event"], options].concat(), &[], input.as_bytes());
        assert_eq!((made.status, &*made.stdout), (2, ""), "{words}");
        assert!(made.stderr.contains(words), "{words}: {}", made.stderr);
    }
    for (options, words) in [
        (&["--log-stream", "s"][..], "--log-stream and --event-time"),
        (&["--event-time", "5"], "--log-stream and --event-time"),
        (&["--owner", "999999999999"], "--owner is not the account"),
    ] {
        let options = [&["event", "--log-group", &arn], options].concat();
        let made = run(&options, &[], whole.as_bytes());
        assert_eq!((made.status, &*made.stdout), (2, ""), "{options:?}");
        assert!(made.stderr.contains(words), "{options:?}: {}", made.stderr);
    }
    let invoked = invoke(&whole, &["--log-group", GROUP]);
    assert_eq!(invoked.status, 2);
    assert!(
        invoked.stderr.contains("ARN of a log group"),
        "{}",
        invoked.stderr
    );
}

/// `events` beside `awslogs` is an event that Lambda delivers, with a member that nobody knows.
#[test]
fn an_event_with_a_list_of_events_stays_an_event() {
    let plain = event(6, 1, "2026-03-01");
    let mixed = plain.replacen('{', r#"{"events":[],"#, 1);
    let invoked = invoke(&mixed, &["--log-group", &arn(GROUP)]);
    assert_eq!(invoked.status, 0, "{}", invoked.stderr);
    assert_eq!(origins(&invoked.stdout).len(), 6, "{}", invoked.stderr);
}
