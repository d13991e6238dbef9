//! New tasks trained together with a model's encoder, whose old answers are distilled from the model itself.

use std::path::Path;

use serde::Serialize;

use super::calibrate::{self, calibrate};
use super::data::{RunData, read_labelled};
use super::{EpochReport, Observer, Outcome, RunFolder, clean_up, train};
use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::evaluate::{TaskScores, evaluate};
use crate::model::{Head, Model};
use crate::nn::Matrix;
use crate::settings::Settings;
use crate::task::remember::Remember;
use crate::task::{Reads, Targets};
use crate::text::Tokens;

/// What joint training did to the old tasks.
#[derive(Debug, Serialize)]
pub struct Rejoined {
    /// The epochs; the old tasks come first, with their agreement.
    pub epochs: Vec<EpochReport>,
    /// How often each old task answers the validation rows as before; of single numbers, their correlation.
    pub kept: Vec<(String, f64)>,
    /// Old tasks without outputs of their own, which nothing holds to what they were.
    pub not_kept: Vec<String>,
    /// Each old task on labelled rows, before and after.
    pub forgetting: Vec<Forgetting>,
}

/// An old task on labelled rows, before and after.
#[derive(Debug, Serialize)]
pub struct Forgetting {
    /// The task.
    pub task: String,
    /// The metric.
    pub metric: String,
    /// Rows with its label.
    pub n: usize,
    /// The metric before.
    pub before: f64,
    /// The metric after.
    pub after: f64,
}

/// Trains the settings' tasks on the encoder of the model in `dir` and writes the whole to `target`. Each old task is
/// held to its old outputs for the texts with `keep_weight` times their squared difference, in units of their variance.
/// `labelled` are files with labels of old tasks, to tell what was forgotten. `None` if the observer stopped it.
///
/// # Errors
/// If the model has such a task already, `target` is not empty, or the training fails.
pub fn train_jointly(
    (dir, target): (&Path, &Path),
    settings: &Settings,
    keep_weight: f32,
    labelled: &[std::path::PathBuf],
    observer: &mut dyn Observer,
) -> Result<Option<Rejoined>> {
    let old = Model::open(dir)?;
    refuse((dir, target), settings, &old)?;
    let data = RunData::read(settings)?;
    calibrate::check(&data)?;
    let mut model = Model::open(dir)?;
    let is_kept: Vec<bool> = old.heads().iter().map(|head| head.task.reads() != Reads::Group).collect();
    let not_kept: Vec<String> = old
        .heads()
        .iter()
        .zip(&is_kept)
        .filter(|(_, kept)| !**kept)
        .map(|(head, _)| head.name().to_string())
        .collect();

    let (train_before, validation_before) = (outputs(&old, &data.train)?, outputs(&old, &data.validation)?);
    let mut joint = settings.clone();
    joint.tasks = Vec::new();
    for ((head, before), kept) in model.heads_mut().zip(&train_before.0).zip(&is_kept) {
        let mut settings = head.settings.clone();
        settings.weight = if *kept { keep_weight } else { 0.0 };
        head.settings = settings.clone();
        head.task = Box::new(Remember::new(head.task.boxed(), before));
        joint.tasks.push(settings);
    }
    for (settings, task) in &data.tasks {
        model.add_head(settings.clone(), task.boxed(), joint.train.seed)?;
        joint.tasks.push(settings.clone());
    }
    let remember = |rows: &Dataset, before: &(Vec<Matrix>, Vec<Tokens>)| {
        let of_task = |((head, outputs), kept): ((&Head, &Matrix), &bool)| {
            remembered(head.task.reads(), outputs, &before.1[..rows.len()], *kept)
        };
        rows.with_tasks_before(old.heads().iter().zip(&before.0).zip(&is_kept).map(of_task).collect())
    };
    let (train_rows, validation_rows) =
        (remember(&data.train, &train_before), remember(&data.validation, &validation_before));
    let rows = data.relabelled(train_rows, validation_rows);
    let folder = RunFolder { path: target.join("training"), resume: false };
    let outcome = train(&mut model, &rows, &joint, &folder, observer)?;
    let Outcome::Finished { epochs, validation_outputs } = outcome else {
        std::fs::remove_dir_all(&folder.path).map_err(Error::io(&folder.path))?;
        return Ok(None);
    };
    clean_up(&folder.path)?;
    // The old tasks keep the calibration that they have.
    let is_new = |name: &str| settings.tasks.iter().any(|task| task.name == name);
    let wanted = |head: &Head| calibrate::wanted(head).filter(|_| is_new(head.name()));
    calibrate(&mut model, &rows.validation, &validation_outputs, wanted)?;

    for (head, old) in model.heads_mut().zip(old.heads()) {
        head.task = old.task.boxed();
        head.settings = old.settings.clone();
    }
    model.save(target)?;
    let best = epochs.iter().rfind(|epoch| epoch.best);
    let of_old = best.into_iter().flat_map(|epoch| epoch.validation.iter().zip(&is_kept));
    let kept =
        of_old.filter(|(_, kept)| **kept).map(|(scores, _)| (scores.task.clone(), scores.main)).collect();
    let forgetting = forgetting(&old, &model, settings, labelled)?;
    Ok(Some(Rejoined { epochs, kept, not_kept, forgetting }))
}

/// Refuses tasks that the model has, settings that mean nothing here, and a folder that holds something.
fn refuse((dir, target): (&Path, &Path), settings: &Settings, old: &Model) -> Result<()> {
    let train = &settings.train;
    let meaningless = [
        ("oversample", train.oversample.is_some(), "the old tasks need every row as often as it comes"),
        ("reinit_layers", train.reinit_layers > 0, "the encoder goes on from what it knows"),
    ];
    if let Some((key, _, why)) = meaningless.iter().find(|(_, is_set, _)| *is_set) {
        return Err(Error::Settings(format!("`train.{key}` is not for joining tasks to a model: {why}")));
    }
    if let Some(known) = settings.tasks.iter().find(|task| old.head(&task.name).is_ok()) {
        return Err(Error::Settings(format!("{} has a task `{}` already", dir.display(), known.name)));
    }
    match target.read_dir().is_ok_and(|mut entries| entries.next().is_some()) {
        true => Err(Error::Settings(format!("{} is not empty; choose another folder", target.display()))),
        false => Ok(()),
    }
}

/// What all heads of a model give for the rows' own texts, and these texts' tokens.
fn outputs(model: &Model, rows: &Dataset) -> Result<(Vec<Matrix>, Vec<Tokens>)> {
    let texts: Vec<&str> = rows.texts().iter().collect();
    let texts = model.tokenize(&texts)?.texts;
    let none: Vec<&[usize]> = vec![&[]; model.heads().len()];
    Ok((model.row_outputs(&texts, texts.len(), &none), texts))
}

/// A task's old outputs as targets; no row has a label of a task that is not kept.
fn remembered(reads: Reads, outputs: &Matrix, texts: &[Tokens], kept: bool) -> Targets {
    let rows = |tokens: &Tokens| match reads {
        Reads::Text => 1,
        Reads::Words(_) => tokens.words.len(),
        Reads::Group => 0,
    };
    match kept {
        true => Remember::targets(outputs, texts.iter().map(rows)),
        false => Targets::unlabelled(texts.len()),
    }
}

/// The old tasks' metrics on labelled rows, before and after.
fn forgetting(
    old: &Model,
    new: &Model,
    settings: &Settings,
    labelled: &[std::path::PathBuf],
) -> Result<Vec<Forgetting>> {
    if labelled.is_empty() {
        return Ok(Vec::new());
    }
    let tasks: Vec<_> = old.heads().iter().map(|head| (&head.settings, head.task.as_ref())).collect();
    let (_, rows) = read_labelled(labelled, &settings.data.text, &tasks)?;
    let before = evaluate(old, &rows)?.tasks;
    let tasks: Vec<Targets> = settings.tasks.iter().map(|_| Targets::unlabelled(rows.len())).collect();
    let after = evaluate(new, &rows.with_tasks_after(tasks))?.tasks;
    let pair = |(before, after): (&TaskScores, &TaskScores)| Forgetting {
        task: before.task.clone(),
        metric: before.main_metric.clone(),
        n: before.n,
        before: before.main,
        after: after.main,
    };
    Ok(before.iter().zip(&after).filter(|(before, _)| before.n > 0).map(pair).collect())
}
