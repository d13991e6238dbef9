//! `[check]`: what `umbel check` holds rows to.

use serde::{Deserialize, Serialize};

/// What `umbel check` holds rows to; training reads none of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CheckSettings {
    /// Whether a text in two splits is a warning only, and no error.
    pub allow_leakage: bool,
    /// Labels with fewer training rows than this are named.
    pub min_rows: usize,
    /// How likely label noise is looked for.
    pub noise: NoiseSettings,
}

/// How heads are trained on parts of the rows, to answer the others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NoiseSettings {
    /// Parts of the training rows; each is answered by heads that were trained on the others.
    pub folds: usize,
    /// How many times each row is seen.
    pub epochs: usize,
    /// The largest learning rate.
    pub learning_rate: f64,
}

impl Default for CheckSettings {
    fn default() -> Self {
        Self { allow_leakage: false, min_rows: 5, noise: NoiseSettings::default() }
    }
}

impl Default for NoiseSettings {
    fn default() -> Self {
        Self { folds: 5, epochs: 10, learning_rate: 3e-3 }
    }
}

impl CheckSettings {
    /// True of what is not written into a settings file.
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}
