//! One label of several: softmax cross entropy, the label's name and the probability of each.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::labels::{self, Counts, Weights, most};
use super::{Answer, Calibration, Evaluation, Scored, Targets, Task};
use crate::metric;
use crate::nn::ops::{ClassTargets, cross_entropy, focal, log_softmax};
use crate::nn::{Matrix, Tape, Var};

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Classification {
    // The names of the classes, in the order of the head's outputs; learned from the data if empty.
    #[serde(default)]
    labels: Vec<String>,
    // How much each class counts in the loss; balanced is rows / (classes · rows of the class), as scikit-learn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    class_weights: Option<Weights>,
    // The share of each label that is spread over all classes.
    #[serde(default)]
    label_smoothing: f32,
    // The power of the focal loss: the larger, the less rows count that are answered well already; 0 = cross entropy.
    #[serde(default)]
    focal: f32,
    // What calibration has found.
    #[serde(default, skip_serializing_if = "Calibration::is_default")]
    calibration: Calibration,
}

/// The task that the options describe.
pub(super) fn make(options: Map<String, Value>) -> Result<Box<dyn Task>, String> {
    let task: Classification = super::read_options(options)?;
    labels::check_distinct(&task.labels)?;
    if !(0.0..1.0).contains(&task.label_smoothing) {
        return Err(format!("`label_smoothing` is {}; expected 0 or more and below 1", task.label_smoothing));
    }
    if !(task.focal.is_finite() && task.focal >= 0.0) || (task.focal > 0.0 && task.label_smoothing > 0.0) {
        return Err(format!(
            "`focal` is {}; expected 0 or more, and no `label_smoothing` beside",
            task.focal
        ));
    }
    task.calibration.check()?;
    task.class_weights.iter().try_for_each(|weights| weights.check("class_weights"))?;
    Ok(Box::new(task))
}

impl Classification {
    fn probabilities(&self, outputs: &[f32]) -> Vec<f32> {
        log_softmax(&self.calibration.tempered(outputs)).into_iter().map(f32::exp).collect()
    }

    fn weights(&self) -> Option<&[f32]> {
        self.class_weights.as_ref().and_then(Weights::each)
    }
}

impl Task for Classification {
    fn learn(&mut self, labels: &mut dyn Iterator<Item = Value>) -> Result<(), String> {
        let mut counts = Counts::default();
        labels.filter_map(|cell| labels::name(&cell).ok()).for_each(|name| counts.add(name));
        if self.labels.is_empty() {
            self.labels = counts.names();
        }
        if self.labels.len() < 2 {
            return Err(format!("a classification needs two labels or more; there is {:?}", self.labels));
        }
        if let Some(weights) = &self.class_weights {
            let total: usize = self.labels.iter().map(|label| counts.of(label)).sum();
            let n_classes = self.labels.len();
            let balanced = |label: &String| total as f32 / (n_classes * counts.of(label).max(1)) as f32;
            self.class_weights = Some(weights.resolve("class_weights", &self.labels, balanced)?);
        }
        Ok(())
    }

    fn check_learned(&self) -> Result<(), String> {
        match self.labels.len() {
            0 | 1 => Err(format!("`labels` has {} names; expected 2 or more", self.labels.len())),
            _ => Ok(()),
        }
    }

    fn n_outputs(&self) -> Option<usize> {
        Some(self.labels.len())
    }

    fn n_targets(&self) -> Option<usize> {
        Some(1)
    }

    fn target(&self, _text: &str, cell: &Value) -> Result<Vec<f32>, String> {
        Ok(vec![labels::place("label", &labels::name(cell)?, &self.labels)? as f32])
    }

    fn loss(&self, tape: &mut Tape<'_>, outputs: &Var, targets: &Targets) -> Var {
        let classes = labels::classes(targets);
        if self.focal > 0.0 {
            return focal(tape, outputs, &classes, (self.focal, self.weights()));
        }
        let label_smoothing = self.label_smoothing;
        let targets = ClassTargets { classes: &classes, class_weights: self.weights(), label_smoothing };
        cross_entropy(tape, outputs, &targets)
    }

    fn answer(&self, _text: &str, outputs: &[f32]) -> Option<Answer> {
        let probabilities = self.probabilities(outputs);
        let best = most(outputs);
        let abstained = self.calibration.abstains(probabilities[best]);
        let probabilities = self.labels.iter().cloned().zip(probabilities).collect();
        Some(Answer::Label { label: self.labels[best].clone(), probabilities, abstained })
    }

    fn columns(&self) -> Vec<String> {
        super::label_columns(self.calibration)
    }

    fn label(&self, target: &[f32]) -> Value {
        Value::from(&self.labels[target[0] as usize][..])
    }

    fn evaluate(&self, outputs: &Matrix, targets: &Targets) -> Evaluation {
        let labelled = labels::classes(targets).into_iter().zip(outputs.iter_rows());
        let (mut truth, mut probabilities) = (Vec::new(), Vec::new());
        for (class, outputs) in labelled.filter_map(|(class, outputs)| Some((class?, outputs))) {
            truth.push(class);
            probabilities.extend(self.probabilities(outputs));
        }
        let report = metric::Classification::compute(self.labels.len(), &truth, &probabilities);
        let mut metrics = super::fields(&report);
        self.calibration
            .add_coverage(&mut metrics, &self.scored(outputs, targets, self.calibration.temperature));
        Evaluation { n: truth.len(), main_metric: "macro_f1", main: report.macro_f1, metrics }
    }

    fn calibration_mut(&mut self) -> Option<&mut Calibration> {
        Some(&mut self.calibration)
    }

    fn scored(&self, outputs: &Matrix, targets: &Targets, temperature: f32) -> Vec<Scored> {
        let tempered = Calibration { temperature, ..Calibration::default() };
        let labelled = labels::classes(targets).into_iter().zip(outputs.iter_rows());
        let score = |(class, outputs): (Option<usize>, &[f32])| {
            let log_p = log_softmax(&tempered.tempered(outputs));
            let (class, best) = (class?, most(outputs));
            Some(Scored {
                confidence: log_p[best].exp(),
                right: best == class,
                log_likelihood: f64::from(log_p[class]),
            })
        };
        labelled.filter_map(score).collect()
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
    fn labels_are_learned_in_order_and_numbers_are_names() {
        let task = task(json!({}), &[json!("b"), json!("a"), json!(3), json!("b")]).unwrap();
        assert_eq!(task.labels(), ["3", "a", "b"]);
        assert_eq!(task.target("", &json!("b")), Ok(vec![2.0]));
        assert_eq!(task.label(&[0.0]), json!("3"));
    }

    #[test]
    fn an_unknown_label_lists_the_known_ones() {
        let task = task(json!({"labels": ["sport", "food"]}), &[]).unwrap();
        let error = task.target("", &json!("sprot")).unwrap_err();
        assert_eq!(error, "unknown label `sprot`; there is: sport, food (did you mean `sport`?)");
    }

    #[test]
    fn balanced_weights_are_those_of_scikit_learn() {
        let data = [json!("a"), json!("a"), json!("a"), json!("b")];
        let task = task(json!({"class_weights": "balanced"}), &data).unwrap();
        // sklearn.utils.class_weight.compute_class_weight("balanced", classes=["a", "b"], y=list("aaab"))
        assert_eq!(task.options()["class_weights"], json!([2.0f32 / 3.0, 2.0]));
    }

    #[test]
    fn what_was_learned_makes_the_same_task_again() {
        let options = json!({"class_weights": {"b": 4.0}, "label_smoothing": 0.5});
        let task = task(options, &[json!("b"), json!("a")]).unwrap();
        let again = make(task.options()).unwrap();
        assert_eq!(again.options(), task.options());
        assert_eq!(again.labels(), ["a", "b"]);
    }

    #[test]
    fn probabilities_sum_to_one_also_of_large_outputs() {
        let task = task(json!({"labels": ["a", "b"]}), &[]).unwrap();
        let answer = task.answer("", &[5000.0, 5001.0]);
        let Some(Answer::Label { label, probabilities, .. }) = answer else { panic!() };
        assert_eq!(label, "b");
        assert!((probabilities[0].1 + probabilities[1].1 - 1.0).abs() < 1e-6);
    }

    #[test]
    fn options_that_cannot_be_are_errors() {
        let error = |options: Value| task(options, &[json!("a"), json!("b")]).err().unwrap();
        assert!(error(json!({"lables": []})).contains("unknown field `lables`"));
        assert!(error(json!({"labels": ["a", "a"]})).contains("has `a` twice"));
        assert!(error(json!({"labels": ["a"]})).contains("two labels or more"));
        assert!(error(json!({"class_weights": {"c": 1.0}})).contains("`c`, which is no label"));
        assert!(error(json!({"label_smoothing": 1.0})).contains("below 1"));
    }
}
