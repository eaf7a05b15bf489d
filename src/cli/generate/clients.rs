//! The clients: some hundred visitors, a few programs, a nightly export, and a bot that looks for
//! holes.

use super::random::Random;

/// The kind of a client, which decides which API it calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ClientKind {
    /// The shop's page in a browser: the REST and the WebSocket API.
    Browser,
    /// The app on a telephone: the HTTP and the WebSocket API.
    App,
    /// A partner's program with an API key: the REST API, including its old route.
    Program,
    /// The export that overloads the backend one night.
    Export,
    /// A bot that tries paths.
    Scanner,
}

#[derive(Clone, Debug)]
pub(super) struct ShopClient {
    pub(super) kind: ClientKind,
    pub(super) ip: String,
    pub(super) user_agent: &'static str,
    /// The user whose token the client shows to the authorizer.
    pub(super) principal: String,
    pub(super) api_key: Option<String>,
    /// The IAM user of clients that sign their requests.
    pub(super) user: Option<&'static str>,
}

/// Networks that `MaxMind`'s test databases and the real databases know, as a prefix and the number
/// of hosts that follow. The last two are documentation networks, which no database knows (RFC
/// 5737).
const NETWORKS: &[(&str, u64, u64)] = &[
    ("81.2.69.", 142, 50),
    ("89.160.20.", 112, 16),
    ("2.125.160.", 216, 8),
    ("216.160.83.", 56, 8),
    ("175.16.199.", 1, 200),
    ("202.196.224.", 1, 200),
    ("67.43.156.", 1, 200),
    ("2001:218::", 1, 90),
    ("2a02:d280::", 1, 90),
    ("203.0.113.", 1, 200),
];

const BROWSERS: &[&str] = &[
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Safari/605.1.15",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (iPad; CPU OS 17_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.7 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (Linux; Android 14; SM-S921B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
];

const APPS: &[&str] = &[
    "ShopApp/4.2.0 CFNetwork/1568.300.101 Darwin/24.2.0",
    "ShopApp/4.1.3 CFNetwork/1492.0.1 Darwin/23.3.0",
    "okhttp/4.12.0",
    "okhttp/5.1.0",
    "Dart/3.5 (dart:io)",
];

const PROGRAMS: &[&str] = &[
    "curl/8.11.1",
    "Go-http-client/2.0",
    "axios/1.7.9",
    "Java-http-client/21.0.5",
    "python-requests/2.32.3",
    "Amazon CloudFront",
    "PostmanRuntime/7.43.0",
];

/// Returns all clients; the first ones send the most.
pub(super) fn clients(random: &mut Random) -> Vec<ShopClient> {
    (0..240)
        .filter_map(|number| visitor(random, number))
        .collect()
}

fn visitor(random: &mut Random, number: u64) -> Option<ShopClient> {
    let (kind, user_agents) = match random.below(20) {
        0..11 => (ClientKind::Browser, BROWSERS),
        11..18 => (ClientKind::App, APPS),
        _ => (ClientKind::Program, PROGRAMS),
    };
    let (network, first, hosts) = random.pick(NETWORKS)?;
    let host = first + random.below(*hosts);
    Some(ShopClient {
        kind,
        ip: format!("{network}{host}"),
        user_agent: random.pick(user_agents)?,
        principal: format!("user-{number}"),
        api_key: (kind == ClientKind::Program).then(|| format!("partner{number:03}")),
        user: (kind == ClientKind::Program && number.is_multiple_of(2)).then_some("user/partner"),
    })
}

/// Returns the export that causes the night's incident.
pub(super) fn export() -> ShopClient {
    ShopClient {
        kind: ClientKind::Export,
        ip: "198.51.100.77".to_owned(),
        user_agent: "python-requests/2.31.0",
        principal: "export".to_owned(),
        api_key: Some("export0001".to_owned()),
        user: Some("user/nightly-export"),
    }
}

/// Returns the bot that tries paths.
pub(super) fn scanner() -> ShopClient {
    ShopClient {
        kind: ClientKind::Scanner,
        ip: "192.0.2.66".to_owned(),
        user_agent: "Mozilla/5.0 zgrab/0.x",
        principal: "-".to_owned(),
        api_key: None,
        user: None,
    }
}
