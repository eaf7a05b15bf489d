//! The names of data streams.

/// The name of a data stream: `<type>-<dataset>-<namespace>`.
///
/// [Elastic's naming
/// scheme](https://www.elastic.co/blog/an-introduction-to-the-elastic-data-stream-naming-scheme).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DataStreamName {
    /// The whole name.
    pub name: String,
    /// `data_stream.type`
    pub r#type: String,
    /// `data_stream.dataset`
    pub dataset: String,
    /// `data_stream.namespace`
    pub namespace: String,
}

impl DataStreamName {
    /// Parses a name.
    ///
    /// # Errors
    /// A sentence that says what is wrong with the name.
    pub fn parse(name: &str) -> Result<Self, &'static str> {
        const FORBIDDEN: &str = "\\/*?\"<>| ,#:";
        let mut parts = name.splitn(3, '-').map(str::to_owned);
        let (Some(r#type), Some(dataset), Some(namespace)) =
            (parts.next(), parts.next(), parts.next())
        else {
            return Err(
                "it should be `<type>-<dataset>-<namespace>`, such as logs-aws.api_gateway_logs-default",
            );
        };
        if [&r#type, &dataset, &namespace]
            .iter()
            .any(|part| part.is_empty())
        {
            return Err("none of type, dataset and namespace may be empty");
        }
        if name
            .chars()
            .any(|c| c.is_uppercase() || c.is_control() || FORBIDDEN.contains(c))
        {
            return Err(
                "a data stream's name is lower-case and has none of \\ / * ? \" < > | , # : and blanks",
            );
        }
        if name.len() > 255 || name.starts_with(['_', '+', '.']) {
            return Err(
                "a data stream's name has at most 255 bytes and does not start with `_`, `+` or `.`",
            );
        }
        Ok(Self {
            name: name.to_owned(),
            r#type,
            dataset,
            namespace,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let name = DataStreamName::parse("logs-aws.api_gateway_logs-eu-prod").unwrap();
        assert_eq!(
            (&*name.r#type, &*name.dataset, &*name.namespace),
            ("logs", "aws.api_gateway_logs", "eu-prod")
        );
        for wrong in [
            "",
            "logs",
            "logs-a",
            "logs--b",
            "logs-a-",
            "-a-b",
            "Logs-a-b",
            "logs-a b-c",
            "_logs-a-b",
            "logs-a/..-b",
        ] {
            assert!(DataStreamName::parse(wrong).is_err(), "{wrong}");
        }
    }
}
