//! Odd and broken model folders: each is read, or refused with a message that says why.

use std::path::Path;

use super::{Tokenizer, TokenizerOptions};
use crate::error::{Error, Result};
use crate::folder::fixtures::{json, shared};
use crate::folder::{Config, Weights};

/// What only an encoder can refuse.
const LEFT_TO_ENCODERS: [&str; 4] =
    ["unknown-model-type", "unknown-activation", "heads-do-not-divide", "token-ids-too-large"];

/// Opens all files of a folder; of a BERT, also holds the weights against its settings.
fn open(dir: &Path) -> Result<(Weights, Tokenizer)> {
    let config = Config::read(&dir.join("config.json"))?;
    let is_bert = config.model_type()? == "bert";
    let weights = Weights::open(dir)?.with_prefixes(&["bert."]);
    if is_bert {
        weights.check(bert_tensors(&config)?)?;
    }
    Ok((weights, Tokenizer::open(dir)?))
}

fn bert_tensors(config: &Config) -> Result<Vec<(String, Vec<usize>)>> {
    let (hidden, wide) = (config.usize("hidden_size")?, config.usize("intermediate_size")?);
    let mut tensors = vec![
        ("embeddings.word_embeddings.weight".to_string(), vec![config.usize("vocab_size")?, hidden]),
        ("embeddings.LayerNorm.weight".to_string(), vec![hidden]),
        ("embeddings.LayerNorm.bias".to_string(), vec![hidden]),
    ];
    for layer in 0..config.usize("num_hidden_layers")? {
        let mut add = |name: &str, shape: &[usize]| {
            tensors.push((format!("encoder.layer.{layer}.{name}"), shape.to_vec()))
        };
        add("attention.self.query.weight", &[hidden, hidden]);
        add("attention.output.LayerNorm.weight", &[hidden]);
        add("intermediate.dense.weight", &[wide, hidden]);
        add("intermediate.dense.bias", &[wide]);
        add("output.dense.weight", &[hidden, wide]);
    }
    Ok(tensors)
}

#[test]
fn each_edge_case_is_read_or_refused_with_a_reason() {
    let Some(root) = shared("parity/fixtures/edge") else { return };
    let mut failures = Vec::new();
    for case in json(&root.join("expected.json"))["cases"].as_array().unwrap() {
        let dir = case["dir"].as_str().unwrap();
        let opened = open(&root.join(dir)).map(|_| ());
        let to_be_read = case["expect"] == "equal" || LEFT_TO_ENCODERS.contains(&dir);
        let fine = match &opened {
            Ok(()) => to_be_read,
            Err(error) => !to_be_read && mentions(error, &case["message_should_mention_one_of"]),
        };
        if !fine {
            failures.push(format!("{dir}: {opened:?}"));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

fn mentions(error: &Error, words: &serde_json::Value) -> bool {
    let message = error.to_string();
    // The path holds the case's own name, which must not count as a reason.
    let message = message.split_once(": ").map_or(&message[..], |(path, rest)| {
        let file = path.rsplit('/').next().unwrap_or(path);
        &message[message.len() - rest.len() - file.len() - 2..]
    });
    words.as_array().unwrap().iter().any(|word| message.contains(word.as_str().unwrap()))
}

#[test]
fn the_same_weights_in_another_form_are_the_same() {
    let Some(root) = shared("parity/fixtures/edge") else { return };
    let (plain, _) = open(&root.join("plain")).unwrap();
    for dir in ["f64", "sharded", "no-pooler", "extra-keys", "gamma-beta", "odd-header"] {
        let (weights, _) = open(&root.join(dir)).unwrap();
        for name in plain.names().filter(|name| !name.starts_with("pooler.")) {
            assert_eq!(weights.tensor(name).unwrap(), plain.tensor(name).unwrap(), "{dir}: {name}");
        }
        weights.check_finite().unwrap();
    }
    let tensor = plain.tensor("encoder.layer.0.attention.self.query.weight").unwrap();
    assert!(tensor.values.is_mapped());
}

#[test]
fn truncation_and_padding_of_the_file_never_apply() {
    let Some(root) = shared("parity/fixtures/edge") else { return };
    let texts = json(&root.join("expected.json"))["texts"].as_array().unwrap().clone();
    let texts: Vec<&str> = texts.iter().map(|text| text.as_str().unwrap()).collect();
    let encode = |dir: &str| {
        Tokenizer::open(&root.join(dir)).unwrap().encode(&texts, TokenizerOptions::at(32)).unwrap()
    };
    assert_eq!(encode("baked-truncation"), encode("plain"));
}
