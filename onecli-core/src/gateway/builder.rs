//! Putting a gateway together, and holding on to it while it runs.

use std::{
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use rustls::pki_types::CertificateDer;
use tokio::task::JoinHandle;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    ClosedConnections, GatewayTls, Limits, LocalService, Shared, Upstream, accept, activity::Activity,
    connections::Connections, connector::GuardedConnector, guesses::Guesses, upstream,
};
use crate::{
    audit::{Fsync, Journal, JournalError, JournalFailure, Recorder},
    ca::CertificateAuthority,
    destination::{ConnectTo, DestinationGuard, UpstreamProxy},
    model::Host,
    policy::Policy,
    rules::RuleEngine,
    store::{LimitStore, Store, StoreError},
    vault::Vault,
};

/// The gateway: a forward proxy that puts secrets into the requests of agents that the rules permit.
#[derive(Debug)]
pub struct Gateway;

impl Gateway {
    /// Begins with the four things that a gateway can't do without: where the policy is, what opens its secrets, what
    /// agents trust, and where its audit journal lies.
    #[must_use]
    pub fn builder(
        store: Arc<dyn Store>, vault: Arc<Vault>, authority: Arc<CertificateAuthority>,
        journal: impl Into<PathBuf>,
    ) -> GatewayBuilder {
        GatewayBuilder {
            store,
            vault,
            authority,
            journal: journal.into(),
            fsync: Fsync::default(),
            journal_failure: JournalFailure::default(),
            name: "gateway".into(),
            listeners: Vec::new(),
            connect_to: Vec::new(),
            upstream_roots: Vec::new(),
            upstream_proxy: None,
            tls: None,
            local: None,
            limits: Limits::default(),
            max_stale: MAX_STALE,
            own_listeners: Vec::new(),
            own_names: Vec::new(),
        }
    }
}

/// How long the last policy is good for, unless it is said otherwise.
const MAX_STALE: Duration = Duration::from_secs(300);

/// What a gateway is made of.
pub struct GatewayBuilder {
    store: Arc<dyn Store>,
    vault: Arc<Vault>,
    authority: Arc<CertificateAuthority>,
    journal: PathBuf,
    fsync: Fsync,
    journal_failure: JournalFailure,
    name: String,
    listeners: Vec<TcpListener>,
    connect_to: Vec<ConnectTo>,
    upstream_roots: Vec<CertificateDer<'static>>,
    upstream_proxy: Option<UpstreamProxy>,
    tls: Option<GatewayTls>,
    local: Option<Arc<dyn LocalService>>,
    limits: Limits,
    max_stale: Duration,
    own_listeners: Vec<SocketAddr>,
    own_names: Vec<(Host, Option<u16>)>,
}

/// Why a gateway does not start.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum GatewayError {
    #[error("the gateway has no listener")]
    NoListener,
    #[error("a listener can't be used")]
    Listener(#[source] std::io::Error),
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error("the policy can't be read")]
    Store(#[from] StoreError),
    #[error("an upstream root certificate can't be used: {0}")]
    Roots(#[from] rustls::Error),
}

impl GatewayBuilder {
    /// Serves on this bound listener too.
    #[must_use]
    pub fn listener(mut self, listener: TcpListener) -> Self {
        self.listeners.push(listener);
        self
    }

    /// The name of this gateway in audit events.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// When audit records are durable against power loss.
    #[must_use]
    pub fn fsync(mut self, fsync: Fsync) -> Self {
        self.fsync = fsync;
        self
    }

    /// What becomes of requests while audit events can't be written.
    #[must_use]
    pub fn journal_failure(mut self, failure: JournalFailure) -> Self {
        self.journal_failure = failure;
        self
    }

    /// Connects to other addresses than names say.
    #[must_use]
    pub fn connect_to(mut self, connect_to: Vec<ConnectTo>) -> Self {
        self.connect_to = connect_to;
        self
    }

    /// Trusts these roots for services, besides the platform's.
    #[must_use]
    pub fn upstream_roots(mut self, roots: Vec<CertificateDer<'static>>) -> Self {
        self.upstream_roots = roots;
        self
    }

    /// Connects to services through this proxy.
    #[must_use]
    pub fn upstream_proxy(mut self, proxy: UpstreamProxy) -> Self {
        self.upstream_proxy = Some(proxy);
        self
    }

    /// Speaks TLS on its listeners too, besides plain HTTP: a token from another machine does not travel in clear then.
    #[must_use]
    pub fn tls(mut self, tls: GatewayTls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Answers requests to the gateway itself.
    #[must_use]
    pub fn local_service(mut self, service: Arc<dyn LocalService>) -> Self {
        self.local = Some(service);
        self
    }

    /// Lets agents and services take so much, and so long.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Goes on with the last policy for so long while the store is away; then requests are refused. It takes up to three seconds
    /// until its being away is noticed.
    #[must_use]
    pub fn max_stale(mut self, max_stale: Duration) -> Self {
        self.max_stale = max_stale;
        self
    }

    /// Never connects to these listeners of the same program either, nor to these names of it.
    #[must_use]
    pub fn never_connect_to(mut self, listeners: &[SocketAddr], names: &[(Host, Option<u16>)]) -> Self {
        self.own_listeners.extend_from_slice(listeners);
        self.own_names.extend_from_slice(names);
        self
    }

    /// Reads the policy and serves.
    ///
    /// # Errors
    /// If a listener, the journal or the policy can't be used.
    pub async fn start(self) -> Result<GatewayHandle, GatewayError> {
        if self.listeners.is_empty() {
            return Err(GatewayError::NoListener);
        }
        let mut listeners = Vec::new();
        for listener in self.listeners {
            listener.set_nonblocking(true).map_err(GatewayError::Listener)?;
            listeners.push(tokio::net::TcpListener::from_std(listener).map_err(GatewayError::Listener)?);
        }
        let addresses = listeners.iter().map(tokio::net::TcpListener::local_addr);
        let addresses = addresses.collect::<Result<Vec<_>, _>>().map_err(GatewayError::Listener)?;
        let guard = Arc::new(DestinationGuard::new(self.connect_to).through(self.upstream_proxy));
        guard.close_own(&addresses, &[]);
        guard.close_own(&self.own_listeners, &self.own_names);
        let policy = Policy::empty();
        policy.refresh(&*self.store).await?;
        let recorder = Recorder::new(Journal::open(&self.journal, self.fsync)?, self.name)
            .on_failure(self.journal_failure);
        let tls = Arc::new(upstream::tls(&self.upstream_roots)?);
        let connector =
            GuardedConnector::new(Arc::clone(&guard), Arc::clone(&policy), Arc::clone(&tls), &self.limits);
        let limits: Arc<dyn LimitStore> = Arc::clone(&self.store) as _;
        let (tasks, abort) = (TaskTracker::new(), CancellationToken::new());
        let shared = Arc::new(Shared {
            rules: RuleEngine::new(Arc::clone(&policy), guard, limits),
            upstream: Upstream::new(
                connector.clone(),
                &tls,
                self.limits.clone(),
                tasks.clone(),
                abort.clone(),
            ),
            connector,
            policy,
            vault: self.vault,
            authority: self.authority,
            recorder,
            activity: Arc::new(Activity::default()),
            local: self.local,
            tls: self.tls,
            connections: Connections::new(&self.limits),
            guesses: Guesses::default(),
            limits: Arc::new(self.limits),
            drain: CancellationToken::new(),
            abort,
            tasks,
        });
        let background = Background::start(&shared, self.store, self.max_stale);
        for listener in listeners {
            shared.tasks.spawn(accept::accept(Arc::clone(&shared), listener));
        }
        Ok(GatewayHandle { shared, addresses, background })
    }
}

/// A running gateway. Dropped, it goes on until the runtime ends; [`shutdown`](Self::shutdown) ends it in order.
pub struct GatewayHandle {
    shared: Arc<Shared>,
    addresses: Vec<SocketAddr>,
    background: Background,
}

impl GatewayHandle {
    /// The addresses that it serves on.
    #[must_use]
    pub fn local_addrs(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The policy in force.
    #[must_use]
    pub fn policy(&self) -> &Arc<Policy> {
        &self.shared.policy
    }

    /// What records its audit events.
    #[must_use]
    pub fn recorder(&self) -> &Arc<Recorder> {
        &self.shared.recorder
    }

    /// How many connections were closed without a reply, and why.
    #[must_use]
    pub fn closed_connections(&self) -> ClosedConnections {
        self.shared.connections.closed().now()
    }

    /// Takes no more connections, gives running exchanges `grace` to end, and brings every audit event into the store.
    pub async fn shutdown(self, grace: Duration) {
        let Self { shared, background, .. } = self;
        shared.drain.cancel();
        shared.tasks.close();
        if tokio::time::timeout(grace, shared.tasks.wait()).await.is_err() {
            // What is still open is interrupted by us; its clients have not left.
            shared.recorder.begin_stop();
            shared.abort.cancel();
            shared.tasks.wait().await;
        }
        background.stop().await;
    }
}

/// The tasks beside the requests.
struct Background {
    stop: CancellationToken,
    /// Stopped after the others, so that it sees all that they wrote.
    stop_drain: CancellationToken,
    others: Vec<JoinHandle<()>>,
    drain: JoinHandle<()>,
}

impl Background {
    fn start(shared: &Arc<Shared>, store: Arc<dyn Store>, max_stale: Duration) -> Self {
        let (stop, stop_drain) = (CancellationToken::new(), CancellationToken::new());
        let policy = Arc::clone(&shared.policy);
        let (for_policy, policy_stop) = (Arc::clone(&store), stop.clone());
        let (activity, for_activity, activity_stop) =
            (Arc::clone(&shared.activity), Arc::clone(&store), stop.clone());
        let (for_rules, rules_stop) = (Arc::clone(shared), stop.clone());
        let (recorder, drain_stop) = (Arc::clone(&shared.recorder), stop_drain.clone());
        let others = vec![
            tokio::spawn(async move { policy.follow(for_policy, max_stale, policy_stop).await }),
            tokio::spawn(async move { activity.write(&*for_activity, activity_stop).await }),
            tokio::spawn(Arc::clone(&shared.recorder).tick(stop.clone())),
            tokio::spawn(Arc::clone(&shared.connections).report(stop.clone())),
            tokio::spawn(async move { for_rules.rules.rejudge_running(rules_stop).await }),
        ];
        let drain = tokio::spawn(async move { recorder.drain(&*store, drain_stop).await });
        Self { stop, stop_drain, others, drain }
    }

    async fn stop(self) {
        self.stop.cancel();
        for task in self.others {
            let _ = task.await;
        }
        self.stop_drain.cancel();
        let _ = self.drain.await;
    }
}
