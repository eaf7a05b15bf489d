//! Times, numbers and addresses compared with real `date` and `convert` processors. Of the servers
//! of the tests only OpenSearch has these processors, so the test does nothing with another server.
#![expect(clippy::unwrap_used, reason = "the functions around a test are tests")]

use std::collections::BTreeSet;

use apigw_logs::config::Config;
use apigw_logs::ecs::Timestamp;
use apigw_logs::json::WriteJson;
use apigw_logs::normalizer::convert::timestamp;
use apigw_logs::normalizer::{LogLine, Normalized};
use apigw_logs::pipeline::Pipeline;
use bumpalo::Bump;
use proptest::{collection::vec, option, prelude::*};
use serde::{Deserialize, Serialize};

use crate::support::generated::{generated, piece, pieces, unescape};
use crate::support::search_server::{self, Flavour};

/// The number of cases of each kind.
const GENERATED: usize = 2_000;

/// Times, numbers and addresses that somebody may log, and edge cases of Java's parsers.
const COLLECTED: &str = include_str!("oracles/values.txt");

/// The answers of the processors to one text.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Answers {
    long: Option<i64>,
    ip: Option<String>,
    unix: Option<String>,
    unix_ms: Option<String>,
    iso8601: Option<String>,
    clf: Option<String>,
}

/// An intended difference: docs/decisions.md has the reason.
struct Deliberate {
    what: &'static str,
    holds: fn(text: &str, ours: Option<&str>, theirs: Option<&str>) -> bool,
}

#[test]
fn values_are_read_as_the_processors_read_them() {
    let server = search_server::shared();
    if server.flavour != Flavour::OpenSearch {
        return;
    }
    let mut texts: Vec<String> = COLLECTED.lines().map(unescape).collect();
    texts.extend(generated(&number(), GENERATED));
    texts.extend(generated(&address(), GENERATED));
    texts.extend(generated(&iso8601(), GENERATED));
    texts.extend(generated(&clf(), GENERATED));
    let answers = simulate(&texts);
    let answers: Vec<_> = texts.iter().map(String::as_str).zip(&answers).collect();

    let problems = [
        compare("convert to long", &answers, LONGS, status, |answers, _| {
            answers.long.map(|value| value.to_string())
        }),
        compare(
            "convert to ip",
            &answers,
            ADDRESSES,
            source_ip,
            |answers, _| answers.ip.clone(),
        ),
        compare(
            "date ISO8601",
            &answers,
            ISO8601,
            |text| shown(timestamp::iso8601(text)),
            |answers, _| answers.iso8601.clone(),
        ),
        compare(
            "date CLF",
            &answers,
            CLF,
            |text| shown(timestamp::clf(text)),
            |answers, _| answers.clf.clone(),
        ),
        compare(
            "date UNIX or UNIX_MS",
            &answers,
            EPOCHS,
            |text| shown(timestamp::epoch(text)),
            epoch,
        ),
    ]
    .concat();
    assert!(
        problems.is_empty(),
        "{} problems:\n{}",
        problems.len(),
        problems
            .iter()
            .take(100)
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join("\n")
    );
}

/// Distinguishes the two as [`timestamp::epoch`] does.
fn epoch(answers: &Answers, text: &str) -> Option<String> {
    let is_milliseconds = text.parse::<f64>().is_ok_and(|value| value.abs() >= 1e11);
    if is_milliseconds {
        answers.unix_ms.clone()
    } else {
        answers.unix.clone()
    }
}

/// Collects unintended differences, and intended ones that were not seen.
fn compare(
    processor: &str,
    answers: &[(&str, &Answers)],
    deliberate: &[Deliberate],
    ours: impl Fn(&str) -> Option<String>,
    theirs: impl Fn(&Answers, &str) -> Option<String>,
) -> Vec<String> {
    let mut problems = Vec::new();
    let mut taken = 0;
    let mut seen = BTreeSet::new();
    for (text, answers) in answers {
        let (ours, theirs) = (ours(text), theirs(answers, text));
        taken += usize::from(theirs.is_some());
        if ours == theirs {
            continue;
        }
        match deliberate
            .iter()
            .find(|way| (way.holds)(text, ours.as_deref(), theirs.as_deref()))
        {
            Some(way) => drop(seen.insert(way.what)),
            None => problems.push(format!("{processor} {text:?}: {ours:?}, not {theirs:?}")),
        }
    }
    if taken < 500 {
        problems.push(format!(
            "{processor} takes no more than {taken} of the texts"
        ));
    }
    let not_seen = deliberate.iter().filter(|way| !seen.contains(way.what));
    problems.extend(not_seen.map(|way| format!("{processor} never differs so: {}", way.what)));
    problems
}

const LONGS: &[Deliberate] = &[
    Deliberate {
        what: "a whole number with a fraction of zero is one",
        holds: |text, ours, _| ours.is_some() && text.contains('.'),
    },
    Deliberate {
        what: OTHER_DIGITS,
        holds: |text, ours, _| ours.is_none() && !text.is_ascii(),
    },
];

const ADDRESSES: &[Deliberate] = &[
    Deliberate {
        what: "an address with a zone is none",
        holds: |text, ours, _| ours.is_none() && text.contains('%'),
    },
    Deliberate {
        what: "no more than four digits stand between two colons",
        holds: |text, ours, _| ours.is_none() && text.split(':').any(|group| group.len() > 4),
    },
    Deliberate {
        what: OTHER_DIGITS,
        holds: |text, ours, _| ours.is_none() && !text.is_ascii(),
    },
];

const ISO8601: &[Deliberate] = &[
    Deliberate {
        what: "of the names of time zones only UTC, GMT and UT are known",
        holds: |text, ours, _| {
            ours.is_none()
                && text.contains(|c: char| c.is_ascii_alphabetic() && !matches!(c, 'T' | 'Z'))
        },
    },
    Deliberate {
        what: "years are 1 to 9999",
        holds: |text, ours, theirs| {
            let is_beyond = theirs.is_some_and(|theirs| theirs.starts_with('+'));
            ours.is_none()
                && (is_beyond
                    || ["+", "-", "0000", "0001"]
                        .iter()
                        .any(|year| text.starts_with(year)))
        },
    },
    Deliberate {
        what: "a year with a time, but no day, is nothing (and 1970 there)",
        holds: |text, ours, theirs| {
            let is_1970 = theirs
                .is_some_and(|theirs| theirs.starts_with("1970") || theirs.starts_with("1969"));
            ours.is_none() && is_1970 && text.find('T') == Some(4)
        },
    },
];

const CLF: &[Deliberate] = &[Deliberate {
    what: "brackets are taken off",
    holds: |text, ours, _| ours.is_some() && text.starts_with('['),
}];

const EPOCHS: &[Deliberate] = &[
    Deliberate {
        what: "no request was before 1970",
        holds: |text, ours, _| ours.is_none() && text.starts_with('-'),
    },
    Deliberate {
        what: "no year is after 9999",
        holds: |_, ours, theirs| {
            ours.is_none() && theirs.is_some_and(|theirs| theirs.starts_with('+'))
        },
    },
    Deliberate {
        what: "milliseconds may have a fraction or an exponent",
        holds: |text, ours, theirs| {
            ours.is_some() && theirs.is_none() && text.contains(['.', 'e', 'E'])
        },
    },
    Deliberate {
        what: "what only Java calls a number is none",
        holds: |text, ours, _| {
            ours.is_none() && text.contains(|c: char| !c.is_ascii_digit() && !".eE+-".contains(c))
        },
    },
];

const OTHER_DIGITS: &str = "digits are 0 to 9";

thread_local! {
    static PIPELINE: Pipeline<()> = Config::from_vars(|_| None).and_then(|config| config.pipeline(())).unwrap();
}

fn shown(milliseconds: Option<i64>) -> Option<String> {
    milliseconds.map(|time| {
        serde_json::to_string(&Timestamp(time))
            .unwrap()
            .trim_matches('"')
            .to_owned()
    })
}

fn status(text: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Document {
        http: Option<Http>,
    }
    #[derive(Deserialize)]
    struct Http {
        response: Option<Response>,
    }
    #[derive(Deserialize)]
    struct Response {
        status_code: Option<i64>,
    }
    let document: Document = serde_json::from_str(&document("status", text)).unwrap();
    document
        .http?
        .response?
        .status_code
        .map(|status| status.to_string())
}

fn source_ip(text: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Document {
        source: Option<Source>,
    }
    #[derive(Deserialize)]
    struct Source {
        ip: Option<String>,
    }
    let document: Document = serde_json::from_str(&document("ip", text)).unwrap();
    document.source?.ip
}

/// Returns the document of a line with one member.
fn document(key: &str, text: &str) -> String {
    let message = format!(
        r#"{{"requestId":"1","{key}":{}}}"#,
        serde_json::to_string(text).unwrap()
    );
    let line = LogLine::alone(&message, 0);
    let arena = Bump::new();
    PIPELINE.with(|pipeline| match pipeline.documents(&line, &arena) {
        Normalized::Documents(documents) => documents.first().unwrap().to_json(),
        Normalized::Skipped => panic!("it is a line"),
    })
}

/// Texts that could be an epoch, a status or a length.
fn number() -> impl Strategy<Value = String> {
    let whole = prop_oneof![
        (0..10_000_000_000_i64).prop_map(|seconds| seconds.to_string()),
        (10_000_000_000..10_000_000_000_000_i64).prop_map(|milliseconds| milliseconds.to_string()),
        any::<i64>().prop_map(|number| number.to_string()),
        any::<i64>().prop_map(|number| format!("{number:#x}")),
    ];
    let fraction =
        ("[0-9]{1,10}", "[0-9]{0,9}").prop_map(|(whole, fraction)| format!("{whole}.{fraction}"));
    let odd = pieces(
        r"0 1 12 345 9999999999 99999999999 100000000000 253402300799 253402300800 253402300799999 9223372036854775807
        9223372036854775808 . . .0 .5 - + e e3 E-2 e+2 e308 0x 0X 0xff -0x f d L p3 _ , NaN Infinity \u0020 \u0663 \uff11",
        4,
    );
    prop_oneof![3 => whole, 2 => fraction, 3 => odd]
}

fn address() -> impl Strategy<Value = String> {
    let v4 = vec(
        piece("0 1 9 10 81 127 142 198 199 249 250 255 255 256 300 01 001 0001 1a +1 -1"),
        3..=5,
    )
    .prop_map(|octets| octets.join("."));
    let plain_v4 = any::<[u8; 4]>().prop_map(|octets| std::net::Ipv4Addr::from(octets).to_string());
    let v6 = pieces(
        r"0: 1: : :: :: :: fe80: 00001: 12345: ffff: FFFF: abcd: g: 1.2.3.4 1.2.3.4 01.2.3.4 1.2.3.256 1.2.3 . % %eth0 %1 % [ ]
        1:2:3:4:5:6: 1:2:3:4:5:6:7 1:2:3:4:5:6:7:8 2001:db8:: /64 \u0020 \uff11",
        5,
    );
    let plain_v6 =
        any::<[u16; 8]>().prop_map(|groups| std::net::Ipv6Addr::from(groups).to_string());
    let mapped =
        any::<[u8; 4]>().prop_map(|octets| format!("::ffff:{}", std::net::Ipv4Addr::from(octets)));
    prop_oneof![2 => v4, 1 => plain_v4, 4 => v6, 2 => plain_v6, 1 => mapped]
}

/// Mostly legal times.
fn two_digits(numbers: std::ops::RangeInclusive<u8>) -> impl Strategy<Value = String> {
    prop_oneof![
        30 => numbers.prop_map(|number| format!("{number:02}")),
        1 => piece("00 13 24 29 30 31 32 59 60 61 99 7 007 -1 1\\u0663"),
    ]
}

fn time_of_day() -> impl Strategy<Value = String> {
    (
        two_digits(0..=23),
        two_digits(0..=59),
        two_digits(0..=59),
        prop_oneof![1 => 0..=2_usize, 4 => Just(3)],
    )
        .prop_map(|(hour, minute, second, length)| {
            [hour, minute, second]
                .into_iter()
                .take(length)
                .collect::<Vec<_>>()
                .join(":")
        })
}

fn iso8601() -> impl Strategy<Value = String> {
    let year = prop_oneof![
        20 => "(19|20)[0-9]{2}",
        1 => piece("0000 0001 9999 10000 +2019 -2019 +10000 219 2\\u066319"),
    ];
    let part = |numbers| {
        option::weighted(
            0.9,
            two_digits(numbers).prop_map(|number| format!("-{number}")),
        )
    };
    let date = (year, part(1..=12), part(1..=28)).prop_map(|(year, month, day)| {
        year + &month.unwrap_or_default() + &day.unwrap_or_default()
    });
    let fraction =
        prop_oneof![2 => Just(String::new()), 1 => "[.,][0-9]{1,9}", 1 => "[.,][0-9]{0,10}"];
    let zone = prop_oneof![
        4 => Just(String::new()),
        4 => Just("Z".to_owned()),
        4 => "[+-](0[0-9]|1[0-7]):?[0-5][0-9]",
        1 => "[+-][01]?[0-9](:?[0-9]{1,2}){0,2}",
        1 => piece("z UTC GMT UT CET Europe/Paris [Europe/Paris] Z[UTC] UTC+1 GMT+01:00 +18:00 -18:00 +18:01 - + \\u0020UTC"),
    ];
    let separator = prop_oneof![20 => Just("T".to_owned()), 1 => piece("t \\u0020 TT \\u0020T _")];
    let time = option::weighted(0.8, (separator, time_of_day(), fraction, zone));
    let whole = (date, time).prop_map(|(date, time)| {
        let time =
            time.map(|(separator, time, fraction, zone)| separator + &time + &fraction + &zone);
        date + &time.unwrap_or_default()
    });
    let whole = whole.boxed();
    prop_oneof![8 => whole.clone(), 1 => with_something_else(whole)]
}

fn clf() -> impl Strategy<Value = String> {
    let month = prop_oneof![
        9 => piece("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec"),
        1 => piece("jan JUL Juli Sept 07 M\\u00e4r"),
    ];
    let year = prop_oneof![9 => "(19|20)[0-9]{2}", 1 => piece("0000 0001 9999 23 10000 -2023")];
    let zone = prop_oneof![
        4 => Just("+0000".to_owned()),
        4 => "[+-][01][0-9][0-5][0-9]",
        1 => piece("Z GMT UTC +00:00 +00 +1 0000 +1800 +1801 -0000 +0060 ~0000"),
    ];
    let space = prop_oneof![9 => Just(" "), 1 => Just(""), 1 => Just("  ")];
    let whole = (
        (two_digits(1..=28), month, year),
        time_of_day(),
        space,
        zone,
    )
        .prop_map(|((day, month, year), time, space, zone)| {
            format!("{day}/{month}/{year}:{time}{space}{zone}")
        });
    let whole = whole.boxed();
    prop_oneof![9 => whole.clone(), 1 => with_something_else(whole)]
}

/// Replaces one character by another.
fn with_something_else(text: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    (
        text,
        any::<prop::sample::Index>(),
        r"[-+:.,TZ0-9 /\[\]a\u{663}]?",
    )
        .prop_map(|(text, position, other)| {
            let position = text.floor_char_boundary(position.index(text.len() + 1));
            let (head, tail) = text.split_at(position);
            let mut tail = tail.chars();
            tail.next();
            format!("{head}{other}{}", tail.as_str())
        })
}

/// Asks the server for all answers at once.
fn simulate(texts: &[String]) -> Vec<Answers> {
    #[derive(Serialize)]
    struct Doc<'a> {
        _source: Source<'a>,
    }
    #[derive(Serialize)]
    struct Source<'a> {
        text: &'a str,
    }
    #[derive(Deserialize)]
    struct Response {
        docs: Vec<Simulated>,
    }
    #[derive(Deserialize)]
    struct Simulated {
        doc: Document,
    }
    #[derive(Deserialize)]
    struct Document {
        _source: Answers,
    }
    let docs: Vec<_> = texts
        .iter()
        .map(|text| Doc {
            _source: Source { text },
        })
        .collect();
    let docs = serde_json::to_string(&docs).unwrap();
    let path = "/_ingest/pipeline/_simulate?filter_path=docs.doc._source";
    let body = format!(r#"{{"pipeline":{PROCESSORS},"docs":{docs}}}"#);
    let (status, answer) = search_server::shared().admin_request("POST", path, Some(&body));
    assert_eq!(status, 200, "{answer}");
    let response: Response = serde_json::from_str(&answer).unwrap();
    assert_eq!(response.docs.len(), texts.len());
    response
        .docs
        .into_iter()
        .map(|simulated| simulated.doc._source)
        .collect()
}

const PROCESSORS: &str = r#"{"processors":[
    {"convert":{"field":"text","target_field":"long","type":"long","ignore_failure":true}},
    {"convert":{"field":"text","target_field":"ip","type":"ip","ignore_failure":true}},
    {"date":{"field":"text","target_field":"unix","formats":["UNIX"],"ignore_failure":true}},
    {"date":{"field":"text","target_field":"unix_ms","formats":["UNIX_MS"],"ignore_failure":true}},
    {"date":{"field":"text","target_field":"iso8601","formats":["ISO8601"],"ignore_failure":true}},
    {"date":{"field":"text","target_field":"clf","formats":["dd/MMM/yyyy:HH:mm:ss Z"],"ignore_failure":true}}
]}"#;
