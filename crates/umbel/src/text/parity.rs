//! Tokens held against those of the Python tokenizers, exactly.

use std::path::Path;

use serde_json::Value;

use super::padding::{Padded, Padding, pad};
use super::tokenizer::{Tokenizer, TokenizerOptions};
use crate::folder::fixtures::{integers, json, minilm, shared};

fn strings(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect()
}

fn check(golden: &Path, prefix: &str, padded: &Padded) {
    let name = |name: &str| format!("{prefix}{name}");
    let what = format!("{}: {prefix}", golden.display());
    assert_eq!(integers(golden, &name("input_ids")).unwrap(), padded.input_ids, "{what}");
    assert_eq!(integers(golden, &name("attention_mask")).unwrap(), padded.attention_mask, "{what}");
    if let Some(expected) = integers(golden, &name("token_type_ids")) {
        assert_eq!(expected, padded.token_type_ids, "{what}");
    }
}

#[test]
fn every_family_gives_the_golden_tokens() {
    let Some(root) = shared("parity/fixtures/families") else { return };
    let mut n_families = 0;
    for dir in
        std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir())
    {
        let (golden, file) = (json(&dir.join("golden.json")), dir.join("golden.safetensors"));
        let tokenizer = Tokenizer::open(&dir).unwrap();
        assert_eq!(golden["pad_token_id"], tokenizer.pad_id(), "{}", dir.display());
        let side = tokenizer.config.padding_side;
        let at = |key: &str| TokenizerOptions::at(golden[key].as_u64().unwrap() as usize);
        let padded =
            |texts: &[super::Tokens]| pad(texts, Padding::Longest, side, tokenizer.pad_id()).unwrap();

        let encoded = tokenizer.encode(&strings(&golden["texts"]), at("max_length")).unwrap();
        check(&file, "", &padded(&encoded.texts));
        let encoded = tokenizer.encode(&strings(&golden["full_texts"]), at("full_length")).unwrap();
        check(&file, "full.", &padded(&encoded.texts));
        let pairs: Vec<(&str, &str)> = golden["pairs"].as_array().unwrap().iter().map(pair).collect();
        let encoded = tokenizer.encode_pair(&pairs, at("max_length")).unwrap();
        check(&file, "pair.", &padded(&encoded.texts));
        n_families += 1;
    }
    assert_eq!(n_families, 24);
}

fn pair(pair: &Value) -> (&str, &str) {
    (pair[0].as_str().unwrap(), pair[1].as_str().unwrap())
}

#[test]
fn the_published_minilm_gives_the_golden_tokens() {
    let (Some(root), Some(dir)) = (shared("parity/minilm"), minilm()) else { return };
    let golden = json(&root.join("texts.json"));
    let tokenizer = Tokenizer::open(&dir).unwrap();
    let max_length = golden["max_seq_length"].as_u64().unwrap() as usize;
    let encoded = tokenizer.encode(&strings(&golden["texts"]), TokenizerOptions::at(max_length)).unwrap();
    let lengths: Vec<usize> = encoded.texts.iter().map(super::Tokens::len).collect();
    assert_eq!(golden["tokens"], Value::from(lengths));
    let padded = pad(&encoded.texts, Padding::Longest, super::Side::Right, tokenizer.pad_id()).unwrap();
    assert_eq!(integers(&root.join("golden.safetensors"), "input_ids").unwrap(), padded.input_ids);
}
