//! Guesses what a file is that holds something else than expected, so that a sentence can say what
//! to do with it.

use std::path::Path;

use super::shown;
use crate::parts::Parts;

/// A kind of file that is neither text in UTF-8 nor an event.
const FOREIGN: &[(&[u8], &str, &str)] = &[
    (b"\x1f\x8b", "is compressed", "gunzip -c"),
    (b"\x28\xb5\x2f\xfd", "is compressed", "zstd -dc"),
    (b"BZh", "is compressed", "bunzip2 -c"),
    (b"\xfd7zXZ\0", "is compressed", "xz -dc"),
    (b"PK\x03\x04", "is a ZIP archive", "unzip -p"),
    (b"\xff\xfe", "is in UTF-16", "iconv -f UTF-16 -t UTF-8"),
    (b"\xfe\xff", "is in UTF-16", "iconv -f UTF-16 -t UTF-8"),
];

/// The part of a file that is looked at.
const START: usize = 4_096;

/// Returns a sentence about a file that is no text, from how it begins.
pub(super) fn foreign(file: &Path, bytes: &[u8]) -> Option<String> {
    let name = shown(file);
    let argument = argument(file);
    let start = bytes.get(..START).unwrap_or(bytes);
    let is_binary = start.contains(&0);
    let mut kinds = FOREIGN.iter();
    let kind = kinds.find(|(magic, what, _)| {
        start.starts_with(magic) && (is_binary || !what.contains("UTF-16"))
    });
    if let Some((_, what, command)) = kind {
        return Some(format!(
            "{name} {what}: `{command} {argument}` shows what is in it"
        ));
    }
    is_binary.then(|| format!("{name} is no text: check that it is the right file"))
}

/// Returns a sentence about a file whose lines are not those of a log, from how it begins.
pub(super) fn no_log(file: &Path, bytes: &[u8]) -> Option<String> {
    if let Some(sentence) = foreign(file, bytes) {
        return Some(sentence);
    }
    let name = shown(file);
    let argument = argument(file);
    if bytes.starts_with("\u{feff}".as_bytes()) {
        return Some(format!(
            "{name} begins with a byte order mark, which becomes a part of the first line: `tail -c +4 {argument}` \
             leaves it out"
        ));
    }
    let start = bytes.get(..START).unwrap_or(bytes).trim_ascii_start();
    if start.starts_with(b"{") && EVENTS.iter().any(|key| is_key_of(start, key)) {
        return Some(format!(
            "{name} looks like an event and not like log lines: `apigw-logs invoke {argument}` reads it"
        ));
    }
    let line = start
        .split(|byte| *byte == b'\n')
        .next()
        .unwrap_or_default();
    line_behind_a_time(line).map(|line| {
        let command = if line.contains(&b'{') {
            format!("`sed 's/^[^{{]*//' {argument}` leaves the lines of a JSON log alone")
        } else if begins_with_a_stream(line) {
            format!("`sed 's/^[^ ]* [^ ]* //' {argument}` leaves the lines alone")
        } else {
            format!("`sed 's/^[^ ]* //' {argument}` leaves the lines alone")
        };
        format!(
            "the lines of {name} begin with a time, as an export to S3 or `aws logs tail` writes them: {command}"
        )
    })
}

/// The members by which an event is recognised.
const EVENTS: [&str; 3] = ["\"awslogs\"", "\"Records\"", "\"requestPayload\""];

fn is_key_of(text: &[u8], key: &str) -> bool {
    memchr::memmem::find_iter(text, key).any(|at| {
        let after = text.part(at + key.len()..);
        after.trim_ascii_start().starts_with(b":")
    })
}

/// Returns the line behind a time and a blank. No variable of an access log is a time in this form,
/// so the time is not a part of the line.
fn line_behind_a_time(line: &[u8]) -> Option<&[u8]> {
    let is_time = |word: &[u8]| {
        let word = std::str::from_utf8(word).ok();
        word.is_some_and(|word| word.parse::<jiff::Timestamp>().is_ok())
    };
    let (time, line) = words(line)?;
    let next = words(line).map_or(line, |(word, _)| word);
    (is_time(time) && !next.trim_ascii().is_empty() && !is_time(next)).then_some(line)
}

/// Returns whether a line begins with the name that API Gateway gives to a log stream.
fn begins_with_a_stream(line: &[u8]) -> bool {
    const LENGTH: usize = 32;
    let is_name = |word: &[u8]| word.len() == LENGTH && word.iter().all(u8::is_ascii_hexdigit);
    words(line).is_some_and(|(word, _)| is_name(word))
}

/// Returns the first word of a line and the rest behind a blank.
fn words(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut words = line.splitn(2, |byte| *byte == b' ');
    words.next().zip(words.next())
}

/// Returns the file as an argument in an example.
fn argument(file: &Path) -> String {
    if file == Path::new("-") {
        return "FILE".to_owned();
    }
    shown(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_a_log() {
        for line in [
            &b""[..],
            b"{\"requestId\":\"a\",\"status\":\"200\"}\n",
            b"{\"Records\":1",
            b"{\"message\":\"the Records are here\"}",
            b"198.51.100.23 - - [01/Mar/2026:08:30:00 +0000] \"GET /\" 200 1",
            b"(b8b0) Method completed with status: 200",
            b"2026-03-01T08:30:00Z",
            b"2026-03-01T08:30:00Z 2026-03-01T08:30:01Z 200",
        ] {
            let said = no_log(Path::new("f"), line);
            let is_event = line.starts_with(b"{\"Records\":");
            assert_eq!(said.is_some(), is_event, "{said:?}");
        }
    }
    #[test]
    fn a_time_before_the_line_is_cut_off() {
        let stream = "0123456789abcdef0123456789abcdef";
        let clf = r#"198.51.100.23 - - [01/Mar/2026:08:30:00 +0000] "GET /" 200 1"#;
        for (start, line, command) in [
            ("", "{\"status\":\"200\"}", "`sed 's/^[^{]*//' f`"),
            ("", clf, "`sed 's/^[^ ]* //' f`"),
            (stream, clf, "`sed 's/^[^ ]* [^ ]* //' f`"),
            ("", "(b8b0) Method completed", "`sed 's/^[^ ]* //' f`"),
        ] {
            let blank = if start.is_empty() { "" } else { " " };
            let line = format!("2026-03-01T08:30:00.000Z {start}{blank}{line}\n");
            let said = no_log(Path::new("f"), line.as_bytes()).unwrap();
            assert!(said.contains(command), "{line}: {said}");
        }
    }
}
