//! The name of a secret in Secrets Manager.

use crate::aws::Place;

/// The ARN of a secret: `arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretArn {
    text: String,
    place: Place,
}

impl SecretArn {
    /// Reads an ARN. `None` if it names no secret, or if its partition is unknown.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let parts: Vec<_> = text.splitn(7, ':').collect();
        let [
            "arn",
            partition,
            "secretsmanager",
            region,
            account,
            "secret",
            name,
        ] = parts[..]
        else {
            return None;
        };
        if [account, name].contains(&"") {
            return None;
        }
        Some(Self {
            text: text.to_owned(),
            place: Place::new(partition, region)?,
        })
    }

    /// Returns the whole ARN.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Returns the partition and the region.
    pub(super) fn place(&self) -> &Place {
        &self.place
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arns() {
        let text = "arn:aws-cn:secretsmanager:cn-north-1:111122223333:secret:a/b-AbCdEf";
        let place = Place::new("aws-cn", "cn-north-1");
        assert_eq!(SecretArn::parse(text).map(|arn| arn.place), place);
        for wrong in [
            "",
            "my-secret",
            "arn:aws:ssm:eu-central-1:111122223333:parameter:a",
            "arn:aws:secretsmanager:eu-central-1:111122223333:secret:",
            "arn:aws:secretsmanager:example.com/:111122223333:secret:a",
            "arn:aws:secretsmanager::111122223333:secret:a",
            "arn:moon:secretsmanager:eu-central-1:111122223333:secret:a",
        ] {
            assert_eq!(SecretArn::parse(wrong), None, "{wrong}");
        }
    }
}
