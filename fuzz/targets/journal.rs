//! Bytes in the place of a journal's segment.
#![no_main]

use std::{path::PathBuf, sync::LazyLock};

static DIRECTORY: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
    let memory = PathBuf::from("/dev/shm");
    tempfile::tempdir_in(if memory.is_dir() { memory } else { std::env::temp_dir() }).unwrap()
});

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    onecli_core::audit::fuzzing::journal(data, DIRECTORY.path().join("0000000001.journal"));
});
