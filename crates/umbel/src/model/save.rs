//! A model written as a sentence-transformers folder with its heads beside.

use std::io::Read;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::open::{ACTIVATIONS, FORMAT, FileRecord, Manifest};
use super::{Model, Projection};
use crate::error::{Error, Result};
use crate::folder::write::{NamedTensor, write_file, write_safetensors};
use crate::folder::{DenseLayer, SentenceFolder, files, paths, write_sentence_folder};

use crate::nn::params::{Param, Part};
use crate::nn::tensor::Tensor;
use crate::text::Truncation;

impl Model {
    /// Writes the model folder; every file is written beside its place and renamed.
    ///
    /// # Errors
    /// [`Error::Io`] if a file cannot be written.
    pub fn save(&self, dir: &Path) -> Result<()> {
        std::fs::create_dir_all(dir).map_err(Error::io(dir))?;
        let mut files = vec!["model.safetensors".to_string()];
        let unused = self.origin.unused.iter().map(|name| Ok((name, self.origin.weights.tensor(name)?)));
        let unused = unused.collect::<Result<Vec<_>>>()?;
        let mut tensors = self.encoder_tensors();
        let shared =
            unused.iter().map(|(name, tensor)| (name.to_string(), tensor.shape.clone(), tensor.as_slice()));
        tensors.extend(shared);
        write_safetensors(&dir.join(&files[0]), &tensors, &[("format", "pt")])?;
        write_sentence_folder(dir, &self.sentence_folder(), self.encoder.shape().hidden_size)?;
        for head in &self.heads {
            files.extend(self.save_head(dir, head.name())?);
        }
        let files = files.into_iter().map(|file| FileRecord::of(dir, file)).collect::<Result<_>>()?;
        let manifest = serde_json::to_vec_pretty(&self.manifest(files)).expect("plain values");
        write_file(&dir.join("umbel.json"), &manifest)
    }

    /// Writes anew what the folder's `umbel.json` says of tasks, and nothing else; the weights are those that it has.
    ///
    /// # Errors
    /// If the folder is no model of umbel's, or the file cannot be written.
    pub fn save_tasks(&self, dir: &Path) -> Result<()> {
        let path = dir.join("umbel.json");
        let files = Manifest::read(&path)?.files;
        let manifest = serde_json::to_vec_pretty(&self.manifest(files)).expect("plain values");
        write_file(&path, &manifest)
    }

    /// Writes the heads of some tasks into a folder that [`Model::save`] wrote, and what `umbel.json` says of all tasks.
    ///
    /// # Errors
    /// As [`Model::save_tasks`].
    pub fn save_heads(&self, dir: &Path, names: &[String]) -> Result<()> {
        let path = dir.join("umbel.json");
        let is_head = |file: &FileRecord| file.path.starts_with("heads/");
        let mut files = Manifest::read(&path)?.files;
        let known: Vec<String> = self.heads.iter().map(|head| head_file(head.name())).collect();
        files.retain(|file| !is_head(file) || known.contains(&file.path));
        for name in names {
            let file = self.save_head(dir, name)?;
            files.retain(|known| Some(&known.path) != file.as_ref());
            files.extend(file.map(|file| FileRecord::of(dir, file)).transpose()?);
        }
        let manifest = serde_json::to_vec_pretty(&self.manifest(files)).expect("plain values");
        write_file(&path, &manifest)
    }

    /// Writes the weights of a head, if it has any, and gives the file's path within the folder.
    fn save_head(&self, dir: &Path, name: &str) -> Result<Option<String>> {
        let tensors = self.head_tensors(name);
        if tensors.is_empty() {
            return Ok(None);
        }
        let file = head_file(name);
        let path = dir.join(&file);
        let parent = path.parent().expect("a head's file lies in its folder");
        std::fs::create_dir_all(parent).map_err(Error::io(parent))?;
        write_safetensors(&path, &tensors, &[])?;
        Ok(Some(file))
    }

    fn encoder_tensors(&self) -> Vec<NamedTensor<'_>> {
        let of_encoder =
            |param: &&Param| matches!(param.part(), Part::Embeddings | Part::Layer(_) | Part::Encoder);
        let own = self.params.iter().map(|(_, param)| param).filter(of_encoder).flat_map(Param::tensors);
        own.map(|(name, shape, values)| (name.to_string(), shape.to_vec(), values)).collect()
    }

    /// The tensors of a head's layers; the last layer's names have nothing before them.
    fn head_tensors(&self, task: &str) -> Vec<NamedTensor<'_>> {
        let root = format!("heads.{task}.");
        let layers =
            self.heads.iter().filter(|head| head.name() == task).flat_map(|head| head.layers.linear());
        let ids = layers.flat_map(|layer| [Some(layer.weight), layer.bias]).flatten();
        let bare = |name: &str| name.strip_prefix(&root[..]).unwrap_or(name).to_string();
        ids.flat_map(|id| self.params[id].tensors())
            .map(|(name, shape, values)| (bare(name), shape.to_vec(), values))
            .collect()
    }

    fn sentence_folder(&self) -> SentenceFolder {
        let max_seq_length = match self.embedding.tokens.truncation {
            Truncation::At(length) => Some(length),
            Truncation::Off if self.origin.sentence.input.is_static() => None,
            Truncation::Off => self.origin.sentence.max_seq_length,
        };
        SentenceFolder {
            poolings: self.embedding.poolings.clone(),
            dense: self.embedding.projections.iter().map(|projection| self.dense_layer(projection)).collect(),
            normalize: self.embedding.normalize,
            include_prompt: self.embedding.include_prompt,
            prompts: self.embedding.prompts.clone(),
            default_prompt_name: self.embedding.default_prompt.clone(),
            truncate_dim: self.embedding.truncate_dim,
            max_seq_length,
            ..self.origin.sentence.clone()
        }
    }

    fn dense_layer(&self, projection: &Projection) -> DenseLayer {
        let tensor = |id| {
            let param: &Param = &self.params[id];
            let (_, shape, values) = param.tensors().next().expect("a weight has a tensor");
            Tensor::new(shape.to_vec(), values.to_vec())
        };
        let named = ACTIVATIONS.iter().find(|(_, activation)| *activation == projection.activation);
        DenseLayer {
            weight: tensor(projection.linear.weight),
            bias: projection.linear.bias.map(tensor),
            activation: named.expect("projections have activations that have names").0.to_string(),
        }
    }

    fn manifest(&self, files: Vec<FileRecord>) -> Manifest {
        let settings = |head: &super::Head| {
            let mut settings = head.settings.clone();
            settings.options = head.task.options();
            settings
        };
        let has_head = |task: &&String| self.heads.iter().any(|head| head.name() == **task);
        let known = self.distributions.iter().filter(|(task, _)| has_head(task));
        Manifest {
            format: FORMAT,
            umbel: env!("CARGO_PKG_VERSION").to_string(),
            tasks: self.heads.iter().map(settings).collect(),
            truncation: self.embedding.tokens.truncation != Truncation::Off,
            truncation_side: self.embedding.tokens.side,
            files,
            distributions: known.map(|(task, counted)| (task.clone(), counted.clone())).collect(),
        }
    }
}

/// The file of a head, within the folder.
fn head_file(task: &str) -> String {
    format!("heads/{task}/model.safetensors")
}

impl FileRecord {
    /// What there is to say of a file of `dir`.
    fn of(dir: &Path, path: String) -> Result<Self> {
        let (bytes, sha256) = hash(&dir.join(&path))?;
        Ok(Self { path, bytes, sha256 })
    }

    /// What is wrong with the file: its size, or of a head's small file also its bytes.
    pub(super) fn check(&self, dir: &Path) -> Option<String> {
        let path = match paths::inside(dir, &self.path) {
            Err(problem) => return Some(problem),
            Ok(path) => path,
        };
        let bytes = match files::check(&path) {
            Err(error) => return Some(error.to_string()),
            Ok(bytes) => bytes,
        };
        if bytes != self.bytes {
            return Some(format!("`{}` has {bytes} bytes; umbel.json says {}", self.path, self.bytes));
        }
        if !self.path.starts_with("heads/") {
            return None;
        }
        self.check_hash(&path)
    }

    /// What is wrong with the file's bytes; this reads all of it.
    pub(super) fn check_hash(&self, path: &Path) -> Option<String> {
        match hash(path) {
            Err(error) => Some(error.to_string()),
            Ok((_, sha256)) if sha256 != self.sha256 => {
                Some(format!("`{}` has the SHA-256 {sha256}; umbel.json says {}", self.path, self.sha256))
            }
            Ok(_) => None,
        }
    }
}

/// Size and SHA-256 of a file.
pub(super) fn hash(path: &Path) -> Result<(u64, String)> {
    let mut file = files::open(path)?;
    let (mut hasher, mut buffer, mut bytes) = (Sha256::new(), vec![0; 1 << 20], 0);
    loop {
        let n = file.read(&mut buffer).map_err(Error::io(path))?;
        if n == 0 {
            let digits = hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
            return Ok((bytes, digits));
        }
        hasher.update(&buffer[..n]);
        bytes += n as u64;
    }
}
