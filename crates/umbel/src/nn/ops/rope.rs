//! Rotary position embedding (Su et al. 2021) of queries and keys.

use std::rc::Rc;
use std::sync::Arc;

use kernels::{RopePairs, RopeTables};

use crate::nn::{Tape, Var};

/// Which columns are turned, and how far.
#[derive(Clone)]
pub struct Rope {
    /// Cosines and sines.
    pub tables: Arc<RopeTables>,
    /// The position of each row's token.
    pub positions: Rc<[u32]>,
    /// So many heads are turned, those in the first columns: all queries, then all keys.
    pub n_heads: usize,
    /// The columns of a head.
    pub head_size: usize,
}

/// Turns each head by its token's position, half against half (`apply_rotary_pos_emb` of transformers).
pub fn rope(tape: &mut Tape<'_>, x: Var, rope: Rope) -> Var {
    let slot = x.slot();
    let mut y = x.into_matrix();
    kernels::rope(&rope.kernel(y.cols()), y.data_mut());
    tape.record(y, slot.is_some(), move |mut d_y, grads| {
        kernels::rope_backward(&rope.kernel(d_y.cols()), d_y.data_mut());
        grads.give(slot, d_y);
    })
}

impl Rope {
    fn kernel(&self, row_width: usize) -> kernels::Rope<'_> {
        kernels::Rope {
            tables: &self.tables,
            positions: &self.positions,
            pairs: RopePairs::Halves,
            row_width,
            first_column: 0,
            n_heads: self.n_heads,
            head_size: self.head_size,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::gradient_check::{check_gradient, random};

    #[test]
    fn gradients() {
        let tables = Arc::new(RopeTables::new(9, &[1.0, 0.3], 1.0));
        check_gradient(random(3, 12), move |tape, x| {
            let (tables, positions) = (tables.clone(), [0, 8, 3].into());
            rope(tape, x.clone(), Rope { tables, positions, n_heads: 2, head_size: 4 })
        });
    }
}
