//! What people may call things.

use super::AdminError;

const LONGEST: usize = 100;

/// A name as it is kept: without spaces around it.
pub(super) fn check(name: &str) -> Result<String, AdminError> {
    let trimmed = name.trim();
    if trimmed.is_empty() {
        return Err(AdminError::refused("the name is empty; give one, such as `GitHub token`"));
    }
    if trimmed.chars().count() > LONGEST || trimmed.chars().any(char::is_control) {
        return Err(AdminError::refused("a name has at most 100 characters and no line breaks; shorten it"));
    }
    Ok(trimmed.to_owned())
}
