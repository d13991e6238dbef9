//! The matrix product is held to its twin.

use proptest::prelude::*;

use std::ops::Range;

use super::*;
use crate::{
    Isa, reference,
    testing::{assert_close, bits, length, values, with_threads},
};

/// A matrix in either orientation over the same values.
fn mat(data: &[f32], rows: usize, cols: usize, transposed: bool) -> MatRef<'_> {
    if transposed { MatRef::new(data, cols, rows).transposed() } else { MatRef::new(data, rows, cols) }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn gemm_matches_reference(
        (m, k, n) in (length(), length(), length()),
        a_transposed: bool,
        b_transposed: bool,
        add: bool,
    ) {
        let (a, b, c) = (values(1, m * k), values(2, k * n), values(3, m * n));
        let (a, b) = (mat(&a, m, k, a_transposed), mat(&b, k, n, b_transposed));
        let write = if add { Write::Add } else { Write::Overwrite };
        let mut expected = c.clone();
        reference::gemm(a, b, &mut expected, write);
        for isa in Isa::available() {
            let mut found = c.clone();
            gemm(a, &Packed::for_isa(isa, Precision::F32, b), &mut found, write, Epilogue::None);
            // 129 terms below 1, each rounded to 2^-24 of a sum that stays below 30.
            assert_close(isa.name(), &found, &expected, 3e-5);
        }
    }

    #[test]
    fn short_factors_give_the_product_of_rounded_operands(
        (m, k, n) in (length(), 1..200usize, length()),
        int8: bool,
        b_transposed: bool,
    ) {
        let precision = if int8 { Precision::Int8 } else { Precision::Bf16 };
        let (a, b) = (values(1, m * k), values(2, k * n));
        let (a, b) = (MatRef::new(&a, m, k), mat(&b, k, n, b_transposed));
        let (a_rounded, b_rounded) = reference::rounded(precision, a, b);
        let mut expected = vec![0.0; m * n];
        let operands = (MatRef::new(&a_rounded, m, k), MatRef::new(&b_rounded, k, n));
        reference::gemm(operands.0, operands.1, &mut expected, Write::Overwrite);
        for isa in Isa::available() {
            let mut found = vec![0.0; m * n];
            gemm(a, &Packed::for_isa(isa, precision, b), &mut found, Write::Overwrite, Epilogue::None);
            // A value halfway between two bytes may go either way; else sums of 200 terms below 1.
            assert_close(isa.name(), &found, &expected, if int8 { 0.02 } else { 4e-5 });
        }
    }

    #[test]
    fn the_epilogue_follows_the_product((m, k, n) in (length(), 1usize..20, length())) {
        let (a, b, bias) = (values(1, m * k), values(2, k * n), values(3, n));
        let (a, b) = (MatRef::new(&a, m, k), MatRef::new(&b, k, n));
        for isa in Isa::available() {
            let b = Packed::for_isa(isa, Precision::F32, b);
            let mut plain = vec![0.0; m * n];
            gemm(a, &b, &mut plain, Write::Overwrite, Epilogue::None);
            plain.iter_mut().enumerate().for_each(|(i, x)| *x += bias[i % n]);
            let mut biased = vec![0.0; m * n];
            gemm(a, &b, &mut biased, Write::Overwrite, Epilogue::Bias(&bias));
            prop_assert_eq!(bits(&biased), bits(&plain));

            let (mut found, mut pre) = (vec![0.0; m * n], vec![0.0; m * n]);
            let activation = Activation::Gelu;
            let epilogue = Epilogue::Activation { bias: Some(&bias), activation, pre: Some(&mut pre) };
            gemm(a, &b, &mut found, Write::Overwrite, epilogue);
            prop_assert_eq!(bits(&pre), bits(&plain));
            reference::activate(activation, &mut plain);
            assert_close(isa.name(), &found, &plain, 1e-6); // see `activation`
        }
    }
}

#[test]
fn k_beyond_a_block_matches_reference() {
    let (m, k, n) = (9, 2100, 40);
    let (a, b) = (values(1, m * k), values(2, k * n));
    let (a, b) = (MatRef::new(&a, m, k), MatRef::new(&b, k, n));
    let mut expected = vec![0.0; m * n];
    reference::gemm(a, b, &mut expected, Write::Overwrite);
    for isa in Isa::available() {
        let mut found = vec![0.0; m * n];
        gemm(a, &Packed::for_isa(isa, Precision::F32, b), &mut found, Write::Overwrite, Epilogue::None);
        // 2100 terms below 1, sums of about 20.
        assert_close(isa.name(), &found, &expected, 1e-4);
    }
}

/// Where multiply-adds are fused, all instruction sets agree to the bit, for each value is one chain.
#[test]
fn fused_instruction_sets_agree_to_the_bit() {
    [Precision::F32, Precision::Bf16, Precision::Int8].into_iter().for_each(agree_to_the_bit);
}

fn agree_to_the_bit(precision: Precision) {
    let (m, k, n) = (31, 77, 50);
    let (a, b) = (values(1, m * k), values(2, k * n));
    let (a, b) = (MatRef::new(&a, m, k), MatRef::new(&b, k, n));
    let fused = Isa::available().into_iter().filter(|isa| isa.name() != "plain");
    let results = fused.map(|isa| {
        let mut c = vec![0.0; m * n];
        gemm(a, &Packed::for_isa(isa, precision, b), &mut c, Write::Overwrite, Epilogue::None);
        bits(&c)
    });
    let results: Vec<_> = results.collect();
    assert!(results.windows(2).all(|pair| pair[0] == pair[1]), "{precision}");
}

#[test]
fn a_row_does_not_depend_on_the_others_nor_on_threads() {
    [Precision::F32, Precision::Bf16, Precision::Int8].into_iter().for_each(is_independent);
}

fn is_independent(precision: Precision) {
    let (m, k, n) = (301, 2100, 70);
    let (a, b, bias) = (values(1, m * k), values(2, k * n), values(3, n));
    for isa in Isa::available() {
        let b = Packed::for_isa(isa, precision, MatRef::new(&b, k, n));
        let product = |rows: Range<usize>| {
            let mut c = vec![0.0; rows.len() * n];
            let a = MatRef::new(&a[rows.start * k..rows.end * k], rows.len(), k);
            let epilogue =
                Epilogue::Activation { bias: Some(&bias), activation: Activation::Gelu, pre: None };
            gemm(a, &b, &mut c, Write::Overwrite, epilogue);
            bits(&c)
        };
        let all = with_threads(1, || product(0..m));
        assert_eq!(all, with_threads(2, || product(0..m)));
        assert_eq!(all, with_threads(3, || crate::together(|| product(0..m))));
        for rows in [0..1, 5..7, 100..113, 17..64, 299..301] {
            assert_eq!(all[rows.start * n..rows.end * n], product(rows.clone()), "{isa:?} {rows:?}");
        }
    }
}

#[test]
fn a_packed_buffer_is_reused() {
    let (a, b) = (values(1, 5 * 40), values(2, 40 * 33));
    let mut packed = Packed::empty();
    packed.pack(Precision::F32, MatRef::new(&b, 33, 40));
    packed.pack(Precision::F32, MatRef::new(&b[..3], 1, 3));
    let mut c = [0.0; 5 * 3];
    gemm(MatRef::new(&a[..5], 5, 1), &packed, &mut c, Write::Overwrite, Epilogue::None);
    let expected: Vec<f32> = a[..5].iter().flat_map(|a| b[..3].iter().map(move |b| a * b)).collect();
    assert_close("product", &c, &expected, 1e-7); // one rounding
}

/// Rows whose least value lies halfway between two bytes: it must not become the byte below zero, which is 255.
#[test]
fn the_least_value_of_a_row_never_wraps() {
    let next = |x: f32, steps: u32| f32::from_bits(x.to_bits() + steps);
    let mut rows = Vec::new();
    for halves in [2.5, 60.5, 100.5, 126.5] {
        for steps in 0..1024 {
            rows.extend([-next(halves, steps % 32), next(254.0 - halves, steps / 32)]);
        }
    }
    let a = MatRef::new(&rows, rows.len() / 2, 2);
    for isa in Isa::available() {
        let mut c = vec![0.0; rows.len()];
        let b = Packed::for_isa(isa, Precision::Int8, MatRef::new(&[1.0, 0.0, 0.0, 1.0], 2, 2));
        gemm(a, &b, &mut c, Write::Overwrite, Epilogue::None);
        let error = c.iter().zip(&rows).map(|(c, a)| (c - a).abs()).fold(0.0, f32::max);
        assert!(error < 1.01, "{}: a step is 1, but a value is off by {error}", isa.name());
    }
}
