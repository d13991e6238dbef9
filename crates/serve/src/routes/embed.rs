//! `POST /embed` as text-embeddings-inference has it, and `POST /`, where its clients ask if they are given no path.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::errors::{Tei, TeiErrorBody};
use super::texts::{Texts, TruncationDirection, check_direction, embed, prompted, too_long};
use crate::App;
use crate::http::body;
use crate::http::error::ApiError;

pub(super) fn routes() -> OpenApiRouter<App> {
    #[derive(utoipa::OpenApi)]
    #[openapi(components(schemas(TeiErrorBody)))]
    struct Schemas;
    let schemas = OpenApiRouter::with_openapi(<Schemas as utoipa::OpenApi>::openapi());
    schemas.routes(routes!(embed_texts)).routes(routes!(embed_root))
}

/// Texts to embed.
#[derive(Deserialize, ToSchema)]
struct EmbedRequest {
    inputs: Texts,
    /// Whether embeddings get length one, as they do if missing.
    normalize: Option<bool>,
    /// Whether a text with too many tokens is cut, as it is if missing, or refused.
    truncate: Option<bool>,
    /// Which end is cut off; only the one that the model cuts off is taken.
    truncation_direction: Option<TruncationDirection>,
    /// The prompt of the model that is put before each text, by name; its default one if missing.
    prompt_name: Option<String>,
    /// Only the first numbers of each embedding.
    #[schema(minimum = 1)]
    dimensions: Option<usize>,
    /// The model, by name; the first that is served if missing.
    model: Option<String>,
}

/// Embed texts as text-embeddings-inference does
#[utoipa::path(post, path = "/embed", tag = "text-embeddings-inference", request_body = EmbedRequest,
    responses((status = 200, description = "An embedding a text", body = Vec<Vec<f32>>), Tei))]
async fn embed_texts(
    State(app): State<App>,
    body::Json(request): body::Json<EmbedRequest>,
) -> Result<Json<Vec<Vec<f32>>>, ApiError> {
    let served = app.model(request.model.as_deref())?;
    check_direction(&served, request.truncation_direction)?;
    let texts = prompted(&app, &served, request.prompt_name.as_deref(), request.inputs.all())?;
    let mut answered = embed(&app, &served, texts, too_long(request.truncate)).await?;
    let normalize = request.normalize.unwrap_or(true);
    let embeddings = answered.embeddings(&served, request.dimensions, normalize)?;
    Ok(Json(embeddings.iter_rows().map(<[f32]>::to_vec).collect()))
}

/// The same as /embed
#[utoipa::path(post, path = "/", tag = "text-embeddings-inference", request_body = EmbedRequest,
    responses((status = 200, description = "An embedding a text", body = Vec<Vec<f32>>), Tei))]
async fn embed_root(
    app: State<App>,
    request: body::Json<EmbedRequest>,
) -> Result<Json<Vec<Vec<f32>>>, ApiError> {
    embed_texts(app, request).await
}
