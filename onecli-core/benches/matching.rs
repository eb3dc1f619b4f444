//! How long patterns take that were made to take long: `cargo bench -p onecli-core --bench matching`.
#![allow(clippy::unwrap_used, reason = "a benchmark ends at the first thing that is not as it should be")]

use std::{hint::black_box, time::Instant};

use onecli_core::model::{HostPattern, PathPattern};

const RUNS: usize = 201;

/// The median and the worst of many runs, in microseconds.
fn measure(what: &str, mut run: impl FnMut() -> bool) {
    let mut times: Vec<f64> = (0..RUNS)
        .map(|_| {
            let begun = Instant::now();
            black_box(run());
            begun.elapsed().as_secs_f64() * 1e6
        })
        .collect();
    times.sort_by(f64::total_cmp);
    let (median, worst) = (times.get(RUNS / 2).unwrap(), times.last().unwrap());
    println!("{what:<64} median {median:>8.1} µs   worst {worst:>8.1} µs");
}

fn main() {
    let input = |length: usize| format!("/{}", "a".repeat(length));
    for (name, pattern) in [
        ("1,000 stars, found nowhere", format!("/{}b", "*a".repeat(1000))),
        ("1,000 stars, found at the end", format!("/{}", "*a".repeat(1000))),
        ("1,000 stars with long texts between", format!("/{}b", "*aaaaaaaaaaaaaaaaaaab".repeat(1000))),
        ("1,000 stars side by side", format!("/{}b", "*".repeat(1000))),
    ] {
        let pattern: PathPattern = pattern.parse().unwrap();
        for kib in [16, 64, 256] {
            let path = input(kib * 1024);
            measure(&format!("{name}, {kib} KiB"), || pattern.matches_reading(path.as_bytes()));
        }
    }
    let pattern: HostPattern = format!("{}b", "*a".repeat(100)).parse().unwrap();
    let host = "a".repeat(253);
    measure("a host pattern of 100 stars, 253 bytes", || pattern.matches_host(&host));
}
