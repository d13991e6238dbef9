//! All single numbers of a task's metrics, a column for each split.

use maud::{Markup, html};
use serde_json::Value;

use crate::report::numbers::{count, decimal, metric_name};
use crate::report::page;
use crate::report::rows::Split;

/// Names below values, first what stands for the task.
pub(super) fn table(splits: &[Split<'_>]) -> Markup {
    let first = splits[0].scores;
    let single = |(_, value): &(&String, &Value)| value.is_f64() || value.is_null();
    let names = first.metrics.iter().filter(single).map(|(name, _)| name);
    let (main, others): (Vec<&String>, Vec<&String>) = names.partition(|name| **name == first.main_metric);
    let mut header = vec!["metric"];
    header.extend(splits.iter().map(|split| split.name));
    let row = |name: &&String| {
        let values = splits.iter().map(|split| decimal(split.scores.metric(name)));
        [metric_name(name)].into_iter().chain(values).collect()
    };
    let mut rows: Vec<Vec<String>> = main.iter().chain(&others).map(row).collect();
    let losses = splits.iter().map(|split| decimal(Some(split.scores.loss)));
    rows.push(["loss".to_string()].into_iter().chain(losses).collect());
    let labelled = splits.iter().map(|split| count(split.scores.n));
    rows.push(["labelled rows".to_string()].into_iter().chain(labelled).collect());
    html! { h3 { "Metrics" } (page::table(&header, &rows)) }
}
