//! One of labels that have an order: a cumulative link, the label's name, the expected rank.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Answer, Calibration, Evaluation, Scored, Targets, Task, labels};
use crate::metric;
use crate::nn::ops::{class_log_probabilities, class_probabilities, cumulative_link};
use crate::nn::{Matrix, Tape, Var};

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ordinal {
    // The names of the labels from the lowest to the highest; numbers are learned from the data if empty.
    #[serde(default)]
    labels: Vec<String>,
    // What calibration has found.
    #[serde(default, skip_serializing_if = "Calibration::is_default")]
    calibration: Calibration,
}

/// The task that the options describe.
pub(super) fn make(options: Map<String, Value>) -> Result<Box<dyn Task>, String> {
    let task: Ordinal = super::read_options(options)?;
    labels::check_distinct(&task.labels)?;
    task.calibration.check()?;
    Ok(Box::new(task))
}

/// The probability of each label, and their mean rank from 0.
fn expectation(outputs: &[f32], temperature: f32) -> (Vec<f32>, f32) {
    let probabilities = class_probabilities(outputs, temperature);
    let rank = probabilities.iter().enumerate().map(|(rank, p)| rank as f32 * p).sum();
    (probabilities, rank)
}

impl Task for Ordinal {
    fn learn(&mut self, labels: &mut dyn Iterator<Item = Value>) -> Result<(), String> {
        if self.labels.is_empty() {
            let names: BTreeSet<String> = labels.filter_map(|cell| labels::name(&cell).ok()).collect();
            let number = |name: String| name.trim().parse::<f64>().map(|number| (number, name));
            let numbers: Result<Vec<(f64, String)>, _> = names.into_iter().map(number).collect();
            let mut numbers = numbers.map_err(|_| {
                "labels that are no numbers need their order: `labels = [\"lowest\", …, \"highest\"]`"
                    .to_string()
            })?;
            numbers.sort_by(|a, b| a.0.total_cmp(&b.0));
            self.labels = numbers.into_iter().map(|(_, name)| name).collect();
        }
        match self.labels.len() {
            0 | 1 => Err(format!("ordered labels are two or more; there is {:?}", self.labels)),
            _ => Ok(()),
        }
    }

    fn check_learned(&self) -> Result<(), String> {
        match self.labels.len() {
            0 | 1 => Err(format!("`labels` has {} names; expected 2 or more", self.labels.len())),
            _ => Ok(()),
        }
    }

    fn n_outputs(&self) -> Option<usize> {
        Some(self.labels.len() - 1)
    }

    fn n_targets(&self) -> Option<usize> {
        Some(1)
    }

    fn target(&self, _text: &str, cell: &Value) -> Result<Vec<f32>, String> {
        Ok(vec![labels::place("label", &labels::name(cell)?, &self.labels)? as f32])
    }

    fn loss(&self, tape: &mut Tape<'_>, outputs: &Var, targets: &Targets) -> Var {
        cumulative_link(tape, outputs, &labels::classes(targets))
    }

    fn answer(&self, _text: &str, outputs: &[f32]) -> Option<Answer> {
        let (probabilities, rank) = expectation(outputs, self.calibration.temperature);
        let best = labels::most(&probabilities);
        let abstained = self.calibration.abstains(probabilities[best]);
        let label = self.labels[best].clone();
        let probabilities = self.labels.iter().cloned().zip(probabilities).collect();
        Some(Answer::Rank { label, rank, probabilities, abstained })
    }

    fn columns(&self) -> Vec<String> {
        super::label_columns(self.calibration)
    }

    fn label(&self, target: &[f32]) -> Value {
        Value::from(&self.labels[target[0] as usize][..])
    }

    fn evaluate(&self, outputs: &Matrix, targets: &Targets) -> Evaluation {
        let labelled = labels::classes(targets).into_iter().zip(outputs.iter_rows());
        let (mut truth, mut predicted, mut ranks) = (Vec::new(), Vec::new(), Vec::new());
        for (class, outputs) in labelled.filter_map(|(class, outputs)| Some((class?, outputs))) {
            let (probabilities, rank) = expectation(outputs, self.calibration.temperature);
            truth.push(class);
            predicted.push(labels::most(&probabilities));
            ranks.push(rank);
        }
        let report = metric::Ordinal::compute(self.labels.len(), &truth, &predicted, &ranks);
        let mut metrics = super::fields(&report);
        self.calibration
            .add_coverage(&mut metrics, &self.scored(outputs, targets, self.calibration.temperature));
        let main = report.quadratic_kappa.unwrap_or(0.0);
        Evaluation { n: truth.len(), main_metric: "quadratic_kappa", main, metrics }
    }

    fn calibration_mut(&mut self) -> Option<&mut Calibration> {
        Some(&mut self.calibration)
    }

    fn scored(&self, outputs: &Matrix, targets: &Targets, temperature: f32) -> Vec<Scored> {
        let labelled = labels::classes(targets).into_iter().zip(outputs.iter_rows());
        let score = |(class, outputs): (Option<usize>, &[f32])| {
            let class = class?;
            let probabilities = class_probabilities(outputs, temperature);
            let best = labels::most(&probabilities);
            let log_likelihood = class_log_probabilities(outputs, temperature)[class];
            Some(Scored { confidence: probabilities[best], right: best == class, log_likelihood })
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
    fn numbers_have_their_order_and_names_need_one() {
        let task = task(json!({}), &[json!(10), json!("9"), json!(-1)]).unwrap();
        assert_eq!(task.labels(), ["-1", "9", "10"]);
        assert_eq!((task.target("", &json!(10)), task.n_outputs()), (Ok(vec![2.0]), Some(2)));
        let error = super::tests::task(json!({}), &[json!("good"), json!("bad")]).err().unwrap();
        assert!(error.contains("need their order"), "{error}");
    }

    #[test]
    fn the_answer_has_the_expected_rank() {
        let task = task(json!({"labels": ["bad", "fair", "good"]}), &[]).unwrap();
        let answer = task.answer("", &[0.0, 0.0]);
        let Some(Answer::Rank { label, rank, probabilities, .. }) = answer else { panic!("a rank") };
        assert_eq!(label, "bad");
        assert!((rank - (1.0 / 6.0 + 2.0 / 3.0)).abs() < 1e-6, "{rank} {probabilities:?}");
    }
}
