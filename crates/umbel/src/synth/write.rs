//! Writing a generated data set and the settings to train on it.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Options, Row, generate, topics};
use crate::error::{Error, Result};

/// Writes `train.jsonl`, `validation.jsonl` and `test.jsonl`, with 8, 1 and 1 of ten rows, and `umbel.toml`.
///
/// The folder is made if need be. Files of these names are replaced, each only once its new one is complete.
///
/// # Errors
/// If there are fewer than three rows, a share is not from 0 to 1, or a file cannot be written.
pub fn write(dir: &Path, options: &Options) -> Result<()> {
    check(options)?;
    let rows = generate(options);
    let n_held = (rows.len() / 10).max(1);
    let (train, held) = rows.split_at(rows.len() - 2 * n_held);
    let (validation, test) = held.split_at(n_held);

    fs::create_dir_all(dir).map_err(Error::io(dir))?;
    replace(&dir.join("train.jsonl"), &json_lines(train))?;
    replace(&dir.join("validation.jsonl"), &json_lines(validation))?;
    replace(&dir.join("test.jsonl"), &json_lines(test))?;
    replace(&dir.join("umbel.toml"), &settings(options))
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

fn settings(options: &Options) -> String {
    let encoder = toml::Value::from(options.encoder.as_deref().unwrap_or("umbel-mini"));
    let labels = toml::Value::from(topics());
    format!(
        "\
[model]
encoder = {encoder}
pooling = \"mean\"
max_length = 64

[[task]]
name = \"topic\"
kind = \"classification\"
labels = {labels}

[[task]]
name = \"sentiment\"
kind = \"regression\"

[data]
train = \"train.jsonl\"
validation = \"validation.jsonl\"
test = \"test.jsonl\"
text = \"text\"

[train]
epochs = 3
batch_size = 32
learning_rate = 5e-5
seed = 42
"
    )
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
        for (name, n) in [("train", 85), ("validation", 10), ("test", 10)] {
            let table = Table::read(&[dir.path().join(format!("new/{name}.jsonl"))], &columns).unwrap();
            assert_eq!(table.len(), n);
        }
        let settings = fs::read_to_string(dir.path().join("new/umbel.toml")).unwrap();
        let settings: toml::Table = settings.parse().unwrap();
        assert_eq!(settings["model"]["encoder"].as_str(), Some("my \"encoder\""));
        assert_eq!(settings["task"][0]["labels"].as_array().map(Vec::len), Some(8));
        assert_eq!(fs::read_dir(dir.path().join("new")).unwrap().count(), 4, "no file is left beside");
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
