//! How a secret is put into a request.

use http::{HeaderName, HeaderValue, header};
use serde::{Deserialize, Serialize};

use super::{InvalidPathTemplate, PathTemplate, is_same_header, is_same_parameter};

/// How a secret is put into a request. Its serialised form is part of what a sealed value is bound to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Injection {
    /// As the value of a header, in the place of whatever the agent sent there.
    Header {
        /// The header.
        #[serde(with = "header_name")]
        name: HeaderName,
        /// The text around the value.
        format: ValueFormat,
        /// Headers that are taken away with it, since a service would read them too.
        #[serde(with = "header_names", default, skip_serializing_if = "Vec::is_empty")]
        removes: Vec<HeaderName>,
    },
    /// As the password of `Authorization: Basic` (RFC 7617).
    Basic {
        /// The user name.
        username: String,
    },
    /// As a parameter of the query, in the place of one of that name in any encoding.
    Query {
        /// The parameter.
        name: String,
        /// The text around the value.
        format: ValueFormat,
    },
    /// In the path, in the place of what the agent sent there.
    Path {
        /// Where.
        template: PathTemplate,
    },
}

/// Why an injection can't be used; the message says how to mend it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum InvalidInjection {
    #[error("`{0}` is not a header name; write one such as x-api-key")]
    HeaderName(String),
    #[error("`{0}` belongs to the connection, not to the service; choose another header")]
    ReservedHeader(HeaderName),
    #[error("valueFormat holds {{value}} exactly once, such as `Bearer {{value}}`")]
    Placeholder,
    #[error(
        "valueFormat holds characters that a header can't: only visible ASCII and spaces inside can stand there"
    )]
    FormatCharacter,
    #[error("paramName is 1 to 128 visible ASCII characters, such as api_key")]
    ParamName,
    #[error(transparent)]
    PathTemplate(#[from] InvalidPathTemplate),
    #[error("basicUsername is visible ASCII without a colon (RFC 7617)")]
    Username,
}

impl Injection {
    /// Puts the value into header `name`, between the texts around `{value}` of `format`.
    ///
    /// # Errors
    /// If the name is no header name or is reserved for the gateway, or the format is no header value.
    pub fn header(name: &str, format: &str) -> Result<Self, InvalidInjection> {
        let name = HeaderName::try_from(name)
            .map_err(|_| InvalidInjection::HeaderName(name.escape_debug().to_string()))?;
        if is_reserved(&name) {
            return Err(InvalidInjection::ReservedHeader(name));
        }
        Ok(Self::Header { name, format: ValueFormat::parse(format)?, removes: Vec::new() })
    }

    /// Puts the value in as the password of `username`.
    ///
    /// # Errors
    /// If the name can't stand in Basic credentials.
    pub fn basic(username: &str) -> Result<Self, InvalidInjection> {
        if !username.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':') {
            return Err(InvalidInjection::Username);
        }
        Ok(Self::Basic { username: username.to_owned() })
    }

    /// Puts the value into the query as `name`, between the texts around `{value}` of `format`.
    ///
    /// # Errors
    /// If the name can't be a parameter's, or the format holds other characters than a header could.
    pub fn query(name: &str, format: &str) -> Result<Self, InvalidInjection> {
        if !(1..=128).contains(&name.len()) || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(InvalidInjection::ParamName);
        }
        Ok(Self::Query { name: name.to_owned(), format: ValueFormat::parse(format)? })
    }

    /// Puts the value into the path where `template` has `{value}`.
    ///
    /// # Errors
    /// If it is no template.
    pub fn path(template: &str) -> Result<Self, InvalidInjection> {
        Ok(Self::Path { template: template.parse()? })
    }

    /// The headers that it fills or takes away.
    #[must_use]
    pub fn headers(&self) -> Vec<HeaderName> {
        let mut names = match self.slot() {
            Slot::Header(name) => vec![name],
            Slot::Query(_) | Slot::Path => Vec::new(),
        };
        if let Self::Header { removes, .. } = self {
            names.extend_from_slice(removes);
        }
        names
    }

    /// Whether only one of the two can be put in: they fill the same, or one takes away what the other fills.
    #[must_use]
    pub fn excludes(&self, other: &Self) -> bool {
        let fills = |one: &Self, other: &Self| match one.slot() {
            Slot::Header(name) => other.headers().iter().any(|header| is_same_header(header, &name)),
            Slot::Query(name) => {
                matches!(other.slot(), Slot::Query(other) if is_same_parameter(&name, &other))
            }
            Slot::Path => other.slot() == Slot::Path,
        };
        fills(self, other) || fills(other, self)
    }

    /// What it fills. Two secrets that fill the same exclude each other.
    #[must_use]
    pub fn slot(&self) -> Slot {
        match self {
            Self::Header { name, .. } => Slot::Header(name.clone()),
            Self::Basic { .. } => Slot::Header(header::AUTHORIZATION),
            Self::Query { name, .. } => Slot::Query(name.clone()),
            Self::Path { .. } => Slot::Path,
        }
    }
}

/// What an injection fills.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Slot {
    /// A header.
    Header(HeaderName),
    /// A parameter of the query.
    Query(String),
    /// A part of the path.
    Path,
}

impl Slot {
    /// Whether it is the header of that name.
    #[must_use]
    pub fn is_header(&self, name: &str) -> bool {
        matches!(self, Self::Header(header) if header == name)
    }
}

/// Headers that say where a request goes, how it is framed, or that are the gateway's own.
fn is_reserved(name: &HeaderName) -> bool {
    const FRAMING: [HeaderName; 9] = [
        header::HOST,
        header::CONTENT_LENGTH,
        header::TRANSFER_ENCODING,
        header::CONNECTION,
        header::UPGRADE,
        header::TE,
        header::TRAILER,
        header::PROXY_AUTHORIZATION,
        header::EXPECT,
    ];
    FRAMING.contains(name)
        || ["keep-alive", "proxy-connection", "proxy-authenticate"].contains(&name.as_str())
        || name.as_str().starts_with("x-onecli-")
}

/// The text before and after a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ValueFormat {
    before: String,
    after: String,
}

impl ValueFormat {
    const PLACEHOLDER: &str = "{value}";

    /// Reads a format such as `Bearer {value}`.
    ///
    /// # Errors
    /// If `{value}` does not stand in it once, or it can't be a header value.
    pub fn parse(text: &str) -> Result<Self, InvalidInjection> {
        let (before, after) = text.split_once(Self::PLACEHOLDER).ok_or(InvalidInjection::Placeholder)?;
        if after.contains(Self::PLACEHOLDER) {
            return Err(InvalidInjection::Placeholder);
        }
        let trimmed = before.trim_start() == before && after.trim_end() == after;
        if !trimmed || HeaderValue::from_str(text).is_err() || !text.is_ascii() || text.contains('\t') {
            return Err(InvalidInjection::FormatCharacter);
        }
        Ok(Self { before: before.to_owned(), after: after.to_owned() })
    }

    /// What stands before the value.
    #[must_use]
    pub fn before(&self) -> &str {
        &self.before
    }

    /// What stands after the value.
    #[must_use]
    pub fn after(&self) -> &str {
        &self.after
    }
}

impl TryFrom<String> for ValueFormat {
    type Error = InvalidInjection;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<ValueFormat> for String {
    fn from(format: ValueFormat) -> Self {
        [&format.before, ValueFormat::PLACEHOLDER, &format.after].concat()
    }
}

mod header_name {
    use http::HeaderName;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(name: &HeaderName, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(name.as_str())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<HeaderName, D::Error> {
        HeaderName::try_from(String::deserialize(from)?).map_err(D::Error::custom)
    }
}

mod header_names {
    use http::HeaderName;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(names: &[HeaderName], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(names.iter().map(HeaderName::as_str))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<HeaderName>, D::Error> {
        let names = Vec::<String>::deserialize(from)?;
        names.into_iter().map(|name| HeaderName::try_from(name).map_err(D::Error::custom)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{Injection, InvalidInjection};

    #[test]
    fn refuses_what_would_break_a_request() {
        for (name, format) in [
            ("host", "{value}"),
            ("Content-Length", "{value}"),
            ("x-onecli-secret", "{value}"),
            ("a b", "{value}"),
            ("x-key", "no placeholder"),
            ("x-key", "{value}{value}"),
            ("x-key", "a\nb {value}"),
            ("x-key", "{value} "),
        ] {
            assert!(Injection::header(name, format).is_err(), "{name}: {format:?}");
        }
        assert_eq!(Injection::basic("a:b"), Err(InvalidInjection::Username));
    }

    #[test]
    fn stored_form_reads_back() {
        for injection in
            [Injection::header("Authorization", "Bearer {value}").unwrap(), Injection::basic("x").unwrap()]
        {
            let json = serde_json::to_string(&injection).unwrap();
            assert_eq!(serde_json::from_str::<Injection>(&json).unwrap(), injection);
        }
    }
}
