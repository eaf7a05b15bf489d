//! What a user agent costs: one seen before, one not seen before, and the first of all.
//!
//! `cargo bench --bench user_agent` (`just bench`). The claims, of ARCHITECTURE.md: below 1 µs, below 1 ms, and
//! nothing compiled that is not needed.
#![expect(clippy::print_stdout, reason = "which one is the slowest is of interest")]
#![expect(clippy::disallowed_types, reason = "a benchmark looks at the clock")]

use std::hint::black_box;
use std::time::Instant;

use apigw_logs::enrich::user_agent::UserAgents;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};

/// What clients of APIs send: browsers, apps, libraries, robots, scanners.
const USER_AGENTS: &str = include_str!("user_agents.txt");

fn cached(criterion: &mut Criterion) {
    let user_agents = in_use();
    let mut next = USER_AGENTS.lines().cycle();
    criterion.bench_function("cached", |bencher| {
        bencher.iter_batched(
            || next.next().unwrap_or_default(),
            |user_agent| user_agents.parse(user_agent),
            BatchSize::NumIterations(1_000),
        );
    });
}

/// Each is a little different from all before, and the patterns that it needs are compiled.
fn fresh(criterion: &mut Criterion) {
    let user_agents = in_use();
    let mut number = 0;
    let mut new = |user_agent: &str| {
        number += 1;
        format!("{user_agent} {number}")
    };
    let mut next = USER_AGENTS.lines().cycle();
    criterion.bench_function("fresh", |bencher| {
        bencher.iter_batched(
            || new(next.next().unwrap_or_default()),
            |user_agent| user_agents.parse(&user_agent),
            BatchSize::NumIterations(1_000),
        );
    });
    // The shortest of many times is what it takes when nothing else runs.
    let shortest = USER_AGENTS.lines().map(|user_agent| {
        let times = (0..50).map(|_| {
            let user_agent = new(user_agent);
            let start = Instant::now();
            black_box(user_agents.parse(&user_agent));
            start.elapsed()
        });
        (times.min().unwrap_or_default(), user_agent)
    });
    let (time, slowest) = shortest.max().unwrap_or_default();
    println!("the slowest takes {time:?} at best: {slowest}");
    criterion.bench_function("fresh, the slowest", |bencher| {
        bencher.iter_batched(|| new(slowest), |user_agent| user_agents.parse(&user_agent), BatchSize::SmallInput);
    });
}

/// Nothing is compiled yet; what is compiled for it is part of it.
fn first(criterion: &mut Criterion) {
    let mut next = USER_AGENTS.lines().cycle();
    criterion.bench_function("first ever", |bencher| {
        bencher.iter_batched(
            || (UserAgents::builtin(), next.next().unwrap_or_default()),
            |(user_agents, user_agent)| {
                black_box(user_agents.parse(user_agent));
                user_agents
            },
            BatchSize::SmallInput,
        );
    });
    criterion.bench_function("start", |bencher| bencher.iter_with_large_drop(UserAgents::builtin));
}

/// As it is after some time: what these need is compiled.
fn in_use() -> UserAgents {
    let user_agents = UserAgents::builtin();
    USER_AGENTS.lines().for_each(|user_agent| drop(user_agents.parse(user_agent)));
    user_agents
}

criterion_group!(benches, cached, fresh, first);
criterion_main!(benches);
