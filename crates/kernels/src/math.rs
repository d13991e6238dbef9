//! Functions of whole vectors.

use crate::simd::Simd;

/// `exp(x)` with a relative error below 2e-7; below -87.3 and above 88.3 it stays at its value there.
///
/// The range reduction and the polynomial are those of Cephes' `expf`.
#[inline(always)]
pub(crate) fn exp<S: Simd>(simd: S, x: S::V) -> S::V {
    // The bounds come first: a NaN in `x` stays.
    let x = simd.min(simd.splat(88.3), simd.max(simd.splat(-87.3), x));
    // Adding 1.5 * 2^23 rounds to an integer, which is then in the low bits.
    let shift = simd.splat(12_582_912.0);
    let shifted = simd.mul_add(x, simd.splat(std::f32::consts::LOG2_E), shift);
    let n = simd.sub(shifted, shift);
    let r = simd.mul_add(n, simd.splat(-0.693_359_4), x);
    let r = simd.mul_add(n, simd.splat(2.121_944_4e-4), r);
    let coefficients = [1.987_569_1e-4, 1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 0.166_666_65, 0.5];
    let tail = polynomial(simd, r, &coefficients);
    let y = simd.add(simd.mul_add(tail, simd.mul(r, r), r), simd.splat(1.0));
    // 2^n, made of n + 127 in the exponent's place.
    let exponent = simd.add_bits(simd.to_bits(shifted), simd.splat_bits(127u32.wrapping_sub(0x4B40_0000)));
    simd.mul(y, simd.to_floats(simd.shift_left(exponent, 23)))
}

/// A polynomial, the highest power first.
#[inline(always)]
fn polynomial<S: Simd>(simd: S, x: S::V, coefficients: &[f32]) -> S::V {
    let mut y = simd.splat(coefficients[0]);
    for c in &coefficients[1..] {
        y = simd.mul_add(y, x, simd.splat(*c));
    }
    y
}

/// `1 / (1 + exp(-x))`
#[inline(always)]
pub(crate) fn sigmoid<S: Simd>(simd: S, x: S::V) -> S::V {
    let one = simd.splat(1.0);
    simd.div(one, simd.add(one, exp(simd, neg(simd, x))))
}

/// The hyperbolic tangent: a polynomial near zero (Cephes' `tanhf`), `1 - 2 / (exp(2|x|) + 1)` elsewhere.
#[inline(always)]
pub(crate) fn tanh<S: Simd>(simd: S, x: S::V) -> S::V {
    let (one, two) = (simd.splat(1.0), simd.splat(2.0));
    let size = abs(simd, x);
    let far = simd.sub(one, simd.div(two, simd.add(exp(simd, simd.add(size, size)), one)));
    let far = copy_sign(simd, far, x);
    let square = simd.mul(x, x);
    let coefficients = [-5.704_988_7e-3, 2.063_909e-2, -5.373_971_6e-2, 0.133_314_42, -0.333_332_8];
    let near = simd.mul_add(simd.mul(polynomial(simd, square, &coefficients), square), x, x);
    simd.select_less(size, simd.splat(0.625), near, far)
}

/// The normal distribution's cumulative function and density, with absolute errors below 2e-7.
///
/// Abramowitz and Stegun, 7.1.26.
#[inline(always)]
pub(crate) fn normal<S: Simd>(simd: S, x: S::V) -> (S::V, S::V) {
    let (zero, one) = (simd.splat(0.0), simd.splat(1.0));
    let z = simd.mul(abs(simd, x), simd.splat(std::f32::consts::FRAC_1_SQRT_2));
    let t = simd.div(one, simd.mul_add(z, simd.splat(0.327_591_1), one));
    let bell = exp(simd, neg(simd, simd.mul(z, z)));
    let coefficients = [1.061_405_4, -1.453_152, 1.421_413_7, -0.284_496_74, 0.254_829_6];
    let tail = simd.mul(simd.mul(polynomial(simd, t, &coefficients), t), simd.mul(bell, simd.splat(0.5)));
    let cdf = simd.select_less(x, zero, tail, simd.sub(one, tail));
    (cdf, simd.mul(bell, simd.splat(0.398_942_3)))
}

#[inline(always)]
pub(crate) fn neg<S: Simd>(simd: S, x: S::V) -> S::V {
    simd.to_floats(simd.xor(simd.to_bits(x), simd.splat_bits(SIGN)))
}

#[inline(always)]
fn abs<S: Simd>(simd: S, x: S::V) -> S::V {
    simd.to_floats(simd.and(simd.to_bits(x), simd.splat_bits(!SIGN)))
}

/// A positive size with the sign of another vector.
#[inline(always)]
fn copy_sign<S: Simd>(simd: S, size: S::V, sign: S::V) -> S::V {
    simd.to_floats(simd.or(simd.to_bits(size), simd.and(simd.to_bits(sign), simd.splat_bits(SIGN))))
}

const SIGN: u32 = 1 << 31;
