//! A page of `FilterLogEvents` becomes payloads, as a subscription would have delivered them.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::RangeInclusive;

use super::LogGroup;
use crate::aws::Place;
use crate::decode::{LogData, LogEvent};
use crate::json::{Malformed, Scanner, write_string};

/// The log events of a page: one payload for each log stream.
#[derive(Debug, Default)]
pub(super) struct WirePage {
    pub(super) payloads: Vec<LogData>,
    pub(super) next_token: Option<String>,
    /// All log events on the page.
    pub(super) seen: HashSet<SeenEvent>,
    /// The number of log events in the payloads.
    pub(super) events: u64,
    /// The times of the earliest and the latest log event.
    pub(super) times: Option<(i64, i64)>,
}

/// The reason why a page cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unusable {
    /// It is cut off, or not CloudWatch's.
    Malformed,
    /// It is JSON of something else.
    Foreign,
    /// A log event has no id.
    NoId,
    /// A log event of this time is not of the requested time.
    Stray(i64),
}

impl From<Malformed> for Unusable {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

/// A log event that was read: a hash of its id, time and stream, and a hash of its line. Other
/// services than AWS's may give an id to several log events.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct SeenEvent(u64, u64);

impl SeenEvent {
    fn of(event: &WireLogEvent<'_>) -> Self {
        let id = (event.id, event.timestamp, event.stream);
        Self(hash(id), hash(event.message))
    }
}

fn hash(value: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// A log event, as JSON.
#[derive(Default)]
struct WireLogEvent<'a> {
    stream: &'a str,
    id: &'a str,
    message: &'a str,
    timestamp: Option<i64>,
}

/// Reads a page. Leaves out known log events.
///
/// AWS always sends `events`, even if there are none. Another reply, such as an error under the
/// status 200, must not pass for a history without log events.
pub(super) fn read(
    body: &str,
    group: &LogGroup,
    known: &HashSet<SeenEvent>,
    times: &RangeInclusive<i64>,
) -> Result<WirePage, Unusable> {
    let mut page = WirePage::default();
    let mut messages: Vec<String> = Vec::new();
    let mut streams: HashMap<&str, usize> = HashMap::new();
    let mut scanner = Scanner::new(body);
    scanner.take(b'{')?;
    let mut is_first = true;
    let mut has_events = false;
    while scanner.has_next(is_first, b'}')? {
        is_first = false;
        match &*scanner.key()? {
            "events" => {
                has_events = true;
                scanner.take(b'[')?;
                let mut is_first = true;
                while scanner.has_next(is_first, b']')? {
                    is_first = false;
                    let event = event(&mut scanner)?;
                    if !page.is_new(&event, known)? {
                        continue;
                    }
                    let time = event.timestamp.ok_or(Malformed)?;
                    if !times.contains(&time) {
                        return Err(Unusable::Stray(time));
                    }
                    let stream = *streams.entry(event.stream).or_insert_with(|| {
                        messages.push(head(group, event.stream));
                        messages.len() - 1
                    });
                    let message = messages.get_mut(stream).ok_or(Malformed)?;
                    page.add(&event, time, message);
                }
            }
            "nextToken" => {
                page.next_token =
                    serde_json::from_str(raw(&mut scanner)?).map_err(|_| Malformed)?;
            }
            _ => drop(raw(&mut scanner)?),
        }
    }
    scanner.end()?;
    if !has_events {
        return Err(Unusable::Foreign);
    }
    for mut message in messages {
        message.push_str("]}");
        let mut payload = LogData::read(message).map_err(|_| Unusable::Malformed)?;
        payload.region = region(group).to_owned();
        page.payloads.push(payload);
    }
    Ok(page)
}

fn region(group: &LogGroup) -> &str {
    group.place.as_ref().map_or("", Place::region)
}

impl WirePage {
    /// Returns whether this is the first time that a log event is read.
    fn is_new(
        &mut self,
        event: &WireLogEvent<'_>,
        known: &HashSet<SeenEvent>,
    ) -> Result<bool, Unusable> {
        if ["", "null", r#""""#].contains(&event.id) {
            return Err(Unusable::NoId);
        }
        let seen = SeenEvent::of(event);
        let is_new = !known.contains(&seen);
        Ok(self.seen.insert(seen) && is_new)
    }

    fn add(&mut self, event: &WireLogEvent<'_>, time: i64, message: &mut String) {
        let (first, last) = self.times.unwrap_or((time, time));
        self.times = Some((first.min(time), last.max(time)));
        self.events += 1;
        push(message, event.id, time, event.message);
    }
}

fn event<'a>(scanner: &mut Scanner<'a>) -> Result<WireLogEvent<'a>, Malformed> {
    let mut event = WireLogEvent {
        stream: r#""""#,
        message: r#""""#,
        ..WireLogEvent::default()
    };
    scanner.take(b'{')?;
    let mut is_first = true;
    while scanner.has_next(is_first, b'}')? {
        is_first = false;
        match &*scanner.key()? {
            "logStreamName" => event.stream = raw(scanner)?,
            "eventId" => event.id = raw(scanner)?,
            "message" => event.message = raw(scanner)?,
            "timestamp" => event.timestamp = Some(scanner.integer()?),
            _ => drop(raw(scanner)?),
        }
    }
    Ok(event)
}

/// Reads a value. Returns it as it is written.
fn raw<'a>(scanner: &mut Scanner<'a>) -> Result<&'a str, Malformed> {
    let is_string = scanner.peek() == Some(b'"');
    let start = scanner.position();
    if is_string {
        scanner.string()?;
    } else {
        scanner.value()?;
    }
    Ok(scanner.since(start))
}

/// Returns the beginning of a payload, up to its first log event. The name of the stream is JSON.
fn head(group: &LogGroup, stream: &str) -> String {
    let mut head = br#"{"owner":"#.to_vec();
    write_string(&mut head, &group.owner);
    head.extend_from_slice(br#","logGroup":"#);
    write_string(&mut head, &group.name);
    let mut head = String::from_utf8_lossy(&head).into_owned();
    head.push_str(r#","logStream":"#);
    head.push_str(stream);
    head.push_str(r#","logEvents":["#);
    head
}

/// Adds a log event to a payload. Id and message are JSON.
fn push(payload: &mut String, id: &str, time: i64, message: &str) {
    if !payload.ends_with('[') {
        payload.push(',');
    }
    payload.push_str(r#"{"id":"#);
    payload.push_str(id);
    payload.push_str(r#","timestamp":"#);
    payload.push_str(itoa::Buffer::new().format(time));
    payload.push_str(r#","message":"#);
    payload.push_str(message);
    payload.push('}');
}

/// Returns a payload with some of the log events of another.
pub(super) fn select<'a>(
    data: &LogData,
    events: impl Iterator<Item = LogEvent<'a>>,
) -> Option<LogData> {
    let group = LogGroup {
        owner: data.owner.clone(),
        name: data.log_group.clone(),
        ..LogGroup::default()
    };
    let text = |text: &str| {
        let mut json = Vec::new();
        write_string(&mut json, text);
        String::from_utf8_lossy(&json).into_owned()
    };
    let mut payload = head(&group, &text(&data.log_stream));
    for event in events {
        let message = format!("\"{}\"", event.message.raw);
        push(&mut payload, &text(event.id), event.timestamp, &message);
    }
    payload.push_str("]}");
    let mut selected = LogData::read(payload).ok()?;
    selected.region.clone_from(&data.region);
    Some(selected)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = r#"{"events":[
        {"logStreamName":"a","timestamp":5,"message":"{\"x\":\"\u00e9\"}","ingestionTime":9,"eventId":"1"},
        {"eventId":2,"message":"plain","timestamp":7,"logStreamName":"b\"","new":{"y":[1]}},
        {"logStreamName":"a","timestamp":6,"eventId":"3"}],
        "searchedLogStreams":[],"nextToken":"t\n"}"#;

    fn group() -> LogGroup {
        LogGroup {
            name: "g\"".to_owned(),
            owner: "111122223333".to_owned(),
            ..LogGroup::default()
        }
    }

    fn nothing() -> HashSet<SeenEvent> {
        HashSet::new()
    }

    fn read(
        body: &str,
        group: &LogGroup,
        known: &HashSet<SeenEvent>,
    ) -> Result<WirePage, Unusable> {
        super::read(body, group, known, &(5..=8))
    }

    #[test]
    fn each_log_stream_is_a_payload() {
        let page = read(PAGE, &group(), &nothing()).unwrap();
        assert_eq!(page.next_token.as_deref(), Some("t\n"));
        assert_eq!((page.events, page.times), (3, Some((5, 7))));
        let payload = |data: &LogData| {
            assert_eq!((&*data.owner, &*data.log_group), ("111122223333", "g\""));
            let event = |event: LogEvent<'_>| {
                format!("{} {} {}", event.id, event.timestamp, event.message.raw)
            };
            let events: Vec<_> = data.events().map(event).collect();
            (data.log_stream.clone(), events)
        };
        let (first, second) = (r#"1 5 {\"x\":\"\u00e9\"}"#, "3 6 ");
        let payloads: Vec<_> = page.payloads.iter().map(payload).collect();
        let expected = [
            ("a".to_owned(), vec![first.to_owned(), second.to_owned()]),
            ("b\"".to_owned(), vec!["2 7 plain".to_owned()]),
        ];
        assert_eq!(payloads, expected);

        let data = &page.payloads[0];
        let selected = select(data, data.events().take(1)).unwrap();
        assert_eq!(payload(&selected), ("a".to_owned(), vec![first.to_owned()]));
    }

    #[test]
    fn an_empty_page_may_have_a_token() {
        let page = read(
            r#"{"events":[],"nextToken":"t","searchedLogStreams":[]}"#,
            &group(),
            &nothing(),
        )
        .unwrap();
        assert_eq!((page.events, page.times), (0, None));
        assert_eq!(page.next_token.as_deref(), Some("t"));
        let last = read(r#"{"events":[],"nextToken":null}"#, &group(), &nothing()).unwrap();
        assert_eq!(last.next_token, None);
    }

    #[test]
    fn a_page_without_the_member_for_log_events_is_not_cloudwatch_s() {
        for body in [
            "{}",
            r#"{"error":"x"}"#,
            r#"{"__type":"AccessDeniedException","message":"x"}"#,
            r#"{"Events":[]}"#,
            r#"{"output":{"events":[]}}"#,
            r#"{"nextToken":"t","searchedLogStreams":[]}"#,
        ] {
            let error = read(body, &group(), &nothing()).err();
            assert_eq!(error, Some(Unusable::Foreign), "{body}");
        }
        for body in ["[]", "null", "", r#"{"events":null}"#, r#"{"events":{}}"#] {
            let error = read(body, &group(), &nothing()).err();
            assert_eq!(error, Some(Unusable::Malformed), "{body}");
        }
    }

    #[test]
    fn a_log_event_of_another_time_is_no_answer() {
        for time in [4, 9, i64::MIN, i64::MAX] {
            let time_of = format!(r#""timestamp":{time},"#);
            let body = PAGE.replace(r#""timestamp":6,"#, &time_of);
            let error = read(&body, &group(), &nothing()).err();
            assert_eq!(error, Some(Unusable::Stray(time)));
        }
    }

    #[test]
    fn log_events_of_the_page_before_are_left_out() {
        let first = read(PAGE, &group(), &nothing()).unwrap();
        // The third log event again, another one with its id, and a new one.
        let events = r#"{"events":[
            {"logStreamName":"a","timestamp":6,"eventId":"3"},
            {"logStreamName":"a","timestamp":6,"eventId":"3","message":"other"},
            {"logStreamName":"a","timestamp":8,"eventId":"4"},
            {"logStreamName":"a","timestamp":8,"eventId":"4"}]}"#;
        let second = read(events, &group(), &first.seen).unwrap();
        let ids = second.payloads.iter().flat_map(LogData::events);
        let ids: Vec<_> = ids
            .map(|event| (event.id.to_owned(), event.message.raw.len()))
            .collect();
        assert_eq!(ids, [("3".to_owned(), 5), ("4".to_owned(), 0)]);
        assert_eq!(second.events, 2);
        assert_eq!(second.seen.len(), 3);
    }

    #[test]
    fn a_page_is_read_whole_or_not_at_all() {
        for end in 0..PAGE.len() {
            let (cut, _) = PAGE.split_at(end);
            assert_eq!(
                read(cut, &group(), &nothing()).err(),
                Some(Unusable::Malformed),
                "{cut}"
            );
        }
        let nameless = PAGE.replace(r#","eventId":"3""#, "");
        assert_eq!(
            read(&nameless, &group(), &nothing()).err(),
            Some(Unusable::NoId)
        );
        let timeless = PAGE.replace(r#""timestamp":6,"#, "");
        assert_eq!(
            read(&timeless, &group(), &nothing()).err(),
            Some(Unusable::Malformed)
        );
    }
}
