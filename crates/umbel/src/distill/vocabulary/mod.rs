//! A tokenizer with fewer tokens: those that a corpus has most. A kind of tokenizer a file.

mod bpe;
mod unigram;
mod word_piece;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::registry::Registry;

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

    /// The new number of the padding token; 0 if it was not kept.
    pub fn pad(&self, old: u32) -> usize {
        self.new_id(old).unwrap_or(0)
    }
}

/// All tokens, as they are.
pub fn whole(json: Value, n_tokens: usize) -> Trimmed {
    Trimmed { json, kept: (0..n_tokens as u32).collect() }
}

/// The tokens of a tokenizer.
#[derive(Default)]
struct Tokens {
    /// All by their numbers.
    by_id: BTreeMap<u32, String>,
    /// Those without which words would have no pieces.
    must: BTreeSet<u32>,
    /// Of a token that is only met where two others stand: these.
    parts: BTreeMap<u32, [u32; 2]>,
}

/// The tokens that are kept with their old numbers, in the order of the new ones.
type Kept<'a> = [(u32, &'a str)];

/// How the vocabulary of a kind of tokenizer is read and cut.
struct Kind {
    /// Reads `model` of `tokenizer.json`; how often the corpus has each token says which characters it needs.
    read: fn(&Value, &[u64]) -> Result<Tokens, String>,
    /// Leaves only these tokens in it.
    keep: fn(&mut Value, &Kept<'_>),
}

/// The kinds of tokenizer that can be trimmed, by `model.type` of `tokenizer.json`.
static KINDS: Registry<Kind> = Registry {
    kind: "tokenizer",
    entries: &[
        ("BPE", Kind { read: bpe::read, keep: bpe::keep }),
        ("Unigram", Kind { read: unigram::read, keep: unigram::keep }),
        ("WordLevel", Kind { read: word_piece::read_words, keep: word_piece::keep }),
        ("WordPiece", Kind { read: word_piece::read, keep: word_piece::keep }),
    ],
};

/// Keeps `size` tokens: those that were added to the tokenizer, those without which some words would have no pieces, and
/// then the ones that `counts` has most of, by their numbers.
///
/// Tokens keep their order, and are numbered anew. Those that were added beside the vocabulary come after all others, as
/// tokenizers number them.
///
/// # Errors
/// If the tokenizer is of no kind that is known, or `size` has no room for the tokens that must be kept.
pub fn trim(mut json: Value, counts: &[u64], size: usize) -> Result<Trimmed, String> {
    let name = json["model"]["type"].as_str().unwrap_or("none");
    let kind = KINDS.find(name).map_err(|error| {
        format!("{error}; its vocabulary cannot be trimmed, without `student.vocab_size` all tokens are kept")
    })?;
    let tokens = (kind.read)(&json["model"], counts)?;
    let added = added_ids(&json);
    let (inside, beside): (BTreeSet<u32>, BTreeSet<u32>) =
        added.iter().partition(|id| tokens.by_id.contains_key(id));
    let must: BTreeSet<u32> = tokens.must.union(&inside).copied().collect();
    let kept = choose(&tokens, &must, counts, size.saturating_sub(beside.len()));
    let n = kept.len() + beside.len();
    if n > size {
        return Err(format!(
            "`student.vocab_size` is {size}; expected {n} or more, which special tokens and characters take"
        ));
    }
    let named: Vec<(u32, &str)> = kept.iter().map(|id| (*id, &tokens.by_id[id][..])).collect();
    (kind.keep)(&mut json["model"], &named);
    let kept: Vec<u32> = kept.into_iter().chain(beside).collect();
    let trimmed = Trimmed { json: Value::Null, kept };
    renumber(&mut json, &trimmed);
    Ok(Trimmed { json, ..trimmed })
}

/// What must be kept, and of the other tokens those that `counts` has most of, each with its parts, up to `size` in all.
fn choose(tokens: &Tokens, must: &BTreeSet<u32>, counts: &[u64], size: usize) -> BTreeSet<u32> {
    let mut kept = BTreeSet::new();
    must.iter().for_each(|id| kept.extend(with_parts(tokens, *id, &kept)));
    let mut rest: Vec<u32> = tokens.by_id.keys().copied().filter(|id| !kept.contains(id)).collect();
    rest.sort_by_key(|id| (std::cmp::Reverse(count(counts, *id)), *id));
    for id in rest {
        let more = with_parts(tokens, id, &kept);
        if kept.len() + more.len() <= size {
            kept.extend(more);
        }
    }
    kept
}

/// The token, its parts and theirs, but for those that are kept already.
fn with_parts(tokens: &Tokens, id: u32, kept: &BTreeSet<u32>) -> BTreeSet<u32> {
    let (mut found, mut open) = (BTreeSet::new(), vec![id]);
    while let Some(id) = open.pop() {
        if !kept.contains(&id) && found.insert(id) {
            open.extend(tokens.parts.get(&id).into_iter().flatten());
        }
    }
    found
}

fn count(counts: &[u64], id: u32) -> u64 {
    counts.get(id as usize).copied().unwrap_or(0)
}

/// The one character of a token that has one.
fn single(token: &str) -> Option<char> {
    let mut characters = token.chars();
    characters.next().filter(|_| characters.next().is_none())
}

/// True of the tokens that stand for a byte of a character that has none: `<0x0A>`.
fn is_byte(token: &str) -> bool {
    token.len() == 6 && token.starts_with("<0x") && token.ends_with('>')
}

/// The tokens of a vocabulary that is a map, by their numbers.
fn map_of_tokens(model: &Value) -> Result<BTreeMap<u32, String>, String> {
    let vocab = model["vocab"].as_object().ok_or("its tokenizer.json has no map `model.vocab`")?;
    let id = |(token, id): (&String, &Value)| {
        let id = id.as_u64().and_then(|id| u32::try_from(id).ok());
        id.map(|id| (id, token.clone())).ok_or_else(|| format!("the token `{token}` has no number"))
    };
    vocab.iter().map(id).collect()
}

/// A vocabulary that is a map of these tokens to their new numbers.
fn numbered(kept: &Kept<'_>) -> Value {
    kept.iter().enumerate().map(|(new, (_, token))| (token.to_string(), json!(new))).collect()
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
mod tests;
