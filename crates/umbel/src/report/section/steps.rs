//! The run step by step: the loss, each task's own and its share, the learning rate, the length of the gradient.

use maud::{Markup, html};

use crate::report::View;
use crate::report::chart::{Axis, Chart, Series, Style};
use crate::report::history::smoothed;

/// Five charts at most.
pub(super) fn section(view: &View<'_>) -> Option<Markup> {
    let history = &view.history;
    history.spans.first()?;
    Some(html! {
        div.charts {
            (total(view).figure())
            @if view.tasks.len() > 1 { (each(view).figure()) (shares(view).figure()) }
            (learning_rate(view).figure())
            (norm(view).figure())
        }
        @if history.width > 1 { p.note { "Each point is the mean of " (history.width) " steps." } }
    })
}

fn steps(view: &View<'_>) -> Axis {
    let (from, to) = view.history.ends();
    Axis::counts("step", from, to)
}

fn total<'a>(view: &View<'_>) -> Chart<'a> {
    let points = view.history.course(|span| span.loss);
    let y = Axis::of_sizes("loss", points.iter().filter_map(|(_, y)| *y));
    let mut chart = Chart::new("Weighted sum of the losses", steps(view), y);
    let smooth = smoothed(&points);
    chart.series = vec![
        Series::new("as it was", 0, Style::Faint, points),
        Series::new("smoothed", 0, Style::Smooth, smooth),
    ];
    chart
}

fn each<'a>(view: &View<'_>) -> Chart<'a> {
    let tasks = view.tasks.iter().enumerate();
    let lines: Vec<_> =
        tasks.map(|(i, task)| (i, task, smoothed(&view.history.course(|s| s.losses[i])))).collect();
    let values = lines.iter().flat_map(|(.., points)| points).filter_map(|(_, y)| *y);
    let mut chart = Chart::new("Loss of each task, smoothed", steps(view), Axis::of_sizes("loss", values));
    chart.series = lines
        .into_iter()
        .map(|(i, task, points)| Series::new(task.head.name(), i, Style::Smooth, points))
        .collect();
    chart
}

/// Areas on top of one another, the first task's at the bottom.
fn shares<'a>(view: &View<'_>) -> Chart<'a> {
    let mut chart = Chart::new("Share of the loss, smoothed", steps(view), Axis::percent("share"));
    let n = view.history.spans.len();
    let mut below = vec![0.0; n];
    for (i, task) in view.tasks.iter().enumerate() {
        let shares = smoothed(&view.history.course(|span| span.shares[i]));
        let bound = |((x, share), below): (&(f64, Option<f64>), &mut f64)| {
            let lower = *below;
            *below = (lower + share.unwrap_or(0.0)).min(1.0);
            (*x, lower, *below)
        };
        let bounds: Vec<_> = shares.iter().zip(&mut below).map(bound).collect();
        chart.series.push(Series::area(task.head.name(), i, &bounds));
    }
    chart
}

fn learning_rate<'a>(view: &View<'_>) -> Chart<'a> {
    let points = view.history.course(|span| span.learning_rate);
    let y = Axis::of_sizes("rate", points.iter().filter_map(|(_, y)| *y));
    let mut chart = Chart::new("Learning rate", steps(view), y);
    chart.series = vec![Series::new("", 0, Style::Smooth, points)];
    chart
}

/// The gradient of all weights together.
fn norm<'a>(view: &View<'_>) -> Chart<'a> {
    let points = view.history.course(|span| span.grad_norm);
    let values = points.iter().filter_map(|(_, y)| *y);
    let y = Axis::of_sizes("norm", values);
    let mut chart = Chart::new("Length of the whole gradient, before clipping", steps(view), y);
    let smooth = smoothed(&points);
    chart.series = vec![
        Series::new("as it was", 0, Style::Faint, points),
        Series::new("smoothed", 0, Style::Smooth, smooth),
    ];
    let limit = view.run.settings.train.max_grad_norm;
    if limit > 0.0 {
        chart.note = Some(format!("Longer gradients than {limit} were scaled down to it."));
    }
    chart
}
