//! Multi-head self-attention within each sequence of a batch.

use std::rc::Rc;

pub use kernels::Visible;

use crate::nn::{Matrix, Tape, Var};

/// The shape of a self-attention.
#[derive(Debug, Clone, Copy)]
pub struct SelfAttention {
    /// How many heads there are.
    pub n_heads: usize,
    /// How many heads the keys and values have; so many neighbouring heads of queries share each.
    pub n_kv_heads: usize,
    /// Columns of the queries, keys and values of one head.
    pub head_size: usize,
    /// What scores are multiplied by; usually `1 / sqrt(head_size)`.
    pub scale: f32,
    /// Which keys a query sees.
    pub visible: Visible,
    /// The share of attention probabilities that is dropped in training.
    pub dropout: f32,
}

/// What is added to the scores after their scale.
#[derive(Debug, Clone)]
pub enum AttentionBias {
    /// A number for each head and distance from the query to the key, [heads × 2 · span − 1]; the nearest there is
    /// counts for those beyond.
    ByDistance(Var),
    /// A number for each score: `[heads × len × len]` (queries, then keys) a sequence, end to end, in one row.
    Dense(Var),
}

impl SelfAttention {
    /// How many columns queries, keys and values have together.
    pub fn qkv_width(&self) -> usize {
        (self.n_heads + 2 * self.n_kv_heads) * self.head_size
    }
}

/// `softmax(scale · q kᵀ + bias) v` for each head, within each sequence
/// (`torch.nn.functional.scaled_dot_product_attention`).
///
/// The columns of `qkv` are the queries of all heads, then their keys, then their values. Sequences are
/// the rows between neighbouring `cu_seqlens`. [tokens × (heads + 2 · kv heads) · size] → [tokens × heads · size]
pub fn attention(
    tape: &mut Tape<'_>,
    qkv: &Var,
    cu_seqlens: &[usize],
    shape: SelfAttention,
    bias: Option<&AttentionBias>,
) -> Var {
    let dropout = tape.dropout(shape.dropout);
    let mut out = Matrix::scratch(qkv.rows(), shape.n_heads * shape.head_size);
    let mut lse = Matrix::scratch(shape.n_heads, qkv.rows());
    let kernel = kernel_of(cu_seqlens, shape, bias, dropout);
    kernels::attention(&kernel, qkv.data(), out.data_mut(), lse.data_mut());

    let out = Rc::new(out);
    let (slot, cu_seqlens, bias) = (qkv.slot(), cu_seqlens.to_vec(), bias.cloned());
    let bias_slot = bias.as_ref().and_then(|bias| bias.values().slot());
    let (qkv, kept) = (qkv.value(), out.clone());
    tape.record(out, slot.or(bias_slot).is_some(), move |d_out, grads| {
        let mut d_qkv = Matrix::scratch(qkv.rows(), qkv.cols());
        let mut d_bias = bias.as_ref().filter(|_| bias_slot.is_some()).map(|bias| {
            let values = bias.values();
            Matrix::scratch(values.rows(), values.cols())
        });
        let kernel = kernel_of(&cu_seqlens, shape, bias.as_ref(), dropout);
        let saved = kernels::AttentionSaved { qkv: qkv.data(), out: kept.data(), lse: lse.data() };
        let to_bias = d_bias.as_mut().map(Matrix::data_mut);
        kernels::attention_backward(&kernel, saved, d_out.data(), d_qkv.data_mut(), to_bias);
        grads.give(slot, d_qkv);
        if let Some(d_bias) = d_bias {
            grads.give(bias_slot, d_bias);
        }
    })
}

impl AttentionBias {
    fn values(&self) -> &Var {
        match self {
            Self::ByDistance(values) | Self::Dense(values) => values,
        }
    }
}

fn kernel_of<'a>(
    cu_seqlens: &'a [usize],
    shape: SelfAttention,
    bias: Option<&'a AttentionBias>,
    dropout: Option<kernels::Dropout>,
) -> kernels::Attention<'a> {
    let SelfAttention { n_heads, n_kv_heads, head_size, scale, visible, .. } = shape;
    let bias = bias.map(|bias| match bias {
        AttentionBias::ByDistance(values) => kernels::Bias::ByDistance(values.data()),
        AttentionBias::Dense(values) => kernels::Bias::Dense(values.data()),
    });
    kernels::Attention { cu_seqlens, n_heads, n_kv_heads, head_size, scale, visible, bias, dropout }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::gradient_check::{check_gradient, random};

    const SHAPE: SelfAttention = SelfAttention {
        n_heads: 2,
        n_kv_heads: 2,
        head_size: 3,
        scale: 0.6,
        visible: Visible::All,
        dropout: 0.0,
    };

    #[test]
    fn gradients() {
        check_gradient(random(5, 18), |tape, qkv| attention(tape, qkv, &[0, 3, 3, 5], SHAPE, None));
    }

    #[test]
    fn gradients_with_dropout() {
        let shape = SelfAttention { dropout: 0.3, ..SHAPE };
        check_gradient(random(5, 18), |tape, qkv| attention(tape, qkv, &[0, 3, 5], shape, None));
    }

    #[test]
    fn gradients_of_shared_keys_and_a_window() {
        let shape = SelfAttention { n_kv_heads: 1, visible: Visible::CausalWindow(2), ..SHAPE };
        check_gradient(random(5, 12), |tape, qkv| attention(tape, qkv, &[0, 4, 5], shape, None));
    }

    #[test]
    fn gradients_of_a_bias() {
        let qkv = random(5, 18);
        check_gradient(random(2, 5), |tape, bias| {
            let (qkv, bias) = (tape.leaf(qkv.clone()), AttentionBias::ByDistance(bias.clone()));
            attention(tape, &qkv, &[0, 4, 5], SHAPE, Some(&bias))
        });
        check_gradient(random(1, 2 * (16 + 1)), |tape, bias| {
            let (qkv, bias) = (tape.leaf(qkv.clone()), AttentionBias::Dense(bias.clone()));
            attention(tape, &qkv, &[0, 4, 5], SHAPE, Some(&bias))
        });
    }
}
