//! `umbel eval`.

use std::path::PathBuf;

use anyhow::{Result, bail};
use serde_json::json;
use umbel::evaluate::evaluate;
use umbel::predictions::{self, Part};
use umbel::report::Evaluation;
use umbel::settings::files::expand;
use umbel::train::data::read_labelled;

use super::train::{check_folder, show_scores};
use crate::numbers::{count, counted};
use crate::output::Output;
use crate::precision::PrecisionArgs;
use crate::prompt::PromptArgs;

/// Hold a model's answers against the labels of rows.
///
/// A row without a label for a task is left out of that task's metrics.
#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  umbel eval model test.jsonl --predictions predictions.csv --report report.html"
)]
pub(crate) struct Args {
    /// The model: a folder or a hub id.
    model: String,

    /// Files with rows, or patterns as `'data/*.jsonl'`: .jsonl, .csv, .tsv (also .gz or .zst) or .parquet.
    #[arg(required = true, value_name = "DATA")]
    data: Vec<PathBuf>,

    /// The column of the texts.
    #[arg(long, value_name = "NAME", default_value = "text")]
    text_column: String,

    /// Write every row with its labels and predictions: CSV if the name ends in .csv, else JSON lines.
    #[arg(long, value_name = "FILE")]
    predictions: Option<PathBuf>,

    /// Write a page with metrics, charts and the worst errors.
    #[arg(long, value_name = "FILE.html")]
    report: Option<PathBuf>,

    #[command(flatten)]
    prompt: PromptArgs,

    #[command(flatten)]
    precision: PrecisionArgs,
}

pub(super) fn run(args: Args, output: &Output) -> Result<()> {
    [&args.predictions, &args.report].into_iter().flatten().try_for_each(|path| check_folder(path))?;
    let files = expand(&args.data)?;
    let mut model = crate::model::open(&args.model)?;
    model.set_precision(args.precision.precision);
    args.prompt.apply(&mut model)?;
    if model.heads().is_empty() {
        bail!("{} has no task heads; train some with `umbel train`", args.model);
    }
    let tasks: Vec<_> = model.heads().iter().map(|head| (&head.settings, head.task.as_ref())).collect();
    let (table, data) = read_labelled(&files, &args.text_column, &tasks)?;
    for missing in table.missing_columns() {
        output.warn(format!(
            "{}: no column `{}`; its rows have no such label",
            missing.path.display(),
            missing.column
        ));
    }
    let found = evaluate(&model, &data)?;
    if found.n_truncated > 0 {
        let n = counted(found.n_truncated, "text was", "texts were");
        output.warn(format!("{n} cut at the model's maximum length, of {}", count(data.len())));
    }
    if let Some(path) = &args.predictions {
        predictions::write(path, &model, &[Part { split: None, data: &data, outputs: &found.outputs }])?;
    }
    if let Some(path) = &args.report {
        let names = files.iter().map(|path| path.file_name().unwrap_or(path.as_os_str()));
        let names: Vec<String> = names.map(|name| name.to_string_lossy().into_owned()).collect();
        let evaluation =
            Evaluation { model: &model, name: &args.model, files: &names, data: &data, evaluated: &found };
        umbel::report::write_evaluation(path, &evaluation)?;
        output.note(format!("report written to {}", path.display()));
    }
    if output.json {
        return output
            .line(json!({"rows": data.len(), "truncated": found.n_truncated, "tasks": found.tasks}));
    }
    show_scores(&found.tasks, &model, output)
}
