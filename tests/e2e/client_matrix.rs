//! Clients that agents are made of, each as its users write it. `docs/clients.md` is the table of them, made from here.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Output, Stdio},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use data_encoding::BASE64;
use futures_util::stream;
use http::{HeaderValue, Response, header::CONTENT_TYPE};
use http_body_util::{StreamBody, combinators::BoxBody};
use hyper::body::Frame;
use onecli_tests::{
    canary::{CANARY, assert_no_leak},
    daemon::Daemon,
    file_server::file_server,
    generated::{assert_generated, repository, test_exists},
    origin::{Handler, Origin, whole},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader},
    process::Command,
    sync::Semaphore,
};

/// Where a client's version stands.
enum Version {
    Debian,
    Python(&'static str),
    Node(&'static str),
}

use Version::{Debian, Node, Python};

/// What the walk of `tests/clients/README.md` shows.
const WALK: &str = "GET, upload, a refusal read, a stream line by line";
const NOTHING: &str = "nothing";
const PATIENCE: Duration = Duration::from_secs(60);

/// Client, its version, what it needs beside `onecli run`, what was tried, and the test.
const CLIENTS: &[(&str, Version, &str, &str, &str)] = &[
    ("curl", Debian, NOTHING, WALK, "client_matrix::curl"),
    (
        "curl, HTTP/1.1 and HTTP/2",
        Debian,
        NOTHING,
        "100 MB with `--data-binary`",
        "large::large_bodies_pass_in_constant_memory",
    ),
    (
        "git",
        Debian,
        NOTHING,
        "clone and push over HTTPS with Basic credentials",
        "clients::git_clones_and_pushes_with_basic_credentials",
    ),
    ("Python requests", Python("requests"), NOTHING, WALK, "client_matrix::python_requests"),
    ("Python httpx", Python("httpx"), NOTHING, WALK, "client_matrix::python_httpx"),
    (
        "Python aiohttp",
        Python("aiohttp"),
        "`trust_env=True`, as for any proxy",
        WALK,
        "client_matrix::python_aiohttp",
    ),
    ("Python urllib", Debian, NOTHING, WALK, "client_matrix::python_urllib"),
    (
        "anthropic for Python",
        Python("anthropic"),
        NOTHING,
        "a message, whole and streamed",
        "client_matrix::python_anthropic",
    ),
    (
        "openai for Python",
        Python("openai"),
        NOTHING,
        "a completion, whole and streamed",
        "client_matrix::python_openai",
    ),
    (
        "Node's fetch with undici",
        Node("undici"),
        "`setGlobalDispatcher(new EnvHttpProxyAgent())` before Node 24, which reads `NODE_USE_ENV_PROXY`",
        WALK,
        "client_matrix::node_undici",
    ),
    (
        "Node's https with https-proxy-agent",
        Node("https-proxy-agent"),
        "`new HttpsProxyAgent(process.env.HTTPS_PROXY)`",
        WALK,
        "client_matrix::node_https_proxy_agent",
    ),
    (
        "aiohttp, WebSocket",
        Python("aiohttp"),
        "`trust_env=True`",
        "handshake with a credential, text, 200 KB, ping, close codes",
        "websocket::a_real_client_speaks_with_a_real_service",
    ),
    (
        "grpcio",
        Python("grpcio"),
        NOTHING,
        "a call, a stream in both directions, a failure with trailers",
        "grpc::calls_and_streams_pass_with_a_credential",
    ),
    ("Go net/http", Debian, NOTHING, WALK, "client_matrix::go"),
    (
        "Java java.net.http",
        Debian,
        "proxy, credentials and trust store set in the program, from `HTTPS_PROXY` and `SSL_CERT_FILE`: see `tests/clients/Client.java`",
        WALK,
        "client_matrix::java",
    ),
    (
        "pip",
        Debian,
        NOTHING,
        "installs from a private index",
        "client_matrix::pip_installs_from_a_private_index",
    ),
    (
        "npm",
        Debian,
        NOTHING,
        "installs from a private registry",
        "client_matrix::npm_installs_from_a_private_registry",
    ),
];

fn clients() -> PathBuf {
    repository().join("tests/clients")
}

/// The Python with the packages of `requirements.txt`.
fn python() -> PathBuf {
    made_by_the_test_command("target/test-venv/bin/python")
}

fn made_by_the_test_command(path: &str) -> PathBuf {
    let path = repository().join(path);
    assert!(path.exists(), "{} is missing; ./test makes it", path.display());
    path
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Runs a client behind the gateway. Lets the service's next line go only when the client has shown the one before.
async fn lines(mut command: Command, streamed: &str, release: impl Fn()) -> Vec<String> {
    let mut client = command.stdin(Stdio::null()).spawn().unwrap();
    let mut shown = BufReader::new(client.stdout.take().unwrap()).lines();
    let mut said = client.stderr.take().unwrap();
    release();
    let reading = async {
        let mut lines = Vec::new();
        while let Some(line) = shown.next_line().await.unwrap() {
            if line.starts_with(streamed) {
                release();
            }
            lines.push(line);
        }
        lines
    };
    let mut errors = String::new();
    let both = async { tokio::join!(reading, said.read_to_string(&mut errors)) };
    // A line that is held back on its way would hold up both sides.
    let (lines, _) = tokio::time::timeout(PATIENCE, both).await.expect("a line was held back");
    assert!(client.wait().await.unwrap().success(), "{lines:?}\n{errors}");
    lines
}

/// Takes a client on the walk that `tests/clients/README.md` describes.
async fn walk(program: &[&str], environment: &[(&str, &Path)]) {
    let origin = Origin::start().await;
    let daemon = Daemon::start(&origin, &["api.test:443"]).await;
    let options = ["--host", "api.test", "--header", "authorization", "--format", "Bearer {value}"];
    daemon.secret("api", CANARY, &options).await;
    let rule =
        ["rules", "create", "no", "--action", "block", "--host", "api.test", "--path", "/blocked", "--json"];
    daemon.json(&rule).await;
    let mut command = daemon.command(&["run", "--"]);
    command.args(program).arg("https://api.test").envs(environment.iter().copied());
    let lines = lines(command, "chunk", || origin.release_chunk()).await;
    let expected = [
        "get 200 {\"hello\":\"agent\"}",
        "post 100000",
        "blocked 403 blocked_by_policy",
        "chunk 0",
        "chunk 1",
        "chunk 2",
        "end",
    ];
    assert_eq!(lines, expected);
    let injected = format!("Bearer {CANARY}");
    let received = origin.received();
    let paths: Vec<&str> = received.iter().map(|request| request.uri.path()).collect();
    assert_eq!(paths, ["/hello", "/count", "/stream/3"], "what is blocked does not arrive");
    assert!(received.iter().all(|request| request.header("authorization") == Some(&injected)));
    let events = daemon.audit().await;
    // Java asks without its token first.
    let decisions =
        events.iter().filter(|event| event["agentId"].is_string()).map(|event| &event["decision"]);
    assert_eq!(decisions.collect::<Vec<_>>(), ["allowed", "blocked", "allowed", "allowed"]);
    assert_no_leak(&daemon, &[lines.concat().as_bytes()]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn curl() {
    walk(&["sh", text(&clients().join("curl.sh"))], &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn python_requests() {
    walk(&[text(&python()), text(&clients().join("python_requests.py"))], &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn python_httpx() {
    walk(&[text(&python()), text(&clients().join("python_httpx.py"))], &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn python_aiohttp() {
    walk(&[text(&python()), text(&clients().join("python_aiohttp.py"))], &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn python_urllib() {
    walk(&["python3", text(&clients().join("python_urllib.py"))], &[]).await;
}

/// A program for Node, with the packages of `package.json`.
async fn node(program: &str) {
    let packages = made_by_the_test_command("target/test-node/node_modules");
    walk(&["node", text(&clients().join(program))], &[("NODE_PATH", &packages)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn node_undici() {
    node("node_undici.cjs").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn node_https_proxy_agent() {
    node("node_https_proxy_agent.cjs").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn go() {
    let kept = repository().join("target/test-go");
    fs::create_dir_all(&kept).unwrap();
    let kept = kept.canonicalize().unwrap();
    let program = kept.join("client");
    let mut compiler = Command::new("go");
    compiler.args(["build", "-o", text(&program), "client.go"]).current_dir(clients());
    let built = compiler.env("GOCACHE", kept.join("cache")).env("GOPATH", kept.join("path")).output().await;
    let built = built.unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    walk(&[text(&program)], &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn java() {
    walk(&["java", text(&clients().join("Client.java"))], &[]).await;
}

/// A service that answers a question with `whole`, or with `pieces` one by one if it is asked to stream.
fn model(answer: Value, pieces: &'static [&'static str], gate: &Arc<Semaphore>) -> Handler {
    let gate = Arc::clone(gate);
    Arc::new(move |request| {
        let question: Value = serde_json::from_slice(&request.body).unwrap();
        let (kind, body) = match question["stream"] == true {
            true => ("text/event-stream", gated(pieces, Arc::clone(&gate))),
            false => ("application/json", whole(answer.to_string())),
        };
        let mut response = Response::new(body);
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        response
    })
}

fn gated(pieces: &'static [&'static str], gate: Arc<Semaphore>) -> onecli_tests::origin::ServiceBody {
    let frames = stream::unfold(pieces.iter(), move |mut left| {
        let gate = Arc::clone(&gate);
        async move {
            let piece = left.next()?;
            gate.acquire().await.unwrap().forget();
            Some((Ok(Frame::data(Bytes::from_static(piece.as_bytes()))), left))
        }
    });
    let frames: std::pin::Pin<Box<dyn futures_util::Stream<Item = _> + Send + Sync>> = Box::pin(frames);
    BoxBody::new(StreamBody::new(frames))
}

/// Asks a model's service by its own package, which finds a placeholder in the environment.
async fn ask(kind: &str, program: &str, answer: Value, pieces: &'static [&'static str]) -> Origin {
    let gate = Arc::new(Semaphore::new(0));
    let origin = Origin::with(&["h2", "http/1.1"], Some(model(answer, pieces, &gate))).await;
    let daemon = Daemon::start(&origin, &[&format!("api.{kind}.com:443")]).await;
    daemon.secret(kind, CANARY, &["--type", kind]).await;
    let mut command = daemon.command(&["run", "--"]);
    command.args([&python(), &clients().join(program)]);
    let lines = lines(command, "piece", || gate.add_permits(1)).await;
    assert_eq!(lines, ["whole all of it", "piece one", "piece two", "end"]);
    assert_no_leak(&daemon, &[lines.concat().as_bytes()]).await;
    origin
}

#[tokio::test(flavor = "multi_thread")]
async fn python_anthropic() {
    let answer = json!({
        "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-test", "stop_reason": "end_turn",
        "stop_sequence": null, "content": [{"type": "text", "text": "all of it"}],
        "usage": {"input_tokens": 1, "output_tokens": 1},
    });
    let pieces = &[
        concat!(
            "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"type\":\"message\",\
             \"role\":\"assistant\",\"model\":\"claude-test\",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,\
             \"usage\":{\"input_tokens\":1,\"output_tokens\":1}}}\n\n",
            "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\
             \"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
            "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\
             \"delta\":{\"type\":\"text_delta\",\"text\":\"one\"}}\n\n"
        ),
        "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\
         \"delta\":{\"type\":\"text_delta\",\"text\":\"two\"}}\n\n",
        concat!(
            "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n",
            "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\",\
             \"stop_sequence\":null},\"usage\":{\"output_tokens\":2}}\n\n",
            "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"
        ),
    ];
    let origin = ask("anthropic", "python_anthropic.py", answer, pieces).await;
    for request in origin.received() {
        assert_eq!((request.header("x-api-key"), request.header("authorization")), (Some(CANARY), None));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn python_openai() {
    let answer = json!({
        "id": "c", "object": "chat.completion", "created": 0, "model": "gpt-test",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "all of it"}}],
    });
    let pieces = &[
        "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":0,\"model\":\"gpt-test\",\
         \"choices\":[{\"index\":0,\"delta\":{\"content\":\"one\"},\"finish_reason\":null}]}\n\n",
        "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":0,\"model\":\"gpt-test\",\
         \"choices\":[{\"index\":0,\"delta\":{\"content\":\"two\"},\"finish_reason\":null}]}\n\n",
        "data: [DONE]\n\n",
    ];
    let origin = ask("openai", "python_openai.py", answer, pieces).await;
    for request in origin.received() {
        assert_eq!(request.header("authorization"), Some(&*format!("Bearer {CANARY}")));
    }
}

/// Installs a package from an index that only who has the credentials can read.
async fn install(host: &str, script: &str) -> Output {
    let index = tempfile::tempdir().unwrap();
    let made = Command::new("python3")
        .arg(clients().join("make_packages.py"))
        .arg(index.path())
        .status()
        .await
        .unwrap();
    assert!(made.success());
    let authorization = format!("Basic {}", BASE64.encode(format!("reader:{CANARY}").as_bytes()));
    let origin = Origin::with(&["h2", "http/1.1"], Some(file_server(index.path(), authorization))).await;
    let daemon = Daemon::start(&origin, &[&format!("{host}:443")]).await;
    daemon.secret("index", CANARY, &["--host", host, "--basic", "reader"]).await;
    let mut command = daemon.command(&["run", "--", "sh", "-ec", script]);
    let output = command.env("PYTHON", python()).current_dir(daemon.home()).output().await.unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("from a private index"), "{output:?}");
    assert_no_leak(&daemon, &[&output.stdout, &output.stderr]).await;
    output
}

#[tokio::test(flavor = "multi_thread")]
async fn pip_installs_from_a_private_index() {
    let script = "$PYTHON -m pip install --quiet --target here --index-url https://pypi.test/simple/ vaulted
                  PYTHONPATH=here $PYTHON -c 'import vaulted; print(vaulted.WORD)'";
    install("pypi.test", script).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn npm_installs_from_a_private_registry() {
    let script = "npm install --no-audit --no-fund --no-update-notifier --registry https://npm.test/ vaulted
                  node -p 'require(\"vaulted\")'";
    install("npm.test", script).await;
}

fn version(version: &Version) -> String {
    let requirements = fs::read_to_string(clients().join("requirements.txt")).unwrap();
    let package: Value = serde_json::from_slice(&fs::read(clients().join("package.json")).unwrap()).unwrap();
    match version {
        Debian => "the system's".to_owned(),
        Python(name) => {
            let pinned = requirements.lines().find_map(|line| line.strip_prefix(&format!("{name}==")));
            pinned.unwrap_or_else(|| panic!("{name} is not in requirements.txt")).to_owned()
        }
        Node(name) => package["dependencies"][name].as_str().unwrap().to_owned(),
    }
}

#[test]
fn the_table_of_clients_is_what_the_tests_say() {
    let mut table = "# Clients\n\nWhat was tried behind the gateway, each by a test with a real daemon and a real TLS service: the client holds \
         no key, and the service gets one. Made by `ONECLI_WRITE_DOCS=1 ./test the_table_of_clients`; a test fails when it is not \
         what the tests say.\n\n`onecli run` sets the variables that clients read for proxy and trusted roots. What a client needs \
         beside that stands in the third column.\n\n| client | version | needs beside `onecli run` | what was tried | test |\n\
         |---|---|---|---|---|\n"
        .to_owned();
    for (client, of, needs, tried, test) in CLIENTS {
        assert!(test_exists(test), "{client}: there is no test {test}");
        table.push_str(&format!("| {client} | {} | {needs} | {tried} | `{test}` |\n", version(of)));
    }
    assert_generated("docs/clients.md", &table, "the_table_of_clients");
}
