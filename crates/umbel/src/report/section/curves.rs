//! Each task's loss and main metric over the epochs, training and validation side by side.

use maud::{Markup, html};

use crate::evaluate::TaskScores;
use crate::report::View;
use crate::report::chart::{Axis, Chart, Series, Style};
use crate::report::numbers::metric_name;
use crate::report::page::plain;
use crate::train::EpochReport;

/// The colours of both curves.
const VALIDATION: usize = 0;
const TRAINING: usize = 7;

/// Two charts a task.
pub(super) fn section(view: &View<'_>) -> Option<Markup> {
    let epochs = view.run.epochs;
    let best = view.run.best()?;
    Some(html! {
        div.charts {
            @for i in 0..best.train.len() {
                @let name = &best.train[i].task;
                @let metric = metric_name(&best.train[i].main_metric);
                (chart(&format!("Loss of {}", plain(name)), "loss", epochs, best, |epoch| {
                    (epoch.losses[i].loss, known(&epoch.validation[i], |scores| scores.loss))
                }))
                (chart(&format!("{} of {}", capital(&metric), plain(name)), "metric", epochs, best, |epoch| {
                    let main = |scores: &TaskScores| scores.main;
                    (known(&epoch.train[i], main), known(&epoch.validation[i], main))
                }))
            }
        }
        p.note { "Validation is measured after each epoch; training numbers come from the passes that trained it, with dropout \
            and with the weights as they were then, so that they lag behind in the first epochs." }
    })
}

fn known(scores: &TaskScores, number: impl Fn(&TaskScores) -> f64) -> Option<f64> {
    (scores.n > 0).then(|| number(scores))
}

fn capital(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn chart(
    title: &str,
    unit: &'static str,
    epochs: &[EpochReport],
    best: &EpochReport,
    of: impl Fn(&EpochReport) -> (Option<f64>, Option<f64>),
) -> Markup {
    let at = |epoch: &EpochReport| epoch.epoch as f64;
    let train: Vec<_> = epochs.iter().map(|epoch| (at(epoch), of(epoch).0)).collect();
    let validation: Vec<_> = epochs.iter().map(|epoch| (at(epoch), of(epoch).1)).collect();
    let values = train.iter().chain(&validation).filter_map(|(_, y)| *y);
    let y = if unit == "loss" { Axis::of_sizes(unit, values) } else { Axis::of(unit, values) };
    let mut chart = Chart::new(title, Axis::counts("epoch", 1.0, epochs.len() as f64), y);
    let lines = [("training", TRAINING, train), ("validation", VALIDATION, validation)];
    for (name, colour, points) in lines {
        if points.iter().any(|(_, y)| y.is_some()) {
            chart.series.push(Series::new(name, colour, Style::Line, points));
        }
    }
    chart.mark = Some((at(best), "best"));
    chart.figure()
}
