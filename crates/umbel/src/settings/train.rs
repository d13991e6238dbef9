//! `[train]`: how to train.

use std::collections::BTreeMap;

use kernels::Precision;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::transfer::{LoraSettings, Unfreeze};
use super::{Oversample, SamplingSettings};

/// How to train.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrainSettings {
    /// How many times each row is seen.
    pub epochs: usize,
    /// Rows of a batch.
    pub batch_size: usize,
    /// Tokens of a batch, instead of `batch_size`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch_tokens: Option<usize>,
    /// Batches whose gradients are taken together as one step.
    pub gradient_accumulation: usize,
    /// The largest learning rate, after the warm-up.
    pub learning_rate: f64,
    /// The share of each weight that AdamW takes off a step, times the learning rate.
    pub weight_decay: f64,
    /// How the learning rate goes on after the warm-up.
    pub schedule: Schedule,
    /// The share of all steps in which the learning rate rises from zero.
    pub warmup: f64,
    /// Longer gradients are scaled down to this norm; 0 = never.
    pub max_grad_norm: f64,
    /// Decides the order of rows, what dropout drops, and how new weights start.
    pub seed: u64,
    /// What stays as it is: `backbone`, `embeddings`, `layers:A..B`, `projection`, `heads`, `head:NAME`.
    pub freeze: Vec<String>,
    /// A warm-up for few rows, before the first epoch: the encoder learns which texts have the same label.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contrast: Option<ContrastSettings>,
    /// The learning rate of each encoder layer is that of the layer above times this; 1 = the same for all.
    pub layer_decay: f64,
    /// Learning rates of parts, instead of `learning_rate`: `backbone`, `embeddings`, `layers:A..B`, `projection`,
    /// `heads`, `head:NAME`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub part_learning_rates: BTreeMap<String, f64>,
    /// When parts of the encoder begin to be trained, if not at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unfreeze: Option<Unfreeze>,
    /// So many of the epochs train the heads alone, on the frozen encoder.
    pub probe_epochs: usize,
    /// So many of the encoder's top layers begin with random weights.
    pub reinit_layers: usize,
    /// Low-rank additions that are trained instead of the encoder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lora: Option<LoraSettings>,
    /// Whether tasks share a pass through the encoder.
    pub passes: Passes,
    /// How much each task counts in a step, beside its `weight`.
    pub weighting: WeightingSettings,
    /// How many rows of each source or task come in an epoch; `shuffle` if missing, or `proportional` if sources have
    /// weights.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sampling: Option<SamplingSettings>,
    /// How many rows are shuffled at a time, 1 or more: rows that lie near one another in their files then come near one
    /// another, which spares the disk where the data is larger than the memory. All rows if missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shuffle_window: Option<usize>,
    /// The task whose rows of rare labels come more often; none if missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oversample: Option<Oversample>,
    /// How precisely the encoder's products are computed; weights and their running means are 32-bit floats always.
    pub precision: TrainPrecision,
    /// Steps from one checkpoint to the next; there is also one at the end of an epoch, unless the last is quite new.
    pub checkpoint_every: usize,
    /// How many checkpoints are kept, beside the best epoch.
    pub keep_checkpoints: usize,
    /// Steps in a row whose loss or gradient is no finite number after which training stops; before, they are skipped.
    pub max_skipped_steps: usize,
    /// Whether the numbers of `metrics.jsonl` are also written for TensorBoard, to `training/tensorboard`.
    pub tensorboard: bool,
    /// Epochs without improvement after which training stops; 0 = never.
    pub early_stopping: usize,
    /// The validation metric by which the best epoch is chosen, as `sentiment.pearson` or `loss`; the mean of
    /// each task's main metric if missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub best_metric: Option<String>,
}

impl Default for TrainSettings {
    fn default() -> Self {
        Self {
            epochs: 3,
            batch_size: 32,
            batch_tokens: None,
            gradient_accumulation: 1,
            learning_rate: 5e-5,
            weight_decay: 0.01,
            schedule: Schedule::Linear,
            warmup: 0.1,
            max_grad_norm: 1.0,
            seed: 42,
            freeze: Vec::new(),
            contrast: None,
            layer_decay: 1.0,
            part_learning_rates: BTreeMap::new(),
            unfreeze: None,
            probe_epochs: 0,
            reinit_layers: 0,
            lora: None,
            passes: Passes::Shared,
            weighting: WeightingSettings::default(),
            sampling: None,
            shuffle_window: None,
            oversample: None,
            precision: TrainPrecision::F32,
            checkpoint_every: 500,
            keep_checkpoints: 2,
            max_skipped_steps: 5,
            tensorboard: false,
            early_stopping: 0,
            best_metric: None,
        }
    }
}

/// A contrastive warm-up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ContrastSettings {
    /// Batches.
    pub steps: usize,
    /// Texts of a batch, of which each two are compared.
    pub batch_size: usize,
    /// The largest learning rate; it rises and falls as that of training.
    pub learning_rate: f64,
}

impl Default for ContrastSettings {
    fn default() -> Self {
        Self { steps: 200, batch_size: 32, learning_rate: 2e-5 }
    }
}

/// How the learning rate goes on after the warm-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Schedule {
    /// Falls in a straight line to zero.
    Linear,
    /// Falls along half a cosine to zero.
    Cosine,
    /// Stays.
    Constant,
}

/// Whether tasks share a pass through the encoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Passes {
    /// A row is encoded once for all tasks.
    Shared,
    /// Each task has a forward and backward pass of its own over the rows that carry its label.
    PerTask,
}

/// A weighting by its name, or by its name and its options.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum WeightingSettings {
    /// With its usual options.
    Name(String),
    /// `{ kind = "cagrad", c = 0.4 }`
    Table {
        /// Its name.
        kind: String,
        /// Its options.
        #[serde(flatten)]
        options: Map<String, Value>,
    },
}

impl Default for WeightingSettings {
    fn default() -> Self {
        Self::Name("fixed".to_string())
    }
}

impl WeightingSettings {
    /// The name.
    pub fn kind(&self) -> &str {
        match self {
            Self::Name(kind) | Self::Table { kind, .. } => kind,
        }
    }

    /// The options.
    pub fn options(&self) -> Map<String, Value> {
        match self {
            Self::Name(_) => Map::new(),
            Self::Table { options, .. } => options.clone(),
        }
    }
}

/// How precisely products are computed in training.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TrainPrecision {
    /// With 32-bit floats.
    F32,
    /// With bfloat16 factors and 32-bit sums.
    Bf16,
    /// As `Bf16` where the CPU multiplies such numbers, else as `F32`.
    Auto,
}

impl TrainPrecision {
    /// The precision on this machine.
    pub fn resolve(self) -> Precision {
        match self {
            Self::F32 => Precision::F32,
            Self::Bf16 => Precision::Bf16,
            Self::Auto => Precision::auto(),
        }
    }
}
