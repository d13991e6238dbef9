//! A small BERT with random weights and a tokenizer for given words: an encoder without a download.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};

use super::{Builder, ENCODERS, Source};
use crate::error::{Error, Result};
use crate::folder::Config;
use crate::folder::write::{NamedTensor, write_file, write_safetensors};
use crate::nn::Params;
use crate::nn::params::Param;
use crate::random::Random;

/// The sizes of an encoder that starts from scratch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Size {
    /// Columns of a token's state.
    pub hidden_size: usize,
    /// Layers.
    pub n_layers: usize,
    /// Attention heads of a layer.
    pub n_heads: usize,
    /// Columns within the feed-forward blocks.
    pub intermediate_size: usize,
    /// The longest sequence, in tokens.
    pub max_positions: usize,
    /// The share of values dropped in training.
    pub dropout: f32,
}

impl Default for Size {
    /// Two layers of 128: learns the generated data in a minute on two cores.
    fn default() -> Self {
        Self {
            hidden_size: 128,
            n_layers: 2,
            n_heads: 4,
            intermediate_size: 512,
            max_positions: 64,
            dropout: 0.1,
        }
    }
}

/// The standard deviation of random weights, as BERT's `initializer_range`.
const INITIALIZER_RANGE: f32 = 0.02;
/// The tokens that every BERT tokenizer has, in their usual order.
const SPECIAL: [&str; 5] = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];

/// Writes an encoder's folder: `config.json`, `model.safetensors`, `tokenizer.json`, `tokenizer_config.json`.
///
/// The tokenizer knows `words` (lower case) and, for all others, single letters.
///
/// # Errors
/// [`Error::Io`] if a file cannot be written.
pub fn write(dir: &Path, words: &[&str], size: &Size, seed: u64) -> Result<()> {
    std::fs::create_dir_all(dir).map_err(Error::io(dir))?;
    let vocabulary = vocabulary(words);
    write_json(&dir.join("tokenizer.json"), &tokenizer(&vocabulary))?;
    let length = json!({"model_max_length": size.max_positions, "do_lower_case": true, "tokenizer_class": "BertTokenizer"});
    write_json(&dir.join("tokenizer_config.json"), &length)?;
    write_weights(dir, &config(size, vocabulary.len()), seed)
}

/// Writes `config.json` and random weights for it, of any architecture in [`ENCODERS`], but no tokenizer.
///
/// # Errors
/// [`Error::Io`] if a file cannot be written, [`Error::Model`] if the configuration cannot be used.
pub fn write_weights(dir: &Path, config: &Value, seed: u64) -> Result<()> {
    std::fs::create_dir_all(dir).map_err(Error::io(dir))?;
    let path = dir.join("config.json");
    write_json(&path, config)?;
    let config = Config::read(&path)?;
    let architecture = ENCODERS.find(config.model_type()?)?;
    let mut params = Params::default();
    let source = Source::Random { random: Random::new(seed), std: INITIALIZER_RANGE };
    let mut builder = Builder::new(&mut params, source);
    (architecture.build)(&config.with_aliases(architecture.aliases), &mut builder)?;
    builder.finish(dir)?;
    let owned = |(name, shape, values): (&str, &[usize], _)| (name.to_string(), shape.to_vec(), values);
    let tensors: Vec<NamedTensor<'_>> =
        params.iter().flat_map(|(_, param)| Param::tensors(param)).map(owned).collect();
    write_safetensors(&dir.join("model.safetensors"), &tensors, &[("format", "pt")])
}

/// Special tokens, words, and letters alone and within words.
fn vocabulary(words: &[&str]) -> Vec<String> {
    let letters = (' '..='~').filter(|c| !c.is_whitespace() && !c.is_ascii_uppercase());
    let pieces = letters.flat_map(|letter| [letter.to_string(), format!("##{letter}")]);
    let rest: BTreeSet<String> = words.iter().map(ToString::to_string).chain(pieces).collect();
    SPECIAL.iter().map(ToString::to_string).chain(rest).collect()
}

fn config(size: &Size, vocab_size: usize) -> Value {
    json!({
        "architectures": ["BertModel"],
        "model_type": "bert",
        "vocab_size": vocab_size,
        "hidden_size": size.hidden_size,
        "num_hidden_layers": size.n_layers,
        "num_attention_heads": size.n_heads,
        "intermediate_size": size.intermediate_size,
        "max_position_embeddings": size.max_positions,
        "type_vocab_size": 2,
        "hidden_act": "gelu",
        "hidden_dropout_prob": size.dropout,
        "attention_probs_dropout_prob": size.dropout,
        "layer_norm_eps": 1e-12,
        "initializer_range": INITIALIZER_RANGE,
        "pad_token_id": 0,
    })
}

/// A WordPiece tokenizer as BERT's uncased ones are.
fn tokenizer(vocabulary: &[String]) -> Value {
    let ids: serde_json::Map<String, Value> =
        vocabulary.iter().enumerate().map(|(id, token)| (token.clone(), json!(id))).collect();
    let added = |id: usize| {
        json!({"id": id, "content": SPECIAL[id], "single_word": false, "lstrip": false, "rstrip": false,
               "normalized": false, "special": true})
    };
    let special = |token: &str| json!({"SpecialToken": {"id": token, "type_id": 0}});
    let sequence = |id: &str, type_id: usize| json!({"Sequence": {"id": id, "type_id": type_id}});
    let id_of = |token: &str, id: usize| json!({"id": token, "ids": [id], "tokens": [token]});
    json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": (0..SPECIAL.len()).map(added).collect::<Vec<_>>(),
        "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
                       "strip_accents": null, "lowercase": true},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [special("[CLS]"), sequence("A", 0), special("[SEP]")],
            "pair": [special("[CLS]"), sequence("A", 0), special("[SEP]"), sequence("B", 1),
                     json!({"SpecialToken": {"id": "[SEP]", "type_id": 1}})],
            "special_tokens": {"[CLS]": id_of("[CLS]", 2), "[SEP]": id_of("[SEP]", 3)},
        },
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": true},
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                  "max_input_chars_per_word": 100, "vocab": ids},
    })
}

fn write_json(path: &Path, value: &Value) -> Result<()> {
    write_file(path, &serde_json::to_vec_pretty(value).expect("plain values"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Model;

    #[test]
    fn the_folder_opens_and_knows_its_words() {
        let dir = tempfile::tempdir().unwrap();
        let size = Size { hidden_size: 8, n_heads: 2, intermediate_size: 16, ..Size::default() };
        write(dir.path(), &["sun", "."], &size, 1).unwrap();
        let model = Model::open(dir.path()).unwrap();
        let explained = model.tokenizer.explain("Sun up.", model.embedding.tokens).unwrap();
        let tokens: Vec<&str> = explained.iter().map(|token| &token.token[..]).collect();
        assert_eq!(tokens, ["[CLS]", "sun", "u", "##p", ".", "[SEP]"]);
        assert!(model.embed(&["sun"]).unwrap().embeddings.data().iter().all(|x| x.is_finite()));
    }

    #[test]
    fn the_same_seed_gives_the_same_bytes() {
        let bytes = |seed: u64| {
            let dir = tempfile::tempdir().unwrap();
            write(dir.path(), &["sun"], &Size { hidden_size: 8, n_heads: 2, ..Size::default() }, seed)
                .unwrap();
            std::fs::read(dir.path().join("model.safetensors")).unwrap()
        };
        assert_eq!(bytes(1), bytes(1));
        assert_ne!(bytes(1), bytes(2));
    }
}
