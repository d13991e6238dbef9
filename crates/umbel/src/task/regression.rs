//! One number or several: mean squared error on targets that are standardized unless asked otherwise.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Answer, Evaluation, Targets, Task, number};
use crate::metric;
use crate::nn::ops::{absolute_error, huber, squared_error};
use crate::nn::{Matrix, Tape, Var};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Regression {
    // How many numbers a label has.
    #[serde(default = "one")]
    size: usize,
    // Whether the head learns (y − mean) / sd of the training rows.
    #[serde(default = "yes")]
    standardize: bool,
    #[serde(default)]
    loss: Loss,
    // Up to which difference, in units of the target, the Huber loss is a square.
    #[serde(default = "unit")]
    delta: f32,
    // The mean and standard deviation of each number over the training rows; empty until learned.
    #[serde(default)]
    mean: Vec<f32>,
    #[serde(default)]
    sd: Vec<f32>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Loss {
    #[default]
    Mse,
    // A square near the target and the absolute difference beyond.
    Huber,
    // The absolute difference.
    Mae,
}

fn unit() -> f32 {
    1.0
}

fn one() -> usize {
    1
}

fn yes() -> bool {
    true
}

/// The task that the options describe.
pub(super) fn make(options: Map<String, Value>) -> Result<Box<dyn Task>, String> {
    let task: Regression = super::read_options(options)?;
    if task.size == 0 {
        return Err("`size` is 0; expected 1 or more".to_string());
    }
    if !(task.delta.is_finite() && task.delta > 0.0) {
        return Err(format!("`delta` is {}; expected a number above 0", task.delta));
    }
    if task.mean.len() != task.sd.len() || !(task.mean.is_empty() || task.mean.len() == task.size) {
        return Err(format!("`mean` and `sd` need {} numbers each", task.size));
    }
    let mut numbers = task.mean.iter().chain(&task.sd);
    if let Some(wrong) = numbers.find(|number| !number.is_finite()) {
        return Err(format!("`mean` or `sd` has {wrong}; expected finite numbers"));
    }
    Ok(Box::new(task))
}

impl Regression {
    /// (value − mean) / sd of the number in that column.
    fn standardized(&self, column: usize, value: f32) -> f32 {
        if self.standardize { (value - self.mean[column]) / self.sd[column] } else { value }
    }

    fn on_original_scale(&self, outputs: &[f32]) -> Vec<f32> {
        let original =
            |(i, &x): (usize, &f32)| if self.standardize { x * self.sd[i] + self.mean[i] } else { x };
        outputs.iter().enumerate().map(original).collect()
    }
}

impl Task for Regression {
    fn learn(&mut self, labels: &mut dyn Iterator<Item = Value>) -> Result<(), String> {
        if !self.standardize || !self.mean.is_empty() {
            return Ok(());
        }
        let rows: Vec<Vec<f32>> = labels.filter_map(|cell| self.target("", &cell).ok()).collect();
        if rows.is_empty() {
            return Err("no training row has a number to standardize by".to_string());
        }
        for column in 0..self.size {
            let values = || rows.iter().map(|row| f64::from(row[column]));
            let mean = values().sum::<f64>() / rows.len() as f64;
            let variance = values().map(|value| (value - mean).powi(2)).sum::<f64>() / rows.len() as f64;
            // All labels alike: the head has only the mean to learn.
            let sd = if variance > 0.0 { variance.sqrt() } else { 1.0 };
            self.mean.push(mean as f32);
            self.sd.push(sd as f32);
        }
        Ok(())
    }

    fn check_learned(&self) -> Result<(), String> {
        match self.standardize && self.mean.is_empty() {
            true => Err(format!("`mean` and `sd` are missing; expected {} numbers each", self.size)),
            false => Ok(()),
        }
    }

    fn n_outputs(&self) -> Option<usize> {
        Some(self.size)
    }

    fn n_targets(&self) -> Option<usize> {
        Some(self.size)
    }

    fn target(&self, _text: &str, cell: &Value) -> Result<Vec<f32>, String> {
        match cell {
            Value::Array(cells) if cells.len() == self.size => cells.iter().map(number).collect(),
            Value::Array(cells) => Err(format!("expected {} numbers, found {}", self.size, cells.len())),
            Value::String(text) if self.size > 1 => match serde_json::from_str(text) {
                Ok(list @ Value::Array(_)) => self.target("", &list),
                _ => Err(format!("expected a list of {} numbers, found {cell}", self.size)),
            },
            cell if self.size == 1 => Ok(vec![number(cell)?]),
            cell => Err(format!("expected a list of {} numbers, found {cell}", self.size)),
        }
    }

    fn loss(&self, tape: &mut Tape<'_>, outputs: &Var, targets: &Targets) -> Var {
        let mut standardized = Matrix::zeros(targets.len(), self.size);
        let mut present = vec![false; targets.len()];
        for (row, target) in targets.iter().enumerate().filter_map(|(row, target)| Some((row, target?))) {
            present[row] = true;
            let values = target.iter().enumerate().map(|(i, &value)| self.standardized(i, value));
            standardized.row_mut(row).iter_mut().zip(values).for_each(|(place, value)| *place = value);
        }
        match self.loss {
            Loss::Mse => squared_error(tape, outputs, &standardized, &present),
            Loss::Huber => huber(tape, outputs, &standardized, (&present, self.delta)),
            Loss::Mae => absolute_error(tape, outputs, &standardized, &present),
        }
    }

    fn answer(&self, _text: &str, outputs: &[f32]) -> Option<Answer> {
        let scores = self.on_original_scale(outputs);
        Some(if let [score] = scores[..] { Answer::Score(score) } else { Answer::Scores(scores) })
    }

    fn columns(&self) -> Vec<String> {
        match self.size {
            1 => vec!["score".to_string()],
            size => (0..size).map(|i| format!("scores.{i}")).collect(),
        }
    }

    fn evaluate(&self, outputs: &Matrix, targets: &Targets) -> Evaluation {
        let (mut truth, mut predicted) = (Vec::new(), Vec::new());
        let labelled = targets.iter().zip(outputs.iter_rows());
        for (target, outputs) in labelled.filter_map(|(target, outputs)| Some((target?, outputs))) {
            truth.extend_from_slice(target);
            predicted.extend(self.on_original_scale(outputs));
        }
        let report = metric::Regression::compute(self.size, &truth, &predicted);
        let metrics = super::fields(&report);
        let n = truth.len() / self.size;
        Evaluation { n, main_metric: "pearson", main: report.pearson.unwrap_or(0.0), metrics }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn task(options: Value, data: &[Value]) -> Box<dyn Task> {
        let mut task = make(options.as_object().unwrap().clone()).unwrap();
        task.learn(&mut data.iter().cloned()).unwrap();
        task
    }

    #[test]
    fn answers_are_on_the_scale_of_the_data() {
        let task = task(json!({}), &[json!(1.0), json!("3.0")]);
        assert_eq!(task.answer("", &[0.0]), Some(Answer::Score(2.0)));
        assert_eq!(task.answer("", &[-1.5]), Some(Answer::Score(0.5)));
    }

    #[test]
    fn several_numbers_are_several_scores() {
        let task = task(json!({"size": 2, "standardize": false}), &[]);
        assert_eq!(task.target("", &json!([1, 2])), Ok(vec![1.0, 2.0]));
        assert_eq!(task.target("", &json!("[1, 2]")), Ok(vec![1.0, 2.0]));
        assert_eq!(task.answer("", &[1.0, 2.0]), Some(Answer::Scores(vec![1.0, 2.0])));
        assert_eq!(task.target("", &json!([1])), Err("expected 2 numbers, found 1".into()));
    }

    #[test]
    fn a_target_is_said_as_the_data_says_it() {
        let one = task(json!({}), &[json!(0.1), json!(1.0)]);
        assert_eq!(one.label(&one.target("", &json!(0.1)).unwrap()), json!(0.1));
        let two = task(json!({"size": 2}), &[json!([0.1, 2.5]), json!([1.0, 2.0])]);
        assert_eq!(two.label(&two.target("", &json!([0.1, 2.5])).unwrap()), json!([0.1, 2.5]));
    }

    #[test]
    fn what_is_no_number_is_an_error() {
        let task = task(json!({"standardize": false}), &[]);
        for cell in [json!("many"), json!(true), json!("NaN"), json!("1e99"), json!({})] {
            assert!(task.target("", &cell).unwrap_err().starts_with("expected a number, found"), "{cell}");
        }
    }

    #[test]
    fn far_rows_count_as_the_loss_says() {
        let loss = |options: Value| {
            let mut targets = Targets::default();
            targets.push(Some(&[3.0]));
            let params = crate::nn::Params::default();
            let mut tape = Tape::inference(&params);
            let outputs = tape.constant(Matrix::zeros(1, 1));
            task(options, &[]).loss(&mut tape, &outputs, &targets).item()
        };
        assert_eq!(loss(json!({"standardize": false})), 9.0);
        assert_eq!(loss(json!({"standardize": false, "loss": "huber", "delta": 2})), 4.0);
        assert_eq!(loss(json!({"standardize": false, "loss": "mae"})), 3.0);
        assert!(make(json!({"delta": 0}).as_object().unwrap().clone()).is_err());
    }

    #[test]
    fn what_was_learned_makes_the_same_task_again() {
        let task = task(json!({}), &[json!(1.0), json!(3.0), json!(8.0)]);
        assert_eq!(make(task.options()).unwrap().options(), task.options());
    }

    #[test]
    fn labels_that_are_all_alike_are_no_division_by_zero() {
        let task = task(json!({}), &[json!(2.0), json!(2.0)]);
        assert_eq!(task.answer("", &[0.5]), Some(Answer::Score(2.5)));
    }
}
