//! The expected rows of every panel, counted from the raw lines.

use std::collections::BTreeMap;

use super::count::{Expected, Group, Number, compared, exactly, grouped, step};
use super::feed::{self, Fed};
use super::query::MISSING;
use super::sample::{Line, Lines};

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
    line.get("eventType").is_some()
}

/// Server errors by cause: the integration, the integration because it was too slow, API Gateway,
/// or a cause that the line does not have.
fn is_fault_of(party: usize) -> impl Fn(&Line) -> bool {
    let cause = |line: &Line| match line.get("errorResponseType") {
        Some("INTEGRATION_TIMEOUT") => 1,
        _ if has_integration_error(line) => 0,
        Some(_) => 2,
        None => 3,
    };
    move |line| is_5xx(line) && cause(line) == party
}

fn route(line: &Line) -> Option<Vec<String>> {
    let resource = || {
        let resource = line.get("resourcePath")?;
        Some(match line.get("httpMethod") {
            Some(method) => format!("{method} {resource}"),
            None => resource.to_owned(),
        })
    };
    let route = line.get("routeKey").map(str::to_owned).or_else(resource);
    route.map(|route| vec![route])
}

fn path(line: &Line) -> Option<Vec<String>> {
    one(line.get("path")?.split('?').next())
}

fn latency_range(line: &Line) -> Option<Vec<String>> {
    const RANGES: [(f64, &str); 8] = [
        (29_000.0, "over 29 s"),
        (3_000.0, "3 to 29 s"),
        (1_000.0, "1 to 3 s"),
        (500.0, "500 ms to 1 s"),
        (250.0, "250 to 500 ms"),
        (100.0, "100 to 250 ms"),
        (50.0, "50 to 100 ms"),
        (0.0, "under 50 ms"),
    ];
    let latency = line.number("responseLatency")?;
    let (_, label) = RANGES.iter().find(|(least, _)| latency >= *least)?;
    Some(vec![(*label).to_owned(), step(line)?])
}

/// Returns a function that labels a line with the values of its keys, if it has all of them.
fn keys<const N: usize>(names: [&'static str; N]) -> impl Fn(&Line) -> Option<Vec<String>> {
    move |line| {
        names
            .iter()
            .map(|name| line.get(name).map(str::to_owned))
            .collect()
    }
}

/// Returns the same function, with the time step after the keys.
fn timed<const N: usize>(names: [&'static str; N]) -> impl Fn(&Line) -> Option<Vec<String>> {
    let labels = keys(names);
    move |line| Some(labels(line)?.into_iter().chain([step(line)?]).collect())
}

/// Returns the country, its code, and the network of an address, as the test databases have them.
fn place(line: &Line) -> Option<(&'static str, &'static str, Option<&'static str>)> {
    match line.get("ip")? {
        "81.2.69.142" => Some(("United Kingdom", "GB", None)),
        "89.160.20.112" => Some(("Sweden", "SE", Some("Bredband2 AB"))),
        "2a02:cf40::1" => Some(("Norway", "NO", None)),
        _ => None,
    }
}

fn one(value: Option<&str>) -> Option<Vec<String>> {
    value.map(|value| vec![value.to_owned()])
}

/// Returns whether the rows of a panel can be computed for any lines, and not only for the
/// fixtures. The labels of places come from databases, and those of the pipeline's panels from
/// files.
pub(super) fn is_known_for_any(dashboard: &str, title: &str) -> bool {
    let of_places = [
        "Networks by requests",
        "Where requests come from",
        "Countries by requests",
    ];
    dashboard != "pipeline" && !of_places.contains(&title)
}

pub(super) fn expected(dashboard: &str, title: &str, lines: &Lines) -> Expected {
    match dashboard {
        "overview" => overview(title, lines),
        "clients" => clients(title, &lines.now),
        "errors" => errors(title, &lines.now),
        "websocket" => websocket(title, &lines.now),
        "pipeline" => pipeline(title, &feed::of_fixtures()),
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

fn overview(title: &str, lines: &Lines) -> Expected {
    let now = &lines.now[..];
    let both = [now, &lines.a_week_before];
    let tile = |number: &dyn Fn(&Group<'_>) -> Number| compared(both, |_| Some(Vec::new()), number);
    let timed_lines = || {
        now.iter()
            .filter(|line| line.get("responseLatency").is_some())
    };
    let api_and_stage = |line: &Line| {
        let value = |key| line.get(key).unwrap_or(MISSING).to_owned();
        Some(vec![value("apiId"), value("stage")])
    };
    match title {
        "Requests" => tile(&|it| it.count()),
        "Availability" => tile(&|it| it.share(|line| line.status() < 500.0)),
        "Server errors (5xx)" => tile(&|it| it.share(is_5xx)),
        "Client errors (4xx)" => tile(&|it| it.share(is_4xx)),
        "Throttled (429)" => tile(&|it| it.count_if(is_throttled)),
        "Latency, p95" => tile(&|it| P(it, 95.0)),
        "Health by API and stage" => grouped(now, api_and_stage, |it| {
            vec![
                it.count(),
                it.share(is_5xx),
                it.share(is_4xx),
                it.count_if(is_throttled),
                P(it, 95.0),
                it.percentile("integrationLatency", 95.0),
            ]
        }),
        "Server error ratio" => compared(both, timed([]), |it| it.share(is_5xx)),
        "Requests per minute by status class" => grouped(now, timed([]), |it| {
            let is_3xx = |line: &Line| (300.0..400.0).contains(&line.status());
            let is_good = |line: &Line| line.status() < 300.0;
            vec![
                it.per_minute(is_good),
                it.per_minute(is_3xx),
                it.per_minute(is_4xx),
                it.per_minute(is_5xx),
            ]
        }),
        "Requests per minute, now and a week before" => {
            compared(both, timed([]), |it| it.per_minute(|_| true))
        }
        "Latency" => grouped(now, timed([]), |it| {
            vec![
                P(it, 50.0),
                P(it, 95.0),
                P(it, 99.0),
                it.percentile("integrationLatency", 95.0),
            ]
        }),
        "Requests by latency" => counted(now, latency_range),
        "Where the time goes, on average" => where_the_time_goes(now),
        "Busiest routes" => grouped(now, route, |it| {
            vec![
                it.count(),
                it.share(is_5xx),
                P(it, 95.0),
                it.sum("responseLength"),
            ]
        }),
        "Slowest routes" => grouped(timed_lines(), route, |it| {
            vec![P(it, 95.0), it.max("responseLatency"), it.count()]
        }),
        _ => panic!("the oracle does not know {title}"),
    }
}

fn where_the_time_goes(lines: &[Line]) -> Expected {
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

fn clients(title: &str, lines: &[Line]) -> Expected {
    let by = |label: &dyn Fn(&Line) -> Option<Vec<String>>| {
        grouped(lines, label, |it| {
            vec![
                it.count(),
                it.share(is_4xx),
                it.count_if(is_throttled),
                it.share(is_5xx),
            ]
        })
    };
    let suffering = |key| {
        grouped(lines, keys([key]), |it| {
            vec![
                it.count_if(is_failure),
                it.share(is_4xx),
                it.count_if(is_throttled),
                it.share(is_5xx),
                it.count(),
            ]
        })
    };
    let unique = |key| {
        tile(lines, |it| {
            it.unique(|line| line.get(key).map(str::to_owned))
        })
    };
    match title {
        "API keys" => unique("apiKeyId"),
        "Callers (IAM)" => unique("userArn"),
        "Addresses" => unique("ip"),
        "User agents" => unique("userAgent"),
        "API keys by errors" => suffering("apiKeyId"),
        "Callers (IAM) by errors" => suffering("userArn"),
        "Authorizer principals by errors" => suffering("principalId"),
        "Addresses by errors" => suffering("ip"),
        "User agents by requests" => by(&keys(["userAgent"])),
        "Networks by requests" => by(&|line| one(place(line).and_then(|(_, _, network)| network))),
        "Where requests come from" => {
            counted(lines, |line| one(place(line).map(|(_, code, _)| code)))
        }
        "Countries by requests" => by(&|line| one(place(line).map(|(name, ..)| name))),
        _ => panic!("the oracle does not know {title}"),
    }
}

fn errors(title: &str, lines: &[Line]) -> Expected {
    let failures = || lines.iter().filter(|line| is_failure(line));
    let of = |is: fn(&Line) -> bool| lines.iter().filter(move |line| is(line));
    let releases = |labels: &dyn Fn(&Line) -> Option<Vec<String>>| {
        grouped(lines, labels, |it| {
            vec![it.count(), it.share(is_5xx), it.share(is_4xx), P(it, 95.0)]
        })
    };
    match title {
        "Server errors (5xx)" => tile(lines, |it| it.count_if(is_5xx)),
        "Integration errors" => tile(lines, |it| it.count_if(has_integration_error)),
        "Throttled (429)" => tile(lines, |it| it.count_if(is_throttled)),
        "Client errors (4xx)" => tile(lines, |it| it.count_if(is_4xx)),
        "Authorizer errors" => tile(lines, |it| it.count_if(has_authorizer_error)),
        "Blocked by WAF" => tile(lines, |it| it.count_if(is_blocked)),
        "Errors by status" => grouped(failures(), timed([]), |it| {
            vec![
                it.count_if(|line| is_4xx(line) && !is_throttled(line)),
                it.count_if(is_throttled),
                it.count_if(|line| line.is("status", "504")),
                it.count_if(|line| is_5xx(line) && !line.is("status", "504")),
            ]
        }),
        "Server errors: the integration or API Gateway" => grouped(of(is_5xx), timed([]), |it| {
            [0, 1, 2, 3]
                .map(|party| it.count_if(is_fault_of(party)))
                .to_vec()
        }),
        "Latest failed requests" => counted(failures(), |line| {
            Some(vec![line.get("requestTimeEpoch")?.to_owned()])
        }),
        "Routes by server errors" => grouped(lines, route, |it| {
            vec![
                it.count_if(is_5xx),
                it.share(is_5xx),
                it.share(is_4xx),
                it.count(),
            ]
        }),
        "Paths by errors" => grouped(failures(), path, |it| {
            vec![it.count(), it.count_if(is_4xx), it.count_if(is_5xx)]
        }),
        "Error response types" => counted(failures(), keys(["errorResponseType"])),
        "Authorizer errors by text" => counted(of(has_authorizer_error), keys(["authorizerError"])),
        "Answers of WAF" => grouped(lines, timed([]), |it| {
            vec![
                it.count_if(|line| line.is("wafResponseCode", "WAF_ALLOW")),
                it.count_if(is_blocked),
            ]
        }),
        "Deployments" => grouped(lines, keys(["deploymentId", "apiId"]), |it| {
            vec![
                it.count_if(is_5xx),
                it.share(is_5xx),
                it.share(is_4xx),
                P(it, 95.0),
                it.count(),
            ]
        }),
        "Canary and stable" => releases(&|line| {
            one(match line.get("isCanaryRequest")? {
                "true" => Some("canary"),
                _ => Some("stable"),
            })
        }),
        "Throttled API keys" => counted(of(is_throttled), keys(["apiKeyId"])),
        "Throttled addresses" => counted(of(is_throttled), keys(["ip"])),
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
        "Connects less disconnects" => number(|it| {
            let of =
                |kind: &str| it.count_if(|line| line.is("eventType", kind) && !is_failure(line));
            of("CONNECT")
                .zip(it.count_if(|line| line.is("eventType", "DISCONNECT")))
                .and_then(|((connects, _), (ends, _))| exactly(connects - ends))
        }),
        "Messages" => number(|it| it.count_if(|line| line.is("eventType", "MESSAGE"))),
        "Errors" => number(|it| it.count_if(is_failure)),
        "Connects, messages and disconnects" => grouped(events(), timed([]), |it| {
            ["CONNECT", "MESSAGE", "DISCONNECT"]
                .map(|kind| it.count_if(|line| line.is("eventType", kind)))
                .to_vec()
        }),
        "Length of connections (s)" => {
            lengths(events().filter(|line| line.is("eventType", "DISCONNECT")))
        }
        "Routes" => grouped(events(), keys(["routeKey"]), |it| {
            vec![
                it.count(),
                it.count_if(is_failure),
                it.percentile("integrationLatency", 95.0),
            ]
        }),
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

/// Returns the median, the maximum and the count. Elasticsearch's median lies between the two
/// middle values.
fn statistics(mut values: Vec<f64>) -> Vec<Number> {
    values.sort_by(f64::total_cmp);
    let (count, last) = (
        values.len(),
        values.last().copied().expect("there are some"),
    );
    let middle = |index: usize| values.get(index).copied().expect("it is one of them");
    let median = Some((middle((count - 1) / 2), middle(count / 2)));
    vec![median, exactly(last), exactly(count as f64)]
}

fn numbers(numbers: impl IntoIterator<Item = f64>) -> Vec<Number> {
    numbers.into_iter().map(exactly).collect()
}

/// Returns what a panel of the Pipeline dashboard shows of a feed.
pub(super) fn pipeline(title: &str, feed: &[Fed]) -> Expected {
    let documents = || feed.iter().filter(|fed| !fed.is_rejected);
    let rejected = || feed.iter().filter(|fed| fed.is_rejected);
    let damaged = |fed: &&Fed| fed.is_unparsed || !fed.repairs.is_empty();
    let total = |feed: usize| [(Vec::new(), numbers([feed as f64]))].into();
    let one = |label: &str| vec![label.to_owned()];
    match title {
        "Documents" => total(documents().count()),
        "Unparsed lines" => total(documents().filter(|fed| fed.is_unparsed).count()),
        "Repaired lines" => total(documents().filter(|fed| !fed.repairs.is_empty()).count()),
        "Dead letters" => total(rejected().count()),
        "Documents by format" => {
            let step = |fed: &Fed| fed.time / super::query::STEP * super::query::STEP;
            let is_form = |form: usize| move |fed: &Fed| fed.form == form;
            tallied(
                documents(),
                |fed| one(&step(fed).to_string()),
                &[0, 1, 2, 3, 4, 5, 6].map(is_form),
            )
        }
        "Documents by log group" => {
            let numbers: [fn(&Fed) -> bool; 4] = [
                |_| true,
                |fed| fed.is_unparsed,
                |fed| !fed.repairs.is_empty(),
                |fed| fed.is_cut_off,
            ];
            tallied(documents(), |fed| one(&fed.log_group), &numbers)
        }
        "Repairs" => words(documents().flat_map(|fed| fed.repairs)),
        "Keys without a field" => words(documents().flat_map(|fed| fed.unmapped)),
        "Lag from event to ingest (s)" => {
            let mut lags: BTreeMap<_, Vec<_>> = BTreeMap::new();
            for fed in documents() {
                lags.entry(one(&fed.log_group))
                    .or_default()
                    .push(fed.lag as f64);
            }
            let row = |(group, lags)| (group, statistics(lags));
            lags.into_iter().map(row).collect()
        }
        "Dead letters by log group and reason" => {
            let labels = |fed: &Fed| {
                vec![
                    fed.log_group.clone(),
                    "document_parsing_exception".to_owned(),
                ]
            };
            tallied(rejected(), labels, &[|_: &Fed| true])
        }
        "Latest unparsed and repaired lines" => tallied(
            documents().filter(damaged),
            |fed| one(&fed.time.to_string()),
            &[|_: &Fed| true],
        ),
        "Latest dead letters" => tallied(
            rejected(),
            |fed| one(&fed.time.to_string()),
            &[|_: &Fed| true],
        ),
        _ => panic!("the oracle does not know {title}"),
    }
}

/// Groups lines by labels, and counts those of each kind in each group.
fn tallied<'f>(
    feed: impl Iterator<Item = &'f Fed>,
    labels: impl Fn(&Fed) -> Vec<String>,
    kinds: &[impl Fn(&Fed) -> bool],
) -> Expected {
    let mut counts: BTreeMap<_, Vec<f64>> = BTreeMap::new();
    for fed in feed {
        let row = counts
            .entry(labels(fed))
            .or_insert_with(|| vec![0.0; kinds.len()]);
        for (count, is) in row.iter_mut().zip(kinds) {
            *count += f64::from(u8::from(is(fed)));
        }
    }
    let row = |(labels, counts)| (labels, numbers(counts));
    counts.into_iter().map(row).collect()
}

fn words<'w>(words: impl Iterator<Item = &'w &'static str>) -> Expected {
    let mut counts: BTreeMap<Vec<String>, f64> = BTreeMap::new();
    for word in words {
        *counts.entry(vec![(*word).to_owned()]).or_default() += 1.0;
    }
    let row = |(labels, count)| (labels, numbers([count]));
    counts.into_iter().map(row).collect()
}
