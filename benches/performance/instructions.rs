//! Instructions of each step, counted by callgrind. The counts do not depend on the load of the
//! machine.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use crate::steps::{self, Step};

/// The number of events in each step.
const EVENTS: usize = 500;

/// The increase over the baseline, in percent, that counts as a regression. Another processor makes
/// a small difference, because `memchr` and `zlib-rs` choose other instructions for it.
const BOUND: f64 = 25.0;

const HEADER: &str = "\
# Instructions an event, as callgrind counts them in the bench profile: `just baseline` writes this file, `just instructions` compares.
";

/// The action for the counts.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Save the counts as the new baseline
    #[arg(long)]
    record: bool,
}

/// Counts instructions, and compares them with the baseline.
pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let counts = match counts() {
        Ok(counts) => counts,
        Err(problem) => {
            println!("{problem}");
            return ExitCode::FAILURE;
        }
    };
    if arguments.record {
        let lines = counts
            .iter()
            .fold(HEADER.to_owned(), |mut lines, (name, count)| {
                writeln!(lines, "{name}\t{count:.0}").expect("a String grows");
                lines
            });
        fs::write(baseline_file(), lines).expect("the baseline can be written");
    }
    let recorded = fs::read_to_string(baseline_file()).unwrap_or_default();
    print(&counts, &baseline(&recorded))
}

fn baseline_file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/baseline.txt")
}

fn baseline(text: &str) -> BTreeMap<&str, f64> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| line.split_once('\t'))
        .filter_map(|(name, count)| Some((name, count.parse().ok()?)))
        .collect()
}

/// Prints the table. A step that is only in the baseline, or only outside of it, is an error.
fn print(counts: &[(String, f64)], baseline: &BTreeMap<&str, f64>) -> ExitCode {
    let mut regressions = Vec::new();
    println!("| step | instructions an event | ratio to its floor | change, % |");
    println!("| --- | ---: | ---: | ---: |");
    for (name, count) in counts {
        let floor = counts
            .iter()
            .find(|(other, _)| *other == floor_of(name))
            .map(|(_, floor)| count / floor);
        let floor = floor.map_or(String::new(), |ratio| format!("{ratio:.2}"));
        let change = baseline
            .get(&**name)
            .map(|before| (count / before - 1.0) * 100.0);
        println!(
            "| {name} | {count:.0} | {floor} | {} |",
            change.map_or(String::new(), |change| format!("{change:+.1}"))
        );
        if change.is_none_or(|change| change > BOUND) {
            regressions.push(&**name);
        }
    }
    let is_gone = |name: &&&str| !counts.iter().any(|(counted, _)| counted == **name);
    regressions.extend(baseline.keys().filter(is_gone));
    if regressions.is_empty() {
        return ExitCode::SUCCESS;
    }
    println!(
        "\nmore than {BOUND} % above benches/baseline.txt, or not in both: {}",
        regressions.join("; ")
    );
    ExitCode::FAILURE
}

fn floor_of(name: &str) -> String {
    format!("{name}: floor")
}

/// Returns the instructions of each step and each floor for one event.
fn counts() -> Result<Vec<(String, f64)>, String> {
    let runs = (0..steps::all(EVENTS).len()).flat_map(|step| [(step, false), (step, true)]);
    runs.filter_map(|(step, is_floor)| count(step, is_floor).transpose())
        .collect()
}

/// Runs one step under callgrind; `None` if the step has no floor.
fn count(step: usize, is_floor: bool) -> Result<Option<(String, f64)>, String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let out = folder.path().join("out");
    let this = std::env::current_exe().map_err(|error| error.to_string())?;
    let output = Command::new("valgrind")
        .args([
            "--tool=callgrind",
            "--toggle-collect=*counted_by_callgrind*",
        ])
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(this)
        .args(["counted", &step.to_string()])
        .args(is_floor.then_some("--floor"))
        .stderr(Stdio::null())
        .output()
        .map_err(|error| format!("valgrind: {error}"))?;
    if !output.status.success() {
        return Err(format!("valgrind ended with {}", output.status));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let Some((name, events)) = text.trim_end().split_once('\t') else {
        return Ok(None);
    };
    let total = total(&fs::read_to_string(&out).map_err(|error| error.to_string())?)?;
    let events: f64 = events
        .parse()
        .map_err(|_| format!("{events} is no number of events"))?;
    Ok(Some((name.to_owned(), total / events)))
}

/// Source: <https://valgrind.org/docs/manual/cl-format.html>.
fn total(dump: &str) -> Result<f64, String> {
    let total = dump.lines().find_map(|line| line.strip_prefix("totals: "));
    total
        .and_then(|total| total.trim().parse().ok())
        .ok_or_else(|| "callgrind has counted nothing".to_owned())
}

/// Runs under callgrind: a step runs once to warm up, and once more to be counted.
pub(crate) fn counted(step: usize, is_floor: bool) {
    let Some(make) = steps::all(EVENTS).into_iter().nth(step) else {
        return;
    };
    let Step {
        name,
        events,
        run,
        floor,
    } = make();
    let (name, work) = if is_floor {
        (floor_of(&name), floor)
    } else {
        (name, Some(run))
    };
    if let Some(mut work) = work {
        work();
        counted_by_callgrind(&mut *work);
        println!("{name}\t{events}");
    }
}

/// Callgrind finds the function by its name.
#[inline(never)]
fn counted_by_callgrind(work: &mut dyn FnMut()) {
    work();
    // Keep this after the call. Otherwise the compiler would turn the call into a jump.
    black_box(());
}
