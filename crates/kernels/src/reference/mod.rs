//! A plain twin of each kernel: the oracle of the tests and the base line of the benches.

mod activation;
mod attention;
mod disentangled;
mod dropout;
mod gemm;
mod glu;
mod layer_norm;
mod rms_norm;
mod rope;
mod vector;

pub use activation::{activate, activate_backward};
pub use attention::{attention, attention_backward};
pub use disentangled::{disentangled_bias, disentangled_bias_backward};
pub use dropout::{dropout, uniform};
pub use gemm::{gemm, rounded};
pub use glu::{glu, glu_backward};
pub use layer_norm::{add_layer_norm, layer_norm_backward};
pub use rms_norm::{add_rms_norm, rms_norm_backward};
pub use rope::{rope, rope_backward};
pub use vector::{adamw, add, column_sums, scale, sum_of_squares};
