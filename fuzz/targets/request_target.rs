//! Method, target and header fields of a request, inside a tunnel and outside.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| onecli_core::gateway::fuzzing::request_target(text));
