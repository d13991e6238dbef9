//! Rows of text and labels, read from files of any known format.

pub mod cells;
pub mod compression;
pub mod dataset;
pub mod shuffle;
pub mod split;
pub mod table;
pub mod texts;

mod csv;
mod jsonl;
mod lines;
mod parquet;

pub use dataset::{Dataset, Example, RowTexts};
pub use table::{Columns, MissingColumn, Origins, Table};
pub use texts::{Text, TextSource};

use std::path::Path;

use serde_json::Value;

use crate::error::{BadRow, Error, Result, nearest};
use crate::registry::Registry;

/// The wanted cells of one row of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// The line at which the row starts, from 1; of a Parquet file, its row from 1.
    pub line: usize,
    /// One cell a wanted column; [`Value::Null`] where it is absent, empty (in CSV) or not a number (NaN).
    pub cells: Vec<Value>,
}

/// Rows as they are read, one at a time; the reading goes on after a bad one.
pub type Records = Box<dyn Iterator<Item = Result<Record, BadRow>> + Send>;

/// A format of data files.
pub struct Format {
    /// Reads the wanted columns of a file; a column that is not there has only nulls.
    pub records: fn(&Path, &[&str]) -> Result<Records>,
    /// The names of all columns of a file; of JSON lines, the keys that any row has.
    pub columns: fn(&Path) -> Result<Vec<String>>,
    /// True if it is read from its start to its end, so that a file may be compressed as a whole.
    pub streams: bool,
}

/// The known data formats by file extension.
///
/// - `jsonl`, `ndjson`: one JSON object a line; blank lines are passed over.
/// - `csv`, `tsv`: a header, then a row a record, quoted as in RFC 4180; an empty cell is no value, all
///   others are strings.
/// - `parquet`: columns of strings, numbers, truth values, or lists of them.
///
/// All but Parquet may be compressed, as `rows.jsonl.gz`; see [`compression::COMPRESSIONS`].
pub static FORMATS: Registry<Format> = Registry {
    kind: "data format",
    entries: &[
        ("csv", csv::COMMAS),
        ("jsonl", jsonl::FORMAT),
        ("ndjson", jsonl::FORMAT),
        ("parquet", parquet::FORMAT),
        ("tsv", csv::TABS),
    ],
};

/// The format of a file, by its extension in any case; that of a compression comes after it.
///
/// # Errors
/// [`Error::Unknown`] with all formats there are; [`Error::Settings`] if such files cannot be compressed.
pub fn format_of(path: &Path) -> Result<&'static Format> {
    let (inner, compression) = compression::inner(path);
    let name = inner.extension().or(inner.file_name()).unwrap_or_default();
    let format = FORMATS.find(&name.to_string_lossy().to_lowercase())?;
    match compression {
        Some(_) if !format.streams => Err(Error::Settings(format!(
            "{}: such files cannot be read compressed; they are compressed inside, so unpack it",
            path.display()
        ))),
        _ => Ok(format),
    }
}

/// The error of a column that is not in the file.
fn missing_column(path: &Path, column: &str, known: &[String]) -> Error {
    let near = nearest(column, known).map(|near| format!(" (did you mean `{near}`?)")).unwrap_or_default();
    let known = known.join(", ");
    Error::Settings(format!("{}: no column `{column}`; there is: {known}{near}", path.display()))
}

/// What a cell holds, as an error says it.
fn describe(cell: &Value) -> String {
    match cell {
        Value::Null => "nothing".into(),
        Value::Array(_) => "a list".into(),
        Value::Object(_) => "an object".into(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => format!("`{cell}`"),
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    /// Writes a file into a folder of its own, which lives as long as the first value.
    pub(super) fn file(name: &str, content: impl AsRef<[u8]>) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(name);
        std::fs::write(&path, content).unwrap();
        (dir, path)
    }

    /// Reads columns `text` and `label`, and holds lines, cells and problems against `expected`.
    pub(super) fn check(name: &str, content: impl AsRef<[u8]>, expected: &[(usize, Result<Value, &str>)]) {
        let (_dir, path) = file(name, content);
        let records = (format_of(&path).unwrap().records)(&path, &["text", "label"]).unwrap();
        let found: Vec<(usize, Result<Value, String>)> = records
            .map(|record| match record {
                Ok(record) => (record.line, Ok(Value::from(record.cells))),
                Err(bad) => (bad.line, Err(bad.problem)),
            })
            .collect();
        let expected: Vec<(usize, Result<Value, String>)> =
            expected.iter().map(|(line, row)| (*line, row.clone().map_err(String::from))).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn an_unknown_extension_lists_the_known_ones() {
        let error = format_of(Path::new("train.jsnl")).err().unwrap().to_string();
        let known = "there is: csv, jsonl, ndjson, parquet, tsv (did you mean `jsonl`?)";
        assert_eq!(error, format!("unknown data format `jsnl`; {known}"));
        assert!(format_of(Path::new("TRAIN.CSV")).is_ok());
        assert!(format_of(Path::new("train")).is_err());
    }
}
