//! What training runs on: token sequences, or with a frozen backbone what heads read of them, which stays the same.

use crate::data::Dataset;
use crate::error::Result;
use crate::evaluate;
use crate::model::{Asked, Kept, Model, Taken, Views};
use crate::nn::{Matrix, Tape, Var};
use crate::text::{Batch, StoredTokens, Tokens};

/// What training runs on: that of all rows' texts, and after them of the texts that tasks compare them with.
pub(super) struct Inputs {
    tokens: StoredTokens,
    // What the encoder gives, while it is frozen.
    kept: Option<Kept>,
    /// Texts that were cut.
    pub(super) n_truncated: usize,
    // Tokens of each text.
    lengths: Vec<usize>,
}

/// The pass of some texts up to where the heads' own tape begins.
pub(super) struct Encoded {
    /// The values at which the two tapes meet.
    pub(super) roots: Vec<Var>,
    rest: Rest,
}

/// How the roots become what heads read.
enum Rest {
    /// The one root is the embedding, which all heads read.
    Embedding,
    /// The roots are states.
    States(Batch),
    /// The texts were kept: there is no root.
    Kept(Taken),
}

impl Inputs {
    /// The texts of a data set.
    pub(super) fn new(model: &Model, data: &Dataset) -> Result<Self> {
        let (tokens, n_truncated) = model.tokenize_all(data.all_texts())?;
        let lengths = tokens.iter().map(|tokens| tokens.len()).collect();
        Ok(Self { tokens, kept: None, n_truncated, lengths })
    }

    /// Sends the texts through the encoder once and for all, or forgets what it gave.
    pub(super) fn keep(&mut self, model: &Model, wanted: bool) -> Result<()> {
        self.kept = if wanted { Some(model.keep(&self.tokens)?) } else { None };
        Ok(())
    }

    /// True if the texts went through the encoder once.
    pub(super) fn are_kept(&self) -> bool {
        self.kept.is_some()
    }

    /// The token sequences.
    pub(super) fn tokens(&self) -> &StoredTokens {
        &self.tokens
    }

    /// Tokens that a row takes to the encoder: those of its text, and of the texts that tasks compare it with.
    pub(super) fn row_lengths(&self, data: &Dataset) -> Vec<usize> {
        let n_tasks = data.n_tasks();
        let others = |row: usize| (0..n_tasks).flat_map(move |task| data.others(task, row));
        let length =
            |row: usize| self.lengths[row] + others(row).map(|text| self.lengths[text]).sum::<usize>();
        (0..data.len()).map(length).collect()
    }

    /// Runs texts forward to where the heads begin.
    pub(super) fn encode(&self, model: &Model, tape: &mut Tape<'_>, texts: &[usize]) -> Encoded {
        match &self.kept {
            None => {
                let tokens: Vec<Tokens> = texts.iter().map(|&text| self.tokens.get(text)).collect();
                let batch = Batch::new(&tokens);
                match model.reads_states() {
                    true => Encoded { roots: model.states(tape, &batch), rest: Rest::States(batch) },
                    false => Encoded { roots: vec![model.embedding(tape, &batch)], rest: Rest::Embedding },
                }
            }
            Some(kept) if model.reads_states() => {
                Encoded { roots: Vec::new(), rest: Rest::Kept(kept.select(texts)) }
            }
            Some(kept) => {
                let embedding = model.views_of_kept(tape, kept.select(texts)).embedding;
                Encoded { roots: vec![embedding], rest: Rest::Embedding }
            }
        }
    }

    /// Every head's raw outputs for all rows, without dropout.
    pub(super) fn outputs(&self, model: &Model, data: &Dataset) -> Vec<Matrix> {
        let Some(kept) = &self.kept else { return evaluate::outputs(model, &self.tokens, data) };
        evaluate::by_chunks(model, data, |texts, n_rows| {
            let mut tape = Tape::inference(&model.params);
            let views = model.views_of_kept(&mut tape, kept.select(&texts.all));
            let heads = model.heads().iter().zip(&texts.groups);
            let outputs = heads
                .map(|(head, group)| head.outputs(&mut tape, &views, Asked { n_rows, group }).into_matrix());
            outputs.collect()
        })
    }
}

impl Encoded {
    /// What heads read, from the roots or leaves that stand for them.
    pub(super) fn views(self, model: &Model, tape: &mut Tape<'_>, roots: &[Var]) -> Views {
        match self.rest {
            Rest::Embedding => Views::of_embedding(roots[0].clone()),
            Rest::States(batch) => model.views_of_states(tape, roots, &batch),
            Rest::Kept(kept) => model.views_of_kept(tape, kept),
        }
    }
}
