//! The daemon: everything wired together.

use std::{net::TcpListener, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use onecli_core::{
    admin::Admin,
    ca::CertificateAuthority,
    clock,
    gateway::{Gateway, GatewayHandle},
    model::Host,
    policy::Policy,
    store::{GatewayRow, PostgresUrl, SqliteStore, Store},
    vault::Vault,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use url::Url;

use crate::{
    announce,
    api::{self, AllowedHosts, ApiServer, Backend, LocalSocket, Reach},
    data_dir::DataDir,
    gateway_service::GatewayService,
    hardening, listeners, owner_key, presence, renewal, retention,
    settings::{ServingSettings, Settings},
    waiting,
};

/// A running daemon.
pub(crate) struct Daemon {
    gateway: GatewayHandle,
    api: ApiServer,
    tasks: TaskTracker,
    stop: CancellationToken,
    drain: Duration,
    /// Dropped last: it lets go of the data dir.
    _directory: DataDir,
}

impl Daemon {
    /// Starts the gateway and the API.
    pub(crate) async fn launch(settings: Settings) -> Result<Self> {
        let Settings { storage, gateway, limits, serving, policy, .. } = settings;
        // First the lock: a second daemon is told of the first, not of its ports.
        let directory = DataDir::open(&storage.data_dir)?;
        let gateway_listeners = listeners::gateway(&gateway.addresses)?;
        let dashboard_listener = listeners::dashboard(serving.address)?;
        let dashboard = dashboard_listener.local_addr()?;

        let (store, name) =
            open_store(storage.database.as_ref(), &directory, &gateway_listeners, &dashboard_listener)
                .await?;
        let master_keys = match storage.master_keys {
            Some(keys) => keys,
            None => directory.master_keys(&name, store.has_sealed_data().await?)?,
        };
        let vault = Arc::new(Vault::open(master_keys, &*store).await.context("the vault can't be opened")?);
        let authority = CertificateAuthority::load_or_create(&*store, &vault).await;
        let authority = Arc::new(authority.context("the root certificate can't be loaded")?);

        // All that the policy consists of is there before the gateway takes its first request.
        let preparing = Admin::new(Arc::clone(&store), Arc::clone(&vault), Policy::empty());
        preparing.adopt_variables(&policy.variables(), &policy.given).await?;
        let is_first_start = preparing.ensure_default().await?;
        owner_key::ensure(&directory, &*store, &vault).await?;

        let mut builder = Gateway::builder(
            Arc::clone(&store),
            Arc::clone(&vault),
            Arc::clone(&authority),
            directory.journal(),
        )
        .name(gateway_name())
        .fsync(gateway.audit_fsync)
        .journal_failure(gateway.journal_failure)
        .max_stale(gateway.max_stale)
        .limits(limits.within(hardening::raise_open_files()))
        .connect_to(gateway.resolve)
        .upstream_roots(gateway.upstream_roots)
        .never_connect_to(&[dashboard], &own_names(&serving))
        .local_service(Arc::new(GatewayService::new(authority.root_pem())));
        if let Some(proxy) = gateway.upstream_proxy {
            tracing::info!("connections to services go through the proxy {proxy}");
            builder = builder.upstream_proxy(proxy);
        }
        if let Some(files) = &gateway.tls {
            builder = builder.tls(files.tls.clone());
        }
        for listener in gateway_listeners {
            builder = builder.listener(listener);
        }
        let handle = builder.start().await.context("the gateway can't start")?;

        let backend = Arc::new(Backend {
            admin: Admin::new(Arc::clone(&store), Arc::clone(&vault), Arc::clone(handle.policy())),
            recorder: Arc::clone(handle.recorder()),
            root_pem: authority.root_pem().to_owned(),
            trust_bundle: api::trust_bundle(authority.root_pem()),
            reach: Reach {
                listeners: handle.local_addrs().to_vec(),
                base_url: serving.gateway_base_url,
                public_url: serving.gateway_public_url,
            },
            store: Arc::clone(&store),
            vault,
        });
        let hosts = AllowedHosts::new(dashboard, serving.app_url.as_ref(), &serving.allowed_hosts);
        let socket = LocalSocket::bind(&directory.api_socket())?;
        let api = ApiServer::start(&api::app(backend, hosts), dashboard_listener, socket)?;

        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        tasks.spawn(retention::run(Arc::clone(&store), Arc::clone(handle.policy()), stop.clone()));
        let row = GatewayRow {
            id: presence::id(&directory)?,
            host_name: gateway_name(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            addresses: handle.local_addrs().iter().map(ToString::to_string).collect(),
            last_seen_at: clock::now(),
        };
        tasks.spawn(presence::run(Arc::clone(&store), row, stop.clone()));
        if let Some(files) = gateway.tls.clone() {
            tasks.spawn(renewal::run(files, stop.clone()));
        }
        directory.announce(handle.local_addrs(), dashboard)?;
        announce::listeners(handle.local_addrs(), gateway.tls.is_some(), dashboard);
        if is_first_start {
            announce::first_steps();
        }
        Ok(Self { gateway: handle, api, tasks, stop, drain: gateway.drain, _directory: directory })
    }

    /// Takes no more connections, lets running exchanges end, and brings every audit event into the store.
    pub(crate) async fn shutdown(self) {
        self.stop.cancel();
        self.tasks.close();
        // The API goes first: nobody is told of a gateway that is closing.
        self.api.shutdown().await;
        self.gateway.shutdown(self.drain).await;
        self.tasks.wait().await;
    }
}

/// The store, and what to call it.
async fn open_store(
    url: Option<&PostgresUrl>, directory: &DataDir, gateway: &[TcpListener], dashboard: &TcpListener,
) -> Result<(Arc<dyn Store>, String)> {
    let Some(url) = url else {
        let path = directory.database();
        let name = format!("the database {}", path.display());
        let store = SqliteStore::open(&path).await.with_context(|| format!("{name} can't be opened"))?;
        return Ok((Arc::new(store), name));
    };
    let name = format!("the database {url}");
    let store = waiting::open(url, &name, gateway, dashboard).await?;
    tracing::info!("{name} is used");
    Ok((Arc::new(store), name))
}

/// What this gateway is called in audit events.
fn gateway_name() -> String {
    let name = rustix::system::uname();
    name.nodename().to_str().ok().filter(|name| !name.is_empty()).unwrap_or("gateway").to_owned()
}

/// The public names of this daemon, to which agents are never connected.
fn own_names(serving: &ServingSettings) -> Vec<(Host, Option<u16>)> {
    let urls = [&serving.app_url, &serving.gateway_public_url].into_iter().flatten();
    let of_urls =
        urls.filter_map(|url: &Url| Some((Host::parse(url.host_str()?).ok()?, url.port_or_known_default())));
    let of_base = serving.gateway_base_url.iter().filter_map(|base| {
        let (host, port) = base.rsplit_once(':')?;
        Some((Host::parse(host).ok()?, port.parse().ok()))
    });
    of_urls.chain(of_base).collect()
}
