//! Rotary positions, a pair of columns at a time.

use crate::{Rope, RopePairs};

/// Turns the heads of `x` in place.
pub fn rope(rope: &Rope, x: &mut [f32]) {
    rotate(rope, x, 1.0);
}

/// Turns the heads of `d_x` backward in place.
pub fn rope_backward(rope: &Rope, d_x: &mut [f32]) {
    rotate(rope, d_x, -1.0);
}

fn rotate(rope: &Rope, x: &mut [f32], direction: f32) {
    let n_pairs = rope.tables.rotary_size() / 2;
    for (token, position) in rope.positions.iter().enumerate() {
        let (cos, sin) = rope.tables.at(*position);
        for head in 0..rope.n_heads {
            let start = token * rope.row_width + rope.first_column + head * rope.head_size;
            for pair in 0..n_pairs {
                let (a, b) = match rope.pairs {
                    RopePairs::Halves => (start + pair, start + pair + n_pairs),
                    RopePairs::Neighbours => (start + 2 * pair, start + 2 * pair + 1),
                };
                let (cos, sin) = (cos[pair], sin[pair] * direction);
                (x[a], x[b]) = (x[a] * cos - x[b] * sin, x[b] * cos + x[a] * sin);
            }
        }
    }
}
