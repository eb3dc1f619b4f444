//! One field of a PATCH.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// One field of a PATCH that can be cleared: absent keeps what is there, `null` clears it.
///
/// In a struct it stands with `#[serde(default, skip_serializing_if = "Patch::is_keep")]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Patch<T> {
    /// The field stays as it is.
    #[default]
    Keep,
    /// The field gets no value.
    Clear,
    /// The field gets this value.
    Set(T),
}

impl<T> Patch<T> {
    /// Whether the field stays as it is.
    #[must_use]
    pub fn is_keep(&self) -> bool {
        matches!(self, Self::Keep)
    }

    /// What the field holds afterwards, if it holds `current` now.
    #[must_use]
    pub fn apply(self, current: Option<T>) -> Option<T> {
        match self {
            Self::Keep => current,
            Self::Clear => None,
            Self::Set(value) => Some(value),
        }
    }

    /// With another value in the place of the one that it sets.
    ///
    /// # Errors
    /// If `change` fails.
    pub fn try_map<U, E>(self, change: impl FnOnce(T) -> Result<U, E>) -> Result<Patch<U>, E> {
        Ok(match self {
            Self::Keep => Patch::Keep,
            Self::Clear => Patch::Clear,
            Self::Set(value) => Patch::Set(change(value)?),
        })
    }
}

/// None keeps.
impl<T> From<Option<T>> for Patch<T> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Keep, Self::Set)
    }
}

impl<T: Serialize> Serialize for Patch<T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Keep | Self::Clear => to.serialize_none(),
            Self::Set(value) => value.serialize(to),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Patch<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(from)?.map_or(Self::Clear, Self::Set))
    }
}

/// For a [`Patch`] of a time.
pub(super) mod rfc3339 {
    use serde::{Deserializer, Serializer};
    use time::{OffsetDateTime, serde::rfc3339};

    use super::Patch;

    pub(crate) fn serialize<S: Serializer>(patch: &Patch<OffsetDateTime>, to: S) -> Result<S::Ok, S::Error> {
        match patch {
            Patch::Keep | Patch::Clear => to.serialize_none(),
            Patch::Set(time) => rfc3339::serialize(time, to),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Patch<OffsetDateTime>, D::Error> {
        Ok(rfc3339::option::deserialize(from)?.map_or(Patch::Clear, Patch::Set))
    }
}

#[cfg(feature = "openapi")]
mod openapi {
    use std::borrow::Cow;

    use poem_openapi::{
        registry::{MetaSchema, MetaSchemaRef, Registry},
        types::{ParseError, ParseFromJSON, ParseResult, ToJSON, Type},
    };
    use serde_json::Value;

    use super::Patch;

    impl<T: Type> Type for Patch<T> {
        const IS_REQUIRED: bool = false;
        type RawValueType = T::RawValueType;
        type RawElementValueType = T::RawElementValueType;

        fn name() -> Cow<'static, str> {
            format!("optional_{}", T::name()).into()
        }

        fn schema_ref() -> MetaSchemaRef {
            T::schema_ref().merge(MetaSchema { nullable: true, ..MetaSchema::ANY })
        }

        fn register(registry: &mut Registry) {
            T::register(registry);
        }

        fn as_raw_value(&self) -> Option<&Self::RawValueType> {
            match self {
                Self::Set(value) => value.as_raw_value(),
                Self::Keep | Self::Clear => None,
            }
        }

        fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self::RawElementValueType> + 'a> {
            match self {
                Self::Set(value) => value.raw_element_iter(),
                Self::Keep | Self::Clear => Box::new(std::iter::empty()),
            }
        }

        fn is_none(&self) -> bool {
            !matches!(self, Self::Set(_))
        }
    }

    impl<T: ParseFromJSON> ParseFromJSON for Patch<T> {
        fn parse_from_json(value: Option<Value>) -> ParseResult<Self> {
            match value {
                None => Ok(Self::Keep),
                Some(Value::Null) => Ok(Self::Clear),
                value => T::parse_from_json(value).map(Self::Set).map_err(ParseError::propagate),
            }
        }
    }

    impl<T: ToJSON> ToJSON for Patch<T> {
        fn to_json(&self) -> Option<Value> {
            match self {
                Self::Keep => None,
                Self::Clear => Some(Value::Null),
                Self::Set(value) => value.to_json(),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Patch;
    use crate::types::{UpdateRule, UpdateSecret};

    #[test]
    fn absent_keeps_and_null_clears() {
        for (json, expected) in [
            ("{}", Patch::Keep),
            (r#"{"pathPattern":null}"#, Patch::Clear),
            (r#"{"pathPattern":"/v1/*"}"#, Patch::Set("/v1/*".to_owned())),
        ] {
            let update: UpdateRule = serde_json::from_str(json).unwrap();
            assert_eq!(update.path_pattern, expected);
            assert_eq!(serde_json::to_string(&update).unwrap(), json);
        }
        assert!(serde_json::from_str::<UpdateRule>(r#"{"pathpattern":null}"#).is_err());
    }

    #[test]
    fn times_can_be_cleared() {
        for json in ["{}", r#"{"expiresAt":null}"#, r#"{"expiresAt":"2030-01-02T03:04:05Z"}"#] {
            let update: UpdateSecret = serde_json::from_str(json).unwrap();
            assert_eq!(serde_json::to_string(&update).unwrap(), json);
        }
    }

    #[cfg(feature = "openapi")]
    #[test]
    fn the_daemon_reads_the_same() {
        use poem_openapi::types::{ParseFromJSON, ToJSON};
        for json in ["{}", r#"{"pathPattern":null}"#, r#"{"methods":["GET"],"pathPattern":"/v1/*"}"#] {
            let update = UpdateRule::parse_from_json_string(json).unwrap();
            assert_eq!(update, serde_json::from_str(json).unwrap());
            assert_eq!(update.to_json_string(), json);
        }
    }
}
