//! `POST /predict` as text-embeddings-inference has it: the labels of one task, the most likely first.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use umbel::model::Head;
use umbel::task::Answer;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Job;
use super::errors::Tei;
use super::texts::{TruncationDirection, check_direction, too_long};
use crate::App;
use crate::engine::Served;
use crate::http::body;
use crate::http::error::{ApiError, Kind};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(tei_predict))
}

/// Texts to classify.
#[derive(Deserialize, ToSchema)]
struct TeiPredictRequest {
    inputs: PredictInputs,
    /// Whether outputs are given as the head gave them; of tasks with an output a label.
    #[serde(default)]
    raw_scores: bool,
    /// Whether a text with too many tokens is cut, as it is if missing, or refused.
    truncate: Option<bool>,
    /// Which end is cut off; only the one that the model cuts off is taken.
    truncation_direction: Option<TruncationDirection>,
    /// The task; the first that answers single texts if missing.
    task: Option<String>,
    /// The model, by name; the first that is served if missing.
    model: Option<String>,
}

/// A text, a list of one text, or a list of such lists.
#[derive(Deserialize, ToSchema)]
#[serde(
    untagged,
    expecting = "expected a text, a list of one text, or a list of such lists; pairs of texts are not answered, and a \
                 batch is `[[\"a\"], [\"b\"]]`"
)]
enum PredictInputs {
    One(String),
    Listed(OneText),
    Many(SeveralTexts),
}

/// Several texts.
#[derive(Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(min_items = 1)]
struct SeveralTexts(Vec<OneText>);

/// A list of one text.
#[derive(Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(min_items = 1, max_items = 1)]
struct OneText([String; 1]);

/// A label and its score.
#[derive(Serialize, ToSchema)]
struct LabelScore {
    score: f32,
    label: String,
}

/// The labels of a text, or of each of several.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
enum TeiPredictResponse {
    One(Vec<LabelScore>),
    Many(Vec<Vec<LabelScore>>),
}

/// Answer one task as text-embeddings-inference does
///
/// Scores are probabilities as the task's kind makes them: they sum to one where one of several labels is right, and are
/// independent where any number is. A task that gives numbers has its name as the label. A list of one text is answered
/// as the text alone is, and a list of such lists by a list for each. Pairs of texts are refused.
#[utoipa::path(post, path = "/predict", tag = "text-embeddings-inference", request_body = TeiPredictRequest,
    responses((status = 200, description = "Labels and scores", body = TeiPredictResponse), Tei))]
async fn tei_predict(
    State(app): State<App>,
    body::Json(request): body::Json<TeiPredictRequest>,
) -> Result<Json<TeiPredictResponse>, ApiError> {
    let served = app.model(request.model.as_deref())?;
    check_direction(&served, request.truncation_direction)?;
    let head = task(&served, request.task.as_deref())?;
    let labels = head.task.labels();
    if request.raw_scores && (labels.is_empty() || head.n_outputs() != labels.len()) {
        let message =
            format!("task `{}` has no output a label; expected `raw_scores` to be false", head.name());
        return Err(ApiError::new(Kind::Invalid, message));
    }
    let (texts, is_one) = match request.inputs {
        PredictInputs::One(text) | PredictInputs::Listed(OneText([text])) => (vec![text], true),
        PredictInputs::Many(texts) => (texts.0.into_iter().map(|OneText([text])| text).collect(), false),
    };
    let job = Job {
        model: Arc::clone(&served),
        texts,
        tasks: vec![head.name().to_string()],
        others: Vec::new(),
        too_long: too_long(request.truncate),
    };
    let answered = app.engine.submit(job).await?;
    let scores = |row: usize| {
        let mut scores = if request.raw_scores {
            let outputs = served.model.raw_outputs(&answered.questions, &answered.raw, 0, row);
            let score = |(label, score): (&String, f32)| LabelScore { score, label: label.clone() };
            labels.iter().zip(outputs).map(score).collect()
        } else {
            let answer = answered.predicted.predictions[row].get(head.name());
            answer.map(|answer| of_answer(head.name(), answer)).unwrap_or_default()
        };
        scores.sort_by(|a, b| b.score.total_cmp(&a.score));
        scores
    };
    let mut all: Vec<Vec<LabelScore>> = (0..answered.predicted.predictions.len()).map(scores).collect();
    Ok(Json(match is_one {
        true => TeiPredictResponse::One(all.remove(0)),
        false => TeiPredictResponse::Many(all),
    }))
}

fn task<'a>(served: &'a Served, name: Option<&str>) -> Result<&'a Head, ApiError> {
    let invalid = |message: String| ApiError::new(Kind::Invalid, message);
    let head = match name {
        Some(name) => served.model.head(name).map_err(|error| invalid(error.to_string()))?,
        None => {
            let mut heads = served.model.heads().iter();
            let single =
                heads.find(|head| served.tasks().any(|task| task == head.name()) && !head.compares());
            single.ok_or_else(|| invalid(format!("model `{}` has no task to answer", served.name)))?
        }
    };
    match head.compares() {
        true => Err(invalid(format!("task `{}` compares texts; `/v1/predict` answers it", head.name()))),
        false => Ok(head),
    }
}

fn of_answer(task: &str, answer: &Answer) -> Vec<LabelScore> {
    let named = |label: &str, score: f32| LabelScore { score, label: label.to_string() };
    match answer {
        Answer::Label { probabilities, .. }
        | Answer::Labels { probabilities, .. }
        | Answer::Rank { probabilities, .. } => {
            probabilities.iter().map(|(label, probability)| named(label, *probability)).collect()
        }
        Answer::Score(score) => vec![named(task, *score)],
        Answer::Scores(scores) => {
            scores.iter().enumerate().map(|(i, score)| named(&format!("{task}.{i}"), *score)).collect()
        }
        Answer::Spans(spans) => spans.iter().map(|span| named(&span.label, span.probability)).collect(),
        _ => Vec::new(),
    }
}
