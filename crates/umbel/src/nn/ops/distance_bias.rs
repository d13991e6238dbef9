//! A learned number for each head and distance between two tokens, as T5 (Raffel et al. 2020) has it.

use crate::nn::{Matrix, ParamId, Tape, Var};

/// The rows of a table of `[buckets × heads]`, side by side. [heads × distances]
pub fn distance_bias(tape: &mut Tape<'_>, table: ParamId, buckets: Vec<u32>) -> Var {
    let params = tape.params();
    let weights = &params[table];
    let n_heads = weights.cols();
    let mut bias = Matrix::scratch(n_heads, buckets.len());
    for (i, &bucket) in buckets.iter().enumerate() {
        let row = &weights.data()[bucket as usize * n_heads..][..n_heads];
        row.iter().enumerate().for_each(|(head, &value)| bias.row_mut(head)[i] = value);
    }
    tape.record(bias, weights.trainable, move |d_bias, grads| {
        let columns: Vec<Vec<f32>> =
            (0..buckets.len()).map(|i| (0..n_heads).map(|head| d_bias.row(head)[i]).collect()).collect();
        let Some(sum) = grads.sum_of_param(table) else { return };
        for (&bucket, column) in buckets.iter().zip(&columns) {
            kernels::add(column, sum.row_mut(bucket as usize));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::gradient_check::{check_gradient_with, random};
    use crate::nn::params::{ParamSpec, Params, Part};

    #[test]
    fn gradients() {
        let mut params = Params::default();
        let spec = ParamSpec::new("table", &[4, 2], Part::Encoder);
        let table = params.add(spec, random(4, 2).into_vec().into());
        check_gradient_with(params, Matrix::zeros(1, 1), move |tape, _| {
            distance_bias(tape, table, vec![3, 1, 0, 1, 3])
        });
    }
}
