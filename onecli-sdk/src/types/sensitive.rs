//! Texts that must not be seen: secret values on their way in, access tokens on their way out.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use zeroize::{Zeroize, Zeroizing};

/// The value of a secret on its way into the vault. It is wiped when it is dropped, and no message shows it.
pub struct SecretInput(Zeroizing<String>);

impl SecretInput {
    /// Takes a value.
    #[must_use]
    pub fn new(value: impl Into<Zeroizing<String>>) -> Self {
        Self(value.into())
    }

    /// The value.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The value, to be kept by the one who asks.
    #[must_use]
    pub fn into_inner(self) -> Zeroizing<String> {
        self.0
    }
}

impl fmt::Debug for SecretInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// For the client, which sends it.
impl Serialize for SecretInput {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for SecretInput {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(TextOnly("a secret's value must be a JSON string")).map(Self)
    }
}

/// An agent's access token. It is wiped when it is dropped, and `Debug` does not show it.
#[derive(Clone)]
pub struct AccessToken(Zeroizing<String>);

impl AccessToken {
    /// Takes a token.
    #[must_use]
    pub fn new(token: impl Into<Zeroizing<String>>) -> Self {
        Self(token.into())
    }

    /// The token.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("aoc_***")
    }
}

/// For the answers that exist to hand it out.
impl Serialize for AccessToken {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for AccessToken {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(TextOnly("an access token must be a JSON string")).map(Self)
    }
}

/// Reads a text and answers anything else with a fixed message, which never repeats what was found.
struct TextOnly(&'static str);

impl TextOnly {
    fn refuse<T, E: de::Error>(&self) -> Result<T, E> {
        Err(E::custom(self.0))
    }
}

impl<'de> de::Visitor<'de> for TextOnly {
    type Value = Zeroizing<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Zeroizing::new(text.to_owned()))
    }

    fn visit_string<E: de::Error>(self, text: String) -> Result<Self::Value, E> {
        Ok(Zeroizing::new(text))
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<Self::Value, E> {
        self.refuse()
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<Self::Value, E> {
        self.refuse()
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<Self::Value, E> {
        self.refuse()
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<Self::Value, E> {
        self.refuse()
    }

    fn visit_bytes<E: de::Error>(self, _: &[u8]) -> Result<Self::Value, E> {
        self.refuse()
    }

    fn visit_byte_buf<E: de::Error>(self, mut bytes: Vec<u8>) -> Result<Self::Value, E> {
        bytes.zeroize();
        self.refuse()
    }
}

#[cfg(feature = "openapi")]
mod openapi {
    use std::borrow::Cow;

    use poem_openapi::{
        registry::{MetaSchema, MetaSchemaRef},
        types::{ParseError, ParseFromJSON, ParseResult, ToJSON, Type},
    };
    use serde_json::Value;
    use zeroize::Zeroizing;

    use super::{AccessToken, SecretInput};

    impl Type for SecretInput {
        const IS_REQUIRED: bool = true;
        type RawValueType = Self;
        type RawElementValueType = Self;

        fn name() -> Cow<'static, str> {
            "string_password".into()
        }

        fn schema_ref() -> MetaSchemaRef {
            let schema = MetaSchema::new_with_format("string", "password");
            MetaSchemaRef::Inline(Box::new(MetaSchema { write_only: true, ..schema }))
        }

        fn as_raw_value(&self) -> Option<&Self> {
            Some(self)
        }

        fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
            Box::new(std::iter::once(self))
        }
    }

    impl ParseFromJSON for SecretInput {
        fn parse_from_json(value: Option<Value>) -> ParseResult<Self> {
            match value {
                Some(Value::String(text)) => Ok(Self(Zeroizing::new(text))),
                Some(_) => Err(ParseError::custom("a secret's value must be a JSON string")),
                None => Err(ParseError::custom("a secret's value is needed")),
            }
        }
    }

    impl Type for AccessToken {
        const IS_REQUIRED: bool = true;
        type RawValueType = Self;
        type RawElementValueType = Self;

        fn name() -> Cow<'static, str> {
            "string".into()
        }

        fn schema_ref() -> MetaSchemaRef {
            MetaSchemaRef::Inline(Box::new(MetaSchema::new("string")))
        }

        fn as_raw_value(&self) -> Option<&Self> {
            Some(self)
        }

        fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
            Box::new(std::iter::once(self))
        }
    }

    impl ParseFromJSON for AccessToken {
        fn parse_from_json(value: Option<Value>) -> ParseResult<Self> {
            match value {
                Some(Value::String(text)) => Ok(Self(Zeroizing::new(text))),
                _ => Err(ParseError::custom("an access token must be a JSON string")),
            }
        }
    }

    impl ToJSON for AccessToken {
        fn to_json(&self) -> Option<Value> {
            Some(Value::String(self.expose().to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{AccessToken, SecretInput};

    #[test]
    fn no_message_shows_a_value() {
        let value = SecretInput::new("canary-1".to_owned());
        let token = AccessToken::new("aoc_canary".to_owned());
        assert_eq!(format!("{value:?} {token:?}"), "*** aoc_***");
        for wrong in ["4223", "true", "null", "[\"canary\"]", "{\"canary\": 1}", "4.5", "-4223"] {
            let error = serde_json::from_str::<SecretInput>(wrong).unwrap_err().to_string();
            assert!(
                !error.contains("canary") && !error.contains("4223") && !error.contains("4.5"),
                "{error}"
            );
        }
    }

    #[cfg(feature = "openapi")]
    #[test]
    fn no_answer_shows_a_value() {
        use poem_openapi::types::ParseFromJSON;
        for wrong in
            [serde_json::json!(4223), serde_json::json!(["canary"]), serde_json::json!({"canary": 1})]
        {
            let error = SecretInput::parse_from_json(Some(wrong)).unwrap_err().into_message();
            assert!(!error.contains("canary") && !error.contains("4223"), "{error}");
        }
    }
}
