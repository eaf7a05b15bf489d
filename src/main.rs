//! One program, two front doors: the Lambda function where there is a Runtime API, the command line elsewhere.

use std::process::ExitCode;

use apigw_logs::{cli, handler};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    if variable("AWS_LAMBDA_RUNTIME_API").is_some() {
        return handler::main(variable).await;
    }
    cli::main(variable).await
}

/// The one place that reads the environment, for `Config::from_vars`.
fn variable(name: &str) -> Option<String> {
    std::env::var_os(name)
        .map(|value| value.to_string_lossy().into_owned())
        .filter(|value| !value.is_empty())
}
