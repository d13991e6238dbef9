//! Scores of contents against distances (He et al. 2021, `DisentangledSelfAttention.disentangled_attention_bias` of
//! transformers).

use std::rc::Rc;

use crate::nn::{Matrix, Tape, Var};

/// Which contents and distances are compared.
#[derive(Debug, Clone)]
pub struct Disentangled {
    /// How many heads there are.
    pub n_heads: usize,
    /// Columns of the queries and keys of one head.
    pub head_size: usize,
    /// What scores are multiplied by.
    pub scale: f32,
    /// The row of `positions` of each distance from a query to a key, [2 · span − 1]: the distance 0 is in the middle,
    /// and no sequence is longer than the span.
    pub rows: Rc<[u32]>,
    /// Which head of `positions` is the first head's key of a distance, to be compared with queries ("c2p").
    pub keys: Option<usize>,
    /// Which head of `positions` is the first head's query of a distance, to be compared with keys ("p2c").
    pub queries: Option<usize>,
}

/// `scale · (qᵢ · pkⱼ₋ᵢ + kⱼ · pqⱼ₋ᵢ)` for each head, within each sequence: what [`AttentionBias::Dense`] holds.
///
/// The columns of `qkv` are the queries of all heads, then their keys, then anything. A row of `positions` has the
/// keys or queries, or both, of one distance. [1 × Σ heads · len · len]
///
/// [`AttentionBias::Dense`]: super::AttentionBias::Dense
pub fn disentangled_bias(
    tape: &mut Tape<'_>,
    (qkv, positions): (&Var, &Var),
    cu_seqlens: &[usize],
    shape: Disentangled,
) -> Var {
    let n_pairs: usize = cu_seqlens.windows(2).map(|ends| (ends[1] - ends[0]).pow(2)).sum();
    let mut bias = Matrix::scratch(1, shape.n_heads * n_pairs);
    let kernel = shape.kernel(cu_seqlens);
    kernels::disentangled_bias(&kernel, qkv.as_ref(), positions.as_ref(), bias.data_mut());

    let (slot, positions_slot, cu_seqlens) = (qkv.slot(), positions.slot(), cu_seqlens.to_vec());
    let (qkv, positions) = (qkv.value(), positions.value());
    tape.record(bias, slot.or(positions_slot).is_some(), move |d_bias, grads| {
        let [mut d_qkv, mut d_positions] = [&qkv, &positions].map(|x| Matrix::zeros(x.rows(), x.cols()));
        let inputs = (qkv.as_ref().as_ref(), positions.as_ref().as_ref());
        let kernel = shape.kernel(&cu_seqlens);
        let (to_qkv, to_positions) = (d_qkv.data_mut(), d_positions.data_mut());
        kernels::disentangled_bias_backward(&kernel, inputs, d_bias.data(), to_qkv, to_positions);
        grads.give(slot, d_qkv);
        grads.give(positions_slot, d_positions);
    })
}

impl Disentangled {
    fn kernel<'a>(&'a self, cu_seqlens: &'a [usize]) -> kernels::Disentangled<'a> {
        let Self { n_heads, head_size, scale, keys, queries, .. } = *self;
        kernels::Disentangled { cu_seqlens, n_heads, head_size, scale, rows: &self.rows, keys, queries }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::gradient_check::{check_gradient, random};

    #[test]
    fn gradients() {
        for (keys, queries) in [(Some(2), Some(0)), (Some(0), None), (None, Some(2))] {
            let rows = [0, 0, 1, 2, 2].into();
            let shape = Disentangled { n_heads: 2, head_size: 3, scale: 0.7, rows, keys, queries };
            let (qkv, positions) = (random(4, 18), random(3, 12));
            check_gradient(qkv.clone(), |tape, qkv| {
                let positions = tape.leaf(positions.clone());
                disentangled_bias(tape, (qkv, &positions), &[0, 3, 3, 4], shape.clone())
            });
            check_gradient(positions.clone(), |tape, positions| {
                let qkv = tape.leaf(qkv.clone());
                disentangled_bias(tape, (&qkv, positions), &[0, 3, 3, 4], shape.clone())
            });
        }
    }
}
