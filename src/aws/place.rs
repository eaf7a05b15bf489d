//! Regions and partitions of AWS, and the hosts in them.

use reqwest::Url;

use super::Endpoints;

/// A region in its partition.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Place {
    region: String,
    /// The domain of the partition's hosts.
    domain: &'static str,
}

impl Place {
    /// Returns the region of an ARN. `None` if the partition is unknown, or if the region is not a
    /// word.
    #[must_use]
    pub fn new(partition: &str, region: &str) -> Option<Self> {
        let domain = domain(partition)?;
        is_region(region).then(|| Self {
            region: region.to_owned(),
            domain,
        })
    }

    /// Returns a region, in the partition that its name implies.
    #[must_use]
    pub fn of_region(region: &str) -> Option<Self> {
        Self::new(partition(region), region)
    }

    /// Returns the name of the region.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.region
    }

    /// Returns the address of a service.
    pub(super) fn url(&self, service: &str, endpoints: Endpoints) -> Option<Url> {
        let Self { region, domain } = self;
        // They have no other endpoints there.
        let is_always_fips =
            ["logs", "sqs", "cloudformation"].contains(&service) && region.starts_with("us-gov-");
        let fips = match endpoints {
            Endpoints::Fips if !is_always_fips => "-fips",
            _ => "",
        };
        format!("https://{service}{fips}.{region}.{domain}")
            .parse()
            .ok()
    }
}

/// Returns whether a text can be the name of a region, and thus a part of a host's name.
#[must_use]
pub fn is_region(text: &str) -> bool {
    let is_sign = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    !text.is_empty() && text.bytes().all(is_sign)
}

/// Returns the domain of AWS's services in a partition.
///
/// Source: `partitions.json` of AWS's endpoint rules, as in
/// <https://github.com/boto/botocore/blob/develop/botocore/data/partitions.json>.
fn domain(partition: &str) -> Option<&'static str> {
    Some(match partition {
        "aws" | "aws-us-gov" => "amazonaws.com",
        "aws-cn" => "amazonaws.com.cn",
        "aws-eusc" => "amazonaws.eu",
        "aws-iso" => "c2s.ic.gov",
        "aws-iso-b" => "sc2s.sgov.gov",
        "aws-iso-e" => "cloud.adc-e.uk",
        "aws-iso-f" => "csp.hci.ic.gov",
        _ => return None,
    })
}

/// Returns the partition of a region, from the same source.
fn partition(region: &str) -> &'static str {
    const PREFIXES: [(&str, &str); 7] = [
        ("cn-", "aws-cn"),
        ("eusc-", "aws-eusc"),
        ("us-iso-", "aws-iso"),
        ("us-isob-", "aws-iso-b"),
        ("eu-isoe-", "aws-iso-e"),
        ("us-isof-", "aws-iso-f"),
        ("us-gov-", "aws-us-gov"),
    ];
    PREFIXES
        .iter()
        .find(|(prefix, _)| region.starts_with(prefix))
        .map_or("aws", |(_, partition)| partition)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_partition_has_its_hosts() {
        for (partition, region, domain) in [
            ("aws", "eu-central-1", "amazonaws.com"),
            ("aws-cn", "cn-north-1", "amazonaws.com.cn"),
            ("aws-us-gov", "us-gov-west-1", "amazonaws.com"),
            ("aws-eusc", "eusc-de-east-1", "amazonaws.eu"),
            ("aws-iso", "us-iso-east-1", "c2s.ic.gov"),
            ("aws-iso-b", "us-isob-east-1", "sc2s.sgov.gov"),
            ("aws-iso-e", "eu-isoe-west-1", "cloud.adc-e.uk"),
            ("aws-iso-f", "us-isof-south-1", "csp.hci.ic.gov"),
        ] {
            let place = Place::new(partition, region).unwrap();
            assert_eq!(Place::of_region(region), Some(place.clone()), "{region}");
            for service in [
                "logs",
                "secretsmanager",
                "cloudformation",
                "lambda",
                "sqs",
                "monitoring",
            ] {
                let url = place.url(service, Endpoints::Standard).unwrap();
                let expected = format!("https://{service}.{region}.{domain}/");
                assert_eq!(url.as_str(), expected);
            }
        }
        for wrong in ["", "example.com/", "eu central"] {
            assert_eq!(Place::of_region(wrong), None, "{wrong}");
        }
        assert_eq!(Place::new("moon", "eu-central-1"), None);
    }

    #[test]
    fn fips_endpoints_have_other_names() {
        let fips = |service, region| {
            let place = Place::of_region(region).unwrap();
            place.url(service, Endpoints::Fips).unwrap().to_string()
        };
        for (service, region, expected) in [
            ("logs", "us-east-1", "logs-fips.us-east-1"),
            ("logs", "us-gov-west-1", "logs.us-gov-west-1"),
            ("sqs", "us-gov-west-1", "sqs.us-gov-west-1"),
            (
                "cloudformation",
                "us-gov-east-1",
                "cloudformation.us-gov-east-1",
            ),
            ("sqs", "us-east-1", "sqs-fips.us-east-1"),
            (
                "monitoring",
                "us-gov-west-1",
                "monitoring-fips.us-gov-west-1",
            ),
            ("lambda", "us-gov-west-1", "lambda-fips.us-gov-west-1"),
            (
                "secretsmanager",
                "us-gov-west-1",
                "secretsmanager-fips.us-gov-west-1",
            ),
        ] {
            assert_eq!(
                fips(service, region),
                format!("https://{expected}.amazonaws.com/")
            );
        }
    }
}
