//! What is asked about a text. A kind of task a file.
//!
//! To add one: a file with a type that implements [`Task`], and its line in [`KINDS`].

pub mod answer;
pub mod targets;

mod classification;
mod multilabel;
mod ordinal;
mod regression;

use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::nn::{Matrix, Tape, Var};
use crate::registry::Registry;
use crate::settings::TaskSettings;

pub use answer::Answer;
pub use targets::Targets;

/// One kind of question: how its labels are read, what a wrong answer costs, what is answered.
pub trait Task: Send + Sync {
    /// Learns what the settings leave open, as label names or a scale, from the labels of the training rows.
    ///
    /// # Errors
    /// A sentence that says what is wrong with the labels.
    fn learn(&mut self, labels: &[&Value]) -> Result<(), String>;

    /// Refuses to answer without what [`Task::learn`] learns.
    ///
    /// # Errors
    /// A sentence that says what is not known.
    fn check_learned(&self) -> Result<(), String>;

    /// Numbers that the head gives for a text.
    fn n_outputs(&self) -> usize;

    /// Numbers of a target.
    fn n_targets(&self) -> usize;

    /// The target that a cell of the data says.
    ///
    /// # Errors
    /// A sentence that says what was found and what was expected.
    fn target(&self, cell: &Value) -> Result<Vec<f32>, String>;

    /// The mean loss over the rows that have a label; 0 if none has.
    fn loss(&self, tape: &mut Tape<'_>, outputs: &Var, targets: &Targets) -> Var;

    /// What a head's outputs for one text mean.
    fn answer(&self, outputs: &[f32]) -> Answer;

    /// A target as the data says it.
    fn label(&self, target: &[f32]) -> Value {
        // By way of its digits: 0.1 as `f32` would become 0.10000000149 as the `f64` of JSON.
        let number = |number: &f32| number.to_string().parse::<f64>().map_or(Value::Null, Value::from);
        if let [one] = target { number(one) } else { target.iter().map(number).collect() }
    }

    /// How good a head's outputs are, over the rows that have a label.
    fn evaluate(&self, outputs: &Matrix, targets: &Targets) -> Evaluation;

    /// A number by which rows can be split into parts with like labels.
    fn stratum(&self, target: &[f32]) -> f32 {
        target[0]
    }

    /// The label names, if the task has such.
    fn labels(&self) -> &[String] {
        &[]
    }

    /// The options that make this task again, with all it has learned.
    fn options(&self) -> Map<String, Value>;

    /// The same task again.
    fn boxed(&self) -> Box<dyn Task>;
}

/// How good a task's outputs are.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// Rows with a label.
    pub n: usize,
    /// The name of the scale-free metric that stands for the task.
    pub main_metric: &'static str,
    /// Its value; 0 where it is not defined.
    pub main: f64,
    /// All metrics by name.
    pub metrics: Map<String, Value>,
}

/// Makes a task of the options of its settings.
pub type Make = fn(Map<String, Value>) -> Result<Box<dyn Task>, String>;

/// All kinds of task.
pub static KINDS: Registry<Make> = Registry {
    kind: "kind of task",
    entries: &[
        ("classification", classification::make),
        ("multilabel", multilabel::make),
        ("ordinal", ordinal::make),
        ("regression", regression::make),
    ],
};

/// The task that the settings describe.
///
/// # Errors
/// If the kind is unknown or its options cannot be.
pub fn make(settings: &TaskSettings) -> Result<Box<dyn Task>> {
    let make = KINDS.find(&settings.kind)?;
    let named = |problem| Error::Settings(format!("task `{}`: {problem}", settings.name));
    make(settings.options.clone()).map_err(named)
}

/// Reads a kind's options; for [`Make`] functions.
fn read_options<T: serde::de::DeserializeOwned>(options: Map<String, Value>) -> Result<T, String> {
    serde_json::from_value(Value::Object(options)).map_err(|error| error.to_string())
}

/// The options of a kind as they are saved; for [`Task::options`].
fn write_options<T: serde::Serialize>(task: &T) -> Map<String, Value> {
    match serde_json::to_value(task) {
        Ok(Value::Object(options)) => options,
        other => unreachable!("a task's options are an object of plain values, not {other:?}"),
    }
}
