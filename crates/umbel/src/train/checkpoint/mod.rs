//! All that a run needs to go on as if it had never stopped, in folders that appear whole or not at all.
//!
//! `checkpoints/epoch-00001-step-0000000024` holds where the run stands, `checkpoints/best-00001` the weights of the
//! best epoch. Each has a manifest with the SHA-256 of its files, which is written last.

mod fingerprint;
mod sealed;
#[cfg(test)]
mod tests;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::frozen::FrozenWeights;
use super::optimizer::{AdamW, Moments};
use super::report::EpochReport;
use crate::error::{Error, Result};
use crate::folder::write::{NamedTensor, write_safetensors_to};
use crate::folder::{Weights, disk};
use crate::model::Model;
use crate::nn::params::Param;
use crate::nn::{Matrix, ParamId};

pub use fingerprint::Fingerprint;

/// The weights, their moments and this epoch's outputs.
const TENSORS: &str = "tensors.safetensors";
/// [`State`].
const STATE: &str = "state.json";
/// How the names of checkpoints begin.
const STEP: &str = "epoch-";
/// How the names of the best epochs' folders begin.
const BEST: &str = "best-";
/// The weights of the best epoch.
const WEIGHTS: &str = "weights.safetensors";

/// How far a run is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Steps taken in all, skipped ones included.
    pub step: usize,
    /// Epochs that have ended.
    pub epoch: usize,
    /// Steps taken in the epoch that has not ended.
    pub step_in_epoch: usize,
    /// Of those, how many were skipped, since their loss or gradient was no finite number.
    pub n_skipped: usize,
    /// How many of the last steps were skipped, without one between them that was not.
    pub skipped_in_a_row: usize,
    /// The sum over the epoch's steps of each task's loss, and over how many.
    pub losses: Vec<(f64, usize)>,
    /// Reports of the epochs that have ended.
    pub epochs: Vec<EpochReport>,
    /// Bytes of `metrics.jsonl` that belong to those steps.
    pub metrics_bytes: u64,
    /// What the weighting of the tasks has learned.
    pub weighting: Value,
    /// The weights that are frozen now, as they were when they were frozen.
    pub frozen: Option<FrozenWeights>,
}

impl Progress {
    /// The folder of the weights of the best epoch so far.
    fn best(&self) -> Option<String> {
        self.epochs.iter().rfind(|epoch| epoch.best).map(|epoch| best_name(epoch.epoch))
    }
}

/// A run goes on from a checkpoint.
#[derive(Debug, Clone)]
pub struct Resumed {
    /// How far the run was.
    pub progress: Progress,
    /// The checkpoint.
    pub checkpoint: PathBuf,
    /// Newer ones that cannot be used.
    pub damaged: Vec<Damaged>,
}

/// A checkpoint that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Damaged {
    /// Its folder.
    pub checkpoint: PathBuf,
    /// What is wrong with it.
    pub problem: String,
}

#[derive(Serialize, Deserialize)]
struct State {
    fingerprint: Fingerprint,
    progress: Progress,
    // Gradients that each weight's moments have seen, by the weight's name.
    moment_steps: Vec<(String, u32)>,
}

/// The checkpoints of a run: the last few, and the weights of the best epoch.
#[derive(Debug)]
pub struct Checkpoints {
    folder: PathBuf,
    keep: usize,
    fingerprint: Fingerprint,
    // The weights that the run trains.
    trained: Vec<ParamId>,
    // Those that the run can go on from, oldest first.
    kept: Vec<Kept>,
}

#[derive(Debug, Clone)]
struct Kept {
    name: String,
    best: Option<String>,
}

impl Checkpoints {
    /// The checkpoints in `folder` of the run that `fingerprint` describes, of which the last `keep` stay.
    pub fn new(folder: PathBuf, keep: usize, fingerprint: Fingerprint, trained: Vec<ParamId>) -> Self {
        Self { folder, keep, fingerprint, trained, kept: Vec::new() }
    }

    /// True if there is a checkpoint in `folder`, be it damaged.
    pub fn are_in(folder: &Path) -> bool {
        names(folder).iter().any(|name| is_step(name))
    }

    /// Writes where the run stands; `seen` are this epoch's outputs so far, a matrix a task.
    ///
    /// # Errors
    /// [`Error::Io`], and [`Error::Diverged`] if a weight is no finite number; the checkpoints before are then still
    /// there.
    pub fn save(
        &mut self,
        model: &Model,
        optimizer: &AdamW,
        progress: &Progress,
        seen: &[Matrix],
    ) -> Result<()> {
        self.check_finite(model, progress.step)?;
        let mut tensors: Vec<NamedTensor<'_>> = Vec::new();
        let mut moment_steps = Vec::new();
        for &id in &self.trained {
            let param = &model.params[id];
            let mut add = |kind: &str, values| {
                tensors.push((format!("{kind}.{}", param.name()), vec![param.data().len()], values));
            };
            add("param", param.data());
            if let Some(moments) = optimizer.moments(id) {
                add("m", &moments.m);
                add("v", &moments.v);
                moment_steps.push((param.name().to_string(), moments.step));
            }
        }
        for (task, outputs) in seen.iter().enumerate() {
            let shape = vec![outputs.rows(), outputs.cols()];
            tensors.push((format!("seen.{task}"), shape, outputs.data()));
        }
        let state = State { fingerprint: self.fingerprint.clone(), progress: progress.clone(), moment_steps };
        let state = serde_json::to_vec(&state).expect("plain values");
        let name = step_name(progress);
        let files: [(&str, sealed::Content<'_>); 2] = [
            (TENSORS, &|file| write_safetensors_to(file, &tensors, &[])),
            (STATE, &|file| file.write_all(&state)),
        ];
        self.make_folder()?;
        sealed::write(&self.folder.join(&name), &files, progress.best())?;
        self.kept.retain(|kept| kept.name != name);
        self.kept.push(Kept { name, best: progress.best() });
        self.prune()
    }

    /// Writes the weights of an epoch that is the best so far; it is counted from 1.
    ///
    /// # Errors
    /// As [`Checkpoints::save`].
    pub fn save_best(&self, model: &Model, epoch: usize, step: usize) -> Result<()> {
        self.check_finite(model, step)?;
        let tensor = |&id: &ParamId| {
            let param = &model.params[id];
            (format!("param.{}", param.name()), vec![param.data().len()], param.data())
        };
        let tensors: Vec<NamedTensor<'_>> = self.trained.iter().map(tensor).collect();
        let weights: sealed::Content<'_> = &|file| write_safetensors_to(file, &tensors, &[]);
        self.make_folder()?;
        sealed::write(&self.folder.join(best_name(epoch)), &[(WEIGHTS, weights)], None)
    }

    /// Gives the model the weights of the best epoch.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] if they are damaged.
    pub fn load_best(&self, model: &mut Model, progress: &Progress) -> Result<()> {
        let Some(name) = progress.best() else { return Ok(()) };
        let path = self.folder.join(name);
        sealed::check(&path).map_err(|problem| damaged(&path, &problem))?;
        let weights = Weights::open_file(&path.join(WEIGHTS))?;
        self.restore_weights(model, &weights, &path)
    }

    /// Goes on from the newest checkpoint that can be used, if there is any checkpoint.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] if it belongs to another run, with what differs, or if all of them are damaged.
    pub fn resume(
        &mut self,
        model: &mut Model,
        optimizer: &mut AdamW,
        seen: &mut [Matrix],
    ) -> Result<Option<Resumed>> {
        let mut names: Vec<String> = names(&self.folder).into_iter().filter(|name| is_step(name)).collect();
        names.sort_unstable();
        let mut bad: Vec<Damaged> = Vec::new();
        while let Some(name) = names.pop() {
            let path = self.folder.join(&name);
            match self.check(&path) {
                Err(problem) => bad.push(Damaged { checkpoint: path, problem }),
                Ok(best) => {
                    let progress = self.load(&path, model, optimizer, seen)?;
                    let older = names.into_iter().filter_map(|name| {
                        let manifest = sealed::read_manifest(&self.folder.join(&name)).ok()?;
                        Some(Kept { name, best: manifest.needs })
                    });
                    self.kept = older.chain([Kept { name, best }]).collect();
                    return Ok(Some(Resumed { progress, checkpoint: path, damaged: bad }));
                }
            }
        }
        if bad.is_empty() {
            return Ok(None);
        }
        let all: Vec<String> =
            bad.iter().map(|bad| format!("\n  {}: {}", bad.checkpoint.display(), bad.problem)).collect();
        let problem = format!("no checkpoint can be used; delete the folder to begin again{}", all.concat());
        Err(Error::Checkpoint { path: self.folder.clone(), problem })
    }

    /// The best epoch that a checkpoint needs, or what is wrong with either.
    fn check(&self, path: &Path) -> Result<Option<String>, String> {
        let manifest = sealed::check(path)?;
        if let Some(best) = &manifest.needs {
            sealed::check(&self.folder.join(best)).map_err(|problem| format!("its {best}: {problem}"))?;
        }
        Ok(manifest.needs)
    }

    fn load(
        &self,
        path: &Path,
        model: &mut Model,
        optimizer: &mut AdamW,
        seen: &mut [Matrix],
    ) -> Result<Progress> {
        let state = self.state(path)?;
        let weights = Weights::open_file(&path.join(TENSORS))?;
        self.restore_weights(model, &weights, path)?;
        let tensor = |name: &str| weights.tensor(name).map(|tensor| tensor.values.into_vec());
        for &id in &self.trained {
            let param = &model.params[id];
            let name = param.name();
            let step = state.moment_steps.iter().find(|(known, _)| known == name).map(|(_, step)| *step);
            let moments = match step {
                None => None,
                Some(step) => {
                    let (m, v) = (tensor(&format!("m.{name}"))?, tensor(&format!("v.{name}"))?);
                    Some(Moments { m, v, step })
                }
            };
            optimizer.set_moments(id, param, moments);
        }
        for (task, outputs) in seen.iter_mut().enumerate() {
            outputs.data_mut().copy_from_slice(&tensor(&format!("seen.{task}"))?);
        }
        Ok(state.progress)
    }

    /// Where the run stood; one of other settings, data or version is refused, naming what differs.
    fn state(&self, path: &Path) -> Result<State> {
        let file = path.join(STATE);
        let text = fs::read(&file).map_err(Error::io(&file))?;
        let unreadable = |error: serde_json::Error| damaged(&file, &format!("it cannot be read: {error}"));
        let state: Value = serde_json::from_slice(&text).map_err(unreadable)?;
        let (found, own) = (&state["fingerprint"]["version"], &self.fingerprint.version);
        if found != own {
            let problem = format!("the run began with umbel {found}; this is {own}");
            return Err(damaged(path, &problem));
        }
        let state: State = serde_json::from_value(state).map_err(unreadable)?;
        match self.fingerprint.difference(&state.fingerprint) {
            Some(difference) => Err(damaged(path, &difference)),
            None => Ok(state),
        }
    }

    fn restore_weights(&self, model: &mut Model, weights: &Weights, path: &Path) -> Result<()> {
        for &id in &self.trained {
            let param = &mut model.params[id];
            let values = weights.tensor(&format!("param.{}", param.name()))?;
            restore(param, values.as_slice()).map_err(|problem| damaged(path, &problem))?;
        }
        Ok(())
    }

    fn check_finite(&self, model: &Model, step: usize) -> Result<()> {
        let finite = |param: &Param| param.data().iter().all(|value| value.is_finite());
        match self.trained.iter().map(|&id| &model.params[id]).find(|param| !finite(param)) {
            None => Ok(()),
            Some(param) => Err(Error::Diverged(format!(
                "after step {step} the weight `{}` has values that are no finite numbers, so it is not saved; \
                 the last checkpoint is kept; lower the learning rate",
                param.name()
            ))),
        }
    }

    fn make_folder(&self) -> Result<()> {
        if self.folder.is_dir() {
            // What a killed process left half-written may be the room that is missing.
            let left = names(&self.folder).into_iter().filter(|name| sealed::is_temporary(name));
            return left.map(|name| self.folder.join(name)).try_for_each(|path| sealed::delete(&path));
        }
        let make = || {
            disk::create_folder(&self.folder)?;
            disk::sync_folder(self.folder.parent().unwrap_or(Path::new("")))
        };
        make().map_err(Error::io(&self.folder))
    }

    /// Deletes all but the last checkpoints and the best epochs that these need, and what a killed process left.
    fn prune(&mut self) -> Result<()> {
        let n_old = self.kept.len().saturating_sub(self.keep);
        self.kept.drain(..n_old);
        let oldest_best = self.kept.iter().filter_map(|kept| kept.best.as_deref()).min();
        let is_old = |name: &str| match name {
            name if is_step(name) => !self.kept.iter().any(|kept| kept.name == name),
            name if name.starts_with(BEST) => oldest_best.is_some_and(|oldest| name < oldest),
            name => sealed::is_temporary(name),
        };
        let unneeded = names(&self.folder).into_iter().filter(|name| is_old(name));
        unneeded.map(|name| self.folder.join(name)).try_for_each(|path| sealed::delete(&path))
    }
}

/// Steps are padded so that names have the order of time: an epoch's end comes after its last step.
fn step_name(progress: &Progress) -> String {
    format!("{STEP}{:05}-step-{:010}", progress.epoch, progress.step)
}

fn best_name(epoch: usize) -> String {
    format!("{BEST}{epoch:05}")
}

fn is_step(name: &str) -> bool {
    name.starts_with(STEP)
}

/// The names of all that lies in a folder; none if it is not there.
fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

fn damaged(path: &Path, problem: &str) -> Error {
    Error::Checkpoint { path: path.to_path_buf(), problem: problem.to_string() }
}

fn restore(param: &mut Param, values: &[f32]) -> Result<(), String> {
    if values.len() != param.data().len() {
        let (name, n) = (param.name(), param.data().len());
        return Err(format!("`{name}` has {} numbers; this model has {n}", values.len()));
    }
    param.data_mut().copy_from_slice(values);
    Ok(())
}
