//! Predicted against true numbers, and how far they are apart.

use maud::{Markup, html};
use serde_json::Value;

use crate::model::Head;
use crate::report::chart::{Axis, Bar, Chart, Series, Style};
use crate::report::numbers::{counted, decimal};
use crate::report::rows::{Split, evenly};
use crate::task::Answer;

/// Points of a chart at most.
const POINTS: usize = 1500;
/// Numbers of an answer that have charts of their own at most.
const OUTPUTS: usize = 4;
/// Bars of the errors.
const BINS: usize = 24;

/// The charts of tasks that answer numbers: true and predicted, and predicted less true.
pub(super) fn part(_head: &Head, split: &Split<'_>) -> Option<Markup> {
    let pairs: Vec<Vec<(f64, f64)>> =
        split.rows.iter().filter_map(|row| numbers(row.answer.as_ref()?, &row.truth)).collect();
    let width = pairs.first()?.len();
    let column = |output: usize| -> Vec<(f64, f64)> {
        pairs.iter().filter_map(|row| row.get(output).copied()).collect()
    };
    let titled = |what: &str, output: usize| match width {
        1 => what.to_string(),
        _ => format!("{what}, number {}", output + 1),
    };
    let shown = pairs.len().min(POINTS);
    Some(html! {
        h3 { "Predicted against true" }
        div.charts {
            @for output in 0..width.min(OUTPUTS) {
                @let pairs = column(output);
                (scatter(&titled("True and predicted", output), &pairs).figure())
                (residuals(&titled("Predicted less true", output), &pairs).figure())
            }
        }
        p.note {
            "Dots on the dashed line are right."
            @if shown < pairs.len() { " " (shown) " of " (pairs.len()) " dots are drawn, evenly chosen." }
            @if width > OUTPUTS { " The first " (OUTPUTS) " of " (width) " numbers are drawn." }
            @if let Some(sampled) = split.sampled() { " " (sampled) }
        }
    })
}

/// Each true number with the answered one.
fn numbers(answer: &Answer, truth: &Value) -> Option<Vec<(f64, f64)>> {
    match (answer, truth) {
        (Answer::Score(score) | Answer::Similarity { score, .. }, truth) => {
            Some(vec![(truth.as_f64()?, f64::from(*score))])
        }
        (Answer::Scores(scores), Value::Array(truth)) => truth
            .iter()
            .zip(scores)
            .map(|(truth, score)| Some((truth.as_f64()?, f64::from(*score))))
            .collect(),
        _ => None,
    }
}

fn scatter<'a>(title: &'a str, pairs: &[(f64, f64)]) -> Chart<'a> {
    let all = || pairs.iter().flat_map(|(truth, predicted)| [*truth, *predicted]);
    let (x, y) = (Axis::of("true", all()), Axis::of("predicted", all()));
    let (from, to) = x.ends();
    let mut chart = Chart::new(title, x, y);
    let points = evenly(pairs.len(), POINTS).map(|i| (pairs[i].0, Some(pairs[i].1))).collect();
    chart.series = vec![
        Series::new("", 0, Style::Dots, points),
        Series::new("", 0, Style::Guide, vec![(from, Some(from)), (to, Some(to))]),
    ];
    chart
}

/// How many rows have an error of each size.
fn residuals<'a>(title: &'a str, pairs: &[(f64, f64)]) -> Chart<'a> {
    let errors: Vec<f64> = pairs.iter().map(|(truth, predicted)| predicted - truth).collect();
    let most = errors.iter().fold(0.0f64, |most, error| most.max(error.abs()));
    let reach = if most > 0.0 { most } else { 1.0 };
    let width = 2.0 * reach / BINS as f64;
    let mut bins = [0usize; BINS];
    errors.iter().for_each(|error| bins[(((error + reach) / width) as usize).min(BINS - 1)] += 1);
    let y = Axis::of("rows", bins.iter().map(|&n| n as f64).chain([0.0]));
    let mut chart = Chart::new(title, Axis::of("error", [-reach, reach]), y);
    for (i, &n) in bins.iter().enumerate().filter(|(_, n)| **n > 0) {
        let from = -reach + i as f64 * width;
        let (rows, to) = (counted(n, "row", "rows"), from + width);
        let says = format!("{rows} from {} to {}", decimal(Some(from)), decimal(Some(to)));
        chart.bars.push(Bar { x: (from, to), height: n as f64, says });
    }
    chart.mark = Some((0.0, "right"));
    chart
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_stand_beside_those_that_were_answered() {
        assert_eq!(numbers(&Answer::Score(0.5), &json!(1.0)), Some(vec![(1.0, 0.5)]));
        assert_eq!(
            numbers(&Answer::Scores(vec![0.5, 2.0]), &json!([1.0, 3.0])),
            Some(vec![(1.0, 0.5), (3.0, 2.0)])
        );
        assert_eq!(numbers(&Answer::Score(0.5), &json!("x")), None);
    }

    #[test]
    fn every_error_is_in_a_bar() {
        let pairs = [(0.0, 1.0), (0.0, -1.0), (0.0, 0.0), (2.0, 2.0)];
        assert_eq!(residuals("", &pairs).bars.iter().map(|bar| bar.height).sum::<f64>(), 4.0);
        assert_eq!(residuals("", &[(1.0, 1.0)]).bars.len(), 1);
    }
}
