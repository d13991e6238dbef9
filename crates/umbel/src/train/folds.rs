//! Answers of heads that never learned from the rows that they answer.

use std::path::Path;

use super::balance::Balancer;
use super::data::RunData;
use super::freeze::Stages;
use super::groups::Groups;
use super::inputs::Inputs;
use super::optimizer::{AdamW, clip_factor};
use super::passes::{self, Step};
use super::plan::Plan;
use super::schedule::LearningRate;
use crate::error::{Error, Result};
use crate::model::Model;
use crate::nn::Matrix;
use crate::random::derive;
use crate::settings::{Passes, Settings, TrainSettings};

/// A step of [`out_of_fold`] that takes its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FoldStep {
    /// So many texts go through the encoder.
    Embedding(usize),
    /// The heads of a fold are trained: which, from 1, and of how many.
    Fold(usize, usize),
}

/// Every head's raw outputs for each training row, by heads that were trained on the rows of the other folds.
///
/// Each text goes through the encoder once, which is frozen; for each fold fresh heads, and a fresh projection if there
/// is one, are trained on what came out as a run with `freeze = ["backbone"]` would, for `check.noise.epochs` at
/// `check.noise.learning_rate`. `folds` is the fold of each row, below `n_folds`. Gives a matrix a task, and the model
/// with the heads of the last fold. [rows × outputs]
///
/// # Errors
/// If the settings do not fit the encoder, a text cannot be turned into tokens, or a loss is no finite number.
pub fn out_of_fold(
    settings: &Settings,
    encoder_dir: &Path,
    data: &RunData,
    (folds, n_folds): (&[usize], usize),
    observer: &mut dyn FnMut(FoldStep),
) -> Result<(Model, Vec<Matrix>)> {
    let train = train_settings(settings);
    let mut model = super::run::model(settings, encoder_dir, data)?;
    observer(FoldStep::Embedding(data.train.len()));
    let mut inputs = Inputs::new(&model, &data.train)?;
    inputs.keep(&model, true)?;
    Stages::new(&model, &train)?.apply(&mut model, 0);
    let fresh: Vec<Vec<f32>> = trainable(&mut model).map(|param| param.data().to_vec()).collect();
    let heads = model.heads().iter().enumerate();
    let mut outputs: Vec<Matrix> = heads
        .map(|(task, head)| Matrix::zeros(data.train.targets(task).n_outputs(), head.n_outputs()))
        .collect();
    for fold in 0..n_folds {
        observer(FoldStep::Fold(fold + 1, n_folds));
        trainable(&mut model).zip(&fresh).for_each(|(param, fresh)| param.data_mut().copy_from_slice(fresh));
        let (held, others): (Vec<usize>, Vec<usize>) = (0..folds.len()).partition(|&row| folds[row] == fold);
        let rows = TrainedOn { data, inputs: &inputs, rows: others, seed: derive(train.seed, fold as u64) };
        kernels::together(|| rows.train(&mut model, &train))?;
        for (task, (all, own)) in outputs.iter_mut().zip(inputs.outputs(&model, &data.train)).enumerate() {
            let targets = data.train.targets(task);
            let rows = held.iter().flat_map(|&row| targets.outputs(row));
            rows.for_each(|row| all.row_mut(row).copy_from_slice(own.row(row)));
        }
    }
    Ok((model, outputs))
}

/// How heads are trained: each row once an epoch, tasks weighed as the settings say of each.
fn train_settings(settings: &Settings) -> TrainSettings {
    let noise = &settings.check.noise;
    TrainSettings {
        epochs: noise.epochs,
        learning_rate: noise.learning_rate,
        batch_size: settings.train.batch_size,
        weight_decay: settings.train.weight_decay,
        seed: settings.train.seed,
        freeze: vec!["backbone".to_string()],
        ..TrainSettings::default()
    }
}

fn trainable(model: &mut Model) -> impl Iterator<Item = &mut crate::nn::params::Param> {
    model.params.iter_mut().map(|(_, param)| param).filter(|param| param.trainable)
}

/// The rows that the heads of a fold learn from.
struct TrainedOn<'a> {
    data: &'a RunData,
    inputs: &'a Inputs,
    rows: Vec<usize>,
    seed: u64,
}

impl TrainedOn<'_> {
    fn train(&self, model: &mut Model, settings: &TrainSettings) -> Result<()> {
        let settings = &TrainSettings { seed: self.seed, ..settings.clone() };
        let plan = Plan::new(settings, Groups::plain(self.rows.clone()), Vec::new());
        let rate = LearningRate::new(settings, plan.n_steps(settings.epochs));
        let mut optimizer = AdamW::new(&model.params, settings.weight_decay);
        let mut balancer = Balancer {
            weighting: crate::weighting::make("fixed", model.heads().len(), Default::default())?,
            weights: model.heads().iter().map(|head| f64::from(head.settings.weight)).collect(),
            epochs: Vec::new(),
            names: model.heads().iter().map(|head| head.name().to_string()).collect(),
        };
        let steps = (0..settings.epochs).flat_map(|epoch| plan.steps(epoch));
        for (i, batches) in steps.enumerate() {
            let seed = derive(self.seed, i as u64);
            let step = Step { model, inputs: self.inputs, data: &self.data.train, batches: &batches, seed };
            let found = passes::run(&step, (Passes::Shared, &mut balancer), &mut |_, _, _| {});
            let norm = found.grads.norm();
            if !norm.is_finite() {
                let problem =
                    format!("the gradient of the heads is {norm}; lower `check.noise.learning_rate`");
                return Err(Error::Diverged(problem));
            }
            let scale = clip_factor(norm, settings.max_grad_norm);
            optimizer.step(&mut model.params, &found.grads, rate.at(i), scale);
        }
        Ok(())
    }
}
