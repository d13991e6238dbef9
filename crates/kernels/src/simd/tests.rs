//! The operations of each instruction set are held to those of single values.

use super::*;
use crate::testing::{bits, values};

/// Values whose comparisons, roundings and bits are easy to get wrong.
#[rustfmt::skip]
const EDGES: [f32; 16] = [
    0.0, -0.0, 1.0, -1.0, 0.1, 3.3, -2.5, 1e-40, f32::MIN_POSITIVE, f32::MAX, f32::EPSILON, 12_582_913.0,
    f32::INFINITY, f32::NEG_INFINITY, f32::NAN, 1e30,
];

/// Each pair of edges, with a third value.
fn triples() -> impl Iterator<Item = [f32; 3]> {
    (0..256).map(|i| [EDGES[i / 16], EDGES[i % 16], EDGES[(i * 7 + i / 16) % 16]])
}

/// Holds one operation to that of single values: the same bits, or both are NaN.
#[track_caller]
fn check<S: Simd>(
    simd: S,
    vectors: impl Fn(S::V, S::V, S::V) -> S::V,
    single: impl Fn(f32, f32, f32) -> f32,
) {
    let triples: Vec<[f32; 3]> = triples().collect();
    for triples in triples.chunks_exact(S::LANES) {
        let [a, b, c] = [0, 1, 2].map(|i| simd.load(&triples.iter().map(|t| t[i]).collect::<Vec<_>>()));
        let mut found = vec![0.0; S::LANES];
        simd.store(vectors(a, b, c), &mut found);
        for (found, [a, b, c]) in found.iter().zip(triples) {
            let expected = single(*a, *b, *c);
            let same = found.to_bits() == expected.to_bits() || found.is_nan() && expected.is_nan();
            assert!(same, "of {a}, {b} and {c}: {found} is not {expected}");
        }
    }
}

/// Holds one operation on integers to that of single integers.
#[track_caller]
fn check_bits<S: Simd>(simd: S, vectors: impl Fn(S::U, S::U) -> S::U, single: impl Fn(u32, u32) -> u32) {
    for [a, b, _] in triples() {
        let found = vectors(
            simd.to_bits(simd.splat(a)),
            simd.add_bits(simd.splat_bits(b.to_bits()), simd.lane_numbers()),
        );
        let mut lanes = vec![0.0; S::LANES];
        simd.store(simd.to_floats(found), &mut lanes);
        let expected = (0..S::LANES as u32).map(|lane| single(a.to_bits(), b.to_bits().wrapping_add(lane)));
        assert_eq!(bits(&lanes), expected.collect::<Vec<_>>(), "of {:x} and {:x}", a.to_bits(), b.to_bits());
    }
}

/// Runs a check on every instruction set.
macro_rules! on_each {
    ($name:ident, $simd:ident => $body:block) => {
        #[test]
        fn $name() {
            struct Check;
            impl Kernel for Check {
                type Output = ();
                fn run<S: Simd>(self, $simd: S) $body
            }
            Isa::available().into_iter().for_each(|isa| isa.run(Check));
        }
    };
}

on_each!(arithmetic_rounds_as_single_values_do, simd => {
    check(simd, |a, b, _| simd.add(a, b), |a, b, _| a + b);
    check(simd, |a, b, _| simd.sub(a, b), |a, b, _| a - b);
    check(simd, |a, b, _| simd.mul(a, b), |a, b, _| a * b);
    check(simd, |a, b, _| simd.div(a, b), |a, b, _| a / b);
    check(simd, |a, _, _| simd.sqrt(a), |a, _, _| a.sqrt());
});

on_each!(a_multiply_add_is_fused_but_in_plain_code_of_x86, simd => {
    let is_plain = std::any::type_name::<S>().contains("Plain");
    if is_plain && !cfg!(any(target_arch = "aarch64", target_feature = "fma")) {
        check(simd, |a, b, c| simd.mul_add(a, b, c), |a, b, c| a * b + c);
    } else {
        check(simd, |a, b, c| simd.mul_add(a, b, c), f32::mul_add);
    }
});

on_each!(comparisons_with_nan_choose_the_second, simd => {
    check(simd, |a, b, _| simd.max(a, b), |a, b, _| if a > b { a } else { b });
    check(simd, |a, b, _| simd.min(a, b), |a, b, _| if a < b { a } else { b });
    check(simd, |a, b, c| simd.select_less(a, b, c, b), |a, b, c| if a < b { c } else { b });
});

on_each!(integers_wrap, simd => {
    check_bits(simd, |a, b| simd.add_bits(a, b), u32::wrapping_add);
    check_bits(simd, |a, b| simd.mul_bits(a, b), u32::wrapping_mul);
    check_bits(simd, |a, b| simd.and(a, b), |a, b| a & b);
    check_bits(simd, |a, b| simd.or(a, b), |a, b| a | b);
    check_bits(simd, |a, b| simd.xor(a, b), |a, b| a ^ b);
    for by in [0, 1, 9, 16, 31] {
        check_bits(simd, |_, b| simd.shift_left(b, by), |_, b| b << by);
        check_bits(simd, |_, b| simd.shift_right(b, by), |_, b| b >> by);
    }
});

on_each!(a_square_is_transposed, simd => {
    let n = S::LANES;
    let x = values(1, n * n);
    let mut square: Vec<S::V> = x.chunks_exact(n).map(|row| simd.load(row)).collect();
    simd.transpose(&mut square);
    for (column, vector) in square.into_iter().enumerate() {
        let mut found = vec![0.0; n];
        simd.store(vector, &mut found);
        let expected: Vec<f32> = (0..n).map(|row| x[row * n + column]).collect();
        assert_eq!(found, expected);
    }
});

on_each!(parts_of_vectors_touch_their_lanes_alone, simd => {
    let x = values(1, S::LANES);
    for len in 0..=S::LANES {
        let mut lanes = vec![0.0; S::LANES];
        simd.store(simd.load_part(&x[..len]), &mut lanes);
        assert_eq!((&lanes[..len], &lanes[len..]), (&x[..len], &vec![0.0; S::LANES - len][..]));
        let mut stored = vec![7.0; S::LANES];
        simd.store_part(simd.load(&x), &mut stored[..len]);
        assert_eq!((&stored[..len], &stored[len..]), (&x[..len], &vec![7.0; S::LANES - len][..]));
    }
});

on_each!(a_sum_has_every_lane, simd => {
    for lane in 0..S::LANES {
        let mut x = vec![1.0; S::LANES];
        x[lane] = 100.0;
        assert_eq!(simd.sum(simd.load(&x)), 99.0 + S::LANES as f32);
    }
});
