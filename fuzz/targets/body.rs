//! A body in some coding, and a text to look for.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| onecli_core::rules::fuzzing::body(data));
