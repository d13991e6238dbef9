//! An encoder, what makes an embedding of its states, and a head for each task.

mod check;
pub mod head;
mod open;
mod run;
mod save;
mod truncate;

pub use check::{CheckedFile, check_files};
pub use open::Origin;
pub use run::{Embedded, Predicted, Prediction};

use kernels::Activation;
pub use kernels::Precision;

use crate::encoder::{Encoder, Shape};
use crate::error::{Error, Result};
use crate::nn::ops::{self, Linear};
use crate::nn::params::{Params, Part};
use crate::nn::{Tape, Var};
use crate::pooling::{PooledTokens, Pooling};
use crate::settings::TaskSettings;
use crate::task::Task;
use crate::text::{Batch, Encoded, Tokenizer, TokenizerOptions};

pub use head::Head;

/// An encoder, what makes an embedding of its states, and a head for each task.
pub struct Model {
    /// All weights.
    pub params: Params,
    /// Turns texts into tokens.
    pub tokenizer: Tokenizer,
    /// What makes an embedding of token states.
    pub embedding: Embedding,
    encoder: Box<dyn Encoder>,
    heads: Vec<Head>,
    origin: Origin,
}

/// What makes an embedding of token states, and of which tokens.
#[derive(Debug, Clone)]
pub struct Embedding {
    /// Names of poolings, in the order in which their results are joined.
    pub poolings: Vec<String>,
    /// False if a prompt's tokens are left out of pooling.
    pub include_prompt: bool,
    /// Dense layers on the pooled vector.
    pub projections: Vec<Projection>,
    /// Whether the embedding gets length one.
    pub normalize: bool,
    /// How many numbers of an embedding are given, if not all; heads read all.
    pub truncate_dim: Option<usize>,
    /// Whether the numbers that are given get length one again.
    pub normalize_truncated: bool,
    /// How texts are cut.
    pub tokens: TokenizerOptions,
    /// Names of prompts, and the text that each puts before a text.
    pub prompts: Vec<(String, String)>,
    /// The prompt that is used if none is asked for.
    pub default_prompt: Option<String>,
}

/// A dense layer on the pooled vector.
#[derive(Debug, Clone, Copy)]
pub struct Projection {
    /// Its weights.
    pub linear: Linear,
    /// What follows it.
    pub activation: Activation,
}

/// What a forward pass gives.
pub struct Forward {
    /// The shared embedding. [texts × embedding]
    pub embedding: Var,
    /// Each head's raw outputs, in the order of the tasks. [texts × outputs]
    pub outputs: Vec<Var>,
}

impl Model {
    /// The embedding of each text and every head's raw outputs, from one pass through the encoder.
    pub fn forward(&self, tape: &mut Tape<'_>, batch: &Batch) -> Forward {
        let embedding = self.embedding(tape, batch);
        let outputs = self.heads.iter().map(|head| head.outputs(tape, &embedding)).collect();
        Forward { embedding, outputs }
    }

    /// The embedding of each text. [texts × embedding]
    pub fn embedding(&self, tape: &mut Tape<'_>, batch: &Batch) -> Var {
        let pooled = self.pooled(tape, batch);
        self.embedding_of_pooled(tape, pooled)
    }

    /// The pooled token states of each text, before projection. [texts × pooled]
    pub fn pooled(&self, tape: &mut Tape<'_>, batch: &Batch) -> Var {
        if self.embedding.poolings == ["mean"]
            && self.embedding.include_prompt
            && let Some(mean) = self.encoder.mean(tape, batch)
        {
            return mean;
        }
        let states = self.encoder.encode(tape, batch); // [tokens × hidden]
        let tokens = PooledTokens { cu_seqlens: batch.cu_seqlens(), kept: batch.kept() };
        let parts: Vec<Var> = self.poolings().iter().map(|pool| pool(tape, &states, &tokens)).collect();
        ops::concat(tape, &parts)
    }

    /// The embedding that pooled token states become. [texts × pooled] → [texts × embedding]
    pub fn embedding_of_pooled(&self, tape: &mut Tape<'_>, pooled: Var) -> Var {
        let project =
            |x: Var, layer: &Projection| ops::linear_activated(tape, &x, layer.linear, layer.activation);
        let embedding = self.embedding.projections.iter().fold(pooled, project);
        if self.embedding.normalize { ops::l2_normalize(tape, embedding) } else { embedding }
    }

    /// The state of each token. [tokens × hidden]
    pub fn token_states(&self, tape: &mut Tape<'_>, batch: &Batch) -> Var {
        self.encoder.encode(tape, batch)
    }

    /// Turns texts into tokens, cut as the model says, after the default prompt if there is one.
    ///
    /// # Errors
    /// If a text is too long and must not be cut, or the tokenizer fails.
    pub fn tokenize(&self, texts: &[impl AsRef<str> + Sync]) -> Result<Encoded> {
        match &self.embedding.default_prompt {
            Some(name) => self.tokenize_with_prompt(texts, name),
            None => self.tokenize_plain(texts),
        }
    }

    /// Turns texts into tokens after the prompt of that name.
    ///
    /// # Errors
    /// As [`Model::tokenize`], and if there is no prompt of that name.
    pub fn tokenize_with_prompt(&self, texts: &[impl AsRef<str> + Sync], name: &str) -> Result<Encoded> {
        let prompt = self.prompt(name)?;
        let prompted: Vec<String> = texts.iter().map(|text| format!("{prompt}{}", text.as_ref())).collect();
        let mut encoded = self.tokenize_plain(&prompted)?;
        if !self.embedding.include_prompt {
            let alone = self.tokenizer.encode(&[prompt], self.embedding.tokens)?;
            // The prompt's own tokens and what the tokenizer puts before them, but not what it puts after.
            let n_prompt = alone.texts[0].len().saturating_sub(1);
            encoded.texts.iter_mut().for_each(|tokens| tokens.n_unpooled = n_prompt.min(tokens.len()));
        }
        Ok(encoded)
    }

    fn tokenize_plain(&self, texts: &[impl AsRef<str> + Sync]) -> Result<Encoded> {
        let encoded = self.tokenizer.encode(texts, self.embedding.tokens)?;
        crate::text::length::check_lengths(&encoded.texts, self.encoder.shape().max_positions)?;
        Ok(encoded)
    }

    /// The heads, in the order of the tasks.
    pub fn heads(&self) -> &[Head] {
        &self.heads
    }

    /// Adds a head for a task, with random weights that `seed` decides.
    pub fn add_head(&mut self, settings: TaskSettings, task: Box<dyn Task>, seed: u64) {
        let seed = crate::random::derive(seed, self.heads.len() as u64);
        let shape = (task.n_outputs(), self.embedding_size());
        let name = format!("heads.{}", settings.name);
        let part = Part::Head(settings.name.clone());
        let linear = head::random_linear(&mut self.params, &name, shape, part, seed);
        self.heads.push(Head { settings, task, linear });
    }

    /// Chooses how precisely the layers of the encoder compute; at first they do with 32-bit floats.
    pub fn set_precision(&mut self, precision: Precision) {
        self.params.set_precision(precision);
    }

    /// Chooses the prompt that is put before texts if none is asked for; `None` puts none.
    ///
    /// # Errors
    /// If there is no prompt of that name.
    pub fn set_prompt(&mut self, name: Option<&str>) -> Result<()> {
        name.map_or(Ok(()), |name| self.prompt(name).map(|_| ()))?;
        self.embedding.default_prompt = name.map(str::to_string);
        Ok(())
    }

    /// What the prompt of that name puts before a text.
    ///
    /// # Errors
    /// If there is no prompt of that name.
    pub fn prompt(&self, name: &str) -> Result<&str> {
        let prompts = &self.embedding.prompts;
        let found = prompts.iter().find(|(known, _)| known == name).map(|(_, prompt)| &prompt[..]);
        let known = || prompts.iter().map(|(name, _)| name.clone()).collect();
        found.ok_or_else(|| Error::Unknown { kind: "prompt", name: name.to_string(), known: known() })
    }

    /// How many numbers an embedding has.
    pub fn embedding_size(&self) -> usize {
        match self.embedding.projections.last() {
            Some(last) => self.params[last.linear.weight].rows(),
            None => self.pooled_size(),
        }
    }

    /// How many numbers a pooled vector has.
    pub fn pooled_size(&self) -> usize {
        self.encoder.shape().hidden_size * self.embedding.poolings.len()
    }

    /// The sizes of the encoder.
    pub fn encoder_shape(&self) -> Shape {
        self.encoder.shape()
    }

    /// Where the encoder came from.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    fn poolings(&self) -> Vec<Pooling> {
        let find = |name: &String| *crate::pooling::POOLINGS.find(name).expect("checked when it was set");
        self.embedding.poolings.iter().map(find).collect()
    }
}
