//! What is asked of each.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use http_body_util::BodyExt;
use tokio::task::JoinHandle;

use crate::{
    client::{Way, get},
    contender::Contender,
    origin::{EVENTS, LARGE},
};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Workload {
    KeepAlive {
        connections: usize,
        requests: usize,
    },
    /// At a rate that all of them can keep, so that what each request costs can be compared.
    Paced {
        connections: usize,
        per_second: usize,
        seconds: usize,
    },
    NewConnections {
        at_once: usize,
        connections: usize,
    },
    Downloads(usize),
    Events,
}

/// Figures by name. Times in milliseconds, CPU in seconds of the proxy per 1,000 requests.
pub type Figures = Vec<(&'static str, f64)>;

impl Workload {
    pub fn name(self) -> String {
        match self {
            Self::KeepAlive { connections: 1, .. } => "keep-alive, 1 connection".into(),
            Self::KeepAlive { connections, .. } => format!("keep-alive, {connections} connections"),
            Self::Paced { connections, per_second, .. } => {
                format!("{per_second} requests a second over {connections} connections")
            }
            Self::NewConnections { at_once, .. } => format!("new CONNECT and TLS each, {at_once} at once"),
            Self::Downloads(_) => "downloads of 10 MiB".into(),
            Self::Events => "events, one each 5 ms".into(),
        }
    }

    pub async fn run(self, contender: &Contender, way: &Arc<Way>, begun: Instant) -> Figures {
        let cpu = contender.cpu_seconds().await;
        let started = Instant::now();
        let (mut times, done) = match self {
            Self::KeepAlive { connections, requests } => {
                (at_once(connections, requests / connections, way, false).await, requests)
            }
            Self::Paced { connections, per_second, seconds } => {
                (paced(connections, per_second, seconds, way).await, per_second * seconds)
            }
            Self::NewConnections { at_once: clients, connections } => {
                (at_once(clients, connections / clients, way, true).await, connections)
            }
            Self::Downloads(number) => (downloads(number, way).await, number),
            Self::Events => (events(way, begun).await, 1),
        };
        let elapsed = started.elapsed().as_secs_f64();
        let cpu = (contender.cpu_seconds().await - cpu) / done as f64 * 1000.0;
        times.sort_by(f64::total_cmp);
        let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
        match self {
            Self::KeepAlive { .. } | Self::NewConnections { .. } => {
                vec![("per s", done as f64 / elapsed), ("p50", at(0.5)), ("p99", at(0.99)), ("cpu", cpu)]
            }
            Self::Paced { .. } => vec![("p50", at(0.5)), ("p99", at(0.99)), ("cpu", cpu)],
            Self::Downloads(_) => vec![("MB/s", (done * LARGE) as f64 / 1e6 / elapsed), ("cpu", cpu)],
            Self::Events => vec![("p50", at(0.5)), ("p99", at(0.99))],
        }
    }
}

async fn at_once(clients: usize, each: usize, way: &Arc<Way>, anew: bool) -> Vec<f64> {
    let tasks: Vec<_> = (0..clients)
        .map(|_| {
            let way = Arc::clone(way);
            tokio::spawn(async move {
                let mut times = Vec::with_capacity(each);
                let mut sender = way.open().await;
                for _ in 0..each {
                    let begun = Instant::now();
                    if anew {
                        sender = way.open().await;
                    }
                    get(&mut sender, "/").await.into_body().collect().await.unwrap();
                    times.push(begun.elapsed().as_secs_f64() * 1e3);
                }
                times
            })
        })
        .collect();
    gather(tasks).await
}

async fn paced(connections: usize, per_second: usize, seconds: usize, way: &Arc<Way>) -> Vec<f64> {
    let pause = Duration::from_secs_f64(connections as f64 / per_second as f64);
    let tasks: Vec<_> = (0..connections)
        .map(|number| {
            let way = Arc::clone(way);
            tokio::spawn(async move {
                let mut sender = way.open().await;
                let first = Instant::now()
                    + pause * u32::try_from(number).unwrap() / u32::try_from(connections).unwrap();
                let mut times = Vec::new();
                for turn in 0..per_second * seconds / connections {
                    tokio::time::sleep_until((first + pause * u32::try_from(turn).unwrap()).into()).await;
                    let begun = Instant::now();
                    get(&mut sender, "/").await.into_body().collect().await.unwrap();
                    times.push(begun.elapsed().as_secs_f64() * 1e3);
                }
                times
            })
        })
        .collect();
    gather(tasks).await
}

async fn gather(tasks: Vec<JoinHandle<Vec<f64>>>) -> Vec<f64> {
    let mut times = Vec::new();
    for task in tasks {
        times.extend(task.await.unwrap());
    }
    times
}

async fn downloads(number: usize, way: &Arc<Way>) -> Vec<f64> {
    let mut sender = way.open().await;
    for _ in 0..number {
        let mut body = get(&mut sender, "/large").await.into_body();
        let mut received = 0;
        while let Some(frame) = body.frame().await {
            received += frame.unwrap().data_ref().map_or(0, |data| data.len());
        }
        assert_eq!(received, LARGE);
    }
    vec![0.0]
}

async fn events(way: &Arc<Way>, begun: Instant) -> Vec<f64> {
    let mut body = get(&mut way.open().await, "/events").await.into_body();
    let mut delays = Vec::new();
    while let Some(frame) = body.frame().await {
        let now = begun.elapsed().as_nanos() as f64;
        let data = frame.unwrap().into_data().unwrap();
        let text = String::from_utf8_lossy(&data).into_owned();
        let sent = text.lines().filter_map(|line| line.strip_prefix("data: ")?.parse::<f64>().ok());
        delays.extend(sent.map(|sent| (now - sent) / 1e6));
    }
    assert_eq!(delays.len(), EVENTS);
    delays
}
