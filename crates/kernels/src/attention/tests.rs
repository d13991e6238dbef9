//! Attention is held to its twin.

use proptest::prelude::*;

use super::*;
use crate::{
    reference,
    testing::{assert_close, bits, values, with_threads},
};

/// The kinds of a bias.
#[derive(Clone, Copy, Debug)]
enum Kind {
    None,
    /// Of a span.
    ByDistance(usize),
    Dense,
}

/// Sequences, their heads, and all values.
#[derive(Clone)]
struct Case {
    cu_seqlens: Vec<usize>,
    heads: (usize, usize),
    head_size: usize,
    visible: Visible,
    kind: Kind,
    dropout: Option<Dropout>,
    qkv: Vec<f32>,
    bias: Vec<f32>,
}

impl Case {
    /// Plain attention of some heads.
    fn new(lengths: &[usize], n_heads: usize, head_size: usize) -> Self {
        let mut cu_seqlens = vec![0];
        lengths.iter().for_each(|len| cu_seqlens.push(cu_seqlens[cu_seqlens.len() - 1] + len));
        let case = Self {
            cu_seqlens,
            heads: (n_heads, n_heads),
            head_size,
            visible: Visible::All,
            kind: Kind::None,
            dropout: None,
            qkv: Vec::new(),
            bias: Vec::new(),
        };
        case.filled()
    }

    /// With values for its shape.
    fn filled(mut self) -> Self {
        let (n_heads, lens) = (self.heads.0, self.cu_seqlens.windows(2).map(|ends| ends[1] - ends[0]));
        let len = match self.kind {
            Kind::None => 0,
            Kind::ByDistance(span) => n_heads * (2 * span - 1),
            Kind::Dense => n_heads * lens.map(|len| len * len).sum::<usize>(),
        };
        self.bias = values(3, len);
        self.qkv = values(1, self.n_tokens() * self.attention().qkv_width());
        self
    }

    fn attention(&self) -> Attention<'_> {
        Attention {
            cu_seqlens: &self.cu_seqlens,
            n_heads: self.heads.0,
            n_kv_heads: self.heads.1,
            head_size: self.head_size,
            scale: 1.0 / (self.head_size as f32).sqrt(),
            visible: self.visible,
            bias: match self.kind {
                Kind::None => None,
                Kind::ByDistance(_) => Some(Bias::ByDistance(&self.bias)),
                Kind::Dense => Some(Bias::Dense(&self.bias)),
            },
            dropout: self.dropout,
        }
    }

    fn n_tokens(&self) -> usize {
        self.cu_seqlens[self.cu_seqlens.len() - 1]
    }

    fn width(&self) -> usize {
        self.heads.0 * self.head_size
    }

    fn forward(&self, isa: Isa) -> (Vec<f32>, Vec<f32>) {
        let mut out = vec![f32::NAN; self.n_tokens() * self.width()];
        let mut lse = vec![f32::NAN; self.n_tokens() * self.heads.0];
        forward(isa, &self.attention(), &self.qkv, &mut out, &mut lse);
        (out, lse)
    }

    /// The gradients of `qkv` and of the bias.
    fn backward(&self, isa: Isa, saved: AttentionSaved, d_out: &[f32]) -> (Vec<f32>, Vec<f32>) {
        let mut grads = (vec![f32::NAN; self.qkv.len()], vec![f32::NAN; self.bias.len()]);
        let d_bias = (!matches!(self.kind, Kind::None)).then_some(&mut grads.1[..]);
        backward(isa, &self.attention(), saved, d_out, (&mut grads.0, d_bias));
        grads
    }

    fn reference(&self) -> (Vec<f32>, Vec<f32>) {
        let mut out = vec![0.0; self.n_tokens() * self.width()];
        let mut lse = vec![0.0; self.n_tokens() * self.heads.0];
        reference::attention(&self.attention(), &self.qkv, &mut out, &mut lse);
        (out, lse)
    }

    fn reference_backward(&self, saved: AttentionSaved, d_out: &[f32]) -> (Vec<f32>, Vec<f32>) {
        let mut grads = (vec![0.0; self.qkv.len()], vec![0.0; self.bias.len()]);
        let d_bias = (!matches!(self.kind, Kind::None)).then_some(&mut grads.1[..]);
        reference::attention_backward(&self.attention(), saved, d_out, &mut grads.0, d_bias);
        grads
    }

    fn check(&self) {
        let (out, lse) = self.reference();
        let saved = AttentionSaved { qkv: &self.qkv, out: &out, lse: &lse };
        let d_out = values(2, out.len());
        let (d_qkv, d_bias) = self.reference_backward(saved, &d_out);
        for isa in Isa::available() {
            let (found, found_lse) = self.forward(isa);
            // Means of values below 1 (2 with dropout); the probabilities have relative errors of 1e-6.
            assert_close(isa.name(), &found, &out, 1e-5);
            assert_close(isa.name(), &found_lse, &lse, 1e-5);
            let (found, found_bias) = self.backward(isa, saved, &d_out);
            // Sums over up to 300 tokens of such terms.
            assert_close(isa.name(), &found, &d_qkv, 5e-5);
            assert_close(isa.name(), &found_bias, &d_bias, 5e-5);
        }
    }
}

fn visible() -> impl Strategy<Value = Visible> {
    prop_oneof![
        Just(Visible::All),
        Just(Visible::Causal),
        (0usize..50).prop_map(Visible::Window),
        (1usize..50).prop_map(Visible::CausalWindow),
    ]
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![Just(Kind::None), (1usize..80).prop_map(Kind::ByDistance), Just(Kind::Dense)]
}

fn head_size() -> impl Strategy<Value = usize> {
    prop_oneof![Just(1usize), Just(3), Just(8), Just(12), Just(24), Just(32), Just(40), Just(64), Just(80)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn attention_matches_reference(
        lengths in prop::collection::vec(prop_oneof![0usize..40, 60usize..70], 0..4),
        (n_kv_heads, shared) in (1usize..3, 1usize..4),
        head_size in head_size(),
        (visible, kind) in (visible(), kind()),
        dropped: bool,
    ) {
        let dropout = dropped.then_some(Dropout { probability: 0.3, seed: 7 });
        let heads = (n_kv_heads * shared, n_kv_heads);
        Case { heads, visible, kind, dropout, ..Case::new(&lengths, 1, head_size) }.filled().check();
    }
}

#[test]
fn long_sequences_match_reference() {
    let plain = Case::new(&[150], 1, 32);
    plain.check();
    // Several tasks, with queries of one head.
    let long = Case { heads: (2, 1), ..Case::new(&[300, 4], 1, 64) };
    for (visible, kind) in [
        (Visible::All, Kind::None),
        (Visible::Causal, Kind::ByDistance(40)),
        (Visible::Window(64), Kind::Dense),
        (Visible::CausalWindow(100), Kind::ByDistance(400)),
    ] {
        Case { visible, kind, ..long.clone() }.filled().check();
    }
}

#[test]
fn large_and_equal_scores_give_numbers() {
    let case = Case::new(&[20], 1, 8);
    for isa in Isa::available() {
        let large: Vec<f32> = case.qkv.iter().map(|x| x * 1e4).collect();
        let large = Case { qkv: large, visible: Visible::Causal, ..case.clone() };
        assert!(large.forward(isa).0.iter().all(|x| x.is_finite()), "{isa:?}");
        let equal = Case { qkv: vec![3.0; case.qkv.len()], ..case.clone() };
        assert_close(isa.name(), &equal.forward(isa).0, &[3.0; 160], 1e-6); // rounding of a mean
    }
}

#[test]
fn neighbours_and_threads_never_change_a_sequence() {
    let lengths = [5, 0, 300, 1, 70];
    let batch = Case { heads: (4, 2), visible: Visible::Window(90), ..Case::new(&lengths, 1, 32) };
    let batch = Case { kind: Kind::ByDistance(60), ..batch }.filled();
    let d_out = values(2, batch.n_tokens() * batch.width());
    for isa in Isa::available() {
        let run = |n| {
            with_threads(n, || {
                let (out, lse) = batch.forward(isa);
                let saved = AttentionSaved { qkv: &batch.qkv, out: &out, lse: &lse };
                let (d_qkv, d_bias) = batch.backward(isa, saved, &d_out);
                [out, lse, d_qkv, d_bias]
            })
        };
        let (one, three) = (run(1), run(3));
        assert_eq!(one.each_ref().map(|x| bits(x)), three.map(|x| bits(&x)), "{isa:?}");
        for (ends, len) in batch.cu_seqlens.windows(2).zip(lengths) {
            let rows = |x: &[f32]| {
                x[ends[0] * x.len() / batch.n_tokens()..ends[1] * x.len() / batch.n_tokens()].to_vec()
            };
            let alone = Case { cu_seqlens: vec![0, len], qkv: rows(&batch.qkv), ..batch.clone() };
            let (out, lse) = alone.forward(isa);
            assert_eq!(bits(&rows(&one[0])), bits(&out), "{isa:?}");
            let saved = AttentionSaved { qkv: &alone.qkv, out: &out, lse: &lse };
            let (d_qkv, _) = alone.backward(isa, saved, &rows(&d_out));
            assert_eq!(bits(&rows(&one[2])), bits(&d_qkv), "{isa:?}");
        }
    }
}

#[test]
fn what_a_query_does_not_see_never_changes_it() {
    let case = Case { visible: Visible::CausalWindow(20), ..Case::new(&[90], 2, 32) };
    let row = case.qkv.len() / 90;
    // Query 70 sees the keys 51 to 70.
    let mut qkv = case.qkv.clone();
    qkv[..51 * row].iter_mut().for_each(|x| *x += 50.0);
    qkv[71 * row..].iter_mut().for_each(|x| *x -= 50.0);
    let other = Case { qkv, ..case.clone() };
    for isa in Isa::available() {
        let [found, expected] = [&other, &case].map(|case| case.forward(isa).0[70 * 64..71 * 64].to_vec());
        assert_eq!(bits(&found), bits(&expected), "{isa:?}");
    }
}

#[test]
fn the_twin_gradient_is_that_of_finite_differences() {
    let dropout = Some(Dropout { probability: 0.2, seed: 3 });
    let case = Case { heads: (2, 1), dropout, ..Case::new(&[3, 4], 2, 4) };
    for (visible, kind) in [(Visible::All, Kind::Dense), (Visible::Causal, Kind::ByDistance(3))] {
        let case = Case { visible, kind, ..case.clone() }.filled();
        let (out, lse) = case.reference();
        let d_out = values(2, out.len());
        let saved = AttentionSaved { qkv: &case.qkv, out: &out, lse: &lse };
        let (d_qkv, d_bias) = case.reference_backward(saved, &d_out);
        let check = |grad: &[f32], at: fn(&mut Case, usize) -> &mut f32| {
            for (i, grad) in grad.iter().enumerate().step_by(3) {
                let loss = |step: f32| -> f32 {
                    let mut case = case.clone();
                    *at(&mut case, i) += step;
                    case.reference().0.iter().zip(&d_out).map(|(x, d)| x * d).sum()
                };
                let slope = (loss(1e-2) - loss(-1e-2)) / 2e-2;
                // The third derivative times 1e-4, and f32 sums divided by 2e-2.
                assert!((slope - grad).abs() < 1e-3, "{kind:?} {i}: {slope} is not {grad}");
            }
        };
        check(&d_qkv, |case, i| &mut case.qkv[i]);
        check(&d_bias, |case, i| &mut case.bias[i]);
    }
}
