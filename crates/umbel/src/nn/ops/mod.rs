//! The differentiable operations. Each file has one with its backward pass below it.

pub mod activation;
pub mod attention;
pub mod concat;
pub mod cross_entropy;
pub mod dropout;
pub mod embedding;
pub mod l2_normalize;
pub mod layer_norm;
pub mod linear;
pub mod pool;
pub mod squared_error;

pub use activation::activate;
pub use attention::{SelfAttention, attention};
pub use concat::concat;
pub use cross_entropy::{ClassTargets, cross_entropy, log_softmax};
pub use dropout::dropout;
pub use embedding::{Lookup, embedding};
pub use l2_normalize::l2_normalize;
pub use layer_norm::{LayerNorm, layer_norm, residual_layer_norm};
pub use linear::{Linear, linear, linear_activated};
pub use pool::{max_pool, weighted_pool};
pub use squared_error::squared_error;
