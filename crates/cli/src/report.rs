//! Scores as tables.

use serde_json::Value;
use umbel::evaluate::TaskScores;
use umbel::train::EpochReport;

pub(crate) use umbel::report::numbers::metric_name;

use crate::numbers::{count, counted, decimal};
use crate::tables::Align::{Left, Right};
use crate::tables::{row, table};

/// Classes of which each is shown on its own.
const SHOWN_CLASSES: usize = 12;

/// An epoch's tasks: training and validation side by side, and what there is to say about them.
pub(crate) fn epoch(epoch: &EpochReport) -> String {
    let header = ["task", "metric", "train", "validation", "train loss", "val. loss", "share of loss"];
    let mut rows = vec![row(&header)];
    for ((train, validation), loss) in epoch.train.iter().zip(&epoch.validation).zip(&epoch.losses) {
        let known = |scores: &TaskScores, number: f64| decimal((scores.n > 0).then_some(number));
        rows.push(vec![
            train.task.clone(),
            metric_name(&validation.main_metric),
            known(train, train.main),
            known(validation, validation.main),
            decimal(loss.loss),
            known(validation, validation.loss),
            format!("{:.0} %", loss.share * 100.0),
        ]);
    }
    let findings = epoch.findings.iter().map(|finding| format!("  note: {}\n", finding.sentence));
    table(&[Left, Left, Right], &rows) + &findings.collect::<String>()
}

/// All metrics of a task; `labels` are its classes, if it has such.
pub(crate) fn full(scores: &TaskScores, labels: &[String]) -> String {
    if scores.n == 0 {
        return format!("{}: no row has a label\n", scores.task);
    }
    let title = format!("{} ({})\n\n", scores.task, counted(scores.n, "row", "rows"));
    let classes = match scores.metrics.get("per_class").and_then(Value::as_array) {
        Some(classes) if classes.len() > SHOWN_CLASSES => {
            format!("\n  {} labels; `--json` shows each of them\n", classes.len())
        }
        Some(classes) => format!("\n{}\n{}", per_class(classes, labels), confusion(scores, labels)),
        None if scores.metrics.contains_key("confusion") && labels.len() <= SHOWN_CLASSES => {
            format!("\n{}", confusion(scores, labels))
        }
        None => String::new(),
    };
    title + &numbers(scores) + &classes
}

/// The single numbers: their names above them.
fn numbers(scores: &TaskScores) -> String {
    let single = |(_, value): &(&String, &Value)| value.is_f64() || value.is_null();
    let singles: Vec<(&String, &Value)> = scores.metrics.iter().filter(single).collect();
    let names = singles.iter().map(|(name, _)| metric_name(name)).chain(["loss".to_string()]);
    let values = singles.iter().map(|(_, value)| decimal(value.as_f64())).chain([decimal(Some(scores.loss))]);
    table(&[Right], &[names.collect(), values.collect()])
}

fn per_class(classes: &[Value], labels: &[String]) -> String {
    let mut rows = vec![row(&["label", "precision", "recall", "F1", "rows"])];
    for (class, label) in classes.iter().zip(labels) {
        let number = |key: &str| decimal(class[key].as_f64());
        let support = class["support"].as_u64().unwrap_or_default() as usize;
        rows.push(vec![label.clone(), number("precision"), number("recall"), number("f1"), count(support)]);
    }
    table(&[Left, Right], &rows)
}

/// How many rows of each label (a line) were given each label (a column).
fn confusion(scores: &TaskScores, labels: &[String]) -> String {
    let Some(lines) = scores.metrics.get("confusion").and_then(Value::as_array) else { return String::new() };
    let numbers = (1..=labels.len()).map(|number| number.to_string());
    let mut rows = vec![row(&["", "true \\ predicted"])];
    rows[0].extend(numbers);
    for (class, (line, label)) in lines.iter().zip(labels).enumerate() {
        let cells = line.as_array().into_iter().flatten().map(|cell| match cell.as_u64() {
            Some(0) => "·".to_string(),
            n => count(n.unwrap_or_default() as usize),
        });
        rows.push([(class + 1).to_string(), label.clone()].into_iter().chain(cells).collect());
    }
    table(&[Right, Left, Right], &rows)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn scores(n: usize, metrics: Value) -> TaskScores {
        let metrics = metrics.as_object().unwrap().clone();
        TaskScores { task: "mood".into(), n, loss: 0.25, main_metric: "pearson".into(), main: 0.5, metrics }
    }

    #[test]
    fn numbers_stand_under_their_names() {
        let found = full(&scores(2, json!({"n": 2, "mse": 0.5, "pearson": null})), &[]);
        assert_eq!(found, "mood (2 rows)\n\n     MSE  Pearson    loss\n  0.5000        –  0.2500\n");
        assert_eq!(full(&scores(0, json!({})), &[]), "mood: no row has a label\n");
    }

    #[test]
    fn classes_have_lines_and_a_confusion_matrix() {
        let class = json!({"precision": 1.0, "recall": 0.5, "f1": 0.6667, "support": 2});
        let metrics = json!({"accuracy": 0.5, "per_class": [class, class], "confusion": [[1, 1], [0, 2]]});
        let found = full(&scores(4, metrics), &["no".into(), "yes".into()]);
        assert!(
            found.contains("  label  precision  recall      F1  rows\n  no        1.0000  0.5000"),
            "{found}"
        );
        assert!(found.ends_with("  1  no                1  1\n  2  yes               ·  2\n"), "{found}");
    }
}
