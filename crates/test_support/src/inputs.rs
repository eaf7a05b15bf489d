//! Inputs for measurements: lines, payloads and events as AWS delivers them, the same in every run.

use std::fmt::Write as _;
use std::io::Write as _;

use apigw_logs::cli::{ApiType, log_format};
use apigw_logs::event_id::EventId;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use clap::ValueEnum;
use flate2::Compression;
use flate2::write::GzEncoder;

/// User agents of real API clients: browsers, apps, libraries, robots, scanners.
pub const USER_AGENTS: &str = include_str!("../../../benches/user_agents.txt");

/// The formats of access logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum InputFormat {
    /// REST API, the documented format: some 700 bytes a line.
    Rest,
    /// HTTP API, the documented format.
    Http,
    /// WebSocket API, the documented format.
    Websocket,
    /// REST API, the recommended format: some 1,700 bytes a line.
    RestFull,
}

impl InputFormat {
    /// Returns the name for tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rest => "REST",
            Self::Http => "HTTP",
            Self::Websocket => "WebSocket",
            Self::RestFull => "REST, recommended",
        }
    }

    fn template(self) -> String {
        match self {
            Self::Rest => log_format(ApiType::Rest, true),
            Self::Http => log_format(ApiType::Http, true),
            Self::Websocket => log_format(ApiType::Websocket, true),
            Self::RestFull => log_format(ApiType::Rest, false),
        }
    }
}

/// Pseudorandom numbers, the same in every run: `splitmix64`,
/// <https://prng.di.unimi.it/splitmix64.c>.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        let position =
            usize::try_from(self.below(choices.len() as u64)).expect("it is below a usize");
        *choices.get(position).expect("it is below the length")
    }

    fn uuid(&mut self) -> String {
        let high = self.next();
        let low = self.next();
        format!(
            "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
            high >> 32,
            high & 0xffff,
            low >> 52,
            low & 0xfff,
            low & 0xffff_ffff_ffff
        )
    }
}

/// Returns this many lines of a format, each of another request.
pub fn lines(format: InputFormat, count: usize) -> Vec<String> {
    let template = format.template();
    let user_agents: Vec<&str> = USER_AGENTS.lines().collect();
    let mut chance = Chance(7);
    (0..count)
        .map(|number| line(&template, &user_agents, number, &mut chance))
        .collect()
}

/// Returns a line as API Gateway makes it: the text of each variable in its place, and `-` where
/// there is none.
fn line(template: &str, user_agents: &[&str], number: usize, chance: &mut Chance) -> String {
    let mut line = String::with_capacity(2 * template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("$context.") {
        let (variable, after) = after
            .split_once('"')
            .expect("every variable stands in quotes");
        line.push_str(before);
        line.push_str(&value(variable, user_agents, number, chance));
        line.push('"');
        rest = after;
    }
    line + rest
}

fn value(variable: &str, user_agents: &[&str], number: usize, chance: &mut Chance) -> String {
    match variable {
        "identity.userAgent" => chance
            .one_of(user_agents)
            .replace('\\', r"\\")
            .replace('"', "\\\""),
        "requestId" | "integration.requestId" | "authorizer.requestId" => chance.uuid(),
        "extendedRequestId" | "connectionId" => BASE64_STANDARD.encode(chance.next().to_be_bytes()),
        "identity.sourceIp" => format!("81.2.{}.{}", chance.below(256), chance.below(256)),
        "requestTimeEpoch" => (1_772_353_800_000 + 3 * number).to_string(),
        "path" => format!(
            "/prod/customers/{}/orders/{}",
            chance.below(5_000),
            chance.below(100_000)
        ),
        "resourcePath" => "/customers/{customerId}/orders/{orderId}".to_owned(),
        "responseLength" => chance.below(20_000).to_string(),
        "responseLatency" | "integration.latency" | "authorizer.latency" => {
            chance.below(400).to_string()
        }
        "xrayTraceId" => format!(
            "1-69a3f6c8-{:012x}{:012x}",
            chance.below(1 << 48),
            chance.below(1 << 48)
        ),
        "webaclArn" => format!(
            "arn:aws:wafv2:eu-central-1:111122223333:regional/webacl/api/{}",
            "0f1e2d3c-0000-4000-8000-0123456789ab"
        ),
        "authorizer.principalId" => format!("user-{}", chance.below(5_000)),
        other => fixed_value(other, chance).to_owned(),
    }
}

fn fixed_value(variable: &str, chance: &mut Chance) -> &'static str {
    match variable {
        "accountId" => "111122223333",
        "apiId" => "a1b2c3d4e5",
        "domainName" => "a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com",
        "httpMethod" => chance.one_of(&["GET", "GET", "GET", "POST", "PUT", "DELETE"]),
        "status" => chance.one_of(&["200", "200", "200", "201", "304", "400", "404", "500"]),
        "integration.status" | "integration.integrationStatus" | "authorizer.status" => "200",
        "eventType" => chance.one_of(&["CONNECT", "MESSAGE", "MESSAGE", "DISCONNECT"]),
        "protocol" => "HTTP/1.1",
        "stage" => "prod",
        "wafResponseCode" => "WAF_ALLOW",
        "tlsVersion" => "TLSv1.3",
        "cipherSuite" => "TLS_AES_128_GCM_SHA256",
        _ => "-",
    }
}

/// Returns the message of a log group with these lines, as CloudWatch Logs writes it before
/// compression.
pub fn envelope(lines: &[String]) -> String {
    let mut json = concat!(
        r#"{"messageType":"DATA_MESSAGE","owner":"111122223333","logGroup":"API-Gateway-Access-Logs_a1b2c3d4e5/prod","#,
        r#""logStream":"65e8800b5c6800aad896f888b2a62afc","subscriptionFilters":["apigw-logs"],"logEvents":["#,
    )
    .to_owned();
    for (number, line) in lines.iter().enumerate() {
        let separator = if number == 0 { "" } else { "," };
        let message = serde_json::to_string(line).expect("a text can be written as JSON");
        let time = 1_772_353_800_210 + number as u64;
        let id = EventId {
            event_time: time,
            ingestion_time: time + 1_000,
            request: 0x498a_b9ae_60be_4bb0,
            place: number as u16,
        };
        write!(
            json,
            r#"{separator}{{"id":"{id}","timestamp":{time},"message":{message}}}"#
        )
        .expect("a String grows");
    }
    json + "]}"
}

/// Returns the compressed message, in base64.
pub fn payload(lines: &[String]) -> String {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(envelope(lines).as_bytes())
        .expect("writing to a Vec cannot fail");
    BASE64_STANDARD.encode(gzip.finish().expect("writing to a Vec cannot fail"))
}

/// Returns the event of a direct subscription.
pub fn direct(payload: &str) -> String {
    format!(r#"{{"awslogs":{{"data":"{payload}"}}}}"#)
}

/// Returns the event of a Kinesis stream with this many records, which all hold the same payload.
pub fn kinesis(payload: &str, records: usize) -> String {
    let record = |number| {
        format!(
            r#"{{"eventSource":"aws:kinesis","kinesis":{{"sequenceNumber":"{number}","data":"{payload}"}}}}"#
        )
    };
    format!(
        r#"{{"Records":[{}]}}"#,
        (0..records).map(record).collect::<Vec<_>>().join(",")
    )
}

/// Returns Elasticsearch's reply to a request with this body, of whose documents all are stored. It
/// has the members that the program asks for.
pub fn reply(body: &[u8]) -> String {
    const AN_ITEM: usize = 80;
    let lines = || body.split(|byte| *byte == b'\n');
    let mut reply = String::with_capacity(lines().count() / 2 * AN_ITEM);
    reply.push_str(r#"{"items":["#);
    // The lines of documents lie between those of actions.
    for action in lines().step_by(2).filter(|line| !line.is_empty()) {
        let action = str::from_utf8(action).unwrap_or_default();
        reply.push_str(action.trim_end_matches('}'));
        reply.push_str(r#","status":201}},"#);
    }
    reply.truncate(reply.trim_end_matches(',').len());
    reply.push_str("]}");
    reply
}
