//! What is compared: no proxy, the peer, and us. Each proxy is a process of its own on the second core.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

use crate::origin::{Authority, HOST};

pub struct Contender {
    pub name: &'static str,
    pub proxy: Option<Proxy>,
    /// The root that clients trust.
    pub root: String,
}

pub struct Proxy {
    pub address: SocketAddr,
    /// `Proxy-Authorization`, where it is asked for.
    pub credentials: Option<String>,
    process: Child,
}

/// Of one of `/proc/PID/stat` in clock ticks of 10 ms.
const TICK: f64 = 0.01;

impl Contender {
    pub fn direct(authority: &Authority) -> Self {
        Self { name: "direct", proxy: None, root: authority.certificate.clone() }
    }

    pub async fn hudsucker(authority: &Authority, directory: &Path, service: SocketAddr) -> Self {
        let own = Authority::new();
        let write = |name: &str, text: &str| {
            let path = directory.join(name);
            fs::write(&path, text).unwrap();
            path
        };
        let mut command = pinned(&beside("hudsucker-peer"));
        command
            .arg(write("peer.pem", &own.certificate))
            .arg(write("peer.key", &own.key))
            .arg(write("service.pem", &authority.certificate))
            .arg(service.to_string());
        let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(process.stdout.take().unwrap()).lines();
        let address = said.next_line().await.unwrap().unwrap().parse().unwrap();
        let proxy = Proxy { address, credentials: None, process };
        Self { name: "hudsucker", proxy: Some(proxy), root: own.certificate }
    }

    pub async fn onecli(
        program: &Path, authority: &Authority, directory: &Path, service: SocketAddr,
    ) -> Self {
        let (data, roots) = (directory.join("data"), directory.join("service.pem"));
        fs::write(&roots, &authority.certificate).unwrap();
        let environment = [
            ("ONECLI_DATA_DIR", data.to_str().unwrap().to_owned()),
            ("ONECLI_GATEWAY_ADDR", "127.0.0.1:0".into()),
            ("ONECLI_DASHBOARD_ADDR", "127.0.0.1:0".into()),
            ("ONECLI_ALLOW_PRIVATE", "127.0.0.0/8".into()),
            ("ONECLI_RESOLVE", format!("{HOST}:443={service}")),
            ("ONECLI_UPSTREAM_CA_FILE", roots.to_str().unwrap().to_owned()),
        ];
        let mut command = pinned(program);
        let process = command
            .arg("start")
            .envs(environment.clone())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let ready = loop {
            let text = fs::read(data.join("daemon.json")).unwrap_or_default();
            if let Ok(ready) = serde_json::from_slice::<serde_json::Value>(&text) {
                break ready;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        };
        let cli = async |arguments: &[&str]| {
            let mut command = Command::new(program);
            let output = command.args(arguments).envs(environment.clone()).output().await.unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            String::from_utf8(output.stdout).unwrap()
        };
        cli(&[
            "secrets",
            "create",
            "benchmark",
            "--host",
            HOST,
            "--header",
            "authorization",
            "--format",
            "Bearer {value}",
            "--value",
            "benchmark-secret",
        ])
        .await;
        let agent: serde_json::Value =
            serde_json::from_str(&cli(&["agents", "create", "bench", "--json"]).await).unwrap();
        let credentials = format!("Bearer {}", agent["accessToken"].as_str().unwrap());
        let environment = cli(&["run", "--", "sh", "-c", "cat \"$NODE_EXTRA_CA_CERTS\""]).await;
        let end = "-----END CERTIFICATE-----\n";
        let root = environment[..environment.find(end).unwrap() + end.len()].to_owned();
        let address = ready["gateway"][0].as_str().unwrap().parse().unwrap();
        Self { name: "onecli", proxy: Some(Proxy { address, credentials: Some(credentials), process }), root }
    }

    /// CPU seconds of the proxy so far, once it has nothing more to do.
    pub async fn cpu_seconds(&self) -> f64 {
        let Some(proxy) = &self.proxy else { return 0.0 };
        let mut last = proxy.cpu_seconds();
        loop {
            tokio::time::sleep(Duration::from_millis(150)).await;
            let now = proxy.cpu_seconds();
            if now - last < 1.5 * TICK {
                return now;
            }
            last = now;
        }
    }
}

impl Proxy {
    fn cpu_seconds(&self) -> f64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.process.id().unwrap())).unwrap();
        let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
        // utime and stime, the 14th and 15th field; the first two are cut off.
        (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) * TICK
    }

    pub fn resident_mib(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id().unwrap())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
    }
}

fn pinned(program: &Path) -> Command {
    let mut command = Command::new("taskset");
    command.args(["--cpu-list", "1"]).arg(program).kill_on_drop(true);
    command
}

fn beside(name: &str) -> PathBuf {
    std::env::current_exe().unwrap().with_file_name(name)
}
