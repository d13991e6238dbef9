//! Names of parts of a model, as the settings speak of them.

use std::ops::Range;

use crate::error::{Error, Result};
use crate::model::Model;
use crate::nn::params::Part;

/// A part of a model, or several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PartName {
    /// All of the encoder.
    Backbone,
    /// Its embedding tables and their norm.
    Embeddings,
    /// Its layers of those numbers.
    Layers(Range<usize>),
    /// What makes an embedding of pooled states.
    Projection,
    /// All heads.
    Heads,
    /// The head of that task.
    Head(String),
}

impl PartName {
    /// Reads a name that stands in the setting `key`.
    ///
    /// # Errors
    /// If it is unknown, or names a layer or task that is not there.
    pub(super) fn parse(key: &str, name: &str, model: &Model) -> Result<Self> {
        let wrong = |problem: String| Error::Settings(format!("`train.{key}` has `{name}`; {problem}"));
        match name.split_once(':') {
            None if name == "backbone" => Ok(Self::Backbone),
            None if name == "embeddings" => Ok(Self::Embeddings),
            None if name == "projection" => Ok(Self::Projection),
            None if name == "heads" => Ok(Self::Heads),
            Some(("head", task)) => model.head(task).map(|_| Self::Head(task.to_string())),
            Some(("layers", range)) => {
                let n_layers = model.encoder_shape().n_layers;
                let range = range.split_once("..").and_then(|(start, end)| {
                    let start = if start.is_empty() { 0 } else { start.parse().ok()? };
                    Some(start..if end.is_empty() { n_layers } else { end.parse().ok()? })
                });
                match range {
                    Some(range) if range.start < range.end && range.end <= n_layers => {
                        Ok(Self::Layers(range))
                    }
                    _ => Err(wrong(format!("expected `layers:A..B` with 0 ≤ A < B ≤ {n_layers}"))),
                }
            }
            _ => Err(wrong(
                "expected `backbone`, `embeddings`, `layers:A..B`, `projection`, `heads` or `head:NAME`"
                    .to_string(),
            )),
        }
    }

    /// True if a weight of `part` belongs to it.
    pub(super) fn holds(&self, part: &Part) -> bool {
        match (self, part) {
            (Self::Backbone, part) => is_backbone(part),
            (Self::Embeddings, Part::Embeddings) => true,
            (Self::Layers(range), Part::Layer(layer)) => range.contains(layer),
            (Self::Projection, Part::Projection) => true,
            (Self::Heads, Part::Head(_)) => true,
            (Self::Head(named), Part::Head(head)) => named == head,
            _ => false,
        }
    }

    /// Of two names that hold a weight, the one that says more exactly which is meant is larger.
    pub(super) fn exactness(&self) -> usize {
        match self {
            Self::Backbone | Self::Heads => 1,
            Self::Embeddings | Self::Layers(_) | Self::Projection | Self::Head(_) => 2,
        }
    }
}

/// True of the encoder's parts.
pub(super) fn is_backbone(part: &Part) -> bool {
    matches!(part, Part::Embeddings | Part::Layer(_) | Part::Encoder)
}

/// How many layers have weights of their own; those of ALBERT share theirs.
pub(super) fn n_own_layers(model: &Model) -> usize {
    let layer = |part: &Part| if let Part::Layer(layer) = part { Some(layer + 1) } else { None };
    model.params.iter().filter_map(|(_, param)| layer(param.part())).max().unwrap_or(0)
}
