//! What training runs on: token sequences, or with a frozen backbone the vectors they always give.

use crate::model::Model;
use crate::nn::{Matrix, Tape, Var};
use crate::text::{Batch, Tokens};

/// What training runs on.
pub(super) enum Inputs {
    /// Token sequences, which go through the encoder each time.
    Tokens(Vec<Tokens>),
    /// Pooled token states, computed once without dropout. [rows × pooled]
    Pooled(Matrix),
}

impl Inputs {
    /// The embeddings of some rows. [rows × embedding]
    pub(super) fn embedding(&self, model: &Model, tape: &mut Tape<'_>, rows: &[usize]) -> Var {
        match self {
            Self::Tokens(texts) => {
                let batch = Batch::new(rows.iter().map(|&row| &texts[row]));
                model.embedding(tape, &batch)
            }
            Self::Pooled(pooled) => {
                let pooled = tape.constant(pooled.select(rows));
                model.embedding_of_pooled(tape, pooled)
            }
        }
    }

    /// Every head's raw outputs for all rows, without dropout.
    pub(super) fn outputs(&self, model: &Model) -> Vec<Matrix> {
        match self {
            Self::Tokens(texts) => model.head_outputs(texts),
            Self::Pooled(pooled) => {
                let mut tape = Tape::inference(&model.params);
                let pooled = tape.constant(pooled.clone());
                let embedding = model.embedding_of_pooled(&mut tape, pooled);
                model.heads().iter().map(|head| head.outputs(&mut tape, &embedding).into_matrix()).collect()
            }
        }
    }
}
