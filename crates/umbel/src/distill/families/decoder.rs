//! Families of decoders: a token sees those before it, but for those that were made to embed.

use serde_json::{Value, json};

use super::rotary::base;
use super::{Sizes, with};

pub(super) fn llama(sizes: &Sizes<'_>) -> Value {
    let student = &sizes.settings.student;
    let config = json!({
        "vocab_size": sizes.vocab,
        "hidden_size": student.hidden_size,
        "num_hidden_layers": student.layers,
        "num_attention_heads": student.heads,
        "num_key_value_heads": student.heads,
        "head_dim": student.hidden_size / student.heads,
        "intermediate_size": sizes.settings.intermediate_size(),
        "max_position_embeddings": student.max_length,
        "hidden_act": "silu",
        "rms_norm_eps": 1e-6,
        "attention_bias": false,
        "mlp_bias": false,
        "attention_dropout": student.dropout,
        "sliding_window": null,
        "use_sliding_window": false,
        "initializer_range": 0.02,
        "use_cache": false,
        "pad_token_id": null,
    });
    with(config, base(10_000.0))
}

pub(super) fn eurobert(sizes: &Sizes<'_>) -> Value {
    with(llama(sizes), json!({"rms_norm_eps": 1e-5, "pad_token_id": sizes.pad}))
}

/// As EmbeddingGemma: tokens see both ways, and all others.
pub(super) fn gemma3(sizes: &Sizes<'_>) -> Value {
    let student = &sizes.settings.student;
    let keys = json!({
        "hidden_activation": "gelu_pytorch_tanh",
        "query_pre_attn_scalar": student.hidden_size / student.heads,
        "use_bidirectional_attention": true,
        "sliding_window": 2 * student.max_length,
        "layer_types": vec!["full_attention"; student.layers],
        "rope_parameters": {
            "full_attention": {"rope_theta": 10_000.0, "rope_type": "default"},
            "sliding_attention": {"rope_theta": 10_000.0, "rope_type": "default"},
        },
        "pad_token_id": sizes.pad,
    });
    with(llama(sizes), keys)
}
