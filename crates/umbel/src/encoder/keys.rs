//! Keys of `config.json` that many architectures read alike.

use kernels::Activation;

use super::Shape;
use super::block::Table;
use super::build::Builder;
use crate::error::{Error, Result};
use crate::folder::Config;
use crate::nn::ops::{SelfAttention, Visible};

/// The sizes of an architecture's layers, under BERT's names of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes {
    pub(super) hidden: usize,
    pub(super) n_layers: usize,
    pub(super) n_heads: usize,
    pub(super) n_kv_heads: usize,
    pub(super) head_size: usize,
    pub(super) intermediate: usize,
    pub(super) vocab: usize,
}

/// More layers than any encoder has: beyond it a `config.json` is broken or malicious.
pub(super) const MAX_LAYERS: usize = 1_000;

/// More columns than any head has.
const MAX_HEAD_SIZE: usize = 1 << 16;

impl Sizes {
    pub(super) fn read(config: &Config) -> Result<Self> {
        let hidden = size(config, "hidden_size")?;
        let n_heads = size(config, "num_attention_heads")?;
        let head_size = match config.has("head_dim") {
            true => size(config, "head_dim")?,
            false if hidden.is_multiple_of(n_heads) => hidden / n_heads,
            false => {
                return Err(config.wrong("num_attention_heads", &format!("a number that divides {hidden}")));
            }
        };
        if head_size > MAX_HEAD_SIZE {
            let key = if config.has("head_dim") { "head_dim" } else { "num_attention_heads" };
            return Err(config.wrong(key, &format!("heads of {MAX_HEAD_SIZE} columns at most")));
        }
        let n_kv_heads = config.usize_or("num_key_value_heads", n_heads)?;
        if n_kv_heads == 0 || !n_heads.is_multiple_of(n_kv_heads) {
            return Err(config.wrong("num_key_value_heads", &format!("a number that divides {n_heads}")));
        }
        let n_layers = config.usize("num_hidden_layers")?;
        if n_layers > MAX_LAYERS {
            return Err(config.wrong("num_hidden_layers", &format!("{MAX_LAYERS} at most")));
        }
        let intermediate = size(config, "intermediate_size")?;
        let vocab = size(config, "vocab_size")?;
        Ok(Self { hidden, n_layers, n_heads, n_kv_heads, head_size, intermediate, vocab })
    }

    pub(super) fn shape(&self, max_positions: usize) -> Shape {
        Shape { hidden_size: self.hidden, n_layers: self.n_layers, vocab_size: self.vocab, max_positions }
    }

    /// Attention of all tokens to all, scaled by the root of the head's size.
    pub(super) fn attention(&self, dropout: f32) -> SelfAttention {
        SelfAttention {
            n_heads: self.n_heads,
            n_kv_heads: self.n_kv_heads,
            head_size: self.head_size,
            scale: 1.0 / (self.head_size as f32).sqrt(),
            visible: Visible::All,
            dropout,
        }
    }

    /// Columns of queries.
    pub(super) fn query_width(&self) -> usize {
        self.n_heads * self.head_size
    }

    /// Columns of keys, or of values.
    pub(super) fn key_width(&self) -> usize {
        self.n_kv_heads * self.head_size
    }
}

/// The table of token embeddings; `pad` is its padding row if the file does not say.
pub(super) fn words(
    config: &Config,
    builder: &mut Builder<'_>,
    name: &str,
    (vocab, size): (usize, usize),
    pad: Option<u32>,
) -> Result<Table> {
    let in_table = |row: &u32| (*row as usize) < vocab;
    let padding_idx = padding_idx(config, pad.filter(in_table))?;
    if !padding_idx.iter().all(in_table) {
        return Err(config.wrong("pad_token_id", &format!("an id below {vocab}, which is `vocab_size`")));
    }
    Ok(Table { id: builder.table(name, vocab, size), padding_idx })
}

/// Linear layers of queries, keys and values by their names.
pub(super) fn qkv_parts(sizes: &Sizes, names: [String; 3]) -> [(String, usize); 3] {
    let [query, key, value] = names;
    [(query, sizes.query_width()), (key, sizes.key_width()), (value, sizes.key_width())]
}

/// The activation functions of `config.json`, as `transformers.activations.ACT2FN` names them.
static ACTIVATIONS: [(&str, Activation); 11] = [
    ("gelu", Activation::Gelu),
    ("gelu_python", Activation::Gelu),
    ("gelu_new", Activation::GeluTanh),
    ("gelu_pytorch_tanh", Activation::GeluTanh),
    ("gelu_fast", Activation::GeluTanh),
    ("relu", Activation::Relu),
    ("silu", Activation::Silu),
    ("swish", Activation::Silu),
    ("swiglu", Activation::Silu), // of a gate, as Nomic BERT names it
    ("tanh", Activation::Tanh),
    ("linear", Activation::Identity),
];

/// The activation function that `key` names; `default` if the key is missing.
pub(super) fn activation(config: &Config, key: &str, default: &str) -> Result<Activation> {
    named(config.str_or(key, default)?).ok_or_else(|| no_activation(config, key))
}

/// The activation function that `key` names after a prefix; ReLU if the key is missing.
pub(super) fn activation_after(config: &Config, key: &str, prefix: &str) -> Result<Activation> {
    let name = config.str_or(key, "relu")?;
    named(name.strip_prefix(prefix).unwrap_or(name)).ok_or_else(|| no_activation(config, key))
}

fn named(name: &str) -> Option<Activation> {
    ACTIVATIONS.iter().find(|(known, _)| *known == name).map(|(_, activation)| *activation)
}

fn no_activation(config: &Config, key: &str) -> Error {
    let known: Vec<&str> = ACTIVATIONS.iter().map(|(known, _)| *known).collect();
    config.wrong(key, &format!("an activation function: {}", known.join(", ")))
}

/// A size that is at least 1.
pub(super) fn size(config: &Config, key: &str) -> Result<usize> {
    config.size(key)
}

/// A number above 0.
pub(super) fn above_0(config: &Config, key: &str, default: Option<f32>) -> Result<f32> {
    let number = match default {
        Some(default) => config.f32_or(key, default)?,
        None => config.f32(key)?,
    };
    if number > 0.0 { Ok(number) } else { Err(config.wrong(key, "a number above 0")) }
}

/// What a norm adds to the variance.
pub(super) fn eps(config: &Config, key: &str, default: f32) -> Result<f32> {
    match config.f32_or(key, default)? {
        eps if eps >= 0.0 => Ok(eps),
        _ => Err(config.wrong(key, "0 or more")),
    }
}

/// The share of values that is dropped in training.
pub(super) fn dropout(config: &Config, key: &str, default: f32) -> Result<f32> {
    match config.f32_or(key, default)? {
        share if (0.0..1.0).contains(&share) => Ok(share),
        _ => Err(config.wrong(key, "0 or more and below 1")),
    }
}

/// Refuses a key that says something else than what is supported.
pub(super) fn only(config: &Config, key: &str, supported: &str) -> Result<()> {
    if config.str_or(key, supported)? == supported {
        return Ok(());
    }
    Err(config.wrong(key, &format!("`{supported}`")))
}

/// The row of the token embedding that gets no gradient: `default` if the file does not say, none if it says null.
pub(super) fn padding_idx(config: &Config, default: Option<u32>) -> Result<Option<u32>> {
    let said = config.entries().any(|(key, _)| key == "pad_token_id");
    match (said, config.get("pad_token_id")) {
        (false, _) => Ok(default),
        (true, None) => Ok(None),
        (true, Some(_)) => match config.usize("pad_token_id")?.try_into() {
            Ok(id) => Ok(Some(id)),
            Err(_) => Err(config.wrong("pad_token_id", "the id of a token")),
        },
    }
}

/// How many positions a table has that is counted from `pad + 1` on.
pub(super) fn positions_after(config: &Config, pad: u32) -> Result<usize> {
    let n_rows = size(config, "max_position_embeddings")?;
    match n_rows.saturating_sub(pad as usize + 1) {
        0 => Err(config.wrong("max_position_embeddings", &format!("more than {}", pad as u64 + 1))),
        n => Ok(n),
    }
}

/// Whether each layer sees a window only: as `layer_types` says, else as `otherwise` does.
pub(super) fn sliding_layers(
    config: &Config,
    n_layers: usize,
    otherwise: impl Fn(usize) -> Result<bool>,
) -> Result<Vec<bool>> {
    if !config.has("layer_types") {
        return (0..n_layers).map(otherwise).collect();
    }
    let types = config.strings("layer_types")?;
    let known = |kind: &&str| ["full_attention", "sliding_attention"].contains(kind);
    if types.len() != n_layers || !types.iter().all(known) {
        let expected = format!("{n_layers} times `full_attention` or `sliding_attention`");
        return Err(config.wrong("layer_types", &expected));
    }
    Ok(types.into_iter().map(|kind| kind == "sliding_attention").collect())
}

/// A number that is at least 1; below it, or missing, there is none.
pub(super) fn positive(config: &Config, key: &str) -> Result<Option<usize>> {
    match config.get(key).and_then(serde_json::Value::as_i64) {
        Some(number) if number < 1 => Ok(None),
        _ => config.has(key).then(|| config.usize(key)).transpose(),
    }
}
