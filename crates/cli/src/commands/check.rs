//! `umbel check`.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use umbel::Error;
use umbel::check::report::{NumberSpread, SplitRows, Spread, TaskLabels, TaskNoise, Together};
use umbel::check::{Finding, Lengths, Report, Severity};
use umbel::folder::write::PendingFile;
use umbel::hub::{HubOptions, MINI, resolve};
use umbel::settings::Settings;
use umbel::train::folds::FoldStep;

use super::train::check_folder;
use crate::output::Output;
use crate::tables::{Align, table};

/// Look for problems in settings and data before training.
///
/// Counts labels, and looks for rows that cannot be read or have no label, rare classes, repeated and contradicting
/// rows, texts that are in two splits, that are empty, that become no tokens or are cut, columns that look like
/// something else, and settings that do not fit. `docs/check.md` explains each finding. Downloads nothing: without the encoder in a folder or in the cache, what depends on it is passed over. Exit code 1 if
/// there is an error.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  umbel check umbel.toml --set model.max_length=64")]
pub struct Args {
    /// The settings file.
    settings: PathBuf,

    /// Change a setting, as `train.epochs=5`.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    overrides: Vec<String>,

    /// Make a text that is in two splits a warning, not an error; as `--set check.allow_leakage=true`.
    #[arg(long)]
    allow_leakage: bool,

    /// Look for training labels that are likely wrong, by training heads on parts of the rows that answer the others;
    /// needs the encoder, and the time to embed all training texts once.
    #[arg(long)]
    noise: bool,

    /// Write all labels that are likely wrong to this file, as JSON lines.
    #[arg(long, value_name = "FILE", requires = "noise")]
    noise_output: Option<PathBuf>,
}

pub(super) fn run(args: Args, output: &Output) -> Result<()> {
    let mut settings = Settings::read(&args.settings, &args.overrides)?;
    settings.check.allow_leakage |= args.allow_leakage;
    if let Some(path) = &args.noise_output {
        check_folder(path)?;
    }
    let mut report = umbel::check::check(&settings, cached(&settings.model.encoder));
    if args.noise {
        noise(&settings, &mut report, output)?;
        args.noise_output.iter().try_for_each(|path| write_noise(&report, path))?;
    }
    if output.json {
        output.line(serde_json::to_string(&report)?)?;
    } else {
        print(&report, output)?;
    }
    match report.count(Severity::Error) {
        0 => Ok(()),
        n => bail!("{}: {} must be corrected", args.settings.display(), counted(n, "error")),
    }
}

/// Looks for labels that are likely wrong, if all rows can be read.
fn noise(settings: &Settings, report: &mut Report, output: &Output) -> Result<()> {
    let is_broken = |finding: &&umbel::check::Finding| {
        finding.severity == Severity::Error && !["same_text", "like_text"].contains(&finding.name)
    };
    if let Some(finding) = report.findings.iter().find(is_broken) {
        output.warn(format!("`--noise` is passed over until this is corrected: {}", finding.message));
        return Ok(());
    }
    let encoder = cached(&settings.model.encoder)?;
    umbel::check::noise(settings, &encoder, report, &mut |step| {
        output.note(match step {
            FoldStep::Embedding(n) => format!("embedding {} once", counted(n, "training text")),
            FoldStep::Fold(fold, n) => format!("training and asking heads: fold {fold} of {n}"),
        });
    })?;
    Ok(())
}

/// Writes all labels that are likely wrong, a task after the other.
fn write_noise(report: &Report, path: &Path) -> Result<()> {
    let mut file = PendingFile::create(path)?;
    for suspect in report.noise.iter().flat_map(|task| &task.suspects) {
        writeln!(file, "{}", serde_json::to_string(suspect)?)?;
    }
    Ok(file.commit()?)
}

/// The folder of an encoder that is there already.
fn cached(encoder: &str) -> umbel::Result<PathBuf> {
    let options = HubOptions { offline: true, ..HubOptions::from_env() };
    let missing = |error: Error| match encoder {
        MINI => error, // It is in no cache yet, but could be.
        _ => Error::Hub(format!("`{encoder}` is neither a folder nor a model in the cache")),
    };
    resolve(encoder, &options).map_err(missing)
}

fn print(report: &Report, output: &Output) -> Result<()> {
    output.line(splits(report))?;
    for task in &report.tasks {
        output.line(format!("task `{}` ({})\n{}", task.task, task.kind, labels(task, report)))?;
    }
    if !report.together.is_empty() {
        output.line(format!("training rows with the labels of two tasks\n{}", together(report)))?;
    }
    if !report.mixture.is_empty() {
        output.line(format!("rows of an epoch\n{}", mixture(report)))?;
    }
    if !report.lengths.is_empty() {
        output.line(format!("tokens of a text\n{}", lengths(report)))?;
    }
    if !report.noise.is_empty() {
        output.line(format!("answers by heads that did not learn from the rows\n{}", doubted(report)))?;
    }
    for finding in &report.findings {
        output.line(told(finding))?;
    }
    let count = |severity, noun| counted(report.count(severity), noun);
    let (errors, warnings) = (count(Severity::Error, "error"), count(Severity::Warning, "warning"));
    output.line(format!("{errors}, {warnings}, {}", count(Severity::Note, "note")))
}

fn counted(n: usize, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}

fn splits(report: &Report) -> String {
    let line = |split: &SplitRows| {
        let files: Vec<String> = split.files.iter().map(|path| path.display().to_string()).collect();
        let held_out = if split.held_out { "held out of " } else { "" };
        let rows = match split.unlabelled {
            0 => counted(split.rows, "row"),
            n => format!("{}, {n} without a label", counted(split.rows, "row")),
        };
        vec![split.split.to_string(), rows, format!("{held_out}{}", files.join(", "))]
    };
    let lines: Vec<_> = report.splits.iter().map(line).collect();
    table(&[Align::Left, Align::Right, Align::Left], &lines)
}

/// A line of a table: a name, and a number for each split.
fn line<T: ToString>(name: impl ToString, values: impl IntoIterator<Item = T>) -> Vec<String> {
    std::iter::once(name.to_string()).chain(values.into_iter().map(|value| value.to_string())).collect()
}

fn numbers(lines: &[Vec<String>]) -> String {
    table(&[Align::Left, Align::Right], lines)
}

fn labels(task: &TaskLabels, report: &Report) -> String {
    let mut lines = vec![line("", report.splits.iter().map(|split| split.split))];
    lines.push(line("rows with a label", &task.labelled));
    lines.extend(classes(task));
    for (i, number) in task.numbers.iter().enumerate() {
        let which = if task.numbers.len() > 1 { format!("number {}: ", i + 1) } else { String::new() };
        lines.extend(spread(&which, number));
    }
    numbers(&lines)
}

/// The classes, the most frequent first, ordered ones in their order; of many, the first and last few.
fn classes(task: &TaskLabels) -> Vec<Vec<String>> {
    const MANY: usize = 15;
    const ENDS: usize = 5;
    let mut classes: Vec<_> = task.classes.iter().collect();
    if task.kind != "ordinal" {
        classes.sort_by_key(|class| std::cmp::Reverse(class.rows[0]));
    }
    let mut lines: Vec<_> = classes.iter().map(|class| line(&class.label, &class.rows)).collect();
    if lines.len() > MANY {
        let more = format!("… {} more classes …", lines.len() - 2 * ENDS);
        lines.splice(ENDS..classes.len() - ENDS, [vec![more]]);
    }
    lines
}

fn spread(which: &str, number: &NumberSpread) -> Vec<Vec<String>> {
    let of = |name: &str, value: fn(&Spread) -> f64| {
        let say =
            |spread: &Option<Spread>| spread.as_ref().map_or("-".into(), |s| format!("{:.4}", value(s)));
        line(format!("{which}{name}"), number.splits.iter().map(say))
    };
    vec![
        of("mean", |spread| spread.mean),
        of("standard deviation", |spread| spread.sd),
        of("smallest", |spread| f64::from(spread.min)),
        of("largest", |spread| f64::from(spread.max)),
    ]
}

/// A line and a column a task: how many training rows carry the labels of both.
fn together(report: &Report) -> String {
    let names: Vec<&String> = report.tasks.iter().map(|task| &task.task).collect();
    let mut lines = vec![line("", &names)];
    for own in &report.tasks {
        let count = |other: &&String| match *other == &own.task {
            true => own.labelled[0],
            false => {
                report.together.iter().find(|pair| is_pair(pair, &own.task, other)).map_or(0, |p| p.rows)
            }
        };
        lines.push(line(&own.task, names.iter().map(count)));
    }
    numbers(&lines)
}

fn mixture(report: &Report) -> String {
    let mut lines = vec![line("", ["there are", "weight", "first epoch", "last epoch"])];
    lines.extend(report.mixture.iter().map(|group| {
        let weight = group.weight.to_string();
        let epochs = [group.first_epoch, group.last_epoch].map(|n| n.to_string());
        line(&group.group, [group.rows.to_string(), weight].into_iter().chain(epochs))
    }));
    numbers(&lines)
}

fn is_pair(pair: &Together, a: &str, b: &str) -> bool {
    pair.tasks == [a, b] || pair.tasks == [b, a]
}

fn lengths(report: &Report) -> String {
    let all = &report.lengths;
    let of = |name: &str, value: fn(&Lengths) -> usize| line(name, all.iter().map(value));
    let limit = all.first().map(|lengths| lengths.limit).unwrap_or_default();
    numbers(&[
        line("", all.iter().map(|lengths| lengths.split)),
        of("half have at most", |lengths| lengths.median),
        of("95 % have at most", |lengths| lengths.p95),
        of("the longest has", |lengths| lengths.max),
        of(&format!("texts over {limit} tokens"), |lengths| lengths.over),
    ])
}

fn doubted(report: &Report) -> String {
    let row = |task: &TaskNoise| {
        let score = format!("{} {:.4}", task.metric, task.score);
        line(&task.task, [counted(task.labelled, "row"), score, format!("{} doubted", task.suspects.len())])
    };
    numbers(&report.noise.iter().map(row).collect::<Vec<_>>())
}

fn told(finding: &Finding) -> String {
    let task = finding.task.as_ref().map(|task| format!("task `{task}`: ")).unwrap_or_default();
    let mut told = format!("{}: {task}{}\n", finding.severity, finding.message);
    for example in &finding.examples {
        let places: Vec<String> = example.places.iter().map(ToString::to_string).collect();
        told += &format!("    {}  {}\n", places.join(" and "), example.what);
    }
    if !finding.advice.is_empty() {
        told += &format!("  → {}\n", finding.advice);
    }
    told
}
