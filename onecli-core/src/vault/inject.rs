//! Putting secrets into a permitted exchange: the door through which they are opened.

use http::{HeaderName, header};

use super::{Echo, Vault, VaultError, query::replace_parameter};
use crate::{
    exchange::Exchange,
    model::{Injection, PathTemplate, remove_every_spelling},
    policy::PolicySecret,
    refusal::{Cause, Refused},
    rules::{Permitted, Watch},
    target::Target,
};

/// The stage of an exchange into which the vault has put what the permit names. Only this one is forwarded.
///
/// ```compile_fail,E0451
/// # fn forge(watch: onecli_core::rules::Watch) {
/// let forged = onecli_core::vault::Injected { filled: Vec::new(), echoes: Vec::new(), watch };
/// # }
/// ```
#[derive(Debug)]
pub struct Injected {
    filled: Vec<HeaderName>,
    echoes: Vec<Echo>,
    watch: Watch,
}

impl Injected {
    /// The headers that the gateway has filled or taken away: nothing of the agent's may come in by them, in trailers
    /// either. What of a response must not go to the agent. And what tells that the permit no longer holds.
    pub(crate) fn into_parts(self) -> (Vec<HeaderName>, Vec<Echo>, Watch) {
        (self.filled, self.echoes, self.watch)
    }
}

impl Vault {
    /// Opens the secrets that the permit names and puts them in, in the place of whatever the agent sent there. An
    /// exchange without any passes through here too.
    ///
    /// # Errors
    /// If a secret does not open; the exchange goes no further then.
    pub fn inject(&self, exchange: Exchange<Permitted>) -> Result<Exchange<Injected>, Box<Refused>> {
        let (permitted, mut exchange) = exchange.spend();
        let (secrets, not_injected_because, watch) = permitted.into_permit().into_parts();
        let mut injected = Injected { filled: Vec::new(), echoes: Vec::new(), watch };
        for entry in &secrets {
            if let Err(error) = self.put_in(entry, &mut exchange, &mut injected) {
                tracing::error!(secret = %entry.secret.id, %error, "a secret does not open");
                return Err(Box::new(Refused { cause: Cause::VaultUnavailable, ticket: exchange.ticket }));
            }
        }
        let ids = secrets.iter().map(|entry| entry.secret.id).collect();
        exchange.ticket.note_secrets(ids, not_injected_because);
        Ok(exchange.advance(injected))
    }

    fn put_in(
        &self, entry: &PolicySecret, exchange: &mut Exchange<()>, injected: &mut Injected,
    ) -> Result<(), VaultError> {
        let PolicySecret { secret, sealed } = entry;
        let value = self.open_secret(secret, sealed)?;
        let headers = &mut exchange.head.headers;
        for name in secret.injection.headers() {
            remove_every_spelling(headers, &name);
            injected.filled.push(name);
        }
        match &secret.injection {
            Injection::Header { name, format, .. } => {
                headers.insert(name, value.into_header(format)?);
            }
            Injection::Basic { username } => {
                headers.insert(header::AUTHORIZATION, value.into_basic(username)?);
            }
            Injection::Query { name, format } => {
                let target = &mut exchange.target;
                let (query, sent) =
                    replace_parameter(target.query.as_deref(), name, &value.as_parameter(format));
                target.query = Some(query.into());
                injected.echoes.push(Echo::new(value, sent));
            }
            Injection::Path { template } => {
                let sent = replace_in_path(&mut exchange.target, template, value.as_path_text()?)?;
                injected.echoes.push(Echo::new(value, sent));
            }
        }
        Ok(())
    }
}

/// Puts `value` where the template has its place, and gives back what the agent had sent there.
fn replace_in_path(target: &mut Target, template: &PathTemplate, value: &str) -> Result<String, VaultError> {
    // The rules have seen that it fits.
    let range = template.find(target.path.as_bytes()).ok_or(VaultError::DoesNotOpen)?;
    let mut path = target.path.to_string();
    let sent = path.get(range.clone()).unwrap_or_default().to_owned();
    path.replace_range(range, value);
    target.path = path.into();
    Ok(sent)
}
