//! The agent vault as a library: a gateway through which agents call services without holding their keys.
//!
//! An agent sends its requests through the [`Gateway`] with a token of its own. The [`RuleEngine`] says what may pass, the
//! [`Vault`] opens the credential and puts it in, the service's response comes back unchanged, and the audit log keeps who
//! accessed what and when.
//!
//! ```no_run
//! use std::{net::TcpListener, sync::Arc, time::Duration};
//!
//! use onecli_core::{
//!     Gateway, Vault,
//!     admin::{Admin, NewSecret},
//!     ca::CertificateAuthority,
//!     model::{Injection, SecretType},
//!     store::{SqliteStore, Store},
//!     vault::MasterKeys,
//! };
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let store: Arc<dyn Store> = Arc::new(SqliteStore::in_memory().await?);
//! let (keys, _) = MasterKeys::generate()?;
//! let vault = Arc::new(Vault::open(keys, &*store).await?);
//! let authority = Arc::new(CertificateAuthority::load_or_create(&*store, &vault).await?);
//! let gateway = Gateway::builder(store.clone(), vault.clone(), authority, "/var/lib/agents/journal")
//!     .listener(TcpListener::bind("127.0.0.1:0")?)
//!     .start()
//!     .await?;
//!
//! let admin = Admin::new(store, vault, gateway.policy().clone());
//! admin.ensure_default().await?;
//! admin
//!     .create_secret(NewSecret {
//!         name: "github".into(),
//!         kind: SecretType::Generic,
//!         value: String::from("ghp_…").into(),
//!         host_pattern: Some("api.github.com".into()),
//!         path_pattern: None,
//!         injection: Some(Injection::header("authorization", "Bearer {value}")?),
//!         allow_plain_http: false,
//!         expires_at: None,
//!     })
//!     .await?;
//! println!("agents send their requests to {:?}", gateway.local_addrs());
//! gateway.shutdown(Duration::from_secs(30)).await;
//! # Ok(())
//! # }
//! ```

pub mod admin;
pub mod audit;
pub mod ca;
pub mod clock;
pub mod destination;
pub mod exchange;
pub mod gateway;
pub mod model;
pub mod policy;
pub mod refusal;
pub mod rules;
pub mod store;
pub mod target;
pub mod vault;

pub use gateway::Gateway;
pub use rules::RuleEngine;
pub use vault::Vault;

/// An error with its causes, in one line.
pub fn error_chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
