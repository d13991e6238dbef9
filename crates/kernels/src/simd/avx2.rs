//! Vectors of 8 floats: AVX2 and FMA.

use std::arch::x86_64::*;

use super::{Kernel, Simd};

/// Vectors of 8 floats.
// Invariant: a value exists only where the CPU has AVX2 and FMA; `detect` is the only constructor.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Avx2(());

impl Avx2 {
    /// The proof that this CPU has AVX2 and FMA.
    pub(super) fn detect() -> Option<Self> {
        (is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")).then_some(Self(()))
    }

    pub(super) fn run<K: Kernel>(self, kernel: K) -> K::Output {
        #[inline(never)]
        #[target_feature(enable = "avx2,fma")]
        fn run<K: Kernel>(simd: Avx2, kernel: K) -> K::Output {
            kernel.run(simd)
        }
        // SAFETY: `self` exists, so the CPU has AVX2 and FMA.
        unsafe { run(self, kernel) }
    }

    /// A mask of the first `len` lanes.
    #[inline(always)]
    fn part_mask(self, len: usize) -> __m256i {
        const EDGE: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];
        assert!(len <= 8, "part of a vector has at most 8 values");
        let window = EDGE[8 - len..][..8].as_ptr().cast();
        // SAFETY: `window` points to 8 integers, and the CPU has AVX because `self` exists.
        unsafe { _mm256_loadu_si256(window) }
    }
}

impl Simd for Avx2 {
    const LANES: usize = 8;
    const TILE_ROWS: usize = 6;
    type V = __m256;
    type U = __m256i;

    #[inline(always)]
    fn call<K: Kernel>(self, kernel: K) -> K::Output {
        self.run(kernel)
    }

    #[inline(always)]
    fn load(self, from: &[f32]) -> __m256 {
        let from = from[..8].as_ptr();
        // SAFETY: `from` points to 8 floats, and the CPU has AVX because `self` exists.
        unsafe { _mm256_loadu_ps(from) }
    }

    #[inline(always)]
    fn store(self, x: __m256, to: &mut [f32]) {
        let to = to[..8].as_mut_ptr();
        // SAFETY: `to` points to 8 floats, and the CPU has AVX because `self` exists.
        unsafe { _mm256_storeu_ps(to, x) }
    }

    instructions! {
        splat(x: f32) -> __m256 = _mm256_set1_ps(x);
        add(a: __m256, b: __m256) -> __m256 = _mm256_add_ps(a, b);
        sub(a: __m256, b: __m256) -> __m256 = _mm256_sub_ps(a, b);
        mul(a: __m256, b: __m256) -> __m256 = _mm256_mul_ps(a, b);
        div(a: __m256, b: __m256) -> __m256 = _mm256_div_ps(a, b);
        mul_add(a: __m256, b: __m256, c: __m256) -> __m256 = _mm256_fmadd_ps(a, b, c);
        max(a: __m256, b: __m256) -> __m256 = _mm256_max_ps(a, b);
        min(a: __m256, b: __m256) -> __m256 = _mm256_min_ps(a, b);
        sqrt(x: __m256) -> __m256 = _mm256_sqrt_ps(x);
        to_bits(x: __m256) -> __m256i = _mm256_castps_si256(x);
        to_floats(x: __m256i) -> __m256 = _mm256_castsi256_ps(x);
        splat_bits(x: u32) -> __m256i = _mm256_set1_epi32(x as i32);
        lane_numbers() -> __m256i = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
        add_bits(a: __m256i, b: __m256i) -> __m256i = _mm256_add_epi32(a, b);
        int_to_float(x: __m256i) -> __m256 = _mm256_cvtepi32_ps(x);
        mul_bits(a: __m256i, b: __m256i) -> __m256i = _mm256_mullo_epi32(a, b);
        and(a: __m256i, b: __m256i) -> __m256i = _mm256_and_si256(a, b);
        or(a: __m256i, b: __m256i) -> __m256i = _mm256_or_si256(a, b);
        xor(a: __m256i, b: __m256i) -> __m256i = _mm256_xor_si256(a, b);
        shift_left(a: __m256i, by: u32) -> __m256i = _mm256_sllv_epi32(a, _mm256_set1_epi32(by as i32));
        shift_right(a: __m256i, by: u32) -> __m256i = _mm256_srlv_epi32(a, _mm256_set1_epi32(by as i32));
        select_less(a: __m256, b: __m256, yes: __m256, no: __m256) -> __m256 =
            _mm256_blendv_ps(no, yes, _mm256_cmp_ps::<_CMP_LT_OQ>(a, b));
    }

    #[inline(always)]
    fn sum(self, x: __m256) -> f32 {
        // SAFETY: `self` exists, so the CPU has AVX2.
        unsafe { sum(x) }
    }

    #[inline(always)]
    fn transpose(self, square: &mut [__m256]) {
        // SAFETY: `self` exists, so the CPU has AVX2.
        unsafe { transpose(square) }
    }

    #[inline(always)]
    fn load_part(self, from: &[f32]) -> __m256 {
        let mask = self.part_mask(from.len());
        // SAFETY: the mask reads only the lanes that `from` has, and the CPU has AVX because `self` exists.
        unsafe { _mm256_maskload_ps(from.as_ptr(), mask) }
    }

    #[inline(always)]
    fn store_part(self, x: __m256, to: &mut [f32]) {
        let mask = self.part_mask(to.len());
        // SAFETY: the mask writes only the lanes that `to` has, and the CPU has AVX because `self` exists.
        unsafe { _mm256_maskstore_ps(to.as_mut_ptr(), mask, x) }
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn sum(x: __m256) -> f32 {
    let fours = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps::<1>(x));
    let pairs = _mm_add_ps(fours, _mm_movehl_ps(fours, fours));
    _mm_cvtss_f32(_mm_add_ss(pairs, _mm_shuffle_ps::<1>(pairs, pairs)))
}

/// Pairs, then fours, then halves of the registers are exchanged.
#[inline]
#[target_feature(enable = "avx2")]
fn transpose(square: &mut [__m256]) {
    let rows: [__m256; 8] = std::array::from_fn(|i| square[i]);
    let pairs: [__m256; 8] = std::array::from_fn(|i| {
        let (a, b) = (rows[i / 2 * 2], rows[i / 2 * 2 + 1]);
        if i % 2 == 0 { _mm256_unpacklo_ps(a, b) } else { _mm256_unpackhi_ps(a, b) }
    });
    // In `fours[4 * i + c]`, half h holds column 4 * h + c of the rows 4 * i to 4 * i + 3.
    let fours: [__m256; 8] = std::array::from_fn(|i| {
        let first = i / 4 * 4 + i % 4 / 2;
        let (a, b) = (_mm256_castps_pd(pairs[first]), _mm256_castps_pd(pairs[first + 2]));
        _mm256_castpd_ps(if i % 2 == 0 { _mm256_unpacklo_pd(a, b) } else { _mm256_unpackhi_pd(a, b) })
    });
    for c in 0..4 {
        square[c] = _mm256_permute2f128_ps::<0x20>(fours[c], fours[4 + c]);
        square[4 + c] = _mm256_permute2f128_ps::<0x31>(fours[c], fours[4 + c]);
    }
}
