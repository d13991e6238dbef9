//! Trimmed tokenizers of each kind.

use std::path::Path;

use serde_json::{Value, json};

use super::*;
use crate::encoder::scratch::{self, Size};
use crate::text::{Tokenizer, TokenizerOptions};

const TEXTS: [&str; 2] =
    ["The film was not very good, but the music is lovely.", "A dog, two cats: 3 of them!"];

fn opened(json: &Value) -> Tokenizer {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("tokenizer.json"), json.to_string()).unwrap();
    Tokenizer::open(dir.path()).unwrap()
}

fn tokens(tokenizer: &Tokenizer, text: &str) -> Vec<(String, u32)> {
    let explained = tokenizer.explain(text, TokenizerOptions::whole()).unwrap();
    explained.into_iter().map(|token| (token.token, token.id)).collect()
}

/// Texts of kept tokens are cut as before, with the numbers that `kept` says, and others into what there is.
fn check(json: &Value) {
    let whole = opened(json);
    let mut counts = vec![0; whole.max_id() as usize + 1];
    for (_, id) in TEXTS.iter().flat_map(|text| tokens(&whole, text)) {
        counts[id as usize] += 1;
    }
    let used = counts.iter().filter(|count| **count > 0).count();
    let problem = trim(json.clone(), &counts, 1).unwrap_err();
    let least: usize =
        problem.split(" expected ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
    // With room for all that the texts have, and what these tokens are merged of.
    let size = (least + 3 * used).min(counts.len() - 1);
    let trimmed = trim(json.clone(), &counts, size).unwrap();
    assert_eq!(trimmed.kept.len(), size);
    let cut = opened(&trimmed.json);
    assert_eq!(cut.max_id() as usize, size - 1);
    for text in TEXTS {
        let renumbered = tokens(&whole, text).into_iter().map(|(token, id)| {
            let new = trimmed.new_id(id).unwrap_or_else(|| panic!("`{token}` was not kept"));
            (token, new as u32)
        });
        assert_eq!(tokens(&cut, text), renumbered.collect::<Vec<_>>());
    }
    let strange = tokens(&cut, "zyxw vwxyz Qq");
    assert!(strange.len() > 3 && strange.iter().all(|(_, id)| (*id as usize) < size), "{strange:?}");
}

fn fixture(name: &str) -> Value {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/families").join(name);
    serde_json::from_slice(&std::fs::read(dir.join("tokenizer.json")).unwrap()).unwrap()
}

#[test]
fn word_pieces_of_kept_tokens_are_cut_as_before() {
    check(&fixture("bert"));
    check(&fixture("mpnet"));
}

#[test]
fn byte_pairs_of_kept_tokens_are_cut_as_before() {
    check(&fixture("modernbert"));
    check(&fixture("qwen3"));
}

#[test]
fn tokenizers_of_all_families_are_cut_as_before() {
    let Some(dir) = crate::folder::fixtures::shared("parity/fixtures/families") else { return };
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path().join("tokenizer.json");
        if path.exists() {
            check(&serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap());
        }
    }
}

/// Pieces with scores, the more likely the longer.
fn unigram() -> Value {
    let letters: Vec<String> = ('!'..='~').map(String::from).collect();
    let words = "The film was not very good but the music is lovely A dog two cats of them never seen";
    let words = words.split(' ').map(|word| format!("▁{word}"));
    let pieces = ["<pad>", "</s>", "<unk>", "▁"].map(String::from).into_iter().chain(letters).chain(words);
    let scored = |piece: String| {
        let score = if piece.chars().count() > 1 { -5.0 } else { -10.0 };
        json!([piece, score])
    };
    let added = |(id, content): (usize, &str)| {
        json!({"id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false,
               "normalized": false, "special": true})
    };
    let added: Vec<Value> = ["<pad>", "</s>", "<unk>"].into_iter().enumerate().map(added).collect();
    let vocab: Vec<Value> = pieces.map(scored).collect();
    json!({
        "version": "1.0", "truncation": null, "padding": null, "normalizer": null, "decoder": null,
        "added_tokens": added,
        "pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": true},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [{"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "</s>", "type_id": 0}}],
            "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}],
            "special_tokens": {"</s>": {"id": "</s>", "ids": [1], "tokens": ["</s>"]}},
        },
        "model": {"type": "Unigram", "unk_id": 2, "byte_fallback": false, "vocab": vocab},
    })
}

#[test]
fn pieces_with_scores_are_cut_as_before() {
    check(&unigram());
}

#[test]
fn the_number_of_the_unknown_piece_follows() {
    let mut json = unigram();
    json["model"]["unk_id"] = json!(4); // The first mark.
    json["added_tokens"].as_array_mut().unwrap().remove(2); // So that its own row is nothing that must stay.
    let trimmed = trim(json, &[0; 200], 97).unwrap();
    assert_eq!(trimmed.json["model"]["unk_id"], json!(trimmed.new_id(4)));
    assert!(!trimmed.kept.contains(&2));
}

#[test]
fn a_kept_pair_brings_what_it_is_merged_of() {
    let merges = ["a b", "ab c", "d e"];
    let vocab: serde_json::Map<String, Value> = ["a", "b", "c", "d", "e", "ab", "abc", "de"]
        .iter()
        .enumerate()
        .map(|(id, t)| (t.to_string(), json!(id)))
        .collect();
    let json = json!({"added_tokens": [], "model": {"type": "BPE", "vocab": vocab, "merges": merges}});
    let trimmed = trim(json.clone(), &[0, 0, 0, 0, 0, 0, 9, 5], 7).unwrap();
    assert_eq!(trimmed.kept, [0, 1, 2, 3, 4, 5, 6]);
    assert_eq!(trimmed.json["model"]["merges"], json!(["a b", "ab c"]));
    let one = trim(json, &[0, 0, 0, 0, 0, 0, 9, 5], 6).unwrap();
    assert_eq!(one.kept, [0, 1, 2, 3, 4, 7]); // `abc` takes two.
}

fn tokenizer() -> Value {
    let tokens =
        ["[PAD]", "[unused0]", "[UNK]", "[CLS]", "[SEP]", "a", "##a", "the", "cat", "##s", "dog", "é"];
    let vocab: serde_json::Map<String, Value> =
        tokens.iter().enumerate().map(|(id, token)| (token.to_string(), json!(id))).collect();
    json!({
        "added_tokens": [{"id": 0, "content": "[PAD]"}, {"id": 2, "content": "[UNK]"}, {"id": 3, "content": "[CLS]"},
                         {"id": 4, "content": "[SEP]"}],
        "post_processor": {"type": "TemplateProcessing",
                           "special_tokens": {"[SEP]": {"id": "[SEP]", "ids": [4], "tokens": ["[SEP]"]}}},
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "vocab": vocab},
    })
}

#[test]
fn the_commonest_tokens_are_kept_and_numbered_anew() {
    let counts = [0, 0, 0, 0, 0, 0, 0, 5, 1, 0, 9, 0];
    let trimmed = trim(tokenizer(), &counts, 9).unwrap();
    assert_eq!(trimmed.kept, [0, 2, 3, 4, 5, 6, 7, 9, 10]);
    assert_eq!(trimmed.json["model"]["vocab"]["dog"], json!(8));
    assert_eq!(trimmed.json["model"]["vocab"].as_object().unwrap().len(), 9);
    assert_eq!(trimmed.json["added_tokens"][3]["id"], json!(3));
    assert_eq!(trimmed.json["post_processor"]["special_tokens"]["[SEP]"]["ids"], json!([3]));
    assert_eq!((trimmed.new_id(10), trimmed.new_id(8)), (Some(8), None));
}

#[test]
fn each_of_several_post_processors_is_numbered_anew() {
    let mut json = tokenizer();
    let bert = json!({"type": "BertProcessing", "sep": ["[SEP]", 4], "cls": ["[CLS]", 3]});
    let inner = std::mem::take(&mut json["post_processor"]);
    json["post_processor"] = json!({"type": "Sequence", "processors": [bert, inner]});
    let json = trim(json, &[0, 0, 0, 0, 0, 0, 0, 5, 1], 8).unwrap().json;
    let processors = &json["post_processor"]["processors"];
    assert_eq!(processors[0]["sep"][1], json!(3));
    assert_eq!(processors[1]["special_tokens"]["[SEP]"]["ids"], json!([3]));
}

#[test]
fn tokens_that_were_added_beside_the_vocabulary_come_last() {
    let dir = tempfile::tempdir().unwrap();
    let size = Size { hidden_size: 8, n_heads: 2, intermediate_size: 16, ..Size::default() };
    scratch::write(dir.path(), &["cat", "dog"], &size, 1).unwrap();
    let path = dir.path().join("tokenizer.json");
    let mut json: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let vocab = json["model"]["vocab"].as_object().unwrap();
    let (n, dog) = (vocab.len(), vocab["dog"].as_u64().unwrap() as usize);
    let added = json!({"id": n, "content": "[ENT]", "single_word": false, "lstrip": false, "rstrip": false,
                       "normalized": false, "special": true});
    json["added_tokens"].as_array_mut().unwrap().push(added);
    let mut counts = vec![0; n + 1];
    counts[dog] = 1;
    let trimmed = trim(json, &counts, n).unwrap();
    assert_eq!((trimmed.kept.len(), trimmed.new_id(n as u32)), (n, Some(n - 1)));
    std::fs::write(&path, trimmed.json.to_string()).unwrap();

    let tokenizer = Tokenizer::open(dir.path()).unwrap();
    assert_eq!(tokenizer.max_id() as usize, n - 1);
    let encoded = tokenizer.encode(&["dog [ENT]"], TokenizerOptions::whole()).unwrap();
    let dog = trimmed.new_id(dog as u32).unwrap() as u32;
    assert_eq!(encoded.texts[0].input_ids, [2, dog, n as u32 - 1, 3]);
}

#[test]
fn what_cannot_be_trimmed_is_refused() {
    let found = trim(tokenizer(), &[], 3).unwrap_err();
    assert_eq!(
        found,
        "`student.vocab_size` is 3; expected 7 or more, which special tokens and characters take"
    );
    let mut other = tokenizer();
    other["model"]["type"] = json!("Morphemes");
    let found = trim(other, &[], 100).unwrap_err();
    assert!(found.starts_with("unknown tokenizer `Morphemes`; there is: BPE, Unigram,"), "{found}");
}
