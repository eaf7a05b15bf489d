//! Each step of the path by itself, and the whole path: the work, and the floor below which its
//! cost cannot fall.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::hint::black_box;
use std::io::Write as _;
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use apigw_logs::bulk::{Action, ActionKind, BulkBody, DocumentId, Sent, verdict};
use apigw_logs::config::{Config, SETTINGS};
use apigw_logs::decode::{Decoder, LogData, decode};
use apigw_logs::ecs::{Document, Source};
use apigw_logs::enrich::{GeoIp, UserAgents, built_in_user_agents};
use apigw_logs::event;
use apigw_logs::json::JsonText;
use apigw_logs::normalizer::{LogLine, Normalized};
use apigw_logs::pipeline::{Pipeline, identity, log_line};
use apigw_logs::server::{Exchange, Reply, Target, Transport};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bumpalo::Bump;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde::de::IgnoredAny;
use tokio::time::Instant;

use test_support::inputs::{self, InputFormat, USER_AGENTS};

/// A piece of work that can be repeated.
pub(crate) type Work = Box<dyn FnMut()>;

/// A measured step.
pub(crate) struct Step {
    /// Its name in tables and in the baseline.
    pub(crate) name: String,
    /// How many events it processes at a time, or user agents, or addresses.
    pub(crate) events: usize,
    /// The work of the step.
    pub(crate) run: Work,
    /// The least work that must be done with the same input, with the fastest tools available.
    /// `None` if nothing simpler does it.
    pub(crate) floor: Option<Work>,
}

impl Step {
    fn new(name: String, events: usize, run: impl FnMut() + 'static) -> Self {
        Self {
            name,
            events,
            run: Box::new(run),
            floor: None,
        }
    }

    fn floor(self, floor: impl FnMut() + 'static) -> Self {
        Self {
            floor: Some(Box::new(floor)),
            ..self
        }
    }
}

/// Makes a step. Making it takes some time by itself.
pub(crate) type Make = Box<dyn FnOnce() -> Step>;

/// Returns all steps, with this many events at a time.
pub(crate) fn all(events: usize) -> Vec<Make> {
    const FORMATS: [InputFormat; 4] = [
        InputFormat::Rest,
        InputFormat::Http,
        InputFormat::Websocket,
        InputFormat::RestFull,
    ];
    let mut steps: Vec<Make> = vec![
        Box::new(move || read_event(events)),
        Box::new(move || decoding(events)),
    ];
    steps.extend(FORMATS.map(|format| -> Make { Box::new(move || normalising(format, events)) }));
    steps.push(Box::new(normalising_costly_lines));
    steps.extend(
        [user_agent_known, user_agent_new, user_agent_first].map(|step| -> Make { Box::new(step) }),
    );
    steps.extend(
        [geoip, body, gzip, response].map(|step| -> Make { Box::new(move || step(events)) }),
    );
    steps.extend(
        FORMATS.map(|format| -> Make { Box::new(move || path(format, events, default_level())) }),
    );
    steps.push(Box::new(move || path(InputFormat::Rest, events, 0)));
    steps
}

/// Returns `BULK_COMPRESSION_LEVEL` as it is when nobody sets it.
pub(crate) fn default_level() -> u32 {
    let setting = SETTINGS
        .iter()
        .find(|setting| setting.name == "BULK_COMPRESSION_LEVEL");
    setting
        .and_then(|setting| setting.default?.parse().ok())
        .expect("the setting has a default")
}

/// Inputs that live until the program ends, and values that borrow from them.
fn forever<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}

fn read_event(events: usize) -> Step {
    let event = forever(inputs::direct(&inputs::payload(&inputs::lines(
        InputFormat::Rest,
        events,
    ))));
    let run = || drop(black_box(event::read(event.as_bytes())));
    Step::new("event".to_owned(), events, run).floor(|| ignore_json(event))
}

fn decoding(events: usize) -> Step {
    let lines = inputs::lines(InputFormat::Rest, events);
    let (payload, envelope) = (
        forever(inputs::payload(&lines)),
        forever(inputs::envelope(&lines)),
    );
    let gzip = forever(gzipped(envelope.as_bytes(), 6));
    let mut decoder = Decoder::default();
    let run = move || {
        let data = decoder
            .decode(payload, u64::MAX)
            .expect("the payload is good");
        decoder.reuse(black_box(data));
    };
    Step::new("base64, gunzip, envelope".to_owned(), events, run).floor(|| {
        from_base64(payload);
        inflate_fast(gzip, envelope.len());
        ignore_json(envelope);
    })
}

/// Returns the payload of an event, decoded.
fn log_data(format: InputFormat, events: usize) -> &'static LogData {
    forever(
        decode(&inputs::payload(&inputs::lines(format, events)), u64::MAX)
            .expect("the payload is good"),
    )
}

fn log_lines(data: &'static LogData) -> impl Iterator<Item = LogLine<'static>> {
    data.events().map(|event| log_line(data, &event))
}

/// Returns lines that follow each other in memory, as they do in a payload.
fn one_after_the_other(lines: &[String]) -> Vec<&'static str> {
    forever(lines.join("\n")).lines().collect()
}

fn normalising(format: InputFormat, events: usize) -> Step {
    let pipeline = forever(pipeline(0));
    let data = log_data(format, events);
    let lines = one_after_the_other(&inputs::lines(format, events));
    let mut arena = Bump::new();
    let run = move || {
        for line in log_lines(data) {
            arena.reset();
            black_box(&pipeline.normalizer.normalize(&line, &arena));
        }
    };
    let name = format!("normalise, {}", format.name());
    Step::new(name, events, run).floor(move || lines.iter().for_each(|line| ignore_json(line)))
}

/// Pieces of lines that once cost the square of their number, or that cost most today.
const COSTLY: [&str; 15] = [
    "code=1 ",
    "code<code&#61;Cookie",
    "- name: code?=\"",
    "'=\"code",
    "://::",
    "////::=",
    "sigBearer][[",
    "token[01/Mar/2026:08:30:00 +0000][[",
    "jwtsig.pin",
    "requestId x: y, ",
    "form-data; name=token\n",
    "<token>",
    "%2570assword%3d",
    "\"value\":\"x\"",
    "Bearer eyJ.a.a ",
];

/// Lines made to be expensive, as they are and as the path of a request. If the cost of one grows
/// with the square of its length, it exceeds all others.
fn normalising_costly_lines() -> Step {
    const LENGTH: usize = 16 * 1_024;
    let pipeline = pipeline(0);
    let texts = COSTLY.map(|piece| piece.repeat(LENGTH / piece.len()));
    let path = |text: &String| serde_json::json!({"requestId": "r", "path": text}).to_string();
    let lines: Vec<String> = texts
        .iter()
        .cloned()
        .chain(texts.iter().map(path))
        .collect();
    let count = lines.len();
    let mut arena = Bump::new();
    let run = move || {
        for line in &lines {
            arena.reset();
            let line = LogLine {
                message: JsonText::plain(line),
                ..LogLine::alone("", 0)
            };
            black_box(&pipeline.normalizer.normalize(&line, &arena));
        }
    };
    Step::new(
        "normalise, lines made to be expensive".to_owned(),
        count,
        run,
    )
}

/// The state after some time: the patterns for these user agents are compiled, and each user agent
/// was seen. There is enough work for any user agent.
fn any_work() -> Cell<u64> {
    Cell::new(u64::MAX)
}

fn user_agents_in_use() -> UserAgents {
    let user_agents = built_in_user_agents();
    USER_AGENTS
        .lines()
        .for_each(|user_agent| drop(user_agents.parse(user_agent, &any_work())));
    user_agents
}

fn user_agent_known() -> Step {
    let user_agents = user_agents_in_use();
    let run = move || {
        USER_AGENTS
            .lines()
            .for_each(|user_agent| drop(black_box(user_agents.parse(user_agent, &any_work()))))
    };
    Step::new(
        "user agent, known".to_owned(),
        USER_AGENTS.lines().count(),
        run,
    )
}

/// Each user agent is a little different from all before.
fn user_agent_new() -> Step {
    let user_agents = user_agents_in_use();
    let mut number = 0;
    let run = move || {
        for user_agent in USER_AGENTS.lines() {
            number += 1;
            black_box(user_agents.parse(&format!("{user_agent} {number}"), &any_work()));
        }
    };
    Step::new(
        "user agent, new".to_owned(),
        USER_AGENTS.lines().count(),
        run,
    )
}

/// No pattern is compiled yet. Compiling the necessary ones is part of the step.
fn user_agent_first() -> Step {
    let run = || {
        USER_AGENTS.lines().for_each(|user_agent| {
            drop(black_box(
                built_in_user_agents().parse(user_agent, &any_work()),
            ))
        })
    };
    Step::new(
        "user agent, the first of all".to_owned(),
        USER_AGENTS.lines().count(),
        run,
    )
}

fn geoip(events: usize) -> Step {
    // These addresses are in MaxMind's test database.
    const KNOWN: [&str; 4] = [
        "81.2.69.142",
        "89.160.20.112",
        "2.125.160.216",
        "216.160.83.56",
    ];
    let databases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/fixtures/geoip");
    let mut geoip = GeoIp::default();
    geoip
        .open_city(&databases.join("GeoIP2-City-Test.mmdb"))
        .expect("the database is good");
    geoip
        .open_asn(&databases.join("GeoLite2-ASN-Test.mmdb"))
        .expect("the database is good");
    let geoip = forever(geoip);
    let addresses = KNOWN.map(|address| address.parse::<IpAddr>().expect("it is an address"));
    let arena = forever(Bump::new());
    let run = move || {
        for address in addresses.iter().cycle().take(events) {
            let mut source = Source::default();
            geoip.apply(&mut source, *address, arena);
            black_box(&source);
        }
    };
    Step::new("GeoIP, city and network".to_owned(), events, run)
}

/// Returns the documents of the lines, with their ids.
fn documents(format: InputFormat, events: usize) -> Vec<(DocumentId, Document<'static>)> {
    let (pipeline, arena) = (forever(pipeline(0)), forever(Bump::new()));
    let mut documents = Vec::with_capacity(events);
    for (position, line) in log_lines(log_data(format, events)).enumerate() {
        let Normalized::Documents(made) = pipeline.documents(&line, arena) else {
            panic!("a line has a document")
        };
        for (part, document) in made.iter().enumerate() {
            let id = identity(&line, position, part, arena).document_id();
            documents.push((id, (*document).clone()));
        }
    }
    documents
}

/// Returns the body of one request with a document for each line.
pub(crate) fn bulk_body(format: InputFormat, events: usize) -> Vec<u8> {
    let mut body = BulkBody::default();
    documents(format, events)
        .iter()
        .for_each(|(id, document)| body.push(id, document));
    body.select(&(0..body.len()).collect::<Vec<_>>())
        .into_owned()
}

fn body(events: usize) -> Step {
    // A document is written as soon as it is made. Many documents at a time would have to come from
    // memory.
    let documents = documents(InputFormat::Rest, 50);
    let output = bulk_body(InputFormat::Rest, events);
    let (mut body, mut copy) = (BulkBody::default(), Vec::new());
    let run = move || {
        body.clear();
        documents
            .iter()
            .cycle()
            .take(events)
            .for_each(|(id, document)| body.push(id, document));
    };
    Step::new("body".to_owned(), events, run).floor(move || {
        copy.clear();
        copy.extend_from_slice(black_box(&output));
        black_box(&copy);
    })
}

fn gzip(events: usize) -> Step {
    let output = forever(bulk_body(InputFormat::Rest, events));
    let level = default_level();
    let mut compressor = libdeflater::Compressor::new(
        libdeflater::CompressionLvl::new(1).expect("there is a level 1"),
    );
    let mut buffer = vec![0; compressor.gzip_compress_bound(output.len())];
    let run = move || drop(black_box(gzipped(output, level)));
    Step::new(format!("gzip, level {level}"), events, run).floor(move || {
        let written = compressor.gzip_compress(output, &mut buffer);
        black_box(written.expect("the buffer is large enough"));
    })
}

fn response(events: usize) -> Step {
    let body = inputs::reply(&bulk_body(InputFormat::Rest, events));
    let reply = forever(Reply {
        status: 200,
        retry_after: None,
        is_echoed: true,
        is_early: false,
        body: body.clone().into_bytes(),
    });
    let ids = documents(InputFormat::Rest, events);
    let action = |(id, _): &(DocumentId, _)| Action {
        kind: ActionKind::Create,
        id: forever(id.to_string()),
    };
    let actions = forever(ids.iter().map(action).collect::<Vec<_>>());
    let sent = Sent {
        data_stream: "logs-a-b",
        actions,
    };
    let run = move || drop(black_box(verdict(reply, sent)));
    Step::new("response".to_owned(), events, run).floor(move || ignore_json(&body))
}

/// The path from the bytes of the event to the compressed bodies and their replies. Its floor is
/// the sum of the floors.
pub(crate) fn path(format: InputFormat, events: usize, level: u32) -> Step {
    let lines = inputs::lines(format, events);
    let envelope = inputs::envelope(&lines);
    let payload = inputs::payload(&lines);
    let event = inputs::direct(&payload);
    let (compressed, output) = (gzipped(envelope.as_bytes(), 6), bulk_body(format, events));
    let reply = inputs::reply(&output);
    let invoke = invocation(event.clone(), events, level);
    let lines = one_after_the_other(&lines);
    let mut copy = Vec::new();
    let floor = move || {
        ignore_json(&event);
        from_base64(&payload);
        inflate_fast(&compressed, envelope.len());
        ignore_json(&envelope);
        lines.iter().for_each(|line| ignore_json(line));
        copy.clear();
        copy.extend_from_slice(&output);
        if level > 0 {
            drop(black_box(gzipped(&copy, level)));
        }
        ignore_json(&reply);
    };
    let gzip = if level == 0 {
        "no gzip".to_owned()
    } else {
        format!("gzip {level}")
    };
    Step::new(
        format!("whole path, {}, {gzip}", format.name()),
        events,
        invoke,
    )
    .floor(floor)
}

/// Runs the whole path with an event whose documents are all stored.
pub(crate) fn invocation(event: String, events: usize, level: u32) -> impl FnMut() {
    let pipeline = pipeline(level);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime can be made");
    move || {
        let invocation = runtime.block_on(async {
            let deadline = Instant::now() + Duration::from_secs(900);
            pipeline.invoke(event.as_bytes(), Some(deadline)).await
        });
        assert_eq!(
            invocation.report.indexed, events as u64,
            "every event has its document"
        );
    }
}

/// Returns the path with default settings, into a server that stores everything at once.
pub(crate) fn pipeline(level: u32) -> Pipeline<Sink> {
    let config = Config::from_vars(|_| None).expect("the defaults are good");
    config
        .pipeline(Sink {
            level,
            replies: RefCell::default(),
        })
        .expect("the defaults name no files")
}

/// A server without a network. It compresses the body as for a real server.
#[derive(Debug)]
pub(crate) struct Sink {
    level: u32,
    /// Replies by the lengths and first actions of their bodies, so that the reply to a repeated
    /// body is not made again.
    replies: RefCell<HashMap<(usize, Vec<u8>), String>>,
}

impl Transport for Sink {
    async fn bulk(&self, _target: Target<'_>, body: Cow<'_, [u8]>, _timeout: Duration) -> Exchange {
        let bytes_sent = if self.level == 0 {
            body.to_vec()
        } else {
            gzipped(&body, self.level)
        }
        .len() as u64;
        let mut replies = self.replies.borrow_mut();
        let first = memchr::memchr(b'\n', &body).unwrap_or(body.len());
        let key = (body.len(), body.get(..first).unwrap_or_default().to_vec());
        let reply = replies.entry(key).or_insert_with(|| reply(&body)).clone();
        let reply = Reply {
            status: 200,
            retry_after: None,
            is_echoed: true,
            is_early: false,
            body: reply.into_bytes(),
        };
        Exchange {
            bytes_sent,
            result: Ok(reply),
        }
    }

    async fn refresh_credentials(&self, _timeout: Duration) -> bool {
        false
    }
}

/// Makes the reply that all documents of a body are stored, as `inputs::reply` does, but in few
/// instructions: they count as the path's.
fn reply(body: &[u8]) -> String {
    let mut ends = memchr::memchr_iter(b'\n', body);
    let mut reply = Vec::with_capacity(body.len() / 8);
    reply.extend_from_slice(br#"{"items":["#);
    let mut start = 0;
    while let (Some(action), Some(document)) = (ends.next(), ends.next()) {
        let action = body.get(start..action).unwrap_or_default();
        reply.extend_from_slice(action.strip_suffix(b"}}").unwrap_or(action));
        reply.extend_from_slice(br#","status":201}},"#);
        start = document + 1;
    }
    reply.pop();
    reply.extend_from_slice(b"]}");
    String::from_utf8(reply).expect("ids are ASCII")
}

/// Compresses a body as `elasticsearch` does.
pub(crate) fn gzipped(bytes: &[u8], level: u32) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 8), Compression::new(level));
    encoder
        .write_all(bytes)
        .and_then(|()| encoder.finish())
        .expect("writing to a Vec cannot fail")
}

fn from_base64(payload: &str) {
    drop(black_box(BASE64_STANDARD.decode(black_box(payload))));
}

/// Inflates with libdeflate, which is the fastest library but needs to know the size.
fn inflate_fast(gzip: &[u8], size: usize) {
    let mut inflated = vec![0; size];
    let mut decompressor = libdeflater::Decompressor::new();
    black_box(
        decompressor
            .gzip_decompress(gzip, &mut inflated)
            .expect("the gzip stream is good"),
    );
}

/// Reads JSON and keeps nothing of it.
fn ignore_json(text: &str) {
    let _: IgnoredAny = black_box(serde_json::from_str(black_box(text)).expect("the text is JSON"));
}
