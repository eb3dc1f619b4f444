//! Bytes in the place of a sealed value.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| onecli_core::vault::fuzzing::sealed(data));
