//! `POST /v1/predict`: the answers of all tasks or some, and the embedding if it is wanted, from one pass.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use umbel::model::Prediction;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Job;
use super::errors::Own;
use super::texts::{Texts, repeated, too_long};
use crate::App;
use crate::engine::Served;
use crate::http::body;
use crate::http::error::{ApiError, ErrorBody, Kind};

pub(super) fn routes() -> OpenApiRouter<App> {
    #[derive(utoipa::OpenApi)]
    #[openapi(components(schemas(ErrorBody)))]
    struct Schemas;
    OpenApiRouter::with_openapi(<Schemas as utoipa::OpenApi>::openapi()).routes(routes!(predict))
}

/// Texts, and what is wanted of them.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PredictRequest {
    /// The model, by name; the first that is served if missing.
    model: Option<String>,
    texts: Texts,
    /// The tasks that are to answer, each once; all that answer single texts, and those of `compare`, if missing. None
    /// of the others is computed.
    tasks: Option<Vec<String>>,
    /// For tasks that compare texts: for each text the texts that it is compared with.
    #[serde(default)]
    compare: BTreeMap<String, Vec<Vec<String>>>,
    /// Whether each text's embedding is wanted.
    #[serde(default)]
    embedding: bool,
    /// Only the first numbers of each embedding.
    #[schema(minimum = 1)]
    dimensions: Option<usize>,
    /// Whether the heads' raw outputs are wanted, before probabilities are made of them.
    #[serde(default)]
    raw: bool,
    /// Whether a text with too many tokens is cut, as it is if missing, or refused.
    truncate: Option<bool>,
}

/// What is answered, in the order of the texts.
#[derive(Serialize, ToSchema)]
struct PredictResponse {
    model: String,
    results: Vec<PredictResult>,
    usage: Usage,
}

/// What is answered to one text.
#[derive(Serialize, ToSchema)]
struct PredictResult {
    /// For each task its label and probabilities, labels and probabilities, rank, score, scores, spans or cosine.
    #[schema(value_type = HashMap<String, Object>)]
    answers: Prediction,
    #[serde(skip_serializing_if = "Option::is_none")]
    embedding: Option<Vec<f32>>,
    /// For each task its head's outputs; of a task that finds spans, those of each word, one after the other, `null`
    /// where the word was cut off.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<HashMap<String, Vec<Option<f32>>>>)]
    raw: Option<BTreeMap<String, Vec<f32>>>,
    /// How many tokens were read.
    tokens: usize,
    /// Whether more there were that were not read.
    truncated: bool,
}

/// What the request took.
#[derive(Serialize, ToSchema)]
struct Usage {
    texts: usize,
    /// Tokens that were read, of texts that were only compared too.
    tokens: usize,
    truncated: usize,
}

/// Answer tasks
///
/// All tasks that are asked, and the embedding, come from one pass through the encoder.
#[utoipa::path(post, path = "/v1/predict", tag = "umbel", request_body = PredictRequest,
    responses((status = 200, description = "The answers", body = PredictResponse), Own))]
async fn predict(
    State(app): State<App>,
    body::Json(request): body::Json<PredictRequest>,
) -> Result<Json<PredictResponse>, ApiError> {
    let served = app.model(request.model.as_deref())?;
    let texts = request.texts.all();
    let compare = request.compare;
    let tasks = tasks(&served, request.tasks, &compare)?;
    if let Some((task, others)) = compare.iter().find(|(_, others)| others.len() != texts.len()) {
        let (n, found) = (texts.len(), others.len());
        let message =
            format!("`compare` of task `{task}` has {found} lists; expected one for each of {n} texts");
        return Err(ApiError::new(Kind::Invalid, message));
    }
    let others = tasks.iter().map(|task| compare.get(task).cloned().unwrap_or_default()).collect();
    let job = Job {
        model: served.clone(),
        texts,
        tasks: tasks.clone(),
        others,
        too_long: too_long(request.truncate),
    };
    let mut answered = app.engine.submit(job).await?;
    let embeddings = answered.embeddings(&served, request.dimensions, false)?;
    let questions = std::sync::Arc::clone(&answered.questions);
    let raw = |row: usize| {
        let outputs = tasks.iter().enumerate().map(|(asked, task)| {
            let numbers = served.model.raw_outputs(&questions, &answered.raw, asked, row);
            (task.clone(), numbers)
        });
        outputs.collect()
    };
    let rows = answered.predicted.predictions.iter().zip(embeddings.iter_rows()).enumerate();
    let result = |(row, (answers, embedding)): (usize, (&Prediction, &[f32]))| PredictResult {
        answers: answers.clone(),
        embedding: request.embedding.then(|| embedding.to_vec()),
        raw: request.raw.then(|| raw(row)),
        tokens: questions.n_read(row),
        truncated: questions.is_cut(row),
    };
    let results: Vec<PredictResult> = rows.map(result).collect();
    let usage = Usage {
        texts: results.len(),
        tokens: answered.n_tokens(),
        truncated: answered.predicted.n_truncated,
    };
    Ok(Json(PredictResponse { model: served.name.clone(), results, usage }))
}

/// The tasks that are to answer.
fn tasks(
    served: &Served,
    asked: Option<Vec<String>>,
    compare: &BTreeMap<String, Vec<Vec<String>>>,
) -> Result<Vec<String>, ApiError> {
    let wrong = |error: umbel::Error| ApiError::new(Kind::Invalid, error.to_string());
    let compares = |task: &str| served.model.head(task).is_ok_and(|head| head.compares());
    let is_meant = |task: &&str| !compares(task) || compare.contains_key(*task);
    let all = || served.tasks().filter(is_meant).map(str::to_string).collect();
    let tasks: Vec<String> = asked.unwrap_or_else(all);
    if let Some(task) = repeated(&tasks) {
        let message = format!("`tasks` has `{task}` twice; expected each task once");
        return Err(ApiError::new(Kind::Invalid, message));
    }
    for task in &tasks {
        let head = served.model.head(task).map_err(wrong)?;
        if head.compares() && !compare.contains_key(task) {
            let message = format!("task `{task}` compares texts; expected `compare` to have its other texts");
            return Err(ApiError::new(Kind::Invalid, message));
        }
    }
    for task in compare.keys() {
        let head = served.model.head(task).map_err(wrong)?;
        if !head.compares() || !tasks.contains(task) {
            let message = format!("`compare` has task `{task}`, which is not asked or compares no texts");
            return Err(ApiError::new(Kind::Invalid, message));
        }
    }
    Ok(tasks)
}
