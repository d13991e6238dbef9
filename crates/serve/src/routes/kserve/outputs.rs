//! Outputs: probabilities and numbers as FP32, spans as JSON in BYTES.

use serde::Serialize;
use serde_json::{Map, Value, json};
use umbel::model::{Head, Prediction};
use umbel::nn::Matrix;
use umbel::task::{Answer, Reads};
use utoipa::ToSchema;

use super::{Parameters, Values};
use crate::engine::Served;

/// The output that is no head's.
pub(super) const EMBEDDING: &str = "embedding";

/// The name, type and shape of an input or output; -1 is the number of texts.
#[derive(Serialize, ToSchema)]
pub(super) struct TensorMetadata {
    pub(super) name: String,
    datatype: &'static str,
    shape: Vec<i64>,
}

/// An output.
#[derive(Serialize, ToSchema)]
pub(super) struct OutputTensor {
    name: String,
    /// `FP32` or `BYTES`.
    datatype: &'static str,
    shape: Vec<usize>,
    /// `labels`, if the numbers are their probabilities, and `kind`, of the task.
    #[serde(skip_serializing_if = "Map::is_empty")]
    #[schema(value_type = Object)]
    parameters: Parameters,
    #[schema(value_type = Vec<Object>)]
    data: Values,
}

impl TensorMetadata {
    pub(super) fn new(name: &str, datatype: &'static str, shape: Vec<i64>) -> Self {
        Self { name: name.to_string(), datatype, shape }
    }
}

/// All outputs of a model.
pub(super) fn metadata(served: &Served) -> Vec<TensorMetadata> {
    let heads = served.model.heads().iter().filter(|head| served.tasks().any(|task| task == head.name()));
    let of_head = |head: &Head| match n_columns(head) {
        None => TensorMetadata::new(head.name(), "BYTES", vec![-1]),
        Some(n) => TensorMetadata::new(head.name(), "FP32", vec![-1, n as i64]),
    };
    let mut outputs: Vec<_> = heads.filter(|head| !head.compares()).map(of_head).collect();
    outputs.retain(|output| output.name != EMBEDDING);
    let size = served.model.truncated_size() as i64;
    outputs.push(TensorMetadata::new(EMBEDDING, "FP32", vec![-1, size]));
    outputs
}

/// Numbers for each text; none where spans are found.
fn n_columns(head: &Head) -> Option<usize> {
    match (head.task.reads(), head.task.labels().len()) {
        (Reads::Words(_), _) => None,
        (_, 0) => Some(head.n_outputs()),
        (_, n_labels) => Some(n_labels),
    }
}

/// The embeddings.
pub(super) fn of_embeddings(embeddings: &Matrix) -> OutputTensor {
    OutputTensor {
        name: EMBEDDING.to_string(),
        datatype: "FP32",
        shape: vec![embeddings.rows(), embeddings.cols()],
        parameters: Map::new(),
        data: embeddings.data().iter().map(|number| json!(number)).collect(),
    }
}

/// The answers of a task.
pub(super) fn of_task(served: &Served, task: &str, predictions: &[Prediction]) -> OutputTensor {
    let head = served.model.head(task).expect("it is among the outputs");
    let mut parameters = Map::new();
    parameters.insert("kind".to_string(), json!(head.settings.kind));
    let columns = n_columns(head);
    if columns.is_some() && !head.task.labels().is_empty() {
        parameters.insert("labels".to_string(), json!(head.task.labels()));
    }
    let (datatype, mut shape) = if columns.is_some() { ("FP32", vec![0, 0]) } else { ("BYTES", vec![0]) };
    let data: Values = predictions.iter().filter_map(|answers| answers.get(task)).flat_map(values).collect();
    shape[0] = predictions.len();
    if let (Some(columns), Some(place)) = (columns, shape.get_mut(1)) {
        *place = columns;
    }
    OutputTensor { name: task.to_string(), datatype, shape, parameters, data }
}

fn values(answer: &Answer) -> Values {
    match answer {
        Answer::Label { probabilities, .. }
        | Answer::Labels { probabilities, .. }
        | Answer::Rank { probabilities, .. } => {
            probabilities.iter().map(|(_, probability)| json!(probability)).collect()
        }
        Answer::Score(score) => vec![json!(score)],
        Answer::Scores(scores) => scores.iter().map(|score| json!(score)).collect(),
        Answer::Spans(spans) => {
            vec![Value::String(serde_json::to_string(spans).expect("spans are plain values"))]
        }
        _ => Vec::new(),
    }
}
