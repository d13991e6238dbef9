//! A loss or a gradient that is no finite number: what is said of it, and of the rows that it comes from.

use super::data::RunData;
use super::passes::StepLosses;
use crate::error::Error;
use crate::settings::Settings;

/// How many rows an error names.
const SHOWN_ROWS: usize = 5;
/// Of each row's text, how many characters.
const SHOWN_CHARS: usize = 60;

/// What of a step is no finite number, in words; none if all is well.
pub(super) fn problem(found: &StepLosses, grad_norm: f64, settings: &Settings) -> Option<String> {
    let tasks = settings.tasks.iter().zip(&found.losses);
    for (task, loss) in tasks.filter_map(|(task, loss)| Some((task, (*loss)?))) {
        if !loss.is_finite() {
            return Some(format!("the loss of task `{}` is {loss}", task.name));
        }
    }
    if grad_norm.is_finite() {
        return None;
    }
    let shared = found.shared.iter().flat_map(|shared| shared.tasks.iter().zip(&shared.norms));
    let of: Vec<String> =
        shared.filter(|(_, norm)| !norm.is_finite()).map(|(task, _)| format!("`{task}`")).collect();
    let labelled = settings.tasks.iter().zip(&found.losses).filter(|(_, loss)| loss.is_some());
    let of = match of.is_empty() {
        true => labelled.map(|(task, _)| format!("`{}`", task.name)).collect(),
        false => of,
    };
    let tasks = if of.len() == 1 { "task" } else { "tasks" };
    Some(format!("the norm of the gradient of {tasks} {} is {grad_norm}", of.join(", ")))
}

/// The error that ends a run after too many skipped steps; `rows` are those at fault.
pub(super) fn error(step: usize, n_skipped: usize, problem: &str, rows: &[usize], data: &RunData) -> Error {
    let before = match n_skipped {
        1 => String::new(),
        n => format!(", and {n} steps in a row were skipped"),
    };
    let shown: Vec<String> = rows.iter().take(SHOWN_ROWS).map(|&row| describe(row, data)).collect();
    let more = match rows.len().saturating_sub(SHOWN_ROWS) {
        0 => String::new(),
        n => format!("\n  ... and {n} more"),
    };
    Error::Diverged(format!(
        "step {step}: {problem}{before}; the last checkpoint is kept; lower the learning rate, or look at the texts \
         and labels of these training rows:{}{more}",
        shown.concat()
    ))
}

fn describe(row: usize, data: &RunData) -> String {
    let (path, line) = data.origins.get(row);
    let text = data.train.texts().get(row);
    let beginning: String = text.chars().take(SHOWN_CHARS).collect();
    let rest = if beginning.len() < text.len() { "..." } else { "" };
    format!("\n  {}:{line}: {beginning:?}{rest}", path.display())
}
