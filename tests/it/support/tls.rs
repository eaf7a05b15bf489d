//! The tests' own certificates.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

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
        fingerprint(&self.certificate)
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
        self.server_with(&[host], |params| {
            params.not_after = date_time_ymd(until, 1, 1);
        })
    }

    /// Returns a server whose certificate is for these hosts, and otherwise as `change` leaves it.
    pub(crate) fn server_with(
        &self,
        hosts: &[&str],
        change: impl FnOnce(&mut CertificateParams),
    ) -> ServerConfig {
        let (certificate, key) = self.sign(hosts, change);
        server(vec![certificate, self.certificate.clone()], key)
    }

    /// Returns a server that does not send the certificate of its authority, and the fingerprint of
    /// its own certificate.
    pub(crate) fn lone_server(&self, host: &str) -> (ServerConfig, String) {
        let (certificate, key) = self.sign(&[host], |_| {});
        let print = fingerprint(&certificate);
        (server(vec![certificate], key), print)
    }

    /// Returns a server that wants certificates of its clients, signed by this authority.
    pub(crate) fn server_for_known_clients(&self, host: &str) -> ServerConfig {
        let (certificate, key) = self.sign(&[host], |_| {});
        let mut roots = RootCertStore::empty();
        roots
            .add(self.certificate.clone())
            .expect("an authority can be trusted");
        let provider = Arc::new(ring::default_provider());
        let verifier =
            WebPkiClientVerifier::builder_with_provider(roots.into(), Arc::clone(&provider))
                .build()
                .expect("there is an authority");
        ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("ring does TLS")
            .with_client_cert_verifier(verifier)
            .with_single_cert(vec![certificate], key)
            .expect("the key is that of the certificate")
    }

    fn sign(
        &self,
        hosts: &[&str],
        change: impl FnOnce(&mut CertificateParams),
    ) -> (CertificateDer<'static>, PrivateKeyDer<'static>) {
        let key = KeyPair::generate().expect("there is randomness");
        let hosts: Vec<_> = hosts.iter().map(|host| (*host).to_owned()).collect();
        let mut params = CertificateParams::new(hosts).expect("tests name hosts");
        params.distinguished_name.push(DnType::CommonName, "server");
        change(&mut params);
        let certificate = params
            .signed_by(&key, &self.issuer)
            .expect("a certificate can be signed");
        let key = PrivateKeyDer::try_from(key.serialize_der()).expect("it was made just now");
        (certificate.der().clone(), key)
    }
}

/// Returns a server whose certificate is its own authority, as `openssl req -x509` makes it, and
/// the certificate as PEM.
pub(crate) fn self_signed_authority(host: &str) -> (ServerConfig, String) {
    let key = KeyPair::generate().expect("there is randomness");
    let mut params = CertificateParams::new([host.to_owned()]).expect("tests name hosts");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let certificate = params
        .self_signed(&key)
        .expect("a certificate can be signed");
    let private = PrivateKeyDer::try_from(key.serialize_der()).expect("it was made just now");
    let config = server(vec![certificate.der().clone()], private);
    (config, certificate.pem())
}

fn server(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> ServerConfig {
    ServerConfig::builder_with_provider(ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .expect("ring does TLS")
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .expect("the key is that of the certificate")
}

fn fingerprint(certificate: &CertificateDer<'_>) -> String {
    let digest = ::ring::digest::digest(&::ring::digest::SHA256, certificate);
    digest
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02X}"))
        .collect::<Vec<_>>()
        .join(":")
}
