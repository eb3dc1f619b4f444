//! Three daemons on one database, under load, and each fault in turn: `docs/faults.md` has the figures. The table is printed by
//! `ONECLI_SILENT_SECONDS=30 ./test postgres::faults -- --nocapture`.

use std::{
    collections::BTreeMap,
    fmt::Write,
    time::{Duration, Instant},
};

use onecli_tests::{
    daemon::Daemon,
    eventually,
    frozen_link::FrozenLink,
    origin::Origin,
    postgres::{Postgres, client},
};
use reqwest::{Certificate, Client, Method, Proxy};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::system::{HOST, KEY};

/// How many requests to `limited.test` may pass in the hour that all of this takes less than.
fn limit() -> u64 {
    silence().as_secs() * 100
}

/// How long what is silent stays so.
fn silence() -> Duration {
    let seconds =
        std::env::var_os("ONECLI_SILENT_SECONDS").map_or(4, |text| text.to_str().unwrap().parse().unwrap());
    Duration::from_secs(seconds)
}

struct System {
    origin: Origin,
    server: Postgres,
    url: String,
    /// The way of the last daemon to the database.
    link: FrozenLink,
    daemons: Vec<Daemon>,
    token: String,
    root: String,
    report: String,
}

/// How often each answer came; 0 stands for none.
type Answers = BTreeMap<u16, usize>;

impl System {
    async fn start() -> Self {
        let origin = Origin::start().await;
        let server = Postgres::start();
        let url = server.database().await;
        let link = FrozenLink::to(([127, 0, 0, 1], server.port()).into()).await;
        let by_link = url.replace(&server.port().to_string(), &link.address.port().to_string());
        let mut daemons: Vec<Daemon> = [&url, &url, &by_link]
            .map(|url| Daemon::prepare(&origin, HOST, &[("DATABASE_URL", url), KEY, ("RUST_LOG", "info")]))
            .into();
        for daemon in &mut daemons {
            daemon.launch().await;
        }
        let limit = json!({"name": "few", "hostPattern": "limited.test", "action": "rate_limit", "rateLimit": limit(), "rateLimitWindow": "hour"});
        daemons[0].call(Method::POST, "/v1/rules", Some(limit)).await;
        let (token, root) = (daemons[0].token().await, daemons[0].root().await);
        let system = Self { origin, server, url, link, daemons, token, root, report: String::new() };
        system.is_normal().await;
        system
    }

    fn client(&self, daemon: usize) -> Client {
        let proxy = Proxy::all(format!("http://x:{}@{}", self.token, self.daemons[daemon].gateway)).unwrap();
        let root = Certificate::from_pem(self.root.as_bytes()).unwrap();
        let builder = Client::builder().proxy(proxy).add_root_certificate(root).pool_max_idle_per_host(0);
        builder.timeout(Duration::from_secs(20)).build().unwrap()
    }

    /// Asks through all daemons again and again until `end`.
    async fn load(&self, host: &str, end: Instant) -> Answers {
        let asking = (0..self.daemons.len()).map(|daemon| async move {
            let client = self.client(daemon);
            let mut statuses = Vec::new();
            while Instant::now() < end {
                statuses.push(asked(&client, host).await.unwrap_or(0));
                if host == "limited.test" {
                    // They are few.
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
            statuses
        });
        let mut answers = Answers::new();
        for status in futures_util::future::join_all(asking).await.concat() {
            *answers.entry(status).or_default() += 1;
        }
        answers
    }

    /// Waits until what one daemon is told is in force on all, and answers with how long that took.
    async fn is_normal(&self) -> Duration {
        let begun = Instant::now();
        let name = format!("mark {begun:?}");
        let mark = json!({"name": name, "hostPattern": "mark.test", "action": "block"});
        let made = eventually("a change is taken", || async {
            let answer = self.daemons[0].call(Method::POST, "/v1/rules", Some(mark.clone())).await;
            match answer.status().is_success() {
                true => Some(answer.json::<Value>().await.unwrap()),
                false => None,
            }
        })
        .await;
        for daemon in 0..self.daemons.len() {
            let client = self.client(daemon);
            eventually("it is in force", || async {
                let answer = client.get("http://mark.test/").send().await.ok()?;
                (answer.status() == 403).then_some(())
            })
            .await;
        }
        let took = begun.elapsed();
        let path = format!("/v1/rules/{}", made["id"].as_str().unwrap());
        self.daemons[0].call(Method::DELETE, &path, None).await;
        took
    }

    /// Waits until the log has each exchange that the service answered, once.
    async fn audit_is_complete(&self) {
        let database = client(&self.url).await;
        eventually("every exchange is in the log once", || async {
            let sql = "SELECT count(*) FILTER (WHERE decision = 'allowed' AND error IS NULL), \
                       count(*) FILTER (WHERE decision = 'interrupted'), count(*), count(DISTINCT id) \
                       FROM audit_events WHERE path = '/x'";
            let row = database.query_one(sql, &[]).await.unwrap();
            let [whole, interrupted, all, different]: [i64; 4] = [0, 1, 2, 3].map(|column| row.get(column));
            assert_eq!(all, different);
            // What a daemon was about when it was killed may have reached the service.
            let served = i64::try_from(self.origin.received().len()).unwrap();
            (whole <= served && served <= whole + interrupted).then_some(())
        })
        .await;
        let limited =
            "SELECT count(*) FROM audit_events WHERE host = 'limited.test' AND decision = 'allowed'";
        let limited: i64 = database.query_one(limited, &[]).await.unwrap().get(0);
        assert!(limited <= i64::try_from(limit()).unwrap(), "{limited}");
    }

    /// Both loads, while `fault` happens; and what came of it.
    async fn under(&mut self, name: &str, fault: impl Future<Output = ()>) -> [Answers; 2] {
        let end = Instant::now() + silence() + Duration::from_secs(3);
        let (free, limited, ()) =
            tokio::join!(self.load("api.test", end), self.load("limited.test", end), fault);
        let normal = self.is_normal().await;
        self.audit_is_complete().await;
        let said = |answers: &Answers| {
            let each = answers.iter().map(|(status, times)| match status {
                0 => format!("none: {times}"),
                status => format!("{status}: {times}"),
            });
            each.collect::<Vec<_>>().join(", ")
        };
        writeln!(
            self.report,
            "| {name} | {} | {} | {:.0} ms | complete |",
            said(&free),
            said(&limited),
            normal.as_secs_f64() * 1000.0
        )
        .unwrap();
        [free, limited]
    }
}

/// The status of an answer that came whole: one that is left in the middle is recorded as such.
async fn asked(client: &Client, host: &str) -> reqwest::Result<u16> {
    let answer = client.get(format!("https://{host}/x")).send().await?;
    let status = answer.status().as_u16();
    answer.bytes().await?;
    Ok(status)
}

fn signal_all(processes: &[Pid], signal: Signal) {
    for pid in processes {
        // Some of them serve one connection, and end with it.
        let _ = kill_process(*pid, signal);
    }
}

/// All of them got what they asked for.
fn all_passed(answers: &Answers) -> bool {
    answers.keys().all(|status| *status == 200)
}

/// What is limited may be refused while it can't be counted, or when it is used up; nothing else.
fn none_but_limits(answers: &Answers) -> bool {
    answers.keys().all(|status| matches!(status, 200 | 429 | 503))
}

#[tokio::test(flavor = "multi_thread")]
async fn traffic_that_needs_no_counter_goes_on_and_nothing_is_lost() {
    let mut system = System::start().await;
    let url = system.url.clone();
    let pid = i32::try_from(system.daemons[1].pid()).unwrap();
    let processes = |server: &Postgres| server.processes();

    let [free, limited] = system.under("none", async {}).await;
    assert!(all_passed(&free) && all_passed(&limited), "{free:?} {limited:?}");

    let cut = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'onecli'";
        assert!(!client(&url).await.query(sql, &[]).await.unwrap().is_empty());
    };
    let [free, limited] = system.under("every connection to PostgreSQL cut", cut).await;
    assert!(all_passed(&free) && none_but_limits(&limited), "{free:?} {limited:?}");

    let stopped = processes(&system.server);
    let silent = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        signal_all(&stopped, Signal::STOP);
        tokio::time::sleep(silence()).await;
        signal_all(&stopped, Signal::CONT);
    };
    let name = format!("PostgreSQL silent for {} s (SIGSTOP)", silence().as_secs());
    let [free, limited] = system.under(&name, silent).await;
    assert!(all_passed(&free) && none_but_limits(&limited), "{free:?} {limited:?}");

    let frozen = system.link.address;
    let [free, limited] = {
        // The link is borrowed by what happens, and the rest by the load.
        let link = std::mem::replace(&mut system.link, FrozenLink::to(frozen).await);
        let freezing = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            link.freeze();
            tokio::time::sleep(silence()).await;
            link.thaw();
        };
        let name = format!("one daemon cut off half-open for {} s", silence().as_secs());
        system.under(&name, freezing).await
    };
    assert!(all_passed(&free) && none_but_limits(&limited), "{free:?} {limited:?}");

    let daemon = Pid::from_raw(pid).unwrap();
    let killed = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        kill_process(daemon, Signal::KILL).unwrap();
    };
    // Its own requests get no answer; the others' do.
    let end = Instant::now() + Duration::from_secs(3);
    let (free, ()) = tokio::join!(system.load("api.test", end), killed);
    assert!(free.keys().all(|status| matches!(status, 0 | 200)), "{free:?}");
    system.daemons[1].kill().await;
    system.daemons[1].launch().await;
    let normal = system.is_normal().await;
    system.audit_is_complete().await;
    writeln!(
        system.report,
        "| kill -9 of a daemon | 200: {}; none from the one that is gone | – | {:.0} ms after its start | complete |",
        free.get(&200).unwrap_or(&0),
        normal.as_secs_f64() * 1000.0
    )
    .unwrap();

    let end = Instant::now() + Duration::from_secs(5);
    tokio::task::block_in_place(|| system.server.kill());
    let down = system.load("api.test", end).await;
    tokio::task::block_in_place(|| system.server.launch());
    assert!(all_passed(&down), "{down:?}");
    let normal = system.is_normal().await;
    system.audit_is_complete().await;
    writeln!(
        system.report,
        "| PostgreSQL ended at once (SIGQUIT), away for 5 s | 200: {} | – | {:.0} ms | complete |",
        down[&200],
        normal.as_secs_f64() * 1000.0
    )
    .unwrap();
    println!(
        "| fault | answers without a limit | answers with a limit | until a change is in force on all | audit log |\n|---|---|---|---|---|\n{}",
        system.report
    );
}
