//! By which number the best epoch is chosen.

use crate::error::{Error, Result};
use crate::evaluate::TaskScores;
use crate::settings::TaskSettings;

/// By which number the best epoch is chosen.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Selection {
    /// The mean of each task's main metric.
    MeanOfMain,
    /// The weighted sum of the tasks' validation losses; lower is better.
    Loss,
    /// One metric of one task.
    Metric {
        /// The task.
        task: String,
        /// The metric's name.
        metric: String,
    },
}

/// Metrics of which less is better.
const COSTS: [&str; 6] = ["loss", "mse", "rmse", "mae", "log_loss", "ece"];

impl Selection {
    /// What the settings say; `scores` are any scores of the model, to know which metrics there are.
    ///
    /// # Errors
    /// If there is no such task or metric.
    pub(crate) fn new(best_metric: Option<&str>, scores: &[TaskScores]) -> Result<Self> {
        let Some(name) = best_metric else { return Ok(Self::MeanOfMain) };
        if name == "loss" {
            return Ok(Self::Loss);
        }
        let (task, metric) = name.split_once('.').unwrap_or((name, ""));
        let found = scores.iter().find(|scores| scores.task == task);
        if found.is_some_and(|scores| metric == "loss" || scores.metrics.contains_key(metric)) {
            return Ok(Self::Metric { task: task.to_string(), metric: metric.to_string() });
        }
        let number = |value: &serde_json::Value| value.is_number() || value.is_null();
        let of_task = |scores: &TaskScores| -> Vec<String> {
            let names = scores.metrics.iter().filter(|(_, value)| number(value)).map(|(metric, _)| metric);
            names.map(|metric| format!("{}.{metric}", scores.task)).collect()
        };
        let known = std::iter::once("loss".to_string()).chain(scores.iter().flat_map(of_task)).collect();
        Err(Error::Unknown { kind: "train.best_metric", name: name.to_string(), known })
    }

    /// The number, turned so that higher is better; one that is not defined is the worst.
    ///
    /// It is always finite, since a checkpoint keeps it as JSON, which has no other numbers.
    pub(crate) fn score(&self, scores: &[TaskScores], tasks: &[TaskSettings]) -> f64 {
        let score = self.value(scores, tasks);
        if score.is_finite() { score } else { f64::MIN }
    }

    fn value(&self, scores: &[TaskScores], tasks: &[TaskSettings]) -> f64 {
        match self {
            Self::MeanOfMain => {
                let labelled: Vec<f64> = scores.iter().filter(|s| s.n > 0).map(|s| s.main).collect();
                labelled.iter().sum::<f64>() / labelled.len().max(1) as f64
            }
            Self::Loss => {
                let weights = tasks.iter().map(|task| f64::from(task.weight));
                -scores.iter().zip(weights).map(|(scores, weight)| scores.loss * weight).sum::<f64>()
            }
            Self::Metric { task, metric } => {
                let found = scores.iter().find(|scores| scores.task == *task);
                let value = found.and_then(|scores| scores.metric(metric)).unwrap_or(f64::NAN);
                if COSTS.contains(&&metric[..]) { -value } else { value }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scores() -> Vec<TaskScores> {
        let of = |task: &str, main: f64, metrics: serde_json::Value| TaskScores {
            task: task.into(),
            n: 10,
            loss: 0.5,
            main_metric: "main".into(),
            main,
            metrics: metrics.as_object().unwrap().clone(),
        };
        let topic = of("topic", 0.9, serde_json::json!({"accuracy": 0.8}));
        vec![topic, of("mood", 0.5, serde_json::json!({"mse": 2.0, "pearson": null}))]
    }

    fn check(name: Option<&str>, expected: f64) {
        let score = Selection::new(name, &scores()).unwrap().score(&scores(), &[]);
        assert_eq!(score, expected, "{name:?}");
    }

    #[test]
    fn higher_is_better() {
        check(None, 0.7);
        check(Some("topic.accuracy"), 0.8);
        check(Some("mood.mse"), -2.0);
        check(Some("mood.loss"), -0.5);
        check(Some("mood.pearson"), f64::MIN);
    }

    #[test]
    fn an_unknown_metric_lists_the_known_ones() {
        let error = Selection::new(Some("topic.acuracy"), &scores()).unwrap_err().to_string();
        assert!(error.contains("there is: loss, topic.accuracy, mood.mse, mood.pearson"), "{error}");
        assert!(error.ends_with("(did you mean `topic.accuracy`?)"), "{error}");
    }
}
