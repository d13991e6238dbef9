//! Vectors of 16 floats: AVX-512F, and with it the instructions for short numbers where the CPU has them.

use std::arch::x86_64::*;

use super::{Kernel, Simd, convert};

/// Vectors of 16 floats. `SHORT` says whether there are instructions for bfloat16 and for bytes.
// Invariant: a value exists only where the CPU has AVX-512F, and with `SHORT` also AVX-512 BW, VL, BF16 and VNNI;
// `detect` is the only constructor.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Avx512<const SHORT: bool>(());

impl<const SHORT: bool> Avx512<SHORT> {
    /// The proof that this CPU has the instructions.
    pub(super) fn detect() -> Option<Self> {
        let has_short = is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512bf16")
            && is_x86_feature_detected!("avx512vnni");
        (is_x86_feature_detected!("avx512f") && (has_short || !SHORT)).then_some(Self(()))
    }

    pub(super) fn run<K: Kernel>(self, kernel: K) -> K::Output {
        #[inline(never)]
        #[target_feature(enable = "avx512f")]
        fn long<S: Simd, K: Kernel>(simd: S, kernel: K) -> K::Output {
            kernel.run(simd)
        }
        #[inline(never)]
        #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512bf16,avx512vnni")]
        fn short<S: Simd, K: Kernel>(simd: S, kernel: K) -> K::Output {
            kernel.run(simd)
        }
        if SHORT {
            // SAFETY: `self` exists, so the CPU has AVX-512F, BW, VL, BF16 and VNNI.
            unsafe { short(self, kernel) }
        } else {
            // SAFETY: `self` exists, so the CPU has AVX-512F.
            unsafe { long(self, kernel) }
        }
    }
}

impl<const SHORT: bool> Simd for Avx512<SHORT> {
    const LANES: usize = 16;
    const TILE_ROWS: usize = 14;
    type V = __m512;
    type U = __m512i;

    #[inline(always)]
    fn call<K: Kernel>(self, kernel: K) -> K::Output {
        self.run(kernel)
    }

    #[inline(always)]
    fn load(self, from: &[f32]) -> __m512 {
        let from = from[..16].as_ptr();
        // SAFETY: `from` points to 16 floats, and the CPU has AVX-512F because `self` exists.
        unsafe { _mm512_loadu_ps(from) }
    }

    #[inline(always)]
    fn prefetch(self, from: &[f32], ahead: usize) {
        let place = from.as_ptr().wrapping_add(ahead).cast();
        // SAFETY: a prefetch reads nothing, so any address will do; SSE is part of x86-64.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(place) }
    }

    #[inline(always)]
    fn store(self, x: __m512, to: &mut [f32]) {
        let to = to[..16].as_mut_ptr();
        // SAFETY: `to` points to 16 floats, and the CPU has AVX-512F because `self` exists.
        unsafe { _mm512_storeu_ps(to, x) }
    }

    instructions! {
        splat(x: f32) -> __m512 = _mm512_set1_ps(x);
        add(a: __m512, b: __m512) -> __m512 = _mm512_add_ps(a, b);
        sub(a: __m512, b: __m512) -> __m512 = _mm512_sub_ps(a, b);
        mul(a: __m512, b: __m512) -> __m512 = _mm512_mul_ps(a, b);
        div(a: __m512, b: __m512) -> __m512 = _mm512_div_ps(a, b);
        mul_add(a: __m512, b: __m512, c: __m512) -> __m512 = _mm512_fmadd_ps(a, b, c);
        max(a: __m512, b: __m512) -> __m512 = _mm512_max_ps(a, b);
        min(a: __m512, b: __m512) -> __m512 = _mm512_min_ps(a, b);
        sqrt(x: __m512) -> __m512 = _mm512_sqrt_ps(x);
        sum(x: __m512) -> f32 = _mm512_reduce_add_ps(x);
        to_bits(x: __m512) -> __m512i = _mm512_castps_si512(x);
        to_floats(x: __m512i) -> __m512 = _mm512_castsi512_ps(x);
        splat_bits(x: u32) -> __m512i = _mm512_set1_epi32(x as i32);
        int_to_float(x: __m512i) -> __m512 = _mm512_cvtepi32_ps(x);
        lane_numbers() -> __m512i = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
        add_bits(a: __m512i, b: __m512i) -> __m512i = _mm512_add_epi32(a, b);
        mul_bits(a: __m512i, b: __m512i) -> __m512i = _mm512_mullo_epi32(a, b);
        and(a: __m512i, b: __m512i) -> __m512i = _mm512_and_si512(a, b);
        or(a: __m512i, b: __m512i) -> __m512i = _mm512_or_si512(a, b);
        xor(a: __m512i, b: __m512i) -> __m512i = _mm512_xor_si512(a, b);
        shift_left(a: __m512i, by: u32) -> __m512i = _mm512_sllv_epi32(a, _mm512_set1_epi32(by as i32));
        shift_right(a: __m512i, by: u32) -> __m512i = _mm512_srlv_epi32(a, _mm512_set1_epi32(by as i32));
        select_less(a: __m512, b: __m512, yes: __m512, no: __m512) -> __m512 =
            _mm512_mask_blend_ps(_mm512_cmp_ps_mask::<_CMP_LT_OQ>(a, b), no, yes);
    }

    #[inline(always)]
    fn transpose(self, square: &mut [__m512]) {
        // SAFETY: `self` exists, so the CPU has AVX-512F.
        unsafe { transpose(square) }
    }

    #[inline(always)]
    fn pair_bf16(self, low: __m512, high: __m512) -> __m512i {
        if !SHORT {
            return convert::pair_bf16(self, low, high);
        }
        let ends = self.narrow_bf16(low, high);
        // SAFETY: `self` exists, so the CPU has AVX-512 BW.
        unsafe { _mm512_permutexvar_epi16(_mm512_load_si512(HALVES.0.as_ptr().cast()), ends) }
    }

    #[inline(always)]
    fn narrow_bf16(self, first: __m512, second: __m512) -> __m512i {
        if !SHORT {
            return convert::narrow_bf16(self, first, second);
        }
        // SAFETY: `self` exists, so the CPU has AVX-512 BF16; both types are 512 bits.
        unsafe { std::mem::transmute::<__m512bh, __m512i>(_mm512_cvtne2ps_pbh(second, first)) }
    }

    #[inline(always)]
    fn narrow_bytes(self, x: [__m512i; 4]) -> __m512i {
        // SAFETY: `self` exists, so the CPU has AVX-512F.
        unsafe {
            let [a, b, c, d] = x.map(|x| _mm512_castsi128_si512(_mm512_cvtepi32_epi8(x)));
            let (ab, cd) = (_mm512_shuffle_i32x4::<0x44>(a, b), _mm512_shuffle_i32x4::<0x44>(c, d));
            _mm512_shuffle_i32x4::<0x88>(ab, cd)
        }
    }

    #[inline(always)]
    fn dot_bf16(self, a: __m512i, b: __m512i, sum: __m512) -> __m512 {
        if !SHORT {
            return convert::dot_bf16(self, a, b, sum);
        }
        // SAFETY: `self` exists, so the CPU has AVX-512 BF16; the types are 512 bits each.
        unsafe {
            let [a, b] = [a, b].map(|x| std::mem::transmute::<__m512i, __m512bh>(x));
            _mm512_dpbf16_ps(sum, a, b)
        }
    }

    #[inline(always)]
    fn dot_bytes(self, a: __m512i, b: __m512i, sum: __m512i) -> __m512i {
        if !SHORT {
            return convert::dot_bytes(self, a, b, sum);
        }
        // SAFETY: `self` exists, so the CPU has AVX-512 VNNI.
        unsafe { _mm512_dpbusd_epi32(sum, a, b) }
    }

    #[inline(always)]
    fn load_part(self, from: &[f32]) -> __m512 {
        let mask = part_mask(from.len());
        // SAFETY: the mask reads only the lanes that `from` has, and the CPU has AVX-512F because `self` exists.
        unsafe { _mm512_maskz_loadu_ps(mask, from.as_ptr()) }
    }

    #[inline(always)]
    fn store_part(self, x: __m512, to: &mut [f32]) {
        let mask = part_mask(to.len());
        // SAFETY: the mask writes only the lanes that `to` has, and the CPU has AVX-512F because `self` exists.
        unsafe { _mm512_mask_storeu_ps(to.as_mut_ptr(), mask, x) }
    }
}

#[repr(align(64))]
struct Halves([u16; 32]);

/// Takes turns between the lower and the upper 16 short numbers.
static HALVES: Halves = {
    let mut halves = [0; 32];
    let mut i = 0;
    while i < 32 {
        halves[i] = (i / 2 + i % 2 * 16) as u16;
        i += 1;
    }
    Halves(halves)
};

/// A mask of the first `len` lanes.
#[inline(always)]
fn part_mask(len: usize) -> __mmask16 {
    assert!(len <= 16, "part of a vector has at most 16 values");
    ((1u32 << len) - 1) as __mmask16
}

/// Pairs, then fours, then quarters of the registers are exchanged.
#[inline]
#[target_feature(enable = "avx512f")]
fn transpose(square: &mut [__m512]) {
    let rows: [__m512; 16] = std::array::from_fn(|i| square[i]);
    let pairs: [__m512; 16] = std::array::from_fn(|i| {
        let (a, b) = (rows[i / 2 * 2], rows[i / 2 * 2 + 1]);
        if i % 2 == 0 { _mm512_unpacklo_ps(a, b) } else { _mm512_unpackhi_ps(a, b) }
    });
    // In `fours[4 * i + c]`, quarter q holds column 4 * q + c of the rows 4 * i to 4 * i + 3.
    let fours: [__m512; 16] = std::array::from_fn(|i| {
        let first = i / 4 * 4 + i % 4 / 2;
        let (a, b) = (_mm512_castps_pd(pairs[first]), _mm512_castps_pd(pairs[first + 2]));
        _mm512_castpd_ps(if i % 2 == 0 { _mm512_unpacklo_pd(a, b) } else { _mm512_unpackhi_pd(a, b) })
    });
    for c in 0..4 {
        let low = _mm512_shuffle_f32x4::<0x44>(fours[c], fours[4 + c]);
        let high = _mm512_shuffle_f32x4::<0xEE>(fours[c], fours[4 + c]);
        let low2 = _mm512_shuffle_f32x4::<0x44>(fours[8 + c], fours[12 + c]);
        let high2 = _mm512_shuffle_f32x4::<0xEE>(fours[8 + c], fours[12 + c]);
        square[c] = _mm512_shuffle_f32x4::<0x88>(low, low2);
        square[4 + c] = _mm512_shuffle_f32x4::<0xDD>(low, low2);
        square[8 + c] = _mm512_shuffle_f32x4::<0x88>(high, high2);
        square[12 + c] = _mm512_shuffle_f32x4::<0xDD>(high, high2);
    }
}
