//! The identity that `$context.identity.userArn` names.
//!
//! IAM's ARNs are cut exactly as the reference pipeline's grok pattern cuts them:
//! `^arn:%{DATA}:iam::%{NUMBER:account_id}:((user/)?%{DATA:user.name}|%{DATA})$`.

/// An identity of AWS, as far as the ARN is understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserArn<'a> {
    /// `arn:aws:iam::123456789012:user/Bob`; also `root`, and `role/Name`
    Iam {
        /// A number in grok's sense, so it does not always have twelve digits
        account_id: &'a str,
        /// The rest, without `user/`; may be empty
        user_name: &'a str,
    },
    /// `arn:aws:sts::123456789012:assumed-role/Role/session`
    AssumedRole {
        /// The role's account
        account_id: &'a str,
        /// The role, without its path
        role_name: &'a str,
        /// The session, if there is one
        session_name: Option<&'a str>,
    },
    /// Anything else
    Other,
}

/// Reads an ARN. Grok's `^` and `$` match at lines, so the first matching line counts.
#[must_use]
pub fn user_arn(arn: &str) -> UserArn<'_> {
    arn.split('\n')
        .find_map(iam)
        .or_else(|| assumed_role(arn))
        .unwrap_or(UserArn::Other)
}

fn iam(line: &str) -> Option<UserArn<'_>> {
    let mut rest = line.strip_prefix("arn:")?;
    loop {
        // The second colon may begin the next `:iam::`.
        let (_, after) = rest.split_at_checked(rest.find(":iam::")? + 5)?;
        rest = after;
        if let Some((account_id, resource)) = number(after.strip_prefix(':')?) {
            return Some(UserArn::Iam {
                account_id,
                user_name: resource.strip_prefix("user/").unwrap_or(resource),
            });
        }
    }
}

/// Grok's NUMBER and a colon: `[+-]?([0-9]+(\.[0-9]+)?|\.[0-9]+):`
fn number(text: &str) -> Option<(&str, &str)> {
    let (number, rest) = text.split_once(':')?;
    let unsigned = number.strip_prefix(['+', '-']).unwrap_or(number);
    let is_number = match unsigned.split_once('.') {
        Some((whole, fraction)) => (whole.is_empty() || is_digits(whole)) && is_digits(fraction),
        None => is_digits(unsigned),
    };
    is_number.then_some((number, rest))
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn assumed_role(arn: &str) -> Option<UserArn<'_>> {
    let (_partition, rest) = arn.strip_prefix("arn:")?.split_once(":sts::")?;
    let (account_id, role) = rest.split_once(":assumed-role/")?;
    let (role_name, session_name) = role
        .split_once('/')
        .map_or((role, ""), |(role, session)| (role, session));
    let session_name = (!session_name.is_empty()).then_some(session_name);
    let is_whole = is_digits(account_id) && !role_name.is_empty();
    is_whole.then_some(UserArn::AssumedRole {
        account_id,
        role_name,
        session_name,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grok_cuts_arns_of_iam() {
        for (arn, expected) in [
            (
                "arn:aws:iam::123456789012:user/Bob",
                Some(("123456789012", "Bob")),
            ),
            (
                "arn:aws:iam::123456789012:user/path/Bob",
                Some(("123456789012", "path/Bob")),
            ),
            (
                "arn:aws:iam::123456789012:user/user/Bob",
                Some(("123456789012", "user/Bob")),
            ),
            (
                "arn:aws-cn:iam::012345678901:root",
                Some(("012345678901", "root")),
            ),
            (
                "arn:aws:iam::123456789012:role/admin",
                Some(("123456789012", "role/admin")),
            ),
            (
                "arn:aws:iam::123456789012:user/",
                Some(("123456789012", "")),
            ),
            ("arn:aws:iam::123456789012:", Some(("123456789012", ""))),
            ("arn:aws:iam::12.5:a:b", Some(("12.5", "a:b"))),
            ("arn::iam::-3:x", Some(("-3", "x"))),
            ("arn:aws:iam::+.5:x", Some(("+.5", "x"))),
            ("arn:aws:iam::x:iam::1:y", Some(("1", "y"))),
            ("arn:aws:iam::iam::2:y", Some(("2", "y"))),
            ("x\narn:aws:iam::1:user/b\ny", Some(("1", "b"))),
            ("arn:aws:iam::1:b\r\n", Some(("1", "b\r"))),
            ("arn:aws:iam::1.:x", None),
            ("arn:aws:iam::1.2.3:x", None),
            ("arn:aws:iam:::x", None),
            ("arn:aws:iam::1", None),
            (" arn:aws:iam::1:x", None),
            ("arn:aws:iam::１２:x", None),
            ("-", None),
            ("", None),
        ] {
            let told = match user_arn(arn) {
                UserArn::Iam {
                    account_id,
                    user_name,
                } => Some((account_id, user_name)),
                _ => None,
            };
            assert_eq!(told, expected, "{arn:?}");
        }
    }

    #[test]
    fn sts_names_role_and_session() {
        for (arn, expected) in [
            (
                "arn:aws:sts::123456789012:assumed-role/Role/session",
                Some(("123456789012", "Role", Some("session"))),
            ),
            (
                "arn:aws:sts::1:assumed-role/Role/a@b.c",
                Some(("1", "Role", Some("a@b.c"))),
            ),
            (
                "arn:aws:sts::1:assumed-role/Role/",
                Some(("1", "Role", None)),
            ),
            (
                "arn:aws:sts::1:assumed-role/Role",
                Some(("1", "Role", None)),
            ),
            ("arn:aws:sts::1:assumed-role//x", None),
            ("arn:aws:sts::x:assumed-role/Role/x", None),
            ("arn:aws:sts::1:federated-user/Bob", None),
        ] {
            let told = match user_arn(arn) {
                UserArn::AssumedRole {
                    account_id,
                    role_name,
                    session_name,
                } => Some((account_id, role_name, session_name)),
                _ => None,
            };
            assert_eq!(told, expected, "{arn:?}");
        }
    }
}
