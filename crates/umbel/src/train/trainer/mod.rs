//! A run between its steps: what it holds, and how a step, an epoch and the run itself begin and end.

mod begin;
mod stage;

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::error::{Error, Result};
use crate::evaluate::{scores, scores_of_rows};
use crate::metric::{EpochScores, TaskHistory, diagnose};
use crate::model::Model;
use crate::nn::{Matrix, ParamId};
use crate::random::derive;
use crate::settings::Settings;
use crate::train::balance::Balancer;
use crate::train::checkpoint::{Checkpoints, Fingerprint, Progress, Resumed};
use crate::train::data::RunData;
use crate::train::freeze::Stages;
use crate::train::frozen::FrozenWeights;
use crate::train::groups::Groups;
use crate::train::inputs::Inputs;
use crate::train::log::Log;
use crate::train::optimizer::{AdamW, clip_factor};
use crate::train::passes::{self, Step, StepLosses};
use crate::train::plan::{Plan, Rows};
use crate::train::report::{self, EpochReport, ResumedReport, StepReport};
use crate::train::schedule::LearningRate;
use crate::train::selection::Selection;
use crate::train::{Outcome, RunFolder, guard, low_rank, rates};

use begin::{balancer, resumed_report, unseen};

/// Epochs that end sooner after a checkpoint write none: a frozen encoder's last milliseconds.
const CHECKPOINT_PAUSE: Duration = Duration::from_secs(1);

/// A run between its steps.
pub(in crate::train) struct Trainer<'a> {
    data: &'a RunData,
    settings: &'a Settings,
    inputs: Inputs,
    validation_inputs: Inputs,
    stages: Stages,
    trained: Vec<ParamId>,
    /// Frozen weights that were found unchanged and not yet told of.
    pub(in crate::train) unchanged: Vec<FrozenWeights>,
    plan: Plan,
    learning_rate: LearningRate,
    selection: Selection,
    balancer: Balancer,
    optimizer: AdamW,
    pub(in crate::train) progress: Progress,
    // This epoch's outputs for the training rows, as they were seen, a matrix a task. [rows × outputs]
    seen: Vec<Matrix>,
    checkpoints: Checkpoints,
    // The checkpoint that the run goes on from.
    resumed: Option<ResumedReport>,
    // When the last checkpoint was written.
    saved: Instant,
    log: Log,
    n_truncated: usize,
}

impl<'a> Trainer<'a> {
    /// Makes everything ready, and goes on from a checkpoint if that is wanted.
    pub(in crate::train) fn start(
        model: &mut Model,
        data: &'a RunData,
        settings: &'a Settings,
        folder: &RunFolder,
    ) -> Result<Self> {
        let inputs = Inputs::new(model, &data.train)?;
        let validation_inputs = Inputs::new(model, &data.validation)?;
        let n_truncated = inputs.n_truncated + validation_inputs.n_truncated;
        let fingerprint = Fingerprint::new(settings, data, [inputs.tokens(), validation_inputs.tokens()]);
        let plan = Plan::new(&settings.train, Groups::new(settings, data)?, inputs.row_lengths(&data.train));
        let known: Vec<usize> = (0..data.validation.len()).collect();
        let known = scores_of_rows(model, &unseen(model, &data.validation), &data.validation, &known);
        let selection = Selection::new(settings.train.best_metric.as_deref(), &known)?;
        let mut seen = unseen(model, &data.train);

        low_rank::add(model, &settings.train)?;
        let stages = Stages::new(model, &settings.train)?;
        let trained = stages.trained(model);
        let mut optimizer = AdamW::new(&model.params, settings.train.weight_decay)
            .with_factors(rates::factors(model, &settings.train)?);
        let keep = settings.train.keep_checkpoints;
        let mut checkpoints = Checkpoints::new(folder.checkpoints(), keep, fingerprint, trained.clone());
        let resumed = match folder.resume {
            true => checkpoints.resume(model, &mut optimizer, &mut seen)?,
            false => None,
        };
        let (progress, resumed) = match resumed {
            Some(resumed) => (resumed.progress.clone(), Some(resumed_report(resumed))),
            None => (Progress { losses: vec![(0.0, 0); model.heads().len()], ..Progress::default() }, None),
        };
        let balancer = balancer(model, settings, &progress)?;
        let log = Log::open(&folder.path, progress.metrics_bytes)?;
        let mut log = if settings.train.tensorboard { log.with_events(&folder.path)? } else { log };
        resumed.iter().try_for_each(|resumed| log.event("resume", resumed))?;
        let schedule = LearningRate::new(&settings.train, plan.n_steps(settings.train.epochs));
        let mut run = Self {
            data,
            settings,
            inputs,
            validation_inputs,
            stages,
            trained,
            unchanged: Vec::new(),
            learning_rate: schedule.after_probe(plan.n_steps(settings.train.probe_epochs)),
            plan,
            selection,
            balancer,
            optimizer,
            progress,
            seen,
            checkpoints,
            resumed,
            saved: Instant::now(),
            log,
            n_truncated,
        };
        run.enter_stage(model)?;
        Ok(run)
    }

    /// The steps of this epoch that are left.
    pub(in crate::train) fn steps(&self) -> Vec<Vec<Rows>> {
        self.plan.steps(self.progress.epoch).split_off(self.progress.step_in_epoch)
    }

    /// One step: forward, backward, clip, update; no update if the loss or the gradient is no finite number.
    ///
    /// # Errors
    /// [`Error::Diverged`] if too many steps in a row had no finite loss or gradient.
    pub(in crate::train) fn step(&mut self, model: &mut Model, batches: &[Rows]) -> Result<StepReport> {
        let mut outputs: Vec<(usize, Vec<usize>, Matrix)> = Vec::new();
        let mut keep =
            |task: usize, rows: &[usize], found: &Matrix| outputs.push((task, rows.to_vec(), found.clone()));
        let weighting = self.balancer.weighting.state();
        let found = self.pass(model, batches, &mut keep);
        let grad_norm = found.grads.norm();
        let skipped = guard::problem(&found, grad_norm, self.settings);
        let learning_rate = self.learning_rate.at(self.progress.step);
        self.progress.step += 1;
        self.progress.step_in_epoch += 1;
        match &skipped {
            Some(problem) => self.skip(model, batches, problem, &weighting)?,
            None => {
                let scale = clip_factor(grad_norm, self.settings.train.max_grad_norm);
                self.optimizer.step(&mut model.params, &found.grads, learning_rate, scale);
                self.progress.skipped_in_a_row = 0;
                for (task, rows, outputs) in &outputs {
                    let places = rows.iter().flat_map(|&row| self.data.train.targets(*task).outputs(row));
                    let seen = &mut self.seen[*task];
                    let n_kept = seen.rows(); // Of some tasks, not those of all rows.
                    let kept = places.zip(outputs.iter_rows()).filter(|(place, _)| *place < n_kept);
                    kept.for_each(|(place, outputs)| seen.row_mut(place).copy_from_slice(outputs));
                }
                for (sum, loss) in self.progress.losses.iter_mut().zip(&found.losses) {
                    loss.inspect(|loss| *sum = (sum.0 + loss, sum.1 + 1));
                }
            }
        }
        let (tasks, loss) = report::shares(&self.task_weights(), &found.losses);
        let report = StepReport {
            step: self.progress.step,
            epoch: self.progress.epoch + 1,
            learning_rate,
            loss,
            tasks,
            grad_norm,
            shared: found.shared,
            rows: batches.iter().map(Vec::len).sum(),
            skipped,
        };
        self.log.step(&report)?;
        Ok(report)
    }

    /// The forward and backward passes of the step at hand.
    fn pass(
        &mut self,
        model: &Model,
        batches: &[Rows],
        seen: &mut impl FnMut(usize, &[usize], &Matrix),
    ) -> StepLosses {
        let seed = derive(self.settings.train.seed, self.progress.step as u64);
        let step = Step { model, inputs: &self.inputs, data: &self.data.train, batches, seed };
        passes::run(&step, (self.settings.train.passes, &mut self.balancer), seen)
    }

    /// Counts a step that changed nothing, and ends the run if there were too many in a row.
    fn skip(&mut self, model: &Model, batches: &[Rows], problem: &str, weighting: &Value) -> Result<()> {
        self.balancer.weighting.restore(weighting).map_err(Error::Settings)?;
        self.progress.n_skipped += 1;
        self.progress.skipped_in_a_row += 1;
        let in_a_row = self.progress.skipped_in_a_row;
        if in_a_row < self.settings.train.max_skipped_steps {
            return Ok(());
        }
        self.log.flush()?;
        let rows = self.rows_at_fault(model, &batches.concat());
        Err(guard::error(self.progress.step, in_a_row, problem, &rows, self.data))
    }

    /// Those of the rows that give no finite loss or gradient alone; all of them if none does.
    fn rows_at_fault(&mut self, model: &Model, rows: &[usize]) -> Vec<usize> {
        let mut at_fault = rows.to_vec();
        at_fault.retain(|&row| {
            let found = self.pass(model, &[vec![row]], &mut |_, _, _| {});
            guard::problem(&found, found.grads.norm(), self.settings).is_some()
        });
        if at_fault.is_empty() { rows.to_vec() } else { at_fault }
    }

    /// Looks at the validation rows, keeps the model if it is the best so far, and writes a checkpoint if the last
    /// one is not quite new.
    pub(in crate::train) fn end_epoch(&mut self, model: &mut Model) -> Result<&EpochReport> {
        let unmerged = low_rank::merge(model); // The model that would be saved.
        let validation = scores(
            model,
            &self.validation_inputs.outputs(model, &self.data.validation),
            &self.data.validation,
        );
        low_rank::take_apart(model, unmerged);
        let rows = self.plan.distinct_rows(self.progress.epoch); // With a sampling, not all come in an epoch.
        let train = scores_of_rows(model, &self.seen, &self.data.train, &rows);
        let score = self.selection.score(&validation, &self.settings.tasks);
        let best = self.progress.epochs.iter().all(|earlier| score > earlier.score);
        if best {
            self.checkpoints.save_best(model, self.progress.epoch + 1, self.progress.step)?;
        }
        let means: Vec<Option<f64>> =
            self.progress.losses.iter().map(|&(sum, n)| (n > 0).then(|| sum / n as f64)).collect();
        let (losses, _) = report::shares(&self.task_weights(), &means);
        let (epoch, step) = (self.progress.epoch + 1, self.progress.step);
        let findings = Vec::new();
        let n_skipped = std::mem::take(&mut self.progress.n_skipped);
        let report = EpochReport { epoch, step, losses, train, validation, score, best, n_skipped, findings };
        self.balancer.epochs.push(means);
        self.progress.epochs.push(report);
        let findings = diagnose(&histories(&self.progress.epochs));
        self.progress.epoch = epoch;
        self.progress.step_in_epoch = 0;
        self.progress.losses.fill((0.0, 0));
        let last = self.progress.epochs.last_mut().expect("one was just pushed");
        last.findings = findings;
        self.log.epoch(last)?;
        self.leave_stage(model)?;
        if self.saved.elapsed() >= CHECKPOINT_PAUSE {
            self.save(model)?;
        }
        Ok(self.progress.epochs.last().expect("one was just pushed"))
    }

    pub(in crate::train) fn save(&mut self, model: &Model) -> Result<()> {
        self.progress.metrics_bytes = self.log.flush()?;
        self.progress.weighting = self.balancer.weighting.state();
        self.checkpoints.save(model, &self.optimizer, &self.progress, &self.seen)?;
        self.saved = Instant::now();
        Ok(())
    }

    pub(in crate::train) fn stops_early(&self) -> bool {
        let patience = self.settings.train.early_stopping;
        let best = self.progress.epochs.iter().rposition(|epoch| epoch.best);
        patience > 0 && best.is_some_and(|best| self.progress.epochs.len() - 1 - best >= patience)
    }

    /// Writes a checkpoint, and leaves the model as it is now.
    pub(in crate::train) fn stop(mut self, model: &mut Model) -> Result<Outcome> {
        self.save(model)?;
        low_rank::merge_for_good(model);
        Ok(Outcome::Stopped { step: self.progress.step })
    }

    /// Gives the model the weights of the best epoch.
    pub(in crate::train) fn finish(mut self, model: &mut Model) -> Result<Outcome> {
        self.log.flush()?;
        self.checkpoints.load_best(model, &self.progress)?;
        low_rank::merge_for_good(model);
        let validation_outputs = self.validation_inputs.outputs(model, &self.data.validation);
        Ok(Outcome::Finished { epochs: self.progress.epochs, validation_outputs })
    }

    fn task_weights(&self) -> Vec<(String, f32)> {
        self.settings.tasks.iter().map(|task| (task.name.clone(), task.weight)).collect()
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
