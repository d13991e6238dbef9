//! A task's old answers, to be kept while the encoder learns something else.

use serde_json::{Map, Value, json};

use super::{Answer, Evaluation, Reads, Stored, Targets, Task};
use crate::metric;
use crate::nn::{Matrix, Tape, Var};

/// A task whose targets are the outputs that its head gave before: learning without forgetting (Li and Hoiem 2016). All
/// else is that of the task itself.
pub struct Remember {
    inner: Box<dyn Task>,
    // The variance of the old outputs, by which the loss of tasks can be compared.
    variance: f32,
}

impl Remember {
    /// Stands for `inner`, whose head gave `outputs`.
    pub fn new(inner: Box<dyn Task>, outputs: &Matrix) -> Self {
        let finite = || outputs.data().iter().map(|&x| f64::from(x)).filter(|x| x.is_finite());
        let n = finite().count().max(1) as f64;
        let mean = finite().sum::<f64>() / n;
        let variance = finite().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
        Self { inner, variance: if variance > 0.0 { variance as f32 } else { 1.0 } }
    }

    /// The old outputs as targets; `rows` says how many rows of outputs each text has.
    pub fn targets(outputs: &Matrix, rows: impl Iterator<Item = usize>) -> Targets {
        let (mut targets, mut at) = (Targets::default(), 0);
        for n in rows {
            let values = &outputs.data()[at * outputs.cols()..(at + n) * outputs.cols()];
            targets.push_with(Some(values), n);
            at += n;
        }
        targets
    }
}

/// The rows of outputs, each with what it was before; rows of words that were not read are left out.
fn pairs<'a>(
    outputs: &'a Matrix,
    targets: &'a Targets,
) -> impl Iterator<Item = (usize, &'a [f32], &'a [f32])> + 'a {
    let cols = outputs.cols();
    let of_row = move |(old, at): (&'a [f32], std::ops::Range<usize>)| {
        old.chunks_exact(cols).zip(at).map(move |(old, row)| (row, outputs.row(row), old))
    };
    let finite = |(_, now, old): &(usize, &[f32], &[f32])| now.iter().chain(*old).all(|x| x.is_finite());
    targets.labelled().flat_map(of_row).filter(finite)
}

impl Task for Remember {
    fn learn(&mut self, _labels: &mut dyn Iterator<Item = Value>) -> Result<(), String> {
        Ok(())
    }

    fn check_learned(&self) -> Result<(), String> {
        Ok(())
    }

    fn reads(&self) -> Reads {
        self.inner.reads()
    }

    fn n_outputs(&self) -> Option<usize> {
        self.inner.n_outputs()
    }

    fn n_targets(&self) -> Option<usize> {
        None
    }

    fn target(&self, _text: &str, _cell: &Value) -> Result<Vec<f32>, String> {
        Err("old answers come from a model, not from data".to_string())
    }

    /// The mean of (x − old)² / variance.
    fn loss(&self, tape: &mut Tape<'_>, outputs: &Var, targets: &Targets) -> Var {
        let mut gradient = Matrix::zeros(outputs.rows(), outputs.cols());
        let (mut sum, mut n) = (0.0, 0);
        for (row, now, old) in pairs(outputs, targets) {
            n += now.len();
            for (d, (now, old)) in gradient.row_mut(row).iter_mut().zip(now.iter().zip(old)) {
                *d = now - old;
                sum += f64::from(*d) * f64::from(*d);
            }
        }
        let scale = 1.0 / (self.variance * n.max(1) as f32);
        let slot = outputs.slot();
        let loss = Matrix::from_vec(1, 1, vec![sum as f32 * scale]);
        tape.record(loss, slot.is_some(), move |d_loss, grads| {
            let mut d_outputs = gradient.clone();
            kernels::scale(d_outputs.data_mut(), 2.0 * scale * d_loss.data()[0]);
            grads.give(slot, d_outputs);
        })
    }

    fn answer(&self, text: &str, outputs: &[f32]) -> Option<Answer> {
        self.inner.answer(text, outputs)
    }

    fn columns(&self) -> Vec<String> {
        self.inner.columns()
    }

    fn label(&self, _target: &[f32]) -> Value {
        Value::Null
    }

    /// How often the largest output is the same as before; of single numbers, their correlation.
    fn evaluate(&self, outputs: &Matrix, targets: &Targets) -> Evaluation {
        let most = |row: &[f32]| (0..row.len()).fold(0, |best, i| if row[i] > row[best] { i } else { best });
        let all: Vec<_> = pairs(outputs, targets).collect();
        let n = all.len();
        let agreement = match outputs.cols() {
            1 => {
                let (now, old): (Vec<f32>, Vec<f32>) =
                    all.iter().map(|(_, now, old)| (now[0], old[0])).unzip();
                metric::Regression::compute(1, &old, &now).pearson
            }
            _ => {
                let same = all.iter().filter(|(_, now, old)| most(now) == most(old)).count();
                (n > 0).then(|| same as f64 / n as f64)
            }
        };
        let Value::Object(metrics) = json!({"n": n, "agreement": agreement}) else {
            unreachable!("it is one")
        };
        Evaluation {
            n: targets.n_present(),
            main_metric: "agreement",
            main: agreement.unwrap_or(0.0),
            metrics,
        }
    }
}

impl Stored for Remember {
    fn options(&self) -> Map<String, Value> {
        self.inner.options()
    }

    fn boxed(&self) -> Box<dyn Task> {
        Box::new(Self { inner: self.inner.boxed(), variance: self.variance })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::gradient_check::{check_gradient, random};
    use crate::task::KINDS;

    fn remember(outputs: &Matrix) -> Remember {
        let options: Map<_, _> = json!({"labels": ["a", "b", "c"]}).as_object().unwrap().clone();
        Remember::new(KINDS.find("classification").unwrap()(options).unwrap(), outputs)
    }

    #[test]
    fn gradients() {
        let old = Matrix::from_vec(2, 3, vec![1., 0., -1., 0.5, 0.5, f32::NAN]);
        let (task, targets) = (remember(&old), Remember::targets(&old, [1, 1].into_iter()));
        check_gradient(random(2, 3), |tape, x| task.loss(tape, x, &targets));
    }

    #[test]
    fn the_old_outputs_have_no_loss_and_agree() {
        let old = Matrix::from_vec(2, 3, vec![1., 0., -1., 0.5, 2.0, 0.1]);
        let (task, targets) = (remember(&old), Remember::targets(&old, [1, 1].into_iter()));
        let params = crate::nn::Params::default();
        let mut tape = Tape::inference(&params);
        let x = tape.constant(old.clone());
        assert_eq!(task.loss(&mut tape, &x, &targets).item(), 0.0);
        assert_eq!(task.evaluate(&old, &targets).main, 1.0);
        let other = Matrix::from_vec(2, 3, vec![0., 1., -1., 0.5, 2.0, 0.1]);
        assert_eq!(task.evaluate(&other, &targets).main, 0.5);
    }
}
