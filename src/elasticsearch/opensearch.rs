//! The endpoints of Amazon OpenSearch Service.

use reqwest::Url;

/// Returns the service of an OpenSearch endpoint and, if the name holds it, the region:
/// `….eu-central-1.es.amazonaws.com`, `….eu-central-1.aoss.amazonaws.com`.
///
/// Source: <https://docs.aws.amazon.com/general/latest/gr/opensearch-service.html>.
pub(super) fn endpoint(url: &Url) -> (&'static str, Option<&str>) {
    let labels: Vec<_> = url.host_str().unwrap_or_default().split('.').collect();
    let find = |services: [&str; 2]| {
        labels.windows(3).find_map(|labels| match labels {
            [region, service, "amazonaws" | "amazonwebservices"] if services.contains(service) => {
                Some(*region)
            }
            _ => None,
        })
    };
    match find(["aoss", "aoss-fips"]) {
        Some(region) => ("aoss", Some(region)),
        None => ("es", find(["es", "es-fips"])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints() {
        for (url, expected) in [
            (
                "https://search-logs-abc.eu-central-1.es.amazonaws.com",
                ("es", Some("eu-central-1")),
            ),
            (
                "https://vpc-logs-abc.cn-north-1.es.amazonaws.com.cn/",
                ("es", Some("cn-north-1")),
            ),
            (
                "https://x1y2z3.us-east-1.aoss.amazonaws.com",
                ("aoss", Some("us-east-1")),
            ),
            ("https://logs.example.com", ("es", None)),
            ("https://es.example.com", ("es", None)),
            ("http://127.0.0.1:9200", ("es", None)),
        ] {
            assert_eq!(endpoint(&url.parse().unwrap()), expected, "{url}");
        }
    }
}
