//! A request on its way through the gateway, and how far it has come.

use std::sync::Arc;

use http::request;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::upgrade::OnUpgrade;
use tokio_util::sync::CancellationToken;

use crate::{audit::Ticket, policy::PolicyAgent, target::Target};

/// The body of a request on its way to the service.
pub type RequestBody = UnsyncBoxBody<bytes::Bytes, BrokenBody>;

/// Why the body of a request does not come to its end.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum BrokenBody {
    #[error("the request's body broke off or is not valid HTTP")]
    Http(#[from] hyper::Error),
    #[error("the request's body is larger than {limit} bytes")]
    TooLarge { limit: u64 },
    #[error("the request's body stalled")]
    Stalled,
    #[error("the exchange is over")]
    Over,
}

/// A request of an authenticated agent, with the stage that it has reached: [`Received`],
/// [`Permitted`](crate::rules::Permitted) by the rules, [`Injected`](crate::vault::Injected) by the vault.
///
/// Each step takes the exchange by value and gives the next stage back, so none can be left out or repeated: only the
/// rule engine makes an `Exchange<Permitted>`, only the vault an `Exchange<Injected>`, and only that is forwarded.
///
/// ```compile_fail,E0308
/// # use onecli_core::{exchange::{Exchange, Received}, vault::Vault};
/// fn skip_the_rules(vault: &Vault, exchange: Exchange<Received>) {
///     let _ = vault.inject(exchange);
/// }
/// ```
/// ```compile_fail,E0308
/// # use onecli_core::{exchange::Exchange, gateway::Upstream, rules::Permitted};
/// async fn skip_the_vault(upstream: &Upstream, exchange: Exchange<Permitted>) {
///     let _ = upstream.forward(exchange).await;
/// }
/// ```
/// ```compile_fail,E0382
/// # use onecli_core::{exchange::Exchange, rules::Permitted, vault::Vault};
/// fn use_a_permit_twice(vault: &Vault, exchange: Exchange<Permitted>) {
///     let _ = vault.inject(exchange);
///     let _ = vault.inject(exchange);
/// }
/// ```
/// The way that is open:
/// ```
/// # use onecli_core::{exchange::Exchange, gateway::Upstream, rules::Permitted, vault::Vault};
/// async fn in_order(vault: &Vault, upstream: &Upstream, exchange: Exchange<Permitted>) {
///     if let Ok(injected) = vault.inject(exchange) {
///         let _ = upstream.forward(injected).await;
///     }
/// }
/// ```
pub struct Exchange<S> {
    pub(crate) agent: Arc<PolicyAgent>,
    pub(crate) target: Target,
    pub(crate) head: request::Parts,
    pub(crate) body: RequestBody,
    pub(crate) ticket: Ticket,
    /// Ends the connection that the request came on.
    pub(crate) closer: CancellationToken,
    /// The client's side, if it asks to speak WebSocket from here on.
    pub(crate) switch: Option<Switch>,
    stage: S,
}

/// The client's side of a connection that is to speak WebSocket.
pub(crate) struct Switch {
    pub(crate) client: OnUpgrade,
    pub(crate) is_http2: bool,
    /// What is held for as long as the connection is.
    pub(crate) keeps: Box<dyn Send + Sync>,
}

/// The first stage: authenticated, its destination known, nothing decided.
#[derive(Debug)]
pub struct Received(());

impl Exchange<Received> {
    pub(crate) fn receive(
        agent: Arc<PolicyAgent>, target: Target, head: request::Parts, body: RequestBody, ticket: Ticket,
        closer: CancellationToken, switch: Option<Switch>,
    ) -> Self {
        Self { agent, target, head, body, ticket, closer, switch, stage: Received(()) }
    }
}

impl<S> Exchange<S> {
    /// Where it is to go.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Goes on to the next stage. Each stage can be made only by the step that grants it.
    pub(crate) fn advance<T>(self, stage: T) -> Exchange<T> {
        let Self { agent, target, head, body, ticket, closer, switch, stage: _ } = self;
        Exchange { agent, target, head, body, ticket, closer, switch, stage }
    }

    /// Takes the stage out, to spend what it grants.
    pub(crate) fn spend(self) -> (S, Exchange<()>) {
        let Self { agent, target, head, body, ticket, closer, switch, stage } = self;
        (stage, Exchange { agent, target, head, body, ticket, closer, switch, stage: () })
    }
}

impl<S> std::fmt::Debug for Exchange<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Exchange").field("agent", &self.agent.agent.id).finish_non_exhaustive()
    }
}
