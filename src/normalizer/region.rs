//! The region in API Gateway's own host names.

/// `us-east-2` of `abc123.execute-api.us-east-2.amazonaws.com`; a custom domain tells none.
///
/// As the reference pipeline's grok pattern has it, line by line: `^%{DATA}\.execute-api\.%{DATA:cloud.region}\.%{DATA}$`.
/// May be empty, where two dots follow each other.
#[must_use]
pub fn region_of(domain_name: &str) -> Option<&str> {
    domain_name.split('\n').find_map(region)
}

/// From dot to dot: the standard library's search for a text is thrice as slow, and this is asked of every line.
fn region(line: &str) -> Option<&str> {
    let mut rest = line;
    loop {
        rest = rest.split_once('.')?.1;
        if let Some(region) = rest.strip_prefix("execute-api.") {
            return region.split_once('.').map(|(region, _)| region);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_of_api_gateway_name_their_region() {
        for (domain_name, expected) in [
            ("pv9kv75899.execute-api.us-east-2.amazonaws.com", Some("us-east-2")),
            ("a-vpce-1.execute-api.cn-north-1.amazonaws.com.cn", Some("cn-north-1")),
            (".execute-api.r.", Some("r")),
            ("a.execute-api..b", Some("")),
            ("a.execute-api.execute-api.b", Some("execute-api")),
            ("x\na.execute-api.r.b", Some("r")),
            ("a.execute-api.b", None),
            ("a.EXECUTE-API.r.b", None),
            ("execute-api.r.b", None),
            ("api.example.com", None),
            ("", None),
        ] {
            assert_eq!(region_of(domain_name), expected, "{domain_name:?}");
        }
    }
}
