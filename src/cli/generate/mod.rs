//! `apigw-logs event --generate`: made-up traffic of a shop with three APIs, the same for the same
//! seed and times.
//!
//! It shows people documents, dashboards and alerts before they have traffic of their own.
//! [`story`] tells what happens.
//!
//! It is part of the command line and not a crate of its own, for two reasons: it writes lines in
//! the formats of `log-format`, so a change of these formats reaches it, and it must be available
//! wherever the program is.

mod apis;
mod clients;
mod ending;
mod random;
mod request;
mod shop;
mod story;

use self::random::Random;
use self::shop::Shop;
use self::story::{Story, time_in};

/// The traffic to make up.
#[derive(Debug)]
pub(super) struct TrafficPlan<'a> {
    pub(super) lines: u64,
    pub(super) seed: u64,
    /// In milliseconds since 1970.
    pub(super) since: i64,
    /// In milliseconds since 1970, and later than `since`.
    pub(super) until: i64,
    /// The account of the APIs.
    pub(super) account: &'a str,
}

/// A line as it arrives in CloudWatch Logs.
#[derive(Debug)]
pub(super) struct ShopLine {
    pub(super) log_group: &'static str,
    pub(super) log_stream: &'static str,
    /// In milliseconds since 1970.
    pub(super) timestamp: i64,
    pub(super) message: String,
}

/// A planned request: its client and its time.
struct Visit {
    time: i64,
    client: usize,
}

/// Returns the lines in the order of their requests.
pub(super) fn log_lines(traffic: &TrafficPlan<'_>) -> Vec<ShopLine> {
    let mut random = Random::new(traffic.seed);
    let story = Story::new(traffic.since..traffic.until);
    let mut clients = clients::clients(&mut random);
    let visits = visits(traffic.lines, &story, clients.len(), &mut random);
    clients.extend([clients::export(), clients::scanner()]);
    let mut shop = Shop::new(traffic.account, story, random);
    let visits = visits
        .iter()
        .filter_map(|visit| clients.get(visit.client).map(|client| (visit.time, client)));
    visits
        .filter_map(|(time, client)| shop.line(time, client))
        .collect()
}

/// Of 100 lines, 6 are the export's and 3 are the bot's. Export and bot come after the ordinary
/// clients.
fn visits(lines: u64, story: &Story, ordinary: usize, random: &mut Random) -> Vec<Visit> {
    let mut visits = Vec::new();
    for number in 0..lines {
        let visit = match (number % 100, &story.incident, &story.scan) {
            (91..97, Some(incident), _) => Visit {
                time: time_in(incident, random),
                client: ordinary,
            },
            (97.., _, Some(scan)) => Visit {
                time: time_in(scan, random),
                client: ordinary + 1,
            },
            _ => Visit {
                time: story.ordinary_time(random),
                client: ordinary_client(ordinary as u64, random),
            },
        };
        visits.push(visit);
    }
    visits.sort_by_key(|visit| (visit.time, visit.client));
    visits
}

/// The product of two random numbers gives most of the requests to the first clients.
fn ordinary_client(clients: u64, random: &mut Random) -> usize {
    let client = random.below(clients) * random.below(clients) / clients.max(1);
    usize::try_from(client).unwrap_or_default()
}
