//! Unigram, as SentencePiece has it: a list of tokens with scores, a token's place in it being its number.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Kept, Tokens, count, is_byte, single};

/// The mark of a word's beginning.
pub(super) const META_SPACE: char = '▁';

/// Single characters are kept of ASCII and of what the corpus has, and bytes, if there are any.
///
/// A text whose best pieces are kept is cut as before: the others are only fewer.
pub(super) fn read(model: &Value, counts: &[u64]) -> Result<Tokens, String> {
    let vocab = model["vocab"].as_array().ok_or("its tokenizer.json has no list `model.vocab`")?;
    let mut by_id = BTreeMap::new();
    for (id, entry) in vocab.iter().enumerate() {
        let token = entry[0]
            .as_str()
            .ok_or_else(|| format!("entry {id} of `model.vocab` is no token with a score"))?;
        by_id.insert(id as u32, token.to_string());
    }
    let must = |(id, token): &(&u32, &String)| {
        let common = |c: char| c.is_ascii() || c == META_SPACE || count(counts, **id) > 0;
        model["unk_id"] == json!(id) || is_byte(token) || single(token).is_some_and(common)
    };
    let must = by_id.iter().filter(must).map(|(id, _)| *id).collect();
    Ok(Tokens { by_id, must, ..Tokens::default() })
}

pub(super) fn keep(model: &mut Value, kept: &Kept<'_>) {
    let unknown =
        model["unk_id"].as_u64().and_then(|old| kept.iter().position(|(id, _)| u64::from(*id) == old));
    model["unk_id"] = json!(unknown);
    let vocab = model["vocab"].take();
    model["vocab"] = kept.iter().map(|(id, _)| vocab[*id as usize].clone()).collect();
}
