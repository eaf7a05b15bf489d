//! The tests' own certificates.

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// An authority that signs the certificates of servers.
pub(crate) struct Authority {
    /// Its certificate, as a file holds it.
    pub(crate) pem: String,
    certificate: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let key = KeyPair::generate().expect("there is randomness");
        let mut params = CertificateParams::new([]).expect("no names are no wrong names");
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params
            .self_signed(&key)
            .expect("a certificate can be signed");
        Self {
            pem: certificate.pem(),
            certificate: certificate.der().clone(),
            issuer: Issuer::new(params, key),
        }
    }

    /// Returns the SHA-256 of its certificate, as Elasticsearch prints it.
    pub(crate) fn fingerprint(&self) -> String {
        let digest = ::ring::digest::digest(&::ring::digest::SHA256, &self.certificate);
        digest
            .as_ref()
            .iter()
            .map(|byte| format!("{byte:02X}"))
            .collect::<Vec<_>>()
            .join(":")
    }

    /// Returns the certificate of a server and its key, as files hold them.
    pub(crate) fn server_pem(&self, host: &str) -> (String, String) {
        let key = KeyPair::generate().expect("there is randomness");
        let mut params = CertificateParams::new([host.to_owned()]).expect("tests name hosts");
        params.distinguished_name.push(DnType::CommonName, "server");
        let certificate = params
            .signed_by(&key, &self.issuer)
            .expect("a certificate can be signed");
        (certificate.pem() + &self.pem, key.serialize_pem())
    }

    /// Returns a server with a certificate for a host, valid until a year. It sends the authority's
    /// certificate along, as Elasticsearch does.
    pub(crate) fn server(&self, host: &str, until: i32) -> ServerConfig {
        let key = KeyPair::generate().expect("there is randomness");
        let mut params = CertificateParams::new([host.to_owned()]).expect("tests name hosts");
        params.distinguished_name.push(DnType::CommonName, "server");
        params.not_after = date_time_ymd(until, 1, 1);
        let certificate = params
            .signed_by(&key, &self.issuer)
            .expect("a certificate can be signed");
        let chain = vec![certificate.der().clone(), self.certificate.clone()];
        let key = PrivateKeyDer::try_from(key.serialize_der()).expect("it was made just now");
        ServerConfig::builder_with_provider(ring::default_provider().into())
            .with_safe_default_protocol_versions()
            .expect("ring does TLS")
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .expect("the key is that of the certificate")
    }
}
