//! Which labels are taken for which: a matrix, or of many labels the pairs that are confused most.

use maud::{Markup, html};
use serde_json::Value;

use crate::model::Head;
use crate::report::numbers::count;
use crate::report::page::{plain, shortened, table};
use crate::report::rows::Split;

/// Labels of a matrix that can be read.
const READABLE: usize = 20;
/// Pairs that are listed.
const PAIRS: usize = 25;
/// Letters of a label beside the matrix.
const LETTERS: usize = 24;

/// The matrix of tasks whose metrics have one.
pub(super) fn part(head: &Head, split: &Split<'_>) -> Option<Markup> {
    let lines = split.scores.metrics.get("confusion")?.as_array()?;
    let line = |line: &Value| -> Option<Vec<usize>> {
        line.as_array()?.iter().map(|cell| Some(cell.as_u64()? as usize)).collect()
    };
    let matrix: Vec<Vec<usize>> = lines.iter().map(line).collect::<Option<_>>()?;
    let labels = head.task.labels();
    let fits = matrix.len() == labels.len() && matrix.iter().all(|line| line.len() == labels.len());
    let made = if labels.len() <= READABLE { heat } else { pairs };
    (fits && !labels.is_empty()).then(|| made(labels, &matrix))
}

/// A cell's shade is its part of the rows of its true label.
fn heat(labels: &[String], matrix: &[Vec<usize>]) -> Markup {
    html! {
        h3 { "Confusion" }
        div.scroll {
            table.heat {
                thead {
                    tr { td {} th.across colspan=(labels.len() + 1) { "answered" } }
                    tr {
                        th scope="col" { "true" }
                        @for label in labels { th.label scope="col" { span { bdi { (shortened(label, LETTERS)) } } } }
                        th.label scope="col" { span { "rows" } }
                    }
                }
                tbody {
                    @for (i, (line, label)) in matrix.iter().zip(labels).enumerate() {
                        @let rows = line.iter().sum::<usize>();
                        tr {
                            th scope="row" { bdi { (shortened(label, LETTERS)) } }
                            @for (j, n) in line.iter().enumerate() { (cell(*n, rows, i == j)) }
                            td.sum { (count(rows)) }
                        }
                    }
                }
            }
        }
        p.note { "A line is a true label, a column an answer; the shade is the part of the line's rows. What is right lies on the \
            diagonal." }
    }
}

fn cell(n: usize, rows: usize, right: bool) -> Markup {
    let share = n as f64 / rows.max(1) as f64;
    let shade = if n == 0 { 0 } else { ((share * 10.0).round() as usize).clamp(1, 10) };
    let class = format!("h{shade}{}", if right { " right" } else { "" });
    html! { td class=(class) title=(format!("{:.0} %", share * 100.0)) { @if n == 0 { "·" } @else { (count(n)) } } }
}

/// The pairs of labels that are taken for one another most often.
fn pairs(labels: &[String], matrix: &[Vec<usize>]) -> Markup {
    let n = labels.len();
    let all = (0..n).flat_map(|i| (0..n).map(move |j| (i, j))).filter(|(i, j)| i != j);
    let mut wrong: Vec<(usize, usize)> = all.filter(|&(i, j)| matrix[i][j] > 0).collect();
    wrong.sort_by_key(|&(i, j)| (std::cmp::Reverse(matrix[i][j]), i, j));
    let of = |i: usize| matrix[i].iter().sum::<usize>();
    let row = |&(i, j): &(usize, usize)| {
        let share = 100.0 * matrix[i][j] as f64 / of(i) as f64;
        vec![plain(&labels[i]), plain(&labels[j]), count(matrix[i][j]), format!("{share:.0} %")]
    };
    let rows: Vec<Vec<String>> = wrong.iter().take(PAIRS).map(row).collect();
    html! {
        h3 { "Confusion" }
        @if rows.is_empty() { p { "No row was given a wrong label." } } @else {
            div.worded { (table(&["true label", "answered", "rows", "of the label's rows"], &rows)) }
            p.note { "The " (rows.len()) " pairs that are confused most, of " (count(wrong.len())) " that are; a matrix of " (n) " labels \
                could not be read." }
        }
    }
}
