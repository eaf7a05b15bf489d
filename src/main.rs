//! One program with two front doors: the Lambda function where there is a Runtime API, and the
//! command line everywhere else.

use std::process::ExitCode;

use apigw_logs::{cli, handler};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    if variable("AWS_LAMBDA_RUNTIME_API").is_some() {
        return handler::main(variable, names()).await;
    }
    cli::main(variable, names()).await
}

/// Reads a variable of the environment. Only `main.rs` reads the environment.
fn variable(name: &str) -> Option<String> {
    std::env::var_os(name)
        .map(|value| value.to_string_lossy().into_owned())
        .filter(|value| !value.is_empty())
}

/// Returns the names of all variables of the environment.
fn names() -> impl Iterator<Item = String> {
    std::env::vars_os().filter_map(|(name, _)| name.into_string().ok())
}
