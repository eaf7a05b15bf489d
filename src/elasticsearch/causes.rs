//! The causes of failed connections, as sentences with a remedy.
//!
//! The client's own error texts are not kept: they would name the URL, which may hold credentials.

use std::error::Error;
use std::io::{self, ErrorKind};

use rustls::CertificateError as Certificate;

/// Returns the problem with the server's certificate; `None` if the error has another cause.
pub(super) fn certificate(error: &reqwest::Error) -> Option<&'static str> {
    let problem = chain(error).find_map(|error| match find_rustls(error) {
        Some(rustls::Error::InvalidCertificate(problem)) => Some(problem),
        _ => None,
    })?;
    Some(match problem {
        Certificate::Expired | Certificate::ExpiredContext { .. } => {
            "has expired: renew it, or check the clock"
        }
        Certificate::NotValidYet | Certificate::NotValidYetContext { .. } => {
            "is not valid yet: check the clock"
        }
        Certificate::NotValidForName | Certificate::NotValidForNameContext { .. } => {
            "is for another name than the one in ELASTICSEARCH_URL: use the certificate's name there"
        }
        Certificate::InvalidPurpose | Certificate::InvalidPurposeContext { .. } => {
            "is not meant for a server: make one with the extended key usage serverAuth"
        }
        Certificate::UnknownIssuer => {
            "is signed by an authority that is not trusted: set ELASTICSEARCH_CA_FILE to that authority's \
             certificate, or ELASTICSEARCH_CA_FINGERPRINT, for which the server must send the authority's along"
        }
        Certificate::Other(_) => {
            "is not a server's certificate but, for instance, an authority's: make one for the server"
        }
        _ => "is not accepted: look at it with `openssl s_client -connect HOST:PORT -showcerts`",
    })
}

/// Returns the reason why there is no connection.
pub(super) fn connection(error: &reqwest::Error) -> &'static str {
    if error.is_timeout() {
        return "the host did not answer in time: check host, port and firewall";
    }
    if chain(error).any(|error| error.to_string().starts_with("dns error")) {
        return "there is no such host name: check ELASTICSEARCH_URL";
    }
    let tls = chain(error).find_map(find_rustls);
    if matches!(tls, Some(rustls::Error::InvalidMessage(_))) {
        return "the server does not speak TLS: should ELASTICSEARCH_URL begin with http://?";
    }
    if tls.is_some() {
        return "the TLS handshake failed: the server supports neither TLS 1.2 nor 1.3, or wants a client certificate";
    }
    let kinds = chain(error).filter_map(|error| error.downcast_ref::<io::Error>());
    match kinds.map(io::Error::kind).last() {
        Some(ErrorKind::ConnectionRefused) => "nothing listens there: check host and port",
        Some(ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset) => {
            "the server closed it during the TLS handshake: check the port, and whether it speaks TLS"
        }
        _ => "check ELASTICSEARCH_URL and the network",
    }
}

/// Returns the causes of an error, outermost first.
fn chain(error: &reqwest::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    let mut next = error.source();
    std::iter::from_fn(move || {
        let cause = next?;
        next = cause.source();
        Some(cause)
    })
}

/// Returns the TLS error inside an error. It may be wrapped in two I/O errors, and `source` would
/// skip the inner one.
fn find_rustls<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e rustls::Error> {
    match error.downcast_ref::<io::Error>() {
        Some(error) => find_rustls(error.get_ref()?),
        None => error.downcast_ref(),
    }
}
