//! A model from its folder, or from an encoder's folder and the settings of a run.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use kernels::Activation;
use serde::{Deserialize, Serialize};

use super::head::random_linear;
use super::{Embedding, Model, Projection};
use crate::encoder::{Builder, ENCODERS, Encoder, Source};
use crate::error::{Error, Result};
use crate::folder::{DenseLayer, Input, SentenceFolder, Weights, files};
use crate::nn::ops::Linear;
use crate::nn::params::{ParamSpec, Params, Part};
use crate::pooling::POOLINGS;
use crate::settings::task::check_names;
use crate::settings::{ModelSettings, OneOrMany, TaskSettings};
use crate::task::Distribution;
use crate::text::length::max_length;
use crate::text::{Side, Tokenizer, TokenizerOptions, Truncation};

/// Where a model's encoder came from, and what of it a saved model takes along.
pub struct Origin {
    /// The folder with `config.json` and the tokenizer.
    pub transformer_dir: PathBuf,
    /// The encoder's `model_type`.
    pub model_type: String,
    /// The heads of its attention, if it has any.
    pub n_heads: Option<usize>,
    /// How its embeddings are meant to be compared, if the folder says so.
    pub similarity: Option<String>,
    /// The checkpoint's tensors.
    pub(super) weights: Weights,
    /// Names of those of the encoder's tensors that it does not compute with, as BERT's pooler.
    pub(super) unused: Vec<String>,
    /// What the folder said of embeddings.
    pub(super) sentence: SentenceFolder,
}

/// `umbel.json`: what a model folder says beyond the sentence-transformers files.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Manifest {
    /// The version of this file's format.
    pub(super) format: u32,
    /// The version of umbel that wrote it.
    pub(super) umbel: String,
    /// The tasks in the order of their answers, with all they have learned.
    pub(super) tasks: Vec<TaskSettings>,
    /// Whether embeddings are cut at the maximum length.
    pub(super) truncation: bool,
    /// The side on which texts are cut.
    pub(super) truncation_side: Side,
    /// Size and SHA-256 of each file with weights.
    pub(super) files: Vec<FileRecord>,
    /// How often each task gave each answer when the model was trained, where that is known.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) distributions: BTreeMap<String, Distribution>,
}

/// What `umbel.json` says of one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FileRecord {
    /// The path within the folder.
    pub(super) path: String,
    /// Its bytes.
    pub(super) bytes: u64,
    /// Their SHA-256, in hexadecimal digits.
    pub(super) sha256: String,
}

impl Manifest {
    /// Reads `umbel.json`.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let text = files::read(path)?;
        let wrong = |error: serde_json::Error| Error::model(path, error.to_string());
        // A later format may lack what this one has, so it is asked for first.
        let Format { format } = serde_json::from_slice(&text).map_err(wrong)?;
        if format > FORMAT {
            let problem = format!("format {format} is newer than this version reads ({FORMAT})");
            return Err(Error::model(path, problem));
        }
        let manifest: Manifest = serde_json::from_slice(&text).map_err(wrong)?;
        check_names(&manifest.tasks).map_err(|error| Error::model(path, error.to_string()))?;
        Ok(manifest)
    }
}

/// The only key that all formats have.
#[derive(Deserialize)]
struct Format {
    format: u32,
}

/// The format that this version writes and the newest that it reads.
pub(super) const FORMAT: u32 = 1;

impl Model {
    /// Opens a model folder: one that umbel wrote, a sentence-transformers folder, or a bare encoder's.
    ///
    /// # Errors
    /// [`Error::Model`] with what is wrong with the folder.
    pub fn open(dir: &Path) -> Result<Self> {
        let (mut model, manifest) = Self::open_checked(dir)?;
        let Some(Manifest { tasks, distributions, .. }) = manifest else { return Ok(model) };
        if let Some((task, _)) = distributions.iter().find(|(_, counted)| !counted.is_whole()) {
            let problem = format!("`distributions` of task `{task}` has not one share for each bin");
            return Err(Error::model(dir.join("umbel.json"), problem));
        }
        model.distributions = distributions;
        tasks.into_iter().try_for_each(|settings| model.open_head(dir, settings))?;
        Ok(model)
    }

    /// Opens a model folder as [`Model::open`] does, without its heads.
    ///
    /// # Errors
    /// As [`Model::open`].
    pub fn open_without_heads(dir: &Path) -> Result<Self> {
        Ok(Self::open_checked(dir)?.0)
    }

    /// A model without its heads, and what `umbel.json` says if there is one.
    fn open_checked(dir: &Path) -> Result<(Self, Option<Manifest>)> {
        let mut model = Self::open_encoder(dir)?;
        let path = dir.join("umbel.json");
        if !path.exists() {
            return Ok((model, None));
        }
        let manifest = Manifest::read(&path)?;
        let problems: Vec<String> = manifest.files.iter().filter_map(|file| file.check(dir)).collect();
        if !problems.is_empty() {
            return Err(Error::Model { path: dir.to_path_buf(), problems });
        }
        if !manifest.truncation {
            model.embedding.tokens.truncation = Truncation::Off;
        }
        model.embedding.tokens.side = manifest.truncation_side;
        Ok((model, Some(manifest)))
    }

    /// The model that is to be trained: the encoder of `dir` as the settings want it, without heads yet.
    ///
    /// # Errors
    /// If the folder is broken or the settings do not fit it.
    pub fn with_settings(dir: &Path, settings: &ModelSettings, seed: u64) -> Result<Self> {
        let mut model = Self::open_encoder(dir)?;
        model.embedding.normalize = settings.normalize;
        if let Some(poolings) = settings.pooling.as_ref().map(OneOrMany::names) {
            model.set_poolings(&poolings)?;
        }
        let truncation = settings.truncation.then_some(settings.max_length);
        model.set_truncation(truncation)?;
        model.embedding.tokens.side = settings.truncation_side;
        if let Some(prompt) = &settings.prompt {
            model.set_prompt(Some(&prompt[..]).filter(|name| !name.is_empty()))?;
        }
        if let Some(projection) = &settings.projection {
            let activation = activation(&projection.activation).map_err(Error::Settings)?;
            let shape = (projection.size, model.pooled_size());
            let seed = crate::random::derive(seed, u64::MAX);
            let linear = random_linear(&mut model.params, "projections.0", shape, Part::Projection, seed);
            model.embedding.projections = vec![Projection { linear, activation }];
        }
        model.check_projections(dir)?;
        Ok(model)
    }

    /// Chooses other poolings.
    ///
    /// # Errors
    /// If a name is unknown.
    pub fn set_poolings(&mut self, names: &[String]) -> Result<()> {
        names.iter().try_for_each(|name| POOLINGS.find(name).map(|_| ()))?;
        if names.is_empty() {
            return Err(Error::Settings("`pooling` is empty; expected a name".to_string()));
        }
        if self.origin.sentence.input.is_static() && names != ["mean"] {
            let problem = format!("`pooling` is {}; a static encoder takes the mean", names.join(", "));
            return Err(Error::Settings(problem));
        }
        self.embedding.poolings = names.to_vec();
        Ok(())
    }

    /// `None` turns truncation off, `Some(None)` cuts at what the model says, `Some(Some(n))` at `n` tokens.
    ///
    /// # Errors
    /// If `n` is more than the encoder reads, or leaves no room for text.
    pub fn set_truncation(&mut self, truncation: Option<Option<usize>>) -> Result<()> {
        let limit = self.encoder.shape().max_positions;
        self.embedding.tokens.truncation = match truncation {
            None => Truncation::Off,
            Some(None) => Truncation::up_to(max_length(&self.origin.sentence, &self.tokenizer.config, limit)),
            Some(Some(length)) if length > limit => {
                let problem = format!("`max_length` is {length}; this encoder reads at most {limit} tokens");
                return Err(Error::Settings(problem));
            }
            Some(Some(length)) => Truncation::At(length),
        };
        Ok(())
    }

    fn open_encoder(dir: &Path) -> Result<Self> {
        let sentence = SentenceFolder::read(dir)?;
        let transformer_dir = sentence.transformer_dir.clone();
        let config = sentence.encoder_config()?;
        let model_type = config.model_type()?.to_string();
        let found = ENCODERS.find(&model_type);
        let architecture = found.map_err(|error| Error::model(&config.path, error.to_string()))?;
        let config = config.with_aliases(architecture.aliases);
        let weights = Weights::open(&transformer_dir)?.with_prefixes(architecture.prefixes);

        let mut params = Params::default();
        let mut builder = Builder::new(&mut params, Source::Checkpoint(&weights));
        let encoder = (architecture.build)(&config, &mut builder)?;
        builder.finish(&transformer_dir)?;
        let tokenizer = open_tokenizer(&transformer_dir, &sentence, encoder.as_ref())?;
        let embedding = embedding(&sentence, &mut params, &tokenizer, encoder.shape().max_positions)?;
        let unused = match sentence.input {
            Input::Transformer => unused(&weights, &params, architecture.prefixes),
            Input::StaticEmbedding | Input::Model2Vec => Vec::new(), // They are in the table.
        };
        let n_heads = config.usize("num_attention_heads").ok();
        let similarity = sentence.similarity.clone();
        let origin = Origin { transformer_dir, model_type, n_heads, similarity, weights, unused, sentence };
        let model = Self {
            params,
            tokenizer,
            embedding,
            encoder,
            heads: Vec::new(),
            readings: Vec::new(),
            distributions: BTreeMap::new(),
            origin,
        };
        model.check_projections(dir)?;
        Ok(model)
    }

    fn open_head(&mut self, dir: &Path, settings: TaskSettings) -> Result<()> {
        let manifest = |problem: String| Error::model(dir.join("umbel.json"), problem);
        let task = crate::task::make(&settings).map_err(|error| manifest(error.to_string()))?;
        task.check_learned().map_err(|problem| manifest(format!("task `{}`: {problem}", settings.name)))?;
        let path = dir.join("heads").join(&settings.name).join("model.safetensors");
        let has_weights = task.n_outputs().is_some() || settings.hidden.is_some();
        let weights = if has_weights { Some(Weights::open_file(&path)?) } else { None };
        let root = format!("heads.{}", settings.name);
        self.build_head(settings, task, |params, name, (out, input), part| {
            let weights = weights.as_ref().expect("a head with layers has a file");
            // The last layer's tensors have no prefix.
            let prefix = name.strip_prefix(&root[..]).unwrap_or(name).trim_start_matches('.');
            let tensor = |suffix: &str| match prefix {
                "" => suffix.to_string(),
                prefix => format!("{prefix}.{suffix}"),
            };
            let (weight, bias) = (tensor("weight"), tensor("bias"));
            weights.check([(weight.clone(), vec![out, input]), (bias.clone(), vec![out])])?;
            Ok(Linear {
                weight: add(params, &format!("{name}.weight"), weights, &weight, &part)?,
                bias: Some(add(params, &format!("{name}.bias"), weights, &bias, &part)?),
            })
        })
        .map_err(|error| match error {
            Error::Settings(problem) => manifest(problem),
            other => other,
        })
    }

    /// Each projection must read what comes before it; other poolings may give it another size.
    ///
    /// # Errors
    /// [`Error::Model`] with the first that does not.
    pub fn check_projections(&self, dir: &Path) -> Result<()> {
        let mut size = self.pooled_size();
        for (i, projection) in self.embedding.projections.iter().enumerate() {
            let weight = &self.params[projection.linear.weight];
            if weight.cols() != size {
                let problem = format!("dense layer {i} reads {} numbers, but gets {size}", weight.cols());
                return Err(Error::model(dir, problem));
            }
            size = weight.rows();
        }
        Ok(())
    }
}

/// Bare names of the encoder's float tensors that are no weights of ours.
fn unused(weights: &Weights, params: &Params, prefixes: &[&str]) -> Vec<String> {
    let ours: BTreeSet<&str> = params.iter().flat_map(|(_, param)| param.tensors()).map(|t| t.0).collect();
    let bare = |name: &str| prefixes.iter().find_map(|prefix| name.strip_prefix(prefix)).map(str::to_string);
    let prefixed: Vec<String> = weights.names().filter_map(bare).collect();
    let all = if prefixed.is_empty() { weights.names().map(str::to_string).collect() } else { prefixed };
    let old_name = |name: &String| name.ends_with("gamma") || name.ends_with("beta");
    let unused = all.into_iter().filter(|name| !ours.contains(&name[..]) && !old_name(name));
    unused.filter(|name| weights.tensor(name).is_ok()).collect()
}

/// Adds a tensor of a file as a weight.
fn add(
    params: &mut Params,
    name: &str,
    weights: &Weights,
    tensor: &str,
    part: &Part,
) -> Result<crate::nn::ParamId> {
    let tensor = weights.tensor(tensor)?;
    let spec = ParamSpec::new(name, &tensor.shape, part.clone());
    Ok(params.add(spec, tensor.values))
}

fn open_tokenizer(dir: &Path, sentence: &SentenceFolder, encoder: &dyn Encoder) -> Result<Tokenizer> {
    let mut tokenizer = Tokenizer::open(dir)?;
    tokenizer = match sentence.input {
        Input::Transformer => tokenizer,
        Input::StaticEmbedding => tokenizer.as_static_embedding(),
        Input::Model2Vec => tokenizer.as_model2vec(dir)?,
    };
    if sentence.do_lower_case {
        tokenizer = tokenizer.lower_cased()?;
    }
    let (largest, n_tokens) = (tokenizer.max_id() as usize, encoder.shape().vocab_size);
    if largest >= n_tokens {
        let problem = format!(
            "the tokenizer gives ids up to {largest}, but the encoder has a vocabulary of {n_tokens}"
        );
        return Err(Error::model(dir.join("tokenizer.json"), problem));
    }
    Ok(tokenizer)
}

fn embedding(
    sentence: &SentenceFolder,
    params: &mut Params,
    tokenizer: &Tokenizer,
    max_positions: usize,
) -> Result<Embedding> {
    let dense = sentence.dense.iter().enumerate();
    let projections = dense.map(|(i, layer)| projection(params, i, layer)).collect::<Result<_>>()?;
    sentence.poolings.iter().try_for_each(|name| POOLINGS.find(name).map(|_| ()))?;
    let max_length = max_length(sentence, &tokenizer.config, max_positions);
    Ok(Embedding {
        poolings: sentence.poolings.clone(),
        include_prompt: sentence.include_prompt,
        projections,
        normalize: sentence.normalize,
        truncate_dim: sentence.truncate_dim,
        normalize_truncated: false,
        tokens: TokenizerOptions {
            truncation: Truncation::up_to(max_length),
            side: Side::Right,
            add_special_tokens: !sentence.input.is_static(),
        },
        prompts: sentence.prompts.clone(),
        default_prompt: sentence.default_prompt_name.clone(),
    })
}

fn projection(params: &mut Params, i: usize, layer: &DenseLayer) -> Result<Projection> {
    let mut add = |suffix: &str, tensor: &crate::nn::tensor::Tensor| {
        let spec = ParamSpec::new(format!("projections.{i}.{suffix}"), &tensor.shape, Part::Projection);
        params.add(spec, tensor.values.clone())
    };
    let weight = add("weight", &layer.weight);
    let bias = layer.bias.as_ref().map(|bias| add("bias", bias));
    let activation = activation(&layer.activation).map_err(Error::Settings)?;
    Ok(Projection { linear: Linear { weight, bias }, activation })
}

/// The activation functions that a dense layer may have, by name.
pub(super) static ACTIVATIONS: [(&str, Activation); 6] = [
    ("identity", Activation::Identity),
    ("tanh", Activation::Tanh),
    ("relu", Activation::Relu),
    ("gelu", Activation::Gelu),
    ("silu", Activation::Silu),
    ("sigmoid", Activation::Sigmoid),
];

pub(super) fn activation(name: &str) -> Result<Activation, String> {
    let found = ACTIVATIONS.iter().find(|(known, _)| *known == name);
    let known: Vec<&str> = ACTIVATIONS.iter().map(|(known, _)| *known).collect();
    found
        .map(|(_, f)| *f)
        .ok_or_else(|| format!("unknown activation `{name}`; there is: {}", known.join(", ")))
}
