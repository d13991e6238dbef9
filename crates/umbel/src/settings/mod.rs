//! The settings file: one TOML file says everything about a run.

pub mod calibrate;
pub mod check;
pub mod data;
pub mod files;
pub mod model;
mod overrides;
pub mod sampling;
pub mod task;
pub mod train;
pub mod transfer;

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

pub use calibrate::{Calibrate, CalibrateSettings, Threshold};
pub use check::{CheckSettings, NoiseSettings};
pub use data::{DataSettings, Validation};
pub use files::{Files, Source};
use model::{DEFAULT_ENCODER, DEFAULT_ENCODER_RATE};
pub use model::{ModelSettings, OneOrMany, ProjectionSettings};
pub use overrides::from_toml;
pub use sampling::{GroupBy, Oversample, SamplingSettings};
pub use task::{HiddenSettings, TaskSettings};
pub use train::{ContrastSettings, Passes, Schedule, TrainSettings, WeightingSettings};
pub use transfer::{LoraSettings, TopDown, Unfreeze, UnfreezeStage};

pub(crate) use overrides::{apply, explain};

/// All settings of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The encoder and what makes an embedding of its states.
    #[serde(default)]
    pub model: ModelSettings,
    /// The tasks, in the order in which their answers are given.
    #[serde(rename = "task", default)]
    pub tasks: Vec<TaskSettings>,
    /// The data files and their columns.
    pub data: DataSettings,
    /// How to train.
    #[serde(default)]
    pub train: TrainSettings,
    /// What `umbel check` holds rows to.
    #[serde(default, skip_serializing_if = "CheckSettings::is_default")]
    pub check: CheckSettings,
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
        let mut settings: Self = from_toml(text, overrides)?;
        if settings.model.encoder == DEFAULT_ENCODER && !gives_a_rate(text, overrides) {
            settings.train.learning_rate = DEFAULT_ENCODER_RATE;
        }
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
        let (train, noise) = (&self.train, &self.check.noise);
        let share = |key: &str, value: f64| {
            (key.to_string(), value, (0.0..1.0).contains(&value), "0 or more and below 1")
        };
        let positive = |key: &str, value: usize| (key.to_string(), value as f64, value > 0, "1 or more");
        let mut checks = vec![
            positive("train.batch_size", train.batch_size),
            positive("train.gradient_accumulation", train.gradient_accumulation),
            positive("train.batch_tokens", train.batch_tokens.unwrap_or(1)),
            positive("train.shuffle_window", train.shuffle_window.unwrap_or(1)),
            positive("train.epochs", train.epochs),
            positive("train.checkpoint_every", train.checkpoint_every),
            positive("train.keep_checkpoints", train.keep_checkpoints),
            positive("train.max_skipped_steps", train.max_skipped_steps),
            share("train.warmup", train.warmup),
            positive("train.contrast.steps", train.contrast.as_ref().map_or(1, |contrast| contrast.steps)),
            ("train.learning_rate".into(), train.learning_rate, train.learning_rate > 0.0, "above 0"),
            ("train.max_grad_norm".into(), train.max_grad_norm, train.max_grad_norm >= 0.0, "0 or more"),
            ("train.weight_decay".into(), train.weight_decay, train.weight_decay >= 0.0, "0 or more"),
            positive("check.min_rows", self.check.min_rows),
            positive("check.noise.epochs", noise.epochs),
            ("check.noise.folds".into(), noise.folds as f64, noise.folds >= 2, "2 or more"),
            ("check.noise.learning_rate".into(), noise.learning_rate, noise.learning_rate > 0.0, "above 0"),
        ];
        if let Some(contrast) = &train.contrast {
            let (size, rate) = (contrast.batch_size, contrast.learning_rate);
            checks.push(("train.contrast.batch_size".into(), size as f64, size >= 4, "4 or more"));
            checks.push(("train.contrast.learning_rate".into(), rate, rate > 0.0, "above 0"));
        }
        if let Validation::Fraction(fraction) = self.data.validation {
            let fits = fraction > 0.0 && fraction < 1.0;
            checks.push(("data.validation".into(), fraction, fits, "between 0 and 1, or a file"));
        }
        for task in &self.tasks {
            checks.push(share(&format!("task `{}`: dropout", task.name), f64::from(task.dropout)));
            let fits = task.weight.is_finite() && task.weight >= 0.0;
            checks.push((format!("task `{}`: weight", task.name), f64::from(task.weight), fits, "0 or more"));
            let wanted = task.calibrate.as_ref().and_then(CalibrateSettings::wanted).unwrap_or_default();
            wanted.check().map_err(|problem| Error::Settings(format!("task `{}`: {problem}", task.name)))?;
        }
        if let Some((key, value, _, expected)) = checks.iter().find(|(_, _, fits, _)| !fits) {
            return Err(Error::Settings(format!("`{key}` is {value}; expected {expected}")));
        }
        transfer::check(train)?;
        let weighting = &train.weighting;
        crate::weighting::make(weighting.kind(), self.tasks.len(), weighting.options())?;
        if train.passes == Passes::PerTask && weighting.kind() != "fixed" {
            let problem =
                format!("`train.weighting` is `{}`, which needs `passes = \"shared\"`", weighting.kind());
            return Err(Error::Settings(problem));
        }
        sampling::check(self)?;
        task::check_names(&self.tasks)
    }
}

/// True if a learning rate is said.
fn gives_a_rate(text: &str, overrides: &[String]) -> bool {
    let table: Option<toml::Table> = text.parse().ok();
    let of_file = table.and_then(|table| table.get("train")?.get("learning_rate").cloned());
    let is_rate =
        |change: &String| change.split('=').next().is_some_and(|key| key.trim() == "train.learning_rate");
    of_file.is_some() || overrides.iter().any(is_rate)
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
    fn without_an_encoder_it_is_the_one_that_umbel_carries() {
        let data = "[[task]]\nname = \"a\"\nkind = \"regression\"\n[data]\ntrain = \"a.jsonl\"\n";
        for text in [data.to_string(), format!("[model]\nmax_length = 32\n{data}")] {
            let settings = Settings::parse(&text, &[]).unwrap();
            assert_eq!((&settings.model.encoder[..], settings.train.learning_rate), ("umbel-mini", 5e-4));
            let given = format!("{text}[train]\nlearning_rate = 5e-5\n");
            assert_eq!(Settings::parse(&given, &[]).unwrap().train.learning_rate, 5e-5);
            let given = ["train.learning_rate=1e-3".to_string()];
            assert_eq!(Settings::parse(&text, &given).unwrap().train.learning_rate, 1e-3);
            let other = ["model.encoder=other".to_string()];
            assert_eq!(Settings::parse(&text, &other).unwrap().train.learning_rate, 5e-5);
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let settings = Settings::parse(TEXT, &[]).unwrap();
        assert_eq!(Settings::parse(&settings.to_toml(), &[]).unwrap(), settings);
    }

    #[test]
    fn overrides_reach_every_key() {
        let overrides =
            ["train.epochs=7", "model.pooling=max", "task.domain.weight=0.5", "train.freeze=[\"backbone\"]"];
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
        check("train.shuffle_window=0", "`train.shuffle_window` is 0; expected 1 or more");
        check("train.batch_size=0", "`train.batch_size` is 0; expected 1 or more");
        check("data.validation=1.5", "`data.validation` is 1.5; expected between 0 and 1, or a file");
        check("task.domain.dropout=1.0", "`task `domain`: dropout` is 1; expected 0 or more and below 1");
        check("train.layer_decay=0", "`train.layer_decay` is 0; expected above 0 and at most 1");
        check(
            "train.probe_epochs=3",
            "`train.probe_epochs` is 3; expected less than `train.epochs`, which is 3",
        );
        check(
            "train.part_learning_rates={ heads = 0.0 }",
            "`train.part_learning_rates.heads` is 0; expected above 0; `train.freeze` keeps a part as it is",
        );
        check(
            "train.unfreeze=[{ epoch = 4, parts = [\"backbone\"] }]",
            "`train.unfreeze` is for epoch 4; expected epochs from 1 to 3, which is `train.epochs`",
        );
        check("train.lora={ rank = 0 }", "`train.lora.rank` is 0; expected 1 or more");
        assert!(error(TEXT, &["train.unfreeze={ evry = 1 }"]).contains("expected `{ every = 1 }`, "));
        assert!(error(TEXT, &["train.lora={ rnk = 1 }"]).contains("(did you mean `rank`?)"));
        check("epochs", "`epochs`: expected KEY=VALUE, as `train.epochs=5`");
    }
}
