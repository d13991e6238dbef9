//! `[model]`: the encoder and what makes an embedding of its states.

use serde::{Deserialize, Serialize};

use crate::text::Side;

/// The encoder and what makes an embedding of its states.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelSettings {
    /// A folder, or a hub id, with `@revision` if one is to be pinned; the encoder that umbel carries if missing.
    #[serde(default = "mini")]
    pub encoder: String,
    /// One pooling, or several whose results are joined; what the folder says if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pooling: Option<OneOrMany>,
    /// Whether embeddings get length one; off, since their length is information to the heads.
    #[serde(default)]
    pub normalize: bool,
    /// Tokens of a text that are read; what the folder says if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_length: Option<usize>,
    /// The one of the folder's prompts that is put before each text, in training and ever after; its default one if
    /// missing, none if empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    /// Whether longer texts are cut; if not, they are errors.
    #[serde(default = "yes")]
    pub truncation: bool,
    /// The side on which they are cut.
    #[serde(default)]
    pub truncation_side: Side,
    /// A dense layer between pooling and the embedding, instead of those of the folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub projection: Option<ProjectionSettings>,
}

/// One name or several.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum OneOrMany {
    /// One name.
    One(String),
    /// Several names.
    Many(Vec<String>),
}

impl OneOrMany {
    /// The names.
    pub fn names(&self) -> Vec<String> {
        match self {
            Self::One(name) => vec![name.clone()],
            Self::Many(names) => names.clone(),
        }
    }
}

/// A dense layer between pooling and the embedding.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProjectionSettings {
    /// How many numbers the embedding has.
    pub size: usize,
    /// What follows the dense layer, as `tanh` or `identity`.
    #[serde(default = "tanh")]
    pub activation: String,
}

impl Default for ModelSettings {
    fn default() -> Self {
        Self {
            encoder: mini(),
            pooling: None,
            normalize: false,
            max_length: None,
            prompt: None,
            truncation: true,
            truncation_side: Side::default(),
            projection: None,
        }
    }
}

/// The encoder of settings that name none.
pub(super) const DEFAULT_ENCODER: &str = "umbel-mini";
/// Its learning rate, if settings give none. It is small and far from its task: at the rate of large encoders it hardly
/// moves.
pub(super) const DEFAULT_ENCODER_RATE: f64 = 5e-4;

fn mini() -> String {
    DEFAULT_ENCODER.to_string()
}

fn yes() -> bool {
    true
}

fn tanh() -> String {
    "tanh".to_string()
}
