//! Each token's values beside those of the tokens around it: what a convolution multiplies (`torch.nn.Conv1d`).

use crate::nn::{Matrix, Tape, Var};

/// For each column the values of `width` neighbouring tokens, of which the token itself is in the middle; zeros where
/// the sequence has none. [tokens × cols] → [tokens × cols · width]
///
/// # Panics
/// If `width` is even.
pub fn neighbours(tape: &mut Tape<'_>, x: &Var, cu_seqlens: &[usize], width: usize) -> Var {
    assert!(width % 2 == 1, "a token in the middle of {width}");
    let mut y = Matrix::zeros(x.rows(), x.cols() * width);
    for (token, neighbour, tap) in pairs(cu_seqlens, width) {
        let places = y.row_mut(token).iter_mut().skip(tap).step_by(width);
        places.zip(x.row(neighbour)).for_each(|(y, x)| *y = *x);
    }

    let (slot, cols, cu_seqlens) = (x.slot(), x.cols(), cu_seqlens.to_vec());
    tape.record(y, slot.is_some(), move |d_y, grads| {
        let mut d_x = Matrix::zeros(d_y.rows(), cols);
        for (token, neighbour, tap) in pairs(&cu_seqlens, width) {
            let places = d_y.row(token).iter().skip(tap).step_by(width);
            d_x.row_mut(neighbour).iter_mut().zip(places).for_each(|(sum, d)| *sum += d);
        }
        grads.give(slot, d_x);
    })
}

/// Each token, each token around it, and which of its neighbours this is.
fn pairs(cu_seqlens: &[usize], width: usize) -> impl Iterator<Item = (usize, usize, usize)> {
    cu_seqlens.windows(2).flat_map(move |ends| {
        let rows = ends[0]..ends[1];
        rows.clone().flat_map(move |token| {
            let first = (token + width / 2).saturating_sub(width - 1).max(rows.start);
            let last = (token + width / 2).min(rows.end - 1);
            (first..=last).map(move |neighbour| (token, neighbour, neighbour + width / 2 - token))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::Params;
    use crate::nn::gradient_check::{check_gradient, random};

    #[test]
    fn gradients() {
        for width in [1, 3, 5] {
            check_gradient(random(5, 2), |tape, x| neighbours(tape, x, &[0, 4, 4, 5], width));
        }
    }

    #[test]
    fn neighbours_are_those_of_the_same_sequence() {
        let params = Params::default();
        let mut tape = Tape::inference(&params);
        let x = tape.constant(Matrix::from_vec(3, 2, vec![1., 10., 2., 20., 3., 30.]));
        let y = neighbours(&mut tape, &x, &[0, 2, 3], 3);
        assert_eq!(y.row(0), [0., 1., 2., 0., 10., 20.]);
        assert_eq!(y.row(1), [1., 2., 0., 10., 20., 0.]);
        assert_eq!(y.row(2), [0., 3., 0., 0., 30., 0.]);
    }
}
