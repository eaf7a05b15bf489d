//! The zip file for Kibana.
#![expect(clippy::unwrap_used, reason = "the functions around a test are tests")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::golden::repository;

/// The names and contents of files.
type Files = BTreeMap<String, Vec<u8>>;

fn zip(name: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(name);
    let made = Command::new(repository(".ci/integration-zip"))
        .arg(&file)
        .output()
        .unwrap();
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    fs::read(file).unwrap()
}

#[test]
fn the_zip_holds_the_package_and_is_the_same_each_time() {
    let bytes = zip("a.zip");
    let folder = concat!("apigw_logs-", env!("CARGO_PKG_VERSION"), "/");
    let mut tree = Files::new();
    add(&repository("integration"), folder, &mut tree);
    tree.retain(|name, _| !name.contains("/_dev/"));
    assert!(tree.contains_key(&format!("{folder}manifest.yml")));
    let found = entries(&bytes);
    assert_eq!(
        found.keys().collect::<Vec<_>>(),
        tree.keys().collect::<Vec<_>>()
    );
    for (name, text) in tree {
        assert!(
            found.get(&name) == Some(&text),
            "{name} is another in the zip"
        );
    }
    assert!(zip("b.zip") == bytes, "the same files make the same zip");
}

/// Returns the files below a folder.
fn add(folder: &Path, prefix: &str, files: &mut Files) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = format!("{prefix}{}", path.file_name().unwrap().to_str().unwrap());
        if path.is_dir() {
            add(&path, &format!("{name}/"), files);
        } else {
            files.insert(name, fs::read(path).unwrap());
        }
    }
}

/// Returns the entries of a zip file, which are stored uncompressed one after the other.
fn entries(mut bytes: &[u8]) -> Files {
    let mut files = Files::new();
    while let Some(header) = bytes.strip_prefix(b"PK\x03\x04") {
        let number = |at: usize| {
            usize::from(u16::from_le_bytes([
                *header.get(at).unwrap(),
                *header.get(at + 1).unwrap(),
            ]))
        };
        assert_eq!(number(4), 0, "a method of compression");
        let (size, name, extra) = (number(14) + (number(16) << 16), number(22), number(24));
        let (name, rest) = header.split_at(26).1.split_at(name);
        let (text, rest) = rest.split_at(extra).1.split_at(size);
        assert!(
            files
                .insert(String::from_utf8(name.to_vec()).unwrap(), text.to_vec())
                .is_none()
        );
        bytes = rest;
    }
    files
}
