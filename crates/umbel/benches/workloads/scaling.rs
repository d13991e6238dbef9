//! How the cost of embedding grows with the batch, the length of sequences, threads and the encoder's shape.
//!
//! Weights and tokens are random; texts are given as tokens, so that tokenising is not timed.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use serde_json::{Value, json};
use umbel::Model;
use umbel::encoder::scratch::Size;
use umbel::random::Random;
use umbel::text::Tokens;

use crate::flops::Sizes;
use crate::{generate, plot, worker};

/// The largest batch, in tokens.
pub(crate) const MAX_TOKENS: usize = 32_768;
/// The length of the sequences of batches that grow.
const LENGTH: usize = 32;
/// The tokens of batches whose sequences grow.
const TOKENS: usize = 8_192;
/// A point is repeated until both are reached, or the second alone by far.
const RUNS: usize = 3;
const SECONDS: f64 = 0.3;

const MPNET: Size =
    Size { hidden_size: 768, n_layers: 12, n_heads: 12, intermediate_size: 3072, ..generate::MINILM };
const SHAPES: [(&str, Size); 2] = [("MiniLM", generate::MINILM), ("mpnet-base", MPNET)];

/// What grows.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sweep {
    Batch,
    Length,
}

impl Sweep {
    /// Both.
    pub(crate) const ALL: [Self; 2] = [Self::Batch, Self::Length];

    fn name(self) -> &'static str {
        match self {
            Self::Batch => "batch",
            Self::Length => "length",
        }
    }

    /// What its axis and its column say.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Batch => "tokens a batch",
            Self::Length => "tokens a sequence",
        }
    }

    /// What the other size is.
    pub(crate) fn title(self, max_tokens: usize) -> String {
        match self {
            Self::Batch => format!("sequences of {LENGTH} tokens"),
            Self::Length => format!("batches of {} tokens", TOKENS.min(max_tokens)),
        }
    }
}

/// The rates of one shape with so many threads.
pub(crate) struct Series {
    pub(crate) name: String,
    points: Vec<Value>,
}

impl Series {
    /// What grows, and the rate: `tokens_per_s` or `gflops`.
    pub(crate) fn points(&self, sweep: Sweep, rate: &str) -> Vec<(f64, f64)> {
        let of_sweep = self.points.iter().filter(|point| point["sweep"] == sweep.name());
        let number = |value: &Value| value.as_f64().expect("a number");
        of_sweep.map(|point| (number(&point["x"]), number(&point[rate]))).collect()
    }
}

/// Writes `scaling-<precision>.md` and `scaling-<precision>.svg`.
pub(crate) fn run(precision: &str, dir: &Path, max_tokens: usize) {
    let temporary = tempfile::tempdir().expect("a temporary folder");
    let n_cpus = std::thread::available_parallelism().map_or(1, usize::from);
    let mut all = Vec::new();
    for (shape, size) in &SHAPES {
        let model = temporary.path().join(shape);
        generate::write_encoder(&model, size);
        for n_threads in if n_cpus > 1 { vec![1, 2] } else { vec![1] } {
            let name = format!("{shape}, {n_threads} thread{}", if n_threads > 1 { "s" } else { "" });
            eprintln!("{name}");
            let points = child(&model, precision, max_tokens, n_threads);
            all.push(Series { name, points });
        }
    }
    let tables: Vec<String> = Sweep::ALL.iter().map(|&sweep| table(sweep, &all, max_tokens)).collect();
    let tables = format!("## Scaling, {precision}\n\n{}", tables.join("\n"));
    println!("{tables}");
    std::fs::create_dir_all(dir).expect("the folder is made");
    std::fs::write(dir.join(format!("scaling-{precision}.md")), tables).expect("the table is written");
    plot::write(&dir.join(format!("scaling-{precision}.svg")), precision, &all, max_tokens);
}

/// This program's `sweep` with so many threads: they are set before a process computes.
fn child(model: &Path, precision: &str, max_tokens: usize, n_threads: usize) -> Vec<Value> {
    let mut command = Command::new(std::env::current_exe().expect("this program has a path"));
    command.arg("sweep").arg(model).args([precision, &max_tokens.to_string()]);
    command.env("RAYON_NUM_THREADS", n_threads.to_string()).stderr(Stdio::inherit());
    let output = command.output().expect("this program starts");
    assert!(output.status.success(), "the sweep failed");
    let lines = String::from_utf8(output.stdout).expect("it prints JSON");
    lines.lines().map(|line| serde_json::from_str(line).expect("a JSON object")).collect()
}

fn table(sweep: Sweep, all: &[Series], max_tokens: usize) -> String {
    let names: Vec<&str> = all.iter().map(|series| &series.name[..]).collect();
    let mut table = format!(
        "Tokens/s (useful GFLOP/s), {}:\n\n| {} | {} |\n|{}\n",
        sweep.title(max_tokens),
        sweep.label(),
        names.join(" | "),
        "---|".repeat(1 + all.len())
    );
    let columns: Vec<_> = all
        .iter()
        .map(|series| [series.points(sweep, "tokens_per_s"), series.points(sweep, "gflops")])
        .collect();
    for row in 0..columns[0][0].len() {
        _ = write!(table, "| {} |", columns[0][0][row].0);
        for [tokens, gflops] in &columns {
            _ = write!(table, " {:.0} ({:.0}) |", tokens[row].1, gflops[row].1);
        }
        table.push('\n');
    }
    table
}

/// Prints a JSON object for each point.
pub(crate) fn sweep(dir: &str, precision: &str, max_tokens: usize) {
    let model = worker::open(dir, precision);
    let sizes = Sizes::read(Path::new(dir));
    let point = |sweep: Sweep, x: usize, n_texts: usize, length: usize| {
        let tokens = (n_texts * length) as f64;
        let seconds = median_seconds(&model, n_texts, length);
        let gflops = sizes.forward(&vec![length; n_texts]) / seconds / 1e9;
        let rate = tokens / seconds;
        println!("{}", json!({"sweep": sweep.name(), "x": x, "tokens_per_s": rate, "gflops": gflops}));
    };
    let doubled = |from: usize, to: usize| {
        std::iter::successors(Some(from), |x| Some(2 * x)).take_while(move |&x| x <= to)
    };
    doubled(64, max_tokens).for_each(|tokens| point(Sweep::Batch, tokens, tokens / LENGTH, LENGTH));
    let tokens = TOKENS.min(max_tokens);
    doubled(8, tokens.min(512)).for_each(|length| point(Sweep::Length, length, tokens / length, length));
}

/// The median of runs on random tokens; a first one that takes less than a second only warms up.
pub(crate) fn median_seconds(model: &Model, n_texts: usize, length: usize) -> f64 {
    let mut random = Random::new(1);
    let vocab_size = model.encoder_shape().vocab_size;
    let mut text = || -> Tokens {
        let ids: Vec<u32> = (0..length).map(|_| random.below(vocab_size) as u32).collect();
        (&ids[..]).into()
    };
    let texts: Vec<Tokens> = (0..n_texts).map(|_| text()).collect();
    let run = || {
        let start = Instant::now();
        assert_eq!(model.embed_tokens(&texts).rows(), n_texts);
        start.elapsed().as_secs_f64()
    };
    let first = run();
    let mut seconds = if first < 1.0 { Vec::new() } else { vec![first] };
    let mut total: f64 = seconds.iter().sum();
    while total < SECONDS || (seconds.len() < RUNS && total < 10.0 * SECONDS) {
        seconds.push(run());
        total += seconds[seconds.len() - 1];
    }
    seconds.sort_by(f64::total_cmp);
    seconds[seconds.len() / 2]
}
