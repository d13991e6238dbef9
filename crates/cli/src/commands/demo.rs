//! `umbel demo`.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Result, bail};
use serde_json::json;
use umbel::Model;
use umbel::evaluate::{Evaluated, TaskScores, evaluate};
use umbel::hub::MINI;
use umbel::settings::Settings;
use umbel::synth::{self, EXAMPLES, Options, Recipe};
use umbel::task::Answer;
use umbel::train::{data::read_labelled, find, run::Tested};

use super::train::{Ended, train};
use crate::numbers::{counted, decimal, seconds};
use crate::output::Output;
use crate::report::metric_name;
use crate::tables::Align::{Left, Right};
use crate::tables::{row, table};

/// Train a first model in half a minute: generated data, two tasks, no download.
///
/// Sentences are generated with a topic (one of eight) and a sentiment (a number from -1 to 1). umbel-mini, the encoder
/// that is part of the program, learns both, and is tried on sentences it has never seen, some of them of words it was
/// never shown.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  umbel demo")]
pub(crate) struct Args {
    /// The encoder to fine-tune: a folder, a hub id or umbel-mini.
    #[arg(long, value_name = "MODEL", default_value = MINI)]
    encoder: String,

    /// Train a small encoder with random weights instead, to see what a pretrained one is worth.
    #[arg(long, conflicts_with = "encoder")]
    from_scratch: bool,

    /// How many sentences to generate; what the encoder needs if missing.
    #[arg(long, value_name = "N")]
    rows: Option<usize>,

    /// The number from which data, first weights and the order of rows follow.
    #[arg(long, value_name = "S", default_value_t = 42, value_parser = clap::value_parser!(u64).range(..1 << 63))]
    seed: u64,

    /// The folder to write data and model to; `umbel-demo`, or the first `umbel-demo-2`, … that is free.
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
}

pub(super) fn run(args: Args, output: &Output) -> Result<()> {
    let began = Instant::now();
    let dir = folder(args.output)?;
    let encoder = Some(args.encoder).filter(|_| !args.from_scratch);
    let rows = args.rows.unwrap_or(Recipe::of(encoder.as_deref()).rows);
    let options = Options { rows, seed: args.seed, encoder, ..Options::default() };
    synth::write(&dir.join("data"), &options)?;

    let settings = Settings::read(&dir.join("data/umbel.toml"), &[])?;
    let model_dir = dir.join("model");
    let finished = match train(&settings, &model_dir, false, output)? {
        Ended::Finished(finished) => finished,
        Ended::Stopped { .. } => {
            let (settings, model) = (dir.join("data/umbel.toml"), model_dir.display());
            return output.line(format!(
                "stopped; go on with\n  umbel train {} -o {model} --resume",
                settings.display()
            ));
        }
    };
    let (new, n_new) = on_new_words(&finished.model, &dir)?;
    if output.json {
        let (seconds, training) = (began.elapsed().as_secs_f64(), finished.json(&model_dir));
        return output
            .line(json!({"dir": dir, "seconds": seconds, "training": training, "new_words": new.tasks}));
    }
    let sentences = |n: usize| counted(n, "sentence", "sentences");
    if let Some(Tested { data, evaluated }) = &finished.tested {
        output.line(scores(&format!("on {} it has not seen", sentences(data.len())), &evaluated.tasks))?;
    }
    let title = format!("on {} about things, and in judgements, that it was never shown", sentences(n_new));
    output.line(scores(&title, &new.tasks))?;
    output.line(examples(&finished.model)?)?;
    output.line(format!(
        "{} in all; the model lies in {}\n",
        seconds(began.elapsed()),
        model_dir.display()
    ))?;
    output.line(next(&dir))
}

/// The wanted folder, or the first of our own that is not there yet.
fn folder(wanted: Option<PathBuf>) -> Result<PathBuf> {
    if let Some(dir) = wanted {
        let taken = ["data", "model"].into_iter().map(|name| dir.join(name)).find(|path| path.exists());
        return match taken {
            Some(path) => bail!("{} is there already; choose another folder or delete it", path.display()),
            None => Ok(dir),
        };
    }
    let numbered = (2..).map(|n| PathBuf::from(format!("umbel-demo-{n}")));
    let mut dirs = [PathBuf::from("umbel-demo")].into_iter().chain(numbered);
    Ok(dirs.find(|dir| !dir.exists()).expect("there are more numbers than folders"))
}

/// How good the model is on rows of words that training has not, and how many rows these are.
fn on_new_words(model: &Model, dir: &Path) -> Result<(Evaluated, usize)> {
    let tasks: Vec<_> = model.heads().iter().map(|head| (&head.settings, head.task.as_ref())).collect();
    let (_, data) = read_labelled(&[dir.join("data").join(synth::NEW_WORDS)], "text", &tasks)?;
    Ok((evaluate(model, &data)?, data.len()))
}

/// The title, and each task's metrics.
fn scores(title: &str, tasks: &[TaskScores]) -> String {
    let line = |task: &str, metrics: [&str; 3]| {
        let scores: Option<&TaskScores> = find(tasks, task);
        let cell = |metric: &str| {
            let value = scores.and_then(|scores| scores.metric(metric));
            format!("{} {}", metric_name(metric), decimal(value))
        };
        [task.to_string()].into_iter().chain(metrics.map(cell)).collect::<Vec<String>>()
    };
    let rows = [
        line("topic", ["accuracy", "macro_f1", "log_loss"]),
        line("sentiment", ["pearson", "spearman", "rmse"]),
    ];
    format!("{title}\n{}", table(&[Left], &rows))
}

/// The model's answers on sentences made by hand, beside what the generator's rules say.
fn examples(model: &Model) -> Result<String> {
    let texts: Vec<&str> = EXAMPLES.iter().map(|example| example.text).collect();
    let predicted = model.predict(&texts)?.predictions;
    let mut rows = vec![row(&["sentence", "topic", "", "sentiment", "meant"])];
    for (example, answers) in EXAMPLES.iter().zip(&predicted) {
        let (Some(Answer::Label { label, probabilities, .. }), Some(Answer::Score(score))) =
            (answers.get("topic"), answers.get("sentiment"))
        else {
            bail!("the model answers other questions than those of the demo");
        };
        let probability = probabilities.iter().find(|(name, _)| name == label).map_or(0.0, |(_, p)| *p);
        let sure = format!("{:.0} %", probability * 100.0);
        let (score, meant) = (format!("{score:+.2}"), format!("{:+.2}", example.sentiment));
        rows.push(vec![example.text.to_string(), label.clone(), sure, score, meant]);
    }
    Ok(format!("on sentences made by hand\n{}", table(&[Left, Left, Right], &rows)))
}

fn next(dir: &Path) -> String {
    let dir = dir.display();
    format!(
        "next:\n  echo 'The chef was not very good.' | umbel predict {dir}/model\n  \
         umbel eval {dir}/model {dir}/data/test.jsonl\n  \
         umbel train {dir}/data/umbel.toml -o another-model --set train.epochs=2"
    )
}
