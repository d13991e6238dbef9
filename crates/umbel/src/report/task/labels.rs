//! Precision, recall and F1 of each label.

use maud::{Markup, html};
use serde_json::Value;

use crate::model::Head;
use crate::report::numbers::{count, decimal};
use crate::report::page::{bar, plain};
use crate::report::rows::Split;

/// Labels that are shown in their own order; of more, the weakest are shown and the others can be unfolded.
const SHOWN: usize = 20;

/// The labels of tasks whose metrics have each of them: a list of precisions and recalls.
pub(super) fn part(head: &Head, split: &Split<'_>) -> Option<Markup> {
    let is_label =
        |value: &Value| ["precision", "recall", "f1", "support"].iter().all(|key| value.get(key).is_some());
    let mut lists = split.scores.metrics.values().filter_map(Value::as_array);
    let classes = lists.find(|list| !list.is_empty() && list.iter().all(is_label))?;
    let named = |class: &Value| -> Option<String> {
        let by_number = || head.task.labels().get(class["class"].as_u64()? as usize).cloned();
        class["label"].as_str().map(String::from).or_else(by_number)
    };
    let names: Vec<String> = classes.iter().map(named).collect::<Option<_>>()?;
    let mut lines: Vec<(&String, &Value)> = names.iter().zip(classes).collect();
    if lines.len() <= SHOWN {
        return Some(html! { h3 { "Labels" } (table(&lines)) });
    }
    let f1 = |class: &Value| class["f1"].as_f64().unwrap_or_default();
    lines.sort_by(|(_, a), (_, b)| f1(a).total_cmp(&f1(b)));
    let (weakest, others) = lines.split_at(SHOWN);
    Some(html! {
        h3 { "Labels" }
        p.note { "The " (SHOWN) " of the lowest F1, of " (count(names.len())) "." }
        (table(weakest))
        details { summary { "The other " (count(others.len())) " labels" } (table(others)) }
    })
}

fn table(lines: &[(&String, &Value)]) -> Markup {
    html! {
        div.scroll { table {
            thead { tr { @for name in ["label", "precision", "recall", "F1", "", "rows"] { th scope="col" { (name) } } } }
            tbody { @for (label, class) in lines { tr {
                th scope="row" { bdi { (plain(label)) } }
                @for key in ["precision", "recall", "f1"] { td { (decimal(class[key].as_f64())) } }
                td.bars { (bar(class["f1"].as_f64().unwrap_or_default())) }
                td { (count(class["support"].as_u64().unwrap_or_default() as usize)) }
            } } }
        } }
    }
}
