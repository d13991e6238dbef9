//! From packed tokens to a state for each token. An architecture a file.
//!
//! To add one: a file with a type that implements [`Encoder`], and its line in [`ENCODERS`] under the
//! `model_type` of its `config.json`.

pub mod build;
pub mod scratch;

mod block;
mod keys;
mod post_norm;
mod rotary;

mod albert;
mod bert;
mod deberta;
mod distilbert;
mod electra;
mod gemma3;
mod gpt2;
mod gte;
mod jina;
mod llama;
mod megatron_bert;
mod modernbert;
mod mpnet;
mod nomic_bert;
mod roberta;
mod static_embedding;
mod t5;

use crate::error::Result;
use crate::folder::{Aliases, Config};
use crate::nn::{Tape, Var};
use crate::registry::Registry;
use crate::text::Batch;

pub use build::{Builder, Source};

/// Turns packed tokens into a state for each.
pub trait Encoder: Send + Sync {
    /// The state of each token, which depends on the tokens of its own sequence only. [tokens × hidden]
    ///
    /// `tap` is given the states before the first layer with number 0, and then those after each layer but the last,
    /// as `hidden_states` of transformers has them.
    fn encode_tapped(&self, tape: &mut Tape<'_>, batch: &Batch, tap: &mut dyn FnMut(usize, &Var)) -> Var;

    /// The state of each token. [tokens × hidden]
    fn encode(&self, tape: &mut Tape<'_>, batch: &Batch) -> Var {
        self.encode_tapped(tape, batch, &mut |_, _| {})
    }

    /// The sizes that others need to know.
    fn shape(&self) -> Shape;

    /// The mean state of each sequence's tokens, if there is a shorter way to it than through the states.
    /// [texts × hidden]
    fn mean(&self, _tape: &mut Tape<'_>, _batch: &Batch) -> Option<Var> {
        None
    }
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
    /// The longest sequence that can be read; [`UNLIMITED`] if any can.
    pub max_positions: usize,
}

impl Shape {
    /// The longest sequence that can be read, if there is one.
    pub fn limit(self) -> Option<usize> {
        Some(self.max_positions).filter(|limit| *limit != UNLIMITED)
    }
}

/// The `max_positions` of an encoder that reads any length.
pub const UNLIMITED: usize = usize::MAX;

/// How an architecture is built.
pub struct Architecture {
    /// Adds its weights to the builder and says how they compute.
    pub build: fn(&Config, &mut Builder<'_>) -> Result<Box<dyn Encoder>>,
    /// What published checkpoints put before the names of its tensors, as `bert.`.
    pub prefixes: &'static [&'static str],
    /// Its names of the keys of `config.json` that BERT calls otherwise.
    pub aliases: Aliases,
}

impl Architecture {
    const fn new(
        build: fn(&Config, &mut Builder<'_>) -> Result<Box<dyn Encoder>>,
        prefixes: &'static [&'static str],
    ) -> Self {
        Self { build, prefixes, aliases: &[] }
    }

    const fn with_aliases(self, aliases: Aliases) -> Self {
        Self { aliases, ..self }
    }
}

/// All architectures, by the `model_type` of `config.json`.
pub static ENCODERS: Registry<Architecture> = Registry {
    kind: "model_type",
    entries: &[
        ("albert", Architecture::new(albert::build, &["albert."])),
        ("bert", Architecture::new(bert::build, &["bert."])),
        ("camembert", Architecture::new(roberta::build, &["roberta.", "camembert."])),
        ("data2vec-text", Architecture::new(roberta::build, &["data2vec_text."])),
        ("deberta-v2", Architecture::new(deberta::build, &["deberta."]).with_aliases(deberta::ALIASES)),
        (
            "distilbert",
            Architecture::new(distilbert::build, &["distilbert."]).with_aliases(distilbert::ALIASES),
        ),
        ("electra", Architecture::new(electra::build, &["electra."])),
        ("ernie", Architecture::new(bert::build_ernie, &["ernie."])),
        ("eurobert", Architecture::new(llama::build_eurobert, &["model."])),
        (
            "gemma3_text",
            Architecture::new(gemma3::build, &["model.", "language_model.", "model.language_model."]),
        ),
        ("gpt2", Architecture::new(gpt2::build, &["transformer."]).with_aliases(gpt2::ALIASES)),
        ("gte", Architecture::new(gte::build, &["new.", "gte."])),
        ("jina_embeddings_v3", Architecture::new(jina::build, &["roberta."])),
        ("llama", Architecture::new(llama::build, &["model."])),
        ("megatron-bert", Architecture::new(megatron_bert::build, &["bert."])),
        ("mistral", Architecture::new(llama::build_mistral, &["model."])),
        ("model2vec", Architecture::new(static_embedding::build, &[])),
        ("modernbert", Architecture::new(modernbert::build, &["model."])),
        ("mpnet", Architecture::new(mpnet::build, &["mpnet."])),
        ("new", Architecture::new(gte::build, &["new.", "gte."])),
        (
            "nomic_bert",
            Architecture::new(nomic_bert::build, &["bert.", "nomic_bert."]).with_aliases(nomic_bert::ALIASES),
        ),
        ("qwen2", Architecture::new(llama::build_qwen2, &["model."])),
        ("qwen3", Architecture::new(llama::build_qwen3, &["model."])),
        ("roberta", Architecture::new(roberta::build, &["roberta."])),
        ("static_embedding", Architecture::new(static_embedding::build, &[])),
        ("t5", Architecture::new(t5::build, &[]).with_aliases(t5::ALIASES)),
        ("xlm-roberta", Architecture::new(roberta::build, &["roberta."])),
    ],
};
