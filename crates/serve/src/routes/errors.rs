//! What the document says of errors.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{IntoResponses, ToSchema};

/// Errors of our own routes: `{"error": {"code", "message"}}`.
pub(super) struct Own;
/// Errors of OpenAI's routes: `{"error": {"message", "type", "param", "code"}}`.
pub(super) struct OpenAi;
/// Errors of text-embeddings-inference: `{"error", "error_type"}`.
pub(super) struct Tei;
/// Errors of the Open Inference Protocol: `{"error"}`.
pub(super) struct KServe;

/// An error as OpenAI says it.
#[derive(Serialize, ToSchema)]
pub(super) struct OpenAiErrorBody {
    error: OpenAiError,
}

/// What is wrong.
#[derive(Serialize, ToSchema)]
struct OpenAiError {
    message: String,
    #[serde(rename = "type")]
    kind: String,
    param: Option<String>,
    code: String,
}

/// An error as text-embeddings-inference says it.
#[derive(Serialize, ToSchema)]
pub(super) struct TeiErrorBody {
    error: String,
    /// `Unhealthy`, `Backend`, `Overloaded`, `Validation`, `Tokenizer` or `Empty`.
    error_type: String,
}

/// An error as the Open Inference Protocol says it.
#[derive(Serialize, ToSchema)]
pub(super) struct KServeErrorBody {
    error: String,
}

const ALL: [(u16, &str); 8] = [
    (401, "There is no key or a wrong one"),
    (404, "There is no such model"),
    (408, "The body came too slowly"),
    (413, "More is asked than one request may"),
    (415, "The body is no JSON, or compressed in an unknown way"),
    (429, "As much waits as may; `Retry-After` says for how long"),
    (503, "The server ends, or the request has waited for too long"),
    (400, "There is no text, or the body is no such JSON"),
];

fn responses(schema: &str, more: &[(u16, &str)]) -> BTreeMap<String, RefOr<Response>> {
    let content = || ContentBuilder::new().schema(Some(Ref::from_schema_name(schema))).build();
    let response = |(status, text): &(u16, &str)| {
        let response =
            ResponseBuilder::new().description(*text).content("application/json", content()).build();
        (status.to_string(), RefOr::T(response))
    };
    ALL.iter().chain(more).map(response).collect()
}

const FAILED: (u16, &str) = (500, "The model failed on this request");

impl IntoResponses for Own {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        responses("ErrorBody", &[FAILED])
    }
}

impl IntoResponses for OpenAi {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        responses("OpenAiErrorBody", &[FAILED])
    }
}

impl IntoResponses for Tei {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let invalid = (422, "The body is no such JSON, or a text cannot be turned into tokens");
        responses("TeiErrorBody", &[invalid, (424, FAILED.1)])
    }
}

impl IntoResponses for KServe {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        responses("KServeErrorBody", &[FAILED])
    }
}
