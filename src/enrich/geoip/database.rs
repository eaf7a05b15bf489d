//! A file in the MaxMind DB format, checked against the purpose that the settings give it.

use std::path::Path;

use maxminddb::{LookupResult, MaxMindDbError, Reader, WithinOptions};
use serde::Deserialize;
use serde::de::IgnoredAny;
use thiserror::Error;

use super::records::{CityRecord, Flat, Network};

/// A whole file, read once.
pub(super) type Database = Reader<Vec<u8>>;

/// The reason why a database cannot be used.
#[derive(Debug, Error)]
pub enum GeoIpError {
    /// The file is missing or damaged.
    #[error("it cannot be read as a MaxMind DB ({0}): name a file that is whole and unpacked")]
    Unreadable(#[from] MaxMindDbError),
    /// Its records do not have MaxMind's layout.
    #[error(
        "its records ({database_type}) are flat, not nested as MaxMind's: take a file in MaxMind's layout"
    )]
    FlatRecords {
        /// The type that the file claims.
        database_type: String,
    },
    /// It is of another kind, or empty.
    #[error("its records ({database_type}) hold {found}, not {wanted}: name {remedy} database")]
    OtherRecords {
        /// The type that the file claims.
        database_type: String,
        /// The content of its records.
        found: &'static str,
        /// The content that its records should have.
        wanted: &'static str,
        /// The kind of database to use instead, with its article.
        remedy: &'static str,
    },
}

/// The content of a database's records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// Cities and countries.
    Places,
    /// Autonomous systems.
    Networks,
    /// Flat records, whose members are all texts.
    Flat,
    /// None of these.
    Other,
}

/// The number of records that are examined. The first ones may hold little, for instance reserved
/// networks.
const FIRST: usize = 1_000;

/// Opens a database and checks whether it holds the wanted content.
pub(super) fn open(path: &Path, wanted: Content) -> Result<Database, GeoIpError> {
    let database = Reader::open_readfile(path)?;
    let found = content(&database, wanted)?;
    if found == wanted {
        return Ok(database);
    }
    let database_type = database.metadata().database_type.clone();
    Err(match found {
        Content::Flat => GeoIpError::FlatRecords { database_type },
        _ => GeoIpError::OtherRecords {
            database_type,
            found: found.plural(),
            wanted: wanted.plural(),
            remedy: if wanted == Content::Places {
                "a City or Country"
            } else {
                "an ASN"
            },
        },
    })
}

/// Returns the content of the first records: the wanted one if any record has it, otherwise that of
/// the first record with any content.
fn content(database: &Database, wanted: Content) -> Result<Content, MaxMindDbError> {
    let mut first = Content::Other;
    for record in database.networks(WithinOptions::default())?.take(FIRST) {
        let found = content_of(&record?)?;
        if found == wanted {
            return Ok(found);
        }
        if first == Content::Other {
            first = found;
        }
    }
    Ok(first)
}

fn content_of(record: &LookupResult<'_, Vec<u8>>) -> Result<Content, MaxMindDbError> {
    // A damaged record can be read as an empty one.
    record.decode::<IgnoredAny>()?;
    Ok(if is_one(record, CityRecord::is_one) {
        Content::Places
    } else if is_one(record, Network::is_one) {
        Content::Networks
    } else if is_one(record, Flat::is_one) {
        Content::Flat
    } else {
        Content::Other
    })
}

fn is_one<'r, R: Deserialize<'r>>(
    record: &LookupResult<'r, Vec<u8>>,
    is_one: fn(&R) -> bool,
) -> bool {
    record
        .decode()
        .is_ok_and(|record| record.as_ref().is_some_and(is_one))
}

impl Content {
    fn plural(self) -> &'static str {
        match self {
            Self::Places => "places",
            Self::Networks => "autonomous systems",
            Self::Flat => "texts",
            Self::Other => "neither places nor autonomous systems",
        }
    }
}
