//! Where requests to Elasticsearch go and who sends them, from the settings or from a secret.

use std::cell::{Cell, RefCell};
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use reqwest::Url;

use super::identity::{Identity, api_key, basic, signature};
use super::secret::SecretReader;
use super::{Auth, ElasticsearchSettings, Host, Manners};
use crate::http::ClientError;
use crate::server::TransportError;

/// The parts of a request that do not depend on its purpose: where it goes and who sends it.
#[derive(Debug, Clone)]
pub(super) struct Access {
    pub(super) hosts: Rc<[Rc<Host>]>,
    pub(super) identity: Identity,
}

/// The source of addresses and identity.
#[derive(Debug)]
pub(super) enum CredentialSource {
    Settings(Access),
    /// A secret, read when it is first needed and then kept.
    Secret {
        reader: Box<SecretReader>,
        /// The hosts of the settings, which take precedence over the secret's.
        hosts: Rc<[Rc<Host>]>,
        kept: RefCell<Option<Access>>,
    },
}

impl CredentialSource {
    pub(super) fn new(settings: ElasticsearchSettings) -> Result<Self, ClientError> {
        let hosts = hosts(settings.urls);
        let identity = match settings.auth {
            Auth::None => Identity::Nobody,
            Auth::ApiKey(key) => api_key(&key).ok_or(ClientError::Credentials)?,
            Auth::Basic { username, password } => {
                basic(&username, &password).ok_or(ClientError::Credentials)?
            }
            Auth::Signature {
                credentials,
                region,
            } => signature(credentials, region, hosts.iter().map(|host| &host.url))?,
            Auth::Secret(secret) => {
                let reader = Box::new(SecretReader::new(secret)?);
                return Ok(Self::Secret {
                    reader,
                    hosts,
                    kept: RefCell::new(None),
                });
            }
        };
        Ok(Self::Settings(Access { hosts, identity }))
    }

    /// Returns the known access, or reads the secret.
    pub(super) async fn access(&self, timeout: Duration) -> Result<Access, TransportError> {
        let known = match self {
            Self::Settings(access) => Some(access.clone()),
            Self::Secret { kept, .. } => kept.borrow().clone(),
        };
        match known {
            Some(access) => Ok(access),
            None => self.read(timeout).await,
        }
    }

    /// Reads the secret again. Returns true if its content has changed.
    pub(super) async fn refresh(&self, timeout: Duration) -> bool {
        let Self::Secret { kept, .. } = self else {
            return false;
        };
        let before = kept.borrow().clone();
        match self.read(timeout).await {
            Ok(access) => before.is_none_or(|before| !access.is_same(&before)),
            Err(error) => {
                tracing::warn!(%error, "the secret could not be read again");
                false
            }
        }
    }

    async fn read(&self, timeout: Duration) -> Result<Access, TransportError> {
        let (reader, hosts, kept) = match self {
            Self::Settings(access) => return Ok(access.clone()),
            Self::Secret {
                reader,
                hosts,
                kept,
            } => (reader, hosts, kept),
        };
        let secret = reader.read(timeout).await?;
        let hosts = if hosts.is_empty() {
            self::hosts(secret.urls)
        } else {
            Rc::clone(hosts)
        };
        if hosts.is_empty() {
            return Err(TransportError::NoCredentials(
                "Elasticsearch has no address: set ELASTICSEARCH_URL, or put `url` into the secret",
            ));
        }
        if hosts.iter().any(|host| is_clear_text(&host.url)) {
            tracing::warn!(
                "http:// sends the credentials to another host unencrypted: use https://"
            );
        }
        let access = Access {
            hosts,
            identity: secret.identity,
        };
        *kept.borrow_mut() = Some(access.clone());
        Ok(access)
    }
}

impl Access {
    fn is_same(&self, other: &Self) -> bool {
        let urls = |access: &Self| {
            access
                .hosts
                .iter()
                .map(|host| host.url.clone())
                .collect::<Vec<_>>()
        };
        matches!((&self.identity, &other.identity), (Identity::Header(one), Identity::Header(other)) if one == other)
            && urls(self) == urls(other)
    }
}

fn hosts(urls: Vec<Url>) -> Rc<[Rc<Host>]> {
    urls.into_iter()
        .map(|url| {
            Rc::new(Host {
                url,
                has_served: Cell::new(false),
                replies: Cell::new(0),
                manners: Cell::new(Manners::Unknown),
            })
        })
        .collect()
}

/// Returns whether a URL sends everything to another host unencrypted.
pub(crate) fn is_clear_text(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    let is_loopback = match address.parse::<IpAddr>() {
        Ok(address) => address.to_canonical().is_loopback(),
        Err(_) => host == "localhost" || host.ends_with(".localhost"),
    };
    url.scheme() == "http" && !is_loopback
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_can_read() {
        for (url, expected) in [
            ("http://es.example.com", true),
            ("http://192.0.2.1:9200", true),
            ("http://[2001:db8::1]:9200", true),
            ("https://es.example.com", false),
            ("http://localhost:9200", false),
            ("http://127.0.0.2", false),
            ("http://[::1]:9200", false),
            ("http://[::ffff:127.0.0.1]", false),
        ] {
            assert_eq!(is_clear_text(&url.parse().unwrap()), expected, "{url}");
        }
    }
}
