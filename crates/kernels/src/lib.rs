//! SIMD kernels of umbel: slices in, slices out.

pub mod reference;

mod activation;
mod adamw;
mod attention;
mod buffer;
mod disentangled;
mod dropout;
mod elementwise;
mod gather;
mod gather_mean;
mod gemm;
mod glu;
mod math;
mod matrix;
mod memory;
mod norm;
mod parallel;
mod precision;
mod reduce;
mod rope;
mod simd;
#[cfg(test)]
mod testing;

pub use activation::{Activation, activate, activate_backward};
pub use adamw::{AdamW, AdamWState, adamw};
pub use attention::{Attention, AttentionSaved, Bias, Visible, attention, attention_backward};
pub use disentangled::{Disentangled, disentangled_bias, disentangled_bias_backward};
pub use dropout::{Dropout, dropout};
pub use elementwise::{add, scale};
pub use gather::{Lookup, gather};
pub use gather_mean::gather_mean;
pub use gemm::{Epilogue, Packed, Write, gemm};
pub use glu::{Gate, Glu, glu, glu_backward};
pub use matrix::MatRef;
pub use memory::advise_huge_pages;
pub use norm::{
    LayerNorm, LayerNormSaved, RmsNorm, RmsNormSaved, RowStats, add_layer_norm, add_rms_norm,
    layer_norm_backward, rms_norm_backward,
};
pub use parallel::{alone, together};
pub use precision::Precision;
pub use reduce::{column_sums, sum_of_squares};
pub use rope::{Rope, RopePairs, RopeTables, rope, rope_backward, rope_frequencies};
pub use simd::Isa;
