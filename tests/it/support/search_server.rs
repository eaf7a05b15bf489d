//! A real Elasticsearch or OpenSearch for tests: the developer's own, or a server that is started
//! here and ends with the tests.
#![expect(
    clippy::disallowed_types,
    clippy::indexing_slicing,
    reason = "what a server answers is looked at as it is"
)]

use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::thread;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use reqwest::Url;
use serde_json::Value;

use super::http;
use super::templates::{self, Job};

/// The server to start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flavour {
    /// The newest Elasticsearch that the machine's JDK can run.
    Elasticsearch,
    /// Elasticsearch 8.19.
    Elasticsearch8,
    /// OpenSearch, which has no security here.
    OpenSearch,
}

/// The way in which the data streams of `setup` keep their documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IndexMode {
    /// With the `_source` that was sent.
    Standard,
    /// In logsdb, whose synthetic `_source` is made from the fields on request.
    Logsdb,
}

/// The components through which users change what `setup` puts.
const CUSTOM: [&str; 2] = [
    "logs-aws.api_gateway_logs@custom",
    "logs-aws.api_gateway_dead_letters@custom",
];

/// The component through which users choose logsdb.
pub(crate) const LOGSDB: &str = r#"{"template":{"settings":{"index.mode":"logsdb"}}}"#;

/// A running server, and what an administrator needs to talk to it.
pub(crate) struct SearchServer {
    /// Scheme, host and port, without credentials and without a slash at the end.
    pub(crate) url: String,
    /// The kind of server. A developer's Elasticsearch 8 counts as [`Flavour::Elasticsearch8`].
    pub(crate) flavour: Flavour,
    pub(crate) index_mode: IndexMode,
    /// The version that it reports, as in `9.5.3`.
    pub(crate) version: String,
    administrator: Administrator,
    /// Present if the server was started here. It ends the server when it is dropped, or when the
    /// process ends.
    node: Option<Node>,
}

/// The credentials of the requests of [`SearchServer::admin_request`].
enum Administrator {
    Nobody,
    User { authorization: String },
    ApiKey { encoded: String },
}

/// Returns the one server that all tests of a run share. The first test starts or finds it.
///
/// `ELASTICSEARCH_TEST_URL`, with user and password in it or with `ELASTICSEARCH_TEST_API_KEY`,
/// names a server that runs already. Otherwise `TEST_SERVER` chooses what is started:
/// `elasticsearch` (the default), `elasticsearch-logsdb`, `elasticsearch-8` or `opensearch`.
///
/// A static is not dropped, but the pipe in it closes when the process ends, however it ends, and
/// that ends the server.
pub(crate) fn shared() -> &'static SearchServer {
    static SHARED: OnceLock<Result<SearchServer, String>> = OnceLock::new();
    SHARED
        .get_or_init(chosen_by_environment)
        .as_ref()
        .unwrap_or_else(|problem| panic!("{problem}"))
}

/// Returns a server that knows ES|QL and KQL, and holds only the data streams of the tests that use
/// it. See `tests/searchnode/README.md`.
pub(crate) fn with_esql() -> &'static SearchServer {
    static SERVER: OnceLock<SearchServer> = OnceLock::new();
    SERVER.get_or_init(|| start(Flavour::Elasticsearch8, &[]))
}

/// Starts a private server, for a test that needs node settings (`key=value`) such as
/// `http.max_content_length=1mb`. It ends when it is dropped.
///
/// `path.data=DIR` and `http.port=N` keep data and address over a restart;
/// `xpack.security.http.ssl.*` turns on TLS.
pub(crate) fn start(flavour: Flavour, settings: &[&str]) -> SearchServer {
    SearchServer::started(flavour, settings).unwrap_or_else(|problem| panic!("{problem}"))
}

#[expect(
    clippy::disallowed_methods,
    reason = "the choice of the test server is not a setting of the product"
)]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn chosen_by_environment() -> Result<SearchServer, String> {
    match variable("ELASTICSEARCH_TEST_URL") {
        Some(url) => SearchServer::running_at(&url, variable("ELASTICSEARCH_TEST_API_KEY")),
        None => start_chosen(&[]),
    }
}

fn start_chosen(settings: &[&str]) -> Result<SearchServer, String> {
    let (flavour, index_mode) = match variable("TEST_SERVER").as_deref() {
        None | Some("elasticsearch") => (Flavour::Elasticsearch, IndexMode::Standard),
        Some("elasticsearch-logsdb") => (Flavour::Elasticsearch, IndexMode::Logsdb),
        Some("elasticsearch-8") => (Flavour::Elasticsearch8, IndexMode::Standard),
        Some("opensearch") => (Flavour::OpenSearch, IndexMode::Standard),
        Some(other) => {
            return Err(format!(
                "TEST_SERVER is elasticsearch, elasticsearch-logsdb, elasticsearch-8 or opensearch, not {other:?}"
            ));
        }
    };
    let mut server = SearchServer::started(flavour, settings)?;
    if index_mode == IndexMode::Logsdb {
        server.use_logsdb();
    }
    Ok(server)
}

/// Like [`start`], with the flavour that `TEST_SERVER` chooses; `None` for a developer's own
/// server, which is the only one then.
pub(crate) fn start_beside(settings: &[&str]) -> Option<SearchServer> {
    variable("ELASTICSEARCH_TEST_URL")
        .is_none()
        .then(|| start_chosen(settings).unwrap_or_else(|problem| panic!("{problem}")))
}

impl SearchServer {
    fn running_at(url: &str, api_key: Option<String>) -> Result<Self, String> {
        let mut parsed = Url::parse(url)
            .map_err(|error| format!("ELASTICSEARCH_TEST_URL is not a URL: {error}"))?;
        let administrator = match (api_key, parsed.username()) {
            (Some(encoded), _) => Administrator::ApiKey { encoded },
            (None, "") => Administrator::Nobody,
            (None, user) => user_of_url(user, parsed.password().unwrap_or_default()),
        };
        parsed
            .set_username("")
            .and_then(|()| parsed.set_password(None))
            .map_err(|()| "ELASTICSEARCH_TEST_URL has no host")?;
        let url = parsed.as_str().trim_end_matches('/').to_owned();
        Self {
            url,
            flavour: Flavour::Elasticsearch,
            index_mode: IndexMode::Standard,
            version: String::new(),
            administrator,
            node: None,
        }
        .identified()
    }

    fn started(flavour: Flavour, settings: &[&str]) -> Result<Self, String> {
        let (node, url) = Node::start(flavour, settings)?;
        let administrator = match flavour {
            Flavour::OpenSearch => Administrator::Nobody,
            _ => user("admin", "changeme"),
        };
        Self {
            url,
            flavour,
            index_mode: IndexMode::Standard,
            version: String::new(),
            administrator,
            node: Some(node),
        }
        .identified()
    }

    /// Makes the data streams of `setup` keep their documents in logsdb, as users do.
    fn use_logsdb(&mut self) {
        for component in CUSTOM {
            self.expect_ok(
                "PUT",
                &format!("/_component_template/{component}"),
                Some(LOGSDB),
            );
        }
        self.index_mode = IndexMode::Logsdb;
    }

    /// Ends the server as a power cut would.
    pub(crate) fn kill(mut self) {
        self.node.take().expect("it was started here").kill();
    }

    /// Asks the server what it is: `GET /`, or `GET /_nodes` where that is missing, as in the
    /// servers started here.
    fn identified(mut self) -> Result<Self, String> {
        let root = self.identity("/")?;
        if let Some(root) = &root {
            self.version = string_at(root, "/version/number");
        } else if let Some(nodes) = self.identity("/_nodes/_local?filter_path=nodes.*.version")? {
            let node = nodes["nodes"]
                .as_object()
                .and_then(|nodes| nodes.values().next());
            self.version = node
                .map(|node| string_at(node, "/version"))
                .unwrap_or_default();
        }
        if root.is_some_and(|root| root["version"]["distribution"] == "opensearch") {
            self.flavour = Flavour::OpenSearch;
        } else if self.flavour != Flavour::OpenSearch && self.version.starts_with("8.") {
            self.flavour = Flavour::Elasticsearch8;
        }
        self.note_use();
        Ok(self)
    }

    /// Tells `./test` which server is used, if it wants to know.
    fn note_use(&self) {
        let name = match self.flavour {
            Flavour::OpenSearch => "OpenSearch",
            Flavour::Elasticsearch | Flavour::Elasticsearch8 => "Elasticsearch",
        };
        let Some(path) = variable("SERVERS_USED") else {
            return;
        };
        let file = OpenOptions::new().append(true).open(path);
        // Without this, only the last line of `./test` would be shorter.
        drop(file.and_then(|mut file| writeln!(file, "{name} {}", self.version)));
    }

    fn identity(&self, path: &str) -> Result<Option<Value>, String> {
        let (status, body) = self.try_admin_request("GET", path, None)?;
        match status {
            200 => Ok(serde_json::from_str(&body).ok()),
            401 | 403 => Err(format!(
                "{} refuses the test's administrator ({status}): ELASTICSEARCH_TEST_URL needs user:password in it, or ELASTICSEARCH_TEST_API_KEY beside it",
                self.url
            )),
            _ => Ok(None),
        }
    }

    /// Sends a request as the administrator. Returns the reply's status and body.
    pub(crate) fn admin_request(
        &self,
        method: &str,
        path: &str,
        body: Option<&str>,
    ) -> (u16, String) {
        self.try_admin_request(method, path, body)
            .unwrap_or_else(|problem| panic!("{problem}"))
    }

    fn try_admin_request(
        &self,
        method: &str,
        path: &str,
        body: Option<&str>,
    ) -> Result<(u16, String), String> {
        let authorization = match &self.administrator {
            Administrator::Nobody => None,
            Administrator::User { authorization } => Some(authorization.clone()),
            Administrator::ApiKey { encoded } => Some(format!("ApiKey {encoded}")),
        };
        self.request(method, path, authorization.as_deref(), body)
    }

    /// Sends a request with an API key. Returns the reply's status and body.
    pub(crate) fn request_with_key(
        &self,
        key: &str,
        method: &str,
        path: &str,
        body: Option<&str>,
    ) -> (u16, String) {
        self.request(method, path, Some(&format!("ApiKey {key}")), body)
            .unwrap_or_else(|problem| panic!("{problem}"))
    }

    fn request(
        &self,
        method: &str,
        path: &str,
        authorization: Option<&str>,
        body: Option<&str>,
    ) -> Result<(u16, String), String> {
        let body = body.map(|body| body.as_bytes().to_vec());
        http::request(method, &format!("{}{path}", self.url), authorization, body)
            .map_err(|error| format!("the test server at {} does not answer: {error:?}", self.url))
    }

    /// Like [`Self::admin_request`], for requests that must succeed. If a privilege is missing, the
    /// message says so.
    fn expect_ok(&self, method: &str, path: &str, body: Option<&str>) -> Value {
        match self.admin_request(method, path, body) {
            (200 | 201, body) => serde_json::from_str(&body).expect("a good answer is JSON"),
            (status @ (401 | 403), _) => {
                panic!(
                    "{method} {path}: {status}; the tests need an administrator of {}",
                    self.url
                )
            }
            (status, body) => panic!("{method} {path}: {status} {body}"),
        }
    }

    /// Makes the API key that a request's body describes, and returns it encoded; `None` if the
    /// server has no security.
    ///
    /// A server given by `ELASTICSEARCH_TEST_API_KEY` cannot do this, since one key may not make
    /// another with privileges.
    pub(crate) fn create_api_key(&self, body: &str) -> Option<String> {
        match &self.administrator {
            Administrator::Nobody => return None,
            Administrator::ApiKey { .. } => {
                panic!(
                    "one API key cannot make another: put user:password into ELASTICSEARCH_TEST_URL"
                )
            }
            Administrator::User { .. } if self.flavour == Flavour::OpenSearch => return None,
            Administrator::User { .. } => {}
        }
        let answer = self.expect_ok("POST", "/_security/api_key", Some(body));
        Some(string_at(&answer, "/encoded"))
    }

    /// Returns an API key with exactly the privileges that the function needs; `None` if the server
    /// has no security.
    ///
    /// With `ELASTICSEARCH_TEST_API_KEY`, it returns that key, whatever its privileges: see
    /// [`Self::can_create_api_keys`].
    pub(crate) fn function_api_key(&self) -> Option<String> {
        templates::key(self, Job::Function)
    }

    /// `ELASTICSEARCH_TEST_API_KEY`, which is the administrator's key then.
    pub(crate) fn given_api_key(&self) -> Option<&str> {
        match &self.administrator {
            Administrator::ApiKey { encoded } => Some(encoded),
            Administrator::Nobody | Administrator::User { .. } => None,
        }
    }

    /// Returns whether [`Self::create_api_key`] can make keys here, so that a test can check what a
    /// key may not do.
    pub(crate) fn can_create_api_keys(&self) -> bool {
        self.flavour != Flavour::OpenSearch
            && matches!(self.administrator, Administrator::User { .. })
    }

    /// Makes everything in a data stream visible to searches.
    pub(crate) fn refresh(&self, data_stream: &str) {
        self.expect_ok("POST", &format!("/{data_stream}/_refresh"), None);
    }

    /// Returns the `_source` of every hit (10,000 at most), with its `_id`. Call [`Self::refresh`]
    /// first.
    pub(crate) fn search(&self, data_stream: &str, query: &str) -> Vec<Value> {
        let mut answer = self.expect_ok(
            "POST",
            &format!("/{data_stream}/_search?size=10000"),
            Some(query),
        );
        let Value::Array(hits) = answer["hits"]["hits"].take() else {
            panic!("no hits in the answer of a search")
        };
        hits.into_iter().map(source_with_id).collect()
    }

    /// Returns how many documents a data stream holds, 0 if it does not exist. Call
    /// [`Self::refresh`] first.
    pub(crate) fn count(&self, data_stream: &str) -> u64 {
        let answer = self.expect_ok(
            "GET",
            &format!("/{data_stream}/_count?ignore_unavailable=true"),
            None,
        );
        answer["count"].as_u64().expect("a count is a number")
    }
}

fn source_with_id(mut hit: Value) -> Value {
    let mut source = hit["_source"].take();
    source["_id"] = hit["_id"].take();
    source
}

fn string_at(value: &Value, pointer: &str) -> String {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

fn user(name: &str, password: &str) -> Administrator {
    Administrator::User {
        authorization: format!(
            "Basic {}",
            BASE64_STANDARD.encode(format!("{name}:{password}"))
        ),
    }
}

fn user_of_url(name: &str, password: &str) -> Administrator {
    let decoded = |text| percent_encoding::percent_decode_str(text).decode_utf8_lossy();
    user(&decoded(name), &decoded(password))
}

/// The process of `tests/searchnode/serve`. When its standard input closes, it ends and removes
/// everything it wrote.
struct Node {
    process: Child,
    stdin: Option<ChildStdin>,
}

impl Node {
    /// Starts a server and waits until it is ready. The first start on a machine fetches its jars
    /// (half a minute).
    fn start(flavour: Flavour, settings: &[&str]) -> Result<(Self, String), String> {
        let arguments: &[&str] = match flavour {
            Flavour::Elasticsearch => &["elasticsearch", "xpack.security.enabled=true"],
            Flavour::Elasticsearch8 => &["elasticsearch", "8.19.21", "xpack.security.enabled=true"],
            Flavour::OpenSearch => &["opensearch"],
        };
        let mut process = serve_command()
            .args(arguments)
            .args(settings)
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("tests/searchnode/serve: {error}"))?;
        let mut stderr = process.stderr.take().expect("stderr is piped");
        let complaints = thread::spawn(move || {
            let mut text = Vec::new();
            stderr
                .read_to_end(&mut text)
                .map(|_| String::from_utf8_lossy(&text).into_owned())
                .unwrap_or_default()
        });
        let ready = first_line(&mut process);
        let node = Self {
            stdin: process.stdin.take(),
            process,
        };
        match ready.strip_prefix("READY ") {
            Some(url) => Ok((node, url.to_owned())),
            None => {
                drop(node);
                Err(complaints.join().unwrap_or_default())
            }
        }
    }
}

impl Node {
    /// Kills the Java process. The script that started it then ends by itself.
    fn kill(self) {
        let script = self.process.id().to_string();
        let found = Command::new("pgrep")
            .args(["-P", &script, "java"])
            .output()
            .expect("there is pgrep");
        let java = String::from_utf8_lossy(&found.stdout).trim().to_owned();
        let killed = Command::new("kill")
            .args(["-KILL", &java])
            .status()
            .expect("there is kill");
        assert!(killed.success(), "the server of {script} is {java:?}");
    }
}

/// Returns the command of `tests/searchnode/serve`, in a process group of its own: an interrupt
/// from the keyboard reaches the tests, and the server ends after them.
pub(crate) fn serve_command() -> Command {
    let mut command =
        Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/searchnode/serve"));
    command
        .env("SEARCHNODE_BUILD", target_folder().join("searchnode"))
        .process_group(0);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    command
}

/// Returns the first line that a process prints, without its line break; empty if the process ended
/// before.
pub(crate) fn first_line(process: &mut Child) -> String {
    let mut line = String::new();
    let stdout = process.stdout.as_mut().expect("stdout is piped");
    BufReader::new(stdout)
        .read_line(&mut line)
        .expect("stdout is text");
    line.trim_end().to_owned()
}

/// Returns Cargo's `target`, wherever it is.
pub(crate) fn target_folder() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
        .parent()
        .expect("cargo makes `tmp` inside its target folder")
        .to_owned()
}

impl Drop for Node {
    fn drop(&mut self) {
        drop(self.stdin.take());
        // Waiting fails only if the process has already ended.
        drop(self.process.wait());
    }
}
