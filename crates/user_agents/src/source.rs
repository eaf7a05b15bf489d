//! Reads a `regexes.yaml` of uap-core: three lists of patterns.

use saphyr_parser::{Event, Parser, ScanError, Span, StrInput};

use crate::PatternError;

/// The three lists.
#[derive(Default)]
pub(crate) struct Source {
    user_agents: Vec<SourcePattern>,
    systems: Vec<SourcePattern>,
    devices: Vec<SourcePattern>,
}

/// An entry of a list. As in Elasticsearch, a device has no version.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct SourcePattern {
    pub(crate) regex: String,
    pub(crate) ignore_case: bool,
    pub(crate) name: Option<String>,
    pub(crate) version: [Option<String>; 4],
}

const LISTS: [&str; 3] = ["user_agent_parsers", "os_parsers", "device_parsers"];

impl Source {
    pub(crate) fn read(text: &str) -> Result<Self, PatternError> {
        let mut reader = RegexesReader {
            events: Parser::new_from_str(text),
            line: 1,
        };
        let mut source = Self::default();
        reader.open_file()?;
        while let Some(key) = reader.key()? {
            match key.as_str() {
                "user_agent_parsers" => {
                    source.user_agents = reader.list(LISTS[0], USER_AGENT_KEYS)?
                }
                "os_parsers" => source.systems = reader.list(LISTS[1], SYSTEM_KEYS)?,
                "device_parsers" => source.devices = reader.list(LISTS[2], DEVICE_KEYS)?,
                _ => reader.skip()?,
            }
        }
        Ok(source)
    }

    pub(crate) fn lists(&self) -> [(&'static str, &[SourcePattern]); 3] {
        let [user_agents, systems, devices] = LISTS;
        [
            (user_agents, &self.user_agents),
            (systems, &self.systems),
            (devices, &self.devices),
        ]
    }
}

/// The names of the replacements of groups 1 to 5 in a list's entries.
type RegexKeys = [&'static str; 5];

const USER_AGENT_KEYS: RegexKeys = [
    "family_replacement",
    "v1_replacement",
    "v2_replacement",
    "v3_replacement",
    "v4_replacement",
];
const SYSTEM_KEYS: RegexKeys = [
    "os_replacement",
    "os_v1_replacement",
    "os_v2_replacement",
    "os_v3_replacement",
    "os_v4_replacement",
];
const DEVICE_KEYS: RegexKeys = ["device_replacement", "", "", "", ""];

impl SourcePattern {
    fn set(&mut self, keys: RegexKeys, key: &str, value: String) {
        let [name, v1, v2, v3, v4] = keys;
        let [major, minor, patch, build] = &mut self.version;
        match key {
            "regex" => self.regex = value,
            "regex_flag" => self.ignore_case = value == "i",
            _ if key == name => self.name = Some(value),
            _ if key == v1 => *major = Some(value),
            _ if key == v2 => *minor = Some(value),
            _ if key == v3 => *patch = Some(value),
            _ if key == v4 => *build = Some(value),
            _ => {}
        }
    }
}

struct RegexesReader<'a> {
    events: Parser<'a, StrInput<'a>>,
    line: usize,
}

impl<'a> RegexesReader<'a> {
    fn open_file(&mut self) -> Result<(), PatternError> {
        loop {
            match self.next()? {
                Event::StreamStart | Event::DocumentStart(_) => {}
                Event::MappingStart(..) => return Ok(()),
                Event::StreamEnd => return Err(PatternError::Empty),
                _ => return Err(self.problem("the file is no mapping of lists")),
            }
        }
    }

    /// Returns the next key of a mapping; `None` at its end.
    fn key(&mut self) -> Result<Option<String>, PatternError> {
        match self.next()? {
            Event::Scalar(key, ..) => Ok(Some(key.into_owned())),
            Event::MappingEnd => Ok(None),
            _ => Err(self.problem("a key is no text")),
        }
    }

    fn list(
        &mut self,
        list: &'static str,
        keys: RegexKeys,
    ) -> Result<Vec<SourcePattern>, PatternError> {
        if !matches!(self.next()?, Event::SequenceStart(..)) {
            return Err(self.problem(&format!("{list} is no list")));
        }
        let mut patterns = Vec::new();
        loop {
            match self.next()? {
                Event::MappingStart(..) => {
                    patterns.push(self.pattern(list, patterns.len() + 1, keys)?)
                }
                Event::SequenceEnd => return Ok(patterns),
                _ => {
                    return Err(self.problem(&format!(
                        "entry {} of {list} is no mapping",
                        patterns.len() + 1
                    )));
                }
            }
        }
    }

    fn pattern(
        &mut self,
        list: &'static str,
        number: usize,
        keys: RegexKeys,
    ) -> Result<SourcePattern, PatternError> {
        let mut pattern = SourcePattern::default();
        while let Some(key) = self.key()? {
            let Event::Scalar(value, ..) = self.next()? else {
                return Err(self.problem(&format!("{key} in entry {number} of {list} is no text")));
            };
            pattern.set(keys, &key, value.into_owned());
        }
        if pattern.regex.is_empty() {
            return Err(PatternError::Pattern {
                list,
                number,
                problem: "it has no regex".to_owned(),
            });
        }
        Ok(pattern)
    }

    /// Skips one value of any type.
    fn skip(&mut self) -> Result<(), PatternError> {
        let mut depth = 0_usize;
        loop {
            match self.next()? {
                Event::MappingStart(..) | Event::SequenceStart(..) => depth += 1,
                Event::MappingEnd | Event::SequenceEnd => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth == 0 {
                return Ok(());
            }
        }
    }

    fn next(&mut self) -> Result<Event<'a>, PatternError> {
        match self.events.next_event() {
            Some(Ok((event, span))) => Ok(self.at(event, &span)),
            Some(Err(error)) => Err(not_yaml(&error)),
            None => Err(self.problem("the file ends too early")),
        }
    }

    fn at(&mut self, event: Event<'a>, span: &Span) -> Event<'a> {
        self.line = span.start.line();
        event
    }

    fn problem(&self, problem: &str) -> PatternError {
        PatternError::Yaml {
            line: self.line,
            problem: problem.to_owned(),
        }
    }
}

fn not_yaml(error: &ScanError) -> PatternError {
    PatternError::Yaml {
        line: error.marker().line(),
        problem: error.info().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_three_lists() {
        let source = Source::read(
            r#"
comment: [passed, {over: too}]
user_agent_parsers:
  # a comment
  - regex: '(Foo)/(\d+)'
    family_replacement: "Foo \"$1\""
    v2_replacement: '7'
    brand_replacement: 'unknown keys are passed over'
  - regex: 'it''s'
os_parsers:
  - regex: 'b'
    os_v4_replacement: '1'
device_parsers:
  - regex: 'c'
    regex_flag: 'i'
    device_replacement: ''
"#,
        )
        .unwrap();
        let [(_, user_agents), (_, systems), (_, devices)] = source.lists();
        let foo = SourcePattern {
            regex: r"(Foo)/(\d+)".to_owned(),
            name: Some("Foo \"$1\"".to_owned()),
            version: [None, Some("7".to_owned()), None, None],
            ..SourcePattern::default()
        };
        assert_eq!(
            user_agents,
            [
                foo,
                SourcePattern {
                    regex: "it's".to_owned(),
                    ..SourcePattern::default()
                }
            ]
        );
        assert_eq!(systems[0].version[3].as_deref(), Some("1"));
        assert!(devices[0].ignore_case);
        assert_eq!(devices[0].name.as_deref(), Some(""));
    }

    #[test]
    fn says_what_is_wrong_and_where() {
        let problem = |text| {
            Source::read(text)
                .err()
                .map(|error| error.to_string())
                .unwrap_or_default()
        };
        assert_eq!(problem(""), "the file has no patterns");
        assert_eq!(problem("[]"), "line 1: the file is no mapping of lists");
        assert_eq!(problem("os_parsers: {}"), "line 1: os_parsers is no list");
        assert_eq!(
            problem("os_parsers:\n- regex: a\n- b"),
            "line 3: entry 2 of os_parsers is no mapping"
        );
        assert_eq!(
            problem("os_parsers:\n- regex: []"),
            "line 2: regex in entry 1 of os_parsers is no text"
        );
        assert_eq!(
            problem("os_parsers:\n- os_replacement: a"),
            "os_parsers, pattern 1: it has no regex"
        );
        assert!(problem("os_parsers: 'a").starts_with("line 1: "));
    }
}
