//! What training runs on: token sequences, or with a frozen backbone what heads read of them, which stays the same.

use crate::data::Dataset;
use crate::error::Result;
use crate::model::{Asked, Kept, Model, Views};
use crate::nn::{Matrix, Tape, Var};
use crate::text::{Batch, Tokens};

/// What training runs on: that of all rows' texts, and after them of the texts that tasks compare them with.
pub(super) struct Inputs {
    pub(super) texts: Texts,
    /// Texts that were cut.
    pub(super) n_truncated: usize,
    /// Tokens of each text.
    lengths: Vec<usize>,
    n_rows: usize,
    // For each task, the texts of the rows' groups.
    groups: Vec<Vec<usize>>,
}

/// Texts as training reads them.
pub(super) enum Texts {
    /// Token sequences, which go through the encoder each time.
    Tokens(Vec<Tokens>),
    /// What was computed of them once, without dropout.
    Kept(Kept),
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
    Kept(Kept),
}

impl Inputs {
    /// The texts of a data set, through the encoder already if `kept`.
    pub(super) fn new(model: &Model, data: &Dataset, kept: bool) -> Result<Self> {
        let encoded = model.tokenize(&data.all_texts())?;
        let lengths = encoded.texts.iter().map(Tokens::len).collect();
        let texts = if kept { Texts::Kept(model.keep(&encoded.texts)) } else { Texts::Tokens(encoded.texts) };
        let (n_truncated, n_rows, groups) = (encoded.n_truncated, data.len(), data.groups());
        Ok(Self { texts, n_truncated, lengths, n_rows, groups })
    }

    /// True if the texts went through the encoder once.
    pub(super) fn are_kept(&self) -> bool {
        matches!(self.texts, Texts::Kept(_))
    }

    /// The token sequences; none of texts that went through the encoder once.
    pub(super) fn tokens(&self) -> impl Iterator<Item = &Tokens> {
        let tokens = if let Texts::Tokens(tokens) = &self.texts { &tokens[..] } else { &[] };
        tokens.iter()
    }

    /// Tokens that a row takes to the encoder: those of its text, and of the texts that tasks compare it with.
    pub(super) fn row_lengths(&self, data: &Dataset) -> Vec<usize> {
        let n_tasks = self.groups.len();
        let others = |row: usize| (0..n_tasks).flat_map(move |task| data.others(task, row));
        let length =
            |row: usize| self.lengths[row] + others(row).map(|text| self.lengths[text]).sum::<usize>();
        (0..data.len()).map(length).collect()
    }

    /// Runs texts forward to where the heads begin.
    pub(super) fn encode(&self, model: &Model, tape: &mut Tape<'_>, texts: &[usize]) -> Encoded {
        match &self.texts {
            Texts::Tokens(all) => {
                let batch = Batch::new(texts.iter().map(|&text| &all[text]));
                match model.reads_states() {
                    true => Encoded { roots: model.states(tape, &batch), rest: Rest::States(batch) },
                    false => Encoded { roots: vec![model.embedding(tape, &batch)], rest: Rest::Embedding },
                }
            }
            Texts::Kept(kept) if model.reads_states() => {
                Encoded { roots: Vec::new(), rest: Rest::Kept(kept.select(texts)) }
            }
            Texts::Kept(kept) => {
                let embedding = model.views_of_kept(tape, kept.select(texts)).embedding;
                Encoded { roots: vec![embedding], rest: Rest::Embedding }
            }
        }
    }

    /// Every head's raw outputs for all rows, without dropout.
    pub(super) fn outputs(&self, model: &Model) -> Vec<Matrix> {
        let groups: Vec<&[usize]> = self.groups.iter().map(Vec::as_slice).collect();
        match &self.texts {
            Texts::Tokens(texts) => model.row_outputs(texts, self.n_rows, &groups),
            Texts::Kept(kept) => {
                let mut tape = Tape::inference(&model.params);
                let all: Vec<usize> = (0..self.lengths.len()).collect();
                let views = model.views_of_kept(&mut tape, kept.select(&all));
                let heads = model.heads().iter().zip(groups);
                let outputs = heads.map(|(head, group)| {
                    head.outputs(&mut tape, &views, Asked { n_rows: self.n_rows, group }).into_matrix()
                });
                outputs.collect()
            }
        }
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
