//! Normalisation of each head of queries or keys (`Qwen3Attention.q_norm`, `Gemma3Attention.k_norm`).

use std::ops::Range;

use super::Norm;
use crate::nn::{Matrix, Tape, Var};

/// Normalises some columns of each row in parts of `head_size`, each by itself; the others stay as they are.
pub fn head_norm(tape: &mut Tape<'_>, x: Var, columns: Range<usize>, head_size: usize, norm: Norm) -> Var {
    let params = tape.params();
    let slot = x.slot();
    let mut y = x.into_matrix();
    let mut heads = cut(&y, &columns, head_size);
    let mut normed = Matrix::scratch(heads.rows(), head_size);
    let stats = norm.forward(params, &mut heads, None, None, &mut normed);
    put(&mut y, &columns, &normed);
    drop(normed);

    let needed = slot.is_some() || params[norm.weight].trainable;
    tape.record(y, needed, move |mut d_y, grads| {
        let d_heads = cut(&d_y, &columns, head_size);
        let mut d_x = Matrix::scratch(heads.rows(), head_size);
        let d_params = norm.backward(params, (&heads, &stats), &d_heads, &mut d_x);
        for (id, gradient) in [Some(norm.weight), norm.bias].into_iter().zip(d_params) {
            if let Some(sum) = id.and_then(|id| grads.sum_of_param(id)) {
                kernels::add(gradient.data(), sum.data_mut());
            }
        }
        put(&mut d_y, &columns, &d_x);
        grads.give(slot, d_y);
    })
}

/// The columns of each row, a head below the other. [rows · heads × size]
fn cut(x: &Matrix, columns: &Range<usize>, head_size: usize) -> Matrix {
    let n_heads = columns.len() / head_size;
    let mut heads = Matrix::scratch(x.rows() * n_heads, head_size);
    for (row, heads) in x.iter_rows().zip(heads.data_mut().chunks_exact_mut(columns.len())) {
        heads.copy_from_slice(&row[columns.clone()]);
    }
    heads
}

fn put(x: &mut Matrix, columns: &Range<usize>, heads: &Matrix) {
    for (i, heads) in heads.data().chunks_exact(columns.len()).enumerate() {
        x.row_mut(i)[columns.clone()].copy_from_slice(heads);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::gradient_check::{check_gradient_with, random};
    use crate::nn::ops::NormKind;
    use crate::nn::params::{ParamSpec, Params, Part};

    #[test]
    fn gradients() {
        let mut params = Params::default();
        let spec = ParamSpec::new("weight", &[3], Part::Layer(0));
        let weight = params.add(spec, vec![0.5, -1.0, 2.0].into());
        let norm = Norm { weight, bias: None, eps: 1e-5, kind: NormKind::Rms { offset: 0.0 } };
        check_gradient_with(params, random(2, 8), move |tape, x| head_norm(tape, x.clone(), 1..7, 3, norm));
    }
}
