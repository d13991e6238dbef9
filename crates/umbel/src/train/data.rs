//! The rows that a run trains on and those it only looks at, with the tasks that have learned from them.

use std::path::PathBuf;

use sha2::{Digest, Sha256};

use crate::data::cells::columns;
use crate::data::{Columns, Dataset, Origins, Table, split};
use crate::error::{Error, Result};
use crate::settings::{Settings, TaskSettings, Validation};
use crate::task::{self, Task};

/// Quantile bins by which rows are stratified if the first task's labels are numbers.
const BINS: usize = 10;

/// The rows of a run, and its tasks.
pub struct RunData {
    /// Rows that are trained on.
    pub train: Dataset,
    /// Where each of them came from.
    pub origins: Origins,
    /// The source of each file of [`RunData::origins`], by its place in `data.train`.
    pub sources: Vec<usize>,
    /// Rows that are only looked at.
    pub validation: Dataset,
    /// The tasks, with the label names and scales they have learned from all rows of the training files.
    pub tasks: Vec<(TaskSettings, Box<dyn Task>)>,
}

impl RunData {
    /// Reads the files that the settings name.
    ///
    /// # Errors
    /// If a file cannot be read, a column is missing, or rows are bad: all of them at once.
    pub fn read(settings: &Settings) -> Result<Self> {
        if settings.tasks.is_empty() {
            return Err(Error::Settings(
                "there is no task; add a `[[task]]` with `name` and `kind`".to_string(),
            ));
        }
        let (sources, paths): (Vec<usize>, Vec<PathBuf>) =
            settings.data.train.paths_by_source()?.into_iter().unzip();
        let table = read_table(settings, &paths)?;
        let tasks = learn(&settings.tasks, &table)?;
        let all = dataset(&table, &tasks)?;
        let (train, origins, validation) = match &settings.data.validation {
            Validation::Files(files) => {
                let held = read_table(settings, &files.paths()?)?;
                (all, table.origins().clone(), dataset(&held, &tasks)?)
            }
            Validation::Fraction(fraction) => {
                let (train, held) = hold_out(&all, &tasks, *fraction, settings.train.seed);
                (all.select(&train), table.origins().select(&train), all.select(&held))
            }
        };
        match (train.len(), validation.len()) {
            (0, _) => Err(Error::Settings("`data.train` has no rows".to_string())),
            (_, 0) => Err(Error::Settings("`data.validation` has no rows".to_string())),
            _ => Ok(Self { train, origins, sources, validation, tasks }),
        }
    }

    /// The same texts with other labels, and no tasks of their own.
    pub(super) fn relabelled(&self, train: Dataset, validation: Dataset) -> Self {
        let (origins, sources) = (self.origins.clone(), self.sources.clone());
        Self { train, origins, sources, validation, tasks: Vec::new() }
    }

    /// The source of a training row, by its place in `data.train`.
    pub fn source(&self, row: usize) -> usize {
        self.sources[self.origins.file(row)]
    }

    /// Rows that come from no source of the settings, with the tasks that read their targets; `origins` has the training
    /// rows'.
    pub fn of(
        train: Dataset,
        origins: Origins,
        validation: Dataset,
        tasks: Vec<(TaskSettings, Box<dyn Task>)>,
    ) -> Self {
        Self { train, origins, sources: vec![0], validation, tasks }
    }

    /// The SHA-256 of all texts and targets, in hexadecimal digits.
    pub fn hash(&self) -> String {
        let mut hasher = Sha256::new();
        for data in [&self.train, &self.validation] {
            hasher.update((data.len() as u64).to_le_bytes());
            for example in data.iter() {
                hasher.update((example.text.len() as u64).to_le_bytes());
                hasher.update(example.text);
                for target in example.targets {
                    hasher.update([u8::from(target.is_some())]);
                    target.into_iter().flatten().for_each(|number| hasher.update(number.to_le_bytes()));
                }
                for text in example.others.into_iter().flatten() {
                    hasher.update((text.len() as u64).to_le_bytes());
                    hasher.update(text);
                }
            }
        }
        hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Reads labelled rows for tasks that have learned all there is to learn, as those of a trained model.
///
/// # Errors
/// If a file cannot be read, rows are bad, or none has any label.
pub fn read_labelled(
    paths: &[PathBuf],
    text: &str,
    tasks: &[(&TaskSettings, &dyn Task)],
) -> Result<(Table, Dataset)> {
    let labels = tasks.iter().flat_map(|(settings, task)| columns(settings, *task)).collect();
    let table = Table::read(paths, &Columns { text: text.to_string(), labels })?;
    let data = Dataset::from_table(&table, tasks)?;
    if (0..tasks.len()).all(|task_idx| data.targets(task_idx).n_present() == 0) {
        return Err(no_labels(paths, tasks, &table));
    }
    Ok((table, data))
}

/// The error of files of which no row has a label, with the columns that were looked for.
fn no_labels(paths: &[PathBuf], tasks: &[(&TaskSettings, &dyn Task)], table: &Table) -> Error {
    let paths: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    let wanted: Vec<String> = tasks.iter().map(|(task, _)| format!("`{}`", task.column())).collect();
    let known =
        table.missing_columns().first().map(|missing| format!("; there is: {}", missing.known.join(", ")));
    let (paths, wanted) = (paths.join(", "), wanted.join(", "));
    Error::Settings(format!(
        "{paths}: no row has a label; looked for the columns {wanted}{}",
        known.unwrap_or_default()
    ))
}

/// The rows of some of the settings' files; each task's column must be in one of them.
pub(crate) fn read_table(settings: &Settings, paths: &[PathBuf]) -> Result<Table> {
    let labels = label_columns(settings)?;
    let table = Table::read(paths, &Columns { text: settings.data.text.clone(), labels: labels.clone() })?;
    for column in &labels {
        let missing = || table.missing_columns().iter().filter(|missing| missing.column == *column);
        if let (true, Some(missing)) = (missing().count() == paths.len(), missing().next()) {
            return Err(missing.clone().into_error());
        }
    }
    Ok(table)
}

/// The columns that the settings' tasks read.
pub(crate) fn label_columns(settings: &Settings) -> Result<Vec<String>> {
    let mut all: Vec<String> = Vec::new();
    for settings in &settings.tasks {
        let own = columns(settings, task::make(settings)?.as_ref());
        all.extend(own.into_iter().filter(|column| !all.contains(column)).collect::<Vec<_>>());
    }
    Ok(all)
}

/// The settings' tasks, with what they learn from the labels of `table`.
pub(crate) fn learn(settings: &[TaskSettings], table: &Table) -> Result<Vec<(TaskSettings, Box<dyn Task>)>> {
    let learned = settings.iter().map(|settings| {
        let mut task = task::make(settings)?;
        let cells = table.cells(settings.column()).expect("the table was read with this column");
        let mut labels = cells.iter().filter(|cell| !cell.is_null());
        let wrong = |problem| Error::Settings(format!("task `{}`: {problem}", settings.name));
        task.learn(&mut labels).map_err(wrong)?;
        Ok((settings.clone(), task))
    });
    learned.collect()
}

/// The texts and targets of a table.
pub(crate) fn dataset(table: &Table, tasks: &[(TaskSettings, Box<dyn Task>)]) -> Result<Dataset> {
    let tasks: Vec<(&TaskSettings, &dyn Task)> = tasks.iter().map(|(s, task)| (s, task.as_ref())).collect();
    Dataset::from_table(table, &tasks)
}

/// The rows that are trained on and those that are held out, stratified by label.
pub(crate) fn hold_out(
    all: &Dataset,
    tasks: &[(TaskSettings, Box<dyn Task>)],
    fraction: f64,
    seed: u64,
) -> (Vec<usize>, Vec<usize>) {
    split::hold_out(&strata(all, tasks), fraction, seed)
}

/// The stratum of each row: by its first label, the tasks with label names first.
fn strata(data: &Dataset, tasks: &[(TaskSettings, Box<dyn Task>)]) -> Vec<Option<usize>> {
    let named = tasks.iter().position(|(_, task)| !task.labels().is_empty());
    let task_idx = named.unwrap_or(0);
    let task = &tasks[task_idx].1;
    let values: Vec<Option<f32>> =
        data.targets(task_idx).iter().map(|target| target.map(|target| task.stratum(target))).collect();
    match named {
        Some(_) => values.iter().map(|value| value.map(|value| value as usize)).collect(),
        None => split::quantile_bins(&values, BINS),
    }
}
