//! The normalisations are held to their twins, and these to finite differences.

use proptest::prelude::*;

use super::*;
use crate::{
    reference,
    testing::{assert_close, bits, length, values, with_threads},
};

/// Values, stats, the gradient of the sum, of the weights and of the biases.
type Outputs = (Vec<f32>, RowStats, [Vec<f32>; 3]);

#[derive(Clone, Copy, Debug)]
enum Kind {
    Layer,
    Rms { offset: f32 },
}

const KINDS: [Kind; 3] = [Kind::Layer, Kind::Rms { offset: 0.0 }, Kind::Rms { offset: 1.0 }];

const EPS: f32 = 1e-5;

#[derive(Clone, Copy)]
struct Case {
    kind: Kind,
    rows: usize,
    cols: usize,
    dropout: Option<Dropout>,
    shift: f32,
}

/// What goes in, and where the results go.
struct Data {
    weight: Vec<f32>,
    bias: Vec<f32>,
    x: Vec<f32>,
    residual: Vec<f32>,
    dy: Vec<f32>,
    y: Vec<f32>,
    grads: [Vec<f32>; 3],
}

impl Data {
    fn layer_norm(&self) -> LayerNorm<'_> {
        LayerNorm { weight: &self.weight, bias: &self.bias, eps: EPS }
    }

    fn rms_norm(&self, offset: f32) -> RmsNorm<'_> {
        RmsNorm { weight: &self.weight, offset, eps: EPS }
    }
}

impl Case {
    fn data(&self) -> Data {
        let len = self.rows * self.cols;
        let n_biases = if matches!(self.kind, Kind::Layer) { self.cols } else { 0 };
        Data {
            weight: values(1, self.cols),
            bias: values(2, n_biases),
            x: values(3, len).iter().map(|x| x + self.shift).collect(),
            residual: values(4, len),
            dy: values(5, len),
            y: vec![f32::NAN; len],
            grads: [vec![f32::NAN; len], vec![0.5; self.cols], vec![0.5; n_biases]],
        }
    }

    fn on(&self, isa: Isa) -> Outputs {
        let data = self.data();
        let (layer_norm, rms_norm);
        let norm = match self.kind {
            Kind::Layer => {
                layer_norm = data.layer_norm();
                layer_norm.norm()
            }
            Kind::Rms { offset } => {
                rms_norm = data.rms_norm(offset);
                rms_norm.norm()
            }
        };
        let (mut x, mut y, mut grads) = (data.x.clone(), data.y.clone(), data.grads.clone());
        let stats = forward(isa, &norm, (&mut x, &mut y), Some(&data.residual), self.dropout);
        let saved = Saved { sum: &x, mean: &stats.mean, rstd: &stats.rstd };
        let [d_sum, d_weight, d_bias] = &mut grads;
        backward::backward(isa, &norm, saved, (&data.dy, d_sum), Some((d_weight, d_bias)));
        (y, stats, grads)
    }

    fn twin(&self) -> Outputs {
        let data = self.data();
        let (mut x, mut y, mut grads) = (data.x.clone(), data.y.clone(), data.grads.clone());
        let (sum, residual, [d_sum, d_weight, d_bias]) = (&mut x, Some(&data.residual[..]), &mut grads);
        let stats = match self.kind {
            Kind::Layer => {
                let norm = data.layer_norm();
                let stats = reference::add_layer_norm(&norm, sum, residual, self.dropout, &mut y);
                let saved = LayerNormSaved { sum, stats: &stats };
                reference::layer_norm_backward(&norm, saved, &data.dy, d_sum, Some((d_weight, d_bias)));
                stats
            }
            Kind::Rms { offset } => {
                let norm = data.rms_norm(offset);
                let rstd = reference::add_rms_norm(&norm, sum, residual, self.dropout, &mut y);
                let saved = RmsNormSaved { sum, rstd: &rstd };
                reference::rms_norm_backward(&norm, saved, &data.dy, d_sum, Some(d_weight));
                RowStats { mean: vec![0.0; self.rows], rstd }
            }
        };
        (y, stats, grads)
    }

    fn check(&self, tolerance: f32) {
        let (y, stats, grads) = self.twin();
        for isa in Isa::available() {
            let name = format!("{isa:?}, {:?}", self.kind);
            let (found, found_stats, found_grads) = self.on(isa);
            assert_close(&name, &found, &y, tolerance);
            assert_close(&name, &found_stats.mean, &stats.mean, tolerance);
            assert_close(&name, &found_stats.rstd, &stats.rstd, tolerance);
            for (found, expected) in found_grads.iter().zip(&grads) {
                assert_close(&name, found, expected, 10.0 * tolerance);
            }
        }
    }
}

proptest! {
    #[test]
    fn normalisations_match_reference(rows in 0usize..6, cols in length(), dropped: bool) {
        // A row of one column has no variance: rstd is 316, and roundings grow by it.
        prop_assume!(cols > 2);
        let dropout = dropped.then_some(Dropout { probability: 0.2, seed: 5 });
        for kind in KINDS {
            // A few roundings of values below 5, times rstd.
            Case { kind, rows, cols, dropout, shift: 0.0 }.check(3e-5);
        }
    }
}

#[test]
fn one_column_gives_its_bias() {
    for isa in Isa::available() {
        let (y, ..) = Case { kind: Kind::Layer, rows: 3, cols: 1, dropout: None, shift: 0.0 }.on(isa);
        assert_eq!(y, [values(2, 1)[0]; 3], "{isa:?}");
    }
}

#[test]
fn a_large_mean_does_not_hide_the_variance() {
    // Values near 100 have roundings of 8e-6.
    Case { kind: Kind::Layer, rows: 3, cols: 100, dropout: None, shift: 100.0 }.check(1e-4);
}

#[test]
fn bits_do_not_depend_on_threads() {
    for (isa, kind) in Isa::available().into_iter().flat_map(|isa| KINDS.map(|kind| (isa, kind))) {
        let case = Case { kind, rows: 300, cols: 200, dropout: None, shift: 0.0 };
        let [one, two] = [1, 2].map(|n| with_threads(n, || case.on(isa)));
        assert_eq!(bits(&one.0), bits(&two.0));
        assert_eq!(one.2.map(|grad| bits(&grad)), two.2.map(|grad| bits(&grad)));
    }
}

#[test]
fn gradients_of_the_rms_twin_are_those_of_finite_differences() {
    const STEP: f32 = 1e-2;
    let (weight, x, dy) = (values(1, 7), values(3, 14), values(5, 14));
    let loss = |weight: &[f32], x: &[f32]| {
        let (mut sum, mut y) = (x.to_vec(), vec![0.0; x.len()]);
        let norm = RmsNorm { weight, offset: 1.0, eps: EPS };
        let rstd = reference::add_rms_norm(&norm, &mut sum, None, None, &mut y);
        (y.iter().zip(&dy).map(|(y, dy)| y * dy).sum::<f32>(), rstd)
    };
    let slope = |at: &[f32], loss: &dyn Fn(&[f32]) -> f32| -> Vec<f32> {
        let moved = |i: usize, by: f32| {
            let mut at = at.to_vec();
            at[i] += by;
            loss(&at)
        };
        (0..at.len()).map(|i| (moved(i, STEP) - moved(i, -STEP)) / (2.0 * STEP)).collect()
    };
    let norm = RmsNorm { weight: &weight, offset: 1.0, eps: EPS };
    let (mut d_x, mut d_weight) = (vec![f32::NAN; 14], vec![0.0; 7]);
    let saved = RmsNormSaved { sum: &x, rstd: &loss(&weight, &x).1 };
    reference::rms_norm_backward(&norm, saved, &dy, &mut d_x, Some(&mut d_weight));
    // Roundings of 1e-6 over steps of 1e-2, and the cube of the step.
    assert_close("x", &slope(&x, &|x| loss(&weight, x).0), &d_x, 1e-3);
    assert_close("weight", &slope(&weight, &|weight| loss(weight, &x).0), &d_weight, 1e-3);
}
