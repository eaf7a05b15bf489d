//! The dashboard about WebSocket connections: how many, how long, and what is sent over them.

use super::super::model::Shape::{self, Bars};
use super::super::model::{
    BLUE, Dashboard, Esql, GREEN, GREY, LOGS, Metric, Of, RED, Row, chart, count, metric, panel,
    table, tile,
};
use super::{CONTROLS, NONE_IS_GOOD, ROUTE};

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
    "Integration p95",
    Of::Percentile("aws.api_gateway.integration.latency", 95),
);

/// The duration of connections that ended in the time range. Without `connectedAt` in the log
/// format there is none.
const CONNECTION_LENGTH: &Esql = &Esql {
    query: "FROM logs-aws.api_gateway_logs-*\n\
        | WHERE aws.api_gateway.event_type == \"DISCONNECT\" AND aws.api_gateway.connected_at IS NOT NULL\n\
        | EVAL seconds = DATE_DIFF(\"seconds\", aws.api_gateway.connected_at, @timestamp)\n\
        | STATS median = MEDIAN(seconds), longest = MAX(seconds), connections = COUNT(*) BY api = aws.api_gateway.api\n\
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
        description: "Connections of WebSocket APIs: how many, how long, and what is sent over them?",
        datasets: &[LOGS],
        controls: CONTROLS,
        opens_with: None,
        rows: vec![numbers(), events(), routes()],
    }
}

fn numbers() -> Row {
    const IS_DISCONNECT: &str = "aws.api_gateway.event_type : \"DISCONNECT\"";
    let balance = metric("Connects less disconnects", Of::Surplus(IS_DISCONNECT))
        .only("aws.api_gateway.event_type : \"CONNECT\" and http.response.status_code < 400");
    Row(
        5,
        vec![
            tile(16, balance).query(IS_WEBSOCKET).described(
                "Connections that opened, less those that closed. Above 0, more are open than before: worry when it only grows. The log format needs eventType.",
            ),
            tile(16, MESSAGES)
                .query(IS_WEBSOCKET)
                .described("Messages from clients. Worry when there are connects and no messages. The log format needs eventType."),
            tile(16, ERRORS.in_steps(NONE_IS_GOOD))
                .query(IS_WEBSOCKET)
                .described("Connects, messages and disconnects with a status from 400 on. Worry about any. The log format needs eventType."),
        ],
    )
}

fn events() -> Row {
    Row(
        12,
        vec![
            chart(Bars, 48, "Connects, messages and disconnects")
                .query(IS_WEBSOCKET)
                .of([CONNECTS, MESSAGES, DISCONNECTS])
                .described("What happens on connections. Worry when disconnects jump: a network or a deployment cut them off. The log format needs eventType."),
        ],
    )
}

fn routes() -> Row {
    Row(
        15,
        vec![
            table(24, "Routes", ROUTE)
                .query(IS_WEBSOCKET)
                .of([count("Events"), ERRORS, INTEGRATION_P95])
                .leading_to(&["errors"])
                .described("Events, errors and the integration's time by route. Worry about errors of one route: its integration fails. The log format needs eventType and routeKey."),
            panel(
                Shape::Esql(CONNECTION_LENGTH),
                24,
                "Length of connections (s)",
            )
            .query("")
            .described(
                "How long the connections lasted that ended in the time range. Worry when the median falls. The log format needs connectedAt, eventType.",
            ),
        ],
    )
}
