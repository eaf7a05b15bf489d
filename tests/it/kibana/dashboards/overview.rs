//! The overview dashboard, for a wall screen: is the API up, is it worse than usual, which API and
//! stage, and where does the time go?

use super::super::model::Shape::{Areas, Bars, Heatmap, Lines};
use super::super::model::{
    BLUE, Bucket, Dashboard, GREEN, LOGS, Metric, ORANGE, Of, RED, Row, chart, compared_tile,
    complete_terms, count, metric, panel, table,
};
use super::{
    API_FIELD, AVAILABILITY, CONTROLS, COUNT_4XX, COUNT_5XX, INTEGRATION_LATENCY, LATENCY,
    NONE_IS_BAD, NONE_IS_BETTER, P95, REQUESTS, ROUTE, SHARE_4XX, SHARE_5XX, THROTTLED,
};

/// Without this filter, groups in which no document has a latency would come first.
const HAS_LATENCY: &str = "aws.api_gateway.response_latency : *";
const HAS_BOTH_LATENCIES: &str =
    "aws.api_gateway.response_latency : * and aws.api_gateway.integration.latency : *";

const INTEGRATION_P95: Metric =
    metric("Integration p95", Of::Percentile(INTEGRATION_LATENCY, 95)).colored(BLUE);

/// The last band holds the requests that API Gateway's limit of 29 seconds cuts off.
const LATENCY_RANGES: &[(&str, &str)] = &[
    ("over 29 s", "aws.api_gateway.response_latency >= 29000"),
    (
        "3 to 29 s",
        "aws.api_gateway.response_latency >= 3000 and aws.api_gateway.response_latency < 29000",
    ),
    (
        "1 to 3 s",
        "aws.api_gateway.response_latency >= 1000 and aws.api_gateway.response_latency < 3000",
    ),
    (
        "500 ms to 1 s",
        "aws.api_gateway.response_latency >= 500 and aws.api_gateway.response_latency < 1000",
    ),
    (
        "250 to 500 ms",
        "aws.api_gateway.response_latency >= 250 and aws.api_gateway.response_latency < 500",
    ),
    (
        "100 to 250 ms",
        "aws.api_gateway.response_latency >= 100 and aws.api_gateway.response_latency < 250",
    ),
    (
        "50 to 100 ms",
        "aws.api_gateway.response_latency >= 50 and aws.api_gateway.response_latency < 100",
    ),
    ("under 50 ms", "aws.api_gateway.response_latency < 50"),
];

pub(super) fn dashboard() -> Dashboard {
    Dashboard {
        name: "overview",
        title: "Overview",
        description: "Is it up, is it worse than usual, which API and stage, and where does the time go?",
        datasets: &[LOGS],
        controls: CONTROLS,
        opens_with: Some("now-24h"),
        rows: vec![numbers(), health(), requests(), latency(), routes()],
    }
}

fn numbers() -> Row {
    Row(
        6,
        vec![
            compared_tile(8, REQUESTS.in_steps(NONE_IS_BAD)).described(
                "Requests in the access logs, and those of a week before. Red if there are none: then no other number means anything.",
            ),
            compared_tile(8, AVAILABILITY).described(
                "The share of responses without a status from 500 on. Worry when it is red: below 99.9 %.",
            ),
            compared_tile(8, SHARE_5XX.called("Server errors (5xx)"))
                .described("The share of responses with a status from 500 on. Worry when it is yellow, from 1 %, or red, from 5 %."),
            compared_tile(8, SHARE_4XX.called("Client errors (4xx)"))
                .described("The share of responses with a status from 400 to 499. Worry when it is orange, from 25 %, or far above the week before."),
            compared_tile(8, THROTTLED.called("Throttled (429)").in_steps(NONE_IS_BETTER))
                .described("Requests beyond the limits of a stage, an account or a usage plan. Worry when clients of yours are among them: see Errors."),
            compared_tile(8, P95.called("Latency, p95")).described(
                "95 % of the responses are faster. Worry when it is red, from 3 s. The log format needs responseLatency, which WebSocket APIs do not have.",
            ),
        ],
    )
}

fn health() -> Row {
    let api = complete_terms(API_FIELD, "API");
    let stage = complete_terms("aws.api_gateway.stage", "Stage");
    let error_ratio = SHARE_5XX.called("5xx %");
    Row(
        15,
        vec![
            table(36, "Health by API and stage", api)
                .by([stage])
                .of([
                    REQUESTS,
                    SHARE_5XX,
                    SHARE_4XX,
                    THROTTLED.in_steps(NONE_IS_BETTER),
                    P95,
                    INTEGRATION_P95,
                ])
                .worst_first(SHARE_5XX.label)
                .leading_to(&["errors", "clients"])
                .described("Every API and stage, the worst first. Worry about a row with a red cell. Without apiId and stage in the log format, all requests are in the row (missing value)."),
            chart(Lines, 12, "Server error ratio")
                .of([error_ratio, error_ratio.a_week_before()])
                .described("The share of responses with a status from 500 on. Worry when it stays above the grey line of a week before."),
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
    let requests = REQUESTS.colored(BLUE).per_minute();
    Row(
        12,
        vec![
            chart(Bars, 24, "Requests per minute by status class")
                .of(classes)
                .described("Requests per minute, by the first digit of their status. Worry when red or orange grows and green does not."),
            chart(Lines, 24, "Requests per minute, now and a week before")
                .of([requests, requests.a_week_before()])
                .described("Requests per minute. Worry when the line falls far below the grey one of a week before: clients do not get through."),
        ],
    )
}

fn latency() -> Row {
    let percentile = |label, percentile| metric(label, Of::Percentile(LATENCY, percentile));
    Row(
        12,
        vec![
            chart(Lines, 16, "Latency").of([
                percentile("p50", 50).colored(GREEN),
                P95,
                percentile("p99", 99).colored(RED),
                INTEGRATION_P95,
            ])
            .described("How long responses take. Worry when p95 stays above 3 s; close to the blue line, the integration is slow. The log format needs responseLatency."),
            panel(Heatmap, 16, "Requests by latency")
                .query(HAS_LATENCY)
                .by([Bucket::Filters("Latency", LATENCY_RANGES), Bucket::Time])
                .of([REQUESTS])
                .described("Requests by their latency; two bands are two kinds of requests. Worry about a band at the top: API Gateway gives up after 29 s. The log format needs responseLatency."),
            chart(Areas, 16, "Where the time goes, on average")
                .query(HAS_BOTH_LATENCIES)
                .of([
                    metric("Integration", Of::Average(INTEGRATION_LATENCY)).colored(BLUE),
                    metric("API Gateway", Of::Difference(LATENCY, INTEGRATION_LATENCY))
                        .colored(ORANGE),
                ])
                .described("The parts of the average latency, in percent. Worry when API Gateway's part grows: authorizers and WAF are in it. The log format needs responseLatency and integrationLatency."),
        ],
    )
}

fn routes() -> Row {
    let bytes = metric("Bytes", Of::Sum("http.response.body.bytes"));
    let longest = metric("Longest", Of::Max(LATENCY));
    let busiest = table(24, "Busiest routes", ROUTE).of([REQUESTS, SHARE_5XX, P95, bytes]);
    let slowest = table(24, "Slowest routes", ROUTE)
        .query(HAS_LATENCY)
        .of([P95, longest, REQUESTS]);
    let busiest = busiest.described("The routes with the most requests. Worry about a yellow or red cell: many clients feel it. The log format needs routeKey, or httpMethod and resourcePath.");
    let slowest = slowest.described("The routes with the highest p95. Worry about a red cell with many requests. The log format needs responseLatency, and routeKey, or httpMethod and resourcePath.");
    Row(
        14,
        [busiest, slowest]
            .map(|it| it.leading_to(&["errors", "clients"]))
            .into(),
    )
}
