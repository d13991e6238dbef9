//! Byte-pair encoding: a map of tokens to numbers, and the pairs that are merged, in their order.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Value, json};

use super::unigram::META_SPACE;
use super::{Kept, Tokens, count, is_byte, map_of_tokens, numbered, single};

/// The last of the characters that stand for bytes.
const LAST_BYTE: char = '\u{143}';

/// Single characters are kept of what the corpus has and those that stand for bytes, and with a token the two that it is
/// merged of, with theirs.
///
/// A word of kept tokens is then cut as before, since all merges on the way to them are there, in their order: surely where
/// each token comes of one merge, as in tokenizers of bytes. Where it comes of several, the first one counts here.
pub(super) fn read(model: &Value, counts: &[u64]) -> Result<Tokens, String> {
    let by_id = map_of_tokens(model)?;
    let ids: HashMap<&str, u32> = by_id.iter().map(|(id, token)| (&token[..], *id)).collect();
    let prefix = prefix(model).to_string();
    let mut parts = BTreeMap::new();
    for merge in merges(model)? {
        let [left, right] = pair(merge)?;
        let merged = merged(&prefix, left, right);
        let found = [left, right, &merged].map(|token| ids.get(token).copied());
        let [Some(left), Some(right), Some(merged)] = found else {
            return Err(format!(
                "`model.merges` makes the token `{merged}` of `{left}` and `{right}`, which are not all in `model.vocab`"
            ));
        };
        parts.entry(merged).or_insert([left, right]);
    }
    let must = |(id, token): &(&u32, &String)| {
        let common = |c: char| c <= LAST_BYTE || c == META_SPACE || count(counts, **id) > 0;
        let bare = token.strip_prefix(&prefix).unwrap_or(token);
        model["unk_token"] == json!(token) || is_byte(token) || single(bare).is_some_and(common)
    };
    let must = by_id.iter().filter(must).map(|(id, _)| *id).collect();
    Ok(Tokens { by_id, must, parts })
}

pub(super) fn keep(model: &mut Value, kept: &Kept<'_>) {
    let vocab = numbered(kept);
    let prefix = prefix(model).to_string();
    let stays = |merge: &Value| {
        pair(merge).is_ok_and(|[left, right]| {
            [left, right, &merged(&prefix, left, right)].iter().all(|token| vocab.get(token).is_some())
        })
    };
    if let Some(merges) = model["merges"].as_array_mut() {
        merges.retain(stays);
    }
    model["vocab"] = vocab;
}

fn merges(model: &Value) -> Result<&[Value], String> {
    let merges = model["merges"].as_array().map(Vec::as_slice);
    merges.ok_or_else(|| "its tokenizer.json has no list `model.merges`".to_string())
}

/// The two tokens of a merge: a list of two, or both with a blank between.
fn pair(merge: &Value) -> Result<[&str; 2], String> {
    let two = match merge {
        Value::String(text) => text.split_once(' '),
        other => other[0].as_str().zip(other[1].as_str()),
    };
    two.map(Into::into).ok_or_else(|| format!("{merge} in `model.merges` is no pair of tokens"))
}

/// What pieces within words begin with.
fn prefix(model: &Value) -> &str {
    model["continuing_subword_prefix"].as_str().unwrap_or_default()
}

fn merged(prefix: &str, left: &str, right: &str) -> String {
    format!("{left}{}", right.strip_prefix(prefix).unwrap_or(right))
}
