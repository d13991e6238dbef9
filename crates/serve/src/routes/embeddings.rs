//! `POST /v1/embeddings` as OpenAI has it.

use axum::Json;
use axum::extract::State;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::errors::OpenAi;
use super::texts::{Texts, embed, too_long};
use crate::App;
use crate::http::body;
use crate::http::error::ApiError;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(embeddings))
}

/// Texts to embed.
#[derive(Deserialize, ToSchema)]
struct EmbeddingsRequest {
    /// Tokens in place of texts, which OpenAI takes too, are refused: they would be those of another tokenizer.
    input: Texts,
    /// The model, by name; the first that is served if missing.
    model: Option<String>,
    #[serde(default)]
    encoding_format: EncodingFormat,
    /// Only the first numbers of each embedding; they have length one if the whole has.
    #[schema(minimum = 1)]
    dimensions: Option<usize>,
}

/// How numbers are written.
#[derive(Deserialize, ToSchema, Default, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum EncodingFormat {
    /// As a list.
    #[default]
    Float,
    /// As little-endian 32-bit floats in base64.
    Base64,
}

/// All embeddings, in the order of the texts.
#[derive(Serialize, ToSchema)]
struct EmbeddingsResponse {
    /// `list`.
    object: &'static str,
    data: Vec<EmbeddingObject>,
    model: String,
    usage: EmbeddingUsage,
}

/// The embedding of one text.
#[derive(Serialize, ToSchema)]
struct EmbeddingObject {
    /// `embedding`.
    object: &'static str,
    index: usize,
    embedding: Numbers,
}

/// Numbers as a list or in base64.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
enum Numbers {
    Float(Vec<f32>),
    Base64(String),
}

/// Tokens that were read.
#[derive(Serialize, ToSchema)]
struct EmbeddingUsage {
    prompt_tokens: usize,
    total_tokens: usize,
}

impl Numbers {
    fn of(numbers: &[f32], format: EncodingFormat) -> Self {
        match format {
            EncodingFormat::Float => Self::Float(numbers.to_vec()),
            EncodingFormat::Base64 => {
                let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
                Self::Base64(BASE64_STANDARD.encode(bytes))
            }
        }
    }
}

/// Embed texts as OpenAI does
#[utoipa::path(post, path = "/v1/embeddings", tag = "OpenAI", request_body = EmbeddingsRequest,
    responses((status = 200, description = "The embeddings", body = EmbeddingsResponse), OpenAi))]
async fn embeddings(
    State(app): State<App>,
    body::Json(request): body::Json<EmbeddingsRequest>,
) -> Result<Json<EmbeddingsResponse>, ApiError> {
    let served = app.model(request.model.as_deref())?;
    let mut answered = embed(&app, &served, request.input.all(), too_long(None)).await?;
    let embeddings = answered.embeddings(&served, request.dimensions, false)?;
    let format = request.encoding_format;
    let object = |(index, numbers)| EmbeddingObject {
        object: "embedding",
        index,
        embedding: Numbers::of(numbers, format),
    };
    let data = embeddings.iter_rows().enumerate().map(object).collect();
    let n_tokens = answered.n_tokens();
    let usage = EmbeddingUsage { prompt_tokens: n_tokens, total_tokens: n_tokens };
    Ok(Json(EmbeddingsResponse { object: "list", data, model: served.name.clone(), usage }))
}
