//! A run on rows that try to break out of the page.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use umbel::report::{self, Run};
use umbel::settings::Settings;
use umbel::train::run::{run, test};
use umbel::train::{Observer, Outcome, RunReport, StepReport};

/// Names that would be markup, scripts, entities or the end of a table if they were not escaped.
pub(crate) const LABELS: [&str; 5] = [
    "<script>alert(1)</script>",
    "\"quoted\" & 'single'",
    "emoji 🌊",
    "</td></tr></table><img src=http://evil.example/x onerror=alert(2)>",
    "مرحبا",
];

const TEXTS: [&str; 6] = [
    "<script src=\"http://evil.example/x.js\"></script> the tide",
    "🌊 boats & \"sea\"",
    "</body></html> red \u{1b}[31m\u{0} text",
    "مرحبا بالعالم",
    "a refund\nplease\t<!-- & -->",
    "<style>*{display:none}</style> ]]> the bread",
];

/// Four tasks of four kinds.
pub(crate) const FOUR: &str = r#"[
    { name = "kind", kind = "classification" },
    { name = "many", kind = "multilabel", column = "all" },
    { name = "stars", kind = "ordinal" },
    { name = "xy", kind = "regression", size = 2 },
]"#;

/// Four tasks of the other kinds.
pub(crate) const OTHERS: &str = r#"[
    { name = "spans", kind = "tagging" },
    { name = "like", kind = "similarity" },
    { name = "partner", kind = "contrastive" },
    { name = "teacher", kind = "distill", linear = true },
]"#;

/// A folder with rows, whose runs are small enough for a debug build.
pub(crate) struct Project {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) settings: Settings,
}

/// Keeps what was known before the first step, and stops after a step if told so.
struct Watch {
    run: Option<RunReport>,
    step: usize,
    stop_after: Option<usize>,
}

impl Observer for Watch {
    fn begin(&mut self, run: &RunReport) {
        self.run = Some(run.clone());
    }

    fn step(&mut self, step: &StepReport) {
        self.step = step.step;
    }

    fn should_stop(&self) -> bool {
        self.stop_after == Some(self.step)
    }
}

/// Row `i`; each row lacks some labels.
fn row(i: usize, n_labels: usize) -> Value {
    let label = |i: usize| match LABELS.get(i % n_labels) {
        Some(label) => (*label).to_string(),
        None => format!("label {}", i % n_labels),
    };
    let mut row = json!({"text": format!("{} {i}", TEXTS[i % TEXTS.len()])});
    if !i.is_multiple_of(7) {
        row["kind"] = label(i).into();
    }
    if !i.is_multiple_of(5) {
        row["all"] = json!([label(i), label(i / 2 + 1)]);
    }
    if !i.is_multiple_of(3) {
        row["stars"] = (1 + i % 4).into();
    }
    if !i.is_multiple_of(6) {
        let label = ["<i>", "b"][i % 2];
        row["spans"] = json!([{"start": 0, "end": 1 + i % 2, "label": label}]);
        row["text_pair"] = format!("<script>{}", TEXTS[(i + 1) % TEXTS.len()]).into();
        row["like"] = (i % 5).into();
        row["partner"] = format!("</p> {i}").into();
        row["teacher"] = json!([i as f64 / 50.0, 1.0, -1.0]);
    }
    if !i.is_multiple_of(4) {
        row["xy"] = json!([i as f64 / 10.0, 3.0 - i as f64 / 20.0]);
    }
    row
}

fn lines(rows: impl Iterator<Item = Value>) -> String {
    rows.map(|row| format!("{row}\n")).collect()
}

impl Project {
    /// Tasks as TOML; `n_labels` of each task with labels, and changes of settings.
    pub(crate) fn new(tasks: &str, n_labels: usize, overrides: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name).display().to_string();
        std::fs::write(path("train.jsonl"), lines((0..60).map(|i| row(i, n_labels)))).unwrap();
        std::fs::write(path("validation.jsonl"), lines((60..84).map(|i| row(i, n_labels)))).unwrap();
        std::fs::write(path("test.jsonl"), lines((84..96).map(|i| row(i, n_labels)))).unwrap();
        let text = format!(
            "model = {{ encoder = \"org/bert\" }}\ntask = {tasks}\n\
             data = {{ train = '{}', validation = '{}', test = '{}' }}\n\
             train = {{ epochs = 2, batch_size = 8, learning_rate = 1e-3 }}\n",
            path("train.jsonl"),
            path("validation.jsonl"),
            path("test.jsonl")
        );
        let overrides: Vec<String> = overrides.iter().map(|change| change.to_string()).collect();
        let settings = Settings::parse(&text, &overrides).unwrap();
        Self { dir, settings }
    }

    /// Removes a column from the rows of a file.
    pub(crate) fn without(self, file: &str, column: &str) -> Self {
        let path = self.dir.path().join(file);
        let rows = std::fs::read_to_string(&path).unwrap();
        let null = |line: &str| {
            let mut row: Value = serde_json::from_str(line).unwrap();
            row[column] = Value::Null;
            row
        };
        std::fs::write(&path, lines(rows.lines().map(null))).unwrap();
        self
    }

    /// Trains into `folder` and writes the report; false if it was stopped.
    pub(crate) fn train(&self, folder: &str, stop_after: Option<usize>) -> bool {
        let target = self.dir.path().join(folder);
        let encoder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/families/bert");
        let mut watch = Watch { run: None, step: 0, stop_after };
        let trained = run(&self.settings, &encoder, &target, true, &mut watch).unwrap();
        let Outcome::Finished { epochs, validation_outputs } = &trained.outcome else { return false };
        let tested = test(&trained.model, &self.settings, &target).unwrap();
        let run = Run {
            model: &trained.model,
            settings: &self.settings,
            report: &watch.run.unwrap(),
            data: &trained.data,
            epochs,
            validation_outputs,
            tested: tested.as_ref(),
        };
        report::write(&target, &run).unwrap();
        true
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// The page of a run in the folder `model`.
    pub(crate) fn page(&self) -> String {
        assert!(self.train("model", None));
        self.read("model/training/report.html")
    }

    /// The lines of `metrics.jsonl` of a kind.
    pub(crate) fn events(&self, folder: &str, event: &str) -> Vec<Value> {
        let text = self.read(&format!("{folder}/training/metrics.jsonl"));
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.filter(|line| line["event"] == event).collect()
    }
}
