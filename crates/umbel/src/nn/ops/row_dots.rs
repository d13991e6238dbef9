//! Inner products of rows with rows.

use kernels::{Epilogue, Packed, Precision, Write};

use crate::nn::{Matrix, Tape, Var};

/// The inner product of each row of `x` with the same row of `y`. [n × cols], [n × cols] → [n × 1]
pub fn row_dots(tape: &mut Tape<'_>, x: &Var, y: &Var) -> Var {
    assert_eq!((x.rows(), x.cols()), (y.rows(), y.cols()), "rows stand opposite each other");
    let dot = |(x, y): (&[f32], &[f32])| -> f32 { x.iter().zip(y).map(|(x, y)| x * y).sum() };
    let dots = Matrix::from_vec(x.rows(), 1, x.iter_rows().zip(y.iter_rows()).map(dot).collect());
    let (x_slot, y_slot, x, y) = (x.slot(), y.slot(), x.value(), y.value());
    tape.record(dots, x_slot.is_some() || y_slot.is_some(), move |d_dots, grads| {
        for (slot, other) in [(x_slot, &y), (y_slot, &x)].into_iter().filter(|(slot, _)| slot.is_some()) {
            let mut d = Matrix::clone(other);
            for (row, d_dot) in d_dots.data().iter().enumerate() {
                d.row_mut(row).iter_mut().for_each(|d| *d *= d_dot);
            }
            grads.give(slot, d);
        }
    })
}

/// The inner product of each row of `x` with each row of `y`: `x yᵀ`. [n × cols], [m × cols] → [n × m]
pub fn all_dots(tape: &mut Tape<'_>, x: &Var, y: &Var) -> Var {
    assert_eq!(x.cols(), y.cols(), "rows are as long as one another");
    let (x_slot, y_slot, x, y) = (x.slot(), y.slot(), x.value(), y.value());
    let dots = product(&x, Matrix::as_ref(&y).transposed(), y.rows());
    tape.record(dots, x_slot.is_some() || y_slot.is_some(), move |d_dots, grads| {
        if x_slot.is_some() {
            grads.give(x_slot, product(&d_dots, Matrix::as_ref(&y), y.cols()));
        }
        if y_slot.is_some() {
            grads.give(y_slot, product(&transposed(&d_dots), Matrix::as_ref(&x), x.cols()));
        }
    })
}

fn product(left: &Matrix, right: kernels::MatRef<'_>, cols: usize) -> Matrix {
    let mut packed = Packed::empty();
    packed.pack(Precision::F32, right);
    let mut y = Matrix::scratch(left.rows(), cols);
    kernels::gemm(left.as_ref(), &packed, y.data_mut(), Write::Overwrite, Epilogue::None);
    y
}

fn transposed(x: &Matrix) -> Matrix {
    let values = (0..x.cols()).flat_map(|col| (0..x.rows()).map(move |row| x.row(row)[col])).collect();
    Matrix::from_vec(x.cols(), x.rows(), values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::gradient_check::{check_gradient, random};

    #[test]
    fn gradients() {
        check_gradient(random(4, 3), |tape, x| {
            let other = tape.constant(random(4, 7).select(&[0, 1, 2, 3]).first_columns(3));
            row_dots(tape, x, &other)
        });
        check_gradient(random(4, 3), |tape, x| row_dots(tape, x, &x.clone()));
        check_gradient(random(4, 3), |tape, x| {
            let other = tape.constant(random(5, 3));
            all_dots(tape, x, &other)
        });
        check_gradient(random(4, 3), |tape, x| all_dots(tape, x, &x.clone()));
    }

    #[test]
    fn products_of_rows() {
        let params = crate::nn::Params::default();
        let mut tape = Tape::inference(&params);
        let x = tape.constant(Matrix::from_vec(2, 2, vec![1., 2., 3., 4.]));
        let y = tape.constant(Matrix::from_vec(2, 2, vec![5., 6., 7., 8.]));
        assert_eq!(row_dots(&mut tape, &x, &y).data(), [17., 53.]);
        assert_eq!(all_dots(&mut tape, &x, &y).data(), [17., 23., 39., 53.]);
    }

    impl Matrix {
        fn first_columns(&self, n: usize) -> Matrix {
            let values = self.iter_rows().flat_map(|row| &row[..n]).copied().collect();
            Matrix::from_vec(self.rows(), n, values)
        }
    }
}
