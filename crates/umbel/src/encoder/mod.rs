//! From packed tokens to a state for each token. An architecture a file.
//!
//! To add one: a file with a type that implements [`Encoder`], and its line in [`ENCODERS`] under the
//! `model_type` of its `config.json`.

pub mod build;
mod keys;

mod bert;

pub mod scratch;

use crate::error::Result;
use crate::folder::Config;
use crate::nn::{Tape, Var};
use crate::registry::Registry;
use crate::text::Batch;

pub use build::{Builder, Source};

/// Turns packed tokens into a state for each.
pub trait Encoder: Send + Sync {
    /// The state of each token, which depends on the tokens of its own sequence only. [tokens × hidden]
    fn encode(&self, tape: &mut Tape<'_>, batch: &Batch) -> Var;

    /// The sizes that others need to know.
    fn shape(&self) -> Shape;
}

/// The sizes of an encoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Columns of a token's state.
    pub hidden_size: usize,
    /// How many layers there are.
    pub n_layers: usize,
    /// How many tokens there are to choose from.
    pub vocab_size: usize,
    /// The longest sequence that can be read.
    pub max_positions: usize,
}

/// How an architecture is built.
pub struct Architecture {
    /// Adds its weights to the builder and says how they compute.
    pub build: fn(&Config, &mut Builder<'_>) -> Result<Box<dyn Encoder>>,
    /// What published checkpoints put before the names of its tensors, as `bert.`.
    pub prefixes: &'static [&'static str],
}

/// All architectures, by the `model_type` of `config.json`.
pub static ENCODERS: Registry<Architecture> = Registry {
    kind: "model_type",
    entries: &[("bert", Architecture { build: bert::build, prefixes: &["bert."] })],
};
