//! Calibrating a model's answers on rows that it was not trained on.

use super::data::RunData;
use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::model::{Head, Model};
use crate::nn::Matrix;
use crate::settings::{Calibrate, CalibrateSettings};
use crate::task::{self, Calibrated, Task};

/// How a head's settings ask for calibration; none if they do not.
pub(super) fn wanted(head: &Head) -> Option<Calibrate> {
    head.settings.calibrate.as_ref().and_then(CalibrateSettings::wanted)
}

/// Refuses settings that ask for a calibration that cannot be, before there is anything to lose.
///
/// # Errors
/// If a kind of task has no probabilities, or no validation row has a label of the task.
pub(super) fn check(data: &RunData) -> Result<()> {
    for (task_idx, (settings, task)) in data.tasks.iter().enumerate() {
        if settings.calibrate.as_ref().and_then(CalibrateSettings::wanted).is_some() {
            let labelled = data.validation.targets(task_idx).n_present();
            check_task((&settings.name, &settings.kind), task.boxed().as_mut(), labelled)?;
        }
    }
    Ok(())
}

fn check_task((name, kind): (&str, &str), task: &mut dyn Task, n_labelled: usize) -> Result<()> {
    let wrong =
        |problem: String| Err(Error::Settings(format!("task `{name}` cannot be calibrated: {problem}")));
    match (task.calibration_mut(), n_labelled) {
        (None, _) => wrong(format!("a {kind} has no probabilities; take `calibrate` away")),
        (_, 0) => wrong("no row that it is not trained on has its label".to_string()),
        _ => Ok(()),
    }
}

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
        let (name, targets) = (head.name().to_string(), data.targets(task_idx));
        check_task((&name, &head.settings.kind), head.task.as_mut(), targets.n_present())?;
        found.extend(task::calibrate(&name, head.task.as_mut(), (outputs, targets), &wanted));
    }
    Ok(found)
}
