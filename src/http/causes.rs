//! The causes of failed requests, in sentences with a remedy.
//!
//! The client's own error texts are not kept: they would name the URL, which may hold credentials.
//! A sentence names host and port.

use std::borrow::Cow;
use std::error::Error;
use std::io::{self, ErrorKind};

use jiff::Timestamp;
use reqwest::Url;
use rustls::pki_types::{InvalidDnsNameError, UnixTime};
use rustls::{AlertDescription, CertificateError as Certificate, Error as Tls, PeerIncompatible};

use super::Trust;
use super::tls::NoSuchFingerprint;
use crate::printable::printable;
use crate::server::{ConnectionProblem, HostPort, TransportError};

/// A cause and its remedy.
type Cause = (Cow<'static, str>, &'static str);

/// Says why a request has no response. `reused` says whether its connection may have served a
/// request before.
pub(crate) fn transport_error(
    error: &reqwest::Error,
    trust: &Trust,
    reused: bool,
) -> TransportError {
    let server = error.url().map(host_and_port).unwrap_or_default();
    let problem = |(cause, remedy): Cause| ConnectionProblem {
        server: server.clone(),
        cause,
        remedy,
    };
    let tls = chain(error).find_map(|error| error.downcast_ref::<Tls>());
    if let Some(Tls::InvalidCertificate(certificate)) = tls {
        return TransportError::Certificate(problem(certificate_cause(certificate, trust)));
    }
    // A server that wants a client certificate says so after the handshake. On an old connection,
    // an alert only says that it ends.
    if let Some(tls) = tls
        && (error.is_connect() || !reused)
    {
        return TransportError::Connect(problem(handshake_cause(tls)));
    }
    if error.is_connect() {
        return TransportError::Connect(problem(connection_cause(error)));
    }
    if error.is_timeout() {
        return TransportError::Timeout(server);
    }
    let is_clear = error.url().is_some_and(|url| url.scheme() == "http");
    let is_http = !chain(error).any(is_no_http);
    TransportError::Closed {
        reused,
        problem: problem(closed_cause(is_clear, is_http)),
    }
}

/// Says that a server expects TLS.
pub(crate) fn expects_tls(url: &Url) -> TransportError {
    TransportError::Connect(ConnectionProblem {
        server: host_and_port(url),
        cause: "it speaks TLS".into(),
        remedy: "let ELASTICSEARCH_URL begin with https://",
    })
}

/// Returns host and port of a URL.
pub(crate) fn host_and_port(url: &Url) -> HostPort {
    let host = url.host_str().unwrap_or_default();
    HostPort::new(match url.port_or_known_default() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    })
}

fn certificate_cause(problem: &Certificate, trust: &Trust) -> Cause {
    match problem {
        Certificate::ExpiredContext { not_after, .. } => (
            format!("expired on {}", date(*not_after)).into(),
            "renew it, or check the clock here",
        ),
        Certificate::Expired => ("has expired".into(), "renew it, or check the clock here"),
        Certificate::NotValidYetContext { not_before, .. } => (
            format!("is not valid before {}", date(*not_before)).into(),
            "check the clock here",
        ),
        Certificate::NotValidYet => ("is not valid yet".into(), "check the clock here"),
        Certificate::NotValidForNameContext { presented, .. } if presented.is_empty() => (
            "names no host, for it has no subjectAltName".into(),
            "make one whose subjectAltName is the host in ELASTICSEARCH_URL",
        ),
        Certificate::NotValidForNameContext { presented, .. } => (
            format!("is for another host: {}", names(presented)).into(),
            "use a name of the certificate in ELASTICSEARCH_URL, or make one for this host",
        ),
        Certificate::NotValidForName => (
            "is for another host".into(),
            "use a name of the certificate in ELASTICSEARCH_URL, or make one for this host",
        ),
        Certificate::InvalidPurpose | Certificate::InvalidPurposeContext { .. } => (
            "is not meant for a server, but for instance for a client".into(),
            "make one whose extended key usage has serverAuth",
        ),
        Certificate::UnknownIssuer => unknown_issuer(trust),
        Certificate::Other(other) if other.0.is::<NoSuchFingerprint>() => (
            "is not signed by the authority of ELASTICSEARCH_CA_FINGERPRINT: no certificate that the server \
             sends has that fingerprint"
                .into(),
            "correct the fingerprint, or let the server send its authority's certificate along, or set \
             ELASTICSEARCH_CA_FILE instead",
        ),
        Certificate::Other(other) => match other.0.to_string().as_str() {
            "CaUsedAsEndEntity" => (
                "is that of an authority (CA:TRUE), which cannot be a server's as well".into(),
                "make a certificate for the server, signed by that authority",
            ),
            "UnsupportedCertVersion" => (
                "is of version 1, which names no host".into(),
                "make one of version 3, whose subjectAltName is the host in ELASTICSEARCH_URL",
            ),
            _ => NOT_ACCEPTED,
        },
        _ => NOT_ACCEPTED,
    }
}

const NOT_ACCEPTED: Cause = (
    Cow::Borrowed("is not accepted"),
    "look at it with `openssl s_client -connect HOST:PORT -showcerts`, and make another",
);

fn unknown_issuer(trust: &Trust) -> Cause {
    match trust {
        Trust::PublicAuthorities => (
            "is signed by an authority that is not trusted".into(),
            "set ELASTICSEARCH_CA_FILE to that authority's certificate, or ELASTICSEARCH_CA_FINGERPRINT to its \
             fingerprint",
        ),
        Trust::AuthorityFile(_) => (
            "is signed by none of the authorities in ELASTICSEARCH_CA_FILE".into(),
            "put the certificate of the server's authority there",
        ),
        Trust::AuthorityFingerprint(_) => (
            "is not signed by the authority of ELASTICSEARCH_CA_FINGERPRINT".into(),
            "give the fingerprint of the authority's certificate, not that of the server's",
        ),
    }
}

/// Returns the names in a certificate. rustls writes them as `DnsName("example.com")`.
fn names(presented: &[String]) -> String {
    const LONGEST: usize = 200;
    let bare = |name: &String| {
        let inner = name.split_once('(').map_or(name.as_str(), |(_, rest)| rest);
        inner.trim_matches(['(', ')', '"']).to_owned()
    };
    let names: Vec<_> = presented.iter().map(bare).collect();
    printable(&names.join(", "), LONGEST).to_string()
}

fn date(time: UnixTime) -> String {
    let second = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    Timestamp::from_second(second).map_or_else(
        |_| "an unknown day".to_owned(),
        |time| time.strftime("%Y-%m-%d").to_string(),
    )
}

fn handshake_cause(error: &Tls) -> Cause {
    match error {
        Tls::InvalidMessage(_) => (
            "it does not speak TLS".into(),
            "let ELASTICSEARCH_URL begin with http://, or check the port",
        ),
        Tls::PeerIncompatible(PeerIncompatible::ServerDoesNotSupportTls12Or13)
        | Tls::AlertReceived(AlertDescription::ProtocolVersion) => (
            "it speaks neither TLS 1.2 nor TLS 1.3".into(),
            "turn one of them on there",
        ),
        Tls::AlertReceived(AlertDescription::CertificateRequired) => (
            "it wants a client certificate, and apigw-logs has none".into(),
            "let it accept clients without one",
        ),
        Tls::AlertReceived(AlertDescription::UnrecognisedName) => (
            "it knows no host of that name".into(),
            "use the name in its certificate in ELASTICSEARCH_URL",
        ),
        Tls::AlertReceived(AlertDescription::HandshakeFailure) | Tls::PeerIncompatible(_) => (
            "TLS failed, for it shares no cipher suite or curve with apigw-logs, or wants a client certificate"
                .into(),
            "compare with `openssl s_client -connect HOST:PORT`, and change its TLS settings",
        ),
        _ => (
            "the TLS handshake failed".into(),
            "look at it with `openssl s_client -connect HOST:PORT`, and at the server's log",
        ),
    }
}

fn connection_cause(error: &reqwest::Error) -> Cause {
    if error.is_timeout() {
        return NOT_ACCEPTED_IN_TIME;
    }
    let is_unknown = |error: &(dyn Error + 'static)| {
        error.is::<InvalidDnsNameError>() || error.to_string().starts_with("dns error")
    };
    if chain(error).any(is_unknown) {
        return (
            "this host name is not known here".into(),
            "check its spelling in ELASTICSEARCH_URL, and the DNS of this network",
        );
    }
    let kinds = chain(error).filter_map(|error| error.downcast_ref::<io::Error>());
    let is_tls = error.url().is_some_and(|url| url.scheme() == "https");
    io_cause(kinds.map(io::Error::kind).last(), is_tls)
}

const NOT_ACCEPTED_IN_TIME: Cause = (
    Cow::Borrowed("it did not accept one in time"),
    "check host, port and firewall (in AWS: security groups and routes), or raise CONNECT_TIMEOUT_MS",
);

/// Returns the cause behind the operating system's error.
fn io_cause(kind: Option<ErrorKind>, is_tls: bool) -> Cause {
    match kind {
        Some(ErrorKind::ConnectionRefused) => (
            "nothing listens there".into(),
            "check host and port, and that the server runs",
        ),
        Some(ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable) => (
            "no route leads there".into(),
            "check the host, and this machine's network (in AWS: subnets and routes)",
        ),
        Some(ErrorKind::TimedOut) => NOT_ACCEPTED_IN_TIME,
        Some(
            ErrorKind::UnexpectedEof
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::BrokenPipe,
        ) if is_tls => (
            "it was closed during the TLS handshake".into(),
            "check the port, and that TLS is spoken there and not plain http://",
        ),
        _ => (
            "the network refuses it".into(),
            "check ELASTICSEARCH_URL and the network",
        ),
    }
}

fn closed_cause(is_clear: bool, is_http: bool) -> Cause {
    let cause = if is_http {
        "closed the connection before the answer"
    } else {
        "does not answer in HTTP"
    };
    let remedy = match (is_clear, is_http) {
        (true, true) => {
            "if it speaks TLS, let ELASTICSEARCH_URL begin with https://, else look at the server's log"
        }
        (true, false) => {
            "if it speaks TLS, let ELASTICSEARCH_URL begin with https://, else check the port"
        }
        (false, true) => "look at the server's log, and at what is between here and there",
        (false, false) => "check the port in ELASTICSEARCH_URL",
    };
    (cause.into(), remedy)
}

/// Returns whether the client has read something other than HTTP. Servers of other protocols may
/// send before they are asked.
fn is_no_http(error: &(dyn Error + 'static)) -> bool {
    let text = error.to_string();
    text.starts_with("invalid HTTP") || text.starts_with("received unexpected message")
}

/// Returns the causes of an error, outermost first. An I/O error may wrap another error, which
/// `source` would skip.
fn chain(error: &reqwest::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    let mut next = error.source();
    std::iter::from_fn(move || {
        let cause = next?;
        next = match cause
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref)
        {
            Some(wrapped) => Some(wrapped),
            None => cause.source(),
        };
        Some(cause)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tests with sockets are in `tests/it/connections.rs`. These errors do not come from the
    /// loopback.
    #[test]
    fn errors_of_the_network() {
        for (kind, expected) in [
            (ErrorKind::HostUnreachable, "no route"),
            (ErrorKind::NetworkUnreachable, "no route"),
            (ErrorKind::TimedOut, "in time"),
            (ErrorKind::PermissionDenied, "the network refuses it"),
        ] {
            for is_tls in [false, true] {
                let (cause, remedy) = io_cause(Some(kind), is_tls);
                assert!(cause.contains(expected), "{kind}: {cause}");
                assert!(remedy.starts_with("check"), "{kind}: {remedy}");
            }
        }
    }

    #[test]
    fn a_url_is_reduced_to_host_and_port() {
        for (url, expected) in [
            (
                "https://user:secret@es.example.com/path?key=secret",
                "es.example.com:443",
            ),
            ("http://[::1]:9200", "[::1]:9200"),
            ("http://es", "es:80"),
        ] {
            assert_eq!(host_and_port(&url.parse().unwrap()).to_string(), expected);
        }
    }

    #[test]
    fn names_of_a_certificate() {
        let presented = [
            "DnsName(\"*.example.com\")",
            "IpAddress(192.0.2.1)",
            "odd\u{1b}[2J",
        ];
        let presented = presented.map(str::to_owned);
        assert_eq!(names(&presented), "*.example.com, 192.0.2.1, odd\\u{1b}[2J");
    }
}
