//! Probabilities that can be acted on: a temperature, thresholds, and when to abstain.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Targets, Task};
use crate::metric::Reliability;
use crate::nn::Matrix;
use crate::settings::{Calibrate, Threshold};

/// What calibration has found, as it is saved with a task.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// What outputs are divided by before they become probabilities (Guo et al. 2017); 1 changes nothing.
    #[serde(default = "one")]
    pub temperature: f32,
    /// Texts whose most likely label has a smaller probability are not answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub abstain_below: Option<f32>,
}

impl Default for Calibration {
    fn default() -> Self {
        Self { temperature: 1.0, abstain_below: None }
    }
}

impl Calibration {
    /// Refuses numbers that cannot be.
    ///
    /// # Errors
    /// A sentence that says what was found and what was expected.
    pub(super) fn check(self) -> Result<(), String> {
        match self.temperature.is_finite() && self.temperature > 0.0 {
            true => Ok(()),
            false => Err(format!("`calibration.temperature` is {}; expected above 0", self.temperature)),
        }
    }

    /// Whether a task abstains from an answer of that probability; none if it never does.
    pub(super) fn abstains(self, probability: f32) -> Option<bool> {
        self.abstain_below.map(|least| probability < least)
    }

    /// Outputs as probabilities are made of them.
    pub(super) fn tempered(self, outputs: &[f32]) -> Vec<f32> {
        outputs.iter().map(|x| x / self.temperature).collect()
    }

    /// Adds the share that is answered, and the share of these that is right, if the task abstains at all.
    pub(super) fn add_coverage(self, metrics: &mut Map<String, Value>, scored: &[Scored]) {
        let Some(below) = self.abstain_below else { return };
        let answered: Vec<&Scored> = scored.iter().filter(|scored| scored.confidence >= below).collect();
        let share = |part: usize, n: usize| (n > 0).then(|| part as f64 / n as f64);
        let right = answered.iter().filter(|scored| scored.right).count();
        metrics.insert("coverage".to_string(), share(answered.len(), scored.len()).into());
        metrics.insert("accuracy_answered".to_string(), share(right, answered.len()).into());
    }

    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// One probability that a task has answered with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scored {
    /// The probability of the answer.
    pub confidence: f32,
    /// Whether the answer is right.
    pub right: bool,
    /// The logarithm of the probability of the truth.
    pub log_likelihood: f64,
}

/// A task's calibration, before and after.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Calibrated {
    /// The task.
    pub task: String,
    /// Answers that it was found by.
    pub n: usize,
    /// The temperature.
    pub temperature: f32,
    /// How often answers of some probability were right, and the expected calibration error.
    pub before: Reliability,
    /// The same with the temperature.
    pub after: Reliability,
    /// The mean of `−log p` of the truth.
    pub log_loss_before: f64,
    /// The same with the temperature.
    pub log_loss_after: f64,
    /// The labels' thresholds, if such were to be found.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub thresholds: Vec<LabelThreshold>,
    /// What abstaining does, if it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub abstention: Option<Abstention>,
}

/// From which probability on a label is answered.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LabelThreshold {
    /// The label.
    pub label: String,
    /// The probability.
    pub threshold: f32,
    /// Of the rows that get the label, the share of which it is true; none if no row gets it.
    pub precision: Option<f64>,
    /// Of the rows of which it is true, the share that gets it; none if there is none.
    pub recall: Option<f64>,
}

/// What abstaining does.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Abstention {
    /// Answers with a smaller probability are not given.
    pub below: f32,
    /// The share that is answered.
    pub coverage: f64,
    /// The share of these that is right.
    pub accuracy: Option<f64>,
    /// The share of all that is right.
    pub accuracy_of_all: Option<f64>,
}

/// Calibrates a task by its outputs for rows with labels, which must not be those that it was trained on.
///
/// None if the kind has no probabilities, or no row has a label.
pub fn calibrate(
    name: &str,
    task: &mut dyn Task,
    (outputs, targets): (&Matrix, &Targets),
    wanted: &Calibrate,
) -> Option<Calibrated> {
    task.calibration_mut()?;
    let plain = task.scored(outputs, targets, 1.0);
    if plain.is_empty() {
        return None;
    }
    let temperature = match wanted.temperature {
        true => least_over_log(|temperature| log_loss(&task.scored(outputs, targets, temperature as f32))),
        false => 1.0,
    } as f32;
    let scored = task.scored(outputs, targets, temperature);
    let abstention = wanted.coverage.map(|coverage| abstention(&scored, coverage));
    *task.calibration_mut()? = Calibration { temperature, abstain_below: abstention.map(|a| a.below) };
    let thresholds = match &wanted.threshold {
        Some(threshold) => task.choose_thresholds((outputs, targets), threshold),
        None => Vec::new(),
    };
    let reliability = |scored: &[Scored]| {
        Reliability::compute(&scored.iter().map(|s| (s.confidence, s.right)).collect::<Vec<_>>())
    };
    Some(Calibrated {
        task: name.to_string(),
        n: scored.len(),
        temperature,
        before: reliability(&plain),
        after: reliability(&scored),
        log_loss_before: log_loss(&plain),
        log_loss_after: log_loss(&scored),
        thresholds,
        abstention,
    })
}

fn log_loss(scored: &[Scored]) -> f64 {
    -scored.iter().map(|scored| scored.log_likelihood).sum::<f64>() / scored.len() as f64
}

/// The share of answers that is wanted, the most certain ones first.
fn abstention(scored: &[Scored], coverage: f64) -> Abstention {
    let mut confidences: Vec<f32> = scored.iter().map(|scored| scored.confidence).collect();
    confidences.sort_by(|a, b| b.total_cmp(a));
    let n = ((scored.len() as f64 * coverage).ceil() as usize).clamp(1, scored.len());
    let below = confidences[n - 1];
    let answered = || scored.iter().filter(|scored| scored.confidence >= below);
    let share = |right: usize, n: usize| (n > 0).then(|| right as f64 / n as f64);
    Abstention {
        below,
        coverage: answered().count() as f64 / scored.len() as f64,
        accuracy: share(answered().filter(|scored| scored.right).count(), answered().count()),
        accuracy_of_all: share(scored.iter().filter(|scored| scored.right).count(), scored.len()),
    }
}

/// Where between 1/20 and 20 a function is least that falls and then rises, by golden section of the logarithm.
fn least_over_log(of: impl Fn(f64) -> f64) -> f64 {
    let golden = (5f64.sqrt() - 1.0) / 2.0;
    let (mut low, mut high) = (-20f64.ln(), 20f64.ln());
    let inner = |low: f64, high: f64| (high - golden * (high - low), low + golden * (high - low));
    let (mut a, mut b) = inner(low, high);
    let (mut at_a, mut at_b) = (of(a.exp()), of(b.exp()));
    while high - low > 1e-4 {
        if at_a <= at_b {
            (high, b, at_b) = (b, a, at_a);
            a = inner(low, high).0;
            at_a = of(a.exp());
        } else {
            (low, a, at_a) = (a, b, at_b);
            b = inner(low, high).1;
            at_b = of(b.exp());
        }
    }
    f64::midpoint(low, high).exp()
}

/// The threshold of one label that the wish asks for; `rows` has each row's probability and whether the label is true.
///
/// A threshold lies half way between two probabilities, so that rows on its both sides are equally far from it.
pub(super) fn best_threshold(label: &str, rows: &[(f32, bool)], wish: &Threshold) -> LabelThreshold {
    let mut sorted = rows.to_vec();
    sorted.sort_by(|a, b| b.0.total_cmp(&a.0));
    let n_true = rows.iter().filter(|(_, truth)| *truth).count();
    let mut found = 0;
    let mut best: Option<(f64, f32, f64, f64)> = None;
    for (n, (probability, truth)) in (1..).zip(&sorted) {
        found += usize::from(*truth);
        let next = sorted.get(n).map_or(0.0, |(next, _)| *next);
        if next == *probability {
            continue; // Rows of one probability stand on one side.
        }
        let (precision, recall) = (found as f64 / n as f64, found as f64 / n_true.max(1) as f64);
        let value = match *wish {
            Threshold::F1 => 2.0 * found as f64 / (n + n_true) as f64,
            Threshold::Precision(least) if precision < least => f64::NEG_INFINITY,
            Threshold::Precision(_) => recall,
            Threshold::Cost { false_positive, false_negative } => {
                -(false_positive * (n - found) as f64 + false_negative * (n_true - found) as f64)
            }
        };
        if best.is_none_or(|(most, ..)| value > most) {
            best = Some((value, f32::midpoint(*probability, next), precision, recall));
        }
    }
    let nobody = match *wish {
        Threshold::Cost { false_negative, .. } => -false_negative * n_true as f64,
        Threshold::F1 => 0.0,
        Threshold::Precision(_) => f64::NEG_INFINITY,
    };
    let chosen = best.filter(|(value, ..)| *value > nobody);
    let (threshold, precision, recall) = match chosen {
        Some((_, threshold, precision, recall)) => (threshold, Some(precision), Some(recall)),
        None => (1.0, None, Some(0.0)), // No row is better given the label.
    };
    LabelThreshold { label: label.to_string(), threshold, precision, recall: recall.filter(|_| n_true > 0) }
}

fn one() -> f32 {
    1.0
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::task::KINDS;

    fn task(kind: &str) -> Box<dyn Task> {
        let options: Map<_, _> = json!({"labels": ["a", "b"]}).as_object().unwrap().clone();
        KINDS.find(kind).unwrap()(options).unwrap()
    }

    /// Outputs that are twice as certain as they should be: of those with a margin of 2.2 one in four is wrong.
    fn too_certain() -> (Matrix, Targets) {
        let mut targets = Targets::default();
        for row in 0..400 {
            targets.push(Some(&[if row % 4 == 0 { 1.0 } else { 0.0 }]));
        }
        (Matrix::from_vec(400, 2, [1.1, -1.1].repeat(400)), targets)
    }

    #[test]
    fn a_temperature_makes_probabilities_true() {
        let (outputs, targets) = too_certain();
        let mut task = task("classification");
        let found = calibrate("t", task.as_mut(), (&outputs, &targets), &Calibrate::default()).unwrap();
        // The probability of the first label becomes 3/4: 2.2 / T = ln 3.
        assert!((f64::from(found.temperature) - 2.2 / 3f64.ln()).abs() < 1e-3, "{}", found.temperature);
        assert!(found.before.ece > 0.14 && found.after.ece < 1e-3);
        assert!(found.log_loss_after < found.log_loss_before);
        let metrics = task.evaluate(&outputs, &targets).metrics;
        assert!(metrics["ece"].as_f64().unwrap() < 1e-3);
        let again = KINDS.find("classification").unwrap()(task.options()).unwrap();
        assert_eq!(again.answer("", &[1.1, -1.1]), task.answer("", &[1.1, -1.1]));
    }

    #[test]
    fn abstaining_keeps_the_stated_coverage() {
        let mut targets = Targets::default();
        let outputs: Vec<f32> = (0..10).flat_map(|row| [row as f32, 0.0]).collect();
        (0..10).for_each(|row| targets.push(Some(&[if row < 3 { 1.0 } else { 0.0 }])));
        let mut task = task("classification");
        let wanted = Calibrate { temperature: false, coverage: Some(0.7), threshold: None };
        let outputs = Matrix::from_vec(10, 2, outputs);
        let found = calibrate("t", task.as_mut(), (&outputs, &targets), &wanted).unwrap();
        let abstention = found.abstention.unwrap();
        assert_eq!((abstention.coverage, abstention.accuracy), (0.7, Some(1.0)));
        let json =
            |x: f32| serde_json::to_value(task.answer("", &[x, 0.0]).unwrap()).unwrap()["abstained"].clone();
        assert_eq!((json(2.0), json(3.0)), (json!(true), json!(false)));
        let metrics = task.evaluate(&outputs, &targets).metrics;
        assert_eq!(
            (metrics["coverage"].as_f64(), metrics["accuracy_answered"].as_f64()),
            (Some(0.7), Some(1.0))
        );
    }

    #[test]
    fn every_kind_with_probabilities_has_a_temperature() {
        for kind in ["classification", "multilabel", "ordinal", "tagging"] {
            let mut task = task(kind);
            let n_outputs = task.n_outputs().unwrap();
            let mut targets = Targets::default();
            let width = task.n_targets().unwrap_or(1);
            (0..30).for_each(|row| targets.push(Some(&vec![if row % 3 == 0 { 1.0 } else { 0.0 }; width])));
            let outputs: Vec<f32> = (0..30 * n_outputs).map(|i| 8.0 * (i as f32 * 0.7).sin()).collect();
            let outputs = Matrix::from_vec(30, n_outputs, outputs);
            let found = calibrate(kind, task.as_mut(), (&outputs, &targets), &Calibrate::default()).unwrap();
            assert!(found.log_loss_after < found.log_loss_before, "{kind}: {found:?}");
            assert!(found.temperature > 1.5, "{kind}: {}", found.temperature);
        }
        let mut none = KINDS.find("regression").unwrap()(Map::new()).unwrap();
        let empty = (&Matrix::zeros(0, 1), &Targets::default());
        assert_eq!(calibrate("r", none.as_mut(), empty, &Calibrate::default()), None);
    }

    #[test]
    fn thresholds_are_those_that_are_wished_for() {
        let rows = [(0.9, true), (0.8, true), (0.6, false), (0.5, true), (0.2, false)];
        let threshold = |wish: Threshold| {
            let found = best_threshold("x", &rows, &wish);
            ((found.threshold * 1000.0).round() / 1000.0, found.precision, found.recall)
        };
        assert_eq!(threshold(Threshold::F1), (0.35, Some(0.75), Some(1.0)));
        assert_eq!(threshold(Threshold::Precision(0.9)), (0.7, Some(1.0), Some(2.0 / 3.0)));
        let cost = |false_positive, false_negative| Threshold::Cost { false_positive, false_negative };
        assert_eq!(threshold(cost(10.0, 1.0)).0, 0.7);
        assert_eq!(threshold(cost(1.0, 10.0)).0, 0.35);
        let never = best_threshold("x", &[(0.9, false)], &Threshold::F1);
        assert_eq!((never.threshold, never.precision, never.recall), (1.0, None, None));
    }
}
