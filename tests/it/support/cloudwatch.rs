//! CloudWatch Logs for the faults that moto cannot show: throttling, empty and cut pages, and
//! tokens that expire. Requests that are signed wrongly are rejected.
#![expect(clippy::unwrap_used, reason = "the functions around a test are tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use apigw_logs::event_id::EventId;

use super::history::{LogEvent, OWNER};
use super::json::Json;
use super::raw_tcp::{RawTcp, read_head_and_body, send};
use super::signature::{signed_region, verify_in};

/// The fate of a request for log events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    /// `ThrottlingException`.
    Throttled,
    /// A page without log events, after which the rest is still to come.
    Empty,
    /// A page that ends in the middle, with or without the connection.
    Cut,
    CutJson,
    /// The session token has expired.
    Expired,
    /// The token of the page has expired.
    Forgotten,
    /// The first page again, with the token of one of so many.
    Circle(usize),
    /// A page without log events, with the token of one of so many.
    EmptyCircle(usize),
    /// This, as if it were an answer.
    Says(&'static str),
    /// Four mebibytes of a sign, as if they were an error.
    Signs(&'static str),
}

/// The server.
pub(crate) struct CloudWatch {
    server: RawTcp,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Default)]
struct Seen {
    requests: usize,
    /// The actions that were called.
    actions: BTreeSet<String>,
    /// The members by which log groups were named.
    named_by: BTreeSet<&'static str>,
    /// The regions for which requests were signed.
    regions: BTreeSet<String>,
    wrong: Vec<String>,
}

/// Log events with ids in CloudWatch's layout, a millisecond apart.
pub(crate) fn events(stream: &str, start: i64, lines: &[String]) -> Vec<LogEvent> {
    let event = |(number, line): (usize, &String)| {
        let timestamp = start + i64::try_from(number).unwrap();
        let time = u64::try_from(timestamp).unwrap();
        let id = EventId {
            event_time: time,
            ingestion_time: time + 700,
            request: stream.bytes().map(u64::from).sum(),
            place: u16::try_from(number % 60_000).unwrap(),
        };
        LogEvent {
            id: id.to_string(),
            stream: stream.to_owned(),
            timestamp,
            message: line.clone(),
        }
    };
    lines.iter().enumerate().map(event).collect()
}

impl CloudWatch {
    /// Serves these log groups in pages of so many log events. The test says what becomes of each
    /// request for log events, by its number.
    pub(crate) fn start(
        groups: BTreeMap<String, Vec<LogEvent>>,
        page: usize,
        fault: impl Fn(usize) -> Fault + Send + Sync + 'static,
    ) -> Self {
        Self::serve(groups, page, fault, None)
    }

    /// Answers each request for log groups with this.
    pub(crate) fn start_with_list(list: &'static str) -> Self {
        Self::serve(BTreeMap::new(), 1, |_| Fault::None, Some(list))
    }

    fn serve(
        groups: BTreeMap<String, Vec<LogEvent>>,
        page: usize,
        fault: impl Fn(usize) -> Fault + Send + Sync + 'static,
        list: Option<&'static str>,
    ) -> Self {
        let seen = Arc::<Mutex<Seen>>::default();
        let noted = Arc::clone(&seen);
        let server = RawTcp::start(move |_, stream| {
            while let Some((head, body)) = read_head_and_body(stream) {
                let (status, answer, is_cut) = {
                    let mut seen = noted.lock().unwrap();
                    let region = signed_region(&head).unwrap_or_default();
                    if let Err(problem) = verify_in(&region, &head, &body, "logs") {
                        seen.wrong.push(problem);
                    }
                    seen.regions.insert(region);
                    match list {
                        Some(list) => (200, list.to_owned(), false),
                        None => answer(&mut seen, &groups, (&head, &body), page, &fault),
                    }
                };
                let length = answer.len();
                let head = format!("HTTP/1.1 {status} -\r\ncontent-length: {length}\r\n\r\n");
                let sent = if is_cut { length / 2 } else { length };
                let (answer, _) = answer.as_bytes().split_at(sent);
                let answer = [head.as_bytes(), answer].concat();
                if !send(stream, answer) || is_cut {
                    return;
                }
            }
        });
        Self { server, seen }
    }

    pub(crate) fn url(&self) -> &str {
        &self.server.url
    }

    /// Returns the number of requests for log events.
    pub(crate) fn requests(&self) -> usize {
        self.seen.lock().unwrap().requests
    }

    pub(crate) fn actions(&self) -> BTreeSet<String> {
        self.seen.lock().unwrap().actions.clone()
    }

    pub(crate) fn regions(&self) -> BTreeSet<String> {
        self.seen.lock().unwrap().regions.clone()
    }

    pub(crate) fn named_by(&self) -> BTreeSet<&'static str> {
        self.seen.lock().unwrap().named_by.clone()
    }
}

impl Drop for CloudWatch {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let wrong = &self.seen.lock().unwrap().wrong;
            assert!(wrong.is_empty(), "{wrong:?}");
        }
    }
}

fn answer(
    seen: &mut Seen,
    groups: &BTreeMap<String, Vec<LogEvent>>,
    (head, body): (&str, &[u8]),
    page: usize,
    fault: &impl Fn(usize) -> Fault,
) -> (u16, String, bool) {
    let parameters = Json::read(std::str::from_utf8(body).unwrap());
    let action = head.to_lowercase();
    if action.contains("x-amz-target: logs_20140328.describeloggroups\r\n") {
        seen.actions.insert("logs:DescribeLogGroups".to_owned());
        let region = signed_region(head).unwrap();
        return (200, described(groups, &parameters, &region), false);
    }
    assert!(
        action.contains("x-amz-target: logs_20140328.filterlogevents\r\n"),
        "{head}"
    );
    seen.actions.insert("logs:FilterLogEvents".to_owned());
    let number = seen.requests;
    seen.requests += 1;
    let fault = fault(number);
    let problem = |kind: &str| {
        (
            400,
            format!(r#"{{"__type":"{kind}","message":"no"}}"#),
            false,
        )
    };
    match fault {
        Fault::Throttled => return problem("ThrottlingException"),
        Fault::Expired => return problem("ExpiredTokenException"),
        Fault::Forgotten => return problem("InvalidParameterException"),
        Fault::Says(answer) => return (200, answer.to_owned(), false),
        Fault::Signs(sign) => return (400, sign.repeat((4 << 20) / sign.len()), false),
        _ => {}
    }
    let name = match parameters.text("logGroupIdentifier") {
        Some(arn) => {
            seen.named_by.insert("logGroupIdentifier");
            arn.rsplit("log-group:").next().unwrap()
        }
        None => {
            seen.named_by.insert("logGroupName");
            parameters.text("logGroupName").unwrap()
        }
    };
    let Some(events) = groups.get(name) else {
        return problem("ResourceNotFoundException");
    };
    let time = |name| parameters.number(name).unwrap();
    let times = time("startTime")..=time("endTime");
    let circle = match fault {
        Fault::Circle(length) | Fault::EmptyCircle(length) => Some(length),
        _ => None,
    };
    let token = parameters.text("nextToken").filter(|_| circle.is_none());
    // A token has the place, and the number of its page: no two are the same.
    let place = token.and_then(|token| token.split('-').next());
    let first = place.map_or(0, |place| place.parse().unwrap());
    let size = match fault {
        Fault::Empty | Fault::EmptyCircle(_) => 0,
        _ => page,
    };
    let wanted: Vec<_> = events
        .iter()
        .filter(|event| times.contains(&event.timestamp))
        .collect();
    let events: Vec<_> = wanted
        .iter()
        .skip(first)
        .take(size)
        .map(|event| json(event))
        .collect();
    let next = first + events.len();
    let token = match circle {
        Some(length) => format!(r#","nextToken":"{}""#, number % length),
        None if next < wanted.len() => format!(r#","nextToken":"{next}-{number}""#),
        None => String::new(),
    };
    let mut answer = format!(
        r#"{{"events":[{}],"searchedLogStreams":[]{token}}}"#,
        events.join(",")
    );
    if fault == Fault::CutJson {
        answer.truncate(answer.len() / 2);
    }
    (200, answer, fault == Fault::Cut)
}

fn described(groups: &BTreeMap<String, Vec<LogEvent>>, parameters: &Json, region: &str) -> String {
    let prefix = parameters.text("logGroupNamePrefix").unwrap_or_default();
    let names = groups.keys().filter(|name| name.starts_with(prefix));
    let names: Vec<_> = names.filter(|name| !name.starts_with("foreign")).collect();
    // One log group a page.
    let first = parameters
        .text("nextToken")
        .map_or(0, |token| token.parse().unwrap());
    let group = names.get(first).map_or(String::new(), |name| {
        let text = |text: &str| Json::Text(text.to_owned()).compact();
        let arn = format!("arn:aws:logs:{region}:{OWNER}:log-group:{name}:*");
        let (name, arn) = (text(name), text(&arn));
        format!(r#"{{"logGroupName":{name},"arn":{arn},"storedBytes":1}}"#)
    });
    let token = if first + 1 < names.len() {
        format!(r#","nextToken":"{}""#, first + 1)
    } else {
        String::new()
    };
    format!(r#"{{"logGroups":[{group}]{token}}}"#)
}

fn json(event: &LogEvent) -> String {
    format!(
        r#"{{"logStreamName":"{}","timestamp":{},"message":{},"ingestionTime":{},"eventId":"{}"}}"#,
        event.stream,
        event.timestamp,
        Json::Text(event.message.clone()).compact(),
        event.timestamp + 700,
        event.id
    )
}
