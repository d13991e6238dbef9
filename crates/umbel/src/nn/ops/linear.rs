//! `y = x wᵀ + b`, alone or followed by an activation (`torch.nn.Linear`).

use std::cell::RefCell;

use kernels::{Activation, Epilogue, Packed, Write};

use super::activate;
use super::low_rank::add_low_rank;
use crate::nn::params::{Layout, Param};
use crate::nn::{Grads, Matrix, ParamId, Tape, Var};

/// A linear layer's weights.
#[derive(Debug, Clone, Copy)]
pub struct Linear {
    /// `w` [out × in], or as its [`Layout`] says.
    pub weight: ParamId,
    /// `b` \[out\].
    pub bias: Option<ParamId>,
}

/// `y = x wᵀ + b`, [rows × in] → [rows × out].
pub fn linear(tape: &mut Tape<'_>, x: &Var, layer: Linear) -> Var {
    linear_activated(tape, x, layer, Activation::Identity)
}

/// `y = f(x wᵀ + b)`, [rows × in] → [rows × out]; of a weight with low-rank additions, these included.
pub fn linear_activated(tape: &mut Tape<'_>, x: &Var, layer: Linear, activation: Activation) -> Var {
    let params = tape.params();
    let weight = &params[layer.weight];
    if !weight.low_rank.is_empty() {
        let y = product(tape, x, layer, Activation::Identity);
        let y = add_low_rank(tape, y, x, &weight.low_rank);
        return activate(tape, y, activation);
    }
    product(tape, x, layer, activation)
}

/// `y = f(x wᵀ + b)` of the weight alone.
fn product(tape: &mut Tape<'_>, x: &Var, layer: Linear, activation: Activation) -> Var {
    let params = tape.params();
    let weight = &params[layer.weight];
    let bias = layer.bias.map(|bias| params[bias].data());
    let mut y = Matrix::scratch(x.rows(), weight.n_outputs());
    let mut pre = (tape.is_training() && activation != Activation::Identity)
        .then(|| Matrix::scratch(x.rows(), weight.n_outputs()));
    let epilogue = match (activation, bias) {
        (Activation::Identity, None) => Epilogue::None,
        (Activation::Identity, Some(bias)) => Epilogue::Bias(bias),
        _ => Epilogue::Activation { bias, activation, pre: pre.as_mut().map(Matrix::data_mut) },
    };
    kernels::gemm(x.as_ref(), weight.packed_forward(), y.data_mut(), Write::Overwrite, epilogue);

    let needed = x.slot().is_some() || weight.trainable || layer.bias.is_some_and(|b| params[b].trainable);
    let (slot, x) = (x.slot(), x.value());
    tape.record(y, needed, move |mut d_y, grads| {
        if let Some(pre) = &pre {
            kernels::activate_backward(activation, pre.data(), d_y.data_mut());
        }
        weight_gradients(layer, weight, (&x, &d_y), grads);
        if let Some((d_x, write)) = grads.to_slot(slot) {
            let w = params[layer.weight].packed_backward();
            kernels::gemm(d_y.as_ref(), w, d_x.data_mut(), write, Epilogue::None);
        }
    })
}

/// `dw = dyᵀ x`, or transposed `xᵀ dy`, and `db = Σ dy`.
fn weight_gradients(layer: Linear, weight: &Param, (x, d_y): (&Matrix, &Matrix), grads: &mut Grads) {
    thread_local! {
        static PACKED: RefCell<Packed> = RefCell::new(Packed::empty());
    }
    if let Some((d_w, write)) = grads.to_param(layer.weight) {
        let (left, right) = match weight.layout() {
            Layout::OutIn => (d_y, x),
            Layout::InOut => (x, d_y),
        };
        PACKED.with_borrow_mut(|packed| {
            packed.pack(weight.precision(), right.as_ref());
            kernels::gemm(left.as_ref().transposed(), packed, d_w.data_mut(), write, Epilogue::None);
        });
    }
    if let Some(d_b) = layer.bias.and_then(|bias| grads.sum_of_param(bias)) {
        kernels::column_sums(d_y.data(), d_y.cols(), d_b.data_mut());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::gradient_check::{check_gradient_with, random};
    use crate::nn::params::{ParamSpec, Params, Part};

    fn layer(params: &mut Params, rows: usize, cols: usize) -> Linear {
        layer_in(params, Layout::OutIn, (rows, cols))
    }

    fn layer_in(params: &mut Params, layout: Layout, (rows, cols): (usize, usize)) -> Linear {
        let mut add = |name: &str, shape: &[usize]| {
            let values = random(shape.iter().product(), 1).into_vec();
            let spec = ParamSpec { layout, ..ParamSpec::new(name, shape, Part::Projection) };
            params.add(spec, values.into())
        };
        let weight = add("weight", &[rows, cols]);
        let n_outputs = if layout == Layout::OutIn { rows } else { cols };
        Linear { weight, bias: Some(add("bias", &[n_outputs])) }
    }

    #[test]
    fn linear_multiplies_by_the_transposed_weight() {
        let mut params = Params::default();
        let mut add = |name: &str, shape: &[usize], values: Vec<f32>| {
            params.add(ParamSpec::new(name, shape, Part::Projection), values.into())
        };
        let weight = add("weight", &[3, 2], vec![1., 2., 3., 4., 5., 6.]);
        let layer = Linear { weight, bias: Some(add("bias", &[3], vec![0., 0., 100.])) };
        let mut tape = Tape::inference(&params);
        let x = tape.constant(Matrix::from_vec(2, 2, vec![1., 1., 0., 2.]));
        assert_eq!(linear(&mut tape, &x, layer).data(), [3., 7., 111., 4., 8., 112.]);
    }

    #[test]
    fn gradients_of_a_weight_that_lies_in_out() {
        let mut params = Params::default();
        let layer = layer_in(&mut params, Layout::InOut, (3, 5));
        check_gradient_with(params, random(4, 3), move |tape, x| linear(tape, x, layer));
    }

    #[test]
    fn gradients() {
        for activation in [Activation::Identity, Activation::Gelu, Activation::GeluTanh, Activation::Tanh] {
            let mut params = Params::default();
            let layer = layer(&mut params, 5, 3);
            check_gradient_with(params, random(4, 3), move |tape, x| {
                linear_activated(tape, x, layer, activation)
            });
        }
    }

    #[test]
    fn a_frozen_weight_gets_no_gradient_but_passes_one_on() {
        let mut params = Params::default();
        let layer = layer(&mut params, 5, 3);
        params[layer.weight].trainable = false;
        let mut tape = Tape::training(&params, 1);
        let x = tape.leaf(random(1, 3));
        let y = linear(&mut tape, &x, layer);
        let loss = crate::nn::ops::squared_error(&mut tape, &y, &random(1, 5), &[true]);
        let grads = tape.backward(&[(&loss, 1.0)]);
        assert!(grads.param(layer.weight).is_none());
        assert!(grads.of(&x).is_some_and(|d_x| d_x.data().iter().any(|&d| d != 0.0)));
    }
}
