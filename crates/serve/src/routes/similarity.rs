//! `POST /similarity` as text-embeddings-inference has it: how alike a sentence is to others.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::errors::Tei;
use super::texts::{TruncationDirection, check_direction, embed, prompted, too_long};
use crate::App;
use crate::engine::Refused;
use crate::http::body;
use crate::http::error::ApiError;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(similarity))
}

/// Sentences to compare.
#[derive(Deserialize, ToSchema)]
struct SimilarityRequest {
    inputs: SimilarityInput,
    parameters: Option<SimilarityParameters>,
    /// The model, by name; the first that is served if missing.
    model: Option<String>,
}

/// A sentence and others.
#[derive(Deserialize, ToSchema)]
struct SimilarityInput {
    source_sentence: String,
    #[schema(min_items = 1)]
    sentences: Vec<String>,
}

/// How sentences are read.
#[derive(Default, Deserialize, ToSchema)]
struct SimilarityParameters {
    /// Whether a text with too many tokens is cut, as it is if missing, or refused.
    truncate: Option<bool>,
    /// Which end is cut off; only the one that the model cuts off is taken.
    truncation_direction: Option<TruncationDirection>,
    /// The prompt of the model that is put before each text, by name; its default one if missing.
    prompt_name: Option<String>,
}

/// Compare sentences as text-embeddings-inference does
///
/// The cosine of their embeddings.
#[utoipa::path(post, path = "/similarity", tag = "text-embeddings-inference", request_body = SimilarityRequest,
    responses((status = 200, description = "A number a sentence", body = Vec<f32>), Tei))]
async fn similarity(
    State(app): State<App>,
    body::Json(request): body::Json<SimilarityRequest>,
) -> Result<Json<Vec<f32>>, ApiError> {
    let served = app.model(request.model.as_deref())?;
    let SimilarityInput { source_sentence, sentences } = request.inputs;
    if sentences.is_empty() {
        return Err(Refused::Empty("`sentences` is empty; expected one or more".to_string()).into());
    }
    let parameters = request.parameters.unwrap_or_default();
    check_direction(&served, parameters.truncation_direction)?;
    let texts = std::iter::once(source_sentence).chain(sentences).collect();
    let texts = prompted(&app, &served, parameters.prompt_name.as_deref(), texts)?;
    let mut answered = embed(&app, &served, texts, too_long(parameters.truncate)).await?;
    let embeddings = answered.embeddings(&served, None, true)?;
    let cosine =
        |other: usize| umbel::metric::retrieval::cosine(embeddings.row(0), embeddings.row(other)) as f32;
    Ok(Json((1..embeddings.rows()).map(cosine).collect()))
}
