//! `umbel head`.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Result, bail};
use umbel::settings::Settings;
use umbel::train::rejoin::train_jointly;
use umbel::train::surgery::{Surgery, remove_heads, train_heads};

use crate::numbers::counted;
use crate::output::Output;
use crate::progress::Watch;
use crate::report::metric_name;
use crate::{report, stop};

/// Add tasks to a trained model, take some away, or train some anew; all other answers keep their bits.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  umbel head add model urgency.toml\n  umbel head remove model urgency")]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand)]
enum Action {
    /// Train heads for new tasks on the frozen encoder, or together with it.
    ///
    /// The settings' `[[task]]`, `[data]` and `[train]` say what to train; `[model]` may be missing. The encoder reads
    /// each text once. That no other file and no other task's answers changed is checked before this ends.
    #[command(after_help = "Example:\n  umbel head add model urgency.toml --set train.epochs=20")]
    Add(Add),
    /// Train heads anew that the model has, on the frozen encoder.
    #[command(after_help = "Example:\n  umbel head replace model urgency.toml")]
    Replace(Train),
    /// Take tasks away.
    #[command(after_help = "Example:\n  umbel head remove model urgency")]
    Remove {
        /// The model's folder.
        model: PathBuf,
        /// The tasks.
        #[arg(required = true, value_name = "TASK")]
        tasks: Vec<String>,
    },
}

#[derive(clap::Args)]
struct Add {
    #[command(flatten)]
    train: Train,

    /// Train the encoder too, hold the old tasks to their old answers, and write the whole model to this folder.
    #[arg(long, value_name = "FOLDER")]
    joint: Option<PathBuf>,

    /// How much the old answers count in joint training.
    #[arg(long, value_name = "WEIGHT", default_value_t = 1.0, requires = "joint")]
    keep: f32,

    /// Files with labels of the old tasks, to tell what joint training has made them forget.
    #[arg(long, value_name = "DATA", requires = "joint")]
    forgetting: Vec<PathBuf>,
}

#[derive(clap::Args)]
struct Train {
    /// The model's folder.
    model: PathBuf,

    /// A settings file with the tasks and their data.
    #[arg(value_name = "SETTINGS.toml")]
    settings: PathBuf,

    /// Change a setting, as `train.epochs=5`; may be given more than once.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

pub(super) fn run(args: Args, output: &Output) -> Result<()> {
    match args.action {
        Action::Add(Add { train: args, joint: Some(target), keep, forgetting }) => {
            train_all(&args, &target, (keep, &forgetting), output)
        }
        Action::Add(args) => train(&args.train, false, output),
        Action::Replace(args) => train(&args, true, output),
        Action::Remove { model, tasks } => show(&remove_heads(&model, &tasks)?, output),
    }
}

/// The settings, whose encoder is the model.
fn settings(args: &Train) -> Result<Settings> {
    let encoder = args.model.to_string_lossy().replace('\\', "/");
    let overrides: Vec<String> =
        std::iter::once(format!("model.encoder={encoder}")).chain(args.set.iter().cloned()).collect();
    Ok(Settings::read(&args.settings, &overrides)?)
}

fn train_all(
    args: &Train,
    target: &Path,
    (keep, forgetting): (f32, &[PathBuf]),
    output: &Output,
) -> Result<()> {
    let settings = settings(args)?;
    let mut watch = Watch::new(output, &settings, stop::on_signal()?);
    let done = train_jointly((&args.model, target), &settings, keep, forgetting, &mut watch)?;
    drop(watch);
    let Some(done) = done else { bail!("stopped; nothing is written") };
    if output.json {
        return output.line(serde_json::to_value(&done)?);
    }
    if let Some(best) = done.epochs.iter().rfind(|epoch| epoch.best) {
        output.line(format!(
            "validation, epoch {} of {}:\n\n{}",
            best.epoch,
            done.epochs.len(),
            report::epoch(best)
        ))?;
    }
    for (task, agreement) in &done.kept {
        output.line(format!(
            "{task}: answers the validation rows as before with an agreement of {agreement:.4}"
        ))?;
    }
    for task in &done.not_kept {
        output.warn(format!("{task} compares texts; nothing held it to its old answers"));
    }
    for found in &done.forgetting {
        let rows = counted(found.n, "labelled row", "labelled rows");
        output.line(format!(
            "{}: {} was {:.4} and is {:.4} ({rows})",
            found.task,
            metric_name(&found.metric),
            found.before,
            found.after
        ))?;
    }
    output.line(format!("model written to {}", target.display()))
}

fn train(args: &Train, replace: bool, output: &Output) -> Result<()> {
    let settings = settings(args)?;
    let started = Instant::now();
    let mut watch = Watch::new(output, &settings, stop::on_signal()?);
    let surgery = train_heads(&args.model, &settings, replace, &mut watch)?;
    drop(watch);
    let Some(surgery) = surgery else {
        bail!("stopped; {} is as it was", args.model.display());
    };
    if output.json {
        return output.line(serde_json::to_value(&surgery)?);
    }
    if let Some(best) = surgery.epochs.iter().rfind(|epoch| epoch.best) {
        output.line(format!(
            "validation, epoch {} of {}:\n\n{}",
            best.epoch,
            surgery.epochs.len(),
            report::epoch(best)
        ))?;
    }
    show(&surgery, output)?;
    output.line(format!("took {:.1} s", started.elapsed().as_secs_f64()))
}

fn show(surgery: &Surgery, output: &Output) -> Result<()> {
    if output.json {
        return output.line(serde_json::to_value(surgery)?);
    }
    for (tasks, done) in [(&surgery.trained, "trained"), (&surgery.removed, "removed")] {
        if !tasks.is_empty() {
            output.line(format!("{done}: {}", tasks.join(", ")))?;
        }
    }
    let files = counted(surgery.n_files_unchanged, "file", "files");
    output.line(format!("unchanged: {files} (SHA-256)"))?;
    if surgery.n_texts_compared > 0 {
        let (tasks, texts) =
            (surgery.tasks_unchanged.join(", "), counted(surgery.n_texts_compared, "text", "texts"));
        output.line(format!("unchanged: the answers of {tasks} for {texts}, bit for bit"))?;
    }
    Ok(())
}
