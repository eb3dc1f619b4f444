//! The real daemon as a process of its own, and the `onecli` command beside it.

use std::{
    fs,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    process::{ExitStatus, Output, Stdio},
    sync::{Arc, Mutex},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    process::{Child, Command},
};

use crate::{eventually, origin::Origin};

/// A daemon on ports of its own and a data directory of its own. Ends with this value.
pub struct Daemon {
    directory: TempDir,
    environment: Vec<(String, String)>,
    /// A program and its first arguments that the daemon is started by.
    started_by: Vec<String>,
    process: Option<Child>,
    log: Arc<Mutex<Vec<u8>>>,
    pub gateway: String,
    pub api: String,
}

/// The built program.
pub fn onecli() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let built = test.parent().and_then(Path::parent).unwrap().join("onecli");
    assert!(built.exists(), "{} is not built; run `cargo build -p onecli-cli`", built.display());
    built
}

impl Daemon {
    /// One for which `hosts` lead to `origin`.
    pub async fn start(origin: &Origin, hosts: &[&str]) -> Self {
        Self::with(origin, hosts, &[]).await
    }

    /// One with more settings.
    pub async fn with(origin: &Origin, hosts: &[&str], settings: &[(&str, &str)]) -> Self {
        let mut daemon = Self::prepare(origin, hosts, settings);
        daemon.launch().await;
        daemon
    }

    /// One that is not running yet.
    pub fn prepare(origin: &Origin, hosts: &[&str], settings: &[(&str, &str)]) -> Self {
        Self::before(origin.address, &origin.ca_pem, hosts, settings)
    }

    /// One that stands before the service at an address, whose certificates are signed by `ca_pem`; not running yet.
    pub fn before(address: SocketAddr, ca_pem: &str, hosts: &[&str], settings: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let roots = directory.path().join("origin.pem");
        fs::write(&roots, ca_pem).unwrap();
        let resolve: Vec<String> = hosts.iter().map(|host| format!("{host}={address}")).collect();
        let mut environment: Vec<(String, String)> = [
            ("ONECLI_GATEWAY_ADDR", "127.0.0.1:0"),
            ("ONECLI_DASHBOARD_ADDR", "127.0.0.1:0"),
            ("ONECLI_ALLOW_PRIVATE", "127.0.0.0/8"),
            ("ONECLI_RESOLVE", &resolve.join(",")),
            ("ONECLI_UPSTREAM_CA_FILE", roots.to_str().unwrap()),
            ("RUST_LOG", "trace"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        for (name, value) in settings {
            environment.retain(|(known, _)| known != name);
            environment.push(((*name).to_owned(), (*value).to_owned()));
        }
        Self {
            directory,
            environment,
            started_by: Vec::new(),
            process: None,
            log: Arc::default(),
            gateway: String::new(),
            api: String::new(),
        }
    }

    /// Has its system ask another name server.
    pub fn ask_names_at(&mut self, server: IpAddr) {
        let file = self.home().join("resolv.conf");
        fs::write(&file, format!("nameserver {server}\n")).unwrap();
        // In a view of the file system that is the daemon's own.
        let script = format!("mount --bind {} /etc/resolv.conf && exec \"$@\"", file.display());
        self.start_by(&["unshare", "--mount", "sh", "-c", &script, "sh"]);
    }

    /// Starts it by another program, which becomes it.
    pub fn start_by(&mut self, program: &[&str]) {
        self.started_by = program.iter().map(|part| (*part).to_owned()).collect();
    }

    /// Starts it, and waits until it answers.
    pub async fn launch(&mut self) {
        let mut process = self.command(&["start"]).stdin(Stdio::null()).spawn().unwrap();
        collect(process.stdout.take().unwrap(), &self.log);
        collect(process.stderr.take().unwrap(), &self.log);
        let file = self.data_dir().join("daemon.json");
        let pid = process.id().unwrap();
        let process = Mutex::new(process);
        let ready = eventually("the daemon is ready", || {
            let ended = process.lock().unwrap().try_wait().unwrap();
            let ready = fs::read(&file).ok().and_then(|text| serde_json::from_slice::<Value>(&text).ok());
            let log = self.log();
            async move {
                assert!(ended.is_none(), "the daemon ended: {ended:?}\n{log}");
                ready.filter(|ready| ready["pid"] == pid)
            }
        })
        .await;
        self.gateway = ready["gateway"][0].as_str().unwrap().to_owned();
        self.api = format!("http://{}", ready["dashboard"].as_str().unwrap());
        self.process = Some(process.into_inner().unwrap());
    }

    /// Kills it, as a crash would.
    pub async fn kill(&mut self) {
        let mut process = self.process.take().unwrap();
        process.kill().await.unwrap();
    }

    /// Has it end at once, as a fault that aborts would, and gives back how it ended.
    pub async fn abort(&mut self) -> ExitStatus {
        let mut process = self.process.take().unwrap();
        let pid = Pid::from_raw(process.id().unwrap().try_into().unwrap()).unwrap();
        kill_process(pid, Signal::ABORT).unwrap();
        process.wait().await.unwrap()
    }

    /// Asks it to stop, and gives back its exit code.
    pub async fn stop(&mut self) -> Option<i32> {
        let mut process = self.process.take().unwrap();
        let pid = Pid::from_raw(process.id().unwrap().try_into().unwrap()).unwrap();
        kill_process(pid, Signal::TERM).unwrap();
        process.wait().await.unwrap().code()
    }

    /// Everything that it has written to its outputs.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&self.log.lock().unwrap()).into_owned()
    }

    pub fn home(&self) -> &Path {
        self.directory.path()
    }

    pub fn data_dir(&self) -> PathBuf {
        self.home().join("data")
    }

    pub fn pid(&self) -> u32 {
        self.process.as_ref().unwrap().id().unwrap()
    }

    /// What it holds in memory, in KiB.
    pub fn resident_kib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// The `onecli` command, in the environment of this daemon.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let is_start = arguments.first() == Some(&"start");
        let mut command = match self.started_by.split_first().filter(|_| is_start) {
            Some((program, before)) => {
                let mut command = Command::new(program);
                command.args(before).arg(onecli());
                command
            }
            None => Command::new(onecli()),
        };
        command
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", self.home())
            .env("ONECLI_DATA_DIR", self.data_dir())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        if is_start {
            command.envs(self.environment.iter().cloned());
        }
        command
    }

    /// Runs `onecli`, with nothing on its standard input.
    pub async fn cli(&self, arguments: &[&str]) -> Output {
        self.command(arguments).stdin(Stdio::null()).output().await.unwrap()
    }

    /// Runs `onecli`, which must succeed, and reads its JSON.
    pub async fn json(&self, arguments: &[&str]) -> Value {
        let output = self.cli(arguments).await;
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Runs a command behind the gateway.
    pub async fn run(&self, arguments: &[&str]) -> Output {
        let mut all = vec!["run", "--"];
        all.extend(arguments);
        self.cli(&all).await
    }

    /// Stores a secret.
    pub async fn secret(&self, name: &str, value: &str, options: &[&str]) -> Value {
        let file = self.home().join("value");
        fs::write(&file, value).unwrap();
        let mut arguments = vec!["secrets", "create", name, "--value-file", file.to_str().unwrap()];
        arguments.extend(options);
        let stored = self.json(&arguments).await;
        fs::remove_file(file).unwrap();
        stored
    }

    /// The token of the default agent.
    pub async fn token(&self) -> String {
        let config = self.get("/v1/container-config").await;
        let proxy = config["env"]["HTTPS_PROXY"].as_str().unwrap().to_owned();
        proxy.split_once("//x:").unwrap().1.split_once('@').unwrap().0.to_owned()
    }

    /// The root certificate that agents trust.
    pub async fn root(&self) -> String {
        self.call(reqwest::Method::GET, "/v1/gateway/ca", None).await.text().await.unwrap()
    }

    pub fn api_key(&self) -> String {
        fs::read_to_string(self.data_dir().join("api-key")).unwrap().trim().to_owned()
    }

    /// Calls the API with the owner's key.
    pub async fn call(&self, method: reqwest::Method, path: &str, body: Option<Value>) -> reqwest::Response {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let mut request = client.request(method, format!("{}{path}", self.api)).bearer_auth(self.api_key());
        if let Some(body) = body {
            request = request.json(&body);
        }
        request.send().await.unwrap()
    }

    pub async fn get(&self, path: &str) -> Value {
        let response = self.call(reqwest::Method::GET, path, None).await;
        assert!(response.status().is_success(), "{path}: {response:?}");
        response.json().await.unwrap()
    }

    /// The audit log, newest first.
    pub async fn audit(&self) -> Vec<Value> {
        self.get("/v1/audit?limit=1000").await.as_array().unwrap().clone()
    }

    /// How many secrets were opened for requests.
    pub async fn secret_opens(&self) -> u64 {
        self.get("/v1/health").await["secretOpens"].as_u64().unwrap()
    }
}

fn collect(mut output: impl AsyncRead + Unpin + Send + 'static, log: &Arc<Mutex<Vec<u8>>>) {
    let log = Arc::clone(log);
    tokio::spawn(async move {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(length) = output.read(&mut buffer).await {
            if length == 0 {
                return;
            }
            log.lock().unwrap().extend_from_slice(&buffer[..length]);
        }
    });
}
