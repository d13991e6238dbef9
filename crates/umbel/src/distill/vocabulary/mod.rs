//! A tokenizer with fewer tokens: those that a corpus has most.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// A tokenizer that knows fewer tokens.
#[derive(Debug, Clone, PartialEq)]
pub struct Trimmed {
    /// Its `tokenizer.json`.
    pub json: Value,
    /// The old number of each token, in the order of the new numbers.
    pub kept: Vec<u32>,
}

impl Trimmed {
    /// The new number of a token, if it was kept.
    pub fn new_id(&self, old: u32) -> Option<usize> {
        self.kept.iter().position(|&kept| kept == old)
    }
}

/// All tokens, as they are.
pub fn whole(json: Value, n_tokens: usize) -> Trimmed {
    Trimmed { json, kept: (0..n_tokens as u32).collect() }
}

/// Keeps `size` tokens of a WordPiece tokenizer: those that were added to it, single characters alone and within words,
/// so that each word still has pieces, and then the ones that `counts` has most of, by their numbers.
///
/// Tokens keep their order, and are numbered anew. Those that were added beside the vocabulary come after all others, as
/// tokenizers number them.
///
/// # Errors
/// If the tokenizer is no WordPiece, or `size` has no room for the tokens that must be kept.
pub fn trim(mut json: Value, counts: &[u64], size: usize) -> Result<Trimmed, String> {
    let kind = json["model"]["type"].as_str().unwrap_or("none").to_string();
    if kind != "WordPiece" {
        return Err(format!(
            "its tokenizer is of the kind {kind}, whose vocabulary cannot be trimmed; expected WordPiece, or no \
             `student.vocab_size`, which keeps all tokens"
        ));
    }
    let ids = tokens(&json)?;
    let prefix = json["model"]["continuing_subword_prefix"].as_str().unwrap_or("##").to_string();
    let added = added_ids(&json);
    let unknown = json["model"]["unk_token"].as_str().unwrap_or("[UNK]").to_string();
    let must = |token: &str, id: u32| {
        let bare = token.strip_prefix(&prefix).unwrap_or(token);
        added.contains(&id)
            || token == unknown
            || (bare.chars().count() == 1 && count(counts, id) > 0)
            || is_ascii(bare)
    };
    let (mut kept, mut rest): (Vec<_>, Vec<_>) = ids.iter().partition(|(id, token)| must(token, **id));
    let mut beside: Vec<u32> = added.iter().copied().filter(|id| !ids.contains_key(id)).collect();
    beside.sort_unstable();
    beside.dedup();
    let n = kept.len() + beside.len();
    if n > size {
        return Err(format!(
            "`student.vocab_size` is {size}; expected {n} or more, which special tokens and characters take"
        ));
    }
    rest.sort_by_key(|(id, _)| (std::cmp::Reverse(count(counts, **id)), **id));
    kept.extend(rest.into_iter().take(size - n));
    kept.sort_by_key(|(id, _)| **id);
    let order: Vec<u32> = kept.iter().map(|(id, _)| **id).chain(beside).collect();
    let vocab = kept.iter().enumerate().map(|(new, (_, token))| (token.to_string(), json!(new))).collect();
    let trimmed = Trimmed { json: Value::Null, kept: order };
    json["model"]["vocab"] = Value::Object(vocab);
    renumber(&mut json, &trimmed);
    Ok(Trimmed { json, ..trimmed })
}

fn count(counts: &[u64], id: u32) -> u64 {
    counts.get(id as usize).copied().unwrap_or(0)
}

fn is_ascii(token: &str) -> bool {
    token.len() == 1 && token.is_ascii()
}

/// The tokens by their numbers.
fn tokens(json: &Value) -> Result<BTreeMap<u32, String>, String> {
    let vocab = json["model"]["vocab"].as_object().ok_or("its tokenizer.json has no `model.vocab`")?;
    let id = |(token, id): (&String, &Value)| {
        let id = id.as_u64().and_then(|id| u32::try_from(id).ok());
        id.map(|id| (id, token.clone())).ok_or_else(|| format!("the token `{token}` has no number"))
    };
    vocab.iter().map(id).collect()
}

fn added_ids(json: &Value) -> Vec<u32> {
    let added = json["added_tokens"].as_array().map(Vec::as_slice).unwrap_or_default();
    added.iter().filter_map(|token| token["id"].as_u64()).map(|id| id as u32).collect()
}

/// Writes the new numbers wherever else tokens are named by number: added tokens, and those put around a text.
fn renumber(json: &mut Value, trimmed: &Trimmed) {
    let change = |id: &mut Value| {
        if let Some(new) = id.as_u64().and_then(|old| trimmed.new_id(old as u32)) {
            *id = json!(new);
        }
    };
    for token in json["added_tokens"].as_array_mut().into_iter().flatten() {
        token.get_mut("id").into_iter().for_each(change);
    }
    renumber_around(&mut json["post_processor"], &change);
    json["padding"] = Value::Null; // It names a number too, and is never asked.
    json["truncation"] = Value::Null;
}

/// Changes the numbers of the tokens that a post-processor puts around a text; it may be a sequence of others.
fn renumber_around(post: &mut Value, change: &impl Fn(&mut Value)) {
    let special = post.get_mut("special_tokens").and_then(Value::as_object_mut);
    for (_, token) in special.into_iter().flat_map(|map| map.iter_mut()) {
        token.get_mut("ids").and_then(Value::as_array_mut).into_iter().flatten().for_each(change);
    }
    for key in ["sep", "cls"] {
        post.get_mut(key).and_then(|pair| pair.get_mut(1)).into_iter().for_each(change);
    }
    for post in post.get_mut("processors").and_then(Value::as_array_mut).into_iter().flatten() {
        renumber_around(post, change);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoder::scratch::{self, Size};
    use crate::text::{Tokenizer, TokenizerOptions};

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
        other["model"]["type"] = json!("BPE");
        assert!(trim(other, &[], 100).unwrap_err().contains("of the kind BPE"));
    }
}
