//! Secrets: their values go in, and never out.

use http::header;
use time::OffsetDateTime;

use super::{Admin, AdminError, names};
use crate::{
    clock,
    model::{HostPattern, Injection, InvalidInjection, PathPattern, Secret, SecretId, SecretType},
    store::SecretRow,
    vault::{self, Plaintext},
};

/// A secret to be stored.
pub struct NewSecret {
    /// Its name, unique.
    pub name: String,
    /// What it is.
    pub kind: SecretType,
    /// Its value.
    pub value: Plaintext,
    /// The hosts that it may go to; needed for a generic one.
    pub host_pattern: Option<String>,
    /// The paths that it may go to; none: all.
    pub path_pattern: Option<String>,
    /// How it is put in; needed for a generic one, and for that alone.
    pub injection: Option<Injection>,
    /// Whether it may travel without TLS.
    pub allow_plain_http: bool,
    /// When it stops being put in.
    pub expires_at: Option<OffsetDateTime>,
}

/// What to change of a secret; what is absent is kept.
#[derive(Default)]
pub struct SecretChange {
    /// Its name.
    pub name: Option<String>,
    /// What it is.
    pub kind: Option<SecretType>,
    /// Its value.
    pub value: Option<Plaintext>,
    /// The hosts that it may go to.
    pub host_pattern: Option<String>,
    /// The paths that it may go to; cleared: all.
    pub path_pattern: Option<Option<String>>,
    /// How it is put in; cleared: as its type says.
    pub injection: Option<Option<Injection>>,
    /// Whether it may travel without TLS.
    pub allow_plain_http: Option<bool>,
    /// When it stops being put in; cleared: never.
    pub expires_at: Option<Option<OffsetDateTime>>,
}

/// A secret, without its value, and what its owner should know of it.
#[derive(Clone, Debug)]
pub struct ListedSecret {
    /// The secret.
    pub secret: Secret,
    /// For people: how it gets into the way of others.
    pub warnings: Vec<String>,
}

impl Admin {
    /// All secrets, oldest first.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn secrets(&self) -> Result<Vec<ListedSecret>, AdminError> {
        let rows = self.store.list_secrets().await?;
        Ok(rows.iter().map(|row| listed(row.secret.clone(), &rows)).collect())
    }

    /// One secret.
    ///
    /// # Errors
    /// If there is none of that id.
    pub async fn secret(&self, id: SecretId) -> Result<ListedSecret, AdminError> {
        let rows = self.store.list_secrets().await?;
        let row = rows.iter().find(|row| row.secret.id == id).ok_or_else(|| not_found(id))?;
        Ok(listed(row.secret.clone(), &rows))
    }

    /// Seals and stores a secret.
    ///
    /// # Errors
    /// If its name is taken, or its value can't go where it is meant to go.
    pub async fn create_secret(&self, new: NewSecret) -> Result<ListedSecret, AdminError> {
        let _writing = self.begin_write().await;
        let now = clock::now();
        let injection = injection_for(new.kind, new.injection, &new.value)?;
        let secret = Secret {
            id: SecretId::generate(),
            name: names::check(&new.name)?,
            kind: new.kind,
            host_pattern: host_for(new.kind, new.host_pattern.as_deref())?,
            path_pattern: path_for(new.path_pattern.as_deref())?,
            injection,
            allow_plain_http: new.allow_plain_http,
            preview: new.value.preview(),
            created_at: now,
            updated_at: now,
            last_used_at: None,
            expires_at: expiry(new.expires_at, now)?,
        };
        vault::check_value(&new.value, &secret.injection)?;
        let sealed_value = self.vault.seal_secret(&secret, &new.value)?;
        let row = SecretRow { secret, sealed_value };
        let version = self.store.create_secret(&row).await?;
        self.in_force(version).await?;
        Ok(listed(row.secret, &self.store.list_secrets().await?))
    }

    /// Changes a secret. To change where it goes or how takes its value again: it is sealed for its place.
    ///
    /// # Errors
    /// If there is none of that id, or the value is needed, or can't go where it is meant to go.
    pub async fn update_secret(
        &self, id: SecretId, change: SecretChange,
    ) -> Result<ListedSecret, AdminError> {
        let _writing = self.begin_write().await;
        let rows = self.store.list_secrets().await?;
        let row = rows.into_iter().find(|row| row.secret.id == id).ok_or_else(|| not_found(id))?;
        let now = clock::now();
        let mut secret = changed(&row.secret, &change)?;
        secret.updated_at = now;
        if let Some(expires_at) = change.expires_at {
            secret.expires_at = expiry(expires_at, now)?;
        }
        let sealed_value = match &change.value {
            Some(value) => {
                vault::check_value(value, &secret.injection)?;
                secret.preview = value.preview();
                self.vault.seal_secret(&secret, value)?
            }
            None if goes_elsewhere(&row.secret, &secret) => {
                return Err(AdminError::refused("You changed where this goes, so paste the value again."));
            }
            None => row.sealed_value,
        };
        let version = self.store.update_secret(&SecretRow { secret: secret.clone(), sealed_value }).await?;
        self.in_force(version).await?;
        Ok(listed(secret, &self.store.list_secrets().await?))
    }

    /// Removes a secret.
    ///
    /// # Errors
    /// If there is none of that id.
    pub async fn delete_secret(&self, id: SecretId) -> Result<(), AdminError> {
        let _writing = self.begin_write().await;
        self.secret(id).await?;
        let version = self.store.delete_secret(id).await?;
        self.in_force(version).await
    }
}

fn not_found(id: SecretId) -> AdminError {
    AdminError::NotFound(format!("secret {id}; the list of secrets has their ids"))
}

/// The secret as it is to be, but for expiry, preview and times.
fn changed(secret: &Secret, change: &SecretChange) -> Result<Secret, AdminError> {
    let kind = change.kind.unwrap_or(secret.kind);
    let injection = match (kind, change.injection.clone(), &change.value) {
        (SecretType::Generic, Some(None), _) => return Err(needs_injection()),
        (SecretType::Generic, given, _) => given.flatten().unwrap_or_else(|| secret.injection.clone()),
        (_, Some(Some(_)), _) => return Err(takes_no_injection(kind)),
        (_, _, Some(value)) => injection_for(kind, None, value)?,
        // A type that changes without the value is refused later on.
        (_, _, None) => secret.injection.clone(),
    };
    Ok(Secret {
        name: change.name.as_deref().map_or_else(|| Ok(secret.name.clone()), names::check)?,
        kind,
        host_pattern: match &change.host_pattern {
            Some(pattern) => host_for(kind, Some(pattern))?,
            None => secret.host_pattern.clone(),
        },
        path_pattern: match &change.path_pattern {
            Some(pattern) => path_for(pattern.as_deref())?,
            None => secret.path_pattern.clone(),
        },
        injection,
        allow_plain_http: change.allow_plain_http.unwrap_or(secret.allow_plain_http),
        ..secret.clone()
    })
}

/// Whether anything differs that a sealed value is bound to.
fn goes_elsewhere(before: &Secret, after: &Secret) -> bool {
    before.kind != after.kind
        || before.host_pattern.to_string() != after.host_pattern.to_string()
        || before.path_pattern.as_str() != after.path_pattern.as_str()
        || before.injection != after.injection
        || before.allow_plain_http != after.allow_plain_http
}

fn host_for(kind: SecretType, pattern: Option<&str>) -> Result<HostPattern, AdminError> {
    let text = pattern.or(kind.default_host()).ok_or_else(|| {
        AdminError::refused(
            "a generic secret needs hostPattern: the host that it may go to, such as api.example.com",
        )
    })?;
    let pattern: HostPattern = text.trim().parse()?;
    pattern.check_for_secret()?;
    Ok(pattern)
}

fn path_for(pattern: Option<&str>) -> Result<PathPattern, AdminError> {
    Ok(pattern.map_or_else(|| Ok(PathPattern::any()), |text| text.trim().parse())?)
}

fn injection_for(
    kind: SecretType, given: Option<Injection>, value: &Plaintext,
) -> Result<Injection, AdminError> {
    match (kind, given) {
        (SecretType::Generic, Some(injection)) => Ok(injection),
        (SecretType::Generic, None) => Err(needs_injection()),
        (_, Some(_)) => Err(takes_no_injection(kind)),
        (SecretType::Openai, None) => Ok(Injection::header("authorization", "Bearer {value}")?),
        (SecretType::Anthropic, None) => Ok(anthropic(value)?),
    }
}

/// An OAuth token goes as a bearer token, a key in `x-api-key`; the service would read both, so the other one is removed.
fn anthropic(value: &Plaintext) -> Result<Injection, InvalidInjection> {
    let is_oauth = value.starts_with("sk-ant-oat");
    let (name, format, other) = match is_oauth {
        true => ("authorization", "Bearer {value}", http::HeaderName::from_static("x-api-key")),
        false => ("x-api-key", "{value}", header::AUTHORIZATION),
    };
    let mut injection = Injection::header(name, format)?;
    if let Injection::Header { removes, .. } = &mut injection {
        removes.push(other);
    }
    Ok(injection)
}

fn needs_injection() -> AdminError {
    AdminError::refused(
        "a generic secret needs injectionConfig: how it is put in, \
         such as {\"headerName\": \"authorization\", \"valueFormat\": \"Bearer {value}\"}",
    )
}

fn takes_no_injection(kind: SecretType) -> AdminError {
    AdminError::refused(format!(
        "a secret of type {} is put in as its service asks; leave out injectionConfig, or make it of type generic",
        kind.as_str()
    ))
}

fn expiry(at: Option<OffsetDateTime>, now: OffsetDateTime) -> Result<Option<OffsetDateTime>, AdminError> {
    match at {
        Some(end) if end <= now => Err(AdminError::refused("expiresAt is in the past; give a time to come")),
        at => Ok(at),
    }
}

fn listed(secret: Secret, all: &[SecretRow]) -> ListedSecret {
    let rivals = all.iter().map(|row| &row.secret).filter(|other| secret.is_rival_of(other));
    let warnings = rivals
        .map(|other| {
            format!(
                "An agent that may use both {} and {} must name one of them in x-onecli-secret, or gets 409.",
                secret.name, other.name
            )
        })
        .collect();
    ListedSecret { secret, warnings }
}
