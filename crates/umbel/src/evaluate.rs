//! How good a model is on rows with labels, task by task.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::data::{Dataset, RowTexts};
use crate::error::Result;
use crate::model::{Head, Model};
use crate::nn::{Matrix, Params, Tape};
use crate::task::Targets;
use crate::text::{StoredTokens, Tokens};

/// How good a model is on the rows of a data set.
#[derive(Debug)]
pub struct Evaluated {
    /// Each task's scores, in the order of the tasks.
    pub tasks: Vec<TaskScores>,
    /// Each task's raw outputs for every row, also for rows without a label; which are a row's, its targets say.
    pub outputs: Vec<Matrix>,
    /// How many texts were cut.
    pub n_truncated: usize,
}

/// How good a task's answers are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskScores {
    /// The task.
    pub task: String,
    /// Rows with a label.
    pub n: usize,
    /// The mean loss over them; in JSON `null` if it is no finite number.
    #[serde(deserialize_with = "number_or_nan")]
    pub loss: f64,
    /// The scale-free metric that stands for the task.
    pub main_metric: String,
    /// Its value; 0 where it is not defined.
    #[serde(deserialize_with = "number_or_nan")]
    pub main: f64,
    /// All metrics by name.
    pub metrics: Map<String, Value>,
}

/// JSON has no other numbers than finite ones.
fn number_or_nan<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(Option::<f64>::deserialize(deserializer)?.unwrap_or(f64::NAN))
}

impl TaskScores {
    /// How good `outputs` are where `targets` has labels.
    pub fn of(head: &Head, outputs: &Matrix, targets: &Targets) -> Self {
        let none = Params::default();
        let mut tape = Tape::inference(&none);
        let logits = tape.constant(outputs.clone());
        let loss = f64::from(head.task.loss(&mut tape, &logits, targets).item());
        let found = head.task.evaluate(outputs, targets);
        Self {
            task: head.name().to_string(),
            n: found.n,
            loss,
            main_metric: found.main_metric.to_string(),
            main: found.main,
            metrics: found.metrics,
        }
    }

    /// The metric of that name, or `loss`.
    pub fn metric(&self, name: &str) -> Option<f64> {
        if name == "loss" { Some(self.loss) } else { self.metrics.get(name)?.as_f64() }
    }
}

/// Answers every row of `data` and holds the answers against its labels.
///
/// # Errors
/// If a text cannot be turned into tokens.
pub fn evaluate(model: &Model, data: &Dataset) -> Result<Evaluated> {
    let (tokens, n_truncated) = model.tokenize_all(data.all_texts())?;
    let outputs = outputs(model, &tokens, data);
    let tasks = scores(model, &outputs, data);
    Ok(Evaluated { tasks, outputs, n_truncated })
}

/// Every head's raw outputs for all rows, from the tokens of [`Dataset::all_texts`].
pub fn outputs(model: &Model, tokens: &StoredTokens, data: &Dataset) -> Vec<Matrix> {
    by_chunks(model, data, |texts, n_rows| {
        let tokens: Vec<Tokens> = texts.all.iter().map(|&text| tokens.get(text)).collect();
        let groups: Vec<&[usize]> = texts.groups.iter().map(Vec::as_slice).collect();
        model.row_outputs(&tokens, n_rows, &groups)
    })
}

/// What `run` gives of all rows, a matrix a task; it is given the texts of some rows at a time, and how many rows.
pub(crate) fn by_chunks(
    model: &Model,
    data: &Dataset,
    mut run: impl FnMut(&RowTexts, usize) -> Vec<Matrix>,
) -> Vec<Matrix> {
    const ROWS: usize = 16_384;
    let tasks: Vec<usize> = (0..model.heads().len()).collect();
    let mut parts: Vec<Vec<Matrix>> = vec![Vec::new(); tasks.len()];
    for start in (0..data.len()).step_by(ROWS) {
        let rows: Vec<usize> = (start..data.len().min(start + ROWS)).collect();
        let found = run(&data.row_texts(&tasks, &rows), rows.len());
        parts.iter_mut().zip(found).for_each(|(parts, found)| parts.push(found));
    }
    parts
        .iter_mut()
        .map(|parts| if parts.len() == 1 { parts.remove(0) } else { Matrix::stacked(parts) })
        .collect()
}

/// Each task's scores, from its outputs for every row of `data`.
pub fn scores(model: &Model, outputs: &[Matrix], data: &Dataset) -> Vec<TaskScores> {
    let heads = model.heads().iter().zip(outputs).enumerate();
    heads.map(|(task_idx, (head, outputs))| TaskScores::of(head, outputs, data.targets(task_idx))).collect()
}

/// Each task's scores over some rows of `data`, from its outputs for every row.
pub fn scores_of_rows(model: &Model, outputs: &[Matrix], data: &Dataset, rows: &[usize]) -> Vec<TaskScores> {
    let are_all = |task: usize| outputs[task].rows() == data.targets(task).n_outputs();
    if rows.len() == data.len() && (0..outputs.len()).all(are_all) {
        return scores(model, outputs, data);
    }
    let of = |(task_idx, head): (usize, &Head)| {
        let targets = data.targets(task_idx);
        let is_kept = |row: &usize| targets.outputs(*row).end <= outputs[task_idx].rows();
        let rows: Vec<usize> = rows.iter().copied().filter(is_kept).collect();
        let of_rows: Vec<usize> = rows.iter().flat_map(|&row| targets.outputs(row)).collect();
        TaskScores::of(head, &outputs[task_idx].select(&of_rows), &targets.select(&rows))
    };
    model.heads().iter().enumerate().map(of).collect()
}
