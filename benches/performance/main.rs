//! What the program costs: each step beside its floor, the built function under load, gzip levels, ingest pipelines.
//!
//! `cargo bench --bench performance -- COMMAND`; what the commands are `--help` says, and what they found docs/performance.md.
#![expect(clippy::print_stdout, reason = "its output is what it is for")]

mod endpoint;
mod extremes;
mod function;
mod gzip;
mod ingest;
mod instructions;
mod load;
mod report;
mod steps;

use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};

use test_support::inputs::Format;

/// Measures what the program costs
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// Given by cargo
    #[arg(long, global = true, hide = true)]
    bench: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Each step and the whole path beside their floors, in processor time
    Steps {
        /// Only steps whose names contain this
        #[arg(default_value = "")]
        filter: String,
        /// How many events at a time
        #[arg(long, default_value_t = 10_000)]
        events: usize,
        /// How long to try for the least time, in milliseconds
        #[arg(long, default_value_t = 1_000)]
        patience: u64,
    },
    /// The same by criterion
    Criterion {
        /// Only steps whose names contain this
        #[arg(default_value = "")]
        filter: String,
        /// How many events at a time
        #[arg(long, default_value_t = 1_000)]
        events: usize,
    },
    Load(load::Arguments),
    Extremes(extremes::Arguments),
    /// Instructions of each step beside the baseline, counted by valgrind's callgrind
    Instructions(instructions::Arguments),
    /// What callgrind counts
    #[command(hide = true)]
    Counted {
        /// Which step
        step: usize,
        /// Its floor instead
        #[arg(long)]
        floor: bool,
    },
    /// gzip levels by processor time, bytes and money
    Gzip,
    /// OpenSearch's processor time: documents of ours against raw lines through an ingest pipeline
    Ingest,
    /// A function that does nothing, to compare with
    #[command(hide = true)]
    Nothing,
    /// The whole path again and again, for a profiler
    Path {
        /// The lines' format
        #[arg(long, value_enum, default_value = "rest")]
        format: Format,
        /// How many events a payload has
        #[arg(long, default_value_t = 10_000)]
        events: usize,
        /// How often it is done
        #[arg(long, default_value_t = 10)]
        rounds: usize,
        /// gzip level, 0 for none
        #[arg(long, default_value_t = steps::default_level())]
        level: u32,
    },
}

fn main() -> ExitCode {
    match Arguments::parse().command {
        Command::Steps {
            filter,
            events,
            patience,
        } => report::table(events, &filter, Duration::from_millis(patience)),
        Command::Criterion { filter, events } => report::criterion(events, &filter),
        Command::Load(arguments) => load::run(&arguments),
        Command::Extremes(arguments) => extremes::run(&arguments),
        Command::Instructions(arguments) => return instructions::run(&arguments),
        Command::Counted { step, floor } => instructions::counted(step, floor),
        Command::Gzip => gzip::run(),
        Command::Ingest => ingest::run(),
        Command::Nothing => function::do_nothing(),
        Command::Path {
            format,
            events,
            rounds,
            level,
        } => {
            let mut step = steps::path(format, events, level);
            (0..rounds).for_each(|_| (step.run)());
        }
    }
    ExitCode::SUCCESS
}
