//! The differentiable operations. Each file has one with its backward pass below it.

pub mod activation;
pub mod attention;
pub mod concat;
pub mod cross_entropy;
pub mod distance_bias;
pub mod dropout;
pub mod embedding;
pub mod embedding_mean;
pub mod glu;
pub mod head_norm;
pub mod l2_normalize;
pub mod linear;
pub mod norm;
pub mod pool;
pub mod residual;
pub mod rope;
pub mod scale;
pub mod squared_error;

pub use activation::activate;
pub use attention::{AttentionBias, SelfAttention, Visible, attention};
pub use concat::concat;
pub use cross_entropy::{ClassTargets, cross_entropy, log_softmax};
pub use distance_bias::distance_bias;
pub use dropout::dropout;
pub use embedding::{Lookup, embedding};
pub use embedding_mean::embedding_mean;
pub use glu::{Gate, glu};
pub use head_norm::head_norm;
pub use l2_normalize::l2_normalize;
pub use linear::{Linear, linear, linear_activated};
pub use norm::{Norm, NormKind, norm, residual_norm};
pub use pool::{max_pool, weighted_pool};
pub use residual::residual;
pub use rope::{Rope, rope};
pub use scale::scale;
pub use squared_error::squared_error;
