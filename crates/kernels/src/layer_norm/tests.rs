//! The layer normalisation is held to its twin.

use proptest::prelude::*;

use super::*;
use crate::{
    reference,
    testing::{assert_close, bits, length, values, with_threads},
};

/// Values, stats, the gradient of the sum, of the weights and of the biases.
type Outputs = (Vec<f32>, RowStats, [Vec<f32>; 3]);

struct Case {
    rows: usize,
    cols: usize,
    dropout: Option<Dropout>,
    shift: f32,
}

impl Case {
    fn run(
        &self,
        forward: impl Fn(&LayerNorm, (&mut [f32], &mut [f32]), Option<&[f32]>, Option<Dropout>) -> RowStats,
        backward: impl Fn(&LayerNorm, LayerNormSaved, (&[f32], &mut [f32]), Option<(&mut [f32], &mut [f32])>),
    ) -> Outputs {
        let len = self.rows * self.cols;
        let (weight, bias) = (values(1, self.cols), values(2, self.cols));
        let norm = LayerNorm { weight: &weight, bias: &bias, eps: 1e-5 };
        let mut x: Vec<f32> = values(3, len).iter().map(|x| x + self.shift).collect();
        let (residual, dy) = (values(4, len), values(5, len));
        let (mut y, mut d_sum) = (vec![f32::NAN; len], vec![f32::NAN; len]);
        let (mut d_weight, mut d_bias) = (vec![0.5; self.cols], vec![0.5; self.cols]);
        let stats = forward(&norm, (&mut x, &mut y), Some(&residual), self.dropout);
        let saved = LayerNormSaved { sum: &x, stats: &stats };
        backward(&norm, saved, (&dy, &mut d_sum), Some((&mut d_weight, &mut d_bias)));
        (y, stats, [d_sum, d_weight, d_bias])
    }

    fn on(&self, isa: Isa) -> Outputs {
        self.run(
            |norm, xy, residual, dropout| forward(isa, norm, xy, residual, dropout),
            |norm, saved, grads, d_params| backward::backward(isa, norm, saved, grads, d_params),
        )
    }

    fn check(&self, tolerance: f32) {
        let (y, stats, grads) = self.run(
            |norm, (x, y), residual, dropout| reference::add_layer_norm(norm, x, residual, dropout, y),
            |norm, saved, (dy, d_sum), d_params| {
                reference::layer_norm_backward(norm, saved, dy, d_sum, d_params);
            },
        );
        for isa in Isa::available() {
            let (found, found_stats, found_grads) = self.on(isa);
            assert_close(isa.name(), &found, &y, tolerance);
            assert_close(isa.name(), &found_stats.mean, &stats.mean, tolerance);
            assert_close(isa.name(), &found_stats.rstd, &stats.rstd, tolerance);
            for (found, expected) in found_grads.iter().zip(&grads) {
                assert_close(isa.name(), found, expected, 10.0 * tolerance);
            }
        }
    }
}

proptest! {
    #[test]
    fn layer_norm_matches_reference(rows in 0usize..6, cols in length(), dropped: bool) {
        // A row of one column has no variance: rstd is 316, and roundings grow by it.
        prop_assume!(cols > 2);
        let dropout = dropped.then_some(Dropout { probability: 0.2, seed: 5 });
        // A few roundings of values below 5, times rstd.
        Case { rows, cols, dropout, shift: 0.0 }.check(3e-5);
    }
}

#[test]
fn one_column_gives_its_bias() {
    for isa in Isa::available() {
        let (y, ..) = Case { rows: 3, cols: 1, dropout: None, shift: 0.0 }.on(isa);
        assert_eq!(y, [values(2, 1)[0]; 3], "{isa:?}");
    }
}

#[test]
fn a_large_mean_does_not_hide_the_variance() {
    // Values near 100 have roundings of 8e-6.
    Case { rows: 3, cols: 100, dropout: None, shift: 100.0 }.check(1e-4);
}

#[test]
fn bits_do_not_depend_on_threads() {
    let case = Case { rows: 300, cols: 200, dropout: None, shift: 0.0 };
    for isa in Isa::available() {
        let [one, two] = [1, 2].map(|n| with_threads(n, || case.on(isa)));
        assert_eq!(bits(&one.0), bits(&two.0));
        assert_eq!(one.2.map(|grad| bits(&grad)), two.2.map(|grad| bits(&grad)));
    }
}
