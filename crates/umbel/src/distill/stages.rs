//! What the work before training follows from, kept in `training/distill.json`: what was made of anything else is made
//! anew.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::teacher::Teacher;
use super::{CORPUS, DistillSettings, NARROWED, STUDENT};
use crate::error::{Error, Result};
use crate::folder::files;
use crate::folder::write::write_file;
use crate::train::RunFolder;

/// What the stages follow from, in `training/`.
const RECORD: &str = "distill.json";

/// What the stages follow from, by name: the student, the teacher, and the corpus with what is read of it.
pub(super) fn said(
    settings: &DistillSettings,
    corpus: &[PathBuf],
    teacher: &Teacher,
) -> Result<Map<String, Value>> {
    let student = serde_json::to_value(&settings.student).expect("plain values");
    let named = |(key, value): (&String, &Value)| (format!("student.{key}"), value.clone());
    let mut said: Map<String, Value> = student.as_object().into_iter().flatten().map(named).collect();
    let DistillSettings { corpus: read, train, .. } = settings;
    let others = [
        ("student.intermediate_size", json!(settings.intermediate_size())),
        ("teacher.precision", json!(format!("{:?}", settings.teacher.precision()))),
        ("teacher", json!(teacher.identity())),
        ("corpus.text", json!(read.text)),
        ("corpus.validation", json!(read.validation)),
        ("corpus.max_length", json!(read.max_length)),
        ("train.seed", json!(train.seed)),
    ];
    said.extend(others.map(|(key, value)| (key.to_string(), value)));
    for (i, path) in corpus.iter().enumerate() {
        let (bytes, digest) = hash(path)?;
        let file = format!("{}: {bytes} bytes, SHA-256 {digest}", path.display());
        said.insert(format!("corpus file {}", i + 1), json!(file));
    }
    Ok(said)
}

/// How many bytes a file of the corpus has, and their SHA-256 in hexadecimal digits.
fn hash(path: &Path) -> Result<(u64, String)> {
    if path == Path::new("-") || (path.exists() && !path.is_file()) {
        let path = path.display();
        let problem = format!("the corpus is read more than once; expected files, found `{path}`");
        return Err(Error::Settings(problem));
    }
    let mut file = File::open(path).map_err(Error::io(path))?;
    let (mut hasher, mut buffer, mut bytes) = (Sha256::new(), vec![0; 1 << 20], 0);
    loop {
        let n = file.read(&mut buffer).map_err(Error::io(path))?;
        if n == 0 {
            return Ok((bytes, hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()));
        }
        hasher.update(&buffer[..n]);
        bytes += n as u64;
    }
}

/// Takes note of what the stages follow from. Those that were made of something else are deleted.
///
/// # Errors
/// [`Error::Checkpoint`] with all that has changed, if a run is to go on.
pub(super) fn begin(folder: &RunFolder, said: &Map<String, Value>) -> Result<()> {
    let path = folder.path.join(RECORD);
    let before = read(&path)?;
    if before.as_ref() == Some(said) {
        return Ok(());
    }
    if let Some(before) = before.filter(|_| folder.resume) {
        let way_out = match folder.has_checkpoint() {
            true => "delete the folder, or choose another one",
            false => "leave `--resume` out, or choose another folder",
        };
        let problem = format!("{}; {way_out}", changes(&before, said).join("; "));
        return Err(Error::Checkpoint { path, problem });
    }
    clean_up(&folder.path)?;
    write_file(&path, &serde_json::to_vec_pretty(said).expect("plain values"))
}

/// What an earlier call has taken note of; nothing if that cannot be read.
fn read(path: &Path) -> Result<Option<Map<String, Value>>> {
    if !path.exists() {
        return Ok(None);
    }
    Ok(serde_json::from_slice(&files::read(path)?).ok())
}

/// A sentence for each name that had another value.
fn changes(before: &Map<String, Value>, now: &Map<String, Value>) -> Vec<String> {
    let added = now.keys().filter(|key| !before.contains_key(*key));
    let shown = |value: Option<&Value>| value.map_or("missing".to_string(), Value::to_string);
    let changed = before.keys().chain(added).filter(|key| before.get(*key) != now.get(*key));
    let told = |key: &String| {
        let (old, new) = (shown(before.get(key)), shown(now.get(key)));
        format!("`{key}` was {old} when this run began and is {new} now")
    };
    changed.map(told).collect()
}

/// Deletes what the stages have left in `training`, the note of what they follow from last.
///
/// # Errors
/// [`Error::Io`] if something cannot be deleted.
pub(super) fn clean_up(training: &Path) -> Result<()> {
    let student = training.join(STUDENT);
    if student.is_dir() {
        std::fs::remove_dir_all(&student).map_err(Error::io(&student))?;
    }
    let files = [CORPUS, NARROWED, RECORD].map(|name| training.join(name));
    for path in files.iter().filter(|path| path.exists()) {
        std::fs::remove_file(path).map_err(Error::io(path))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn stages_stay_as_long_as_they_fit() {
        let dir = tempfile::tempdir().unwrap();
        let folder = |resume| RunFolder { path: dir.path().to_path_buf(), resume };
        let (old, new) = (map(json!({"student.layers": 2, "a": 1})), map(json!({"student.layers": 4})));
        begin(&folder(true), &old).unwrap();
        let corpus = dir.path().join(CORPUS);
        std::fs::write(&corpus, "").unwrap();
        begin(&folder(true), &old).unwrap();
        begin(&folder(false), &old).unwrap();
        assert!(corpus.exists());
        let error = begin(&folder(true), &new).unwrap_err().to_string();
        let expected = "distill.json: `student.layers` was 2 when this run began and is 4 now; `a` was 1 when this \
                        run began and is missing now; leave `--resume` out, or choose another folder";
        assert!(error.ends_with(expected), "{error}");
        assert!(corpus.exists());
        begin(&folder(false), &new).unwrap();
        assert!(!corpus.exists());
        begin(&folder(true), &new).unwrap();
        clean_up(dir.path()).unwrap();
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
