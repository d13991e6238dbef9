//! Errors as each protocol says them. No message names a path of this machine.

use std::time::Duration;

use axum::Json;
use axum::extract::Request;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::engine::Refused;

/// Why a request is not answered.
#[derive(Debug, Clone)]
pub struct ApiError {
    kind: Kind,
    message: String,
    retry_after: Option<Duration>,
}

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// There is no text.
    Empty,
    /// The body is no such JSON, or says what cannot be.
    Invalid,
    /// There is no such route or model.
    NotFound,
    /// The route is not for this method.
    Method,
    /// The body is no JSON, or compressed in an unknown way.
    MediaType,
    /// More is asked than one request may.
    TooMuch,
    /// A text cannot be turned into tokens.
    Text,
    /// There is no key or a wrong one.
    NoKey,
    /// The body came too slowly.
    Slow,
    /// As much waits as may.
    Overloaded,
    /// The server ends, or the request has waited for too long.
    Unavailable,
    /// It is our fault.
    Failed,
}

/// Which protocol a route speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// Our own.
    Umbel,
    /// That of OpenAI.
    OpenAi,
    /// That of text-embeddings-inference.
    Tei,
    /// The Open Inference Protocol, version 2.
    KServe,
}

/// An error of our own routes.
#[derive(Serialize, ToSchema)]
pub struct ErrorBody {
    error: ErrorDetail,
}

/// What is wrong.
#[derive(Serialize, ToSchema)]
struct ErrorDetail {
    /// `empty`, `invalid`, `not_found`, `method`, `media_type`, `too_much`, `text`, `no_key`, `slow`, `overloaded`,
    /// `unavailable` or `failed`.
    code: String,
    message: String,
}

impl Protocol {
    /// The protocol of a path.
    pub fn of(path: &str) -> Self {
        match path {
            "/v1/embeddings" | "/v1/models" | "/embeddings" => Self::OpenAi,
            "/embed" | "/predict" | "/tokenize" | "/similarity" | "/info" | "/health" | "/" => Self::Tei,
            _ if path == "/v2" || path.starts_with("/v2/") => Self::KServe,
            _ => Self::Umbel,
        }
    }
}

impl Kind {
    fn status(self, protocol: Protocol) -> StatusCode {
        match (self, protocol) {
            (Self::Invalid | Self::Text, Protocol::Tei) => StatusCode::UNPROCESSABLE_ENTITY,
            (Self::Failed, Protocol::Tei) => StatusCode::FAILED_DEPENDENCY,
            (Self::Empty | Self::Invalid | Self::Text, _) => StatusCode::BAD_REQUEST,
            (Self::NotFound, _) => StatusCode::NOT_FOUND,
            (Self::Method, _) => StatusCode::METHOD_NOT_ALLOWED,
            (Self::MediaType, _) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            (Self::TooMuch, _) => StatusCode::PAYLOAD_TOO_LARGE,
            (Self::NoKey, _) => StatusCode::UNAUTHORIZED,
            (Self::Slow, _) => StatusCode::REQUEST_TIMEOUT,
            (Self::Overloaded, _) => StatusCode::TOO_MANY_REQUESTS,
            (Self::Unavailable, _) => StatusCode::SERVICE_UNAVAILABLE,
            (Self::Failed, _) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn of_status(status: StatusCode) -> Self {
        match status {
            StatusCode::NOT_FOUND => Self::NotFound,
            StatusCode::METHOD_NOT_ALLOWED => Self::Method,
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Self::MediaType,
            StatusCode::PAYLOAD_TOO_LARGE => Self::TooMuch,
            status if status.is_client_error() => Self::Invalid,
            _ => Self::Failed,
        }
    }

    fn code(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Invalid => "invalid",
            Self::NotFound => "not_found",
            Self::Method => "method",
            Self::MediaType => "media_type",
            Self::TooMuch => "too_much",
            Self::Text => "text",
            Self::NoKey => "no_key",
            Self::Slow => "slow",
            Self::Overloaded => "overloaded",
            Self::Unavailable => "unavailable",
            Self::Failed => "failed",
        }
    }

    /// The word of text-embeddings-inference.
    fn tei(self) -> &'static str {
        match self {
            Self::Empty => "Empty",
            Self::Text => "Tokenizer",
            Self::Overloaded => "Overloaded",
            Self::Unavailable => "Unhealthy",
            Self::Failed => "Backend",
            _ => "Validation",
        }
    }

    /// The word of OpenAI.
    fn openai(self) -> &'static str {
        match self {
            Self::NoKey => "authentication_error",
            Self::Overloaded => "rate_limit_error",
            Self::Unavailable | Self::Failed => "server_error",
            _ => "invalid_request_error",
        }
    }
}

impl ApiError {
    /// True if another try may help.
    pub(crate) fn is_overloaded(&self) -> bool {
        self.kind == Kind::Overloaded
    }

    /// An error that says this.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), retry_after: None }
    }

    /// That as much waits as may.
    pub fn overloaded(wait: Duration) -> Self {
        let message = "too many requests wait; expected to have room after the time in `Retry-After`";
        Self { retry_after: Some(wait), ..Self::new(Kind::Overloaded, message) }
    }

    fn body(&self, protocol: Protocol) -> Value {
        let Self { kind, message, .. } = self;
        match protocol {
            Protocol::Umbel => json!({"error": {"code": kind.code(), "message": message}}),
            Protocol::OpenAi => {
                let (kind, code) = (kind.openai(), kind.code());
                json!({"error": {"message": message, "type": kind, "param": null, "code": code}})
            }
            Protocol::Tei => json!({"error": message, "error_type": kind.tei()}),
            Protocol::KServe => json!({"error": message}),
        }
    }

    fn into_shape(self, protocol: Protocol) -> Response {
        let mut response = (self.kind.status(protocol), Json(self.body(protocol))).into_response();
        let headers = response.headers_mut();
        if let Some(wait) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1)));
        }
        if self.kind == Kind::NoKey {
            headers.append(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            headers.append(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"umbel\""));
        }
        response
    }
}

impl From<Refused> for ApiError {
    fn from(refused: Refused) -> Self {
        let unavailable = |message: &str| {
            let wait = Some(Duration::from_secs(1));
            Self { retry_after: wait, ..Self::new(Kind::Unavailable, message) }
        };
        match refused {
            Refused::Empty(message) => Self::new(Kind::Empty, message),
            Refused::Invalid(message) => Self::new(Kind::Invalid, message),
            Refused::NoModel(message) => Self::new(Kind::NotFound, message),
            Refused::TooMuch(message) => Self::new(Kind::TooMuch, message),
            Refused::Text(message) => Self::new(Kind::Text, message),
            Refused::Overloaded(wait) => Self::overloaded(wait),
            Refused::Ending => unavailable("the server ends"),
            Refused::Late => unavailable("the request has waited for too long"),
            Refused::Failed => Self::new(Kind::Failed, "the model failed on this request"),
        }
    }
}

/// In our own shape; `shape` gives it that of the protocol.
impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.clone().into_shape(Protocol::Umbel);
        response.extensions_mut().insert(self);
        response
    }
}

/// Gives every error the shape of the protocol that its path belongs to, those of the router too.
pub(crate) async fn shape(request: Request, next: Next) -> Response {
    let protocol = Protocol::of(request.uri().path());
    let mut response = next.run(request).await;
    let status = response.status();
    if !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    if let Some(error) = response.extensions_mut().remove::<ApiError>() {
        return error.into_shape(protocol);
    }
    let is_json = |value: &HeaderValue| value.as_bytes().starts_with(b"application/json");
    if response.headers().get(CONTENT_TYPE).is_some_and(is_json) {
        return response;
    }
    let kind = Kind::of_status(status);
    let message = match kind {
        Kind::NotFound => "there is no such route; `/docs` has all",
        Kind::Method => "the route is not for this method; `/docs` has all",
        Kind::MediaType => "expected `Content-Type: application/json`, compressed as gzip if at all",
        Kind::TooMuch => "the body is too long",
        Kind::Failed => "the server failed on this request",
        _ => "the request cannot be understood",
    };
    let shaped = ApiError::new(kind, message).into_shape(protocol);
    let (mut parts, _) = response.into_parts();
    parts.headers.remove(CONTENT_LENGTH);
    let (shaped_parts, body) = shaped.into_parts();
    parts.headers.extend(shaped_parts.headers);
    Response::from_parts(parts, body)
}
