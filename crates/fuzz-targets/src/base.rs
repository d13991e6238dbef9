//! Whole model folders in which a target replaces one file.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;
use umbel::encoder::scratch::{self, Size};
use umbel::encoder::{Builder, ENCODERS, Source};
use umbel::folder::Config;
use umbel::folder::write::{NamedTensor, write_safetensors};
use umbel::nn::Params;
use umbel::nn::params::Param;
use umbel::random::Random;
use umbel::settings::TaskSettings;
use umbel::{Model, Result};

/// So small that a run takes about a millisecond.
const SIZE: Size =
    Size { hidden_size: 4, n_layers: 1, n_heads: 2, intermediate_size: 4, max_positions: 16, dropout: 0.0 };

/// A folder that is made once and lives as long as its thread.
pub(crate) struct Base(TempDir);

impl Base {
    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes a file of the folder.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.path().join(name), bytes).expect("a temporary file can be written");
    }

    /// An empty folder.
    pub(crate) fn empty() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder can be made"))
    }

    /// A small BERT.
    pub(crate) fn bert() -> Self {
        let base = Self::empty();
        scratch::write(base.path(), &["a", "text", "refund"], &SIZE, 1).expect("the encoder is written");
        base
    }

    /// A small BERT with a dense layer that gives 3 numbers.
    pub(crate) fn with_dense() -> Self {
        let base = Self::bert();
        for folder in ["1_Pooling", "2_Dense"] {
            fs::create_dir(base.path().join(folder)).expect("a temporary folder can be made");
        }
        let (weight, bias) = ([0.5; 12], [0.0; 3]);
        let tensors: [NamedTensor<'_>; 2] =
            [("linear.weight".into(), vec![3, 4], &weight), ("linear.bias".into(), vec![3], &bias)];
        write_safetensors(&base.path().join("2_Dense/model.safetensors"), &tensors, &[])
            .expect("the layer is written");
        base
    }

    /// A small BERT with a head of each kind.
    pub(crate) fn with_heads() -> Result<Self> {
        let (bert, base) = (Self::bert(), Self::empty());
        let mut model = Model::open(bert.path())?;
        let tasks = [
            r#"{"name": "topic", "kind": "classification", "labels": ["a", "b"]}"#,
            r#"{"name": "mood", "kind": "regression", "mean": [1.0], "sd": [2.0]}"#,
        ];
        for task in tasks {
            let settings: TaskSettings = serde_json::from_str(task).expect("they are settings of a task");
            let task = umbel::task::make(&settings)?;
            model.add_head(settings, task, 1).expect("the task fits the encoder");
        }
        model.save(base.path())?;
        Ok(base)
    }

    /// An encoder with random weights of the sizes that `config` says.
    pub(crate) fn of_config(config: &[u8]) -> Result<Self> {
        let base = Self::bert();
        base.write("config.json", config);
        let path = base.path().join("config.json");
        let config = Config::read(&path)?;
        let architecture = ENCODERS.find(config.model_type()?)?;
        let mut params = Params::default();
        let mut builder = Builder::new(&mut params, Source::Random { random: Random::new(1), std: 0.1 });
        (architecture.build)(&config.with_aliases(architecture.aliases), &mut builder)?;
        builder.finish(base.path())?;
        let owned = |(name, shape, values): (&str, &[usize], _)| (name.to_string(), shape.to_vec(), values);
        let tensors: Vec<NamedTensor<'_>> =
            params.iter().flat_map(|(_, param)| Param::tensors(param)).map(owned).collect();
        write_safetensors(&base.path().join("model.safetensors"), &tensors, &[])?;
        Ok(base)
    }
}

/// The project's corpora.
pub(crate) fn corpus(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target)
}

/// The `model_type` of a `config.json`, if it is one.
pub(crate) fn model_type(config: &[u8]) -> Option<String> {
    let config: Value = serde_json::from_slice(config).ok()?;
    config["model_type"].as_str().map(String::from)
}
