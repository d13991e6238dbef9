//! `umbel calibrate`.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use umbel::evaluate::evaluate;
use umbel::settings::{Calibrate, Threshold};
use umbel::train::calibrate::calibrate;
use umbel::train::data::read_labelled;

use crate::calibration;
use crate::output::Output;

/// Make a model's probabilities true: find temperatures, thresholds, and when to abstain.
///
/// The rows must be others than the model was trained on. What is found is written to the model's umbel.json, and
/// predict, eval and serve go by it; the weights stay as they are.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  umbel calibrate model validation.jsonl --coverage 0.9\n  \
                        umbel calibrate model validation.jsonl --task tags --threshold precision=0.9")]
pub(crate) struct Args {
    /// The model's folder.
    model: PathBuf,

    /// Files with labelled rows: .jsonl, .csv, .tsv or .parquet.
    #[arg(required = true, value_name = "DATA")]
    data: Vec<PathBuf>,

    /// The column of the texts.
    #[arg(long, value_name = "NAME", default_value = "text")]
    text_column: String,

    /// Calibrate only this task; may be given several times. All tasks with probabilities otherwise.
    #[arg(long = "task", value_name = "NAME")]
    tasks: Vec<String>,

    /// Leave probabilities as they are: the temperature becomes 1.
    #[arg(long)]
    no_temperature: bool,

    /// How the thresholds of multilabel tasks are chosen: `f1`, `precision=0.9`, or `cost=FP,FN` with the costs of a
    /// wrong and of a missing label.
    #[arg(long, value_name = "BY", value_parser = threshold)]
    threshold: Option<Threshold>,

    /// The share of texts to answer; the model says that it abstains from the others.
    #[arg(long, value_name = "SHARE")]
    coverage: Option<f64>,
}

fn threshold(text: &str) -> Result<Threshold, String> {
    let number = |text: &str| text.trim().parse::<f64>().map_err(|_| format!("`{text}` is no number"));
    match text.split_once('=') {
        None if text == "f1" => Ok(Threshold::F1),
        Some(("precision", least)) => Ok(Threshold::Precision(number(least)?)),
        Some(("cost", costs)) => {
            let (wrong, missing) = costs.split_once(',').ok_or("expected two costs, as `cost=1,5`")?;
            Ok(Threshold::Cost { false_positive: number(wrong)?, false_negative: number(missing)? })
        }
        _ => Err("expected `f1`, `precision=0.9` or `cost=FP,FN`".to_string()),
    }
}

pub(super) fn run(args: Args, output: &Output) -> Result<()> {
    let wanted =
        Calibrate { temperature: !args.no_temperature, threshold: args.threshold, coverage: args.coverage };
    wanted.check().map_err(anyhow::Error::msg)?;
    let dir = Path::new(&args.model);
    if !dir.join("umbel.json").exists() {
        bail!("{}: there is no umbel.json; expected the folder of a trained model", dir.display());
    }
    let mut model = umbel::Model::open(dir)?;
    args.tasks.iter().try_for_each(|task| model.head(task).map(|_| ()))?;
    let tasks: Vec<_> = model.heads().iter().map(|head| (&head.settings, head.task.as_ref())).collect();
    let (_, data) = read_labelled(&args.data, &args.text_column, &tasks)?;
    let found = evaluate(&model, &data)?;
    let able: Vec<bool> = model
        .heads_mut()
        .zip(0..)
        .map(|(head, task)| head.task.calibration_mut().is_some() && data.targets(task).n_present() > 0)
        .collect();
    let names: Vec<String> = model.heads().iter().map(|head| head.name().to_string()).collect();
    let is_wanted = |name: &str| match args.tasks.is_empty() {
        true => names.iter().zip(&able).any(|(known, able)| known == name && *able),
        false => args.tasks.iter().any(|task| task == name),
    };
    let found =
        calibrate(&mut model, &data, &found.outputs, |head| is_wanted(head.name()).then(|| wanted.clone()))?;
    if found.is_empty() {
        bail!("{}: no task has probabilities and labelled rows", dir.display());
    }
    model.save_tasks(dir)?;
    if output.json {
        return output.line(serde_json::to_value(&found)?);
    }
    output.line(calibration::table_of(&found))?;
    output.line(format!("written to {}", dir.join("umbel.json").display()))
}
