//! RoBERTa (Liu et al. 2019), and with its very layers XLM-RoBERTa, CamemBERT and data2vec: BERT whose positions are
//! counted after the padding token's id.

use super::block::Positions;
use super::keys::{self, Sizes};
use super::{Builder, Encoder, bert};
use crate::error::Result;
use crate::folder::Config;

pub(super) fn build(config: &Config, builder: &mut Builder<'_>) -> Result<Box<dyn Encoder>> {
    let sizes = Sizes::read(config)?;
    let mut embeddings = bert::embeddings(config, builder, &sizes, sizes.hidden)?;
    embeddings.words.padding_idx = keys::padding_idx(config, Some(1))?;
    let Some(pad) = embeddings.words.padding_idx else {
        return Err(
            config.wrong("pad_token_id", "the id of the padding token, after which positions are counted")
        );
    };
    if let Some(Positions::FromZero(table)) = embeddings.positions {
        embeddings.positions = Some(Positions::AfterPadding(table, pad));
    }
    let max_positions = keys::positions_after(config, pad)?;
    bert::transformer(config, builder, &sizes, embeddings, max_positions)
}
