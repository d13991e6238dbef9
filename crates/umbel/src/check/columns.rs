//! Columns that look like something else than what the settings take them for.

use std::collections::HashSet;
use std::path::Path;

use serde_json::Value;

use super::report::{Finding, Report, Severity};
use super::rows::{Rows, start};
use crate::data::format_of;
use crate::settings::Settings;
use crate::spool::Strings;

/// Rows of each file that are looked at.
const LOOKED_AT: usize = 10_000;
/// A column with more different values has no classes.
const CLASSES: usize = 100;
/// The share of texts that look like ids, from which on a finding says so.
const MOSTLY: f64 = 0.9;

pub(super) fn check(settings: &Settings, data: &Rows, report: &mut Report) {
    ids(&settings.data.text, &data.training().texts, report);
    let used = used(settings);
    let mut seen = HashSet::new();
    let files = report.splits.first().map(|split| split.files.clone()).unwrap_or_default();
    for path in files {
        for (column, what) in unused_labels(&path, &used) {
            if seen.insert(column.clone()) {
                report.add(unused(&column, &what, &path));
            }
        }
    }
}

/// A text column that seems to hold ids.
fn ids(column: &str, texts: &Strings, report: &mut Report) {
    let found: Vec<&str> = texts.iter().take(LOOKED_AT).filter(|text| is_id(text)).collect();
    let different: HashSet<&&str> = found.iter().collect();
    let share = found.len() as f64 / texts.len().clamp(1, LOOKED_AT) as f64;
    let Some(first) = found.first().filter(|_| share >= MOSTLY && different.len() > found.len() / 2) else {
        return;
    };
    let message = format!("{:.0} % of the texts look like ids, as {}", 100.0 * share, start(first));
    let advice = format!("`data.text` is `{column}`; is it the right column?");
    report.add(Finding::new(Severity::Warning, "text_is_id", message).advice(advice));
}

/// One word of ASCII with a digit in it, as `movie-9658`, `42` or `0f3a_77`.
fn is_id(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:#".contains(&byte);
    let text = text.trim();
    (1..=64).contains(&text.len()) && text.bytes().all(plain) && text.bytes().any(|b| b.is_ascii_digit())
}

/// All strings of the settings that may name a column.
fn used(settings: &Settings) -> HashSet<String> {
    let mut names = HashSet::new();
    let mut values = vec![serde_json::to_value(&settings.data), serde_json::to_value(&settings.tasks)];
    let mut open: Vec<Value> = values.drain(..).map(|value| value.expect("plain values")).collect();
    while let Some(value) = open.pop() {
        match value {
            Value::String(name) => drop(names.insert(name)),
            Value::Array(values) => open.extend(values),
            Value::Object(map) => open.extend(map.into_iter().map(|(_, value)| value)),
            _ => {}
        }
    }
    names
}

/// The columns of a file that no setting names and that look like labels, and what they look like.
///
/// A file that cannot be read has none: that it cannot is said elsewhere.
fn unused_labels(path: &Path, used: &HashSet<String>) -> Vec<(String, String)> {
    let Ok(format) = format_of(path) else { return Vec::new() };
    let Ok(all) = (format.columns)(path) else { return Vec::new() };
    let names: Vec<&str> = all.iter().map(String::as_str).filter(|name| !used.contains(*name)).collect();
    let Ok(records) = (format.records)(path, &names) else { return Vec::new() };
    let mut looks: Vec<Look> = names.iter().map(|_| Look::default()).collect();
    for record in records.take(LOOKED_AT).flatten() {
        looks.iter_mut().zip(&record.cells).for_each(|(look, cell)| look.see(cell));
    }
    let named = names.iter().zip(&looks);
    named.filter_map(|(name, look)| Some((name.to_string(), look.as_label()?))).collect()
}

/// What the cells of a column are like.
#[derive(Default)]
struct Look {
    n: usize,
    n_numbers: usize,
    // The values as JSON, at most one more than there may be classes.
    values: HashSet<String>,
    n_words: usize,
}

impl Look {
    fn see(&mut self, cell: &Value) {
        if cell.is_null() {
            return;
        }
        let number = cell.as_f64().or_else(|| cell.as_str()?.trim().parse().ok());
        self.n += 1;
        self.n_numbers += usize::from(number.is_some_and(|number| number.fract() != 0.0));
        self.n_words += cell.as_str().map_or(0, |text| text.split_whitespace().count());
        if self.values.len() <= CLASSES {
            self.values.insert(cell.to_string());
        }
    }

    /// What kind of label this could be: names of which each stands for several rows, or numbers.
    fn as_label(&self) -> Option<String> {
        let n_values = self.values.len();
        if (2..=CLASSES).contains(&n_values) && self.n >= 3 * n_values && self.n_words <= 4 * self.n {
            return Some(format!("{n_values} different values"));
        }
        (n_values > CLASSES && 2 * self.n_numbers > self.n).then(|| "numbers".to_string())
    }
}

fn unused(column: &str, what: &str, path: &Path) -> Finding {
    let message =
        format!("column `{column}` of {} looks like a label ({what}) and no task uses it", path.display());
    let advice = "a `[[task]]` with this `name` or `column` would learn it from the same rows";
    Finding::new(Severity::Note, "unused_label", message).advice(advice)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Files, is_silent};
    use super::*;

    const SETTINGS: &str = "[[task]]\nname = 'topic'\nkind = 'classification'\n\
                            [data]\ntrain = 'train.csv'\nvalidation = 'validation.csv'\n";

    fn check(text: fn(usize) -> String, more: &str, cell: fn(usize) -> String) -> (Files, Report) {
        let row = |i: usize| format!("{},{},{}\n", text(i), ["x", "y"][i % 2], cell(i));
        let head = format!("text,topic,{more}\n");
        let rows = |from: usize, to: usize| (from..to).map(row).collect::<String>();
        let files = Files::new(&[
            ("train.csv", &format!("{head}{}", rows(0, 300))),
            ("validation.csv", &format!("{head}{}", rows(300, 310))),
        ]);
        let report = files.check(SETTINGS);
        (files, report)
    }

    #[test]
    fn a_column_that_looks_like_a_label_is_a_note() {
        let text = |i: usize| format!("some words {i}");
        let (files, report) = check(text, "mood", |i| ["good", "bad", "fair"][i % 3].to_string());
        let found = files.found(&report, "unused_label");
        assert!(
            found.message.contains("`mood`") && found.message.contains("(3 different values)"),
            "{found:?}"
        );
        let (files, report) = check(text, "score", |i| format!("0.{}", i + 1000));
        assert!(files.found(&report, "unused_label").message.contains("(numbers)"));
        let (_files, report) = check(text, "id", |i| i.to_string());
        assert!(is_silent(&report, "unused_label") && is_silent(&report, "text_is_id"));
    }

    #[test]
    fn texts_that_look_like_ids_are_a_warning() {
        let (files, report) = check(|i| format!("movie-{i}"), "more", |_| String::new());
        let found = files.found(&report, "text_is_id");
        assert_eq!(found.message, "100 % of the texts look like ids, as \"movie-0\"");
        assert_eq!(found.severity, Severity::Warning);
    }
}
