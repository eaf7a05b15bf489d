//! The built function under load, measured from the outside.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::endpoint::Endpoint;
use crate::function::Function;
use test_support::inputs::{self, InputFormat};

/// Measure the built function under a Runtime API on the loopback
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The program; by default the one that cargo has built for the benches
    #[arg(long, default_value = env!("CARGO_BIN_EXE_apigw-logs"))]
    program: PathBuf,
    /// How many events a payload has, at most where the number varies
    #[arg(long, default_value_t = 10_000)]
    events: usize,
    /// How often to repeat each measurement
    #[arg(long, default_value_t = 10)]
    rounds: u32,
    /// The delay of the slow bulk endpoint, in milliseconds
    #[arg(long, default_value_t = 50)]
    delay: u64,
}

type Variables<'a> = [(&'a str, &'a str)];

/// Prints all tables.
pub(crate) fn run(arguments: &Arguments) {
    throughput(arguments);
    sizes(arguments);
    batches(arguments);
    small_calls(arguments);
}

/// The result of a number of invocations.
struct Cost {
    cpu: Duration,
    /// The lowest measurement.
    wall: Duration,
    peak_mebibytes: f64,
}

/// Invokes a new function again and again. The first invocation does not count, because the
/// function still warms up.
fn cost(program: &Path, variables: &Variables<'_>, event: &str, rounds: u32) -> Cost {
    let function = Function::start(program, &[], variables);
    function.invoke(event.as_bytes());
    let before = function.cpu_time();
    let wall = (0..rounds)
        .map(|_| function.invoke(event.as_bytes()))
        .min()
        .unwrap_or_default();
    let cpu = function.cpu_time().saturating_sub(before) / rounds.max(1);
    Cost {
        cpu,
        wall,
        peak_mebibytes: function.peak_mebibytes(),
    }
}

fn direct(format: InputFormat, events: usize) -> String {
    inputs::direct(&inputs::payload(&inputs::lines(format, events)))
}

/// Prints the events for each second of processor time and for each second of wall time.
fn throughput(
    Arguments {
        program,
        events,
        rounds,
        delay,
    }: &Arguments,
) {
    println!(
        "| {events} events a payload | gzip | ms a bulk | events per CPU second | events per second | peak MiB |"
    );
    println!("| --- | --- | ---: | ---: | ---: | ---: |");
    for (format, level, delay) in [
        (InputFormat::Rest, "1", 0),
        (InputFormat::Rest, "0", 0),
        (InputFormat::RestFull, "1", 0),
        (InputFormat::RestFull, "0", 0),
        (InputFormat::Rest, "1", *delay),
    ] {
        let endpoint = Endpoint::start(Duration::from_millis(delay));
        let variables = [
            ("ELASTICSEARCH_URL", &*endpoint.url),
            ("BULK_COMPRESSION_LEVEL", level),
        ];
        let cost = cost(program, &variables, &direct(format, *events), *rounds);
        assert_eq!(
            endpoint.documents(),
            *events as u64 * u64::from(rounds + 1),
            "every event has its document"
        );
        let (cpu, wall) = (
            per_second(*events, cost.cpu),
            per_second(*events, cost.wall),
        );
        println!(
            "| {} | {level} | {delay} | {cpu:.0} | {wall:.0} | {:.1} |",
            format.name(),
            cost.peak_mebibytes
        );
    }
    println!();
}

fn per_second(events: usize, time: Duration) -> f64 {
    events as f64 / time.as_secs_f64()
}

/// Prints a table that shows whether the cost is linear in the events.
fn sizes(
    Arguments {
        program,
        events,
        rounds,
        ..
    }: &Arguments,
) {
    println!("| events a payload | CPU ms | µs of CPU an event | ms | peak MiB |");
    println!("| ---: | ---: | ---: | ---: | ---: |");
    for size in [1, 10, 100, 1_000, 10_000, 100_000]
        .into_iter()
        .filter(|size| *size <= 10 * events)
    {
        let endpoint = Endpoint::start(Duration::ZERO);
        let rounds = rounds * u32::try_from((10_000 / size).clamp(1, 20)).unwrap_or(1);
        let variables = [("ELASTICSEARCH_URL", &*endpoint.url)];
        let cost = cost(
            program,
            &variables,
            &direct(InputFormat::Rest, size),
            rounds,
        );
        let (cpu, wall) = (milliseconds(cost.cpu), milliseconds(cost.wall));
        println!(
            "| {size} | {cpu:.2} | {:.2} | {wall:.2} | {:.1} |",
            cpu * 1e3 / size as f64,
            cost.peak_mebibytes
        );
    }
    println!();
}

/// Prints a table that shows whether memory stays the same for any number of records.
fn batches(
    Arguments {
        program, rounds, ..
    }: &Arguments,
) {
    println!("| Kinesis records of 1,000 events | CPU ms | event MiB | peak MiB |");
    println!("| ---: | ---: | ---: | ---: |");
    let payload = inputs::payload(&inputs::lines(InputFormat::Rest, 1_000));
    for records in [1, 4, 16, 64] {
        let endpoint = Endpoint::start(Duration::ZERO);
        let event = inputs::kinesis(&payload, records);
        let cost = cost(
            program,
            &[("ELASTICSEARCH_URL", &*endpoint.url)],
            &event,
            (*rounds).min(3),
        );
        let (cpu, size) = (
            milliseconds(cost.cpu),
            event.len() as f64 / f64::from(1 << 20),
        );
        println!(
            "| {records} | {cpu:.1} | {size:.1} | {:.1} |",
            cost.peak_mebibytes
        );
    }
    println!();
}

/// Prints the cost of a start and of small invocations, beside a function that does nothing.
fn small_calls(
    Arguments {
        program, rounds, ..
    }: &Arguments,
) {
    let endpoint = Endpoint::start(Duration::ZERO);
    let variables = [("ELASTICSEARCH_URL", &*endpoint.url)];
    let ours = Calls::of(*rounds, || Function::start(program, &[], &variables));
    let this = std::env::current_exe().expect("the program runs");
    let bare = Calls::of(*rounds, || Function::start(&this, &["nothing"], &[]));
    println!(
        "| least of {} starts, ms | apigw-logs | nothing | difference |",
        (*rounds).max(10)
    );
    println!("| --- | ---: | ---: | ---: |");
    let rows = [
        ("spawn until the first `next`", ours.ready, bare.ready),
        ("first call, one event", ours.first, bare.first),
        ("second call, one event", ours.second, bare.second),
        ("warm call, one event", ours.warm, bare.warm),
    ];
    for (name, ours, bare) in rows {
        let (ours, bare) = (milliseconds(ours), milliseconds(bare));
        println!("| {name} | {ours:.2} | {bare:.2} | {:.2} |", ours - bare);
    }
    println!(
        "| peak MiB | {:.1} | {:.1} | {:.1} |",
        ours.mebibytes,
        bare.mebibytes,
        ours.mebibytes - bare.mebibytes
    );
    println!();
}

/// Returns the lowest time of each.
struct Calls {
    ready: Duration,
    first: Duration,
    second: Duration,
    warm: Duration,
    mebibytes: f64,
}

impl Calls {
    fn of(rounds: u32, start: impl Fn() -> Function) -> Self {
        const WARM: usize = 100;
        let event = direct(InputFormat::Rest, 1);
        let mut least = Self {
            ready: Duration::MAX,
            first: Duration::MAX,
            second: Duration::MAX,
            warm: Duration::MAX,
            mebibytes: 0.0,
        };
        for _ in 0..rounds.max(10) {
            let function = start();
            least.ready = least.ready.min(function.until_ready);
            least.first = least.first.min(function.invoke(event.as_bytes()));
            least.second = least.second.min(function.invoke(event.as_bytes()));
            let warm = (0..WARM)
                .map(|_| function.invoke(event.as_bytes()))
                .min()
                .unwrap_or_default();
            least.warm = least.warm.min(warm);
            least.mebibytes = least.mebibytes.max(function.peak_mebibytes());
        }
        least
    }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
