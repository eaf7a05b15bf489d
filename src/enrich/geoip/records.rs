//! The members of a database's records that are read. Vendors differ in the other members, and in
//! the types of numbers.

use std::fmt;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};

/// A record of a City or Country database.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct CityRecord<'a> {
    #[serde(borrow)]
    pub(super) city: NamedPart<'a>,
    #[serde(borrow)]
    pub(super) continent: NamedPart<'a>,
    #[serde(borrow)]
    pub(super) country: NamedPart<'a>,
    #[serde(borrow)]
    registered_country: NamedPart<'a>,
    pub(super) location: Coordinates,
    /// The subdivisions, from the largest to the smallest.
    #[serde(borrow)]
    pub(super) subdivisions: Vec<NamedPart<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct NamedPart<'a> {
    #[serde(borrow)]
    pub(super) iso_code: Option<&'a str>,
    #[serde(borrow)]
    pub(super) names: NamesByLanguage<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct NamesByLanguage<'a> {
    #[serde(borrow)]
    pub(super) en: Option<&'a str>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Coordinates {
    pub(super) latitude: Option<Degrees>,
    pub(super) longitude: Option<Degrees>,
}

/// A record of an ASN database.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Network<'a> {
    pub(super) autonomous_system_number: Option<SystemNumber>,
    #[serde(borrow)]
    pub(super) autonomous_system_organization: Option<&'a str>,
}

/// Members that are texts where MaxMind's records have maps, or that have other names than
/// MaxMind's, as in IPinfo's records and some others.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Flat<'a> {
    #[serde(borrow)]
    city: Option<&'a str>,
    #[serde(borrow)]
    country: Option<&'a str>,
    #[serde(borrow)]
    country_code: Option<&'a str>,
    #[serde(borrow)]
    asn: Option<&'a str>,
}

impl CityRecord<'_> {
    pub(super) fn is_one(&self) -> bool {
        let is_known = |part: &NamedPart<'_>| part.iso_code.or(part.names.en).is_some();
        [
            &self.city,
            &self.continent,
            &self.country,
            &self.registered_country,
        ]
        .into_iter()
        .any(is_known)
    }
}

impl Network<'_> {
    pub(super) fn is_one(&self) -> bool {
        self.autonomous_system_number.is_some()
    }
}

impl Flat<'_> {
    pub(super) fn is_one(&self) -> bool {
        [self.city, self.country, self.country_code, self.asn]
            .iter()
            .any(Option::is_some)
    }
}

/// A number in any of the format's types.
#[derive(Clone, Copy, Debug)]
pub(super) struct Degrees(pub(super) f64);

/// The number of an autonomous system, in any of the format's types.
#[derive(Clone, Copy, Debug)]
pub(super) struct SystemNumber(pub(super) u32);

impl<'de> Deserialize<'de> for Degrees {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyDegrees)
    }
}

struct AnyDegrees;

impl Visitor<'_> for AnyDegrees {
    type Value = Degrees;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("degrees")
    }

    fn visit_f64<E>(self, value: f64) -> Result<Degrees, E> {
        Ok(Degrees(value))
    }

    /// The value with the digits that were meant: 51.5142, not 51.5141983.
    fn visit_f32<E: Error>(self, value: f32) -> Result<Degrees, E> {
        value.to_string().parse().map(Degrees).map_err(E::custom)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Degrees, E> {
        i32::try_from(value)
            .map(|value| Degrees(value.into()))
            .map_err(E::custom)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Degrees, E> {
        u32::try_from(value)
            .map(|value| Degrees(value.into()))
            .map_err(E::custom)
    }
}

impl<'de> Deserialize<'de> for SystemNumber {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnySystemNumber)
    }
}

struct AnySystemNumber;

impl Visitor<'_> for AnySystemNumber {
    type Value = SystemNumber;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the number of an autonomous system")
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<SystemNumber, E> {
        u32::try_from(value).map(SystemNumber).map_err(E::custom)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<SystemNumber, E> {
        u32::try_from(value).map(SystemNumber).map_err(E::custom)
    }
}
