//! `apigw-logs setup`: prepares Elasticsearch for the first document.

use super::output::Output;
use super::{CliFailure, log_to_stderr, say};
use crate::config::{Config, Problem};
use crate::elasticsearch::Elasticsearch;
use crate::server::Put;
use crate::setup::{Flavour, Foreign, Setup, SetupError, Step};

/// Put templates and lifecycle into Elasticsearch or OpenSearch
///
/// Puts index templates for DATA_STREAM and DEAD_LETTER_DATA_STREAM, their components, and the
/// policies that roll them over. Prints what it created, updated or left. A second run changes
/// nothing. Assets that somebody else made are not overwritten.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Print the requests that would be sent, in the syntax of Kibana's console, and change
    /// nothing. Without ELASTICSEARCH_URL, print all requests for Elasticsearch
    #[arg(long)]
    dry_run: bool,
    /// Overwrite templates that somebody else made, except those that Fleet manages
    #[arg(long)]
    force: bool,
}

pub(super) async fn run(
    arguments: &Arguments,
    mut config: Config,
    output: &mut Output,
) -> Result<(), CliFailure> {
    log_to_stderr(&mut config);
    let setup = Setup {
        data_stream: config.data_stream,
        dead_letters: config.dead_letters,
        foreign: if arguments.force {
            Foreign::Overwritten
        } else {
            Foreign::Kept
        },
        timeout: config.retry_policy.request_timeout,
    };
    let Some(settings) = config.elasticsearch else {
        if !arguments.dry_run {
            return Err(vec![Problem::missing_url()].into());
        }
        let steps = setup
            .requests(Flavour::Elasticsearch)
            .map_err(|error| failure(&[error]))?;
        return show(&steps, output);
    };
    let server = Elasticsearch::new(settings).map_err(|error| vec![Problem::from(error)])?;
    let steps = setup
        .plan(&server)
        .await
        .map_err(|errors| failure(&errors))?;
    if arguments.dry_run {
        return show(&steps, output);
    }
    for step in steps {
        step.send(&server, setup.timeout)
            .await
            .map_err(|error| failure(&[error]))?;
        output.line(&step.to_string())?;
    }
    Ok(())
}

fn failure(errors: &[SetupError]) -> CliFailure {
    if let [error @ SetupError::SameDataset] = errors {
        return CliFailure::Usage(vec![error.to_string()]);
    }
    errors.iter().for_each(|error| say("error", error));
    CliFailure::Unfinished
}

fn show(steps: &[Step], output: &mut Output) -> Result<(), CliFailure> {
    for step in steps {
        match step.put() {
            Some(put) => output.line(&console(put))?,
            None => output.line(&format!("# {step}"))?,
        };
    }
    Ok(())
}

/// Formats a request for Kibana's console.
fn console(put: &Put) -> String {
    let query: Vec<_> = put
        .query
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let query = if query.is_empty() {
        String::new()
    } else {
        format!("?{}", query.join("&"))
    };
    format!("PUT /{}{query}\n{}\n", put.path.join("/"), put.body)
}
