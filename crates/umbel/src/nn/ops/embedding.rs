//! The sum of rows of embedding tables (`torch.nn.Embedding`).

use crate::nn::{Grads, Matrix, ParamId, Tape, Var};

/// A look-up in one table: a row for each token.
#[derive(Debug, Clone)]
pub struct Lookup {
    /// The table [vocabulary × hidden].
    pub table: ParamId,
    /// The row of each token.
    pub ids: Vec<u32>,
    /// The row that never gets a gradient, as PyTorch's `padding_idx`.
    pub padding_idx: Option<u32>,
}

/// For each token the sum of its rows in all tables, added in the given order. [tokens × hidden]
///
/// # Panics
/// If an id is beyond its table; whoever makes batches checks that.
pub fn embedding(tape: &mut Tape<'_>, lookups: Vec<Lookup>) -> Var {
    let params = tape.params();
    let (n_tokens, hidden) = (lookups[0].ids.len(), params[lookups[0].table].cols());
    let mut sum = Matrix::scratch(n_tokens, hidden);
    let entries =
        lookups.iter().map(|lookup| kernels::Lookup { table: params[lookup.table].data(), ids: &lookup.ids });
    kernels::gather(&entries.collect::<Vec<_>>(), hidden, sum.data_mut());

    let needed = lookups.iter().any(|lookup| params[lookup.table].trainable);
    tape.record(sum, needed, move |d_sum, grads| {
        lookups.iter().for_each(|lookup| add_rows(lookup, &d_sum, grads));
    })
}

/// Adds the gradient of each token to that of its row.
fn add_rows(lookup: &Lookup, d_sum: &Matrix, grads: &mut Grads) {
    let rows = lookup.ids.iter().copied().zip(d_sum.iter_rows());
    grads.add_rows(lookup.table, rows.filter(|(id, _)| Some(*id) != lookup.padding_idx));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::gradient_check::{check_gradient_with, random};
    use crate::nn::params::{ParamSpec, Params, Part};
    use crate::nn::tape::Tape;

    fn table(params: &mut Params, name: &str, rows: usize) -> ParamId {
        let spec = ParamSpec::new(name, &[rows, 3], Part::Embeddings);
        params.add(spec, random(rows, 3).into_vec().into())
    }

    #[test]
    fn gradients() {
        let mut params = Params::default();
        let (words, positions) = (table(&mut params, "words", 5), table(&mut params, "positions", 4));
        check_gradient_with(params, Matrix::zeros(1, 1), move |tape, _| {
            let words = Lookup { table: words, ids: vec![4, 2, 4, 0], padding_idx: None };
            let positions = Lookup { table: positions, ids: vec![0, 1, 2, 0], padding_idx: None };
            embedding(tape, vec![words, positions])
        });
    }

    #[test]
    fn the_padding_row_gets_no_gradient() {
        let mut params = Params::default();
        let words = table(&mut params, "words", 3);
        let mut tape = Tape::training(&params, 0);
        let lookup = Lookup { table: words, ids: vec![1, 2], padding_idx: Some(1) };
        let states = embedding(&mut tape, vec![lookup]);
        let loss = crate::nn::ops::squared_error(&mut tape, &states, &Matrix::zeros(2, 3), &[true, true]);
        let grads = tape.backward(&[(&loss, 1.0)]);
        let gradient = grads.param(words).unwrap().to_matrix();
        assert_eq!(gradient.row(1), [0.0; 3]);
        assert_ne!(gradient.row(2), [0.0; 3]);
    }
}
