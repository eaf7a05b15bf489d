//! Completes documents with the software behind a user agent, the place behind an address, and the
//! name of an API.

mod api_names;
mod builtin;
mod geoip;

use std::cell::Cell;

use bumpalo::Bump;
pub use user_agents::{ParsedUserAgent, PatternError, UserAgents};

pub use self::api_names::ApiNames;
pub use self::geoip::{GeoIp, GeoIpError};
use crate::ecs::{Document, Named, OperatingSystem, UserAgent};

/// The enrichments of a document.
#[derive(Debug)]
pub struct Enrichments {
    /// The patterns of user agents; `None` to write `user_agent.original` alone.
    pub user_agents: Option<UserAgents>,
    /// Places and networks.
    pub geoip: GeoIp,
    /// The names of APIs, if they are known.
    pub api_names: Option<ApiNames>,
    /// The work on user agents that the invocation may still spend.
    work_left: Cell<u64>,
    /// The number of user agents that the invocation has left unparsed.
    not_parsed: Cell<u64>,
}

/// The work on user agents that an invocation may spend.
///
/// Clients choose their user agents, and an event can hold a hundred thousand that cost many times
/// the mean. A real user agent costs 100,000 units of work on average, and the most expensive known
/// one 2,300,000. So this is enough for 28,000 different real user agents, or for 1,300 of the most
/// expensive: about three seconds of a whole processor, or eleven at 512 MB. Work is counted and
/// not timed, so that documents do not depend on a clock.
const WORK_AN_INVOCATION: u64 = 3_000_000_000;

impl Default for Enrichments {
    /// No enrichments, with work for any number of user agents.
    fn default() -> Self {
        Self {
            user_agents: None,
            geoip: GeoIp::default(),
            api_names: None,
            work_left: Cell::new(u64::MAX),
            not_parsed: Cell::new(0),
        }
    }
}

/// Returns the patterns that Elasticsearch has.
#[must_use]
pub fn built_in_user_agents() -> UserAgents {
    UserAgents::new(builtin::BUILT_IN)
}

impl Enrichments {
    /// Begins a new invocation, with its share of work.
    pub fn begin_invocation(&self) {
        self.work_left.set(WORK_AN_INVOCATION);
        self.not_parsed.set(0);
    }

    /// Returns the number of user agents that were left unparsed since the invocation began.
    #[must_use]
    pub fn user_agents_not_parsed(&self) -> u64 {
        self.not_parsed.get()
    }

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
        if let Some(names) = &self.api_names {
            let gateway = &mut document.aws.api_gateway;
            let known = || gateway.api_id.map(|id| names.name_of(id));
            gateway.api_name = gateway.api_name.or_else(known);
        }
    }

    /// Parses a user agent as Elasticsearch's `user_agent` processor does. A request without a user
    /// agent gets "Other".
    fn user_agent<'a>(&self, original: &'a str, arena: &'a Bump) -> UserAgent<'a> {
        let known = UserAgent {
            original: Some(original).filter(|text| !matches!(*text, "" | "-")),
            ..Default::default()
        };
        let Some(patterns) = &self.user_agents else {
            return known;
        };
        let Some(parsed) = patterns.parse(original, &self.work_left) else {
            self.not_parsed.update(|count| count + 1);
            return known;
        };
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
