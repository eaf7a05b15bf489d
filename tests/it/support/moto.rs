//! Secrets Manager as moto simulates it. moto knows nothing of the program.
#![expect(clippy::unwrap_used, reason = "the functions around a test are tests")]

use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use super::golden::repository;
use super::http;
use super::json::Json;
use super::search_server::{first_line, target_folder};

/// The server.
pub(crate) struct Moto {
    pub(crate) url: String,
    /// Its standard input is the pipe that ends it.
    _process: Child,
}

/// Returns the one server that all tests of a run share. It ends with the tests' process.
pub(crate) fn shared() -> &'static Moto {
    static SHARED: OnceLock<Moto> = OnceLock::new();
    SHARED.get_or_init(|| {
        let mut command = Command::new(repository("tests/moto/serve"));
        command.env("MOTO_VENV", target_folder().join("tools/moto-5.2.5"));
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let ready = first_line(&mut process);
        let url = ready
            .strip_prefix("READY ")
            .expect("moto runs; if not, it has said above what is missing")
            .to_owned();
        Moto {
            url,
            _process: process,
        }
    })
}

impl Moto {
    /// Makes a secret. Returns its ARN.
    pub(crate) fn create_secret(&self, name: &str, text: &str) -> String {
        let body = format!(r#"{{"Name":{},"SecretString":{}}}"#, json(name), json(text));
        Json::read(&self.call("CreateSecret", body))
            .text("ARN")
            .unwrap()
            .to_owned()
    }

    /// Gives a secret another value.
    pub(crate) fn put_secret_value(&self, arn: &str, text: &str) {
        self.call(
            "PutSecretValue",
            format!(
                r#"{{"SecretId":{},"SecretString":{}}}"#,
                json(arn),
                json(text)
            ),
        );
    }

    pub(crate) fn delete_secret(&self, arn: &str) {
        self.call("DeleteSecret", format!(r#"{{"SecretId":{}}}"#, json(arn)));
    }

    fn call(&self, action: &str, body: String) -> String {
        // moto reads the region from this header, and does not check the rest.
        let authorization = "AWS4-HMAC-SHA256 Credential=AKID/20260101/eu-central-1/secretsmanager/aws4_request, SignedHeaders=host, Signature=0";
        let target = format!("secretsmanager.{action}");
        let headers = [
            ("authorization", authorization),
            ("x-amz-target", &target),
            ("content-type", "application/x-amz-json-1.1"),
        ];
        let (status, answer) =
            http::request_with("POST", &self.url, &headers, Some(body.into_bytes())).unwrap();
        assert_eq!(status, 200, "{action}: {answer}");
        answer
    }
}

fn json(text: &str) -> String {
    Json::Text(text.to_owned()).compact()
}
