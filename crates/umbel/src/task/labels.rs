//! Names of labels: read from cells, counted, looked up, weighed. What the kinds of task with labels have in common.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Targets;
use crate::error::nearest;

/// The name that a cell says: numbers and booleans are names too.
pub(super) fn name(cell: &Value) -> Result<String, String> {
    match cell {
        Value::String(name) => Ok(name.clone()),
        Value::Number(_) | Value::Bool(_) => Ok(cell.to_string()),
        other => Err(format!("expected a label's name, found {other}")),
    }
}

/// Refuses a name that stands twice in the settings.
pub(super) fn check_distinct(labels: &[String]) -> Result<(), String> {
    let twice = labels.iter().enumerate().find(|(i, label)| labels[..*i].contains(label));
    twice.map_or(Ok(()), |(_, label)| Err(format!("`labels` has `{label}` twice")))
}

/// The place of a name among the labels; `what` is the word for it in an error.
pub(super) fn place(what: &str, name: &str, labels: &[String]) -> Result<usize, String> {
    const SHOWN: usize = 20;
    labels.iter().position(|label| label == name).ok_or_else(|| {
        let near = nearest(name, labels).map(|near| format!(" (did you mean `{near}`?)")).unwrap_or_default();
        let more = if labels.len() > SHOWN { ", …" } else { "" };
        let known = labels.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
        format!("unknown {what} `{name}`; there is: {known}{more}{near}")
    })
}

/// The class of each row whose label is one class.
pub(super) fn classes(targets: &Targets) -> Vec<Option<usize>> {
    targets.iter().map(|target| target.map(|target| target[0] as usize)).collect()
}

/// The first of the largest.
pub(super) fn most(numbers: &[f32]) -> usize {
    (0..numbers.len()).fold(0, |best, i| if numbers[i] > numbers[best] { i } else { best })
}

/// How often each name occurs.
#[derive(Debug, Default)]
pub(super) struct Counts(BTreeMap<String, usize>);

impl Counts {
    /// Counts a name once more.
    pub(super) fn add(&mut self, name: String) {
        *self.0.entry(name).or_default() += 1;
    }

    /// The names in the order of the alphabet.
    pub(super) fn names(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }

    /// How often a name occurs.
    pub(super) fn of(&self, name: &str) -> usize {
        self.0.get(name).copied().unwrap_or(0)
    }
}

/// How much labels count in the loss, as the settings say it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Weights {
    /// `"balanced"`: what follows from how often each label occurs.
    Named(String),
    /// A weight for each label's name; the others count once.
    ByLabel(BTreeMap<String, f32>),
    /// A weight for each label, in their order.
    Each(Vec<f32>),
}

impl Weights {
    /// Refuses a word that is not `balanced`; `option` is the name of the setting.
    pub(super) fn check(&self, option: &str) -> Result<(), String> {
        match self {
            Self::Named(name) if name != "balanced" => {
                Err(format!("`{option}` is \"{name}\"; expected \"balanced\", a list, or a table of labels"))
            }
            _ => Ok(()),
        }
    }

    /// One weight a label; `balanced` gives those of the labels where the settings leave them to the data.
    pub(super) fn resolve(
        &self,
        option: &str,
        labels: &[String],
        balanced: impl Fn(&String) -> f32,
    ) -> Result<Self, String> {
        let weights: Vec<f32> = match self {
            Self::Named(_) => labels.iter().map(balanced).collect(),
            Self::ByLabel(by_label) => {
                if let Some(unknown) = by_label.keys().find(|name| !labels.contains(name)) {
                    return Err(format!("`{option}` names `{unknown}`, which is no label"));
                }
                labels.iter().map(|label| by_label.get(label).copied().unwrap_or(1.0)).collect()
            }
            Self::Each(weights) => weights.clone(),
        };
        if weights.len() != labels.len() || weights.iter().any(|w| !w.is_finite() || *w < 0.0) {
            return Err(format!("`{option}` needs {} numbers of 0 or more", labels.len()));
        }
        Ok(Self::Each(weights))
    }

    /// The weights, once they are one a label.
    pub(super) fn each(&self) -> Option<&[f32]> {
        match self {
            Self::Each(weights) => Some(weights),
            Self::Named(_) | Self::ByLabel(_) => None,
        }
    }
}
