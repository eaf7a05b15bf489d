//! Prepares a server for the first document: templates, and the policies that roll data streams
//! over.
//!
//! An *asset* is one resource on the server: a template, a component of a template, or a policy.
//! `setup` looks at all assets first. Then it puts those that are missing or of another version. It
//! never overwrites what somebody else made unless told to: a single such asset leaves everything
//! as it is.

mod answer;
mod assets;
mod step;

use std::time::Duration;

use thiserror::Error;

pub(crate) use self::answer::unanswered;
use self::answer::{ExistingAsset, Owner, holds, is_missing, owner};
pub use self::assets::Flavour;
use self::assets::{Asset, AssetKind, groups};
pub use self::step::{Step, Subject};
use crate::data_stream::DataStreamName;
use crate::server::{Put, ServerInfo, Templates, TransportError};

/// The preparation of a server.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The data stream of documents.
    pub data_stream: DataStreamName,
    /// The data stream of dead letters, if there are any.
    pub dead_letters: Option<DataStreamName>,
    /// The treatment of assets that somebody else made.
    pub foreign: Foreign,
    /// Upper bound on the wait for a reply.
    pub timeout: Duration,
}

/// The treatment of an asset that somebody else made in the place of one of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Foreign {
    /// Keep it, and change nothing at all.
    Kept,
    /// Overwrite it, unless Fleet manages it.
    Overwritten,
}

/// The reason why a server is not prepared.
#[derive(Debug, Error)]
pub enum SetupError {
    /// No reply.
    #[error("Elasticsearch cannot be asked: {0}")]
    Transport(#[from] TransportError),
    /// The credentials are wrong.
    #[error("Elasticsearch answered 401: check the credentials")]
    Unauthorized,
    /// The credentials lack privileges.
    #[error(
        "Elasticsearch answered 403 ({0}): setup needs the cluster privileges `monitor` and `manage_index_templates` \
         (OpenSearch: cluster permissions for index templates and index state management)"
    )]
    Forbidden(String),
    /// The server is overloaded, or whatever stands before it does not reach it.
    #[error(
        "Elasticsearch answered {0} ({1}): it is busy or not available now, so try again later"
    )]
    Unavailable(u16, String),
    /// The server redirects to another address.
    #[error(
        "the server answered {0}, a redirect, which is not followed: set ELASTICSEARCH_URL to where it leads"
    )]
    Redirect(u16),
    /// Something other than Elasticsearch answers.
    #[error(
        "the server answered {0}, but not as Elasticsearch does: check that ELASTICSEARCH_URL is the address of Elasticsearch"
    )]
    NotElasticsearch(u16),
    /// A request was rejected. The server's reason speaks of templates only.
    #[error("{asset} was rejected ({status}): {reason}")]
    Rejected {
        /// The asset that was put.
        asset: String,
        /// The HTTP status.
        status: u16,
        /// The server's reason.
        reason: String,
    },
    /// The server neither rejected an asset nor confirmed it: it did not reach all nodes in time, or
    /// something between here and the server answered.
    #[error(
        "the server answered {1}, but did not confirm {0}: run `apigw-logs setup` again, and check that ELASTICSEARCH_URL is \
         the address of Elasticsearch"
    )]
    Unconfirmed(String, u16),
    /// Somebody else made the existing asset.
    #[error(
        "{0} is there already and was not made by apigw-logs: nothing was changed. Remove or rename it, or overwrite it \
         with --force"
    )]
    Foreign(String),
    /// Both data streams would get the same template.
    #[error(
        "DATA_STREAM and DEAD_LETTER_DATA_STREAM have the same type and dataset, for which there can be but one index \
         template: give the dead letters a dataset of their own"
    )]
    SameDataset,
    /// A file that is compiled into the program is not JSON.
    #[error("a template in this program is damaged: build it again")]
    Damaged,
}

impl Setup {
    /// Returns the requests that prepare a server without any of the assets.
    ///
    /// # Errors
    /// [`SetupError`] if the templates of the two data streams would collide.
    pub fn requests(&self, flavour: Flavour) -> Result<Vec<Step>, SetupError> {
        let groups = self.groups(flavour)?;
        let assets = groups
            .iter()
            .flat_map(|group| group.before.iter().chain([&group.template]));
        Ok(assets
            .map(|asset| Step::Create(asset.subject(), asset.put()))
            .collect())
    }

    /// Looks at the server. Returns the steps to take in their order, and changes nothing.
    ///
    /// # Errors
    /// [`SetupError`] if the server cannot be asked, and one for each asset that somebody else
    /// made.
    pub async fn plan<S: Templates>(&self, server: &S) -> Result<Vec<Step>, Vec<SetupError>> {
        let flavour = self.flavour(server).await.map_err(|error| vec![error])?;
        let mut steps = Vec::new();
        let mut errors = Vec::new();
        let mut note = |step| {
            match step {
                Ok(step) => steps.push(step),
                Err(error @ SetupError::Foreign(_)) => errors.push(error),
                // The other requests would fail in the same way.
                Err(error) => return Err(vec![error]),
            }
            Ok(())
        };
        for group in self.groups(flavour).map_err(|error| vec![error])? {
            let template = self.step(server, &group.template).await;
            if !matches!(template, Ok(Step::Fleet(_))) {
                for asset in &group.before {
                    note(self.step(server, asset).await)?;
                }
            }
            note(template)?;
        }
        if errors.is_empty() {
            Ok(steps)
        } else {
            Err(errors)
        }
    }

    fn groups(&self, flavour: Flavour) -> Result<Vec<assets::TemplateGroup>, SetupError> {
        let documents = &self.data_stream;
        let is_same = |other: &DataStreamName| {
            (&other.r#type, &other.dataset) == (&documents.r#type, &documents.dataset)
        };
        if self.dead_letters.as_ref().is_some_and(is_same) {
            return Err(SetupError::SameDataset);
        }
        groups(self, flavour)
    }

    async fn flavour<S: Templates>(&self, server: &S) -> Result<Flavour, SetupError> {
        let reply = server.get(&[], self.timeout).await?;
        match (
            reply.status,
            serde_json::from_slice::<ServerInfo>(&reply.body),
        ) {
            (200, Ok(info)) if info.version.distribution == "opensearch" => Ok(Flavour::OpenSearch),
            // A server need not reveal its version, as long as it answers the other requests.
            (200, Ok(_)) | (400 | 404 | 405, _) => Ok(Flavour::Elasticsearch),
            _ => Err(unanswered(&reply)),
        }
    }

    async fn step<S: Templates>(&self, server: &S, asset: &Asset) -> Result<Step, SetupError> {
        let path: Vec<_> = asset
            .kind
            .path()
            .iter()
            .copied()
            .chain([asset.name.as_str()])
            .collect();
        let reply = server.get(&path, self.timeout).await?;
        match (reply.status, asset.kind) {
            (200, _) => {
                let found = serde_json::from_slice(&reply.body)
                    .map_err(|_| SetupError::NotElasticsearch(200))?;
                self.step_from(asset, &found)
            }
            (404, _) if is_missing(&reply) => Ok(Step::Create(asset.subject(), asset.put())),
            (400 | 404 | 405, AssetKind::Policy) => Ok(Step::NoPlugin(asset.subject())),
            _ => Err(unanswered(&reply)),
        }
    }

    fn step_from(&self, asset: &Asset, found: &ExistingAsset) -> Result<Step, SetupError> {
        let Some(there) = found.content(asset.kind) else {
            return Err(SetupError::NotElasticsearch(200));
        };
        let subject = asset.subject();
        let wanted = asset.content();
        let mut put = asset.put();
        if asset.kind == AssetKind::Policy {
            put.query = vec![
                ("if_seq_no", found.seq_no.to_string()),
                ("if_primary_term", found.primary_term.to_string()),
            ];
        }
        Ok(match owner(asset.kind, there) {
            _ if asset.is_users => Step::Users(subject),
            Owner::Fleet => Step::Fleet(subject),
            Owner::SomebodyElse if self.foreign == Foreign::Kept => {
                return Err(SetupError::Foreign(subject.0));
            }
            Owner::Us if holds(there, wanted) => Step::Unchanged(subject),
            Owner::Us | Owner::SomebodyElse => Step::Update(subject, put),
        })
    }
}

impl Asset {
    fn subject(&self) -> Subject {
        Subject(format!("{} {}", self.kind.noun(), self.name))
    }

    fn put(&self) -> Put {
        let path = self
            .kind
            .path()
            .iter()
            .map(|segment| (*segment).to_owned())
            .chain([self.name.clone()]);
        let body = format!("{:#}", self.body);
        Put {
            path: path.collect(),
            query: Vec::new(),
            body,
        }
    }

    /// The part that the server returns again.
    #[expect(clippy::disallowed_types, reason = "templates are trees")]
    fn content(&self) -> &serde_json::Value {
        self.body.get("policy").unwrap_or(&self.body)
    }
}
