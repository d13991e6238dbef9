//! Gemma 3 (Gemma team 2025) and EmbeddingGemma: Llama's layers with norms around the blocks, and windows in most.

use super::keys;
use super::llama::{self, Kind, ROTARY};
use super::rotary::{RotaryKeys, rope};
use super::{Builder, Encoder};
use crate::error::Result;
use crate::folder::Config;
use crate::nn::ops::{SelfAttention, Visible};

const LOCAL: RotaryKeys = RotaryKeys {
    part: Some("sliding_attention"),
    theta: "rope_local_base_freq",
    default_theta: 10_000.0,
    scaled: false,
};

pub(super) fn build(config: &Config, builder: &mut Builder<'_>) -> Result<Box<dyn Encoder>> {
    for key in ["attn_logit_softcapping", "final_logit_softcapping"] {
        if config.has(key) {
            return Err(config.wrong(key, "null"));
        }
    }
    let kind = Kind::read(config)?;
    let scale = 1.0 / keys::above_0(config, "query_pre_attn_scalar", Some(256.0))?.sqrt();
    let kind = Kind {
        norm_offset: 1.0,
        head_norms: true,
        around: true,
        activation: keys::activation(config, "hidden_activation", "gelu_pytorch_tanh")?,
        attention: SelfAttention { scale, ..kind.attention },
        ..kind
    };
    let window = config.usize_or("sliding_window", 4096)?;
    let mut local = kind;
    local.attention.visible = match kind.attention.visible {
        Visible::All => Visible::Window(window / 2),
        _ => Visible::CausalWindow(window.max(1)),
    };
    let pattern = match config.has("_sliding_window_pattern") {
        true => keys::size(config, "_sliding_window_pattern")?,
        false => config.usize_or("sliding_window_pattern", 6)?.max(1),
    };
    let is_local =
        keys::sliding_layers(config, kind.sizes.n_layers, |i| Ok(!(i + 1).is_multiple_of(pattern)))?;
    let kinds = is_local.iter().map(|&is_local| if is_local { (local, 1) } else { (kind, 0) });
    let kinds: Vec<_> = kinds.collect();
    let head_size = kind.sizes.head_size;
    let global = RotaryKeys { default_theta: 1_000_000.0, ..ROTARY };
    let ropes = vec![rope(config, &global, head_size)?, rope(config, &LOCAL, head_size)?];
    let scale = (kind.sizes.hidden as f32).sqrt();
    llama::transformer(config, builder, &kinds, (ropes, scale, Some(0)))
}
