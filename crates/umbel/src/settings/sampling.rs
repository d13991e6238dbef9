//! `train.sampling` and `train.oversample`: which rows come how often.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Settings, Source, Validation};
use crate::error::{Error, Result};
use crate::sampling;

/// A sampling by its name, or by its name and its options.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "expected a name, or `{ kind = \"temperature\", temperature = 2, by = \"source\" }`"
)]
pub enum SamplingSettings {
    /// By source, with its usual options.
    Name(String),
    /// `{ kind = "temperature", temperature = 2, by = "task" }`
    Table {
        /// Its name.
        kind: String,
        /// What a group of rows is.
        #[serde(default)]
        by: GroupBy,
        /// Its options.
        #[serde(flatten)]
        options: Map<String, Value>,
    },
}

/// What a group of rows is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GroupBy {
    /// The rows of an entry of `data.train`.
    #[default]
    Source,
    /// The rows that carry a task's label; a row may be in several groups.
    Task,
}

impl SamplingSettings {
    /// The name.
    pub fn kind(&self) -> &str {
        match self {
            Self::Name(kind) | Self::Table { kind, .. } => kind,
        }
    }

    /// What a group of rows is.
    pub fn by(&self) -> GroupBy {
        match self {
            Self::Name(_) => GroupBy::Source,
            Self::Table { by, .. } => *by,
        }
    }

    /// The options.
    pub fn options(&self) -> Map<String, Value> {
        match self {
            Self::Name(_) => Map::new(),
            Self::Table { options, .. } => options.clone(),
        }
    }
}

/// A task whose rare labels come more often.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected a task's name, or `{ task = \"topic\", max_ratio = 10 }`")]
pub enum Oversample {
    /// Up to ten times as often.
    Task(String),
    /// `{ task = "topic", max_ratio = 5 }`
    Table {
        /// The task.
        task: String,
        /// How many times as often a row may come.
        #[serde(default = "ten")]
        max_ratio: f64,
    },
}

impl Oversample {
    /// Kinds of task whose labels can be rare.
    pub const KINDS: [&str; 3] = ["classification", "multilabel", "ordinal"];

    /// The task.
    pub fn task(&self) -> &str {
        match self {
            Self::Task(task) | Self::Table { task, .. } => task,
        }
    }

    /// How many times as often as others a row may come.
    pub fn max_ratio(&self) -> f64 {
        match self {
            Self::Task(_) => ten(),
            Self::Table { max_ratio, .. } => *max_ratio,
        }
    }
}

fn ten() -> f64 {
    10.0
}

impl Settings {
    /// The sampling: what `train.sampling` says, else `proportional` if sources have weights, else `shuffle`.
    pub fn sampling(&self) -> SamplingSettings {
        let has_weights = self.data.train.sources().iter().any(|source| source.weight().is_some());
        let usual = || SamplingSettings::Name(if has_weights { "proportional" } else { "shuffle" }.into());
        self.train.sampling.clone().unwrap_or_else(usual)
    }
}

/// Refuses weights, samplings and tasks that cannot be.
pub(super) fn check(settings: &Settings) -> Result<()> {
    let wrong = |problem: String| Err(Error::Settings(problem));
    let weights = || settings.data.train.sources().iter().filter_map(Source::weight);
    if let Some(weight) = weights().find(|weight| !weight.is_finite() || *weight <= 0.0) {
        return wrong(format!("a `weight` in `data.train` is {weight}; expected a number above 0"));
    }
    let mut others = settings.data.test.iter().collect::<Vec<_>>();
    if let Validation::Files(files) = &settings.data.validation {
        others.push(files);
    }
    if others.iter().flat_map(|files| files.sources()).any(|source| source.weight().is_some()) {
        return wrong("only `data.train` has sources with a `weight`".to_string());
    }
    let chosen = settings.sampling();
    let made = sampling::make(chosen.kind(), chosen.options())?;
    let is_plain = made.order() == sampling::Order::Plain;
    let name = chosen.kind();
    if weights().count() > 0 && (is_plain || chosen.by() == GroupBy::Task) {
        return wrong(format!(
            "`data.train` has weights, which `train.sampling` does not use: choose one by source, as \
             `proportional` or `temperature`, not `{name}`{}",
            if is_plain { "" } else { " by task" }
        ));
    }
    if !is_plain && chosen.by() == GroupBy::Source && settings.data.train.sources().len() < 2 {
        return wrong(format!(
            "`train.sampling` is `{name}` by source, and `data.train` names one source only: name several, or say \
             `{{ kind = \"{name}\", by = \"task\" }}`"
        ));
    }
    let Some(oversample) = &settings.train.oversample else { return Ok(()) };
    let named = settings.tasks.iter().find(|task| task.name == oversample.task());
    let task = named.ok_or_else(|| Error::Unknown {
        kind: "task of `train.oversample`",
        name: oversample.task().to_string(),
        known: settings.tasks.iter().map(|task| task.name.clone()).collect(),
    })?;
    if !Oversample::KINDS.contains(&&task.kind[..]) {
        let (name, kind, known) = (&task.name, &task.kind, Oversample::KINDS.join(", "));
        return wrong(format!("`train.oversample` names `{name}`, a {kind}; expected a task of {known}"));
    }
    match oversample.max_ratio() {
        ratio if ratio.is_finite() && ratio >= 1.0 => Ok(()),
        ratio => wrong(format!("`train.oversample`: `max_ratio` is {ratio}; expected 1 or more")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "model = { encoder = 'e' }\ntask = [{ name = 'topic', kind = 'classification' }]\n";

    fn parse(train: &str, more: &str) -> Result<Settings> {
        Settings::parse(&format!("{TEXT}\n[data]\ntrain = {train}\n[train]\n{more}\n"), &[])
    }

    fn error(train: &str, more: &str, expected: &str) {
        let found = parse(train, more).unwrap_err().to_string();
        assert!(found.contains(expected), "{found}");
    }

    #[test]
    fn sources_with_weights_are_sampled_in_proportion() {
        let kind = |train: &str, more: &str| parse(train, more).unwrap().sampling().kind().to_string();
        assert_eq!(kind("['a.csv', 'b.csv']", ""), "shuffle");
        assert_eq!(kind("[{ path = 'a.csv', weight = 2 }, 'b.csv']", ""), "proportional");
        assert_eq!(
            kind("['a.csv', 'b.csv']", "sampling = { kind = 'temperature', temperature = 3 }"),
            "temperature"
        );
        let settings = parse("[{ path = 'a.csv', weight = 2 }, 'b.csv']", "sampling = 'equal'").unwrap();
        assert_eq!(Settings::parse(&settings.to_toml(), &[]).unwrap(), settings);
    }

    #[test]
    fn what_cannot_be_sampled_is_an_error() {
        error("'a.csv'", "sampling = 'equal'", "names one source only");
        assert!(parse("'a.csv'", "sampling = { kind = 'equal', by = 'task' }").is_ok());
        error("[{ path = 'a.csv', weight = 2 }, 'b.csv']", "sampling = 'shuffle'", "not `shuffle`");
        error("[{ path = 'a.csv', weight = 0 }, 'b.csv']", "", "a `weight` in `data.train` is 0");
        error("['a.csv', 'b.csv']", "sampling = 'equl'", "did you mean `equal`?");
        error("['a.csv', 'b.csv']", "oversample = 'tpoic'", "did you mean `topic`?");
        error("'a.csv'", "oversample = { task = 'topic', max_ratio = 0.5 }", "`max_ratio` is 0.5");
        let kind = TEXT.replace("classification", "regression");
        let text = format!("{kind}\n[data]\ntrain = 'a.csv'\n[train]\noversample = 'topic'\n");
        let found = Settings::parse(&text, &[]).unwrap_err().to_string();
        assert!(found.contains("names `topic`, a regression; expected a task of classification"), "{found}");
        error("{ path = 'a.csv', wieght = 2 }", "", "expected a path");
    }
}
