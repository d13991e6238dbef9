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

/// Texts of a file of embeddings.
const TEXTS_A_FILE: usize = 8192;
/// Texts after which the watcher is asked whether to go on: what is lost if the process is killed is up to a file.
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
        let too_long =
            |error: Error| Error::Settings(format!("`corpus.max_length`, for the teacher: {error}"));
        model.set_truncation(Some(Some(max_length))).map_err(too_long)?;
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
    /// Files of an earlier run with the same teacher, texts and length are used again, also if other texts came after
    /// them. `None` if the watcher stopped it.
    pub(super) fn embeddings(
        &self,
        texts: &Strings,
        watcher: &mut dyn Watcher,
    ) -> Result<Option<StoredLabels>> {
        let folder = self.cache.join(&self.identity);
        std::fs::create_dir_all(&folder).map_err(|source| {
            let told = format!(
                "{source}; the teacher's embeddings are kept there, `--cache` chooses another folder"
            );
            Error::Io { path: folder.clone(), source: std::io::Error::new(source.kind(), told) }
        })?;
        let size = self.model.embedding_size();
        let mut parts = Vec::new();
        for (i, texts) in texts.chunks(TEXTS_A_FILE).enumerate() {
            let path = folder.join(name(&texts));
            let part = match stored(&path, texts.len(), size)? {
                Some(part) => part,
                None => match self.write_file(&path, &texts, i * TEXTS_A_FILE, watcher)? {
                    true => stored(&path, texts.len(), size)?.ok_or_else(|| {
                        Error::model(&path, "what was just written is not what the file has".to_string())
                    })?,
                    false => return Ok(None),
                },
            };
            parts.push(part);
        }
        Ok(Some(StoredLabels::new(parts, size)))
    }

    /// Writes the embeddings of the texts of a file, which come after `before` others.
    ///
    /// False if the watcher stopped it: those that were finished lie beside it then, where the next call finds them.
    fn write_file(
        &self,
        path: &Path,
        texts: &[&str],
        before: usize,
        watcher: &mut dyn Watcher,
    ) -> Result<bool> {
        let size = self.model.embedding_size();
        let begun = path.with_extension("part");
        let mut values = begun_rows(&begun, texts.len(), size)?;
        while values.len() < texts.len() * size {
            let done = values.len() / size;
            watcher.progress(Progress::Teacher { done: before + done });
            if watcher.should_stop() {
                write_with(&begun, |file| file.write_all(bytemuck::cast_slice(&values)))?;
                return Ok(false);
            }
            let turn = &texts[done..texts.len().min(done + TEXTS_A_TURN)];
            values.extend_from_slice(self.rows(turn, before + done)?.data());
        }
        write_with(path, |file| file.write_all(bytemuck::cast_slice(&values)))?;
        if begun.exists() {
            std::fs::remove_file(&begun).map_err(Error::io(&begun))?;
        }
        Ok(true)
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
        let encoded = self.model.tokenizer.encode(&["", "a"], TokenizerOptions::whole())?;
        let [around, one] = &encoded.texts[..] else { unreachable!("two texts were encoded") };
        let at = around.input_ids.iter().zip(&one.input_ids).take_while(|(a, b)| a == b).count();
        let alone = |id: &u32| {
            let mut tokens = around.clone();
            tokens.input_ids.insert(at, *id);
            tokens.token_type_ids.insert(at, 0);
            tokens
        };
        Ok(self.model.embed_tokens(&ids.iter().map(alone).collect::<Vec<_>>()))
    }

    /// How often each token comes in the texts, without prompts; special ones are included.
    pub(super) fn count(&self, texts: &Strings) -> Result<Vec<u64>> {
        let mut counts = vec![0; self.model.encoder_shape().vocab_size];
        for (i, texts) in texts.chunks(TEXTS_A_FILE).enumerate() {
            let encoded = self.model.tokenizer.encode(&texts, self.model.embedding.tokens);
            let encoded = encoded.map_err(|error| error.after(i * TEXTS_A_FILE))?;
            encoded.texts.iter().flat_map(|text| &text.input_ids).for_each(|&id| counts[id as usize] += 1);
        }
        Ok(counts)
    }
}

/// The name of the file of the texts' embeddings, which follows from the texts.
fn name(texts: &[&str]) -> String {
    let mut hasher = Sha256::new();
    for text in texts {
        hasher.update((text.len() as u64).to_le_bytes());
        hasher.update(text);
    }
    format!("{}.f32", digits(hasher))
}

/// The rows that a file has; nothing if there is no such file, or it is not as it was written.
fn stored(path: &Path, n: usize, size: usize) -> Result<Option<Values>> {
    if !path.exists() {
        return Ok(None);
    }
    let map = Arc::new(files::map(path)?);
    let rows = MappedFloats::new(&map, 0, map.len()).map(Values::Mapped);
    Ok(rows.filter(|rows| rows.len() == n * size && are_whole(rows.as_slice(), size)))
}

/// The rows of a file that was begun, at most `n`; none if there is none, or it is not as it was written.
fn begun_rows(path: &Path, n: usize, size: usize) -> Result<Vec<f32>> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    let bytes = files::read(path)?;
    let rows: Vec<f32> =
        bytes.chunks_exact(4).map(|x| f32::from_ne_bytes([x[0], x[1], x[2], x[3]])).collect();
    let is_whole = bytes.len() == rows.len() * 4 && rows.len() <= n * size && are_whole(&rows, size);
    Ok(if is_whole { rows } else { Vec::new() })
}

/// True of rows whose squared numbers have the mean 1, or that are zero, as all that is written: a damaged file has others.
fn are_whole(rows: &[f32], size: usize) -> bool {
    let mean = |row: &[f32]| row.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>() / size as f64;
    rows.len().is_multiple_of(size)
        && rows.chunks_exact(size).map(mean).all(|mean| (mean - 1.0).abs() < 1e-3 || mean == 0.0)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_alone_is_as_a_text_of_it() {
        for family in ["bert", "mpnet", "qwen3"] {
            let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/families").join(family);
            let teacher = Teacher::open(&dir, Path::new(""), 8, kernels::Precision::F32).unwrap();
            let encoded = teacher.model.tokenize(&["a", ""]).unwrap().texts;
            let [one, none] = &encoded[..] else { panic!("two texts") };
            let [id] = one.input_ids.iter().filter(|id| !none.input_ids.contains(id)).collect::<Vec<_>>()[..]
            else {
                panic!("{family}: {:?}", one.input_ids)
            };
            let (found, wanted) = (teacher.tokens(&[*id]).unwrap(), teacher.model.embed_tokens(&encoded));
            assert_eq!(found.row(0), wanted.row(0), "{family}");
        }
    }
}
