//! What the cells of a row say for a task.

use serde_json::Value;

use super::{Table, describe};
use crate::settings::TaskSettings;
use crate::task::{OtherTexts, Reads, Task};

/// The columns that a task reads.
pub fn columns(settings: &TaskSettings, task: &dyn Task) -> Vec<String> {
    let others = task.other_texts(settings.column()).into_iter().map(|other| other.column);
    let mut columns = vec![settings.column().to_string()];
    columns.extend(others.filter(|column| column != settings.column()));
    columns
}

/// A label, and the texts that the row's own is compared with.
type Labelled = (Option<Vec<f32>>, Vec<String>);

/// What a row says for a task; or a column and what is wrong with its cell.
///
/// # Panics
/// If the table was read without a column of the task.
pub(crate) fn read_row(
    table: &Table,
    row: usize,
    column: &str,
    task: &dyn Task,
) -> Result<Labelled, (String, String)> {
    let cell =
        |column: &str| table.cells(column).expect("the table is read with all columns of a task").get(row);
    let label = cell(column);
    if label.is_null() {
        return Ok((None, Vec::new()));
    }
    let target = task.target(table.texts().get(row), &label);
    let target = target.map_err(|problem| (column.to_string(), problem))?;
    let mut texts = Vec::new();
    for OtherTexts { column, required } in task.other_texts(column) {
        let own = read_texts(&cell(&column)).map_err(|problem| (column.clone(), problem))?;
        if own.is_empty() && required {
            return Err((column, "expected a text, found nothing".to_string()));
        }
        texts.extend(own);
    }
    Ok((Some(target), texts))
}

/// The texts that a cell says: none, one, or a list.
pub(super) fn read_texts(cell: &Value) -> Result<Vec<String>, String> {
    let text = |cell: &Value| {
        cell.as_str().map(str::to_string).ok_or_else(|| format!("expected a text, found {}", describe(cell)))
    };
    match cell {
        Value::Null => Ok(Vec::new()),
        Value::Array(cells) => cells.iter().map(text).collect(),
        cell => Ok(vec![text(cell)?]),
    }
}

/// How many rows of a head's outputs a row has.
pub(crate) fn n_outputs(task: &dyn Task, text: &str, n_others: usize) -> usize {
    match task.reads() {
        Reads::Text => 1,
        Reads::Words(rule) => rule.words(text).len(),
        Reads::Group => {
            if n_others == 0 {
                0
            } else {
                1 + n_others
            }
        }
    }
}
