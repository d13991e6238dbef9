//! Multi-head self-attention within each sequence of a batch.

use std::rc::Rc;

use crate::nn::{Matrix, Tape, Var};

/// The shape of a self-attention.
#[derive(Debug, Clone, Copy)]
pub struct SelfAttention {
    /// How many heads there are.
    pub n_heads: usize,
    /// Columns of the queries, keys and values of one head.
    pub head_size: usize,
    /// What scores are multiplied by; usually `1 / sqrt(head_size)`.
    pub scale: f32,
    /// The share of attention probabilities that is dropped in training.
    pub dropout: f32,
}

/// `softmax(scale · q kᵀ) v` for each head, within each sequence
/// (`torch.nn.functional.scaled_dot_product_attention`).
///
/// The columns of `qkv` are the queries of all heads, then their keys, then their values. Sequences are
/// the rows between neighbouring `cu_seqlens`. [tokens × 3 · heads · size] → [tokens × heads · size]
pub fn attention(tape: &mut Tape<'_>, qkv: &Var, cu_seqlens: &[usize], shape: SelfAttention) -> Var {
    let dropout = tape.dropout(shape.dropout);
    let mut out = Matrix::scratch(qkv.rows(), shape.n_heads * shape.head_size);
    let mut lse = Matrix::scratch(shape.n_heads, qkv.rows());
    let kernel = kernel_of(cu_seqlens, shape, dropout);
    kernels::attention(&kernel, qkv.data(), out.data_mut(), lse.data_mut());

    let out = Rc::new(out);
    let (slot, cu_seqlens) = (qkv.slot(), cu_seqlens.to_vec());
    let (qkv, kept) = (qkv.value(), out.clone());
    tape.record(out, slot.is_some(), move |d_out, grads| {
        let mut d_qkv = Matrix::scratch(qkv.rows(), qkv.cols());
        let kernel = kernel_of(&cu_seqlens, shape, dropout);
        let saved = kernels::AttentionSaved { qkv: qkv.data(), out: kept.data(), lse: lse.data() };
        kernels::attention_backward(&kernel, saved, d_out.data(), d_qkv.data_mut(), None);
        grads.give(slot, d_qkv);
    })
}

fn kernel_of(
    cu_seqlens: &[usize],
    shape: SelfAttention,
    dropout: Option<kernels::Dropout>,
) -> kernels::Attention<'_> {
    let SelfAttention { n_heads, head_size, scale, .. } = shape;
    let (n_kv_heads, visible, bias) = (n_heads, kernels::Visible::All, None);
    kernels::Attention { cu_seqlens, n_heads, n_kv_heads, head_size, scale, visible, bias, dropout }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::gradient_check::{check_gradient, random};

    const SHAPE: SelfAttention = SelfAttention { n_heads: 2, head_size: 3, scale: 0.6, dropout: 0.0 };

    #[test]
    fn gradients() {
        check_gradient(random(5, 18), |tape, qkv| attention(tape, qkv, &[0, 3, 3, 5], SHAPE));
    }

    #[test]
    fn gradients_with_dropout() {
        let shape = SelfAttention { dropout: 0.3, ..SHAPE };
        check_gradient(random(5, 18), |tape, qkv| attention(tape, qkv, &[0, 3, 5], shape));
    }
}
