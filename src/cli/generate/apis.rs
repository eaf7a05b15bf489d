//! The three APIs of a made-up shop.

use super::super::log_format::ApiType;

/// A route, or a resource with a method.
#[derive(Debug)]
pub(super) struct Route {
    pub(super) method: &'static str,
    /// The path with `{id}` in place of a number.
    pub(super) path: &'static str,
    /// The median latency of the integration, in milliseconds.
    pub(super) latency: u64,
    /// The usual length of a response, in bytes.
    pub(super) bytes: u64,
    /// The weight: how often it is called compared with the others.
    pub(super) weight: u64,
}

const fn route(
    method: &'static str,
    path: &'static str,
    latency: u64,
    bytes: u64,
    weight: u64,
) -> Route {
    Route {
        method,
        path,
        latency,
        bytes,
        weight,
    }
}

#[derive(Debug)]
pub(super) struct Api {
    pub(super) api_type: ApiType,
    pub(super) id: &'static str,
    pub(super) stage: &'static str,
    pub(super) log_group: &'static str,
    pub(super) log_stream: &'static str,
    pub(super) routes: &'static [Route],
    /// An old route, which a newer one replaces.
    pub(super) old: Option<Route>,
    /// The members that the API's owner has added to the end of the access-log format.
    pub(super) own_members: &'static str,
}

const SHOP_ID: &str = "sh0prest01";

const SHOP_ROUTES: &[Route] = &[
    route("GET", "/products", 38, 5_200, 30),
    route("GET", "/products/{id}", 24, 1_400, 34),
    route("GET", "/search", 85, 3_900, 14),
    route("POST", "/cart", 45, 310, 10),
    route("POST", "/orders", 160, 640, 7),
    route("GET", "/orders/{id}", 30, 900, 5),
];

pub(super) static SHOP: Api = Api {
    api_type: ApiType::Rest,
    id: SHOP_ID,
    stage: "prod",
    log_group: "API-Gateway-Access-Logs_sh0prest01/prod",
    log_stream: "0f1e2d3c4b5a69788796a5b4c3d2e1f0",
    routes: SHOP_ROUTES,
    old: Some(route("GET", "/v1/products", 55, 4_700, 0)),
    own_members: "",
};

/// The routes with which a WebSocket connection begins and ends.
pub(super) static CONNECT: Route = route("", "$connect", 40, 0, 0);
pub(super) static DISCONNECT: Route = route("", "$disconnect", 12, 0, 0);

/// The next version of the shop, which few clients try.
pub(super) static SHOP_BETA: Api = Api {
    api_type: ApiType::Rest,
    id: SHOP_ID,
    routes: SHOP_ROUTES,
    stage: "beta",
    log_group: "API-Gateway-Access-Logs_sh0prest01/beta",
    log_stream: "1f1e2d3c4b5a69788796a5b4c3d2e1f1",
    old: None,
    own_members: ",\"release\":\"7.2\"",
};

pub(super) static MOBILE: Api = Api {
    api_type: ApiType::Http,
    id: "m0b1lehttp",
    stage: "$default",
    log_group: "/aws/apigateway/mobile-http-api",
    log_stream: "2f1e2d3c4b5a69788796a5b4c3d2e1f2",
    routes: &[
        route("GET", "/feed", 60, 8_100, 42),
        route("GET", "/profile", 22, 700, 25),
        route("PUT", "/profile", 48, 120, 8),
        route("POST", "/login", 130, 450, 10),
        route("GET", "/offers/{id}", 35, 2_300, 15),
    ],
    old: Some(route("GET", "/v1/feed", 95, 7_600, 0)),
    own_members: "",
};

pub(super) static CHAT: Api = Api {
    api_type: ApiType::Websocket,
    id: "chatws0c01",
    stage: "live",
    log_group: "/aws/apigateway/chat-websocket-api",
    log_stream: "3f1e2d3c4b5a69788796a5b4c3d2e1f3",
    routes: &[
        route("", "sendMessage", 28, 0, 60),
        route("", "typing", 9, 0, 30),
        route("", "$default", 15, 0, 10),
    ],
    old: None,
    own_members: "",
};

/// Paths that a bot tries.
pub(super) const HOLES: &[&str] = &[
    "/.env",
    "/.git/config",
    "/wp-login.php",
    "/wp-admin/setup-config.php",
    "/admin",
    "/phpmyadmin/index.php",
    "/actuator/env",
    "/api/v1/users",
    "/backup.zip",
    "/server-status",
    "/config.json",
    "/cgi-bin/test.cgi",
];
