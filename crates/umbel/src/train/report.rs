//! What a run tells about itself, step by step and epoch by epoch.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::checkpoint::Damaged;
use super::frozen::FrozenWeights;
use crate::evaluate::TaskScores;
use crate::metric::Finding;

/// Is told how a run goes, and may end it.
pub trait Observer {
    /// Training is about to begin, or to go on.
    fn begin(&mut self, _run: &RunReport) {}

    /// A step was taken.
    fn step(&mut self, _step: &StepReport) {}

    /// A step of the contrastive warm-up was taken, of so many.
    fn contrast(&mut self, _step: usize, _n_steps: usize, _loss: f64) {}

    /// An epoch has ended.
    fn epoch(&mut self, _epoch: &EpochReport) {}

    /// Frozen weights were found to be what they were before training.
    fn frozen(&mut self, _frozen: &FrozenWeights) {}

    /// True if the run is to end after this step; it can be resumed.
    fn should_stop(&self) -> bool {
        false
    }
}

/// A run that nobody watches.
#[derive(Debug)]
pub struct Silent;

impl Observer for Silent {}

/// What is known before the first step.
#[derive(Debug, Clone, Serialize)]
pub struct RunReport {
    /// Rows that are trained on.
    pub n_train: usize,
    /// Rows that are only looked at.
    pub n_validation: usize,
    /// Texts of both that were cut.
    pub n_truncated: usize,
    /// Steps of the whole run.
    pub n_steps: usize,
    /// Steps that an earlier run has taken.
    pub step: usize,
    /// The checkpoint that the run goes on from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resumed: Option<ResumedReport>,
    /// Numbers that are trained.
    pub n_trainable: usize,
    /// Numbers of the model.
    pub n_values: usize,
    /// True if texts went through the encoder once, before training.
    pub cached: bool,
    /// The encoder's `model_type`.
    pub model_type: String,
    /// The encoder's layers.
    pub n_layers: usize,
    /// Columns of the encoder's token states.
    pub hidden_size: usize,
    /// Tokens after which texts are cut; none if they are not.
    pub max_length: Option<usize>,
    /// Tokens that the encoder can read; none if any number.
    pub max_positions: Option<usize>,
    /// The tasks, in their order.
    pub tasks: Vec<TaskReport>,
}

/// The checkpoint that a run goes on from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ResumedReport {
    /// Its folder.
    pub checkpoint: PathBuf,
    /// Steps that were taken.
    pub step: usize,
    /// Newer checkpoints that cannot be used.
    pub damaged: Vec<Damaged>,
}

/// What is known of a task before the first step.
#[derive(Debug, Clone, Serialize)]
pub struct TaskReport {
    /// Its name.
    pub task: String,
    /// Its kind.
    pub kind: String,
    /// What its loss is multiplied by.
    pub weight: f32,
    /// Its labels' names, if it has such.
    pub labels: Vec<String>,
    /// Training rows with a label.
    pub n_train: usize,
    /// Validation rows with a label.
    pub n_validation: usize,
}

/// One step.
#[derive(Debug, Clone, Serialize)]
pub struct StepReport {
    /// Steps taken, this one included.
    pub step: usize,
    /// The epoch, from 1.
    pub epoch: usize,
    /// The learning rate.
    pub learning_rate: f64,
    /// The weighted sum of the tasks' losses.
    pub loss: f64,
    /// Each task's part in it.
    pub tasks: Vec<TaskLoss>,
    /// The norm of the gradient before it was clipped.
    pub grad_norm: f64,
    /// How the tasks' gradients by the shared embedding lie to each other; none if there is one task, if the tasks have
    /// passes of their own, or if nothing before the heads is trained.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shared: Option<SharedGradients>,
    /// Rows of the step.
    pub rows: usize,
    /// Why the weights were left as they were, if the loss or the gradient was no finite number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skipped: Option<String>,
}

/// The tasks' gradients by the shared embedding, in the last batch of a step.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SharedGradients {
    /// The tasks that had a label.
    pub tasks: Vec<String>,
    /// The length of each one's gradient, times its weight.
    pub norms: Vec<f64>,
    /// What the weighting multiplied each by.
    pub coefficients: Vec<f64>,
    /// The cosines of the first with the second, the first with the third, ..., the second with the third, ...;
    /// `null` where a gradient is zero.
    pub cosines: Vec<Option<f64>>,
}

/// A task's part in a step's or an epoch's loss.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskLoss {
    /// The task.
    pub task: String,
    /// Its mean loss over labelled rows, before its weight; none if no row had a label.
    pub loss: Option<f64>,
    /// The part of the weighted sum that is its own, from 0 to 1.
    pub share: f64,
}

/// One epoch: training and validation side by side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EpochReport {
    /// The epoch, from 1.
    pub epoch: usize,
    /// Steps taken so far.
    pub step: usize,
    /// Each task's mean training loss and its share of the total.
    pub losses: Vec<TaskLoss>,
    /// Scores of the outputs that were computed while training, with dropout, on rows as they were seen.
    pub train: Vec<TaskScores>,
    /// Scores on the validation rows after the epoch.
    pub validation: Vec<TaskScores>,
    /// The number by which the best epoch is chosen; higher is better.
    pub score: f64,
    /// True if no epoch before was better.
    pub best: bool,
    /// Steps that were skipped, since their loss or gradient was no finite number.
    pub n_skipped: usize,
    /// What the run so far says about its tasks, in words.
    pub findings: Vec<Finding>,
}

/// Each task's loss and its share of the weighted sum, and that sum.
pub(super) fn shares(tasks: &[(String, f32)], losses: &[Option<f64>]) -> (Vec<TaskLoss>, f64) {
    let weighted = |i: usize| losses[i].unwrap_or(0.0) * f64::from(tasks[i].1);
    let total: f64 = (0..tasks.len()).map(weighted).sum();
    let share = |i: usize| if total > 0.0 { weighted(i) / total } else { 0.0 };
    let task = |(i, (name, _)): (usize, &(String, f32))| TaskLoss {
        task: name.clone(),
        loss: losses[i],
        share: share(i),
    };
    (tasks.iter().enumerate().map(task).collect(), total)
}
