//! Short numbers on instruction sets that lack them: the same results by conversion.

use super::{MAX_LANES, Simd};

/// Added to a float below 2^22, it leaves the nearest integer in the low bits.
pub(crate) const ROUND: f32 = 12_582_912.0; // 1.5 * 2^23

#[inline(always)]
pub(super) fn pair_bf16<S: Simd>(simd: S, low: S::V, high: S::V) -> S::U {
    let low = simd.shift_right(round_bf16(simd, low), 16);
    simd.or(low, simd.and(round_bf16(simd, high), simd.splat_bits(0xFFFF_0000)))
}

/// The bits of a float whose high half is the nearest bfloat16; a denormal number is zero, and a NaN stays one.
#[inline(always)]
fn round_bf16<S: Simd>(simd: S, x: S::V) -> S::U {
    let bits = simd.to_bits(x);
    let odd = simd.and(simd.shift_right(bits, 16), simd.splat_bits(1));
    let rounded = simd.add_bits(bits, simd.add_bits(odd, simd.splat_bits(0x7FFF)));
    let magnitude = simd.to_floats(simd.and(bits, simd.splat_bits(0x7FFF_FFFF)));
    let zero = simd.to_floats(simd.and(bits, simd.splat_bits(0x8000_0000)));
    let number = simd.select_less(magnitude, simd.splat(f32::MIN_POSITIVE), zero, simd.to_floats(rounded));
    // The bits of a NaN's magnitude lie above those of infinity.
    let above = simd.add_bits(simd.to_bits(magnitude), simd.splat_bits(0x8000_0000 - 0x7F80_0001));
    let is_nan = simd.mul_bits(simd.shift_right(above, 31), simd.splat_bits(u32::MAX));
    let (number, quiet) = (simd.to_bits(number), simd.or(bits, simd.splat_bits(0x0040_0000)));
    simd.xor(number, simd.and(is_nan, simd.xor(number, quiet)))
}

#[inline(always)]
pub(super) fn narrow_bf16<S: Simd>(simd: S, first: S::V, second: S::V) -> S::U {
    let (mut values, mut pairs) = ([0.0; 2 * MAX_LANES], [[0.0; MAX_LANES]; 2]);
    simd.store(first, &mut values);
    simd.store(second, &mut values[S::LANES..]);
    for (i, pair) in values[..2 * S::LANES].as_chunks::<2>().0.iter().enumerate() {
        pairs.iter_mut().zip(pair).for_each(|(half, value)| half[i] = *value);
    }
    simd.pair_bf16(simd.load(&pairs[0]), simd.load(&pairs[1]))
}

#[inline(always)]
pub(super) fn narrow_bytes<S: Simd>(simd: S, x: [S::U; 4]) -> S::U {
    let mut lanes = [0.0; 4 * MAX_LANES];
    x.iter()
        .zip(lanes.chunks_exact_mut(S::LANES))
        .for_each(|(x, lanes)| simd.store(simd.to_floats(*x), lanes));
    let mut bytes = [0.0; MAX_LANES];
    for (group, four) in bytes.iter_mut().zip(lanes[..4 * S::LANES].as_chunks::<4>().0) {
        *group = f32::from_bits(u32::from_le_bytes(four.map(|lane| lane.to_bits() as u8)));
    }
    simd.to_bits(simd.load(&bytes))
}

#[inline(always)]
pub(super) fn dot_bf16<S: Simd>(simd: S, a: S::U, b: S::U, sum: S::V) -> S::V {
    let mask = simd.splat_bits(0xFFFF_0000);
    let high = |x: S::U| simd.to_floats(simd.and(x, mask));
    let low = |x: S::U| simd.to_floats(simd.shift_left(x, 16));
    simd.mul_add(low(a), low(b), simd.mul_add(high(a), high(b), sum))
}

#[inline(always)]
pub(super) fn dot_bytes<S: Simd>(simd: S, a: S::U, b: S::U, mut sum: S::U) -> S::U {
    for byte in 0..4 {
        let low = |x: S::U| simd.and(simd.shift_right(x, 8 * byte), simd.splat_bits(0xFF));
        // Flips the sign bit to count from -128, then takes 128 off.
        let signed = simd.add_bits(simd.xor(low(b), simd.splat_bits(0x80)), simd.splat_bits(-128i32 as u32));
        sum = simd.add_bits(sum, simd.mul_bits(low(a), signed));
    }
    sum
}

#[inline(always)]
pub(super) fn int_to_float<S: Simd>(simd: S, x: S::U) -> S::V {
    // `x + 2^31` is not negative; its halves become floats by their place in the bits of 2^23.
    let biased = simd.xor(x, simd.splat_bits(0x8000_0000));
    let half = |bits: S::U| {
        let float = simd.to_floats(simd.or(bits, simd.splat_bits(0x4B00_0000)));
        simd.sub(float, simd.splat(8_388_608.0))
    };
    let low = half(simd.and(biased, simd.splat_bits(0xFFFF)));
    let high = half(simd.shift_right(biased, 16));
    // (high - 2^15) * 2^16 is exact, so that one rounding is left.
    simd.mul_add(simd.sub(high, simd.splat(32_768.0)), simd.splat(65_536.0), low)
}

#[cfg(test)]
mod tests {
    use half::bf16;
    use proptest::prelude::*;

    use super::*;
    use crate::simd::{Isa, Kernel};

    /// What each operation gives for some bits, lane by lane.
    struct All<'a>(&'a [u32]);

    impl Kernel for All<'_> {
        type Output = Vec<(&'static str, Vec<u32>)>;

        #[inline(always)]
        fn run<S: Simd>(self, simd: S) -> Self::Output {
            let floats: Vec<f32> = self.0.iter().map(|&bits| f32::from_bits(bits)).collect();
            let n = S::LANES;
            let mut found: Self::Output = ["pair", "narrow", "bytes", "dot_bf16", "dot_bytes", "int"]
                .map(|name| (name, Vec::new()))
                .into();
            for x in floats.chunks_exact(4 * n) {
                let [a, b, c, d] = [0, 1, 2, 3].map(|i| simd.load(&x[i * n..]));
                let bits = [a, b, c, d].map(|x| simd.to_bits(x));
                // Pairs whose products neither overflow nor vanish.
                let tame = |x: S::U| {
                    simd.or(simd.and(x, simd.splat_bits(0x83FF_83FF)), simd.splat_bits(0x3E00_3E00))
                };
                let sum = simd.to_floats(
                    simd.or(simd.and(bits[2], simd.splat_bits(0x83FF_FFFF)), simd.splat_bits(0x3E00_0000)),
                );
                let results = [
                    simd.to_floats(simd.pair_bf16(a, b)),
                    simd.to_floats(simd.narrow_bf16(a, b)),
                    simd.to_floats(simd.narrow_bytes(bits)),
                    simd.dot_bf16(tame(bits[0]), tame(bits[1]), sum),
                    simd.to_floats(simd.dot_bytes(bits[0], bits[1], bits[2])),
                    simd.int_to_float(bits[3]),
                ];
                for ((_, found), result) in found.iter_mut().zip(results) {
                    let mut lanes = [0.0; MAX_LANES];
                    simd.store(result, &mut lanes);
                    found.extend(lanes[..n].iter().map(|lane| lane.to_bits()));
                }
            }
            found
        }
    }

    /// The same, one number after the other.
    fn expected(bits: &[u32], n: usize) -> Vec<(&'static str, Vec<u32>)> {
        let round = |bits: u32| {
            let x = f32::from_bits(bits);
            let x = if x.is_subnormal() { 0.0f32.copysign(x) } else { x };
            u32::from(bf16::from_f32(x).to_bits())
        };
        let mut all: Vec<(&str, Vec<u32>)> =
            ["pair", "narrow", "bytes", "dot_bf16", "dot_bytes", "int"].map(|name| (name, Vec::new())).into();
        for x in bits.chunks_exact(4 * n) {
            let at = |part: usize, i: usize| x[part * n + i];
            for i in 0..n {
                all[0].1.push(round(at(0, i)) | round(at(1, i)) << 16);
                all[1].1.push(round(x[2 * i]) | round(x[2 * i + 1]) << 16);
                all[2].1.push(u32::from_le_bytes([0, 1, 2, 3].map(|byte| x[4 * i + byte] as u8)));
                let [a, b] = [0, 1].map(|part| at(part, i) & 0x83FF_83FF | 0x3E00_3E00);
                let sum = f32::from_bits(at(2, i) & 0x83FF_FFFF | 0x3E00_0000);
                let [high, low] = [0xFFFF_0000, 0xFFFF].map(|mask: u32| {
                    let place = mask.trailing_zeros();
                    [a, b].map(|x| f32::from_bits((x & mask) >> place << 16))
                });
                all[3].1.push(low[0].mul_add(low[1], high[0].mul_add(high[1], sum)).to_bits());
                let products = at(0, i).to_le_bytes().into_iter().zip(at(1, i).to_le_bytes());
                let dot: i32 = products.map(|(a, b)| i32::from(a) * i32::from(b as i8)).sum();
                all[4].1.push(at(2, i).wrapping_add(dot as u32));
                all[5].1.push((at(3, i) as i32 as f32).to_bits());
            }
        }
        all
    }

    proptest! {
        #[test]
        fn every_instruction_set_gives_the_same_bits(bits in prop::collection::vec(any::<u32>(), 128)) {
            for isa in Isa::available() {
                let n = isa.run(Lanes);
                let fused = isa.name() != "plain" || cfg!(target_feature = "fma");
                for (found, expected) in isa.run(All(&bits)).into_iter().zip(expected(&bits, n)) {
                    if fused || found.0 != "dot_bf16" {
                        prop_assert_eq!(&found, &expected, "{}", isa.name());
                    }
                }
            }
        }
    }

    struct Lanes;

    impl Kernel for Lanes {
        type Output = usize;

        #[inline(always)]
        fn run<S: Simd>(self, _: S) -> usize {
            S::LANES
        }
    }

    #[test]
    fn edges_are_rounded_as_the_instruction_does() {
        let edges =
            [0, 1, 0x007F_FFFF, 0x807F_FFFF, 0x7F80_0000, 0xFF80_0000, 0x7F80_0001, 0x7FC1_2345, 0x7F7F_FFFF];
        let bits: Vec<u32> = edges.into_iter().cycle().take(128).collect();
        for isa in Isa::available() {
            let (found, expected) = (isa.run(All(&bits)), expected(&bits, isa.run(Lanes)));
            for place in [0, 1, 5] {
                assert_eq!(found[place], expected[place], "{}", isa.name());
            }
        }
    }
}
