//! Keys that name credentials.

/// Returns whether a character separates the words of a key, and does not count.
pub(in super::super) fn is_separator(c: char) -> bool {
    matches!(c, '.' | '_' | '-' | ' ')
}

/// Whether a key names something that must never be indexed: credentials under any spelling.
pub(in super::super) fn is_secret(key: &str) -> bool {
    const MARKS: [&str; 17] = [
        "authorization",
        "cookie",
        "credential",
        "password",
        "secret",
        "token",
        "apikey",
        "authheader",
        "basicauth",
        "bearer",
        "passphrase",
        "passwd",
        "privatekey",
        "pwd",
        "signature",
        "subscriptionkey",
        "usageidentifierkey",
    ];
    const HARMLESS: [&str; 5] = [
        "apikeyid",
        "secretary",
        "tokencount",
        "tokentype",
        "tokenuse",
    ];
    let name: String = key
        .chars()
        .filter(|&c| !is_separator(c))
        .map(|c| c.to_ascii_lowercase())
        .collect();
    (name.ends_with("jwt") || MARKS.iter().any(|mark| name.contains(mark)))
        && !HARMLESS.iter().any(|harmless| name.ends_with(harmless))
}
