//! Golden files: output that a person has checked once and that the tests pin from then on.
//! `UPDATE_GOLDEN=1 cargo test` (`just bless`) writes them again.
#![expect(clippy::unwrap_used, reason = "the functions around a test are tests")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Returns a path of this repository.
pub(crate) fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Returns whether golden files are to be written.
pub(crate) fn is_blessing() -> bool {
    std::env::var_os("UPDATE_GOLDEN").is_some_and(|value| value == "1")
}

/// Returns the names of the files in a folder with an ending, sorted and without the ending.
pub(crate) fn names(folder: &str, ending: &str) -> Vec<String> {
    let file_names = file_names(folder);
    file_names
        .iter()
        .filter_map(|name| name.strip_suffix(ending))
        .map(str::to_owned)
        .collect()
}

fn file_names(folder: &str) -> BTreeSet<String> {
    let folder = repository(folder);
    let entries =
        fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

/// Fails if a folder holds anything but these files.
pub(crate) fn assert_holds_only(folder: &str, expected: impl IntoIterator<Item = String>) {
    let expected: BTreeSet<_> = expected.into_iter().collect();
    let files = file_names(folder);
    let orphans: Vec<_> = files.difference(&expected).collect();
    assert!(
        orphans.is_empty(),
        "{folder} holds files that belong to nothing: {orphans:?}"
    );
    let missing: Vec<_> = expected.difference(&files).collect();
    assert!(
        missing.is_empty(),
        "{folder} lacks {missing:?}: UPDATE_GOLDEN=1 cargo test writes them"
    );
}

/// Fails if the file does not hold this text, and says where they differ; writes the file if that
/// is wanted.
pub(crate) fn check(path: &str, actual: &str) {
    let file = repository(path);
    let golden = fs::read_to_string(&file).ok();
    if golden.as_deref() == Some(actual) {
        return;
    }
    if is_blessing() {
        return fs::write(&file, actual).unwrap();
    }
    let expected = golden.unwrap_or_default();
    let same = expected
        .lines()
        .zip(actual.lines())
        .take_while(|(expected, actual)| expected == actual)
        .count();
    let line = |text: &str| text.lines().nth(same).unwrap_or("(nothing)").to_owned();
    panic!(
        "{path}, line {}:\n  it should be {}\n  but it is    {}\nUPDATE_GOLDEN=1 cargo test takes it as it is",
        same + 1,
        line(&expected),
        line(actual)
    );
}
