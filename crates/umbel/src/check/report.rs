//! What was found, and the numbers that a reader judges it by.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;
use serde_json::Value;

/// What was found, and the numbers that a reader judges it by.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Report {
    /// The splits: training, validation, and test if there is one; empty if the rows could not be read.
    pub splits: Vec<SplitRows>,
    /// Each task's labels.
    pub tasks: Vec<TaskLabels>,
    /// Training rows that carry the labels of two tasks, for each pair of tasks.
    pub together: Vec<Together>,
    /// What comes how often in an epoch; empty if each row comes once.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mixture: Vec<Mixed>,
    /// How long the texts of each split are; empty if that is not known.
    pub lengths: Vec<Lengths>,
    /// Labels that are likely wrong, a task at a time; empty unless they were looked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub noise: Vec<TaskNoise>,
    /// What was found, errors first.
    pub findings: Vec<Finding>,
}

/// A task's training labels that are likely wrong.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TaskNoise {
    /// The task.
    pub task: String,
    /// Training rows with its label.
    pub labelled: usize,
    /// The metric that stands for the task.
    pub metric: String,
    /// Its value over answers by heads that did not learn from the rows they answer.
    pub score: f64,
    /// The labels, the likeliest to be wrong first.
    pub suspects: Vec<Suspect>,
}

/// A training label that is likely wrong.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Suspect {
    /// The task.
    pub task: String,
    /// Where the row is.
    #[serde(flatten)]
    pub place: Place,
    /// The row's text.
    pub text: String,
    /// The label as the data says it.
    pub given: Value,
    /// The label that is likely right; of numbers, what was predicted.
    pub suggested: Value,
    /// The probability of the given name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub given_probability: Option<f64>,
    /// The probability of the suggested name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probability: Option<f64>,
    /// How many robust standard deviations a number's residual is from the median one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deviation: Option<f64>,
}

/// How many rows a split has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SplitRows {
    /// `training`, `validation` or `test`.
    pub split: &'static str,
    /// Its rows.
    pub rows: usize,
    /// Rows of these that have no label of any task.
    pub unlabelled: usize,
    /// The files they are in.
    pub files: Vec<PathBuf>,
    /// True if they are held out of the training files.
    pub held_out: bool,
}

/// A task's labels.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TaskLabels {
    /// The task.
    pub task: String,
    /// Its kind.
    pub kind: String,
    /// Rows that carry its label, for each split.
    pub labelled: Vec<usize>,
    /// Rows of each class, if its labels are names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<ClassRows>,
    /// What each of its numbers is like, if its labels are numbers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub numbers: Vec<NumberSpread>,
}

/// How many rows a class has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClassRows {
    /// The class.
    pub label: String,
    /// Its rows, for each split.
    pub rows: Vec<usize>,
}

/// What one number of the labels is like.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NumberSpread {
    /// The spread in each split; none where no row is labelled.
    pub splits: Vec<Option<Spread>>,
}

/// The spread of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    /// Their mean.
    pub mean: f64,
    /// Their standard deviation.
    pub sd: f64,
    /// The smallest.
    pub min: f32,
    /// The largest.
    pub max: f32,
}

/// Training rows that carry the labels of two tasks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Together {
    /// The two tasks.
    pub tasks: [String; 2],
    /// Training rows with both labels.
    pub rows: usize,
}

/// How many rows of a source or task come in an epoch.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Mixed {
    /// The source as the settings name it, or the task.
    pub group: String,
    /// Its training rows.
    pub rows: usize,
    /// What the settings multiply its share by.
    pub weight: f64,
    /// Rows of it that come in the first epoch.
    pub first_epoch: usize,
    /// Rows of it that come in the last epoch.
    pub last_epoch: usize,
}

/// How long the texts of a split are, in tokens with the special ones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Lengths {
    /// The split.
    pub split: &'static str,
    /// Half of the texts are no longer than this.
    pub median: usize,
    /// 95 of 100 texts are no longer than this.
    pub p95: usize,
    /// The longest text.
    pub max: usize,
    /// Tokens of a text that are read.
    pub limit: usize,
    /// Texts that are longer than that.
    pub over: usize,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Training would fail, or its results would say nothing.
    Error,
    /// Training works, but probably not as well as it could.
    Warning,
    /// Good to know.
    Note,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        })
    }
}

/// One thing that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What kind of finding it is, for programs.
    pub name: &'static str,
    /// The task that is concerned, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// What was found.
    pub message: String,
    /// What to do about it.
    pub advice: String,
    /// The first rows concerned.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub examples: Vec<Example>,
}

impl Finding {
    /// A finding without a task, advice or examples.
    pub(super) fn new(severity: Severity, name: &'static str, message: impl Into<String>) -> Self {
        let (message, advice) = (message.into(), String::new());
        Self { severity, name, task: None, message, advice, examples: Vec::new() }
    }

    pub(super) fn task(mut self, task: &str) -> Self {
        self.task = Some(task.to_string());
        self
    }

    pub(super) fn advice(mut self, advice: impl Into<String>) -> Self {
        self.advice = advice.into();
        self
    }

    pub(super) fn examples(mut self, examples: Vec<Example>) -> Self {
        self.examples = examples;
        self
    }
}

/// Rows that show a finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Example {
    /// Where the rows are.
    pub places: Vec<Place>,
    /// The start of their text, or what else they have in common.
    pub what: String,
}

/// Where a row is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The file.
    pub path: PathBuf,
    /// Its line from 1; of a Parquet file, its row from 1.
    pub line: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.path.display(), self.line)
    }
}

impl Report {
    /// How many findings are that bad.
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }

    pub(super) fn add(&mut self, finding: Finding) {
        self.findings.push(finding);
    }
}

/// Rows that show a finding: all are counted, the first few are kept.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    /// How many rows there are.
    pub(super) n: usize,
    /// The first of them.
    pub(super) examples: Vec<Example>,
}

impl Tally {
    /// How many examples are kept.
    const SHOWN: usize = 3;

    /// Counts `n` rows, of which `example` shows some.
    pub(super) fn push(&mut self, n: usize, example: impl FnOnce() -> Example) {
        self.n += n;
        if self.examples.len() < Self::SHOWN {
            self.examples.push(example());
        }
    }
}

/// `1 row`, `2 rows`.
pub(super) fn rows(n: usize) -> String {
    counted(n, "row")
}

/// `1 pair`, `2 pairs`.
pub(super) fn counted(n: usize, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}
