//! Training: rows in a seeded order, steps, a validation pass after each epoch, the best epoch kept.

pub mod audit;
mod balance;
pub mod calibrate;
pub mod checkpoint;
mod contrast;
mod cycle;
pub mod data;
pub mod folds;
mod freeze;
mod frozen;
mod groups;
mod guard;
mod inputs;
mod log;
mod low_rank;
pub mod optimizer;
mod parts;
mod passes;
mod plan;
mod rates;
mod reinit;
pub mod rejoin;
pub mod report;
pub mod run;
pub mod schedule;
pub(crate) mod selection;
pub mod surgery;
mod tensorboard;
mod trainer;

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::evaluate::TaskScores;
use crate::model::Model;
use crate::nn::Matrix;
use crate::settings::{Settings, TrainSettings};

use checkpoint::Checkpoints;
use data::RunData;
use trainer::Trainer;

pub use frozen::FrozenWeights;
pub use report::{EpochReport, Observer, ResumedReport, RunReport, Silent, StepReport, TaskLoss, TaskReport};

/// How a run ended.
#[derive(Debug)]
pub enum Outcome {
    /// All epochs were trained, or early stopping ended the run; the model is that of the best epoch.
    Finished {
        /// Each epoch's report.
        epochs: Vec<EpochReport>,
        /// The raw outputs of the best epoch's model for the validation rows, a matrix a task.
        validation_outputs: Vec<Matrix>,
    },
    /// The observer asked to stop; the run can be resumed.
    Stopped {
        /// Steps that were taken.
        step: usize,
    },
}

/// Where and whether a run goes on.
#[derive(Debug, Clone)]
pub struct RunFolder {
    /// The folder of `metrics.jsonl` and the checkpoints.
    pub path: PathBuf,
    /// Whether to go on from the newest checkpoint that can be used, if there is one.
    pub resume: bool,
}

impl RunFolder {
    /// The folder of the checkpoints of an unfinished run.
    pub fn checkpoints(&self) -> PathBuf {
        self.path.join("checkpoints")
    }

    /// True if an unfinished run has left a checkpoint, be it damaged.
    pub fn has_checkpoint(&self) -> bool {
        Checkpoints::are_in(&self.checkpoints())
    }
}

/// Trains `model` on `data`.
///
/// The model has a head for each of the settings' tasks. Afterwards its weights are those of the best epoch;
/// frozen weights are what they were, bit for bit.
///
/// # Errors
/// If the settings do not fit the model, a file cannot be written, no checkpoint can be used, or too many steps in a
/// row have a loss or a gradient that is no finite number.
pub fn train(
    model: &mut Model,
    data: &RunData,
    settings: &Settings,
    folder: &RunFolder,
    observer: &mut dyn Observer,
) -> Result<Outcome> {
    if let Some(wanted) = &settings.train.contrast
        && contrast::warm_up(model, data, settings, wanted, observer)?
    {
        return Ok(Outcome::Stopped { step: 0 });
    }
    let mut run = Trainer::start(model, data, settings, folder)?;
    observer.begin(&run.report(model));

    while !run.is_over() {
        for batches in run.steps() {
            let report = kernels::together(|| run.step(model, &batches))?;
            observer.step(&report);
            if observer.should_stop() {
                return run.stop(model);
            }
            if run.progress.step.is_multiple_of(settings.train.checkpoint_every) {
                run.save(model)?;
            }
        }
        observer.epoch(run.end_epoch(model)?);
        run.begin_epoch(model)?;
        run.unchanged.drain(..).for_each(|frozen| observer.frozen(&frozen));
    }
    run.finish(model)
}

/// Makes a model what a run of these settings begins with, all weights trainable that it trains at some time; for a
/// look at settings before a run.
///
/// # Errors
/// If the settings name what the model has not.
pub(crate) fn prepare(model: &mut Model, settings: &TrainSettings) -> Result<()> {
    reinit::reinit(model, settings.reinit_layers, settings.seed)?;
    low_rank::add(model, settings)?;
    rates::factors(model, settings)?;
    freeze::Stages::new(model, settings)?.apply(model, settings.epochs);
    Ok(())
}

/// Deletes what only an unfinished run needs, and what a killed one left half-written.
///
/// # Errors
/// [`Error::Io`] if a file cannot be deleted.
pub fn clean_up(folder: &Path) -> Result<()> {
    // The checkpoints lose their name first, so that no half of them is ever taken for the whole.
    let (checkpoints, nameless) = (folder.join("checkpoints"), folder.join(".checkpoints.tmp"));
    if checkpoints.is_dir() {
        delete_temporary(folder)?;
        std::fs::rename(&checkpoints, &nameless).map_err(Error::io(&checkpoints))?;
    }
    delete_temporary(folder)
}

/// Deletes what a run needed that has written its model to `target`, and what a killed one left half-written anywhere in
/// that folder.
///
/// # Errors
/// [`Error::Io`] if a file cannot be deleted.
pub fn clean_up_model(target: &Path) -> Result<()> {
    delete_temporary(target)?;
    for entry in std::fs::read_dir(target).map_err(Error::io(target))?.flatten() {
        let path = entry.path();
        if path.is_dir() && entry.file_name() != "training" {
            delete_temporary(&path)?;
            let below =
                std::fs::read_dir(&path).map_err(Error::io(&path))?.flatten().map(|entry| entry.path());
            below.filter(|path| path.is_dir()).try_for_each(|path| delete_temporary(&path))?;
        }
    }
    clean_up(&target.join("training"))
}

/// Deletes the files and folders of a folder that were not written to their end.
fn delete_temporary(folder: &Path) -> Result<()> {
    for entry in std::fs::read_dir(folder).map_err(Error::io(folder))?.flatten() {
        let (name, path) = (entry.file_name(), entry.path());
        let name = name.to_string_lossy();
        if name.starts_with('.') && name.ends_with(".tmp") {
            let removed =
                if path.is_dir() { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) };
            removed.map_err(Error::io(&path))?;
        }
    }
    Ok(())
}

/// Refuses a loss that is no finite number.
fn finite(place: &str, loss: f64) -> Result<()> {
    match loss.is_finite() {
        true => Ok(()),
        false => Err(Error::Diverged(format!("{place}: the loss is {loss}; lower the learning rate"))),
    }
}

/// Each task's scores by name; for whoever looks for one.
pub fn find<'a>(scores: &'a [TaskScores], task: &str) -> Option<&'a TaskScores> {
    scores.iter().find(|scores| scores.task == task)
}
