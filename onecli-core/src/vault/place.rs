//! What a sealed value is bound to.

use crate::model::{AgentId, Secret};

/// The place of a sealed value: its row and field, and for a secret also where it may go and how. It is the associated
/// data of the encryption, so a value that was moved, or whose row was edited, does not open.
pub(super) enum Place<'a> {
    Secret(&'a Secret),
    AgentToken { agent: AgentId },
    CaKey { certificate: &'a [u8] },
    Blob { name: &'a str },
}

impl<'a> Place<'a> {
    pub(super) fn of_secret(secret: &'a Secret) -> Self {
        Self::Secret(secret)
    }

    /// The fields, each with its length before it, so that no two places have one encoding.
    pub(super) fn associated_data(&self) -> Vec<u8> {
        let mut data = Fields::default();
        match self {
            Self::Secret(secret) => {
                let injection = serde_json::to_vec(&secret.injection).unwrap_or_default();
                data.push(b"secrets/value");
                data.push(secret.id.0.as_bytes());
                data.push(secret.kind.as_str().as_bytes());
                data.push(secret.host_pattern.to_string().as_bytes());
                data.push(secret.path_pattern.as_str().as_bytes());
                data.push(&injection);
                data.push(&[u8::from(secret.allow_plain_http)]);
            }
            Self::AgentToken { agent } => {
                data.push(b"agents/token");
                data.push(agent.0.as_bytes());
            }
            Self::CaKey { certificate } => {
                data.push(b"ca/key");
                data.push(certificate);
            }
            Self::Blob { name } => {
                data.push(b"blobs/value");
                data.push(name.as_bytes());
            }
        }
        data.0
    }
}

#[derive(Default)]
struct Fields(Vec<u8>);

impl Fields {
    fn push(&mut self, field: &[u8]) {
        self.0.extend_from_slice(&(field.len() as u64).to_be_bytes());
        self.0.extend_from_slice(field);
    }
}
