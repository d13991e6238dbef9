//! The mean squared error (`torch.nn.functional.mse_loss`).

use crate::nn::{Matrix, Tape, Var};

/// The mean of `(x − target)²` over all columns of the rows whose `present` is true; 0 if there are none.
pub fn squared_error(tape: &mut Tape<'_>, x: &Var, target: &Matrix, present: &[bool]) -> Var {
    assert_eq!((x.rows(), x.cols()), (target.rows(), target.cols()), "one target a value");
    let n = present.iter().filter(|&&present| present).count() * x.cols();
    let mut difference = Matrix::zeros(x.rows(), x.cols());
    for row in (0..x.rows()).filter(|&row| present[row]) {
        let pairs = x.row(row).iter().zip(target.row(row));
        difference.row_mut(row).iter_mut().zip(pairs).for_each(|(d, (x, t))| *d = x - t);
    }
    let loss = kernels::sum_of_squares(difference.data()) / n.max(1) as f64;

    let slot = x.slot();
    tape.record(Matrix::from_vec(1, 1, vec![loss as f32]), slot.is_some(), move |d_loss, grads| {
        let mut d_x = difference.clone();
        kernels::scale(d_x.data_mut(), d_loss.data()[0] * 2.0 / n.max(1) as f32);
        grads.give(slot, d_x);
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::Params;
    use crate::nn::gradient_check::{check_gradient, random};

    #[test]
    fn gradients() {
        let target = random(3, 2);
        check_gradient(random(4, 3).select(&[0, 1, 2]).clone_columns(2), |tape, x| {
            squared_error(tape, x, &target, &[true, false, true])
        });
    }

    #[test]
    fn rows_without_a_label_do_not_count() {
        let params = Params::default();
        let mut tape = Tape::inference(&params);
        let x = tape.constant(Matrix::from_vec(2, 1, vec![3., 100.]));
        let target = Matrix::from_vec(2, 1, vec![1., 0.]);
        assert_eq!(squared_error(&mut tape, &x, &target, &[true, false]).item(), 4.0);
        assert_eq!(squared_error(&mut tape, &x, &target, &[false, false]).item(), 0.0);
    }

    impl Matrix {
        fn clone_columns(&self, n: usize) -> Matrix {
            let values = self.iter_rows().flat_map(|row| &row[..n]).copied().collect();
            Matrix::from_vec(self.rows(), n, values)
        }
    }
}
