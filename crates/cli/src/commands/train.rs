//! `umbel train`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Result, bail};
use serde_json::json;
use umbel::evaluate::TaskScores;
use umbel::nn::Matrix;
use umbel::predictions::{self, Part};
use umbel::settings::Settings;
use umbel::task::Calibrated;
use umbel::train::audit::{self, Audit};
use umbel::train::data::RunData;
use umbel::train::run::{self, Tested, Trained};
use umbel::train::{EpochReport, Observer, Outcome, RunReport};
use umbel::{Model, model::Head};

use crate::calibration::table_of;
use crate::numbers::{count, counted};
use crate::output::Output;
use crate::progress::Watch;
use crate::{report, stop};

/// Train a model: task heads on a shared encoder, as a settings file says.
///
/// After each epoch the model is validated; the best epoch is written. Ctrl-C or SIGTERM stops after the step at
/// hand and writes a checkpoint; a second one ends at once. `--resume` goes on from the newest checkpoint that is
/// whole: the model is then the same, bit for bit, as without the stop.
#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  umbel train umbel.toml -o model --set train.epochs=5 --predictions predictions.csv"
)]
pub(crate) struct Args {
    /// The settings file.
    #[arg(value_name = "SETTINGS.toml")]
    settings: PathBuf,

    /// The folder to write the model to.
    #[arg(short, long, value_name = "MODEL")]
    output: PathBuf,

    /// Go on with the run that was stopped in that folder, or begin if there is none.
    #[arg(long)]
    resume: bool,

    /// Change a setting, as `train.epochs=5` or `task.topic.weight=2`; may be given more than once.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,

    /// Also write the numbers of each step and epoch for TensorBoard, to MODEL/training/tensorboard; as
    /// `--set train.tensorboard=true`.
    #[arg(long)]
    tensorboard: bool,

    /// Write every validation and test row with its labels and predictions: CSV if the name ends in .csv, else
    /// JSON lines.
    #[arg(long, value_name = "FILE")]
    predictions: Option<PathBuf>,

    /// Then train each task alone, with all else the same, and tell which tasks sharing helps; with `pairs` also each
    /// pair of tasks.
    #[arg(long, value_name = "WHAT", num_args = 0..=1, default_missing_value = "alone")]
    audit: Option<AuditOf>,
}

/// What an audit trains beside the joint model.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum AuditOf {
    /// Each task.
    Alone,
    /// Each task, and each pair of tasks.
    Pairs,
}

pub(super) fn run(args: Args, output: &Output) -> Result<()> {
    let mut settings = Settings::read(&args.settings, &args.set)?;
    settings.train.tensorboard |= args.tensorboard;
    if let Some(path) = &args.predictions {
        check_folder(path)?;
    }
    let target = &args.output;
    match train(&settings, target, args.resume, output)? {
        Ended::Stopped { step, run } => stopped(&args, step, &run, output),
        Ended::Finished(finished) => {
            if let Some(path) = &args.predictions {
                finished.write_predictions(path)?;
            }
            let audit = match args.audit {
                Some(of) => audit(&settings, target, &finished.model, of, output)?,
                None => None,
            };
            if audit.is_some() {
                finished.write_report(&settings, target)?;
            }
            if output.json {
                let mut json = finished.json(target);
                if let Some(audit) = &audit {
                    json["audit"] = serde_json::to_value(audit)?;
                }
                return output.line(json);
            }
            finished.show(output)?;
            audit.as_ref().map_or(Ok(()), |audit| output.line(crate::audit::table_of(audit)))?;
            output.line(format!("model written to {}", target.display()))?;
            output.line(format!("report written to {}", target.join("training/report.html").display()))?;
            output.line(format!("\nnext:\n  {}", finished.example(target)))
        }
    }
}

/// How training ended.
pub(super) enum Ended {
    /// A signal stopped it.
    Stopped {
        /// Steps that were taken.
        step: usize,
        /// What was trained.
        run: Box<RunReport>,
    },
    /// The model is written.
    Finished(Box<Finished>),
}

/// A run with all that it found.
pub(super) struct Finished {
    /// The model of the best epoch.
    pub(super) model: Model,
    /// What is known of the test rows, if the settings name some.
    pub(super) tested: Option<Tested>,
    run: RunReport,
    epochs: Vec<EpochReport>,
    data: RunData,
    validation_outputs: Vec<Matrix>,
    calibrated: Vec<Calibrated>,
}

/// Trains what the settings say, showing how it goes.
pub(super) fn train(settings: &Settings, target: &Path, resume: bool, output: &Output) -> Result<Ended> {
    let encoder = crate::model::folder(&settings.model.encoder)?;
    let mut watch = Watch::new(output, settings, stop::on_signal()?);
    let Trained { model, data, outcome, calibrated } =
        run::run_and_keep(settings, &encoder, target, resume, &mut watch)?;
    let run = watch.run.take().expect("a run that ended had begun");
    drop(watch);
    match outcome {
        Outcome::Stopped { step } => Ok(Ended::Stopped { step, run: Box::new(run) }),
        Outcome::Finished { epochs, validation_outputs } => {
            let tested = run::test(&model, settings, target)?;
            let finished = Finished { model, tested, run, epochs, data, validation_outputs, calibrated };
            finished.write_report(settings, target)?;
            umbel::train::clean_up_model(target)?;
            Ok(Ended::Finished(Box::new(finished)))
        }
    }
}

/// Trains the tasks alone and says what sharing does; writes it to `training/audit.json`.
fn audit(
    settings: &Settings,
    target: &Path,
    joint: &Model,
    of: AuditOf,
    output: &Output,
) -> Result<Option<Audit>> {
    let encoder = crate::model::folder(&settings.model.encoder)?;
    let stop = stop::on_signal()?;
    let mut watch = |own: &Settings| -> Box<dyn Observer> {
        let names: Vec<&str> = own.tasks.iter().map(|task| &task.name[..]).collect();
        output.note(format!("audit: training {}", names.join(" and ")));
        Box::new(UntilStopped(stop.clone()))
    };
    let found = audit::audit(settings, (&encoder, target), joint, of == AuditOf::Pairs, &mut watch)?;
    match &found {
        Some(found) => found.write(&target.join("training"))?,
        None => output.warn("the audit was stopped; the joint model is written"),
    }
    Ok(found)
}

/// Ends a run when a signal has come.
struct UntilStopped(Arc<AtomicBool>);

impl Observer for UntilStopped {
    fn should_stop(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Finished {
    fn best(&self) -> Option<&EpochReport> {
        self.epochs.iter().rfind(|epoch| epoch.best)
    }

    /// Writes the page and the model card.
    fn write_report(&self, settings: &Settings, target: &Path) -> Result<()> {
        let run = umbel::report::Run {
            model: &self.model,
            settings,
            report: &self.run,
            data: &self.data,
            epochs: &self.epochs,
            validation_outputs: &self.validation_outputs,
            tested: self.tested.as_ref(),
        };
        Ok(umbel::report::write(target, &run)?)
    }

    /// Prints all metrics of the best epoch, and those of the test rows.
    fn show(&self, output: &Output) -> Result<()> {
        let Some(best) = self.best() else { return Ok(()) };
        let (epoch, n) = (best.epoch, count(self.run.n_validation));
        output.line(format!("validation: {n} rows, epoch {epoch} of {}\n", self.epochs.len()))?;
        show_scores(&best.validation, &self.model, output)?;
        if !self.calibrated.is_empty() {
            output.line(format!("calibrated on the validation rows:\n\n{}", table_of(&self.calibrated)))?;
        }
        let n_skipped: usize = self.epochs.iter().map(|epoch| epoch.n_skipped).sum();
        if n_skipped > 0 {
            let (steps, were) =
                (counted(n_skipped, "step", "steps"), if n_skipped == 1 { "was" } else { "were" });
            let all = count(self.run.n_steps);
            output.line(format!(
                "{steps} of {all} {were} skipped: their loss or gradient was no finite number (`skipped` in \
                 training/metrics.jsonl)\n"
            ))?;
        }
        if let Some(tested) = &self.tested {
            output.line(format!("test: {}\n", counted(tested.data.len(), "row", "rows")))?;
            show_scores(&tested.evaluated.tasks, &self.model, output)?;
        }
        Ok(())
    }

    /// All that is known, for machines.
    pub(super) fn json(&self, target: &Path) -> serde_json::Value {
        let best = self.best().map(|best| best.epoch);
        let test = self.tested.as_ref().map(|tested| &tested.evaluated.tasks);
        json!({"model": target, "run": self.run, "epochs": self.epochs, "best_epoch": best,
            "calibrated": self.calibrated, "test": test})
    }

    fn write_predictions(&self, path: &Path) -> Result<()> {
        let split = self.tested.as_ref().map(|_| "validation");
        let mut parts = vec![Part { split, data: &self.data.validation, outputs: &self.validation_outputs }];
        parts.extend(self.tested.as_ref().map(|tested| Part {
            split: Some("test"),
            data: &tested.data,
            outputs: &tested.evaluated.outputs,
        }));
        Ok(predictions::write(path, &self.model, &parts)?)
    }

    /// A command that asks the model about a text of the data.
    fn example(&self, target: &Path) -> String {
        let fits = |text: &&str| text.len() < 70 && !text.contains(['\'', '\n']) && !text.is_empty();
        let text = self.data.validation.texts().iter().find(fits).unwrap_or("Some text.");
        format!("echo '{text}' | umbel predict {}", target.display())
    }
}

/// Prints all metrics of each task.
pub(super) fn show_scores(tasks: &[TaskScores], model: &Model, output: &Output) -> Result<()> {
    let heads = model.heads().iter().map(|head: &Head| head.task.labels());
    tasks.iter().zip(heads).try_for_each(|(scores, labels)| output.line(report::full(scores, labels)))
}

/// Refuses a file whose folder is not there, before hours of work and not after them.
pub(super) fn check_folder(path: &Path) -> Result<()> {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() && !folder.is_dir() => {
            bail!("{}: there is no folder {}", path.display(), folder.display())
        }
        _ => Ok(()),
    }
}

fn stopped(args: &Args, step: usize, run: &RunReport, output: &Output) -> Result<()> {
    let sets: String = args.set.iter().map(|set| format!(" --set '{set}'")).collect();
    let (settings, target) = (args.settings.display(), args.output.display());
    let events = if args.tensorboard { " --tensorboard" } else { "" };
    let resume = format!("umbel train {settings} -o {target}{sets}{events} --resume");
    if output.json {
        return output.line(json!({"model": args.output, "stopped_after_step": step, "resume": resume}));
    }
    output.line(format!(
        "stopped after step {} of {}; go on with\n  {resume}",
        count(step),
        count(run.n_steps)
    ))
}
