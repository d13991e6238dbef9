//! Weightings held to what TorchJD makes of fixed gradients (`tools/golden/weightings.py`).

use serde_json::Map;

use super::*;

const TWO: &[&[f32]] = &[&[-4.0, 1.0, 1.0], &[6.0, 1.0, 1.0]];
const THREE: &[&[f32]] = &[&[1.0, 0.2, 0.0, 0.5], &[-0.8, 1.0, 0.3, 0.0], &[0.1, -0.9, 1.0, -0.4]];
const AGREE: &[&[f32]] = &[&[1.0, 0.5, 0.0, 0.2], &[0.5, 1.0, 0.1, 0.0], &[0.7, 0.2, 0.4, 0.1]];

/// What a weighting makes of the gradients.
fn direction(kind: &str, gradients: &[&[f32]]) -> Vec<f64> {
    let gram = Gram::of(gradients);
    let (tasks, ones): (Vec<usize>, _) = ((0..gradients.len()).collect(), vec![1.0; gradients.len()]);
    let seen = Seen { tasks: &tasks, losses: &ones, weights: &ones, gram: &gram, epochs: &[], seed: 3 };
    let coefficients = make(kind, gradients.len(), Map::new()).unwrap().coefficients(&seen);
    let column = |i: usize| {
        let terms = coefficients.iter().zip(gradients).map(|(c, gradient)| c * f64::from(gradient[i]));
        terms.sum::<f64>()
    };
    (0..gradients[0].len()).map(column).collect()
}

#[track_caller]
fn check(kind: &str, gradients: &[&[f32]], scale: f64, expected: &[f64]) {
    let found = direction(kind, gradients);
    for (found, expected) in found.iter().zip(expected) {
        assert!((found * scale - expected).abs() < 1e-3, "{kind}: {} {expected}", found * scale);
    }
}

#[test]
fn upgrad_is_that_of_torchjd() {
    // TorchJD takes the mean.
    check("upgrad", TWO, 1.0 / 2.0, &[0.292_902, 1.900_352, 1.900_352]);
    check("upgrad", THREE, 1.0 / 3.0, &[0.195_584, 0.293_002, 0.776_672, 0.109_088]);
    check("upgrad", AGREE, 1.0 / 3.0, &[0.733_333, 0.566_667, 0.166_667, 0.1]);
}

#[test]
fn cagrad_is_that_of_torchjd() {
    check("cagrad", TWO, 1.0 / 2.0, &[0.183_504, 1.204_124, 1.204_124]);
    check("cagrad", THREE, 1.0 / 3.0, &[0.176_549, 0.262_216, 0.549_805, 0.113_849]);
    check("cagrad", AGREE, 1.0 / 3.0, &[1.129_46, 0.679_846, 0.393_025, 0.156_59]);
}

#[test]
fn mgda_is_that_of_torchjd() {
    check("mgda", TWO, 1.0, &[0.0, 1.0, 1.0]);
    check("mgda", THREE, 1.0, &[0.121_586, 0.180_584, 0.378_635, 0.078_406]);
    check("mgda", AGREE, 1.0, &[0.671_795, 0.312_82, 0.357_692, 0.085_897]);
}

#[test]
fn pcgrad_is_that_of_torchjd() {
    check("pcgrad", TWO, 1.0, &[0.584_795, 3.801_17, 3.801_17]);
}

/// TorchJD solves it by a sequence of approximations, and scales it otherwise.
#[test]
fn nash_mtl_has_the_direction_of_torchjd() {
    for (gradients, expected) in [
        (TWO, &[0.076_584, 0.998_533, 0.998_533][..]),
        (THREE, &[0.445_747, 0.635_185, 1.526_062, 0.262_647]),
        (AGREE, &[1.354_288, 1.000_388, 0.363_317, 0.182_013]),
    ] {
        let found = direction("nash_mtl", gradients);
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let cosine = dot(&found, expected) / (dot(&found, &found) * dot(expected, expected)).sqrt();
        assert!(cosine > 0.999, "{cosine} {found:?}");
    }
}

#[test]
fn every_weighting_is_made_and_refuses_unknown_options() {
    for name in WEIGHTINGS.names() {
        assert!(make(name, 2, Map::new()).is_ok(), "{name}");
        let options = [("colour".to_string(), Value::from(1))].into_iter().collect();
        assert!(make(name, 2, options).err().unwrap().to_string().contains("colour"), "{name}");
    }
}
