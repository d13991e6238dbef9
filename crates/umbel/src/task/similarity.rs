//! How alike two texts are: the cosine of their embeddings, held against a score.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Answer, Evaluation, OtherTexts, Reads, Targets, Task};
use crate::metric;
use crate::nn::ops::{cosent, l2_normalize, row_dots, rows, squared_error};
use crate::nn::{Matrix, Tape, Var};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Similarity {
    // The column of the second text.
    #[serde(default = "text_pair")]
    second: String,
    // The scores of texts that have nothing to do with each other and of equal ones; learned from the data if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    range: Option<[f32; 2]>,
    #[serde(default)]
    loss: Loss,
    // What CoSENT multiplies cosines by.
    #[serde(default = "twenty")]
    scale: f32,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Loss {
    // The mean squared difference of the cosine and the score, which the range takes to 0 and 1.
    #[default]
    Mse,
    // The order of the cosines alone.
    Cosent,
}

fn text_pair() -> String {
    "text_pair".to_string()
}

fn twenty() -> f32 {
    20.0
}

/// The task that the options describe.
pub(super) fn make(options: Map<String, Value>) -> Result<Box<dyn Task>, String> {
    let task: Similarity = super::read_options(options)?;
    if let Some([lowest, highest]) = task.range
        && !(lowest.is_finite() && highest.is_finite() && lowest < highest)
    {
        return Err(format!("`range` is [{lowest}, {highest}]; expected the lower score first"));
    }
    super::check_scale(task.scale)?;
    Ok(Box::new(task))
}

impl Similarity {
    fn bounds(&self) -> [f32; 2] {
        self.range.unwrap_or([0.0, 1.0])
    }

    /// From the data's scale to 0 … 1.
    fn scaled(&self, score: f32) -> f32 {
        let [lowest, highest] = self.bounds();
        (score - lowest) / (highest - lowest)
    }

    /// From a cosine to the data's scale.
    fn on_original_scale(&self, cosine: f32) -> f32 {
        let [lowest, highest] = self.bounds();
        lowest + cosine * (highest - lowest)
    }
}

impl Task for Similarity {
    fn learn(&mut self, labels: &mut dyn Iterator<Item = Value>) -> Result<(), String> {
        if self.range.is_none() {
            let scores: Vec<f32> = labels.filter_map(|cell| super::number(&cell).ok()).collect();
            let lowest = scores.iter().copied().fold(f32::INFINITY, f32::min);
            let highest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            if lowest >= highest {
                let advice = "say what unlike and equal texts have: `range = [0, 5]`";
                return Err(format!("the scores are not two different numbers; {advice}"));
            }
            self.range = Some([lowest, highest]);
        }
        Ok(())
    }

    fn check_learned(&self) -> Result<(), String> {
        self.range.map(|_| ()).ok_or("`range` is missing; expected two numbers".to_string())
    }

    fn reads(&self) -> Reads {
        Reads::Group
    }

    fn other_texts(&self, _column: &str) -> Vec<OtherTexts> {
        vec![OtherTexts { column: self.second.clone(), required: true }]
    }

    fn n_outputs(&self) -> Option<usize> {
        None
    }

    fn n_targets(&self) -> Option<usize> {
        Some(1)
    }

    fn target(&self, _text: &str, cell: &Value) -> Result<Vec<f32>, String> {
        Ok(vec![super::number(cell)?])
    }

    fn loss(&self, tape: &mut Tape<'_>, outputs: &Var, targets: &Targets) -> Var {
        let pairs: Vec<_> = targets.labelled().map(|(target, outputs)| (target[0], outputs)).collect();
        let normalized = l2_normalize(tape, outputs.clone());
        let first = rows(tape, &normalized, pairs.iter().map(|(_, at)| at.start).collect());
        let second = rows(tape, &normalized, pairs.iter().map(|(_, at)| at.end - 1).collect());
        let cosines = row_dots(tape, &first, &second);
        let scores = pairs.iter().map(|(score, _)| self.scaled(*score));
        match self.loss {
            Loss::Mse => {
                let scores = Matrix::from_vec(pairs.len(), 1, scores.collect());
                squared_error(tape, &cosines, &scores, &vec![true; pairs.len()])
            }
            Loss::Cosent => cosent(tape, &cosines, &scores.map(Some).collect::<Vec<_>>(), self.scale),
        }
    }

    fn answer(&self, _text: &str, outputs: &[f32]) -> Option<Answer> {
        if outputs.is_empty() {
            return None; // There is no second text.
        }
        let (first, second) = outputs.split_at(outputs.len() / 2);
        let cosine = metric::cosine(first, second) as f32;
        Some(Answer::Similarity { cosine, score: self.on_original_scale(cosine) })
    }

    fn columns(&self) -> Vec<String> {
        vec!["cosine".to_string(), "score".to_string()]
    }

    fn evaluate(&self, outputs: &Matrix, targets: &Targets) -> Evaluation {
        let (mut truth, mut predicted) = (Vec::new(), Vec::new());
        for (target, at) in targets.labelled() {
            let cosine = metric::cosine(outputs.row(at.start), outputs.row(at.end - 1)) as f32;
            truth.push(target[0]);
            predicted.push(self.on_original_scale(cosine));
        }
        let report = metric::Regression::compute(1, &truth, &predicted);
        let main = report.spearman.unwrap_or(0.0);
        Evaluation { n: truth.len(), main_metric: "spearman", main, metrics: super::fields(&report) }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::nn::Params;

    fn task(options: Value, data: &[Value]) -> Result<Box<dyn Task>, String> {
        let mut task = make(options.as_object().unwrap().clone())?;
        task.learn(&mut data.iter().cloned())?;
        Ok(task)
    }

    /// Two pairs, of cosines 1 and 0; the row between has no label.
    fn outputs() -> (Matrix, Targets) {
        let mut targets = Targets::default();
        targets.push_with(Some(&[5.0]), 2);
        targets.push_with(None, 0);
        targets.push_with(Some(&[1.0]), 2);
        (Matrix::from_vec(4, 2, vec![1., 1., 2., 2., 3., 0., 0., 1.]), targets)
    }

    fn loss(task: &dyn Task) -> f32 {
        let params = Params::default();
        let mut tape = Tape::inference(&params);
        let (outputs, targets) = outputs();
        let outputs = tape.constant(outputs);
        task.loss(&mut tape, &outputs, &targets).item()
    }

    #[test]
    fn a_cosine_is_held_against_the_scaled_score() {
        let task = task(json!({"range": [0, 5]}), &[]).unwrap();
        assert!((loss(task.as_ref()) - 0.02).abs() < 1e-6); // (1 − 1)² and (0 − 1/5)², their mean.
        let (outputs, targets) = outputs();
        let found = task.evaluate(&outputs, &targets);
        assert_eq!((found.n, found.main_metric, found.main), (2, "spearman", 1.0));
        let Some(Answer::Similarity { cosine, score }) = task.answer("", &[1., 0., 0., 2.]) else { panic!() };
        assert_eq!((cosine, score), (0.0, 0.0));
        assert_eq!(task.answer("", &[]), None);
    }

    #[test]
    fn cosent_asks_for_the_order_alone() {
        let task = task(json!({"loss": "cosent", "range": [0, 5]}), &[]).unwrap();
        assert!(loss(task.as_ref()) < 1e-6);
    }

    #[test]
    fn the_range_is_that_of_the_data() {
        let task_of = |data: &[Value]| task(json!({}), data).map(|task| task.options()["range"].clone());
        assert_eq!(task_of(&[json!(1.0), json!("4"), json!(2)]), Ok(json!([1.0, 4.0])));
        assert!(task_of(&[json!(1.0)]).unwrap_err().contains("`range = [0, 5]`"));
        assert!(task(json!({"range": [5, 0]}), &[]).err().unwrap().contains("`range` is [5, 0]"));
        assert!(task(json!({"scale": 0}), &[]).err().unwrap().contains("`scale` is 0"));
    }
}
