//! Heads added to a model, taken from it, or trained anew, while all else keeps its bits.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use super::calibrate::{self, calibrate};
use super::data::RunData;
use super::{EpochReport, Observer, Outcome, RunFolder, clean_up, train};
use crate::error::{Error, Result};
use crate::model::{Model, Prediction, check_files};
use crate::settings::Settings;
use crate::spool::Strings;

/// Texts whose answers are compared before and after.
const COMPARED: usize = 256;

/// What the surgery did, and the proof that all else is as it was.
#[derive(Debug, Serialize)]
pub struct Surgery {
    /// The tasks that were added or trained anew.
    pub trained: Vec<String>,
    /// The tasks that were taken away.
    pub removed: Vec<String>,
    /// The epochs of the new heads' training.
    pub epochs: Vec<EpochReport>,
    /// Files whose SHA-256 is what it was.
    pub n_files_unchanged: usize,
    /// The other tasks.
    pub tasks_unchanged: Vec<String>,
    /// Texts for which the other tasks gave the same answers, bit for bit.
    pub n_texts_compared: usize,
}

/// Trains heads for the settings' tasks on the frozen encoder of the model in `dir`, and writes them into its folder.
///
/// The encoder runs once over the texts. A task that the model has already is an error unless `replace` is true; then
/// it must have it. `None` if the observer stopped the training; nothing is written then.
///
/// # Errors
/// If the model or the data cannot be read, or anything but the heads' own files changed.
pub fn train_heads(
    dir: &Path,
    settings: &Settings,
    replace: bool,
    observer: &mut dyn Observer,
) -> Result<Option<Surgery>> {
    let before = Model::open(dir)?;
    let names: Vec<String> = settings.tasks.iter().map(|task| task.name.clone()).collect();
    for name in &names {
        match (before.head(name), replace) {
            (Ok(_), false) => {
                let problem = format!(
                    "{} has a task `{name}` already; `umbel head replace` trains it anew",
                    dir.display()
                );
                return Err(Error::Settings(problem));
            }
            (Err(error), true) => return Err(error),
            _ => {}
        }
    }
    let data = RunData::read(settings)?;
    calibrate::check(&data)?;
    let proof = Proof::of(dir, &before, &names, data.train.texts())?;

    let (mut model, seed) = (Model::open_without_heads(dir)?, settings.train.seed);
    for (settings, task) in &data.tasks {
        model.add_head(settings.clone(), task.boxed(), seed)?;
    }
    let mut settings = settings.clone();
    settings.train.freeze = vec!["backbone".to_string(), "projection".to_string()];
    (settings.train.lora, settings.train.unfreeze, settings.train.probe_epochs) = (None, None, 0);
    settings.train.contrast = None; // It would move the encoder.
    let folder = RunFolder { path: dir.join("training").join("heads").join(names.join("+")), resume: false };
    let outcome = train(&mut model, &data, &settings, &folder, observer)?;
    clean_up(&folder.path)?;
    let Outcome::Finished { epochs, validation_outputs } = outcome else { return Ok(None) };
    calibrate(&mut model, &data.validation, &validation_outputs, calibrate::wanted)?;

    let mut whole = before;
    if replace {
        // A folder that is opened between these steps lacks the task, but is whole.
        names.iter().try_for_each(|name| whole.remove_head(name).map(|_| ()))?;
        whole.save_heads(dir, &[])?;
    }
    whole.take_heads(model)?;
    whole.save_heads(dir, &names)?;
    let surgery = Surgery {
        trained: names.clone(),
        removed: Vec::new(),
        epochs,
        n_files_unchanged: proof.files.len(),
        tasks_unchanged: proof.tasks.clone(),
        n_texts_compared: proof.texts.len(),
    };
    proof.check(dir, &names)?;
    Ok(Some(surgery))
}

/// Takes tasks from the model in `dir`.
///
/// # Errors
/// If there is no such task, or a file cannot be written.
pub fn remove_heads(dir: &Path, names: &[String]) -> Result<Surgery> {
    let mut model = Model::open(dir)?;
    names.iter().try_for_each(|name| model.head(name).map(|_| ()))?;
    let proof = Proof::of(dir, &model, names, &Strings::default())?;
    names.iter().try_for_each(|name| model.remove_head(name).map(|_| ()))?;
    model.save_heads(dir, &[])?;
    for name in names {
        let folder = dir.join("heads").join(name);
        if folder.is_dir() {
            std::fs::remove_dir_all(&folder).map_err(Error::io(&folder))?;
        }
    }
    let surgery = Surgery {
        trained: Vec::new(),
        removed: names.to_vec(),
        epochs: Vec::new(),
        n_files_unchanged: proof.files.len(),
        tasks_unchanged: proof.tasks.clone(),
        n_texts_compared: 0,
    };
    proof.check(dir, names)?;
    Ok(surgery)
}

/// What must not change: files, and answers of the other tasks.
struct Proof {
    files: BTreeMap<String, String>,
    tasks: Vec<String>,
    texts: Vec<String>,
    answers: Vec<Prediction>,
}

impl Proof {
    fn of(dir: &Path, model: &Model, changed: &[String], texts: &Strings) -> Result<Self> {
        let others = model.heads().iter().map(|head| head.name().to_string());
        let tasks: Vec<String> = others.filter(|name| !changed.contains(name)).collect();
        let texts: Vec<String> = if tasks.is_empty() { Vec::new() } else { sample(model, texts) };
        let answers = answers(model, &tasks, &texts)?;
        Ok(Self { files: hashes(dir, changed)?, tasks, texts, answers })
    }

    fn check(&self, dir: &Path, changed: &[String]) -> Result<()> {
        let wrong = |problem: String| Err(Error::model(dir, problem));
        let files = hashes(dir, changed)?;
        if let Some((file, _)) = self.files.iter().find(|(file, hash)| files.get(*file) != Some(hash)) {
            return wrong(format!("`{file}` has changed, which it must not"));
        }
        let model = Model::open(dir)?;
        if answers(&model, &self.tasks, &self.texts)? != self.answers {
            return wrong("answers of the other tasks have changed, which they must not".to_string());
        }
        Ok(())
    }
}

/// The first texts that the model can read.
fn sample(model: &Model, texts: &Strings) -> Vec<String> {
    let first: Vec<&str> = texts.iter().take(COMPARED).collect();
    let unreadable: Vec<usize> = model.unreadable(&first).into_iter().map(|(at, _)| at).collect();
    let readable = first.iter().enumerate().filter(|(at, _)| !unreadable.contains(at));
    readable.map(|(_, text)| text.to_string()).collect()
}

fn answers(model: &Model, tasks: &[String], texts: &[String]) -> Result<Vec<Prediction>> {
    let names: Vec<&str> = tasks.iter().map(String::as_str).collect();
    Ok(model.predict_tasks(texts, &names)?.predictions)
}

/// The SHA-256 of all files of a model but its manifest and the heads of some tasks.
fn hashes(dir: &Path, changed: &[String]) -> Result<BTreeMap<String, String>> {
    let is_changed = |path: &str| {
        path == "umbel.json" || changed.iter().any(|task| path.starts_with(&format!("heads/{task}/")))
    };
    let files = check_files(dir)?.into_iter().filter(|file| !is_changed(&file.path));
    Ok(files.map(|file| (file.path, file.sha256)).collect())
}
