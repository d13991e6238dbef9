//! Dropout whose mask is a function of the seed and the element's index.

use std::ops::Range;

use crate::{
    parallel::{CHUNK, chunks},
    simd::{Isa, Kernel, Simd},
};

/// Drops each element with a probability and scales the others by `1 / (1 - probability)`.
///
/// Whether element `i` is kept depends on the seed and on `i` alone, so the backward pass needs no mask.
#[derive(Clone, Copy, Debug)]
pub struct Dropout {
    /// The share of the elements that become zero.
    pub probability: f32,
    /// Chooses the mask.
    pub seed: u64,
}

/// Applies dropout in place. The same call on the gradient is the backward pass.
pub fn dropout(dropout: Dropout, x: &mut [f32]) {
    dropout_on(Isa::best(), dropout, x);
}

fn dropout_on(isa: Isa, dropout: Dropout, x: &mut [f32]) {
    chunks(x, |range, x| isa.run(Apply { dropout, range, x }));
}

struct Apply<'a> {
    dropout: Dropout,
    range: Range<usize>,
    x: &'a mut [f32],
}

impl Kernel for Apply<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        dropout_with(simd, self.dropout, self.range.start, self.x);
    }
}

/// Applies dropout to values of which the first has an index, inside another kernel.
#[inline(always)]
pub(crate) fn dropout_with<S: Simd>(simd: S, dropout: Dropout, mut first: usize, x: &mut [f32]) {
    for x in x.chunks_mut(CHUNK) {
        let mask = Mask::new(simd, dropout, first as u64);
        for i in (0..x.len()).step_by(S::LANES) {
            let index = simd.add_bits(simd.lane_numbers(), simd.splat_bits((first + i) as u32));
            simd.store_at(mask.apply(simd, index, simd.load_at(x, i)), x, i);
        }
        first += CHUNK;
    }
}

/// Decides which elements are kept.
#[derive(Clone, Copy)]
pub(crate) struct Mask<S: Simd> {
    keys: [S::U; 2],
    probability: S::V,
    scale: S::V,
}

impl<S: Simd> Mask<S> {
    /// For the elements whose index has the upper half of `index`.
    #[inline(always)]
    pub(crate) fn new(simd: S, dropout: Dropout, index: u64) -> Self {
        let keys = split_mix(dropout.seed.wrapping_add((index >> 32).wrapping_mul(0x9E37_79B9_7F4A_7C15)));
        Self {
            keys: [simd.splat_bits(keys as u32), simd.splat_bits((keys >> 32) as u32)],
            probability: simd.splat(dropout.probability),
            scale: simd.splat(1.0 / (1.0 - dropout.probability)),
        }
    }

    /// The values of `x`, scaled or zero; `index` is the lower half of each value's index.
    ///
    /// The hash is "lowbias32" of Chris Wellons' hash prospector, with the second key between its rounds.
    #[inline(always)]
    pub(crate) fn apply(&self, simd: S, index: S::U, x: S::V) -> S::V {
        let hash = simd.xor(index, self.keys[0]);
        let hash = simd.xor(hash, simd.shift_right(hash, 16));
        let hash = simd.xor(simd.mul_bits(hash, simd.splat_bits(0x7FEB_352D)), self.keys[1]);
        let hash = simd.xor(hash, simd.shift_right(hash, 15));
        let hash = simd.mul_bits(hash, simd.splat_bits(0x846C_A68B));
        let hash = simd.xor(hash, simd.shift_right(hash, 16));
        // The upper bits become a number in [1, 2).
        let uniform = simd.or(simd.shift_right(hash, 9), simd.splat_bits(0x3F80_0000));
        let uniform = simd.sub(simd.to_floats(uniform), simd.splat(1.0));
        simd.select_less(uniform, self.probability, simd.splat(0.0), simd.mul(x, self.scale))
    }
}

/// The output function of SplitMix64 (Steele, Lea and Flood, 2014).
fn split_mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        reference,
        testing::{bits, length, values, with_threads},
    };
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn dropout_matches_reference(len in length(), probability in 0f32..0.9, seed: u64) {
            let (x, dropout) = (values(1, len), Dropout { probability, seed });
            let mut expected = x.clone();
            reference::dropout(dropout, &mut expected);
            for isa in Isa::available() {
                let mut found = x.clone();
                dropout_on(isa, dropout, &mut found);
                prop_assert!(found == expected, "{isa:?}"); // equal, but for the sign of zero
            }
        }
    }

    #[test]
    fn the_kept_share_is_as_asked_for_and_seeds_are_independent() {
        const N: usize = 200_000;
        let masks = [1, 2].map(|seed| {
            let mut x = vec![1.0; N];
            dropout(Dropout { probability: 0.1, seed }, &mut x);
            x
        });
        let share = |count: usize| count as f32 / N as f32;
        // Five standard deviations of 200 000 draws are 0.0034.
        assert!((share(masks[0].iter().filter(|x| **x == 0.0).count()) - 0.1).abs() < 0.0034);
        let both = masks[0].iter().zip(&masks[1]).filter(|(a, b)| **a == 0.0 && **b == 0.0).count();
        assert!((share(both) - 0.01).abs() < 0.0012);
        let neighbours = masks[0].windows(2).filter(|pair| pair == &[0.0, 0.0]).count();
        assert!((share(neighbours) - 0.01).abs() < 0.0012);
    }

    #[test]
    fn the_mask_does_not_depend_on_threads() {
        let run = |n| {
            with_threads(n, || {
                let mut x = values(1, 100_000);
                dropout(Dropout { probability: 0.5, seed: 9 }, &mut x);
                bits(&x)
            })
        };
        assert_eq!(run(1), run(2));
    }
}
