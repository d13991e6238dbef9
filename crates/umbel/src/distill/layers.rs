//! The teacher's layers in a student of the same architecture and width.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::DistillSettings;
use super::families::Family;
use super::start::is_table;
use super::teacher::Teacher;
use super::vocabulary::Trimmed;
use crate::encoder::ENCODERS;
use crate::error::Result;
use crate::folder::Config;
use crate::folder::config::read_json;
use crate::nn::tensor::Tensor;

/// Keys in which the student stays itself.
const OWN_KEYS: [&str; 21] = [
    "architectures",
    "vocab_size",
    "pad_token_id",
    "type_vocab_size",
    "num_hidden_layers",
    "n_layers",
    "n_layer",
    "num_layers",
    "n_positions",
    "hidden_dropout_prob",
    "attention_probs_dropout_prob",
    "dropout",
    "attention_dropout",
    "embedding_dropout",
    "mlp_dropout",
    "dropout_rate",
    "attn_pdrop",
    "embd_pdrop",
    "resid_pdrop",
    "initializer_range",
    "use_cache",
];
/// Keys that name tokens by their numbers.
const TOKEN_KEYS: [&str; 7] = [
    "bos_token_id",
    "eos_token_id",
    "cls_token_id",
    "sep_token_id",
    "mask_token_id",
    "unk_token_id",
    "decoder_start_token_id",
];

/// A teacher, and a student that may take its layers.
pub(super) struct Layers<'a> {
    pub(super) settings: &'a DistillSettings,
    pub(super) teacher: &'a Teacher,
    pub(super) trimmed: &'a Trimmed,
    pub(super) family: &'a Family,
}

impl Layers<'_> {
    /// The teacher's configuration with the tokens, layers and positions of the student, whose configuration would else be
    /// `own`; none if the student is of another architecture or width.
    pub(super) fn config(&self, own: &Value) -> Result<Option<Value>> {
        if !self.is_as_wide() {
            return Ok(None);
        }
        let path = self.teacher.model.origin().transformer_dir.join("config.json");
        let aliases = ENCODERS.find(&self.settings.student.model_type)?.aliases;
        let feed_forward = Config::read(&path)?.with_aliases(aliases).usize("intermediate_size");
        let feed_forward = feed_forward.unwrap_or(4 * self.settings.student.hidden_size); // Of GPT-2.
        let mut config = read_json(&path)?;
        if feed_forward != self.settings.intermediate_size() || !self.counts_alike(&config, own) {
            return Ok(None);
        }
        let n_layers = self.teacher.model.encoder_shape().n_layers;
        if let Some(kinds) = layer_types(&config, n_layers) {
            let taken = (0..self.settings.student.layers).map(|layer| kinds[self.source(layer)]);
            config["layer_types"] = taken.collect();
        }
        let is_own = |key: &str| {
            OWN_KEYS.contains(&key) || (key == "max_position_embeddings" && self.family.has_position_table())
        };
        for (key, value) in own.as_object().into_iter().flatten().filter(|(key, _)| is_own(key)) {
            let others = aliases.iter().filter(|(usual, _)| usual == key).flat_map(|(_, names)| names.iter());
            let others = others.filter(|name| config.get(**name).is_some()).copied().collect::<Vec<_>>();
            others.into_iter().chain([&key[..]]).for_each(|name| config[name] = value.clone());
        }
        for key in TOKEN_KEYS {
            if let Some(id) = config[key].as_u64() {
                config[key] = json!(self.trimmed.new_id(id as u32));
            }
        }
        Ok(Some(config))
    }

    /// True if teacher and student are of one architecture, and their states and heads are as wide.
    fn is_as_wide(&self) -> bool {
        let (student, origin) = (&self.settings.student, self.teacher.model.origin());
        origin.model_type == student.model_type
            && origin.n_heads == Some(student.heads)
            && self.teacher.model.encoder_shape().hidden_size == student.hidden_size
    }

    /// True if a row of the table of positions means the same to both.
    fn counts_alike(&self, teacher: &Value, own: &Value) -> bool {
        let usual = json!(1); // Of RoBERTa, where its file does not say.
        !self.family.counts_from_padding()
            || *teacher.get("pad_token_id").unwrap_or(&usual) == own["pad_token_id"]
    }

    /// Which of the teacher's layers a layer of the student takes: at even steps, the last one included.
    fn source(&self, layer: usize) -> usize {
        let (own, all) = (self.settings.student.layers, self.teacher.model.encoder_shape().n_layers);
        ((layer + 1) * all).div_ceil(own) - 1
    }

    /// True if the teacher has all these tensors, tables with as many rows or more.
    pub(super) fn fit(&self, tensors: &BTreeMap<String, Tensor>) -> bool {
        let theirs = self.teacher_tensors();
        tensors.iter().all(|(name, tensor)| {
            theirs.get(&name[..]).is_some_and(|(shape, _)| match is_table(name, tensor) {
                true => shape[1] == tensor.shape[1] && shape[0] >= tensor.shape[0],
                false => *shape == tensor.shape,
            })
        })
    }

    /// Puts the teacher's tensors in place of these.
    pub(super) fn take(&self, tensors: &mut BTreeMap<String, Tensor>) {
        let theirs = self.teacher_tensors();
        for (name, tensor) in tensors {
            let source = self.source_name(name).filter(|source| theirs.contains_key(&source[..]));
            let (shape, values) = theirs[source.as_deref().unwrap_or(name)];
            let taken: Vec<f32> = match name == self.family.words {
                true => {
                    let row = |id: &u32| &values[*id as usize * shape[1]..][..shape[1]];
                    self.trimmed.kept.iter().flat_map(row).copied().collect()
                }
                false => values[..tensor.as_slice().len()].to_vec(), // Of positions, the first ones.
            };
            tensor.values = taken.into();
        }
    }

    /// The name that a layer's tensor has in the layer that it is taken from.
    fn source_name(&self, name: &str) -> Option<String> {
        let prefix = Some(self.family.layer).filter(|prefix| !prefix.is_empty())?;
        let (layer, rest) = name.strip_prefix(prefix)?.split_once('.')?;
        Some(format!("{prefix}{}.{rest}", self.source(layer.parse().ok()?)))
    }

    /// The teacher's tensors by name.
    fn teacher_tensors(&self) -> BTreeMap<&str, (&[usize], &[f32])> {
        let all = self.teacher.model.params.iter().flat_map(|(_, param)| param.tensors());
        all.map(|(name, shape, values)| (name, (shape, values))).collect()
    }
}

/// Which of the teacher's layers see all tokens and which a window, where they differ.
fn layer_types(config: &Value, n_layers: usize) -> Option<Vec<&'static str>> {
    let number = |key: &str| config[key].as_u64().map(|number| number.max(1) as usize);
    let named = |full: bool| if full { "full_attention" } else { "sliding_attention" };
    if let Some(types) = config["layer_types"].as_array() {
        return Some(types.iter().map(|kind| named(kind == "full_attention")).collect());
    }
    if let Some(every) = number("global_attn_every_n_layers") {
        return Some((0..n_layers).map(|layer| named(layer.is_multiple_of(every))).collect());
    }
    let every = number("_sliding_window_pattern").or_else(|| number("sliding_window_pattern"))?;
    Some((1..=n_layers).map(|layer| named(layer.is_multiple_of(every))).collect())
}
