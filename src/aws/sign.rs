//! Signatures for AWS services (Signature Version 4).

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, SignableBody, SignableRequest, SigningSettings, sign,
};
use aws_sigv4::sign::v4;
use reqwest::Request;
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderValue};
use secrecy::{ExposeSecret, SecretString};

/// The access keys of a role or user.
#[derive(Debug, Clone)]
pub struct AwsCredentials {
    /// `AWS_ACCESS_KEY_ID`
    pub access_key_id: String,
    /// `AWS_SECRET_ACCESS_KEY`
    pub secret_access_key: SecretString,
    /// `AWS_SESSION_TOKEN`, which belongs to the keys of a role.
    pub session_token: Option<SecretString>,
}

/// The service and region for which a signature is valid.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scope<'a> {
    pub(crate) service: &'a str,
    pub(crate) region: &'a str,
}

impl AwsCredentials {
    /// Signs a request with its body. `None` if the request holds characters that a header cannot
    /// carry.
    #[expect(
        clippy::disallowed_methods,
        reason = "a signature holds the wall-clock time"
    )]
    pub(crate) fn sign(&self, request: &mut Request, scope: Scope<'_>) -> Option<()> {
        let token = self
            .session_token
            .as_ref()
            .map(|token| token.expose_secret().to_owned());
        let keys = (
            self.access_key_id.clone(),
            self.secret_access_key.expose_secret(),
        );
        let identity = Credentials::new(keys.0, keys.1, token, None, "settings").into();
        let mut settings = SigningSettings::default();
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(scope.region)
            .name(scope.service)
            .time(SystemTime::now())
            .settings(settings)
            .build()
            .ok()?
            .into();
        let headers = [CONTENT_TYPE, CONTENT_ENCODING].into_iter();
        let headers = headers
            .filter_map(|name| Some((name.clone(), request.headers().get(name)?.to_str().ok()?)));
        let headers: Vec<_> = headers.collect();
        let body = SignableBody::Bytes(
            request
                .body()
                .and_then(|body| body.as_bytes())
                .unwrap_or_default(),
        );
        let method = request.method().as_str();
        let url = request.url().as_str();
        let signable = SignableRequest::new(
            method,
            url,
            headers.iter().map(|(name, value)| (name.as_str(), *value)),
            body,
        )
        .ok()?;
        let (instructions, _signature) = sign(signable, &params).ok()?.into_parts();
        for (name, value) in instructions.headers() {
            let mut value = HeaderValue::try_from(value).ok()?;
            value.set_sensitive(true);
            request
                .headers_mut()
                .insert(reqwest::header::HeaderName::try_from(name).ok()?, value);
        }
        Some(())
    }
}
