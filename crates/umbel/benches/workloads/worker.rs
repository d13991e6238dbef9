//! One workload, run once for each line on stdin.

use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::Value;
use umbel::Model;
use umbel::settings::Settings;
use umbel::train::data::RunData;
use umbel::train::{Observer, RunFolder, RunReport, StepReport, train};

/// `embed`, `latency` or `train`; the encoder's folder; the workload (JSON Lines with `text`, to train also `label`
/// and `score`); how many of its rows; the precision.
///
/// For each line on stdin it prints a JSON object with the seconds of one run, or of `latency` with the median of
/// the seconds of a text alone, and the most memory that this process has had.
pub(crate) fn serve(work: &str, model: &str, data: &str, limit: &str, precision: &str) {
    let rows = read_rows(Path::new(data), limit.parse().expect("a number of rows"));
    let mut run: Box<dyn FnMut() -> f64> = match work {
        "embed" => embed(open(model, precision), &rows),
        "latency" => latency(open(model, precision), &rows),
        "train" => train_epoch(PathBuf::from(model), &rows, precision),
        other => panic!("unknown work `{other}`"),
    };
    println!("ready");
    for _ in std::io::stdin().lock().lines() {
        let seconds = run();
        println!("{{\"seconds\": {seconds}, \"peak_rss_mb\": {}}}", peak_rss_mb());
        std::io::stdout().flush().expect("stdout is open");
    }
}

/// The first rows of a workload.
pub(crate) fn read_rows(path: &Path, limit: usize) -> Vec<Value> {
    let text = std::fs::read_to_string(path).expect("the workload can be read");
    text.lines().take(limit).map(|line| serde_json::from_str(line).expect("a JSON object")).collect()
}

pub(crate) fn open(model: &str, precision: &str) -> Model {
    let mut model = Model::open(Path::new(model)).expect("the model opens");
    model.set_precision(precision.parse().expect("a precision"));
    model
}

fn texts(rows: &[Value]) -> Vec<String> {
    rows.iter().map(|row| row["text"].as_str().expect("a text").to_string()).collect()
}

/// One text at a time, 300 times; the median.
fn latency(model: Model, rows: &[Value]) -> Box<dyn FnMut() -> f64> {
    let texts = texts(rows);
    Box::new(move || {
        let mut seconds: Vec<f64> = (0..300)
            .map(|i| {
                let start = Instant::now();
                model.embed(&texts[i % texts.len()..][..1]).expect("a text can be embedded");
                start.elapsed().as_secs_f64()
            })
            .collect();
        seconds.sort_by(f64::total_cmp);
        seconds[seconds.len() / 2]
    })
}

/// Texts in, embeddings out; tokenising is timed too.
fn embed(model: Model, rows: &[Value]) -> Box<dyn FnMut() -> f64> {
    let texts = texts(rows);
    Box::new(move || {
        let start = Instant::now();
        let embedded = model.embed(&texts).expect("texts can be embedded");
        assert_eq!(embedded.embeddings.rows(), texts.len());
        start.elapsed().as_secs_f64()
    })
}

/// The first step begins when `begin` is called, the last one ends when `step` is called last.
struct Clock {
    start: Instant,
    seconds: f64,
}

impl Observer for Clock {
    fn begin(&mut self, _: &RunReport) {
        self.start = Instant::now();
    }

    fn step(&mut self, _: &StepReport) {
        self.seconds = self.start.elapsed().as_secs_f64();
    }
}

/// One epoch of shuffled batches of 32, tokenised anew; the validation pass after it is not timed.
fn train_epoch(encoder: PathBuf, rows: &[Value], precision: &str) -> Box<dyn FnMut() -> f64> {
    let temporary = tempfile::tempdir().expect("a temporary folder");
    let dir = temporary.path().to_path_buf();
    let line = |row: &Value| format!("{row}\n");
    std::fs::write(dir.join("train.jsonl"), rows.iter().map(line).collect::<String>())
        .expect("rows are written");
    std::fs::write(dir.join("one.jsonl"), line(&rows[0])).expect("a row is written");
    let settings = format!(
        r#"
        model = {{ encoder = "bench", max_length = 128 }}
        data = {{ train = "{0}/train.jsonl", validation = "{0}/one.jsonl" }}
        task = [
            {{ name = "label", kind = "classification" }},
            {{ name = "score", kind = "regression", standardize = false }},
        ]
        train = {{ epochs = 1, batch_size = 32, learning_rate = 2e-5, checkpoint_every = 1000000, precision = "{1}" }}
        "#,
        dir.display(),
        precision
    );
    let settings = Settings::parse(&settings, &[]).expect("the settings are well-formed");
    let data = RunData::read(&settings).expect("the rows can be read");
    Box::new(move || {
        let mut model = umbel::train::run::model(&settings, &encoder, &data).expect("the model opens");
        let start = Instant::now();
        model.tokenize_all(data.train.texts().iter()).expect("texts can be tokenised");
        let tokenizing = start.elapsed().as_secs_f64();
        let mut clock = Clock { start, seconds: 0.0 };
        let folder = RunFolder { path: temporary.path().join("run"), resume: false };
        train(&mut model, &data, &settings, &folder, &mut clock).expect("training runs");
        tokenizing + clock.seconds
    })
}

/// The most memory this process has had, in MB; 0 where the system does not say.
fn peak_rss_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = peak.and_then(|peak| peak.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kib.unwrap_or(0) / 1024
}
