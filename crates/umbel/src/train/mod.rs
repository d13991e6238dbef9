//! Training: rows in a seeded order, steps, a validation pass after each epoch, the best epoch kept.

pub mod audit;
mod balance;
pub mod calibrate;
pub mod checkpoint;
mod contrast;
mod cycle;
pub mod data;
pub mod folds;
pub mod freeze;
mod groups;
mod inputs;
mod log;
pub mod optimizer;
mod passes;
mod plan;
pub mod rejoin;
pub mod report;
pub mod run;
pub mod schedule;
pub(crate) mod selection;
pub mod surgery;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::evaluate::{TaskScores, scores, scores_of_rows};
use crate::metric::{EpochScores, TaskHistory, diagnose};
use crate::model::{Head, Model};
use crate::nn::Matrix;
use crate::random::derive;
use crate::settings::{CheckSettings, Settings};
use crate::text::Truncation;

use balance::Balancer;
use checkpoint::{Checkpoint, Fingerprint, Progress};
use data::RunData;
use groups::Groups;
use inputs::{Inputs, Texts};
use log::Log;
use optimizer::{AdamW, clip_factor};
use passes::{Step, StepLosses};
use plan::Plan;
use schedule::LearningRate;
use selection::Selection;

pub use report::{EpochReport, Observer, RunReport, Silent, StepReport, TaskLoss, TaskReport};

/// Epochs that end sooner after a checkpoint write none: a frozen encoder's last milliseconds.
const CHECKPOINT_PAUSE: Duration = Duration::from_secs(1);

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
    /// The folder of `metrics.jsonl` and the checkpoint.
    pub path: PathBuf,
    /// Whether to go on from the checkpoint, if there is one.
    pub resume: bool,
}

impl RunFolder {
    /// The checkpoint of an unfinished run.
    pub fn checkpoint(&self) -> PathBuf {
        self.path.join("checkpoint.safetensors")
    }
}

/// Trains `model` on `data`.
///
/// The model has a head for each of the settings' tasks. Afterwards its weights are those of the best epoch;
/// frozen weights are what they were, bit for bit.
///
/// # Errors
/// If the settings do not fit the model, a file cannot be written, or a loss is no finite number.
pub fn train(
    model: &mut Model,
    data: &RunData,
    settings: &Settings,
    folder: &RunFolder,
    observer: &mut dyn Observer,
) -> Result<Outcome> {
    freeze::freeze(model, &settings.train.freeze)?;
    if let Some(wanted) = &settings.train.contrast
        && contrast::warm_up(model, data, settings, wanted, observer)?
    {
        return Ok(Outcome::Stopped { step: 0 });
    }
    let mut run = Run::start(model, data, settings, folder)?;
    observer.begin(&run.report(model));

    while run.progress.epoch < settings.train.epochs && !run.stops_early() {
        for batches in run.plan.steps(run.progress.epoch).iter().skip(run.progress.step_in_epoch) {
            let report = kernels::together(|| run.step(model, batches))?;
            observer.step(&report);
            if observer.should_stop() {
                run.save(model)?;
                return Ok(Outcome::Stopped { step: run.progress.step });
            }
            if run.progress.step.is_multiple_of(settings.train.checkpoint_every) {
                run.save(model)?;
            }
        }
        observer.epoch(run.end_epoch(model)?);
    }
    run.finish(model)
}

/// A run between its steps.
struct Run<'a> {
    data: &'a RunData,
    settings: &'a Settings,
    inputs: Inputs,
    validation_inputs: Inputs,
    plan: Plan,
    learning_rate: LearningRate,
    selection: Selection,
    balancer: Balancer,
    optimizer: AdamW,
    progress: Progress,
    // This epoch's outputs for the training rows, as they were seen, a matrix a task. [rows × outputs]
    seen: Vec<Matrix>,
    checkpoint: Checkpoint,
    // When the last checkpoint was written.
    saved: Instant,
    best: PathBuf,
    log: Log,
    n_truncated: usize,
}

impl<'a> Run<'a> {
    /// Makes everything ready, and goes on from a checkpoint if that is wanted.
    fn start(
        model: &mut Model,
        data: &'a RunData,
        settings: &'a Settings,
        folder: &RunFolder,
    ) -> Result<Self> {
        let is_frozen = freeze::backbone_is_frozen(model);
        let inputs = Inputs::new(model, &data.train, is_frozen)?;
        let validation_inputs = Inputs::new(model, &data.validation, is_frozen)?;
        let n_truncated = inputs.n_truncated + validation_inputs.n_truncated;
        let plan = Plan::new(&settings.train, Groups::new(settings, data)?, inputs.row_lengths(&data.train));
        let unseen = |data: &Dataset| -> Vec<Matrix> {
            let of_task = |(task, head): (usize, &Head)| {
                Matrix::zeros(data.targets(task).n_outputs(), head.n_outputs())
            };
            model.heads().iter().enumerate().map(of_task).collect()
        };
        let known = scores(model, &unseen(&data.validation), &data.validation);
        let selection = Selection::new(settings.train.best_metric.as_deref(), &known)?;
        let mut seen = unseen(&data.train);
        let mut optimizer = AdamW::new(&model.params, settings.train.weight_decay);
        let checkpoint = Checkpoint::new(folder.checkpoint(), fingerprint(settings, data));
        let resumed = match folder.resume {
            true => checkpoint.load(model, &mut optimizer, &mut seen)?,
            false => None,
        };
        let fresh = || Progress { losses: vec![(0.0, 0); model.heads().len()], ..Progress::default() };
        let progress = resumed.unwrap_or_else(fresh);
        let balancer = balancer(model, settings, &progress)?;
        let log = Log::open(&folder.path, progress.metrics_bytes)?;
        Ok(Self {
            data,
            settings,
            inputs,
            validation_inputs,
            learning_rate: LearningRate::new(&settings.train, plan.n_steps(settings.train.epochs)),
            plan,
            selection,
            balancer,
            optimizer,
            progress,
            seen,
            checkpoint,
            saved: Instant::now(),
            best: folder.path.join("best.safetensors"),
            log,
            n_truncated,
        })
    }

    fn report(&self, model: &Model) -> RunReport {
        let trainable = model.params.iter().filter(|(_, param)| param.trainable);
        RunReport {
            n_train: self.data.train.len(),
            n_validation: self.data.validation.len(),
            n_truncated: self.n_truncated,
            n_steps: self.plan.n_steps(self.settings.train.epochs),
            step: self.progress.step,
            n_trainable: trainable.map(|(_, param)| param.data().len()).sum(),
            n_values: model.params.n_values(),
            cached: matches!(self.inputs.texts, Texts::Kept(_)),
            model_type: model.origin().model_type.clone(),
            n_layers: model.encoder_shape().n_layers,
            hidden_size: model.encoder_shape().hidden_size,
            max_length: match model.embedding.tokens.truncation {
                Truncation::At(length) => Some(length),
                Truncation::Off => None,
            },
            max_positions: model.encoder_shape().limit(),
            tasks: model.heads().iter().enumerate().map(|(i, head)| self.task_report(i, head)).collect(),
        }
    }

    fn task_report(&self, task_idx: usize, head: &Head) -> TaskReport {
        TaskReport {
            task: head.name().to_string(),
            kind: head.settings.kind.clone(),
            weight: head.settings.weight,
            labels: head.task.labels().to_vec(),
            n_train: self.data.train.targets(task_idx).n_present(),
            n_validation: self.data.validation.targets(task_idx).n_present(),
        }
    }

    /// One step: forward, backward, clip, update.
    fn step(&mut self, model: &mut Model, batches: &[Vec<usize>]) -> Result<StepReport> {
        let seed = derive(self.settings.train.seed, self.progress.step as u64);
        let step = Step { model, inputs: &self.inputs, data: &self.data.train, batches, seed };
        let (seen, targets) = (&mut self.seen, &self.data.train);
        let mut keep = |task: usize, rows: &[usize], outputs: &Matrix| {
            let kept =
                rows.iter().flat_map(|&row| targets.targets(task).outputs(row)).zip(outputs.iter_rows());
            kept.for_each(|(row, outputs)| seen[task].row_mut(row).copy_from_slice(outputs));
        };
        let how = (self.settings.train.passes, &mut self.balancer);
        let StepLosses { losses, grads, shared } = passes::run(&step, how, &mut keep);
        let grad_norm = grads.norm();
        self.check_finite(&losses, grad_norm)?;

        let learning_rate = self.learning_rate.at(self.progress.step);
        let scale = clip_factor(grad_norm, self.settings.train.max_grad_norm);
        self.optimizer.step(&mut model.params, &grads, learning_rate, scale);

        self.progress.step += 1;
        self.progress.step_in_epoch += 1;
        for (sum, loss) in self.progress.losses.iter_mut().zip(&losses) {
            loss.inspect(|loss| *sum = (sum.0 + loss, sum.1 + 1));
        }
        let (tasks, loss) = report::shares(&self.task_weights(), &losses);
        let (step, epoch) = (self.progress.step, self.progress.epoch + 1);
        let rows = batches.iter().map(Vec::len).sum();
        let report = StepReport { step, epoch, learning_rate, loss, tasks, grad_norm, shared, rows };
        self.log.step(&report)?;
        Ok(report)
    }

    /// Looks at the validation rows, keeps the model if it is the best so far, and writes a checkpoint if the last
    /// one is not quite new.
    fn end_epoch(&mut self, model: &Model) -> Result<&EpochReport> {
        let validation = scores(model, &self.validation_inputs.outputs(model), &self.data.validation);
        let rows = self.plan.distinct_rows(self.progress.epoch); // With a sampling, not all come in an epoch.
        let train = scores_of_rows(model, &self.seen, &self.data.train, &rows);
        let score = self.selection.score(&validation, &self.settings.tasks);
        let best = self.progress.epochs.iter().all(|earlier| score > earlier.score);
        if best {
            checkpoint::save_trainable(&self.best, model)?;
        }
        let means: Vec<Option<f64>> =
            self.progress.losses.iter().map(|&(sum, n)| (n > 0).then(|| sum / n as f64)).collect();
        let (losses, _) = report::shares(&self.task_weights(), &means);
        let (epoch, step) = (self.progress.epoch + 1, self.progress.step);
        let findings = Vec::new();
        let report = EpochReport { epoch, step, losses, train, validation, score, best, findings };
        self.balancer.epochs.push(means);
        self.progress.epochs.push(report);
        let findings = diagnose(&histories(&self.progress.epochs));
        self.progress.epoch = epoch;
        self.progress.step_in_epoch = 0;
        self.progress.losses.fill((0.0, 0));
        let last = self.progress.epochs.last_mut().expect("one was just pushed");
        last.findings = findings;
        self.log.epoch(last)?;
        if self.saved.elapsed() >= CHECKPOINT_PAUSE {
            self.save(model)?;
        }
        Ok(self.progress.epochs.last().expect("one was just pushed"))
    }

    fn save(&mut self, model: &Model) -> Result<()> {
        self.progress.metrics_bytes = self.log.flush()?;
        self.progress.weighting = self.balancer.weighting.state();
        self.checkpoint.save(model, &self.optimizer, &self.progress, &self.seen)?;
        self.saved = Instant::now();
        Ok(())
    }

    fn stops_early(&self) -> bool {
        let patience = self.settings.train.early_stopping;
        let best = self.progress.epochs.iter().rposition(|epoch| epoch.best);
        patience > 0 && best.is_some_and(|best| self.progress.epochs.len() - 1 - best >= patience)
    }

    fn finish(self, model: &mut Model) -> Result<Outcome> {
        checkpoint::load_trainable(&self.best, model)?;
        let validation_outputs = self.validation_inputs.outputs(model);
        Ok(Outcome::Finished { epochs: self.progress.epochs, validation_outputs })
    }

    fn task_weights(&self) -> Vec<(String, f32)> {
        self.settings.tasks.iter().map(|task| (task.name.clone(), task.weight)).collect()
    }

    fn check_finite(&self, losses: &[Option<f64>], grad_norm: f64) -> Result<()> {
        let step = self.progress.step + 1;
        let tasks = self.settings.tasks.iter().zip(losses);
        for (task, loss) in tasks.filter_map(|(task, loss)| Some((task, (*loss)?))) {
            if !loss.is_finite() {
                let problem = format!(
                    "step {step}: the loss of task `{}` is {loss}; lower the learning rate",
                    task.name
                );
                return Err(Error::Diverged(problem));
            }
        }
        if !grad_norm.is_finite() {
            let problem =
                format!("step {step}: the norm of the gradient is {grad_norm}; lower the learning rate");
            return Err(Error::Diverged(problem));
        }
        Ok(())
    }
}

/// The weighting of the settings, as far as an earlier run has taken it.
fn balancer(model: &Model, settings: &Settings, progress: &Progress) -> Result<Balancer> {
    let chosen = &settings.train.weighting;
    let mut weighting = crate::weighting::make(chosen.kind(), settings.tasks.len(), chosen.options())?;
    if progress.step > 0 {
        weighting.restore(&progress.weighting).map_err(Error::Settings)?;
    }
    let losses = |epoch: &EpochReport| epoch.losses.iter().map(|task| task.loss).collect();
    Ok(Balancer {
        weighting,
        weights: settings.tasks.iter().map(|task| f64::from(task.weight)).collect(),
        epochs: progress.epochs.iter().map(losses).collect(),
        names: model.heads().iter().map(|head| head.name().to_string()).collect(),
    })
}

fn fingerprint(settings: &Settings, data: &RunData) -> Fingerprint {
    let mut settings = settings.clone();
    settings.train.checkpoint_every = 0; // May change from one run to the next.
    settings.check = CheckSettings::default(); // Training reads none of it.
    Fingerprint {
        settings: serde_json::to_value(&settings).expect("plain values"),
        data: data.hash(),
        version: env!("CARGO_PKG_VERSION").to_string(),
    }
}

/// Each task's course over the epochs.
fn histories(epochs: &[EpochReport]) -> Vec<TaskHistory> {
    let n_tasks = epochs.first().map_or(0, |epoch| epoch.losses.len());
    let at = |epoch: &EpochReport, task: usize| EpochScores {
        train: epoch.train[task].main,
        validation: epoch.validation[task].main,
        train_loss: epoch.train[task].loss,
        validation_loss: epoch.validation[task].loss,
        loss_share: epoch.losses[task].share,
    };
    let history = |task: usize| TaskHistory {
        name: epochs[0].losses[task].task.clone(),
        epochs: epochs.iter().map(|epoch| at(epoch, task)).collect(),
    };
    (0..n_tasks).map(history).collect()
}

/// Deletes what only an unfinished run needs, and what a killed one left half-written.
///
/// # Errors
/// [`Error::Io`] if a file cannot be deleted.
pub fn clean_up(folder: &Path) -> Result<()> {
    for entry in std::fs::read_dir(folder).map_err(Error::io(folder))?.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let is_ours = ["checkpoint.safetensors", "best.safetensors"].contains(&&name[..]);
        if is_ours || (name.starts_with('.') && name.ends_with(".tmp")) {
            std::fs::remove_file(entry.path()).map_err(Error::io(entry.path()))?;
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
