//! Attention is held to its twin.

use proptest::prelude::*;

use super::*;
use crate::{
    reference,
    testing::{assert_close, bits, values, with_threads},
};

const NO_DROPOUT: Option<Dropout> = None;

struct Case {
    cu_seqlens: Vec<usize>,
    n_heads: usize,
    head_size: usize,
    dropout: Option<Dropout>,
}

impl Case {
    fn new(lengths: &[usize], n_heads: usize, head_size: usize, dropout: Option<Dropout>) -> Self {
        let mut cu_seqlens = vec![0];
        lengths.iter().for_each(|len| cu_seqlens.push(cu_seqlens[cu_seqlens.len() - 1] + len));
        Self { cu_seqlens, n_heads, head_size, dropout }
    }

    fn attention(&self) -> Attention<'_> {
        let scale = 1.0 / (self.head_size as f32).sqrt();
        let Self { cu_seqlens, n_heads, head_size, dropout } = self;
        Attention { cu_seqlens, n_heads: *n_heads, head_size: *head_size, scale, dropout: *dropout }
    }

    fn n_tokens(&self) -> usize {
        self.cu_seqlens[self.cu_seqlens.len() - 1]
    }

    fn width(&self) -> usize {
        self.n_heads * self.head_size
    }

    fn qkv(&self) -> Vec<f32> {
        values(1, self.n_tokens() * 3 * self.width())
    }

    fn forward(&self, isa: Isa, qkv: &[f32]) -> (Vec<f32>, Vec<f32>) {
        let mut out = vec![f32::NAN; self.n_tokens() * self.width()];
        let mut lse = vec![f32::NAN; self.n_tokens() * self.n_heads];
        forward(isa, &self.attention(), qkv, &mut out, &mut lse);
        (out, lse)
    }

    fn reference(&self, qkv: &[f32]) -> (Vec<f32>, Vec<f32>) {
        let mut out = vec![0.0; self.n_tokens() * self.width()];
        let mut lse = vec![0.0; self.n_tokens() * self.n_heads];
        reference::attention(&self.attention(), qkv, &mut out, &mut lse);
        (out, lse)
    }

    fn check(&self, qkv: &[f32]) {
        let (out, lse) = self.reference(qkv);
        let saved = AttentionSaved { qkv, out: &out, lse: &lse };
        let d_out = values(2, out.len());
        let mut d_qkv = vec![0.0; qkv.len()];
        reference::attention_backward(&self.attention(), saved, &d_out, &mut d_qkv);
        for isa in Isa::available() {
            let (found, found_lse) = self.forward(isa, qkv);
            // Means of values below 1 (2 with dropout); the probabilities have relative errors of 1e-6.
            assert_close(isa.name(), &found, &out, 1e-5);
            assert_close(isa.name(), &found_lse, &lse, 1e-5);
            let mut found = vec![f32::NAN; qkv.len()];
            backward(isa, &self.attention(), saved, &d_out, &mut found);
            // Sums over up to 150 tokens of such terms.
            assert_close(isa.name(), &found, &d_qkv, 5e-5);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn attention_matches_reference(
        lengths in prop::collection::vec(prop_oneof![0usize..40, 60usize..70], 0..4),
        n_heads in 1usize..4,
        head_size in prop_oneof![Just(1usize), Just(4), Just(8), Just(12), Just(16), Just(32), Just(64)],
        dropped: bool,
    ) {
        let dropout = dropped.then_some(Dropout { probability: 0.3, seed: 7 });
        let case = Case::new(&lengths, n_heads, head_size, dropout);
        case.check(&case.qkv());
    }
}

#[test]
fn a_long_sequence_matches_reference() {
    let case = Case::new(&[150], 1, 32, NO_DROPOUT);
    case.check(&case.qkv());
}

#[test]
fn large_and_equal_scores_give_numbers() {
    let case = Case::new(&[20], 1, 8, NO_DROPOUT);
    let large: Vec<f32> = case.qkv().iter().map(|x| x * 1e4).collect();
    for isa in Isa::available() {
        assert!(case.forward(isa, &large).0.iter().all(|x| x.is_finite()), "{isa:?}");
        let equal = vec![3.0; large.len()];
        assert_close(isa.name(), &case.forward(isa, &equal).0, &[3.0; 160], 1e-6); // rounding of a mean
    }
}

#[test]
fn neighbours_and_threads_never_change_a_sequence() {
    let lengths = [5, 0, 37, 1, 70];
    let batch = Case::new(&lengths, 2, 16, NO_DROPOUT);
    let (qkv, width) = (batch.qkv(), batch.width());
    for isa in Isa::available() {
        let (out, _) = with_threads(1, || batch.forward(isa, &qkv));
        assert_eq!(bits(&out), bits(&with_threads(2, || batch.forward(isa, &qkv)).0));
        for ends in batch.cu_seqlens.windows(2) {
            let alone = Case::new(&[ends[1] - ends[0]], 2, 16, NO_DROPOUT);
            let (alone, _) = alone.forward(isa, &qkv[ends[0] * 3 * width..ends[1] * 3 * width]);
            assert_eq!(bits(&out[ends[0] * width..ends[1] * width]), bits(&alone), "{isa:?}");
        }
    }
}

#[test]
fn the_twin_gradient_is_that_of_finite_differences() {
    let dropout = Some(Dropout { probability: 0.2, seed: 3 });
    let case = Case::new(&[3, 4], 2, 4, dropout);
    let qkv = case.qkv();
    let (out, lse) = case.reference(&qkv);
    let d_out = values(2, out.len());
    let mut d_qkv = vec![0.0; qkv.len()];
    let saved = AttentionSaved { qkv: &qkv, out: &out, lse: &lse };
    reference::attention_backward(&case.attention(), saved, &d_out, &mut d_qkv);
    let loss = |qkv: &[f32]| -> f32 { case.reference(qkv).0.iter().zip(&d_out).map(|(x, d)| x * d).sum() };
    for i in (0..qkv.len()).step_by(5) {
        let (mut above, mut below) = (qkv.clone(), qkv.clone());
        above[i] += 1e-2;
        below[i] -= 1e-2;
        let slope = (loss(&above) - loss(&below)) / 2e-2;
        // The third derivative times 1e-4, and f32 sums divided by 2e-2.
        assert!((slope - d_qkv[i]).abs() < 1e-3, "{i}: {slope} is not {}", d_qkv[i]);
    }
}
