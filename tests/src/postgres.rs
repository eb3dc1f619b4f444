//! A real PostgreSQL server, with a data directory and a port of its own.

use std::{
    fs,
    net::TcpListener,
    os::unix::fs::{PermissionsExt, chown},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use tokio_postgres::{Client, NoTls};

use crate::{generated::repository, origin};

/// A running server. It ends with this value, or with the tests.
pub struct Postgres {
    directory: PathBuf,
    port: u16,
    process: Child,
    /// Kept alive: a server ends with the thread that started it.
    _keeper: mpsc::Sender<()>,
}

pub const PASSWORD: &str = "canary-database-password";

/// The one for tests that leave it running.
pub fn shared() -> &'static Postgres {
    static SHARED: OnceLock<Postgres> = OnceLock::new();
    SHARED.get_or_init(Postgres::start)
}

impl Postgres {
    /// Makes a cluster and starts it.
    pub fn start() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let all = repository().join("target/test-postgres");
        clear(&all);
        let directory = all.join(format!("{}-{number}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join("password"), PASSWORD).unwrap();
        origin::server_files(&directory, "db.test");
        give_away(&directory);
        let data = directory.join("data");
        let password = format!("--pwfile={}", directory.join("password").display());
        let made = as_server(&program("initdb"))
            .args(["-D", data.to_str().unwrap(), "-A", "scram-sha-256", &password, "-U", "onecli"])
            .args(["-E", "UTF8", "--locale=C.UTF-8", "--no-sync"])
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let (process, keeper) = launch(&directory, port);
        let server = Self { directory, port, process, _keeper: keeper };
        server.wait();
        server
    }

    /// Starts it again, after it was stopped or killed.
    pub fn launch(&mut self) {
        (self.process, self._keeper) = launch(&self.directory, self.port);
        self.wait();
    }

    /// Ends it at once, as a crash would.
    pub fn kill(&mut self) {
        self.signal(Signal::QUIT);
        self.process.wait().unwrap();
    }

    /// Sends a signal to the server's first process.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.process), signal).unwrap();
    }

    /// The ids of all its processes.
    pub fn processes(&self) -> Vec<Pid> {
        let first = self.process.id();
        let children = fs::read_to_string(format!("/proc/{first}/task/{first}/children")).unwrap_or_default();
        let children = children.split_whitespace().map(|pid| pid.parse::<i32>().unwrap());
        [i32::try_from(first).unwrap()].into_iter().chain(children).filter_map(Pid::from_raw).collect()
    }

    /// The URL of a database.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://onecli:{PASSWORD}@127.0.0.1:{}/{database}", self.port)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// The root that its certificate for `db.test` is signed by.
    pub fn root(&self) -> PathBuf {
        self.directory.join("root.pem")
    }

    /// A new, empty database. Gives back its URL.
    pub async fn database(&self) -> String {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("d{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        self.client("postgres").await.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
        self.url(&name)
    }

    /// A client of a database, behind the product's back.
    pub async fn client(&self, database: &str) -> Client {
        client(&self.url(database)).await
    }

    fn wait(&self) {
        let begun = Instant::now();
        let is_ready = || {
            let mut command = Command::new(program("pg_isready"));
            command.args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()]);
            command.status().unwrap().success()
        };
        while !is_ready() {
            assert!(begun.elapsed() < Duration::from_secs(30), "PostgreSQL does not start");
            thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // A stopped one takes no other signal.
        let _ = kill_process(Pid::from_child(&self.process), Signal::CONT);
        let _ = kill_process(Pid::from_child(&self.process), Signal::QUIT);
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// A client of a database by its URL.
pub async fn client(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// Removes what tests left that are gone.
fn clear(all: &Path) {
    for entry in fs::read_dir(all).into_iter().flatten().flatten() {
        let name = entry.file_name().into_string().unwrap();
        let pid = name.split('-').next().unwrap();
        if !Path::new("/proc").join(pid).exists() {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// A server ends when the thread that started it does, so that one gets a thread of its own.
fn launch(directory: &Path, port: u16) -> (Child, mpsc::Sender<()>) {
    let (started, start) = mpsc::channel();
    let (keeper, kept) = mpsc::channel::<()>();
    let (directory, data) = (directory.to_owned(), directory.join("data"));
    thread::spawn(move || {
        let log = fs::File::options().create(true).append(true).open(directory.join("log")).unwrap();
        let setting = |name: &str, value: &str| format!("--{name}={value}");
        let file = |name: &str| directory.join(name).to_str().unwrap().to_owned();
        let process = as_server(&program("postgres"))
            .args(["-D", data.to_str().unwrap()])
            .args([
                setting("listen_addresses", "127.0.0.1"),
                setting("port", &port.to_string()),
                setting("unix_socket_directories", directory.to_str().unwrap()),
                // The machine does not crash in these tests, only the server.
                setting("fsync", "off"),
                setting("max_connections", "200"),
                setting("ssl", "on"),
                setting("ssl_cert_file", &file("server.pem")),
                setting("ssl_key_file", &file("server.key")),
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        started.send(process).unwrap();
        let _ = kept.recv();
    });
    (start.recv().unwrap(), keeper)
}

/// The newest one that is installed.
fn program(name: &str) -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").expect("PostgreSQL is installed");
    let mut versions: Vec<PathBuf> = versions.map(|entry| entry.unwrap().path()).collect();
    versions.sort();
    versions.pop().expect("PostgreSQL is installed").join("bin").join(name)
}

/// A command of the server's user: it refuses to run as root.
fn as_server(program: &Path) -> Command {
    if !rustix::process::geteuid().is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "--pdeathsig=KILL"]).arg(program);
    command
}

fn give_away(directory: &Path) {
    fs::set_permissions(directory.join("server.key"), fs::Permissions::from_mode(0o600)).unwrap();
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let id = |flag: &str| -> u32 {
        let output = Command::new("id").args([flag, "postgres"]).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().parse().unwrap()
    };
    let (user, group) = (id("-u"), id("-g"));
    chown(directory, Some(user), Some(group)).unwrap();
    for entry in fs::read_dir(directory).unwrap() {
        chown(entry.unwrap().path(), Some(user), Some(group)).unwrap();
    }
}
