//! What can be found wrong with a model that opens, and with texts that it is given.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::Model;
use super::open::{FileRecord, Manifest};
use super::save::hash;
use crate::error::{Error, Result};
use crate::folder::paths;
use crate::nn::Matrix;
use crate::text::length::too_long;

/// A file of a model folder as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckedFile {
    /// The path within the folder.
    pub path: String,
    /// Its bytes.
    pub bytes: u64,
    /// Their SHA-256, in hexadecimal digits.
    pub sha256: String,
    /// Whether these are what `umbel.json` says; none if it says nothing of this file.
    pub as_written: Option<bool>,
}

/// The files of a model folder that decide its answers, each held against `umbel.json` if that lists it.
///
/// This reads all of them.
///
/// # Errors
/// [`Error::Io`] if a file cannot be read.
pub fn check_files(dir: &Path) -> Result<Vec<CheckedFile>> {
    let records = records(dir)?;
    let mut paths = files(dir, dir, DEPTH)?;
    paths.extend(records.keys().cloned());
    paths.sort_unstable();
    paths.dedup();
    let check = |path: String| {
        let file =
            paths::inside(dir, &path).map_err(|problem| Error::model(dir.join("umbel.json"), problem))?;
        let (bytes, sha256) = hash(&file)?;
        let as_written = records.get(&path).map(|record| record.bytes == bytes && record.sha256 == sha256);
        Ok(CheckedFile { path, bytes, sha256, as_written })
    };
    paths.into_iter().map(check).collect()
}

/// Deep enough for `heads/<task>/model.safetensors`.
const DEPTH: usize = 3;

fn records(dir: &Path) -> Result<BTreeMap<String, FileRecord>> {
    let path = dir.join("umbel.json");
    if !path.exists() {
        return Ok(BTreeMap::new());
    }
    let manifest: Manifest = Manifest::read(&path)?;
    Ok(manifest.files.into_iter().map(|record| (record.path.clone(), record)).collect())
}

/// The paths of weights, settings and the tokenizer below `folder`, from `dir` on.
fn files(dir: &Path, folder: &Path, depth: usize) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(Error::io(folder))? {
        let path = entry.map_err(Error::io(folder))?.path();
        if path.is_dir() && depth > 1 && path != dir.join("training") {
            found.extend(files(dir, &path, depth - 1)?);
        } else if path.is_file() && counts(&path) {
            found.push(relative(dir, path));
        }
    }
    Ok(found)
}

fn counts(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "safetensors" || extension == "json")
}

/// The path from `dir` on, with `/` between its parts on every system.
fn relative(dir: &Path, path: PathBuf) -> String {
    let path = path.strip_prefix(dir).unwrap_or(&path);
    let parts: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
    parts.join("/")
}

impl Model {
    /// Looks for weights that are no finite numbers.
    ///
    /// # Errors
    /// [`Error::Model`] with every tensor that has some.
    pub fn check_finite(&self) -> Result<()> {
        let tensors = self.params.iter().flat_map(|(_, param)| param.tensors());
        let problem = |(name, _, values): (&str, &[usize], &[f32])| {
            let count = values.iter().filter(|value| !value.is_finite()).count();
            (count > 0).then(|| format!("`{name}` has {count} numbers that are infinite or not a number"))
        };
        let problems: Vec<String> = tensors.filter_map(problem).collect();
        let path = self.origin.transformer_dir.clone();
        if problems.is_empty() { Ok(()) } else { Err(Error::Model { path, problems }) }
    }

    /// Refuses results that are no finite numbers, and names the weights at fault.
    ///
    /// Weights are not read through when a model is opened, which would take as long as all else together.
    pub(super) fn check_numbers<'a>(&self, results: impl IntoIterator<Item = &'a Matrix>) -> Result<()> {
        let is_wrong = |row: &[f32]| row.iter().any(|x| !x.is_finite());
        let Some(row) = results.into_iter().find_map(|result| result.iter_rows().position(is_wrong)) else {
            return Ok(());
        };
        Err(self.not_finite(row))
    }

    /// What is to be said of numbers of a text that are not finite.
    pub(super) fn not_finite(&self, text: usize) -> Error {
        let overflow = || {
            let problem = format!("the numbers of text {} overflow, though all weights are finite", text + 1);
            Error::model(&self.origin.transformer_dir, problem)
        };
        self.check_finite().err().unwrap_or_else(overflow)
    }

    /// The texts that cannot be turned into tokens that the encoder reads: their places and what is wrong.
    ///
    /// Made for telling apart the texts of a call that failed with [`Error::Text`].
    pub fn unreadable(&self, texts: &[impl AsRef<str>]) -> Vec<(usize, String)> {
        let problems = texts.iter().map(|text| self.problem(text.as_ref()));
        problems.enumerate().filter_map(|(i, problem)| Some((i, problem?))).collect()
    }

    fn problem(&self, text: &str) -> Option<String> {
        let limit = self.encoder.shape().max_positions;
        let prompt = self.embedding.default_prompt.as_ref();
        let prompt = prompt.and_then(|name| self.embedding.prompts.iter().find(|(known, _)| known == name));
        let prompted = format!("{}{text}", prompt.map_or("", |(_, prompt)| prompt));
        match self.tokenizer.explain(&prompted, self.embedding.tokens) {
            Err(error) => Some(error.to_string()),
            Ok(tokens) if tokens.len() > limit => Some(too_long(tokens.len(), limit)),
            Ok(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::TaskSettings;

    fn bert() -> Model {
        Model::open(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/families/bert")).unwrap()
    }

    fn with_head() -> Model {
        let mut model = bert();
        let settings: TaskSettings =
            serde_json::from_value(serde_json::json!({"name": "mood", "kind": "regression"})).unwrap();
        let task = crate::task::make(&settings).unwrap();
        model.add_head(settings, task, 1).unwrap();
        model
    }

    #[test]
    fn files_that_are_not_as_they_were_written_are_found() {
        let dir = tempfile::tempdir().unwrap();
        with_head().save(dir.path()).unwrap();
        let state = |path: &str| {
            let files = check_files(dir.path()).unwrap();
            files.into_iter().find(|file| file.path == path).unwrap().as_written
        };
        assert_eq!(state("heads/mood/model.safetensors"), Some(true));
        assert_eq!((state("model.safetensors"), state("config.json")), (Some(true), None));
        let path = dir.path().join("model.safetensors");
        let mut bytes = std::fs::read(&path).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        std::fs::write(&path, bytes).unwrap();
        assert_eq!(state("model.safetensors"), Some(false));
    }

    #[test]
    fn weights_that_are_no_numbers_are_named() {
        let mut model = with_head();
        assert!(model.check_finite().is_ok());
        let (_, param) = model.params.iter_mut().last().unwrap();
        param.data_mut()[0] = f32::NAN;
        let error = model.check_finite().unwrap_err().to_string();
        assert!(
            error.ends_with("`heads.mood.bias` has 1 numbers that are infinite or not a number"),
            "{error}"
        );
        let error = model.predict(&["a text"]).unwrap_err().to_string();
        assert!(error.contains("`heads.mood.bias` has 1 numbers"), "{error}");
        assert!(model.embed(&["a text"]).is_ok(), "the embedding does not need the head");
    }

    #[test]
    fn texts_that_are_too_long_are_told_apart() {
        let mut model = bert();
        model.set_truncation(None).unwrap();
        let long = "a ".repeat(model.encoder_shape().max_positions);
        let problems = model.unreadable(&["a", &long[..], ""]);
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].0, 1);
        assert!(problems[0].1.contains("tokens, but the encoder reads at most"), "{}", problems[0].1);
    }
}
