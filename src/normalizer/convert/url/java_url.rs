//! Reads a URL as `new java.net.URL(text)` does, which is the fallback: it splits, checks little
//! and decodes nothing. It follows JDK 22; older ones accept every host. `/./` and `/../` stay,
//! because Java removes them from relative URLs only.

use super::{Components, Server, cut, is_ipv6};

/// The protocols for which Java has a handler that reads the URL in the usual way.
const PROTOCOLS: [&str; 6] = ["https", "http", "ftp", "file", "jrt", "jmod"];

/// Returns `None` if Java throws a `MalformedURLException`.
pub(super) fn parse(text: &str) -> Option<Components<'_>> {
    let text = text.trim_matches(|character| character <= ' ');
    let text = match text.split_at_checked(4) {
        Some((prefix, rest)) if prefix.eq_ignore_ascii_case("url:") => rest,
        _ => text,
    };
    let (protocol, rest) = text.split_once(':')?;
    let protocol = PROTOCOLS
        .into_iter()
        .find(|known| protocol.eq_ignore_ascii_case(known))?;
    let (rest, fragment) = cut(rest, '#');
    let (rest, query) = cut(rest, '?');
    let (server, path) = server_and_path(rest)?;
    Some(Components {
        scheme: Some(protocol),
        server,
        path: Some(path),
        query,
        fragment,
    })
}

/// Reads `//authority/path`; four slashes begin a path.
fn server_and_path(text: &str) -> Option<(Server<'_>, &str)> {
    match text.strip_prefix("//") {
        Some(rest) if !rest.starts_with("//") => {
            let (authority, path) = rest.split_at_checked(rest.find('/').unwrap_or(rest.len()))?;
            Some((server(authority)?, path))
        }
        _ => Some((
            Server {
                host: Some(""),
                ..Server::default()
            },
            text,
        )),
    }
}

fn server(authority: &str) -> Option<Server<'_>> {
    let (user_info, address) = match authority.split_once('@') {
        Some((_, rest)) if rest.contains('@') => (None, ""),
        Some((user_info, address)) => (Some(user_info), address),
        None => (None, authority),
    };
    let host_end = match address.strip_prefix('[') {
        Some(inside) => inside.find(']')? + 2,
        None => address.find(':').unwrap_or(address.len()),
    };
    let (host, port) = address.split_at_checked(host_end)?;
    let legal = !authority.contains(is_refused_in_authority)
        && !user_info
            .unwrap_or_default()
            .contains(|character| is_refused_in_authority(character) || "[]".contains(character))
        && (is_ipv6_literal(host) || !host.contains(is_refused_in_host));
    legal.then_some(Server {
        user_info,
        host: Some(host),
        port: port_number(port)?,
    })
}

/// Reads a port as Java's `Integer.parseInt` does: it may have a sign, -1 means no port, and other
/// negatives are an error.
fn port_number(text: &str) -> Option<Option<u32>> {
    match text.strip_prefix(':') {
        None => text.is_empty().then_some(None),
        Some("") => Some(None),
        Some(digits) => match digits.parse::<i32>().ok()? {
            -1 => Some(None),
            port => u32::try_from(port).ok().map(Some),
        },
    }
}

fn is_ipv6_literal(host: &str) -> bool {
    let Some(inside) = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
    else {
        return false;
    };
    let (address, zone) = cut(inside, '%');
    let zone_is_legal = zone.is_none_or(|zone| {
        !zone.is_empty()
            && !zone.contains(|character| {
                is_refused_in_authority(character) || "[]".contains(character)
            })
    });
    zone_is_legal
        && address
            .split(':')
            .all(|group| group.len() <= 15 || !group.contains('.'))
        && is_ipv6(address)
}

fn is_refused_in_authority(character: char) -> bool {
    matches!(character, '\0'..='\x1F' | '\\' | '\x7F')
}

/// Returns whether a character would make a host ambiguous: some of ASCII, and characters that
/// resemble it or decompose into it.
fn is_refused_in_host(character: char) -> bool {
    is_refused_in_authority(character)
        || " \"<>[]^`{|}".contains(character)
        || "\u{2047}\u{2048}\u{2049}\u{2100}\u{2101}\u{2105}\u{2106}\u{2A74}".contains(character)
        || "\u{FE55}\u{FE56}\u{FE5F}\u{FE6B}\u{FF03}\u{FF0F}\u{FF1A}\u{FF1F}\u{FF20}"
            .contains(character)
}
