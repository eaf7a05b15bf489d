//! Verifies AWS's Signature Version 4 from AWS's description, independently of the crate that
//! signs.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>
#![expect(clippy::unwrap_used, reason = "the functions around a test are tests")]

use std::collections::BTreeMap;
use std::fmt::Write as _;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};
use ring::{digest, hmac};

/// The keys of the tests' role, as variables of the function.
pub(crate) const ROLE: [(&str, &str); 4] = [
    ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
    (
        "AWS_SECRET_ACCESS_KEY",
        "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
    ),
    (
        "AWS_SESSION_TOKEN",
        "FwoGZXIvYXdzEXAMPLE/token+of=the/role==",
    ),
    ("AWS_REGION", "eu-central-1"),
];

/// The characters that RFC 3986 leaves unencoded.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Checks whether the role has signed a request for a service. The error says what differs.
pub(crate) fn verify(head: &str, body: &[u8], service: &str) -> Result<(), String> {
    verify_in(ROLE[3].1, head, body, service)
}

/// Returns the region for which a request is signed.
pub(crate) fn signed_region(head: &str) -> Option<String> {
    let headers = headers(head);
    let credential = member(headers.get("authorization")?, "Credential")?;
    credential.split('/').nth(2).map(str::to_owned)
}

/// Like [`verify`], in another region.
pub(crate) fn verify_in(
    region: &str,
    head: &str,
    body: &[u8],
    service: &str,
) -> Result<(), String> {
    verify_with(
        head,
        body,
        &Expected {
            secret: ROLE[1].1,
            access_key: ROLE[0].1,
            region,
            service,
        },
    )?;
    let headers = headers(head);
    match headers.get("x-amz-security-token") {
        Some(token)
            if token == ROLE[2].1
                && signed_headers(&headers)?.contains(&"x-amz-security-token".to_owned()) =>
        {
            Ok(())
        }
        token => Err(format!("the session token is {token:?}")),
    }
}

/// The expected signer, and the service.
pub(crate) struct Expected<'a> {
    pub(crate) secret: &'a str,
    pub(crate) access_key: &'a str,
    pub(crate) region: &'a str,
    pub(crate) service: &'a str,
}

/// Like [`verify`], for any keys.
pub(crate) fn verify_with(head: &str, body: &[u8], expected: &Expected<'_>) -> Result<(), String> {
    let headers = headers(head);
    let authorization = headers.get("authorization").ok_or("no authorization")?;
    let credential = member(authorization, "Credential").ok_or("no credential")?;
    let time = headers.get("x-amz-date").ok_or("no x-amz-date")?;
    let date = time.get(..8).ok_or("a short date")?;
    let scope = format!(
        "{date}/{}/{}/aws4_request",
        expected.region, expected.service
    );
    if credential != format!("{}/{scope}", expected.access_key) {
        return Err(format!("the credential is {credential}"));
    }
    if let Some(hash) = headers.get("x-amz-content-sha256")
        && *hash != sha256(body)
    {
        return Err("x-amz-content-sha256 is not that of the body".to_owned());
    }
    let request = canonical_request(head, body)?;
    let text = format!(
        "AWS4-HMAC-SHA256\n{time}\n{scope}\n{}",
        sha256(request.as_bytes())
    );
    let parts = [
        date,
        expected.region,
        expected.service,
        "aws4_request",
        &text,
    ];
    let key = format!("AWS4{}", expected.secret).into_bytes();
    let signature = parts.iter().fold(key, |key, part| {
        hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), part.as_bytes())
            .as_ref()
            .to_vec()
    });
    match member(authorization, "Signature") {
        Some(found) if found == hex(&signature) => Ok(()),
        found => Err(format!(
            "the signature is {found:?}, of the request\n{request}"
        )),
    }
}

fn canonical_request(head: &str, body: &[u8]) -> Result<String, String> {
    let mut words = head.lines().next().unwrap().split(' ');
    let (method, target) = (words.next().unwrap(), words.next().unwrap());
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let headers = headers(head);
    let signed = signed_headers(&headers)?;
    if !signed.contains(&"host".to_owned()) {
        return Err("the host is not signed".to_owned());
    }
    // Each segment is encoded once more than it was sent, except for S3.
    let path: Vec<_> = path
        .split('/')
        .map(|segment| encode(segment.as_bytes()))
        .collect();
    let decode = |text: &str| percent_decode_str(&text.replace('+', " ")).collect::<Vec<u8>>();
    let parameters = query.split('&').filter(|part| !part.is_empty());
    let mut parameters: Vec<_> = parameters
        .map(|part| part.split_once('=').unwrap_or((part, "")))
        .map(|(name, value)| (encode(&decode(name)), encode(&decode(value))))
        .collect();
    parameters.sort();
    let parameters: Vec<_> = parameters
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let mut lines = String::new();
    for name in &signed {
        let value = headers
            .get(name)
            .ok_or(format!("{name} is signed and not there"))?;
        writeln!(
            lines,
            "{name}:{}",
            value.split_whitespace().collect::<Vec<_>>().join(" ")
        )
        .unwrap();
    }
    let parts = [
        method,
        &path.join("/"),
        &parameters.join("&"),
        &lines,
        &signed.join(";"),
        &sha256(body),
    ];
    Ok(parts.join("\n"))
}

fn encode(bytes: &[u8]) -> String {
    percent_encode(bytes, RESERVED).to_string()
}

fn headers(head: &str) -> BTreeMap<String, String> {
    let pairs = head.lines().skip(1).filter_map(|line| line.split_once(':'));
    pairs
        .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
        .collect()
}

fn signed_headers(headers: &BTreeMap<String, String>) -> Result<Vec<String>, String> {
    let authorization = headers.get("authorization").ok_or("no authorization")?;
    let names = member(authorization, "SignedHeaders").ok_or("no signed headers")?;
    Ok(names.split(';').map(str::to_owned).collect())
}

/// Returns a member of the header, as in `AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…,
/// Signature=…`.
fn member<'h>(authorization: &'h str, name: &str) -> Option<&'h str> {
    let members = authorization.strip_prefix("AWS4-HMAC-SHA256 ")?;
    members
        .split(", ")
        .find_map(|member| member.strip_prefix(name)?.strip_prefix('='))
}

fn sha256(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}
