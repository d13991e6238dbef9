//! Static encoders: a table of token embeddings, of whose rows a text takes the mean.
//!
//! The values are those of sentence-transformers' `StaticEmbedding` (`torch.nn.EmbeddingBag`) and of model2vec's
//! `StaticModel`. Which tokens a text has is the tokenizer's business.

use super::{Builder, Encoder, Shape, UNLIMITED};
use crate::error::{Error, Result};
use crate::folder::{Config, Tensor, Weights};
use crate::nn::{ParamId, Tape, Var, ops};
use crate::text::Batch;

/// More numbers than any table has: beyond it a `mapping` is broken or malicious.
const MAX_VALUES: usize = 1 << 31;

/// A state for each token that is the same in any text.
struct StaticEmbedding {
    table: ParamId, // [vocabulary × hidden]
    shape: Shape,
}

pub(super) fn build(config: &Config, builder: &mut Builder<'_>) -> Result<Box<dyn Encoder>> {
    let Some(weights) = builder.checkpoint() else {
        return Err(config.wrong("model_type", "an encoder that can start with random weights"));
    };
    let (name, table) = read(weights)?;
    let (vocab_size, hidden_size) = (table.shape[0], table.shape[1]);
    let shape = Shape { hidden_size, n_layers: 0, vocab_size, max_positions: UNLIMITED };
    Ok(Box::new(StaticEmbedding { table: builder.made_table(name, table), shape }))
}

impl Encoder for StaticEmbedding {
    fn encode_tapped(&self, tape: &mut Tape<'_>, batch: &Batch, _tap: &mut dyn FnMut(usize, &Var)) -> Var {
        let ids = batch.input_ids().to_vec();
        ops::embedding(tape, vec![ops::Lookup { table: self.table, ids, padding_idx: None }])
    }

    fn shape(&self) -> Shape {
        self.shape
    }

    fn mean(&self, tape: &mut Tape<'_>, batch: &Batch) -> Option<Var> {
        Some(ops::embedding_mean(tape, self.table, batch.input_ids(), batch.cu_seqlens()))
    }
}

/// The name and the values of the table: `embedding.weight` as sentence-transformers has it, or `embeddings` as
/// model2vec does.
fn read(weights: &Weights) -> Result<(&'static str, Tensor)> {
    let (name, table) = match weights.contains("embedding.weight") {
        true => ("embedding.weight", weights.tensor("embedding.weight")?),
        false => ("embeddings", read_model2vec(weights)?),
    };
    if table.shape.len() != 2 || table.shape.contains(&0) {
        let problem = format!("`{name}` has shape {:?}; expected one row a token", table.shape);
        return Err(Error::model(&weights.path, problem));
    }
    Ok((name, table))
}

/// `embeddings`, whose numbers may be 8-bit integers; with `mapping` and `weights`, if there are such, a token's row is
/// `embeddings[mapping[token]] · weights[token]`.
fn read_model2vec(weights: &Weights) -> Result<Tensor> {
    let rows = match weights.dtype("embeddings") {
        Some(safetensors::Dtype::I8) => {
            let shape = weights.shape("embeddings").unwrap_or_default().to_vec();
            Tensor::new(shape, weights.integers("embeddings")?.into_iter().map(|x| x as f32).collect())
        }
        _ => weights.tensor("embeddings")?,
    };
    let mapping = weights.contains("mapping").then(|| weights.integers("mapping")).transpose()?;
    let factors = weights.contains("weights").then(|| weights.tensor("weights")).transpose()?;
    if mapping.is_none() && factors.is_none() {
        return Ok(rows);
    }
    let wrong = |problem: String| Error::model(&weights.path, problem);
    let [n_rows, cols] = rows.shape[..] else {
        return Err(wrong(format!("`embeddings` has shape {:?}; expected two sizes", rows.shape)));
    };
    let mapping = mapping.unwrap_or_else(|| (0..n_rows as i64).collect());
    let factors = factors.map_or_else(|| vec![1.0; mapping.len()], |factors| factors.values.into_vec());
    if factors.len() != mapping.len() {
        let (n_factors, n_tokens) = (factors.len(), mapping.len());
        return Err(wrong(format!(
            "`weights` has {n_factors} numbers; expected one for each of {n_tokens} tokens"
        )));
    }
    if let Some(row) = mapping.iter().find(|row| !(0..n_rows as i64).contains(row)) {
        return Err(wrong(format!("`mapping` has the row {row}; `embeddings` has {n_rows}")));
    }
    if mapping.len().saturating_mul(cols) > MAX_VALUES {
        return Err(wrong(format!(
            "`mapping` has {} tokens of {cols} numbers; expected a vocabulary",
            mapping.len()
        )));
    }
    let rows = rows.as_slice();
    let row =
        |(&row, factor): (&i64, f32)| rows[row as usize * cols..][..cols].iter().map(move |x| x * factor);
    let values: Vec<f32> = mapping.iter().zip(factors).flat_map(row).collect();
    Ok(Tensor::new(vec![mapping.len(), cols], values))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::folder::write::write_safetensors;

    fn read_tensors(tensors: &[(&str, Vec<usize>, &[f32])]) -> Result<(&'static str, Tensor)> {
        let dir = tempfile::tempdir().unwrap();
        let named: Vec<_> =
            tensors.iter().map(|(name, shape, x)| (name.to_string(), shape.clone(), *x)).collect();
        write_safetensors(&dir.path().join("model.safetensors"), &named, &[]).unwrap();
        read(&Weights::open(dir.path()).unwrap())
    }

    #[test]
    fn a_weight_multiplies_its_tokens_row() {
        let (name, table) =
            read_tensors(&[("embeddings", vec![2, 1], &[3.0, 4.0]), ("weights", vec![2], &[0.5, 2.0])])
                .unwrap();
        assert_eq!((name, &table.shape[..], table.as_slice()), ("embeddings", &[2, 1][..], &[1.5, 8.0][..]));
    }

    #[test]
    fn tensors_that_do_not_fit_are_refused() {
        let check = |tensors: &[(&str, Vec<usize>, &[f32])], expected: &str| {
            let error = read_tensors(tensors).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        };
        check(&[("a", vec![1], &[1.0])], "the tensor `embeddings` is missing");
        check(&[("embedding.weight", vec![2], &[1.0, 2.0])], "has shape [2]; expected one row a token");
        check(&[("embeddings", vec![0, 2], &[])], "has shape [0, 2]");
        let embeddings = ("embeddings", vec![2, 1], &[3.0, 4.0][..]);
        check(&[embeddings.clone(), ("weights", vec![1], &[0.5])], "`weights` has 1 numbers");
        check(&[embeddings, ("mapping", vec![1], &[0.0])], "`mapping` has type F32; expected I8, I32 or I64");
    }
}
