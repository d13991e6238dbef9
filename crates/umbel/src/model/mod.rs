//! An encoder, what makes an embedding of its states, and a head for each task.

mod check;
pub mod head;
mod open;
pub mod questions;
mod run;
mod save;
mod truncate;
pub mod views;

pub use check::{CheckedFile, check_files};
pub use open::Origin;
pub use questions::{Piece, Questions, Raw};
pub use run::{Embedded, Predicted, Prediction};

use std::collections::BTreeMap;

use kernels::Activation;
pub use kernels::Precision;

use crate::encoder::{Encoder, Shape};
use crate::error::{Error, Result};
use crate::nn::ops::{self, Linear};
use crate::nn::params::{ParamSpec, Params, Part};
use crate::nn::{Tape, Var};
use crate::pooling::{POOLINGS, PooledTokens};
use crate::settings::TaskSettings;
use crate::task::{Answer, Distribution, Task};
use crate::text::{Batch, Encoded, StoredTokens, Tokenizer, TokenizerOptions};

pub use head::{Asked, Head};
pub use views::{Kept, Taken, Views};

use head::Layers;
use views::Reading;

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
    // What heads read that is not the shared embedding.
    readings: Vec<Reading>,
    // How often a task gave each answer when the model was trained, where that is known.
    distributions: BTreeMap<String, Distribution>,
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
    /// The embedding of each text and every head's raw outputs, from one pass through the encoder. Heads that compare
    /// texts give what they compare.
    pub fn forward(&self, tape: &mut Tape<'_>, batch: &Batch) -> Forward {
        let views = self.views(tape, batch);
        let all: Vec<usize> = (0..batch.len()).collect();
        let asked = Asked { n_rows: batch.len(), group: &all };
        let outputs = self.heads.iter().map(|head| head.outputs(tape, &views, asked)).collect();
        Forward { embedding: views.embedding, outputs }
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
        self.pool(tape, &states, batch, &self.embedding.poolings)
    }

    /// Token states pooled in one way or several, side by side. [tokens × hidden] → [texts × pooled]
    fn pool(&self, tape: &mut Tape<'_>, states: &Var, batch: &Batch, names: &[String]) -> Var {
        let tokens = PooledTokens { cu_seqlens: batch.cu_seqlens(), kept: batch.kept() };
        let mut pool = |name: &String| {
            let pool = POOLINGS.find(name).expect("checked when it was set");
            pool(tape, states, &tokens)
        };
        let parts: Vec<Var> = names.iter().map(&mut pool).collect();
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

    /// Turns any number of texts into tokens, as [`Model::tokenize`] does; and how many of them were cut.
    ///
    /// # Errors
    /// As [`Model::tokenize`], and [`Error::Io`] if tokens cannot be written to a file.
    pub fn tokenize_all<'a>(&self, texts: impl Iterator<Item = &'a str>) -> Result<(StoredTokens, usize)> {
        let mut n_truncated = 0;
        let tokens = StoredTokens::new(texts, |texts, before| {
            let encoded = self.tokenize(texts).map_err(|error| error.after(before))?;
            n_truncated += encoded.n_truncated;
            Ok(encoded.texts)
        })?;
        Ok((tokens, n_truncated))
    }

    /// Turns texts into tokens after the prompt of that name.
    ///
    /// # Errors
    /// As [`Model::tokenize`], and if there is no prompt of that name.
    pub fn tokenize_with_prompt(&self, texts: &[impl AsRef<str> + Sync], name: &str) -> Result<Encoded> {
        let prompt = self.prompt(name)?;
        let prompted: Vec<String> = texts.iter().map(|text| format!("{prompt}{}", text.as_ref())).collect();
        let mut encoded = self.tokenize_after(&prompted, prompt.len())?;
        if !self.embedding.include_prompt {
            let alone = self.tokenizer.encode(&[prompt], self.embedding.tokens)?;
            // The prompt's own tokens and what the tokenizer puts before them, but not what it puts after.
            let n_prompt = alone.texts[0].len().saturating_sub(1);
            encoded.texts.iter_mut().for_each(|tokens| tokens.n_unpooled = n_prompt.min(tokens.len()));
        }
        Ok(encoded)
    }

    fn tokenize_plain(&self, texts: &[impl AsRef<str> + Sync]) -> Result<Encoded> {
        self.tokenize_after(texts, 0)
    }

    /// Turns texts into tokens; the words of each begin after its first `n_prompt` bytes.
    fn tokenize_after(&self, texts: &[impl AsRef<str> + Sync], n_prompt: usize) -> Result<Encoded> {
        let encoded = match self.word_rule() {
            None => self.tokenizer.encode(texts, self.embedding.tokens)?,
            Some(rule) => self.tokenizer.encode_words(texts, self.embedding.tokens, (rule, n_prompt))?,
        };
        crate::text::length::check_lengths(&encoded.texts, self.encoder.shape().max_positions)?;
        Ok(encoded)
    }

    /// The heads, in the order of the tasks.
    pub fn heads(&self) -> &[Head] {
        &self.heads
    }

    /// The heads, to be changed.
    pub fn heads_mut(&mut self) -> impl ExactSizeIterator<Item = &mut Head> {
        self.heads.iter_mut()
    }

    /// Adds a head for a task, with random weights that `seed` decides.
    ///
    /// # Errors
    /// If the settings ask for a layer, a pooling or an activation that is not there, or the embedding has a size with
    /// which the task cannot work.
    pub fn add_head(&mut self, settings: TaskSettings, task: Box<dyn Task>, seed: u64) -> Result<()> {
        let seed = crate::random::derive(seed, self.heads.len() as u64);
        self.build_head(settings, task, |params, name, shape, part| {
            // The last layer is drawn from the seed itself, the one before it from another.
            let seed = if name.ends_with(".hidden") { crate::random::derive(seed, 1) } else { seed };
            Ok(head::random_linear(params, name, shape, part, seed))
        })
    }

    /// Takes the head of a task away; its weights stay among [`Model::params`], where nothing reads them.
    ///
    /// # Errors
    /// If there is no such task.
    pub fn remove_head(&mut self, name: &str) -> Result<Head> {
        self.head(name)?;
        let at = self.heads.iter().position(|head| head.name() == name).expect("it was just found");
        Ok(self.heads.remove(at))
    }

    /// Adds the heads of another model with the same encoder and the same embedding, with their weights.
    ///
    /// # Errors
    /// As [`Model::add_head`].
    pub fn take_heads(&mut self, other: Self) -> Result<()> {
        let Self { heads, params, .. } = other;
        for Head { settings, task, .. } in heads {
            self.build_head(settings, task, |own, name, _, part| {
                let mut copy = |suffix: &str| {
                    let name = format!("{name}.{suffix}");
                    let found = params.iter().find(|(_, param)| param.name() == name);
                    let (_, shape, values) =
                        found.and_then(|(_, param)| param.tensors().next()).expect("a layer's weight");
                    own.add(ParamSpec::new(&name[..], shape, part.clone()), values.to_vec().into())
                };
                Ok(Linear { weight: copy("weight"), bias: Some(copy("bias")) })
            })?;
        }
        Ok(())
    }

    /// Adds a head whose layers `layer` makes: of a name, a shape (out, in) and the part they belong to.
    fn build_head(
        &mut self,
        settings: TaskSettings,
        task: Box<dyn Task>,
        layer: impl Fn(&mut Params, &str, (usize, usize), Part) -> Result<Linear>,
    ) -> Result<()> {
        let wrong = |problem: String| Error::Settings(format!("task `{}`: {problem}", settings.name));
        let (reading, n_read) = self.reading(&settings, task.as_ref())?;
        let (name, part) = (format!("heads.{}", settings.name), Part::Head(settings.name.clone()));
        let mut size = n_read;
        let hidden = match &settings.hidden {
            None => None,
            Some(hidden) if hidden.size == 0 => return Err(wrong("`hidden` has size 0".to_string())),
            Some(hidden) => {
                let activation = open::activation(&hidden.activation).map_err(wrong)?;
                let shape = (hidden.size, n_read);
                let linear = layer(&mut self.params, &format!("{name}.hidden"), shape, part.clone())?;
                size = hidden.size;
                Some((linear, activation))
            }
        };
        task.check_size(size).map_err(wrong)?;
        let linear = match task.n_outputs() {
            None => None,
            Some(n_outputs) => Some(layer(&mut self.params, &name, (n_outputs, size), part)?),
        };
        let n_outputs = task.n_outputs().unwrap_or(size);
        let layers = Layers { hidden, linear };
        self.heads.push(Head { settings, task, reading, layers, n_outputs });
        Ok(())
    }

    /// How often a task gave each answer when the model was trained, if that is known.
    pub fn distribution(&self, task: &str) -> Option<&Distribution> {
        self.distributions.get(task)
    }

    /// Takes note of how often a task gives each answer, to be saved with the model.
    pub fn remember_answers(&mut self, task: &str, answers: &[Answer]) {
        if let Some(counted) = Distribution::of(answers) {
            self.distributions.insert(task.to_string(), counted);
        }
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
}
