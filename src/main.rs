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

#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment, for `Config::from_vars`")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
