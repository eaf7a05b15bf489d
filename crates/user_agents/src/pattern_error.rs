/// The reason why a `regexes.yaml` cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PatternError {
    /// The file is not YAML, or not shaped like uap-core's file.
    #[error("line {line}: {problem}")]
    Yaml {
        /// the line, counted from 1
        line: usize,
        /// the problem in that line
        problem: String,
    },
    /// A pattern is not a regular expression, or uses unsupported syntax.
    #[error("{list}, pattern {number}: {problem}")]
    Pattern {
        /// `user_agent_parsers`, `os_parsers` or `device_parsers`
        list: &'static str,
        /// the pattern's place in that list, counted from 1
        number: usize,
        /// the problem with the pattern
        problem: String,
    },
    /// The file is empty.
    #[error("the file has no patterns")]
    Empty,
}
