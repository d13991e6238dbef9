//! Layer normalisation, alone or of a residual sum (`torch.nn.LayerNorm`).

use crate::nn::{Matrix, ParamId, Tape, Var};

/// A layer normalisation's weights.
#[derive(Debug, Clone, Copy)]
pub struct LayerNorm {
    /// What each column is multiplied by.
    pub weight: ParamId,
    /// What is added to each column.
    pub bias: ParamId,
    /// What is added to the variance.
    pub eps: f32,
}

/// `(x − mean) / sqrt(variance + eps) · weight + bias`, row by row.
pub fn layer_norm(tape: &mut Tape<'_>, x: Var, norm: LayerNorm) -> Var {
    normalize_sum(tape, x, None, norm, 0.0)
}

/// The layer normalisation of `dropout(x) + residual`: how a block with norms after it ends.
pub fn residual_layer_norm(
    tape: &mut Tape<'_>,
    x: Var,
    residual: &Var,
    norm: LayerNorm,
    dropout: f32,
) -> Var {
    normalize_sum(tape, x, Some(residual), norm, dropout)
}

fn normalize_sum(tape: &mut Tape<'_>, x: Var, residual: Option<&Var>, norm: LayerNorm, dropout: f32) -> Var {
    let params = tape.params();
    let dropout = tape.dropout(dropout);
    let (x_slot, residual_slot) = (x.slot(), residual.and_then(Var::slot));
    let mut sum = x.into_matrix();
    let mut y = Matrix::scratch(sum.rows(), sum.cols());
    let kernel = kernels::LayerNorm {
        weight: params[norm.weight].data(),
        bias: params[norm.bias].data(),
        eps: norm.eps,
    };
    let residual = residual.map(|residual| residual.data());
    let stats = kernels::add_layer_norm(&kernel, sum.data_mut(), residual, dropout, y.data_mut());

    let needed = x_slot.or(residual_slot).is_some() || params[norm.weight].trainable;
    tape.record(y, needed, move |d_y, grads| {
        let mut d_sum = Matrix::scratch(sum.rows(), sum.cols());
        let (mut d_weight, mut d_bias) = (Matrix::zeros(1, sum.cols()), Matrix::zeros(1, sum.cols()));
        let d_params = Some((d_weight.data_mut(), d_bias.data_mut()));
        let saved = kernels::LayerNormSaved { sum: sum.data(), stats: &stats };
        kernels::layer_norm_backward(&kernel, saved, d_y.data(), d_sum.data_mut(), d_params);
        for (id, gradient) in [(norm.weight, d_weight), (norm.bias, d_bias)] {
            if let Some(sum) = grads.sum_of_param(id) {
                kernels::add(gradient.data(), sum.data_mut());
            }
        }
        if residual_slot.is_some() && x_slot.is_some() {
            grads.give(residual_slot, d_sum.clone());
        } else if residual_slot.is_some() {
            return grads.give(residual_slot, d_sum);
        }
        if let Some(dropout) = dropout {
            kernels::dropout(dropout, d_sum.data_mut());
        }
        grads.give(x_slot, d_sum);
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::gradient_check::{check_gradient_with, random};
    use crate::nn::params::{ParamSpec, Params, Part};

    fn norm(params: &mut Params) -> LayerNorm {
        let mut add = |name: &str| {
            let spec = ParamSpec { names: vec![name.into()], shape: vec![6], part: Part::Embeddings };
            params.add(spec, random(1, 6).into_vec().into())
        };
        LayerNorm { weight: add("weight"), bias: add("bias"), eps: 1e-5 }
    }

    #[test]
    fn gradients() {
        let mut params = Params::default();
        let norm = norm(&mut params);
        check_gradient_with(params, random(3, 6), move |tape, x| layer_norm(tape, x.clone(), norm));
    }

    #[test]
    fn gradients_of_a_residual_sum() {
        for dropout in [0.0, 0.4] {
            let mut params = Params::default();
            let norm = norm(&mut params);
            check_gradient_with(params, random(3, 6), move |tape, x| {
                let branch = crate::nn::ops::activate(tape, x.clone(), kernels::Activation::Tanh);
                residual_layer_norm(tape, branch, x, norm, dropout)
            });
        }
    }
}
