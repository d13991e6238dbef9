//! Parts of a model that training leaves as they are.

use std::ops::Range;

use crate::error::{Error, Result};
use crate::model::Model;
use crate::nn::params::Part;

/// A part of a model, as the settings' `freeze` names it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Frozen {
    // All of the encoder.
    Backbone,
    // Its embedding tables and their norm.
    Embeddings,
    // The dense layers between pooling and the embedding.
    Projection,
    // Its layers of those numbers.
    Layers(Range<usize>),
    // The head of that task.
    Head(String),
}

/// Freezes the parts that `names` say, and nothing else.
///
/// # Errors
/// If a name is unknown, or names a layer or task that is not there.
pub fn freeze(model: &mut Model, names: &[String]) -> Result<()> {
    let frozen = names.iter().map(|name| parse(name, model)).collect::<Result<Vec<_>>>()?;
    for (_, param) in model.params.iter_mut() {
        param.trainable = !frozen.iter().any(|frozen| frozen.holds(param.part()));
    }
    Ok(())
}

/// True if no weight of the encoder is trained, so that each text's pooled states stay the same.
pub fn backbone_is_frozen(model: &Model) -> bool {
    !model.params.iter().any(|(_, param)| param.trainable && Frozen::Backbone.holds(param.part()))
}

impl Frozen {
    fn holds(&self, part: &Part) -> bool {
        match (self, part) {
            (Self::Backbone, Part::Embeddings | Part::Layer(_) | Part::Encoder) => true,
            (Self::Embeddings, Part::Embeddings) | (Self::Projection, Part::Projection) => true,
            (Self::Layers(range), Part::Layer(layer)) => range.contains(layer),
            (Self::Head(frozen), Part::Head(head)) => frozen == head,
            _ => false,
        }
    }
}

fn parse(name: &str, model: &Model) -> Result<Frozen> {
    let wrong = |problem: String| Error::Settings(format!("`train.freeze` has `{name}`; {problem}"));
    match name.split_once(':') {
        None if name == "backbone" => Ok(Frozen::Backbone),
        None if name == "embeddings" => Ok(Frozen::Embeddings),
        None if name == "projection" => Ok(Frozen::Projection),
        Some(("head", task)) => model.head(task).map(|_| Frozen::Head(task.to_string())),
        Some(("layers", range)) => {
            let n_layers = model.encoder_shape().n_layers;
            let range = range.split_once("..").and_then(|(start, end)| {
                let start = if start.is_empty() { 0 } else { start.parse().ok()? };
                Some(start..if end.is_empty() { n_layers } else { end.parse().ok()? })
            });
            match range {
                Some(range) if range.start < range.end && range.end <= n_layers => Ok(Frozen::Layers(range)),
                _ => Err(wrong(format!("expected `layers:A..B` with 0 ≤ A < B ≤ {n_layers}"))),
            }
        }
        _ => Err(wrong(
            "expected `backbone`, `embeddings`, `layers:A..B`, `projection` or `head:NAME`".to_string(),
        )),
    }
}
