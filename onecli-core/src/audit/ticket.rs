//! The record of one exchange while it is on its way.

use std::{
    borrow::Cow,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use http::{StatusCode, uri::Scheme};

use super::{JournalError, Recorder};
use crate::{
    clock,
    model::{AuditEvent, Decision, EventId, EventKind, LimitUse, SecretId},
    policy::PolicyAgent,
    target::Target,
};

/// The record of one exchange, from its receipt on. Dropped without [`finish`](Self::finish) it records how far the
/// exchange came: its client went away, or the process was stopped.
#[derive(Debug)]
pub struct Ticket {
    /// Gone once it is finished.
    open: Option<Box<Open>>,
}

#[derive(Debug)]
struct Open {
    recorder: Arc<Recorder>,
    event: AuditEvent,
    received: Instant,
    request_bytes: Arc<AtomicU64>,
    response_bytes: u64,
    has_intent: bool,
}

/// How an exchange ended.
#[derive(Clone, Debug)]
pub struct Ending {
    /// The decision.
    pub decision: Decision,
    /// The status that the agent got.
    pub status: Option<StatusCode>,
    /// Why.
    pub reason: Option<String>,
    /// What went wrong, as a code.
    pub error: Option<&'static str>,
}

impl Ticket {
    /// Opens the record of a request that was just received.
    #[must_use]
    pub fn open(recorder: &Arc<Recorder>, source: Option<Arc<str>>) -> Self {
        let event = AuditEvent {
            id: EventId::generate(),
            at: clock::now(),
            kind: EventKind::Request,
            actor: None,
            source,
            agent_id: None,
            agent_name: None,
            parent_agent_id: None,
            method: None,
            scheme: None,
            host: None,
            port: None,
            path: None,
            decision: Decision::Interrupted,
            reason: None,
            not_injected_because: None,
            rule_id: None,
            rule_name: None,
            secret_ids: Vec::new(),
            limits: Vec::new(),
            gateway: recorder.gateway(),
            status: None,
            request_bytes: 0,
            response_bytes: 0,
            duration_ms: 0,
            count: 1,
            error: None,
        };
        let open = Open {
            recorder: Arc::clone(recorder),
            event,
            received: Instant::now(),
            request_bytes: Arc::default(),
            response_bytes: 0,
            has_intent: false,
        };
        Self { open: Some(Box::new(open)) }
    }

    /// The record of an exchange whose end is recorded already.
    pub(crate) fn closed() -> Self {
        Self { open: None }
    }

    /// A CONNECT that was answered: from here on the requests inside it are the exchanges.
    pub(crate) fn withdraw(mut self) {
        self.open = None;
    }

    /// What is known so far.
    pub(crate) fn event(&self) -> Option<&AuditEvent> {
        self.open.as_ref().map(|open| &open.event)
    }

    /// Notes who sent it.
    pub fn note_agent(&mut self, agent: &PolicyAgent) {
        self.note(|event| {
            event.agent_id = Some(agent.agent.id);
            event.agent_name = Some(Arc::clone(&agent.name));
            event.parent_agent_id = agent.agent.parent_id;
        });
    }

    /// Notes where it is to go. The query is left out.
    pub fn note_target(&mut self, target: &Target) {
        self.note(|event| {
            event.scheme = Some(match target.scheme == Scheme::HTTP {
                true => Cow::Borrowed("http"),
                false => Cow::Borrowed("https"),
            });
            event.host = Some(target.host.shared());
            event.port = Some(target.port);
            event.path = Some(match shortened(&target.path, LONGEST_PATH) {
                Some(beginning) => beginning.into(),
                None => Arc::clone(&target.path),
            });
        });
    }

    /// Notes the host of a tunnel.
    pub(crate) fn note_host(&mut self, host: &crate::model::Host, port: u16) {
        self.note(|event| {
            event.host = Some(host.shared());
            event.port = Some(port);
        });
    }

    /// Notes the method.
    pub fn note_method(&mut self, method: &http::Method) {
        let name = STANDARD_METHODS.into_iter().find(|standard| *standard == method.as_str());
        self.note(|event| {
            event.method = Some(match name {
                Some(name) => Cow::Borrowed(name),
                None => {
                    let name = method.as_str();
                    Cow::Owned(shortened(name, LONGEST_METHOD).unwrap_or_else(|| name.to_owned()))
                }
            });
        });
    }

    /// Notes which secrets were put in, or why none.
    pub fn note_secrets(&mut self, secrets: Vec<SecretId>, not_injected_because: Option<&'static str>) {
        self.note(|event| {
            event.secret_ids = secrets;
            event.not_injected_because = not_injected_because.map(Cow::Borrowed);
        });
    }

    /// Notes the rate limits that it took from, or the one that had no room.
    pub fn note_limits(&mut self, limits: Vec<LimitUse>) {
        self.note(|event| event.limits = limits);
    }

    /// Notes the rule that decided.
    pub fn note_rule(&mut self, rule: &crate::model::Rule) {
        self.note(|event| {
            event.rule_id = Some(rule.id);
            event.rule_name = Some(rule.name.as_str().into());
        });
    }

    /// Notes what a person should know of it.
    pub fn note_reason(&mut self, reason: &'static str) {
        self.note(|event| event.reason = Some(Cow::Borrowed(reason)));
    }

    /// Notes that a tunnel stands.
    pub(crate) fn note_tunnelled(&mut self) {
        self.note(|event| {
            event.decision = Decision::Tunnelled;
            event.status = Some(StatusCode::OK.as_u16());
        });
    }

    /// Notes that a response head came.
    pub fn note_response(&mut self, status: StatusCode) {
        self.note(|event| {
            event.decision = Decision::Allowed;
            event.status = Some(status.as_u16());
        });
    }

    /// Where the bytes of the request's body are counted.
    #[must_use]
    pub fn request_bytes(&self) -> Arc<AtomicU64> {
        self.open.as_ref().map(|open| Arc::clone(&open.request_bytes)).unwrap_or_default()
    }

    /// Counts bytes of the response's body.
    pub fn add_response_bytes(&mut self, bytes: usize) {
        if let Some(open) = &mut self.open {
            open.response_bytes += bytes as u64;
        }
    }

    /// Sets how many bytes of a response went by.
    pub(crate) fn set_response_bytes(&mut self, bytes: u64) {
        if let Some(open) = &mut self.open {
            open.response_bytes = bytes;
        }
    }

    /// Writes down that the request is about to leave the gateway.
    ///
    /// # Errors
    /// If it can't be written; then the request must not leave.
    pub fn intent(&mut self) -> Result<(), JournalError> {
        let Some(open) = &mut self.open else { return Ok(()) };
        open.has_intent = true;
        open.recorder.intent(&open.event)
    }

    /// Writes down how the exchange ended.
    ///
    /// # Errors
    /// If it can't be written; then the end must not be passed on.
    pub fn finish(mut self, ending: Ending) -> Result<(), JournalError> {
        self.end(ending)
    }

    fn end(&mut self, ending: Ending) -> Result<(), JournalError> {
        let Some(open) = self.open.take() else { return Ok(()) };
        let Open { recorder, mut event, received, request_bytes, response_bytes, has_intent } = *open;
        event.decision = ending.decision;
        event.status = ending.status.map_or(event.status, |status| Some(status.as_u16()));
        event.reason = ending.reason.map(Cow::Owned).or(event.reason);
        event.error = ending.error.map(Cow::Borrowed);
        event.request_bytes = request_bytes.load(Ordering::Relaxed);
        event.response_bytes = response_bytes;
        event.duration_ms = u64::try_from(received.elapsed().as_millis()).unwrap_or(u64::MAX);
        recorder.finish(event, has_intent)
    }

    fn note(&mut self, note: impl FnOnce(&mut AuditEvent)) {
        if let Some(open) = &mut self.open {
            note(&mut open.event);
        }
    }
}

/// No service has longer ones, and an agent must not fill the log with one request.
const LONGEST_PATH: usize = 2048;
const LONGEST_METHOD: usize = 64;

/// Methods that are common enough to have their name once (RFC 9110 9.3, RFC 5789).
const STANDARD_METHODS: [&str; 8] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "CONNECT"];

/// The beginning of a text that is longer than so many characters.
fn shortened(text: &str, length: usize) -> Option<String> {
    if text.len() <= length {
        return None;
    }
    let (at, _) = text.char_indices().nth(length)?;
    Some(format!("{}…", text.get(..at).unwrap_or_default()))
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let Some(open) = &self.open else { return };
        let interrupted = std::thread::panicking() || open.recorder.is_stopping();
        let (decision, error) = match open.event.decision {
            _ if interrupted => (Decision::Interrupted, "gateway_stopped"),
            // The response's head had come.
            Decision::Allowed => (Decision::Allowed, "client_gone"),
            Decision::Tunnelled => (Decision::Tunnelled, "client_gone"),
            _ => (Decision::Failed, "client_gone"),
        };
        let ended = self.end(Ending { decision, status: None, reason: None, error: Some(error) });
        if let Err(error) = ended {
            tracing::error!(error = %crate::error_chain(&error), "an audit event could not be written");
        }
    }
}
