//! Putting secrets into a permitted exchange: the door through which they are opened.

use http::{HeaderName, header};

use super::{Vault, VaultError};
use crate::{
    exchange::Exchange,
    model::{Injection, Secret},
    policy::PolicySecret,
    refusal::{Cause, Refused},
    rules::Permitted,
};

/// The stage of an exchange into which the vault has put what the permit names. Only this one is forwarded.
///
/// ```compile_fail,E0451
/// let forged = onecli_core::vault::Injected { filled: Vec::new() };
/// ```
#[derive(Debug)]
pub struct Injected {
    filled: Vec<HeaderName>,
}

impl Injected {
    /// The headers that the gateway has filled or taken away: nothing of the agent's may come in by them, in trailers
    /// either.
    pub(crate) fn into_filled(self) -> Vec<HeaderName> {
        self.filled
    }
}

impl Vault {
    /// Opens the secrets that the permit names and puts them in, in the place of whatever the agent sent there. An
    /// exchange without any passes through here too.
    ///
    /// # Errors
    /// If a secret does not open; none is put in then.
    pub fn inject(&self, exchange: Exchange<Permitted>) -> Result<Exchange<Injected>, Box<Refused>> {
        let (permitted, mut exchange) = exchange.spend();
        let (secrets, not_injected_because) = permitted.into_permit().into_secrets();
        for entry in &secrets {
            if let Err(error) = self.put_in(entry, &mut exchange) {
                tracing::error!(secret = %entry.secret.id, %error, "a secret does not open");
                return Err(Box::new(Refused { cause: Cause::VaultUnavailable, ticket: exchange.ticket }));
            }
        }
        let ids = secrets.iter().map(|entry| entry.secret.id).collect();
        exchange.ticket.note_secrets(ids, not_injected_because);
        let filled = secrets.iter().flat_map(|entry| slots(&entry.secret)).collect();
        Ok(exchange.advance(Injected { filled }))
    }

    fn put_in(&self, entry: &PolicySecret, exchange: &mut Exchange<()>) -> Result<(), VaultError> {
        let PolicySecret { secret, sealed } = entry;
        let value = self.open_secret(secret, sealed)?;
        let headers = &mut exchange.head.headers;
        match &secret.injection {
            Injection::Header { name, format, removes } => {
                for other in removes {
                    headers.remove(other);
                }
                headers.insert(name, value.into_header(format)?);
            }
            Injection::Basic { username } => {
                headers.insert(header::AUTHORIZATION, value.into_basic(username)?);
            }
        }
        Ok(())
    }
}

/// The headers that a secret fills or takes away.
fn slots(secret: &Secret) -> Vec<HeaderName> {
    let mut names = vec![secret.injection.slot()];
    if let Injection::Header { removes, .. } = &secret.injection {
        names.extend_from_slice(removes);
    }
    names
}
