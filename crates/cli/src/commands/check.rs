//! `umbel check`.

use std::path::PathBuf;

use anyhow::{Result, bail};
use umbel::check::report::{NumberSpread, Spread, TaskLabels};
use umbel::check::{Finding, Report, Severity};
use umbel::hub::{HubOptions, resolve};
use umbel::settings::Settings;

use crate::output::Output;

/// Look for problems in settings and data before training.
///
/// Counts labels, and looks for rows that cannot be read, rare classes, repeated and contradicting rows, texts
/// of validation or test that are in training too, texts that are cut, and settings that do not fit. Downloads
/// nothing: without the encoder in a folder or in the cache, what depends on it is passed over. Exit code 1 if
/// there is an error.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  umbel check umbel.toml --set model.max_length=64")]
pub struct Args {
    /// The settings file.
    settings: PathBuf,

    /// Change a setting, as `train.epochs=5`.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    overrides: Vec<String>,
}

pub(super) fn run(args: Args, output: &Output) -> Result<()> {
    let settings = Settings::read(&args.settings, &args.overrides)?;
    let cached = HubOptions { offline: true, ..HubOptions::from_env() };
    let report = umbel::check::check(&settings, resolve(&settings.model.encoder, &cached));
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

fn print(report: &Report, output: &Output) -> Result<()> {
    for split in &report.splits {
        let files: Vec<String> = split.files.iter().map(|path| path.display().to_string()).collect();
        let held_out = if split.held_out { "held out of " } else { "" };
        output.line(format!("{:<10} {:>8} rows  {held_out}{}", split.split, split.rows, files.join(", ")))?;
    }
    for task in &report.tasks {
        output.line("")?;
        print_task(task, report, output)?;
    }
    print_together(report, output)?;
    print_lengths(report, output)?;
    for finding in &report.findings {
        output.line("")?;
        print_finding(finding, output)?;
    }
    let count = |severity, noun| counted(report.count(severity), noun);
    let (errors, warnings) = (count(Severity::Error, "error"), count(Severity::Warning, "warning"));
    output.line(format!("\n{errors}, {warnings}, {}", count(Severity::Note, "note")))
}

fn counted(n: usize, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}

/// A name, cut or filled to one width, and a value for each split.
fn table_line(name: &str, values: &[String]) -> String {
    const WIDTH: usize = 24;
    let name = match name.char_indices().nth(WIDTH) {
        None => name.to_string(),
        Some(_) => name.chars().take(WIDTH - 1).chain(['…']).collect(),
    };
    let values: String = values.iter().map(|value| format!(" {value:>10}")).collect();
    format!("  {name:<WIDTH$}{values}")
}

fn counts_line(name: &str, counts: &[usize]) -> String {
    table_line(name, &counts.iter().map(usize::to_string).collect::<Vec<_>>())
}

fn header(report: &Report) -> String {
    table_line("", &report.splits.iter().map(|split| split.split.to_string()).collect::<Vec<_>>())
}

fn print_task(task: &TaskLabels, report: &Report, output: &Output) -> Result<()> {
    output.line(format!("task `{}` ({})", task.task, task.kind))?;
    output.line(header(report))?;
    output.line(counts_line("rows with a label", &task.labelled))?;
    print_classes(task, output)?;
    for (i, number) in task.numbers.iter().enumerate() {
        if task.numbers.len() > 1 {
            output.line(format!("  number {}", i + 1))?;
        }
        print_number(number, output)?;
    }
    Ok(())
}

/// The classes, the most frequent first; of many, the first and last few.
fn print_classes(task: &TaskLabels, output: &Output) -> Result<()> {
    const MANY: usize = 15;
    const ENDS: usize = 5;
    let mut classes: Vec<_> = task.classes.iter().collect();
    classes.sort_by_key(|class| std::cmp::Reverse(class.rows[0]));
    for (i, class) in classes.iter().enumerate() {
        let left_out = classes.len() > MANY && (ENDS..classes.len() - ENDS).contains(&i);
        if !left_out {
            output.line(counts_line(&class.label, &class.rows))?;
        } else if i == ENDS {
            output.line(format!("  … {} more classes …", classes.len() - 2 * ENDS))?;
        }
    }
    Ok(())
}

fn print_number(number: &NumberSpread, output: &Output) -> Result<()> {
    let line = |name: &str, value: fn(&Spread) -> f64| {
        let say =
            |spread: &Option<Spread>| spread.as_ref().map_or("-".into(), |s| format!("{:.4}", value(s)));
        output.line(table_line(name, &number.splits.iter().map(say).collect::<Vec<_>>()))
    };
    line("mean", |spread| spread.mean)?;
    line("standard deviation", |spread| spread.sd)?;
    line("smallest", |spread| f64::from(spread.min))?;
    line("largest", |spread| f64::from(spread.max))
}

fn print_together(report: &Report, output: &Output) -> Result<()> {
    if !report.together.is_empty() {
        output.line("\ntraining rows with labels of two tasks")?;
    }
    for together in &report.together {
        let [first, second] = &together.tasks;
        output.line(counts_line(&format!("{first} + {second}"), &[together.rows]))?;
    }
    Ok(())
}

fn print_lengths(report: &Report, output: &Output) -> Result<()> {
    let Some(first) = report.lengths.first() else { return Ok(()) };
    output.line("\ntokens of a text")?;
    let splits: Vec<String> = report.lengths.iter().map(|lengths| lengths.split.to_string()).collect();
    output.line(table_line("", &splits))?;
    let line = |name: &str, value: fn(&umbel::check::Lengths) -> usize| {
        output.line(counts_line(name, &report.lengths.iter().map(value).collect::<Vec<_>>()))
    };
    line("half have at most", |lengths| lengths.median)?;
    line("95 % have at most", |lengths| lengths.p95)?;
    line("the longest has", |lengths| lengths.max)?;
    line(&format!("texts over {} tokens", first.limit), |lengths| lengths.over)
}

fn print_finding(finding: &Finding, output: &Output) -> Result<()> {
    let task = finding.task.as_ref().map(|task| format!("task `{task}`: ")).unwrap_or_default();
    output.line(format!("{}: {task}{}", finding.severity, finding.message))?;
    for example in &finding.examples {
        let places: Vec<String> = example.places.iter().map(ToString::to_string).collect();
        output.line(format!("    {}  {}", places.join(" and "), example.what))?;
    }
    if !finding.advice.is_empty() {
        output.line(format!("  → {}", finding.advice))?;
    }
    Ok(())
}
