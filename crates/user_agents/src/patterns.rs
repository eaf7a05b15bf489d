//! Matches a user agent against a table of patterns: in each of the three lists, the first match
//! gives the answer.
//!
//! `regex-lite` is used because it compiles fast: all 1,103 patterns take 11 ms and 4 MB, where
//! `regex` takes 210 ms and 53 MB. Its searches are slower (10 µs a pattern, against 2 µs), but the
//! literals leave few patterns to try.

use std::cell::{Cell, OnceCell};
use std::ops::Range;

use regex_lite::{Captures, Regex, RegexBuilder};

use crate::table::{Pattern, Span, Table};
use crate::{Os, ParsedUserAgent};

/// Patterns. Each is compiled when a text first holds one of its literals, and then kept.
pub(crate) struct Patterns {
    table: Table,
    compiled: Box<[OnceCell<Option<Box<Regex>>>]>,
}

/// Groups 1 to 5 of a match, with their replacements applied.
struct Match {
    name: String,
    /// major, minor, patch and build, up to the first that is missing or empty
    version: Option<String>,
}

impl Patterns {
    pub(crate) fn new(table: Table) -> Self {
        let compiled = table.patterns.iter().map(|_| OnceCell::new()).collect();
        Self { table, compiled }
    }

    /// Returns the answer for a user agent, and the work that it took: the length of the user agent
    /// times the length of all patterns that were tried, because the time of a search is
    /// proportional to both. Selecting the patterns counts as one more pattern.
    pub(crate) fn parse(&self, user_agent: &str) -> (ParsedUserAgent, u64) {
        self.parse_with(user_agent, &self.table.candidates(user_agent))
    }

    fn parse_with(&self, user_agent: &str, candidates: &[u32]) -> (ParsedUserAgent, u64) {
        let [user_agents, systems, devices] = self.table.ends;
        const SELECTING: u64 = 100;
        let pattern_bytes = Cell::new(SELECTING);
        let first = |list: Range<u32>| {
            candidates
                .iter()
                .filter(|id| list.contains(id))
                .find_map(|id| {
                    let pattern = self.table.patterns.get(*id as usize)?;
                    let length = self.table.text(pattern.regex).len();
                    pattern_bytes.set(pattern_bytes.get() + length as u64);
                    self.find(*id as usize, pattern, user_agent)
                })
        };
        let other = || "Other".to_owned();
        let (name, version) = first(0..user_agents)
            .map_or_else(|| (other(), None), |found| (found.name, found.version));
        let parsed = ParsedUserAgent {
            name,
            version,
            os: first(user_agents..systems).map(Os::from),
            device: first(systems..devices).map_or_else(other, |found| found.name),
        };
        (parsed, pattern_bytes.get() * user_agent.len() as u64)
    }

    fn find(&self, id: usize, pattern: &Pattern, user_agent: &str) -> Option<Match> {
        let regex = self
            .compiled
            .get(id)?
            .get_or_init(|| self.compile(pattern))
            .as_ref()?;
        let groups = regex.captures(user_agent)?;
        Some(Match {
            name: self.name(pattern, &groups)?,
            version: self.version(pattern, &groups),
        })
    }

    /// [`Table::from_yaml`] has checked that the pattern compiles.
    fn compile(&self, pattern: &Pattern) -> Option<Box<Regex>> {
        RegexBuilder::new(self.table.text(pattern.regex))
            .case_insensitive(pattern.ignore_case)
            .build()
            .ok()
            .map(Box::new)
    }

    /// Only the first `$1` stands for the group. If there is no name, Elasticsearch goes on to the
    /// next pattern.
    fn name(&self, pattern: &Pattern, groups: &Captures<'_>) -> Option<String> {
        let group = groups.get(1).map(|group| group.as_str());
        match (pattern.name.map(|name| self.table.text(name)), group) {
            (Some(replacement), Some(group)) => Some(replacement.replacen("$1", group, 1)),
            (replacement, group) => replacement.or(group).map(str::to_owned),
        }
    }

    fn version(&self, pattern: &Pattern, groups: &Captures<'_>) -> Option<String> {
        let part = |(replacement, group): (&Option<Span>, usize)| match replacement {
            Some(replacement) => Some(self.table.text(*replacement)),
            None => groups.get(group).map(|group| group.as_str()),
        };
        let parts: Vec<_> = pattern
            .version
            .iter()
            .zip(2..)
            .map_while(part)
            .take_while(|part| !part.is_empty())
            .collect();
        if parts.is_empty() {
            None
        } else {
            Some(parts.join("."))
        }
    }
}

impl From<Match> for Os {
    fn from(Match { name, version }: Match) -> Self {
        let full = version.as_ref().map(|version| format!("{name} {version}"));
        Self {
            name,
            version,
            full,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::*;

    thread_local! { static PATTERNS: Patterns = Patterns::new(crate::tests::built_in()); }
    static USER_AGENTS: LazyLock<Vec<&str>> = LazyLock::new(|| {
        include_str!("../../../tests/it/fixtures/user_agents.txt")
            .lines()
            .collect()
    });

    #[track_caller]
    fn check(user_agent: &str) {
        PATTERNS.with(|patterns| {
            let all: Vec<u32> = (0..patterns.table.ends[2]).collect();
            let (selected, _) = patterns.parse(user_agent);
            let (expected, _) = patterns.parse_with(user_agent, &all);
            assert_eq!(selected, expected, "{user_agent:?}");
        });
    }

    #[test]
    fn the_literals_pass_over_no_pattern_that_matches() {
        USER_AGENTS
            .iter()
            .step_by(5)
            .for_each(|user_agent| check(user_agent));
    }

    #[test]
    fn the_literals_leave_few_patterns_to_try() {
        let counts = USER_AGENTS.iter().map(|user_agent| {
            PATTERNS.with(|patterns| patterns.table.candidates(user_agent).len())
        });
        let mean = counts.sum::<usize>() / USER_AGENTS.len();
        assert!(mean < 40, "{mean}");
    }

    /// Parts of real user agents, and characters that may confuse a pattern.
    fn user_agent() -> impl Strategy<Value = String> {
        let part = (0..USER_AGENTS.len(), 0..200_usize, 1..60_usize).prop_map(
            |(index, skipped, taken)| {
                USER_AGENTS[index]
                    .chars()
                    .skip(skipped)
                    .take(taken)
                    .collect()
            },
        );
        let odd = prop::sample::select(vec![
            "\n", "\r\n", "\u{2028}", "é", "\u{212a}", "ſ", "; ", "/", "Build", "BOT ",
        ]);
        prop::collection::vec(
            prop_oneof![3 => part, 1 => odd.prop_map(str::to_owned)],
            1..6,
        )
        .prop_map(|parts| parts.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn nor_in_made_up_user_agents(user_agent in user_agent()) {
            check(&user_agent);
            check(&user_agent.to_uppercase());
        }
    }
}
