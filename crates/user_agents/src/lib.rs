//! Understands user agents as Elasticsearch's `user_agent` processor does.
//!
//! The processor tries java.util.regex patterns (uap-core's `regexes.yaml`) in order, in three
//! lists: browser, operating system, device. This crate gets the same answers from the same
//! patterns, but compiles only those whose literals occur in the user agent. An empty group counts
//! as missing, as in Elasticsearch since 8.16: Firefox is 128.0, not "128.0.". An empty version is
//! removed, as by the last step of the reference pipeline.

mod answers;
mod candidates;
mod java;
mod literals;
mod pattern_error;
mod patterns;
mod source;
mod table;

use std::cell::Cell;
use std::fmt;
use std::rc::Rc;

use self::answers::Answers;
pub use self::pattern_error::PatternError;
use self::patterns::Patterns;
pub use self::table::{Literal, Pattern, Span, Table};

/// The fields of `user_agent` except `original`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParsedUserAgent {
    /// `user_agent.name`; "Other" if no pattern knows it
    pub name: String,
    /// `user_agent.version`
    pub version: Option<String>,
    /// `user_agent.os`
    pub os: Option<Os>,
    /// `user_agent.device.name`; "Other" if no pattern knows it
    pub device: String,
}

/// The operating system that a user agent names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Os {
    /// `user_agent.os.name`
    pub name: String,
    /// `user_agent.os.version`
    pub version: Option<String>,
    /// `user_agent.os.full`: name and version
    pub full: Option<String>,
}

/// Patterns, compiled as they are needed, and their latest answers.
pub struct UserAgents {
    patterns: Patterns,
    answers: Answers,
}

/// The number of bytes of a user agent that are read. Real user agents are shorter. Elasticsearch's
/// processor reads on, but a hostile text costs up to 4 µs a byte.
const MOST_READ: usize = 512;

impl fmt::Debug for UserAgents {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("UserAgents")
    }
}

impl UserAgents {
    /// Reads the patterns of a `regexes.yaml` and checks the whole file.
    ///
    /// # Errors
    /// The same as those of [`Table::from_yaml`].
    pub fn from_yaml(text: &str) -> Result<Self, PatternError> {
        Table::from_yaml(text).map(Self::new)
    }

    /// Uses the patterns of a table.
    #[must_use]
    pub fn new(table: Table) -> Self {
        Self {
            patterns: Patterns::new(table),
            answers: Answers::default(),
        }
    }

    /// Parses a user agent; any text has an answer. `None` if the user agent is new and no work is
    /// left.
    ///
    /// The work of parsing is subtracted from `work_left`. One user agent may exceed it.
    #[must_use]
    pub fn parse(&self, user_agent: &str, work_left: &Cell<u64>) -> Option<Rc<ParsedUserAgent>> {
        let (read, _) = user_agent.split_at(user_agent.floor_char_boundary(MOST_READ));
        self.answers.get_or_insert(read, || {
            if work_left.get() == 0 {
                return None;
            }
            let (answer, work) = self.patterns.parse(read);
            work_left.set(work_left.get().saturating_sub(work));
            Some(answer)
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn built_in() -> Table {
        Table::from_yaml(include_str!("../../../data/uap-core-0.10.0/regexes.yaml")).unwrap()
    }

    fn parse(user_agents: &UserAgents, user_agent: &str) -> Rc<ParsedUserAgent> {
        user_agents.parse(user_agent, &Cell::new(u64::MAX)).unwrap()
    }

    /// name, version | os.full or os.name | device.name
    #[track_caller]
    fn check(user_agent: &str, expected: &str) {
        thread_local! { static USER_AGENTS: UserAgents = UserAgents::new(built_in()); }
        let answer = USER_AGENTS.with(|user_agents| parse(user_agents, user_agent));
        assert_eq!(shown(&answer), expected, "{user_agent:?}");
    }

    fn shown(answer: &ParsedUserAgent) -> String {
        let version = answer
            .version
            .as_ref()
            .map(|version| format!(" {version}"))
            .unwrap_or_default();
        let os = answer
            .os
            .as_ref()
            .map_or("-", |os| os.full.as_ref().unwrap_or(&os.name));
        format!("{}{version} | {os} | {}", answer.name, answer.device)
    }

    #[test]
    fn browsers() {
        let windows = "Mozilla/5.0 (Windows NT 10.0; Win64; x64";
        check(
            &format!("{windows}; rv:128.0) Gecko/20100101 Firefox/128.0"),
            "Firefox 128.0 | Windows 10 | Other",
        );
        let chrome = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0";
        check(
            &format!("{windows}) {chrome} Safari/537.36"),
            "Chrome 120.0.0.0 | Windows 10 | Other",
        );
        check(
            &format!("{windows}) {chrome} Safari/537.36 Edg/120.0.2210.91"),
            "Edge 120.0.2210.91 | Windows 10 | Other",
        );
        check(
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Safari/605.1.15",
            "Safari 17.4 | Mac OS X 10.15.7 | Mac",
        );
        check(
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Mobile/15E148 Safari/604.1",
            "Mobile Safari 17.4 | iOS 17.4 | iPhone",
        );
        check(
            "Mozilla/5.0 (Linux; Android 14; SM-S918B Build/UP1A; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/122.0.6261.119 Mobile Safari/537.36",
            "Chrome Mobile WebView 122.0.6261.119 | Android 14 | Samsung SM-S918B",
        );
    }

    #[test]
    fn programs() {
        check("curl/7.79.1", "curl 7.79.1 | - | Other");
        check("PostmanRuntime/7.43.0", "Other | - | Other");
        check("okhttp/4.12.0", "okhttp 4.12.0 | - | Other");
        check("Java/17.0.11", "Java 0.11 | - | Spider");
        check("python-requests/2.31.0", "Python Requests 2.31 | - | Other");
        check("Go-http-client/2.0", "Go-http-client 2.0 | - | Other");
        check("ELB-HealthChecker/2.0", "Other | - | Other");
        check(
            "MyApp/1.2.3 CFNetwork/978.0.7 Darwin/18.7.0",
            "MyApp 1.2.3 | iOS 12 | iOS-Device",
        );
        check(
            "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
            "Googlebot 2.1 | - | Spider",
        );
    }

    #[test]
    fn quirks_of_the_processor() {
        check(
            "Mozilla/5.0 (Linux; Android 13; LG-H870 Build/PKQ1)",
            "Android 13 | Android 13 | LG-$2",
        );
        check(
            "Mozilla/4.0 (compatible; MSIE 4.01; Windows CE; Smartphone)",
            "IE 4.01 | Windows CE | Generic Smartphone",
        );
        check(
            "Mozilla/5.0 (Windows; U; Win98)",
            "Other | Windows $1 | Other",
        );
        check("Opera Mini", "Opera Mini | - | Generic Feature Phone");
        check(
            "App/1.0 CFNetwork/893.13.1 Darwin/17.3.0 (x86_64)",
            "App 1.0 | Mac OS X 10.13 | Mac",
        );
    }

    #[test]
    fn anything_at_all() {
        check("", "Other | - | Other");
        check("-", "Other | - | Other");
        check("Müller-Client/2.0", "Other | - | Other");
        check("客户端 bot/2.0", "bot 2.0 | - | Spider");
        check("curl\n/7.1", "curl | - | Other");
        check("\0\u{10ffff}", "Other | - | Other");
        check(
            &("curl/8.5.0 ".to_owned() + &"é".repeat(10_000)),
            "curl 8.5.0 | - | Other",
        );
        check(&("é".repeat(10_000) + " curl/8.5.0"), "Other | - | Other");
    }

    #[test]
    fn only_the_first_512_bytes_are_read() {
        let fits = "x".repeat(MOST_READ - " curl/8.5".len()) + " curl/8.5";
        check(&fits, "curl 8.5 | - | Other");
        check(&format!("x{fits}"), "curl 8 | - | Other");
        check(&format!("xxxxxxxxxx{fits}"), "Other | - | Other");
    }

    /// Work is counted, not timed, so that the same event always gives the same documents.
    #[test]
    fn new_user_agents_are_parsed_while_work_is_left() {
        let user_agents = UserAgents::new(built_in());
        let work_left = Cell::new(u64::MAX);
        user_agents.parse("curl/8.5.0", &work_left).unwrap();
        let work = u64::MAX - work_left.get();
        assert!(work > 0);
        work_left.set(work + 1);
        assert!(user_agents.parse("curl/8.5.1", &work_left).is_some());
        assert_eq!(work_left.get(), 1);
        assert!(user_agents.parse("curl/8.5.2", &work_left).is_some());
        assert_eq!(work_left.get(), 0);
        assert!(user_agents.parse("curl/8.5.3", &work_left).is_none());
        assert!(
            user_agents.parse("curl/8.5.0", &work_left).is_some(),
            "known"
        );
    }

    #[test]
    fn another_file_gives_other_answers() {
        let user_agents = UserAgents::from_yaml(
            r"
user_agent_parsers:
- regex: '(nobody)?Postman'
- regex: '(Postman)Runtime/(\d+)\.(\d*)\.(\d+)'
  family_replacement: '$1, $1'
  v3_replacement: '$4'
os_parsers:
- regex: 'runtime'
  regex_flag: 'i'
  os_replacement: 'Any'
",
        )
        .unwrap();
        let answer = |user_agent| shown(&parse(&user_agents, user_agent));
        assert_eq!(
            answer("PostmanRuntime/7.43.0"),
            "Postman, $1 7.43.$4 | Any | Other"
        );
        assert_eq!(answer("PostmanRuntime/7..0"), "Postman, $1 7 | Any | Other");
        assert_eq!(answer("curl/8.5.0"), "Other | - | Other");
    }

    #[test]
    fn a_file_that_cannot_be_used_is_refused_with_its_reason() {
        let refusal = |text| {
            UserAgents::from_yaml(text)
                .err()
                .map(|error| error.to_string())
                .unwrap_or_default()
        };
        assert_eq!(refusal("a: b"), "the file has no patterns");
        assert_eq!(
            refusal("os_parsers:\n- regex: 'a'\n- regex: '(a'"),
            "os_parsers, pattern 2: unclosed group"
        );
        assert_eq!(
            refusal("device_parsers:\n- regex: 'a(?!b)'"),
            "device_parsers, pattern 1: look-around, including look-ahead and look-behind, is not supported"
        );
    }
}
