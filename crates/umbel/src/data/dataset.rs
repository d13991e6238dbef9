//! Texts and the targets of every task, row by row.

use serde_json::Value;

use super::Table;
use crate::error::{BadRow, BadRows, Result};
use crate::task::Targets;

/// Reads a cell as the numbers of a label, or says what was found and what was expected.
pub type Parse<'a> = &'a dyn Fn(&Value) -> Result<Vec<f32>, String>;

/// How the labels of a task are read.
#[derive(Clone, Copy)]
pub struct Column<'a> {
    /// The label column, one of those that the table was read with.
    pub name: &'a str,
    /// How many numbers a label has.
    pub width: usize,
    /// What reads a cell that is not null; it gives `width` numbers.
    pub parse: Parse<'a>,
}

/// Texts and the targets of every task, row by row.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    // Invariant: as many texts as rows in each of the targets.
    texts: Vec<String>,
    targets: Vec<Targets>,
}

/// One row of a data set.
#[derive(Debug, Clone, PartialEq)]
pub struct Example<'a> {
    /// The text.
    pub text: &'a str,
    /// The label of each task, in the order of the tasks.
    pub targets: Vec<Option<&'a [f32]>>,
}

impl Dataset {
    /// Reads the labels of each task; a null cell is no label.
    ///
    /// # Errors
    /// [`Error::Data`](crate::Error::Data) with all cells that cannot be read.
    ///
    /// # Panics
    /// If the table was read without a column, or a parser gives another number of numbers than its width.
    pub fn from_table(table: &Table, tasks: &[Column<'_>]) -> Result<Self> {
        let mut bad = BadRows::default();
        let targets = tasks.iter().map(|task| targets(table, task, &mut bad)).collect();
        bad.into_result()?;
        Ok(Self { texts: table.texts().to_vec(), targets })
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.texts.len()
    }

    /// True of no rows.
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    /// A row, if there are so many.
    pub fn get(&self, row: usize) -> Option<Example<'_>> {
        let text = self.texts.get(row)?;
        Some(Example { text, targets: self.targets.iter().map(|targets| targets.get(row)).collect() })
    }

    /// All rows in their order.
    pub fn iter(&self) -> impl Iterator<Item = Example<'_>> {
        (0..self.len()).map_while(|row| self.get(row))
    }

    /// The text of each row.
    pub fn texts(&self) -> &[String] {
        &self.texts
    }

    /// The labels of a task, by its place among the tasks.
    ///
    /// # Panics
    /// If there are not so many tasks.
    pub fn targets(&self, task_idx: usize) -> &Targets {
        &self.targets[task_idx]
    }

    /// The given rows, in the given order.
    ///
    /// # Panics
    /// If there are not so many rows.
    pub fn select(&self, rows: &[usize]) -> Self {
        Self {
            texts: rows.iter().map(|&row| self.texts[row].clone()).collect(),
            targets: self.targets.iter().map(|targets| targets.select(rows)).collect(),
        }
    }
}

fn targets(table: &Table, task: &Column<'_>, bad: &mut BadRows) -> Targets {
    let cells = table.cells(task.name).expect("the table is read with the column of each task");
    let mut targets = Targets::new(task.width);
    for (row, cell) in cells.iter().enumerate() {
        let label = if cell.is_null() { Ok(None) } else { (task.parse)(cell).map(Some) };
        match label {
            Ok(label) => targets.push(label.as_deref()),
            Err(problem) => {
                let (path, line) = table.origin(row);
                bad.push(BadRow { path: path.to_path_buf(), line, column: Some(task.name.into()), problem });
            }
        }
    }
    targets
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::super::tests::file;
    use super::super::{Columns, split::hold_out};
    use super::*;

    fn number(cell: &Value) -> Result<Vec<f32>, String> {
        let number = cell.as_f64().or_else(|| cell.as_str()?.parse().ok());
        number.map(|number| vec![number as f32]).ok_or(format!("expected a number, found {cell}"))
    }

    fn length(cell: &Value) -> Result<Vec<f32>, String> {
        Ok(vec![cell.as_str().ok_or("expected a string")?.len() as f32])
    }

    fn read(path: PathBuf, text: &str, names: [&str; 2]) -> Result<Dataset> {
        let columns = Columns { text: text.into(), labels: names.map(String::from).to_vec() };
        let table = Table::read(&[path], &columns).unwrap();
        let [first, second] = names;
        let tasks = [
            Column { name: first, width: 1, parse: &length },
            Column { name: second, width: 1, parse: &number },
        ];
        Dataset::from_table(&table, &tasks)
    }

    #[test]
    fn rows_can_be_asked_for_by_index() {
        let (_dir, path) = file("a.csv", "text,topic,score\na,food,1\nb,,0.5\nc,art,\n");
        let data = read(path, "text", ["topic", "score"]).unwrap();
        assert_eq!(data.len(), 3);
        assert_eq!(data.get(1), Some(Example { text: "b", targets: vec![None, Some(&[0.5])] }));
        assert_eq!(data.get(3), None);
        assert_eq!(data.targets(0).n_present(), 2);
        assert_eq!(data.iter().map(|example| example.text).collect::<Vec<_>>(), ["a", "b", "c"]);
        assert_eq!(data.select(&[2, 0]).get(0), data.get(2));
    }

    #[test]
    fn every_bad_cell_is_reported_with_its_line_and_column() {
        let (_dir, path) = file(
            "a.jsonl",
            "{\"text\": \"a\", \"topic\": 1, \"score\": 1}\n\n{\"text\": \"b\", \"score\": \"x\"}\n",
        );
        let error = read(path, "text", ["topic", "score"]).unwrap_err().to_string();
        assert!(error.starts_with("2 bad rows\n"), "{error}");
        assert!(error.contains("a.jsonl:1: column `topic`: expected a string\n"), "{error}");
        assert!(error.ends_with("a.jsonl:3: column `score`: expected a number, found \"x\""), "{error}");
    }

    #[test]
    fn the_same_rows_are_read_from_each_format() {
        let shared = std::env::var_os("UMBEL_SHARED").map(PathBuf::from);
        let shared = shared.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"));
        let folder = shared.join("data/snips-ratings-small");
        if !folder.is_dir() {
            // Written past the capture of test output, so that it is seen.
            let _ = std::io::Write::write_all(
                &mut std::io::stderr(),
                format!("SKIPPED: there is no {}; set UMBEL_SHARED\n", folder.display()).as_bytes(),
            );
            return;
        }
        for (split, n) in [("train", 900), ("validation", 180), ("test", 180)] {
            let read = |format: &str| {
                read(folder.join(format!("{split}.{format}")), "text", ["intent", "rating"]).unwrap()
            };
            let jsonl = read("jsonl");
            assert_eq!((jsonl.len(), jsonl.targets(0).n_present()), (n, n));
            assert_eq!(jsonl.targets(1).n_present(), n / 3);
            assert!(jsonl == read("csv"), "{split}.csv differs");
            assert!(jsonl == read("parquet"), "{split}.parquet differs");
        }
        let (train, validation) = hold_out(&[None; 900], 0.1, 42);
        assert_eq!((train.len(), validation.len()), (810, 90));
    }
}
