//! How much is asked, how much of it fails, how long it takes, and where: for the wall.

use super::super::model::Shape::{Areas, Bars, Lines};
use super::super::model::{
    BLUE, Bucket, Dashboard, GREEN, LOGS, Metric, ORANGE, Of, Panel, RED, Row, chart, count,
    metric, table, terms, tile,
};
use super::{
    API, CONTROLS, COUNT_4XX, COUNT_5XX, IS_4XX, IS_THROTTLED, LATENCY, REQUESTS, RESOURCE, ROUTE,
    SERVER_ERRORS, THROTTLED, kinds_of_api, share,
};

const INTEGRATION_LATENCY: &str = "aws.api_gateway.integration.latency";
/// Groups of which no document has a latency would come first.
const HAS_LATENCY: &str = "aws.api_gateway.response_latency : *";
const HAS_BOTH_LATENCIES: &str =
    "aws.api_gateway.response_latency : * and aws.api_gateway.integration.latency : *";

const CLIENT_ERRORS: Metric = share("Client errors (4xx)", IS_4XX).colored(ORANGE);
const P95: Metric = metric("p95", Of::Percentile(LATENCY, 95)).colored(ORANGE);
const PATH: Bucket = terms("url.path", "Path");

pub(super) fn dashboard() -> Dashboard {
    Dashboard {
        name: "overview",
        title: "Overview",
        description: "How much is asked, how much of it fails, how long it takes, and where.",
        datasets: &[LOGS],
        controls: CONTROLS,
        opens_with: Some("now-24h"),
        rows: vec![
            numbers(),
            requests(),
            ratios(),
            apis(),
            busiest(),
            slowest(),
        ],
    }
}

fn numbers() -> Row {
    Row(
        6,
        vec![
            tile(8, REQUESTS.colored(BLUE)),
            tile(8, CLIENT_ERRORS),
            tile(8, SERVER_ERRORS),
            tile(
                8,
                metric("Latency, p50", Of::Percentile(LATENCY, 50)).colored(GREEN),
            ),
            tile(
                8,
                metric("Latency, p95", Of::Percentile(LATENCY, 95)).colored(ORANGE),
            ),
            tile(8, THROTTLED),
        ],
    )
}

fn requests() -> Row {
    let good = count("1xx, 2xx")
        .only("http.response.status_code < 300")
        .colored(GREEN);
    let elsewhere = "http.response.status_code >= 300 and http.response.status_code < 400";
    let classes = [
        good,
        count("3xx").only(elsewhere).colored(BLUE),
        COUNT_4XX,
        COUNT_5XX,
    ]
    .map(Metric::per_minute);
    Row(
        14,
        vec![
            chart(Bars, 36, "Requests by status class, a minute").of(classes),
            kinds_of_api(),
        ],
    )
}

fn ratios() -> Row {
    let (p50, p99) = (
        metric("p50", Of::Percentile(LATENCY, 50)),
        metric("p99", Of::Percentile(LATENCY, 99)),
    );
    Row(
        12,
        vec![
            chart(Lines, 16, "Error ratio").of([CLIENT_ERRORS, SERVER_ERRORS]),
            chart(Lines, 16, "Latency").of([p50.colored(GREEN), P95, p99.colored(RED)]),
            chart(Areas, 16, "Integration latency and ours, on average")
                .query(HAS_BOTH_LATENCIES)
                .of([
                    metric("Integration", Of::Average(INTEGRATION_LATENCY)).colored(BLUE),
                    metric("API Gateway", Of::Difference(LATENCY, INTEGRATION_LATENCY))
                        .colored(ORANGE),
                ]),
        ],
    )
}

fn apis() -> Row {
    Row(
        12,
        vec![
            chart(Bars, 24, "Requests by API").by([API]).of([REQUESTS]),
            chart(Bars, 24, "Throttled, by API")
                .query(IS_THROTTLED)
                .by([API])
                .of([REQUESTS]),
        ],
    )
}

fn routes(title: &'static str, bucket: Bucket, metrics: [Metric; 3]) -> Panel {
    table(16, title, bucket)
        .of(metrics)
        .leading_to(&["errors", "clients"])
}

fn busiest() -> Row {
    const METRICS: [Metric; 3] = [REQUESTS, P95, SERVER_ERRORS];
    Row(
        14,
        vec![
            routes("Busiest resources (REST)", RESOURCE, METRICS),
            routes("Busiest routes (HTTP, WebSocket)", ROUTE, METRICS),
            routes("Busiest paths", PATH, METRICS),
        ],
    )
}

fn slowest() -> Row {
    const METRICS: [Metric; 3] = [P95, metric("Longest", Of::Max(LATENCY)), REQUESTS];
    Row(
        14,
        vec![
            routes("Slowest resources (REST)", RESOURCE, METRICS).query(HAS_LATENCY),
            routes("Slowest routes (HTTP)", ROUTE, METRICS).query(HAS_LATENCY),
            routes("Slowest paths", PATH, METRICS).query(HAS_LATENCY),
        ],
    )
}
