"""Writes the made-up databases of tests/it/fixtures/geoip, and the answers of MaxMind's own reader.

    python3 -m venv target/geoip && target/geoip/bin/pip install maxminddb==3.2.0 mmdb_writer==0.2.7
    target/geoip/bin/python tests/it/oracles/geoip.py
"""

import ipaddress
import json
import pathlib
import random
import struct
import unittest.mock

import maxminddb
from mmdb_writer import MMDBWriter, MmdbF32, MmdbI32, MmdbU16, MmdbU64
from netaddr import IPSet

FIXTURES = pathlib.Path(__file__).parent.parent / "fixtures" / "geoip"
LANGUAGES = ["en", "de", "ja"]

EUROPE = {"code": "EU", "geoname_id": 6255148, "names": {"en": "Europe", "de": "Europa", "ja": "ヨーロッパ"}}
AMERICA = {"code": "NA", "geoname_id": 6255149, "names": {"en": "North America", "de": "Nordamerika"}}
GERMANY = {"geoname_id": 2921044, "is_in_european_union": True, "iso_code": "DE", "names": {"en": "Germany", "de": "Deutschland"}}
STATES = {"geoname_id": 6252001, "is_in_european_union": False, "iso_code": "US", "names": {"en": "United States", "de": "USA"}}


def english(name):
    return {"names": {"en": name}}


def dbip_city():
    def place(continent, country, region, city, latitude, longitude):
        location = {"latitude": MmdbF32(latitude), "longitude": MmdbF32(longitude)}
        return {"city": english(city), "continent": continent, "country": country, "location": location, "subdivisions": [english(region)]}

    return {
        "192.0.2.0/25": place(EUROPE, GERMANY, "Saxony", "Dresden (Altstadt)", 51.0504, 13.7373),
        "192.0.2.128/26": place(AMERICA, STATES, "California", "Mountain View", 37.4223, -122.085),
        "192.0.2.200/32": {"continent": {"code": "ZZ"}, "country": {"iso_code": "ZZ"}},
        "2001:db8:1::/48": place(EUROPE, GERMANY, "Land Berlin", "Berlin (Mitte)", 52.52, 13.405),
        "2001:db8:2::/48": {"continent": EUROPE, "country": GERMANY},
    }


def dbip_country():
    return {
        "192.0.2.0/24": {"continent": EUROPE, "country": GERMANY},
        "2001:db8::/32": {"continent": AMERICA, "country": STATES},
    }


def dbip_asn():
    def network(number, organization):
        return {"autonomous_system_number": number, "autonomous_system_organization": organization}

    return {
        "192.0.2.0/24": network(64496, "Documentation Networks"),
        "198.51.100.0/24": {"autonomous_system_number": 64497},
        "2001:db8::/32": network(4200000001, "Größere Netze"),
    }


def ip2location_city():
    def place(continent, country, code, region, city, latitude, longitude, zone):
        subdivision = {"iso_code": code, "names": {"en": region}}
        return {
            "city": english(city),
            "continent": continent,
            "country": country,
            "location": {"latitude": latitude, "longitude": longitude, "time_zone": zone},
            "postal": {"code": "01067"},
            "registered_country": country,
            "subdivisions": [subdivision],
        }

    return {
        "203.0.113.0/25": place(EUROPE, GERMANY, "SN", "Sachsen", "Dresden", 51.05089, 13.73832, "+02:00"),
        "203.0.113.128/25": place(AMERICA, STATES, "CA", "California", "Mountain View", 37.38605, -122.08385, "-07:00"),
        "2001:db8:3::/48": place(EUROPE, GERMANY, "BE", "Berlin", "Berlin", 52.52437, 13.41053, "+02:00"),
    }


def ip2location_asn():
    return {
        "203.0.113.0/24": {"autonomous_system_number": 64498, "autonomous_system_organization": "Example Carrier"},
        "2001:db8:3::/48": {"autonomous_system_number": 64499, "autonomous_system_organization": "Example Hosting"},
    }


def odd_numbers():
    return {
        "192.0.2.0/26": {"autonomous_system_number": MmdbU16(64500), "autonomous_system_organization": "Sixteen"},
        "192.0.2.64/26": {"autonomous_system_number": MmdbU64(4200000002), "autonomous_system_organization": "Sixty-four"},
        "192.0.2.128/26": {"autonomous_system_number": MmdbI32(64501), "autonomous_system_organization": "Signed"},
    }


def odd_types():
    return {
        "192.0.2.0/25": {
            "city": {"geoname_id": "2935022", "names": {"en": "Dresden", "de": ["Dresden"]}},
            "country": {"iso_code": "DE", "names": {"en": "Germany"}, "is_in_european_union": "yes"},
            "location": {"latitude": MmdbI32(51), "longitude": MmdbI32(-13), "accuracy_radius": 100000, "metro_code": "none"},
            "subdivisions": [],
            "traits": "none",
        },
        "192.0.2.128/25": {
            "country": {"names": {"en": "Germany"}},
            "location": {"latitude": 51.5},
            "subdivisions": [{"iso_code": "SN", "names": {"en": "Saxony"}}, {"iso_code": "12"}],
        },
    }


def ipinfo():
    def record(asn, name, country, code):
        return {"as_domain": "example.com", "as_name": name, "asn": asn, "continent": "Europe", "continent_code": "EU", "country": country, "country_code": code}

    return {
        "192.0.2.0/24": record("AS64496", "Documentation Networks", "Germany", "DE"),
        "2001:db8::/32": record("AS64497", "Example", "France", "FR"),
    }


ANYWHERE = ["0.0.0.0", "127.0.0.1", "255.255.255.255", "::", "::1", "ffff::", "::ffff:81.2.69.142", "::ffff:192.0.2.1", "::ffff:12.81.92.0"]

MADE_UP = {
    "dbip-city-lite": ("DBIP-City-Lite", dbip_city()),
    "dbip-country-lite": ("DBIP-Country-Lite", dbip_country()),
    "dbip-asn-lite": ("DBIP-ASN-Lite (compat=GeoLite2-ASN)", dbip_asn()),
    "ip2location-lite-db11": ("GeoLite2-City", ip2location_city()),
    "ip2location-lite-asn": ("GeoLite2-ASN", ip2location_asn()),
    "odd-numbers": ("ASN", odd_numbers()),
    "odd-types": ("City", odd_types()),
    "ipinfo-lite": ("ipinfo ipinfo_lite.mmdb", ipinfo()),
    "domain": ("GeoIP2-Domain", {"192.0.2.0/24": {"domain": "example.com"}}),
    "empty": ("GeoLite2-City", {}),
}
CITIES = ["GeoIP2-City-Test", "dbip-city-lite", "dbip-country-lite", "ip2location-lite-db11", "odd-types"]
NETWORKS = ["GeoLite2-ASN-Test", "dbip-asn-lite", "ip2location-lite-asn", "odd-numbers"]


def write(name, database_type, records):
    description = dict.fromkeys(LANGUAGES, "made up for tests")
    writer = MMDBWriter(6, database_type, LANGUAGES, description, ipv4_compatible=True, int_type="u32", float_type="f64")
    for network, record in records.items():
        writer.insert_network(IPSet([network]), record)
    # The same bytes each time.
    with unittest.mock.patch("mmdb_writer.time.time", return_value=1_772_323_200):
        writer.to_db_file(str(FIXTURES / f"{name}.mmdb"))


def addresses(reader, count):
    """Returns the ends of every network, their neighbours, and addresses inside and outside."""
    chance = random.Random(1)
    found = {ipaddress.ip_address(text) for text in ANYWHERE}
    for network, _ in reader:
        first, last = int(network[0]), int(network[-1])
        kind = ipaddress.IPv4Address if network.version == 4 else ipaddress.IPv6Address
        top = 2 ** network.max_prefixlen - 1
        near = {first, last, max(first - 1, 0), min(last + 1, top), chance.randint(first, last)}
        found |= {kind(number) for number in near}
    while len(found) < count:
        found.add(ipaddress.IPv4Address(chance.randrange(2**32)))
    return sorted(found, key=lambda address: (address.version, address))


def shortest(number):
    """Returns a 32-bit float in as many digits as it needs, and a 64-bit float unchanged."""
    for digits in range(1, 10):
        candidate = float(f"{number:.{digits}g}")
        if struct.pack("f", candidate) == struct.pack("f", number):
            return candidate
    return number


def number(value, is_short):
    return shortest(value) if is_short else float(value)


def name(part):
    return part.get("names", {}).get("en")


def city_properties(record, is_short):
    """The properties of a City database, by the documentation of the geoip processor:

    https://www.elastic.co/docs/reference/enrich-processor/geoip-processor
    """
    country, region = record.get("country", {}), (record.get("subdivisions") or [{}])[-1]
    location = record.get("location", {})
    geo = {
        "city_name": name(record.get("city", {})),
        "continent_name": name(record.get("continent", {})),
        "country_iso_code": country.get("iso_code"),
        "country_name": name(country),
        "region_iso_code": f"{country['iso_code']}-{region['iso_code']}" if "iso_code" in country and "iso_code" in region else None,
        "region_name": name(region),
    }
    if "latitude" in location and "longitude" in location:
        geo["location"] = {"lat": number(location["latitude"], is_short), "lon": number(location["longitude"], is_short)}
    return {key: value for key, value in geo.items() if value is not None}


def network_properties(record):
    properties = {"number": record.get("autonomous_system_number")}
    if "autonomous_system_organization" in record:
        properties["organization"] = {"name": record["autonomous_system_organization"]}
    return properties


def answers(database):
    reader = maxminddb.open_database(str(FIXTURES / f"{database}.mmdb"))
    grouped = {}
    for address in addresses(reader, 1200 if database in ("GeoIP2-City-Test", "GeoLite2-ASN-Test") else 40):
        # Java turns an IPv4 address that is written as IPv6 into the IPv4 address.
        record = reader.get(str(getattr(address, "ipv4_mapped", None) or address)) or {}
        if database in CITIES:
            source = {"geo": city_properties(record, database == "dbip-city-lite")}
        else:
            source = {"as": network_properties(record) if record else {}}
        source = {key: value for key, value in source.items() if value}
        grouped.setdefault(json.dumps(source, ensure_ascii=False, sort_keys=True), []).append(str(address))
    for source, texts in grouped.items():
        yield {"database": database, "source": json.loads(source), "addresses": texts}


def main():
    for file, (database_type, records) in MADE_UP.items():
        write(file, database_type, records)
    with open(FIXTURES / "answers.ndjson", "w", encoding="utf-8") as file:
        for database in CITIES + NETWORKS:
            for answer in answers(database):
                file.write(json.dumps(answer, ensure_ascii=False, separators=(",", ":")) + "\n")


main()
