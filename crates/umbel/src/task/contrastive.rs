//! Which text belongs to which: each text's own partner told apart from all others of the batch.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Answer, Evaluation, OtherTexts, Reads, Targets, Task};
use crate::metric::Retrieval;
use crate::nn::ops::{ClassTargets, all_dots, cross_entropy, l2_normalize, rows, scale};
use crate::nn::{Matrix, Tape, Var};

/// The label column holds the positive: a text that belongs to the row's own.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Contrastive {
    // Columns of texts that look as if they belonged to it and do not.
    #[serde(default)]
    negatives: Vec<String>,
    // What cosines are multiplied by.
    #[serde(default = "twenty")]
    scale: f32,
}

fn twenty() -> f32 {
    20.0
}

/// The task that the options describe.
pub(super) fn make(options: Map<String, Value>) -> Result<Box<dyn Task>, String> {
    let task: Contrastive = super::read_options(options)?;
    super::check_scale(task.scale)?;
    Ok(Box::new(task))
}

/// Where each labelled row's own text lies, and where all other texts do, the rows' positives first.
fn places(targets: &Targets) -> (Vec<usize>, Vec<usize>) {
    let anchors: Vec<usize> = targets.labelled().map(|(_, at)| at.start).collect();
    let positives = targets.labelled().map(|(_, at)| at.start + 1);
    let negatives = targets.labelled().flat_map(|(_, at)| at.start + 2..at.end);
    (anchors, positives.chain(negatives).collect())
}

impl Task for Contrastive {
    fn learn(&mut self, _labels: &mut dyn Iterator<Item = Value>) -> Result<(), String> {
        Ok(())
    }

    fn check_learned(&self) -> Result<(), String> {
        Ok(())
    }

    fn reads(&self) -> Reads {
        Reads::Group
    }

    fn other_texts(&self, column: &str) -> Vec<OtherTexts> {
        let positive = OtherTexts { column: column.to_string(), required: true };
        let negative = |column: &String| OtherTexts { column: column.clone(), required: false };
        std::iter::once(positive).chain(self.negatives.iter().map(negative)).collect()
    }

    fn n_outputs(&self) -> Option<usize> {
        None
    }

    fn n_targets(&self) -> Option<usize> {
        Some(0)
    }

    fn target(&self, _text: &str, cell: &Value) -> Result<Vec<f32>, String> {
        match cell {
            Value::String(_) => Ok(Vec::new()), // The text itself is among the row's other texts.
            other => Err(format!("expected a text, found {other}")),
        }
    }

    /// The multiple negatives ranking loss (Henderson et al. 2017; `MultipleNegativesRankingLoss` of
    /// sentence-transformers): cross entropy over `scale · cos(text, candidate)`, where the candidates are the
    /// positives and negatives of the whole batch and the row's own positive is the class.
    fn loss(&self, tape: &mut Tape<'_>, outputs: &Var, targets: &Targets) -> Var {
        let (anchors, candidates) = places(targets);
        let classes: Vec<Option<usize>> = (0..anchors.len()).map(Some).collect();
        let normalized = l2_normalize(tape, outputs.clone());
        let anchors = rows(tape, &normalized, anchors);
        let candidates = rows(tape, &normalized, candidates);
        let cosines = all_dots(tape, &anchors, &candidates);
        let logits = scale(tape, cosines, self.scale);
        let targets = ClassTargets { classes: &classes, class_weights: None, label_smoothing: 0.0 };
        cross_entropy(tape, &logits, &targets)
    }

    fn answer(&self, _text: &str, _outputs: &[f32]) -> Option<Answer> {
        None
    }

    fn columns(&self) -> Vec<String> {
        Vec::new()
    }

    fn label(&self, _target: &[f32]) -> Value {
        Value::Bool(true)
    }

    fn evaluate(&self, outputs: &Matrix, targets: &Targets) -> Evaluation {
        let (anchors, candidates) = places(targets);
        let report = Retrieval::compute(outputs, &anchors, &candidates);
        let metrics = super::fields(&report);
        Evaluation { n: anchors.len(), main_metric: "mrr", main: report.mrr.unwrap_or(0.0), metrics }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::nn::Params;

    /// Two rows: the first has a negative beside its positive.
    fn outputs() -> (Matrix, Targets) {
        let mut targets = Targets::default();
        targets.push_with(Some(&[]), 3);
        targets.push_with(None, 0);
        targets.push_with(Some(&[]), 2);
        let x = vec![1.0, 0.2, 0.9, 0.1, 0.3, 1.0, -0.4, 1.0, 0.1, 0.8];
        (Matrix::from_vec(5, 2, x), targets)
    }

    /// Expected value: `MultipleNegativesRankingLoss(scale=20)` of sentence-transformers on these embeddings.
    #[test]
    fn the_loss_is_that_of_sentence_transformers() {
        let task = make(Map::new()).unwrap();
        let params = Params::default();
        let mut tape = Tape::inference(&params);
        let (outputs, targets) = outputs();
        let outputs = tape.constant(outputs);
        let found = task.loss(&mut tape, &outputs, &targets).item();
        assert!((found - EXPECTED).abs() < 1e-5, "found {found}");
    }

    const EXPECTED: f32 = 0.072_841;

    #[test]
    fn each_text_is_ranked_among_all_candidates() {
        let task = make(Map::new()).unwrap();
        let (outputs, targets) = outputs();
        let found = task.evaluate(&outputs, &targets);
        assert_eq!((found.n, found.main_metric, found.main), (2, "mrr", 1.0));
        assert_eq!(found.metrics["recall_at_1"], json!(1.0));
        assert_eq!(task.target("", &json!(3)), Err("expected a text, found 3".to_string()));
    }

    #[test]
    fn negatives_are_other_texts_too() {
        let task = make(json!({"negatives": ["worse"]}).as_object().unwrap().clone()).unwrap();
        let columns: Vec<_> = task.other_texts("best").into_iter().map(|t| (t.column, t.required)).collect();
        assert_eq!(columns, [("best".to_string(), true), ("worse".to_string(), false)]);
    }
}
