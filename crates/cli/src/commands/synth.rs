//! `umbel synth`.

use std::path::PathBuf;

use anyhow::Result;
use serde_json::json;
use umbel::synth::{self, Options};

use crate::numbers::count;
use crate::output::Output;

/// Write a generated data set with two tasks, and settings to train on it.
///
/// Each row is a sentence with a `topic`, one of eight, and a `sentiment` from -1 to 1. The folder gets
/// train.jsonl, validation.jsonl, test.jsonl (8, 1 and 1 of ten rows), new-words.jsonl (rows about things that none of
/// the others names, in judgements that none of them has) and umbel.toml.
#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  umbel synth -o data --rows 10000 --seed 42\n  umbel train data/umbel.toml -o model"
)]
pub(crate) struct Args {
    /// The folder to write to; it is made if need be.
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,

    /// How many sentences to generate, no two alike.
    #[arg(long, value_name = "N", default_value_t = Options::default().rows)]
    rows: usize,

    /// The number from which all else follows: the same seed gives the same files.
    #[arg(long, value_name = "S", default_value_t = 42, value_parser = clap::value_parser!(u64).range(..1 << 63))]
    seed: u64,

    /// The probability that a row's topic is wrong, and that its sentiment is moved.
    #[arg(long, value_name = "X", default_value_t = 0.0)]
    label_noise: f32,

    /// The probability that a label is missing, of each label on its own.
    #[arg(long, value_name = "X", default_value_t = 0.0)]
    missing: f32,

    /// The encoder that the settings name, a folder or a hub id; without it a small one with random weights is
    /// written to DIR/encoder.
    #[arg(long, value_name = "MODEL")]
    encoder: Option<String>,
}

pub(super) fn run(args: Args, output: &Output) -> Result<()> {
    let Args { output: dir, rows, seed, label_noise, missing, encoder } = args;
    let options = Options { rows, seed, label_noise, missing, encoder };
    let written = synth::write(&dir, &options)?;
    let settings = dir.join("umbel.toml");
    if output.json {
        let synth::Written { n_train, n_validation, n_test } = written;
        return output.line(
            json!({"settings": settings, "train": n_train, "validation": n_validation, "test": n_test, "new_words": n_test}),
        );
    }
    let file =
        |name: &str, n: usize| format!("  {:<26}{:>7} rows", dir.join(name).display().to_string(), count(n));
    output.line("written:")?;
    output.line(file("train.jsonl", written.n_train))?;
    output.line(file("validation.jsonl", written.n_validation))?;
    output.line(file("test.jsonl", written.n_test))?;
    output.line(file(synth::NEW_WORDS, written.n_test))?;
    if options.encoder.is_none() {
        output.line(format!(
            "  {:<26}   a small encoder with random weights",
            dir.join("encoder").display().to_string()
        ))?;
    }
    output.line(format!("  {}", settings.display()))?;
    output.line(format!("\nnext:\n  umbel train {} -o {}", settings.display(), dir.join("model").display()))
}
