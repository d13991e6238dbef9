//! Outputs: probabilities and numbers as FP32, spans as JSON in BYTES.

use serde::Serialize;
use serde_json::{Map, Value, json};
use umbel::model::{Head, Prediction};
use umbel::nn::Matrix;
use umbel::task::{Answer, Reads};
use utoipa::ToSchema;

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
    parameters: Map<String, Value>,
    data: Data,
}

/// Numbers or texts, in the order of the shape.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = OutputData)]
enum Data {
    Numbers(Vec<f32>),
    Texts(Vec<String>),
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
        data: Data::Numbers(embeddings.data().to_vec()),
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
    let answers = || predictions.iter().filter_map(|answers| answers.get(task));
    let (datatype, shape, data) = match columns {
        Some(columns) => {
            let data = Data::Numbers(answers().flat_map(numbers).collect());
            ("FP32", vec![predictions.len(), columns], data)
        }
        None => ("BYTES", vec![predictions.len()], Data::Texts(answers().map(spans).collect())),
    };
    OutputTensor { name: task.to_string(), datatype, shape, parameters, data }
}

fn numbers(answer: &Answer) -> Vec<f32> {
    match answer {
        Answer::Label { probabilities, .. }
        | Answer::Labels { probabilities, .. }
        | Answer::Rank { probabilities, .. } => {
            probabilities.iter().map(|(_, probability)| *probability).collect()
        }
        Answer::Score(score) => vec![*score],
        Answer::Scores(scores) => scores.clone(),
        _ => Vec::new(),
    }
}

/// Spans as JSON.
fn spans(answer: &Answer) -> String {
    match answer {
        Answer::Spans(spans) => serde_json::to_string(spans).expect("spans are plain values"),
        _ => String::new(),
    }
}
