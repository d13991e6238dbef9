//! Matrices side by side.

use crate::nn::{Matrix, Tape, Var};

/// The columns of all `parts`, side by side. [rows × Σ cols]
pub fn concat(tape: &mut Tape<'_>, parts: &[Var]) -> Var {
    if let [only] = parts {
        return only.clone();
    }
    let rows = parts[0].rows();
    let mut joined = Matrix::scratch(rows, parts.iter().map(|part| part.cols()).sum());
    for row in 0..rows {
        let mut rest = joined.row_mut(row);
        for part in parts {
            let (place, more) = rest.split_at_mut(part.cols());
            place.copy_from_slice(part.row(row));
            rest = more;
        }
    }

    let slots: Vec<_> = parts.iter().map(|part| (part.slot(), part.cols())).collect();
    let needed = slots.iter().any(|(slot, _)| slot.is_some());
    tape.record(joined, needed, move |d_joined, grads| {
        let mut start = 0;
        for &(slot, cols) in &slots {
            let columns = d_joined.iter_rows().flat_map(|row| &row[start..start + cols]).copied().collect();
            grads.give(slot, Matrix::from_vec(d_joined.rows(), cols, columns));
            start += cols;
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::gradient_check::{check_gradient, random};

    #[test]
    fn gradients() {
        check_gradient(random(3, 2), |tape, x| {
            let squashed = crate::nn::ops::activate(tape, x.clone(), kernels::Activation::Tanh);
            concat(tape, &[x.clone(), squashed, x.clone()])
        });
    }
}
