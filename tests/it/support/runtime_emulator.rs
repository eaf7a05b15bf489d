//! The platform around the function: AWS's own Runtime Interface Emulator, or a Runtime API served
//! here if the emulator is not available.
//!
//! Both run the built binary as Lambda does and answer an invocation as AWS's emulator does: always
//! with text, even after an error (`{"errorType":…,"errorMessage":…}`) or a timeout (`Task timed
//! out after 3.00 seconds`). Both end with the test, however it ends. They differ when the function
//! ends at its start: AWS's emulator answers with nothing, ours with a `Runtime.ExitError`.
//!
//! Payloads above 6 MiB do not belong here: AWS's emulator silently cuts them off.

use std::fs::{self, File};
use std::io::Read;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::Duration;

use super::http;
use super::ports::free_port;
use super::runtime_api::{Request, RuntimeApi};
use super::search_server::target_folder;

/// The function under test.
const FUNCTION: &str = env!("CARGO_BIN_EXE_apigw-logs");

/// The release of aws-sam-cli whose wheel contains AWS's emulator.
const SAM_CLI: &str = "1.170.0";

/// The interval of checks for events that cannot be awaited.
const PAUSE: Duration = Duration::from_millis(10);

/// One function, ready to be invoked. Dropping it ends the function.
///
/// [`Self::invoke`] blocks, so a server that the function talks to must not need the same thread.
pub(crate) struct RuntimeEmulator {
    platform: Platform,
    output: Output,
}

enum Platform {
    Aws { _process: Supervised, url: String },
    Own(Box<OwnPlatform>),
}

impl RuntimeEmulator {
    /// Starts the function with these variables alone, under AWS's emulator if it is available,
    /// otherwise under our own.
    pub(crate) fn start(variables: &[(&str, &str)], timeout_seconds: u32) -> Self {
        Self::start_aws(variables, timeout_seconds)
            .unwrap_or_else(|_| Self::start_own(variables, timeout_seconds))
    }

    /// Starts the function under AWS's emulator, or says why that is not available.
    pub(crate) fn start_aws(
        variables: &[(&str, &str)],
        timeout_seconds: u32,
    ) -> Result<Self, String> {
        const ATTEMPTS: usize = 3;
        let program = aws_emulator()?;
        let mut started =
            (0..ATTEMPTS).map(|_| Self::start_program(program, variables, timeout_seconds));
        started
            .find_map(Result::ok)
            .ok_or_else(|| "AWS's emulator ends as soon as it starts".to_owned())
    }

    /// Fails with the output if another process took the free port first.
    fn start_program(
        program: &Path,
        variables: &[(&str, &str)],
        timeout_seconds: u32,
    ) -> Result<Self, String> {
        let output = Output::default();
        let [address, runtime_api] =
            [free_port(), free_port()].map(|port| format!("127.0.0.1:{port}"));
        let mut command = supervised(program);
        command.args([
            "--runtime-interface-emulator-address",
            &address,
            "--runtime-api-address",
            &runtime_api,
            FUNCTION,
        ]);
        command
            .envs(variables.iter().copied())
            .env("AWS_LAMBDA_FUNCTION_TIMEOUT", timeout_seconds.to_string());
        let mut process = Supervised::start(command, &output);
        while TcpStream::connect(&address).is_err() {
            if !process.is_running() {
                return Err(output.text());
            }
            pause();
        }
        let url = format!("http://{address}/2015-03-31/functions/function/invocations");
        Ok(Self {
            platform: Platform::Aws {
                _process: process,
                url,
            },
            output,
        })
    }

    /// Starts the function under a Runtime API of our own, which also records the function's
    /// requests: see [`Self::requests`].
    pub(crate) fn start_own(variables: &[(&str, &str)], timeout_seconds: u32) -> Self {
        let output = Output::default();
        let platform = OwnPlatform {
            variables: variables
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            timeout_seconds,
            output: output.clone(),
            requests: Arc::default(),
            sandbox: Mutex::new(None),
        };
        Self {
            platform: Platform::Own(Box::new(platform)),
            output,
        }
    }

    /// Invokes the function and returns what a caller of the platform would get.
    pub(crate) fn invoke(&self, payload: &[u8]) -> String {
        match &self.platform {
            Platform::Own(platform) => platform.invoke(payload),
            Platform::Aws { url, .. } => {
                // A function that ended is a 502, everything else a 200. Only the text says what
                // happened.
                let (_, answer) = http::request("POST", url, None, Some(payload.to_vec()))
                    .expect("the emulator answers");
                answer
            }
        }
    }

    /// Returns the memory of the function's process, in kilobytes; `None` under AWS's emulator, and
    /// where there is no `/proc`.
    pub(crate) fn resident_kilobytes(&self) -> Option<u64> {
        let Platform::Own(platform) = &self.platform else {
            return None;
        };
        let place = platform.sandbox.lock().expect("nobody panicked here");
        let shell = place.as_ref()?.function.shell.id();
        let children = fs::read_to_string(format!("/proc/{shell}/task/{shell}/children")).ok()?;
        let status =
            |pid: &str| fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let function = children
            .split_whitespace()
            .map(status)
            .find(|status| status.contains("apigw-logs"))?;
        let resident = function
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))?;
        resident.split_whitespace().next()?.parse().ok()
    }

    /// Returns what the function (and AWS's emulator) has written so far, both streams together.
    pub(crate) fn output(&self) -> String {
        self.output.text()
    }

    /// Waits for a text in [`Self::output`], for a minute at most, and returns the whole output.
    ///
    /// The answer to an invocation may arrive before the last line of the function.
    pub(crate) fn output_with(&self, text: &str) -> String {
        for _ in 0..6000 {
            if self.output().contains(text) {
                return self.output();
            }
            pause();
        }
        panic!("{text:?} is not in the output:\n{}", self.output());
    }

    /// Returns every request of the function to our own Runtime API, in order. AWS's emulator does
    /// not reveal them.
    pub(crate) fn requests(&self) -> Vec<Request> {
        match &self.platform {
            Platform::Own(platform) => platform
                .requests
                .lock()
                .expect("nobody panicked here")
                .clone(),
            Platform::Aws { .. } => panic!("only our own Runtime API tells what was asked of it"),
        }
    }
}

/// The Lambda service in miniature: one sandbox, made at the first invocation and made again after
/// one that ended badly.
struct OwnPlatform {
    variables: Vec<(String, String)>,
    timeout_seconds: u32,
    output: Output,
    requests: Arc<Mutex<Vec<Request>>>,
    sandbox: Mutex<Option<Sandbox>>,
}

/// One process of the function, and the Runtime API that serves only this process.
struct Sandbox {
    function: Supervised,
    api: RuntimeApi,
}

impl OwnPlatform {
    fn invoke(&self, payload: &[u8]) -> String {
        let mut place = self.sandbox.lock().expect("nobody panicked here");
        let sandbox = place.get_or_insert_with(|| self.sandbox());
        sandbox.api.hand_out(payload, self.timeout_seconds);
        match sandbox.answer(self.timeout_seconds) {
            Ok(answer) => answer,
            Err(how_it_ended) => {
                *place = None;
                how_it_ended
            }
        }
    }

    fn sandbox(&self) -> Sandbox {
        let api = RuntimeApi::start(Arc::clone(&self.requests));
        let mut command = supervised(Path::new(FUNCTION));
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.envs([
            ("AWS_LAMBDA_RUNTIME_API", api.address.as_str()),
            ("AWS_LAMBDA_FUNCTION_NAME", "test_function"),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "3008"),
            ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/Functions"),
            ("AWS_LAMBDA_LOG_STREAM_NAME", "$LATEST"),
        ]);
        Sandbox {
            function: Supervised::start(command, &self.output),
            api,
        }
    }
}

impl Sandbox {
    /// Returns the function's answer, or the platform's own if the function ended.
    ///
    /// Lambda ends a function at the deadline. This platform gives it a minute more, so that no
    /// test depends on the speed of the machine.
    fn answer(&mut self, timeout_seconds: u32) -> Result<String, String> {
        const GRACE_SECONDS: u32 = 60;
        // The checks are counted, not timed: a test may have stopped tokio's clock.
        let looks = (timeout_seconds + GRACE_SECONDS) * 100;
        for _ in 0..looks {
            if let Some(answer) = self.api.answer_within(PAUSE) {
                return Ok(answer);
            }
            if !self.function.is_running() {
                // An answer that it posted just before it ended counts.
                return Err(self.api.answer_within(PAUSE).unwrap_or_else(|| {
                    r#"{"errorType":"Runtime.ExitError","errorMessage":"Error: Runtime exited"}"#.to_owned()
                }));
            }
        }
        Err(format!("Task timed out after {timeout_seconds}.00 seconds"))
    }
}

/// A process that ends when this value is dropped, and also when the tests are killed.
struct Supervised {
    shell: Child,
    stdin: Option<ChildStdin>,
}

/// Returns a command that runs a program until it ends or its standard input closes, with no
/// variables but those that are added.
///
/// The processes that the program started (AWS's emulator starts the function) end with it. The
/// shell in between is in a process group of its own: an interrupt from the keyboard ends the
/// tests, and they end it.
fn supervised(program: &Path) -> Command {
    const SHELL: &str = r#"
        exec 3<&0
        "$@" 3<&- </dev/null & program=$!
        { cat <&3; kill -KILL $(cat /proc/$program/task/*/children) $program; } >/dev/null 2>&1 &
        exec 3<&- 2>/dev/null
        wait $program"#;
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", SHELL, "sh"])
        .arg(program)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .process_group(0);
    command
}

impl Supervised {
    fn start(mut command: Command, output: &Output) -> Self {
        let mut shell = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("there is a /bin/sh");
        output.collect(shell.stdout.take().expect("stdout is piped"));
        output.collect(shell.stderr.take().expect("stderr is piped"));
        Self {
            stdin: shell.stdin.take(),
            shell,
        }
    }

    fn is_running(&mut self) -> bool {
        matches!(self.shell.try_wait(), Ok(None))
    }
}

impl Drop for Supervised {
    fn drop(&mut self) {
        drop(self.stdin.take());
        // Waiting fails only if the process has already ended.
        drop(self.shell.wait());
    }
}

/// The output of the processes so far.
#[derive(Clone, Default)]
struct Output(Arc<Mutex<Vec<u8>>>);

impl Output {
    fn collect(&self, mut stream: impl Read + Send + 'static) {
        let output = Arc::clone(&self.0);
        thread::spawn(move || {
            let mut buffer = [0; 8192];
            while let Ok(length @ 1..) = stream.read(&mut buffer) {
                let read = buffer.iter().take(length);
                output.lock().expect("nobody panicked here").extend(read);
            }
        });
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().expect("nobody panicked here")).into_owned()
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a process and its sockets cannot be waited for in tokio's time"
)]
fn pause() {
    thread::sleep(PAUSE);
}

/// Returns the path of AWS's emulator, which is downloaded once into `target/rie`; otherwise the
/// reason why it is not available.
fn aws_emulator() -> Result<&'static Path, String> {
    static FETCHED: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    FETCHED
        .get_or_init(fetch_aws_emulator)
        .as_deref()
        .map_err(Clone::clone)
}

fn fetch_aws_emulator() -> Result<PathBuf, String> {
    let name = match (std::env::consts::OS, std::env::consts::ARCH) {
        ("linux", "x86_64") => "aws-lambda-rie-x86_64",
        ("linux", "aarch64") => "aws-lambda-rie-arm64",
        (system, architecture) => {
            return Err(format!(
                "AWS's emulator does not run on {system} {architecture}"
            ));
        }
    };
    let folder = target_folder().join("rie");
    let program = folder.join(format!("{name}-{SAM_CLI}"));
    fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    let lock = File::create(folder.join("lock")).map_err(|error| error.to_string())?;
    lock.lock().map_err(|error| error.to_string())?;
    if !program.exists() {
        let wheel = download_sam_cli(&folder)?;
        let unfinished = folder.join("unfinished");
        fs::write(
            &unfinished,
            member_of_wheel(&wheel, &format!("samcli/local/rapid/{name}"))?,
        )
        .and_then(|()| fs::set_permissions(&unfinished, fs::Permissions::from_mode(0o755)))
        .and_then(|()| fs::remove_file(&wheel))
        .and_then(|()| fs::rename(&unfinished, &program))
        .map_err(|error| error.to_string())?;
    }
    Ok(program)
}

fn download_sam_cli(folder: &Path) -> Result<PathBuf, String> {
    let requirement = format!("aws-sam-cli=={SAM_CLI}");
    let arguments = [
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--no-input",
        "--retries",
        "1",
        "--timeout",
        "20",
        "--dest",
    ];
    run(Command::new("python3")
        .args(arguments)
        .arg(folder)
        .arg(requirement))?;
    Ok(folder.join(format!("aws_sam_cli-{SAM_CLI}-py3-none-any.whl")))
}

/// A wheel is a zip file, and python3 is available wherever pip is.
fn member_of_wheel(wheel: &Path, member: &str) -> Result<Vec<u8>, String> {
    const READ: &str = "import sys, zipfile; sys.stdout.buffer.write(zipfile.ZipFile(sys.argv[1]).read(sys.argv[2]))";
    run(Command::new("python3")
        .args(["-c", READ])
        .arg(wheel)
        .arg(member))
}

fn run(command: &mut Command) -> Result<Vec<u8>, String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("python3: {error}"))?;
    if output.status.success() {
        Ok(output.stdout)
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}
