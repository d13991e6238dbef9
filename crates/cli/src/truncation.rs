//! Flags that say how long texts are cut, and the warning that some were.

use clap::ValueEnum;
use umbel::Model;
use umbel::text::{Side, Truncation};

use crate::output::Output;

/// How long texts are cut; what is not said stays as the model has it.
#[derive(clap::Args)]
pub struct TruncationArgs {
    /// Read at most this many tokens of a text, special tokens included.
    #[arg(long, value_name = "N", conflicts_with = "no_truncation")]
    max_length: Option<usize>,

    /// Never cut a text; one that is longer than the encoder reads is a bad row.
    #[arg(long)]
    no_truncation: bool,

    /// The side on which a text that is too long loses tokens.
    #[arg(long, value_name = "SIDE")]
    truncation_side: Option<CutSide>,
}

#[derive(Clone, Copy, ValueEnum)]
enum CutSide {
    Left,
    Right,
}

impl TruncationArgs {
    /// Makes the model cut texts so.
    pub fn apply(&self, model: &mut Model) -> umbel::Result<()> {
        if self.no_truncation {
            model.set_truncation(None)?;
        } else if let Some(length) = self.max_length {
            model.set_truncation(Some(Some(length)))?;
        }
        match self.truncation_side {
            Some(CutSide::Left) => model.embedding.tokens.side = Side::Left,
            Some(CutSide::Right) => model.embedding.tokens.side = Side::Right,
            None => {}
        }
        Ok(())
    }
}

/// Warns that texts were cut, if any was.
pub fn warn_of_truncation(output: &Output, model: &Model, n_truncated: usize, n_texts: usize) {
    let Truncation::At(length) = model.embedding.tokens.truncation else { return };
    if n_truncated == 0 {
        return;
    }
    let advice = match model.encoder_shape().limit() {
        None => "`--no-truncation` reads all".to_string(),
        Some(limit) if length < limit => format!("`--max-length` can be up to {limit}"),
        Some(_) => "the encoder reads no more".to_string(),
    };
    output.warn(format_args!(
        "{n_truncated} of {n_texts} texts had more than {length} tokens and were cut; {advice}"
    ));
}
