//! Compares OneCLI with a peer and with no proxy at all, in one run, interleaved. `benchmarks/run` starts it.
//!
//!     compare ONECLI idle [CONNECTIONS]
//!     compare ONECLI [ROUNDS [PART OF A WORKLOAD'S NAME]]

mod client;
mod contender;
mod origin;
mod workloads;

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Instant};

use client::Way;
use contender::Contender;
use workloads::Workload;

const WORKLOADS: [Workload; 6] = [
    Workload::KeepAlive { connections: 1, requests: 2_000 },
    Workload::KeepAlive { connections: 32, requests: 16_000 },
    Workload::Paced { connections: 32, per_second: 4_000, seconds: 4 },
    Workload::NewConnections { at_once: 8, connections: 800 },
    Workload::Downloads(40),
    Workload::Events,
];

fn main() {
    // The client and the service share the first core, the proxy has the second one.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(compare());
}

/// Opens connections that do nothing, and asks on each of them afterwards.
async fn idle(onecli: PathBuf, connections: usize) {
    let (authority, begun) = (origin::Authority::new(), Instant::now());
    let service = origin::start(&authority, begun).await;
    let directory = tempfile::tempdir().unwrap();
    let contender = Contender::onecli(&onecli, &authority, directory.path(), service).await;
    let way = Way::of(&contender, service);
    let proxy = contender.proxy.as_ref().unwrap();
    let mut senders = Vec::new();
    let mut before = 0.0;
    for number in 0..=connections {
        senders.push(way.open().await);
        if number == 0 {
            client::get(&mut senders[0], "/").await;
            before = proxy.resident_mib();
        }
    }
    let after = proxy.resident_mib();
    for sender in &mut senders {
        let body = client::get(sender, "/").await.into_body();
        http_body_util::BodyExt::collect(body).await.unwrap();
    }
    println!(
        "{connections} idle connections: {:.1} MiB, {:.1} KiB each; all answered afterwards",
        after - before,
        (after - before) * 1024.0 / connections as f64
    );
}

async fn compare() {
    let mut arguments = std::env::args().skip(1);
    let onecli = PathBuf::from(arguments.next().expect("compare ONECLI [ROUNDS]"));
    let first = arguments.next();
    if first.as_deref() == Some("idle") {
        return idle(onecli, arguments.next().map_or(10_000, |text| text.parse().unwrap())).await;
    }
    let rounds: usize = first.map_or(7, |text| text.parse().unwrap());
    let part = arguments.next().unwrap_or_default();
    let (authority, begun) = (origin::Authority::new(), Instant::now());
    let service = origin::start(&authority, begun).await;
    let directory = tempfile::tempdir().unwrap();
    let contenders = [
        Contender::direct(&authority),
        Contender::hudsucker(&authority, directory.path(), service).await,
        Contender::onecli(&onecli, &authority, directory.path(), service).await,
    ];
    let ways = contenders.each_ref().map(|contender| Arc::new(Way::of(contender, service)));
    let mut measured: BTreeMap<(usize, usize, usize), Vec<f64>> = BTreeMap::new();
    let mut names: BTreeMap<(usize, usize), &str> = BTreeMap::new();
    // One round more than is counted, to warm up; each begins with another contender.
    for round in 0..=rounds {
        for (number, workload) in
            WORKLOADS.iter().enumerate().filter(|(_, workload)| workload.name().contains(&part))
        {
            for turn in 0..contenders.len() {
                let who = (round + turn) % contenders.len();
                let figures = workload.run(&contenders[who], &ways[who], begun).await;
                for (figure, (name, value)) in figures.into_iter().enumerate().filter(|_| round > 0) {
                    names.insert((number, figure), name);
                    measured.entry((number, figure, who)).or_default().push(value);
                }
            }
        }
        eprintln!("round {round} of {rounds}");
    }
    println!(
        "| | | {} | onecli / direct | onecli / hudsucker |",
        contenders.each_ref().map(|one| one.name).join(" | ")
    );
    println!("|---|---|---|---|---|---|---|");
    for ((workload, figure), name) in names {
        let medians = [0, 1, 2].map(|who| median(&measured[&(workload, figure, who)]));
        let ratio =
            |other: f64| if other > 0.0 { format!("{:.2}", medians[2] / other) } else { "–".into() };
        let shown = medians.map(|value| match value {
            value if value >= 100.0 => format!("{value:.0}"),
            value => format!("{value:.3}"),
        });
        println!(
            "| {} | {name} | {} | {} | {} |",
            WORKLOADS[workload].name(),
            shown.join(" | "),
            ratio(medians[0]),
            ratio(medians[1])
        );
    }
    for contender in &contenders {
        if let Some(proxy) = &contender.proxy {
            println!("\n{}: {:.1} MiB resident at the end", contender.name, proxy.resident_mib());
        }
    }
}

fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
