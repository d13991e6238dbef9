//! Families whose attention turns queries and keys by their positions (Su et al. 2021), and sees both ways.

use serde_json::{Value, json};

use super::absolute::bert;
use super::{Sizes, with, without};

/// The base of the frequencies, as new and as old files spell it.
pub(super) fn base(theta: f64) -> Value {
    json!({"rope_theta": theta, "rope_parameters": {"rope_theta": theta, "rope_type": "default"}})
}

pub(super) fn gte(sizes: &Sizes<'_>) -> Value {
    with(with(bert(sizes), base(10_000.0)), json!({"type_vocab_size": 0}))
}

pub(super) fn jina(sizes: &Sizes<'_>) -> Value {
    with(with(bert(sizes), base(20_000.0)), json!({"type_vocab_size": 1, "layer_norm_eps": 1e-5}))
}

pub(super) fn nomic(sizes: &Sizes<'_>) -> Value {
    let head = sizes.settings.student.hidden_size / sizes.settings.student.heads;
    with(with(bert(sizes), base(1_000.0)), json!({"hidden_act": "silu", "head_dim": head}))
}

/// Every third layer sees all, the others a window.
pub(super) fn modernbert(sizes: &Sizes<'_>) -> Value {
    let student = &sizes.settings.student;
    let kind = |layer: usize| if layer.is_multiple_of(3) { "full_attention" } else { "sliding_attention" };
    let keys = json!({
        "hidden_activation": "gelu",
        "norm_eps": 1e-5,
        "norm_bias": false,
        "attention_bias": false,
        "mlp_bias": false,
        "embedding_dropout": student.dropout,
        "attention_dropout": student.dropout,
        "mlp_dropout": student.dropout,
        "local_attention": 128,
        "layer_types": (0..student.layers).map(kind).collect::<Vec<_>>(),
        "rope_parameters": {
            "full_attention": {"rope_theta": 160_000.0, "rope_type": "default"},
            "sliding_attention": {"rope_theta": 10_000.0, "rope_type": "default"},
        },
    });
    let others = [
        "type_vocab_size",
        "hidden_act",
        "layer_norm_eps",
        "hidden_dropout_prob",
        "attention_probs_dropout_prob",
    ];
    with(without(bert(sizes), &others), keys)
}
