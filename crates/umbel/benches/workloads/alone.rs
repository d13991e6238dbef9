//! All workloads in all precisions, without peers and without Python: a Markdown table.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::Value;

use crate::flops::Sizes;
use crate::{peak, worker};

struct Work {
    file: &'static str,
    kind: &'static str,
    n_rows: usize,
    precisions: &'static [&'static str],
}

const WORKS: [Work; 4] = [
    Work { file: "w1_ragged", kind: "embed", n_rows: 1024, precisions: &["f32", "bf16", "int8"] },
    Work { file: "w2_uniform", kind: "embed", n_rows: 256, precisions: &["f32", "bf16", "int8"] },
    Work { file: "w3_train", kind: "train", n_rows: 512, precisions: &["f32", "bf16"] },
    Work { file: "w4_single", kind: "latency", n_rows: 1, precisions: &["f32", "bf16", "int8"] },
];

/// Runs each workload so often, after one run that does not count; the precisions take turns.
pub(crate) fn run(model: &str, data: &str, out: &str, runs: &str, rows: Option<&str>) {
    let runs: usize = runs.parse().expect("a number of runs");
    let limit: usize = rows.map_or(usize::MAX, |rows| rows.parse().expect("a number of rows"));
    let peaks = peak::measure();
    let mut all = String::from("GEMM peak, GFLOP/s:");
    peaks.iter().for_each(|(precision, rate)| _ = write!(all, " {precision} {rate:.0}"));
    all += ".\n\n";
    for work in &WORKS {
        let table = table(work, [model, data], runs, work.n_rows.min(limit), &peaks);
        println!("{table}");
        all += &format!("{table}\n");
    }
    std::fs::write(out, all).expect("the table is written");
}

fn table(
    work: &Work,
    [model, data]: [&str; 2],
    runs: usize,
    n_rows: usize,
    peaks: &BTreeMap<&str, f64>,
) -> String {
    let path = format!("{data}/{}.jsonl", work.file);
    let rows = worker::read_rows(Path::new(&path), n_rows);
    let length = |row: &Value| row["n_tokens"].as_u64().expect("a number of tokens") as usize;
    let lengths: Vec<usize> = rows.iter().map(length).collect();
    let passes = if work.kind == "train" { 3.0 } else { 1.0 };
    let flops = passes * Sizes::read(Path::new(model)).forward(&lengths);
    let n_rows = rows.len();

    let start = |precision: &&'static str| Variant::start(work.kind, model, &path, n_rows, precision);
    let mut variants: Vec<Variant> = work.precisions.iter().map(start).collect();
    for turn in 0..=runs {
        variants.iter_mut().for_each(|variant| variant.run(turn > 0));
    }
    let n_tokens: usize = lengths.iter().sum();
    let mut table = format!(
        "### {}: {}, {n_rows} rows, {n_tokens} tokens, {runs} runs\n\n\
         | variant | precision | median (min..max) | rows/s | useful GFLOP/s | of GEMM peak | peak memory, MB |\n\
         |---|---|---|---|---|---|---|\n",
        work.file, work.kind
    );
    for variant in variants {
        table += &variant.line(n_rows as f64, flops, peaks);
    }
    table
}

/// A process that runs a workload each time it is told to.
struct Variant {
    precision: &'static str,
    process: Child,
    answers: BufReader<ChildStdout>,
    seconds: Vec<f64>,
    peak_rss_mb: u64,
}

impl Variant {
    fn start(kind: &str, model: &str, path: &str, n_rows: usize, precision: &'static str) -> Self {
        let mut command = Command::new(std::env::current_exe().expect("this program has a path"));
        command.args([kind, model, path, &n_rows.to_string(), precision]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().expect("this program starts");
        let answers = BufReader::new(process.stdout.take().expect("it is piped"));
        let mut variant = Self { precision, process, answers, seconds: Vec::new(), peak_rss_mb: 0 };
        assert_eq!(variant.answer(), "ready");
        variant
    }

    fn answer(&mut self) -> String {
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("the worker answers");
        line.trim().to_string()
    }

    fn run(&mut self, counts: bool) {
        let stdin = self.process.stdin.as_mut().expect("it is piped");
        stdin.write_all(b"run\n").expect("the worker listens");
        let answer: Value = serde_json::from_str(&self.answer()).expect("a JSON object");
        self.peak_rss_mb = answer["peak_rss_mb"].as_u64().expect("a number");
        if counts {
            self.seconds.push(answer["seconds"].as_f64().expect("a number"));
        }
    }

    /// Ends the process; its line of the table.
    fn line(mut self, n_rows: f64, flops: f64, peaks: &BTreeMap<&str, f64>) -> String {
        drop(self.process.stdin.take());
        self.process.wait().expect("the worker ends");
        self.seconds.sort_by(f64::total_cmp);
        let (first, last) = (self.seconds[0], self.seconds[self.seconds.len() - 1]);
        let median = self.seconds[self.seconds.len() / 2];
        let gflops = flops / median / 1e9;
        format!(
            "| umbel | {} | {} ({}..{}) | {:.1} | {gflops:.0} | {:.0}% | {} |\n",
            self.precision,
            duration(median),
            duration(first),
            duration(last),
            n_rows / median,
            100.0 * gflops / peaks[self.precision],
            self.peak_rss_mb
        )
    }
}

fn duration(seconds: f64) -> String {
    if seconds >= 0.1 { format!("{seconds:.2} s") } else { format!("{:.3} ms", seconds * 1e3) }
}
