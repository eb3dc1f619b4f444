//! Tables in the documentation that are made from the tests, and held against them.

use std::{fs, path::PathBuf};

/// The root of the repository.
#[must_use]
pub fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Fails if the file is not what the tests say; with `ONECLI_WRITE_DOCS` it is written first. `test` is who to run then.
pub fn assert_generated(file: &str, text: &str, test: &str) {
    let path = repository().join(file);
    if std::env::var_os("ONECLI_WRITE_DOCS").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(written == text, "{file} is out of date: ONECLI_WRITE_DOCS=1 ./test {test}");
}

/// Whether a test is in the source: `module::function` of the end-to-end tests, or `CRATE module::function`.
#[must_use]
pub fn test_exists(test: &str) -> bool {
    let (base, path) = match test.split_once(' ') {
        Some((package, path)) => (repository().join(package).join("src"), path),
        None => (repository().join("tests/e2e"), test),
    };
    let (module, function) = path.rsplit_once("::").unwrap();
    let file = module.replace("::", "/");
    let candidates = [format!("{file}.rs"), format!("{file}/mod.rs")].map(|file| base.join(file));
    let texts = candidates.iter().filter_map(|file| fs::read_to_string(file).ok());
    texts.into_iter().any(|text| text.contains(&format!("fn {function}(")))
}
