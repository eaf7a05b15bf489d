//! Log groups as people name them: by name, by ARN, or by a pattern.

use std::collections::HashSet;

use super::reader::Asker;
use super::tokens::{Fullness, Tokens};
use super::{HistoryError, LogGroup, Pace};
use crate::aws::{CallError, DescribedLogGroup, Logs, Place, matches};

const ACTION: &str = "DescribeLogGroups";

/// Finds the named log groups. A name may contain `*` and `?`; an ARN may belong to another
/// account.
///
/// # Errors
/// The first name that no log group has, or the reason why there is no reply.
pub async fn find_log_groups(
    logs: &Logs,
    place: Option<&Place>,
    names: &[String],
    pace: Pace,
) -> Result<Vec<LogGroup>, HistoryError> {
    let mut asker = Asker::new(pace);
    let mut groups = Vec::new();
    let mut known = HashSet::<LogGroup>::new();
    for name in names {
        let found = match NamedArn::parse(name) {
            Some(arn) => vec![by_arn(logs, &arn, &mut asker).await?],
            None => {
                let place = place.ok_or(HistoryError::NoRegion)?;
                by_name(logs, place, name, &mut asker).await?
            }
        };
        for group in found {
            if known.insert(group.clone()) {
                groups.push(group);
            }
        }
    }
    Ok(groups)
}

/// The parts of a log group's ARN.
#[derive(Debug, PartialEq, Eq)]
struct NamedArn<'a> {
    /// The ARN without the `:*` at its end.
    text: &'a str,
    place: Place,
    owner: &'a str,
    name: &'a str,
}

impl<'a> NamedArn<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let text = text.strip_suffix(":*").unwrap_or(text);
        let parts: Vec<_> = text.splitn(7, ':').collect();
        let ["arn", partition, "logs", region, owner, "log-group", name] = parts[..] else {
            return None;
        };
        Some(Self {
            text,
            place: Place::new(partition, region)?,
            owner,
            name,
        })
    }
}

/// A log group of this account is requested by its name, and one of another account by its ARN.
async fn by_arn(
    logs: &Logs,
    arn: &NamedArn<'_>,
    asker: &mut Asker,
) -> Result<LogGroup, HistoryError> {
    let is_it = |group: &DescribedLogGroup| group.arn.trim_end_matches(":*") == arn.text;
    let is_ours = match described(logs, &arn.place, arn.name, asker).await {
        Ok(groups) => groups.iter().any(is_it),
        // A monitoring account may only have permission to read.
        Err(HistoryError::Call {
            error: CallError::Refused { .. },
            ..
        }) => false,
        Err(error) => return Err(error),
    };
    Ok(LogGroup {
        name: arn.name.to_owned(),
        owner: arn.owner.to_owned(),
        place: Some(arn.place.clone()),
        foreign_arn: (!is_ours).then(|| arn.text.to_owned()),
    })
}

async fn by_name(
    logs: &Logs,
    place: &Place,
    name: &str,
    asker: &mut Asker,
) -> Result<Vec<LogGroup>, HistoryError> {
    let prefix = name.split(['*', '?']).next().unwrap_or_default();
    let described = described(logs, place, prefix, asker).await?;
    let group = |described: DescribedLogGroup| {
        let owner = described.arn.split(':').nth(4).unwrap_or_default();
        LogGroup {
            owner: owner.to_owned(),
            name: described.log_group_name,
            place: Some(place.clone()),
            foreign_arn: None,
        }
    };
    let is_meant = |group: &DescribedLogGroup| matches(name, &group.log_group_name);
    let groups: Vec<_> = described.into_iter().filter(is_meant).map(group).collect();
    if groups.is_empty() {
        return Err(HistoryError::NoLogGroup(name.to_owned()));
    }
    Ok(groups)
}

/// Returns all log groups whose names begin with a text.
async fn described(
    logs: &Logs,
    place: &Place,
    prefix: &str,
    asker: &mut Asker,
) -> Result<Vec<DescribedLogGroup>, HistoryError> {
    let mut groups = Vec::new();
    let mut tokens = Tokens::default();
    loop {
        let token = tokens.next();
        let ask = async |timeout| logs.log_groups(place, prefix, token, timeout).await;
        let page = asker.ask(ask).await.map_err(|error| HistoryError::Call {
            action: ACTION,
            log_group: prefix.to_owned(),
            error,
        })?;
        let fullness = match page.log_groups[..] {
            [] => Fullness::Empty,
            _ => Fullness::Filled,
        };
        groups.extend(page.log_groups);
        let advanced = tokens.advance(page.next_token, fullness);
        advanced.map_err(|cause| HistoryError::Endless {
            list: format!("log groups whose names begin with \"{prefix}\""),
            cause,
        })?;
        if tokens.next().is_none() {
            return Ok(groups);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arns() {
        let text = "arn:aws-cn:logs:cn-north-1:111122223333:log-group:/aws/x";
        let expected = NamedArn {
            text,
            place: Place::new("aws-cn", "cn-north-1").unwrap(),
            owner: "111122223333",
            name: "/aws/x",
        };
        assert_eq!(NamedArn::parse(text), Some(expected));
        let with_star = format!("{text}:*");
        assert_eq!(NamedArn::parse(&with_star), NamedArn::parse(text));
        for name in [
            "/aws/x",
            "arn:aws:s3:::bucket",
            "arn:moon:logs:x:1:log-group:g",
        ] {
            assert_eq!(NamedArn::parse(name), None, "{name}");
        }
    }
}
