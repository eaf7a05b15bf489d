//! Tables of the processor time of each step.

use std::time::Duration;

use criterion::{Criterion, Throughput};
use rustix::time::{ClockId, clock_gettime};

use crate::steps::{self, Step, Work};

/// Returns the processor time of this thread, so that other processes on the machine do not count.
pub(crate) fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(
        u64::try_from(time.tv_sec).unwrap_or_default(),
        u32::try_from(time.tv_nsec).unwrap_or_default(),
    )
}

/// Returns the lowest time of at least three runs, within about this span.
pub(crate) fn least_time(work: &mut dyn FnMut(), patience: Duration) -> Duration {
    let (mut least, mut spent, mut times) = (Duration::MAX, Duration::ZERO, 0);
    work();
    while spent < patience || times < 3 {
        let start = cpu_time();
        work();
        let time = cpu_time().saturating_sub(start);
        (least, spent, times) = (least.min(time), spent + time, times + 1);
    }
    least
}

/// Prints every step with its floor, as a table in Markdown.
pub(crate) fn table(events: usize, filter: &str, patience: Duration) {
    println!("| step | ns an event | floor | ratio | events per CPU second |");
    println!("| --- | ---: | ---: | ---: | ---: |");
    for Step {
        name,
        events,
        mut run,
        floor,
    } in steps::all(events).into_iter().map(|make| make())
    {
        if !name.contains(filter) {
            continue;
        }
        let time = each(least_time(&mut *run, patience), events);
        let floor = floor.map(|mut floor| each(least_time(&mut *floor, patience), events));
        let (floor, ratio) = floor.map_or(Default::default(), |floor| {
            (format!("{floor:.0}"), format!("{:.2}", time / floor))
        });
        println!(
            "| {name} | {time:.0} | {floor} | {ratio} | {:.0} |",
            1e9 / time
        );
    }
}

/// Nanoseconds.
fn each(time: Duration, events: usize) -> f64 {
    time.as_secs_f64() * 1e9 / events as f64
}

/// Measures the same with criterion, which remembers the last run and reports changes.
pub(crate) fn criterion(events: usize, filter: &str) {
    let mut criterion = Criterion::default();
    for Step {
        name,
        events,
        mut run,
        floor,
    } in steps::all(events).into_iter().map(|make| make())
    {
        if !name.contains(filter) {
            continue;
        }
        let mut group = criterion.benchmark_group(&name);
        group
            .throughput(Throughput::Elements(events as u64))
            .sample_size(20);
        group.bench_function("step", |bencher| bencher.iter(&mut run));
        if let Some(mut floor) = floor {
            let floor: &mut Work = &mut floor;
            group.bench_function("floor", |bencher| bencher.iter(&mut *floor));
        }
        group.finish();
    }
    criterion.final_summary();
}
