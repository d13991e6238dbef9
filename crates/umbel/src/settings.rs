//! The settings file: one TOML file says everything about a run.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::{Error, Result, nearest};
use crate::text::Side;

/// All settings of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The encoder and what makes an embedding of its states.
    pub model: ModelSettings,
    /// The tasks, in the order in which their answers are given.
    #[serde(rename = "task", default)]
    pub tasks: Vec<TaskSettings>,
    /// The data files and their columns.
    pub data: DataSettings,
    /// How to train.
    #[serde(default)]
    pub train: TrainSettings,
}

/// The encoder and what makes an embedding of its states.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelSettings {
    /// A folder, or a hub id, with `@revision` if one is to be pinned.
    pub encoder: String,
    /// One pooling, or several whose results are joined; what the folder says if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pooling: Option<OneOrMany>,
    /// Whether embeddings get length one; off, since their length is information to the heads.
    #[serde(default)]
    pub normalize: bool,
    /// Tokens of a text that are read; what the folder says if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_length: Option<usize>,
    /// Whether longer texts are cut; if not, they are errors.
    #[serde(default = "yes")]
    pub truncation: bool,
    /// The side on which they are cut.
    #[serde(default)]
    pub truncation_side: Side,
    /// A dense layer between pooling and the embedding, instead of those of the folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub projection: Option<ProjectionSettings>,
}

/// One name or several.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum OneOrMany {
    /// One name.
    One(String),
    /// Several names.
    Many(Vec<String>),
}

impl OneOrMany {
    /// The names.
    pub fn names(&self) -> Vec<String> {
        match self {
            Self::One(name) => vec![name.clone()],
            Self::Many(names) => names.clone(),
        }
    }
}

/// A dense layer between pooling and the embedding.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProjectionSettings {
    /// How many numbers the embedding has.
    pub size: usize,
    /// What follows the dense layer, as `tanh` or `identity`.
    #[serde(default = "tanh")]
    pub activation: String,
}

/// One task: what is asked of each text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskSettings {
    /// Its name in answers and metrics.
    pub name: String,
    /// Its kind, as `classification` or `regression`.
    pub kind: String,
    /// The column of its labels; its name if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// What its loss is multiplied by in the total.
    #[serde(default = "one")]
    pub weight: f32,
    /// The share of the embedding's values that its head drops in training.
    #[serde(default = "tenth")]
    pub dropout: f32,
    /// What its kind wants to know, and what it has learned from the data.
    #[serde(flatten)]
    pub options: Map<String, Value>,
}

impl TaskSettings {
    /// The column of its labels.
    pub fn column(&self) -> &str {
        self.column.as_deref().unwrap_or(&self.name)
    }
}

/// The data files and their columns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataSettings {
    /// What is trained on.
    pub train: Files,
    /// What is looked at after each epoch: files, or the share of the training rows that is held out.
    #[serde(default = "held_out_tenth")]
    pub validation: Validation,
    /// What is looked at once, after training.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<Files>,
    /// The column of the texts.
    #[serde(default = "text")]
    pub text: String,
}

/// One data file or several.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Files {
    /// One file.
    One(PathBuf),
    /// Several files, read one after the other.
    Many(Vec<PathBuf>),
}

impl Files {
    /// The files.
    pub fn paths(&self) -> Vec<PathBuf> {
        match self {
            Self::One(path) => vec![path.clone()],
            Self::Many(paths) => paths.clone(),
        }
    }

    fn relative_to(&mut self, folder: &Path) {
        match self {
            Self::One(path) => *path = folder.join(&*path),
            Self::Many(paths) => paths.iter_mut().for_each(|path| *path = folder.join(&*path)),
        }
    }
}

/// Where the validation rows come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Validation {
    /// The share of the training rows that is held out, stratified by label.
    Fraction(f64),
    /// Files of their own.
    Files(Files),
}

/// How to train.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrainSettings {
    /// How many times each row is seen.
    pub epochs: usize,
    /// Rows of a batch.
    pub batch_size: usize,
    /// Tokens of a batch, instead of `batch_size`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch_tokens: Option<usize>,
    /// Batches whose gradients are taken together as one step.
    pub gradient_accumulation: usize,
    /// The largest learning rate, after the warm-up.
    pub learning_rate: f64,
    /// The share of each weight that AdamW takes off a step, times the learning rate.
    pub weight_decay: f64,
    /// How the learning rate goes on after the warm-up.
    pub schedule: Schedule,
    /// The share of all steps in which the learning rate rises from zero.
    pub warmup: f64,
    /// Longer gradients are scaled down to this norm; 0 = never.
    pub max_grad_norm: f64,
    /// Decides the order of rows, what dropout drops, and how new weights start.
    pub seed: u64,
    /// What stays as it is: `backbone`, `embeddings`, `layers:A..B`, `head:NAME`.
    pub freeze: Vec<String>,
    /// Whether tasks share a pass through the encoder.
    pub passes: Passes,
    /// Steps from one checkpoint to the next; there is always one at the end of an epoch.
    pub checkpoint_every: usize,
    /// Epochs without improvement after which training stops; 0 = never.
    pub early_stopping: usize,
    /// The validation metric by which the best epoch is chosen, as `sentiment.pearson` or `loss`; the mean of
    /// each task's main metric if missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub best_metric: Option<String>,
}

impl Default for TrainSettings {
    fn default() -> Self {
        Self {
            epochs: 3,
            batch_size: 32,
            batch_tokens: None,
            gradient_accumulation: 1,
            learning_rate: 5e-5,
            weight_decay: 0.01,
            schedule: Schedule::Linear,
            warmup: 0.1,
            max_grad_norm: 1.0,
            seed: 42,
            freeze: Vec::new(),
            passes: Passes::Shared,
            checkpoint_every: 500,
            early_stopping: 0,
            best_metric: None,
        }
    }
}

/// How the learning rate goes on after the warm-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Schedule {
    /// Falls in a straight line to zero.
    Linear,
    /// Falls along half a cosine to zero.
    Cosine,
    /// Stays.
    Constant,
}

/// Whether tasks share a pass through the encoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Passes {
    /// A row is encoded once for all tasks.
    Shared,
    /// Each task has a forward and backward pass of its own over the rows that carry its label.
    PerTask,
}

impl Settings {
    /// Reads a settings file; `overrides` are `key=value`, the key with dots, as `train.epochs=5`.
    ///
    /// Paths in the file are relative to its folder.
    ///
    /// # Errors
    /// If the file cannot be read, a key is unknown, or a value cannot be.
    pub fn read(path: &Path, overrides: &[String]) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(Error::io(path))?;
        let in_file = |error: Error| Error::Settings(format!("{}: {error}", path.display()));
        let mut settings = Self::parse(&text, overrides).map_err(in_file)?;
        settings.relative_to(path.parent().unwrap_or(Path::new("")));
        Ok(settings)
    }

    /// Reads the text of a settings file.
    ///
    /// # Errors
    /// If a key is unknown or a value cannot be.
    pub fn parse(text: &str, overrides: &[String]) -> Result<Self> {
        let settings: Self = if overrides.is_empty() {
            toml::from_str(text).map_err(|error| explain(&error))?
        } else {
            let mut table: toml::Table = text.parse().map_err(|error| explain(&error))?;
            overrides.iter().try_for_each(|change| apply(&mut table, change))?;
            toml::Value::Table(table).try_into().map_err(|error| explain(&error))?
        };
        settings.check()?;
        Ok(settings)
    }

    /// The text of a settings file that says the same.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("settings came from TOML values")
    }

    fn relative_to(&mut self, folder: &Path) {
        self.data.train.relative_to(folder);
        if let Validation::Files(files) = &mut self.data.validation {
            files.relative_to(folder);
        }
        if let Some(test) = &mut self.data.test {
            test.relative_to(folder);
        }
        let encoder = folder.join(&self.model.encoder);
        if encoder.is_dir() {
            self.model.encoder = encoder.to_string_lossy().into_owned();
        }
    }

    fn check(&self) -> Result<()> {
        let train = &self.train;
        let share = |key: &str, value: f64| (key.to_string(), value, (0.0..1.0).contains(&value), "0 or more and below 1");
        let positive = |key: &str, value: usize| (key.to_string(), value as f64, value > 0, "1 or more");
        let mut checks = vec![
            positive("train.batch_size", train.batch_size),
            positive("train.gradient_accumulation", train.gradient_accumulation),
            positive("train.batch_tokens", train.batch_tokens.unwrap_or(1)),
            positive("train.epochs", train.epochs),
            positive("train.checkpoint_every", train.checkpoint_every),
            share("train.warmup", train.warmup),
            ("train.learning_rate".into(), train.learning_rate, train.learning_rate > 0.0, "above 0"),
            ("train.max_grad_norm".into(), train.max_grad_norm, train.max_grad_norm >= 0.0, "0 or more"),
            ("train.weight_decay".into(), train.weight_decay, train.weight_decay >= 0.0, "0 or more"),
        ];
        if let Validation::Fraction(fraction) = self.data.validation {
            let fits = fraction > 0.0 && fraction < 1.0;
            checks.push(("data.validation".into(), fraction, fits, "between 0 and 1, or a file"));
        }
        for task in &self.tasks {
            checks.push(share(&format!("task `{}`: dropout", task.name), f64::from(task.dropout)));
            let fits = task.weight.is_finite() && task.weight >= 0.0;
            checks.push((format!("task `{}`: weight", task.name), f64::from(task.weight), fits, "0 or more"));
        }
        if let Some((key, value, _, expected)) = checks.iter().find(|(_, _, fits, _)| !fits) {
            return Err(Error::Settings(format!("`{key}` is {value}; expected {expected}")));
        }
        check_names(&self.tasks)
    }
}

/// Task names become folders and keys of answers.
fn check_names(tasks: &[TaskSettings]) -> Result<()> {
    for (i, task) in tasks.iter().enumerate() {
        let name = &task.name;
        let plain = |c: char| c.is_alphanumeric() || "_- ".contains(c);
        if name.is_empty() || !name.chars().all(plain) || ["text", "embedding"].contains(&&name[..]) {
            let rule = "letters, digits, `_`, `-` and spaces, and not `text` or `embedding`";
            return Err(Error::Settings(format!("task name `{name}` cannot be; expected {rule}")));
        }
        if tasks[..i].iter().any(|other| other.name == *name) {
            return Err(Error::Settings(format!("two tasks are called `{name}`")));
        }
    }
    Ok(())
}

/// Sets one key to a value that is read as TOML, or as a string if it is none.
fn apply(table: &mut toml::Table, change: &str) -> Result<()> {
    let wrong = || Error::Settings(format!("`{change}`: expected KEY=VALUE, as `train.epochs=5`"));
    let (key, value) = change.split_once('=').ok_or_else(wrong)?;
    let parsed = format!("value = {value}").parse::<toml::Table>().ok();
    let value = parsed.and_then(|mut parsed| parsed.remove("value"));
    let value = value.unwrap_or_else(|| toml::Value::String(change[key.len() + 1..].to_string()));
    let mut path: Vec<&str> = key.trim().split('.').collect();
    let last = path.pop().filter(|key| !key.is_empty()).ok_or_else(wrong)?;
    let no_table = |key: &str| Error::Settings(format!("`{change}`: there is no table `{key}`"));
    let mut place = table;
    if let ["task", name] = path[..] {
        place = task(place, name).ok_or_else(|| no_table(name))?;
    } else {
        for key in path {
            place = child(place, key).ok_or_else(|| no_table(key))?;
        }
    }
    place.insert(last.to_string(), value);
    Ok(())
}

/// The table under `key`, made if there is none.
fn child<'a>(table: &'a mut toml::Table, key: &str) -> Option<&'a mut toml::Table> {
    let entry = table.entry(key).or_insert_with(|| toml::Value::Table(toml::Table::new()));
    entry.as_table_mut()
}

/// The `[[task]]` of that name.
fn task<'a>(table: &'a mut toml::Table, name: &str) -> Option<&'a mut toml::Table> {
    let tasks = table.get_mut("task")?.as_array_mut()?;
    let named = |task: &&mut toml::Value| task.get("name").and_then(toml::Value::as_str) == Some(name);
    tasks.iter_mut().find(named)?.as_table_mut()
}

/// An error of the TOML reader, with the nearest known key.
fn explain(error: &toml::de::Error) -> Error {
    let message = error.to_string();
    let message = message.trim_end();
    let quoted: Vec<&str> = error.message().split('`').skip(1).step_by(2).collect();
    let near = match quoted.split_first() {
        Some((unknown, known)) if error.message().starts_with("unknown field") => nearest(unknown, known),
        _ => None,
    };
    let hint = near.map(|near| format!(" (did you mean `{near}`?)")).unwrap_or_default();
    Error::Settings(format!("{message}{hint}"))
}

fn yes() -> bool {
    true
}

fn one() -> f32 {
    1.0
}

fn tenth() -> f32 {
    0.1
}

fn text() -> String {
    "text".to_string()
}

fn tanh() -> String {
    "tanh".to_string()
}

fn held_out_tenth() -> Validation {
    Validation::Fraction(0.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
        [model]
        encoder = "minilm"
        [[task]]
        name = "domain"
        kind = "classification"
        labels = ["a", "b"]
        [data]
        train = "train.jsonl"
        "#;

    fn error(text: &str, overrides: &[&str]) -> String {
        let overrides: Vec<String> = overrides.iter().map(|s| s.to_string()).collect();
        Settings::parse(text, &overrides).unwrap_err().to_string()
    }

    #[test]
    fn what_is_not_said_has_a_default() {
        let settings = Settings::parse(TEXT, &[]).unwrap();
        assert_eq!(settings.train, TrainSettings::default());
        assert_eq!(settings.data.validation, Validation::Fraction(0.1));
        assert_eq!(settings.tasks[0].options["labels"], serde_json::json!(["a", "b"]));
        assert_eq!((settings.tasks[0].column(), settings.tasks[0].weight), ("domain", 1.0));
    }

    #[test]
    fn what_is_written_is_read_again() {
        let settings = Settings::parse(TEXT, &[]).unwrap();
        assert_eq!(Settings::parse(&settings.to_toml(), &[]).unwrap(), settings);
    }

    #[test]
    fn overrides_reach_every_key() {
        let overrides = ["train.epochs=7", "model.pooling=max", "task.domain.weight=0.5", "train.freeze=[\"backbone\"]"];
        let settings = Settings::parse(TEXT, &overrides.map(String::from)).unwrap();
        assert_eq!((settings.train.epochs, settings.tasks[0].weight), (7, 0.5));
        assert_eq!(settings.model.pooling, Some(OneOrMany::One("max".into())));
        assert_eq!(settings.train.freeze, ["backbone"]);
    }

    #[test]
    fn an_unknown_key_is_an_error_with_the_nearest_one() {
        let text = format!("{TEXT}\n[train]\nepocs = 3");
        assert!(error(&text, &[]).contains("(did you mean `epochs`?)"), "{}", error(&text, &[]));
        assert!(error(TEXT, &["train.batchsize=3"]).contains("(did you mean `batch_size`?)"));
    }

    #[test]
    fn values_that_cannot_be_are_errors() {
        let check = |change: &str, expected: &str| assert_eq!(error(TEXT, &[change]), expected);
        check("train.batch_size=0", "`train.batch_size` is 0; expected 1 or more");
        check("data.validation=1.5", "`data.validation` is 1.5; expected between 0 and 1, or a file");
        check("task.domain.dropout=1.0", "`task `domain`: dropout` is 1; expected 0 or more and below 1");
        check("epochs", "`epochs`: expected KEY=VALUE, as `train.epochs=5`");
    }
}
