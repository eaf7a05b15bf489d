//! What every panel should show of the sample: counted from the raw lines, panel by panel.

use super::count::{Expected, Group, Number, exactly, grouped, step};
use super::sample::{DELAYS, EVENT_TIME, Line, raw};

const P: fn(&Group<'_>, f64) -> Number =
    |group, percentile| group.percentile("responseLatency", percentile);

fn is_4xx(line: &Line) -> bool {
    (400.0..500.0).contains(&line.status())
}

fn is_5xx(line: &Line) -> bool {
    line.status() >= 500.0
}

fn is_failure(line: &Line) -> bool {
    line.status() >= 400.0
}

fn is_throttled(line: &Line) -> bool {
    line.is("status", "429")
}

fn is_one_of(line: &Line, types: &[&str]) -> bool {
    line.get("errorResponseType")
        .is_some_and(|kind| types.contains(&kind))
}

fn has_integration_error(line: &Line) -> bool {
    line.get("integrationError").is_some()
        || line
            .number("integrationStatus")
            .is_some_and(|status| status >= 500.0)
        || is_one_of(line, &["INTEGRATION_FAILURE", "INTEGRATION_TIMEOUT"])
}

fn has_authorizer_error(line: &Line) -> bool {
    const TYPES: &[&str] = &[
        "UNAUTHORIZED",
        "ACCESS_DENIED",
        "EXPIRED_TOKEN",
        "INVALID_SIGNATURE",
        "AUTHORIZER_FAILURE",
        "AUTHORIZER_CONFIGURATION_ERROR",
    ];
    line.get("authorizerError")
        .or(line.get("authorizeError"))
        .is_some()
        || is_one_of(line, TYPES)
}

fn is_blocked(line: &Line) -> bool {
    line.is("wafResponseCode", "WAF_BLOCK") || is_one_of(line, &["WAF_FILTERED"])
}

fn is_websocket(line: &Line) -> bool {
    line.file == "websocket"
}

/// A function that labels a line with the values of its keys, if it has all of them.
fn keys<const N: usize>(names: [&'static str; N]) -> impl Fn(&Line) -> Option<Vec<String>> {
    move |line| {
        names
            .iter()
            .map(|name| line.get(name).map(str::to_owned))
            .collect()
    }
}

/// The same, with the step of time behind it.
fn timed<const N: usize>(names: [&'static str; N]) -> impl Fn(&Line) -> Option<Vec<String>> {
    let labels = keys(names);
    move |line| Some(labels(line)?.into_iter().chain([step(line)?]).collect())
}

/// What the test databases say of the addresses: country, its code, network and its number.
fn place(line: &Line) -> Option<(&'static str, &'static str, Option<&'static str>)> {
    match line.get("ip")? {
        "81.2.69.142" => Some(("United Kingdom", "GB", None)),
        "89.160.20.112" => Some(("Sweden", "SE", Some("Bredband2 AB"))),
        "2a02:cf40::1" => Some(("Norway", "NO", None)),
        _ => None,
    }
}

/// What a person reads in the user agents: program, system and device.
fn agent(line: &Line) -> (&'static str, Option<&'static str>, &'static str) {
    match line.get("userAgent") {
        Some(agent) if agent.contains("iPhone") => ("Mobile Safari", Some("iOS"), "iPhone"),
        Some(agent) if agent.contains("Windows NT 10.0") => ("Chrome", Some("Windows"), "Other"),
        Some(agent) if agent.starts_with("curl/") => ("curl", None, "Other"),
        Some(agent) => panic!("{agent} is not known"),
        None => ("Other", None, "Other"),
    }
}

fn kind(line: &Line) -> Option<Vec<String>> {
    one(["rest", "http", "websocket"]
        .into_iter()
        .find(|kind| *kind == line.file))
}

fn one(value: Option<&str>) -> Option<Vec<String>> {
    value.map(|value| vec![value.to_owned()])
}

pub(super) fn expected(dashboard: &str, title: &str, lines: &[Line]) -> Expected {
    match dashboard {
        _ if title == "Kinds of API" => counted(lines, kind),
        "overview" => overview(title, lines),
        "clients" => clients(title, lines),
        "errors" => errors(title, lines),
        "websocket" => websocket(title, lines),
        "pipeline" => pipeline(title),
        _ => panic!("{dashboard} is not known"),
    }
}

fn tile(lines: &[Line], number: impl Fn(&Group<'_>) -> Number) -> Expected {
    grouped(lines, |_| Some(Vec::new()), |group| vec![number(group)])
}

fn counted<'l>(
    lines: impl IntoIterator<Item = &'l Line>,
    labels: impl Fn(&Line) -> Option<Vec<String>>,
) -> Expected {
    grouped(lines, labels, |group| vec![group.count()])
}

fn overview(title: &str, lines: &[Line]) -> Expected {
    let busiest = |key| {
        grouped(lines, keys([key]), |it| {
            vec![it.count(), P(it, 95.0), it.share(is_5xx)]
        })
    };
    let timed_lines = || {
        lines
            .iter()
            .filter(|line| line.get("responseLatency").is_some())
    };
    let slowest = |key| {
        grouped(timed_lines(), keys([key]), |it| {
            vec![P(it, 95.0), it.max("responseLatency"), it.count()]
        })
    };
    match title {
        "Requests" => tile(lines, |it| it.count()),
        "Client errors (4xx)" => tile(lines, |it| it.share(is_4xx)),
        "Server errors (5xx)" => tile(lines, |it| it.share(is_5xx)),
        "Latency, p50" => tile(lines, |it| P(it, 50.0)),
        "Latency, p95" => tile(lines, |it| P(it, 95.0)),
        "Throttled (429)" => tile(lines, |it| it.count_if(is_throttled)),
        "Requests by status class, a minute" => grouped(lines, timed([]), |it| {
            let is_3xx = |line: &Line| (300.0..400.0).contains(&line.status());
            let is_good = |line: &Line| line.status() < 300.0;
            vec![
                it.per_minute(is_good),
                it.per_minute(is_3xx),
                it.per_minute(is_4xx),
                it.per_minute(is_5xx),
            ]
        }),
        "Error ratio" => grouped(lines, timed([]), |it| {
            vec![it.share(is_4xx), it.share(is_5xx)]
        }),
        "Latency" => grouped(lines, timed([]), |it| {
            [50.0, 95.0, 99.0]
                .map(|percentile| P(it, percentile))
                .to_vec()
        }),
        "Integration latency and ours, on average" => {
            let both = lines.iter().filter(|line| {
                line.get("responseLatency")
                    .and(line.get("integrationLatency"))
                    .is_some()
            });
            grouped(both, timed([]), |it| {
                let (whole, integration) = (
                    it.average("responseLatency"),
                    it.average("integrationLatency"),
                );
                let ours = whole
                    .zip(integration)
                    .and_then(|((whole, _), (integration, _))| exactly(whole - integration));
                vec![integration, ours]
            })
        }
        "Throttled, by API" => counted(
            lines.iter().filter(|line| is_throttled(line)),
            timed(["apiId"]),
        ),
        "Requests by API" => counted(lines, timed(["apiId"])),
        "Busiest resources (REST)" => busiest("resourcePath"),
        "Busiest routes (HTTP, WebSocket)" => busiest("routeKey"),
        "Busiest paths" => busiest("path"),
        "Slowest resources (REST)" => slowest("resourcePath"),
        "Slowest routes (HTTP)" => slowest("routeKey"),
        "Slowest paths" => slowest("path"),
        _ => panic!("the oracle does not know {title}"),
    }
}

fn clients(title: &str, lines: &[Line]) -> Expected {
    let by = |label: &dyn Fn(&Line) -> Option<Vec<String>>| {
        grouped(lines, label, |it| vec![it.count(), it.count_if(is_4xx)])
    };
    let country = |line: &Line| place(line).map(|(_, code, _)| code.to_owned());
    let network = |line: &Line| place(line).and_then(|(_, _, network)| network);
    match title {
        "Addresses" => tile(lines, |it| {
            it.unique(|line| line.get("ip").map(str::to_owned))
        }),
        "Countries" => tile(lines, |it| it.unique(country)),
        "Networks" => tile(lines, |it| {
            it.unique(|line| network(line).map(str::to_owned))
        }),
        "User agents" => tile(lines, |it| {
            it.unique(|line| line.get("userAgent").map(str::to_owned))
        }),
        "Where requests come from" => {
            counted(lines, |line| one(place(line).map(|(_, code, _)| code)))
        }
        "Countries by requests" => by(&|line| one(place(line).map(|(name, ..)| name))),
        "Networks by requests" => by(&|line| one(network(line))),
        "Addresses by requests" => by(&keys(["ip"])),
        "Requests by user agent" => counted(lines, |line| {
            Some(vec![agent(line).0.to_owned(), step(line)?])
        }),
        "User agents by requests" => by(&keys(["userAgent"])),
        "Operating systems" => counted(lines, |line| one(agent(line).1)),
        "Devices" => counted(lines, |line| one(Some(agent(line).2))),
        "Callers (IAM)" => by(&keys(["userArn"])),
        "API keys by id" => by(&keys(["apiKeyId"])),
        "Authorizer principals" => by(&keys(["principalId"])),
        _ => panic!("the oracle does not know {title}"),
    }
}

fn errors(title: &str, lines: &[Line]) -> Expected {
    let failures = || lines.iter().filter(|line| is_failure(line));
    let of = |is: fn(&Line) -> bool| lines.iter().filter(move |line| is(line));
    let by = |key| {
        grouped(failures(), keys([key]), |it| {
            vec![it.count(), it.count_if(is_4xx), it.count_if(is_5xx)]
        })
    };
    match title {
        "4xx" => tile(lines, |it| it.count_if(is_4xx)),
        "5xx" => tile(lines, |it| it.count_if(is_5xx)),
        "Throttled (429)" => tile(lines, |it| it.count_if(is_throttled)),
        "Integration errors" => tile(lines, |it| it.count_if(has_integration_error)),
        "Authorizer errors" => tile(lines, |it| it.count_if(has_authorizer_error)),
        "Blocked by WAF" => tile(lines, |it| it.count_if(is_blocked)),
        "Errors by status" => counted(failures(), timed(["status"])),
        "Errors by response type" => counted(failures(), timed(["errorResponseType"])),
        "Errors by API" => by("apiId"),
        "Errors by resource (REST)" => by("resourcePath"),
        "Errors by route (HTTP, WebSocket)" => by("routeKey"),
        "Error response types" => counted(failures(), keys(["errorResponseType"])),
        "Integration status" => counted(failures(), keys(["integrationStatus"])),
        "Authorizer errors by text" => counted(of(has_authorizer_error), keys(["authorizerError"])),
        "Blocked by WAF, by web ACL" => counted(of(is_blocked), keys(["webaclArn"])),
        "Integration errors by status" => counted(of(has_integration_error), timed(["status"])),
        "Answers of WAF" => counted(lines, timed(["wafResponseCode"])),
        "Last failed requests" => counted(failures(), |line| {
            Some(vec![line.get("requestTimeEpoch")?.to_owned()])
        }),
        _ => panic!("the oracle does not know {title}"),
    }
}

fn websocket(title: &str, lines: &[Line]) -> Expected {
    let events: Vec<_> = lines.iter().filter(|line| is_websocket(line)).collect();
    let events = || events.iter().copied();
    let number = |number: fn(&Group<'_>) -> Number| {
        grouped(events(), |_| Some(Vec::new()), |group| vec![number(group)])
    };
    match title {
        "Connects" => number(|it| it.count_if(|line| line.is("eventType", "CONNECT"))),
        "Messages" => number(|it| it.count_if(|line| line.is("eventType", "MESSAGE"))),
        "Disconnects" => number(|it| it.count_if(|line| line.is("eventType", "DISCONNECT"))),
        "Errors" => number(|it| it.count_if(is_failure)),
        "Connects, messages and disconnects" => grouped(events(), timed([]), |it| {
            ["CONNECT", "MESSAGE", "DISCONNECT"]
                .map(|kind| it.count_if(|line| line.is("eventType", kind)))
                .to_vec()
        }),
        "Connection length, in seconds" => {
            lengths(events().filter(|line| line.is("eventType", "DISCONNECT")))
        }
        "Routes" => grouped(events(), keys(["routeKey"]), |it| {
            vec![
                it.count(),
                it.count_if(is_failure),
                it.percentile("integrationLatency", 95.0),
            ]
        }),
        "Events by route" => counted(events(), timed(["routeKey"])),
        _ => panic!("the oracle does not know {title}"),
    }
}

fn lengths<'l>(ends: impl Iterator<Item = &'l Line>) -> Expected {
    let length = |line: &Line| {
        Some(((line.number("requestTimeEpoch")? - line.number("connectedAt")?) / 1000.0).floor())
    };
    let ends: Vec<_> = ends.collect();
    let labels = keys(["apiId"])(ends.first().expect("there are ends")).expect("they have an API");
    [(
        labels,
        statistics(ends.iter().filter_map(|line| length(line)).collect()),
    )]
    .into()
}

/// The median, the most and how many, of an odd number or a few evenly spread: then the median is in the middle.
fn statistics(mut values: Vec<f64>) -> Vec<Number> {
    values.sort_by(f64::total_cmp);
    let (count, last) = (
        values.len(),
        values.last().copied().expect("there are some"),
    );
    let middle = |index: usize| values.get(index).copied().expect("it is one of them");
    let median = f64::midpoint(middle((count - 1) / 2), middle(count / 2));
    vec![exactly(median), exactly(last), exactly(count as f64)]
}

const FORMATS: [(&str, &[&str]); 6] = [
    ("JSON", &["rest", "http", "websocket", "broken", "repaired"]),
    ("CLF", &["clf"]),
    ("key: value", &["key-value"]),
    ("request id only", &["request-id"]),
    ("execution log", &["execution"]),
    ("not known", &["not-known"]),
];

fn size(file: &str) -> f64 {
    raw(file).lines().count() as f64
}

fn sum(files: &[&str]) -> f64 {
    files.iter().map(|file| size(file)).sum()
}

fn numbers(numbers: impl IntoIterator<Item = f64>) -> Vec<Number> {
    numbers.into_iter().map(exactly).collect()
}

fn pipeline(title: &str) -> Expected {
    let row =
        |label: &str, values: &[f64]| (vec![label.to_owned()], numbers(values.iter().copied()));
    let number = |number| [(Vec::new(), numbers([number]))].into();
    let files = DELAYS.map(|(file, _)| file);
    match title {
        "Documents" => number(sum(&files)),
        "Lines not parsed" => number(sum(&["not-known", "broken"])),
        "Lines repaired" => number(size("repaired")),
        "Dead letters" => number(size("refused")),
        "Formats" => FORMATS
            .iter()
            .map(|(label, files)| row(label, &[sum(files)]))
            .collect(),
        "Documents by format" => formats_over_time(),
        "Documents by log group" => files.iter().map(|file| log_group(file)).collect(),
        "Repairs" => [row("missing_value", &[2.0]), row("commas", &[1.0])].into(),
        "Delay between event and ingest, in seconds" => DELAYS.iter().map(delays).collect(),
        "Dead letters by reason" => dead_letters(),
        "Dead letters by log group" => [row("/refused", &[size("refused")])].into(),
        "Lines not parsed, the last" => times(&["not-known", "broken", "repaired"]),
        "Dead letters, the last" => times(&["refused"]),
        _ => panic!("the oracle does not know {title}"),
    }
}

fn log_group(file: &str) -> (Vec<String>, Vec<Number>) {
    let if_of = |files: &[&str]| {
        if files.contains(&file) {
            size(file)
        } else {
            0.0
        }
    };
    let values = [
        size(file),
        if_of(&["not-known", "broken"]),
        if_of(&["repaired"]),
        if_of(&["broken"]),
    ];
    (vec![format!("/{file}")], numbers(values))
}

fn delays((file, delay): &(&str, u64)) -> (Vec<String>, Vec<Number>) {
    let delay = *delay as f64;
    let all = (0..raw(file).lines().count())
        .map(|line| delay + line as f64)
        .collect();
    (vec![format!("/{file}")], statistics(all))
}

/// When the requests of a file's lines were, in milliseconds since 1970.
fn line_times(file: &str) -> Vec<u64> {
    let time = |(number, line): (usize, &str)| {
        let epoch = line
            .split_once("\"requestTimeEpoch\":\"")
            .and_then(|(_, rest)| rest.get(..13)?.parse().ok());
        let clf = line
            .split_once("01/Mar/2026:13:")
            .and_then(|(_, rest)| rest.get(..2)?.parse::<u64>().ok());
        let clf = clf.map(|minute| 1_772_370_000_000 + minute * 60_000);
        epoch.or(clf).unwrap_or(EVENT_TIME + number as u64)
    };
    raw(file).lines().enumerate().map(time).collect()
}

fn in_steps(label: &str, files: &[&str], into: &mut Expected) {
    for time in files.iter().flat_map(|file| line_times(file)) {
        let step = time / super::query::STEP * super::query::STEP;
        let labels = vec![label.to_owned(), step.to_string()];
        let [Some((count, most))] =
            &mut into.entry(labels).or_insert_with(|| vec![exactly(0.0)])[..]
        else {
            panic!("one number")
        };
        (*count, *most) = (*count + 1.0, *most + 1.0);
    }
}

fn formats_over_time() -> Expected {
    let mut expected = Expected::new();
    for (label, files) in FORMATS {
        in_steps(label, files, &mut expected);
    }
    expected
}

fn dead_letters() -> Expected {
    let mut expected = Expected::new();
    in_steps("document_parsing_exception", &["refused"], &mut expected);
    expected
}

/// A row for each line of a saved search.
fn times(files: &[&str]) -> Expected {
    let times = files.iter().flat_map(|file| line_times(file));
    let mut expected = Expected::new();
    for time in times {
        expected.insert(vec![time.to_string()], vec![exactly(1.0)]);
    }
    expected
}
