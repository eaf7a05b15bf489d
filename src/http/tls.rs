//! TLS: rustls with ring, and three ways to decide whom to trust.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, OtherError, RootCertStore,
    SignatureScheme,
};

use super::{ClientError, Trust};

/// The SHA-256 fingerprint of a certificate.
#[derive(Clone, PartialEq, Eq)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// Parses 64 hexadecimal digits, with or without colons.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits: Vec<u8> = text.bytes().filter(|byte| *byte != b':').collect();
        let mut fingerprint = [0; 32];
        if digits.len() != 2 * fingerprint.len() {
            return None;
        }
        for (byte, pair) in fingerprint.iter_mut().zip(digits.chunks_exact(2)) {
            let pair = std::str::from_utf8(pair)
                .ok()
                .filter(|pair| !pair.starts_with('+'))?;
            *byte = u8::from_str_radix(pair, 16).ok()?;
        }
        Some(Self(fingerprint))
    }

    fn is_of(&self, certificate: &CertificateDer<'_>) -> bool {
        ::ring::digest::digest(&::ring::digest::SHA256, certificate).as_ref() == self.0
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

/// Makes the TLS settings of the client.
pub(super) fn client_config(trust: &Trust) -> Result<ClientConfig, ClientError> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| ClientError::Client(error.to_string()))?;
    Ok(match trust {
        Trust::PublicAuthorities => {
            let roots = RootCertStore {
                roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
            };
            builder.with_root_certificates(roots).with_no_client_auth()
        }
        Trust::AuthorityFile(path) => builder
            .with_root_certificates(authorities(path)?)
            .with_no_client_auth(),
        Trust::AuthorityFingerprint(fingerprint) => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(FingerprintVerifier {
                fingerprint: fingerprint.clone(),
                provider,
            }))
            .with_no_client_auth(),
    })
}

fn authorities(path: &Path) -> Result<RootCertStore, ClientError> {
    let wrong = |reason: String| ClientError::AuthorityFile {
        path: path.to_owned(),
        reason,
    };
    let mut roots = RootCertStore::empty();
    for certificate in
        CertificateDer::pem_file_iter(path).map_err(|error| wrong(pem_problem(&error)))?
    {
        let certificate = certificate.map_err(|error| wrong(pem_problem(&error)))?;
        roots
            .add(certificate)
            .map_err(|error| wrong(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(wrong(
            "it holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)".to_owned(),
        ));
    }
    Ok(roots)
}

fn pem_problem(error: &rustls::pki_types::pem::Error) -> String {
    match error {
        rustls::pki_types::pem::Error::Io(error) => format!("it cannot be read: {error}"),
        _ => "it is not a PEM file".to_owned(),
    }
}

/// The server sends no certificate with the fingerprint.
#[derive(Debug, thiserror::Error)]
#[error("no certificate has the fingerprint")]
pub(super) struct NoSuchFingerprint;

/// Trusts the one authority that has the fingerprint and whose certificate the server sends along.
/// Everything else is verified as usual: the chain, the dates and the host name.
#[derive(Debug)]
struct FingerprintVerifier {
    fingerprint: Fingerprint,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for FingerprintVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let mut sent = std::iter::once(end_entity).chain(intermediates);
        let authority = sent.find(|certificate| self.fingerprint.is_of(certificate));
        let authority = authority
            .ok_or_else(|| CertificateError::Other(OtherError(Arc::new(NoSuchFingerprint))))?;
        let mut roots = RootCertStore::empty();
        roots.add(authority.clone().into_owned())?;
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&self.provider))
            .build()
            .map_err(|error| rustls::Error::General(error.to_string()))?
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints() {
        let plain = "0123456789abcdef".repeat(4);
        let colons: Vec<_> = plain
            .as_bytes()
            .chunks(2)
            .map(|pair| String::from_utf8_lossy(pair).to_uppercase())
            .collect();
        assert_eq!(
            Fingerprint::parse(&plain),
            Fingerprint::parse(&colons.join(":"))
        );
        assert_eq!(format!("{:?}", Fingerprint::parse(&plain).unwrap()), plain);
        for wrong in ["", "01", &"g".repeat(64), &"+1".repeat(32), &"é".repeat(32)] {
            assert_eq!(Fingerprint::parse(wrong), None, "{wrong}");
        }
    }
}
