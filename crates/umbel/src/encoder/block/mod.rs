//! What encoders are made of. Architectures differ in which of these they put where, and in the names of their
//! weights.

mod attention;
mod distance;
mod embeddings;
mod feed_forward;
mod residual;
mod rope;
mod transformer;

pub(super) use attention::{Attention, Context};
pub(super) use distance::DistanceBias;
pub(super) use embeddings::{Embeddings, Positions, Table};
pub(super) use feed_forward::FeedForward;
pub(super) use residual::{Norms, Residual};
pub(super) use rope::Rope;
pub(super) use transformer::{Layer, Transformer};
