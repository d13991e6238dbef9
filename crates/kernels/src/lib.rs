//! SIMD kernels of umbel: slices in, slices out.

pub mod reference;

mod activation;
mod adamw;
mod attention;
mod buffer;
mod dropout;
mod elementwise;
mod gemm;
mod layer_norm;
mod math;
mod matrix;
mod parallel;
mod reduce;
mod simd;
#[cfg(test)]
mod testing;

pub use activation::{Activation, activate, activate_backward};
pub use adamw::{AdamW, AdamWState, adamw};
pub use attention::{Attention, AttentionSaved, Bias, Visible, attention, attention_backward};
pub use dropout::{Dropout, dropout};
pub use elementwise::{add, scale};
pub use gemm::{Epilogue, Packed, Write, gemm};
pub use layer_norm::{LayerNorm, LayerNormSaved, RowStats, add_layer_norm, layer_norm_backward};
pub use matrix::MatRef;
pub use reduce::{column_sums, sum_of_squares};
pub use simd::Isa;
