//! The dashboards: everything that they show is described here, and nowhere else.

use super::model::Shape::{self, Areas, Bars, Donut, Lines, Map, Search, Table};
use super::model::{
    BLUE, Bucket, DEAD_LETTERS, Dashboard, Esql, GREEN, GREY, LOGS, Metric, ORANGE, Of, Panel, RED, Row, YELLOW, chart,
    count, metric, panel, table, terms, tile,
};

const STATUS: &str = "http.response.status_code";
const LATENCY: &str = "aws.api_gateway.response_latency";
const INTEGRATION_LATENCY: &str = "aws.api_gateway.integration.latency";
const BOTH_LATENCIES: &str = "aws.api_gateway.response_latency : * and aws.api_gateway.integration.latency : *";

const IS_4XX: &str = "http.response.status_code >= 400 and http.response.status_code < 500";
const IS_5XX: &str = "http.response.status_code >= 500";
const IS_THROTTLED: &str = "http.response.status_code : 429";
const IS_FAILURE: &str = "aws.api_gateway.log_type : \"access\" and event.outcome : \"failure\"";
const IS_WEBSOCKET: &str = "aws.api_gateway.event_type : *";
const IS_BLOCKED: &str = "aws.api_gateway.waf.response_code : \"WAF_BLOCK\"";
const HAS_INTEGRATION_ERROR: &str = "aws.api_gateway.integration.error : *";
const HAS_AUTHORIZER_ERROR: &str = "aws.api_gateway.authorizer.error : * or aws.api_gateway.authorize.error : * or aws.api_gateway.authenticate.error : *";

const REQUESTS: Metric = count("Requests");
const CLIENT_ERRORS: Metric = metric("Client errors (4xx)", Of::Share).only(IS_4XX).colored(ORANGE);
const SERVER_ERRORS: Metric = metric("Server errors (5xx)", Of::Share).only(IS_5XX).colored(RED);
const COUNT_4XX: Metric = count("4xx").only(IS_4XX).colored(ORANGE);
const COUNT_5XX: Metric = count("5xx").only(IS_5XX).colored(RED);
const THROTTLED: Metric = count("Throttled (429)").only(IS_THROTTLED).colored(YELLOW);
const P50: Metric = metric("p50", Of::Percentile(LATENCY, 50)).colored(GREEN);
const P95: Metric = metric("p95", Of::Percentile(LATENCY, 95)).colored(ORANGE);
const P99: Metric = metric("p99", Of::Percentile(LATENCY, 99)).colored(RED);

const API: Bucket = terms("aws.api_gateway.api_id", "API");
const RESOURCE: Bucket = terms("aws.api_gateway.resource_path", "Resource");
const ROUTE: Bucket = terms("aws.api_gateway.route_key", "Route");
const PATH: Bucket = terms("url.path", "Path");

const CONTROLS: &[(&str, &str)] = &[
    ("aws.api_gateway.api_id", "API"),
    ("aws.api_gateway.stage", "Stage"),
    ("aws.api_gateway.resource_path", "Resource (REST)"),
    ("aws.api_gateway.route_key", "Route (HTTP, WebSocket)"),
];

/// There is no field for it: each kind of API is known by the variables that only it has. A click on a kind filters by it.
const KINDS: &[(&str, &str)] = &[
    ("WebSocket", "aws.api_gateway.event_type : * or aws.api_gateway.connection_id : *"),
    (
        "HTTP",
        "aws.api_gateway.route_key : * and not (aws.api_gateway.event_type : * or aws.api_gateway.connection_id : *)",
    ),
    ("REST", "aws.api_gateway.resource_path : * and not aws.api_gateway.route_key : *"),
    (
        "not told",
        "not (aws.api_gateway.event_type : * or aws.api_gateway.connection_id : * or aws.api_gateway.route_key : * or aws.api_gateway.resource_path : *)",
    ),
];

pub(super) fn dashboards() -> [Dashboard; 5] {
    [overview(), clients(), errors(), websocket(), pipeline()]
}

fn overview() -> Dashboard {
    let routes = |panel: Panel| panel.leading_to(&["errors", "clients"]);
    let busiest = |title, bucket| routes(table(16, title, bucket).of([REQUESTS, P95, SERVER_ERRORS]));
    let slowest =
        |title, bucket| routes(table(16, title, bucket).of([P95, metric("Longest", Of::Max(LATENCY)), REQUESTS]));
    Dashboard {
        name: "overview",
        title: "Overview",
        description: "How much is asked, how much of it fails, how long it takes, and where.",
        datasets: &[LOGS],
        controls: CONTROLS,
        rows: vec![
            Row(
                6,
                vec![
                    tile(8, REQUESTS.colored(BLUE)),
                    tile(8, CLIENT_ERRORS),
                    tile(8, SERVER_ERRORS),
                    tile(8, metric("Latency, p50", Of::Percentile(LATENCY, 50)).colored(GREEN)),
                    tile(8, metric("Latency, p95", Of::Percentile(LATENCY, 95)).colored(ORANGE)),
                    tile(8, THROTTLED),
                ],
            ),
            Row(
                14,
                vec![
                    chart(Bars, 36, "Requests by status class, a minute").of([
                        count("1xx, 2xx").only("http.response.status_code < 300").colored(GREEN).per_minute(),
                        count("3xx")
                            .only("http.response.status_code >= 300 and http.response.status_code < 400")
                            .colored(BLUE)
                            .per_minute(),
                        COUNT_4XX.per_minute(),
                        COUNT_5XX.per_minute(),
                    ]),
                    panel(Donut, 12, "Kinds of API").by([Bucket::Filters(KINDS)]).of([REQUESTS]),
                ],
            ),
            Row(
                12,
                vec![
                    chart(Lines, 16, "Error ratio").of([CLIENT_ERRORS, SERVER_ERRORS]),
                    chart(Lines, 16, "Latency").of([P50, P95, P99]),
                    chart(Areas, 16, "Integration latency and ours, on average").query(BOTH_LATENCIES).of([
                        metric("Integration", Of::Average(INTEGRATION_LATENCY)).colored(BLUE),
                        metric("API Gateway", Of::Difference(LATENCY, INTEGRATION_LATENCY)).colored(ORANGE),
                    ]),
                ],
            ),
            Row(
                12,
                vec![
                    chart(Bars, 24, "Throttled, by API").query(IS_THROTTLED).by([API]).of([REQUESTS]),
                    chart(Bars, 24, "Requests by API").by([API]).of([REQUESTS]),
                ],
            ),
            Row(
                14,
                vec![
                    busiest("Busiest resources (REST)", RESOURCE),
                    busiest("Busiest routes (HTTP, WebSocket)", ROUTE),
                    busiest("Busiest paths", PATH),
                ],
            ),
            Row(
                14,
                vec![
                    slowest("Slowest resources (REST)", RESOURCE),
                    slowest("Slowest routes (HTTP, WebSocket)", ROUTE),
                    slowest("Slowest paths", PATH),
                ],
            ),
        ],
    }
}

fn clients() -> Dashboard {
    let who =
        |title, field, label| table(16, title, terms(field, label)).of([REQUESTS, COUNT_4XX]).leading_to(&["errors"]);
    Dashboard {
        name: "clients",
        title: "Clients",
        description: "Who asks, from where, with what, and as whom.",
        datasets: &[LOGS],
        controls: CONTROLS,
        rows: vec![
            Row(
                6,
                vec![
                    tile(12, metric("Addresses", Of::Unique("source.ip")).colored(BLUE)),
                    tile(12, metric("Countries", Of::Unique("source.geo.country_iso_code")).colored(BLUE)),
                    tile(12, metric("Networks", Of::Unique("source.as.number")).colored(BLUE)),
                    tile(12, metric("User agents", Of::Unique("user_agent.original")).colored(BLUE)),
                ],
            ),
            Row(
                18,
                vec![
                    panel(Map("source.geo.location"), 32, "Where requests come from").of([REQUESTS]),
                    who("Countries by requests", "source.geo.country_name", "Country"),
                ],
            ),
            Row(
                14,
                vec![
                    who("Networks by requests", "source.as.organization.name", "Network (ASN)"),
                    who("Addresses by requests", "source.ip", "Address"),
                    chart(Bars, 16, "Requests by user agent")
                        .by([terms("user_agent.name", "User agent")])
                        .of([REQUESTS]),
                ],
            ),
            Row(
                14,
                vec![
                    who("User agents by requests", "user_agent.original", "User agent"),
                    panel(Donut, 16, "Operating systems").by([terms("user_agent.os.name", "System")]).of([REQUESTS]),
                    panel(Donut, 16, "Devices").by([terms("user_agent.device.name", "Device")]).of([REQUESTS]),
                ],
            ),
            Row(
                14,
                vec![
                    who("Callers (IAM)", "user.id", "ARN"),
                    who("API keys by id", "aws.api_gateway.api_key_id", "API key id"),
                    who("Authorizer principals", "aws.api_gateway.authorizer.principal_id", "Principal"),
                ],
            ),
        ],
    }
}

fn errors() -> Dashboard {
    let by = |title, bucket| table(16, title, bucket).query(IS_FAILURE).of([count("Errors"), COUNT_4XX, COUNT_5XX]);
    let of =
        |width, query, title, field, label| table(width, title, terms(field, label)).query(query).of([count("Errors")]);
    Dashboard {
        name: "errors",
        title: "Errors",
        description: "What fails, and whose fault it is: the client's, the authorizer's, the firewall's or the integration's.",
        datasets: &[LOGS],
        controls: CONTROLS,
        rows: vec![
            Row(
                6,
                vec![
                    tile(8, COUNT_4XX),
                    tile(8, COUNT_5XX),
                    tile(8, THROTTLED),
                    tile(8, count("Integration errors").only(HAS_INTEGRATION_ERROR).colored(RED)),
                    tile(8, count("Authorizer errors").only(HAS_AUTHORIZER_ERROR).colored(ORANGE)),
                    tile(8, count("Blocked by WAF").only(IS_BLOCKED).colored(GREY)),
                ],
            ),
            Row(
                12,
                vec![
                    chart(Bars, 24, "Errors by status")
                        .query(IS_FAILURE)
                        .by([terms(STATUS, "Status")])
                        .of([count("Errors")]),
                    chart(Bars, 24, "Errors by response type")
                        .query(IS_FAILURE)
                        .by([terms("error.type", "Response type")])
                        .of([count("Errors")]),
                ],
            ),
            Row(
                14,
                vec![
                    by("Errors by API", API),
                    by("Errors by resource (REST)", RESOURCE),
                    by("Errors by route (HTTP, WebSocket)", ROUTE),
                ],
            ),
            Row(
                12,
                vec![
                    of(12, IS_FAILURE, "Error response types", "error.type", "Response type"),
                    of(12, IS_FAILURE, "Integration status", "aws.api_gateway.integration.status", "Status"),
                    of(
                        12,
                        HAS_AUTHORIZER_ERROR,
                        "Authorizer errors by text",
                        "aws.api_gateway.authorizer.error",
                        "Error",
                    ),
                    of(12, IS_BLOCKED, "Blocked by WAF, by web ACL", "aws.api_gateway.waf.web_acl_arn", "Web ACL"),
                ],
            ),
            Row(
                12,
                vec![
                    chart(Bars, 24, "Integration errors by status")
                        .query(HAS_INTEGRATION_ERROR)
                        .by([terms(STATUS, "Status")])
                        .of([count("Errors")]),
                    chart(Bars, 24, "Answers of WAF")
                        .query("aws.api_gateway.waf.response_code : *")
                        .by([terms("aws.api_gateway.waf.response_code", "Answer")])
                        .of([REQUESTS]),
                ],
            ),
            Row(18, vec![panel(Search("failed-requests"), 48, "Last failed requests")]),
        ],
    }
}

fn websocket() -> Dashboard {
    let event = |event, label, color| count(label).only(event).colored(color);
    let connects = event("aws.api_gateway.event_type : \"CONNECT\"", "Connects", GREEN);
    let messages = event("aws.api_gateway.event_type : \"MESSAGE\"", "Messages", BLUE);
    let disconnects = event("aws.api_gateway.event_type : \"DISCONNECT\"", "Disconnects", GREY);
    let failures = event("http.response.status_code >= 400", "Errors", RED);
    let tile = |metric| tile(12, metric).query(IS_WEBSOCKET);
    Dashboard {
        name: "websocket",
        title: "WebSocket",
        description: "Connections of WebSocket APIs: how many, how long, and what is sent over them.",
        datasets: &[LOGS],
        controls: CONTROLS,
        rows: vec![
            Row(6, vec![tile(connects), tile(messages), tile(disconnects), tile(failures)]),
            Row(
                14,
                vec![
                    chart(Bars, 24, "Connects, messages and disconnects").query(IS_WEBSOCKET).of([
                        connects,
                        messages,
                        disconnects,
                    ]),
                    panel(Shape::Esql(CONNECTION_LENGTH), 24, "Connection length, in seconds").query(""),
                ],
            ),
            Row(
                14,
                vec![
                    table(24, "Routes", ROUTE)
                        .query(IS_WEBSOCKET)
                        .of([count("Events"), failures])
                        .leading_to(&["errors"]),
                    chart(Bars, 24, "Events by route").query(IS_WEBSOCKET).by([ROUTE]).of([count("Events")]),
                ],
            ),
        ],
    }
}

/// Of connections that ended in the time range. Without `connectedAt` in the log format there are none.
const CONNECTION_LENGTH: &Esql = &Esql {
    query: "FROM logs-aws.api_gateway_logs-*\n\
    | WHERE aws.api_gateway.event_type == \"DISCONNECT\" AND aws.api_gateway.connected_at IS NOT NULL\n\
    | EVAL seconds = DATE_DIFF(\"seconds\", aws.api_gateway.connected_at, @timestamp)\n\
    | STATS median = MEDIAN(seconds), longest = MAX(seconds), connections = COUNT(*) BY api = aws.api_gateway.api_id\n\
    | SORT connections DESC",
    by: ("api", "API"),
    of: &[("median", "Median"), ("longest", "Longest"), ("connections", "Connections")],
};

/// `event.ingested` is set by Fleet, for the data streams of packages: see `docs/fields.md`.
const DELAY: &Esql = &Esql {
    query: "FROM logs-aws.api_gateway_logs-*\n\
    | WHERE event.ingested IS NOT NULL\n\
    | EVAL seconds = DATE_DIFF(\"seconds\", @timestamp, event.ingested)\n\
    | STATS median = MEDIAN(seconds), longest = MAX(seconds), documents = COUNT(*) BY log_group = aws.cloudwatch.log_group\n\
    | SORT longest DESC",
    by: ("log_group", "Log group"),
    of: &[("median", "Median"), ("longest", "Longest"), ("documents", "Documents")],
};

fn pipeline() -> Dashboard {
    const NOT_PARSED: &str = "event.kind : \"pipeline_error\"";
    const REPAIRED: &str = "aws.api_gateway.repairs : *";
    let all = |panel: Panel| panel.query("");
    let log_group = || terms("aws.cloudwatch.log_group", "Log group");
    let letters = count("Dead letters").colored(RED);
    Dashboard {
        name: "pipeline",
        title: "Pipeline",
        description: "What became of the log lines on their way: how many, how well understood, how late, and which were refused.",
        datasets: &[LOGS, DEAD_LETTERS],
        controls: &[("aws.cloudwatch.log_group", "Log group")],
        rows: vec![
            Row(
                6,
                vec![
                    all(tile(12, count("Documents").colored(BLUE))),
                    all(tile(12, count("Lines not parsed").only(NOT_PARSED).colored(RED))),
                    all(tile(12, count("Lines repaired").only(REPAIRED).colored(YELLOW))),
                    tile(12, letters).dead_letters(),
                ],
            ),
            Row(
                14,
                vec![
                    all(chart(Bars, 32, "Documents by format").by([Bucket::Filters(FORMATS)])).of([count("Documents")]),
                    all(panel(Donut, 16, "Formats").by([Bucket::Filters(FORMATS)])).of([count("Documents")]),
                ],
            ),
            Row(
                14,
                vec![
                    all(table(16, "Documents by log group", log_group())).of([
                        count("Documents"),
                        count("Not parsed").only(NOT_PARSED),
                        count("Repaired").only(REPAIRED),
                        count("Cut off").only("aws.api_gateway.truncated : true"),
                    ]),
                    panel(Table, 16, "Repairs")
                        .query(REPAIRED)
                        .by([terms("aws.api_gateway.repairs", "Repair")])
                        .of([count("Lines")]),
                    panel(Shape::Esql(DELAY), 16, "Delay between event and ingest, in seconds").query(""),
                ],
            ),
            Row(
                12,
                vec![
                    chart(Bars, 24, "Dead letters by reason")
                        .dead_letters()
                        .by([terms("error.type", "Reason")])
                        .of([letters]),
                    table(24, "Dead letters by log group", log_group()).dead_letters().of([letters]),
                ],
            ),
            Row(
                16,
                vec![
                    panel(Search("lines-not-parsed"), 24, "Lines not parsed, the last"),
                    panel(Search("dead-letters"), 24, "Dead letters, the last"),
                ],
            ),
        ],
    }
}

const FORMATS: &[(&str, &str)] = &[
    ("JSON", "aws.api_gateway.log_format : \"json\""),
    ("CLF", "aws.api_gateway.log_format : \"clf\""),
    ("key: value", "aws.api_gateway.log_format : \"key_value\""),
    ("request id only", "aws.api_gateway.log_format : \"request_id\""),
    ("execution log", "aws.api_gateway.log_type : \"execution\""),
    ("not known", "not aws.api_gateway.log_type : *"),
];

/// A saved search: its name, title, dataset, KQL and columns.
pub(super) struct SavedSearch {
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    pub(super) dataset: &'static str,
    pub(super) query: &'static str,
    pub(super) columns: &'static [&'static str],
}

pub(super) const SEARCHES: [SavedSearch; 3] = [
    SavedSearch {
        name: "failed-requests",
        title: "Failed requests",
        dataset: LOGS,
        query: IS_FAILURE,
        columns: &[
            STATUS,
            "http.request.method",
            "url.path",
            "error.type",
            "error.message",
            "aws.api_gateway.integration.error",
            "aws.api_gateway.authorizer.error",
            LATENCY,
            "source.ip",
            "aws.api_gateway.request_id",
        ],
    },
    SavedSearch {
        name: "lines-not-parsed",
        title: "Lines not parsed or repaired",
        dataset: LOGS,
        query: "event.kind : \"pipeline_error\" or aws.api_gateway.repairs : *",
        columns: &["error.message", "aws.api_gateway.repairs", "aws.cloudwatch.log_group", "event.original"],
    },
    SavedSearch {
        name: "dead-letters",
        title: "Dead letters",
        dataset: DEAD_LETTERS,
        query: "",
        columns: &[
            "error.type",
            "error.message",
            "aws.api_gateway.dead_letter.data_stream",
            "aws.cloudwatch.log_group",
            "event.original",
        ],
    },
];
