//! The scores of distances are held to their twin.

use proptest::prelude::*;

use super::*;
use crate::{
    reference,
    testing::{assert_close, bits, values, with_threads},
};

/// Sequences, what of distances is compared, and all values.
#[derive(Clone)]
struct Case {
    cu_seqlens: Vec<usize>,
    n_heads: usize,
    head_size: usize,
    rows: Vec<u32>,
    /// Of keys and queries.
    firsts: [Option<usize>; 2],
    qkv: Vec<f32>,
    positions: Vec<f32>,
}

/// Keys, queries, or both in either order are compared.
fn firsts(kind: usize, n_heads: usize) -> [Option<usize>; 2] {
    [[Some(0), None], [None, Some(0)], [Some(n_heads), Some(0)], [Some(0), Some(n_heads)]][kind]
}

impl Case {
    /// Distances share a row with a neighbour, and beyond `n_rows` to either side all do.
    fn new(
        lengths: &[usize],
        n_rows: usize,
        (n_heads, head_size): (usize, usize),
        firsts: [Option<usize>; 2],
    ) -> Self {
        let mut cu_seqlens = vec![0];
        lengths.iter().for_each(|len| cu_seqlens.push(cu_seqlens[cu_seqlens.len() - 1] + len));
        let span = lengths.iter().copied().max().unwrap_or(0).max(1) as i64;
        let row = |distance: i64| (distance / 2 + n_rows as i64).clamp(0, 2 * n_rows as i64) as u32;
        Self {
            n_heads,
            head_size,
            rows: (1 - span..span).map(row).collect(),
            firsts,
            qkv: values(1, cu_seqlens[lengths.len()] * 3 * n_heads * head_size),
            positions: values(2, (2 * n_rows + 1) * 2 * n_heads * head_size),
            cu_seqlens,
        }
    }

    fn shape(&self) -> Disentangled<'_> {
        let Self { n_heads, head_size, firsts: [keys, queries], .. } = *self;
        Disentangled {
            cu_seqlens: &self.cu_seqlens,
            n_heads,
            head_size,
            scale: 0.3,
            rows: &self.rows,
            keys,
            queries,
        }
    }

    fn inputs(&self) -> (MatRef<'_>, MatRef<'_>) {
        let width = self.n_heads * self.head_size;
        let n_tokens = self.cu_seqlens[self.cu_seqlens.len() - 1];
        let n_rows = self.positions.len() / (2 * width);
        (MatRef::new(&self.qkv, n_tokens, 3 * width), MatRef::new(&self.positions, n_rows, 2 * width))
    }

    fn n_scores(&self) -> usize {
        self.n_heads * self.cu_seqlens.windows(2).map(|ends| (ends[1] - ends[0]).pow(2)).sum::<usize>()
    }

    fn forward(&self, isa: Isa) -> Vec<f32> {
        let mut bias = vec![f32::NAN; self.n_scores()];
        forward(isa, &self.shape(), self.inputs(), &mut bias);
        bias
    }

    /// The gradients of `qkv` and of the positions, added to ones.
    fn backward(&self, isa: Isa, d_bias: &[f32]) -> [Vec<f32>; 2] {
        let [mut d_qkv, mut d_positions] = [vec![1.0; self.qkv.len()], vec![1.0; self.positions.len()]];
        backward(isa, &self.shape(), self.inputs(), d_bias, (&mut d_qkv, &mut d_positions));
        [d_qkv, d_positions]
    }

    fn reference(&self) -> Vec<f32> {
        let mut bias = vec![f32::NAN; self.n_scores()];
        let (qkv, positions) = self.inputs();
        reference::disentangled_bias(&self.shape(), qkv, positions, &mut bias);
        bias
    }

    fn reference_backward(&self, d_bias: &[f32]) -> [Vec<f32>; 2] {
        let [mut d_qkv, mut d_positions] = [vec![1.0; self.qkv.len()], vec![1.0; self.positions.len()]];
        reference::disentangled_bias_backward(
            &self.shape(),
            self.inputs(),
            d_bias,
            &mut d_qkv,
            &mut d_positions,
        );
        [d_qkv, d_positions]
    }

    fn check(&self) {
        let (bias, d_bias) = (self.reference(), values(3, self.n_scores()));
        let grads = self.reference_backward(&d_bias);
        for isa in Isa::available() {
            // Sums of up to 160 products below 1.
            assert_close(isa.name(), &self.forward(isa), &bias, 1e-5);
            for (found, expected) in self.backward(isa, &d_bias).iter().zip(&grads) {
                // Sums over up to 300 tokens of 300 such terms, which partly cancel.
                assert_close(isa.name(), found, expected, 2e-4);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn bias_and_gradients_match_reference(
        lengths in prop::collection::vec(prop_oneof![0usize..40, 60usize..70], 0..4),
        n_rows in prop_oneof![1usize..4, 30usize..40],
        n_heads in 1usize..4,
        head_size in prop_oneof![Just(1usize), Just(3), Just(8), Just(12), Just(32), Just(40), Just(80)],
        kind in 0usize..4,
    ) {
        Case::new(&lengths, n_rows, (n_heads, head_size), firsts(kind, n_heads)).check();
    }
}

#[test]
fn long_sequences_match_reference() {
    Case::new(&[150, 4, 300], 100, (2, 16), [Some(0), Some(2)]).check();
}

#[test]
fn neighbours_and_threads_never_change_a_sequence() {
    let lengths = [5, 0, 150, 1, 70];
    let firsts = [Some(3), Some(0)];
    let batch = Case::new(&lengths, 40, (3, 24), firsts);
    let d_bias = values(3, batch.n_scores());
    for isa in Isa::available() {
        let run = |n| with_threads(n, || (batch.forward(isa), batch.backward(isa, &d_bias)));
        let ((one, grads), (three, other_grads)) = (run(1), run(3));
        assert_eq!(bits(&one), bits(&three), "{isa:?}");
        assert_eq!(grads.map(|x| bits(&x)), other_grads.map(|x| bits(&x)), "{isa:?}");
        let mut rest = &one[..];
        for (ends, len) in batch.cu_seqlens.windows(2).zip(lengths) {
            let own;
            (own, rest) = rest.split_at(3 * len * len);
            let row = 3 * 3 * 24;
            let qkv = batch.qkv[ends[0] * row..ends[1] * row].to_vec();
            let alone = Case { qkv, ..Case::new(&[len], 40, (3, 24), firsts) };
            assert_eq!(bits(own), bits(&alone.forward(isa)), "{isa:?}");
        }
    }
}

#[test]
fn the_twin_gradient_is_that_of_finite_differences() {
    let case = Case::new(&[3, 4], 2, (2, 4), [Some(2), Some(0)]);
    let d_bias = values(3, case.n_scores());
    let grads = case.reference_backward(&d_bias);
    let values: [fn(&mut Case) -> &mut Vec<f32>; 2] = [|case| &mut case.qkv, |case| &mut case.positions];
    for (grads, values) in grads.iter().zip(values) {
        for (i, grad) in grads.iter().enumerate() {
            let loss = |step: f32| -> f32 {
                let mut case = case.clone();
                values(&mut case)[i] += step;
                case.reference().iter().zip(&d_bias).map(|(x, d)| x * d).sum()
            };
            let slope = (loss(1e-2) - loss(-1e-2)) / 2e-2;
            // The gradients were added to ones. f32 sums are divided by 2e-2.
            assert!((slope - (grad - 1.0)).abs() < 1e-3, "{i}: {slope} is not {grad}");
        }
    }
}
