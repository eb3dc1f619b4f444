//! Arguments that are one of the API's fixed names.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde::de::{
    DeserializeOwned,
    value::{Error, StrDeserializer},
};

/// Reads one of `names` as the wire type that it stands for.
pub(super) fn wire_name<T: DeserializeOwned + Clone + Send + Sync + 'static>(
    names: &'static [&'static str],
) -> impl TypedValueParser<Value = T> {
    PossibleValuesParser::new(names).try_map(|name| T::deserialize(StrDeserializer::<Error>::new(&name)))
}

#[cfg(test)]
mod tests {
    use onecli_sdk::types::{AuditDecision, DefaultPolicy, RuleAction, SecretType};
    use serde::{Serialize, de::DeserializeOwned};

    use crate::commands::{audit, config, rules, secrets};

    fn round_trips<T: DeserializeOwned + Serialize>(names: &[&str]) {
        for name in names {
            let value: T = serde_json::from_value((*name).into()).unwrap();
            assert_eq!(serde_json::to_value(value).unwrap(), **name);
        }
    }

    #[test]
    fn the_names_are_those_of_the_api() {
        round_trips::<AuditDecision>(audit::DECISIONS);
        round_trips::<RuleAction>(rules::ACTIONS);
        round_trips::<SecretType>(secrets::TYPES);
        round_trips::<DefaultPolicy>(config::POLICIES);
    }
}
