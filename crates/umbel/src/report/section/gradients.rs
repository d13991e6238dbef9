//! Whether the tasks pull the shared encoder in the same direction, and how hard.

use maud::{Markup, html};

use crate::report::View;
use crate::report::chart::{Axis, Chart, Series, Style};
use crate::report::history::{Mean, Pair, Span, smoothed};
use crate::report::numbers::{count, decimal};
use crate::report::page::{plain, table};

/// Pairs that are drawn, those that oppose each other most; the table has more.
const DRAWN: usize = 6;
const LISTED: usize = 40;
/// The least end of the axis of cosines, so that noise around 0 looks like what it is.
const LEAST_REACH: f64 = 0.2;

/// Cosines of pairs, lengths of gradients and coefficients; none of one task, which has nobody to disagree with.
pub(super) fn section(view: &View<'_>) -> Option<Markup> {
    if view.tasks.len() < 2 {
        return None;
    }
    let mut pairs: Vec<(usize, &Pair)> =
        view.history.pairs.iter().enumerate().filter(|(_, pair)| pair.n_steps() > 0).collect();
    let cosine = |pair: &Pair| pair.cosine.value().unwrap_or(0.0);
    pairs.sort_by(|(_, a), (_, b)| cosine(a).total_cmp(&cosine(b)));
    let known = |of: fn(&Span) -> &Vec<Mean>| {
        view.history.spans.iter().flat_map(of).any(|mean| mean.value().is_some())
    };
    let mut coefficients =
        view.history.spans.iter().flat_map(|span| &span.coefficients).filter_map(Mean::value);
    let first = coefficients.next();
    let changes = coefficients.any(|coefficient| Some(coefficient) != first);
    Some(html! {
        @if pairs.is_empty() {
            p { "No step had the gradients of two tasks by the shared embedding: the tasks have passes of their own, or no row of \
                a step has labels of two." }
        } @else {
            p { (verdict(view, &pairs)) }
        }
        div.charts {
            @if !pairs.is_empty() { (cosines(view, &pairs).figure()) }
            @if known(|span| &span.norms) {
                (each(view, "Length of each task's gradient, smoothed", "norm", |span| &span.norms).figure())
                @if changes { (each(view, "What the weighting multiplied it by, smoothed", "coefficient", |span| &span.coefficients).figure()) }
            }
        }
        @if !pairs.is_empty() { (listed(view, &pairs)) }
        @if pairs.len() > LISTED { p.note { "The " (LISTED) " pairs of the lowest cosines, of " (count(pairs.len())) "." } }
    })
}

fn names(view: &View<'_>, pair: &Pair) -> String {
    let name = |task: usize| plain(view.tasks[task].head.name());
    format!("{} and {}", name(pair.tasks.0), name(pair.tasks.1))
}

/// The pair that disagrees most, in a sentence.
fn verdict(view: &View<'_>, pairs: &[(usize, &Pair)]) -> String {
    let (_, pair) = pairs[0];
    let percent = 100.0 * pair.n_opposed as f64 / pair.n_steps() as f64;
    let cosine = (pair.cosine.value().unwrap_or(0.0) * 100.0).round() / 100.0 + 0.0; // No `-0.00`.
    let judged = match cosine {
        c if c < -0.1 => "they pull the encoder in different directions",
        c if c > 0.1 => "they help each other",
        _ => "they hardly touch each other",
    };
    let which = if pairs.len() > 1 { "The pair that agrees least is " } else { "" };
    let names = names(view, pair);
    format!("{which}{names}: a mean cosine of {cosine:.2}, below 0 in {percent:.0} % of steps; {judged}.")
}

fn cosines<'a>(view: &View<'_>, pairs: &[(usize, &Pair)]) -> Chart<'a> {
    let (from, to) = view.history.ends();
    let mut lines = vec![Series::new("", 0, Style::Guide, vec![(from, Some(0.0)), (to, Some(0.0))])];
    let mut reach = LEAST_REACH;
    for (colour, (place, pair)) in pairs.iter().take(DRAWN).enumerate() {
        let points = view.history.course(|span| span.cosines[*place]);
        let smooth = smoothed(&points);
        let drawn = if pairs.len() == 1 { &points } else { &smooth };
        reach = drawn.iter().filter_map(|(_, y)| *y).fold(reach, |reach, y| reach.max(y.abs()));
        if pairs.len() == 1 {
            lines.push(Series::new("as it was", colour, Style::Faint, points));
            lines.push(Series::new("smoothed", colour, Style::Smooth, smooth));
        } else {
            lines.push(Series::new(names(view, pair), colour, Style::Smooth, smooth));
        }
    }
    let title = "Cosine between two tasks' gradients";
    let y = Axis::of("cosine", [-reach, reach]);
    let mut chart = Chart::new(title, Axis::counts("step", from, to), y);
    chart.series = lines;
    chart
}

fn each<'a>(
    view: &View<'_>,
    title: &'a str,
    unit: &'static str,
    of: impl Fn(&Span) -> &Vec<Mean>,
) -> Chart<'a> {
    let tasks = view.tasks.iter().enumerate();
    let lines: Vec<_> =
        tasks.map(|(i, task)| (i, task, smoothed(&view.history.course(|span| of(span)[i])))).collect();
    let values = lines.iter().flat_map(|(.., points)| points).filter_map(|(_, y)| *y);
    let (from, to) = view.history.ends();
    let mut chart = Chart::new(title, Axis::counts("step", from, to), Axis::of_sizes(unit, values));
    chart.series = lines
        .into_iter()
        .map(|(i, task, points)| Series::new(task.head.name(), i, Style::Smooth, points))
        .collect();
    chart
}

fn listed(view: &View<'_>, pairs: &[(usize, &Pair)]) -> Markup {
    let row = |(_, pair): &(usize, &Pair)| {
        let opposed = 100.0 * pair.n_opposed as f64 / pair.n_steps() as f64;
        let cosine = decimal(pair.cosine.value());
        vec![names(view, pair), cosine, format!("{opposed:.0} %"), count(pair.n_steps())]
    };
    let rows: Vec<Vec<String>> = pairs.iter().take(LISTED).map(row).collect();
    table(&["tasks", "mean cosine", "steps below 0", "steps with both"], &rows)
}
