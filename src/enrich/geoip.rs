//! Places and networks of addresses, from MaxMind DB files, as Elasticsearch's `geoip` processor gives them.
//!
//! The fields are those of the processor's default properties:
//! <https://www.elastic.co/docs/reference/enrich-processor/geoip-processor>.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use bumpalo::Bump;
use maxminddb::{MaxMindDbError, Reader, WithinOptions, geoip2};
use serde::Deserialize;
use thiserror::Error;

use crate::ecs::{AutonomousSystem, Geo, Location, Named, Source};

/// The databases that were named; each may be missing, and its fields then are.
#[derive(Debug, Default)]
pub struct GeoIp {
    city: Option<Reader<Vec<u8>>>,
    asn: Option<Reader<Vec<u8>>>,
}

/// Why a database that was named cannot be used.
#[derive(Debug, Error)]
pub enum GeoIpError {
    /// It is not there, or damaged.
    #[error("{path} cannot be used as a MaxMind DB: {error}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        error: MaxMindDbError,
    },
    /// Its records are not laid out as MaxMind's are.
    #[error("{path} holds flat records, not MaxMind's nested layout: take the vendor's file \"in MaxMind's layout\"")]
    FlatRecords {
        /// The file.
        path: PathBuf,
    },
}

impl GeoIp {
    /// Reads a database of cities.
    ///
    /// # Errors
    /// [`GeoIpError`] if it cannot be used: fields never go missing in silence.
    pub fn open_city(&mut self, path: &Path) -> Result<(), GeoIpError> {
        self.city = Some(open(path, |reader| any(reader, has_place))?);
        Ok(())
    }

    /// Reads a database of autonomous systems.
    ///
    /// # Errors
    /// [`GeoIpError`] if it cannot be used.
    pub fn open_asn(&mut self, path: &Path) -> Result<(), GeoIpError> {
        self.asn = Some(open(path, |reader| any(reader, has_network))?);
        Ok(())
    }

    /// Fills in where an address is.
    pub fn apply<'a>(&'a self, source: &mut Source<'a>, address: IpAddr, arena: &'a Bump) {
        if let Some(city) = find::<geoip2::City<'_>>(self.city.as_ref(), address) {
            source.geo = geo(&city, arena);
        }
        if let Some(asn) = find::<geoip2::Asn<'_>>(self.asn.as_ref(), address) {
            source.r#as = AutonomousSystem {
                number: asn.autonomous_system_number,
                organization: Named { name: asn.autonomous_system_organization },
            };
        }
    }
}

/// Opens a database and looks whether it holds what it was named for.
fn open(path: &Path, has_content: fn(&Reader<Vec<u8>>) -> bool) -> Result<Reader<Vec<u8>>, GeoIpError> {
    let reader =
        Reader::open_readfile(path).map_err(|error| GeoIpError::Unreadable { path: path.to_owned(), error })?;
    if !has_content(&reader) {
        return Err(GeoIpError::FlatRecords { path: path.to_owned() });
    }
    Ok(reader)
}

/// Whether any of the first records is of the kind.
fn any<'r, R: Deserialize<'r>>(reader: &'r Reader<Vec<u8>>, is_one: fn(&R) -> bool) -> bool {
    const FIRST: usize = 1_000;
    let mut records = reader.networks(WithinOptions::default()).into_iter().flatten().take(FIRST).flatten();
    records.any(|record| record.decode().is_ok_and(|record| record.as_ref().is_some_and(is_one)))
}

fn find<'r, R: Deserialize<'r>>(reader: Option<&'r Reader<Vec<u8>>>, address: IpAddr) -> Option<R> {
    reader?.lookup(address).ok()?.decode().ok()?
}

fn has_place(record: &geoip2::City<'_>) -> bool {
    record.country.iso_code.is_some() || record.continent.code.is_some() || record.registered_country.iso_code.is_some()
}

fn has_network(record: &geoip2::Asn<'_>) -> bool {
    record.autonomous_system_number.is_some()
}

fn geo<'a>(city: &geoip2::City<'a>, arena: &'a Bump) -> Geo<'a> {
    let country = city.country.iso_code;
    let region = city.subdivisions.last();
    let region_code = country.zip(region.and_then(|region| region.iso_code));
    let location = city.location.latitude.zip(city.location.longitude);
    Geo {
        city_name: city.city.names.english,
        continent_name: city.continent.names.english,
        country_iso_code: country,
        country_name: city.country.names.english,
        location: location.map(|(lat, lon)| Location { lat, lon }),
        region_iso_code: region_code.map(|(country, region)| &*arena.alloc_str(&format!("{country}-{region}"))),
        region_name: region.and_then(|region| region.names.english),
    }
}
