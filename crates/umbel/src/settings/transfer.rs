//! The keys of `[train]` that say how much of a pretrained encoder moves, and how fast.

use serde::{Deserialize, Serialize};

use super::TrainSettings;
use crate::error::{Error, Result};

/// When parts of the encoder begin to be trained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "expected `{ every = 1 }`, `{ every = 1, layers = 2 }` or `[{ epoch = 2, parts = [\"layers:4..6\"] }]`"
)]
pub enum Unfreeze {
    /// From the top layer down.
    TopDown(TopDown),
    /// As a list says; parts of the encoder that it does not name stay frozen.
    Stages(Vec<UnfreezeStage>),
}

/// From the top layer down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TopDown {
    /// Epochs from one group of layers to the next.
    pub every: usize,
    /// Layers of a group.
    #[serde(default = "one")]
    pub layers: usize,
}

/// Parts that begin to be trained.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnfreezeStage {
    /// In this epoch, counted from 1.
    pub epoch: usize,
    /// `backbone`, `embeddings` or `layers:A..B`.
    pub parts: Vec<String>,
}

/// Low-rank additions to the encoder's linear layers, which are trained instead of the encoder (Hu et al. 2021).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LoraSettings {
    /// Columns of the one factor, rows of the other.
    pub rank: usize,
    /// The addition is multiplied by `alpha / rank`.
    pub alpha: f64,
    /// The share of the input's values that the addition does not see in a training step.
    pub dropout: f32,
    /// Which linear layers: `attention`, `feed_forward`, `all`, or a name in the checkpoint's names of tensors, as
    /// `query`.
    pub targets: Vec<String>,
}

impl Default for LoraSettings {
    fn default() -> Self {
        Self { rank: 8, alpha: 16.0, dropout: 0.0, targets: vec!["attention".to_string()] }
    }
}

fn one() -> usize {
    1
}

/// What must hold of these settings whatever the model is.
pub(super) fn check(train: &TrainSettings) -> Result<()> {
    let wrong = |key: &str, value: String, expected: &str| {
        Err(Error::Settings(format!("`train.{key}` is {value}; expected {expected}")))
    };
    if !(train.layer_decay > 0.0 && train.layer_decay <= 1.0) {
        return wrong("layer_decay", train.layer_decay.to_string(), "above 0 and at most 1");
    }
    for (part, rate) in &train.part_learning_rates {
        if !(*rate > 0.0 && rate.is_finite()) {
            let key = format!("part_learning_rates.{part}");
            return wrong(&key, rate.to_string(), "above 0; `train.freeze` keeps a part as it is");
        }
    }
    if train.probe_epochs >= train.epochs {
        let expected = format!("less than `train.epochs`, which is {}", train.epochs);
        return wrong("probe_epochs", train.probe_epochs.to_string(), &expected);
    }
    if train.probe_epochs > 0 && train.unfreeze.is_some() {
        return wrong("probe_epochs", train.probe_epochs.to_string(), "0 where there is `train.unfreeze`");
    }
    match &train.unfreeze {
        Some(Unfreeze::TopDown(TopDown { every, layers })) if *every == 0 || *layers == 0 => {
            return wrong("unfreeze", format!("every {every}, layers {layers}"), "1 or more of both");
        }
        Some(Unfreeze::Stages(stages)) => {
            let outside = |stage: &&UnfreezeStage| stage.epoch == 0 || stage.epoch > train.epochs;
            if let Some(stage) = stages.iter().find(outside) {
                let expected = format!("epochs from 1 to {}, which is `train.epochs`", train.epochs);
                return wrong("unfreeze", format!("for epoch {}", stage.epoch), &expected);
            }
        }
        _ => {}
    }
    let Some(lora) = &train.lora else { return Ok(()) };
    if lora.rank == 0 {
        return wrong("lora.rank", lora.rank.to_string(), "1 or more");
    }
    if !(lora.alpha > 0.0 && lora.alpha.is_finite()) {
        return wrong("lora.alpha", lora.alpha.to_string(), "above 0");
    }
    if !(0.0..1.0).contains(&lora.dropout) {
        return wrong("lora.dropout", lora.dropout.to_string(), "0 or more and below 1");
    }
    if lora.targets.is_empty() {
        return wrong("lora.targets", "[]".to_string(), "a name, as `attention`");
    }
    if train.reinit_layers > 0 {
        return wrong("reinit_layers", train.reinit_layers.to_string(), "0 where there is `train.lora`");
    }
    Ok(())
}
