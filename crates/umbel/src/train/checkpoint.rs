//! All that a run needs to go on as if it had never stopped, in one file that is replaced as a whole.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::optimizer::{AdamW, Moments};
use super::report::EpochReport;
use crate::error::{Error, Result};
use crate::folder::Weights;
use crate::folder::write::{NamedTensor, write_safetensors};
use crate::model::Model;
use crate::nn::Matrix;
use crate::nn::params::Param;

/// How far a run is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Steps taken in all.
    pub step: usize,
    /// Epochs that have ended.
    pub epoch: usize,
    /// Steps taken in the epoch that has not ended.
    pub step_in_epoch: usize,
    /// The sum over those steps of each task's loss, and over how many.
    pub losses: Vec<(f64, usize)>,
    /// Reports of the epochs that have ended.
    pub epochs: Vec<EpochReport>,
    /// Bytes of `metrics.jsonl` that belong to those steps.
    pub metrics_bytes: u64,
    /// What the weighting of the tasks has learned.
    #[serde(default)]
    pub weighting: Value,
}

/// What a run is made of; a run goes on only with what it began with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fingerprint {
    /// The settings, as JSON.
    pub settings: Value,
    /// The SHA-256 of the data's texts and targets.
    pub data: String,
    /// The version of umbel.
    pub version: String,
}

#[derive(Serialize, Deserialize)]
struct State {
    progress: Progress,
    fingerprint: Fingerprint,
    // Gradients that each weight's moments have seen, by the weight's name.
    moment_steps: Vec<(String, u32)>,
}

/// The checkpoint file of a run.
#[derive(Debug)]
pub struct Checkpoint {
    path: PathBuf,
    fingerprint: Fingerprint,
}

impl Checkpoint {
    /// The checkpoint at `path` of the run that `fingerprint` describes.
    pub fn new(path: PathBuf, fingerprint: Fingerprint) -> Self {
        Self { path, fingerprint }
    }

    /// Writes where the run stands; `seen` are this epoch's outputs so far, a matrix a task.
    ///
    /// # Errors
    /// [`Error::Io`]; the checkpoint before is then still there.
    pub fn save(&self, model: &Model, optimizer: &AdamW, progress: &Progress, seen: &[Matrix]) -> Result<()> {
        let mut tensors: Vec<NamedTensor<'_>> = Vec::new();
        let mut moment_steps = Vec::new();
        for (id, param) in model.params.iter().filter(|(_, param)| param.trainable) {
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
        let fingerprint = self.fingerprint.clone();
        let state = State { progress: progress.clone(), fingerprint, moment_steps };
        let state = serde_json::to_string(&state).expect("plain values");
        write_safetensors(&self.path, &tensors, &[("umbel", &state)])
    }

    /// Goes on from the checkpoint, if there is one.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] if it is damaged or belongs to another run, with what differs.
    pub fn load(
        &self,
        model: &mut Model,
        optimizer: &mut AdamW,
        seen: &mut [Matrix],
    ) -> Result<Option<Progress>> {
        if !self.path.exists() {
            return Ok(None);
        }
        let weights = Weights::open_file(&self.path)?;
        let state: State = weights
            .metadata("umbel")
            .and_then(|state| serde_json::from_str(&state).ok())
            .ok_or_else(|| self.wrong("it is no checkpoint of umbel"))?;
        self.check(&state.fingerprint)?;
        let tensor = |name: &str| weights.tensor(name).map(|tensor| tensor.values.into_vec());
        for (id, param) in model.params.iter_mut().filter(|(_, param)| param.trainable) {
            let name = param.name().to_string();
            restore(param, &tensor(&format!("param.{name}"))?).map_err(|problem| self.wrong(&problem))?;
            let step = state.moment_steps.iter().find(|(known, _)| *known == name).map(|(_, step)| *step);
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
            let values = tensor(&format!("seen.{task}"))?;
            outputs.data_mut().copy_from_slice(&values);
        }
        Ok(Some(state.progress))
    }

    /// Refuses a checkpoint of other settings, data or version, naming what differs.
    fn check(&self, found: &Fingerprint) -> Result<()> {
        let own = &self.fingerprint;
        if let Some(difference) = first_difference("", &found.settings, &own.settings) {
            return Err(self.wrong(&format!("the run began with other settings: {difference}")));
        }
        if found.data != own.data {
            return Err(self.wrong("the run began with other data"));
        }
        if found.version != own.version {
            let problem = format!("the run began with umbel {}; this is {}", found.version, own.version);
            return Err(self.wrong(&problem));
        }
        Ok(())
    }

    fn wrong(&self, problem: &str) -> Error {
        Error::Checkpoint { path: self.path.clone(), problem: problem.to_string() }
    }
}

/// The weights that training changes, by the names of [`Checkpoint`]; for the best epoch.
pub fn save_trainable(path: &Path, model: &Model) -> Result<()> {
    let trainable = model.params.iter().filter(|(_, param)| param.trainable);
    let tensor = |(_, param)| named(param);
    write_safetensors(path, &trainable.map(tensor).collect::<Vec<_>>(), &[])
}

/// Takes the weights that [`save_trainable`] wrote.
///
/// # Errors
/// If the file is damaged or of another model.
pub fn load_trainable(path: &Path, model: &mut Model) -> Result<()> {
    let weights = Weights::open_file(path)?;
    for (_, param) in model.params.iter_mut().filter(|(_, param)| param.trainable) {
        let values = weights.tensor(&format!("param.{}", param.name()))?;
        let wrong = |problem| Error::Checkpoint { path: path.to_path_buf(), problem };
        restore(param, values.as_slice()).map_err(wrong)?;
    }
    Ok(())
}

fn named(param: &Param) -> NamedTensor<'_> {
    (format!("param.{}", param.name()), vec![param.data().len()], param.data())
}

fn restore(param: &mut Param, values: &[f32]) -> Result<(), String> {
    if values.len() != param.data().len() {
        let (name, n) = (param.name(), param.data().len());
        return Err(format!("`{name}` has {} numbers; this model has {n}", values.len()));
    }
    param.data_mut().copy_from_slice(values);
    Ok(())
}

/// The first key whose values differ, and both values.
fn first_difference(key: &str, then: &Value, now: &Value) -> Option<String> {
    match (then, now) {
        (Value::Object(a), Value::Object(b)) => {
            let keys = a.keys().chain(b.keys().filter(|key| !a.contains_key(*key)));
            let place = |name: &String| if key.is_empty() { name.clone() } else { format!("{key}.{name}") };
            let of = |map: &serde_json::Map<String, Value>, name: &String| map.get(name).cloned();
            keys.into_iter().find_map(|name| {
                let (then, now) = (of(a, name).unwrap_or_default(), of(b, name).unwrap_or_default());
                first_difference(&place(name), &then, &now)
            })
        }
        (then, now) => (then != now).then(|| format!("`{key}` was {then} and is {now}")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_first_difference_is_named() {
        let then = json!({"train": {"epochs": 3, "seed": 1}, "model": {"pooling": "mean"}});
        let now = json!({"train": {"epochs": 3, "seed": 2}, "model": {"pooling": "max"}});
        assert_eq!(first_difference("", &then, &now).unwrap(), "`train.seed` was 1 and is 2");
        assert_eq!(first_difference("", &then, &then), None);
    }
}
