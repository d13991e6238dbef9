//! Some rows of a matrix, in any order and as often as wanted (`torch.index_select`).

use crate::nn::{Matrix, Tape, Var};

/// The given rows, in the given order. [n × cols] → [rows × cols]
///
/// # Panics
/// If there are not so many rows.
pub fn rows(tape: &mut Tape<'_>, x: &Var, wanted: Vec<usize>) -> Var {
    let (slot, shape) = (x.slot(), (x.rows(), x.cols()));
    let selected = x.select(&wanted);
    tape.record(selected, slot.is_some(), move |d_rows, grads| {
        let mut d_x = Matrix::zeros(shape.0, shape.1);
        for (d_row, &row) in d_rows.iter_rows().zip(&wanted) {
            d_x.row_mut(row).iter_mut().zip(d_row).for_each(|(sum, d)| *sum += d);
        }
        grads.give(slot, d_x);
    })
}

/// Rows put at places of a larger matrix, whose other rows are NaN. [n × cols] → [rows × cols]
///
/// `places` has the place of each row.
pub fn place(tape: &mut Tape<'_>, x: &Var, places: Vec<usize>, n_rows: usize) -> Var {
    assert_eq!(places.len(), x.rows(), "one place a row");
    let slot = x.slot();
    let mut placed = Matrix::scratch(n_rows, x.cols());
    placed.data_mut().fill(f32::NAN);
    places.iter().zip(x.iter_rows()).for_each(|(&to, row)| placed.row_mut(to).copy_from_slice(row));
    tape.record(placed, slot.is_some(), move |d_placed, grads| grads.give(slot, d_placed.select(&places)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::gradient_check::{check_gradient, random};

    #[test]
    fn gradients_of_rows() {
        check_gradient(random(4, 3), |tape, x| rows(tape, x, vec![2, 0, 2]));
    }

    #[test]
    fn gradients_of_placed_rows() {
        check_gradient(random(2, 3), |tape, x| {
            let placed = place(tape, x, vec![3, 1], 4);
            rows(tape, &placed, vec![1, 3])
        });
    }

    #[test]
    fn other_places_are_no_numbers() {
        let params = crate::nn::Params::default();
        let mut tape = Tape::inference(&params);
        let x = tape.constant(Matrix::from_vec(1, 1, vec![7.0]));
        let placed = place(&mut tape, &x, vec![1], 2);
        assert!(placed.data()[0].is_nan() && placed.data()[1] == 7.0);
    }
}
