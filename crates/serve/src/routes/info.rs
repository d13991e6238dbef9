//! `GET /info` as text-embeddings-inference has it.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::errors::Tei;
use crate::App;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(info))
}

/// What is served.
#[derive(Serialize, ToSchema)]
struct Info {
    model_id: String,
    /// The SHA-256 of the files that decide its answers.
    model_sha: String,
    model_dtype: String,
    model_type: ModelType,
    max_concurrent_requests: usize,
    max_input_length: Option<usize>,
    max_batch_tokens: usize,
    max_client_batch_size: usize,
    auto_truncate: bool,
    tokenization_workers: usize,
    version: &'static str,
}

/// What the model gives.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum ModelType {
    Embedding(EmbeddingType),
}

/// How embeddings are made.
#[derive(Serialize, ToSchema)]
struct EmbeddingType {
    pooling: String,
}

/// Describe the first model as text-embeddings-inference does
#[utoipa::path(get, path = "/info", tag = "text-embeddings-inference",
    responses((status = 200, description = "The model and the limits", body = Info), Tei))]
async fn info(State(app): State<App>) -> Json<Info> {
    let served = app.models.find(None).expect("there is a first model");
    let settings = &app.settings;
    Json(Info {
        model_id: served.name.clone(),
        model_sha: served.sha256.clone(),
        model_dtype: served.precision.clone(),
        model_type: ModelType::Embedding(EmbeddingType {
            pooling: served.model.embedding.poolings.join("+"),
        }),
        max_concurrent_requests: settings.queue.requests,
        max_input_length: served.max_length(),
        max_batch_tokens: settings.batch.tokens,
        max_client_batch_size: settings.limits.texts,
        auto_truncate: true,
        tokenization_workers: app.engine.tokenize_threads(),
        version: env!("CARGO_PKG_VERSION"),
    })
}
