//! Vectors of 4 floats: NEON.

use std::arch::{aarch64::*, is_aarch64_feature_detected};

use super::{Kernel, Simd};

/// Vectors of 4 floats.
// Invariant: a value exists only where the CPU has NEON; `detect` is the only constructor.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Neon(());

impl Neon {
    /// The proof that this CPU has NEON, as all that run an operating system do.
    pub(super) fn detect() -> Option<Self> {
        is_aarch64_feature_detected!("neon").then_some(Self(()))
    }

    pub(super) fn run<K: Kernel>(self, kernel: K) -> K::Output {
        #[inline(never)]
        #[target_feature(enable = "neon")]
        fn run<K: Kernel>(simd: Neon, kernel: K) -> K::Output {
            kernel.run(simd)
        }
        // SAFETY: `self` exists, so the CPU has NEON.
        unsafe { run(self, kernel) }
    }
}

impl Simd for Neon {
    const LANES: usize = 4;
    const TILE_ROWS: usize = 12;
    type V = float32x4_t;
    type U = uint32x4_t;

    #[inline(always)]
    fn call<K: Kernel>(self, kernel: K) -> K::Output {
        self.run(kernel)
    }

    #[inline(always)]
    fn load(self, from: &[f32]) -> float32x4_t {
        let from = from[..4].as_ptr();
        // SAFETY: `from` points to 4 floats, and the CPU has NEON because `self` exists.
        unsafe { vld1q_f32(from) }
    }

    #[inline(always)]
    fn store(self, x: float32x4_t, to: &mut [f32]) {
        let to = to[..4].as_mut_ptr();
        // SAFETY: `to` points to 4 floats, and the CPU has NEON because `self` exists.
        unsafe { vst1q_f32(to, x) }
    }

    // `vmaxq_f32` and `vminq_f32` would return a NaN of either side; the trait asks for x86's choice.
    instructions! {
        splat(x: f32) -> float32x4_t = vdupq_n_f32(x);
        add(a: float32x4_t, b: float32x4_t) -> float32x4_t = vaddq_f32(a, b);
        sub(a: float32x4_t, b: float32x4_t) -> float32x4_t = vsubq_f32(a, b);
        mul(a: float32x4_t, b: float32x4_t) -> float32x4_t = vmulq_f32(a, b);
        div(a: float32x4_t, b: float32x4_t) -> float32x4_t = vdivq_f32(a, b);
        mul_add(a: float32x4_t, b: float32x4_t, c: float32x4_t) -> float32x4_t = vfmaq_f32(c, a, b);
        max(a: float32x4_t, b: float32x4_t) -> float32x4_t = vbslq_f32(vcgtq_f32(a, b), a, b);
        min(a: float32x4_t, b: float32x4_t) -> float32x4_t = vbslq_f32(vcltq_f32(a, b), a, b);
        sqrt(x: float32x4_t) -> float32x4_t = vsqrtq_f32(x);
        sum(x: float32x4_t) -> f32 = vaddvq_f32(x);
        to_bits(x: float32x4_t) -> uint32x4_t = vreinterpretq_u32_f32(x);
        to_floats(x: uint32x4_t) -> float32x4_t = vreinterpretq_f32_u32(x);
        splat_bits(x: u32) -> uint32x4_t = vdupq_n_u32(x);
        lane_numbers() -> uint32x4_t = vcombine_u32(vcreate_u32(1 << 32), vcreate_u32(3 << 32 | 2));
        add_bits(a: uint32x4_t, b: uint32x4_t) -> uint32x4_t = vaddq_u32(a, b);
        mul_bits(a: uint32x4_t, b: uint32x4_t) -> uint32x4_t = vmulq_u32(a, b);
        and(a: uint32x4_t, b: uint32x4_t) -> uint32x4_t = vandq_u32(a, b);
        or(a: uint32x4_t, b: uint32x4_t) -> uint32x4_t = vorrq_u32(a, b);
        xor(a: uint32x4_t, b: uint32x4_t) -> uint32x4_t = veorq_u32(a, b);
        shift_left(a: uint32x4_t, by: u32) -> uint32x4_t = vshlq_u32(a, vdupq_n_s32(by as i32));
        shift_right(a: uint32x4_t, by: u32) -> uint32x4_t = vshlq_u32(a, vdupq_n_s32(-(by as i32)));
        select_less(a: float32x4_t, b: float32x4_t, yes: float32x4_t, no: float32x4_t) -> float32x4_t =
            vbslq_f32(vcltq_f32(a, b), yes, no);
    }

    #[inline(always)]
    fn transpose(self, square: &mut [float32x4_t]) {
        // SAFETY: `self` exists, so the CPU has NEON.
        unsafe { transpose(square) }
    }
}

/// Pairs, then halves of the registers are exchanged.
#[inline]
#[target_feature(enable = "neon")]
fn transpose(square: &mut [float32x4_t]) {
    let rows: [float32x4_t; 4] = std::array::from_fn(|i| square[i]);
    // In `pairs[2 * i + c]`, half h holds column 2 * h + c of the rows 2 * i and 2 * i + 1.
    let pairs: [float64x2_t; 4] = std::array::from_fn(|i| {
        let (a, b) = (rows[i / 2 * 2], rows[i / 2 * 2 + 1]);
        vreinterpretq_f64_f32(if i % 2 == 0 { vtrn1q_f32(a, b) } else { vtrn2q_f32(a, b) })
    });
    for c in 0..2 {
        square[c] = vreinterpretq_f32_f64(vtrn1q_f64(pairs[c], pairs[2 + c]));
        square[2 + c] = vreinterpretq_f32_f64(vtrn2q_f64(pairs[c], pairs[2 + c]));
    }
}
