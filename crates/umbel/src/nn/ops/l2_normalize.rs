//! Rows of length one (`torch.nn.functional.normalize`).

use std::rc::Rc;

use crate::nn::{Matrix, Tape, Var};

/// Shorter rows are divided by this instead of by their length.
const SMALLEST_NORM: f32 = 1e-12;

/// Each row divided by its Euclidean length.
pub fn l2_normalize(tape: &mut Tape<'_>, x: Var) -> Var {
    let slot = x.slot();
    let mut y = x.into_matrix();
    let mut norms = Vec::with_capacity(y.rows());
    for row in 0..y.rows() {
        let row = y.row_mut(row);
        let norm = (kernels::sum_of_squares(row).sqrt() as f32).max(SMALLEST_NORM);
        row.iter_mut().for_each(|x| *x /= norm);
        norms.push(norm);
    }

    // With u = x / |x|: dx = (du − u (u · du)) / |x|.
    let y = Rc::new(y);
    let unit = y.clone();
    tape.record(y, slot.is_some(), move |mut d_y: Matrix, grads| {
        for (row, norm) in norms.iter().enumerate() {
            let (d, u) = (d_y.row_mut(row), unit.row(row));
            let along: f32 = d.iter().zip(u).map(|(d, u)| d * u).sum();
            d.iter_mut().zip(u).for_each(|(d, u)| *d = (*d - u * along) / norm);
        }
        grads.give(slot, d_y);
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::Params;
    use crate::nn::gradient_check::{check_gradient, random};

    #[test]
    fn gradients() {
        check_gradient(random(3, 4), |tape, x| l2_normalize(tape, x.clone()));
    }

    #[test]
    fn a_row_of_zeros_stays() {
        let params = Params::default();
        let mut tape = Tape::inference(&params);
        let x = tape.constant(Matrix::from_vec(2, 2, vec![0., 0., 3., 4.]));
        assert_eq!(l2_normalize(&mut tape, x).data(), [0., 0., 0.6, 0.8]);
    }
}
