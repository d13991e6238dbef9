//! What a run or an evaluation found, as a page that needs no network and no script, and as a model card.
//!
//! [`write()`] makes `training/report.html` and `README.md` of a trained model's folder, [`write_evaluation`] a page of
//! a model held against labelled rows. A page consists of sections, a file each in `section/`; what is said of one
//! task consists of parts, a file each in `task/`. A part looks at what a task's metrics and answers contain, not at
//! its kind: a kind that gives nothing special has its metrics, its curves and its worst errors.

mod card;
mod chart;
mod history;
pub mod numbers;
mod page;
mod rows;
mod section;
mod task;

use std::path::Path;

use crate::data::Dataset;
use crate::error::Result;
use crate::evaluate::Evaluated;
use crate::folder::write::write_file;
use crate::model::{Head, Model};
use crate::nn::Matrix;
use crate::settings::Settings;
use crate::train::audit::Audit;
use crate::train::data::RunData;
use crate::train::run::Tested;
use crate::train::{EpochReport, RunReport};

use history::History;
use rows::Split;

/// All that is known of a finished run.
#[derive(Clone, Copy)]
pub struct Run<'a> {
    /// The model of the best epoch.
    pub model: &'a Model,
    /// What was wanted.
    pub settings: &'a Settings,
    /// What was known before the first step.
    pub report: &'a RunReport,
    /// The rows.
    pub data: &'a RunData,
    /// Each epoch's report.
    pub epochs: &'a [EpochReport],
    /// The raw outputs of the best epoch's model for the validation rows, a matrix a task. [rows × outputs]
    pub validation_outputs: &'a [Matrix],
    /// The test rows, if the settings name some.
    pub tested: Option<&'a Tested>,
}

impl Run<'_> {
    /// The epoch whose weights the model has.
    fn best(&self) -> Option<&EpochReport> {
        self.epochs.iter().rfind(|epoch| epoch.best)
    }
}

/// A model that was held against labelled rows.
#[derive(Clone, Copy)]
pub struct Evaluation<'a> {
    /// The model.
    pub model: &'a Model,
    /// What it is called where it is shown.
    pub name: &'a str,
    /// The names of the files.
    pub files: &'a [String],
    /// The rows.
    pub data: &'a Dataset,
    /// How good the model is on them.
    pub evaluated: &'a Evaluated,
}

/// A run as its sections read it.
struct View<'a> {
    run: &'a Run<'a>,
    history: History,
    audit: Option<Audit>,
    tasks: Vec<TaskView<'a>>,
}

/// A task and its answers on the splits that have labels of it, validation first.
struct TaskView<'a> {
    head: &'a Head,
    splits: Vec<Split<'a>>,
}

/// Writes `training/report.html` and `README.md` of the model folder `target`, whose `training/metrics.jsonl` tells
/// the run, and `training/audit.json`, if it is there, its audit. A `README.md` that is there and was not written by umbel stays as it is.
///
/// The same run gives the same bytes.
///
/// # Errors
/// If `metrics.jsonl` cannot be read or a file cannot be written.
pub fn write(target: &Path, run: &Run<'_>) -> Result<()> {
    let training = target.join("training");
    let names = run.model.heads().iter().map(|head| head.name().to_string()).collect();
    let n_steps = run.epochs.last().map_or(0, |epoch| epoch.step);
    let history = History::read(&training.join("metrics.jsonl"), names, n_steps)?;
    let view = View { run, history, audit: Audit::read(&training)?, tasks: tasks(run) };
    write_file(&training.join("report.html"), section::run(&view).as_bytes())?;
    card::write(&target.join("README.md"), run)
}

/// Writes the page of an evaluation.
///
/// # Errors
/// If the file cannot be written.
pub fn write_evaluation(path: &Path, evaluation: &Evaluation<'_>) -> Result<()> {
    let Evaluation { model, data, evaluated, .. } = *evaluation;
    let mut tasks = Vec::new();
    for (i, (head, scores)) in model.heads().iter().zip(&evaluated.tasks).enumerate() {
        let labelled = (scores.n > 0).then_some(scores);
        let rows = (data, &evaluated.outputs[i]);
        let split = labelled.map(|scores| Split::new("evaluation", scores, head, i, rows));
        tasks.push(TaskView { head, splits: split.into_iter().collect() });
    }
    write_file(path, section::evaluation(evaluation, &tasks).as_bytes())
}

fn tasks<'a>(run: &'a Run<'a>) -> Vec<TaskView<'a>> {
    let validation = run.best().map(|best| &best.validation);
    let view = |(i, head): (usize, &'a Head)| {
        let mut splits = Vec::new();
        if let Some(scores) = validation.and_then(|scores| scores.get(i)).filter(|scores| scores.n > 0) {
            let rows = (&run.data.validation, &run.validation_outputs[i]);
            splits.push(Split::new("validation", scores, head, i, rows));
        }
        if let Some(Tested { data, evaluated }) = run.tested
            && let Some(scores) = evaluated.tasks.get(i).filter(|scores| scores.n > 0)
        {
            splits.push(Split::new("test", scores, head, i, (data, &evaluated.outputs[i])));
        }
        TaskView { head, splits }
    };
    run.model.heads().iter().enumerate().map(view).collect()
}
