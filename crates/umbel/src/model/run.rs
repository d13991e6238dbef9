//! Texts in, embeddings and answers out, in batches that the encoder runs through well.

use std::borrow::Borrow;

use rayon::prelude::*;
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::{Asked, Forward, Head, Model};
use crate::error::{Error, Result};
use crate::nn::{Matrix, Tape, Var};
use crate::spans::Spans;
use crate::task::{Answer, Reads};
use crate::text::batch::by_token_budget;
use crate::text::{Batch, Tokens};

/// Tokens that one thread takes through the whole encoder: enough that packing a layer's input does not count,
/// few enough that a layer's activations stay in the caches.
const TOKENS_A_GROUP: usize = 256;
/// Tokens that all threads take through the encoder together, if there are too few to give each groups of its own.
const TOKENS_TOGETHER: usize = 4096;
/// With fewer groups a thread, the last one at work would keep the others waiting too long.
const GROUPS_A_THREAD: usize = 6;

/// The embeddings of some texts.
#[derive(Debug)]
pub struct Embedded {
    /// One row a text. [texts × truncated]
    pub embeddings: Matrix,
    /// How many texts were cut.
    pub n_truncated: usize,
}

/// The answers for some texts.
#[derive(Debug)]
pub struct Predicted {
    /// One for each text.
    pub predictions: Vec<Prediction>,
    /// The texts' embeddings, from the same pass. [texts × truncated]
    pub embeddings: Matrix,
    /// How many texts were cut.
    pub n_truncated: usize,
}

/// The answers for one text, by task.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    /// The tasks' names and answers, in the order of the tasks.
    pub answers: Vec<(String, Answer)>,
}

impl Prediction {
    /// The answer of a task.
    pub fn get(&self, task: &str) -> Option<&Answer> {
        self.answers.iter().find(|(name, _)| name == task).map(|(_, answer)| answer)
    }
}

/// `{"<task>": {…}, …}`.
impl Serialize for Prediction {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.answers.len()))?;
        self.answers.iter().try_for_each(|(task, answer)| map.serialize_entry(task, answer))?;
        map.end()
    }
}

impl Model {
    /// The embedding of each text, or its first numbers if [`Model::set_truncate_dim`] says so.
    ///
    /// # Errors
    /// If a text cannot be turned into tokens, or weights give what is not a finite number.
    pub fn embed(&self, texts: &[impl AsRef<str> + Sync]) -> Result<Embedded> {
        let encoded = self.tokenize(texts)?;
        let embeddings = self.truncated(self.embed_tokens(&encoded.texts));
        self.check_numbers([&embeddings])?;
        Ok(Embedded { embeddings, n_truncated: encoded.n_truncated })
    }

    /// The embedding of each token sequence. [texts × embedding]
    pub fn embed_tokens(&self, texts: &[Tokens]) -> Matrix {
        let kinds = [(Per::Text, self.embedding_size())];
        self.collect(texts, &kinds, |tape, batch| vec![self.embedding(tape, batch)]).remove(0)
    }

    /// The answers of all tasks for each text, and its embedding, from one pass through the encoder.
    ///
    /// # Errors
    /// If a text cannot be turned into tokens, or weights give what is not a finite number.
    pub fn predict(&self, texts: &[impl AsRef<str> + Sync]) -> Result<Predicted> {
        let names: Vec<&str> = self.heads.iter().map(Head::name).collect();
        self.predict_tasks(texts, &names)
    }

    /// The answers of the named tasks only. Tasks that compare texts have no answers.
    ///
    /// # Errors
    /// If there is no such task, a text cannot be turned into tokens, or weights give what is not a finite number.
    pub fn predict_tasks(&self, texts: &[impl AsRef<str> + Sync], tasks: &[&str]) -> Result<Predicted> {
        self.predict_with(texts, tasks, &vec![Vec::new(); tasks.len()])
    }

    /// The head of that task.
    ///
    /// # Errors
    /// If there is none.
    pub fn head(&self, task: &str) -> Result<&Head> {
        self.heads.iter().find(|head| head.name() == task).ok_or_else(|| Error::Unknown {
            kind: "task",
            name: task.to_string(),
            known: self.heads.iter().map(|head| head.name().to_string()).collect(),
        })
    }

    /// Every head's raw outputs for each token sequence, in the order of the tasks. [texts × outputs], or a row a word.
    /// Heads that compare texts give what they compare.
    pub fn head_outputs(&self, texts: &[Tokens]) -> Vec<Matrix> {
        let all: Vec<usize> = (0..texts.len()).collect();
        self.row_outputs(texts, texts.len(), &vec![&all[..]; self.heads.len()])
    }

    /// Every head's raw outputs for the first `n_rows` token sequences, in the order of the tasks; for heads that compare
    /// texts, for the given groups of all sequences.
    pub fn row_outputs(&self, texts: &[Tokens], n_rows: usize, groups: &[&[usize]]) -> Vec<Matrix> {
        let rows = |(head, group): (_, &&[usize])| match Head::reads(head) {
            Reads::Group => (head, group.to_vec()),
            Reads::Text | Reads::Words(_) => (head, (0..n_rows).collect()),
        };
        let asked: Vec<(&Head, Vec<usize>)> = self.heads.iter().zip(groups).map(rows).collect();
        let texts: Vec<&Tokens> = texts.iter().collect();
        self.run_heads(&texts, &asked).1
    }

    /// The embeddings of all texts, and what each of some heads gives for the texts of which it is asked: a row a text,
    /// or a row a word of those texts.
    pub(super) fn run_heads(
        &self,
        texts: &[&Tokens],
        asked: &[(&Head, Vec<usize>)],
    ) -> (Matrix, Vec<Matrix>) {
        let own: Vec<&Head> =
            asked.iter().map(|(head, _)| *head).filter(|head| head.reads_states()).collect();
        let kind = |head: &&Head| match head.reads() {
            Reads::Words(_) => (Per::AnyWord, head.n_outputs),
            Reads::Text | Reads::Group => (Per::Text, head.n_outputs),
        };
        let mut kinds = vec![(Per::Text, self.embedding_size())];
        kinds.extend(own.iter().map(kind));
        // What reads states is computed in each batch, so that no states outlive it.
        let mut found = self.collect(texts, &kinds, |tape, batch| {
            if own.is_empty() {
                return vec![self.embedding(tape, batch)];
            }
            let views = self.views(tape, batch);
            let all: Vec<usize> = (0..batch.len()).collect();
            let asked = Asked { n_rows: batch.len(), group: &all };
            let outputs: Vec<Var> = own.iter().map(|head| head.outputs(tape, &views, asked)).collect();
            std::iter::once(views.embedding).chain(outputs).collect()
        });
        let embeddings = found.remove(0);
        let mut of_states = found.into_iter();
        let words: Spans = texts.iter().map(|tokens| tokens.words.len()).collect();
        let outputs = asked.iter().map(|(head, texts)| {
            if !head.reads_states() {
                let mut tape = Tape::inference(&self.params);
                let read = tape.constant(embeddings.select(texts));
                return head.of_read(&mut tape, &read).into_matrix();
            }
            let outputs = of_states.next().expect("each such head has its outputs");
            let rows: Vec<usize> = match head.reads() {
                Reads::Text | Reads::Group => texts.clone(),
                Reads::Words(_) => texts.iter().flat_map(|&text| words.get(text)).collect(),
            };
            let is_all = rows.len() == outputs.rows() && rows.iter().enumerate().all(|(i, &row)| i == row);
            if is_all { outputs } else { outputs.select(&rows) }
        });
        let outputs = outputs.collect();
        (embeddings, outputs)
    }

    /// Runs all texts through `pass` in batches, and puts the rows of each of its matrices in the texts' order; `kinds`
    /// says what each has a row for, and its columns.
    ///
    /// Of many texts each thread takes groups through the whole encoder by itself, so that no thread waits for
    /// another; few texts go through it together, each operation shared among the threads. A text's row does not
    /// depend on that.
    pub(super) fn collect<T: Borrow<Tokens> + Sync>(
        &self,
        texts: &[T],
        kinds: &[(Per, usize)],
        pass: impl Fn(&mut Tape<'_>, &Batch) -> Vec<Var> + Sync,
    ) -> Vec<Matrix> {
        let lengths: Vec<usize> = texts.iter().map(|tokens| tokens.borrow().len()).collect();
        let run = |rows: &[usize]| -> Vec<Matrix> {
            let batch = Batch::new(rows.iter().map(|&row| texts[row].borrow()));
            let found = pass(&mut Tape::inference(&self.params), &batch);
            found.into_iter().map(Var::into_matrix).collect()
        };
        let spans: Vec<Spans> = kinds
            .iter()
            .map(|(per, _)| texts.iter().map(|tokens| per.rows(tokens.borrow())).collect())
            .collect();
        let mut all: Vec<Matrix> = kinds
            .iter()
            .zip(&spans)
            .map(|((_, cols), spans)| Matrix::scratch(spans.total(), *cols))
            .collect();
        let mut put = |rows: &[usize], results: &[Matrix]| {
            for ((all, spans), result) in all.iter_mut().zip(&spans).zip(results) {
                let places = rows.iter().flat_map(|&row| spans.get(row));
                places.zip(result.iter_rows()).for_each(|(to, row)| all.row_mut(to).copy_from_slice(row));
            }
        };
        let n_threads = rayon::current_num_threads();
        let n_groups = lengths.iter().sum::<usize>() / TOKENS_A_GROUP;
        if n_threads > 1 && n_groups >= GROUPS_A_THREAD * n_threads {
            let groups = by_token_budget(&lengths, TOKENS_A_GROUP);
            let pass = |rows: &Vec<usize>| kernels::alone(|| run(rows));
            let results: Vec<Vec<Matrix>> = groups.par_iter().with_max_len(1).map(pass).collect();
            groups.iter().zip(&results).for_each(|(rows, results)| put(rows, results));
        } else {
            let batches = by_token_budget(&lengths, TOKENS_TOGETHER);
            kernels::together(|| batches.iter().for_each(|rows| put(rows, &run(rows))));
        }
        all
    }

    /// The embedding and raw outputs of a batch, without gradients.
    pub fn forward_inference(&self, batch: &Batch) -> Forward {
        self.forward(&mut Tape::inference(&self.params), batch)
    }
}

/// What a matrix has a row for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Per {
    /// A text.
    Text,
    /// A word that was read.
    Word,
    /// A word, read or not.
    AnyWord,
}

impl Per {
    /// How many rows a text has.
    fn rows(self, tokens: &Tokens) -> usize {
        match self {
            Self::Text => 1,
            Self::Word => tokens.words.iter().flatten().count(),
            Self::AnyWord => tokens.words.len(),
        }
    }
}
