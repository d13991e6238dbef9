//! What the teacher says of each text, computed once and kept in files.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::{Progress, Watcher};
use crate::error::{Error, Result};
use crate::folder::write::write_with;
use crate::folder::{SentenceFolder, files};
use crate::model::Model;
use crate::nn::Matrix;
use crate::nn::tensor::{MappedFloats, Values};
use crate::spool::Strings;
use crate::task::StoredLabels;
use crate::text::TokenizerOptions;

/// Texts of a file of embeddings: what is lost if the teacher is interrupted.
const TEXTS_A_FILE: usize = 8192;
/// Texts after which the watcher is asked whether to go on.
const TEXTS_A_TURN: usize = 512;

/// A teacher, and where what it says is kept.
pub(super) struct Teacher {
    /// The model, without length one at the end.
    pub(super) model: Model,
    /// Whether its folder says that texts are lower-cased before the tokenizer reads them.
    pub(super) do_lower_case: bool,
    // The folder of all teachers' embeddings.
    cache: PathBuf,
    // Of all that its embeddings follow from but the texts, in hexadecimal digits.
    identity: String,
}

impl Teacher {
    /// Opens the teacher in `dir`; it reads `max_length` tokens of a text and computes as precisely as said.
    pub(super) fn open(
        dir: &Path,
        cache: &Path,
        max_length: usize,
        precision: kernels::Precision,
    ) -> Result<Self> {
        let mut model = Model::open_without_heads(dir)?;
        model.embedding.normalize = false; // Its direction is what counts.
        model.embedding.normalize_truncated = false;
        model.embedding.truncate_dim = None; // `student.dimensions` says how many numbers are wanted.
        model.set_precision(precision);
        model.set_truncation(Some(Some(max_length)))?;
        let do_lower_case = SentenceFolder::read(dir)?.do_lower_case;
        let identity = identity(&model, do_lower_case, precision)?;
        Ok(Self { model, do_lower_case, cache: cache.to_path_buf(), identity })
    }

    /// What its embeddings follow from but the texts, as hexadecimal digits: its weights, its files of settings, what is
    /// put before texts, how they are cut and lower-cased, how states are pooled, and the precision.
    pub(super) fn identity(&self) -> &str {
        &self.identity
    }

    /// The embeddings of the texts, each scaled so that the mean of its squared numbers is 1.
    ///
    /// Files of an earlier run with the same teacher, texts and length are used again. `None` if the watcher stopped it.
    pub(super) fn embeddings(
        &self,
        texts: &Strings,
        watcher: &mut dyn Watcher,
    ) -> Result<Option<StoredLabels>> {
        let folder = self.cache.join(self.key(texts));
        std::fs::create_dir_all(&folder).map_err(|source| {
            let told = format!(
                "{source}; the teacher's embeddings are kept there, `--cache` chooses another folder"
            );
            Error::Io { path: folder.clone(), source: std::io::Error::new(source.kind(), told) }
        })?;
        let size = self.model.embedding_size();
        let mut parts = Vec::new();
        for (i, texts) in texts.chunks(TEXTS_A_FILE).enumerate() {
            let path = folder.join(format!("{i:05}.f32"));
            if !path.exists() {
                let Some(values) = self.values(&texts, i * TEXTS_A_FILE, watcher)? else { return Ok(None) };
                write_with(&path, |file| file.write_all(bytemuck::cast_slice(&values)))?;
            }
            let map = Arc::new(files::map(&path)?);
            let part = MappedFloats::new(&map, 0, texts.len() * size * size_of::<f32>());
            let is_whole = map.len() == texts.len() * size * size_of::<f32>();
            let part = part.filter(|_| is_whole).ok_or_else(|| {
                let (n, bytes) = (texts.len(), map.len());
                Error::model(
                    &path,
                    format!("expected {n} rows of {size} numbers, found {bytes} bytes; delete the file"),
                )
            })?;
            parts.push(Values::Mapped(part));
        }
        Ok(Some(StoredLabels::new(parts, size)))
    }

    /// The embeddings of the texts of a file, which come after `before` others. `None` if the watcher stopped it.
    fn values(&self, texts: &[&str], before: usize, watcher: &mut dyn Watcher) -> Result<Option<Vec<f32>>> {
        let mut values = Vec::with_capacity(texts.len() * self.model.embedding_size());
        for (turn, texts) in texts.chunks(TEXTS_A_TURN).enumerate() {
            let done = before + turn * TEXTS_A_TURN;
            watcher.progress(Progress::Teacher { done });
            if watcher.should_stop() {
                return Ok(None);
            }
            values.extend_from_slice(self.rows(texts, done)?.data());
        }
        Ok(Some(values))
    }

    /// The embeddings of texts that come after `before` others. [texts × embedding]
    fn rows(&self, texts: &[&str], before: usize) -> Result<Matrix> {
        let encoded = self.model.tokenize(texts).map_err(|error| error.after(before))?;
        let mut rows = self.model.embed_tokens(&encoded.texts);
        if let Some(row) = rows.iter_rows().position(|row| row.iter().any(|x| !x.is_finite())) {
            let problem = "the teacher's embedding has numbers that are infinite or not a number".to_string();
            let of_text = Error::Text { row: Some(before + row), problem };
            return Err(self.model.check_finite().err().unwrap_or(of_text));
        }
        let length = (rows.cols() as f64).sqrt();
        for row in 0..rows.rows() {
            let row = rows.row_mut(row);
            let norm = row.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt().max(1e-12);
            row.iter_mut().for_each(|x| *x = (f64::from(*x) * length / norm) as f32);
        }
        Ok(rows)
    }

    /// What the teacher says of each of some tokens alone, with the special tokens around it. [tokens × embedding]
    pub(super) fn tokens(&self, ids: &[u32]) -> Result<Matrix> {
        let around = self.model.tokenizer.encode(&[""], TokenizerOptions::whole())?.texts.remove(0);
        let at = around.input_ids.len().div_ceil(2);
        let alone = |id: &u32| {
            let mut tokens = around.clone();
            tokens.input_ids.insert(at, *id);
            tokens.token_type_ids.insert(at, 0);
            tokens
        };
        Ok(self.model.embed_tokens(&ids.iter().map(alone).collect::<Vec<_>>()))
    }

    /// How often each token comes in the texts, special ones included.
    pub(super) fn count(&self, texts: &Strings) -> Result<Vec<u64>> {
        let mut counts = vec![0; self.model.encoder_shape().vocab_size];
        for (i, texts) in texts.chunks(TEXTS_A_FILE).enumerate() {
            let encoded = self.model.tokenize(&texts).map_err(|error| error.after(i * TEXTS_A_FILE))?;
            encoded.texts.iter().flat_map(|text| &text.input_ids).for_each(|&id| counts[id as usize] += 1);
        }
        Ok(counts)
    }

    /// The name of the folder of the texts' embeddings, which follows from all that they follow from.
    fn key(&self, texts: &Strings) -> String {
        let mut hasher = Sha256::new();
        hasher.update(format!("{} {TEXTS_A_FILE} {}", self.identity, texts.len()));
        for text in texts.iter() {
            hasher.update((text.len() as u64).to_le_bytes());
            hasher.update(text);
        }
        digits(hasher)
    }
}

/// What [`Teacher::identity`] says.
fn identity(model: &Model, do_lower_case: bool, precision: kernels::Precision) -> Result<String> {
    let mut hasher = Sha256::new();
    for (_, param) in model.params.iter() {
        hasher.update(param.name());
        hasher.update(bytemuck::cast_slice(param.data()));
    }
    for name in ["config.json", "tokenizer.json", "tokenizer_config.json"] {
        let path = model.origin().transformer_dir.join(name);
        let bytes = if path.exists() { files::read(&path)? } else { Vec::new() };
        hasher.update((bytes.len() as u64).to_le_bytes());
        hasher.update(&bytes);
    }
    hasher.update(format!("{:?} {do_lower_case} {precision:?}", model.embedding));
    Ok(digits(hasher))
}

/// The first half of the hash, in hexadecimal digits.
fn digits(hasher: Sha256) -> String {
    hasher.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}
