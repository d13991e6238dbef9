//! Families whose positions have embeddings: BERT, and what is made like it.

use serde_json::{Value, json};

use super::{Sizes, with};

pub(super) fn bert(sizes: &Sizes<'_>) -> Value {
    let student = &sizes.settings.student;
    json!({
        "vocab_size": sizes.vocab,
        "hidden_size": student.hidden_size,
        "num_hidden_layers": student.layers,
        "num_attention_heads": student.heads,
        "intermediate_size": sizes.settings.intermediate_size(),
        "max_position_embeddings": student.max_length,
        "type_vocab_size": 2,
        "hidden_act": "gelu",
        "hidden_dropout_prob": student.dropout,
        "attention_probs_dropout_prob": student.dropout,
        "layer_norm_eps": 1e-12,
        "initializer_range": 0.02,
        "pad_token_id": sizes.pad,
    })
}

pub(super) fn electra(sizes: &Sizes<'_>) -> Value {
    with(bert(sizes), json!({"embedding_size": sizes.settings.student.hidden_size}))
}

pub(super) fn albert(sizes: &Sizes<'_>) -> Value {
    with(electra(sizes), json!({"num_hidden_groups": 1, "inner_group_num": 1}))
}

/// BERT whose positions are counted after the padding token's number.
pub(super) fn roberta(sizes: &Sizes<'_>) -> Value {
    let rows = sizes.settings.student.max_length + sizes.pad + 1;
    with(bert(sizes), json!({"max_position_embeddings": rows, "type_vocab_size": 1}))
}

pub(super) fn distilbert(sizes: &Sizes<'_>) -> Value {
    let student = &sizes.settings.student;
    json!({
        "vocab_size": sizes.vocab,
        "dim": student.hidden_size,
        "n_layers": student.layers,
        "n_heads": student.heads,
        "hidden_dim": sizes.settings.intermediate_size(),
        "max_position_embeddings": student.max_length,
        "activation": "gelu",
        "dropout": student.dropout,
        "attention_dropout": student.dropout,
        "sinusoidal_pos_embds": false,
        "initializer_range": 0.02,
        "pad_token_id": sizes.pad,
    })
}

pub(super) fn gpt2(sizes: &Sizes<'_>) -> Value {
    let student = &sizes.settings.student;
    json!({
        "vocab_size": sizes.vocab,
        "n_embd": student.hidden_size,
        "n_layer": student.layers,
        "n_head": student.heads,
        "n_inner": sizes.settings.intermediate_size(),
        "n_positions": student.max_length,
        "activation_function": "gelu_new",
        "layer_norm_epsilon": 1e-5,
        "attn_pdrop": student.dropout,
        "embd_pdrop": student.dropout,
        "resid_pdrop": student.dropout,
        "initializer_range": 0.02,
        "bos_token_id": null,
        "eos_token_id": null,
    })
}
