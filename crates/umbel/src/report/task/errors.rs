//! The rows whose answers cost most, with their texts.

use maud::{Markup, html};

use crate::model::Head;
use crate::report::numbers::decimal;
use crate::report::page::shortened;
use crate::report::rows::{Row, Split, answered, spoken};

/// Rows that are shown.
const SHOWN: usize = 20;
/// Letters of a text.
const LETTERS: usize = 280;
/// Letters of a label or an answer.
const SHORT: usize = 120;
/// Other texts of a row that are shown.
const OTHERS: usize = 2;

/// The rows of the highest loss.
pub(super) fn part(_head: &Head, split: &Split<'_>) -> Option<Markup> {
    let mut rows: Vec<&Row<'_>> = split.rows.iter().collect();
    rows.sort_by(|a, b| b.loss.total_cmp(&a.loss));
    rows.truncate(SHOWN);
    rows.first().filter(|row| row.loss > 0.0)?;
    Some(html! {
        h3 { "Worst errors" }
        div.scroll { table.errors {
            thead { tr { @for name in ["text", "true", "answered", "loss"] { th scope="col" { (name) } } } }
            tbody { @for row in rows { tr {
                th scope="row" dir="auto" {
                    (shortened(row.text, LETTERS))
                    @for other in row.others.iter().take(OTHERS) { p.other dir="auto" { (shortened(other, LETTERS)) } }
                }
                @if let Some(answer) = &row.answer {
                    td { bdi { (shortened(&spoken(&row.truth), SHORT)) } }
                    td { bdi { (shortened(&answered(answer), SHORT)) } }
                } @else { td { "–" } td { "–" } }
                td.number { (decimal(Some(row.loss))) }
            } } }
        } }
        p.note {
            "The rows of the highest loss, the first of equals first. Look for wrong labels among them."
            @if let Some(sampled) = split.sampled() { " " (sampled) }
        }
    })
}
