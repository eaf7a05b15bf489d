//! Places and networks compared with the answers of MaxMind's own reader, and databases that are
//! rejected: see `fixtures/geoip`.
#![expect(clippy::unwrap_used, reason = "the functions around a test are tests")]

use std::fs;
use std::path::Path;

use apigw_logs::config::Config;
use apigw_logs::json::WriteJson;
use apigw_logs::normalizer::{LogLine, Normalized};
use apigw_logs::pipeline::Pipeline;
use bumpalo::Bump;
use proptest::prelude::*;
use proptest::sample::Index;
use serde::Deserialize;

use crate::support::golden::{names, repository};
use crate::support::json::Json;

const DATABASES: &str = "tests/it/fixtures/geoip";
const CITY: &str = "GEOIP_CITY_DATABASE";
const ASN: &str = "GEOIP_ASN_DATABASE";

/// The answers of MaxMind's reader for some addresses.
#[derive(Deserialize)]
struct Answer {
    database: String,
    source: Json,
    addresses: Vec<String>,
}

#[test]
fn every_address_is_where_maxminds_reader_finds_it() {
    let answers = fs::read_to_string(repository(&format!("{DATABASES}/answers.ndjson"))).unwrap();
    let answers: Vec<Answer> = answers
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let mut databases: Vec<_> = answers.iter().map(|answer| &*answer.database).collect();
    databases.dedup();
    assert_eq!(
        databases.len(),
        names(DATABASES, ".mmdb").len() - REFUSED.len(),
        "the rest is refused"
    );
    for database in databases {
        let pipeline = city_or_asn(database);
        let answers = answers.iter().filter(|answer| answer.database == database);
        for (answer, address) in answers.flat_map(|answer| {
            answer
                .addresses
                .iter()
                .map(move |address| (answer, address))
        }) {
            assert_eq!(
                looked_up(&pipeline, address),
                answer.source,
                "{address} in {database}"
            );
        }
    }
    let addresses = |database: &str| -> usize {
        answers
            .iter()
            .filter(|answer| answer.database == database)
            .map(|answer| answer.addresses.len())
            .sum()
    };
    assert!(addresses("GeoIP2-City-Test") >= 1_000 && addresses("GeoLite2-ASN-Test") >= 1_000);
}

/// The reason for which each database is rejected, whatever setting names it.
const REFUSED: &[(&str, &str, &str)] = &[
    (
        "ipinfo-lite",
        "are flat, not nested",
        "are flat, not nested",
    ),
    (
        "domain",
        "hold neither places nor autonomous systems, not places",
        "not autonomous systems: name an ASN database",
    ),
    (
        "empty",
        "hold neither places nor autonomous systems",
        "hold neither places nor autonomous systems",
    ),
];

#[test]
fn a_database_of_another_kind_is_rejected_with_its_reason() {
    for (database, as_city, as_asn) in REFUSED {
        check_refused(CITY, &file(database), as_city);
        check_refused(ASN, &file(database), as_asn);
    }
    let networks =
        "(GeoLite2-ASN) hold autonomous systems, not places: name a City or Country database";
    check_refused(CITY, &file("GeoLite2-ASN-Test"), networks);
    let places = "(DBIP-City-Lite) hold places, not autonomous systems: name an ASN database";
    check_refused(ASN, &file("dbip-city-lite"), places);
}

#[test]
fn a_missing_or_damaged_file_is_rejected() {
    let folder = tempfile::tempdir().unwrap();
    let damaged = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        path.display().to_string()
    };
    let whole = fs::read(repository(&format!("{DATABASES}/GeoIP2-City-Test.mmdb"))).unwrap();
    let middle = whole.len() / 2;
    let cases = [
        damaged("text", b"not a database"),
        damaged("without its start", whole.split_at(middle).1),
        damaged("without its end", whole.split_at(whole.len() - 100).0),
        damaged("half of it", whole.split_at(middle).0),
        damaged(
            "without a piece",
            &[whole.split_at(middle).0, whole.split_at(middle + 1_000).1].concat(),
        ),
        damaged("with its data overwritten", &overwritten(&whole)),
    ];
    for path in cases {
        for variable in [CITY, ASN] {
            check_refused(variable, &path, "it cannot be read as a MaxMind DB (");
        }
    }
    let missing = folder.path().join("missing.mmdb").display().to_string();
    check_refused(CITY, &missing, "it cannot be read: No such file");
    check_refused(
        ASN,
        &folder.path().display().to_string(),
        "it cannot be read: it is a folder",
    );
    check_refused(
        CITY,
        &damaged("nothing", b""),
        "it cannot be read: it is empty",
    );
}

/// A database without its search tree and metadata.
fn overwritten(whole: &[u8]) -> Vec<u8> {
    let metadata = whole
        .windows(3)
        .rposition(|bytes| bytes == b"\xAB\xCD\xEF")
        .unwrap();
    let mut bytes = whole.to_vec();
    bytes.get_mut(metadata / 2..metadata).unwrap().fill(0xFF);
    bytes
}

#[test]
fn both_databases_are_asked() {
    let files = [
        (CITY, file("GeoIP2-City-Test")),
        (ASN, file("GeoLite2-ASN-Test")),
    ];
    let pipeline = pipeline(&files).unwrap();
    let source = looked_up(&pipeline, "89.160.20.112");
    assert_eq!(
        (source.text("geo.city_name"), source.number("as.number")),
        (Some("Linköping"), Some(29_518))
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
    #[test]
    fn no_damaged_database_ends_the_program(flips in prop::collection::vec((any::<Index>(), 0..8_u8), 1..30), end: Index) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("damaged.mmdb");
        let mut bytes = fs::read(file("ip2location-lite-db11")).unwrap();
        for (at, bit) in flips {
            *at.get_mut(&mut bytes) ^= 1 << bit;
        }
        for bytes in [bytes.as_slice(), bytes.get(end.index(bytes.len())..).unwrap()] {
            fs::write(&path, bytes).unwrap();
            let Ok(pipeline) = pipeline(&[(CITY, path.display().to_string())]) else { continue };
            for address in ["203.0.113.1", "203.0.113.200", "2001:db8:3::1", "1.1.1.1"] {
                looked_up(&pipeline, address);
            }
        }
    }
}

fn file(database: &str) -> String {
    repository(&format!("{DATABASES}/{database}.mmdb"))
        .display()
        .to_string()
}

fn pipeline(files: &[(&str, String)]) -> Result<Pipeline<()>, String> {
    let value = |name: &str| {
        files
            .iter()
            .find(|(variable, _)| *variable == name)
            .map(|(_, file)| file.clone())
    };
    Config::from_vars(value)
        .and_then(|config| config.pipeline(()))
        .map_err(|problems| problems.iter().map(ToString::to_string).collect())
}

/// The database's name says what it holds.
fn city_or_asn(database: &str) -> Pipeline<()> {
    pipeline(&[(CITY, file(database))])
        .or_else(|_| pipeline(&[(ASN, file(database))]))
        .unwrap()
}

#[track_caller]
fn check_refused(variable: &str, path: &str, reason: &str) {
    let Err(refusal) = pipeline(&[(variable, path.to_owned())]) else {
        panic!("{variable}={path} is taken");
    };
    assert!(
        refusal.contains(&format!("{variable}={path}: it")) && refusal.contains(reason),
        "{refusal}, not {reason}"
    );
    assert_eq!(
        refusal
            .matches(&*Path::new(path).display().to_string())
            .count(),
        1,
        "{refusal} says it twice"
    );
}

/// `source` without the address itself.
fn looked_up(pipeline: &Pipeline<()>, address: &str) -> Json {
    let message = format!(r#"{{"requestId":"1","ip":"{address}"}}"#);
    let line = LogLine::alone(&message, 0);
    let arena = Bump::new();
    let Normalized::Documents(documents) = pipeline.documents(&line, &arena) else {
        panic!("it is a line")
    };
    let document = Json::read(&documents.first().unwrap().to_json());
    assert_eq!(document.text("source.ip"), Some(address));
    let Some(Json::Object(members)) = document.get("source") else {
        panic!("{address} has no source")
    };
    let looked_up = members
        .iter()
        .filter(|(name, _)| !matches!(&**name, "address" | "ip"));
    Json::Object(looked_up.cloned().collect())
}
