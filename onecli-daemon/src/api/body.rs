//! Request bodies: JSON of at most 1 MiB, refused with messages that never repeat what was sent.

use poem::{
    Request, RequestBody, Result,
    error::{ReadBodyError, ResponseError},
    http::StatusCode,
};
use poem_openapi::{
    ApiExtractor, ApiExtractorType, ExtractParamOptions,
    payload::{Json, Payload},
    registry::{MetaMediaType, MetaRequest, Registry},
    types::Type,
};
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use zeroize::Zeroizing;

use super::error::{Problem, refusal};

/// The longest body that is read.
pub(crate) const LONGEST: usize = 1 << 20;

/// A JSON body.
pub(crate) struct Body<T>(pub(crate) T);

impl<'a, T: Type + DeserializeOwned> ApiExtractor<'a> for Body<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];
    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        let content_type = "application/json";
        Some(MetaRequest {
            description: None,
            content: vec![MetaMediaType { content_type, schema: T::schema_ref() }],
            required: true,
        })
    }

    async fn from_request(
        request: &'a Request, body: &mut RequestBody, _: ExtractParamOptions<()>,
    ) -> Result<Self> {
        if !request.content_type().is_some_and(<Json<T> as Payload>::check_content_type) {
            return Err(poem::Error::from_response(refusal(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "send the body as JSON, with the header content-type: application/json",
            )));
        }
        // It may hold a secret's value, so it is wiped.
        let bytes = body.take()?.into_bytes_limit(LONGEST).await.map_err(unread)?;
        let bytes = Zeroizing::new(Vec::from(bytes));
        Ok(parse(&bytes).map(Self).map_err(Problem::bad_request)?)
    }
}

/// The answer to a body that is too long.
pub(crate) fn too_long() -> poem::Error {
    poem::Error::from_response(refusal(
        StatusCode::PAYLOAD_TOO_LARGE,
        "the body is longer than 1 MiB; send a shorter one",
    ))
}

fn unread(error: ReadBodyError) -> poem::Error {
    match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => too_long(),
        _ => Problem::bad_request("the body was cut off; send it again").into(),
    }
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let parsed = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let field = error.path().to_string();
        fault(error.inner(), &field)
    })?;
    json.end().map_err(|error| fault(&error, ""))?;
    Ok(parsed)
}

/// What is wrong with a body. Of serde's message only those parts are passed on that come from the schema.
fn fault(error: &serde_json::Error, field: &str) -> String {
    let place = format!("at line {}, column {}", error.line(), error.column());
    let text = error.to_string();
    let expected =
        text.rsplit_once(", expected ").and_then(|(_, rest)| rest.rsplit_once(" at line ")).map_or_else(
            || "something else; /v1/docs describes every call".into(),
            |(expected, _)| expected.to_owned(),
        );
    match error.classify() {
        Category::Data => {}
        Category::Eof => return "the body is empty or ends before its JSON does; send all of it".into(),
        Category::Syntax | Category::Io => {
            return format!("the body is not valid JSON ({place}); mend it there");
        }
    }
    if let Some(name) = quoted(&text, "missing field `") {
        return format!("the field `{name}` is missing; add it");
    }
    if text.starts_with("unknown field") {
        return match quoted(&text, "unknown field `") {
            Some(name) => format!("there is no field `{name}` ({place}); this call takes {expected}"),
            None => format!("a field is unknown ({place}); this call takes {expected}"),
        };
    }
    if text.starts_with("a secret's value must be a JSON string") {
        return format!("a secret's value must be a JSON string ({place}); put it in quotes");
    }
    match is_path(field) {
        true => format!("`{field}` is not valid ({place}); expected {expected}"),
        false => format!("a value is not valid ({place}); expected {expected}"),
    }
}

/// Whether a path consists of nothing but what fields are called.
fn is_path(path: &str) -> bool {
    let part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'[' | b']');
    (1..=64).contains(&path.len()) && path != "." && path.bytes().all(part)
}

/// The name behind `before`, if it looks like a field's: a value in the wrong place is not repeated.
fn quoted<'t>(text: &'t str, before: &str) -> Option<&'t str> {
    let (name, _) = text.strip_prefix(before)?.split_once('`')?;
    let is_name = (1..=32).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphabetic());
    is_name.then_some(name)
}

#[cfg(test)]
mod tests {
    use onecli_sdk::types::CreateSecret;

    use super::parse;

    #[test]
    fn says_what_is_wrong_and_repeats_no_value() {
        for (json, said) in [
            (r#"{"type":"generic","value":"canary-1"}"#, "`name` is missing"),
            (r#"{"name":"n","type":"generic","value":9988776655}"#, "must be a JSON string"),
            (r#"{"name":"n","type":"generic","value":["canary"]}"#, "expected a string"),
            (r#"{"name":"n","type":"canary-type","value":"v"}"#, "`type` is not valid"),
            (r#"{"name":"n","type":"canary-type","value":"v"}"#, "`generic`"),
            (r#"{"name":"n","type":"generic","value":"v","hostpattern":"x"}"#, "no field `hostpattern`"),
            (r#"{"canary-5-in-a-field":"x"}"#, "a field is unknown"),
            (r#"{"name":{"canary":1}}"#, "expected a string"),
            (r#"{"name":"n","#, "ends before"),
            (r#"{"name":canary}"#, "not valid JSON"),
            (r#""canary""#, "expected"),
        ] {
            let told = parse::<CreateSecret>(json.as_bytes()).err().unwrap();
            assert!(told.contains(said), "{json}: {told}");
            assert!(!told.contains("canary") && !told.contains("99887"), "{json}: {told}");
        }
    }
}
