//! What is said of one task: parts that look at its metrics and answers, a file each.

mod confusion;
mod errors;
mod labels;
mod metrics;
mod reliability;
mod scatter;

use maud::{Markup, html};

use super::TaskView;
use super::numbers::counted;
use super::page::plain;
use super::rows::Split;
use crate::model::Head;

/// Makes a part; none if the task's metrics and answers do not have what it shows.
type Make = fn(&Head, &Split<'_>) -> Option<Markup>;

/// The parts in their order.
const PARTS: [Make; 5] = [confusion::part, labels::part, reliability::part, scatter::part, errors::part];

/// All there is to say of a task; charts show the first split that has labels.
pub(super) fn body(task: &TaskView<'_>) -> Markup {
    let settings = &task.head.settings;
    let column =
        if settings.column() == settings.name { String::new() } else { settings.column().to_string() };
    html! {
        p {
            "Kind: " bdi { (plain(&settings.kind)) } ". Weight: " (settings.weight) "."
            @if !column.is_empty() { " Column: " bdi { (plain(&column)) } "." }
        }
        @match task.splits.first() {
            None => p { "No row that was held out has a label of this task." },
            Some(split) => {
                (metrics::table(&task.splits))
                p.note { "What follows is of the " (counted(split.scores.n, "labelled row", "labelled rows")) " of " (split.name) "." }
                @for part in PARTS { @if let Some(part) = part(task.head, split) { (part) } }
            }
        }
    }
}
