//! Errors, always as `{"error": "what is wrong and how to mend it"}`.

use onecli_core::{admin::AdminError, audit::DrainError, store::StoreError};
use onecli_sdk::types::ErrorBody;
use poem::{
    IntoResponse, Response,
    error::{MethodNotAllowedError, NotFoundError},
    http::{StatusCode, header},
};
use poem_openapi::{
    ApiResponse,
    error::{ParseParamError, ParsePathError},
    payload::Json,
};

/// Why a call was not served.
#[derive(ApiResponse, Debug)]
pub(crate) enum Problem {
    /// It can't be parsed, or is not as the schema says.
    #[oai(status = 400)]
    BadRequest(Json<ErrorBody>),
    /// There is no valid API key.
    #[oai(status = 401)]
    Unauthorized(Json<ErrorBody>),
    /// The key may not do this.
    #[oai(status = 403)]
    Forbidden(Json<ErrorBody>),
    /// It is not there.
    #[oai(status = 404)]
    NotFound(Json<ErrorBody>),
    /// It is at odds with something that is there.
    #[oai(status = 409)]
    Conflict(Json<ErrorBody>),
    /// It is well-formed, but refused.
    #[oai(status = 422)]
    Refused(Json<ErrorBody>),
    /// Something broke here.
    #[oai(status = 500)]
    Internal(Json<ErrorBody>),
    /// The store does not answer.
    #[oai(status = 503)]
    Unavailable(Json<ErrorBody>),
}

impl Problem {
    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::BadRequest(body(message))
    }

    pub(crate) fn unauthorized(message: impl Into<String>) -> Self {
        Self::Unauthorized(body(message))
    }

    pub(crate) fn forbidden(message: impl Into<String>) -> Self {
        Self::Forbidden(body(message))
    }

    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::NotFound(body(message))
    }

    pub(crate) fn refused(message: impl Into<String>) -> Self {
        Self::Refused(body(message))
    }

    pub(crate) fn unavailable(message: impl Into<String>) -> Self {
        Self::Unavailable(body(message))
    }

    pub(crate) fn internal() -> Self {
        Self::Internal(body("something broke in the daemon; its log says what"))
    }
}

fn body(message: impl Into<String>) -> Json<ErrorBody> {
    Json(ErrorBody { error: message.into() })
}

impl From<AdminError> for Problem {
    fn from(error: AdminError) -> Self {
        match error {
            AdminError::NotFound(_) => Self::not_found(error.to_string()),
            AdminError::Conflict(message) => Self::Conflict(body(message)),
            AdminError::Refused(message) => Self::refused(message),
            AdminError::Store(error) => error.into(),
            AdminError::NotInForce(_) => Self::unavailable(error.to_string()),
            AdminError::Vault(error) => {
                tracing::error!(error = %onecli_core::error_chain(&error), "the vault failed");
                Self::internal()
            }
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        tracing::error!(error = %onecli_core::error_chain(&error), "the store failed");
        match error {
            StoreError::Unavailable(_) => {
                Self::unavailable("the store does not answer; try again, and see the daemon's log")
            }
            _ => Self::internal(),
        }
    }
}

impl From<DrainError> for Problem {
    fn from(error: DrainError) -> Self {
        tracing::warn!(error = %onecli_core::error_chain(&error), "the audit log has not caught up");
        Self::unavailable("the audit log has not caught up with the journal; try again")
    }
}

/// A plain answer with this message, for what is refused before any call.
pub(crate) fn refusal(status: StatusCode, message: &str) -> Response {
    let json = serde_json::json!({ "error": message }).to_string();
    Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, "application/json; charset=utf-8")
        .body(json)
}

/// The answer to an error that no call made itself. Its own text is not passed on: it may hold what was sent.
pub(crate) fn answer(error: poem::Error) -> Response {
    if error.is_from_response() {
        return error.into_response();
    }
    let status = error.status();
    if status.is_server_error() {
        tracing::error!(%error, "a call failed");
        return Problem::internal().into_response();
    }
    refusal(status, &message(&error, status))
}

fn message(error: &poem::Error, status: StatusCode) -> String {
    const DOCS: &str = "/v1/docs describes every call";
    if let Some(error) = error.downcast_ref::<ParseParamError>() {
        return format!("the parameter `{}` is missing or not as this call takes it; {DOCS}", error.name);
    }
    if let Some(error) = error.downcast_ref::<ParsePathError>() {
        return format!("`{}` in the path is not as this call takes it; {DOCS}", error.name);
    }
    if error.is::<NotFoundError>() {
        return format!("there is no such call; {DOCS}");
    }
    if error.is::<MethodNotAllowedError>() {
        return format!("this path does not take this method; {DOCS}");
    }
    format!("{}; {DOCS}", status.canonical_reason().unwrap_or("the request is refused"))
}
