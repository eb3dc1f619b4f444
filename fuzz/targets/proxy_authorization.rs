//! Bytes of a `Proxy-Authorization` field.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| onecli_core::gateway::fuzzing::proxy_authorization(data));
