//! Vectors of four floats in portable Rust.

use super::{Kernel, Simd};

/// Vectors of four floats, which any CPU has.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Plain;

const LANES: usize = 4;

#[inline(always)]
fn zip<T: Copy, U: Copy>(a: [T; LANES], b: [T; LANES], f: impl Fn(T, T) -> U) -> [U; LANES] {
    std::array::from_fn(|i| f(a[i], b[i]))
}

impl Simd for Plain {
    const LANES: usize = LANES;
    const TILE_ROWS: usize = 4;
    type V = [f32; LANES];
    type U = [u32; LANES];

    #[inline(never)]
    fn call<K: Kernel>(self, kernel: K) -> K::Output {
        kernel.run(self)
    }

    #[inline(always)]
    fn load(self, from: &[f32]) -> Self::V {
        std::array::from_fn(|i| from[i])
    }
    #[inline(always)]
    fn store(self, x: Self::V, to: &mut [f32]) {
        to[..LANES].copy_from_slice(&x);
    }
    #[inline(always)]
    fn splat(self, x: f32) -> Self::V {
        [x; LANES]
    }
    #[inline(always)]
    fn add(self, a: Self::V, b: Self::V) -> Self::V {
        zip(a, b, |a, b| a + b)
    }
    #[inline(always)]
    fn sub(self, a: Self::V, b: Self::V) -> Self::V {
        zip(a, b, |a, b| a - b)
    }
    #[inline(always)]
    fn mul(self, a: Self::V, b: Self::V) -> Self::V {
        zip(a, b, |a, b| a * b)
    }
    #[inline(always)]
    fn div(self, a: Self::V, b: Self::V) -> Self::V {
        zip(a, b, |a, b| a / b)
    }
    /// Fused only where the target has the instruction; elsewhere `f32::mul_add` is a slow function.
    #[inline(always)]
    fn mul_add(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        if cfg!(any(target_arch = "aarch64", target_feature = "fma")) {
            std::array::from_fn(|i| a[i].mul_add(b[i], c[i]))
        } else {
            std::array::from_fn(|i| a[i] * b[i] + c[i])
        }
    }
    #[inline(always)]
    fn max(self, a: Self::V, b: Self::V) -> Self::V {
        zip(a, b, |a, b| if a > b { a } else { b })
    }
    #[inline(always)]
    fn min(self, a: Self::V, b: Self::V) -> Self::V {
        zip(a, b, |a, b| if a < b { a } else { b })
    }
    #[inline(always)]
    fn sqrt(self, x: Self::V) -> Self::V {
        x.map(f32::sqrt)
    }
    #[inline(always)]
    fn select_less(self, a: Self::V, b: Self::V, yes: Self::V, no: Self::V) -> Self::V {
        std::array::from_fn(|i| if a[i] < b[i] { yes[i] } else { no[i] })
    }
    #[inline(always)]
    fn sum(self, x: Self::V) -> f32 {
        (x[0] + x[1]) + (x[2] + x[3])
    }
    #[inline(always)]
    fn transpose(self, square: &mut [Self::V]) {
        let rows: [Self::V; LANES] = std::array::from_fn(|i| square[i]);
        for (i, column) in square.iter_mut().enumerate() {
            *column = rows.map(|row| row[i]);
        }
    }

    #[inline(always)]
    fn to_bits(self, x: Self::V) -> Self::U {
        x.map(f32::to_bits)
    }
    #[inline(always)]
    fn to_floats(self, x: Self::U) -> Self::V {
        x.map(f32::from_bits)
    }
    #[inline(always)]
    fn splat_bits(self, x: u32) -> Self::U {
        [x; LANES]
    }
    #[inline(always)]
    fn lane_numbers(self) -> Self::U {
        [0, 1, 2, 3]
    }
    #[inline(always)]
    fn add_bits(self, a: Self::U, b: Self::U) -> Self::U {
        zip(a, b, u32::wrapping_add)
    }
    #[inline(always)]
    fn mul_bits(self, a: Self::U, b: Self::U) -> Self::U {
        zip(a, b, u32::wrapping_mul)
    }
    #[inline(always)]
    fn and(self, a: Self::U, b: Self::U) -> Self::U {
        zip(a, b, |a, b| a & b)
    }
    #[inline(always)]
    fn or(self, a: Self::U, b: Self::U) -> Self::U {
        zip(a, b, |a, b| a | b)
    }
    #[inline(always)]
    fn xor(self, a: Self::U, b: Self::U) -> Self::U {
        zip(a, b, |a, b| a ^ b)
    }
    #[inline(always)]
    fn shift_left(self, a: Self::U, by: u32) -> Self::U {
        a.map(|a| a << by)
    }
    #[inline(always)]
    fn shift_right(self, a: Self::U, by: u32) -> Self::U {
        a.map(|a| a >> by)
    }
}
