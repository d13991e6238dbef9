//! A teacher's embedding, to be given again: the cosine to it and the squared distance from it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{Answer, Evaluation, Targets, Task};
use crate::metric;
use crate::nn::ops::{all_dots, l2_normalize, row_dots, rows, squared_error};
use crate::nn::{Matrix, Tape, Var};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Distill {
    // How many numbers the teacher's embeddings have; learned from the data if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    size: Option<usize>,
    // Whether a linear layer, which only training uses, leads from the embedding to the teacher's.
    #[serde(default)]
    linear: bool,
    // What 1 − cosine is multiplied by in the loss.
    #[serde(default = "one")]
    cosine_weight: f32,
    // What the squared distance, summed over an embedding's numbers, is multiplied by.
    #[serde(default = "one")]
    mse_weight: f32,
    // What the mean squared difference of the cosines of each two texts of a batch, those of the student and those of
    // the teacher, is multiplied by.
    #[serde(default, skip_serializing_if = "is_zero")]
    pair_weight: f32,
}

/// Training scores are those of so many rows: an embedding has many numbers, and all rows would fill the memory.
const SCORED: usize = 4096;

fn is_zero(weight: &f32) -> bool {
    *weight == 0.0
}

fn one() -> f32 {
    1.0
}

/// The task that the options describe.
pub(super) fn make(options: Map<String, Value>) -> Result<Box<dyn Task>, String> {
    let task: Distill = super::read_options(options)?;
    let weights = [
        ("cosine_weight", task.cosine_weight),
        ("mse_weight", task.mse_weight),
        ("pair_weight", task.pair_weight),
    ];
    if let Some((name, weight)) = weights.into_iter().find(|(_, w)| !(w.is_finite() && *w >= 0.0)) {
        return Err(format!("`{name}` is {weight}; expected 0 or more"));
    }
    if weights.iter().all(|(_, weight)| *weight == 0.0) {
        return Err(
            "`cosine_weight`, `mse_weight` and `pair_weight` are 0; nothing would be learned".to_string()
        );
    }
    Ok(Box::new(task))
}

impl Distill {
    fn numbers(cell: &Value) -> Result<Vec<f32>, String> {
        match cell {
            Value::Array(cells) => cells.iter().map(super::number).collect(),
            Value::String(text) => match serde_json::from_str(text) {
                Ok(list @ Value::Array(_)) => Self::numbers(&list),
                _ => Err(format!("expected a list of numbers, found {cell}")),
            },
            other => Err(format!("expected a list of numbers, found {other}")),
        }
    }
}

impl Task for Distill {
    fn learn(&mut self, labels: &mut dyn Iterator<Item = Value>) -> Result<(), String> {
        if self.size.is_none() {
            let first = labels.filter_map(|cell| Self::numbers(&cell).ok()).next();
            self.size = first.map(|numbers| numbers.len()).filter(|&size| size > 0);
        }
        self.check_learned()
    }

    fn check_learned(&self) -> Result<(), String> {
        self.size.map(|_| ()).ok_or("no row has an embedding of the teacher".to_string())
    }

    fn n_outputs(&self) -> Option<usize> {
        self.size.filter(|_| self.linear)
    }

    fn check_size(&self, embedding_size: usize) -> Result<(), String> {
        match self.size {
            Some(size) if size != embedding_size && !self.linear => Err(format!(
                "the teacher's embeddings have {size} numbers, those of this model {embedding_size}; \
                 expected `[model] projection = {{ size = {size}, activation = \"identity\" }}`, \
                 or `linear = true` for a layer that only training uses"
            )),
            _ => Ok(()),
        }
    }

    fn n_scored(&self) -> usize {
        SCORED
    }

    fn n_targets(&self) -> Option<usize> {
        self.size
    }

    fn target(&self, _text: &str, cell: &Value) -> Result<Vec<f32>, String> {
        let numbers = Self::numbers(cell)?;
        match self.size {
            Some(size) if numbers.len() != size => {
                Err(format!("expected {size} numbers, found {}", numbers.len()))
            }
            _ => Ok(numbers),
        }
    }

    /// The mean over rows of `cosine_weight · (1 − cos(x, t)) + mse_weight · |x − t|²`, and `pair_weight` times the mean
    /// over all pairs of rows of `(cos(x, x') − cos(t, t'))²` (Tung and Mori 2019, "Similarity-preserving knowledge
    /// distillation").
    fn loss(&self, tape: &mut Tape<'_>, outputs: &Var, targets: &Targets) -> Var {
        let cols = outputs.cols();
        let (mut own, mut teacher) = (Vec::new(), Vec::new());
        for (target, at) in targets.labelled() {
            own.push(at.start);
            teacher.extend_from_slice(target);
        }
        let n = own.len();
        let teacher = Matrix::from_vec(n, cols, teacher);
        let student = rows(tape, outputs, own);

        let directions = tape.constant(teacher.clone());
        let directions = l2_normalize(tape, directions);
        let normalized = l2_normalize(tape, student.clone());
        let cosines = row_dots(tape, &normalized, &directions);
        let mut distances =
            vec![(squared_error(tape, &student, &teacher, &vec![true; n]), self.mse_weight * cols as f32)];
        if self.pair_weight > 0.0 {
            let wanted = Matrix::clone(&all_dots(tape, &directions, &directions));
            let pairs = all_dots(tape, &normalized, &normalized);
            distances.push((squared_error(tape, &pairs, &wanted, &vec![true; n]), self.pair_weight));
        }
        combine(tape, (&cosines, self.cosine_weight), &distances)
    }

    fn answer(&self, _text: &str, _outputs: &[f32]) -> Option<Answer> {
        None
    }

    fn columns(&self) -> Vec<String> {
        Vec::new()
    }

    fn evaluate(&self, outputs: &Matrix, targets: &Targets) -> Evaluation {
        let (mut cosines, mut squares) = (0.0, 0.0);
        for (target, at) in targets.labelled() {
            let own = outputs.row(at.start);
            cosines += metric::cosine(own, target);
            let square = |(x, t): (&f32, &f32)| (f64::from(*x) - f64::from(*t)).powi(2);
            squares += own.iter().zip(target).map(square).sum::<f64>() / target.len().max(1) as f64;
        }
        let n = targets.n_present();
        let mean = |sum: f64| (n > 0).then(|| sum / n as f64);
        let metrics = json!({"n": n, "mean_cosine": mean(cosines), "mse": mean(squares)});
        let Value::Object(metrics) = metrics else { unreachable!("it was just made") };
        Evaluation { n, main_metric: "mean_cosine", main: mean(cosines).unwrap_or(0.0), metrics }
    }
}

/// `weight · (1 − mean of the cosines) + Σ weight · distance`
fn combine(tape: &mut Tape<'_>, (cosines, a): (&Var, f32), distances: &[(Var, f32)]) -> Var {
    let n = cosines.rows().max(1) as f32;
    let none = cosines.rows() == 0;
    let mean = cosines.data().iter().sum::<f32>() / n;
    let further: f32 = distances.iter().map(|(distance, weight)| weight * distance.item()).sum();
    let loss = if none { 0.0 } else { a * (1.0 - mean) + further };
    let (cosine_slot, rows) = (cosines.slot(), cosines.rows());
    let slots: Vec<_> = distances.iter().map(|(distance, weight)| (distance.slot(), *weight)).collect();
    let needed = cosine_slot.is_some() || slots.iter().any(|(slot, _)| slot.is_some());
    tape.record(Matrix::from_vec(1, 1, vec![loss]), needed, move |d_loss, grads| {
        let d = d_loss.data()[0];
        grads.give(cosine_slot, Matrix::from_vec(rows, 1, vec![-a * d / n; rows]));
        for (slot, weight) in &slots {
            grads.give(*slot, Matrix::from_vec(1, 1, vec![weight * d]));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::gradient_check::{check_gradient, random};

    fn task(options: Value) -> Box<dyn Task> {
        let mut task = make(options.as_object().unwrap().clone()).unwrap();
        task.learn(&mut [json!([1.0, 0.0, 2.0])].into_iter()).unwrap();
        task
    }

    fn targets() -> Targets {
        let mut targets = Targets::default();
        targets.push(Some(&[1.0, 0.0, 2.0]));
        targets.push(None);
        targets.push(Some(&[0.5, -1.0, 0.0]));
        targets
    }

    #[test]
    fn gradients() {
        for options in
            [json!({}), json!({"cosine_weight": 0}), json!({"mse_weight": 0.1}), json!({"pair_weight": 3})]
        {
            let (task, targets) = (task(options), targets());
            check_gradient(random(3, 3), |tape, x| task.loss(tape, x, &targets));
        }
    }

    #[test]
    fn the_teacher_itself_has_no_loss() {
        let params = crate::nn::Params::default();
        let mut tape = Tape::inference(&params);
        let outputs = Matrix::from_vec(3, 3, vec![1.0, 0.0, 2.0, 9.0, 9.0, 9.0, 0.5, -1.0, 0.0]);
        let found = task(json!({})).evaluate(&outputs, &targets());
        assert!((found.main - 1.0).abs() < 1e-9 && found.metrics["mse"] == json!(0.0));
        let outputs = tape.constant(outputs);
        assert!(task(json!({})).loss(&mut tape, &outputs, &targets()).item().abs() < 1e-6);
    }

    #[test]
    fn sizes_must_fit() {
        let direct = task(json!({}));
        assert_eq!((direct.n_outputs(), direct.check_size(3)), (None, Ok(())));
        assert!(direct.check_size(4).unwrap_err().contains("projection = { size = 3,"));
        assert_eq!(task(json!({"linear": true})).check_size(4), Ok(()));
        assert_eq!(task(json!({"linear": true})).n_outputs(), Some(3));
        assert_eq!(direct.target("", &json!([1, 2])), Err("expected 3 numbers, found 2".to_string()));
        assert_eq!(direct.target("", &json!("[1, 2, 3]")), Ok(vec![1.0, 2.0, 3.0]));
    }
}
