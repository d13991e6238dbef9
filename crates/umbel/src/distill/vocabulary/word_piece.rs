//! WordPiece: a map of tokens to numbers, in which pieces within words have a prefix.

use serde_json::{Value, json};

use super::{Kept, Tokens, count, map_of_tokens, numbered, single};

/// Single characters, alone and within words, are kept of ASCII and of what the corpus has, so that its words have pieces.
pub(super) fn read(model: &Value, counts: &[u64]) -> Result<Tokens, String> {
    let by_id = map_of_tokens(model)?;
    let prefix = model["continuing_subword_prefix"].as_str().unwrap_or("##");
    let unknown = model["unk_token"].as_str().unwrap_or("[UNK]");
    let must = |(id, token): &(&u32, &String)| {
        let common = |c: char| c.is_ascii() || count(counts, **id) > 0;
        *token == unknown || single(token.strip_prefix(prefix).unwrap_or(token)).is_some_and(common)
    };
    let must = by_id.iter().filter(must).map(|(id, _)| *id).collect();
    Ok(Tokens { by_id, must, ..Tokens::default() })
}

pub(super) fn keep(model: &mut Value, kept: &Kept<'_>) {
    model["vocab"] = numbered(kept);
}

/// Whole words: nothing but the unknown one must be kept.
pub(super) fn read_words(model: &Value, _counts: &[u64]) -> Result<Tokens, String> {
    let by_id = map_of_tokens(model)?;
    let unknown = &model["unk_token"];
    let must = by_id.iter().filter(|(_, token)| *unknown == json!(token)).map(|(id, _)| *id).collect();
    Ok(Tokens { by_id, must, ..Tokens::default() })
}
