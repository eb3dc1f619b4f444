//! A rule's patterns and a request.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| onecli_core::rules::fuzzing::matching(text));
