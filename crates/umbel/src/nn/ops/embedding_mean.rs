//! The mean of rows of an embedding table (`torch.nn.EmbeddingBag(mode="mean")`).

use crate::nn::{Matrix, ParamId, Tape, Var};

/// For each sequence the mean of its tokens' rows; zeros if it has none. [texts × hidden]
///
/// # Panics
/// If an id is beyond the table; whoever makes batches checks that.
pub fn embedding_mean(tape: &mut Tape<'_>, table: ParamId, input_ids: &[u32], cu_seqlens: &[usize]) -> Var {
    let weight = &tape.params()[table];
    let mut means = Matrix::scratch(cu_seqlens.len() - 1, weight.cols());
    kernels::gather_mean(weight.data(), input_ids, cu_seqlens, weight.cols(), means.data_mut());

    let needed = weight.trainable;
    let (input_ids, cu_seqlens) = match needed && tape.is_training() {
        true => (input_ids.to_vec(), cu_seqlens.to_vec()),
        false => Default::default(),
    };
    tape.record(means, needed, move |mut d_means, grads| {
        for (text, ends) in cu_seqlens.windows(2).enumerate().filter(|(_, ends)| ends[0] < ends[1]) {
            let (ids, d_mean) = (&input_ids[ends[0]..ends[1]], d_means.row_mut(text));
            kernels::scale(d_mean, 1.0 / ids.len() as f32);
            grads.add_rows(table, ids.iter().map(|&id| (id, &*d_mean)));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::Params;
    use crate::nn::gradient_check::{check_gradient_with, random};
    use crate::nn::params::{ParamSpec, Part};

    #[test]
    fn gradients() {
        let mut params = Params::default();
        let spec = ParamSpec::new("words", &[5, 3], Part::Embeddings);
        let words = params.add(spec, random(5, 3).into_vec().into());
        check_gradient_with(params, Matrix::zeros(1, 1), move |tape, _| {
            embedding_mean(tape, words, &[4, 2, 4, 0], &[0, 3, 3, 4])
        });
    }
}
