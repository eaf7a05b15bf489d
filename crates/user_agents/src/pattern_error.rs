/// Why a `regexes.yaml` cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PatternError {
    /// It is not YAML, or not shaped like uap-core's file.
    #[error("line {line}: {problem}")]
    Yaml {
        /// counted from 1
        line: usize,
        /// what is wrong there
        problem: String,
    },
    /// A pattern is not a regular expression, or not one of the supported kind.
    #[error("{list}, pattern {number}: {problem}")]
    Pattern {
        /// `user_agent_parsers`, `os_parsers` or `device_parsers`
        list: &'static str,
        /// its place in that list, counted from 1
        number: usize,
        /// what is wrong with it
        problem: String,
    },
    /// There is nothing in it.
    #[error("the file has no patterns")]
    Empty,
}
