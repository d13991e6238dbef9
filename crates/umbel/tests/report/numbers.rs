//! The numbers of a page are those of `metrics.jsonl` and `test.json`.

use serde_json::Value;
use umbel::report::numbers::{count, decimal, metric_name};

use crate::html::rows;
use crate::project::{FOUR, LABELS, Project};

/// The row whose first cell is that.
fn row(rows: &[Vec<String>], first: &str) -> Vec<String> {
    let found = rows.iter().find(|row| row[0] == first);
    found.unwrap_or_else(|| panic!("no row `{first}` in {rows:?}")).clone()
}

fn number(value: &Value) -> String {
    decimal(value.as_f64())
}

#[test]
fn metrics_and_losses_are_those_of_the_best_epoch_and_of_the_test() {
    let project = Project::new(FOUR, LABELS.len(), &["train.epochs=3"]);
    let page = project.page();
    let epochs = project.events("model", "epoch");
    let best = epochs.iter().rfind(|epoch| epoch["best"] == true).unwrap();
    let test: Value = serde_json::from_str(&project.read("model/training/test.json")).unwrap();
    let results = rows(&page, "results");
    for (i, name) in ["kind", "many", "stars", "xy"].into_iter().enumerate() {
        let (train, validation, test) = (&best["train"][i], &best["validation"][i], &test[i]);
        let metric = metric_name(validation["main_metric"].as_str().unwrap());
        let expected = [
            name.to_string(),
            metric,
            number(&train["main"]),
            number(&validation["main"]),
            number(&test["main"]),
            number(&best["losses"][i]["loss"]),
            number(&validation["loss"]),
            number(&test["loss"]),
        ];
        assert_eq!(row(&results, name), expected);
        let table = rows(&page, &format!("task-{}", i + 1));
        for (metric, value) in validation["metrics"].as_object().unwrap() {
            if value.is_f64() {
                let expected = [metric_name(metric), number(value), number(&test["metrics"][metric])];
                assert_eq!(row(&table, &metric_name(metric)), expected);
            }
        }
        assert_eq!(row(&table, "labelled rows")[1], count(validation["n"].as_u64().unwrap() as usize));
    }
}

#[test]
fn the_confusion_matrix_has_the_rows_of_each_true_and_answered_label() {
    let project = Project::new(FOUR, LABELS.len(), &[]);
    let page = project.page();
    let epochs = project.events("model", "epoch");
    let best = epochs.iter().rfind(|epoch| epoch["best"] == true).unwrap();
    let confusion = best["validation"][2]["metrics"]["confusion"].as_array().unwrap();
    let table = rows(&page, "task-3");
    let start = table.iter().position(|row| row.get(1).is_some_and(|cell| cell == "answered")).unwrap() + 2;
    for (line, found) in confusion.iter().zip(&table[start..]) {
        let cells: Vec<usize> =
            line.as_array().unwrap().iter().map(|n| n.as_u64().unwrap() as usize).collect();
        let shown = |n: &usize| if *n == 0 { "·".to_string() } else { count(*n) };
        let expected: Vec<String> = cells.iter().map(shown).chain([count(cells.iter().sum())]).collect();
        assert_eq!(found[1..], expected);
    }
}

#[test]
fn the_calibration_error_below_the_diagram_is_the_metric() {
    let project = Project::new(FOUR, LABELS.len(), &[]);
    let page = project.page();
    let epochs = project.events("model", "epoch");
    let best = epochs.iter().rfind(|epoch| epoch["best"] == true).unwrap();
    let ece = number(&best["validation"][0]["metrics"]["ece"]);
    assert!(page.contains(&format!("Expected calibration error: {ece}.")), "{ece}");
}

#[test]
fn cosines_are_the_means_of_the_steps() {
    let project = Project::new(FOUR, LABELS.len(), &[]);
    let page = project.page();
    let table = rows(&page, "gradients");
    let mut cosines = Vec::new();
    for step in project.events("model", "step") {
        let tasks: Vec<&str> =
            step["shared"]["tasks"].as_array().unwrap().iter().map(|t| t.as_str().unwrap()).collect();
        if tasks[..2] == ["kind", "many"] {
            cosines.extend(step["shared"]["cosines"][0].as_f64());
        }
    }
    let mean = cosines.iter().sum::<f64>() / cosines.len() as f64;
    let opposed = cosines.iter().filter(|cosine| **cosine < 0.0).count();
    let percent = format!("{:.0} %", 100.0 * opposed as f64 / cosines.len() as f64);
    let expected = ["kind and many".to_string(), decimal(Some(mean)), percent, count(cosines.len())];
    assert_eq!(row(&table, "kind and many"), expected);
}
