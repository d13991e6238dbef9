//! What is asked about a text. A kind of task a file.
//!
//! To add one: a file with a type that implements [`Task`], and its line in [`KINDS`].

pub mod answer;
pub mod calibration;
pub mod distribution;
pub mod remember;
pub mod targets;

mod classification;
mod contrastive;
mod distill;
mod labels;
mod multilabel;
mod ordinal;
mod regression;
mod similarity;
mod tagging;

use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::nn::{Matrix, Tape, Var};
use crate::registry::Registry;
use crate::settings::{TaskSettings, Threshold};
use crate::text::WordRule;

pub use answer::Answer;
pub use calibration::{Abstention, Calibrated, Calibration, LabelThreshold, Scored, calibrate};
pub use distribution::Distribution;
pub use targets::{StoredLabels, Targets};

/// One kind of question: how its labels are read, what a wrong answer costs, what is answered.
pub trait Task: Stored + Send + Sync {
    /// Learns what the settings leave open, as label names or a scale, from the labels of the training rows.
    ///
    /// # Errors
    /// A sentence that says what is wrong with the labels.
    fn learn(&mut self, labels: &mut dyn Iterator<Item = Value>) -> Result<(), String>;

    /// Refuses to answer without what [`Task::learn`] learns.
    ///
    /// # Errors
    /// A sentence that says what is not known.
    fn check_learned(&self) -> Result<(), String>;

    /// What its head reads, and so what it gives a row of outputs for.
    fn reads(&self) -> Reads {
        Reads::Text
    }

    /// The columns of the other texts that a kind that reads [`Reads::Group`] compares a row's own text with; `column`
    /// is that of its labels.
    fn other_texts(&self, _column: &str) -> Vec<OtherTexts> {
        Vec::new()
    }

    /// Numbers that the linear layer of its head gives; `None` if its head has no such layer and gives what it reads.
    fn n_outputs(&self) -> Option<usize>;

    /// Refuses embeddings of a size with which nothing can be learned.
    ///
    /// # Errors
    /// A sentence that says what size was expected.
    fn check_size(&self, _embedding_size: usize) -> Result<(), String> {
        Ok(())
    }

    /// Of how many training rows, the first ones of the data, outputs are kept for the training scores of an epoch; of
    /// tasks whose rows have many outputs, not all.
    fn n_scored(&self) -> usize {
        usize::MAX
    }

    /// Numbers of a target, if all have as many.
    fn n_targets(&self) -> Option<usize>;

    /// The target that a cell of the data says of the text in the same row.
    ///
    /// # Errors
    /// A sentence that says what was found and what was expected.
    fn target(&self, text: &str, cell: &Value) -> Result<Vec<f32>, String>;

    /// The mean loss over the rows that have a label; 0 if none has.
    fn loss(&self, tape: &mut Tape<'_>, outputs: &Var, targets: &Targets) -> Var;

    /// What a head's outputs for one text mean, row after row; `None` if the kind answers nothing.
    fn answer(&self, text: &str, outputs: &[f32]) -> Option<Answer>;

    /// The columns that [`Answer::cells`] fills in a table, after the task's name and a dot.
    fn columns(&self) -> Vec<String>;

    /// A target as the data says it.
    fn label(&self, target: &[f32]) -> Value {
        // By way of its digits: 0.1 as `f32` would become 0.10000000149 as the `f64` of JSON.
        let number = |number: &f32| number.to_string().parse::<f64>().map_or(Value::Null, Value::from);
        if let [one] = target { number(one) } else { target.iter().map(number).collect() }
    }

    /// How good a head's outputs are, over the rows that have a label. `outputs` has the rows that
    /// [`Targets::outputs`] says.
    fn evaluate(&self, outputs: &Matrix, targets: &Targets) -> Evaluation;

    /// What calibration has found; `None` of kinds without probabilities.
    fn calibration_mut(&mut self) -> Option<&mut Calibration> {
        None
    }

    /// The probabilities of its answers for the rows that have a label, with another temperature than its own.
    fn scored(&self, _outputs: &Matrix, _targets: &Targets, _temperature: f32) -> Vec<Scored> {
        Vec::new()
    }

    /// Chooses the probability from which on each label is answered; of kinds that answer any number of labels.
    fn choose_thresholds(&mut self, _rows: (&Matrix, &Targets), _wish: &Threshold) -> Vec<LabelThreshold> {
        Vec::new()
    }

    /// A number by which rows can be split into parts with like labels.
    fn stratum(&self, target: &[f32]) -> f32 {
        target.first().copied().unwrap_or(0.0)
    }

    /// The label names, if the task has such.
    fn labels(&self) -> &[String] {
        &[]
    }
}

/// A task as it is saved and copied; every task that can be cloned and serialized has it.
pub trait Stored {
    /// The options that make this task again, with all it has learned.
    fn options(&self) -> Map<String, Value>;

    /// The same task again.
    fn boxed(&self) -> Box<dyn Task>;
}

impl<T: Task + Clone + serde::Serialize + 'static> Stored for T {
    fn options(&self) -> Map<String, Value> {
        fields(self)
    }

    fn boxed(&self) -> Box<dyn Task> {
        Box::new(self.clone())
    }
}

/// What a head reads, and so what it gives a row of outputs for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reads {
    /// A text.
    Text,
    /// Each word of a text. A word of which no token was read has a row of NaN.
    Words(WordRule),
    /// A text, and then each of the other texts of its row; rows without a label have none.
    Group,
}

/// A column of other texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherTexts {
    /// The column: a cell is a text, or a list of texts.
    pub column: String,
    /// True if a row without any has no label, or else is bad.
    pub required: bool,
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
        ("contrastive", contrastive::make),
        ("distill", distill::make),
        ("multilabel", multilabel::make),
        ("ordinal", ordinal::make),
        ("regression", regression::make),
        ("similarity", similarity::make),
        ("tagging", tagging::make),
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

/// The number that a cell says; a CSV cell says it as text.
fn number(cell: &Value) -> Result<f32, String> {
    let number = match cell {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    let finite = number.map(|number| number as f32).filter(|number| number.is_finite());
    finite.ok_or_else(|| format!("expected a number, found {cell}"))
}

/// The columns of an answer that is one label.
fn label_columns(calibration: Calibration) -> Vec<String> {
    let abstained = calibration.abstain_below.map(|_| "abstained");
    ["label", "probability"].into_iter().chain(abstained).map(str::to_string).collect()
}

/// Refuses a factor of cosines that is not above 0.
fn check_scale(scale: f32) -> Result<(), String> {
    match scale.is_finite() && scale > 0.0 {
        true => Ok(()),
        false => Err(format!("`scale` is {scale}; expected a number above 0")),
    }
}

/// Reads a kind's options; for [`Make`] functions.
fn read_options<T: serde::de::DeserializeOwned>(options: Map<String, Value>) -> Result<T, String> {
    serde_json::from_value(Value::Object(options)).map_err(|error| error.to_string())
}

/// The fields of an object of plain values, as a task's options or a report's metrics.
fn fields<T: serde::Serialize>(object: &T) -> Map<String, Value> {
    match serde_json::to_value(object) {
        Ok(Value::Object(fields)) => fields,
        other => unreachable!("it is an object of plain values, not {other:?}"),
    }
}
