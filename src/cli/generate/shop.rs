//! Turns visits into requests, and keeps the state of the shop between them.

use super::super::log_format::ApiType;
use super::ShopLine;
use super::apis::{Api, CHAT, CONNECT, DISCONNECT, HOLES, MOBILE, Route, SHOP, SHOP_BETA};
use super::clients::{ClientKind, ShopClient};
use super::ending::Ending;
use super::random::Random;
use super::request::{ShopRequest, WebsocketMessage};
use super::story::{BAD_DEPLOYMENT, Story};

/// Upper bound on WebSocket connections that are open at the same time.
const CONNECTIONS: usize = 150;

/// Failures of an ordinary day: how often in 10,000 requests, and with which ending.
const MISHAPS: &[(u64, Ending)] = &[
    (30, Ending::Throttled),
    (20, Ending::Blocked),
    (120, Ending::Unauthorized),
    (60, Ending::Denied),
    (12, Ending::AuthorizerFailed),
    (150, Ending::Answered(400)),
    (180, Ending::Answered(404)),
    (25, Ending::Answered(500)),
    (35, Ending::Answered(502)),
    (10, Ending::TimedOut),
];

/// Failures while the backend is overloaded.
const MISHAPS_OF_THE_INCIDENT: &[(u64, Ending)] = &[
    (800, Ending::Throttled),
    (1_800, Ending::Answered(502)),
    (1_400, Ending::TimedOut),
];

/// Failures of the export that overloads the backend.
const MISHAPS_OF_THE_EXPORT: &[(u64, Ending)] = &[
    (5_500, Ending::Throttled),
    (2_500, Ending::Answered(502)),
    (1_500, Ending::TimedOut),
];

/// The time in milliseconds after which an integration counts as failed.
const INTEGRATION_TIMEOUT: u64 = 29_000;

#[derive(Clone)]
struct OpenConnection<'a> {
    client: &'a ShopClient,
    id: String,
    connected_at: i64,
}

/// The shop with its open connections.
pub(super) struct Shop<'a> {
    account: &'a str,
    story: Story,
    random: Random,
    /// The open WebSocket connections.
    connections: Vec<OpenConnection<'a>>,
}

impl<'a> Shop<'a> {
    pub(super) fn new(account: &'a str, story: Story, random: Random) -> Self {
        Self {
            account,
            story,
            random,
            connections: Vec::new(),
        }
    }

    /// Makes the line of one visit.
    pub(super) fn line(&mut self, time: i64, client: &'a ShopClient) -> Option<ShopLine> {
        let api = self.api(client.kind)?;
        let request = if api.api_type == ApiType::Websocket {
            self.message(api, time, client)?
        } else {
            let route = self.route(api, client)?;
            self.request(api, time, client, route)
        };
        let line = request.line(&mut self.random);
        let (log_group, log_stream, timestamp) =
            (api.log_group, api.log_stream, request.written_at().0);
        Some(ShopLine {
            log_group,
            log_stream,
            timestamp,
            message: self.damaged(line),
        })
    }

    fn api(&mut self, kind: ClientKind) -> Option<&'static Api> {
        let apis: &[(u64, &Api)] = match kind {
            ClientKind::Browser => &[(60, &SHOP), (4, &SHOP_BETA), (36, &CHAT)],
            ClientKind::App => &[(82, &MOBILE), (18, &CHAT)],
            ClientKind::Program | ClientKind::Export => &[(1, &SHOP)],
            ClientKind::Scanner => &[(1, &SHOP), (1, &MOBILE)],
        };
        self.random
            .weighed(apis, |(weight, _)| *weight)
            .map(|(_, api)| *api)
    }

    fn route(&mut self, api: &'static Api, client: &ShopClient) -> Option<&'static Route> {
        let wants_the_old = match client.kind {
            ClientKind::Program => self.random.happens(2_000),
            ClientKind::App => {
                client.user_agent.starts_with("okhttp/4") && self.random.happens(4_000)
            }
            ClientKind::Browser | ClientKind::Export | ClientKind::Scanner => false,
        };
        match (&api.old, client.kind) {
            (Some(old), _) if wants_the_old => Some(old),
            (_, ClientKind::Export) => api.routes.last(),
            _ => self.random.weighed(api.routes, |route| route.weight),
        }
    }

    fn request(
        &mut self,
        api: &'static Api,
        time: i64,
        client: &'a ShopClient,
        route: &'static Route,
    ) -> ShopRequest<'a> {
        let mut request = ShopRequest {
            api,
            client,
            account: self.account,
            time,
            method: route.method,
            resource: Some(route.path),
            path: route
                .path
                .replace("{id}", &self.random.below(400).to_string()),
            deployment: self.story.deployment_at(time),
            ending: Ending::Answered(usual_status(route)),
            integration_latency: self.random.latency(route.latency),
            overhead: self.random.latency(5),
            bytes: self.random.latency(route.bytes),
            message: None,
        };
        if client.kind == ClientKind::Scanner {
            self.scan(&mut request);
        } else {
            self.mishap(&mut request, route);
        }
        request
    }

    /// A bot does not know the routes.
    fn scan(&mut self, request: &mut ShopRequest<'_>) {
        request.path = self
            .random
            .pick(HOLES)
            .copied()
            .unwrap_or_default()
            .to_owned();
        (request.resource, request.method, request.bytes) = (None, "GET", 42);
        request.ending = match request.api.api_type {
            ApiType::Rest if self.random.happens(3_000) => Ending::Blocked,
            ApiType::Rest => Ending::NoMethod,
            ApiType::Http | ApiType::Websocket => Ending::NoRoute,
        };
    }

    fn mishap(&mut self, request: &mut ShopRequest<'_>, route: &Route) {
        let in_trouble =
            self.story.is_incident(request.time) && request.api.api_type == ApiType::Rest;
        let has_the_mistake = request.deployment == BAD_DEPLOYMENT && route.path == "/orders";
        let mishaps = match request.client.kind {
            ClientKind::Export => MISHAPS_OF_THE_EXPORT,
            _ if in_trouble => MISHAPS_OF_THE_INCIDENT,
            _ => MISHAPS,
        };
        let mut chance = self.random.below(10_000);
        let found = mishaps.iter().find(|(often, _)| {
            let found = chance < *often;
            chance = chance.saturating_sub(*often);
            found
        });
        if has_the_mistake && self.random.happens(6_000) {
            request.ending = Ending::Misconfigured;
        } else if let Some((_, ending)) =
            found.filter(|(_, ending)| is_possible(request.api, *ending))
        {
            request.ending = *ending;
        }
        if request.ending == Ending::TimedOut {
            request.integration_latency = INTEGRATION_TIMEOUT;
        } else if in_trouble {
            request.integration_latency =
                (request.integration_latency * 12).min(INTEGRATION_TIMEOUT);
        }
        if request.ending.status() >= 400 {
            request.bytes = 36;
        }
    }

    /// Opens a connection, or lets an open one send a message or end.
    fn message(
        &mut self,
        api: &'static Api,
        time: i64,
        client: &'a ShopClient,
    ) -> Option<ShopRequest<'a>> {
        let chance = self.random.below(100);
        let is_full = self.connections.len() >= CONNECTIONS;
        let open =
            usize::try_from(self.random.below(self.connections.len() as u64)).unwrap_or_default();
        let (event_type, route, connection) =
            if self.connections.is_empty() || (chance < 12 && !is_full) {
                (
                    "CONNECT",
                    &CONNECT,
                    OpenConnection {
                        client,
                        id: self.random.id(),
                        connected_at: time,
                    },
                )
            } else if chance < 24 || is_full {
                (
                    "DISCONNECT",
                    &DISCONNECT,
                    self.connections.swap_remove(open),
                )
            } else {
                let route = self.random.weighed(api.routes, |route| route.weight)?;
                ("MESSAGE", route, self.connections.get(open)?.clone())
            };
        let mut request = self.request(api, time, connection.client, route);
        if event_type == "DISCONNECT" {
            request.ending = Ending::Answered(200);
        } else if event_type == "CONNECT" && request.ending.status() < 400 {
            self.connections.push(connection.clone());
        }
        let connection_id = connection.id;
        let connected_at = connection.connected_at;
        request.message = Some(WebsocketMessage {
            event_type,
            connection_id,
            connected_at,
        });
        Some(request)
    }

    /// Of 10,000 lines, 10 are cut off, 10 lack the quotes around a missing value, and 5 are no
    /// access logs.
    fn damaged(&mut self, line: String) -> String {
        match self.random.below(10_000) {
            0..10 => line.chars().take(line.len() * 2 / 3).collect(),
            10..20 => line.replace(r#":"-""#, ":-"),
            20..25 => "the format of this stage is being changed".to_owned(),
            _ => line,
        }
    }
}

fn usual_status(route: &Route) -> u16 {
    match (route.method, route.path) {
        ("POST", "/orders") => 201,
        ("PUT", _) => 204,
        _ => 200,
    }
}

/// Only REST APIs have a firewall and usage plans. A WebSocket API authorizes only its connections,
/// but that makes little difference.
fn is_possible(api: &Api, ending: Ending) -> bool {
    ending != Ending::Blocked || api.api_type == ApiType::Rest
}
