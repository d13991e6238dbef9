//! Rows of text and cells, of one file or several.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{Record, describe, format_of, missing_column};
use crate::error::{BadRow, BadRows, Error, Result};
use crate::spool::{Spool, SpoolWriter, Strings};

/// The columns that are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Columns {
    /// The column of the texts.
    pub text: String,
    /// The columns of the labels.
    pub labels: Vec<String>,
}

/// Rows of text and cells, and where each came from. Texts and cells lie in memory while they are few, else in a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    labels: Vec<String>,
    // Invariant: a text and an origin a row.
    texts: Strings,
    origins: Origins,
    // Invariant: one a label column, a cell a row in each.
    cells: Vec<Cells>,
    missing: Vec<MissingColumn>,
}

/// The cells of a column.
#[derive(Debug, Clone, PartialEq)]
pub struct Cells {
    // As JSON; nothing stands for null.
    json: Spool,
}

/// The file and line of each row.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Origins {
    paths: Vec<PathBuf>,
    // The place among the paths, and the line.
    rows: Vec<(u32, u64)>,
}

/// A label column that no row of a file has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingColumn {
    /// The file.
    pub path: PathBuf,
    /// The column that was looked for.
    pub column: String,
    /// The columns that there are.
    pub known: Vec<String>,
}

impl MissingColumn {
    /// The error for a caller that needs the column.
    pub fn into_error(self) -> Error {
        missing_column(&self.path, &self.column, &self.known)
    }
}

impl Table {
    /// Reads the rows of all files, one file after the other.
    ///
    /// An empty text is a text; one that is missing or not a string makes a bad row. A label column that a
    /// file lacks gives its rows no label, and is among [`Table::missing_columns`].
    ///
    /// # Errors
    /// If a file cannot be read, is of an unknown format, has no text column, or has bad rows.
    pub fn read(paths: &[PathBuf], columns: &Columns) -> Result<Self> {
        let mut reading = Reading {
            columns,
            texts: SpoolWriter::default(),
            origins: Origins { paths: paths.to_vec(), rows: Vec::new() },
            cells: columns.labels.iter().map(|_| SpoolWriter::default()).collect(),
            missing: Vec::new(),
            bad: BadRows::default(),
        };
        paths.iter().enumerate().try_for_each(|(path_idx, path)| reading.read_file(path_idx, path))?;
        let Reading { texts, origins, cells, missing, bad, .. } = reading;
        bad.into_result()?;
        let cells = cells.into_iter().map(|cells| Ok(Cells { json: cells.finish()? }));
        let (texts, cells) = (Strings::finish(texts)?, cells.collect::<Result<_>>()?);
        Ok(Self { labels: columns.labels.clone(), texts, origins, cells, missing })
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.texts.len()
    }

    /// True of no rows.
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    /// The text of each row.
    pub fn texts(&self) -> &Strings {
        &self.texts
    }

    /// The cells of a label column, one a row; `None` if the column is not among the wanted ones.
    pub fn cells(&self, column: &str) -> Option<&Cells> {
        let column_idx = self.labels.iter().position(|label| label == column)?;
        Some(&self.cells[column_idx])
    }

    /// The file and line of each row.
    pub fn origins(&self) -> &Origins {
        &self.origins
    }

    /// The label columns that no row of a file has, in the order of the files.
    pub fn missing_columns(&self) -> &[MissingColumn] {
        &self.missing
    }
}

impl Cells {
    /// The cell of a row.
    ///
    /// # Panics
    /// If there are not so many rows.
    pub fn get(&self, row: usize) -> Value {
        match self.json.get(row) {
            [] => Value::Null,
            json => serde_json::from_slice(json).expect("cells are kept as JSON"),
        }
    }

    /// The cell of each row.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Value> {
        (0..self.json.len()).map(|row| self.get(row))
    }
}

impl Origins {
    /// The file and the line of a row.
    ///
    /// # Panics
    /// If there are not so many rows.
    pub fn get(&self, row: usize) -> (&Path, usize) {
        let (path, line) = self.rows[row];
        (&self.paths[path as usize], line as usize)
    }

    /// The place of a row's file among those that were read.
    ///
    /// # Panics
    /// If there are not so many rows.
    pub fn file(&self, row: usize) -> usize {
        self.rows[row].0 as usize
    }

    /// The given rows, in the given order.
    ///
    /// # Panics
    /// If there are not so many rows.
    #[must_use]
    pub fn select(&self, rows: &[usize]) -> Self {
        Self { paths: self.paths.clone(), rows: rows.iter().map(|&row| self.rows[row]).collect() }
    }
}

/// A table that is being read.
struct Reading<'a> {
    columns: &'a Columns,
    texts: SpoolWriter,
    origins: Origins,
    cells: Vec<SpoolWriter>,
    missing: Vec<MissingColumn>,
    bad: BadRows,
}

impl Reading<'_> {
    fn read_file(&mut self, path_idx: usize, path: &Path) -> Result<()> {
        let format = format_of(path)?;
        let Columns { text, labels } = self.columns;
        let wanted: Vec<&str> = [text].into_iter().chain(labels).map(String::as_str).collect();
        let mut seen = vec![false; wanted.len()];
        for record in (format.records)(path, &wanted)? {
            match record.and_then(|record| {
                seen.iter_mut().zip(&record.cells).for_each(|(seen, cell)| *seen |= !cell.is_null());
                row_text(record, path, text)
            }) {
                Ok((line, text, cells)) => self.push((path_idx, line), &text, &cells)?,
                Err(row) => self.bad.push(row),
            }
        }
        if seen.iter().all(|&seen| seen) {
            return Ok(());
        }

        // Only now, because the columns of JSON lines are known only by reading them again.
        let known = (format.columns)(path)?;
        if known.is_empty() {
            return Ok(()); // A file without rows lacks nothing.
        }
        let is_missing = |column: &str| !known.iter().any(|known| known == column);
        if is_missing(text) {
            return Err(missing_column(path, text, &known));
        }
        for column in labels.iter().filter(|column| is_missing(column)) {
            let (path, column, known) = (path.to_path_buf(), column.clone(), known.clone());
            self.missing.push(MissingColumn { path, column, known });
        }
        Ok(())
    }

    fn push(&mut self, (path_idx, line): (usize, usize), text: &str, cells: &[Value]) -> Result<()> {
        self.origins.rows.push((path_idx as u32, line as u64));
        self.texts.push(text.as_bytes())?;
        self.cells.iter_mut().zip(cells).try_for_each(|(column, cell)| match cell {
            Value::Null => column.push(&[]),
            cell => column.push(cell.to_string().as_bytes()),
        })
    }
}

/// The line, the text and the other cells of a record whose first cell is the text.
fn row_text(record: Record, path: &Path, column: &str) -> Result<(usize, String, Vec<Value>), BadRow> {
    let line = record.line;
    let mut cells = record.cells.into_iter();
    match cells.next() {
        Some(Value::String(text)) => Ok((line, text, cells.collect())),
        other => Err(not_a_text(path, line, column, &other.unwrap_or_default())),
    }
}

/// The bad row whose text is missing or not a string.
pub(super) fn not_a_text(path: &Path, line: usize, column: &str, cell: &Value) -> BadRow {
    let problem = format!("expected a text, found {}", describe(cell));
    BadRow { path: path.to_path_buf(), line, column: Some(column.to_string()), problem }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::json;

    use super::super::tests::file;
    use super::*;

    fn columns(labels: &[&str]) -> Columns {
        Columns { text: "text".into(), labels: labels.iter().map(|label| label.to_string()).collect() }
    }

    fn error(name: &str, content: &str) -> String {
        let (dir, path) = file(name, content);
        let error = Table::read(&[path], &columns(&["label"])).unwrap_err().to_string();
        error.replace(&format!("{}/", dir.path().display()), "")
    }

    #[test]
    fn files_of_any_format_follow_one_another() {
        let (dir, csv) = file("a.csv", "label,text\n1,one\n,two\n");
        let jsonl = dir.path().join("b.jsonl");
        fs::write(&jsonl, "{\"text\": \"\", \"label\": 3}\n\n{\"text\": \"four\"}\n").unwrap();
        let table = Table::read(&[csv.clone(), jsonl.clone()], &columns(&["label"])).unwrap();
        assert!(table.texts().iter().eq(["one", "two", "", "four"]));
        let cells = table.cells("label").unwrap().iter().collect::<Vec<_>>();
        assert_eq!(cells, [json!("1"), json!(null), json!(3), json!(null)]);
        assert_eq!(table.cells("other"), None);
        assert_eq!(table.origins().get(1), (csv.as_path(), 3));
        assert_eq!(table.origins().get(3), (jsonl.as_path(), 3));
        assert!(table.missing_columns().is_empty());
    }

    #[test]
    fn all_bad_rows_are_reported_together() {
        let good = "{\"text\": \"a\"}\n";
        let bad = "nonsense\n{\"text\": 1}\n{\"text\": null}\n{}\n[]\n".repeat(5);
        let error = error("a.jsonl", &format!("{good}{bad}"));
        let lines: Vec<&str> = error.lines().collect();
        assert_eq!(lines.len(), 22);
        assert_eq!(lines[0], "25 bad rows");
        assert_eq!(lines[1], "  a.jsonl:2: expected an object: expected ident at column 2");
        assert_eq!(lines[2], "  a.jsonl:3: column `text`: expected a text, found `1`");
        assert_eq!(lines[3], "  a.jsonl:4: column `text`: expected a text, found nothing");
        assert_eq!(lines[5], "  a.jsonl:6: expected an object, found a list");
        assert_eq!(lines[21], "  ... and 5 more");
    }

    #[test]
    fn a_missing_text_column_is_an_error_with_the_nearest_name() {
        let expected = ": no column `text`; there is: id, texts (did you mean `texts`?)";
        assert_eq!(error("a.csv", "id,texts\n1,a\n"), format!("a.csv{expected}"));
        assert_eq!(error("a.jsonl", "{\"id\": 1, \"texts\": \"a\"}\n"), format!("a.jsonl{expected}"));
        assert_eq!(error("b.csv", "id,label\n"), "b.csv: no column `text`; there is: id, label");
    }

    #[test]
    fn a_missing_label_column_is_for_the_caller_to_judge() {
        let (_dir, path) = file("a.jsonl", "{\"text\": \"a\", \"lable\": 1, \"other\": null}\n");
        let table = Table::read(&[path], &columns(&["label", "other"])).unwrap();
        let [missing] = table.missing_columns() else { panic!("{:?}", table.missing_columns()) };
        let error = missing.clone().into_error().to_string();
        let expected = "no column `label`; there is: text, lable, other (did you mean `lable`?)";
        assert!(error.ends_with(expected), "{error}");
    }

    #[test]
    fn an_empty_file_of_json_lines_has_no_rows() {
        let (_dir, path) = file("a.jsonl", "\n");
        let table = Table::read(&[path], &columns(&["label"])).unwrap();
        assert!(table.is_empty() && table.missing_columns().is_empty());
    }
}
