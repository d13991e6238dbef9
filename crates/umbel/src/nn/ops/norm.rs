//! Normalisation of rows, alone or of a residual sum (`torch.nn.LayerNorm`, `torch.nn.RMSNorm`).

use kernels::{Dropout, RowStats};

use crate::nn::{Matrix, ParamId, Params, Tape, Var};

/// A normalisation's weights.
#[derive(Debug, Clone, Copy)]
pub struct Norm {
    /// What each column is multiplied by.
    pub weight: ParamId,
    /// What is added to each column.
    pub bias: Option<ParamId>,
    /// What is added to the variance or to the mean square.
    pub eps: f32,
    /// What rows are divided by.
    pub kind: NormKind,
}

/// What rows are divided by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum NormKind {
    /// `(x − mean) / sqrt(variance + eps) · weight + bias`
    Layer,
    /// `x / sqrt(mean(x²) + eps) · (weight + offset)`; the offset is 1 in Gemma, else 0.
    Rms {
        /// Added to each weight.
        offset: f32,
    },
}

/// The normalisation of each row.
pub fn norm(tape: &mut Tape<'_>, x: Var, norm: Norm) -> Var {
    normalize_sum(tape, x, None, norm, 0.0)
}

/// The normalisation of `dropout(x) + residual`: how a block with norms after it ends.
pub fn residual_norm(tape: &mut Tape<'_>, x: Var, residual: &Var, norm: Norm, dropout: f32) -> Var {
    normalize_sum(tape, x, Some(residual), norm, dropout)
}

fn normalize_sum(tape: &mut Tape<'_>, x: Var, residual: Option<&Var>, norm: Norm, dropout: f32) -> Var {
    let params = tape.params();
    let dropout = tape.dropout(dropout);
    let (x_slot, residual_slot) = (x.slot(), residual.and_then(Var::slot));
    let mut sum = x.into_matrix();
    let mut y = Matrix::scratch(sum.rows(), sum.cols());
    let residual = residual.map(|residual| residual.data());
    let stats = norm.forward(params, &mut sum, residual, dropout, &mut y);

    let needed = x_slot.or(residual_slot).is_some() || params[norm.weight].trainable;
    tape.record(y, needed, move |d_y, grads| {
        let mut d_sum = Matrix::scratch(sum.rows(), sum.cols());
        let d_params = norm.backward(params, (&sum, &stats), &d_y, &mut d_sum);
        for (id, gradient) in [Some(norm.weight), norm.bias].into_iter().zip(d_params) {
            if let Some(sum) = id.and_then(|id| grads.sum_of_param(id)) {
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

impl Norm {
    pub(super) fn forward(
        self,
        params: &Params,
        sum: &mut Matrix,
        residual: Option<&[f32]>,
        dropout: Option<Dropout>,
        y: &mut Matrix,
    ) -> RowStats {
        let (weight, eps) = (params[self.weight].data(), self.eps);
        match self.kind {
            NormKind::Layer => {
                let bias = self.bias(params);
                let kernel = kernels::LayerNorm { weight, bias: &bias, eps };
                kernels::add_layer_norm(&kernel, sum.data_mut(), residual, dropout, y.data_mut())
            }
            NormKind::Rms { offset } => {
                let kernel = kernels::RmsNorm { weight, offset, eps };
                let rstd = kernels::add_rms_norm(&kernel, sum.data_mut(), residual, dropout, y.data_mut());
                RowStats { mean: Vec::new(), rstd }
            }
        }
    }

    /// Writes the gradient of the sum; gives those of weight and bias.
    pub(super) fn backward(
        self,
        params: &Params,
        (sum, stats): (&Matrix, &RowStats),
        d_y: &Matrix,
        d_sum: &mut Matrix,
    ) -> [Matrix; 2] {
        let (weight, eps) = (params[self.weight].data(), self.eps);
        let mut d_params = [(); 2].map(|()| Matrix::zeros(1, weight.len()));
        let [d_weight, d_bias] = &mut d_params;
        match self.kind {
            NormKind::Layer => {
                let bias = self.bias(params);
                let kernel = kernels::LayerNorm { weight, bias: &bias, eps };
                let saved = kernels::LayerNormSaved { sum: sum.data(), stats };
                let d_params = Some((d_weight.data_mut(), d_bias.data_mut()));
                kernels::layer_norm_backward(&kernel, saved, d_y.data(), d_sum.data_mut(), d_params);
            }
            NormKind::Rms { offset } => {
                let kernel = kernels::RmsNorm { weight, offset, eps };
                let saved = kernels::RmsNormSaved { sum: sum.data(), rstd: &stats.rstd };
                let d_weight = Some(d_weight.data_mut());
                kernels::rms_norm_backward(&kernel, saved, d_y.data(), d_sum.data_mut(), d_weight);
            }
        }
        d_params
    }

    /// The bias, zeros where there is none.
    fn bias(self, params: &Params) -> std::borrow::Cow<'_, [f32]> {
        match self.bias {
            Some(bias) => params[bias].data().into(),
            None => vec![0.0; params[self.weight].data().len()].into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::gradient_check::{check_gradient_with, random};
    use crate::nn::params::{ParamSpec, Part};

    const RMS: NormKind = NormKind::Rms { offset: 1.0 };

    fn weights(params: &mut Params, kind: NormKind, has_bias: bool) -> Norm {
        let mut add = |name: &str| {
            params.add(ParamSpec::new(name, &[6], Part::Embeddings), random(1, 6).into_vec().into())
        };
        Norm { weight: add("weight"), bias: has_bias.then(|| add("bias")), eps: 1e-5, kind }
    }

    #[test]
    fn gradients() {
        for (kind, has_bias) in [(NormKind::Layer, true), (NormKind::Layer, false), (RMS, false)] {
            let mut params = Params::default();
            let weights = weights(&mut params, kind, has_bias);
            check_gradient_with(params, random(3, 6), move |tape, x| norm(tape, x.clone(), weights));
        }
    }

    #[test]
    fn gradients_of_a_residual_sum() {
        for (kind, dropout) in [(NormKind::Layer, 0.0), (NormKind::Layer, 0.4), (RMS, 0.4)] {
            let mut params = Params::default();
            let weights = weights(&mut params, kind, kind == NormKind::Layer);
            check_gradient_with(params, random(3, 6), move |tape, x| {
                let branch = crate::nn::ops::activate(tape, x.clone(), kernels::Activation::Tanh);
                residual_norm(tape, branch, x, weights, dropout)
            });
        }
    }
}
