//! The owner's key `local@host`, for scripts on this machine.

use std::io;

use anyhow::{Context, Result};
use onecli_core::{
    clock,
    model::ApiKeyId,
    store::{ApiKeyRow, Role, Store},
    vault::{Token, TokenKind, Vault},
};

use crate::data_dir::{self, DataDir};

/// Its name in lists and in the audit log.
pub(crate) const NAME: &str = "local@host";

/// How many characters of a key are kept in clear, to tell it from others.
const PREFIX: usize = 7;

/// Makes the owner's key if the file or the store does not have it.
pub(crate) async fn ensure(directory: &DataDir, store: &dyn Store, vault: &Vault) -> Result<()> {
    let path = directory.api_key();
    match data_dir::read_private(&path) {
        Ok(text) => {
            if store.find_api_key(&vault.hash_token(text.trim())).await?.is_some() {
                return Ok(());
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error).with_context(|| format!("{} can't be read", path.display())),
    }
    let key = Token::generate(TokenKind::ApiKey)?;
    let row = ApiKeyRow {
        id: ApiKeyId::generate(),
        name: NAME.into(),
        role: Role::Owner,
        hash: vault.hash_token(key.reveal()),
        prefix: key.reveal().chars().take(PREFIX).collect(),
        created_at: clock::now(),
        expires_at: None,
    };
    store.create_api_key(&row).await?;
    data_dir::write_private(&path, key.reveal().as_bytes())
        .with_context(|| format!("{} can't be written", path.display()))
}
