//! The forward and backward passes of one step, shared by the tasks or one for each.

use super::balance::{Balancer, HeadLosses};
use super::inputs::Inputs;
use super::report::SharedGradients;
use crate::data::Dataset;
use crate::model::{Asked, Model, Views};
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
    let tasks: Vec<usize> = (0..labelled.len()).collect();
    let texts = step.data.row_texts(&tasks, rows);
    let mut tape = Tape::training(&step.model.params, seed);
    let mut encoded = step.inputs.encode(step.model, &mut tape, &texts.all);
    let mut heads = Tape::training(&step.model.params, derive(seed, HEADS));
    let roots = std::mem::take(&mut encoded.roots);
    let leaves: Vec<Var> = roots.iter().map(|root| heads.leaf(Matrix::clone(root))).collect();
    let views = encoded.views(step.model, &mut heads, &leaves);
    let mut tasks = Vec::new();
    for (task, group) in texts.groups.iter().enumerate() {
        let read = Read { views: &views, rows, group };
        if let Some((loss, part)) = head_loss(step, task, &read, labelled, &mut heads, (found, seen)) {
            tasks.push((task, loss, part));
        }
    }
    let losses = HeadLosses { tape: &heads, leaves: &leaves, tasks };
    let gradients = balancer.backward(&losses, seed, found);
    let given = roots.iter().zip(gradients).filter(|(root, _)| root.slot().is_some());
    tape.backward_from(&mut found.grads, given.filter_map(|(root, gradient)| Some((root, gradient?))));
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
    let texts = step.data.row_texts(&[task], rows);
    let mut tape = Tape::training(&step.model.params, seed);
    let mut encoded = step.inputs.encode(step.model, &mut tape, &texts.all);
    let roots = std::mem::take(&mut encoded.roots);
    let views = encoded.views(step.model, &mut tape, &roots);
    let weight = f64::from(step.model.heads()[task].settings.weight);
    let read = Read { views: &views, rows, group: &texts.groups[0] };
    if let Some((loss, part)) = head_loss(step, task, &read, labelled, &mut tape, (found, seen)) {
        tape.backward_into(&mut found.grads, &[(&loss, (part * weight) as f32)]);
    }
}

/// What a head's dropout draws is apart from the encoder's.
const HEADS: u64 = 0x6865_6164_7300;

/// What a head reads of a batch.
struct Read<'a> {
    views: &'a Views,
    rows: &'a [usize],
    // The texts of the rows' groups, as places in the batch.
    group: &'a [usize],
}

/// A head's mean loss over the rows that have its label, and their part of the step's; none if no row has.
fn head_loss(
    step: &Step<'_>,
    task: usize,
    read: &Read<'_>,
    labelled: &[usize],
    tape: &mut Tape<'_>,
    (found, seen): (&mut StepLosses, &mut impl FnMut(usize, &[usize], &Matrix)),
) -> Option<(Var, f64)> {
    let head = &step.model.heads()[task];
    let asked = Asked { n_rows: read.rows.len(), group: read.group };
    let outputs = head.outputs(tape, read.views, asked);
    seen(task, read.rows, &outputs);
    let n = step.n_labelled(task, read.rows);
    if n == 0 {
        return None;
    }
    let loss = head.task.loss(tape, &outputs, &step.data.targets(task).select(read.rows));
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
