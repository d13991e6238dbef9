//! What was trained on: labelled rows of each split, texts that were cut, labels with their counts.

use std::collections::BTreeMap;

use maud::{Markup, html};
use serde_json::Value;

use crate::data::Dataset;
use crate::model::Head;
use crate::report::View;
use crate::report::numbers::{count, counted, decimal};
use crate::report::page::{bar, plain, table};

/// Labels of a task that are shown, the most frequent ones.
const SHOWN: usize = 30;

/// The rows of the run.
pub(super) fn section(view: &View<'_>) -> Option<Markup> {
    let run = view.run;
    let mut splits = vec![("training", &run.data.train), ("validation", &run.data.validation)];
    splits.extend(run.tested.map(|tested| ("test", &tested.data)));
    let mut header = vec!["labelled rows"];
    header.extend(splits.iter().map(|(name, _)| *name));
    let mut rows = vec![
        ["all rows".to_string()].into_iter().chain(splits.iter().map(|(_, d)| count(d.len()))).collect(),
    ];
    for (i, head) in run.model.heads().iter().enumerate() {
        let labelled = splits.iter().map(|(_, data)| count(data.targets(i).n_present()));
        rows.push([head.name().to_string()].into_iter().chain(labelled).collect());
    }
    Some(html! {
        (table(&header, &rows))
        (cut(view))
        div.columns {
            @for (i, head) in run.model.heads().iter().enumerate() { (labels(head, i, &splits)) }
        }
    })
}

fn cut(view: &View<'_>) -> Markup {
    let run = view.run;
    let (n, all) = (run.report.n_truncated, run.report.n_train + run.report.n_validation);
    let tested = run.tested.map(|tested| (tested.evaluated.n_truncated, tested.data.len()));
    html! {
        p {
            "Texts that were cut: " (count(n)) " of " (counted(all, "text", "texts")) " of training and validation"
            @if let Some((n, all)) = tested { ", " (count(n)) " of " (count(all)) " of test" }
            "."
        }
    }
}

/// What the labels of a task are, and how often each is there.
fn labels(head: &Head, task: usize, splits: &[(&str, &Dataset)]) -> Markup {
    let found: Vec<Found> = splits.iter().map(|(_, data)| Found::of(head, task, data)).collect();
    html! {
        @if !head.task.labels().is_empty() { (counts(head, splits, &found)) }
        @else if found.iter().any(|found| !found.numbers.is_empty()) { (numbers(head, splits, &found)) }
    }
}

/// What the labels of a split say.
#[derive(Default)]
struct Found {
    names: BTreeMap<String, usize>,
    numbers: Vec<f64>,
}

impl Found {
    fn of(head: &Head, task: usize, data: &Dataset) -> Self {
        let mut found = Self::default();
        for target in data.targets(task).iter().flatten() {
            found.add(head.task.label(target));
        }
        found
    }

    fn add(&mut self, label: Value) {
        match label {
            Value::String(name) => *self.names.entry(name).or_default() += 1,
            Value::Number(number) => self.numbers.extend(number.as_f64()),
            Value::Array(labels) => labels.into_iter().for_each(|label| self.add(label)),
            _ => {}
        }
    }

    fn count(&self, name: &str) -> usize {
        self.names.get(name).copied().unwrap_or_default()
    }
}

fn counts(head: &Head, splits: &[(&str, &Dataset)], found: &[Found]) -> Markup {
    let train = &found[0];
    let mut labels: Vec<&String> = head.task.labels().iter().collect();
    let n = labels.len();
    if n > SHOWN {
        labels.sort_by_key(|label| std::cmp::Reverse(train.count(label)));
        labels.truncate(SHOWN);
    }
    let most = labels.iter().map(|label| train.count(label)).max().unwrap_or(0).max(1);
    html! {
        div.card {
            h3 { "Labels of " bdi { (plain(head.name())) } }
            div.scroll { table {
                thead { tr { th scope="col" { "label" } @for (name, _) in splits { th scope="col" { (name) } } th aria-label="share" {} } }
                tbody { @for label in &labels { tr {
                    th scope="row" { bdi { (plain(label)) } }
                    @for found in found { td { (count(found.count(label))) } }
                    td.bars { (bar(train.count(label) as f64 / most as f64)) }
                } } }
            } }
            @if n > SHOWN { p.note { "The " (SHOWN) " most frequent of " (count(n)) " labels." } }
        }
    }
}

fn numbers(head: &Head, splits: &[(&str, &Dataset)], found: &[Found]) -> Markup {
    let row = |((name, _), found): (&(&str, &Dataset), &Found)| {
        let numbers = &found.numbers;
        let n = numbers.len() as f64;
        let mean = numbers.iter().sum::<f64>() / n;
        let sd = (numbers.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n).sqrt();
        let (least, most) = numbers.iter().fold((f64::MAX, f64::MIN), |(a, b), &x| (a.min(x), b.max(x)));
        let shown = [mean, sd, least, most].map(|x| decimal((!numbers.is_empty()).then_some(x)));
        [name.to_string()].into_iter().chain(shown).collect()
    };
    let rows: Vec<Vec<String>> = splits.iter().zip(found).map(row).collect();
    html! {
        div.card {
            h3 { "Numbers of " bdi { (plain(head.name())) } }
            (table(&["rows", "mean", "deviation", "least", "most"], &rows))
        }
    }
}
