//! `url.*` as Elasticsearch's `uri_parts` processor takes it from a URL.
//!
//! The processor asks `java.net.URI`, and if that fails, `java.net.URL`. They differ in many points
//! (the first decodes, the second does not), so both are here, rule by rule.

mod java_uri;
mod java_url;

use std::borrow::Cow;

/// The parts of a URL, with the names of the processor. A part may be present and empty.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct UriParts<'a> {
    /// The part before the first colon
    pub scheme: Option<Cow<'a, str>>,
    /// The host, IPv6 in brackets. None if `java.net.URI` accepts the authority but sees no host in
    /// it (`my_host`)
    pub domain: Option<Cow<'a, str>>,
    /// The part from the first slash on; None in an opaque URI (`mailto:a@b`)
    pub path: Option<Cow<'a, str>>,
    /// The part between `?` and `#`
    pub query: Option<Cow<'a, str>>,
    /// The part after `#`
    pub fragment: Option<Cow<'a, str>>,
    /// The port, if there is one
    pub port: Option<u32>,
    /// The part after the last dot of the last segment of the path
    pub extension: Option<Cow<'a, str>>,
    /// The part before the `@` of the authority
    pub user_info: Option<Cow<'a, str>>,
    /// The part of `user_info` before its first colon; None if it has no colon
    pub username: Option<Cow<'a, str>>,
    /// The part of `user_info` after its first colon
    pub password: Option<Cow<'a, str>>,
}

/// Returns `url.*` as `uri_parts` does; `None` if the processor throws, so that the caller keeps
/// `url.full`.
///
/// Only decoded parts are copied. Two cases are left out because no such URLs occur here: the
/// fallback for `mailto:` and `jar:`, and non-ASCII digits in its ports.
#[must_use]
pub fn uri_parts(url: &str) -> Option<UriParts<'_>> {
    if let Some(components) = java_uri::parse(url) {
        return Some(components.into_parts(decode));
    }
    java_url::parse(url).map(|components| components.into_parts(Cow::Borrowed))
}

/// The parts into which both parsers cut a URL, without decoding.
#[derive(Default)]
struct Components<'a> {
    scheme: Option<&'a str>,
    server: Server<'a>,
    path: Option<&'a str>,
    query: Option<&'a str>,
    fragment: Option<&'a str>,
}

/// The authority of a URL. It has no parts if the URL has no authority, or if the authority is a
/// registry's name.
#[derive(Default)]
struct Server<'a> {
    user_info: Option<&'a str>,
    host: Option<&'a str>,
    port: Option<u32>,
}

impl<'a> Components<'a> {
    fn into_parts(self, decode: fn(&'a str) -> Cow<'a, str>) -> UriParts<'a> {
        let path = self.path.map(decode);
        let user_info = self.server.user_info.map(decode);
        UriParts {
            scheme: self.scheme.map(Cow::Borrowed),
            domain: self.server.host.map(Cow::Borrowed),
            query: self.query.map(decode),
            fragment: self.fragment.map(decode),
            port: self.server.port,
            extension: path.as_ref().and_then(|path| piece(path, extension)),
            username: user_info
                .as_ref()
                .and_then(|whole| piece(whole, |text| Some(text.split_once(':')?.0))),
            password: user_info
                .as_ref()
                .and_then(|whole| piece(whole, |text| Some(text.split_once(':')?.1))),
            path,
            user_info,
        }
    }
}

/// A part of a text, borrowed for as long as the text itself.
fn piece<'a>(whole: &Cow<'a, str>, cut: impl FnOnce(&str) -> Option<&str>) -> Option<Cow<'a, str>> {
    match *whole {
        Cow::Borrowed(text) => cut(text).map(Cow::Borrowed),
        Cow::Owned(ref text) => cut(text).map(|piece| Cow::Owned(piece.to_owned())),
    }
}

fn extension(path: &str) -> Option<&str> {
    let (_, file) = path.rsplit_once('/')?;
    Some(file.rsplit_once('.')?.1)
}

/// Decodes `%XX` to characters. Bytes that are not UTF-8 become U+FFFD, as many as Java writes.
fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let bytes: Vec<u8> = percent_encoding::percent_decode_str(text).collect();
    Cow::Owned(String::from_utf8(bytes).unwrap_or_else(|malformed| java_utf8(malformed.as_bytes())))
}

/// Java replaces malformed bytes as Rust does, except for an encoded surrogate (`ED A0..BF
/// 80..BF`): it becomes a single U+FFFD.
fn java_utf8(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    let mut surrogate_bytes = 0;
    for chunk in bytes.utf8_chunks() {
        if !chunk.valid().is_empty() {
            text.push_str(chunk.valid());
            surrogate_bytes = 0;
        }
        match (surrogate_bytes, chunk.invalid()) {
            (_, []) => {}
            (1, [0xA0..=0xBF]) => surrogate_bytes = 2,
            (2, [0x80..=0xBF]) => surrogate_bytes = 0,
            (_, malformed) => {
                text.push(char::REPLACEMENT_CHARACTER);
                surrogate_bytes = u8::from(malformed == [0xED]);
            }
        }
    }
    text
}

fn cut(text: &str, delimiter: char) -> (&str, Option<&str>) {
    text.split_once(delimiter)
        .map_or((text, None), |(before, after)| (before, Some(after)))
}

/// Java's two parsers of an IPv6 address agree except for leading zeros. This function accepts any
/// number of them, and the callers bound them.
fn is_ipv6(address: &str) -> bool {
    let without_leading_zeros = |group| {
        let significant = str::trim_start_matches(group, '0');
        let is_zero = significant.len() < group.len()
            && !significant.starts_with(|next: char| next.is_ascii_hexdigit());
        [if is_zero { "0" } else { "" }, significant]
    };
    let plain: String = address
        .split_inclusive([':', '.'])
        .flat_map(without_leading_zeros)
        .collect();
    plain.parse::<std::net::Ipv6Addr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `scheme|user_info|domain|port|path|query|fragment`, `-` for what is absent.
    fn check(url: &str, expected: &str) {
        let told = uri_parts(url).map_or("throws".to_owned(), |parts| {
            let port = parts.port.map(|port| port.to_string().into());
            [
                parts.scheme,
                parts.user_info,
                parts.domain,
                port,
                parts.path,
                parts.query,
                parts.fragment,
            ]
            .map(|part| part.unwrap_or("-".into()))
            .join("|")
        });
        assert_eq!(told, expected, "{url}");
    }

    #[test]
    fn java_net_uri_decodes() {
        check(
            "https://api.example.com/test/pets",
            "https|-|api.example.com|-|/test/pets|-|-",
        );
        check("https://a.b:8443/x?y=%26#z", "https|-|a.b|8443|/x|y=&|z");
        check("https://a/%7BpetId%7D", "https|-|a|-|/{petId}|-|-");
        check("https://a/%2F%E2%82%AC?[%41]", "https|-|a|-|//€|[A]|-");
        check(
            "https://a/%FF%E2%82x%ED%A0%80%C0",
            "https|-|a|-|/\u{FFFD}\u{FFFD}x\u{FFFD}\u{FFFD}|-|-",
        );
        check("https://a/ü?é#\u{1F600}", "https|-|a|-|/ü|é|\u{1F600}");
        check("https://us%3Aer:p%40@a/", "https|us:er:p@|a|-|/|-|-");
        check("https://a", "https|-|a|-||-|-");
        check("/only/a/path", "-|-|-|-|/only/a/path|-|-");
        check("mailto:a@b", "mailto|-|-|-|-|-|-");
    }

    #[test]
    fn java_net_uri_knows_hosts() {
        check(
            "https://[fe80::1%25eth0]:1/",
            "https|-|[fe80::1%25eth0]|1|/|-|-",
        );
        check("https://0001.2.3.255:/", "https|-|0001.2.3.255|-|/|-|-");
        check("https://a-b.c./", "https|-|a-b.c.|-|/|-|-");
        for registry in [
            "my_host",
            "a-",
            "-",
            "a..b",
            "1.2.3.256",
            "a.1b",
            "a:x",
            "a:2147483648",
            "ü.example",
            "a@b@c",
        ] {
            check(&format!("https://{registry}/x"), "https|-|-|-|/x|-|-");
        }
        check("https:///x", "https|-|-|-|/x|-|-");
    }

    #[test]
    fn java_net_url_takes_what_java_net_uri_refuses() {
        check("https://", "https|-||-||-|-");
        check("https://a/x y", "https|-|a|-|/x y|-|-");
        check("https://a_b/{x}/./%7B?{#^", "https|-|a_b|-|/{x}/./%7B|{|^");
        check("https://a/%zz", "https|-|a|-|/%zz|-|-");
        check(" HTTPS://u:p@a:+80/\\ ", "https|u:p|a|80|/\\|-|-");
        check("url:https://a:-1/ x", "https|-|a|-|/ x|-|-");
        check("https://a@b@c:1/ x", "https|-||-|/ x|-|-");
        check("https://[::1]:2/ x", "https|-|[::1]|2|/ x|-|-");
        check("https:////a/ x", "https|-||-|////a/ x|-|-");
    }

    #[test]
    fn some_urls_are_refused_by_both() {
        for url in [
            "https://a b/",
            "https://a\"b/",
            "https://a:b/ x",
            "https://a:-2/ x",
            "https://a:2147483648/ x",
        ] {
            check(url, "throws");
        }
        for url in [
            "",
            " ",
            ":",
            "a b",
            "nope://a b",
            "https://[1::2::3]/",
            "https://[::1]x/",
            "https://\u{FF0F}/ x",
            "https://[/",
        ] {
            check(
                url,
                if url.is_empty() {
                    "-|-|-|-||-|-"
                } else {
                    "throws"
                },
            );
        }
    }

    #[test]
    fn the_last_segment_has_the_extension() {
        for (path, expected) in [
            ("/a.tar.gz", Some("gz")),
            ("/v1.2/users", None),
            ("/.", Some("")),
            ("/a%2Ejson", Some("json")),
            ("/a.b%2Fc", None),
            ("", None),
        ] {
            let url = format!("https://a{path}");
            assert_eq!(
                uri_parts(&url).unwrap().extension.as_deref(),
                expected,
                "{path}"
            );
        }
    }

    #[test]
    fn user_names_end_at_the_first_colon() {
        for (user_info, expected) in [
            ("u:p:q", (Some("u"), Some("p:q"))),
            ("u", (None, None)),
            (":", (Some(""), Some(""))),
            ("%75:%3A", (Some("u"), Some(":"))),
        ] {
            let url = format!("https://{user_info}@a/");
            let parts = uri_parts(&url).unwrap();
            assert_eq!(
                (parts.username.as_deref(), parts.password.as_deref()),
                expected,
                "{user_info}"
            );
        }
    }

    #[test]
    fn only_what_is_decoded_is_copied() {
        let parts = uri_parts("https://u:p@a/b.c?%41#d").unwrap();
        assert!(matches!(parts.query, Some(Cow::Owned(_))));
        for part in [
            parts.path,
            parts.extension,
            parts.username,
            parts.password,
            parts.fragment,
            parts.domain,
        ] {
            assert!(matches!(part, Some(Cow::Borrowed(_))), "{part:?}");
        }
    }
}
