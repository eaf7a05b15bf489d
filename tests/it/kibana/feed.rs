//! Lines for the Pipeline dashboard, of all forms, whole and broken, each with its right result. One
//! feed is made of the hand-made files, the other is drawn by chance.

use std::collections::BTreeMap;

use super::sample::{DELAYS, EVENT_TIME, raw};

/// A line on its way.
pub(super) struct Fed {
    pub(super) log_group: String,
    pub(super) line: String,
    /// The time of its document, in milliseconds since 1970.
    pub(super) time: u64,
    /// The seconds until its document was ingested.
    pub(super) lag: u64,
    /// The place of its form in [`FORMS`].
    pub(super) form: usize,
    pub(super) is_unparsed: bool,
    pub(super) is_cut_off: bool,
    pub(super) is_rejected: bool,
    pub(super) repairs: &'static [&'static str],
    pub(super) unmapped: &'static [&'static str],
}

/// The forms of lines in the order of the panel *Documents by format*, each with its files.
pub(super) const FORMS: [&[&str]; 7] = [
    &["rest", "http", "websocket", "short", "broken", "repaired"],
    &["clf"],
    &["key-value"],
    &["request-id"],
    &["xml"],
    &["execution"],
    &["not-known"],
];

/// Returns the lines of the hand-made files.
pub(super) fn of_fixtures() -> Vec<Fed> {
    // The repairs and the unmapped keys of each line of `repaired.log`.
    const REPAIRED: [(&[&str], &[&str]); 3] = [
        (&["missing_value"], &["tenant", "shard"]),
        (&["commas"], &[]),
        (&["missing_value"], &["tenant"]),
    ];
    let file = |(name, delay): (&'static str, u64)| {
        let lines: Vec<_> = raw(name).lines().map(str::to_owned).collect();
        lines.into_iter().zip(0_u64..).map(move |(line, number)| {
            let place = usize::try_from(number).expect("few");
            let repaired = REPAIRED.get(place).filter(|_| name == "repaired");
            let (repairs, unmapped) = repaired.copied().unwrap_or_default();
            Fed {
                log_group: format!("/{name}"),
                time: time_of(&line).unwrap_or(EVENT_TIME + number),
                line,
                lag: delay + number,
                form: form_of(name),
                is_unparsed: ["not-known", "broken"].contains(&name),
                is_cut_off: name == "broken",
                is_rejected: name == "refused",
                repairs,
                unmapped,
            }
        })
    };
    DELAYS
        .into_iter()
        .chain([("refused", 0)])
        .flat_map(file)
        .collect()
}

fn form_of(file: &str) -> usize {
    let place = FORMS.iter().position(|files| files.contains(&file));
    place.unwrap_or_default()
}

/// Returns the time that a line of the files has.
fn time_of(line: &str) -> Option<u64> {
    let epoch = line.split_once("\"requestTimeEpoch\":\"");
    let epoch = epoch.and_then(|(_, rest)| rest.get(..13)?.parse().ok());
    let clf = line.split_once("01/Mar/2026:13:");
    let minute = clf.and_then(|(_, rest)| rest.get(..2)?.parse::<u64>().ok());
    epoch.or(minute.map(|minute| 1_772_370_000_000 + minute * 60_000))
}

/// 2026-01-17T08:00:00Z, in milliseconds since 1970, and the day of the lines drawn by chance.
pub(super) const BEGINS: u64 = 1_768_636_800_000;
pub(super) const CHANCE: [&str; 2] = ["2026-01-17T00:00:00Z", "2026-01-18T00:00:00Z"];

/// Returns 400 lines of ten kinds in four log groups, drawn by chance from a fixed seed.
pub(super) fn by_chance() -> Vec<Fed> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut draw = |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    };
    let mut places: BTreeMap<u64, u64> = BTreeMap::new();
    let mut feed: Vec<_> = (0..400)
        .map(|number| {
            let group = draw(4);
            let place = places.entry(group).or_default();
            let (kind, minute) = (draw(10), draw(480));
            let fed = drawn(kind, group, minute, number, *place);
            *place += 1;
            fed
        })
        .collect();
    for number in 0..5 {
        let line = format!(
            r#"{{"requestId":"r{number}","status":"20{number}","requestTimeEpoch":"{}"}}"#,
            BEGINS + number
        );
        feed.push(Fed {
            log_group: "/chance-rejected".to_owned(),
            line,
            is_rejected: true,
            ..drawn(0, 0, 0, number, 0)
        });
        if let Some(last) = feed.last_mut() {
            last.time = BEGINS + number;
        }
    }
    feed
}

/// Returns a line of a kind. Forms without a time of their own have that of the log event.
fn drawn(kind: u64, group: u64, minute: u64, number: u64, place: u64) -> Fed {
    let own = BEGINS + minute * 60_000;
    let (hour, of_hour) = (8 + minute / 60, minute % 60);
    let clock = format!("17/Jan/2026:{hour:02}:{of_hour:02}:00 +0000");
    let id = format!("6b1c2d3e-0000-4000-9000-{number:012}");
    let json = |more: &str| format!(r#"{{"requestId":"{id}",{more}"requestTimeEpoch":"{own}"}}"#);
    let mut fed = Fed {
        log_group: format!("/chance-{group}"),
        line: String::new(),
        time: own,
        lag: 10 * (group + 1) + place,
        form: 0,
        is_unparsed: false,
        is_cut_off: false,
        is_rejected: false,
        repairs: &[],
        unmapped: &[],
    };
    (fed.line, fed.form) = match kind {
        0 => (json(r#""status":"200","#), 0),
        1 => (json(r#""status":"200","colour":"red","#), 0),
        2 => (
            format!(r#"192.0.2.1 - - [{clock}] "GET /pets HTTP/1.1" 200 1184 {id}"#),
            1,
        ),
        3 => (
            format!(
                "requestId: {id}, ip: 192.0.2.1, caller: -, user: -, requestTime: {clock}, httpMethod: GET, resourcePath: /pets, status: 200, protocol: HTTP/1.1, responseLength: 1184"
            ),
            2,
        ),
        4 => (id.clone(), 3),
        5 => (
            format!(
                r#"<request id="{id}"> <ip>192.0.2.1</ip> <requestTime>{clock}</requestTime> <httpMethod>GET</httpMethod> <resourcePath>/pets</resourcePath> <status>200</status> </request>"#
            ),
            4,
        ),
        6 => (format!("({id}) Method completed with status: 200"), 5),
        7 => (format!("program {number} says something else"), 6),
        8 => (
            format!(
                r#"{{"requestId":"{id}","status":"500","requestTimeEpoch":"{own}","ip":"192.0.2"#
            ),
            0,
        ),
        _ => (json(r#""responseLatency":-,"status":200,"#), 0),
    };
    if matches!(kind, 4 | 6 | 7) {
        fed.time = BEGINS + place;
    }
    fed.is_unparsed = matches!(kind, 7 | 8);
    fed.is_cut_off = kind == 8;
    fed.repairs = if kind == 9 { &["missing_value"] } else { &[] };
    fed.unmapped = if kind == 1 { &["colour"] } else { &[] };
    fed
}
