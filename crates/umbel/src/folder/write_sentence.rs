//! Writes the files that make an encoder's folder a sentence-transformers folder, in the older spelling.
//!
//! Versions 2 to 6 of sentence-transformers read it.

use std::fs;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::dense::DenseLayer;
use super::files;
use super::sentence::{POOLING_FLAGS, SentenceFolder};
use super::write::{NamedTensor, write_file, write_safetensors};
use super::write_static::write_static_encoder;
use crate::error::{Error, Result};

/// Files of the transformer that are taken over as they are, where they exist; settings come last, so that
/// a folder that was left half-written is not taken for a whole one.
const TAKEN_OVER: [&str; 9] = [
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
    "sentencepiece.bpe.model",
    "config.json",
];

/// Writes all of a sentence-transformers folder but the encoder's weights, `model.safetensors`.
///
/// The encoder's settings and its tokenizer are copied from `sentence.transformer_dir`. `hidden_size` is the
/// width of the token states.
///
/// # Errors
/// [`Error::Io`] if a file cannot be read or written, [`Error::Unknown`] if a pooling or an activation has no
/// name there.
pub fn write_sentence_folder(dir: &Path, sentence: &SentenceFolder, hidden_size: usize) -> Result<()> {
    let pooling = pooling_config(sentence, hidden_size)?;
    fs::create_dir_all(dir).map_err(Error::io(dir))?;
    let mut modules = Vec::new();
    if sentence.input.is_static() {
        modules.push(module(0, "", "StaticEmbedding"));
    } else {
        modules.extend([module(0, "", "Transformer"), module(1, "1_Pooling", "Pooling")]);
        write_json(&subfolder(dir, "1_Pooling")?.join("config.json"), &pooling)?;
        write_json(&dir.join("sentence_bert_config.json"), &transformer_config(sentence))?;
    }
    for layer in &sentence.dense {
        let path = format!("{}_Dense", modules.len());
        write_dense(&subfolder(dir, &path)?, layer)?;
        modules.push(module(modules.len(), &path, "Dense"));
    }
    if sentence.normalize {
        let path = format!("{}_Normalize", modules.len());
        subfolder(dir, &path)?;
        modules.push(module(modules.len(), &path, "Normalize"));
    }
    write_json(&dir.join("config_sentence_transformers.json"), &prompts_config(sentence))?;
    write_json(&dir.join("modules.json"), &Value::Array(modules))?;
    if sentence.input.is_static() {
        return write_static_encoder(dir, sentence);
    }
    TAKEN_OVER.iter().try_for_each(|name| take_over(&sentence.transformer_dir.join(name), &dir.join(name)))
}

fn module(idx: usize, path: &str, class: &str) -> Value {
    let class = format!("sentence_transformers.models.{class}");
    json!({ "idx": idx, "name": idx.to_string(), "path": path, "type": class })
}

/// The flags of the older spelling have an order of their own; poolings that are joined in another are
/// written as a list of names, which version 6 reads and older versions refuse.
fn pooling_config(sentence: &SentenceFolder, hidden_size: usize) -> Result<Value> {
    let known = || POOLING_FLAGS.iter().map(|(_, name)| *name);
    if let Some(name) = sentence.poolings.iter().find(|pooling| known().all(|name| name != *pooling)) {
        let known = known().map(String::from).collect();
        return Err(Error::Unknown { kind: "pooling", name: name.clone(), known });
    }
    let chosen = |name: &str| sentence.poolings.iter().any(|pooling| pooling == name);
    let mut config = Map::new();
    if known().filter(|name| chosen(name)).eq(sentence.poolings.iter()) {
        config.insert("word_embedding_dimension".into(), hidden_size.into());
        config.extend(POOLING_FLAGS.map(|(flag, name)| (flag.to_string(), chosen(name).into())));
    } else {
        let names =
            sentence.poolings.iter().map(|name| name.replace("mean_sqrt_len", "mean_sqrt_len_tokens"));
        config.insert("embedding_dimension".into(), hidden_size.into());
        config.insert("pooling_mode".into(), names.collect());
    }
    config.insert("include_prompt".into(), sentence.include_prompt.into());
    Ok(config.into())
}

fn write_dense(dir: &Path, layer: &DenseLayer) -> Result<()> {
    let shape = &layer.weight.shape;
    let config = json!({
        "in_features": shape[1],
        "out_features": shape[0],
        "bias": layer.bias.is_some(),
        "activation_function": layer.activation_class()?,
    });
    let mut tensors: Vec<NamedTensor<'_>> =
        vec![("linear.weight".into(), shape.clone(), layer.weight.as_slice())];
    tensors.extend(layer.bias.iter().map(|bias| ("linear.bias".into(), bias.shape.clone(), bias.as_slice())));
    write_safetensors(&dir.join("model.safetensors"), &tensors, &[("format", "pt")])?;
    write_json(&dir.join("config.json"), &config)
}

fn transformer_config(sentence: &SentenceFolder) -> Value {
    json!({ "max_seq_length": sentence.max_seq_length, "do_lower_case": sentence.do_lower_case })
}

fn prompts_config(sentence: &SentenceFolder) -> Value {
    let prompt = |(name, text): &(String, String)| (name.clone(), Value::from(text.clone()));
    let mut config = json!({
        "prompts": sentence.prompts.iter().map(prompt).collect::<Map<_, _>>(),
        "default_prompt_name": sentence.default_prompt_name,
        "similarity_fn_name": sentence.similarity,
    });
    if let Some(truncate_dim) = sentence.truncate_dim {
        config["truncate_dim"] = truncate_dim.into();
    }
    config
}

fn subfolder(dir: &Path, name: &str) -> Result<std::path::PathBuf> {
    let path = dir.join(name);
    fs::create_dir_all(&path).map_err(Error::io(&path))?;
    Ok(path)
}

pub(super) fn write_json(path: &Path, value: &Value) -> Result<()> {
    write_file(path, format!("{value:#}\n").as_bytes())
}

/// A folder that is written in place keeps its files.
fn take_over(source: &Path, target: &Path) -> Result<()> {
    if source == target || !source.exists() {
        return Ok(());
    }
    write_file(target, &files::read(source)?)
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::shared;
    use super::*;
    use crate::nn::tensor::Tensor;

    fn sentence(source: &Path) -> SentenceFolder {
        let weight = Tensor::new(vec![2, 3], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        let first = DenseLayer {
            weight,
            bias: Some(Tensor::new(vec![2], vec![0.5, -0.5])),
            activation: "tanh".into(),
        };
        let weight = Tensor::new(vec![1, 2], vec![1.0, 2.0]);
        let second = DenseLayer { weight, bias: None, activation: "gelu".into() };
        SentenceFolder {
            poolings: vec!["cls".into(), "mean_sqrt_len".into()],
            include_prompt: false,
            dense: vec![first, second],
            normalize: true,
            max_seq_length: Some(40),
            do_lower_case: true,
            prompts: vec![("query".into(), "find: ".into()), ("document".into(), String::new())],
            default_prompt_name: Some("query".into()),
            similarity: Some("dot".into()),
            truncate_dim: Some(1),
            ..SentenceFolder::plain(source)
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let written = sentence(dir.path());
        write_sentence_folder(dir.path(), &written, 3).unwrap();
        assert_eq!(SentenceFolder::read(dir.path()).unwrap(), written);
    }

    #[test]
    fn settings_and_tokenizer_are_taken_over() {
        let Some(source) = shared("parity/fixtures/st/bert-v6") else { return };
        let dir = tempfile::tempdir().unwrap();
        write_sentence_folder(dir.path(), &SentenceFolder::read(&source).unwrap(), 24).unwrap();
        for name in ["config.json", "tokenizer.json", "tokenizer_config.json"] {
            assert_eq!(fs::read(dir.path().join(name)).unwrap(), fs::read(source.join(name)).unwrap());
        }
        let again = SentenceFolder::read(dir.path()).unwrap();
        assert_eq!(
            again,
            SentenceFolder { transformer_dir: dir.path().into(), ..SentenceFolder::read(&source).unwrap() }
        );
    }

    #[test]
    fn poolings_in_another_order_are_written_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let poolings = |names: &[&str]| SentenceFolder {
            poolings: names.iter().map(ToString::to_string).collect(),
            ..SentenceFolder::plain(dir.path())
        };
        let written = poolings(&["mean_sqrt_len", "cls"]);
        write_sentence_folder(dir.path(), &written, 3).unwrap();
        assert_eq!(SentenceFolder::read(dir.path()).unwrap(), written);
        let error = write_sentence_folder(dir.path(), &poolings(&["maen"]), 3).unwrap_err().to_string();
        assert!(error.contains("unknown pooling `maen`"), "{error}");
    }
}
