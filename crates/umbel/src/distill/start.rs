//! The folder of a student before its first step: a trimmed tokenizer, weights that come from the teacher, and the
//! projection that fits the teacher's embeddings best.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

use super::DistillSettings;
use super::algebra::{least_squares, main_directions, mean};
use super::families::{FAMILIES, Family, Sizes};
use super::layers::Layers;
use super::teacher::Teacher;
use super::vocabulary::Trimmed;
use crate::encoder::scratch;
use crate::error::{Error, Result};
use crate::folder::write::{NamedTensor, write_file, write_safetensors};
use crate::folder::{DenseLayer, SentenceFolder, Weights, files, write_sentence_folder};
use crate::model::Model;
use crate::nn::Matrix;
use crate::nn::tensor::Tensor;

/// The quadratic mean of the first token embeddings' numbers; the norm after them makes it 1.
const EMBEDDING_SCALE: f64 = 0.1;
/// The part of the mean variance that keeps the first projection tame.
const RIDGE: f64 = 1e-3;

/// What a student starts from.
pub(super) struct Start<'a> {
    pub(super) settings: &'a DistillSettings,
    pub(super) teacher: &'a Teacher,
    pub(super) trimmed: &'a Trimmed,
    /// How often the corpus has each of the teacher's tokens.
    pub(super) counts: &'a [u64],
    /// Texts, and what the teacher says of them, by which the projection is fitted.
    pub(super) sample: (&'a [&'a str], &'a Matrix),
}

impl Start<'_> {
    /// Writes the student's folder; true if its layers and embeddings are the teacher's.
    pub(super) fn write(&self, dir: &Path) -> Result<bool> {
        std::fs::create_dir_all(dir).map_err(Error::io(dir))?;
        let family = FAMILIES.find(&self.settings.student.model_type)?;
        self.write_tokenizer(dir)?;
        let pad = self.trimmed.pad(self.teacher.model.tokenizer.pad_id());
        let vocab = self.trimmed.kept.len();
        let config = family.config(&Sizes { settings: self.settings, vocab, pad });
        let from_layers = self.write_weights(dir, family, &config)?;

        let mut folder = SentenceFolder::plain(dir);
        folder.max_seq_length = Some(self.settings.student.max_length);
        folder.similarity = Some("cosine".to_string());
        folder.do_lower_case = self.teacher.do_lower_case;
        if from_layers {
            folder.poolings.clone_from(&self.teacher.model.embedding.poolings);
        }
        write_sentence_folder(dir, &folder, self.settings.student.hidden_size)?;
        folder.dense = vec![self.projection(dir)?];
        write_sentence_folder(dir, &folder, self.settings.student.hidden_size)?;
        Ok(from_layers)
    }

    fn write_tokenizer(&self, dir: &Path) -> Result<()> {
        write_json(&dir.join("tokenizer.json"), &self.trimmed.json)?;
        let path = self.teacher.model.origin().transformer_dir.join("tokenizer_config.json");
        let mut config = match path.exists() {
            true => serde_json::from_slice(&files::read(&path)?)
                .map_err(|error| Error::model(&path, error.to_string()))?,
            false => json!({}),
        };
        config["model_max_length"] = json!(self.settings.student.max_length);
        if let Some(config) = config.as_object_mut() {
            config.remove("added_tokens_decoder"); // It names tokens by their old numbers.
            if self.teacher.model.origin().model_type != self.settings.student.model_type {
                // A class of the teacher's architecture may give inputs that the student's takes for something else.
                config.insert("tokenizer_class".to_string(), json!("PreTrainedTokenizerFast"));
                config.insert("model_input_names".to_string(), json!(["input_ids", "attention_mask"]));
            }
        }
        write_json(&dir.join("tokenizer_config.json"), &config)
    }

    /// Writes the teacher's layers and tables if they fit, and true; else random layers and what it says of each token.
    fn write_weights(&self, dir: &Path, family: &Family, config: &Value) -> Result<bool> {
        let layers = Layers { settings: self.settings, teacher: self.teacher, trimmed: self.trimmed, family };
        if let Some(config) = layers.config(config)? {
            let mut tensors = self.random_weights(dir, &config)?;
            if layers.fit(&tensors) {
                layers.take(&mut tensors);
                write_tensors(dir, &tensors)?;
                return Ok(true);
            }
        }
        let mut tensors = self.random_weights(dir, config)?;
        self.take_tokens(&mut tensors, family)?;
        write_tensors(dir, &tensors)?;
        Ok(false)
    }

    /// Writes the configuration and random weights for it, and reads these.
    fn random_weights(&self, dir: &Path, config: &Value) -> Result<BTreeMap<String, Tensor>> {
        scratch::write_weights(dir, config, self.settings.train.seed)?;
        let random = Weights::open(dir)?;
        let names: Vec<String> = random.names().map(String::from).collect();
        names.into_iter().map(|name| Ok((name.clone(), random.tensor(&name)?))).collect()
    }

    /// Takes for each token the direction of what the teacher says of it alone (as Model2Vec: Tulkens and van Dongen 2024),
    /// along the main directions of all of them, scaled down the more the commoner it is. Positions and types of token
    /// are zero at first.
    ///
    /// The norm after the embeddings would scale each token up again: two more columns of opposite sign make all as long.
    fn take_tokens(&self, tensors: &mut BTreeMap<String, Tensor>, family: &Family) -> Result<()> {
        let alone = self.teacher.tokens(&self.trimmed.kept)?;
        let width = self.settings.student.hidden_size;
        let center = mean(&alone);
        let directions = main_directions(&alone, &center, (width - 2).min(alone.cols()));
        let total = self.counts.iter().sum::<u64>().max(1) as f64;
        let weights = self.trimmed.kept.iter().map(|&id| {
            let share = self.counts.get(id as usize).copied().unwrap_or(0) as f64 / total;
            self.settings.student.sif / (self.settings.student.sif + share)
        });
        let coordinates = |(row, weight): (&[f32], f64)| -> Vec<f64> {
            let along = |direction: &Vec<f64>| {
                let parts = row.iter().zip(&center).zip(direction);
                weight * parts.map(|((x, mean), d)| (f64::from(*x) - mean) * d).sum::<f64>()
            };
            directions.iter().map(along).collect()
        };
        let rows: Vec<Vec<f64>> = alone.iter_rows().zip(weights).map(coordinates).collect();
        let square = |row: &Vec<f64>| row.iter().map(|x| x * x).sum::<f64>();
        let longest = rows.iter().map(square).fold(f64::MIN_POSITIVE, f64::max);
        let scale = EMBEDDING_SCALE * (width as f64 / longest).sqrt();
        let mut table = vec![0.0; rows.len() * width];
        for (row, values) in table.chunks_mut(width).zip(&rows) {
            row.iter_mut().zip(values).for_each(|(to, x)| *to = (x * scale) as f32);
            let rest = (((longest - square(values)) / 2.0).max(0.0).sqrt() * scale) as f32;
            (row[width - 2], row[width - 1]) = (rest, -rest);
        }
        for (name, tensor) in tensors {
            if name == family.words {
                tensor.values = std::mem::take(&mut table).into();
            } else if is_table(name, tensor) {
                tensor.values = vec![0.0; tensor.as_slice().len()].into();
            }
        }
        Ok(())
    }

    /// The dense layer that leads from the student's pooled states, as they are, to the teacher's embeddings of the
    /// sample with the least squared error.
    fn projection(&self, dir: &Path) -> Result<DenseLayer> {
        let mut bare = Model::open_without_heads(dir)?;
        bare.set_truncation(Some(Some(self.settings.corpus.max_length)))?;
        let (texts, wanted) = self.sample;
        let pooled = bare.embed(texts)?.embeddings;
        let (weight, bias) = least_squares(&pooled, wanted, RIDGE);
        let shape = vec![weight.rows(), weight.cols()];
        Ok(DenseLayer {
            weight: Tensor::new(shape, weight.into_vec()),
            bias: Some(Tensor::new(vec![bias.len()], bias)),
            activation: "identity".to_string(),
        })
    }
}

/// True of a table of embeddings: of tokens, positions or types of token.
pub(super) fn is_table(name: &str, tensor: &Tensor) -> bool {
    let of_decoders = ["embed_tokens.weight", "shared.weight", "wpe.weight", "wte.weight"];
    tensor.shape.len() == 2 && (name.starts_with("embeddings.") || of_decoders.contains(&name))
}

fn write_tensors(dir: &Path, tensors: &BTreeMap<String, Tensor>) -> Result<()> {
    let named =
        |(name, tensor): (&String, &Tensor)| (name.clone(), tensor.shape.clone(), tensor.as_slice().to_vec());
    let owned: Vec<(String, Vec<usize>, Vec<f32>)> = tensors.iter().map(named).collect();
    let named: Vec<NamedTensor<'_>> =
        owned.iter().map(|(name, shape, values)| (name.clone(), shape.clone(), &values[..])).collect();
    write_safetensors(&dir.join("model.safetensors"), &named, &[("format", "pt")])
}

fn write_json(path: &Path, value: &Value) -> Result<()> {
    write_file(path, &serde_json::to_vec_pretty(value).expect("plain values"))
}
