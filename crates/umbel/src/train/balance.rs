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

/// The losses of one batch, on a tape that begins with the embedding.
pub(super) struct HeadLosses<'t, 'p> {
    pub(super) tape: &'t Tape<'p>,
    /// The embedding as that tape has it.
    pub(super) leaf: &'t Var,
    /// Tasks that have a label, their mean losses, and what each counts for of the step: its part of the labelled rows.
    pub(super) tasks: Vec<(usize, Var, f64)>,
}

impl Balancer {
    /// Adds the gradients of the batch to those of the step, and gives that by the embedding.
    pub(super) fn backward(
        &mut self,
        losses: &HeadLosses<'_, '_>,
        seed: u64,
        found: &mut StepLosses,
    ) -> Option<Matrix> {
        let tasks: Vec<usize> = losses.tasks.iter().map(|(task, ..)| *task).collect();
        let weights: Vec<f64> = tasks.iter().map(|&task| self.weights[task]).collect();
        let own = |i: usize| weights[i] * losses.tasks[i].2;
        let gradients = self.gradients(losses, own);
        let vectors: Vec<&[f32]> = gradients.iter().map(Matrix::data).collect();
        let gram = Gram::of(&vectors);
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
        let mut gradient = found.grads.of(losses.leaf).cloned();
        if !self.weighting.weighs_losses() {
            gradient = sum(&gradients, &coefficients);
        }
        found.shared = Some(self.report(&tasks, &gram, coefficients));
        gradient
    }

    /// Each task's gradient by the embedding, times what it counts for.
    fn gradients(&self, losses: &HeadLosses<'_, '_>, own: impl Fn(usize) -> f64) -> Vec<Matrix> {
        let mut scratch = Grads::new(losses.tape.params());
        let zeros = || Matrix::zeros(losses.leaf.rows(), losses.leaf.cols());
        let gradient = |(i, (_, loss, _)): (usize, &(usize, Var, f64))| {
            losses.tape.backward_into(&mut scratch, &[(loss, own(i) as f32)]);
            scratch.of(losses.leaf).cloned().unwrap_or_else(zeros)
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

/// `Σ coefficient · gradient`; none of no gradients.
fn sum(gradients: &[Matrix], coefficients: &[f64]) -> Option<Matrix> {
    let first = gradients.first()?;
    let mut sum = Matrix::zeros(first.rows(), first.cols());
    for (gradient, &coefficient) in gradients.iter().zip(coefficients) {
        let pairs = sum.data_mut().iter_mut().zip(gradient.data());
        pairs.for_each(|(sum, gradient)| *sum += coefficient as f32 * gradient);
    }
    Some(sum)
}
