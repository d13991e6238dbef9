//! `POST /tokenize` as text-embeddings-inference has it.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use umbel::text::{TokenInfo, TokenizerOptions};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::errors::Tei;
use super::texts::{Texts, after_prompt, prompt};
use crate::App;
use crate::http::body;
use crate::http::error::ApiError;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(tokenize))
}

/// Texts to turn into tokens.
#[derive(Deserialize, ToSchema)]
struct TokenizeRequest {
    inputs: Texts,
    /// Whether tokens such as `[CLS]` are put around each text, as they are if missing.
    add_special_tokens: Option<bool>,
    /// The prompt of the model that is put before each text, by name; its default one if missing.
    prompt_name: Option<String>,
    /// The model, by name; the first that is served if missing.
    model: Option<String>,
}

/// A token.
#[derive(Serialize, ToSchema)]
struct Token {
    id: u32,
    text: String,
    special: bool,
    /// The first of its characters in the text, from 0; none of a token that was added.
    start: Option<usize>,
    /// The character after its last one.
    stop: Option<usize>,
}

/// Turn texts into tokens as text-embeddings-inference does
///
/// Texts are not cut. Characters of a prompt that is put before a text count as its own.
#[utoipa::path(post, path = "/tokenize", tag = "text-embeddings-inference", request_body = TokenizeRequest,
    responses((status = 200, description = "The tokens of each text", body = Vec<Vec<Token>>), Tei))]
async fn tokenize(
    State(app): State<App>,
    body::Json(request): body::Json<TokenizeRequest>,
) -> Result<Json<Vec<Vec<Token>>>, ApiError> {
    let served = app.model(request.model.as_deref())?;
    let add_special_tokens = request.add_special_tokens.unwrap_or(true);
    let options = TokenizerOptions { add_special_tokens, ..TokenizerOptions::whole() };
    let prompt = prompt(&served, request.prompt_name.as_deref())?;
    let texts = Arc::new(after_prompt(&app, prompt, request.inputs.all()));
    let tokens = app.engine.explain(&served, Arc::clone(&texts), options).await?;
    let of_text = |(infos, text): (&Vec<TokenInfo>, &String)| -> Vec<Token> {
        let characters = Characters::of(text);
        infos.iter().map(|info| token(info, text, &characters)).collect()
    };
    Ok(Json(tokens.iter().zip(&*texts).map(of_text).collect()))
}

/// Where each character of a text begins, in bytes.
struct Characters(Vec<usize>);

impl Characters {
    fn of(text: &str) -> Self {
        Self(text.char_indices().map(|(byte, _)| byte).collect())
    }

    /// How many characters begin before this byte.
    fn before(&self, byte: usize) -> usize {
        self.0.partition_point(|start| *start < byte)
    }
}

fn token(info: &TokenInfo, text: &str, characters: &Characters) -> Token {
    let place = info.text.map(|_| info.offsets);
    let own = place.and_then(|(start, end)| text.get(start..end));
    Token {
        id: info.id,
        text: own.map_or_else(|| info.token.clone(), str::to_string),
        special: info.special,
        start: place.map(|(start, _)| characters.before(start)),
        stop: place.map(|(_, end)| characters.before(end)),
    }
}
