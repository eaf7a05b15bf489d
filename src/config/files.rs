//! Files that settings name. A file is read only if it is regular and no larger than any real file
//! of its kind.

use std::fs;
use std::path::Path;

const MIB: u64 = 1 << 20;

/// Bundles of certificate authorities are smaller than a quarter of this.
pub(super) const LARGEST_CA_FILE: u64 = 4 * MIB;
/// An access-log format has at most 3 KB, and nobody has a thousand formats.
pub(super) const LARGEST_FORMATS: u64 = 4 * MIB;
/// uap-core's patterns are smaller than 1 MiB.
pub(super) const LARGEST_PATTERNS: u64 = 16 * MIB;
/// The largest database that MaxMind sells is smaller than half of this.
pub(super) const LARGEST_DATABASE: u64 = 1024 * MIB;

/// Checks that a file can be read to its end. A FIFO, a device or a file of the kernel may have no
/// end.
pub(super) fn check(path: &Path, largest: u64) -> Result<(), String> {
    let metadata = fs::metadata(path).map_err(|error| format!("it cannot be read: {error}"))?;
    if metadata.is_dir() {
        return Err("it cannot be read: it is a folder".to_owned());
    }
    if !metadata.is_file() {
        return Err("it cannot be read: it is a pipe, a socket or a device, not a file".to_owned());
    }
    match metadata.len() {
        0 => Err("it cannot be read: it is empty".to_owned()),
        bytes if bytes > largest => Err(format!(
            "it is too large: {bytes} bytes, and such files have at most {largest}"
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_refused(path: &Path, words: &str) {
        let reason = check(path, 10).expect_err("it cannot be read");
        assert!(reason.contains(words), "{}: {reason}", path.display());
    }

    #[test]
    fn only_regular_files_of_a_fitting_size_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            fs::write(&path, bytes).unwrap();
            path
        };
        assert_eq!(check(&file("good", b"0123456789"), 10), Ok(()));
        check_refused(&file("large", b"01234567890"), "too large: 11 bytes");
        check_refused(&file("empty", b""), "empty");
        check_refused(folder.path(), "folder");
        check_refused(Path::new("/dev/zero"), "device");
        check_refused(&folder.path().join("missing"), "No such file");
    }
}
