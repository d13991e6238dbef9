//! Texts in, embeddings and answers out, in batches that the encoder runs through well.

use rayon::prelude::*;
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::{Forward, Model};
use crate::error::{Error, Result};
use crate::nn::{Matrix, Tape, Var};
use crate::task::Answer;
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
        self.collect_rows(texts, self.embedding_size(), |tape, batch| self.embedding(tape, batch))
    }

    /// The pooled token states of each token sequence, before projection. [texts × pooled]
    pub fn pool_tokens(&self, texts: &[Tokens]) -> Matrix {
        self.collect_rows(texts, self.pooled_size(), |tape, batch| self.pooled(tape, batch))
    }

    /// The answers of all tasks for each text, and its embedding, from one pass through the encoder.
    ///
    /// # Errors
    /// If a text cannot be turned into tokens, or weights give what is not a finite number.
    pub fn predict(&self, texts: &[impl AsRef<str> + Sync]) -> Result<Predicted> {
        let names: Vec<&str> = self.heads.iter().map(super::Head::name).collect();
        self.predict_tasks(texts, &names)
    }

    /// The answers of the named tasks only.
    ///
    /// # Errors
    /// If there is no such task, a text cannot be turned into tokens, or weights give what is not a finite number.
    pub fn predict_tasks(&self, texts: &[impl AsRef<str> + Sync], tasks: &[&str]) -> Result<Predicted> {
        let heads = tasks.iter().map(|name| self.head(name)).collect::<Result<Vec<_>>>()?;
        let encoded = self.tokenize(texts)?;
        let embeddings = self.embed_tokens(&encoded.texts);
        let outputs: Vec<Matrix> = heads.iter().map(|head| self.outputs(head, &embeddings)).collect();
        self.check_numbers(outputs.iter().chain([&embeddings]))?;
        let answer = |row: usize| {
            let answers = heads.iter().zip(&outputs);
            let answers =
                answers.map(|(head, out)| (head.name().to_string(), head.task.answer(out.row(row))));
            Prediction { answers: answers.collect() }
        };
        let predictions = (0..texts.len()).map(answer).collect();
        Ok(Predicted {
            predictions,
            embeddings: self.truncated(embeddings),
            n_truncated: encoded.n_truncated,
        })
    }

    /// The head of that task.
    ///
    /// # Errors
    /// If there is none.
    pub fn head(&self, task: &str) -> Result<&super::Head> {
        self.heads.iter().find(|head| head.name() == task).ok_or_else(|| Error::Unknown {
            kind: "task",
            name: task.to_string(),
            known: self.heads.iter().map(|head| head.name().to_string()).collect(),
        })
    }

    /// Every head's raw outputs for each token sequence, in the order of the tasks. [texts × outputs]
    pub fn head_outputs(&self, texts: &[Tokens]) -> Vec<Matrix> {
        let embeddings = self.embed_tokens(texts);
        self.heads.iter().map(|head| self.outputs(head, &embeddings)).collect()
    }

    fn outputs(&self, head: &super::Head, embeddings: &Matrix) -> Matrix {
        let mut tape = Tape::inference(&self.params);
        let embeddings = tape.constant(embeddings.clone());
        head.outputs(&mut tape, &embeddings).into_matrix()
    }

    /// Runs all texts through `pass` in batches, and puts the rows in the texts' order.
    ///
    /// Of many texts each thread takes groups through the whole encoder by itself, so that no thread waits for
    /// another; few texts go through it together, each operation shared among the threads. A text's row does not
    /// depend on that.
    fn collect_rows(
        &self,
        texts: &[Tokens],
        cols: usize,
        pass: impl Fn(&mut Tape<'_>, &Batch) -> Var + Sync,
    ) -> Matrix {
        let lengths: Vec<usize> = texts.iter().map(Tokens::len).collect();
        let run = |rows: &[usize]| {
            let batch = Batch::new(rows.iter().map(|&row| &texts[row]));
            pass(&mut Tape::inference(&self.params), &batch).into_matrix()
        };
        let mut all = Matrix::scratch(texts.len(), cols);
        let mut put = |rows: &[usize], result: &Matrix| {
            rows.iter().zip(result.iter_rows()).for_each(|(&to, row)| all.row_mut(to).copy_from_slice(row));
        };
        let n_threads = rayon::current_num_threads();
        let n_groups = lengths.iter().sum::<usize>() / TOKENS_A_GROUP;
        if n_threads > 1 && n_groups >= GROUPS_A_THREAD * n_threads {
            let groups = by_token_budget(&lengths, TOKENS_A_GROUP);
            let pass = |rows: &Vec<usize>| kernels::alone(|| run(rows));
            let results: Vec<Matrix> = groups.par_iter().with_max_len(1).map(pass).collect();
            groups.iter().zip(&results).for_each(|(rows, result)| put(rows, result));
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
