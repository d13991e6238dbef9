//! The forward and backward passes of one step, shared by the tasks or one for each.

use super::balance::{Balancer, HeadLosses};
use super::inputs::Inputs;
use super::report::SharedGradients;
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
    /// How the tasks' gradients lay to each other in the last batch.
    pub shared: Option<SharedGradients>,
}

/// Runs a step's batches forward and backward; `seen` is given each task's outputs, rows first.
pub(super) fn run(
    step: &Step<'_>,
    (passes, balancer): (Passes, &mut Balancer),
    seen: &mut impl FnMut(usize, &[usize], &Matrix),
) -> StepLosses {
    let n_tasks = step.model.heads().len();
    let mut found =
        StepLosses { losses: vec![None; n_tasks], grads: Grads::new(&step.model.params), shared: None };
    let labelled: Vec<usize> =
        (0..n_tasks).map(|task| step.n_labelled(task, &step.batches.concat())).collect();
    for (i, rows) in step.batches.iter().enumerate() {
        let seed = derive(step.seed, i as u64);
        match passes {
            Passes::Shared => shared_pass(step, (rows, seed), &labelled, balancer, (&mut found, seen)),
            Passes::PerTask => {
                for task in 0..n_tasks {
                    let has_label = |row: &&usize| step.data.targets(task).get(**row).is_some();
                    let own: Vec<usize> = rows.iter().filter(has_label).copied().collect();
                    own_pass(step, (&own, derive(seed, task as u64)), task, &labelled, (&mut found, seen));
                }
            }
        }
    }
    found
}

/// One pass of some rows through the encoder and all heads.
///
/// A batch's mean loss counts by its part of the step's labelled rows, so that the sum over batches is the
/// mean over the step.
fn shared_pass(
    step: &Step<'_>,
    (rows, seed): (&[usize], u64),
    labelled: &[usize],
    balancer: &mut Balancer,
    (found, seen): (&mut StepLosses, &mut impl FnMut(usize, &[usize], &Matrix)),
) {
    if (0..labelled.len()).all(|task| step.n_labelled(task, rows) == 0) {
        return;
    }
    let mut tape = Tape::training(&step.model.params, seed);
    let embedding = step.inputs.embedding(step.model, &mut tape, rows);
    let mut heads = Tape::training(&step.model.params, derive(seed, HEADS));
    let leaf = heads.leaf(Matrix::clone(&embedding));
    let mut tasks = Vec::new();
    for task in 0..labelled.len() {
        if let Some((loss, part)) =
            head_loss(step, (task, rows), labelled, (&mut heads, &leaf), (found, seen))
        {
            tasks.push((task, loss, part));
        }
    }
    let losses = HeadLosses { tape: &heads, leaf: &leaf, tasks };
    let gradient = balancer.backward(&losses, seed, found);
    if let Some(gradient) = gradient.filter(|_| embedding.slot().is_some()) {
        tape.backward_from(&mut found.grads, &embedding, gradient);
    }
}

/// One pass of some rows through the encoder and one head.
fn own_pass(
    step: &Step<'_>,
    (rows, seed): (&[usize], u64),
    task: usize,
    labelled: &[usize],
    (found, seen): (&mut StepLosses, &mut impl FnMut(usize, &[usize], &Matrix)),
) {
    if step.n_labelled(task, rows) == 0 {
        return;
    }
    let mut tape = Tape::training(&step.model.params, seed);
    let embedding = step.inputs.embedding(step.model, &mut tape, rows);
    let weight = f64::from(step.model.heads()[task].settings.weight);
    if let Some((loss, part)) =
        head_loss(step, (task, rows), labelled, (&mut tape, &embedding), (found, seen))
    {
        tape.backward_into(&mut found.grads, &[(&loss, (part * weight) as f32)]);
    }
}

/// What a head's dropout draws is apart from the encoder's.
const HEADS: u64 = 0x6865_6164_7300;

/// A head's mean loss over the rows that have its label, and their part of the step's; none if no row has.
fn head_loss(
    step: &Step<'_>,
    (task, rows): (usize, &[usize]),
    labelled: &[usize],
    (tape, embedding): (&mut Tape<'_>, &Var),
    (found, seen): (&mut StepLosses, &mut impl FnMut(usize, &[usize], &Matrix)),
) -> Option<(Var, f64)> {
    let head = &step.model.heads()[task];
    let outputs = head.outputs(tape, embedding);
    seen(task, rows, &outputs);
    let n = step.n_labelled(task, rows);
    if n == 0 {
        return None;
    }
    let loss = head.task.loss(tape, &outputs, &step.data.targets(task).select(rows));
    let part = n as f64 / labelled[task] as f64;
    *found.losses[task].get_or_insert(0.0) += part * f64::from(loss.item());
    Some((loss, part))
}

impl Step<'_> {
    fn n_labelled(&self, task: usize, rows: &[usize]) -> usize {
        let targets = self.data.targets(task);
        rows.iter().filter(|&&row| targets.get(row).is_some()).count()
    }
}
