//! `umbel distill`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::json;
use umbel::distill::{self, DistillSettings, Paths, Progress, Watcher};
use umbel::settings::files::expand;
use umbel::train::Outcome;

use crate::numbers::{count, counted, decimal, seconds};
use crate::output::Output;
use crate::progress::Watch;
use crate::stop;

/// Train a small encoder to give a large one's embeddings.
///
/// The teacher embeds the corpus once; what it says is kept in files that the next student uses again. The student
/// starts from the teacher's weights as far as its sizes allow, with the tokens that the corpus has most, and becomes an
/// encoder's folder as any other. Ctrl-C stops; `--resume` goes on, and gives the same bits as without the stop.
#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  umbel distill sentence-transformers/all-MiniLM-L6-v2 --student student.toml \
    --corpus 'texts/*.txt.gz' -o student\n\nA student's file:\n  [student]\n  model_type = \"bert\"\n  \
    hidden_size = 256\n  layers = 2\n  vocab_size = 20000\n  [train]\n  epochs = 5"
)]
pub(crate) struct Args {
    /// The model whose embeddings are learned: a folder or a hub id.
    teacher: String,

    /// The student's file.
    #[arg(long, value_name = "STUDENT.toml")]
    student: PathBuf,

    /// Files with texts, or patterns as `'data/*.jsonl'`: `.txt` has one a line; others have a column of them; all but
    /// Parquet may end in `.gz` or `.zst`.
    #[arg(long, value_name = "FILE", required = true, num_args = 1..)]
    corpus: Vec<PathBuf>,

    /// The folder to write the student to.
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,

    /// Go on with the run that was stopped in that folder, or begin if there is none.
    #[arg(long)]
    resume: bool,

    /// The folder in which the teacher's embeddings are kept; `umbel/teachers` in the user's cache if missing.
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,

    /// Change a setting, as `student.layers=1` or `train.epochs=5`; may be given more than once.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

pub(super) fn run(args: Args, output: &Output) -> Result<()> {
    let settings = DistillSettings::read(&args.student, &args.set)?;
    let paths = Paths {
        teacher: crate::model::folder(&args.teacher)?,
        corpus: expand(&args.corpus)?,
        target: args.output.clone(),
        cache: args.cache.clone().unwrap_or_else(distill::usual_cache),
    };
    let stop = stop::on_signal()?;
    let mut steps = Steps { output, stop: Arc::clone(&stop), n_texts: 0, began: None, said: Instant::now() };
    let Some(prepared) = distill::prepare(&settings, &paths, args.resume, &mut steps)? else {
        return stopped(&args, "before training; what the teacher has said is kept", output);
    };
    let run = prepared.settings.clone();
    let mut watch = Watch::new(output, &run, stop);
    let trained = prepared.train(args.resume, &mut watch)?;
    drop(watch);
    match trained.outcome {
        Outcome::Stopped { step } => stopped(&args, &format!("after step {}", count(step)), output),
        Outcome::Finished { epochs, .. } => {
            distill::clean_up(&args.output)?;
            let best = epochs.iter().rfind(|epoch| epoch.best);
            let scores = best.and_then(|best| best.validation.first());
            let cosine = scores.and_then(|scores| scores.metric("mean_cosine"));
            if output.json {
                return output.line(
                    json!({"model": args.output.to_string_lossy(), "epochs": epochs, "mean_cosine": cosine}),
                );
            }
            output.line(format!("mean cosine to the teacher on held-out texts: {}", decimal(cosine)))?;
            output.line(format!("student written to {}", args.output.display()))?;
            output.line(format!("\nnext:\n  echo 'Some text.' | umbel embed {}", args.output.display()))
        }
    }
}

/// Shows the work before training.
struct Steps<'a> {
    output: &'a Output,
    stop: Arc<AtomicBool>,
    n_texts: usize,
    // When the teacher began, and after how many texts.
    began: Option<(Instant, usize)>,
    said: Instant,
}

/// Time between two lines about the teacher.
const BETWEEN_LINES: Duration = Duration::from_secs(5);

impl Watcher for Steps<'_> {
    fn progress(&mut self, progress: Progress) {
        match progress {
            Progress::Read { texts } => {
                self.n_texts = texts;
                self.output.note(format!("corpus: {}", counted(texts, "text", "texts")));
            }
            Progress::Teacher { done } => {
                let (since, before) = *self.began.get_or_insert((Instant::now(), done));
                if done > before && self.said.elapsed() >= BETWEEN_LINES {
                    self.said = Instant::now();
                    let left = (self.n_texts - done) as f64 / (done - before) as f64;
                    let left = seconds(since.elapsed().mul_f64(left));
                    let (done, all) = (count(done), count(self.n_texts));
                    self.output.note(format!("teacher: {done} of {all} texts embedded, {left} left"));
                }
            }
            Progress::Start { vocab_size, from_layers } => {
                let known = counted(vocab_size, "token", "tokens");
                let start = match from_layers {
                    true => "it starts with layers of the teacher",
                    false => "it starts with what the teacher says of each token alone, and random layers",
                };
                self.output.note(format!("student: {known} known; {start}"));
            }
        }
    }

    fn should_stop(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

fn stopped(args: &Args, when: &str, output: &Output) -> Result<()> {
    let quoted = |path: &Path| format!("'{}'", path.display());
    let corpus = args.corpus.iter().map(|path| quoted(path)).collect::<Vec<_>>().join(" ");
    let sets: String = args.set.iter().map(|set| format!(" --set '{set}'")).collect();
    let cache = args.cache.as_deref().map(|cache| format!(" --cache {}", quoted(cache))).unwrap_or_default();
    let resume = format!(
        "umbel distill '{}' --student {} --corpus {corpus} -o {}{cache}{sets} --resume",
        args.teacher,
        quoted(&args.student),
        quoted(&args.output)
    );
    if output.json {
        return output
            .line(json!({"model": args.output.to_string_lossy(), "stopped": when, "resume": resume}));
    }
    output.line(format!("stopped {when}; go on with\n  {resume}"))
}
