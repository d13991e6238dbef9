//! `umbel embed`.

use std::path::{Path, PathBuf};

use anyhow::Result;
use umbel::Model;

use crate::embeddings::{self, Destination, Texts};
use crate::output::Output;
use crate::precision::PrecisionArgs;
use crate::prompt::PromptArgs;
use crate::stream::Stream;
use crate::texts::TextArgs;
use crate::truncation::TruncationArgs;

/// Turn each text into an embedding.
///
/// Any encoder's folder does: one that umbel trained, one of sentence-transformers, or a bare encoder.
#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  umbel embed sentence-transformers/all-MiniLM-L6-v2 texts.txt -o vectors.npy\n  \
                        echo 'A fine film.' | umbel embed MODEL --no-text"
)]
pub struct Args {
    /// The model: a folder or a name on the hub.
    model: String,

    #[command(flatten)]
    texts: TextArgs,

    /// The format of the result; without it the one that FILE ends in, or else JSON lines.
    #[arg(long, value_name = "FORMAT", value_parser = embeddings::FORMATS.names().collect::<Vec<_>>())]
    format: Option<String>,

    /// Write to this file instead of standard output.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Leave the texts out of JSON lines.
    #[arg(long)]
    no_text: bool,

    #[command(flatten)]
    changes: Changes,

    #[command(flatten)]
    precision: PrecisionArgs,
}

/// What is to be other than the model says.
#[derive(clap::Args)]
struct Changes {
    /// Pool token states so; of several poolings the results are joined.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pooling: Vec<String>,

    /// Give each embedding length one.
    #[arg(long, conflicts_with = "no_normalize")]
    normalize: bool,

    /// Leave each embedding at its own length.
    #[arg(long)]
    no_normalize: bool,

    /// Give only the first N numbers of each embedding; with --normalize these get length one.
    #[arg(long, value_name = "N")]
    truncate_dim: Option<usize>,

    #[command(flatten)]
    prompt: PromptArgs,

    #[command(flatten)]
    truncation: TruncationArgs,
}

impl Changes {
    fn apply(&self, model: &mut Model, folder: &Path) -> umbel::Result<()> {
        if !self.pooling.is_empty() {
            model.set_poolings(&self.pooling)?;
            model.check_projections(folder)?;
        }
        if self.normalize || self.no_normalize {
            model.set_normalize(self.normalize);
        }
        if self.truncate_dim.is_some() {
            model.set_truncate_dim(self.truncate_dim)?;
        }
        self.prompt.apply(model)?;
        self.truncation.apply(model)
    }
}

pub(super) fn run(args: Args, output: &Output) -> Result<()> {
    let path = args.output.as_deref();
    let open = embeddings::format(args.format.as_deref(), path)?;
    let texts = args.texts.open()?;
    let folder = crate::model::folder(&args.model)?;
    let mut model = Model::open(&folder)?;
    args.changes.apply(&mut model, &folder)?;
    model.set_precision(args.precision.precision);
    let kept = if args.no_text { Texts::LeftOut } else { Texts::Kept };
    let destination = Destination { path, size: model.truncated_size(), texts: kept };
    let writer = open(&destination)?;

    let stream = Stream { model: &model, texts, output, path };
    stream.run(
        writer,
        |writer, texts, rows| {
            let embedded = texts.compute(&model, rows, |rows| model.embed(rows))?;
            writer.write(rows, &embedded.embeddings)?;
            Ok(embedded.n_truncated)
        },
        |writer| writer.finish(),
    )
}
