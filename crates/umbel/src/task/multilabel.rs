//! Any number of several labels: binary cross entropy for each, the labels over their thresholds.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::calibration::best_threshold;
use super::labels::{self, Counts, Weights};
use super::{Answer, Calibration, Evaluation, LabelThreshold, Scored, Targets, Task};
use crate::metric;
use crate::nn::ops::{BinaryTargets, binary_cross_entropy, log_sigmoid, sigmoid};
use crate::nn::{Matrix, Tape, Var};
use crate::settings::Threshold;

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Multilabel {
    // The names of the labels, in the order of the head's outputs; learned from the data if empty.
    #[serde(default)]
    labels: Vec<String>,
    // How much a label that is true counts in the loss; balanced is rows without the label / rows with it, as PyTorch's
    // documentation advises.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    positive_weights: Option<Weights>,
    // From which probability on each label is answered; one half where nothing is said.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    thresholds: BTreeMap<String, f32>,
    // What calibration has found.
    #[serde(default, skip_serializing_if = "Calibration::is_default")]
    calibration: Calibration,
}

/// What a label is answered from, where no threshold is given.
const HALF: f32 = 0.5;

/// The task that the options describe.
pub(super) fn make(options: Map<String, Value>) -> Result<Box<dyn Task>, String> {
    let task: Multilabel = super::read_options(options)?;
    labels::check_distinct(&task.labels)?;
    if let Some((label, threshold)) = task.thresholds.iter().find(|(_, t)| !(0.0..=1.0).contains(*t)) {
        return Err(format!("the threshold of `{label}` is {threshold}; expected a probability"));
    }
    task.calibration.check()?;
    task.positive_weights.iter().try_for_each(|weights| weights.check("positive_weights"))?;
    Ok(Box::new(task))
}

impl Multilabel {
    /// The names that a cell says: a list, the same as JSON in a string, or one name; nothing is true of an empty list.
    fn names(cell: &Value) -> Result<Vec<String>, String> {
        let expected = || format!("expected a list of label names, found {cell}");
        match cell {
            Value::Array(names) => {
                names.iter().map(|name| labels::name(name).map_err(|_| expected())).collect()
            }
            Value::String(text) if text.trim_start().starts_with('[') => {
                let list: Value = serde_json::from_str(text).map_err(|_| expected())?;
                Self::names(&list)
            }
            Value::String(name) => Ok(vec![name.clone()]),
            _ => Err(expected()),
        }
    }

    fn weights(&self) -> Option<&[f32]> {
        self.positive_weights.as_ref().and_then(Weights::each)
    }

    fn probability(&self, output: f32) -> f32 {
        sigmoid(f64::from(output) / f64::from(self.calibration.temperature)) as f32
    }

    fn threshold(&self, label: &str) -> f32 {
        self.thresholds.get(label).copied().unwrap_or(HALF)
    }
}

impl Task for Multilabel {
    fn learn(&mut self, labels: &mut dyn Iterator<Item = Value>) -> Result<(), String> {
        let (mut counts, mut n_rows) = (Counts::default(), 0);
        for mut names in labels.filter_map(|cell| Self::names(&cell).ok()) {
            names.sort_unstable();
            names.dedup();
            names.into_iter().for_each(|name| counts.add(name));
            n_rows += 1;
        }
        if self.labels.is_empty() {
            self.labels = counts.names();
        }
        if self.labels.is_empty() {
            return Err("no training row has a label".to_string());
        }
        if let Some(unknown) = self.thresholds.keys().find(|name| !self.labels.contains(name)) {
            return Err(format!("`thresholds` names `{unknown}`, which is no label"));
        }
        if let Some(weights) = &self.positive_weights {
            let balanced =
                |label: &String| (n_rows - counts.of(label)) as f32 / counts.of(label).max(1) as f32;
            self.positive_weights = Some(weights.resolve("positive_weights", &self.labels, balanced)?);
        }
        Ok(())
    }

    fn check_learned(&self) -> Result<(), String> {
        match self.labels.len() {
            0 => Err("`labels` has no names; expected 1 or more".to_string()),
            _ => Ok(()),
        }
    }

    fn n_outputs(&self) -> Option<usize> {
        Some(self.labels.len())
    }

    fn n_targets(&self) -> Option<usize> {
        Some(self.labels.len())
    }

    fn target(&self, _text: &str, cell: &Value) -> Result<Vec<f32>, String> {
        let mut target = vec![0.0; self.labels.len()];
        for name in Self::names(cell)? {
            target[labels::place("label", &name, &self.labels)?] = 1.0;
        }
        Ok(target)
    }

    fn loss(&self, tape: &mut Tape<'_>, outputs: &Var, targets: &Targets) -> Var {
        let mut truth = Matrix::zeros(targets.len(), self.labels.len());
        let mut present = vec![false; targets.len()];
        for (row, target) in targets.iter().enumerate().filter_map(|(row, target)| Some((row, target?))) {
            present[row] = true;
            truth.row_mut(row).copy_from_slice(target);
        }
        let truth = BinaryTargets { targets: &truth, present: &present, positive_weights: self.weights() };
        binary_cross_entropy(tape, outputs, &truth)
    }

    fn answer(&self, _text: &str, outputs: &[f32]) -> Option<Answer> {
        let probabilities: Vec<(String, f32)> =
            self.labels.iter().cloned().zip(outputs.iter().map(|&x| self.probability(x))).collect();
        let answered = probabilities.iter().filter(|(label, p)| *p >= self.threshold(label));
        Some(Answer::Labels { labels: answered.map(|(label, _)| label.clone()).collect(), probabilities })
    }

    fn columns(&self) -> Vec<String> {
        vec!["label".to_string(), "probability".to_string()]
    }

    fn label(&self, target: &[f32]) -> Value {
        let own = self.labels.iter().zip(target).filter(|(_, target)| **target > 0.0);
        own.map(|(label, _)| Value::from(&label[..])).collect()
    }

    fn evaluate(&self, outputs: &Matrix, targets: &Targets) -> Evaluation {
        let (mut truth, mut probabilities) = (Vec::new(), Vec::new());
        let labelled = targets.iter().zip(outputs.iter_rows());
        for (target, outputs) in labelled.filter_map(|(target, outputs)| Some((target?, outputs))) {
            truth.extend(target.iter().map(|&target| target > 0.0));
            probabilities.extend(outputs.iter().map(|&x| self.probability(x)));
        }
        let thresholds: Vec<f32> = self.labels.iter().map(|label| self.threshold(label)).collect();
        let report = metric::Multilabel::compute(&thresholds, &truth, &probabilities);
        let metrics = super::fields(&report);
        Evaluation { n: targets.n_present(), main_metric: "macro_f1", main: report.macro_f1, metrics }
    }

    fn calibration_mut(&mut self) -> Option<&mut Calibration> {
        Some(&mut self.calibration)
    }

    /// One of each row and label: the probability of what is more likely, that it is true or that it is not.
    fn scored(&self, outputs: &Matrix, targets: &Targets, temperature: f32) -> Vec<Scored> {
        let score = |(target, x): (&f32, &f32)| {
            let (x, truth) = (f64::from(*x) / f64::from(temperature), *target > 0.0);
            Scored {
                confidence: sigmoid(x.abs()) as f32,
                right: truth == (x > 0.0),
                log_likelihood: log_sigmoid(if truth { x } else { -x }),
            }
        };
        let rows = targets.iter().zip(outputs.iter_rows()).filter_map(|(target, row)| Some((target?, row)));
        rows.flat_map(|(target, row)| target.iter().zip(row).map(score)).collect()
    }

    fn choose_thresholds(
        &mut self,
        (outputs, targets): (&Matrix, &Targets),
        wish: &Threshold,
    ) -> Vec<LabelThreshold> {
        let labelled = || targets.iter().zip(outputs.iter_rows()).filter_map(|(t, row)| Some((t?, row)));
        let chosen = |(i, label): (usize, &String)| {
            let rows: Vec<(f32, bool)> =
                labelled().map(|(target, row)| (self.probability(row[i]), target[i] > 0.0)).collect();
            best_threshold(label, &rows, wish)
        };
        let chosen: Vec<LabelThreshold> = self.labels.iter().enumerate().map(chosen).collect();
        self.thresholds = chosen.iter().map(|chosen| (chosen.label.clone(), chosen.threshold)).collect();
        chosen
    }

    /// Rows with as many labels are alike.
    fn stratum(&self, target: &[f32]) -> f32 {
        target.iter().sum()
    }

    fn labels(&self) -> &[String] {
        &self.labels
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn task(options: Value, data: &[Value]) -> Result<Box<dyn Task>, String> {
        let mut task = make(options.as_object().unwrap().clone())?;
        task.learn(&mut data.iter().cloned())?;
        Ok(task)
    }

    #[test]
    fn cells_are_lists_names_or_json() {
        let task = task(json!({}), &[json!(["b", "a"]), json!([]), json!("c"), json!("[\"a\"]")]).unwrap();
        assert_eq!(task.labels(), ["a", "b", "c"]);
        assert_eq!(task.target("", &json!(["c", "a"])), Ok(vec![1.0, 0.0, 1.0]));
        assert_eq!(task.target("", &json!([])), Ok(vec![0.0; 3]));
        assert_eq!(task.label(&[1.0, 0.0, 1.0]), json!(["a", "c"]));
        assert!(
            task.target("", &json!(["d"])).unwrap_err().starts_with("unknown label `d`; there is: a, b, c")
        );
        assert!(task.target("", &json!(3)).unwrap_err().contains("expected a list of label names, found 3"));
    }

    #[test]
    fn labels_are_answered_from_their_thresholds_on() {
        let task = task(json!({"thresholds": {"a": 0.9}}), &[json!(["a", "b"])]).unwrap();
        let answer = task.answer("", &[1.0, 1.0]);
        let Some(Answer::Labels { labels, probabilities }) = answer else { panic!("labels") };
        assert_eq!(labels, ["b"]);
        assert!((probabilities[0].1 - 0.731_058_6).abs() < 1e-6);
    }

    #[test]
    fn balanced_weights_are_absent_by_present() {
        let rows = [json!(["a"]), json!(["a", "b"]), json!(["a"]), json!([])];
        let task = task(json!({"positive_weights": "balanced"}), &rows).unwrap();
        assert_eq!(task.options()["positive_weights"], json!([1.0 / 3.0_f32, 3.0]));
    }

    #[test]
    fn options_that_cannot_be_are_refused() {
        let error = |options: Value| task(options, &[json!(["a"])]).err().unwrap();
        assert!(error(json!({"thresholds": {"a": 2.0}})).contains("threshold of `a` is 2"));
        assert!(error(json!({"thresholds": {"x": 0.2}})).contains("names `x`"));
        assert!(error(json!({"positive_weights": "even"})).contains("\"even\""));
        assert!(error(json!({"labels": ["a", "a"]})).contains("twice"));
    }
}
