//! What a run begins with, and what it tells of that.

use super::{Balancer, Progress, Resumed, Trainer};
use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::model::{Head, Model};
use crate::nn::Matrix;
use crate::settings::Settings;
use crate::text::Truncation;
use crate::train::report::{EpochReport, ResumedReport, RunReport, TaskReport};

impl Trainer<'_> {
    /// What is known before the first step.
    pub(in crate::train) fn report(&self, model: &Model) -> RunReport {
        let n_factors = model.params.iter().filter(|(_, param)| param.is_factor());
        let n_factors: usize = n_factors.map(|(_, param)| param.data().len()).sum();
        RunReport {
            n_train: self.data.train.len(),
            n_validation: self.data.validation.len(),
            n_truncated: self.n_truncated,
            n_steps: self.plan.n_steps(self.settings.train.epochs),
            step: self.progress.step,
            resumed: self.resumed.clone(),
            n_trainable: self.trained.iter().map(|&id| model.params[id].data().len()).sum(),
            n_values: model.params.n_values() - n_factors,
            cached: self.inputs.are_kept() && !self.stages.thaws(model),
            model_type: model.origin().model_type.clone(),
            n_layers: model.encoder_shape().n_layers,
            hidden_size: model.encoder_shape().hidden_size,
            max_length: match model.embedding.tokens.truncation {
                Truncation::At(length) => Some(length),
                Truncation::Off => None,
            },
            max_positions: model.encoder_shape().limit(),
            tasks: model.heads().iter().enumerate().map(|(i, head)| self.task_report(i, head)).collect(),
        }
    }

    fn task_report(&self, task_idx: usize, head: &Head) -> TaskReport {
        TaskReport {
            task: head.name().to_string(),
            kind: head.settings.kind.clone(),
            weight: head.settings.weight,
            labels: head.task.labels().to_vec(),
            n_train: self.data.train.targets(task_idx).n_present(),
            n_validation: self.data.validation.targets(task_idx).n_present(),
        }
    }
}

/// What a resumed run tells of where it goes on.
pub(super) fn resumed_report(resumed: Resumed) -> ResumedReport {
    let Resumed { progress, checkpoint, damaged } = resumed;
    ResumedReport { checkpoint, step: progress.step, damaged }
}

/// Room for the outputs of the rows that count for each task's training scores, none of them seen yet.
pub(super) fn unseen(model: &Model, data: &Dataset) -> Vec<Matrix> {
    let of_task = |(task, head): (usize, &Head)| {
        let n_scored = head.task.n_scored().min(data.len());
        let n_rows = if n_scored == 0 { 0 } else { data.targets(task).outputs(n_scored - 1).end };
        Matrix::zeros(n_rows, head.n_outputs())
    };
    model.heads().iter().enumerate().map(of_task).collect()
}

/// The weighting of the settings, as far as an earlier run has taken it.
pub(super) fn balancer(model: &Model, settings: &Settings, progress: &Progress) -> Result<Balancer> {
    let chosen = &settings.train.weighting;
    let mut weighting = crate::weighting::make(chosen.kind(), settings.tasks.len(), chosen.options())?;
    if progress.step > 0 {
        weighting.restore(&progress.weighting).map_err(Error::Settings)?;
    }
    let losses = |epoch: &EpochReport| epoch.losses.iter().map(|task| task.loss).collect();
    Ok(Balancer {
        weighting,
        weights: settings.tasks.iter().map(|task| f64::from(task.weight)).collect(),
        epochs: progress.epochs.iter().map(losses).collect(),
        names: model.heads().iter().map(|head| head.name().to_string()).collect(),
    })
}
