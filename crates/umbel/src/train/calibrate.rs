//! Calibrating a model's answers on rows that it was not trained on.

use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::model::{Head, Model};
use crate::nn::Matrix;
use crate::settings::Calibrate;
use crate::task::{self, Calibrated};

/// Calibrates the tasks for which `wanted` says how, by their outputs for `data`.
///
/// # Errors
/// If a kind of task has no probabilities, or no row has a label of the task.
pub fn calibrate(
    model: &mut Model,
    data: &Dataset,
    outputs: &[Matrix],
    wanted: impl Fn(&Head) -> Option<Calibrate>,
) -> Result<Vec<Calibrated>> {
    let mut found = Vec::new();
    for (task_idx, (head, outputs)) in model.heads_mut().zip(outputs).enumerate() {
        let Some(wanted) = wanted(head) else { continue };
        let name = head.name().to_string();
        let wrong =
            |problem: String| Error::Settings(format!("task `{name}` cannot be calibrated: {problem}"));
        if head.task.calibration_mut().is_none() {
            return Err(wrong(format!("a {} has no probabilities", head.settings.kind)));
        }
        let calibrated =
            task::calibrate(&name, head.task.as_mut(), (outputs, data.targets(task_idx)), &wanted);
        found.push(calibrated.ok_or_else(|| wrong("no row has a label".to_string()))?);
    }
    Ok(found)
}
