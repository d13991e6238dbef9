//! `umbel predict`.

use std::path::PathBuf;

use anyhow::{Result, bail};
use umbel::model::Head;

use crate::output::Output;
use crate::precision::PrecisionArgs;
use crate::predictions::{self, Destination, Embeddings};
use crate::prompt::PromptArgs;
use crate::sink::Sink;
use crate::stream::Stream;
use crate::texts::{Row, TextArgs};
use crate::truncation::TruncationArgs;

/// Answer every task for each text.
///
/// Writes one JSON object a line: the text, and for each task its label with the probability of every label,
/// its score, or its spans. Tasks that compare two texts answer rows that have both.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  umbel predict MODEL reviews.csv -o answers.jsonl\n  \
                        echo 'A fine film.' | umbel predict MODEL")]
pub struct Args {
    /// The model: a folder or a name on the hub.
    model: String,

    #[command(flatten)]
    texts: TextArgs,

    /// Answer only this task; may be given several times.
    #[arg(long = "task", value_name = "NAME")]
    tasks: Vec<String>,

    /// Write each text's embedding too, from the same pass.
    #[arg(long)]
    embedding: bool,

    /// Write only the first N numbers of each embedding; the answers come from all.
    #[arg(long, value_name = "N", requires = "embedding")]
    truncate_dim: Option<usize>,

    /// Write to this file, as CSV if it ends in `.csv`, instead of standard output.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    #[command(flatten)]
    prompt: PromptArgs,

    #[command(flatten)]
    truncation: TruncationArgs,

    #[command(flatten)]
    precision: PrecisionArgs,
}

/// The columns of the texts that a task compares the row's own with, if it answers what it finds.
fn columns(head: &Head) -> Vec<String> {
    let others = head.task.other_texts(head.settings.column());
    let answers = !head.task.columns().is_empty();
    others.into_iter().filter(|_| answers).map(|other| other.column).collect()
}

/// For each task the texts that it compares each row's own with: the rows have those of all tasks, one after the other.
fn others(compared: &[Vec<String>], rows: &[Row]) -> Vec<Vec<Vec<String>>> {
    let mut at = 0;
    let of_task = |columns: &Vec<String>| {
        let own = at..at + columns.len();
        at = own.end;
        rows.iter()
            .map(|row| row.others.get(own.clone()).map(|others| others.concat()).unwrap_or_default())
            .collect()
    };
    compared.iter().map(of_task).collect()
}

pub(super) fn run(args: Args, output: &Output) -> Result<()> {
    let path = args.output.as_deref();
    let open = predictions::format(path)?;
    let files = args.texts.check()?;
    let mut model = crate::model::open(&args.model)?;
    args.truncation.apply(&mut model)?;
    args.prompt.apply(&mut model)?;
    if args.truncate_dim.is_some() {
        model.set_truncate_dim(args.truncate_dim)?;
    }
    model.set_precision(args.precision.precision);
    if model.heads().is_empty() {
        bail!(
            "`{}` has no tasks to answer; `umbel embed` gives its embeddings, `umbel train` adds tasks",
            args.model
        );
    }
    let heads = predictions::heads(&model, &args.tasks)?;
    let tasks: Vec<&str> = heads.iter().map(|head| head.name()).collect();
    let compared: Vec<Vec<String>> = heads.iter().map(|head| columns(head)).collect();
    let texts = args.texts.open_with(&files, &compared.concat())?;
    let embeddings = if args.embedding { Embeddings::Kept } else { Embeddings::LeftOut };
    let writer = open(Destination { sink: Sink::open(path)?, heads, embeddings })?;

    let stream = Stream { model: &model, texts, output, path };
    stream.run(
        writer,
        |writer, texts, rows| {
            let predicted = texts
                .compute(&model, rows, |rows| model.predict_with(rows, &tasks, &others(&compared, rows)))?;
            writer.write(rows, &predicted)?;
            Ok(predicted.n_truncated)
        },
        |writer| writer.finish(),
    )
}
