//! Gradients of operations held against finite differences.

use super::{Grads, Matrix, ParamId, Params, Tape, Var};
use crate::random::Random;

/// Values between -1 and 1.
pub(crate) fn random(rows: usize, cols: usize) -> Matrix {
    let mut random = Random::new((rows * 1000 + cols) as u64);
    Matrix::from_vec(rows, cols, (0..rows * cols).map(|_| random.uniform() * 2.0 - 1.0).collect())
}

/// A sum of all values with fixed, different weights, so that no gradient is hidden by another.
fn weighted_sum(tape: &mut Tape<'_>, x: &Var) -> Var {
    let weights: Vec<f32> = (0..x.data().len()).map(|i| 0.5 + 0.25 * (i % 7) as f32).collect();
    let sum = x.data().iter().zip(&weights).map(|(x, w)| x * w).sum();
    let (slot, rows, cols) = (x.slot(), x.rows(), x.cols());
    tape.record(Matrix::from_vec(1, 1, vec![sum]), slot.is_some(), move |d, grads| {
        let d_x = weights.iter().map(|w| w * d.data()[0]).collect();
        grads.give(slot, Matrix::from_vec(rows, cols, d_x));
    })
}

/// Holds the gradients of `op` with respect to its input and to all weights against central differences.
pub(crate) fn check_gradient_with(
    mut params: Params,
    input: Matrix,
    op: impl for<'p> Fn(&mut Tape<'p>, &Var) -> Var,
) {
    let loss = |params: &Params, input: &Matrix| {
        let mut tape = Tape::training(params, 7);
        let x = tape.leaf(input.clone());
        let y = op(&mut tape, &x);
        y.data().iter().enumerate().map(|(i, y)| f64::from(*y) * (0.5 + 0.25 * (i % 7) as f64)).sum::<f64>()
    };
    let (grads, d_input) = gradients(&params, &input, &op);

    let mut moved = input.clone();
    for i in 0..input.data().len() {
        let slope = central_difference(|step| {
            moved.data_mut()[i] = input.data()[i] + step;
            let loss = loss(&params, &moved);
            moved.data_mut()[i] = input.data()[i];
            loss
        });
        assert_close(d_input.data()[i], slope, &format!("input {i}"));
    }
    let ids: Vec<ParamId> = params.iter().map(|(id, _)| id).collect();
    for id in ids {
        for i in 0..params[id].data().len() {
            let value = params[id].data()[i];
            let slope = central_difference(|step| {
                params[id].data_mut()[i] = value + step;
                let loss = loss(&params, &input);
                params[id].data_mut()[i] = value;
                loss
            });
            let found = grads.param(id).map_or(0.0, |gradient| gradient.to_matrix().data()[i]);
            assert_close(found, slope, &format!("`{}` {i}", params[id].name()));
        }
    }
}

/// Holds the gradient of an operation without weights against central differences.
pub(crate) fn check_gradient(input: Matrix, op: impl for<'p> Fn(&mut Tape<'p>, &Var) -> Var) {
    check_gradient_with(Params::default(), input, op);
}

fn gradients(
    params: &Params,
    input: &Matrix,
    op: &impl for<'p> Fn(&mut Tape<'p>, &Var) -> Var,
) -> (Grads, Matrix) {
    let mut tape = Tape::training(params, 7);
    let x = tape.leaf(input.clone());
    let y = op(&mut tape, &x);
    let loss = weighted_sum(&mut tape, &y);
    let grads = tape.backward(&[(&loss, 1.0)]);
    let d_input = grads.of(&x).cloned().unwrap_or_else(|| Matrix::zeros(input.rows(), input.cols()));
    (grads, d_input)
}

fn central_difference(mut loss: impl FnMut(f32) -> f64) -> f64 {
    const STEP: f32 = 1e-2;
    (loss(STEP) - loss(-STEP)) / f64::from(2.0 * STEP)
}

/// Within 1 %, or 5e-3 absolute: the error of a central difference of step 1e-2 plus that of f32 sums.
fn assert_close(found: f32, expected: f64, what: &str) {
    let error = (f64::from(found) - expected).abs();
    assert!(error <= 5e-3 + 0.01 * expected.abs(), "{what}: found {found}, expected {expected}");
}
