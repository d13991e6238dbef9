//! Writing a generated data set and the settings to train on it.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Options, Recipe, Row, generate, generate_of_new_words, topics, write_encoder};
use crate::error::{Error, Result};

/// The file of rows whose things and words that judge no other file has.
pub const NEW_WORDS: &str = "new-words.jsonl";

/// How many rows each file got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// Of `train.jsonl`.
    pub n_train: usize,
    /// Of `validation.jsonl`.
    pub n_validation: usize,
    /// Of `test.jsonl`, and as many of `new-words.jsonl`.
    pub n_test: usize,
}

/// Writes `train.jsonl`, `validation.jsonl` and `test.jsonl`, with 8, 1 and 1 of ten rows, `new-words.jsonl`, with as many
/// rows as `test.jsonl` about other things in other judgements, and `umbel.toml`.
///
/// Without an encoder in the options, one with random weights is written to `encoder`, and the settings are
/// those that train it well. The folder is made if need be. Files of these names are replaced, each only once its new one is complete.
///
/// # Errors
/// If there are fewer than three rows, a share is not from 0 to 1, or a file cannot be written.
pub fn write(dir: &Path, options: &Options) -> Result<Written> {
    check(options)?;
    let rows = generate(options);
    let n_held = (rows.len() / 10).max(1);
    let (train, held) = rows.split_at(rows.len() - 2 * n_held);
    let (validation, test) = held.split_at(n_held);

    fs::create_dir_all(dir).map_err(Error::io(dir))?;
    replace(&dir.join("train.jsonl"), &json_lines(train))?;
    replace(&dir.join("validation.jsonl"), &json_lines(validation))?;
    replace(&dir.join("test.jsonl"), &json_lines(test))?;
    let new = generate_of_new_words(&Options { rows: n_held, ..options.clone() });
    replace(&dir.join(NEW_WORDS), &json_lines(&new))?;
    if options.encoder.is_none() {
        write_encoder(&dir.join("encoder"), options.seed)?;
    }
    replace(&dir.join("umbel.toml"), &settings(options)?)?;
    Ok(Written { n_train: train.len(), n_validation: validation.len(), n_test: test.len() })
}

fn check(options: &Options) -> Result<()> {
    if options.rows < 3 {
        let message = "expected at least 3 rows, one each to train, validate and test, found";
        return Err(Error::Settings(format!("{message} {}", options.rows)));
    }
    for (name, share) in [("label_noise", options.label_noise), ("missing", options.missing)] {
        if !(0.0..=1.0).contains(&share) {
            return Err(Error::Settings(format!("`{name}` is {share}; expected a number from 0 to 1")));
        }
    }
    Ok(())
}

fn json_lines(rows: &[Row]) -> String {
    let line = |row| serde_json::to_string(row).expect("a row is text and a finite number") + "\n";
    rows.iter().map(line).collect()
}

fn settings(options: &Options) -> Result<String> {
    let recipe = Recipe::of(options.encoder.as_deref());
    let encoder = match &options.encoder {
        Some(encoder) => absolute(encoder)?,
        None => "encoder".to_string(),
    };
    let (encoder, labels, seed) = (toml::Value::from(encoder), toml::Value::from(topics()), options.seed);
    let Recipe { epochs, batch_size, learning_rate, sentiment_weight, dropout, precision, .. } = recipe;
    Ok(format!(
        "\
[model]
encoder = {encoder}
pooling = \"mean\"
max_length = 64

[[task]]
name = \"topic\"
kind = \"classification\"
labels = {labels}
dropout = {dropout:?}

[[task]]
name = \"sentiment\"
kind = \"regression\"
weight = {sentiment_weight:?}
dropout = {dropout:?}

[data]
train = \"train.jsonl\"
validation = \"validation.jsonl\"
test = \"test.jsonl\"
text = \"text\"

[train]
epochs = {epochs}
batch_size = {batch_size}
learning_rate = {learning_rate:?}
precision = {precision:?}
seed = {seed}
"
    ))
}

/// An encoder as settings in another folder can name it: hub ids stay, a folder's path becomes absolute.
fn absolute(encoder: &str) -> Result<String> {
    let path = Path::new(encoder);
    if !path.is_dir() {
        return Ok(encoder.to_string());
    }
    let path = std::path::absolute(path).map_err(Error::io(path))?;
    Ok(path.to_string_lossy().into_owned())
}

/// Writes a file beside its target, then puts it in its place.
fn replace(path: &Path, content: &str) -> Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".tmp");
    let beside = PathBuf::from(beside);
    fs::write(&beside, content).map_err(Error::io(&beside))?;
    fs::rename(&beside, path).map_err(Error::io(path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Columns, Table};

    #[test]
    fn a_folder_has_rows_to_train_validate_and_test_and_settings() {
        let dir = tempfile::tempdir().unwrap();
        let options =
            Options { rows: 105, missing: 0.2, encoder: Some("my \"encoder\"".into()), ..Options::default() };
        write(&dir.path().join("new"), &options).unwrap();
        let columns = Columns { text: "text".into(), labels: vec!["topic".into(), "sentiment".into()] };
        for (name, n) in [("train", 85), ("validation", 10), ("test", 10), ("new-words", 10)] {
            let table = Table::read(&[dir.path().join(format!("new/{name}.jsonl"))], &columns).unwrap();
            assert_eq!(table.len(), n);
        }
        let settings = fs::read_to_string(dir.path().join("new/umbel.toml")).unwrap();
        let settings: toml::Table = settings.parse().unwrap();
        assert_eq!(settings["model"]["encoder"].as_str(), Some("my \"encoder\""));
        assert_eq!(settings["task"][0]["labels"].as_array().map(Vec::len), Some(8));
        assert_eq!(fs::read_dir(dir.path().join("new")).unwrap().count(), 5, "no file is left beside");
    }

    #[test]
    fn the_same_seed_writes_the_same_bytes() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, seed| {
            let dir = dir.path().join(name);
            write(&dir, &Options { rows: 50, seed, ..Options::default() }).unwrap();
            fs::read(dir.join("train.jsonl")).unwrap()
        };
        let first = write("a", 1);
        assert_eq!(first, write("b", 1));
        assert_ne!(first, write("a", 2));
    }

    #[test]
    fn options_that_cannot_be_are_errors() {
        let dir = tempfile::tempdir().unwrap();
        let error = |options| write(dir.path(), &options).unwrap_err().to_string();
        let noise = error(Options { label_noise: 1.5, ..Options::default() });
        assert_eq!(noise, "`label_noise` is 1.5; expected a number from 0 to 1");
        assert!(error(Options { rows: 2, ..Options::default() }).ends_with("found 2"));
    }
}
