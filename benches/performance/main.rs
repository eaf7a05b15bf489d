//! The cost of the program: each step beside its floor, the built function under load, gzip levels,
//! ingest pipelines.
//!
//! Run `cargo bench --bench performance -- COMMAND`; `--help` lists the commands, and
//! docs/performance.md holds their results.
#![expect(clippy::print_stdout, reason = "printing is its purpose")]

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

use test_support::inputs::InputFormat;

/// Measure what the program costs
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// Passed by cargo
    #[arg(long, global = true, hide = true)]
    bench: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Measure each step and the whole path beside their floors, in processor time
    Steps {
        /// Only steps whose names contain this
        #[arg(default_value = "")]
        filter: String,
        /// How many events to process at a time
        #[arg(long, default_value_t = 10_000)]
        events: usize,
        /// How long to look for the lowest time, in milliseconds
        #[arg(long, default_value_t = 1_000)]
        patience: u64,
    },
    /// Measure the same with criterion
    Criterion {
        /// Only steps whose names contain this
        #[arg(default_value = "")]
        filter: String,
        /// How many events to process at a time
        #[arg(long, default_value_t = 1_000)]
        events: usize,
    },
    Load(load::Arguments),
    Extremes(extremes::Arguments),
    /// Count the instructions of each step with valgrind's callgrind, and compare them with the
    /// baseline
    Instructions(instructions::Arguments),
    /// Run a step whose instructions callgrind counts
    #[command(hide = true)]
    Counted {
        /// The step to run
        step: usize,
        /// Run its floor instead
        #[arg(long)]
        floor: bool,
    },
    /// Compare gzip levels by processor time, bytes and money
    Gzip,
    /// Compare the server's processor time for our documents and for raw lines through an ingest
    /// pipeline
    Ingest,
    /// Run a function that does nothing, for comparison
    #[command(hide = true)]
    Nothing,
    /// Run the whole path again and again, for a profiler
    Path {
        /// The format of the lines
        #[arg(long, value_enum, default_value = "rest")]
        format: InputFormat,
        /// How many events a payload has
        #[arg(long, default_value_t = 10_000)]
        events: usize,
        /// How often to run it
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
