//! Tunnels that are not looked into: bytes to and fro, counted.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::copy_bidirectional;
use tokio_util::{io::InspectReader, sync::CancellationToken};

use super::{
    accept::Entry,
    client_hello::{Checked, OtherHost},
    connector::GuardedConnector,
    link::Link,
    prefixed::Prefixed,
};
use crate::{
    audit::{Ending, Ticket},
    model::{Decision, Host},
    refusal::{Cause, Refused},
    rules::{Revocation, TunnelPermit},
};

/// A tunnel whose far end stands. Its end is recorded when it ends, however that is.
pub(super) struct Splice {
    service: Link,
    host: Host,
    permit: TunnelPermit,
    ticket: Ticket,
}

impl Splice {
    /// Connects to the service. The intent is in the journal before anything leaves.
    pub(super) async fn connect(
        connector: &GuardedConnector, host: &Host, port: u16, permit: TunnelPermit, mut ticket: Ticket,
    ) -> Result<Self, Box<Refused>> {
        if let Err(error) = ticket.intent() {
            tracing::error!(error = %crate::error_chain(&error), "a tunnel is refused, since it can't be recorded");
            return Err(Box::new(Refused { cause: Cause::AuditUnavailable, ticket }));
        }
        match connector.dial(host, port).await {
            Ok(service) => {
                ticket.note_tunnelled();
                Ok(Self { service, host: host.clone(), permit, ticket })
            }
            Err(error) => Err(Box::new(Refused { cause: (&error).into(), ticket })),
        }
    }

    /// Passes bytes on until one side ends it, the permit is revoked, or the gateway stops.
    pub(super) async fn run(self, upgrade: OnUpgrade, abort: CancellationToken) {
        let Self { service, host, permit, mut ticket } = self;
        let received = Arc::new(AtomicU64::new(0));
        let passing = pass(upgrade, service, host, ticket.request_bytes(), Arc::clone(&received));
        let ended = tokio::select! {
            passed = passing => Ended::Passed(passed),
            revocation = permit.watch().revoked() => Ended::Revoked(revocation),
            () = abort.cancelled() => Ended::Aborted,
        };
        ticket.set_response_bytes(received.load(Ordering::Relaxed));
        let ending = |decision, reason, error| Ending { decision, status: None, reason, error };
        let ending = match ended {
            Ended::Passed(Ok(())) => ending(Decision::Tunnelled, None, None),
            Ended::Passed(Err(error)) if is_other_host(&error) => {
                ending(Decision::Refused, Some(OtherHost.to_string()), Some("host_mismatch"))
            }
            Ended::Passed(Err(error)) => {
                ending(Decision::Tunnelled, Some(error.to_string()), Some("connection_lost"))
            }
            Ended::Revoked(revocation) => {
                revocation.note_on(&mut ticket);
                ending(Decision::Revoked, Some(revocation.cause.to_string()), Some(revocation.cause.code()))
            }
            // Dropped, the ticket says that it was interrupted.
            Ended::Aborted => return,
        };
        if let Err(error) = ticket.finish(ending) {
            tracing::error!(error = %crate::error_chain(&error), "an audit event could not be written");
        }
    }
}

fn is_other_host(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<OtherHost>())
}

enum Ended {
    Passed(io::Result<()>),
    Revoked(Revocation),
    Aborted,
}

async fn pass(
    upgrade: OnUpgrade, service: Link, host: Host, sent: Arc<AtomicU64>, received: Arc<AtomicU64>,
) -> io::Result<()> {
    let upgraded = upgrade.await.map_err(io::Error::other)?;
    // What stands below the upgrade is the connection that was accepted.
    let Ok(parts) = upgraded.downcast::<TokioIo<Entry>>() else {
        return Err(io::Error::other("the connection can't be taken over"));
    };
    let (sends, takes) = tokio::io::split(Prefixed::new(parts.read_buf, parts.io.into_inner()));
    let client = tokio::io::join(Checked::new(sends, host), takes);
    let mut client = InspectReader::new(client, |bytes| count(&sent, bytes));
    let mut service = InspectReader::new(service, |bytes| count(&received, bytes));
    copy_bidirectional(&mut client, &mut service).await?;
    Ok(())
}

fn count(counter: &AtomicU64, bytes: &[u8]) {
    counter.fetch_add(bytes.len() as u64, Ordering::Relaxed);
}
