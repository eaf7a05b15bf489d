//! Places and networks of addresses, from MaxMind DB files, as Elasticsearch's `geoip` processor
//! gives them.
//!
//! The fields are those of the processor's default properties:
//! <https://www.elastic.co/docs/reference/enrich-processor/geoip-processor>.

mod database;
mod records;

use std::net::IpAddr;
use std::path::Path;

use bumpalo::Bump;
use serde::Deserialize;

pub use self::database::GeoIpError;
use self::database::{Content, Database, open};
use self::records::{CityRecord, Network};
use crate::ecs::{AutonomousSystem, Geo, Location, Named, Source};

/// The databases that the settings name. If one is missing, its fields are missing.
#[derive(Debug, Default)]
pub struct GeoIp {
    city: Option<Database>,
    asn: Option<Database>,
}

impl GeoIp {
    /// Reads a database of cities or of countries.
    ///
    /// # Errors
    /// [`GeoIpError`] if it cannot be used: fields never go missing in silence.
    pub fn open_city(&mut self, path: &Path) -> Result<(), GeoIpError> {
        self.city = Some(open(path, Content::Places)?);
        Ok(())
    }

    /// Reads a database of autonomous systems.
    ///
    /// # Errors
    /// [`GeoIpError`] if it cannot be used.
    pub fn open_asn(&mut self, path: &Path) -> Result<(), GeoIpError> {
        self.asn = Some(open(path, Content::Networks)?);
        Ok(())
    }

    /// Returns whether there is a database.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.city.is_some() || self.asn.is_some()
    }

    /// Adds the place and network of an address. An IPv4 address that is written as IPv6 counts as
    /// the IPv4 address, as in Java.
    pub fn apply<'a>(&'a self, source: &mut Source<'a>, address: IpAddr, arena: &'a Bump) {
        let address = address.to_canonical();
        if let Some(place) = find::<CityRecord<'_>>(self.city.as_ref(), address) {
            source.geo = geo(&place, arena);
        }
        if let Some(network) = find::<Network<'_>>(self.asn.as_ref(), address) {
            source.r#as = AutonomousSystem {
                number: network.autonomous_system_number.map(|number| number.0),
                organization: Named {
                    name: network.autonomous_system_organization,
                },
            };
        }
    }
}

fn find<'r, R: Deserialize<'r>>(database: Option<&'r Database>, address: IpAddr) -> Option<R> {
    database?.lookup(address).ok()?.decode().ok()?
}

fn geo<'a>(place: &CityRecord<'a>, arena: &'a Bump) -> Geo<'a> {
    let country = place.country.iso_code;
    let region = place.subdivisions.last();
    let region_code = country.zip(region.and_then(|region| region.iso_code));
    let location = place.location.latitude.zip(place.location.longitude);
    Geo {
        city_name: place.city.names.en,
        continent_name: place.continent.names.en,
        country_iso_code: country,
        country_name: place.country.names.en,
        location: location.map(|(lat, lon)| Location {
            lat: lat.0,
            lon: lon.0,
        }),
        region_iso_code: region_code
            .map(|(country, region)| &*arena.alloc_str(&format!("{country}-{region}"))),
        region_name: region.and_then(|region| region.names.en),
    }
}
