//! The rows of each split, as training would read and split them, and where each came from.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::report::{Example, Finding, Place, Report, Severity, SplitRows, Tally, rows};
use crate::data::cells::{n_outputs, read_row};
use crate::data::{Columns, Origins, Table};
use crate::error::{Error, Result};
use crate::settings::{Settings, TaskSettings, Validation};
use crate::spool::Strings;
use crate::task::{Targets, Task};
use crate::train::data;

/// The rows of each split, and the tasks that have learned from them.
pub(super) struct Rows {
    /// The tasks, with the label names and scales they have learned.
    pub(super) tasks: Vec<(TaskSettings, Box<dyn Task>)>,
    /// Training, validation, and test if there is one.
    pub(super) splits: Vec<Split>,
}

/// The rows of one split.
pub(super) struct Split {
    /// `training`, `validation` or `test`.
    pub(super) name: &'static str,
    /// Each row's text.
    pub(super) texts: Strings,
    /// The texts that tasks compare each row's own with, one below the other; empty of rows that have none.
    pub(super) compared: Vec<String>,
    /// Each task's labels; one that cannot be read is missing.
    pub(super) targets: Vec<Targets>,
    origins: Origins,
}

impl Split {
    fn new(name: &'static str, table: &Table, targets: Vec<Targets>) -> Self {
        let (texts, origins) = (table.texts().clone(), table.origins().clone());
        Self { name, texts, compared: vec![String::new(); table.len()], targets, origins }
    }

    fn select(&self, name: &'static str, rows: &[usize]) -> Self {
        Self {
            name,
            texts: self.texts.select(rows.iter().copied()),
            compared: rows.iter().map(|&row| self.compared[row].clone()).collect(),
            targets: self.targets.iter().map(|targets| targets.select(rows)).collect(),
            origins: self.origins.select(rows),
        }
    }

    /// How many rows there are.
    pub(super) fn len(&self) -> usize {
        self.texts.len()
    }

    /// Where a row is.
    pub(super) fn place(&self, row: usize) -> Place {
        let (path, line) = self.origins.get(row);
        Place { path: path.to_path_buf(), line }
    }

    /// The file of a row.
    pub(super) fn path(&self, row: usize) -> &Path {
        self.origins.get(row).0
    }

    /// A row as an example, with the start of its text.
    pub(super) fn example(&self, row: usize) -> Example {
        Example { places: vec![self.place(row)], what: start(self.texts.get(row)) }
    }
}

/// The start of a text, in quotes.
pub(super) fn start(text: &str) -> String {
    const SHOWN: usize = 60;
    let more = if text.chars().nth(SHOWN).is_some() { "…" } else { "" };
    format!("\"{}{more}\"", text.chars().take(SHOWN).collect::<String>().replace(['\n', '\r', '\t'], " "))
}

impl Rows {
    /// Reads the files that the settings name; what is wrong with them goes to the report.
    ///
    /// `None` if that is so much that nothing can be said of the rows.
    pub(super) fn read(settings: &Settings, report: &mut Report) -> Option<Self> {
        if settings.tasks.is_empty() {
            report.add(
                Finding::new(Severity::Error, "no_task", "there is no task")
                    .advice("add a `[[task]]` with `name` and `kind`"),
            );
            return None;
        }
        let train_files = readable(settings.data.train.paths(), report)?;
        let table = readable(data::read_table(settings, &train_files), report)?;
        let tasks = readable(data::learn(&settings.tasks, &table), report)?;
        let all = split("training", &table, &tasks, report);
        let mut splits = match &settings.data.validation {
            Validation::Fraction(fraction) => match data::dataset(&table, &tasks) {
                Ok(data) => {
                    let (train, held) = data::hold_out(&data, &tasks, *fraction, settings.train.seed);
                    vec![all.select("training", &train), all.select("validation", &held)]
                }
                Err(_) => vec![all], // Labels that cannot be read are in the report already.
            },
            Validation::Files(files) => {
                let held = files.paths().and_then(|paths| data::read_table(settings, &paths));
                let held = readable(held, report);
                let held = held.map(|table| split("validation", &table, &tasks, report));
                [Some(all), held].into_iter().flatten().collect()
            }
        };
        if let Some(files) = &settings.data.test {
            let test = files.paths().and_then(|paths| test_table(settings, &paths));
            let test = readable(test, report);
            splits.extend(test.map(|table| split("test", &table, &tasks, report)));
        }
        let rows = Self { tasks, splits };
        rows.count(settings, report);
        Some(rows)
    }

    /// The split of that name.
    pub(super) fn split(&self, name: &str) -> Option<&Split> {
        self.splits.iter().find(|split| split.name == name)
    }

    /// The training rows.
    pub(super) fn training(&self) -> &Split {
        &self.splits[0]
    }

    fn count(&self, settings: &Settings, report: &mut Report) {
        for split in &self.splits {
            let (files, held_out) = match (split.name, &settings.data.validation) {
                ("validation", Validation::Files(files)) => (Some(files), false),
                ("validation", Validation::Fraction(_)) => (Some(&settings.data.train), true),
                ("test", _) => (settings.data.test.as_ref(), false),
                _ => (Some(&settings.data.train), false),
            };
            // They were found before, else there were no split of theirs.
            let files = files.and_then(|files| files.paths().ok()).unwrap_or_default();
            let (split_name, rows) = (split.name, split.len());
            report.splits.push(SplitRows { split: split_name, rows, unlabelled: 0, files, held_out });
            if split.len() == 0 {
                let message = format!("there are no {} rows", split.name);
                report.add(Finding::new(Severity::Error, "no_rows", message).advice("add rows to its files"));
            }
        }
    }
}

/// The test rows, which may lack the column of a task.
fn test_table(settings: &Settings, paths: &[PathBuf]) -> Result<Table> {
    let labels = data::label_columns(settings)?;
    Table::read(paths, &Columns { text: settings.data.text.clone(), labels })
}

/// What could be read; an error goes to the report.
fn readable<T>(result: Result<T>, report: &mut Report) -> Option<T> {
    let finding = |error: Error| {
        let advice = match error {
            Error::Data(_) => "correct or remove these rows",
            _ => "correct the settings or the file",
        };
        Finding::new(Severity::Error, "unreadable", error.to_string()).advice(advice)
    };
    result.map_err(|error| report.add(finding(error))).ok()
}

fn split(
    name: &'static str,
    table: &Table,
    tasks: &[(TaskSettings, Box<dyn Task>)],
    report: &mut Report,
) -> Split {
    let targets = vec![Targets::default(); tasks.len()];
    let mut split = Split::new(name, table, targets);
    for (task_idx, (settings, task)) in tasks.iter().enumerate() {
        read_labels(&mut split, task_idx, (settings, task.as_ref(), table), report);
    }
    split
}

/// Reads a task's labels; those that cannot be read go to the report, the same ones together.
fn read_labels(
    split: &mut Split,
    task_idx: usize,
    (settings, task, table): (&TaskSettings, &dyn Task, &Table),
    report: &mut Report,
) {
    let mut problems: BTreeMap<(String, String), Tally> = BTreeMap::new();
    for row in 0..table.len() {
        let read = read_row(table, row, settings.column(), task);
        if let Err((column, problem)) = &read {
            let cells = table.cells(column).expect("the table is read with the columns of each task");
            let cell = cells.get(row);
            let tally = problems.entry((problem.clone(), cell.to_string())).or_default();
            tally.push(1, || split.example(row));
        }
        let (label, others) = read.unwrap_or_default();
        let n_outputs = n_outputs(task, table.texts().get(row), others.len());
        for other in &others {
            split.compared[row] += "\n";
            split.compared[row] += other;
        }
        split.targets[task_idx].push_with(label.as_deref(), n_outputs);
    }
    const SHOWN: usize = 20;
    let more = problems.len().saturating_sub(SHOWN);
    let learned = !task.labels().is_empty() && !settings.options.contains_key("labels");
    for ((problem, cell), tally) in problems.into_iter().take(SHOWN) {
        let is_name = !cell.starts_with(['[', '{']);
        let finding = if learned && is_name && split.name != "training" {
            let message =
                format!("label {cell} is in {} of {} and in no training row", rows(tally.n), split.name);
            Finding::new(Severity::Error, "label_only_outside_training", message)
                .advice("add training rows with this label, or correct or remove these")
        } else {
            let message = format!("a label of {} of {} cannot be read: {problem}", rows(tally.n), split.name);
            Finding::new(Severity::Error, "unreadable_label", message)
                .advice("correct or remove these labels")
        };
        report.add(finding.task(&settings.name).examples(tally.examples));
    }
    if more > 0 {
        let message = format!("{more} more labels of {} cannot be read", split.name);
        let finding = Finding::new(Severity::Error, "more_unreadable_labels", message);
        report.add(
            finding.task(&settings.name).advice("is this the right column, and the right kind of task?"),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Files, TOPIC};
    use super::*;

    #[test]
    fn everything_that_cannot_be_read_is_an_error() {
        let files = Files::new(&[("train.jsonl", "{\"text\": 1}\n{}\n")]);
        let found = files.check(TOPIC).findings;
        assert!(found[0].message.starts_with("2 bad rows\n"), "{found:?}");
        let found = Files::new(&[]).check(TOPIC).findings;
        assert_eq!((found[0].severity, found[0].name), (Severity::Error, "unreadable"));
        let found =
            Files::new(&[("train.jsonl", "{\"text\": \"a\", \"topic\": \"x\"}\n")]).check(TOPIC).findings;
        assert!(found[0].message.contains("two labels or more"), "{found:?}");
    }

    #[test]
    fn a_label_that_only_validation_has_is_an_error() {
        let train = "text,topic\na,x\nb,y\nc,x\nd,y\n";
        let files = Files::new(&[("train.csv", train), ("validation.csv", "text,topic\ne,x\nf,z\ng,z\n")]);
        let settings = "[[task]]\nname = 'topic'\nkind = 'classification'\n\
                        [data]\ntrain = 'train.csv'\nvalidation = 'validation.csv'";
        let report = files.check(settings);
        let found = files.found(&report, "label_only_outside_training");
        assert_eq!(found.message, "label \"z\" is in 2 rows of validation and in no training row");
        assert_eq!(found.examples[0].places[0].line, 3);
        let with_labels = settings.replace("[data]", "labels = ['x', 'y']\n[data]");
        let report = files.check(&with_labels);
        let found = files.found(&report, "unreadable_label");
        assert!(found.message.contains("unknown label `z`; there is: x, y"), "{}", found.message);
    }

    #[test]
    fn a_held_out_part_is_the_one_that_training_takes() {
        let lines: String = (0..20).map(|i| format!("t{i},{}\n", ["x", "y"][i % 2])).collect();
        let files = Files::new(&[("train.csv", &format!("text,topic\n{lines}"))]);
        let settings =
            files.settings("[[task]]\nname = 'topic'\nkind = 'classification'\n[data]\ntrain = 'train.csv'");
        let rows = Rows::read(&settings, &mut Report::default()).unwrap();
        let expected = data::RunData::read(&settings).unwrap();
        assert_eq!(&rows.training().texts, expected.train.texts());
        assert_eq!(&rows.split("validation").unwrap().texts, expected.validation.texts());
        assert_eq!(rows.training().targets[0], *expected.train.targets(0));
    }

    #[test]
    fn the_start_of_a_text_is_one_line() {
        assert_eq!(start("a\nb"), "\"a b\"");
        assert_eq!(start(&"é".repeat(61)), format!("\"{}…\"", "é".repeat(60)));
    }
}
