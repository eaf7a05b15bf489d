//! Log groups as people name them: by name or by ARN.

/// A log group's name, and its account if it was named by ARN.
#[derive(Clone, Debug)]
pub(super) struct NamedLogGroup {
    pub(super) name: String,
    pub(super) account: Option<String>,
}

/// Parses a name of at most 512 characters, or an ARN.
pub(super) fn name_or_arn(text: &str) -> Result<NamedLogGroup, String> {
    if text.starts_with("arn:") {
        return arn(text);
    }
    Ok(NamedLogGroup {
        name: name(text)?,
        account: None,
    })
}

/// Parses the ARN of a log group, with or without `:*` at its end.
pub(super) fn arn(text: &str) -> Result<NamedLogGroup, String> {
    const REMEDY: &str = "it should be the ARN of a log group, such as \
                          arn:aws:logs:eu-central-1:111122223333:log-group:my-api";
    let text = text.strip_suffix(":*").unwrap_or(text);
    let parts: Vec<&str> = text.splitn(7, ':').collect();
    let ["arn", _, "logs", _, owner, "log-group", log_group] = parts[..] else {
        return Err(REMEDY.to_owned());
    };
    if log_group.contains(':') {
        return Err(REMEDY.to_owned());
    }
    Ok(NamedLogGroup {
        name: name(log_group).map_err(|_| REMEDY)?,
        account: Some(account(owner).map_err(|_| REMEDY)?),
    })
}

/// Parses a name of at most 512 characters.
pub(super) fn name(text: &str) -> Result<String, String> {
    if text.trim().is_empty() || text.chars().count() > 512 {
        return Err("it should be a name of 1 to 512 characters".to_owned());
    }
    Ok(text.to_owned())
}

/// Parses the id of an account.
pub(super) fn account(text: &str) -> Result<String, String> {
    if text.len() != 12 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err("it should be the id of an AWS account, 12 digits".to_owned());
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_holds_account_and_name() {
        for (text, name) in [
            (
                "arn:aws:logs:eu-central-1:111122223333:log-group:API-Gateway-Access-Logs_a1b2c3d4e5/prod",
                "API-Gateway-Access-Logs_a1b2c3d4e5/prod",
            ),
            (
                "arn:aws-cn:logs:cn-north-1:111122223333:log-group:/aws/apigateway/shop:*",
                "/aws/apigateway/shop",
            ),
        ] {
            let group = name_or_arn(text).expect(text);
            assert_eq!(group.name, name);
            assert_eq!(group.account.as_deref(), Some("111122223333"), "{text}");
        }
    }

    #[test]
    fn a_name_holds_no_account() {
        let group = name_or_arn("/aws/apigateway/shop").expect("a name");
        assert_eq!(
            (&*group.name, group.account),
            ("/aws/apigateway/shop", None)
        );
    }

    #[test]
    fn other_arns_are_rejected() {
        for text in [
            "arn:aws:logs:eu-central-1:111122223333:log-group:",
            "arn:aws:logs:eu-central-1:111122223333:log-group:g:log-stream:s",
            "arn:aws:logs:eu-central-1:1234:log-group:g",
            "arn:aws:lambda:eu-central-1:111122223333:function:g",
            "arn:aws:logs",
        ] {
            let error = name_or_arn(text).expect_err(text);
            assert!(error.contains("ARN of a log group"), "{text}: {error}");
        }
        assert!(arn("g").is_err());
    }
}
