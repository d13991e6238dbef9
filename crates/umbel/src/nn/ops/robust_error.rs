//! Errors that large differences weigh less in than squares (`torch.nn.functional.huber_loss` and `l1_loss`).

use crate::nn::{Matrix, Tape, Var};

/// The mean over all columns of the rows whose `present` is true of `d²/2` where `|d| ≤ delta`, and of
/// `delta (|d| − delta/2)` beyond, with `d = x − target`; 0 if there are none.
pub fn huber(tape: &mut Tape<'_>, x: &Var, target: &Matrix, (present, delta): (&[bool], f32)) -> Var {
    let loss = |d: f64| {
        let (size, delta) = (d.abs(), f64::from(delta));
        if size <= delta { d * d / 2.0 } else { delta * (size - delta / 2.0) }
    };
    mean_of(tape, x, (target, present), loss, |d| d.clamp(-delta, delta))
}

/// The mean of `|x − target|` over all columns of the rows whose `present` is true; 0 if there are none.
pub fn absolute_error(tape: &mut Tape<'_>, x: &Var, target: &Matrix, present: &[bool]) -> Var {
    mean_of(tape, x, (target, present), f64::abs, |d| if d == 0.0 { 0.0 } else { d.signum() })
}

fn mean_of(
    tape: &mut Tape<'_>,
    x: &Var,
    (target, present): (&Matrix, &[bool]),
    loss: impl Fn(f64) -> f64,
    slope: impl Fn(f32) -> f32,
) -> Var {
    assert_eq!((x.rows(), x.cols()), (target.rows(), target.cols()), "one target a value");
    let n = present.iter().filter(|&&present| present).count() * x.cols();
    let n = n.max(1) as f64;
    let (mut sum, mut gradient) = (0.0, Matrix::zeros(x.rows(), x.cols()));
    for row in (0..x.rows()).filter(|&row| present[row]) {
        let pairs = x.row(row).iter().zip(target.row(row));
        for (d, (x, t)) in gradient.row_mut(row).iter_mut().zip(pairs) {
            sum += loss(f64::from(x - t));
            *d = slope(x - t) / n as f32;
        }
    }
    let slot = x.slot();
    tape.record(Matrix::from_vec(1, 1, vec![(sum / n) as f32]), slot.is_some(), move |d_loss, grads| {
        let mut d_x = gradient.clone();
        kernels::scale(d_x.data_mut(), d_loss.data()[0]);
        grads.give(slot, d_x);
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::Params;
    use crate::nn::gradient_check::{check_gradient, random};

    const PRESENT: [bool; 3] = [true, false, true];

    #[test]
    fn gradients() {
        let target = Matrix::from_vec(3, 2, vec![0.1, 2.0, 9.0, 9.0, -0.3, -4.0]);
        check_gradient(random(3, 2), |tape, x| huber(tape, x, &target, (&PRESENT, 1.0)));
        check_gradient(random(3, 2), |tape, x| absolute_error(tape, x, &target, &PRESENT));
    }

    /// Expected values: `huber_loss(delta=1)` and `l1_loss` of PyTorch on the rows that are present.
    #[test]
    fn losses_are_those_of_pytorch() {
        let params = Params::default();
        let mut tape = Tape::inference(&params);
        let x = tape.constant(Matrix::from_vec(3, 1, vec![0.5, 100.0, -3.0]));
        let target = Matrix::zeros(3, 1);
        assert_eq!(huber(&mut tape, &x, &target, (&PRESENT, 1.0)).item(), 1.3125);
        assert_eq!(absolute_error(&mut tape, &x, &target, &PRESENT).item(), 1.75);
        assert_eq!(absolute_error(&mut tape, &x, &target, &[false; 3]).item(), 0.0);
    }
}
