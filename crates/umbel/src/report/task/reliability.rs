//! Whether the probabilities of answers are what they say.

use maud::{Markup, html};

use crate::metric::Reliability;
use crate::model::Head;
use crate::report::chart::{Axis, Bar, Chart, Series, Style};
use crate::report::numbers::{counted, decimal};
use crate::report::rows::Split;

/// The colour of what was before calibration.
const BEFORE: usize = 7;

/// The diagram of tasks whose answers have probabilities.
pub(super) fn part(head: &Head, split: &Split<'_>) -> Option<Markup> {
    let reliability = split.reliability.as_ref()?;
    let answers: usize = reliability.bins.iter().map(|bin| bin.n).sum();
    Some(html! {
        h3 { "Reliability" }
        div.charts { (diagram(split, reliability).figure()) (counts(reliability).figure()) }
        p.note {
            "Of " (counted(answers, "answer", "answers")) ", those of like probability together. "
            "Bars up to the dashed line are right as often as they say; shorter ones are too sure. Expected calibration error: "
            (decimal(Some(reliability.ece))) "."
            @if let Some(before) = &split.uncalibrated {
                " Before calibration (the dots): " (decimal(Some(before.ece))) "."
                @if let Some(calibration) = head.task.boxed().calibration_mut() {
                    " The temperature is " (decimal(Some(f64::from(calibration.temperature)))) "."
                }
            }
        }
    })
}

fn diagram<'a>(split: &Split<'_>, reliability: &Reliability) -> Chart<'a> {
    let mut chart =
        Chart::new("How often it is right", Axis::percent("probability it gave"), Axis::percent("right"));
    for bin in &reliability.bins {
        let (n, sure, right) = (counted(bin.n, "answer", "answers"), bin.confidence, bin.accuracy);
        let says = format!("{n}, {:.0} % sure on average, {:.0} % right", sure * 100.0, right * 100.0);
        chart.bars.push(Bar { x: bin.bounds(), height: right, says });
    }
    let diagonal = vec![(0.0, Some(0.0)), (1.0, Some(1.0))];
    chart.series.push(Series::new("", 0, Style::Guide, diagonal));
    if let Some(before) = &split.uncalibrated {
        let points = before.bins.iter().map(|bin| (bin.confidence, Some(bin.accuracy))).collect();
        chart.series.push(Series::new("", BEFORE, Style::Dots, points));
    }
    chart
}

fn counts<'a>(reliability: &Reliability) -> Chart<'a> {
    let heights = reliability.bins.iter().map(|bin| bin.n as f64);
    let y = Axis::of("answers", heights.chain([0.0]));
    let mut chart = Chart::new("How sure it is", Axis::percent("probability it gave"), y);
    for bin in &reliability.bins {
        let says = counted(bin.n, "answer", "answers");
        chart.bars.push(Bar { x: bin.bounds(), height: bin.n as f64, says });
    }
    chart
}
