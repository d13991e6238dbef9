//! Families whose attention knows how far tokens are from one another.

use serde_json::{Value, json};

use super::absolute::bert;
use super::{Sizes, with, without};

/// As DeBERTa-v3: distances instead of positions, in buckets that cover the longest text.
pub(super) fn deberta(sizes: &Sizes<'_>) -> Value {
    let keys = json!({
        "type_vocab_size": 0,
        "layer_norm_eps": 1e-7,
        "relative_attention": true,
        "max_relative_positions": -1,
        "position_buckets": sizes.settings.student.max_length,
        "norm_rel_ebd": "layer_norm",
        "share_att_key": true,
        "pos_att_type": ["p2c", "c2p"],
        "position_biased_input": false,
    });
    with(bert(sizes), keys)
}

pub(super) fn mpnet(sizes: &Sizes<'_>) -> Value {
    let keys = json!({
        "max_position_embeddings": sizes.settings.student.max_length + 2,
        "layer_norm_eps": 1e-5,
        "relative_attention_num_buckets": 32,
    });
    with(without(bert(sizes), &["type_vocab_size"]), keys)
}

pub(super) fn t5(sizes: &Sizes<'_>) -> Value {
    let student = &sizes.settings.student;
    json!({
        "vocab_size": sizes.vocab,
        "d_model": student.hidden_size,
        "d_kv": student.hidden_size / student.heads,
        "d_ff": sizes.settings.intermediate_size(),
        "num_layers": student.layers,
        "num_heads": student.heads,
        "feed_forward_proj": "relu",
        "dropout_rate": student.dropout,
        "layer_norm_epsilon": 1e-6,
        "relative_attention_num_buckets": 32,
        "relative_attention_max_distance": 128,
        "is_encoder_decoder": false,
        "use_cache": false,
        "pad_token_id": sizes.pad,
    })
}
