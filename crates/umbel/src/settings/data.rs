//! `[data]`: the files and their columns.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

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

/// One data file or several.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Files {
    /// One file.
    One(PathBuf),
    /// Several files, read one after the other.
    Many(Vec<PathBuf>),
}

impl Files {
    /// The files.
    pub fn paths(&self) -> Vec<PathBuf> {
        match self {
            Self::One(path) => vec![path.clone()],
            Self::Many(paths) => paths.clone(),
        }
    }

    pub(super) fn relative_to(&mut self, folder: &Path) {
        match self {
            Self::One(path) => *path = folder.join(&*path),
            Self::Many(paths) => paths.iter_mut().for_each(|path| *path = folder.join(&*path)),
        }
    }
}

/// Where the validation rows come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
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
