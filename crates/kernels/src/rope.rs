//! Rotary positions: pairs of a head's columns are turned by angles that grow with the token's position.

use crate::{
    parallel::{for_each, rows_per_chunk},
    simd::{Isa, Kernel, Simd},
};

/// Which columns of a head are turned together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RopePairs {
    /// Column `i` and column `i + rotary_size / 2`: transformers' `rotate_half`, as in Llama and GPT-NeoX.
    Halves,
    /// Column `2 * i` and column `2 * i + 1`: transformers' `rotate_every_two`, as in RoFormer and GPT-J.
    Neighbours,
}

/// The cosines and sines of the angles `position * frequency`, made once a model.
pub struct RopeTables {
    // Invariant: both are `[positions × n_pairs]`.
    cos: Vec<f32>,
    sin: Vec<f32>,
    n_pairs: usize,
}

/// `1 / theta^(2 * i / rotary_size)` for each pair `i` of columns (Su et al., 2021), in f32 like transformers'
/// `compute_default_rope_parameters`.
///
/// # Panics
/// If `rotary_size` is odd.
pub fn rope_frequencies(theta: f32, rotary_size: usize) -> Vec<f32> {
    assert!(rotary_size.is_multiple_of(2), "pairs of columns, not {rotary_size} columns");
    let exponents = (0..rotary_size).step_by(2).map(|i| i as f32 / rotary_size as f32);
    exponents.map(|exponent| 1.0 / f64::from(theta).powf(f64::from(exponent)) as f32).collect()
}

impl RopeTables {
    /// The tables of positions below `n_positions`, with a frequency for each pair of columns: those of
    /// `rope_frequencies`, or some that are scaled for longer texts (linear, Llama 3, YaRN). Cosines and sines are
    /// multiplied by `scale`, transformers' `attention_scaling`, which is 1 but with YaRN.
    ///
    /// The angle is a product in f32, as in transformers' `LlamaRotaryEmbedding`.
    pub fn new(n_positions: usize, frequencies: &[f32], scale: f32) -> Self {
        let angles = (0..n_positions).flat_map(|position| {
            frequencies.iter().map(move |frequency| f64::from(position as f32 * frequency))
        });
        let (cos, sin) = angles.map(|angle| (angle.cos() as f32 * scale, angle.sin() as f32 * scale)).unzip();
        Self { cos, sin, n_pairs: frequencies.len() }
    }

    /// The cosines and the sines of a position.
    ///
    /// # Panics
    /// If the tables end before it.
    #[inline(always)]
    pub(crate) fn at(&self, position: u32) -> (&[f32], &[f32]) {
        let start = position as usize * self.n_pairs;
        let end = start + self.n_pairs;
        (&self.cos[start..end], &self.sin[start..end])
    }

    /// The columns of a head that are turned.
    #[inline(always)]
    pub fn rotary_size(&self) -> usize {
        2 * self.n_pairs
    }
}

/// Which columns of a matrix are turned, and how far.
#[derive(Clone, Copy)]
pub struct Rope<'a> {
    /// The cosines and sines; they say how many columns of a head are turned, the first ones.
    pub tables: &'a RopeTables,
    /// The position of each row's token.
    pub positions: &'a [u32],
    /// Which columns are turned together.
    pub pairs: RopePairs,
    /// The columns of a row.
    pub row_width: usize,
    /// Where the first head begins.
    pub first_column: usize,
    /// The heads that are turned, side by side: those of the queries and of the keys, for example.
    pub n_heads: usize,
    /// The columns of a head.
    pub head_size: usize,
}

/// Turns the heads of `x`, `[tokens × row_width]`, in place: of each pair `(a, b)` with its cosine and sine,
/// `(a * cos - b * sin, b * cos + a * sin)`, as `apply_rotary_pos_emb` of transformers.
///
/// # Panics
/// If the lengths do not fit, or the tables end before a position.
pub fn rope(rope: &Rope, x: &mut [f32]) {
    rotate(Isa::best(), rope, 1.0, x);
}

/// Turns the gradient of what `rope` returned into that of its input, in place: the same turn backward.
///
/// # Panics
/// If the lengths do not fit, or the tables end before a position.
pub fn rope_backward(rope: &Rope, d_x: &mut [f32]) {
    rotate(Isa::best(), rope, -1.0, d_x);
}

fn rotate(isa: Isa, rope: &Rope, direction: f32, x: &mut [f32]) {
    let Rope { positions, row_width, .. } = *rope;
    assert!(rope.tables.rotary_size() <= rope.head_size, "a head has the columns that are turned");
    assert!(rope.first_column + rope.n_heads * rope.head_size <= row_width, "a row has all heads");
    assert_eq!(x.len(), positions.len() * row_width, "{} rows of {row_width} columns", positions.len());
    let step = rows_per_chunk(row_width);
    let rows = x.chunks_mut((step * row_width).max(1)).zip(positions.chunks(step));
    for_each(rows.map(|(x, positions)| Rotate { rope, direction, positions, x }).collect(), |rows| {
        isa.run(rows);
    });
}

/// Some rows.
struct Rotate<'a> {
    rope: &'a Rope<'a>,
    // 1 for forward, -1 for backward.
    direction: f32,
    positions: &'a [u32],
    x: &'a mut [f32],
}

impl Kernel for Rotate<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let Rope { tables, row_width, first_column, n_heads, head_size, .. } = *self.rope;
        for (position, row) in self.positions.iter().zip(self.x.chunks_exact_mut(row_width)) {
            let (cos, sin) = tables.at(*position);
            let heads = &mut row[first_column..][..n_heads * head_size];
            for head in heads.chunks_exact_mut(head_size.max(1)) {
                let turned = &mut head[..tables.rotary_size()];
                match self.rope.pairs {
                    RopePairs::Halves => rotate_halves((cos, sin), self.direction, turned),
                    RopePairs::Neighbours => rotate_neighbours((cos, sin), self.direction, turned),
                }
            }
        }
    }
}

#[inline(always)]
fn rotate_halves((cos, sin): (&[f32], &[f32]), direction: f32, x: &mut [f32]) {
    let (first, second) = x.split_at_mut(cos.len());
    for ((a, b), (cos, sin)) in first.iter_mut().zip(second).zip(cos.iter().zip(sin)) {
        [*a, *b] = rotated([*a, *b], *cos, sin * direction);
    }
}

#[inline(always)]
fn rotate_neighbours((cos, sin): (&[f32], &[f32]), direction: f32, x: &mut [f32]) {
    for (pair, (cos, sin)) in x.as_chunks_mut::<2>().0.iter_mut().zip(cos.iter().zip(sin)) {
        *pair = rotated(*pair, *cos, sin * direction);
    }
}

/// Products and sums are rounded one by one, as PyTorch rounds them.
#[inline(always)]
fn rotated([a, b]: [f32; 2], cos: f32, sin: f32) -> [f32; 2] {
    [a * cos - b * sin, b * cos + a * sin]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        reference,
        testing::{assert_close, bits, length, values, with_threads},
    };

    const BOTH: [RopePairs; 2] = [RopePairs::Halves, RopePairs::Neighbours];

    proptest! {
        #[test]
        fn rope_equals_reference(
            n_tokens in 0usize..7,
            n_pairs in length(),
            (rest, first_column, after, n_heads) in (0usize..5, 0usize..3, 0usize..3, 0usize..4),
        ) {
            let tables = RopeTables::new(50, &rope_frequencies(1e4, 2 * n_pairs), 1.0);
            let positions: Vec<u32> = (0..n_tokens as u32).map(|token| token * 31 % 50).collect();
            let head_size = 2 * n_pairs + rest;
            let row_width = first_column + n_heads * head_size + after;
            let x = values(1, n_tokens * row_width);
            for (pairs, isa) in BOTH.into_iter().flat_map(|p| Isa::available().into_iter().map(move |i| (p, i))) {
                let rope = Rope {
                    tables: &tables, positions: &positions, pairs, row_width, first_column, n_heads, head_size,
                };
                let [mut forward, mut backward, mut found_forward, mut found_backward] = [(); 4].map(|()| x.clone());
                reference::rope(&rope, &mut forward);
                reference::rope_backward(&rope, &mut backward);
                rotate(isa, &rope, 1.0, &mut found_forward);
                rotate(isa, &rope, -1.0, &mut found_backward);
                prop_assert_eq!(bits(&found_forward), bits(&forward), "{:?} {:?}", isa, pairs);
                prop_assert_eq!(bits(&found_backward), bits(&backward), "{:?} {:?}, backward", isa, pairs);
            }
        }
    }

    /// Two heads of 6 columns, of which 4 are turned, between two other columns.
    fn small<'a>(tables: &'a RopeTables, positions: &'a [u32], pairs: RopePairs) -> Rope<'a> {
        Rope { tables, positions, pairs, row_width: 14, first_column: 1, n_heads: 2, head_size: 6 }
    }

    #[test]
    fn frequencies_and_angles_are_those_of_transformers() {
        let frequencies = rope_frequencies(1e4, 64);
        // 10000^(-2 / 64), 10000^(-1 / 2) and 10000^(-62 / 64)
        assert_close("frequencies", &[frequencies[1], frequencies[16]], &[0.749_894_2, 0.01], 1e-7);
        assert_close("frequencies", &[1e4 * frequencies[31]], &[1.333_521_4], 2e-7);
        let tables = RopeTables::new(8192, &frequencies, 1.0);
        let (cos, sin) = tables.at(8176);
        // The angle is 6131.1348 in f32; in more digits it is 6131.13506, with cosine 0.31171 and sine -0.95018.
        assert_eq!((cos[1], sin[1]), (0.311_434_42, -0.950_267_7));
    }

    #[test]
    fn pairs_are_where_each_convention_has_them() {
        let tables = RopeTables::new(2, &[1.0, 0.5], 1.0);
        let (cos, sin) = (1f32.cos(), 1f32.sin());
        for (pairs, partner) in [(RopePairs::Halves, 3), (RopePairs::Neighbours, 2)] {
            let mut x = [0.0; 14];
            x[1] = 1.0;
            rope(&small(&tables, &[1], pairs), &mut x);
            let mut expected = [0.0; 14];
            (expected[1], expected[partner]) = (cos, sin);
            assert_close(&format!("{pairs:?}"), &x, &expected, 1e-7);
        }
    }

    #[test]
    fn backward_inverts_forward() {
        let tables = RopeTables::new(40, &[1.0, 0.3], 1.0);
        let x = values(1, 3 * 14);
        for pairs in BOTH {
            let rotary = small(&tables, &[39, 0, 7], pairs);
            let mut y = x.clone();
            rope(&rotary, &mut y);
            assert!(y[..14] != x[..14], "{pairs:?}");
            rope_backward(&rotary, &mut y);
            assert_close(&format!("{pairs:?}"), &y, &x, 5e-7); // four roundings of values below 1.5
        }
    }

    #[test]
    fn backward_is_the_gradient_of_forward() {
        let tables = RopeTables::new(40, &[1.0, 0.3], 1.3); // scaled as YaRN does
        let (x, dy) = (values(1, 3 * 14), values(2, 3 * 14));
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
        for pairs in BOTH {
            let rotary = small(&tables, &[39, 0, 7], pairs);
            let (mut y, mut d_x) = (x.clone(), dy.clone());
            rope(&rotary, &mut y);
            rope_backward(&rotary, &mut d_x);
            // A linear map and its transpose: y * dy = x * d_x.
            assert_close(&format!("{pairs:?}"), &[dot(&y, &dy)], &[dot(&x, &d_x)], 1e-5);
        }
    }

    #[test]
    fn scores_depend_on_the_distance_alone() {
        let tables = RopeTables::new(100, &rope_frequencies(1e4, 4), 1.0);
        let (query, key) = (values(1, 14), values(2, 14));
        for pairs in BOTH {
            let score = |query_position, key_position| {
                let (mut query, mut key) = (query.clone(), key.clone());
                rope(&small(&tables, &[query_position], pairs), &mut query);
                rope(&small(&tables, &[key_position], pairs), &mut key);
                query.iter().zip(&key).map(|(q, k)| q * k).sum::<f32>()
            };
            assert_close(&format!("{pairs:?}"), &[score(9, 4)], &[score(99, 94)], 1e-5);
            assert!((score(9, 4) - score(4, 9)).abs() > 1e-3, "{pairs:?}");
        }
    }

    #[test]
    fn bits_do_not_depend_on_threads() {
        let tables = RopeTables::new(500, &rope_frequencies(1e4, 64), 1.0);
        let positions: Vec<u32> = (0..500).collect();
        let heads = Rope {
            tables: &tables,
            positions: &positions,
            pairs: RopePairs::Halves,
            row_width: 192,
            first_column: 0,
            n_heads: 2,
            head_size: 64,
        };
        let turned = |n| {
            with_threads(n, || {
                let mut x = values(1, 500 * 192);
                rope(&heads, &mut x);
                bits(&x)
            })
        };
        assert_eq!(turned(1), turned(2));
    }
}
