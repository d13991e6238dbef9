//! The forward and backward passes of one step, shared by the tasks or one for each.

use super::inputs::Inputs;
use crate::data::Dataset;
use crate::model::Model;
use crate::nn::{Grads, Matrix, Tape, Var};
use crate::random::derive;
use crate::settings::Passes;

/// What the passes of a step read.
pub(super) struct Step<'a> {
    /// The model.
    pub model: &'a Model,
    /// What goes through it.
    pub inputs: &'a Inputs,
    /// The labels.
    pub data: &'a Dataset,
    /// The batches whose gradients are taken together.
    pub batches: &'a [Vec<usize>],
    /// Decides what dropout drops.
    pub seed: u64,
}

/// What the passes of a step found.
pub(super) struct StepLosses {
    /// Each task's mean loss over its labelled rows of all batches; `None` if it had none.
    pub losses: Vec<Option<f64>>,
    /// The gradients of the weighted sum of the losses.
    pub grads: Grads,
}

/// Runs a step's batches forward and backward; `seen` is given each task's outputs, rows first.
pub(super) fn run(
    step: &Step<'_>,
    passes: Passes,
    seen: &mut impl FnMut(usize, &[usize], &Matrix),
) -> StepLosses {
    let n_tasks = step.model.heads().len();
    let mut found = StepLosses { losses: vec![None; n_tasks], grads: Grads::new(&step.model.params) };
    let labelled: Vec<usize> =
        (0..n_tasks).map(|task| step.n_labelled(task, &step.batches.concat())).collect();
    for (i, rows) in step.batches.iter().enumerate() {
        let seed = derive(step.seed, i as u64);
        match passes {
            Passes::Shared => {
                let tasks: Vec<usize> = (0..n_tasks).collect();
                pass(step, (rows, seed), &tasks, &labelled, (&mut found, seen));
            }
            Passes::PerTask => {
                for task in 0..n_tasks {
                    let has_label = |row: &&usize| step.data.targets(task).get(**row).is_some();
                    let own: Vec<usize> = rows.iter().filter(has_label).copied().collect();
                    pass(step, (&own, derive(seed, task as u64)), &[task], &labelled, (&mut found, seen));
                }
            }
        }
    }
    found
}

/// One pass of some rows through the encoder and the heads of `tasks`.
///
/// A batch's mean loss counts by its part of the step's labelled rows, so that the sum over batches is the
/// mean over the step.
fn pass(
    step: &Step<'_>,
    (rows, seed): (&[usize], u64),
    tasks: &[usize],
    labelled: &[usize],
    (found, seen): (&mut StepLosses, &mut impl FnMut(usize, &[usize], &Matrix)),
) {
    if tasks.iter().all(|&task| step.n_labelled(task, rows) == 0) {
        return;
    }
    let mut tape = Tape::training(&step.model.params, seed);
    let embedding = step.inputs.embedding(step.model, &mut tape, rows);
    let mut losses: Vec<(Var, f32)> = Vec::new();
    for &task in tasks {
        let head = &step.model.heads()[task];
        let outputs = head.outputs(&mut tape, &embedding);
        seen(task, rows, &outputs);
        let n = step.n_labelled(task, rows);
        if n > 0 {
            let loss = head.task.loss(&mut tape, &outputs, &step.data.targets(task).select(rows));
            let part = n as f64 / labelled[task] as f64;
            *found.losses[task].get_or_insert(0.0) += part * f64::from(loss.item());
            losses.push((loss, (part * f64::from(head.settings.weight)) as f32));
        }
    }
    let seeds: Vec<(&Var, f32)> = losses.iter().map(|(loss, weight)| (loss, *weight)).collect();
    tape.backward_into(&mut found.grads, &seeds);
}

impl Step<'_> {
    fn n_labelled(&self, task: usize, rows: &[usize]) -> usize {
        let targets = self.data.targets(task);
        rows.iter().filter(|&&row| targets.get(row).is_some()).count()
    }
}
