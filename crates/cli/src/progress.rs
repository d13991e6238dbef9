//! A training run as it goes: a bar on a terminal, now and then a line elsewhere, a table each epoch.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use umbel::settings::{Settings, TopDown, TrainSettings, Unfreeze};
use umbel::train::{EpochReport, FrozenWeights, Observer, RunReport, StepReport};

use crate::numbers::{count, counted, seconds};
use crate::output::Output;
use crate::report;
use crate::tables::Align::Left;
use crate::tables::table;

/// How long nothing is said where there is no bar.
const SILENCE: Duration = Duration::from_secs(5);

/// Shows a training run and stops it when asked.
pub(crate) struct Watch<'a> {
    /// What was known at the beginning.
    pub(crate) run: Option<RunReport>,
    output: &'a Output,
    settings: &'a Settings,
    stop: Arc<AtomicBool>,
    bar: ProgressBar,
    // When this process took its first step, and the steps before it.
    began: (Instant, usize),
    // When this epoch began, and its rows so far.
    epoch: (Instant, usize),
    said: Instant,
}

impl<'a> Watch<'a> {
    /// Shows a run of these settings; it ends after a step when `stop` is true.
    pub(crate) fn new(output: &'a Output, settings: &'a Settings, stop: Arc<AtomicBool>) -> Self {
        let now = Instant::now();
        let (began, epoch) = ((now, 0), (now, 0));
        let bar = ProgressBar::hidden();
        Self { run: None, output, settings, stop, bar, began, epoch, said: now }
    }

    fn n_steps(&self) -> usize {
        self.run.as_ref().map_or(0, |run| run.n_steps)
    }

    /// Losses, learning rate and speed.
    fn state(&self, step: &StepReport) -> String {
        let short = |loss: Option<f64>| loss.map_or_else(|| "–".to_string(), |loss| format!("{loss:.3}"));
        let losses = step.tasks.iter().map(|task| format!("{} {}", task.task, short(task.loss)));
        let losses = losses.collect::<Vec<_>>().join("  ");
        let (since, rows) = self.epoch;
        let speed = rows as f64 / since.elapsed().as_secs_f64().max(1e-3);
        format!("loss: {losses}  lr {:.1e}  {} rows/s", step.learning_rate, count(speed as usize))
    }

    fn line(&mut self, step: &StepReport) {
        if !self.bar.is_hidden() || self.said.elapsed() < SILENCE {
            return;
        }
        self.said = Instant::now();
        let (began, before) = self.began;
        let left = self.n_steps().saturating_sub(step.step) as f64 / (step.step - before) as f64;
        let left = seconds(began.elapsed().mul_f64(left));
        let (at, of) = (count(step.step), count(self.n_steps()));
        self.output.note(format!("step {at} of {of}  {}  {left} left", self.state(step)));
    }

    fn resumed(&self, run: &RunReport) {
        let Some(resumed) = &run.resumed else { return };
        for damaged in &resumed.damaged {
            self.output.warn(format!("{} is damaged: {}", damaged.checkpoint.display(), damaged.problem));
        }
        let (checkpoint, step) = (resumed.checkpoint.display(), count(resumed.step));
        self.output.note(format!("going on from {checkpoint}, after step {step}"));
    }

    fn truncation(&self, run: &RunReport) {
        let (1.., Some(max_length)) = (run.n_truncated, run.max_length) else { return };
        let n = counted(run.n_truncated, "text is", "texts are");
        let of = count(run.n_train + run.n_validation);
        let advice = match run.max_positions {
            None => "raise `model.max_length`".to_string(),
            Some(n) if n > max_length => format!("raise `model.max_length` (the encoder reads {n} tokens)"),
            Some(_) => "split them, or take an encoder that reads more".to_string(),
        };
        self.output
            .warn(format!("{n} longer than {max_length} tokens, of {of}; the rest is not read: {advice}"));
    }
}

impl Observer for Watch<'_> {
    fn begin(&mut self, run: &RunReport) {
        self.output.note(beginning(run, self.settings));
        self.resumed(run);
        self.truncation(run);
        let now = Instant::now();
        (self.began, self.epoch, self.said) = ((now, run.step), (now, 0), now);
        let style = "  {bar:16} {human_pos}/{human_len}  {eta} left  {wide_msg}";
        let style = ProgressStyle::with_template(style).expect("the template is well-formed");
        self.bar = self.output.bar(run.n_steps as u64, "steps").with_style(style);
        self.bar.set_position(run.step as u64);
        self.bar.reset_eta();
        self.run = Some(run.clone());
    }

    fn step(&mut self, step: &StepReport) {
        self.epoch.1 += step.rows;
        self.bar.set_position(step.step as u64);
        if let Some(problem) = &step.skipped {
            self.bar.suspend(|| self.output.warn(format!("step {} is skipped: {problem}", count(step.step))));
        }
        if !self.bar.is_hidden() {
            self.bar.set_message(self.state(step));
        }
        self.line(step);
    }

    fn epoch(&mut self, epoch: &EpochReport) {
        let time = seconds(self.epoch.0.elapsed());
        let best = if epoch.best { ", the best so far" } else { "" };
        let title = format!("epoch {} of {}, {time}{best}", epoch.epoch, self.settings.train.epochs);
        self.bar.suspend(|| self.output.note(format!("{title}\n{}", report::epoch(epoch))));
        let now = Instant::now();
        (self.epoch, self.said) = ((now, 0), now);
        if epoch.step == self.n_steps() {
            self.bar.finish_and_clear();
        }
    }

    fn contrast(&mut self, step: usize, n_steps: usize, loss: f64) {
        if step == n_steps || self.said.elapsed() >= SILENCE {
            self.said = Instant::now();
            self.output.note(format!("contrast: step {} of {}  loss {loss:.4}", count(step), count(n_steps)));
        }
    }

    fn frozen(&mut self, frozen: &FrozenWeights) {
        let (tensors, numbers) = (counted(frozen.n_tensors, "tensor", "tensors"), count(frozen.n_values));
        let sha256 = &frozen.sha256;
        self.bar.suspend(|| {
            self.output.note(format!("frozen: {tensors}, {numbers} numbers, SHA-256 {sha256}, unchanged\n"));
        });
    }

    fn should_stop(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        self.bar.finish_and_clear(); // Early stopping, an error: no half bar stays.
    }
}

/// What is trained, a line each.
fn beginning(run: &RunReport, settings: &Settings) -> String {
    let mut lines: Vec<Vec<String>> = Vec::new();
    let mut line = |name: &str, value: String| lines.push(vec![name.to_string(), value]);
    let RunReport { model_type, n_layers, hidden_size, .. } = run;
    let layers = counted(*n_layers, "layer", "layers");
    line("encoder", format!("{} ({model_type}, {layers} of {hidden_size})", settings.model.encoder));
    line("parameters", parameters(run, &settings.train));
    transfer(&settings.train).into_iter().for_each(|sentence| line("", sentence));
    if run.cached {
        line("", "the encoder stays as it is: each text has gone through it once, before training".into());
    }
    let (train, validation) = (counted(run.n_train, "row", "rows"), count(run.n_validation));
    line("data", format!("{train} to train on, {validation} to validate with"));
    for task in &run.tasks {
        let labels = (!task.labels.is_empty()).then(|| format!(" of {} labels", task.labels.len()));
        let weight = (task.weight != 1.0).then(|| format!(", weight {}", task.weight));
        let all = task.n_train == run.n_train && task.n_validation == run.n_validation;
        let labelled = (!all)
            .then(|| format!(", labels for {} + {} rows", count(task.n_train), count(task.n_validation)));
        let rest: String = [labels, weight, labelled].into_iter().flatten().collect();
        line("task", format!("{}: {}{rest}", task.task, task.kind));
    }
    let epochs = counted(settings.train.epochs, "epoch", "epochs");
    let resumed = (run.step > 0).then(|| format!(", going on after step {}", count(run.step)));
    line("steps", format!("{} in {epochs}{}", count(run.n_steps), resumed.unwrap_or_default()));
    table(&[Left], &lines)
}

fn parameters(run: &RunReport, train: &TrainSettings) -> String {
    let (trained, all) = (count(run.n_trainable), count(run.n_values));
    match (run.n_trainable == run.n_values, &train.freeze[..]) {
        (true, _) => format!("{all}, all of them trained"),
        (false, []) => format!("{all}, of which {trained} are trained"),
        (false, names) => format!("{trained} of {all} trained; frozen: {}", names.join(", ")),
    }
}

/// What is special about how the encoder is trained.
fn transfer(train: &TrainSettings) -> Vec<String> {
    let mut said = Vec::new();
    if let Some(lora) = &train.lora {
        let (rank, targets) = (lora.rank, lora.targets.join(", "));
        said.push(format!(
            "low-rank additions of rank {rank} to {targets}; the encoder itself stays as it is"
        ));
    }
    if train.probe_epochs > 0 {
        said.push(match train.probe_epochs {
            1 => "the first epoch trains the heads alone".to_string(),
            n => format!("the first {n} epochs train the heads alone"),
        });
    }
    match &train.unfreeze {
        Some(Unfreeze::TopDown(TopDown { every, layers })) => said.push(format!(
            "the heads alone at first; every {} {} more, from the top down",
            counted(*every, "epoch", "epochs"),
            counted(*layers, "layer", "layers"),
        )),
        Some(Unfreeze::Stages(stages)) => said.extend(
            stages.iter().map(|stage| format!("from epoch {} on: {}", stage.epoch, stage.parts.join(", "))),
        ),
        None => {}
    }
    if train.reinit_layers > 0 {
        said.push(match train.reinit_layers {
            1 => "the top layer begins with random weights".to_string(),
            n => format!("the top {n} layers begin with random weights"),
        });
    }
    if train.layer_decay != 1.0 {
        said.push(format!("each layer learns at {} times the rate of the one above", train.layer_decay));
    }
    said
}
