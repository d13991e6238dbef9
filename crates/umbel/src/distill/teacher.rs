//! What the teacher says of each text, computed once and kept in files.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::{Progress, Watcher};
use crate::error::{Error, Result};
use crate::folder::files;
use crate::folder::write::write_with;
use crate::model::Model;
use crate::nn::Matrix;
use crate::nn::tensor::{MappedFloats, Values};
use crate::spool::Strings;
use crate::task::StoredLabels;
use crate::text::TokenizerOptions;

/// Texts of a file of embeddings: what is lost if the teacher is interrupted.
const TEXTS_A_FILE: usize = 8192;

/// A teacher, and where what it says is kept.
pub(super) struct Teacher {
    /// The model, without length one at the end.
    pub(super) model: Model,
    // The folder of all teachers' embeddings.
    cache: PathBuf,
    max_length: usize,
    precision: kernels::Precision,
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
        model.set_precision(precision);
        model.set_truncation(Some(Some(max_length)))?;
        Ok(Self { model, cache: cache.to_path_buf(), max_length, precision })
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
        std::fs::create_dir_all(&folder).map_err(Error::io(&folder))?;
        let size = self.model.embedding_size();
        let mut parts = Vec::new();
        for (i, texts) in texts.chunks(TEXTS_A_FILE).enumerate() {
            let path = folder.join(format!("{i:05}.f32"));
            if !path.exists() {
                let (done, of) = (i * TEXTS_A_FILE, texts.len());
                watcher.progress(Progress::Teacher { done });
                if watcher.should_stop() {
                    return Ok(None);
                }
                let rows = self.rows(&texts)?;
                debug_assert_eq!(rows.rows(), of);
                write_with(&path, |file| file.write_all(bytemuck::cast_slice(rows.data())))?;
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

    fn rows(&self, texts: &[&str]) -> Result<Matrix> {
        let mut rows = self.model.embed(texts)?.embeddings;
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
        for texts in texts.chunks(TEXTS_A_FILE) {
            let encoded = self.model.tokenize(&texts)?;
            encoded.texts.iter().flat_map(|text| &text.input_ids).for_each(|&id| counts[id as usize] += 1);
        }
        Ok(counts)
    }

    /// What the embeddings follow from: the teacher's weights, its tokenizer and pooling, the precision, and the texts.
    fn key(&self, texts: &Strings) -> String {
        let mut hasher = Sha256::new();
        for (_, param) in self.model.params.iter() {
            hasher.update(param.name());
            hasher.update(bytemuck::cast_slice(param.data()));
        }
        let tokenizer = self.model.origin().transformer_dir.join("tokenizer.json");
        hasher.update(files::read(&tokenizer).unwrap_or_default());
        let said = (&self.model.embedding.poolings, self.max_length, self.precision);
        hasher.update(format!("{said:?} {TEXTS_A_FILE} {}", texts.len()));
        for text in texts.iter() {
            hasher.update((text.len() as u64).to_le_bytes());
            hasher.update(text);
        }
        hasher.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }
}
