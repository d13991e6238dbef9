//! `[data]`: the files and their columns.

use serde::{Deserialize, Serialize};

use super::Files;

/// The data files and their columns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataSettings {
    /// What is trained on.
    pub train: Files,
    /// What is looked at after each epoch: files, or the share of the training rows that is held out.
    #[serde(default = "held_out_tenth")]
    pub validation: Validation,
    /// What is looked at once, after training.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<Files>,
    /// The column of the texts.
    #[serde(default = "text")]
    pub text: String,
}

/// Where the validation rows come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected a share between 0 and 1, a path, or a list of paths")]
pub enum Validation {
    /// The share of the training rows that is held out, stratified by label.
    Fraction(f64),
    /// Files of their own.
    Files(Files),
}

fn text() -> String {
    "text".to_string()
}

fn held_out_tenth() -> Validation {
    Validation::Fraction(0.1)
}
