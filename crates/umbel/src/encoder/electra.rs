//! ELECTRA (Clark et al. 2020): BERT whose embeddings may be smaller than its layers.

use super::keys::{self, Sizes};
use super::{Builder, Encoder, bert};
use crate::error::Result;
use crate::folder::Config;

pub(super) fn build(config: &Config, builder: &mut Builder<'_>) -> Result<Box<dyn Encoder>> {
    let sizes = Sizes::read(config)?;
    let size = config.size_or("embedding_size", 128)?;
    let mut embeddings = bert::embeddings(config, builder, &sizes, size)?;
    if size != sizes.hidden {
        embeddings.projection = Some(builder.linear("embeddings_project", (sizes.hidden, size), true));
    }
    bert::transformer(config, builder, &sizes, embeddings, keys::size(config, "max_position_embeddings")?)
}
