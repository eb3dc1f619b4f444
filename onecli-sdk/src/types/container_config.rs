//! What an agent's environment gets.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

/// What an agent's container or process needs to go through the gateway. Its environment holds the agent's token.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object), oai(rename_all = "camelCase", example))]
pub struct ContainerConfig {
    /// The variables, with the agent's token in those of the proxy.
    pub env: BTreeMap<String, String>,
    /// A bundle in PEM: the gateway's roots, then those that the daemon trusts.
    pub ca_certificate: String,
    /// Where the variables expect that bundle.
    pub ca_certificate_container_path: String,
    /// Files that make tools believe that they are signed in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub credential_stubs: Option<Vec<CredentialStub>>,
    /// What to look at, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", oai(skip_serializing_if_is_none))]
    pub warnings: Option<Vec<String>>,
}

/// A file without any credential, for a tool that asks for one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(poem_openapi::Object), oai(rename_all = "camelCase"))]
pub struct CredentialStub {
    /// Where it belongs.
    pub container_path: String,
    /// What stands in it.
    pub content: String,
}

impl fmt::Debug for ContainerConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContainerConfig")
            .field("env", &self.env.keys().collect::<Vec<_>>())
            .field("ca_certificate_container_path", &self.ca_certificate_container_path)
            .field("warnings", &self.warnings)
            .finish_non_exhaustive()
    }
}
