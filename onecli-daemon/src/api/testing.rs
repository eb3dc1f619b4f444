//! An API over an empty store in memory, for the tests of its calls.

use std::sync::Arc;

use onecli_core::{
    admin::Admin,
    audit::{Fsync, Journal, Recorder},
    clock,
    model::ApiKeyId,
    policy::Policy,
    store::{ApiKeyRow, Role, SqliteStore, Store},
    vault::{MasterKeys, Token, TokenKind, Vault},
};
use poem::{Endpoint, Request, Response, endpoint::BoxEndpoint};
use serde_json::Value;
use tempfile::TempDir;
use tokio_util::sync::{CancellationToken, DropGuard};
use url::Url;

use super::{AllowedHosts, Backend, Reach};

pub(crate) struct TestApi {
    pub(crate) backend: Arc<Backend>,
    app: Arc<BoxEndpoint<'static, Response>>,
    _journal: TempDir,
    _running: DropGuard,
}

impl TestApi {
    pub(crate) async fn new() -> Self {
        let store: Arc<dyn Store> = Arc::new(SqliteStore::in_memory().await.unwrap());
        let vault = Arc::new(Vault::open(MasterKeys::generate().unwrap().0, &*store).await.unwrap());
        let journal = tempfile::tempdir().unwrap();
        let recorder = Recorder::new(Journal::open(journal.path(), Fsync::Group).unwrap(), "test".into());
        let policy = Policy::empty();
        let stop = CancellationToken::new();
        let (followed, feed, stopped) = (policy.clone(), store.clone(), stop.clone());
        tokio::spawn(async move { followed.follow(feed, std::time::Duration::from_secs(60), stopped).await });
        let (drained, into, stopped) = (recorder.clone(), store.clone(), stop.clone());
        tokio::spawn(async move { drained.drain(&*into, stopped).await });
        let admin = Admin::new(store.clone(), vault.clone(), policy);
        admin.ensure_default().await.unwrap();
        let backend = Arc::new(Backend {
            store,
            vault,
            admin,
            recorder,
            root_pem: "ROOT\n".into(),
            trust_bundle: "ROOT\nOTHERS\n".into(),
            reach: Reach {
                listeners: vec!["172.17.0.1:10255".parse().unwrap(), "127.0.0.1:10255".parse().unwrap()],
                base_url: None,
                public_url: None,
            },
        });
        let app_url = Url::parse("https://app.example.com").unwrap();
        let hosts = AllowedHosts::new("127.0.0.1:10254".parse().unwrap(), Some(&app_url), &[]);
        let app = super::app(backend.clone(), hosts);
        Self { backend, app, _journal: journal, _running: stop.drop_guard() }
    }

    /// A new key with this role.
    pub(crate) async fn key(&self, role: Role) -> String {
        let key = Token::generate(TokenKind::ApiKey).unwrap();
        let row = ApiKeyRow {
            id: ApiKeyId::generate(),
            name: role.as_str().into(),
            role,
            hash: self.backend.vault.hash_token(key.reveal()),
            prefix: "oc_".into(),
            created_at: clock::now(),
            expires_at: None,
        };
        self.backend.store.create_api_key(&row).await.unwrap();
        key.reveal().to_owned()
    }

    /// The default agent's token.
    pub(crate) async fn agent_token(&self) -> String {
        let agent = self.backend.admin.default_agent().await.unwrap();
        self.backend.admin.agent_token(agent.id).await.unwrap().reveal().to_owned()
    }

    pub(crate) async fn call(&self, request: Request) -> Response {
        self.app.call(request).await.unwrap()
    }

    pub(crate) async fn send_as(
        &self, key: &str, method: &str, path: &str, body: Option<Value>,
    ) -> (u16, Value) {
        let request = request(method, path, body).header("host", "localhost:10254");
        read(self.call(request.header("authorization", format!("Bearer {key}")).finish_body()).await).await
    }

    /// As the owner, over the local socket.
    pub(crate) async fn send_locally(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let request = request(method, path, body).finish_body();
        read(super::local(&self.app).call(request).await.unwrap()).await
    }
}

struct Unsent(poem::RequestBuilder, Option<Value>);

impl Unsent {
    fn header(self, name: &str, value: impl Into<String>) -> Self {
        Self(self.0.header(name, value.into()), self.1)
    }

    fn finish_body(self) -> Request {
        match self.1 {
            Some(body) => self.0.body(body.to_string()),
            None => self.0.finish(),
        }
    }
}

fn request(method: &str, path: &str, body: Option<Value>) -> Unsent {
    Unsent(Request::builder().method(method.parse().unwrap()).uri_str(path), body)
}

/// The status and the body: as JSON, or as a text.
async fn read(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    let text = response.into_body().into_string().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}
