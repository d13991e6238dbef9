//! Texts and the targets of every task, row by row.

use std::ops::Range;

use super::Table;
use super::cells::{n_outputs, read_row};
use crate::error::{BadRow, BadRows, Result};
use crate::settings::TaskSettings;
use crate::spans::Spans;
use crate::spool::{SpoolWriter, Strings};
use crate::task::{Targets, Task};

/// Texts and the targets of every task, row by row.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    // Invariant: as many texts as rows in each of the targets and others; a target and others a task.
    texts: Strings,
    targets: Vec<Targets>,
    others: Vec<Others>,
}

/// The texts that a task compares those of the rows with.
#[derive(Debug, Clone, PartialEq, Default)]
struct Others {
    texts: Strings,
    // Invariant: a part a row.
    spans: Spans,
}

/// The texts of some rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowTexts {
    /// Those of the rows, and then those that tasks compare them with, as places in [`Dataset::all_texts`].
    pub all: Vec<usize>,
    /// For each task the texts of the rows' groups, as places in `all`: a labelled row's own and those that it is
    /// compared with, row after row. Nothing for tasks that compare no texts.
    pub groups: Vec<Vec<usize>>,
}

/// One row of a data set.
#[derive(Debug, Clone, PartialEq)]
pub struct Example<'a> {
    /// The text.
    pub text: &'a str,
    /// The label of each task, in the order of the tasks.
    pub targets: Vec<Option<&'a [f32]>>,
    /// The texts that each task compares the row's own with; none without a label.
    pub others: Vec<Vec<&'a str>>,
}

impl Dataset {
    /// Reads the labels of each task, and the texts that it compares; a null cell is no label.
    ///
    /// # Errors
    /// [`Error::Data`](crate::Error::Data) with all cells that cannot be read.
    ///
    /// # Panics
    /// If the table was read without a column of a task.
    pub fn from_table(table: &Table, tasks: &[(&TaskSettings, &dyn Task)]) -> Result<Self> {
        let mut bad = BadRows::default();
        let read = tasks.iter().map(|(settings, task)| read(table, settings.column(), *task, &mut bad));
        let (targets, others) = read.collect::<Result<Vec<_>>>()?.into_iter().unzip();
        bad.into_result()?;
        Ok(Self { texts: table.texts().clone(), targets, others })
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
        (row < self.len()).then(|| Example {
            text: self.texts.get(row),
            targets: self.targets.iter().map(|targets| targets.get(row)).collect(),
            others: self.others.iter().map(|others| others.get(row)).collect(),
        })
    }

    /// All rows in their order.
    pub fn iter(&self) -> impl Iterator<Item = Example<'_>> {
        (0..self.len()).map_while(|row| self.get(row))
    }

    /// The text of each row.
    pub fn texts(&self) -> &Strings {
        &self.texts
    }

    /// The texts of all rows, and then those that tasks compare them with, task after task.
    pub fn all_texts(&self) -> impl Iterator<Item = &str> {
        self.texts.iter().chain(self.others.iter().flat_map(|others| others.texts.iter()))
    }

    /// The texts that a task compares a row's own with, as places in [`Dataset::all_texts`].
    ///
    /// # Panics
    /// If there are not so many rows or tasks.
    pub fn others(&self, task_idx: usize, row: usize) -> Range<usize> {
        let before = self.others[..task_idx].iter().map(|others| others.texts.len()).sum::<usize>();
        let span = self.others[task_idx].spans.get(row);
        let start = self.texts.len() + before;
        start + span.start..start + span.end
    }

    /// The texts that some tasks read of some rows.
    ///
    /// # Panics
    /// If there are not so many rows or tasks.
    pub fn row_texts(&self, tasks: &[usize], rows: &[usize]) -> RowTexts {
        let mut texts = RowTexts { all: rows.to_vec(), groups: vec![Vec::new(); tasks.len()] };
        for (group, &task) in texts.groups.iter_mut().zip(tasks) {
            for (place, &row) in rows.iter().enumerate() {
                let others = self.others(task, row);
                if !others.is_empty() {
                    group.push(place);
                    group.extend(texts.all.len()..texts.all.len() + others.len());
                    texts.all.extend(others);
                }
            }
        }
        texts
    }

    /// The same rows with targets of more tasks before the others.
    ///
    /// # Panics
    /// If the targets have another number of rows.
    #[must_use]
    pub fn with_tasks_before(&self, targets: Vec<Targets>) -> Self {
        self.with_tasks(targets, 0)
    }

    /// The same rows with targets of more tasks after the others.
    ///
    /// # Panics
    /// If the targets have another number of rows.
    #[must_use]
    pub fn with_tasks_after(&self, targets: Vec<Targets>) -> Self {
        self.with_tasks(targets, self.targets.len())
    }

    fn with_tasks(&self, targets: Vec<Targets>, at: usize) -> Self {
        assert!(targets.iter().all(|targets| targets.len() == self.len()), "a target a row");
        let none = Others { texts: Strings::default(), spans: self.texts.iter().map(|_| 0).collect() };
        let mut all = self.clone();
        all.others.splice(at..at, targets.iter().map(|_| none.clone()));
        all.targets.splice(at..at, targets);
        all
    }

    /// How many tasks there are.
    pub fn n_tasks(&self) -> usize {
        self.targets.len()
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
            texts: self.texts.select(rows.iter().copied()),
            targets: self.targets.iter().map(|targets| targets.select(rows)).collect(),
            others: self.others.iter().map(|others| others.select(rows)).collect(),
        }
    }
}

impl Others {
    fn get(&self, row: usize) -> Vec<&str> {
        self.spans.get(row).map(|text| self.texts.get(text)).collect()
    }

    fn select(&self, rows: &[usize]) -> Self {
        Self {
            texts: self.texts.select(rows.iter().flat_map(|&row| self.spans.get(row))),
            spans: rows.iter().map(|&row| self.spans.get(row).len()).collect(),
        }
    }
}

fn read(table: &Table, column: &str, task: &dyn Task, bad: &mut BadRows) -> Result<(Targets, Others)> {
    let (mut targets, mut spans, mut others) = <(Targets, Spans, SpoolWriter)>::default();
    for row in 0..table.len() {
        match read_row(table, row, column, task) {
            Ok((label, texts)) => {
                targets.push_with(label.as_deref(), n_outputs(task, table.texts().get(row), texts.len()));
                spans.push(texts.len());
                texts.iter().try_for_each(|text| others.push(text.as_bytes()))?;
            }
            Err((column, problem)) => {
                let (path, line) = table.origins().get(row);
                bad.push(BadRow { path: path.to_path_buf(), line, column: Some(column), problem });
            }
        }
    }
    Ok((targets, Others { texts: Strings::finish(others)?, spans }))
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use serde_json::json;

    use super::super::cells::columns;
    use super::super::tests::file;
    use super::super::{Columns, split::hold_out};
    use super::*;

    fn read(path: PathBuf, tasks: &[serde_json::Value]) -> Result<Dataset> {
        let settings: Vec<TaskSettings> =
            tasks.iter().map(|task| serde_json::from_value(task.clone()).unwrap()).collect();
        let made: Vec<Box<dyn Task>> = settings.iter().map(|task| crate::task::make(task).unwrap()).collect();
        let tasks: Vec<(&TaskSettings, &dyn Task)> =
            settings.iter().zip(&made).map(|(settings, task)| (settings, task.as_ref())).collect();
        let labels = tasks.iter().flat_map(|(settings, task)| columns(settings, *task)).collect();
        let table = Table::read(&[path], &Columns { text: "text".into(), labels }).unwrap();
        Dataset::from_table(&table, &tasks)
    }

    /// A classification and a regression.
    fn two(topic: &[&str], names: [&str; 2]) -> [serde_json::Value; 2] {
        [
            json!({"name": names[0], "kind": "classification", "labels": topic}),
            json!({"name": names[1], "kind": "regression", "standardize": false}),
        ]
    }

    #[test]
    fn rows_can_be_asked_for_by_index() {
        let (_dir, path) = file("a.csv", "text,topic,score\na,food,1\nb,,0.5\nc,art,\n");
        let data = read(path, &two(&["art", "food"], ["topic", "score"])).unwrap();
        assert_eq!(data.len(), 3);
        assert_eq!(
            data.get(1),
            Some(Example { text: "b", targets: vec![None, Some(&[0.5])], others: vec![vec![], vec![]] })
        );
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
        let error = read(path, &two(&["art", "food"], ["topic", "score"])).unwrap_err().to_string();
        assert!(error.starts_with("2 bad rows\n"), "{error}");
        assert!(
            error.contains("a.jsonl:1: column `topic`: unknown label `1`; there is: art, food\n"),
            "{error}"
        );
        assert!(error.ends_with("a.jsonl:3: column `score`: expected a number, found \"x\""), "{error}");
    }

    const INTENTS: [&str; 7] = [
        "AddToPlaylist",
        "BookRestaurant",
        "GetWeather",
        "PlayMusic",
        "RateBook",
        "SearchCreativeWork",
        "SearchScreeningEvent",
    ];

    #[test]
    fn tasks_compare_texts_with_those_of_other_columns() {
        let rows = [
            r#"{"text": "a", "like": 1, "pair": "b", "best": "c", "worse": ["d", "e"]}"#,
            r#"{"text": "f", "pair": "g", "best": "h"}"#,
        ];
        let (_dir, path) = file("a.jsonl", rows.join("\n"));
        let tasks = [
            json!({"name": "like", "kind": "similarity", "second": "pair", "range": [0, 1]}),
            json!({"name": "best", "kind": "contrastive", "negatives": ["worse"]}),
        ];
        let data = read(path, &tasks).unwrap();
        assert!(data.all_texts().eq(["a", "f", "b", "c", "d", "e", "h"]));
        let texts = data.row_texts(&[0, 1], &[0, 1]);
        assert_eq!(texts.all, [0, 1, 2, 3, 4, 5, 6]);
        assert_eq!(texts.groups, [vec![0, 2], vec![0, 3, 4, 5, 1, 6]]);
        let texts = data.row_texts(&[1], &[1]);
        assert_eq!((texts.all, texts.groups), (vec![1, 6], vec![vec![0, 1]]));
        assert_eq!((data.targets(0).outputs(1), data.targets(1).outputs(1)), (2..2, 4..6));
        assert_eq!(data.get(1).unwrap().others, [vec![], vec!["h"]]);
        assert!(data.select(&[1]).all_texts().eq(["f", "h"]));
    }

    #[test]
    fn a_score_without_a_second_text_is_bad() {
        let (_dir, path) = file(
            "a.jsonl",
            "{\"text\": \"a\", \"like\": 1, \"pair\": null}\n{\"text\": \"a\", \"like\": 1, \"pair\": 3}",
        );
        let tasks = [json!({"name": "like", "kind": "similarity", "second": "pair", "range": [0, 1]})];
        let error = read(path, &tasks).unwrap_err().to_string();
        assert!(error.contains("a.jsonl:1: column `pair`: expected a text, found nothing"), "{error}");
        assert!(error.contains("a.jsonl:2: column `pair`: expected a text, found `3`"), "{error}");
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
                read(folder.join(format!("{split}.{format}")), &two(&INTENTS, ["intent", "rating"])).unwrap()
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
