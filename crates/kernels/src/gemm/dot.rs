//! The precisions of a product: what a 32-bit group of each operand holds, and how two groups are multiplied.
//!
//! Strips and panels are made of 32-bit groups, which hold one float, two bfloat16 or four bytes of neighbouring
//! k. So the tile, the strips and the panels are the same for all precisions.

use crate::simd::{Simd, convert::ROUND};

/// A precision of the product.
pub(crate) trait Dot: Copy + Send + Sync {
    /// Values of k in a group.
    const GROUP: usize;
    /// Whether rows have scales, so that a row must be seen whole before it is packed.
    const SCALED: bool;
    /// A vector of sums.
    type Sum<S: Simd>: Copy;

    /// Sums that were stored as 32-bit groups.
    fn load<S: Simd>(self, simd: S, sums: S::V) -> Self::Sum<S>;
    /// Sums as 32-bit groups.
    fn store<S: Simd>(self, simd: S, sums: Self::Sum<S>) -> S::V;
    /// `sum + a * b`, group by group.
    fn multiply_add<S: Simd>(self, simd: S, a: S::V, b: S::V, sum: Self::Sum<S>) -> Self::Sum<S>;
    /// The first `LANES * GROUP` values, which are neighbours in k, as a vector of groups.
    fn groups<S: Simd>(self, simd: S, from: &[f32], scale: Quantum<f32>) -> S::V;
    /// A group for each of `LANES` rows, whose values lie in as many vectors as a group has values.
    fn group_of_rows<S: Simd>(self, simd: S, values: [S::V; 4], scales: Quantum<S::V>) -> S::V;
}

/// How a value becomes a byte: `round(value * inverse + zero)`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quantum<T> {
    pub(crate) inverse: T,
    pub(crate) zero: T,
}

/// What rows without scales are packed with.
pub(crate) const NO_QUANTUM: Quantum<f32> = Quantum { inverse: 0.0, zero: 0.0 };

/// 32-bit floats.
#[derive(Clone, Copy)]
pub(crate) struct F32;

impl Dot for F32 {
    const GROUP: usize = 1;
    const SCALED: bool = false;
    type Sum<S: Simd> = S::V;

    #[inline(always)]
    fn load<S: Simd>(self, _: S, sums: S::V) -> S::V {
        sums
    }
    #[inline(always)]
    fn store<S: Simd>(self, _: S, sums: S::V) -> S::V {
        sums
    }
    #[inline(always)]
    fn multiply_add<S: Simd>(self, simd: S, a: S::V, b: S::V, sum: S::V) -> S::V {
        simd.mul_add(a, b, sum)
    }
    #[inline(always)]
    fn groups<S: Simd>(self, simd: S, from: &[f32], _: Quantum<f32>) -> S::V {
        simd.load(from)
    }
    #[inline(always)]
    fn group_of_rows<S: Simd>(self, _: S, values: [S::V; 4], _: Quantum<S::V>) -> S::V {
        values[0]
    }
}

/// Pairs of bfloat16, summed as 32-bit floats.
#[derive(Clone, Copy)]
pub(crate) struct Bf16;

impl Dot for Bf16 {
    const GROUP: usize = 2;
    const SCALED: bool = false;
    type Sum<S: Simd> = S::V;

    #[inline(always)]
    fn load<S: Simd>(self, _: S, sums: S::V) -> S::V {
        sums
    }
    #[inline(always)]
    fn store<S: Simd>(self, _: S, sums: S::V) -> S::V {
        sums
    }
    #[inline(always)]
    fn multiply_add<S: Simd>(self, simd: S, a: S::V, b: S::V, sum: S::V) -> S::V {
        simd.dot_bf16(simd.to_bits(a), simd.to_bits(b), sum)
    }
    #[inline(always)]
    fn groups<S: Simd>(self, simd: S, from: &[f32], _: Quantum<f32>) -> S::V {
        simd.to_floats(simd.narrow_bf16(simd.load(from), simd.load(&from[S::LANES..])))
    }
    #[inline(always)]
    fn group_of_rows<S: Simd>(self, simd: S, values: [S::V; 4], _: Quantum<S::V>) -> S::V {
        simd.to_floats(simd.pair_bf16(values[0], values[1]))
    }
}

/// Four bytes, unsigned on the left and signed on the right, summed as 32-bit integers.
#[derive(Clone, Copy)]
pub(crate) struct Int8;

impl Dot for Int8 {
    const GROUP: usize = 4;
    const SCALED: bool = true;
    type Sum<S: Simd> = S::U;

    #[inline(always)]
    fn load<S: Simd>(self, simd: S, sums: S::V) -> S::U {
        simd.to_bits(sums)
    }
    #[inline(always)]
    fn store<S: Simd>(self, simd: S, sums: S::U) -> S::V {
        simd.to_floats(sums)
    }
    #[inline(always)]
    fn multiply_add<S: Simd>(self, simd: S, a: S::V, b: S::V, sum: S::U) -> S::U {
        simd.dot_bytes(simd.to_bits(a), simd.to_bits(b), sum)
    }
    #[inline(always)]
    fn groups<S: Simd>(self, simd: S, from: &[f32], scale: Quantum<f32>) -> S::V {
        let scale = Quantum { inverse: simd.splat(scale.inverse), zero: simd.splat(scale.zero) };
        let part = |i: usize| quantize(simd, simd.load(&from[i * S::LANES..]), scale);
        simd.to_floats(simd.narrow_bytes([part(0), part(1), part(2), part(3)]))
    }
    #[inline(always)]
    fn group_of_rows<S: Simd>(self, simd: S, values: [S::V; 4], scales: Quantum<S::V>) -> S::V {
        let mut group = simd.splat_bits(0);
        for (i, value) in values.into_iter().enumerate() {
            let byte = simd.and(quantize(simd, value, scales), simd.splat_bits(0xFF));
            group = simd.or(group, simd.shift_left(byte, 8 * i as u32));
        }
        simd.to_floats(group)
    }
}

/// The byte of each value in the low bits of its lane.
#[inline(always)]
fn quantize<S: Simd>(simd: S, x: S::V, scale: Quantum<S::V>) -> S::U {
    let shifted = simd.add(scale.zero, simd.splat(ROUND));
    simd.to_bits(simd.mul_add(x, scale.inverse, shifted))
}
