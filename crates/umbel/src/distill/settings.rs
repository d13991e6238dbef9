//! The student's file: what it is, what it reads and how it learns.

use std::path::Path;

use kernels::Precision;
use serde::{Deserialize, Serialize};

use super::families::FAMILIES;
use crate::error::{Error, Result};
use crate::settings::{Settings, TrainSettings, explain};

/// All that is said of a student.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DistillSettings {
    /// Its sizes.
    pub student: StudentSettings,
    /// How the teacher computes.
    #[serde(default)]
    pub teacher: TeacherSettings,
    /// What it reads.
    #[serde(default)]
    pub corpus: CorpusSettings,
    /// What it is measured by.
    #[serde(default)]
    pub loss: LossSettings,
    /// How it is trained; the defaults are those of [`DEFAULTS`], and then those of any run.
    pub train: TrainSettings,
}

/// The sizes of a student.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StudentSettings {
    /// Its architecture, as `bert`.
    pub model_type: String,
    /// Columns of a token's state.
    pub hidden_size: usize,
    /// Layers.
    pub layers: usize,
    /// Attention heads of a layer.
    pub heads: usize,
    /// Columns within the feed-forward blocks; four times `hidden_size` if missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub intermediate_size: Option<usize>,
    /// How many of the teacher's tokens it knows, the ones that the corpus has most; all if missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vocab_size: Option<usize>,
    /// The longest text that it reads, in tokens.
    pub max_length: usize,
    /// Numbers of an embedding; as many as the teacher's if missing. Fewer are the teacher's embeddings along their main
    /// directions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dimensions: Option<usize>,
    /// The share of values dropped in training.
    pub dropout: f32,
    /// The constant `a` of the weight `a / (a + p)` of a token whose share of the corpus is `p`, by which the first
    /// token embeddings are scaled (Arora et al. 2017, "A simple but tough-to-beat baseline for sentence embeddings").
    pub sif: f64,
}

impl Default for StudentSettings {
    fn default() -> Self {
        Self {
            model_type: "bert".to_string(),
            hidden_size: 256,
            layers: 2,
            heads: 4,
            intermediate_size: None,
            vocab_size: None,
            max_length: 128,
            dimensions: None,
            dropout: 0.0,
            sif: 1e-3,
        }
    }
}

/// How the teacher computes.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TeacherSettings {
    /// `f32`, `bf16` or `int8`; bfloat16 where the CPU multiplies such numbers if missing, else 32-bit floats.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub precision: Option<TeacherPrecision>,
}

/// How precisely a teacher computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TeacherPrecision {
    /// 32-bit floats.
    F32,
    /// bfloat16 products.
    Bf16,
    /// Products of 8-bit integers: the fastest.
    Int8,
}

impl TeacherSettings {
    /// How precisely it computes on this machine.
    pub fn precision(&self) -> Precision {
        match self.precision {
            None => Precision::auto(),
            Some(TeacherPrecision::F32) => Precision::F32,
            Some(TeacherPrecision::Bf16) => Precision::Bf16,
            Some(TeacherPrecision::Int8) => Precision::Int8,
        }
    }
}

/// What a student reads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CorpusSettings {
    /// The column of the texts, in files that have columns.
    pub text: String,
    /// How many texts are held out, evenly over the corpus.
    pub validation: usize,
    /// Tokens of a text that teacher and student read in training.
    pub max_length: usize,
}

impl Default for CorpusSettings {
    fn default() -> Self {
        Self { text: "text".to_string(), validation: 1000, max_length: 64 }
    }
}

/// What a student is measured by. Lengths are those of teacher's embeddings whose numbers are 1 in the quadratic mean.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LossSettings {
    /// What `1 − cosine` to the teacher's embedding is multiplied by.
    pub cosine: f32,
    /// What the squared distance to it, as a mean over its numbers, is multiplied by.
    pub mse: f32,
    /// What the mean squared difference of the cosines of each two texts of a batch, the student's and the teacher's, is
    /// multiplied by.
    pub pairs: f32,
}

impl Default for LossSettings {
    fn default() -> Self {
        Self { cosine: 1.0, mse: 1.0, pairs: 0.0 }
    }
}

/// Keys of `[train]` that a student needs otherwise than the fine-tuning of a large encoder.
pub const DEFAULTS: &str = "epochs = 5\nbatch_size = 256\nlearning_rate = 1e-3\nweight_decay = 0.0\n";

impl DistillSettings {
    /// Reads a student's file; `overrides` are `key=value`, the key with dots, as `student.layers=1`.
    ///
    /// # Errors
    /// If the file cannot be read, a key is unknown, or a value cannot be.
    pub fn read(path: &Path, overrides: &[String]) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(Error::io(path))?;
        let in_file = |error: Error| Error::Settings(format!("{}: {error}", path.display()));
        Self::parse(&text, overrides).map_err(in_file)
    }

    /// Reads the text of a student's file.
    ///
    /// # Errors
    /// If a key is unknown or a value cannot be.
    pub fn parse(text: &str, overrides: &[String]) -> Result<Self> {
        let mut table: toml::Table = text.parse().map_err(|error| explain(&error))?;
        overrides.iter().try_for_each(|change| crate::settings::apply(&mut table, change))?;
        let defaults: toml::Table = DEFAULTS.parse().expect("it is TOML");
        let train = table.entry("train").or_insert_with(|| toml::Value::Table(toml::Table::new()));
        if let Some(train) = train.as_table_mut() {
            for (key, value) in defaults {
                train.entry(key).or_insert(value);
            }
        }
        let settings: Self = toml::Value::Table(table).try_into().map_err(|error| explain(&error))?;
        settings.check()?;
        Ok(settings)
    }

    /// Numbers of an embedding, for a teacher whose embeddings have `teacher` of them.
    ///
    /// # Errors
    /// If it has fewer than are asked.
    pub(super) fn dimensions(&self, teacher: usize) -> Result<usize> {
        match self.student.dimensions {
            Some(asked) if asked > teacher => Err(Error::Settings(format!(
                "`student.dimensions` is {asked}; expected at most {teacher}, as many as the teacher's embeddings have"
            ))),
            asked => Ok(asked.unwrap_or(teacher)),
        }
    }

    /// Columns within the feed-forward blocks.
    pub fn intermediate_size(&self) -> usize {
        self.student.intermediate_size.unwrap_or(4 * self.student.hidden_size)
    }

    fn check(&self) -> Result<()> {
        let Self { student, corpus, loss, .. } = self;
        FAMILIES.find(&student.model_type)?;
        let wrong = |problem: String| Err(Error::Settings(problem));
        let sizes = [
            ("student.hidden_size", student.hidden_size, 4),
            ("student.layers", student.layers, 1),
            ("student.heads", student.heads, 1),
            ("student.intermediate_size", self.intermediate_size(), 1),
            ("student.vocab_size", student.vocab_size.unwrap_or(1), 1),
            ("student.max_length", student.max_length, 3),
            ("student.dimensions", student.dimensions.unwrap_or(1), 1),
            ("corpus.validation", corpus.validation, 1),
            ("corpus.max_length", corpus.max_length, 3),
        ];
        if let Some((key, size, least)) = sizes.iter().find(|(_, size, least)| size < least) {
            return wrong(format!("`{key}` is {size}; expected {least} or more"));
        }
        if !student.hidden_size.is_multiple_of(student.heads) {
            let (size, heads) = (student.hidden_size, student.heads);
            return wrong(format!(
                "`student.hidden_size` is {size}; expected a multiple of `heads`, which is {heads}"
            ));
        }
        if corpus.max_length > student.max_length {
            let (own, most) = (corpus.max_length, student.max_length);
            return wrong(format!(
                "`corpus.max_length` is {own}; expected at most `student.max_length`, which is {most}"
            ));
        }
        if !(0.0..1.0).contains(&student.dropout) {
            return wrong(format!(
                "`student.dropout` is {}; expected 0 or more and below 1",
                student.dropout
            ));
        }
        if !(student.sif.is_finite() && student.sif > 0.0) {
            return wrong(format!("`student.sif` is {}; expected above 0", student.sif));
        }
        let weights = [("loss.cosine", loss.cosine), ("loss.mse", loss.mse), ("loss.pairs", loss.pairs)];
        if let Some((key, weight)) =
            weights.iter().find(|(_, weight)| !(weight.is_finite() && *weight >= 0.0))
        {
            return wrong(format!("`{key}` is {weight}; expected 0 or more"));
        }
        match weights.iter().all(|(_, weight)| *weight == 0.0) {
            true => {
                wrong("`loss.cosine`, `loss.mse` and `loss.pairs` are 0; expected one above 0".to_string())
            }
            false => Ok(()),
        }
    }

    /// The settings of the ordinary run that trains the student, for a teacher whose embeddings have `size` numbers.
    ///
    /// # Errors
    /// If the part of training says what cannot be.
    pub(super) fn run(&self, corpus: &[std::path::PathBuf], size: usize) -> Result<Settings> {
        let Self { corpus: CorpusSettings { text, max_length, .. }, loss, train, .. } = self;
        let corpus: Vec<_> = corpus.iter().map(|path| path.to_string_lossy()).collect();
        let task = serde_json::json!({
            "name": "teacher", "kind": "distill", "size": size, "dropout": 0.0,
            "cosine_weight": loss.cosine, "mse_weight": loss.mse / size as f32, "pair_weight": loss.pairs,
        });
        let whole = serde_json::json!({
            "model": {"encoder": "student", "max_length": max_length},
            "task": [task],
            "data": {"train": corpus, "text": text},
            "train": train,
        });
        let table = toml::to_string(&whole).map_err(|error| Error::Settings(error.to_string()))?;
        Settings::parse(&table, &[])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        DistillSettings::parse(text, &[]).unwrap_err().to_string()
    }

    #[test]
    fn what_is_not_said_has_a_default() {
        let settings = DistillSettings::parse("[student]\nlayers = 1\n[train]\nepochs = 9", &[]).unwrap();
        assert_eq!((settings.student.layers, settings.student.hidden_size), (1, 256));
        assert_eq!((settings.train.epochs, settings.train.batch_size), (9, 256));
        assert_eq!(settings.intermediate_size(), 1024);
        let changed = DistillSettings::parse("[student]", &["train.epochs=2".to_string()]).unwrap();
        assert_eq!(changed.train.epochs, 2);
    }

    #[test]
    fn what_cannot_be_is_an_error() {
        assert!(error("[student]\nhiden_size = 3").contains("(did you mean `hidden_size`?)"));
        assert!(error("[student]\n[train]\nepocs = 3").contains("(did you mean `epochs`?)"));
        assert!(error("[student]\nmodel_type = \"brt\"").contains("bert"));
        assert_eq!(error("[student]\nlayers = 0"), "`student.layers` is 0; expected 1 or more");
        assert_eq!(
            error("[student]\nhidden_size = 10\nheads = 4"),
            "`student.hidden_size` is 10; expected a multiple of `heads`, which is 4"
        );
        assert_eq!(error("[student]\n[loss]\npairs = -1"), "`loss.pairs` is -1; expected 0 or more");
        assert_eq!(
            error("[student]\n[loss]\ncosine = 0\nmse = 0"),
            "`loss.cosine`, `loss.mse` and `loss.pairs` are 0; expected one above 0"
        );
        assert!(
            error("[student]\n[corpus]\nmax_length = 500").contains("expected at most `student.max_length`")
        );
        assert!(error("[train]").contains("student"));
    }

    #[test]
    fn the_run_has_the_distill_task_alone() {
        let settings = DistillSettings::parse("[student]\n[loss]\nmse = 2", &[]).unwrap();
        let run = settings.run(&["corpus.txt".into()], 4).unwrap();
        assert_eq!((run.tasks.len(), run.tasks[0].kind.as_str()), (1, "distill"));
        assert_eq!(run.tasks[0].options["mse_weight"], serde_json::json!(0.5));
        assert_eq!(run.train, settings.train);
    }
}
