//! How good each task is, on one screen.

use maud::{Markup, html};

use crate::evaluate::TaskScores;
use crate::report::View;
use crate::report::numbers::{count, decimal, metric_name};
use crate::report::page::table;

/// Each task's main metric and loss at the best epoch.
pub(super) fn section(view: &View<'_>) -> Option<Markup> {
    let best = view.run.best()?;
    let tested = view.run.tested.map(|tested| &tested.evaluated.tasks);
    let mut header = vec!["task", "metric", "training", "validation"];
    header.extend(tested.map(|_| "test"));
    header.extend(["training loss", "validation loss"]);
    header.extend(tested.map(|_| "test loss"));
    let row = |i: usize| {
        let (train, validation) = (&best.train[i], &best.validation[i]);
        let test = tested.and_then(|tasks| tasks.get(i));
        let known = |scores: &TaskScores, number: f64| decimal((scores.n > 0).then_some(number));
        let mut row = vec![train.task.clone(), metric_name(&train.main_metric)];
        row.extend([known(train, train.main), known(validation, validation.main)]);
        row.extend(test.map(|test| known(test, test.main)));
        row.extend([decimal(best.losses[i].loss), known(validation, validation.loss)]);
        row.extend(test.map(|test| known(test, test.loss)));
        row
    };
    let rows: Vec<Vec<String>> = (0..best.train.len()).map(row).collect();
    let (epoch, n) = (best.epoch, view.run.epochs.len());
    Some(html! {
        (table(&header, &rows))
        p.note { "Epoch " (epoch) " of " (n) ", whose weights the model has. The training numbers come from the passes that \
            trained that epoch, with dropout; the others from the model after it." }
    })
}

/// Each task's main metric and loss on the rows of an evaluation.
pub(super) fn evaluated(tasks: &[TaskScores]) -> Markup {
    let row = |scores: &TaskScores| {
        let known = |number: f64| decimal((scores.n > 0).then_some(number));
        let metric = metric_name(&scores.main_metric);
        vec![scores.task.clone(), metric, known(scores.main), known(scores.loss), count(scores.n)]
    };
    let rows: Vec<Vec<String>> = tasks.iter().map(row).collect();
    table(&["task", "metric", "value", "loss", "labelled rows"], &rows)
}
