//! The backward pass of several tasks from one embedding, each counting as the weighting says.

use super::passes::StepLosses;
use super::report::SharedGradients;
use crate::nn::{Grads, Matrix, Tape, Var};
use crate::random::derive;
use crate::weighting::{Gram, Seen, Weighting};

/// A weighting, and what it sees beside a step's gradients.
pub(super) struct Balancer {
    pub(super) weighting: Box<dyn Weighting>,
    /// The settings' weight of each task.
    pub(super) weights: Vec<f64>,
    /// Each epoch's mean losses.
    pub(super) epochs: Vec<Vec<Option<f64>>>,
    /// The tasks' names.
    pub(super) names: Vec<String>,
}

/// The losses of one batch, on a tape that begins with what heads read of it.
pub(super) struct HeadLosses<'t, 'p> {
    pub(super) tape: &'t Tape<'p>,
    /// What the tape begins with: the embedding, or states of layers.
    pub(super) leaves: &'t [Var],
    /// Tasks that have a label, their mean losses, and what each counts for of the step: its part of the labelled rows.
    pub(super) tasks: Vec<(usize, Var, f64)>,
}

impl Balancer {
    /// Adds the gradients of the batch to those of the step, and gives those by the leaves.
    pub(super) fn backward(
        &mut self,
        losses: &HeadLosses<'_, '_>,
        seed: u64,
        found: &mut StepLosses,
    ) -> Vec<Option<Matrix>> {
        let tasks: Vec<usize> = losses.tasks.iter().map(|(task, ..)| *task).collect();
        let weights: Vec<f64> = tasks.iter().map(|&task| self.weights[task]).collect();
        let own = |i: usize| weights[i] * losses.tasks[i].2;
        let gradients = self.gradients(losses, own);
        let vectors: Vec<Vec<&[f32]>> =
            gradients.iter().map(|parts| parts.iter().map(Matrix::data).collect()).collect();
        let gram = Gram::of_parts(&vectors);
        let values: Vec<f64> = losses.tasks.iter().map(|(_, loss, _)| f64::from(loss.item())).collect();
        let seen = Seen {
            tasks: &tasks,
            losses: &values,
            weights: &weights,
            gram: &gram,
            epochs: &self.epochs,
            seed: derive(seed, WEIGHTING),
        };
        let coefficients = self.weighting.coefficients(&seen);

        // The heads' own weights, and with them the embedding if losses are weighed.
        let head_part = |i: usize| if self.weighting.weighs_losses() { coefficients[i] } else { 1.0 };
        let seeds = losses.tasks.iter().enumerate();
        let seeds: Vec<(&Var, f32)> =
            seeds.map(|(i, (_, loss, _))| (loss, (own(i) * head_part(i)) as f32)).collect();
        losses.tape.backward_into(&mut found.grads, &seeds);
        let of_leaf = |leaf: usize| match self.weighting.weighs_losses() {
            true => found.grads.of(&losses.leaves[leaf]).cloned(),
            false => sum(&gradients, leaf, &coefficients),
        };
        let by_leaves = (0..losses.leaves.len()).map(of_leaf).collect();
        found.shared = Some(self.report(&tasks, &gram, coefficients));
        by_leaves
    }

    /// Each task's gradient by the leaves, times what it counts for.
    fn gradients(&self, losses: &HeadLosses<'_, '_>, own: impl Fn(usize) -> f64) -> Vec<Vec<Matrix>> {
        let mut scratch = Grads::new(losses.tape.params());
        let gradient = |(i, (_, loss, _)): (usize, &(usize, Var, f64))| {
            losses.tape.backward_into(&mut scratch, &[(loss, own(i) as f32)]);
            let of_leaf = |leaf: &Var| {
                scratch.of(leaf).cloned().unwrap_or_else(|| Matrix::zeros(leaf.rows(), leaf.cols()))
            };
            losses.leaves.iter().map(of_leaf).collect()
        };
        losses.tasks.iter().enumerate().map(gradient).collect()
    }

    fn report(&self, tasks: &[usize], gram: &Gram, coefficients: Vec<f64>) -> SharedGradients {
        let pairs = (0..gram.n()).flat_map(|i| (i + 1..gram.n()).map(move |j| (i, j)));
        SharedGradients {
            tasks: tasks.iter().map(|&task| self.names[task].clone()).collect(),
            norms: (0..gram.n()).map(|i| gram.norm(i)).collect(),
            cosines: pairs.map(|(i, j)| gram.cosine(i, j)).collect(),
            coefficients,
        }
    }
}

/// What a weighting draws is apart from dropout.
const WEIGHTING: u64 = 0x7765_6967_6874;

/// `Σ coefficient · gradient` by one leaf; none of no gradients.
fn sum(gradients: &[Vec<Matrix>], leaf: usize, coefficients: &[f64]) -> Option<Matrix> {
    let first = &gradients.first()?[leaf];
    let mut sum = Matrix::zeros(first.rows(), first.cols());
    for (gradients, &coefficient) in gradients.iter().zip(coefficients) {
        let pairs = sum.data_mut().iter_mut().zip(gradients[leaf].data());
        pairs.for_each(|(sum, gradient)| *sum += coefficient as f32 * gradient);
    }
    Some(sum)
}
