//! Connections of WebSocket APIs: how many, how long, and what is sent over them.

use super::super::model::Shape::{self, Bars};
use super::super::model::{
    BLUE, Dashboard, Esql, GREEN, GREY, LOGS, Metric, Of, RED, Row, chart, count, metric, panel,
    table, tile,
};
use super::{CONTROLS, ROUTE};

const IS_WEBSOCKET: &str = "aws.api_gateway.event_type : *";

const CONNECTS: Metric = count("Connects")
    .only("aws.api_gateway.event_type : \"CONNECT\"")
    .colored(GREEN);
const MESSAGES: Metric = count("Messages")
    .only("aws.api_gateway.event_type : \"MESSAGE\"")
    .colored(BLUE);
const DISCONNECTS: Metric = count("Disconnects")
    .only("aws.api_gateway.event_type : \"DISCONNECT\"")
    .colored(GREY);
const ERRORS: Metric = count("Errors")
    .only("http.response.status_code >= 400")
    .colored(RED);

/// API Gateway logs no latency of its own for them.
const INTEGRATION_P95: Metric = metric(
    "Integration, p95",
    Of::Percentile("aws.api_gateway.integration.latency", 95),
);

/// Of connections that ended in the time range. Without `connectedAt` in the log format there are none.
const CONNECTION_LENGTH: &Esql = &Esql {
    query: "FROM logs-aws.api_gateway_logs-*\n\
        | WHERE aws.api_gateway.event_type == \"DISCONNECT\" AND aws.api_gateway.connected_at IS NOT NULL\n\
        | EVAL seconds = DATE_DIFF(\"seconds\", aws.api_gateway.connected_at, @timestamp)\n\
        | STATS median = MEDIAN(seconds), longest = MAX(seconds), connections = COUNT(*) BY api = aws.api_gateway.api_id\n\
        | SORT connections DESC",
    by: ("api", "API"),
    of: &[
        ("median", "Median"),
        ("longest", "Longest"),
        ("connections", "Connections"),
    ],
};

pub(super) fn dashboard() -> Dashboard {
    Dashboard {
        name: "websocket",
        title: "WebSocket",
        description: "Connections of WebSocket APIs: how many, how long, and what is sent over them.",
        datasets: &[LOGS],
        controls: CONTROLS,
        opens_with: None,
        rows: vec![
            Row(
                6,
                [CONNECTS, MESSAGES, DISCONNECTS, ERRORS]
                    .map(|it| tile(12, it).query(IS_WEBSOCKET))
                    .into(),
            ),
            connections(),
            routes(),
        ],
    }
}

fn connections() -> Row {
    let events = chart(Bars, 24, "Connects, messages and disconnects").query(IS_WEBSOCKET);
    Row(
        14,
        vec![
            events.of([CONNECTS, MESSAGES, DISCONNECTS]),
            panel(
                Shape::Esql(CONNECTION_LENGTH),
                24,
                "Connection length, in seconds",
            )
            .query(""),
        ],
    )
}

fn routes() -> Row {
    Row(
        14,
        vec![
            table(24, "Routes", ROUTE)
                .query(IS_WEBSOCKET)
                .of([count("Events"), ERRORS, INTEGRATION_P95])
                .leading_to(&["errors"]),
            chart(Bars, 24, "Events by route")
                .query(IS_WEBSOCKET)
                .by([ROUTE])
                .of([count("Events")]),
        ],
    )
}
