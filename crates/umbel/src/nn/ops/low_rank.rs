//! Low-rank additions to a linear layer (Hu et al. 2021).

use super::{Linear, dropout, linear};
use crate::nn::params::LowRank;
use crate::nn::{Matrix, Tape, Var};

/// Adds `scale · (x aᵀ) bᵀ` of each addition to the outputs `y` of a linear layer that reads `x`.
pub(super) fn add_low_rank(tape: &mut Tape<'_>, y: Var, x: &Var, additions: &[LowRank]) -> Var {
    additions.iter().fold(y, |y, addition| {
        let kept = dropout(tape, x, addition.dropout);
        let inner = linear(tape, &kept, Linear { weight: addition.a, bias: None }); // [rows × rank]
        let outer = linear(tape, &inner, Linear { weight: addition.b, bias: None }); // [rows × outputs]
        add_columns(tape, y, &outer, addition)
    })
}

/// `y` with `scale · z` added to as many of its columns as `z` has.
fn add_columns(tape: &mut Tape<'_>, y: Var, z: &Var, addition: &LowRank) -> Var {
    let (scale, columns) = (addition.scale, addition.first..addition.first + z.cols());
    let (y_slot, z_slot) = (y.slot(), z.slot());
    let mut sum = y.into_matrix();
    for (row, z) in z.iter_rows().enumerate() {
        let sum = sum.row_mut(row)[columns.clone()].iter_mut();
        sum.zip(z).for_each(|(sum, z)| *sum += scale * z);
    }
    tape.record(sum, y_slot.is_some() || z_slot.is_some(), move |d_sum, grads| {
        if z_slot.is_some() {
            let d_z = d_sum.iter_rows().flat_map(|row| row[columns.clone()].iter().map(|d| scale * d));
            let d_z = Matrix::from_vec(d_sum.rows(), columns.len(), d_z.collect());
            grads.give(z_slot, d_z);
        }
        grads.give(y_slot, d_sum);
    })
}

#[cfg(test)]
mod tests {
    use kernels::Activation;

    use super::*;
    use crate::nn::gradient_check::{check_gradient_with, random};
    use crate::nn::ops::linear_activated;
    use crate::nn::params::{ParamSpec, Params, Part};

    /// A layer from 4 to 5, with an addition of rank 2 to its outputs 1, 2 and 3.
    fn layer(params: &mut Params, dropout: f32) -> Linear {
        let mut add = |name: &str, rows: usize, cols: usize| {
            let spec = ParamSpec::new(name, &[rows, cols], Part::Layer(0));
            params.add(spec, random(rows, cols).into_vec().into())
        };
        let (weight, a, b) = (add("weight", 5, 4), add("a", 2, 4), add("b", 3, 2));
        params[weight].low_rank = vec![LowRank { a, b, scale: 0.5, dropout, first: 1 }];
        Linear { weight, bias: None }
    }

    #[test]
    fn gradients() {
        for (activation, dropout) in
            [(Activation::Identity, 0.0), (Activation::Gelu, 0.0), (Activation::Tanh, 0.3)]
        {
            let mut params = Params::default();
            let layer = layer(&mut params, dropout);
            check_gradient_with(params, random(3, 4), move |tape, x| {
                linear_activated(tape, x, layer, activation)
            });
        }
    }

    #[test]
    fn the_addition_is_the_product_of_its_factors() {
        let mut params = Params::default();
        let layer = layer(&mut params, 0.3); // Nothing is dropped at inference.
        let x = random(1, 4);
        let product = |params: &Params| {
            let mut tape = Tape::inference(params);
            let x = tape.constant(x.clone());
            linear(&mut tape, &x, layer).into_matrix()
        };
        let with = product(&params);
        let LowRank { a, b, .. } = params[layer.weight].low_rank.pop().unwrap();
        let without = product(&params);
        for output in 0..5 {
            let inner = |r: usize| (0..4).map(|i| params[a].data()[r * 4 + i] * x.data()[i]).sum::<f32>();
            let added = match output {
                1..=3 => 0.5 * (0..2).map(|r| params[b].data()[(output - 1) * 2 + r] * inner(r)).sum::<f32>(),
                _ => 0.0,
            };
            assert!((with.data()[output] - without.data()[output] - added).abs() < 1e-6, "output {output}");
        }
    }
}
