//! The settings: environment variables, read once and checked all together.

mod connection;
mod files;
mod names;
mod settings;
mod values;

use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::{Path, PathBuf};

use thiserror::Error;
use tracing_subscriber::filter::Targets;

use self::connection::elasticsearch;
pub use self::names::misspelt;
pub use self::settings::{SETTINGS, Setting, Shown};
use self::values::VariableReader;
use crate::aws::{AccountSettings, AwsSettings, Place};
use crate::bulk::{Indexer, RetryPolicy};
use crate::data_stream::DataStreamName;
use crate::elasticsearch::{Elasticsearch, ElasticsearchSettings};
use crate::enrich::{ApiNames, Enrichments, UserAgents, built_in_user_agents};
use crate::http::ClientError;
use crate::normalizer::{ExecutionLogs, Formats, KeyOrder, Normalizer, OriginalEvent};
use crate::pipeline::{Filter, Memory, Pipeline};
use crate::printable::printable;

/// All settings, each valid in itself.
#[derive(Debug)]
pub struct Config {
    /// The addresses of Elasticsearch, and how to reach it; `None` if no URL is set.
    pub elasticsearch: Option<ElasticsearchSettings>,
    /// `ELASTICSEARCH_PIPELINE`
    pub ingest_pipeline: Option<String>,
    /// `DATA_STREAM`
    pub data_stream: DataStreamName,
    /// `DEAD_LETTER_DATA_STREAM`
    pub dead_letters: Option<DataStreamName>,
    /// `TAGS`
    pub tags: Vec<String>,
    /// `PRESERVE_ORIGINAL_EVENT`
    pub original_event: OriginalEvent,
    /// `EXECUTION_LOGS`
    pub execution_logs: ExecutionLogs,
    /// `GEOIP_CITY_DATABASE`
    pub geoip_city: Option<PathBuf>,
    /// `GEOIP_ASN_DATABASE`
    pub geoip_asn: Option<PathBuf>,
    /// `API_NAMES`
    pub api_names: Option<ApiNames>,
    /// `USER_AGENT_REGEXES`
    pub user_agents: UserAgentPatterns,
    /// `BULK_MAX_BYTES`
    pub bulk_max_bytes: usize,
    /// `BULK_MAX_ACTIONS`
    pub bulk_max_actions: usize,
    /// `RETRY_*_MS` and `REQUEST_TIMEOUT_MS`
    pub retry_policy: RetryPolicy,
    /// `LOOK_UP_REPEATED`
    pub look_up_repeated: bool,
    /// `INFLATED_MAX_BYTES`
    pub inflated_max_bytes: u64,
    /// `METRICS_NAMESPACE`
    pub metrics_namespace: Option<String>,
    /// `LOG_LEVEL`
    pub log_level: Targets,
    /// `AWS_LAMBDA_LOG_GROUP_NAME`, which Lambda sets
    pub own_log_group: Option<String>,
    /// The region in which the function runs: `AWS_REGION`, if Lambda runs it.
    pub own_region: Option<String>,
    /// Remarks on settings that work but should be otherwise.
    pub warnings: Vec<Problem>,
    formats: Formats,
    filter: Filter,
    /// The settings of the connection if no URL is set, so that `config` finds their problems.
    unaddressed: Option<ElasticsearchSettings>,
}

/// `USER_AGENT_REGEXES`
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserAgentPatterns {
    /// The patterns that Elasticsearch has.
    BuiltIn,
    /// The patterns of a file.
    File(PathBuf),
    /// No patterns: documents get `user_agent.original` only.
    Off,
}

/// A problem in the settings.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "{variable}{}: {}",
    .value.as_ref().map(|value| format!("={value}")).unwrap_or_default(),
    printable(.remedy, LONGEST_REMEDY)
)]
pub struct Problem {
    /// The variable.
    pub variable: &'static str,
    /// The part of its value that may be shown.
    pub value: Option<String>,
    /// A sentence that says how to repair the problem.
    pub remedy: String,
}

/// Upper bound on the length of a remedy in characters: it may quote a file.
const LONGEST_REMEDY: usize = 1_000;

impl Problem {
    /// The problem that no URL is set where one is needed.
    #[must_use]
    pub fn missing_url() -> Self {
        let remedy = "it is not set: set it to the URL of Elasticsearch, or ELASTIC_CLOUD_ID, or ELASTICSEARCH_SECRET_ARN to a \
                      secret with `url`";
        Self {
            variable: "ELASTICSEARCH_URL",
            value: None,
            remedy: remedy.to_owned(),
        }
    }
}

impl From<ClientError> for Problem {
    fn from(error: ClientError) -> Self {
        let remedy = error.to_string();
        let (variable, value) = match error {
            // The file has been read, so the value is a path and no key.
            ClientError::AuthorityFile { path, .. } => (
                "ELASTICSEARCH_CA_FILE",
                Shown::Whole.part(&path.display().to_string()),
            ),
            ClientError::AwsCredentials { variable } => (variable, None),
            ClientError::Region => ("ELASTICSEARCH_AUTH", None),
            ClientError::Credentials => ("ELASTICSEARCH_API_KEY", None),
            ClientError::Client(_) => ("ELASTICSEARCH_URL", None),
        };
        Self {
            variable,
            value,
            remedy,
        }
    }
}

/// Returns a random number, from the seeds of std's hash maps.
pub(crate) fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

impl Config {
    /// Reads every setting.
    ///
    /// # Errors
    /// All [`Problem`]s.
    pub fn from_vars(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, Vec<Problem>> {
        let mut vars = VariableReader::new(&lookup);
        let connection = elasticsearch(&mut vars);
        let mut config = Self {
            warnings: connection.warnings,
            elasticsearch: None,
            unaddressed: None,
            ingest_pipeline: vars.text("ELASTICSEARCH_PIPELINE"),
            data_stream: vars.data_stream("DATA_STREAM"),
            dead_letters: vars.unless_none("DEAD_LETTER_DATA_STREAM", VariableReader::data_stream),
            tags: vars.list("TAGS"),
            original_event: if vars.flag("PRESERVE_ORIGINAL_EVENT") {
                OriginalEvent::Preserved
            } else {
                OriginalEvent::WhenNeeded
            },
            execution_logs: vars.choice(
                "EXECUTION_LOGS",
                ("keep", ExecutionLogs::Keep),
                ("skip", ExecutionLogs::Skip),
            ),
            geoip_city: vars.path("GEOIP_CITY_DATABASE"),
            geoip_asn: vars.path("GEOIP_ASN_DATABASE"),
            api_names: api_names(&mut vars),
            user_agents: match vars.text("USER_AGENT_REGEXES").as_deref() {
                None => UserAgentPatterns::BuiltIn,
                Some("none") => UserAgentPatterns::Off,
                Some(file) => UserAgentPatterns::File(file.into()),
            },
            bulk_max_bytes: vars.positive("BULK_MAX_BYTES", (1, usize::MAX)),
            bulk_max_actions: vars.positive("BULK_MAX_ACTIONS", (1, usize::MAX)),
            retry_policy: retry_policy(&mut vars),
            look_up_repeated: vars.flag("LOOK_UP_REPEATED"),
            inflated_max_bytes: vars.positive("INFLATED_MAX_BYTES", (1, u64::MAX)),
            metrics_namespace: vars
                .unless_none("METRICS_NAMESPACE", VariableReader::metrics_namespace),
            log_level: vars.log_level("LOG_LEVEL"),
            own_log_group: vars.text("AWS_LAMBDA_LOG_GROUP_NAME"),
            own_region: vars
                .text("AWS_LAMBDA_FUNCTION_NAME")
                .and_then(|_| vars.text("AWS_REGION")),
            formats: formats(&mut vars),
            filter: Filter {
                include: vars.regex("INCLUDE"),
                exclude: vars.regex("EXCLUDE"),
            },
        };
        if connection.has_address {
            config.elasticsearch = Some(connection.settings);
        } else {
            config.unaddressed = Some(connection.settings);
        }
        check_dead_letters(&config, &mut vars);
        let mut problems = vars.into_problems();
        if problems.is_empty() {
            return Ok(config);
        }
        config.add_problems_of_use(&mut problems);
        Err(problems)
    }

    /// Adds the problems with the named files and with the client, so that one run shows all
    /// problems.
    fn add_problems_of_use(self, problems: &mut Vec<Problem>) {
        self.enrichments(problems);
        let of_client = self
            .elasticsearch
            .and_then(|settings| Elasticsearch::new(settings).err())
            .map(Problem::from);
        let is_new = |problem: &Problem| {
            problems
                .iter()
                .all(|known| known.variable != problem.variable)
        };
        problems.extend(of_client.filter(is_new));
    }

    /// Checks the settings of the connection although no URL is set. Connects to nothing.
    ///
    /// # Errors
    /// The [`Problem`] that would appear with a URL.
    pub fn check_unaddressed(&mut self) -> Result<(), Problem> {
        match self.unaddressed.take().map(Elasticsearch::new) {
            None | Some(Ok(_)) => Ok(()),
            Some(Err(error)) => Err(error.into()),
        }
    }

    /// Makes the path into Elasticsearch with these settings.
    ///
    /// # Errors
    /// A [`Problem`] for each file that cannot be used, and for settings that allow no connection.
    pub fn elasticsearch_pipeline(
        self,
        settings: ElasticsearchSettings,
    ) -> Result<Pipeline<Elasticsearch>, Vec<Problem>> {
        match Elasticsearch::new(settings) {
            Ok(transport) => self.pipeline(transport),
            Err(error) => {
                let mut problems = vec![Problem::from(error)];
                self.enrichments(&mut problems);
                Err(problems)
            }
        }
    }

    /// Makes the path with these settings, and reads the files that they name.
    ///
    /// # Errors
    /// A [`Problem`] for each file that cannot be used.
    pub fn pipeline<T>(self, transport: T) -> Result<Pipeline<T>, Vec<Problem>> {
        let mut problems = Vec::new();
        let enrichments = self.enrichments(&mut problems);
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(Pipeline {
            normalizer: Normalizer {
                data_stream: self.data_stream,
                tags: self.tags,
                original_event: self.original_event,
                execution_logs: self.execution_logs,
                formats: self.formats,
                key_order: KeyOrder::default(),
            },
            enrichments,
            filter: self.filter,
            ingest_pipeline: self.ingest_pipeline,
            dead_letters: self.dead_letters,
            inflated_max_bytes: self.inflated_max_bytes,
            own_log_group: self.own_log_group,
            own_region: self.own_region,
            retry_policy: self.retry_policy,
            random,
            notice: None,
            indexer: Indexer::new(transport, self.bulk_max_actions, self.bulk_max_bytes),
            memory: Memory::default(),
        })
    }

    fn enrichments(&self, problems: &mut Vec<Problem>) -> Enrichments {
        let mut enrichments = Enrichments::default();
        enrichments.api_names = self.api_names.clone();
        let mut note = |variable, path: &Path, result: Result<(), String>| {
            let problem = |remedy| Problem {
                variable,
                value: Shown::Whole.part(&path.display().to_string()),
                remedy,
            };
            problems.extend(result.err().map(problem));
        };
        if let Some(path) = &self.geoip_city {
            let opened = files::check(path, files::LARGEST_DATABASE).and_then(|()| {
                let opened = enrichments.geoip.open_city(path);
                opened.map_err(|error| error.to_string())
            });
            note("GEOIP_CITY_DATABASE", path, opened);
        }
        if let Some(path) = &self.geoip_asn {
            let opened = files::check(path, files::LARGEST_DATABASE).and_then(|()| {
                let opened = enrichments.geoip.open_asn(path);
                opened.map_err(|error| error.to_string())
            });
            note("GEOIP_ASN_DATABASE", path, opened);
        }
        match &self.user_agents {
            UserAgentPatterns::Off => {}
            UserAgentPatterns::BuiltIn => enrichments.user_agents = Some(built_in_user_agents()),
            UserAgentPatterns::File(path) => {
                let patterns =
                    user_agents(path).map(|patterns| enrichments.user_agents = Some(patterns));
                note("USER_AGENT_REGEXES", path, patterns);
            }
        }
        enrichments
    }
}

fn api_names(vars: &mut VariableReader<'_>) -> Option<ApiNames> {
    let names = ApiNames::parse(&vars.text("API_NAMES")?);
    names
        .map_err(|remedy| vars.problem("API_NAMES", remedy))
        .ok()
}

fn user_agents(path: &Path) -> Result<UserAgents, String> {
    files::check(path, files::LARGEST_PATTERNS)?;
    let text =
        std::fs::read_to_string(path).map_err(|error| format!("it cannot be read: {error}"))?;
    UserAgents::from_yaml(&text).map_err(|error| error.to_string())
}

/// Dead letters need a data stream of their own: a rejected document would meet the same mapping
/// again.
fn check_dead_letters(config: &Config, vars: &mut VariableReader<'_>) {
    const VARIABLES: [&str; 2] = ["DATA_STREAM", "DEAD_LETTER_DATA_STREAM"];
    let is_same = config.dead_letters.as_ref() == Some(&config.data_stream);
    if is_same && VARIABLES.iter().all(|variable| vars.is_good(variable)) {
        vars.problem(
            VARIABLES[1],
            "it is DATA_STREAM, too: give the dead letters a data stream of their own",
        );
    }
}

/// Reads how to call CloudWatch Logs, and the region if one is set.
///
/// # Errors
/// Every [`Problem`] there is.
pub fn cloudwatch_logs(
    lookup: &impl Fn(&str) -> Option<String>,
) -> Result<(AwsSettings, Option<Place>), Vec<Problem>> {
    aws(lookup, "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS")
}

/// Reads how to ask AWS about a deployment.
///
/// # Errors
/// Every [`Problem`] there is.
pub fn account(
    lookup: &impl Fn(&str) -> Option<String>,
) -> Result<(AccountSettings, Place), Vec<Problem>> {
    let (logs, place) = cloudwatch_logs(lookup)?;
    let of = |variable| aws(lookup, variable).map(|(settings, _)| settings);
    let settings = AccountSettings {
        cloud_formation: of("AWS_ENDPOINT_URL_CLOUDFORMATION")?,
        lambda: of("AWS_ENDPOINT_URL_LAMBDA")?,
        logs,
        sqs: of("AWS_ENDPOINT_URL_SQS")?,
        cloud_watch: of("AWS_ENDPOINT_URL_CLOUDWATCH")?,
    };
    let place = place.ok_or_else(|| {
        vec![Problem {
            variable: "AWS_REGION",
            value: None,
            remedy: "it is not set: set it to the region of the stack".to_owned(),
        }]
    })?;
    Ok((settings, place))
}

fn aws(
    lookup: &impl Fn(&str) -> Option<String>,
    endpoint: &'static str,
) -> Result<(AwsSettings, Option<Place>), Vec<Problem>> {
    let mut vars = VariableReader::new(lookup);
    let settings = connection::aws(&mut vars, endpoint);
    let region = connection::region(&vars);
    let place = region.as_deref().and_then(Place::of_region);
    let mut problems = vars.into_problems();
    let problem = |variable, remedy: &str| Problem {
        variable,
        value: None,
        remedy: remedy.to_owned(),
    };
    if region.is_some() && place.is_none() {
        problems.push(problem(
            "AWS_REGION",
            "it should be a region such as eu-central-1",
        ));
    }
    match settings {
        Some(settings) if problems.is_empty() => Ok((settings, place)),
        Some(_) => Err(problems),
        None => {
            let variable = "AWS_ACCESS_KEY_ID";
            let error = ClientError::AwsCredentials { variable };
            problems.push(problem(variable, &error.to_string()));
            Err(problems)
        }
    }
}

/// Reads `ACCESS_LOG_FORMATS_FILE` and `ACCESS_LOG_FORMATS`.
fn formats(vars: &mut VariableReader<'_>) -> Formats {
    const FILE: &str = "ACCESS_LOG_FORMATS_FILE";
    const INLINE: &str = "ACCESS_LOG_FORMATS";
    let read = |path: PathBuf| {
        files::check(&path, files::LARGEST_FORMATS)?;
        std::fs::read_to_string(path).map_err(|error| format!("it cannot be read: {error}"))
    };
    let of_file = vars.path(FILE).map(read).transpose();
    let of_file = of_file.unwrap_or_else(|remedy| {
        vars.problem(FILE, remedy);
        None
    });
    let inline = vars.text(INLINE).unwrap_or_default();
    let mut formats = Formats::default();
    for (variable, text) in [(FILE, of_file.unwrap_or_default()), (INLINE, inline)] {
        match Formats::parse(&text) {
            Ok(others) => formats = formats.and(others),
            Err((line, error)) => vars.problem(
                variable,
                format_args!("line {line} is not an access-log format: {error}"),
            ),
        }
    }
    formats
}

fn retry_policy(vars: &mut VariableReader<'_>) -> RetryPolicy {
    let policy = RetryPolicy {
        budget: vars.milliseconds("RETRY_BUDGET_MS", 0),
        initial: vars.milliseconds("RETRY_INITIAL_MS", 0),
        max: vars.milliseconds("RETRY_MAX_MS", 0),
        request_timeout: vars.milliseconds("REQUEST_TIMEOUT_MS", 1),
        max_retries: None,
    };
    if policy.initial > policy.max
        && vars.is_good("RETRY_INITIAL_MS")
        && vars.is_good("RETRY_MAX_MS")
    {
        let longest = policy.max.as_millis();
        vars.problem(
            "RETRY_INITIAL_MS",
            format_args!(
                "the first wait must not be longer than the longest, RETRY_MAX_MS={longest}: lower \
                 one or raise the other"
            ),
        );
    }
    policy
}
