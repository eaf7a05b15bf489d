//! What can be wrong with a line, so that its document is a `pipeline_error`: the sentences of `error.message`.

pub(super) const NO_KNOWN_FORM: &str = "the line has none of the forms of API Gateway's logs that are read (JSON, CLF, key: value): it is kept as it is";
pub(super) const NO_KNOWN_KEY: &str =
    "the line is JSON, but has no key of an access log: it is kept as it is";
pub(super) const NO_WHOLE_JSON: &str =
    "the line is not whole JSON, and shows no key of an access log: it is kept as it is";
pub(super) const TOO_MANY_OBJECTS: &str =
    "the line holds more than 1,000 objects: the rest of it is kept as it is";

/// Why a line was not read to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// It ends before the object does.
    Cut,
    /// It goes on with what is no key.
    Lost,
    /// Other text follows the object.
    Followed,
}

impl Stop {
    /// The sentence for it.
    pub(super) fn problem(self) -> &'static str {
        match self {
            Self::Cut => "the line is cut off: the pairs that stand whole in it were read",
            Self::Lost => "the line is not JSON from some pair on: the pairs before it were read",
            Self::Followed => {
                "other text follows the JSON object: it stands in event.original only"
            }
        }
    }
}
