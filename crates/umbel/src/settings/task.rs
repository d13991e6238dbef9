//! `[[task]]`: what is asked of each text.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{CalibrateSettings, OneOrMany};
use crate::error::{Error, Result};

/// One task: what is asked of each text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskSettings {
    /// Its name in answers and metrics.
    pub name: String,
    /// Its kind, as `classification` or `regression`.
    pub kind: String,
    /// The column of its labels; its name if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// What its loss is multiplied by in the total.
    #[serde(default = "one")]
    pub weight: f32,
    /// The share of the embedding's values that its head drops in training.
    #[serde(default = "tenth")]
    pub dropout: f32,
    /// The pooling that its head reads, or several that are joined; the shared embedding if neither this nor `layer` is
    /// said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pooling: Option<OneOrMany>,
    /// The layer whose states its head reads: 0 are the embedded tokens, the last is the default and also -1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<i64>,
    /// A dense layer before its last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hidden: Option<HiddenSettings>,
    /// Whether its probabilities are calibrated on the validation rows after training, and how.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibrate: Option<CalibrateSettings>,
    /// What its kind wants to know, and what it has learned from the data.
    #[serde(flatten)]
    pub options: Map<String, Value>,
}

/// A dense layer inside a head.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HiddenSettings {
    /// How many numbers it gives.
    pub size: usize,
    /// What follows it, as `tanh` or `relu`.
    #[serde(default = "gelu")]
    pub activation: String,
}

impl TaskSettings {
    /// The column of its labels.
    pub fn column(&self) -> &str {
        self.column.as_deref().unwrap_or(&self.name)
    }
}

/// Task names become folders and keys of answers.
///
/// # Errors
/// [`Error::Settings`] with the first name that cannot be, or that two tasks have.
pub fn check_names(tasks: &[TaskSettings]) -> Result<()> {
    for (i, task) in tasks.iter().enumerate() {
        let name = &task.name;
        let plain = |c: char| c.is_alphanumeric() || "_- ".contains(c);
        if name.is_empty() || !name.chars().all(plain) || ["text", "embedding"].contains(&&name[..]) {
            let rule = "letters, digits, `_`, `-` and spaces, and not `text` or `embedding`";
            return Err(Error::Settings(format!("task name `{name}` cannot be; expected {rule}")));
        }
        if tasks[..i].iter().any(|other| other.name == *name) {
            return Err(Error::Settings(format!("two tasks are called `{name}`")));
        }
    }
    Ok(())
}

fn gelu() -> String {
    "gelu".to_string()
}

fn one() -> f32 {
    1.0
}

fn tenth() -> f32 {
    0.1
}
