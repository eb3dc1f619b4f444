//! The proof of an allowing decision.

use std::sync::Arc;

use crate::policy::PolicySecret;

/// The proof that the rules allowed an exchange, and with which secrets. Only the rule engine makes one; it can't be
/// cloned, and the vault takes it by value, so it serves once.
///
/// ```compile_fail,E0451
/// let forged = onecli_core::rules::Permit { secrets: Vec::new(), not_injected_because: None };
/// ```
/// ```compile_fail,E0599
/// fn copy(permit: onecli_core::rules::Permit) -> (onecli_core::rules::Permit, onecli_core::rules::Permit) {
///     (permit.clone(), permit)
/// }
/// ```
/// ```compile_fail,E0624
/// let forged = onecli_core::rules::Permit::grant(Vec::new(), None);
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
}

impl Permit {
    pub(super) fn grant(secrets: Vec<Arc<PolicySecret>>, not_injected_because: Option<&'static str>) -> Self {
        Self { secrets, not_injected_because }
    }

    /// Spends the permit: the secrets that may be opened, or why there are none.
    pub(crate) fn into_secrets(self) -> (Vec<Arc<PolicySecret>>, Option<&'static str>) {
        (self.secrets, self.not_injected_because)
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
