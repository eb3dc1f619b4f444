//! A gateway inside a program of your own, with a store in memory.
//!
//! `cargo run -p onecli-examples --bin embed`, then use the printed line; Ctrl-C ends it.

use std::{net::TcpListener, sync::Arc, time::Duration};

use onecli_core::{
    Gateway, Vault,
    admin::Admin,
    ca::CertificateAuthority,
    store::{SqliteStore, Store},
    vault::MasterKeys,
};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let store: Arc<dyn Store> = Arc::new(SqliteStore::in_memory().await?);
    let (keys, _) = MasterKeys::generate()?;
    let vault = Arc::new(Vault::open(keys, &*store).await?);
    let authority = Arc::new(CertificateAuthority::load_or_create(&*store, &vault).await?);
    let directory = tempfile::tempdir()?;
    let root = directory.path().join("root.pem");
    std::fs::write(&root, authority.root_pem())?;
    let gateway =
        Gateway::builder(Arc::clone(&store), Arc::clone(&vault), authority, directory.path().join("journal"))
            .listener(TcpListener::bind("127.0.0.1:0")?)
            .start()
            .await?;

    let admin = Admin::new(store, vault, Arc::clone(gateway.policy()));
    admin.ensure_default().await?;
    let token = admin.agent_token(admin.default_agent().await?.id).await?;
    for address in gateway.local_addrs() {
        println!(
            "curl --cacert {} --proxy http://x:{}@{address} https://example.com/",
            root.display(),
            token.reveal()
        );
    }
    tokio::signal::ctrl_c().await?;
    gateway.shutdown(Duration::from_secs(5)).await;
    Ok(())
}
