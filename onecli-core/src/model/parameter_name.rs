//! Names of query parameters that services may take for one another.

/// Whether a service may read both as one name: without regard to case, and as PHP does, which drops spaces before a name, turns
/// spaces and dots within into `_`, and takes `name[…]` for an entry of `name` (PHP manual, "Variables from external sources").
pub(crate) fn is_same_parameter(one: &str, other: &str) -> bool {
    folded(one).eq_ignore_ascii_case(&folded(other))
}

fn folded(name: &str) -> String {
    let bare = name.trim_start();
    // A bracket at the start is a part of the name.
    let end =
        bare.char_indices().skip(1).find(|(_, character)| *character == '[').map_or(bare.len(), |(at, _)| at);
    bare.get(..end).unwrap_or(bare).trim_end().replace([' ', '.'], "_")
}

#[cfg(test)]
mod tests {
    use super::is_same_parameter;

    #[test]
    fn one_name_in_many_spellings() {
        for other in
            ["api_key", "API_KEY", "api.key", "api key", " api_key", "api_key[]", "api.key[0][x]", "api_key "]
        {
            assert!(is_same_parameter("api_key", other), "{other:?}");
        }
        for other in ["apikey", "api-key", "[api_key]", "api_keys", "x_api_key", ""] {
            assert!(!is_same_parameter("api_key", other), "{other:?}");
        }
    }
}
