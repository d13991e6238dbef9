//! Vectors behind one trait, and the choice of the instruction set at run time.
//!
//! The unsafe code of the kernels is in this folder, but for `parallel/team.rs`.

/// Methods of `Simd` that are a few instructions on whole vectors, for a type whose values exist only where the
/// CPU has them.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
macro_rules! instructions {
    ($($name:ident($($arg:ident: $type:ty),*) -> $out:ty = $intrinsic:expr;)*) => {$(
        #[inline(always)]
        fn $name(self, $($arg: $type),*) -> $out {
            // SAFETY: `self` exists, so the CPU has the instructions (the invariant of its type).
            unsafe { $intrinsic }
        }
    )*};
}

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
pub(crate) mod convert;
mod isa;
mod mat_mut;
#[cfg(target_arch = "aarch64")]
mod neon;
mod plain;
#[cfg(test)]
mod tests;

pub use isa::Isa;
pub(crate) use mat_mut::MatMut;

/// Work that is written once and compiled for each instruction set.
///
/// All that `run` calls must be `#[inline(always)]`, or it is compiled without the instructions.
pub(crate) trait Kernel {
    /// What the work returns.
    type Output;

    /// Does the work with the vectors of one instruction set.
    fn run<S: Simd>(self, simd: S) -> Self::Output;
}

/// The vectors of one instruction set. A value exists only where the CPU has the instructions.
///
/// `max`, `min` and comparisons follow x86: with a NaN, `max(a, b)` and `min(a, b)` are `b`.
pub(crate) trait Simd: Copy + Send + Sync {
    /// Floats in a vector, at most `MAX_LANES`.
    const LANES: usize;
    /// Rows of the matrix product's tile, which is two vectors wide; at most `MAX_TILE_ROWS`.
    const TILE_ROWS: usize;
    /// A vector of floats.
    type V: Copy;
    /// A vector of as many 32-bit integers.
    type U: Copy;

    /// Runs a kernel in a function of its own. Large kernels are called so, or each use would be a copy.
    fn call<K: Kernel>(self, kernel: K) -> K::Output;

    /// The first `LANES` values.
    fn load(self, from: &[f32]) -> Self::V;
    /// Asks for what lies so many floats behind the start, if that is memory at all.
    #[inline(always)]
    fn prefetch(self, _from: &[f32], _ahead: usize) {}
    /// Writes the first `LANES` values.
    fn store(self, x: Self::V, to: &mut [f32]);
    fn splat(self, x: f32) -> Self::V;
    fn add(self, a: Self::V, b: Self::V) -> Self::V;
    fn sub(self, a: Self::V, b: Self::V) -> Self::V;
    fn mul(self, a: Self::V, b: Self::V) -> Self::V;
    fn div(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a * b + c`
    fn mul_add(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    fn max(self, a: Self::V, b: Self::V) -> Self::V;
    fn min(self, a: Self::V, b: Self::V) -> Self::V;
    fn sqrt(self, x: Self::V) -> Self::V;
    /// `yes` in the lanes where `a < b`, else `no`.
    fn select_less(self, a: Self::V, b: Self::V, yes: Self::V, no: Self::V) -> Self::V;
    /// The sum of the lanes.
    fn sum(self, x: Self::V) -> f32;
    /// Transposes a square of `LANES` vectors.
    fn transpose(self, square: &mut [Self::V]);

    fn to_bits(self, x: Self::V) -> Self::U;
    fn to_floats(self, x: Self::U) -> Self::V;
    fn splat_bits(self, x: u32) -> Self::U;
    /// 0, 1, 2, …
    fn lane_numbers(self) -> Self::U;
    fn add_bits(self, a: Self::U, b: Self::U) -> Self::U;
    /// The low half of the products.
    fn mul_bits(self, a: Self::U, b: Self::U) -> Self::U;
    fn and(self, a: Self::U, b: Self::U) -> Self::U;
    fn or(self, a: Self::U, b: Self::U) -> Self::U;
    fn xor(self, a: Self::U, b: Self::U) -> Self::U;
    fn shift_left(self, a: Self::U, by: u32) -> Self::U;
    fn shift_right(self, a: Self::U, by: u32) -> Self::U;

    /// Rounds to bfloat16, to the nearest and then to even: the lanes of `low` become the low halves of the
    /// result's lanes, those of `high` the high halves.
    #[inline(always)]
    fn pair_bf16(self, low: Self::V, high: Self::V) -> Self::U {
        convert::pair_bf16(self, low, high)
    }
    /// Rounds to bfloat16 like `pair_bf16`, and lays the lanes of `first` and then those of `second` end to end.
    #[inline(always)]
    fn narrow_bf16(self, first: Self::V, second: Self::V) -> Self::U {
        convert::narrow_bf16(self, first, second)
    }
    /// Lays the lowest bytes of all lanes end to end.
    #[inline(always)]
    fn narrow_bytes(self, x: [Self::U; 4]) -> Self::U {
        convert::narrow_bytes(self, x)
    }
    /// In each lane `sum + high halves + low halves`, as two fused multiply-adds of bfloat16 pairs, the high
    /// one first. Denormal numbers count as zero.
    #[inline(always)]
    fn dot_bf16(self, a: Self::U, b: Self::U, sum: Self::V) -> Self::V {
        convert::dot_bf16(self, a, b, sum)
    }
    /// In each lane the sum of the products of the bytes of `a`, unsigned, and of `b`, signed, added to `sum`.
    #[inline(always)]
    fn dot_bytes(self, a: Self::U, b: Self::U, sum: Self::U) -> Self::U {
        convert::dot_bytes(self, a, b, sum)
    }
    /// Signed integers as floats, rounded to the nearest.
    #[inline(always)]
    fn int_to_float(self, x: Self::U) -> Self::V {
        convert::int_to_float(self, x)
    }

    /// Up to `LANES` values; the other lanes are zero.
    #[inline(always)]
    fn load_part(self, from: &[f32]) -> Self::V {
        let mut lanes = [0.0; MAX_LANES];
        lanes[..from.len()].copy_from_slice(from);
        self.load(&lanes)
    }

    /// Writes the first `to.len()` lanes.
    #[inline(always)]
    fn store_part(self, x: Self::V, to: &mut [f32]) {
        let mut lanes = [0.0; MAX_LANES];
        self.store(x, &mut lanes);
        to.copy_from_slice(&lanes[..to.len()]);
    }

    /// The values from a place on, as many as are there; the other lanes are zero.
    #[inline(always)]
    fn load_at(self, from: &[f32], place: usize) -> Self::V {
        let from = &from[place..];
        if from.len() >= Self::LANES { self.load(from) } else { self.load_part(from) }
    }

    /// Writes the values from a place on, as many as are there.
    #[inline(always)]
    fn store_at(self, x: Self::V, to: &mut [f32], place: usize) {
        let to = &mut to[place..];
        if to.len() >= Self::LANES { self.store(x, to) } else { self.store_part(x, to) }
    }
}

/// Floats in the widest vector.
pub(crate) const MAX_LANES: usize = 16;
/// Rows of the tallest tile.
pub(crate) const MAX_TILE_ROWS: usize = 14;
