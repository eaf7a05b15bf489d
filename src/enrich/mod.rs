//! What a document's strings stand for: the software behind a user agent, the place behind an address.

mod geoip;
pub mod user_agent;

use bumpalo::Bump;

pub use self::geoip::{GeoIp, GeoIpError};
use self::user_agent::UserAgents;
use crate::ecs::{Document, Named, OperatingSystem, UserAgent};

/// What is looked up for each document.
#[derive(Debug, Default)]
pub struct Enrichments {
    /// The patterns of user agents; `None` leaves `user_agent.original` alone.
    pub user_agents: Option<UserAgents>,
    /// Places and networks.
    pub geoip: GeoIp,
}

impl Enrichments {
    /// Completes a document.
    pub fn apply<'a>(&'a self, document: &mut Document<'a>, arena: &'a Bump) {
        if let Some(original) = document.user_agent.original {
            document.user_agent = self.user_agent(original, arena);
        }
        if self.geoip.is_open()
            && let Some(address) = document.source.ip.and_then(|ip| ip.parse().ok())
        {
            self.geoip.apply(&mut document.source, address, arena);
        }
    }

    /// As Elasticsearch's `user_agent` processor does it: a request without a user agent is one of "Other".
    fn user_agent<'a>(&self, original: &'a str, arena: &'a Bump) -> UserAgent<'a> {
        let known = UserAgent {
            original: Some(original).filter(|text| !matches!(*text, "" | "-")),
            ..Default::default()
        };
        let Some(patterns) = &self.user_agents else {
            return known;
        };
        let parsed = patterns.parse(original);
        let keep = |text: &str| -> &'a str { arena.alloc_str(text) };
        let keep_some = |text: &Option<String>| text.as_deref().map(keep);
        UserAgent {
            device: Named {
                name: Some(keep(&parsed.device)),
            },
            name: Some(keep(&parsed.name)),
            os: parsed
                .os
                .as_ref()
                .map_or_else(OperatingSystem::default, |os| OperatingSystem {
                    full: keep_some(&os.full),
                    name: Some(keep(&os.name)),
                    version: keep_some(&os.version),
                }),
            version: keep_some(&parsed.version),
            ..known
        }
    }
}
