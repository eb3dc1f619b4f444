//! The proof of an allowing decision.

use std::sync::Arc;

use super::Watch;
use crate::policy::PolicySecret;

/// The proof that the rules allowed an exchange, and with which secrets. Only the rule engine makes one; it can't be
/// cloned, and the vault takes it by value, so it serves once. It can be revoked while the exchange runs.
///
/// ```compile_fail,E0451
/// # fn forge(watch: onecli_core::rules::Watch) {
/// let forged = onecli_core::rules::Permit { secrets: Vec::new(), not_injected_because: None, watch };
/// # }
/// ```
/// ```compile_fail,E0599
/// fn copy(permit: onecli_core::rules::Permit) -> (onecli_core::rules::Permit, onecli_core::rules::Permit) {
///     (permit.clone(), permit)
/// }
/// ```
/// ```compile_fail,E0624
/// # fn forge(watch: onecli_core::rules::Watch) {
/// let forged = onecli_core::rules::Permit::grant(Vec::new(), None, watch);
/// # }
/// ```
/// It can be passed on:
/// ```
/// fn pass_on(permit: onecli_core::rules::Permit) -> onecli_core::rules::Permit {
///     permit
/// }
/// ```
#[derive(Debug)]
pub struct Permit {
    secrets: Vec<Arc<PolicySecret>>,
    not_injected_because: Option<&'static str>,
    watch: Watch,
}

impl Permit {
    pub(super) fn grant(
        secrets: Vec<Arc<PolicySecret>>, not_injected_because: Option<&'static str>, watch: Watch,
    ) -> Self {
        Self { secrets, not_injected_because, watch }
    }

    /// Spends the permit: the secrets that may be opened, or why there are none, and what tells that it no longer holds.
    pub(crate) fn into_parts(self) -> (Vec<Arc<PolicySecret>>, Option<&'static str>, Watch) {
        (self.secrets, self.not_injected_because, self.watch)
    }
}

/// The stage of an exchange that the rules allowed.
#[derive(Debug)]
pub struct Permitted {
    permit: Permit,
}

impl Permitted {
    pub(super) fn by(permit: Permit) -> Self {
        Self { permit }
    }

    pub(crate) fn into_permit(self) -> Permit {
        self.permit
    }
}
