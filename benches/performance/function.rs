//! A process under a Runtime API on the loopback, and the resources that it uses.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;

use test_support::runtime_api::RuntimeApi;

/// A running function. It ends when this value is dropped.
pub(crate) struct Function {
    process: Child,
    api: RuntimeApi,
    /// The time from the start of the process until it asked for its first event.
    pub(crate) until_ready: Duration,
}

impl Function {
    /// Starts a program as Lambda would, and waits until it asks for an event.
    pub(crate) fn start(program: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let asked = Arc::<Mutex<Vec<_>>>::default();
        let api = RuntimeApi::start(Arc::clone(&asked));
        let start = Instant::now();
        let process = Command::new(program)
            .args(arguments)
            .env_clear()
            .envs(variables.iter().copied())
            .envs([
                ("AWS_LAMBDA_RUNTIME_API", api.address.as_str()),
                ("AWS_LAMBDA_FUNCTION_NAME", "apigw-logs"),
                ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
                ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512"),
                ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/apigw-logs"),
                ("AWS_LAMBDA_LOG_STREAM_NAME", "$LATEST"),
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("the program can be started");
        while asked.lock().expect("nobody panicked here").is_empty() {
            std::thread::yield_now();
        }
        let until_ready = start.elapsed();
        Self {
            process,
            api,
            until_ready,
        }
    }

    /// Hands out an event and waits for the answer. Returns the time that it took.
    pub(crate) fn invoke(&self, event: &[u8]) -> Duration {
        let start = Instant::now();
        let answer = self.answer(event);
        let took = start.elapsed();
        assert!(!answer.contains("errorType"), "{answer}");
        took
    }

    /// Hands out an event and returns the answer, whatever it says.
    pub(crate) fn answer(&self, event: &[u8]) -> String {
        self.api.hand_out(event, 900);
        self.api
            .answer_within(Duration::from_secs(900))
            .expect("the function answers")
    }

    /// Returns the processor time of all its threads so far, user and system.
    ///
    /// Source: <https://docs.kernel.org/scheduler/sched-stats.html>.
    pub(crate) fn cpu_time(&self) -> Duration {
        let tasks = fs::read_dir(self.file("task")).expect("the process runs");
        let nanoseconds = tasks.flatten().filter_map(|task| {
            let text = fs::read_to_string(task.path().join("schedstat")).ok()?;
            text.split_whitespace().next()?.parse::<u64>().ok()
        });
        Duration::from_nanos(nanoseconds.sum())
    }

    /// Returns its peak memory in MiB.
    pub(crate) fn peak_mebibytes(&self) -> f64 {
        let status = fs::read_to_string(self.file("status")).expect("the process runs");
        let peak = status.lines().find_map(|line| {
            line.strip_prefix("VmHWM:")?
                .split_whitespace()
                .next()?
                .parse()
                .ok()
        });
        peak.unwrap_or(f64::NAN) / 1024.0
    }

    fn file(&self, name: &str) -> String {
        format!("/proc/{}/{name}", self.process.id())
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        // Both fail only if the process has already ended.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// A function that does nothing, on the same runtime. Whatever the real function costs beyond it is
/// ours.
pub(crate) fn do_nothing() {
    use lambda_runtime::{LambdaEvent, service_fn};
    let nothing = service_fn(|_: LambdaEvent<Box<serde_json::value::RawValue>>| async {
        Ok::<_, lambda_runtime::Error>("nothing")
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime can be made");
    runtime
        .block_on(lambda_runtime::run(nothing))
        .expect("the Runtime API answers");
}
